#include "helper/transfer.h"

#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "common/random.h"

#define KEPT_CONNECTIONS 32L
#define CONNECTIONS_MAX                                                                            \
    8192L /* a call and a code for each of QUOTA_ALL_MAX; LimitNOFILE allows it */

struct transfer {
    struct transfer *next, **link;
    struct transfers *transfers;
    CURL *easy;
    struct https_answer answer;
    char *body; /* wiped: it can hold a code */
    size_t len, sent;
    transfer_done *done;
    void *arg;
};

struct transfers {
    struct event_base *base;
    CURLM *multi;
    struct event *timer;
    struct transfer *all;
};

static void transfer_free(struct transfer *transfer)
{
    *transfer->link = transfer->next;
    if (transfer->next != NULL)
        transfer->next->link = transfer->link;
    if (transfer->easy != NULL) {
        curl_multi_remove_handle(transfer->transfers->multi, transfer->easy);
        curl_easy_cleanup(transfer->easy);
    }
    https_answer_free(&transfer->answer);
    secret_free(transfer->body);
    free(transfer);
}

void transfer_cancel(struct transfer *transfer)
{
    transfer_free(transfer);
}

/* The transfer is gone before its caller hears of it, who may start another one. */
static void finish(struct transfer *transfer, CURLcode code)
{
    transfer_done *done = transfer->done;
    void *arg = transfer->arg;
    struct https_answer answer;

    https_answer_finish(&transfer->answer, transfer->easy, code);
    answer = transfer->answer;
    https_answer_init(&transfer->answer);
    transfer_free(transfer);
    done(arg, &answer);
    https_answer_free(&answer);
}

static void collect(struct transfers *transfers)
{
    CURLMsg *message;
    int left;

    while ((message = curl_multi_info_read(transfers->multi, &left)) != NULL) {
        struct transfer *transfer = NULL;
        CURLcode code = message->data.result;

        if (message->msg == CURLMSG_DONE &&
            curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &transfer) == CURLE_OK)
            finish(transfer, code);
    }
}

/* --- libcurl on libevent --- */

static void on_socket(evutil_socket_t fd, short what, void *arg)
{
    struct transfers *transfers = arg;
    int mask = ((what & EV_READ) != 0 ? CURL_CSELECT_IN : 0) |
               ((what & EV_WRITE) != 0 ? CURL_CSELECT_OUT : 0);
    int running;

    curl_multi_socket_action(transfers->multi, fd, mask, &running);
    collect(transfers);
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
    struct transfers *transfers = arg;
    int running;

    (void)fd, (void)what;
    curl_multi_socket_action(transfers->multi, CURL_SOCKET_TIMEOUT, 0, &running);
    collect(transfers);
}

static int set_timer(CURLM *multi, long timeout_ms, void *arg)
{
    struct transfers *transfers = arg;
    struct timeval wait = {timeout_ms / 1000, timeout_ms % 1000 * 1000};

    (void)multi;
    if (timeout_ms < 0)
        return event_del(transfers->timer);
    return evtimer_add(transfers->timer, &wait);
}

static int set_socket(CURL *easy, curl_socket_t fd, int what, void *arg, void *socket_arg)
{
    struct transfers *transfers = arg;
    struct event *event = socket_arg;
    short events = (short)(EV_PERSIST | ((what & CURL_POLL_IN) != 0 ? EV_READ : 0) |
                           ((what & CURL_POLL_OUT) != 0 ? EV_WRITE : 0));

    (void)easy;
    if (event != NULL)
        event_free(event);
    event = NULL;
    if (what != CURL_POLL_REMOVE) {
        event = event_new(transfers->base, fd, events, on_socket, transfers);
        if (event == NULL || event_add(event, NULL) != 0) {
            log_error("no memory to watch a connection to the server");
            if (event != NULL)
                event_free(event);
            event = NULL; /* the transfer's time limit ends it */
        }
    }
    curl_multi_assign(transfers->multi, fd, event);
    return 0;
}

struct transfers *transfers_new(struct event_base *base)
{
    struct transfers *transfers = calloc(1, sizeof *transfers);

    if (transfers == NULL)
        return NULL;
    transfers->base = base;
    transfers->multi = curl_multi_init();
    transfers->timer = evtimer_new(base, on_timer, transfers);
    if (transfers->multi == NULL || transfers->timer == NULL) {
        transfers_free(transfers);
        return NULL;
    }
    curl_multi_setopt(transfers->multi, CURLMOPT_SOCKETFUNCTION, set_socket);
    curl_multi_setopt(transfers->multi, CURLMOPT_SOCKETDATA, transfers);
    curl_multi_setopt(transfers->multi, CURLMOPT_TIMERFUNCTION, set_timer);
    curl_multi_setopt(transfers->multi, CURLMOPT_TIMERDATA, transfers);
    curl_multi_setopt(transfers->multi, CURLMOPT_MAXCONNECTS, KEPT_CONNECTIONS);
    curl_multi_setopt(transfers->multi, CURLMOPT_MAX_TOTAL_CONNECTIONS, CONNECTIONS_MAX);
    return transfers;
}

void transfers_free(struct transfers *transfers)
{
    if (transfers == NULL)
        return;
    while (transfers->all != NULL)
        transfer_free(transfers->all);
    if (transfers->multi != NULL)
        curl_multi_cleanup(transfers->multi);
    if (transfers->timer != NULL)
        event_free(transfers->timer);
    free(transfers);
}

/*
 * Without a way back to the start of the body, libcurl can't send a POST again by itself where a
 * kept connection dies: an assertion counts once, so a second try needs one of its own.
 */
static size_t read_body(char *to, size_t size, size_t count, void *arg)
{
    struct transfer *transfer = arg;
    size_t len = transfer->len - transfer->sent;

    if (len > size * count)
        len = size * count;
    memcpy(to, transfer->body + transfer->sent, len);
    transfer->sent += len;
    return len;
}

struct transfer *transfer_start(struct transfers *transfers, const char *url, const char *pin,
                                const char *body, long timeout_ms, transfer_done *done, void *arg)
{
    struct transfer *transfer = calloc(1, sizeof *transfer);

    if (transfer == NULL)
        return NULL;
    transfer->transfers = transfers;
    transfer->done = done;
    transfer->arg = arg;
    transfer->link = &transfers->all;
    transfer->next = transfers->all;
    if (transfer->next != NULL)
        transfer->next->link = &transfer->next;
    transfers->all = transfer;
    https_answer_init(&transfer->answer);
    transfer->easy = https_handle(url, pin, timeout_ms, &transfer->answer);
    transfer->body = body != NULL ? strdup(body) : NULL;
    if (transfer->easy == NULL || (body != NULL && transfer->body == NULL)) {
        transfer_free(transfer);
        return NULL;
    }
    curl_easy_setopt(transfer->easy, CURLOPT_PRIVATE, transfer);
    if (body != NULL) {
        transfer->len = strlen(body);
        curl_easy_setopt(transfer->easy, CURLOPT_POST, 1L);
        curl_easy_setopt(transfer->easy, CURLOPT_POSTFIELDSIZE, (long)transfer->len);
        curl_easy_setopt(transfer->easy, CURLOPT_READFUNCTION, read_body);
        curl_easy_setopt(transfer->easy, CURLOPT_READDATA, transfer);
    }
    if (curl_multi_add_handle(transfers->multi, transfer->easy) != CURLM_OK) {
        transfer_free(transfer);
        return NULL;
    }
    return transfer;
}
