#include "backend/push_subscription.h"

#include <stdio.h>
#include <string.h>

#include "common/json_text.h"

#define TEXT_MAX 2048

static int read_members(const json_t *push, const char *services,
                        struct push_subscription *subscription, char *why, size_t why_size)
{
    const char *endpoint = json_text_string(push, "endpoint", PUSH_ENDPOINT_MAX);
    const json_t *keys = json_object_get(push, "keys");

    if (!endpoint) {
        snprintf(why, why_size, "endpoint is missing, or longer than %d bytes", PUSH_ENDPOINT_MAX);
        return -1;
    }
    if (push_endpoint_check(endpoint, services, subscription->origin, why, why_size))
        return -1;
    if (push_receiver_parse(json_text_string(keys, "p256dh", 128),
                            json_text_string(keys, "auth", 64), &subscription->receiver)) {
        snprintf(why, why_size, "keys.p256dh is no P-256 key, or keys.auth not 16 bytes");
        return -1;
    }
    snprintf(subscription->endpoint, sizeof subscription->endpoint, "%s", endpoint);
    return 0;
}

char *push_subscription_text(const json_t *push, const char *services, char *why, size_t why_size)
{
    struct push_subscription subscription;
    const json_t *keys = json_object_get(push, "keys");
    json_t *kept;
    char *text = NULL;

    if (read_members(push, services, &subscription, why, why_size))
        return NULL;
    kept = json_pack("{s:s, s:{s:O, s:O}}", "endpoint", subscription.endpoint, "keys", "p256dh",
                     json_object_get(keys, "p256dh"), "auth", json_object_get(keys, "auth"));
    if (kept)
        text = json_text_dump(kept);
    if (!text)
        snprintf(why, why_size, "no memory");
    json_decref(kept);
    return text;
}

int push_subscription_parse(const char *text, const char *services,
                            struct push_subscription *subscription, char *why, size_t why_size)
{
    json_t *push = json_text_object(text, strlen(text), TEXT_MAX);
    int result = -1;

    if (!push)
        snprintf(why, why_size, "the stored subscription is not readable");
    else
        result = read_members(push, services, subscription, why, why_size);
    json_decref(push);
    return result;
}
