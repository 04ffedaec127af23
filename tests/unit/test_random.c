#include "tests/unit/unit.h"

#include <stdlib.h>
#include <string.h>

#include "common/random.h"

static void fills_every_byte(void **state)
{
    unsigned char seen[64] = {0}, buf[64];

    (void)state;
    for (int round = 0; round < 20; round++) {
        assert_int_equal(random_bytes(buf, sizeof(buf)), 0);
        for (size_t i = 0; i < sizeof(buf); i++)
            seen[i] |= buf[i];
    }
    for (size_t i = 0; i < sizeof(seen); i++)
        assert_int_not_equal(seen[i], 0);
}

static void stays_in_range_and_reaches_both_ends(void **state)
{
    int low = 0, high = 0;

    (void)state;
    for (int round = 0; round < 5000; round++) {
        int value = random_between(10, 13);
        assert_in_range(value, 10, 13);
        low += value == 10;
        high += value == 13;
    }
    assert_in_range(low, 1000, 1500); /* 1250 expected; 8 standard deviations */
    assert_in_range(high, 1000, 1500);
    assert_int_equal(random_between(7, 7), 7);
    assert_in_range(random_between(0, 0x7fffffff), 0, 0x7fffffff);
}

static void refuses_a_range_that_is_none(void **state)
{
    (void)state;
    assert_int_equal(random_between(5, 4), -1);
    assert_int_equal(random_between(-2, 4), -1);
}

static void tokens_have_the_right_length_and_differ(void **state)
{
    char *one = random_token(16), *two = random_token(16);

    (void)state;
    assert_non_null(one);
    assert_non_null(two);
    assert_int_equal(strlen(one), 22);
    assert_string_not_equal(one, two);
    free(one);
    free(two);
    for (int i = 0; i < 2000; i++) {
        char *token = random_token(1);
        assert_int_not_equal(token[0], '-');
        free(token);
    }
    assert_null(random_token(0));
    assert_null(random_token(65));
}

static void wipes(void **state)
{
    char buf[] = "secret";
    static const char zero[sizeof(buf)];

    (void)state;
    secret_wipe(buf, sizeof(buf));
    assert_memory_equal(buf, zero, sizeof(buf));
    secret_wipe(NULL, 0);
    secret_free(NULL);
}

static void compares_all_bytes(void **state)
{
    (void)state;
    assert_int_equal(secret_equal("abcd", "abcd", 4), 1);
    assert_int_equal(secret_equal("abcd", "abce", 4), 0);
    assert_int_equal(secret_equal("abcd", "bbcd", 4), 0);
    assert_int_equal(secret_equal("abcd", "abce", 3), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fills_every_byte),
        cmocka_unit_test(stays_in_range_and_reaches_both_ends),
        cmocka_unit_test(refuses_a_range_that_is_none),
        cmocka_unit_test(tokens_have_the_right_length_and_differ),
        cmocka_unit_test(wipes),
        cmocka_unit_test(compares_all_bytes),
    };
    return cmocka_run_group_tests_name("random", tests, NULL, NULL);
}
