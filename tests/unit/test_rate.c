/* How often a host may ask: at once, in the long run, and each by itself. */
#include "tests/unit/unit.h"

#include "backend/rate.h"

#define HOUR 3600000

static void take(struct rates *rates, const char *name, int64_t now, int times)
{
    for (int i = 0; i < times; i++)
        assert_int_equal(rates_take(rates, name, now), 0);
}

static void so_many_at_once_and_no_more(void **state)
{
    struct rates *rates = rates_new(10, HOUR);

    (void)state;
    take(rates, "web1", 5000, 10);
    assert_int_equal(rates_take(rates, "web1", 5000), 360);
    assert_int_equal(rates_take(rates, "web1", 5000 + 359500), 1);
    take(rates, "web2", 5000, 10);
    take(rates, "web1", 5000 + 360000, 1);
    assert_int_equal(rates_take(rates, "web1", 5000 + 360000), 360);
    rates_free(rates);
}

static void as_many_again_in_a_window(void **state)
{
    struct rates *rates = rates_new(10, HOUR);
    int good = 0;

    (void)state;
    take(rates, "web1", 0, 10);
    for (int64_t now = 0; now <= 10 * (int64_t)HOUR; now += 1000)
        good += rates_take(rates, "web1", now) == 0;
    assert_int_equal(good, 100);
    /* What was not used does not add up. */
    take(rates, "web1", 100 * (int64_t)HOUR, 10);
    assert_int_equal(rates_take(rates, "web1", 100 * (int64_t)HOUR), 360);
    rates_free(rates);
}

static void who_waits_longest_is_remembered_over_windows(void **state)
{
    struct rates *rates = rates_new(2, HOUR);

    (void)state;
    take(rates, "other", 0, 1);
    take(rates, "web1", HOUR - 1, 2); /* until 2 hours - 1 */
    take(rates, "other", HOUR, 1);    /* the next window */
    assert_int_equal(rates_take(rates, "web1", HOUR), 1800);
    take(rates, "web1", HOUR - 1 + HOUR / 2, 1);
    assert_int_equal(rates_take(rates, "web1", 2 * HOUR - 1000), 1);
    take(rates, "other", 2 * HOUR, 1); /* and the one after */
    take(rates, "web1", 2 * HOUR, 1);
    assert_int_equal(rates_take(rates, "web1", 2 * HOUR), 1800);
    rates_free(rates);
}

static void the_highest_rate_counts_too(void **state)
{
    struct rates *rates = rates_new(100000000, HOUR);

    (void)state;
    take(rates, "", 0, 1000);
    rates_free(rates);
    rates_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(so_many_at_once_and_no_more),
        cmocka_unit_test(as_many_again_in_a_window),
        cmocka_unit_test(who_waits_longest_is_remembered_over_windows),
        cmocka_unit_test(the_highest_rate_counts_too),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
