#include "tests/unit/unit.h"

#include "helper/quota.h"

static void a_user_has_so_much_at_once_and_root_more(void **state)
{
    struct quotas *quotas = quotas_new();

    (void)state;
    for (int i = 0; i < QUOTA_USER_MAX; i++) {
        assert_int_equal(quota_room(quotas, 1000), QUOTA_ROOM);
        quota_charge(quotas, 1000);
        quota_charge(quotas, 0);
    }
    for (int i = 0; i < QUOTA_BUSY_USER; i++) {
        assert_int_equal(quota_room(quotas, 1000), QUOTA_BUSY);
        quota_charge(quotas, 1000);
    }
    assert_int_equal(quota_room(quotas, 1000), QUOTA_NONE);
    assert_int_equal(quota_room(quotas, 1001), QUOTA_ROOM);
    assert_int_equal(quota_room(quotas, 0), QUOTA_ROOM);
    for (int i = 0; i <= QUOTA_BUSY_USER; i++)
        quota_release(quotas, 1000);
    assert_int_equal(quota_room(quotas, 1000), QUOTA_ROOM);
    assert_int_equal(quota_total(quotas), 2 * QUOTA_USER_MAX - 1);
    quotas_free(quotas);
}

/* Somebody who owns thousands of uids (subuid(5)) takes what all but root may have, no more. */
static void all_users_together_leave_room_for_root(void **state)
{
    struct quotas *quotas = quotas_new();
    uid_t uid = 100000;

    (void)state;
    for (int i = 0; quota_room(quotas, uid) == QUOTA_ROOM; i++) {
        quota_charge(quotas, uid);
        uid += i % QUOTA_USER_MAX == 0;
        assert_true(i < QUOTA_OTHERS_MAX);
    }
    assert_int_equal(quota_total(quotas), QUOTA_OTHERS_MAX);
    assert_int_equal(quota_room(quotas, 1), QUOTA_BUSY);
    for (int i = QUOTA_OTHERS_MAX; i < QUOTA_ALL_MAX; i++) {
        assert_int_equal(quota_room(quotas, 0), QUOTA_ROOM);
        quota_charge(quotas, 0);
    }
    assert_int_equal(quota_room(quotas, 0), QUOTA_BUSY);
    for (int i = 0; i < QUOTA_BUSY_ALL; i++)
        quota_charge(quotas, 0);
    assert_int_equal(quota_room(quotas, 0), QUOTA_NONE);
    quotas_free(quotas);
}

static void logins_in_a_row_are_limited_for_each_user_but_root(void **state)
{
    struct quotas *quotas = quotas_new();

    (void)state;
    for (int i = 0; i < QUOTA_STARTS; i++)
        assert_true(quota_start(quotas, 1000, 5));
    assert_false(quota_start(quotas, 1000, 5));
    assert_false(quota_start(quotas, 1000, 5 + QUOTA_START_MS - 1));
    assert_true(quota_start(quotas, 1000, 5 + QUOTA_START_MS));
    assert_false(quota_start(quotas, 1000, 5 + QUOTA_START_MS));
    assert_true(quota_start(quotas, 1001, 5));
    for (int i = 0; i < 10 * QUOTA_STARTS; i++)
        assert_true(quota_start(quotas, 0, 5));
    quotas_free(quotas);
}

static void lines_are_limited_and_those_left_out_counted(void **state)
{
    struct quotas *quotas = quotas_new();
    unsigned left_out = 9;

    (void)state;
    for (int i = 0; i < QUOTA_LINES; i++)
        assert_true(quota_line(quotas, 1000, 0, &left_out) && left_out == 0);
    for (int i = 0; i < 7; i++)
        assert_false(quota_line(quotas, 1000, 0, &left_out));
    assert_true(quota_line(quotas, 1000, QUOTA_LINE_MS, &left_out));
    assert_int_equal(left_out, 7);
    assert_true(quota_line(quotas, 0, 0, &left_out) && left_out == 0);
    quotas_free(quotas);
}

/* Other uids of the same person push a debt out of the table only by debts of their own. */
static void a_debt_is_not_forgotten_for_others(void **state)
{
    struct quotas *quotas = quotas_new();

    (void)state;
    for (int i = 0; i < QUOTA_STARTS; i++)
        assert_true(quota_start(quotas, 1000, 0));
    for (uid_t uid = 100000; uid < 120000; uid++)
        assert_true(quota_start(quotas, uid, 0));
    assert_false(quota_start(quotas, 1000, 0));
    quotas_free(quotas);
}

static void what_is_counted_stays_in_the_table(void **state)
{
    struct quotas *quotas = quotas_new();

    (void)state;
    for (int i = 0; i < QUOTA_USER_MAX; i++)
        quota_charge(quotas, 1000);
    for (uid_t uid = 100000; uid < 120000; uid++)
        assert_true(quota_start(quotas, uid, 0));
    assert_int_equal(quota_room(quotas, 1000), QUOTA_BUSY);
    quotas_free(quotas);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_user_has_so_much_at_once_and_root_more),
        cmocka_unit_test(all_users_together_leave_room_for_root),
        cmocka_unit_test(logins_in_a_row_are_limited_for_each_user_but_root),
        cmocka_unit_test(lines_are_limited_and_those_left_out_counted),
        cmocka_unit_test(a_debt_is_not_forgotten_for_others),
        cmocka_unit_test(what_is_counted_stays_in_the_table),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
