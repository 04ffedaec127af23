#include "backend/request.h"

#include <string.h>

#include "backend/push.h"
#include "backend/waiters.h"

const struct request_state_row request_states[] = {
    [REQUEST_OPEN] = {"open", false, "authorization_pending"},
    [REQUEST_APPROVED] = {"approved", false, "authorization_pending"},
    [REQUEST_USED] = {"used", true, NULL},
    [REQUEST_DENIED] = {"denied", true, "access_denied"},
    [REQUEST_EXPIRED] = {"expired", true, "expired_token"},
    [REQUEST_CANCELLED] = {"cancelled", true, "access_denied"},
};

enum request_state request_state(const char *name, int64_t ends, int64_t now)
{
    enum request_state state = REQUEST_OPEN;
    while (state < REQUEST_NONE && strcmp(request_states[state].name, name) != 0)
        state++;
    if (state < REQUEST_NONE && !request_states[state].over && ends <= now)
        return REQUEST_EXPIRED;
    return state;
}

bool request_describe(json_t *answer, const char *state, const char *result, int64_t ends,
                      int64_t used, int64_t now)
{
    enum request_state at = request_state(state, ends, now);
    if (at == REQUEST_NONE)
        return false;
    if (at == REQUEST_USED && now < used + REQUEST_SHOWN_USED_MS &&
        strcmp(result, "signed_in") == 0) {
        at = REQUEST_APPROVED;
        result = "";
    } else if (at == REQUEST_EXPIRED) {
        result = "no_answer";
    }
    return json_object_set_new(answer, "state", json_string(request_states[at].name)) == 0 &&
           json_object_set_new(answer, "result", json_string(result)) == 0;
}

void request_announce(struct server *server, const char *id, const char *request, const char *user,
                      const char *details, int64_t ends)
{
    waiters_wake(server->waiters, WAITER_USER, user);
    push_request(server, id, request, user, details, ends);
}

void request_collected(struct server *server, const char *id, const char *user)
{
    waiters_wake_later(server->waiters, WAITER_USER, user, REQUEST_SHOWN_USED_MS);
    push_changed(server, id);
}

void request_changed(struct server *server, const char *id, const char *user)
{
    waiters_wake(server->waiters, WAITER_REQUEST, id);
    waiters_wake(server->waiters, WAITER_USER, user);
    push_changed(server, id);
}

void request_wake(struct server *server, const struct store_rows *rows)
{
    for (size_t i = 0; i < store_count(rows); i++)
        request_changed(server, store_text(rows, i, 0), store_text(rows, i, 1));
}
