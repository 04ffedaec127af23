#include "tests/unit/unit.h"

#include <time.h>

#include "common/clock.h"

static void wall_clock_is_the_system_s(void **state)
{
    int64_t now = (int64_t)time(NULL);

    (void)state;
    assert_in_range(clock_wall(), now - 1, now + 1);
    assert_in_range(clock_wall_ms(), (now - 1) * 1000, (now + 2) * 1000);
}

static void monotonic_clock_counts_milliseconds(void **state)
{
    int64_t before = clock_mono_ms();

    (void)state;
    nanosleep(&(struct timespec){.tv_nsec = 30 * 1000 * 1000}, NULL);
    assert_in_range(clock_mono_ms() - before, 29, 5000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(wall_clock_is_the_system_s),
        cmocka_unit_test(monotonic_clock_counts_milliseconds),
    };
    return cmocka_run_group_tests_name("clock", tests, NULL, NULL);
}
