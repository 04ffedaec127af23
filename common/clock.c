#include "common/clock.h"

#include <stdlib.h>
#include <time.h>

static int64_t milliseconds(clockid_t clock)
{
    struct timespec now;

    if (clock_gettime(clock, &now) < 0)
        abort(); /* cannot happen with these clocks; a wrong time would be worse */
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int64_t clock_wall(void)
{
    return clock_wall_ms() / 1000;
}

int64_t clock_wall_ms(void)
{
    return milliseconds(CLOCK_REALTIME);
}

int64_t clock_mono_ms(void)
{
    return milliseconds(CLOCK_MONOTONIC);
}

int64_t clock_boot_ms(void)
{
    return milliseconds(CLOCK_BOOTTIME);
}
