/*
 * A phone that answers at once: phone WORLD [tls]. Approves each request as soon as it learns of
 * it, without a number; prints when it sent its answer, in nanoseconds of CLOCK_MONOTONIC. Runs
 * until it is ended. WORLD: load_world.h, of which it is the first phone.
 */
#include <err.h>
#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/base64url.h"
#include "common/json_text.h"
#include "common/log.h"
#include "tests/bench/load_line.h"
#include "tests/bench/load_world.h"

struct watch {
    struct load_world world;
    struct load_line *asks, *answers;
    char last[23]; /* that was answered */
};

static void ask_for_requests(struct watch *watch, const char *seen);

static void on_answered(void *arg, int status, char *body, size_t len)
{
    (void)arg;
    (void)len;
    if (status != 200)
        errx(1, "decide: %d %s", status, body);
}

static void answer_request(struct watch *watch, const json_t *request)
{
    const char *id = json_text_string(request, "request", 22);
    const char *text = json_text_string(request, "details", 4096);
    const char *state = json_text_string(request, "state", 16);
    unsigned char *details;
    struct timespec time;
    size_t len;
    if (!id || !text || !state || strcmp(state, "open") != 0 || strcmp(id, watch->last) == 0 ||
        base64url_decode(text, strlen(text), &details, &len) < 0)
        return;
    snprintf(watch->last, sizeof watch->last, "%s", id);
    char *body = load_decide(&watch->world, watch->world.phones, (char *)details, len, id, 0);
    clock_gettime(CLOCK_MONOTONIC, &time);
    printf("%lld%09ld\n", (long long)time.tv_sec, time.tv_nsec);
    fflush(stdout);
    load_line_post(watch->answers, "/phone/v1/decide", "application/jose", body, on_answered,
                   watch);
    free(body);
    free(details);
}

static void on_requests(void *arg, int status, char *body, size_t len)
{
    struct watch *watch = arg;
    json_t *answer = json_text_object(body, len, 65536);
    if (status != 200 || !answer)
        errx(1, "requests: %d %s", status, body);
    const json_t *list = json_object_get(answer, "requests");
    if (json_array_size(list) > 0)
        answer_request(watch, json_array_get(list, 0)); /* the newest */
    ask_for_requests(watch, json_text_string(answer, "revision", 64));
    json_decref(answer);
}

static void ask_for_requests(struct watch *watch, const char *seen)
{
    char *body = load_requests(&watch->world, watch->world.phones, seen ? seen : "");
    load_line_post(watch->asks, "/phone/v1/requests", "application/jose", body, on_requests, watch);
    free(body);
}

int main(int argc, char **argv)
{
    struct watch watch = {0};
    struct event_base *base = event_base_new();
    SSL_CTX *tls = NULL;

    log_open("phone", false, LOG_LEVEL_ERROR);
    if (argc < 2 || !base)
        errx(2, "usage: phone WORLD [tls]");
    if (argc > 2 && strcmp(argv[2], "tls") == 0)
        tls = SSL_CTX_new(TLS_client_method());
    load_world_read(&watch.world, argv[1]);
    watch.asks = load_line_new(base, watch.world.port, tls);
    watch.answers = load_line_new(base, watch.world.port, tls);
    ask_for_requests(&watch, "");
    event_base_dispatch(base);
    return 0;
}
