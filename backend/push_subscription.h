/* A browser's push subscription: what PushSubscription.toJSON() gives, checked. */
#ifndef PUSH_SUBSCRIPTION_H
#define PUSH_SUBSCRIPTION_H

#include <jansson.h>
#include <stddef.h>

#include "backend/push_encrypt.h"
#include "backend/push_endpoint.h"

struct push_subscription {
    char endpoint[PUSH_ENDPOINT_MAX + 1];
    char origin[PUSH_ORIGIN_MAX];
    struct push_receiver receiver;
};

/*
 * Checks a subscription from a phone against `services` ([push] services). Returns the text to
 * store, with the members that are needed and no other (the caller frees it), or NULL and why.
 */
char *push_subscription_text(const json_t *push, const char *services, char *why, size_t why_size);

/* Reads such a text again. The list may have changed since. Returns 0, or -1 and why. */
int push_subscription_parse(const char *text, const char *services,
                            struct push_subscription *subscription, char *why, size_t why_size);

#endif
