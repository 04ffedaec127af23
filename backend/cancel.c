/* A host takes a request back, or corrects how a collected one ended (docs/backend-protocol.md,
 * "Cancel"). */
#include <string.h>

#include "backend/client_auth.h"
#include "backend/request.h"
#include "backend/routes.h"

static const struct {
    const char *reason;
    bool corrects; /* may stand in the place of `signed_in` for a while */
} reasons[] = {
    {"caller_gone", false}, {"wrong_number", true},     {"code_refused", false},
    {"not_needed", false},  {"invalid_approval", true},
};

static void on_cancelled(void *arg, enum store_status status,
                         const struct store_rows *const *results)
{
    struct client_call *call = arg;
    if (!client_stored(call, status))
        return;
    request_wake(call->held.server, results[1]);
    if (store_count(results[2]))
        client_reply(call, json_object());
    else
        client_error(call, 400, "invalid_grant", "there is no such request of this host");
}

static void cancel(struct client_call *call)
{
    const char *id, *reason;
    struct store *store = call->held.server->store;
    int64_t now = store_now_ms(store);
    size_t i = 0;

    if (!(id = client_parameter(call, "auth_req_id", AUTH_REQ_ID_MAX)) ||
        !(reason = client_parameter(call, "reason", 32)))
        return;
    while (i < sizeof reasons / sizeof *reasons && strcmp(reasons[i].reason, reason) != 0)
        i++;
    if (i == sizeof reasons / sizeof *reasons) {
        client_error(call, 400, "invalid_request", "reason is unknown");
        return;
    }
    const struct store_value values[] = {
        V_TEXT(id),
        V_TEXT(call->host),
        V_INT(now),
        V_TEXT(reasons[i].reason),
        V_INT(reasons[i].corrects),
        V_INT(now - REQUEST_AGAIN_MS),
    };
    const struct store_step steps[] = {
        client_seen_step(call),
        {.statement = STATEMENT_REQUEST_CANCEL, .values = values, .count = 6},
        {.statement = STATEMENT_REQUEST_FOR_HOST, .values = values, .count = 2},
    };
    store_run_steps(store, steps, 3, on_cancelled, call);
}

void cancel_request(struct http_call *http, void *context)
{
    client_call_start(http, context, sizeof(struct client_call), cancel);
}
