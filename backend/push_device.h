/* One push to one device, and what its push service says of the subscription recorded with the
 * device. */
#ifndef PUSH_DEVICE_H
#define PUSH_DEVICE_H

#include <stdbool.h>
#include <stdint.h>

#include "backend/push_send.h"
#include "backend/store.h"

struct push_outbox;   /* the deliveries on their way */
struct push_delivery; /* one of them */

struct push_target {
    const char *device;
    const char *subscription; /* as it is stored */
    bool ok;                  /* as it is stored: the last push was taken */
};

struct push_note {
    const char *text;
    const char
        *shorter;      /* sent instead where the push service takes no text of this size; or NULL */
    const char *topic; /* or NULL */
    const char *urgency;
    int64_t try_ms, keep_ms; /* see push_send.h */
};

/* NULL for either function: nobody wants to know. Never called from within push_deliver. */
struct push_watcher {
    void (*late)(void *arg);             /* as in push_send.h */
    void (*done)(void *arg, bool taken); /* once, and last */
};

/* All are borrowed. services: [push] services. NULL without memory. */
struct push_outbox *push_outbox_new(struct store *store, struct push_sender *sender,
                                    const char *services);

/* Ends what is on its way; watchers are not called. Before the sender is freed. */
void push_outbox_free(struct push_outbox *outbox);

/*
 * Everything is copied, but watcher must live until done. NULL: it cannot be sent, and watcher is
 * not called; where the subscription is at fault, that is recorded.
 */
struct push_delivery *push_deliver(struct push_outbox *outbox, const struct push_target *target,
                                   const struct push_note *note, const struct push_watcher *watcher,
                                   void *arg);

/* It is not tried again; an attempt that is under way may still end well. */
void push_delivery_settle(struct push_delivery *delivery);

/* Neither function is called any more. Allowed from within late, not done. */
void push_delivery_cancel(struct push_delivery *delivery);

#endif
