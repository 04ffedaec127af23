#include <stdlib.h>
#include <string.h>

#include "backend/push.h"
#include "backend/push_private.h"
#include "backend/push_text.h"
#include "backend/request.h"
#include "common/log.h"

#define BUCKETS 1024
#define SWEEP_SECONDS 30
#define KEPT_MS 60000 /* after its end, a request that nobody said the end of is forgotten */
#define OVER_TRY_MS 10000
#define OVER_KEEP_MS 600000

/* A phone that a request is pushed to. */
struct phone {
    struct pushed *pushed;
    char *device;
    struct push_delivery *delivery; /* while it is on its way */
    bool counted;                   /* in pushed->unsure */
    bool taken;
};

/* A request, and what its phones know of it. */
struct pushed {
    struct push_requests *requests;
    struct pushed *next; /* in its bucket */
    char *id, *request, *user, *details;
    int64_t ends;
    struct phone *phones;
    size_t count;
    size_t unsure; /* pushes of which nothing is known yet */
    bool reached;  /* some phone has it */
};

struct push_requests {
    struct push *push;
    struct event *sweep;
    struct pushed *buckets[BUCKETS];
};

/* For callbacks of the store: the request may be gone when they come. */
struct ask {
    struct push_requests *requests;
    char id[];
};

static size_t bucket_of(const char *id) /* ids are random, and our own */
{
    size_t hash = 5381;

    while (*id)
        hash = hash * 33 + (unsigned char)*id++;
    return hash % BUCKETS;
}

static struct pushed **find(struct push_requests *requests, const char *id)
{
    struct pushed **link = &requests->buckets[bucket_of(id)];

    while (*link && strcmp((*link)->id, id) != 0)
        link = &(*link)->next;
    return link;
}

static void pushed_free(struct pushed *pushed)
{
    for (size_t i = 0; i < pushed->count; i++) {
        if (pushed->phones[i].delivery)
            push_delivery_cancel(pushed->phones[i].delivery);
        free(pushed->phones[i].device);
    }
    free(pushed->phones);
    free(pushed->details);
    free(pushed->user);
    free(pushed->request);
    free(pushed->id);
    free(pushed);
}

/* Takes it out of the table; the caller frees it. */
static struct pushed *take(struct pushed **link)
{
    struct pushed *pushed = *link;

    *link = pushed->next;
    return pushed;
}

static void on_sweep(evutil_socket_t fd, short what, void *arg)
{
    struct push_requests *requests = arg;
    int64_t now = store_now_ms(requests->push->server->store);

    (void)fd;
    (void)what;
    for (size_t i = 0; i < BUCKETS; i++) {
        struct pushed **link = &requests->buckets[i];
        while (*link) {
            if ((*link)->ends + KEPT_MS < now)
                pushed_free(take(link));
            else
                link = &(*link)->next;
        }
    }
}

struct push_requests *push_requests_new(struct push *push)
{
    static const struct timeval each = {.tv_sec = SWEEP_SECONDS};
    struct push_requests *requests = calloc(1, sizeof *requests);

    if (!requests)
        return NULL;
    requests->push = push;
    requests->sweep = event_new(push->server->base, -1, EV_PERSIST, on_sweep, requests);
    if (!requests->sweep || event_add(requests->sweep, &each)) {
        push_requests_free(requests);
        return NULL;
    }
    return requests;
}

void push_requests_free(struct push_requests *requests)
{
    if (!requests)
        return;
    for (size_t i = 0; i < BUCKETS; i++) {
        while (requests->buckets[i])
            pushed_free(take(&requests->buckets[i]));
    }
    if (requests->sweep)
        event_free(requests->sweep);
    free(requests);
}

static struct ask *ask_new(struct push_requests *requests, const char *id)
{
    size_t len = strlen(id) + 1;
    struct ask *ask = malloc(sizeof *ask + len);

    if (ask) {
        ask->requests = requests;
        memcpy(ask->id, id, len);
    }
    return ask;
}

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

static void phone_done(void *arg, bool taken)
{
    struct phone *phone = arg;

    phone->delivery = NULL;
    phone->taken = taken;
    if (taken)
        phone->pushed->reached = true;
    stop_counting(phone);
}

/* --- a new request -------------------------------------------------------------------------- */

static void push_to(struct phone *phone, const struct store_rows *rows, size_t row,
                    const struct push_note *note)
{
    static const struct push_watcher watcher = {phone_late, phone_done};
    const struct push_target target = {phone->device, store_text(rows, row, 3),
                                       store_integer(rows, row, 4) != 0};

    phone->delivery =
        push_deliver(phone->pushed->requests->push->outbox, &target, note, &watcher, phone);
    if (phone->delivery) {
        phone->counted = true;
        phone->pushed->unsure++;
    }
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
        if (strcmp(store_text(rows, row, 1), "terminal") == 0 ||
            store_integer(rows, row, 2) > now - PUSH_POLLED_MS)
            pushed->reached = true;
        if (store_is_null(rows, row, 3))
            continue;
        *phone = (struct phone){.pushed = pushed, .device = strdup(store_text(rows, row, 0))};
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
    struct ask *ask = arg;
    struct pushed **link = find(ask->requests, ask->id);
    int64_t now = store_now_ms(ask->requests->push->server->store);

    if (*link && status == STORE_OK) {
        if (push_to_phones(*link, results[0], now))
            log_error("push: no memory");
        free((*link)->details);
        (*link)->details = NULL;
        tell_if_unreached(*link);
    }
    free(ask);
}

