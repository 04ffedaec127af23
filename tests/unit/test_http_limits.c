/* Connections by address. */
#include "tests/unit/unit.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "backend/http_limits.h"

static struct http_address *take(struct http_limits *limits, const char *text, size_t most)
{
    struct sockaddr_in v4 = {.sin_family = AF_INET};
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6};
    if (strchr(text, ':')) {
        assert_int_equal(inet_pton(AF_INET6, text, &v6.sin6_addr), 1);
        return http_limits_take(limits, (struct sockaddr *)&v6, most);
    }
    assert_int_equal(inet_pton(AF_INET, text, &v4.sin_addr), 1);
    return http_limits_take(limits, (struct sockaddr *)&v4, most);
}

static void counts_each_address(void **state)
{
    struct http_limits *limits = http_limits_new();
    struct http_address *first = take(limits, "192.0.2.1", 2),
                        *second = take(limits, "192.0.2.1", 2);
    (void)state;
    assert_true(first && first == second);
    assert_null(take(limits, "192.0.2.1", 2));
    assert_non_null(take(limits, "192.0.2.2", 2));
    http_limits_give_back(limits, first);
    assert_non_null(take(limits, "192.0.2.1", 2));
    assert_null(take(limits, "192.0.2.1", 2));
    http_limits_free(limits);
}

static void a_network_of_ipv6_is_one_address(void **state)
{
    struct http_limits *limits = http_limits_new();
    (void)state;
    assert_non_null(take(limits, "2001:db8:1:2::1", 2));
    assert_non_null(take(limits, "2001:db8:1:2:ffff::9", 2));
    assert_null(take(limits, "2001:db8:1:2::3", 2));
    assert_non_null(take(limits, "2001:db8:1:3::1", 2));
    /* an IPv4 client on an IPv6 socket is itself */
    assert_non_null(take(limits, "::ffff:192.0.2.1", 1));
    assert_null(take(limits, "192.0.2.1", 1));
    assert_non_null(take(limits, "::ffff:192.0.2.2", 1));
    http_limits_free(limits);
}

static void forgets_who_left(void **state)
{
    struct http_limits *limits = http_limits_new();
    struct http_address *taken[5000];
    char text[32];
    (void)state;
    for (int turn = 0; turn < 2; turn++) {
        for (size_t i = 0; i < COUNT(taken); i++) {
            snprintf(text, sizeof text, "10.0.%zu.%zu", i / 256, i % 256);
            taken[i] = take(limits, text, 1);
            assert_non_null(taken[i]);
        }
        for (size_t i = 0; i < COUNT(taken); i++)
            http_limits_give_back(limits, taken[i]);
    }
    http_limits_give_back(limits, NULL);
    http_limits_free(limits); /* the sanitizer's build looks for what is left */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(counts_each_address),
        cmocka_unit_test(a_network_of_ipv6_is_one_address),
        cmocka_unit_test(forgets_who_left),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
