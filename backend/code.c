/*
 * One-time codes (docs/backend-protocol.md, "Code"). First one statement reserves an attempt within
 * both limits, then the code is compared with all of the user's devices' secrets, then one
 * operation uses the code up, approves the request and gives the attempt back. A user without
 * devices, known or not, takes the same way.
 */
#include <stdio.h>
#include <stdlib.h>

#include "backend/client_auth.h"
#include "backend/request.h"
#include "backend/routes.h"
#include "backend/secret_box.h"
#include "common/log.h"
#include "common/random.h"
#include "common/totp.h"

#define LEAST_SECRETS                                                                              \
    4 /* that are compared with, so that time does not tell how many there are                     \
       */

#define DAY_MS ((int64_t)86400 * 1000)

struct code_call {
    struct client_call client;
    char id[AUTH_REQ_ID_MAX + 1];
    char *attempt;
    int code;
    int64_t window; /* milliseconds */
    char device[65];
    int64_t step;
};

static void clear(struct client_call *client)
{
    struct code_call *call = (struct code_call *)client;
    free(call->attempt);
    secret_wipe(&call->code, sizeof call->code);
}

static void reply_wrong(struct code_call *call)
{
    client_error(&call->client, 400, "pam_approve_invalid_code",
                 "this code is not right, or was used before");
}

static void reply_over(struct code_call *call)
{
    client_error(&call->client, 400, "invalid_grant",
                 "the request is over, or no request of this host");
}

/* Columns of CODE_LOCK. The attempts are those whose age ends a lock; none is 0. */
enum column { STATE, ENDS, USER_ATTEMPT, HOST_ATTEMPT, USER_OF_DAY, HOST_OF_DAY, IN_ROW };

/* Seconds until no limit of time locks codes any more. */
static int64_t lock_seconds(const struct code_call *call, const struct store_rows *row, int64_t now)
{
    int64_t end = now;
    for (int column = USER_ATTEMPT; column <= HOST_OF_DAY; column++) {
        int64_t window = column < USER_OF_DAY ? call->window : DAY_MS,
                over = store_integer(row, 0, column) + window;
        if (over > end)
            end = over;
    }
    return (end - now) / 1000 + 1;
}

/* No attempt was reserved: the request is not open, or codes are locked. */
static void reply_not_reserved(struct code_call *call, const struct store_rows *row)
{
    int64_t now = store_now_ms(call->client.held.server->store), wait;
    enum request_state state =
        request_state(store_text(row, 0, STATE), store_integer(row, 0, ENDS), now);
    if (state != REQUEST_OPEN) {
        reply_over(call);
        return;
    }
    if (store_integer(row, 0, IN_ROW)) {
        client_error(&call->client, 400, "pam_approve_code_locked",
                     "too many wrong codes in a row: an approval by phone ends it");
        return;
    }
    wait = lock_seconds(call, row, now);
    client_error_with(&call->client, 400, "pam_approve_code_locked", "too many wrong codes",
                      json_pack("{sI}", "retry_after", (json_int_t)wait), (long)wait);
}

static void on_state(void *arg, enum store_status status, const struct store_rows *const *results)
{
    enum { FOUND_STATE, FOUND_RESULT, FOUND_ENDS }; /* columns of REQUEST_FOR_HOST */
    struct code_call *call = arg;
    int64_t now = store_now_ms(call->client.held.server->store);
    if (status != STORE_OK)
        client_stored(&call->client, STORE_FAILED);
    else if (request_state(store_text(results[0], 0, FOUND_STATE),
                           store_integer(results[0], 0, FOUND_ENDS), now) == REQUEST_OPEN)
        reply_wrong(call);
    else
        reply_over(call);
}

static void on_approved(void *arg, enum store_status status,
                        const struct store_rows *const *results)
{
    struct code_call *call = arg;
    struct server *server = call->client.held.server;
    switch (status) {
    case STORE_OK:
        log_info("code accepted for %s on %s", LOG_NAME(store_text(results[1], 0, 1)),
                 call->client.host);
        request_wake(server, results[1]);
        client_reply(&call->client, json_object());
        return;
    case STORE_REFUSED: /* the code was used, or the request ended: the host is told which */
        store_run(server->store, STATEMENT_REQUEST_FOR_HOST,
                  VALUES(V_TEXT(call->id), V_TEXT(call->client.host)), on_state, call);
        return;
    case STORE_FAILED:
        client_stored(&call->client, status);
    }
}

