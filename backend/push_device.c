#include "backend/push_device.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backend/push_subscription.h"
#include "common/clock.h"
#include "common/log.h"

struct push_outbox {
    struct store *store;
    struct push_sender *sender;
    const char *services;
    struct push_delivery *first;
};

struct push_delivery {
    struct push_outbox *outbox;
    struct push_delivery *previous, *next;
    struct push_sending *sending;
    char *device, *subscription;
    char *shorter, *topic; /* or NULL */
    char urgency[9];
    bool ok;
    int64_t tried_until, kept_until; /* of clock_mono_ms */
    const struct push_watcher *watcher;
    void *arg;
};

struct push_outbox *push_outbox_new(struct store *store, struct push_sender *sender,
                                    const char *services)
{
    struct push_outbox *outbox = calloc(1, sizeof *outbox);

    if (outbox)
        *outbox = (struct push_outbox){store, sender, services, NULL};
    return outbox;
}

void push_outbox_free(struct push_outbox *outbox)
{
    while (outbox && outbox->first)
        push_delivery_cancel(outbox->first);
    free(outbox);
}

static void delivery_free(struct push_delivery *delivery)
{
    if (delivery->previous)
        delivery->previous->next = delivery->next;
    else
        delivery->outbox->first = delivery->next;
    if (delivery->next)
        delivery->next->previous = delivery->previous;
    free(delivery->device);
    free(delivery->subscription);
    free(delivery->shorter);
    free(delivery->topic);
    free(delivery);
}

void push_delivery_cancel(struct push_delivery *delivery)
{
    if (delivery->sending)
        push_cancel(delivery->sending);
    delivery_free(delivery);
}

void push_delivery_settle(struct push_delivery *delivery)
{
    delivery->tried_until = clock_mono_ms();
    if (delivery->sending)
        push_settle(delivery->sending);
}

/* Only a change is written: most pushes cost the store nothing. */
static void record(const struct push_delivery *delivery, enum push_result result)
{
    struct store *store = delivery->outbox->store;
    struct store_value device = V_TEXT(delivery->device), push = V_TEXT(delivery->subscription);
    bool ok = result == PUSH_TAKEN;

    if (result == PUSH_GONE)
        store_run(store, STATEMENT_DEVICE_PUSH_GONE, VALUES(device, push), NULL, NULL);
    else if (ok != delivery->ok)
        store_run(store, STATEMENT_DEVICE_PUSH_OK, VALUES(device, push, V_INT(ok)), NULL, NULL);
}

static void on_late(void *arg)
{
    struct push_delivery *delivery = arg;

    if (delivery->watcher->late)
        delivery->watcher->late(delivery->arg);
}

static int send_text(struct push_delivery *delivery, const char *text);

static void on_done(void *arg, enum push_result result, long status)
{
    struct push_delivery *delivery = arg;
    void (*done)(void *, bool) = delivery->watcher->done;
    void *done_arg = delivery->arg;
    char *shorter = delivery->shorter;
    bool again;

    delivery->sending = NULL;
    delivery->shorter = NULL;
    again = result == PUSH_TOO_LARGE && shorter && send_text(delivery, shorter) == 0;
    free(shorter);
    if (again)
        return;
    if (result != PUSH_TAKEN)
        log_info("push to device %s: %s (status %ld)", delivery->device, push_results[result],
                 status);
    record(delivery, result);
    delivery_free(delivery);
    if (done)
        done(done_arg, result == PUSH_TAKEN);
}

static int send_text(struct push_delivery *delivery, const char *text)
{
    static const struct push_listener listener = {on_late, on_done};
    struct push_subscription to;
    char why[400];
    int64_t now = clock_mono_ms();

    if (push_subscription_parse(delivery->subscription, delivery->outbox->services, &to, why,
                                sizeof why)) {
        log_warn("push to device %s: %s", delivery->device, why);
        record(delivery, PUSH_REFUSED);
        return -1;
    }
    const struct push_message message = {
        .endpoint = to.endpoint,
        .origin = to.origin,
        .receiver = &to.receiver,
        .text = text,
        .topic = delivery->topic,
        .urgency = delivery->urgency,
        .try_ms = delivery->tried_until - now,
        .keep_ms = delivery->kept_until - now,
    };
    delivery->sending = push_send(delivery->outbox->sender, &message, &listener, delivery);
    return delivery->sending ? 0 : -1;
}

static int copy(char **to, const char *from)
{
    *to = from ? strdup(from) : NULL;
    return from && !*to ? -1 : 0;
}

struct push_delivery *push_deliver(struct push_outbox *outbox, const struct push_target *target,
                                   const struct push_note *note, const struct push_watcher *watcher,
                                   void *arg)
{
    struct push_delivery *delivery = calloc(1, sizeof *delivery);

    if (!delivery)
        return NULL;
    delivery->outbox = outbox;
    delivery->next = outbox->first;
    if (delivery->next)
        delivery->next->previous = delivery;
    outbox->first = delivery;
    delivery->ok = target->ok;
    delivery->tried_until = clock_mono_ms() + note->try_ms;
    delivery->kept_until = clock_mono_ms() + note->keep_ms;
    delivery->watcher = watcher;
    delivery->arg = arg;
    snprintf(delivery->urgency, sizeof delivery->urgency, "%s", note->urgency);
    if (copy(&delivery->device, target->device) ||
        copy(&delivery->subscription, target->subscription) ||
        copy(&delivery->shorter, note->shorter) || copy(&delivery->topic, note->topic) ||
        send_text(delivery, note->text)) {
        delivery_free(delivery);
        return NULL;
    }
    return delivery;
}
