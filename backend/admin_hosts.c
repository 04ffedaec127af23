/* The administration of hosts, and the server's state. */
#include <string.h>
#include <unistd.h>

#include "backend/admin.h"
#include "backend/request.h"
#include "backend/server.h"
#include "common/login.h"
#include "common/random.h"

#define HOST_ID_MAX 64
#define HOST_TITLE_MAX 128
#define TOKEN_LIFE 3600 /* seconds */

static int64_t now_ms(const struct admin_call *call)
{
    return store_now_ms(call->held.server->store);
}

/* A new host, or with `again` one that is there: a new token, which makes the old ones worthless.
 */
static bool start_host_add(struct admin_call *call)
{
    const char *id = admin_text(call, "id", HOST_ID_MAX),
               *name = admin_text(call, "name", HOST_TITLE_MAX);
    char hash[BASE64URL_SHA256 + 1];
    int64_t now = now_ms(call);
    call->secret = random_token(16);
    if (!id || !login_is_host_id(id) || (!name && json_object_get(call->body, "name")) ||
        !call->secret || login_hash(call->secret, strlen(call->secret), hash) < 0)
        return false;
    const struct store_value host[] = {V_TEXT(id), V_TEXT(name ? name : ""), V_INT(now)};
    const struct store_value token[] = {V_TEXT(hash), V_TEXT(id), V_INT(now),
                                        V_INT(now + TOKEN_LIFE * 1000)};
    bool again = json_is_true(json_object_get(call->body, "again"));
    if (again)
        call->refused = "no_host";
    const struct store_step steps[] = {
        {again ? STATEMENT_HOST_AGAIN : STATEMENT_HOST_ADD, host, again ? 2 : 3, true},
        {STATEMENT_HOST_TOKENS_REMOVE, host, 1, false},
        {STATEMENT_HOST_TOKEN_ADD, token, 4, false},
    };
    admin_store(call, steps, 3);
    return true;
}

static json_t *answer_host_add(struct admin_call *call, const struct store_rows *const *results)
{
    const struct server *server = call->held.server;
    const char *pin = server->certificate_pin;
    (void)results;
    return json_pack("{ss, so, si}", "url", server->issuer, "token",
                     json_sprintf("%s%s%s", call->secret, *pin ? "." : "", pin), "life",
                     TOKEN_LIFE);
}

static bool start_host_list(struct admin_call *call)
{
    admin_store(call, &(struct store_step){.statement = STATEMENT_HOST_LIST}, 1);
    return true;
}

static json_t *answer_host_list(struct admin_call *call, const struct store_rows *const *results)
{
    static const struct admin_column columns[] = {{"host", ADMIN_TEXT},
                                                  {"name", ADMIN_TEXT},
                                                  {"state", ADMIN_TEXT},
                                                  {"added", ADMIN_TIME},
                                                  {"joined", ADMIN_TIME},
                                                  {"seen", ADMIN_TIME},
                                                  {0}};
    (void)call;
    return json_pack("{so}", "hosts", admin_list(results[0], columns));
}

static bool start_host_revoke(struct admin_call *call)
{
    const char *id = admin_text(call, "id", HOST_ID_MAX);
    if (!id)
        return false;
    const struct store_value revoke[] = {V_TEXT(id), V_INT(now_ms(call))};
    const struct store_value cancel[] = {V_TEXT(id), V_TEXT("revoked"), V_INT(now_ms(call))};
    const struct store_step steps[] = {
        {STATEMENT_HOST_REVOKE, revoke, 2, true},
        {STATEMENT_HOST_TOKENS_REMOVE, revoke, 1, false},
        {STATEMENT_REQUESTS_CANCEL_HOST, cancel, 3, false},
    };
    admin_store(call, steps, 3);
    return true;
}

/* Its parked logins end at once. */
static json_t *answer_host_revoke(struct admin_call *call, const struct store_rows *const *results)
{
    request_wake(call->held.server, results[2]);
    return json_pack("{sI}", "cancelled", (json_int_t)store_count(results[2]));
}

static bool start_status(struct admin_call *call)
{
    admin_store(call, &(struct store_step){.statement = STATEMENT_COUNTS}, 1);
    return true;
}

static json_t *answer_status(struct admin_call *call, const struct store_rows *const *results)
{
    const struct server *server = call->held.server;
    static const char *const counts[] = {"users", "devices", "hosts", "open", NULL};
    json_t *answer =
        json_pack("{ss, ss, ss, ss, si, sI}", "version", VERSION, "url", server->issuer, "name",
                  server->name, "certificate_pin", server->certificate_pin, "pid", (int)getpid(),
                  "connections", (json_int_t)http_connections(server->http));
    for (int i = 0; counts[i]; i++)
        json_object_set_new(answer, counts[i], json_integer(store_integer(results[0], 0, i)));
    return answer;
}

const struct admin_method admin_host_methods[] = {
    {"host_add", "host_exists", start_host_add, answer_host_add},
    {"host_list", NULL, start_host_list, answer_host_list},
    {"host_revoke", "no_host", start_host_revoke, answer_host_revoke},
    {"status", NULL, start_status, answer_status},
    {0},
};
