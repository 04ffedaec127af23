#include "backend/rate.h"

#include <search.h>
#include <stdlib.h>
#include <string.h>

#define SECOND_US 1000000

struct bucket {
    int64_t empty; /* when all that was counted has run out, in microseconds */
    char name[];
};

struct rates {
    int64_t window, each; /* microseconds: of the whole bucket, and of one */
    void *buckets;        /* tree */
};

struct rates *rates_new(int64_t most, int64_t window_ms)
{
    struct rates *rates = calloc(1, sizeof *rates);

    if (rates) {
        rates->window = window_ms * 1000;
        rates->each = rates->window / most;
    }
    return rates;
}

void rates_free(struct rates *rates)
{
    if (rates)
        tdestroy(rates->buckets, free);
    free(rates);
}

static int compare(const void *a, const void *b)
{
    const struct bucket *one = a, *other = b;
    return strcmp(one->name, other->name);
}

/* The name's bucket, a new one where it has none. NULL without memory. */
static struct bucket *find(struct rates *rates, const char *name)
{
    size_t len = strlen(name);
    struct bucket *bucket = calloc(1, sizeof *bucket + len + 1), **found;

    if (!bucket)
        return NULL;
    memcpy(bucket->name, name, len + 1);
    found = tsearch(bucket, &rates->buckets, compare);
    if (!found || *found != bucket)
        free(bucket);
    return found ? *found : NULL;
}

long rates_take(struct rates *rates, const char *name, int64_t now_ms)
{
    struct bucket *bucket = find(rates, name);
    int64_t now = now_ms * 1000, over;

    if (!bucket)
        return 1;
    if (bucket->empty < now)
        bucket->empty = now;
    over = bucket->empty + rates->each - (now + rates->window);
    if (over > 0)
        return (long)((over + SECOND_US - 1) / SECOND_US);
    bucket->empty += rates->each;
    return 0;
}
