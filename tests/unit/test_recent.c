#include "tests/unit/unit.h"

#include <stdio.h>

#include "helper/recent.h"

#define MINUTE (RECENT_SECONDS * 1000)

static void a_refusal_lasts_a_minute(void **state)
{
    struct recent *recent = recent_new();

    (void)state;
    assert_false(recent_has(recent, "alice", "sudo", "", 5));
    recent_add(recent, "alice", "sudo", "", 5);
    assert_true(recent_has(recent, "alice", "sudo", "", 5));
    assert_true(recent_has(recent, "alice", "sudo", "", 5 + MINUTE - 1));
    assert_false(recent_has(recent, "alice", "sudo", "", 5 + MINUTE));
    recent_add(recent, "alice", "sudo", "", 5 + MINUTE);
    assert_true(recent_has(recent, "alice", "sudo", "", 5 + MINUTE));
    recent_free(recent);
}

static void it_is_of_one_user_service_and_source(void **state)
{
    struct recent *recent = recent_new();

    (void)state;
    recent_add(recent, "alice", "sudo", "192.0.2.1", 0);
    assert_true(recent_has(recent, "alice", "sudo", "192.0.2.1", 1));
    assert_false(recent_has(recent, "bob", "sudo", "192.0.2.1", 1));
    assert_false(recent_has(recent, "alice", "su", "192.0.2.1", 1));
    assert_false(recent_has(recent, "alice", "sudo", "", 1));
    assert_false(recent_has(recent, "alicesudo", "", "192.0.2.1", 1));
    assert_false(recent_has(recent, "alice", "sudo192.0.2.1", "", 1));
    recent_free(recent);
}

static void an_ipv6_network_is_one_source(void **state)
{
    struct recent *recent = recent_new();

    (void)state;
    recent_add(recent, "alice", "sshd", "2001:db8:1:2::1", 0);
    assert_true(recent_has(recent, "alice", "sshd", "2001:db8:1:2:ffff::9", 1));
    assert_true(recent_has(recent, "alice", "sshd", "2001:0db8:0001:0002::1", 1));
    assert_false(recent_has(recent, "alice", "sshd", "2001:db8:1:3::1", 1));
    recent_add(recent, "bob", "sshd", "192.0.2.1", 0);
    assert_true(recent_has(recent, "bob", "sshd", "::ffff:192.0.2.1", 1));
    assert_false(recent_has(recent, "bob", "sshd", "192.0.2.2", 1));
    recent_free(recent);
}

static void the_table_is_bounded_and_the_oldest_gives_way(void **state)
{
    struct recent *recent = recent_new();
    char user[32];

    (void)state;
    for (int i = 0; i <= RECENT_MAX; i++) {
        snprintf(user, sizeof user, "user%d", i);
        recent_add(recent, user, "sudo", "", i);
    }
    assert_false(recent_has(recent, "user0", "sudo", "", RECENT_MAX));
    assert_true(recent_has(recent, "user1", "sudo", "", RECENT_MAX));
    assert_true(recent_has(recent, user, "sudo", "", RECENT_MAX));
    recent_free(recent);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_refusal_lasts_a_minute),
        cmocka_unit_test(it_is_of_one_user_service_and_source),
        cmocka_unit_test(an_ipv6_network_is_one_source),
        cmocka_unit_test(the_table_is_bounded_and_the_oldest_gives_way),
    };
    return cmocka_run_group_tests_name("recent", tests, NULL, NULL);
}
