#include "tests/unit/unit.h"

#include <string.h>

#include "common/address.h"

static void check(const char *rhost, bool address, const char *source)
{
    char out[ADDRESS_SOURCE_SIZE];

    assert_int_equal(address_source(rhost, out), address);
    assert_string_equal(out, source);
}

static void an_ipv4_address_is_a_source(void **state)
{
    (void)state;
    check("192.0.2.7", true, "192.0.2.7");
    check("::ffff:192.0.2.7", true, "192.0.2.7");
    check("::FFFF:c000:207", true, "192.0.2.7");
}

static void an_ipv6_network_is_a_source(void **state)
{
    (void)state;
    check("2001:db8:1:1::1", true, "2001:db8:1:1::/64");
    check("2001:DB8:1:1:ffff:ffff:ffff:ffff", true, "2001:db8:1:1::/64");
    check("2001:0db8:0001:0001::1", true, "2001:db8:1:1::/64");
    check("2001:db8:1:2::1", true, "2001:db8:1:2::/64");
    check("::1", true, "::/64");
    check("fe80::1%eth0", true, "fe80::/64");
    check("fe80::2%eth1", true, "fe80::/64");
}

static void anything_else_stays_as_it_is(void **state)
{
    char name[300], out[ADDRESS_SOURCE_SIZE];

    (void)state;
    check("", false, "");
    check("host.example.org", false, "host.example.org");
    check("192.0.2.7%eth0", false, "192.0.2.7%eth0");
    check("192.0.2.07", false, "192.0.2.07");
    check("2001:db8::1/64", false, "2001:db8::1/64");
    check("2001:db8::1 ", false, "2001:db8::1 ");
    memset(name, 'a', sizeof name);
    name[sizeof name - 1] = '\0';
    assert_false(address_source(name, out));
    assert_int_equal(strlen(out), ADDRESS_SOURCE_SIZE - 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_ipv4_address_is_a_source),
        cmocka_unit_test(an_ipv6_network_is_a_source),
        cmocka_unit_test(anything_else_stays_as_it_is),
    };
    return cmocka_run_group_tests_name("address", tests, NULL, NULL);
}
