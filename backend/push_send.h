/* Hands pushes to push services (RFC 8030): connections kept, tried again within a push's life. */
#ifndef PUSH_SEND_H
#define PUSH_SEND_H

#include <event2/event.h>
#include <stdbool.h>
#include <stdint.h>

#include "backend/push_encrypt.h"
#include "backend/vapid.h"

#define PUSH_TOPIC_MAX 32 /* characters of base64url (RFC 8030, section 5.4) */
#define PUSH_PAD 1024     /* texts are padded to a multiple of this */
#define PUSH_PENDING_MAX 4096

enum push_result {
    PUSH_TAKEN,     /* the push service has it */
    PUSH_GONE,      /* it knows the subscription no more */
    PUSH_TOO_LARGE, /* it takes no body of this size */
    PUSH_REFUSED,   /* it, or a check of ours, said no; trying again would not help */
    PUSH_FAILED,    /* no success within the push's life */
    PUSH_RESULTS,
};

extern const char *const push_results[]; /* words for logs and activity, by enum */

struct push_message {
    const char *endpoint;                 /* has passed push_endpoint_check */
    const char *origin;                   /* from there */
    const struct push_receiver *receiver; /* its keys */
    const char *text;                     /* JSON, at most PUSH_TEXT_MAX bytes */
    const char *topic;                    /* a later push replaces one not yet delivered; or NULL */
    const char *urgency;                  /* "high", "normal", … (RFC 8030, section 5.3) */
    int64_t try_ms;                       /* how long it is tried */
    int64_t
        keep_ms; /* from now: how long the push service keeps it for a phone that is off (TTL) */
};

struct push_listener {
    /* Once at most, before done: two attempts failed, or 2 s are over without success. It goes on.
     */
    void (*late)(void *arg);
    /* Once, and last. status: the push service's, or 0. */
    void (*done)(void *arg, enum push_result result, long status);
};

struct push_sender;  /* one for the server */
struct push_sending; /* one push on its way */

/*
 * timeout_ms: for one attempt. ca_file: "" for the system's certificates. any_address: also
 * addresses that are not public. vapid is borrowed. NULL without memory.
 */
struct push_sender *push_sender_new(struct event_base *base, struct vapid *vapid, long timeout_ms,
                                    const char *ca_file, bool any_address);

/* Ends what is on its way; listeners are not called. */
void push_sender_free(struct push_sender *sender);

/*
 * Starts a push; all of message is copied. listener's functions are never called from within, and
 * listener must live until done. NULL: too many are pending, or no memory, or the text is too long;
 * then the listener is not called.
 */
struct push_sending *push_send(struct push_sender *sender, const struct push_message *message,
                               const struct push_listener *listener, void *arg);

/* It is not tried again; an attempt that is under way may still end well. */
void push_settle(struct push_sending *sending);

/* Takes it back as far as it can be; the listener is not called. Allowed from within late, not
 * done. */
void push_cancel(struct push_sending *sending);

#endif
