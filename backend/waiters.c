#include "backend/waiters.h"

#include <inttypes.h>
#include <search.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/random.h"

/* libevent's clock is coarse: a timer can be some milliseconds early. What a later wake-up tells of
 * must have come true by then. */
#define EARLY_MS 20

/* A ring through a head that is no waiter, so that a waiter can leave without knowing its list. */
struct link {
    struct link *next, *previous;
};

/* What is waited for. A user's stays, for its revision. */
struct topic {
    struct link waiters;
    size_t count; /* waiters, and a wake-up that is under way */
    uint64_t revision;
    enum waiter_kind kind;
    char key[];
};

struct waiter {
    struct link link; /* first: a link is a waiter */
    struct waiters *waiters;
    struct topic *topic;
    struct event *timer;
    void (*done)(void *arg, enum waiter_end end);
    void *arg;
};

/* A wake-up that comes later. */
struct alarm {
    struct link link; /* first, as above */
    struct waiters *waiters;
    struct event *timer;
    enum waiter_kind kind;
    char key[];
};

struct waiters {
    struct event_base *base;
    void *topics; /* tree */
    struct link alarms;
    char *boot; /* another one after each start */
};

static void link_init(struct link *head)
{
    head->next = head->previous = head;
}

static void link_add(struct link *head, struct link *link)
{
    link->next = head;
    link->previous = head->previous;
    head->previous->next = link;
    head->previous = link;
}

static void link_remove(struct link *link)
{
    link->next->previous = link->previous;
    link->previous->next = link->next;
}

static int compare(const void *a, const void *b)
{
    const struct topic *one = a, *other = b;
    if (one->kind != other->kind)
        return one->kind < other->kind ? -1 : 1;
    return strcmp(one->key, other->key);
}

struct waiters *waiters_new(struct event_base *base)
{
    struct waiters *waiters = calloc(1, sizeof *waiters);
    if (!waiters)
        return NULL;
    waiters->base = base;
    link_init(&waiters->alarms);
    waiters->boot = random_token(8);
    if (!waiters->boot) {
        free(waiters);
        return NULL;
    }
    return waiters;
}

static void free_waiter(struct waiter *waiter)
{
    link_remove(&waiter->link);
    event_free(waiter->timer);
    free(waiter);
}

static void free_topic(void *data)
{
    struct topic *topic = data;
    while (topic->waiters.next != &topic->waiters)
        free_waiter((struct waiter *)topic->waiters.next);
    free(topic);
}

static void free_alarm(struct alarm *alarm)
{
    link_remove(&alarm->link);
    if (alarm->timer)
        event_free(alarm->timer);
    free(alarm);
}

void waiters_free(struct waiters *waiters)
{
    if (!waiters)
        return;
    while (waiters->alarms.next != &waiters->alarms)
        free_alarm((struct alarm *)waiters->alarms.next);
    tdestroy(waiters->topics, free_topic);
    free(waiters->boot);
    free(waiters);
}

static struct topic *new_topic(enum waiter_kind kind, const char *key)
{
    size_t len = strlen(key);
    struct topic *topic = calloc(1, sizeof *topic + len + 1);
    if (!topic)
        return NULL;
    topic->kind = kind;
    memcpy(topic->key, key, len + 1);
    link_init(&topic->waiters);
    return topic;
}

static struct topic *find_topic(const struct waiters *waiters, enum waiter_kind kind,
                                const char *key)
{
    struct topic *wanted = new_topic(kind, key);
    struct topic **node = wanted ? tfind(wanted, &waiters->topics, compare) : NULL;
    free(wanted);
    return node ? *node : NULL;
}

static struct topic *make_topic(struct waiters *waiters, enum waiter_kind kind, const char *key)
{
    struct topic *wanted = new_topic(kind, key);
    struct topic **node = wanted ? tsearch(wanted, &waiters->topics, compare) : NULL;
    if (!node || *node != wanted)
        free(wanted);
    return node ? *node : NULL;
}

/* One less has to do with the topic. */
static void leave_topic(struct waiters *waiters, struct topic *topic)
{
    if (--topic->count > 0 || topic->kind == WAITER_USER)
        return;
    tdelete(topic, &waiters->topics, compare);
    free_topic(topic);
}

