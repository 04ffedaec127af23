#include "tests/unit/unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/config.h"
#include "helper/host.h"
#include "helper/policy.h"
#include "helper/profile.h"

#define HEAD "[host]\nid = web1\n[backend]\nurl = https://approve.example.org/\n"

static struct host *host_of(const char *more)
{
    char text[4096], why[1024] = "";
    struct config *config;
    struct host *host;

    snprintf(text, sizeof text, HEAD "%s", more);
    config = config_parse("host.conf", text, host_options, why, sizeof why);
    host = config != NULL ? host_from_config(config, why, sizeof why) : NULL;
    if (host == NULL)
        fail_msg("%s", why);
    return host;
}

static void refused(const char *more, const char *part)
{
    char text[4096], why[1024] = "";
    struct config *config;
    struct host *host;

    snprintf(text, sizeof text, HEAD "%s", more);
    config = config_parse("host.conf", text, host_options, why, sizeof why);
    host = config != NULL ? host_from_config(config, why, sizeof why) : NULL;
    if (host != NULL)
        fail_msg("taken: %s", more);
    if (strstr(why, part) == NULL)
        fail_msg("\"%s\" does not say \"%s\"", why, part);
}

static struct policy policy_of(const struct host *host, const char *service)
{
    struct policy policy;

    policy_find(host, service, &policy);
    return policy;
}

static void without_a_word_the_strict_end_holds(void **state)
{
    struct host *host = host_of("");
    struct policy sshd = policy_of(host, "sshd"), unknown = policy_of(host, "no-such-service");

    (void)state;
    assert_string_equal(host->issuer, "https://approve.example.org");
    assert_int_equal(host->provider, PROVIDER_APPROVE);
    assert_int_equal(host->trust, TRUST_BACKEND);
    assert_int_equal(host->timeout, 5);
    assert_string_equal(host->user_claim, "sub");
    assert_int_equal(sshd.ask, ASK_YES);
    assert_int_equal(unknown.ask, ASK_YES);
    assert_int_equal(sshd.show, SHOW_PROMPT);
    assert_int_equal(unknown.show, SHOW_WAIT);
    assert_int_equal(sshd.number, NUMBER_ENTER);
    assert_int_equal(unknown.number, NUMBER_ENTER);
    assert_int_equal(sshd.life, 60);
    assert_false(sshd.code_first);
    assert_int_equal(sshd.command, COMMAND_NAME);
    assert_string_equal(unknown.except, "");
    assert_int_equal(unknown.profile->flags, 0);
    host_unref(host);
}

/* PAM takes any file name for a service; a section has only some letters. */
static void ask_says_whose_phone(void **state)
{
    struct host *host = host_of("[service su]\nask = caller\n[service su-l]\nask = target\n"
                                "[service cron]\nask = no\n[service doas]\nask = yes\n");

    (void)state;
    assert_int_equal(policy_of(host, "su").ask, ASK_CALLER);
    assert_int_equal(policy_of(host, "su-l").ask, ASK_TARGET);
    assert_int_equal(policy_of(host, "cron").ask, ASK_NO);
    assert_int_equal(policy_of(host, "doas").ask, ASK_YES);
    host_unref(host);
    refused("[service su]\nask = both\n", "allowed: no, caller, target, yes");
    refused("[service su]\nask = \n", "host.conf:6");
    refused("[service su]\nask = no caller\n", "host.conf:6");
    /* Where the name could come from the network, or from nobody. */
    refused("[service sshd]\nask = caller\n", "sshd does not say who calls");
    refused("[service polkit-1]\nask = caller\n", "polkit-1 does not say who calls");
    refused("[service rsh]\nask = caller\n", "rsh does not say who calls");
    refused("[service swaylock]\nask = caller\n", "swaylock does not say who calls");
}

static void the_command_says_who_one_becomes(void **state)
{
    char command[257] = "id -un";

    (void)state;
    policy_command_as("su", "root", command);
    assert_string_equal(command, "su root: id -un");
    command[0] = 0;
    policy_command_as("su-l", "root", command);
    assert_string_equal(command, "su-l root");
    memset(command, 'x', 256);
    policy_command_as("su", "root", command);
    assert_int_equal(strlen(command), 256);
    assert_memory_equal(command, "su root: xxx", 12);
    assert_string_equal(command + 252, "x…");
}

