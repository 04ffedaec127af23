#include "backend/push_send.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backend/push_endpoint.h"
#include "common/clock.h"
#include "common/curl_loop.h"
#include "common/https.h"
#include "common/log.h"
#include "common/random.h"

#define LATE_MS 2000
#define LATE_ATTEMPTS 2
#define BACKOFF_MS 500
#define BACKOFF_MOST_MS 8000
#define LEAST_MS 200 /* with less life left, another attempt is in vain */

const char *const push_results[] = {"taken", "gone", "too large", "refused", "failed", NULL};

static const struct curl_loop_limits limits = {.each = 16, .all = 256, .kept = 256};

struct push_sender {
    struct event_base *base;
    struct curl_loop *loop;
    struct vapid *vapid;
    long timeout_ms;
    char *ca_file;
    bool any_address;
    struct push_sending *first;
    size_t pending;
};

struct push_sending {
    struct push_sender *sender;
    struct push_sending *previous, *next;
    const struct push_listener *listener;
    void *arg;
    char *endpoint, *origin;
    char topic[PUSH_TOPIC_MAX + 1];
    char urgency[9];
    unsigned char *body;
    size_t body_len;
    int64_t tried_until, kept_until; /* of clock_mono_ms */
    int attempts;
    bool told_late;
    struct event *again, *late;
    CURL *easy; /* while an attempt is under way */
    struct curl_slist *headers;
    struct https_answer answer;
    struct push_addresses addresses;
};

/* What a status means; the first row that fits. */
static const struct {
    long low, high;
    bool again;
    enum push_result result;
} statuses[] = {
    {200, 299, false, PUSH_TAKEN}, {404, 404, false, PUSH_GONE},
    {410, 410, false, PUSH_GONE},  {413, 413, false, PUSH_TOO_LARGE},
    {408, 408, true, PUSH_FAILED}, {425, 425, true, PUSH_FAILED},
    {429, 429, true, PUSH_FAILED}, {500, 599, true, PUSH_FAILED},
    {0, 999, false, PUSH_REFUSED}, /* redirects too: they are not followed */
};

struct push_sender *push_sender_new(struct event_base *base, struct vapid *vapid, long timeout_ms,
                                    const char *ca_file, bool any_address)
{
    struct push_sender *sender = calloc(1, sizeof *sender);

    if (!sender)
        return NULL;
    sender->base = base;
    sender->vapid = vapid;
    sender->timeout_ms = timeout_ms;
    sender->any_address = any_address;
    sender->ca_file = strdup(ca_file);
    sender->loop = curl_loop_new(base, &limits);
    if (!sender->ca_file || !sender->loop) {
        push_sender_free(sender);
        return NULL;
    }
    return sender;
}

void push_sender_free(struct push_sender *sender)
{
    if (!sender)
        return;
    while (sender->first)
        push_cancel(sender->first);
    curl_loop_free(sender->loop);
    free(sender->ca_file);
    free(sender);
}

static void attempt_clear(struct push_sending *sending)
{
    curl_easy_cleanup(sending->easy);
    sending->easy = NULL;
    https_answer_free(&sending->answer);
    curl_slist_free_all(sending->headers);
    sending->headers = NULL;
}

static void sending_free(struct push_sending *sending)
{
    struct push_sender *sender = sending->sender;

    attempt_clear(sending);
    if (sending->previous)
        sending->previous->next = sending->next;
    else
        sender->first = sending->next;
    if (sending->next)
        sending->next->previous = sending->previous;
    sender->pending--;
    if (sending->again)
        event_free(sending->again);
    if (sending->late)
        event_free(sending->late);
    free(sending->endpoint);
    free(sending->origin);
    free(sending->body);
    free(sending);
}

void push_cancel(struct push_sending *sending)
{
    if (sending->easy)
        curl_loop_stop(sending->sender->loop, sending->easy);
    sending_free(sending);
}

/* on_again ends one that waits, as its time is over. */
void push_settle(struct push_sending *sending)
{
    static const struct timeval at_once = {0};

    sending->tried_until = clock_mono_ms();
    if (!sending->easy)
        event_add(sending->again, &at_once);
}

