/* What a phone shows and answers: requests, decide, activity (docs/phone-protocol.md, "Calls"). */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backend/phone_call.h"
#include "backend/request.h"
#include "backend/routes.h"
#include "common/base64url.h"
#include "common/json_text.h"
#include "common/log.h"
#include "common/login.h"

#define SHOWN_OVER_MS 120000   /* a request is shown for so long after its end */
#define SHOWN_DENIED_MS 600000 /* and for so long where "it wasn't me" may still be said of it */
#define LIFE_MAX_MS 600000
#define WAIT_MAX 25      /* seconds */
#define HELD_PER_USER 32 /* calls for requests */
#define HELD_RETRY 10
#define REQUEST_MAX 22 /* bytes of the details' request */
#define ACTIVITY_DEFAULT 20
#define ACTIVITY_MAX 100

static bool set_text(json_t *object, const char *name, const char *text)
{
    return json_object_set_new(object, name, json_string(text)) == 0;
}

/* --- requests ------------------------------------------------------------------------------- */

struct list_call {
    struct phone_call phone;
    char seen[REVISION_SIZE];
    int64_t until; /* milliseconds */
    bool asked;    /* the first look is over: the message is remembered */
};

/* A row of REQUEST_LIST. */
static json_t *describe_request(const struct list_call *call, const struct store_rows *rows,
                                size_t row, int64_t now)
{
    enum column { REQUEST, STATE, RESULT, ENDS, USED, DETAILS, DEVICE, DEVICE_NAME };
    int64_t ends = store_integer(rows, row, ENDS);
    const char *by = store_text(rows, row, DEVICE_NAME);
    if (strcmp(store_text(rows, row, DEVICE), call->phone.device) == 0)
        by = "this";
    json_t *request = json_pack("{ss, ss, ss}", "request", store_text(rows, row, REQUEST),
                                "details", store_text(rows, row, DETAILS), "by", by);
    const char *state = store_text(rows, row, STATE);
    bool over = request_states[request_state(state, ends, now)].over;
    json_int_t left = over ? 0 : (ends - now + 999) / 1000;
    if (request &&
        request_describe(request, state, store_text(rows, row, RESULT), ends,
                         store_integer(rows, row, USED), now) &&
        json_object_set_new(request, "expires_in", json_integer(left)) == 0)
        return request;
    json_decref(request);
    return NULL;
}

/* device: a row of DEVICE_ENABLED. */
static void reply_list(struct list_call *call, const char *revision,
                       const struct store_rows *device, const struct store_rows *rows)
{
    int64_t now = store_now_ms(call->phone.held.server->store);
    json_t *list = json_array();
    bool whole = list, enabled = store_integer(device, 0, 0) == 1;
    for (size_t i = 0; enabled && whole && i < store_count(rows); i++)
        whole = json_array_append_new(list, describe_request(call, rows, i, now)) == 0;
    if (!whole) {
        json_decref(list);
        list = NULL;
    }
    phone_reply(&call->phone, json_pack("{ss, so, sb}", "revision", revision, "requests", list,
                                        "push_ok", (int)store_integer(device, 0, 1)));
}

static void look(struct list_call *call);

static void on_wait_end(struct held_call *held, enum waiter_end end)
{
    (void)end;
    look((struct list_call *)held);
}

static void on_looked(void *arg, enum store_status status, const struct store_rows *const *results)
{
    struct list_call *call = arg;
    struct server *server = call->phone.held.server;
    int64_t now = store_now_ms(server->store);
    char revision[REVISION_SIZE];

    if (!phone_stored(&call->phone, status, results))
        return;
    if (waiters_revision(server->waiters, call->phone.user, revision) < 0) {
        phone_fail(&call->phone, PHONE_UNAVAILABLE, NULL);
        return;
    }
    if (strcmp(call->seen, revision) == 0 && now < call->until) {
        if (waiters_count(server->waiters, WAITER_USER, call->phone.user) >= HELD_PER_USER) {
            phone_error_with(&call->phone, PHONE_LIMITED, NULL,
                             json_pack("{si}", "retry_after", HELD_RETRY), HELD_RETRY);
            return;
        }
        call->asked = true;
        phone_call_slim(&call->phone);
        if (held_call_wait(&call->phone.held, WAITER_USER, call->phone.user,
                           (long)(call->until - now), on_wait_end))
            return;
    }
    reply_list(call, revision, results[1], results[2]);
}

/* The jti stays remembered from the first look; later ones only ask whether the device is still
 * there. */
