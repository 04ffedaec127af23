/* libcurl's multi handle on the event loop: many transfers, connections kept. */
#ifndef CURL_LOOP_H
#define CURL_LOOP_H

#include <curl/curl.h>
#include <event2/event.h>

struct curl_loop;

/* Called once when a transfer has ended; the handle is the caller's again and may be freed. */
typedef void curl_loop_done(void *arg, CURL *easy, CURLcode code);

struct curl_loop_limits {
    long each, all; /* connections at once, to one host and in total; 0: any number */
    long kept;      /* connections that stay open to be used again */
};

/* NULL without memory. */
struct curl_loop *curl_loop_new(struct event_base *base, const struct curl_loop_limits *limits);

/* No transfer may be under way. */
void curl_loop_free(struct curl_loop *loop);

/* Starts a transfer. Never calls done from within. Returns 0 or -1. */
int curl_loop_start(struct curl_loop *loop, CURL *easy, curl_loop_done *done, void *arg);

/* Ends a transfer early; done is not called. Does nothing where none is under way. */
void curl_loop_stop(struct curl_loop *loop, CURL *easy);

#endif
