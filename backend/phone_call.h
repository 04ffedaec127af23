/* Calls of phones: one signed message each (docs/phone-protocol.md, "A call"). */
#ifndef PHONE_CALL_H
#define PHONE_CALL_H

#include "backend/held_call.h"
#include "common/jwk.h"
#include "common/jws.h"

enum phone_key {
    PHONE_KNOWN, /* the key is a device's, by `kid` */
    PHONE_NEW,   /* the key is in the header: before the server knows it */
};

enum phone_error {
    PHONE_STALE,
    PHONE_REPLAYED,
    PHONE_BAD_MESSAGE,
    PHONE_UNKNOWN_DEVICE,
    PHONE_APP_TOO_OLD,
    PHONE_INVITATION_OVER,
    PHONE_LIMITED,
    PHONE_NOT_FOUND,
    PHONE_OVER,
    PHONE_UNAVAILABLE,
};

/* A handler's own struct has this one first. */
struct phone_call {
    struct held_call held;
    struct jws *jws; /* its payload has the call's own members */
    struct jwk *key;
    void (*next)(struct phone_call *call);
    void (*clear)(struct phone_call *call); /* NULL, or frees what the handler hung on it */
    char path[48];
    char device[65], user[129], sender[80], jti[129], app[12];
    int64_t jti_ends; /* milliseconds */
    struct store_value seen[3], touch[3];
};

/*
 * Makes the call, of `size` bytes, zeroed after the first member, and checks the message. Where it
 * is right, next is called (with nothing remembered yet); else the call is answered.
 */
void phone_call_start(struct http_call *http, struct server *server, size_t size,
                      enum phone_key kind, void (*next)(struct phone_call *call));

/* The first steps of every operation that answers a known device's call: its jti (STORE_REFUSED:
 * seen before), and that the device is still there (a row with `enabled`). */
struct store_step phone_seen_step(struct phone_call *call);
struct store_step phone_touch_step(struct phone_call *call, enum statement statement);

/* The device that the call is of: from here on its jti counts once. */
void phone_call_of(struct phone_call *call, const char *device, const char *user);

/* Frees message and key before a long wait. */
void phone_call_slim(struct phone_call *call);

/* Answer with "now" added. Takes the reference. */
void phone_reply(struct phone_call *call, json_t *body);

/* message: for people, NULL for the error's own. more: further members or NULL, whose reference is
 * taken. */
void phone_error_with(struct phone_call *call, enum phone_error error, const char *message,
                      json_t *more, long retry_after);
void phone_fail(struct phone_call *call, enum phone_error error, const char *message);

/*
 * Answers what an operation that begins with phone_seen_step and phone_touch_step can end in
 * besides success: replayed, no commit, device removed meanwhile. Returns false where it did.
 */
bool phone_stored(struct phone_call *call, enum store_status status,
                  const struct store_rows *const *results);

#endif
