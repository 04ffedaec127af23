/* What every unit test includes: cmocka, in the order that it wants. */
#ifndef UNIT_H
#define UNIT_H

/* clang-format off */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */
#include <stdlib.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* A measured time in milliseconds. What is over the least may take half as long again, or as much
 * longer as SLOWER (tests/sandbox/pace.py) says of this machine. */
static inline void assert_took(int64_t ms, int64_t least, int64_t most)
{
    const char *slower = getenv("SLOWER");
    double factor = slower != NULL ? strtod(slower, NULL) : 1;

    if (factor < 1.5)
        factor = 1.5;
    assert_in_range(ms, least, least + (int64_t)((double)(most - least) * factor));
}

#endif
