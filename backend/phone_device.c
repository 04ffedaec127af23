/* A phone's view of itself: device, remove, test (docs/phone-protocol.md, "Calls"). */
#include <stdlib.h>
#include <string.h>

#include "backend/enroll.h"
#include "backend/phone_call.h"
#include "backend/push.h"
#include "backend/request.h"
#include "backend/routes.h"
#include "common/json_text.h"
#include "common/log.h"

/* What a call for the device changes. */
struct device_call {
    struct phone_call phone;
    char name[DEVICE_NAME_MAX + 1]; /* "": unchanged */
    const json_t *enabled;          /* NULL: unchanged */
    bool changes_push;
    char *push; /* NULL: none */
};

static void clear(struct phone_call *phone)
{
    free(((struct device_call *)phone)->push);
}

/* A row of DEVICE_LIST. */
enum column { ID, NAME, PLATFORM, ENABLED, ADDED, SEEN, PUSH_OK };

static json_t *describe_device(const struct phone_call *call, const struct store_rows *rows,
                               size_t row)
{
    const char *id = store_text(rows, row, ID);
    return json_pack("{ss, ss, ss, sb, sb, sI, sI}", "device", id, "name",
                     store_text(rows, row, NAME), "platform", store_text(rows, row, PLATFORM),
                     "enabled", (int)store_integer(rows, row, ENABLED), "this",
                     strcmp(id, call->device) == 0, "added",
                     (json_int_t)(store_integer(rows, row, ADDED) / 1000), "seen",
                     (json_int_t)(store_integer(rows, row, SEEN) / 1000));
}

static void reply_device(struct phone_call *call, const struct store_rows *rows)
{
    const struct server *server = call->held.server;
    json_t *list = json_array(), *body;
    size_t own = 0;
    for (size_t i = 0; list && i < store_count(rows); i++) {
        if (strcmp(store_text(rows, i, ID), call->device) == 0)
            own = i;
        if (json_array_append_new(list, describe_device(call, rows, i)) == 0)
            continue;
        json_decref(list);
        list = NULL;
    }
    body = json_pack("{ss, ss, sb, ss, ss, so, sb, ss}", "device", call->device, "name",
                     store_text(rows, own, NAME), "enabled", (int)store_integer(rows, own, ENABLED),
                     "user", call->user, "server", server->name, "devices", list, "push_ok",
                     (int)store_integer(rows, own, PUSH_OK), "minimum",
                     config_text(server->config, "phone", "minimum"));
    phone_reply(call, enroll_add_vapid(server, body));
}

static void on_device(void *arg, enum store_status status, const struct store_rows *const *results)
{
    struct device_call *call = arg;
    if (!phone_stored(&call->phone, status, results))
        return;
    if (call->enabled)
        waiters_wake(call->phone.held.server->waiters, WAITER_USER, call->phone.user);
    reply_device(&call->phone, results[3]);
}

/* Reads the changes that are there. Returns false where it has answered. */
static bool read_changes(struct device_call *call)
{
    const json_t *payload = call->phone.jws->payload;
    const json_t *push = json_object_get(payload, "push");
    char why[160];

    call->enabled = json_object_get(payload, "enabled");
    if ((json_object_get(payload, "name") && !enroll_read_name(payload, call->name)) ||
        (call->enabled && !json_is_boolean(call->enabled))) {
        phone_fail(&call->phone, PHONE_BAD_MESSAGE, "name or enabled is malformed");
        return false;
    }
    call->changes_push = push != NULL;
    if (!push || json_is_null(push))
        return true;
    call->push = push_check(call->phone.held.server, push, why, sizeof why);
    if (call->push)
        return true;
    phone_fail(&call->phone, PHONE_BAD_MESSAGE, why);
    return false;
}

static void show_device(struct phone_call *phone)
{
    struct device_call *call = (struct device_call *)phone;
    phone->clear = clear;
    if (!read_changes(call))
        return;
    const struct store_value change[] = {
        V_TEXT(phone->device),
        V_TEXT(*call->name ? call->name : NULL),
        call->enabled ? V_INT(json_is_true(call->enabled)) : V_NULL,
        V_INT(call->changes_push),
        V_TEXT(call->push),
    };
    const struct store_value user[] = {V_TEXT(phone->user)};
    const struct store_step steps[] = {
        phone_seen_step(phone),
        phone_touch_step(phone, STATEMENT_DEVICE_SEEN),
        {.statement = STATEMENT_DEVICE_CHANGE, .values = change, .count = 5},
        {.statement = STATEMENT_DEVICE_LIST, .values = user, .count = 1},
    };
    store_run_steps(phone->held.server->store, steps, 4, on_device, call);
}

void phone_device(struct http_call *http, void *context)
{
    phone_call_start(http, context, sizeof(struct device_call), PHONE_KNOWN, show_device);
}

static void on_removed(void *arg, enum store_status status, const struct store_rows *const *results)
{
    struct phone_call *call = arg;
    struct server *server = call->held.server;
    if (!phone_stored(call, status, results))
        return;
    log_info("device %s of %s removed by itself", call->device, LOG_NAME(call->user));
    request_wake(server, results[2]);
    waiters_wake(server->waiters, WAITER_USER, call->user);
    phone_reply(call, json_object());
}

static void remove_device(struct phone_call *call)
{
    struct store *store = call->held.server->store;
    const struct store_value approvals[] = {V_TEXT(call->user), V_TEXT(call->device),
                                            V_INT(store_now_ms(store))};
    const struct store_value device[] = {V_TEXT(call->device)};
    const struct store_step steps[] = {
        phone_seen_step(call),
        phone_touch_step(call, STATEMENT_DEVICE_SEEN),
        {.statement = STATEMENT_REQUESTS_CANCEL_DEVICE, .values = approvals, .count = 3},
        {.statement = STATEMENT_DEVICE_REMOVE, .values = device, .count = 1},
    };
    store_run_steps(store, steps, 4, on_removed, call);
}

void phone_remove(struct http_call *http, void *context)
{
    phone_call_start(http, context, sizeof(struct phone_call), PHONE_KNOWN, remove_device);
}

static void on_tested(void *arg, enum push_test result)
{
    struct phone_call *call = arg;
    switch (result) {
    case PUSH_TEST_SENT:
        phone_reply(call, json_object());
        return;
    case PUSH_TEST_NONE:
        phone_fail(call, PHONE_BAD_MESSAGE,
                   "this device takes no pushes, or this server sends none");
        return;
    case PUSH_TEST_LIMITED:
        phone_error_with(call, PHONE_LIMITED, NULL,
                         json_pack("{si}", "retry_after", PUSH_TEST_SECONDS), PUSH_TEST_SECONDS);
        return;
    case PUSH_TEST_FAILED:
        phone_fail(call, PHONE_UNAVAILABLE, NULL);
    }
}

static void on_test_seen(void *arg, enum store_status status,
                         const struct store_rows *const *results)
{
    struct phone_call *call = arg;
    if (!phone_stored(call, status, results))
        return;
    if (push_test(call->held.server, call->device, on_tested, call) < 0)
        phone_fail(call, PHONE_UNAVAILABLE, NULL);
}

static void test_device(struct phone_call *call)
{
    const struct store_step steps[] = {
        phone_seen_step(call),
        phone_touch_step(call, STATEMENT_DEVICE_SEEN),
    };
    store_run_steps(call->held.server->store, steps, 2, on_test_seen, call);
}

void phone_test(struct http_call *http, void *context)
{
    phone_call_start(http, context, sizeof(struct phone_call), PHONE_KNOWN, test_device);
}
