#include "tests/unit/unit.h"

#include <stdio.h>

#include "helper/passed.h"

static void by_service(void **state)
{
    static struct passed passed;

    (void)state;
    assert_int_equal(passed_age(&passed, "sudo", 1000), -1);
    assert_int_equal(passed_age(&passed, "", 1000), -1);
    passed_note(&passed, "sudo", 400);
    assert_int_equal(passed_age(&passed, "sudo", 1000), 600);
    assert_int_equal(passed_age(&passed, "sudo-i", 1000), -1);
    passed_note(&passed, "sudo", 300); /* began earlier, ended later */
    assert_int_equal(passed_age(&passed, "sudo", 1000), 600);
    passed_note(&passed, "sudo", 900);
    assert_int_equal(passed_age(&passed, "sudo", 1000), 100);
}

static void oldest_gives_way(void **state)
{
    static struct passed passed;
    char name[32];

    (void)state;
    for (int i = 0; i <= PASSED_MAX; i++) {
        snprintf(name, sizeof(name), "s%d", i);
        passed_note(&passed, name, 100 + i);
    }
    assert_int_equal(passed_age(&passed, "s0", 1000), -1);
    assert_int_equal(passed_age(&passed, "s1", 1000), 899);
    assert_int_equal(passed_age(&passed, name, 1000), 900 - PASSED_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(by_service),
        cmocka_unit_test(oldest_gives_way),
    };
    return cmocka_run_group_tests_name("passed", tests, NULL, NULL);
}