static void a_command_that_is_cut_says_so(void **state)
{
    char command[257] = "", wanted[257] = "su-l root: ";

    (void)state;
    /* As long as the module lets it be; "é" is two bytes, and stays whole. */
    for (int i = 0; i < 127; i++)
        strcat(command, "é");
    memcpy(command, "systemctl;reboot", 16);
    strncat(wanted, command, 242);
    strcat(wanted, "…");
    policy_command_as("su-l", "root", command);
    assert_string_equal(command, wanted);
    memset(command, 'x', 248);
    command[248] = 0;
    policy_command_as("su", "a", command); /* "su a: " and 248 bytes fit */
    assert_int_equal(strlen(command), 254);
    assert_string_equal(command + 250, "xxxx");
    policy_command_as("su", "a", command);
    assert_int_equal(strlen(command), 256);
    assert_string_equal(command + 252, "x…");
}

static void a_service_that_no_section_can_name_goes_by_defaults(void **state)
{
    struct host *host = host_of("[defaults]\nnumber = choose\nexcept = root\n");
    static const char *const names[] = {"s*d", "a b", "[x]", "=", "\303\251t\303\251"};

    (void)state;
    for (size_t i = 0; i < COUNT(names); i++) {
        struct policy policy = policy_of(host, names[i]);

        assert_true(policy.ask);
        assert_int_equal(policy.number, NUMBER_CHOOSE);
        assert_string_equal(policy.except, "root");
    }
    host_unref(host);
}

static void a_service_speaks_before_defaults_and_those_before_the_profile(void **state)
{
    struct host *host = host_of(
        "[service sudo]\nnumber = off\nwait = 10\nlife = 30\ncode_first = yes\n"
        "[defaults]\nnumber = choose\nlife = 90\nwait = 25\nshow = prompt\ncommand = full\n");
    struct policy sudo = policy_of(host, "sudo"), su = policy_of(host, "su");

    (void)state;
    assert_int_equal(sudo.number, NUMBER_OFF);
    assert_int_equal(su.number, NUMBER_CHOOSE);
    assert_int_equal(sudo.wait, 10);
    assert_int_equal(su.wait, 25);
    assert_int_equal(sudo.life, 30);
    assert_int_equal(su.life, 90);
    assert_true(sudo.code_first);
    assert_false(su.code_first);
    assert_int_equal(su.show, SHOW_PROMPT);
    assert_int_equal(su.command, COMMAND_FULL);
    host_unref(host);
}

static void no_wait_is_longer_than_the_program_s_own_limit(void **state)
{
    struct host *host = host_of("[defaults]\nwait = 280\n");

    (void)state;
    assert_int_equal(policy_of(host, "sshd").wait, 100);
    assert_int_equal(policy_of(host, "login").wait, 55);
    assert_int_equal(policy_of(host, "sudo").wait, 280);
    host_unref(host);
}

static void a_misspelt_section_changes_no_other_service(void **state)
{
    struct host *host = host_of("[service ssdh]\nask = no\n[service SUDO]\nask = no\n");

    (void)state;
    assert_true(policy_of(host, "sshd").ask);
    assert_true(policy_of(host, "sudo").ask);
    assert_false(policy_of(host, "ssdh").ask);
    host_unref(host);
}

static void what_host_conf_may_not_say(void **state)
{
    (void)state;
    refused("[defaults]\nask = no\n", "host.conf:6");
    refused("[defaults]\nlife = 9\n", "10 to 600");
    refused("[defaults]\nlife = 601\n", "10 to 600");
    refused("[defaults]\nnumber = none\n", "off, choose, enter");
    refused("[defaults]\nexcept_networks = 10.0.0.0\n", "is no network");
    refused("[service su]\nexcept_networks = 10.0.0.0/8 10.1.0.0/8\n", "bits set");
    refused("[host]\nname = x\n", "host.conf:5");
    refused("trust = pinned\nprovider = ciba\n", "trust = pinned");
    refused("server_key = short\n", "server_key");
    refused("[service a]\nfoo = 1\n", "foo");
    refused("timeout = 0\n", "1 to 30");
}