void push_request(struct server *server, const char *id, const char *request, const char *user,
                  const char *details, int64_t ends)
{
    struct push_requests *requests = server->push ? server->push->requests : NULL;
    struct pushed *pushed, **link;
    struct ask *ask;

    if (!requests)
        return;
    pushed = calloc(1, sizeof *pushed);
    ask = ask_new(requests, id);
    if (!pushed || !ask)
        goto fail;
    *pushed = (struct pushed){.requests = requests,
                              .id = strdup(id),
                              .request = strdup(request),
                              .user = strdup(user),
                              .details = strdup(details),
                              .ends = ends};
    if (!pushed->id || !pushed->request || !pushed->user || !pushed->details)
        goto fail;
    link = find(requests, id);
    pushed->next = *link;
    *link = pushed;
    store_run(server->store, STATEMENT_PUSH_DEVICES, VALUES(V_TEXT(user)), phones_found, ask);
    return;
fail:
    log_error("push: no memory");
    free(ask);
    if (pushed)
        pushed_free(pushed);
}

/* --- its end -------------------------------------------------------------------------------- */

/* Also to a phone whose push is still on its way: it may arrive. */
static bool knows_of_it(const struct pushed *pushed, const char *device)
{
    for (size_t i = 0; i < pushed->count; i++) {
        const struct phone *phone = &pushed->phones[i];
        if (phone->device && strcmp(phone->device, device) == 0)
            return phone->taken || phone->delivery;
    }
    return false;
}

static void send_over(const struct pushed *pushed, const struct store_rows *rows)
{
    static const struct push_watcher nobody = {NULL, NULL};
    struct push_note note = {.urgency = "normal", .try_ms = OVER_TRY_MS, .keep_ms = OVER_KEEP_MS};
    char *text = push_text_over(pushed->request), *topic = push_topic(pushed->request);

    if (!text || !topic)
        goto out;
    note.text = text;
    note.topic = topic;
    for (size_t row = 0; row < store_count(rows); row++) {
        const struct push_target target = {store_text(rows, row, 0), store_text(rows, row, 3),
                                           store_integer(rows, row, 4) != 0};
        if (!store_is_null(rows, row, 3) && knows_of_it(pushed, target.device))
            push_deliver(pushed->requests->push->outbox, &target, &note, &nobody, NULL);
    }
out:
    free(topic);
    free(text);
}

static void over_phones_found(void *arg, enum store_status status,
                              const struct store_rows *const *results)
{
    struct pushed *pushed = arg;

    if (status == STORE_OK)
        send_over(pushed, results[0]);
    pushed_free(pushed);
}

/* The phone that answered closes its notification itself. */
static void forget_answering(struct pushed *pushed, const char *method, const char *device)
{
    for (size_t i = 0; i < pushed->count && strcmp(method, "phone") == 0; i++) {
        if (strcmp(pushed->phones[i].device, device) == 0)
            pushed->phones[i].taken = false;
    }
}

static void state_found(void *arg, enum store_status status,
                        const struct store_rows *const *results)
{
    struct ask *ask = arg;
    struct store *store = ask->requests->push->server->store;
    struct pushed **link = find(ask->requests, ask->id), *pushed;
    enum request_state state = REQUEST_NONE;

    if (!*link || status != STORE_OK)
        goto out;
    if (store_count(results[0]) > 0)
        state = request_state(store_text(results[0], 0, 0), store_integer(results[0], 0, 1),
                              store_now_ms(store));
    if (state < REQUEST_NONE && !request_states[state].over)
        goto out;
    pushed = take(link);
    if (state < REQUEST_NONE)
        forget_answering(pushed, store_text(results[0], 0, 2), store_text(results[0], 0, 3));
    store_run(store, STATEMENT_PUSH_DEVICES, VALUES(V_TEXT(pushed->user)), over_phones_found,
              pushed);
out:
    free(ask);
}

void push_changed(struct server *server, const char *id)
{
    struct push_requests *requests = server->push ? server->push->requests : NULL;
    struct ask *ask;

    if (!requests || !*find(requests, id))
        return;
    ask = ask_new(requests, id);
    if (ask)
        store_run(server->store, STATEMENT_PUSH_REQUEST, VALUES(V_TEXT(id)), state_found, ask);
}
