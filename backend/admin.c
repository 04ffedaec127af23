#include "backend/admin.h"

#include <stdlib.h>
#include <string.h>

#include "common/json_text.h"
#include "common/random.h"
#include "common/sanitize.h"

#define BODY_MAX 16384

const char *admin_text(const struct admin_call *call, const char *name, size_t most)
{
    const char *text = json_text_string(call->body, name, most);
    return text && *text && sanitize_is_clean(text) ? text : NULL;
}

static json_t *make_cell(const struct store_rows *rows, size_t row, int column,
                         enum admin_kind kind)
{
    switch (kind) {
    case ADMIN_TEXT:
        return json_string(store_text(rows, row, column));
    case ADMIN_INTEGER:
        return json_integer(store_integer(rows, row, column));
    case ADMIN_BOOLEAN:
        return json_boolean(store_integer(rows, row, column) != 0);
    case ADMIN_TIME:
        return store_is_null(rows, row, column)
                   ? json_null()
                   : json_integer(store_integer(rows, row, column) / 1000);
    }
    return NULL;
}

json_t *admin_list(const struct store_rows *rows, const struct admin_column *columns)
{
    json_t *list = json_array();
    bool whole = list != NULL;
    for (size_t row = 0; row < store_count(rows) && whole; row++) {
        json_t *item = json_object();
        for (int i = 0; columns[i].name && whole; i++)
            whole = json_object_set_new(item, columns[i].name,
                                        make_cell(rows, row, i, columns[i].kind)) == 0;
        whole = json_array_append_new(list, item) == 0 && whole;
    }
    if (whole)
        return list;
    json_decref(list);
    return NULL;
}

static void release(struct held_call *held)
{
    struct admin_call *call = (struct admin_call *)held;
    json_decref(call->body);
    secret_free(call->secret);
    free(call);
}

static void fail(struct admin_call *call, int status, const char *error)
{
    held_call_reply(&call->held, status, json_pack("{ss}", "error", error), 0);
}

static void on_stored(void *arg, enum store_status status, const struct store_rows *const *results)
{
    struct admin_call *call = arg;
    if (status == STORE_OK)
        held_call_reply(&call->held, 200, call->method->answer(call, results), 0);
    else if (status == STORE_REFUSED)
        fail(call, 409, call->refused);
    else
        fail(call, 503, "store_failed");
}

void admin_store(struct admin_call *call, const struct store_step *steps, size_t count)
{
    store_run_steps(call->held.server->store, steps, count, on_stored, call);
}

static const struct admin_method *find_method(const char *name)
{
    static const struct admin_method *const tables[] = {admin_user_methods, admin_host_methods};
    for (size_t i = 0; i < sizeof tables / sizeof *tables; i++)
        for (const struct admin_method *method = tables[i]; method->name; method++)
            if (strcmp(method->name, name) == 0)
                return method;
    return NULL;
}

void admin_run(struct http_call *http, void *context)
{
    size_t len;
    const char *body = http_body(http, &len);
    struct admin_call *call = calloc(1, sizeof *call);
    if (!call) {
        http_reply_json(http, 500, NULL);
        return;
    }
    held_call_start(&call->held, context, http, release);
    call->method = find_method(http_rest(http));
    call->refused = call->method ? call->method->refused : NULL;
    call->body = json_text_object(body, len, BODY_MAX);
    if (!call->method)
        fail(call, 404, "no_such_call");
    else if (!call->body || !call->method->start(call))
        fail(call, 400, "bad_member");
}
