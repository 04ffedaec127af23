/*
 * For supervisors: 200 where the store answers, 503 where it does not. While it cannot commit, each
 * look is a try to write, and the first that succeeds is 200 again; else a look writes nothing, so
 * that nobody can keep the disk busy with it.
 */
#include <stdio.h>
#include <stdlib.h>

#include "backend/held_call.h"
#include "backend/routes.h"

static void release(struct held_call *call)
{
    free(call);
}

static void on_answer(void *arg, enum store_status status, const struct store_rows *const *results)
{
    bool well = status == STORE_OK;
    (void)results;
    held_call_reply(arg, well ? 200 : 503, json_pack("{ss}", "status", well ? "ok" : "unavailable"),
                    0);
}

void health_show(struct http_call *http, void *context)
{
    struct server *server = context;
    struct held_call *call = calloc(1, sizeof *call);
    if (!call) {
        http_reply_json(http, 500, NULL);
        return;
    }
    held_call_start(call, server, http, release);
    if (store_failing(server->store)) {
        int64_t now = store_now_ms(server->store);
        char id[24];

        snprintf(id, sizeof id, "%lld", (long long)now);
        store_run(server->store, STATEMENT_SEEN_ADD,
                  VALUES(V_TEXT("health"), V_TEXT(id), V_INT(now)), on_answer, call);
        return;
    }
    store_run(server->store, STATEMENT_REQUESTS_NEXT_END, NULL, 0, on_answer, call);
}