static void look(struct list_call *call)
{
    struct store *store = call->phone.held.server->store;
    int64_t now = store_now_ms(store);
    const struct store_value device[] = {V_TEXT(call->phone.device)};
    const struct store_value list[] = {V_TEXT(call->phone.user),
                                       V_INT(now - LIFE_MAX_MS - SHOWN_DENIED_MS),
                                       V_INT(now - SHOWN_OVER_MS), V_INT(now - SHOWN_DENIED_MS)};
    const struct store_step steps[] = {
        call->asked ? (struct store_step){.statement = STATEMENT_DEVICE_ENABLED,
                                          .values = device,
                                          .count = 1}
                    : phone_seen_step(&call->phone),
        call->asked ? (struct store_step){.statement = STATEMENT_DEVICE_ENABLED,
                                          .values = device,
                                          .count = 1}
                    : phone_touch_step(&call->phone, STATEMENT_DEVICE_POLLED),
        {.statement = STATEMENT_REQUEST_LIST, .values = list, .count = 4},
    };
    store_run_steps(store, steps, 3, on_looked, call);
}

static void list_requests(struct phone_call *phone)
{
    struct list_call *call = (struct list_call *)phone;
    const json_t *payload = phone->jws->payload;
    const char *seen = json_text_string(payload, "seen", REVISION_SIZE - 1);
    int64_t wait;

    if (!seen || json_text_integer(payload, "wait", 0, WAIT_MAX, &wait) < 0) {
        phone_fail(phone, PHONE_BAD_MESSAGE, "wait or seen is missing or malformed");
        return;
    }
    snprintf(call->seen, sizeof call->seen, "%s", seen);
    call->until = store_now_ms(phone->held.server->store) + wait * 1000;
    look(call);
}

void phone_requests(struct http_call *http, void *context)
{
    phone_call_start(http, context, sizeof(struct list_call), PHONE_KNOWN, list_requests);
}

/* --- decide --------------------------------------------------------------------------------- */

struct decide_call {
    struct phone_call phone;
    const char *request, *compact; /* of the message */
    enum decision decision;
};

/* By enum decision. */
static const struct {
    enum statement statement;
    const char *result;
} transitions[] = {
    [DECISION_APPROVE] = {STATEMENT_REQUEST_APPROVE, NULL},
    [DECISION_DENY] = {STATEMENT_REQUEST_DENY, "denied"},
    [DECISION_NOT_ME] = {STATEMENT_REQUEST_DENY, "not_me"},
};

static void on_decided(void *arg, enum store_status status, const struct store_rows *const *results)
{
    enum column { STATE, RESULT, ENDS, USED, ID }; /* of REQUEST_STATE */
    struct decide_call *call = arg;
    struct server *server = call->phone.held.server;
    const struct store_rows *row = NULL;
    json_t *body;

    if (!phone_stored(&call->phone, status, results))
        return;
    row = results[3];
    if (store_count(row) == 0) {
        phone_fail(&call->phone, PHONE_NOT_FOUND, NULL);
        return;
    }
    if (store_count(results[2]))
        request_changed(server, store_text(row, 0, ID), call->phone.user);
    body = json_object();
    if (body && !request_describe(body, store_text(row, 0, STATE), store_text(row, 0, RESULT),
                                  store_integer(row, 0, ENDS), store_integer(row, 0, USED),
                                  store_now_ms(server->store))) {
        json_decref(body);
        body = NULL;
    }
    if (store_count(results[2]) == 0) {
        phone_error_with(&call->phone, PHONE_OVER, NULL, body, 0);
        return;
    }
    log_info("%s for %s by device %s", login_decisions[call->decision], LOG_NAME(call->phone.user),
             call->phone.device);
    phone_reply(&call->phone, body);
}

static void store_decision(struct decide_call *call)
{
    struct store *store = call->phone.held.server->store;
    const struct store_value values[] = {
        V_TEXT(call->phone.user),   V_TEXT(call->request),
        V_INT(store_now_ms(store)), V_TEXT(call->phone.device),
        V_TEXT(call->compact),      V_TEXT(transitions[call->decision].result),
    };
    const struct store_value state[] = {values[0], values[1], values[3]};
    const struct store_step steps[] = {
        phone_seen_step(&call->phone),
        phone_touch_step(&call->phone, STATEMENT_DEVICE_SEEN),
        {.statement = transitions[call->decision].statement,
         .values = values,
         .count = transitions[call->decision].result ? 6 : 5},
        {.statement = STATEMENT_REQUEST_STATE, .values = state, .count = 3},
        {.statement = STATEMENT_APPROVAL_ENDS_ROW, .values = values, .count = 4},
    };
    store_run_steps(store, steps, 5, on_decided, call);
}

