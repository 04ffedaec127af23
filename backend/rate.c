#include "backend/rate.h"

#include <search.h>
#include <stdlib.h>
#include <string.h>

#define SECOND_US 1000000

struct bucket {
    const char *name; /* its own text, or the name that is looked for */
    int64_t empty;    /* when all that was counted has run out, in microseconds */
    char text[];
};

/* A bucket runs out within a window of its last use. So those that were used neither in this window
 * nor in the one before are empty, and go together. */
struct rates {
    int64_t window, each; /* microseconds: of the whole bucket, and of one */
    int64_t turn;         /* when the next window begins */
    void *used, *before;  /* trees: of this window, and of the one before */
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
    if (!rates)
        return;
    tdestroy(rates->used, free);
    tdestroy(rates->before, free);
    free(rates);
}

static int compare(const void *a, const void *b)
{
    const struct bucket *one = a, *other = b;
    return strcmp(one->name, other->name);
}

static void turn(struct rates *rates, int64_t now)
{
    if (now < rates->turn)
        return;
    tdestroy(rates->before, free);
    rates->before = rates->used;
    rates->used = NULL;
    rates->turn = now + rates->window;
}

/* A bucket of this window for a name that has none. NULL without memory. */
static struct bucket *add(struct rates *rates, const struct bucket *wanted)
{
    size_t len = strlen(wanted->name);
    struct bucket *bucket = malloc(sizeof *bucket + len + 1), **old;

    if (!bucket)
        return NULL;
    memcpy(bucket->text, wanted->name, len + 1);
    bucket->name = bucket->text;
    old = tfind(wanted, &rates->before, compare);
    bucket->empty = old ? (*old)->empty : 0;
    if (tsearch(bucket, &rates->used, compare))
        return bucket;
    free(bucket);
    return NULL;
}

long rates_take(struct rates *rates, const char *name, int64_t now_ms)
{
    const struct bucket wanted = {.name = name};
    struct bucket *bucket, **found;
    int64_t now = now_ms * 1000, over;

    turn(rates, now);
    found = tfind(&wanted, &rates->used, compare);
    bucket = found ? *found : add(rates, &wanted);
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
