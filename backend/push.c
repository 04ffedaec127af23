#include "backend/push.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backend/push_private.h"
#include "backend/push_subscription.h"
#include "backend/push_text.h"

#define TEST_TRY_MS 20000
#define TEST_KEEP_MS 60000

static const char *text_or(const struct config *config, const char *key, const char *otherwise)
{
    return config_is_set(config, "push", key) ? config_text(config, "push", key) : otherwise;
}

struct push *push_new(struct server *server, struct jwk *key)
{
    const struct config *config = server->config;
    struct push *push = calloc(1, sizeof *push);

    if (!push)
        return NULL;
    push->server = server;
    push->vapid = vapid_new(key, text_or(config, "subject", server->issuer));
    if (!push->vapid)
        goto fail;
    push->sender = push_sender_new(
        server->base, push->vapid, config_integer(config, "push", "timeout") * 1000,
        text_or(config, "certificates", ""), config_boolean(config, "push", "private_addresses"));
    if (!push->sender)
        goto fail;
    push->outbox =
        push_outbox_new(server->store, push->sender, config_text(config, "push", "services"));
    push->requests = push_requests_new(push);
    if (!push->outbox || !push->requests)
        goto fail;
    return push;
fail:
    push_free(push);
    return NULL;
}

void push_free(struct push *push)
{
    if (!push)
        return;
    push_requests_free(push->requests);
    push_outbox_free(push->outbox);
    push_sender_free(push->sender);
    vapid_free(push->vapid);
    free(push);
}

const char *push_public_key(const struct server *server)
{
    return server->push ? vapid_public_key(server->push->vapid) : NULL;
}

char *push_check(const struct server *server, const json_t *push, char *why, size_t why_size)
{
    if (!server->push) {
        snprintf(why, why_size, "this server sends no pushes");
        return NULL;
    }
    return push_subscription_text(push, config_text(server->config, "push", "services"), why,
                                  why_size);
}

struct test {
    struct server *server;
    void (*done)(void *arg, enum push_test result);
    void *arg;
    char device[];
};

/* DEVICE_TEST has returned: no row where the last test is too near, or the device is gone. */
static enum push_test send_test(const struct test *test, const struct store_rows *rows)
{
    static const struct push_watcher nobody = {NULL, NULL};
    struct push_note note = {.urgency = "high", .try_ms = TEST_TRY_MS, .keep_ms = TEST_KEEP_MS};
    struct push_target target;
    struct push_delivery *delivery = NULL;
    char *text;

    if (store_count(rows) == 0)
        return PUSH_TEST_LIMITED;
    if (!test->server->push || store_is_null(rows, 0, 0))
        return PUSH_TEST_NONE;
    target =
        (struct push_target){test->device, store_text(rows, 0, 0), store_integer(rows, 0, 1) != 0};
    note.text = text = push_text_test();
    if (text)
        delivery = push_deliver(test->server->push->outbox, &target, &note, &nobody, NULL);
    free(text);
    return delivery ? PUSH_TEST_SENT : PUSH_TEST_NONE;
}

static void test_found(void *arg, enum store_status status, const struct store_rows *const *results)
{
    struct test *test = arg;

    test->done(test->arg, status == STORE_OK ? send_test(test, results[0]) : PUSH_TEST_FAILED);
    free(test);
}

int push_test(struct server *server, const char *device,
              void (*done)(void *arg, enum push_test result), void *arg)
{
    int64_t now = store_now_ms(server->store);
    size_t len = strlen(device) + 1;
    struct test *test = malloc(sizeof *test + len);

    if (!test)
        return -1;
    *test = (struct test){server, done, arg};
    memcpy(test->device, device, len);
    store_run(server->store, STATEMENT_DEVICE_TEST,
              VALUES(V_TEXT(device), V_INT(now), V_INT(now - PUSH_TEST_SECONDS * 1000)), test_found,
              test);
    return 0;
}
