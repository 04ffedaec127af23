/* What every part of approve-server shares: made by `serve`, given to each route's handler as
 * context. */
#ifndef SERVER_H
#define SERVER_H

#include <event2/event.h>

#include "backend/http.h"
#include "backend/store.h"
#include "common/config.h"
#include "common/jwk.h"

struct waiters;      /* held calls by request and by user: waiters.h */
struct keys;         /* parsed keys of hosts and devices: keys.h */
struct push;         /* pushes to phones: push.h */
struct static_files; /* the app's files: static.h */
struct rates;        /* how often each host may ask: rate.h */
struct sweep;        /* ends of requests, and what is too old: sweep.h */

struct server {
    struct event_base *base;
    struct config *config;
    struct store *store;
    struct http_server *http;
    struct waiters *waiters;
    struct keys *keys;
    struct sweep *sweep;
    struct rates *asked;         /* by hosts */
    struct rates *asked_for;     /* by hosts, for each user */
    struct push *push;           /* NULL where [push] enabled is no */
    struct static_files *files;  /* NULL where there are none */
    const char *issuer;          /* the URL without a slash at its end; also the origin of links */
    const char *name;            /* the service's name for people */
    struct jwk *issuer_key;      /* signs ID tokens */
    unsigned char box_key[32];   /* encrypts code secrets in the store */
    const char *certificate_pin; /* base64url SHA-256 of the SubjectPublicKeyInfo where the
                                    certificate is private, else "" */
};

/* server.conf's table, in server_options.c. */
extern const struct config_option server_options[];

/* All routes, in routes.c. */
extern const struct http_route server_routes[];

#endif