static void approve(struct code_call *call)
{
    struct store *store = call->client.held.server->store;
    const struct store_value use[] = {V_TEXT(call->device), V_INT(call->step)};
    const struct store_value request[] = {V_TEXT(call->id), V_TEXT(call->client.host),
                                          V_INT(store_now_ms(store)), V_TEXT(call->device)};
    const struct store_value attempt[] = {V_TEXT(call->attempt)};
    const struct store_step steps[] = {
        {.statement = STATEMENT_CODE_USE, .values = use, .count = 2, .must_return = true},
        {.statement = STATEMENT_REQUEST_APPROVE_CODE,
         .values = request,
         .count = 4,
         .must_return = true},
        {.statement = STATEMENT_CODE_GOOD, .values = attempt, .count = 1},
        {.statement = STATEMENT_CODE_ENDS_ROW, .values = attempt, .count = 1},
    };
    store_run_steps(store, steps, 4, on_approved, call);
}

/* Compares with the secrets of all devices. True where one fits: call->device, call->step. */
static bool find_device(struct code_call *call, const struct store_rows *devices)
{
    const struct server *server = call->client.held.server;
    int64_t now = store_now_ms(server->store) / 1000, step;
    size_t count = store_count(devices), rounds = count < LEAST_SECRETS ? LEAST_SECRETS : count;
    unsigned char secret[SECRET_BOX_MAX];
    bool found = false;

    for (size_t i = 0; i < rounds; i++) {
        const char *device = store_text(devices, i, 0);
        int len = secret_box_open(server->box_key, device, store_text(devices, i, 1), secret,
                                  sizeof secret);
        bool real = len > 0;
        if (i < count && !real)
            log_error("the code secret of device %s cannot be opened: is this the right box key?",
                      device);
        if (!real)
            len = TOTP_SECRET;
        if (totp_find(secret, (size_t)len, now, call->code, &step) == 1 && real && !found) {
            found = true;
            call->step = step;
            snprintf(call->device, sizeof call->device, "%s", device);
        }
    }
    secret_wipe(secret, sizeof secret);
    return found;
}

static void on_reserved(void *arg, enum store_status status,
                        const struct store_rows *const *results)
{
    struct code_call *call = arg;
    if (!client_stored(&call->client, status))
        return;
    if (store_count(results[1]) == 0) {
        reply_not_reserved(call, results[2]);
    } else if (find_device(call, results[3])) {
        approve(call);
    } else {
        log_info("wrong code for %s on %s", LOG_NAME(store_text(results[1], 0, 0)),
                 call->client.host);
        reply_wrong(call);
    }
}

static void reserve(struct code_call *call)
{
    const struct server *server = call->client.held.server;
    const struct config *config = server->config;
    int64_t now = store_now_ms(server->store);
    const struct store_value values[] = {
        V_TEXT(call->attempt),
        V_INT(now),
        V_TEXT(call->id),
        V_TEXT(call->client.host),
        V_INT(now - call->window),
        V_INT(config_integer(config, "limits", "codes_wrong_user")),
        V_INT(config_integer(config, "limits", "codes_wrong_host")),
        V_INT(now - DAY_MS),
        V_INT(config_integer(config, "limits", "codes_wrong_in_row")),
    };
    const struct store_step steps[] = {
        client_seen_step(&call->client),
        {.statement = STATEMENT_CODE_RESERVE, .values = values, .count = 9},
        {.statement = STATEMENT_CODE_LOCK, .values = values + 2, .count = 7},
        {.statement = STATEMENT_CODE_SECRETS, .values = values + 2, .count = 2},
    };
    store_run_steps(server->store, steps, 4, on_reserved, call);
}

static void try(struct client_call *client)
{
    struct code_call *call = (struct code_call *)client;
    const char *id, *code;

    client->clear = clear;
    if (!(id = client_parameter(client, "auth_req_id", AUTH_REQ_ID_MAX)) ||
        !(code = client_parameter(client, "code", 32)))
        return;
    snprintf(call->id, sizeof call->id, "%s", id);
    call->code = totp_parse(code);
    call->window = config_integer(client->held.server->config, "limits", "codes_window") * 1000;
    call->attempt = random_token(16);
    if (!call->attempt)
        client_error(client, 500, "server_error", "no random values");
    else if (call->code < 0)
        client_error(client, 400, "invalid_request", "a code has six digits");
    else
        reserve(call);
}

void code_try(struct http_call *http, void *context)
{
    client_call_start(http, context, sizeof(struct code_call), try);
}
