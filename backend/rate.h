/*
 * How often each name may do something: a bucket for each (the generic cell rate algorithm), in
 * memory, empty after a restart. A name whose bucket has run out is forgotten.
 */
#ifndef RATE_H
#define RATE_H

#include <stdint.h>

struct rates;

/* Each name may `most` times at once, and `most` times in window_ms in the long run; most is from 1
 * to 1000 * window_ms. NULL without memory. */
struct rates *rates_new(int64_t most, int64_t window_ms);
void rates_free(struct rates *rates); /* NULL is fine */

/* Counts one more at now_ms, of a clock that does not go back. Returns 0, or the seconds (1 or
 * more) after which the name may again: it was not counted. Without memory nobody may. */
long rates_take(struct rates *rates, const char *name, int64_t now_ms);

#endif
