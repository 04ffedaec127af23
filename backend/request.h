/*
 * The states of a request (docs/backend-protocol.md). A transition is a statement in
 * statements.def; here is what follows from one.
 *
 * To end requests in an operation of another kind (a host revoked, an account secured), put
 * REQUESTS_CANCEL_HOST, REQUESTS_CANCEL_USER or REQUESTS_CANCEL_DEVICE among its steps, and give
 * that step's rows to request_wake when it is done.
 */
#ifndef REQUEST_H
#define REQUEST_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "backend/server.h"

#define REQUEST_AGAIN_MS                                                                           \
    10000 /* an answer that was collected is given again, and its result may be corrected */
#define REQUEST_SHOWN_USED_MS 300 /* phones are told of `used` after this */

enum request_state {
    REQUEST_OPEN,
    REQUEST_APPROVED,
    REQUEST_USED,
    REQUEST_DENIED,
    REQUEST_EXPIRED,
    REQUEST_CANCELLED,
    REQUEST_NONE, /* no such request */
};

struct request_state_row {
    const char *name; /* in the store and on the wire */
    bool over;
    const char *error; /* what the token endpoint says; NULL: an ID token, or invalid_grant */
};

/* By enum request_state, up to REQUEST_CANCELLED. */
extern const struct request_state_row request_states[];

/* The state that a row is in at `now` (milliseconds): one whose end has passed is expired, swept or
 * not. */
enum request_state request_state(const char *name, int64_t ends, int64_t now);

/* "state" and "result" for a phone: `used` shows after REQUEST_SHOWN_USED_MS only. Returns false
 * without memory. */
bool request_describe(json_t *answer, const char *state, const char *result, int64_t ends,
                      int64_t used, int64_t now);

/* A request that phones may see was committed: they are woken and pushed to. Arguments as of
 * push_request. */
void request_announce(struct server *server, const char *id, const char *request, const char *user,
                      const char *details, int64_t ends);

/* It was collected; phones are told REQUEST_SHOWN_USED_MS later. */
void request_collected(struct server *server, const char *id, const char *user);

/* It has changed: the held calls of the host and of the user's phones go on. Call it when the
 * change is committed. */
void request_changed(struct server *server, const char *id, const char *user);

/* The same for each row (id, user_name, …). */
void request_wake(struct server *server, const struct store_rows *rows);

#endif