void waiters_remove(struct waiter *waiter)
{
    if (!waiter)
        return;
    struct waiters *waiters = waiter->waiters;
    struct topic *topic = waiter->topic;
    free_waiter(waiter);
    leave_topic(waiters, topic);
}

static void finish(struct waiter *waiter, enum waiter_end end)
{
    void (*done)(void *, enum waiter_end) = waiter->done;
    void *arg = waiter->arg;
    waiters_remove(waiter);
    done(arg, end);
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
    (void)fd, (void)what;
    finish(arg, WAITER_LATE);
}

struct waiter *waiters_add(struct waiters *waiters, enum waiter_kind kind, const char *key, long ms,
                           void (*done)(void *arg, enum waiter_end end), void *arg)
{
    struct timeval time = {.tv_sec = ms / 1000, .tv_usec = (ms % 1000) * 1000};
    struct waiter *waiter = calloc(1, sizeof *waiter);
    struct topic *topic = waiter ? make_topic(waiters, kind, key) : NULL;
    if (!topic)
        goto out;
    topic->count++;
    *waiter = (struct waiter){.waiters = waiters, .topic = topic, .done = done, .arg = arg};
    link_add(&topic->waiters, &waiter->link);
    waiter->timer = evtimer_new(waiters->base, on_timer, waiter);
    if (waiter->timer && evtimer_add(waiter->timer, &time) == 0)
        return waiter;
    link_remove(&waiter->link);
    leave_topic(waiters, topic);
    if (waiter->timer)
        event_free(waiter->timer);
out:
    free(waiter);
    return NULL;
}

size_t waiters_count(const struct waiters *waiters, enum waiter_kind kind, const char *key)
{
    const struct topic *topic = find_topic(waiters, kind, key);
    return topic ? topic->count : 0;
}

void waiters_wake(struct waiters *waiters, enum waiter_kind kind, const char *key)
{
    struct topic *topic = find_topic(waiters, kind, key);
    struct link woken;
    if (!topic)
        return;
    topic->revision++;
    if (topic->waiters.next == &topic->waiters)
        return;
    /* Those who wait now; who starts again meanwhile waits for the next change. */
    woken = topic->waiters;
    woken.next->previous = woken.previous->next = &woken;
    link_init(&topic->waiters);
    topic->count++;
    while (woken.next != &woken)
        finish((struct waiter *)woken.next, WAITER_CHANGED);
    leave_topic(waiters, topic);
}

static void on_alarm(evutil_socket_t fd, short what, void *arg)
{
    (void)fd, (void)what;
    struct alarm *alarm = arg;
    waiters_wake(alarm->waiters, alarm->kind, alarm->key);
    free_alarm(alarm);
}

void waiters_wake_later(struct waiters *waiters, enum waiter_kind kind, const char *key, long ms)
{
    long late = ms + EARLY_MS;
    struct timeval time = {.tv_sec = late / 1000, .tv_usec = (late % 1000) * 1000};
    size_t len = strlen(key);
    struct alarm *alarm = calloc(1, sizeof *alarm + len + 1);
    if (!alarm) {
        waiters_wake(waiters, kind, key);
        return;
    }
    alarm->waiters = waiters;
    alarm->kind = kind;
    memcpy(alarm->key, key, len + 1);
    link_add(&waiters->alarms, &alarm->link);
    alarm->timer = evtimer_new(waiters->base, on_alarm, alarm);
    /* Counted from now, and not from when this turn of the loop began. */
    event_base_update_cache_time(waiters->base);
    if (!alarm->timer || evtimer_add(alarm->timer, &time) < 0) {
        free_alarm(alarm);
        waiters_wake(waiters, kind, key);
    }
}

int waiters_revision(struct waiters *waiters, const char *user, char out[REVISION_SIZE])
{
    const struct topic *topic = make_topic(waiters, WAITER_USER, user);
    if (!topic)
        return -1;
    snprintf(out, REVISION_SIZE, "%s-%" PRIu64, waiters->boot, topic->revision);
    return 0;
}
