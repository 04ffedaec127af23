#include "backend/held_call.h"

#include <stdio.h>

#include "common/random.h"

static void on_gone(void *arg)
{
    struct held_call *call = arg;
    call->http = NULL;
    if (!call->waiter)
        return; /* an operation has it */
    waiters_remove(call->waiter);
    call->release(call);
}

void held_call_start(struct held_call *call, struct server *server, struct http_call *http,
                     void (*release)(struct held_call *call))
{
    call->server = server;
    call->http = http;
    call->waiter = NULL;
    call->next = NULL;
    call->release = release;
    http_hold(http, on_gone, call);
}

void held_call_reply_text(struct held_call *call, int status, char *text)
{
    if (call->http)
        http_reply_json_text(call->http, status, text);
    else
        secret_free(text);
    call->release(call);
}

void held_call_reply(struct held_call *call, int status, json_t *body, long retry_after)
{
    char seconds[24];
    if (!call->http) {
        json_decref(body);
    } else {
        if (retry_after > 0) {
            snprintf(seconds, sizeof seconds, "%ld", retry_after);
            http_add_header(call->http, "Retry-After", seconds);
        }
        http_reply_json(call->http, status, body);
    }
    call->release(call);
}

static void on_wait_end(void *arg, enum waiter_end end)
{
    struct held_call *call = arg;
    call->waiter = NULL;
    call->next(call, end);
}

bool held_call_wait(struct held_call *call, enum waiter_kind kind, const char *key, long ms,
                    void (*next)(struct held_call *call, enum waiter_end end))
{
    if (!call->http)
        return false;
    call->next = next;
    call->waiter = waiters_add(call->server->waiters, kind, key, ms, on_wait_end, call);
    return call->waiter != NULL;
}