static void tell_late(struct push_sending *sending)
{
    if (sending->told_late)
        return;
    sending->told_late = true;
    sending->listener->late(sending->arg);
}

static void on_late(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    tell_late(arg);
}

static void finish(struct push_sending *sending, enum push_result result, long status)
{
    const struct push_listener *listener = sending->listener;
    void *arg = sending->arg;

    sending_free(sending);
    listener->done(arg, result, status);
}

/* Waits and tries again, or gives up where the push's life does not reach. */
static void retry(struct push_sending *sending, long status, long retry_after)
{
    int64_t left = sending->tried_until - clock_mono_ms(), wait = BACKOFF_MS;
    struct timeval time;

    for (int i = 1; i < sending->attempts && wait < BACKOFF_MOST_MS; i++)
        wait *= 2;
    wait += random_between(0, BACKOFF_MS / 2);
    if (retry_after > 0 && retry_after < 86400 && wait < retry_after * 1000)
        wait = retry_after * 1000;
    time = (struct timeval){.tv_sec = wait / 1000, .tv_usec = wait % 1000 * 1000};
    if (wait + LEAST_MS > left || event_add(sending->again, &time)) {
        finish(sending, PUSH_FAILED, status);
        return;
    }
    if (sending->attempts >= LATE_ATTEMPTS || wait >= LATE_MS)
        tell_late(sending);
}

/* The endpoint is a capability, so only its origin is logged. */
static void log_fault(const struct push_sending *sending, CURLcode code)
{
    if (sending->addresses.refused)
        log_warn("push: %s: its address is not public; see private_addresses of [push] in "
                 "server.conf",
                 sending->origin);
    else if (code != CURLE_OK)
        log_warn("push: %s: %s", sending->origin,
                 sending->answer.error[0] ? sending->answer.error : curl_easy_strerror(code));
    else if (sending->answer.status >= 300 && sending->answer.status != 404 &&
             sending->answer.status != 410)
        log_warn("push: %s: status %ld", sending->origin, sending->answer.status);
}

static void attempt_ended(void *arg, CURL *easy, CURLcode code)
{
    struct push_sending *sending = arg;
    long status = 0, retry_after = 0;
    curl_off_t wait = 0;
    size_t row = 0;

    if (code == CURLE_OK) {
        curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
        curl_easy_getinfo(easy, CURLINFO_RETRY_AFTER, &wait);
        retry_after = wait > 86400 ? 86400 : (long)wait;
    }
    sending->answer.status = status;
    log_fault(sending, code);
    attempt_clear(sending);
    if (code != CURLE_OK) {
        if (sending->addresses.refused)
            finish(sending, PUSH_REFUSED, 0);
        else
            retry(sending, 0, 0);
        return;
    }
    while (status < statuses[row].low || status > statuses[row].high)
        row++;
    if (statuses[row].again)
        retry(sending, status, retry_after);
    else
        finish(sending, statuses[row].result, status);
}

static int add_header(struct curl_slist **headers, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static int add_header(struct curl_slist **headers, const char *format, ...)
{
    struct curl_slist *longer = NULL;
    char *line = NULL;
    va_list args;

    va_start(args, format);
    if (vasprintf(&line, format, args) < 0)
        line = NULL;
    va_end(args);
    if (line)
        longer = curl_slist_append(*headers, line);
    free(line);
    if (!longer)
        return -1;
    *headers = longer;
    return 0;
}

static int make_headers(struct push_sending *sending)
{
    const char *authorization =
        vapid_authorization(sending->sender->vapid, sending->origin, clock_wall());
    struct curl_slist **headers = &sending->headers;
    int64_t keep = sending->kept_until - clock_mono_ms();

    if (!authorization || add_header(headers, "Authorization: %s", authorization) ||
        add_header(headers, "TTL: %ld", keep > 0 ? (long)((keep + 999) / 1000) : 0L) ||
        add_header(headers, "Urgency: %s", sending->urgency) ||
        (sending->topic[0] && add_header(headers, "Topic: %s", sending->topic)) ||
        add_header(headers, "Content-Encoding: aes128gcm") ||
        add_header(headers, "Content-Type: application/octet-stream") ||
        add_header(headers, "Expect:"))
        return -1;
    return 0;
}

static void set_options(struct push_sending *sending)
{
    CURL *easy = sending->easy;
    const struct push_sender *sender = sending->sender;

    curl_easy_setopt(easy, CURLOPT_HTTPHEADER, sending->headers);
    curl_easy_setopt(easy, CURLOPT_POST, 1L);
    curl_easy_setopt(easy, CURLOPT_POSTFIELDS, sending->body);
    curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE, (long)sending->body_len);
    curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_2TLS);
    curl_easy_setopt(easy, CURLOPT_PIPEWAIT, 1L);
    curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "https");
    curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, push_open_socket);
    curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, &sending->addresses);
    if (sender->ca_file[0])
        curl_easy_setopt(easy, CURLOPT_CAINFO, sender->ca_file);
}

