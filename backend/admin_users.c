/* The administration of users, their devices and their activity. */
#include <string.h>

#include "backend/admin.h"
#include "backend/request.h"
#include "backend/server.h"
#include "common/json_text.h"
#include "common/login.h"
#include "common/random.h"

#define USER_MAX 128
#define DISPLAY_MAX 128
#define ID_MAX 64
#define ACTIVITY_MOST 10000

static int64_t now_ms(const struct admin_call *call)
{
    return store_now_ms(call->held.server->store);
}

static json_t *answer_nothing(struct admin_call *call, const struct store_rows *const *results)
{
    (void)call, (void)results;
    return json_object();
}

/* --- users ---------------------------------------------------------------------------------- */

static bool start_user_add(struct admin_call *call)
{
    const char *name = admin_text(call, "name", USER_MAX),
               *display = admin_text(call, "display", DISPLAY_MAX);
    if (!name)
        return false;
    const struct store_value values[] = {V_TEXT(name), V_TEXT(display ? display : ""),
                                         V_INT(now_ms(call))};
    admin_store(call, &(struct store_step){STATEMENT_USER_ADD, values, 3, true}, 1);
    return true;
}

static bool start_user_list(struct admin_call *call)
{
    admin_store(call, &(struct store_step){.statement = STATEMENT_USER_LIST}, 1);
    return true;
}

static json_t *answer_user_list(struct admin_call *call, const struct store_rows *const *results)
{
    static const struct admin_column columns[] = {
        {"user", ADMIN_TEXT},       {"name", ADMIN_TEXT},  {"enabled", ADMIN_BOOLEAN},
        {"devices", ADMIN_INTEGER}, {"added", ADMIN_TIME}, {0}};
    (void)call;
    return json_pack("{so}", "users", admin_list(results[0], columns));
}

static bool start_user_remove(struct admin_call *call)
{
    const char *name = admin_text(call, "name", USER_MAX);
    if (!name)
        return false;
    const struct store_value cancel[] = {V_TEXT(name), V_TEXT("secured"), V_INT(now_ms(call))};
    const struct store_step steps[] = {
        {STATEMENT_USER_REMOVE, cancel, 1, true},
        {STATEMENT_REQUESTS_CANCEL_USER, cancel, 3, false},
    };
    admin_store(call, steps, 2);
    return true;
}

static bool start_user_unlock(struct admin_call *call)
{
    const char *name = admin_text(call, "name", USER_MAX);
    if (!name)
        return false;
    const struct store_value value = V_TEXT(name);
    const struct store_step steps[] = {
        {STATEMENT_USER_KNOWN, &value, 1, true},
        {STATEMENT_CODES_UNLOCK, &value, 1, false},
    };
    admin_store(call, steps, 2);
    return true;
}

/* The logins that wait are refused at once, and the phones that wait learn that they are gone. */
static json_t *answer_user_remove(struct admin_call *call, const struct store_rows *const *results)
{
    request_wake(call->held.server, results[1]);
    waiters_wake(call->held.server->waiters, WAITER_USER, store_text(results[0], 0, 0));
    return json_object();
}

/* --- devices -------------------------------------------------------------------------------- */

static bool start_device_list(struct admin_call *call)
{
    const char *user = admin_text(call, "user", USER_MAX);
    if (!user && json_object_get(call->body, "user"))
        return false;
    const struct store_value value = V_TEXT(user);
    const struct store_step steps[] = {
        {STATEMENT_DEVICE_LIST_ALL, &value, 1, false},
        {STATEMENT_USER_KNOWN, &value, 1, true},
    };
    admin_store(call, steps, user ? 2 : 1);
    return true;
}

static json_t *answer_device_list(struct admin_call *call, const struct store_rows *const *results)
{
    static const struct admin_column columns[] = {{"device", ADMIN_TEXT},
                                                  {"user", ADMIN_TEXT},
                                                  {"name", ADMIN_TEXT},
                                                  {"platform", ADMIN_TEXT},
                                                  {"enabled", ADMIN_BOOLEAN},
                                                  {"app", ADMIN_TEXT},
                                                  {"added", ADMIN_TIME},
                                                  {"seen", ADMIN_TIME},
                                                  {"push", ADMIN_BOOLEAN},
                                                  {"key", ADMIN_TEXT},
                                                  {0}};
    (void)call;
    return json_pack("{so}", "devices", admin_list(results[0], columns));
}

