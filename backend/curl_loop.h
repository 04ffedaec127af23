/* libcurl's multi handle on the event loop: many transfers, connections kept. */
#ifndef CURL_LOOP_H
#define CURL_LOOP_H

#include <curl/curl.h>
#include <event2/event.h>

struct curl_loop;

/* Called once when a transfer has ended; the handle is the caller's again and may be freed. */
typedef void curl_loop_done(void *arg, CURL *easy, CURLcode code);

/* NULL without memory. At most `each` connections to one host and `all` in total are open at once.
 */
struct curl_loop *curl_loop_new(struct event_base *base, long each, long all);

/* No transfer may be under way. */
void curl_loop_free(struct curl_loop *loop);

/* Starts a transfer. Never calls done from within. Returns 0 or -1. */
int curl_loop_start(struct curl_loop *loop, CURL *easy, curl_loop_done *done, void *arg);

/* Ends a transfer early; done is not called. */
void curl_loop_stop(struct curl_loop *loop, CURL *easy);

#endif
