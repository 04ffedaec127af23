/*
 * Pushes of the server: a new request to its user's phones, its end to those that still show it,
 * and tests. What a push service answers is recorded with the device, and a login whose phones
 * cannot be reached is told at once (docs/backend-protocol.md, "No phone can be reached").
 */
#ifndef PUSH_H
#define PUSH_H

#include <jansson.h>
#include <stdint.h>

#include "backend/server.h"

#define PUSH_POLLED_MS                                                                             \
    60000 /* a phone that asked for requests within this is reached without a push */

struct push;

/*
 * By [push] of server->config; base, store, waiters and issuer must be there. key: the server's
 * name with push services, private P-256. NULL without memory, or where the key is of another kind.
 */
struct push *push_new(struct server *server, struct jwk *key);
void push_free(
    struct push *push); /* NULL is fine; after the store is closed, whose last callbacks need it */

/* The key that browsers subscribe with, base64url; NULL where [push] enabled is no. */
const char *push_public_key(const struct server *server);

/* Checks a phone's `push` member. The text to store (the caller frees it), or NULL and why. */
char *push_check(const struct server *server, const json_t *push, char *why, size_t why_size);

/*
 * A request that phones see was committed. id: auth_req_id; request, details: as in the details'
 * own id and base64url; ends: milliseconds since 1970. All is copied.
 */
void push_request(struct server *server, const char *id, const char *request, const char *user,
                  const char *details, int64_t ends);

/* A request changed its state; where it is over, notifications of it are closed. */
void push_changed(struct server *server, const char *id);

enum push_test {
    PUSH_TEST_SENT,    /* on its way */
    PUSH_TEST_NONE,    /* no subscription, or no push here */
    PUSH_TEST_LIMITED, /* one in PUSH_TEST_SECONDS only */
    PUSH_TEST_FAILED,  /* the store */
};
#define PUSH_TEST_SECONDS 5

/* A test push to a device. done is called once, never from within. Returns 0, or -1 without memory.
 */
int push_test(struct server *server, const char *device,
              void (*done)(void *arg, enum push_test result), void *arg);

#endif
