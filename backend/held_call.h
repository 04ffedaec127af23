/*
 * One call while it waits for the store or for a change. At any time either one operation of the
 * store has it, or one waiter does; when its client leaves, the operation ends as it would and the
 * answer is dropped. A handler's own struct has this one first.
 */
#ifndef HELD_CALL_H
#define HELD_CALL_H

#include <jansson.h>
#include <stdbool.h>

#include "backend/server.h"
#include "backend/waiters.h"

struct held_call {
    struct server *server;
    struct http_call *http; /* NULL once the client left */
    struct waiter *waiter;
    void (*next)(struct held_call *call, enum waiter_end end); /* after the wait */
    void (*release)(struct held_call *call);                   /* frees it and what hangs on it */
};

void held_call_start(struct held_call *call, struct server *server, struct http_call *http,
                     void (*release)(struct held_call *call));

/* Answers and releases. Takes the reference; NULL: 500. retry_after: seconds, 0 for none. */
void held_call_reply(struct held_call *call, int status, json_t *body, long retry_after);

/* The same of a JSON text, which is wiped and freed. */
void held_call_reply_text(struct held_call *call, int status, char *text);

/*
 * Waits up to ms milliseconds for a change of the key, then calls next, which runs an operation or
 * answers. A client that leaves meanwhile releases the call. Returns false without memory, or where
 * the client has left: then next is not called, and the call is still the caller's.
 */
bool held_call_wait(struct held_call *call, enum waiter_kind kind, const char *key, long ms,
                    void (*next)(struct held_call *call, enum waiter_end end));

#endif
