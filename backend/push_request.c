#include <stdlib.h>
#include <string.h>

#include "backend/push.h"
#include "backend/push_table.h"
#include "backend/push_text.h"
#include "backend/request.h"
#include "common/log.h"

#define OVER_TRY_MS 10000
#define OVER_KEEP_MS 600000

/* A row of PUSH_DEVICES. */
enum column { DEVICE, PLATFORM, POLLED, PUSH, PUSH_OK };

/* --- is any phone reached? ------------------------------------------------------------------ */

static void unreached_kept(void *arg, enum store_status status,
                           const struct store_rows *const *results)
{
    if (status == STORE_OK)
        request_wake(arg, results[0]);
}

static void tell_if_unreached(struct pushed *pushed)
{
    struct server *server = pushed->requests->push->server;

    if (pushed->unsure > 0 || pushed->reached)
        return;
    store_run(server->store, STATEMENT_REQUEST_UNREACHED, VALUES(V_TEXT(pushed->id)),
              unreached_kept, server);
}

/* The push to this phone is settled, or takes too long to wait for. */
static void stop_counting(struct phone *phone)
{
    if (!phone->counted)
        return;
    phone->counted = false;
    phone->pushed->unsure--;
    tell_if_unreached(phone->pushed);
}

static void phone_late(void *arg)
{
    stop_counting(arg);
}

static void tell_end(struct pushed *pushed);

static void phone_done(void *arg, bool taken)
{
    struct phone *phone = arg;
    struct pushed *pushed = phone->pushed;

    phone->delivery = NULL;
    phone->shows = taken && !phone->answered;
    if (taken)
        pushed->reached = true;
    stop_counting(phone);
    if (pushed->over)
        tell_end(pushed);
}

/* --- a new request -------------------------------------------------------------------------- */

static void push_to(struct phone *phone, const struct store_rows *rows, size_t row,
                    const struct push_note *note)
{
    static const struct push_watcher watcher = {phone_late, phone_done};
    const struct push_target target = {phone->device, store_text(rows, row, PUSH),
                                       store_integer(rows, row, PUSH_OK) != 0};

    phone->delivery =
        push_deliver(phone->pushed->requests->push->outbox, &target, note, &watcher, phone);
    if (phone->delivery) {
        phone->counted = true;
        phone->pushed->unsure++;
    }
}

/* Notes who looks for requests by itself. True where any phone has a subscription. */
static bool look_at_phones(struct pushed *pushed, const struct store_rows *rows, int64_t now)
{
    bool found = false;

    for (size_t row = 0; row < store_count(rows); row++) {
        if (strcmp(store_text(rows, row, PLATFORM), "terminal") == 0 ||
            store_integer(rows, row, POLLED) > now - PUSH_POLLED_MS)
            pushed->reached = true;
        if (!store_is_null(rows, row, PUSH))
            found = true;
    }
    return found;
}

static int push_to_phones(struct pushed *pushed, const struct store_rows *rows, int64_t now)
{
    struct push_note note = {.urgency = "high"};
    char *text = push_text_request(pushed->request, pushed->details, pushed->ends / 1000);
    char *shorter = push_text_request(pushed->request, NULL, pushed->ends / 1000);
    char *topic = push_topic(pushed->request);
    int result = -1;

    pushed->phones = calloc(store_count(rows) + 1, sizeof *pushed->phones);
    if (!text || !shorter || !pushed->phones || !topic)
        goto out;
    note.text = text;
    note.shorter = shorter;
    note.topic = topic;
    note.try_ms = note.keep_ms = pushed->ends - now;
    for (size_t row = 0; row < store_count(rows); row++) {
        struct phone *phone = &pushed->phones[pushed->count];
        if (store_is_null(rows, row, PUSH))
            continue;
        *phone = (struct phone){.pushed = pushed, .device = strdup(store_text(rows, row, DEVICE))};
        if (!phone->device)
            goto out;
        pushed->count++;
        push_to(phone, rows, row, &note);
    }
    result = 0;
out:
    free(topic);
    free(shorter);
    free(text);
    return result;
}

static void phones_found(void *arg, enum store_status status,
                         const struct store_rows *const *results)
{
    struct push_ask *ask = arg;
    struct pushed **link = pushed_find(ask->requests, ask->id);
    int64_t now = store_now_ms(ask->requests->push->server->store);

    if (*link && !(*link)->over && status == STORE_OK) {
        if (look_at_phones(*link, results[0], now) && push_to_phones(*link, results[0], now))
            log_error("push: no memory");
        free((*link)->details);
        (*link)->details = NULL;
        tell_if_unreached(*link);
        if ((*link)->count == 0) /* nobody to tell the end */
            pushed_remove(link);
    }
    free(ask);
}

