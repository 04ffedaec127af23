/* Calls that wait for something to change: a host's for its request, a phone's for its user's
 * requests. */
#ifndef WAITERS_H
#define WAITERS_H

#include <event2/event.h>
#include <stdbool.h>
#include <stddef.h>

enum waiter_kind {
    WAITER_REQUEST, /* by auth_req_id */
    WAITER_USER,    /* by user name */
};

enum waiter_end {
    WAITER_CHANGED,
    WAITER_LATE, /* its time is over, nothing changed */
};

#define REVISION_SIZE 48

struct waiters;
struct waiter;

/* NULL without memory. */
struct waiters *waiters_new(struct event_base *base);

/* Waiters that are still there are dropped, and hear nothing. */
void waiters_free(struct waiters *waiters);

/*
 * Waits for a change for `ms` milliseconds. done is called once, never from within, and then the
 * waiter is gone. NULL without memory.
 */
struct waiter *waiters_add(struct waiters *waiters, enum waiter_kind kind, const char *key, long ms,
                           void (*done)(void *arg, enum waiter_end end), void *arg);

/* Without calling done. NULL is fine. */
void waiters_remove(struct waiter *waiter);

/* How many wait for the key. */
size_t waiters_count(const struct waiters *waiters, enum waiter_kind kind, const char *key);

/* Calls everyone who waits for the key, before it returns. A user's revision goes up. */
void waiters_wake(struct waiters *waiters, enum waiter_kind kind, const char *key);

/* The same after ms milliseconds. Without memory at once. */
void waiters_wake_later(struct waiters *waiters, enum waiter_kind kind, const char *key, long ms);

/* A word that is another one after each change of what the user's phones see, and after a restart.
 * Returns 0, or -1 without memory. */
int waiters_revision(struct waiters *waiters, const char *user, char out[REVISION_SIZE]);

#endif