/* The details never change after they were made: what is checked here holds when the decision is
 * stored. */
static void on_details(void *arg, enum store_status status, const struct store_rows *const *results)
{
    struct decide_call *call = arg;
    const char *text;
    unsigned char *details = NULL;
    size_t len;
    int number;
    enum decision_fault fault = DECISION_MALFORMED;

    if (status != STORE_OK) {
        phone_fail(&call->phone, PHONE_UNAVAILABLE, NULL);
        return;
    }
    if (store_count(results[0]) == 0) {
        phone_fail(&call->phone, PHONE_NOT_FOUND, NULL);
        return;
    }
    text = store_text(results[0], 0, 0);
    if (base64url_decode(text, strlen(text), &details, &len) == 0)
        fault = decision_check(call->compact, call->phone.key, (const char *)details, len,
                               &call->decision, &number);
    free(details);
    if (fault == DECISION_FITS)
        store_decision(call);
    else
        phone_fail(&call->phone, PHONE_BAD_MESSAGE, decision_faults[fault]);
}

static void decide(struct phone_call *phone)
{
    struct decide_call *call = (struct decide_call *)phone;
    call->request = json_text_string(phone->jws->payload, "request", REQUEST_MAX);
    call->compact = json_text_string(phone->jws->payload, "decision", JWS_MAX);
    if (call->request && call->compact)
        store_run(phone->held.server->store, STATEMENT_REQUEST_FOR_PHONE,
                  VALUES(V_TEXT(phone->user), V_TEXT(call->request)), on_details, call);
    else
        phone_fail(phone, PHONE_BAD_MESSAGE, "request or decision is missing or malformed");
}

void phone_decide(struct http_call *http, void *context)
{
    phone_call_start(http, context, sizeof(struct decide_call), PHONE_KNOWN, decide);
}

/* --- activity ------------------------------------------------------------------------------- */

/* A row of ACTIVITY. */
static json_t *describe_activity(const struct store_rows *rows, size_t row, int64_t now)
{
    enum column {
        MADE,
        HOST,
        HOST_NAME,
        SERVICE,
        RHOST,
        STATE,
        RESULT,
        ENDS,
        USED,
        METHOD,
        DEVICE_NAME
    };
    static const struct {
        const char *name;
        enum column column;
    } texts[] = {
        {"host", HOST},   {"host_name", HOST_NAME}, {"service", SERVICE},
        {"rhost", RHOST}, {"method", METHOD},       {"device", DEVICE_NAME},
    };
    json_t *entry = json_pack("{sI}", "at", (json_int_t)(store_integer(rows, row, MADE) / 1000));
    bool whole = entry && request_describe(
                              entry, store_text(rows, row, STATE), store_text(rows, row, RESULT),
                              store_integer(rows, row, ENDS), store_integer(rows, row, USED), now);
    for (size_t i = 0; whole && i < sizeof texts / sizeof *texts; i++)
        whole = set_text(entry, texts[i].name, store_text(rows, row, (int)texts[i].column));
    if (whole)
        return entry;
    json_decref(entry);
    return NULL;
}

static void on_activity(void *arg, enum store_status status,
                        const struct store_rows *const *results)
{
    struct phone_call *call = arg;
    int64_t now = store_now_ms(call->held.server->store);
    json_t *list;

    if (!phone_stored(call, status, results))
        return;
    list = json_array();
    for (size_t i = 0; list && i < store_count(results[2]); i++) {
        if (json_array_append_new(list, describe_activity(results[2], i, now)) == 0)
            continue;
        json_decref(list);
        list = NULL;
    }
    phone_reply(call, json_pack("{so}", "activity", list));
}

static void list_activity(struct phone_call *call)
{
    int64_t limit = ACTIVITY_DEFAULT;
    if (json_object_get(call->jws->payload, "limit") &&
        json_text_integer(call->jws->payload, "limit", 1, ACTIVITY_MAX, &limit) < 0) {
        phone_fail(call, PHONE_BAD_MESSAGE, "limit must be 1 to 100");
        return;
    }
    const struct store_value values[] = {V_TEXT(call->user), V_INT(limit)};
    const struct store_step steps[] = {
        phone_seen_step(call),
        phone_touch_step(call, STATEMENT_DEVICE_SEEN),
        {.statement = STATEMENT_ACTIVITY, .values = values, .count = 2},
    };
    store_run_steps(call->held.server->store, steps, 3, on_activity, call);
}

void phone_activity(struct http_call *http, void *context)
{
    phone_call_start(http, context, sizeof(struct phone_call), PHONE_KNOWN, list_activity);
}
