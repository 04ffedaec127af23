#include "backend/http_limits.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/address.h"
#include "common/random.h"

#define BUCKETS 4096

struct http_address {
    struct http_address *next;
    uint64_t key[2];
    size_t count;
};

struct http_limits {
    uint64_t seed; /* so that nobody outside can fill one bucket */
    struct http_address *buckets[BUCKETS];
};

struct http_limits *http_limits_new(void)
{
    struct http_limits *limits = calloc(1, sizeof *limits);
    if (limits && random_bytes(&limits->seed, sizeof limits->seed) < 0) {
        free(limits);
        return NULL;
    }
    return limits;
}

void http_limits_free(struct http_limits *limits)
{
    if (!limits)
        return;
    for (size_t i = 0; i < BUCKETS; i++) {
        while (limits->buckets[i]) {
            struct http_address *address = limits->buckets[i];
            limits->buckets[i] = address->next;
            free(address);
        }
    }
    free(limits);
}

static struct http_address **find_bucket(struct http_limits *limits, const uint64_t key[2])
{
    uint64_t hash = (key[0] ^ limits->seed) * UINT64_C(0x9e3779b97f4a7c15);
    hash = (hash ^ (hash >> 29) ^ key[1]) * UINT64_C(0xbf58476d1ce4e5b9);
    return &limits->buckets[(hash >> 40) % BUCKETS];
}

struct http_address *http_limits_take(struct http_limits *limits, const struct sockaddr *from,
                                      size_t most)
{
    uint64_t key[2];
    address_key(from, key);
    struct http_address **bucket = find_bucket(limits, key), *address = *bucket;
    while (address && memcmp(address->key, key, sizeof key) != 0)
        address = address->next;
    if (!address) {
        address = calloc(1, sizeof *address);
        if (!address)
            return NULL;
        memcpy(address->key, key, sizeof key);
        address->next = *bucket;
        *bucket = address;
    }
    if (address->count >= most)
        return NULL;
    address->count++;
    return address;
}

void http_limits_give_back(struct http_limits *limits, struct http_address *address)
{
    if (!address || --address->count > 0)
        return;
    struct http_address **at = find_bucket(limits, address->key);
    while (*at != address)
        at = &(*at)->next;
    *at = address->next;
    free(address);
}
