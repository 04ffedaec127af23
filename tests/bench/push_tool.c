/*
 * The server's push code from the command line, for tests and benchmarks in other languages:
 *   push_tool encrypt P256DH AUTH PADDED < TEXT     the body, base64url
 *   push_tool authorization ORIGIN                  the VAPID header's value, of a new key
 *   push_tool send SUBSCRIPTION SERVICE CA_FILE COUNT   sends COUNT pushes at once; a line of
 * result, status and milliseconds for each push_tool bench SECONDS LENGTH                  pushes a
 * second, made ready to be sent
 */
#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backend/push_send.h"
#include "backend/push_subscription.h"
#include "common/base64url.h"
#include "common/clock.h"
#include "common/log.h"

static int encrypt(char **words)
{
    char text[PUSH_TEXT_MAX + 1];
    unsigned char body[PUSH_BODY_MAX];
    struct push_receiver receiver;
    size_t len = fread(text, 1, sizeof text, stdin);
    int sealed;
    char *out;

    if (push_receiver_parse(words[0], words[1], &receiver))
        return 1;
    sealed = push_encrypt(&receiver, text, len, (size_t)atol(words[2]), body);
    if (sealed < 0)
        return 1;
    out = base64url_encode(body, (size_t)sealed);
    puts(out);
    free(out);
    return 0;
}

static struct vapid *new_vapid(void)
{
    struct jwk *key = jwk_new_p256();
    struct vapid *vapid = vapid_new(key, "mailto:root@example.org");

    jwk_free(key);
    return vapid;
}

static int authorization(char **words)
{
    struct vapid *vapid = new_vapid();

    puts(vapid_authorization(vapid, words[0], clock_wall()));
    vapid_free(vapid);
    return 0;
}

struct sending {
    struct event_base *base;
    int64_t start;
    int left;
};

static void on_late(void *arg)
{
    (void)arg;
    puts("late");
}

static void on_done(void *arg, enum push_result result, long status)
{
    struct sending *sending = arg;

    printf("%s %ld %ld\n", push_results[result], status, (long)(clock_mono_ms() - sending->start));
    if (--sending->left == 0)
        event_base_loopbreak(sending->base);
}

static int send_pushes(char **words)
{
    static const struct push_listener listener = {on_late, on_done};
    struct sending sending = {event_base_new(), clock_mono_ms(), atoi(words[3])};
    struct vapid *vapid = new_vapid();
    struct push_sender *sender = push_sender_new(sending.base, vapid, 5000, words[2], true);
    struct push_subscription to;
    char why[512];
    int count = sending.left;

    if (push_subscription_parse(words[0], words[1], &to, why, sizeof why)) {
        fprintf(stderr, "%s\n", why);
        return 1;
    }
    const struct push_message message = {.endpoint = to.endpoint,
                                         .origin = to.origin,
                                         .receiver = &to.receiver,
                                         .text = "{\"type\":\"test\"}",
                                         .topic = "topic",
                                         .urgency = "high",
                                         .try_ms = 10000,
                                         .keep_ms = 60000};
    for (int i = 0; i < count; i++) {
        if (!push_send(sender, &message, &listener, &sending))
            return 1;
    }
    event_base_dispatch(sending.base);
    push_sender_free(sender);
    vapid_free(vapid);
    event_base_free(sending.base);
    return 0;
}

static int bench(char **words)
{
    static const char p256dh[] =
        "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4";
    int64_t end = clock_mono_ms() + atol(words[0]) * 1000, start = clock_mono_ms();
    size_t len = (size_t)atol(words[1]);
    struct vapid *vapid = new_vapid();
    struct push_receiver receiver;
    unsigned char body[PUSH_BODY_MAX];
    char *text = calloc(1, len + 1);
    long count = 0;

    memset(text, 'x', len);
    while (clock_mono_ms() < end) {
        if (push_receiver_parse(p256dh, "BTBZMqHH6r4Tts7J_aSIgg", &receiver) ||
            push_encrypt(&receiver, text, len, len, body) < 0 ||
            !vapid_authorization(vapid, "https://push.example.org", clock_wall()))
            return 1;
        count++;
    }
    printf("%.0f\n", (double)count * 1000 / (double)(clock_mono_ms() - start));
    free(text);
    vapid_free(vapid);
    return 0;
}

int main(int argc, char **argv)
{
    static const struct {
        const char *name;
        int words;
        int (*run)(char **words);
    } commands[] = {
        {"encrypt", 3, encrypt},
        {"authorization", 1, authorization},
        {"send", 4, send_pushes},
        {"bench", 2, bench},
    };

    log_open("push_tool", false, LOG_LEVEL_ERROR);
    for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++) {
        if (argc == commands[i].words + 2 && strcmp(argv[1], commands[i].name) == 0)
            return commands[i].run(argv + 2);
    }
    fprintf(stderr, "usage: push_tool COMMAND …, see its source\n");
    return 2;
}
