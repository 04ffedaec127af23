/* approve-server's handlers on a store of the target's own, and a phone, a host and an
 * administrator who can sign. */
#ifndef API_WORLD_H
#define API_WORLD_H

#include "backend/http_private.h"
#include "backend/server.h"

#define API_URL "https://approve.example"
#define API_NOW INT64_C(1700000000) /* seconds since 1970, at the start of each input */

struct api {
    struct server server;
    struct jwk *device_key, *other_key, *host_key;
    unsigned char secret[20]; /* of the device's codes */
    int64_t passed_ms;
    unsigned messages;    /* made, for ids of their own */
    char path[64];        /* of the call that is being made */
    char *details;        /* that were made last */
    char auth_req_id[64]; /* that the server gave last */
    char revision[64];
    bool store_fails;
};

extern struct api api;

/* Once: keys, store, routes. */
void api_start(void);

/* One user with a phone, one host, an open request of the past, an invitation, a token to join. */
void api_reset(void);

/* A text with its words in place; a new string. */
char *api_expand(const char *text);

/* From now on the store takes nothing, or takes it again. */
void api_fail_store(bool fails);

/* What must hold in the store, whatever was sent. */
void api_check_store(void);

#endif