static void networks_are_read_strictly(void **state)
{
    static const char *const good[] = {"10.0.0.0/8", "0.0.0.0/0", "192.0.2.1/32",  "2001:db8::/32",
                                       "::/0",       "::1/128",   "192.0.2.128/25"};
    static const char *const bad[] = {"10.0.0.0",
                                      "10.0.0.0/",
                                      "10.0.0.0/33",
                                      "10.0.0.0/8x",
                                      "10.0.0.0/-1",
                                      "10.0.0.0/+8",
                                      "10.0.0.0/ 8",
                                      "10.0.0.1/8",
                                      "10/8",
                                      "::1/129",
                                      "::ffff:10.0.0.0/104",
                                      "2001:db8::1/32",
                                      "host/8",
                                      "/8",
                                      "",
                                      "10.0.0.0/8/8",
                                      "192.0.2.128/24",
                                      "010.0.0.0/8",
                                      "10.0.0.0/00008"};
    char why[256];

    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        if (!policy_network_is_valid(good[i], why, sizeof why))
            fail_msg("%s: %s", good[i], why);
    }
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        if (policy_network_is_valid(bad[i], why, sizeof why))
            fail_msg("taken: %s", bad[i]);
    }
}

static void addresses_are_in_their_networks_only(void **state)
{
    static const struct {
        const char *network, *address;
        bool in;
    } rows[] = {
        {"10.0.0.0/8", "10.255.0.1", true},
        {"10.0.0.0/8", "11.0.0.1", false},
        {"192.0.2.128/25", "192.0.2.128", true},
        {"192.0.2.128/25", "192.0.2.127", false},
        {"192.0.2.1/32", "192.0.2.1", true},
        {"192.0.2.1/32", "192.0.2.2", false},
        {"0.0.0.0/0", "203.0.113.9", true},
        {"0.0.0.0/0", "2001:db8::1", false},
        {"10.0.0.0/8", "::ffff:10.0.0.1", true},
        {"::/0", "::ffff:10.0.0.1", false},
        {"2001:db8::/33", "2001:db8:7fff::1", true},
        {"2001:db8::/33", "2001:db8:8000::1", false},
        {"::1/128", "::1", true},
        {"10.0.0.0/8", "", false},
        {"10.0.0.0/8", "10.0.0.1.example.org", false},
        {"10.0.0.0/8", "10.0.0.1 ", false},
        {"10.0.0.0/8", "10.1", false},
        {"fe80::/10", "fe80::1%eth0", false},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        if (policy_network_has(rows[i].network, rows[i].address) != rows[i].in)
            fail_msg("%s in %s", rows[i].address, rows[i].network);
    }
}

static bool excepts(const struct host *host, const char *service,
                    const struct policy_caller *caller, const char *word)
{
    struct policy policy = policy_of(host, service);
    char why[256] = "";
    bool excepted = policy_excepts(&policy, caller, why, sizeof why);

    if (excepted && strstr(why, word) == NULL)
        fail_msg("\"%s\" does not say \"%s\"", why, word);
    return excepted;
}

static void users_groups_and_networks_are_excepted(void **state)
{
    static const char *const groups[] = {"staff"};
    struct host *host = host_of("[defaults]\nexcept = bob @staff\nexcept_networks = 192.0.2.0/24\n"
                                "[service su]\nexcept = carol\n[service cron]\nask = no\n");
    struct policy_caller alice = {.user = "alice", .known = true, .rhost = "198.51.100.1"};
    struct policy_caller bob = {.user = "bob", .known = true, .rhost = ""};
    struct policy_caller member = {
        .user = "dave", .known = true, .rhost = "", .groups = groups, .group_count = 1};
    struct policy_caller near = {.user = "alice", .known = true, .rhost = "192.0.2.9"};
    struct policy_caller staff = {.user = "staff", .known = true, .rhost = ""},
                         at = {.user = "@staff", .known = true, .rhost = ""};

    (void)state;
    assert_false(excepts(host, "sudo", &alice, ""));
    assert_true(excepts(host, "sudo", &bob, "except = bob"));
    assert_true(excepts(host, "sudo", &member, "except = @staff"));
    assert_true(excepts(host, "sudo", &near, "except_networks = 192.0.2.0/24"));
    assert_true(excepts(host, "su", &near, "except_networks"));
    assert_false(excepts(host, "su", &bob, ""));
    assert_false(excepts(host, "su", &member, ""));
    assert_false(excepts(host, "sudo", &staff, ""));
    assert_false(excepts(host, "sudo", &at, ""));
    assert_true(excepts(host, "cron", &alice, "ask = no"));
    bob.known = false;
    assert_false(excepts(host, "sudo", &bob, ""));
    member.known = false;
    assert_false(excepts(host, "sudo", &member, ""));
    host_unref(host);
}

static void only_the_groups_of_except_are_looked_up(void **state)
{
    struct host *host = host_of("[service su]\nexcept = bob @staff,@wheel carol\n");
    struct policy policy = policy_of(host, "su");
    char **groups = policy_groups(&policy);

    (void)state;
    assert_non_null(groups);
    assert_string_equal(groups[0], "staff");
    assert_string_equal(groups[1], "wheel");
    assert_null(groups[2]);
    policy_groups_free(groups);
    host_unref(host);
}

