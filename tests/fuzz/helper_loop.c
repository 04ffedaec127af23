/* libevent's part that the helper uses, on a clock of its own. */
#include <event2/event.h>
#include <poll.h>

#include "common/clock.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/helper_world.h"

#define TURNS_MOST 10000

struct event {
    struct event *next, **link;
    evutil_socket_t fd;
    short what;
    event_callback_fn callback;
    void *arg;
    bool added;
    int64_t due; /* INT64_MAX: no timer */
    uint64_t order;
};

static struct event *events;
static uint64_t orders;
static int64_t now_ms;

int64_t clock_mono_ms(void)
{
    return 1000000 + now_ms;
}

int64_t clock_boot_ms(void)
{
    return clock_mono_ms();
}

int64_t clock_wall_ms(void)
{
    return INT64_C(1000) * WORLD_START + now_ms;
}

int64_t clock_wall(void)
{
    return clock_wall_ms() / 1000;
}

struct event *event_new(struct event_base *base, evutil_socket_t fd, short what,
                        event_callback_fn callback, void *arg)
{
    struct event *event = calloc(1, sizeof *event);

    (void)base;
    MUST(event);
    *event = (struct event){.next = events,
                            .link = &events,
                            .fd = fd,
                            .what = what,
                            .callback = callback,
                            .arg = arg,
                            .due = INT64_MAX};
    if (events)
        events->link = &event->next;
    events = event;
    return event;
}

int event_add(struct event *event, const struct timeval *after)
{
    event->added = true;
    event->order = ++orders;
    if (after) {
        MUST(after->tv_sec >= 0 && after->tv_usec >= 0 && after->tv_usec < 1000000);
        event->due = now_ms + after->tv_sec * 1000 + after->tv_usec / 1000;
    }
    return 0;
}

int event_del(struct event *event)
{
    event->added = false;
    event->due = INT64_MAX;
    return 0;
}

void event_free(struct event *event)
{
    *event->link = event->next;
    if (event->next)
        event->next->link = event->link;
    free(event);
}

void loop_reset(void)
{
    MUST(!events);
    now_ms = 0;
    orders = 0;
}

static bool is_ready(const struct event *event)
{
    struct pollfd polled = {.fd = event->fd, .events = POLLIN};

    if (!event->added)
        return false;
    return event->due <= now_ms || (event->fd >= 0 && poll(&polled, 1, 0) == 1);
}

/* The one that is first due, of those that were added first. */
static struct event *find_ready(void)
{
    struct event *found = NULL;

    for (struct event *event = events; event; event = event->next)
        if (is_ready(event) && (!found || event->due < found->due ||
                                (event->due == found->due && event->order < found->order)))
            found = event;
    return found;
}

void loop_settle(void)
{
    struct event *event;

    for (int turns = 0; (event = find_ready()); turns++) {
        MUST(turns < TURNS_MOST); /* it spins */
        short what = event->due <= now_ms ? EV_TIMEOUT : EV_READ;

        event->due = INT64_MAX;
        if (!(event->what & EV_PERSIST))
            event->added = false;
        event->callback(event->fd, what, event->arg);
    }
}

bool loop_next(int64_t most)
{
    int64_t due = INT64_MAX;

    for (const struct event *event = events; event; event = event->next)
        if (event->added && event->due < due)
            due = event->due;
    if (due == INT64_MAX || due - now_ms > most)
        return false;
    if (due > now_ms)
        now_ms = due;
    loop_settle();
    return true;
}

void loop_pass(int64_t ms)
{
    int64_t end = now_ms + ms;

    loop_settle();
    while (now_ms < end && loop_next(end - now_ms))
        ;
    now_ms = end;
    loop_settle();
}
