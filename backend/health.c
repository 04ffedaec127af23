/* For supervisors: 200 where the store answers, 503 where it does not. */
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
    store_run(server->store, STATEMENT_REQUESTS_NEXT_END, NULL, 0, on_answer, call);
}