void push_request(struct server *server, const char *id, const char *request, const char *user,
                  const char *details, int64_t ends)
{
    struct push_requests *requests = server->push ? server->push->requests : NULL;
    struct push_ask *ask;

    if (!requests)
        return;
    ask = push_ask_new(requests, id);
    if (!ask || !pushed_add(requests, id, request, user, details, ends)) {
        log_error("push: no memory");
        free(ask);
        return;
    }
    store_run(server->store, STATEMENT_PUSH_DEVICES, VALUES(V_TEXT(user)), phones_found, ask);
}

/* --- its end -------------------------------------------------------------------------------- */

static void send_over(struct pushed *pushed, const struct store_rows *rows)
{
    static const struct push_watcher nobody = {NULL, NULL};
    struct push_note note = {.urgency = "normal", .try_ms = OVER_TRY_MS, .keep_ms = OVER_KEEP_MS};
    char *text = push_text_over(pushed->request), *topic = push_topic(pushed->request);

    if (!text || !topic)
        goto out;
    note.text = text;
    note.topic = topic;
    for (size_t row = 0; row < store_count(rows); row++) {
        const struct push_target target = {store_text(rows, row, DEVICE),
                                           store_text(rows, row, PUSH),
                                           store_integer(rows, row, PUSH_OK) != 0};
        struct phone *phone = pushed_phone(pushed, target.device);
        if (!phone || !phone->shows || store_is_null(rows, row, PUSH))
            continue;
        phone->shows = false;
        push_deliver(pushed->requests->push->outbox, &target, &note, &nobody, NULL);
    }
out:
    free(topic);
    free(text);
}

static void end_phones_found(void *arg, enum store_status status,
                             const struct store_rows *const *results)
{
    struct push_ask *ask = arg;
    struct pushed **link = pushed_find(ask->requests, ask->id);

    if (*link) {
        if (status == STORE_OK)
            send_over(*link, results[0]);
        if (!pushed_on_its_way(*link))
            pushed_remove(link);
    }
    free(ask);
}

/* Once the request is over, and again whenever a push that was on its way then has arrived: the end
 * must come after it. */
static void tell_end(struct pushed *pushed)
{
    struct push_ask *ask = push_ask_new(pushed->requests, pushed->id);

    if (ask)
        store_run(pushed->requests->push->server->store, STATEMENT_PUSH_DEVICES,
                  VALUES(V_TEXT(pushed->user)), end_phones_found, ask);
}

/* by: the phone that answered, which closes its notification itself, or "". */
static void end_request(struct pushed *pushed, const char *by)
{
    struct phone *phone = pushed_phone(pushed, by);

    if (phone) {
        phone->answered = true;
        phone->shows = false;
    }
    pushed->over = true;
    for (size_t i = 0; i < pushed->count; i++) {
        if (pushed->phones[i].delivery)
            push_delivery_settle(pushed->phones[i].delivery);
    }
    tell_end(pushed);
}

static void state_found(void *arg, enum store_status status,
                        const struct store_rows *const *results)
{
    enum { STATE, ENDS, METHOD, BY }; /* columns of PUSH_REQUEST */
    struct push_ask *ask = arg;
    struct store *store = ask->requests->push->server->store;
    struct pushed *pushed = *pushed_find(ask->requests, ask->id);
    enum request_state state = REQUEST_NONE;
    const char *by = "";

    if (!pushed || pushed->over || status != STORE_OK)
        goto out;
    if (store_count(results[0]) > 0) {
        state = request_state(store_text(results[0], 0, STATE), store_integer(results[0], 0, ENDS),
                              store_now_ms(store));
        if (strcmp(store_text(results[0], 0, METHOD), "phone") == 0)
            by = store_text(results[0], 0, BY);
    }
    if (state == REQUEST_NONE || request_states[state].over)
        end_request(pushed, by);
out:
    free(ask);
}

void push_changed(struct server *server, const char *id)
{
    struct push_requests *requests = server->push ? server->push->requests : NULL;
    struct push_ask *ask;

    if (!requests || !*pushed_find(requests, id))
        return;
    ask = push_ask_new(requests, id);
    if (ask)
        store_run(server->store, STATEMENT_PUSH_REQUEST, VALUES(V_TEXT(id)), state_found, ask);
}
