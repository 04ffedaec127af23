#include "backend/push_table.h"

#include <stdlib.h>
#include <string.h>

#define SWEEP_SECONDS 30
#define KEPT_MS 60000 /* after its end, a request that nobody told the end of is forgotten */

struct push_ask *push_ask_new(struct push_requests *requests, const char *id)
{
    size_t len = strlen(id) + 1;
    struct push_ask *ask = malloc(sizeof *ask + len);

    if (ask) {
        ask->requests = requests;
        memcpy(ask->id, id, len);
    }
    return ask;
}

static size_t bucket_of(const char *id) /* ids are random, and our own */
{
    size_t hash = 5381;

    while (*id)
        hash = hash * 33 + (unsigned char)*id++;
    return hash % PUSH_BUCKETS;
}

struct pushed **pushed_find(struct push_requests *requests, const char *id)
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

void pushed_remove(struct pushed **link)
{
    struct pushed *pushed = *link;

    *link = pushed->next;
    pushed_free(pushed);
}

struct pushed *pushed_add(struct push_requests *requests, const char *id, const char *request,
                          const char *user, const char *details, int64_t ends)
{
    struct pushed *pushed = calloc(1, sizeof *pushed), **link = pushed_find(requests, id);

    if (!pushed)
        return NULL;
    *pushed = (struct pushed){.requests = requests,
                              .id = strdup(id),
                              .request = strdup(request),
                              .user = strdup(user),
                              .details = strdup(details),
                              .ends = ends};
    if (!pushed->id || !pushed->request || !pushed->user || !pushed->details) {
        pushed_free(pushed);
        return NULL;
    }
    pushed->next = *link;
    *link = pushed;
    return pushed;
}

struct phone *pushed_phone(struct pushed *pushed, const char *device)
{
    for (size_t i = 0; i < pushed->count; i++) {
        if (strcmp(pushed->phones[i].device, device) == 0)
            return &pushed->phones[i];
    }
    return NULL;
}

bool pushed_on_its_way(const struct pushed *pushed)
{
    for (size_t i = 0; i < pushed->count; i++) {
        if (pushed->phones[i].delivery)
            return true;
    }
    return false;
}

static void on_sweep(evutil_socket_t fd, short what, void *arg)
{
    struct push_requests *requests = arg;
    int64_t now = store_now_ms(requests->push->server->store);

    (void)fd;
    (void)what;
    for (size_t i = 0; i < PUSH_BUCKETS; i++) {
        struct pushed **link = &requests->buckets[i];
        while (*link) {
            if ((*link)->ends + KEPT_MS < now)
                pushed_remove(link);
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
    for (size_t i = 0; i < PUSH_BUCKETS; i++) {
        while (requests->buckets[i])
            pushed_remove(&requests->buckets[i]);
    }
    if (requests->sweep)
        event_free(requests->sweep);
    free(requests);
}
