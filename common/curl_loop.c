#include "common/curl_loop.h"

#include <stdlib.h>

#include "common/log.h"

/* A socket of libcurl's, as the event loop sees it. */
struct watch {
    struct event *event;
    struct watch *previous, *next;
};

struct transfer {
    curl_loop_done *done;
    void *arg;
};

struct curl_loop {
    struct event_base *base;
    CURLM *multi;
    struct event *timer;
    struct watch *watches;
};

static void report_ended(struct curl_loop *loop)
{
    CURLMsg *message;
    int left;

    while ((message = curl_multi_info_read(loop->multi, &left))) {
        struct transfer *transfer = NULL;
        CURL *easy = message->easy_handle;
        CURLcode code = message->data.result; /* read before the handle, and the message, go */
        curl_loop_done *done;
        void *arg;

        if (message->msg != CURLMSG_DONE)
            continue;
        curl_easy_getinfo(easy, CURLINFO_PRIVATE, &transfer);
        done = transfer->done;
        arg = transfer->arg;
        curl_loop_stop(loop, easy);
        done(arg, easy, code);
    }
}

static void on_socket(evutil_socket_t fd, short what, void *arg)
{
    struct curl_loop *loop = arg;
    int running, mask = 0;

    if (what & EV_READ)
        mask |= CURL_CSELECT_IN;
    if (what & EV_WRITE)
        mask |= CURL_CSELECT_OUT;
    curl_multi_socket_action(loop->multi, fd, mask, &running);
    report_ended(loop);
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
    struct curl_loop *loop = arg;
    int running;

    (void)fd;
    (void)what;
    curl_multi_socket_action(loop->multi, CURL_SOCKET_TIMEOUT, 0, &running);
    report_ended(loop);
}

static void watch_free(struct curl_loop *loop, struct watch *watch)
{
    if (watch->event)
        event_free(watch->event);
    if (watch->previous)
        watch->previous->next = watch->next;
    else
        loop->watches = watch->next;
    if (watch->next)
        watch->next->previous = watch->previous;
    free(watch);
}

static struct watch *watch_new(struct curl_loop *loop)
{
    struct watch *watch = calloc(1, sizeof *watch);

    if (!watch)
        return NULL;
    watch->next = loop->watches;
    if (watch->next)
        watch->next->previous = watch;
    loop->watches = watch;
    return watch;
}

static void watch_again(struct curl_loop *loop, struct watch *watch, curl_socket_t fd, int what)
{
    short events = EV_PERSIST;

    if (what & CURL_POLL_IN)
        events |= EV_READ;
    if (what & CURL_POLL_OUT)
        events |= EV_WRITE;
    if (watch->event)
        event_free(watch->event);
    watch->event = event_new(loop->base, fd, events, on_socket, loop);
    if (!watch->event || event_add(watch->event, NULL) != 0)
        log_error("no memory to watch a connection"); /* the transfer's time limit ends it */
}

/* libcurl says what it waits for on a socket (CURLMOPT_SOCKETFUNCTION). Never -1: that ends all
 * transfers, and those to come. */
static int want_socket(CURL *easy, curl_socket_t fd, int what, void *arg, void *socket_arg)
{
    struct curl_loop *loop = arg;
    struct watch *watch = socket_arg;

    (void)easy;
    if (what == CURL_POLL_REMOVE) {
        if (watch)
            watch_free(loop, watch);
        return 0;
    }
    if (!watch && !(watch = watch_new(loop))) {
        log_error("no memory to watch a connection");
        return 0;
    }
    curl_multi_assign(loop->multi, fd, watch);
    watch_again(loop, watch, fd, what);
    return 0;
}

/* libcurl says when it wants to be called (CURLMOPT_TIMERFUNCTION). */
static int want_timer(CURLM *multi, long ms, void *arg)
{
    struct curl_loop *loop = arg;
    struct timeval wait = {.tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000};

    (void)multi;
    if (ms < 0)
        return event_del(loop->timer);
    return event_add(loop->timer, &wait);
}

struct curl_loop *curl_loop_new(struct event_base *base, const struct curl_loop_limits *limits)
{
    struct curl_loop *loop = calloc(1, sizeof *loop);

    if (!loop)
        return NULL;
    loop->base = base;
    loop->multi = curl_multi_init();
    loop->timer = evtimer_new(base, on_timer, loop);
    if (!loop->multi || !loop->timer) {
        curl_loop_free(loop);
        return NULL;
    }
    curl_multi_setopt(loop->multi, CURLMOPT_SOCKETFUNCTION, want_socket);
    curl_multi_setopt(loop->multi, CURLMOPT_SOCKETDATA, loop);
    curl_multi_setopt(loop->multi, CURLMOPT_TIMERFUNCTION, want_timer);
    curl_multi_setopt(loop->multi, CURLMOPT_TIMERDATA, loop);
    curl_multi_setopt(loop->multi, CURLMOPT_MAX_HOST_CONNECTIONS, limits->each);
    curl_multi_setopt(loop->multi, CURLMOPT_MAX_TOTAL_CONNECTIONS, limits->all);
    curl_multi_setopt(loop->multi, CURLMOPT_MAXCONNECTS, limits->kept);
    return loop;
}

void curl_loop_free(struct curl_loop *loop)
{
    if (!loop)
        return;
    curl_multi_cleanup(loop->multi);
    while (loop->watches)
        watch_free(loop, loop->watches);
    if (loop->timer)
        event_free(loop->timer);
    free(loop);
}

int curl_loop_start(struct curl_loop *loop, CURL *easy, curl_loop_done *done, void *arg)
{
    struct transfer *transfer = calloc(1, sizeof *transfer);

    if (!transfer)
        return -1;
    *transfer = (struct transfer){done, arg};
    curl_easy_setopt(easy, CURLOPT_PRIVATE, transfer);
    if (curl_multi_add_handle(loop->multi, easy) != CURLM_OK) {
        curl_easy_setopt(easy, CURLOPT_PRIVATE, NULL);
        free(transfer);
        return -1;
    }
    return 0;
}

void curl_loop_stop(struct curl_loop *loop, CURL *easy)
{
    struct transfer *transfer = NULL;

    curl_easy_getinfo(easy, CURLINFO_PRIVATE, &transfer);
    curl_multi_remove_handle(loop->multi, easy);
    curl_easy_setopt(easy, CURLOPT_PRIVATE, NULL);
    free(transfer);
}