static void a_command_is_shown_as_policy_says(void **state)
{
    char out[257], longer[600];

    (void)state;
    policy_command(COMMAND_NAME, COMMAND_LINE_SUDO, "sudo /usr/bin/mysql --password=secret", out);
    assert_string_equal(out, "/usr/bin/mysql");
    policy_command(COMMAND_FULL, COMMAND_LINE_SUDO, "sudo /usr/bin/id\n-u\x1b[0m", out);
    assert_string_equal(out, "/usr/bin/id?-u?[0m");
    policy_command(COMMAND_OFF, COMMAND_LINE_SUDO, "sudo /usr/bin/id", out);
    assert_string_equal(out, "");
    policy_command(COMMAND_NAME, COMMAND_LINE_SUDO, NULL, out);
    assert_string_equal(out, "");
    policy_command(COMMAND_FULL, COMMAND_LINE_NONE, "sshd: alice [priv]", out);
    assert_string_equal(out, "");
    memset(longer, 'a', sizeof longer - 1);
    memcpy(longer, "su -c ", 6);
    longer[sizeof longer - 1] = 0;
    policy_command(COMMAND_FULL, COMMAND_LINE_SU, longer, out);
    assert_int_equal(strlen(out), 256);
    assert_string_equal(out + 252, "a…");
}

static void profiles_fit_their_programs(void **state)
{
    const struct profile *profile;

    (void)state;
    for (size_t i = 0; (profile = profile_at(i)) != NULL; i++) {
        assert_in_range(profile->wait, 5, profile->limit);
        assert_in_range(profile->limit, 10, 300);
        assert_true(profile_find(profile->service) == profile);
        if ((profile->flags & PROFILE_SELF) !=
            0) /* a user's own program is a locker, never a way in from outside */
            assert_true(strstr(profile->service, "lock") != NULL ||
                        strcmp(profile->service, "xscreensaver") == 0 ||
                        strcmp(profile->service, "kde") == 0);
    }
    assert_string_equal(profile_find("nonsense")->service, "other");
    assert_false(profile_is_known("nonsense"));
}

#define THUMB "0123456789012345678901234567890123456789012"

static void pinned_phones_are_read_strictly(void **state)
{
    static const char *const bad[] = {"alice\n", "alice short\n", "alice " THUMB " x\n",
                                      "alice " THUMB "3\n",
                                      "alice 012345678901234567890123456789012345678901=\n"};
    struct host *host = host_of("");
    char why[256];

    (void)state;
    assert_int_equal(host_read_pins(host, "pinned",
                                    "# phones\n\nalice\t" THUMB " # old\r\nbob " THUMB "\n", why,
                                    sizeof why),
                     0);
    assert_int_equal(host->pin_count, 2);
    assert_true(host_has_pin(host, "alice", THUMB));
    assert_false(host_has_pin(host, "carol", THUMB));
    assert_false(host_has_pin(host, "alice", "1123456789012345678901234567890123456789012"));
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_int_equal(host_read_pins(host, "pinned", bad[i], why, sizeof why), -1);
        assert_non_null(strstr(why, "pinned:1"));
    }
    host_unref(host);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_a_word_the_strict_end_holds),
        cmocka_unit_test(ask_says_whose_phone),
        cmocka_unit_test(the_command_says_who_one_becomes),
        cmocka_unit_test(a_command_that_is_cut_says_so),
        cmocka_unit_test(a_service_that_no_section_can_name_goes_by_defaults),
        cmocka_unit_test(a_service_speaks_before_defaults_and_those_before_the_profile),
        cmocka_unit_test(no_wait_is_longer_than_the_program_s_own_limit),
        cmocka_unit_test(a_misspelt_section_changes_no_other_service),
        cmocka_unit_test(what_host_conf_may_not_say),
        cmocka_unit_test(networks_are_read_strictly),
        cmocka_unit_test(addresses_are_in_their_networks_only),
        cmocka_unit_test(users_groups_and_networks_are_excepted),
        cmocka_unit_test(only_the_groups_of_except_are_looked_up),
        cmocka_unit_test(a_command_is_shown_as_policy_says),
        cmocka_unit_test(profiles_fit_their_programs),
        cmocka_unit_test(pinned_phones_are_read_strictly),
    };
    return cmocka_run_group_tests_name("policy", tests, NULL, NULL);
}
