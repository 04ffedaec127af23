#include "helper/transfer.h"

#include <stdlib.h>
#include <string.h>

#include "common/curl_loop.h"
#include "common/log.h"
#include "common/random.h"

/* A call and a code for each of QUOTA_ALL_MAX; LimitNOFILE allows it. */
static const struct curl_loop_limits limits = {.all = 8192, .kept = 32};

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
    struct curl_loop *loop;
    struct transfer *all;
};

static void transfer_free(struct transfer *transfer)
{
    *transfer->link = transfer->next;
    if (transfer->next != NULL)
        transfer->next->link = transfer->link;
    if (transfer->easy != NULL) {
        curl_loop_stop(transfer->transfers->loop, transfer->easy);
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

/* No more of an answer than that it came: a token or a refusal is logged by who asked for it. */
static void debug_answer(CURL *easy, const struct https_answer *answer)
{
    const char *url = "";
    curl_off_t took = 0; /* microseconds */
    long connects = 0;

    curl_easy_getinfo(easy, CURLINFO_EFFECTIVE_URL, &url);
    curl_easy_getinfo(easy, CURLINFO_TOTAL_TIME_T, &took);
    curl_easy_getinfo(easy, CURLINFO_NUM_CONNECTS, &connects);
    log_debug("%s: status %ld, %zu bytes, after %lld ms, on %s connection", url, answer->status,
              answer->len, (long long)took / 1000, connects > 0 ? "a new" : "a kept");
}

/* The transfer is gone before its caller hears of it, who may start another one. */
static void on_ended(void *arg, CURL *easy, CURLcode code)
{
    struct transfer *transfer = arg;
    transfer_done *done = transfer->done;
    void *done_arg = transfer->arg;
    struct https_answer answer;

    https_answer_finish(&transfer->answer, easy, code);
    debug_answer(easy, &transfer->answer);
    answer = transfer->answer;
    https_answer_init(&transfer->answer);
    transfer_free(transfer);
    done(done_arg, &answer);
    https_answer_free(&answer);
}

struct transfers *transfers_new(struct event_base *base)
{
    struct transfers *transfers = calloc(1, sizeof *transfers);

    if (transfers == NULL)
        return NULL;
    transfers->loop = curl_loop_new(base, &limits);
    if (transfers->loop == NULL) {
        free(transfers);
        return NULL;
    }
    return transfers;
}

void transfers_free(struct transfers *transfers)
{
    if (transfers == NULL)
        return;
    while (transfers->all != NULL)
        transfer_free(transfers->all);
    curl_loop_free(transfers->loop);
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
    if (body != NULL) {
        transfer->len = strlen(body);
        curl_easy_setopt(transfer->easy, CURLOPT_POST, 1L);
        curl_easy_setopt(transfer->easy, CURLOPT_POSTFIELDSIZE, (long)transfer->len);
        curl_easy_setopt(transfer->easy, CURLOPT_READFUNCTION, read_body);
        curl_easy_setopt(transfer->easy, CURLOPT_READDATA, transfer);
    }
    if (curl_loop_start(transfers->loop, transfer->easy, on_ended, transfer) != 0) {
        transfer_free(transfer);
        return NULL;
    }
    return transfer;
}
