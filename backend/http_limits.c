#include "backend/http_limits.h"

#include <stdlib.h>
#include <string.h>

#include "common/random.h"

#define BUCKETS 4096

TAILQ_HEAD(http_places, http_place);

struct http_source {
    struct http_source *next;
    uint64_t key[2];
    size_t count;               /* with those that are kept */
    struct http_places offered; /* the oldest first */
};

/* What is kept stands in no list, so that the oldest is found at once, however many are kept. */
struct http_limits {
    uint64_t seed; /* so that nobody outside can fill one bucket */
    struct http_places offered;
    struct http_source *buckets[BUCKETS];
};

struct http_limits *http_limits_new(void)
{
    struct http_limits *limits = calloc(1, sizeof *limits);
    if (limits && random_bytes(&limits->seed, sizeof limits->seed) < 0) {
        free(limits);
        return NULL;
    }
    if (limits)
        TAILQ_INIT(&limits->offered);
    return limits;
}

void http_limits_free(struct http_limits *limits)
{
    free(limits);
}

static size_t find_bucket(const struct http_limits *limits, const uint64_t key[2])
{
    uint64_t hash = (key[0] ^ limits->seed) * UINT64_C(0x9e3779b97f4a7c15);
    hash = (hash ^ (hash >> 29) ^ key[1]) * UINT64_C(0xbf58476d1ce4e5b9);
    return (hash >> 40) % BUCKETS;
}

static struct http_source *find(const struct http_limits *limits, const uint64_t key[2])
{
    struct http_source *source = limits->buckets[find_bucket(limits, key)];
    while (source && memcmp(source->key, key, sizeof source->key) != 0)
        source = source->next;
    return source;
}

bool http_limits_full(const struct http_limits *limits, const uint64_t source[2], size_t most)
{
    const struct http_source *found = find(limits, source);
    return (found ? found->count : 0) >= most;
}

bool http_limits_take(struct http_limits *limits, const uint64_t source[2], size_t most,
                      struct http_place *place)
{
    struct http_source *found = find(limits, source);
    if (http_limits_full(limits, source, most))
        return false;
    if (!found) {
        struct http_source **bucket = &limits->buckets[find_bucket(limits, source)];
        found = calloc(1, sizeof *found);
        if (!found)
            return false;
        memcpy(found->key, source, sizeof found->key);
        TAILQ_INIT(&found->offered);
        found->next = *bucket;
        *bucket = found;
    }
    found->count++;
    place->limits = limits;
    place->source = found;
    http_limits_offer(place);
    return true;
}

void http_limits_keep(struct http_place *place)
{
    if (!place->offered)
        return;
    TAILQ_REMOVE(&place->source->offered, place, of_source);
    TAILQ_REMOVE(&place->limits->offered, place, of_all);
    place->offered = false;
}

void http_limits_offer(struct http_place *place)
{
    if (!place->source || place->offered)
        return;
    TAILQ_INSERT_TAIL(&place->source->offered, place, of_source);
    TAILQ_INSERT_TAIL(&place->limits->offered, place, of_all);
    place->offered = true;
}

void http_limits_give_back(struct http_place *place)
{
    struct http_source *source = place->source;
    if (!source)
        return;
    http_limits_keep(place);
    place->source = NULL;
    if (--source->count > 0)
        return;
    struct http_source **at = &place->limits->buckets[find_bucket(place->limits, source->key)];
    while (*at != source)
        at = &(*at)->next;
    *at = source->next;
    free(source);
}

struct http_place *http_limits_oldest(const struct http_limits *limits, const uint64_t source[2])
{
    if (!source)
        return TAILQ_FIRST(&limits->offered);
    const struct http_source *found = find(limits, source);
    return found ? TAILQ_FIRST(&found->offered) : NULL;
}