static int attempt_start(struct push_sending *sending)
{
    int64_t left = sending->tried_until - clock_mono_ms();
    long timeout = sending->sender->timeout_ms;

    if (left < LEAST_MS)
        return -1;
    if (timeout > left)
        timeout = (long)left;
    sending->attempts++;
    sending->addresses = (struct push_addresses){.any = sending->sender->any_address};
    if (make_headers(sending))
        goto fail;
    https_answer_init(&sending->answer);
    sending->easy = https_handle(sending->endpoint, NULL, timeout, &sending->answer);
    if (!sending->easy)
        goto fail;
    set_options(sending);
    if (curl_loop_start(sending->sender->loop, sending->easy, attempt_ended, sending))
        goto fail;
    return 0;
fail:
    attempt_clear(sending);
    return -1;
}

static void on_again(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    if (attempt_start(arg))
        finish(arg, PUSH_FAILED, 0);
}

static int seal(struct push_sending *sending, const struct push_message *message)
{
    size_t len = strlen(message->text), padded = (len + PUSH_PAD - 1) / PUSH_PAD * PUSH_PAD;
    unsigned char body[PUSH_BODY_MAX];
    int sealed;

    if (padded > PUSH_TEXT_MAX)
        padded = PUSH_TEXT_MAX;
    if (len > padded)
        return -1;
    sealed = push_encrypt(message->receiver, message->text, len, padded, body);
    if (sealed < 0)
        return -1;
    sending->body_len = (size_t)sealed;
    sending->body = malloc(sending->body_len);
    if (!sending->body)
        return -1;
    memcpy(sending->body, body, sending->body_len);
    return 0;
}

static struct push_sending *sending_new(struct push_sender *sender)
{
    struct push_sending *sending;

    if (sender->pending >= PUSH_PENDING_MAX) {
        log_warn("push: %d pushes are pending, another is left out", PUSH_PENDING_MAX);
        return NULL;
    }
    sending = calloc(1, sizeof *sending);
    if (!sending)
        return NULL;
    sending->sender = sender;
    sending->next = sender->first;
    if (sending->next)
        sending->next->previous = sending;
    sender->first = sending;
    sender->pending++;
    return sending;
}

struct push_sending *push_send(struct push_sender *sender, const struct push_message *message,
                               const struct push_listener *listener, void *arg)
{
    static const struct timeval late = {.tv_sec = LATE_MS / 1000, .tv_usec = LATE_MS % 1000 * 1000};
    struct push_sending *sending = sending_new(sender);

    if (!sending)
        return NULL;
    sending->listener = listener;
    sending->arg = arg;
    sending->endpoint = strdup(message->endpoint);
    sending->origin = strdup(message->origin);
    snprintf(sending->topic, sizeof sending->topic, "%s", message->topic ? message->topic : "");
    snprintf(sending->urgency, sizeof sending->urgency, "%s", message->urgency);
    sending->tried_until = clock_mono_ms() + message->try_ms;
    sending->kept_until = clock_mono_ms() + message->keep_ms;
    sending->again = evtimer_new(sender->base, on_again, sending);
    sending->late = evtimer_new(sender->base, on_late, sending);
    if (!sending->endpoint || !sending->origin || !sending->again || !sending->late ||
        seal(sending, message) || event_add(sending->late, &late) || attempt_start(sending)) {
        sending_free(sending);
        return NULL;
    }
    return sending;
}