static bool start_device_remove(struct admin_call *call)
{
    const char *device = admin_text(call, "device", ID_MAX);
    if (!device)
        return false;
    const struct store_value values[] = {V_TEXT(device), V_INT(now_ms(call))};
    const struct store_step steps[] = {
        {STATEMENT_DEVICE_REQUESTS_CANCEL, values, 2, false},
        {STATEMENT_DEVICE_REMOVE, values, 1, true},
    };
    admin_store(call, steps, 2);
    return true;
}

static json_t *answer_device_remove(struct admin_call *call,
                                    const struct store_rows *const *results)
{
    request_wake(call->held.server, results[0]);
    waiters_wake(call->held.server->waiters, WAITER_USER, store_text(results[1], 0, 1));
    return json_pack("{ss}", "user", store_text(results[1], 0, 1));
}

/* --- enrolment ------------------------------------------------------------------------------ */

static bool start_enroll(struct admin_call *call)
{
    const char *user = admin_text(call, "user", USER_MAX);
    char hash[BASE64URL_SHA256 + 1];
    int64_t now = now_ms(call),
            life = config_integer(call->held.server->config, "phone", "invitation_life");
    call->secret = random_token(16);
    if (!user || !call->secret || login_hash(call->secret, strlen(call->secret), hash) < 0)
        return false;
    const struct store_value values[] = {V_TEXT(hash), V_TEXT(user), V_INT(now),
                                         V_INT(now + life * 1000)};
    admin_store(call, &(struct store_step){STATEMENT_INVITATION_ADD, values, 4, true}, 1);
    return true;
}

static json_t *answer_enroll(struct admin_call *call, const struct store_rows *const *results)
{
    const struct server *server = call->held.server;
    const char *pin = server->certificate_pin;
    (void)results;
    return json_pack(
        "{so, sI}", "link",
        json_sprintf("%s/enroll#%s%s%s", server->issuer, call->secret, *pin ? "." : "", pin),
        "life", (json_int_t)config_integer(server->config, "phone", "invitation_life"));
}

/* --- activity ------------------------------------------------------------------------------- */

static bool start_activity(struct admin_call *call)
{
    const char *user = admin_text(call, "user", USER_MAX);
    int64_t limit = 50;
    if ((!user && json_object_get(call->body, "user")) ||
        (json_object_get(call->body, "limit") &&
         json_text_integer(call->body, "limit", 1, ACTIVITY_MOST, &limit) < 0))
        return false;
    const struct store_value values[] = {V_TEXT(user), V_INT(limit)};
    admin_store(call, &(struct store_step){STATEMENT_ACTIVITY_ALL, values, 2, false}, 1);
    return true;
}

static json_t *answer_activity(struct admin_call *call, const struct store_rows *const *results)
{
    static const struct admin_column columns[] = {
        {"at", ADMIN_TIME},        {"user", ADMIN_TEXT},    {"host", ADMIN_TEXT},
        {"host_name", ADMIN_TEXT}, {"service", ADMIN_TEXT}, {"rhost", ADMIN_TEXT},
        {"method", ADMIN_TEXT},    {"device", ADMIN_TEXT},  {0}};
    enum { STATE = 8, RESULT, ENDS, USED };
    const struct store_rows *rows = results[0];
    json_t *list = admin_list(rows, columns);
    bool whole = list != NULL;
    for (size_t i = 0; i < store_count(rows) && whole; i++)
        whole = request_describe(json_array_get(list, i), store_text(rows, i, STATE),
                                 store_text(rows, i, RESULT), store_integer(rows, i, ENDS),
                                 store_integer(rows, i, USED), now_ms(call));
    if (whole)
        return json_pack("{so}", "activity", list);
    json_decref(list);
    return NULL;
}

const struct admin_method admin_user_methods[] = {
    {"user_add", "user_exists", start_user_add, answer_nothing},
    {"user_list", NULL, start_user_list, answer_user_list},
    {"user_unlock", "no_user", start_user_unlock, answer_nothing},
    {"user_remove", "no_user", start_user_remove, answer_user_remove},
    {"device_list", "no_user", start_device_list, answer_device_list},
    {"device_remove", "no_device", start_device_remove, answer_device_remove},
    {"enroll", "no_user", start_enroll, answer_enroll},
    {"activity", NULL, start_activity, answer_activity},
    {0},
};
