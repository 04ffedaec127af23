/* Invariant I11, the part that needs no network: which endpoints and which addresses a push may go
 * to. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/un.h>

#include "backend/push_endpoint.h"
#include "tests/unit/unit.h"

#define SERVICES                                                                                   \
    "fcm.googleapis.com, *.push.services.mozilla.com *.push.apple.com push.example.org:8443"

static void known_services_pass(void **state)
{
    (void)state;
    static const struct {
        const char *url, *services, *origin;
    } good[] = {
        {"https://fcm.googleapis.com/fcm/send/abc:APA91b-_x", SERVICES,
         "https://fcm.googleapis.com"},
        {"https://updates.push.services.mozilla.com/wpush/v2/gAAA", SERVICES,
         "https://updates.push.services.mozilla.com"},
        {"https://web.push.apple.com/QOmb_?a=b", SERVICES, "https://web.push.apple.com"},
        {"https://push.example.org:8443/x", SERVICES, "https://push.example.org:8443"},
        {"https://anything.example/x", "*", "https://anything.example"},
        {"https://anything.example:8443/x", "*:8443", "https://anything.example:8443"},
        {"https://127.0.0.1/x", "*", "https://127.0.0.1"}, /* its address is checked later */
    };
    char origin[PUSH_ORIGIN_MAX], why[512];

    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        why[0] = '\0';
        int result = push_endpoint_check(good[i].url, good[i].services, origin, why, sizeof why);
        if (result)
            print_message("%s: %s\n", good[i].url, why);
        assert_int_equal(result, 0);
        assert_string_equal(origin, good[i].origin);
    }
}

static const char *const bad_endpoints[] = {
    "",
    "https:",
    "https://",
    "https:///x",
    "https://fcm.googleapis.com", /* no path: nothing to post to */
    "http://fcm.googleapis.com/x",
    "HTTPS://fcm.googleapis.com/x",
    "file:///etc/passwd",
    "gopher://fcm.googleapis.com/x",
    "//fcm.googleapis.com/x",
    "https:fcm.googleapis.com/x",
    " https://fcm.googleapis.com/x",
    "https://fcm.googleapis.com/x ",
    "https://fcm.googleapis.com/a b",
    "https://fcm.googleapis.com/x\r\nHost: evil",
    "https://fcm.googleapis.com/x\t",
    "https://fcm.googleapis.com/\xc3\xa9",
    "https://FCM.googleapis.com/x",
    "https://fcm.googleapis.com./x",
    "https://.fcm.googleapis.com/x",
    "https://fcm..googleapis.com/x",
    "https://fcm%2egoogleapis.com/x",
    "https://fcm.googleapis.com%00.evil.example/x",
    "https://fcm.googleapis.com:443/x",
    "https://fcm.googleapis.com:8443/x",
    "https://fcm.googleapis.com:/x",
    "https://fcm.googleapis.com:0/x",
    "https://fcm.googleapis.com:99999/x",
    "https://fcm.googleapis.com:44a/x",
    "https://push.example.org/x", /* listed with another port */
    "https://push.example.org:08443/x",
    "https://push.example.org:8444/x",
    "https://user@fcm.googleapis.com/x",
    "https://user:pass@fcm.googleapis.com/x",
    "https://fcm.googleapis.com@evil.example/x",
    "https://fcm.googleapis.com:443@evil.example/x",
    "https://fcm.googleapis.com\\@evil.example/x",
    "https://evil.example\\.push.apple.com/x",
    "https://evil.example#.push.apple.com/x",
    "https://evil.example?.push.apple.com/x",
    "https://fcm.googleapis.com/x#fragment",
    "https://fcm.googleapis.com?x",
    "https://evil.example/x",
    "https://evil.example/fcm.googleapis.com/x",
    "https://xfcm.googleapis.com/x",
    "https://a.fcm.googleapis.com/x",
    "https://push.services.mozilla.com/x", /* the pattern is for names below */
    "https://evilpush.services.mozilla.com/x",
    "https://push.services.mozilla.com.evil.example/x",
    "https://push.apple.com/x",
    "https://xpush.apple.com/x",
    "https://-a.push.apple.com.evil/x",
    "https://127.0.0.1/x",
    "https://127.1/x",
    "https://2130706433/x",
    "https://0x7f000001/x",
    "https://[::1]/x",
    "https://[::ffff:127.0.0.1]/x",
    "https://localhost/x",
    "https://169.254.169.254/latest/meta-data",
    "https://*.push.apple.com/x",
};

static void bad_endpoints_are_refused(void **state)
{
    (void)state;
    char origin[PUSH_ORIGIN_MAX], why[512];

    for (size_t i = 0; i < sizeof bad_endpoints / sizeof bad_endpoints[0]; i++) {
        why[0] = '\0';
        int result = push_endpoint_check(bad_endpoints[i], SERVICES, origin, why, sizeof why);
        if (result == 0)
            print_message("let through: %s\n", bad_endpoints[i]);
        assert_int_equal(result, -1);
        assert_true(why[0] != '\0');
    }
}

static void long_urls_are_refused(void **state)
{
    (void)state;
    char url[PUSH_ENDPOINT_MAX + 2], origin[PUSH_ORIGIN_MAX], why[512];
    int at = snprintf(url, sizeof url, "https://fcm.googleapis.com/");

    memset(url + at, 'a', sizeof url - (size_t)at);
    url[PUSH_ENDPOINT_MAX] = '\0';
    assert_int_equal(push_endpoint_check(url, SERVICES, origin, why, sizeof why), 0);
    url[PUSH_ENDPOINT_MAX] = 'a';
    url[PUSH_ENDPOINT_MAX + 1] = '\0';
    assert_int_equal(push_endpoint_check(url, SERVICES, origin, why, sizeof why), -1);

    at = snprintf(url, sizeof url, "https://");
    memset(url + at, 'a', 300);
    snprintf(url + at + 300, 32, ".push.apple.com/x");
    assert_int_equal(push_endpoint_check(url, SERVICES, origin, why, sizeof why), -1);
}

static void words_of_the_list(void **state)
{
    (void)state;
    static const char *const good[] = {"*",           "*:8443",      "a.example",
                                       "*.a.example", "a.example:1", "127.0.0.1:8443"};
    static const char *const bad[] = {"",           ":",           "**",          "a.*",
                                      "*a.example", "https://a.b", "a.example/x", "A.example",
                                      "a.example:", "a.b:65536",   "a.b:1:2",     "*.",
                                      "u@a.b",      "a.b:0"};

    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++)
        assert_true(push_service_valid(good[i]));
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_false(push_service_valid(bad[i]));
}

static const struct {
    const char *address;
    bool open;
} addresses[] = {
    {"8.8.8.8", true},
    {"142.250.185.74", true},
    {"9.255.255.255", true},
    {"11.0.0.0", true},
    {"100.63.255.255", true},
    {"100.128.0.0", true},
    {"172.15.255.255", true},
    {"172.32.0.0", true},
    {"192.167.255.255", true},
    {"192.169.0.0", true},
    {"223.255.255.255", true},
    {"0.0.0.0", false},
    {"0.1.2.3", false},
    {"10.0.0.1", false},
    {"10.255.255.255", false},
    {"100.64.0.0", false},
    {"100.127.255.255", false},
    {"127.0.0.1", false},
    {"127.255.255.254", false},
    {"169.254.0.1", false},
    {"169.254.169.254", false},
    {"172.16.0.0", false},
    {"172.31.255.255", false},
    {"192.0.0.8", false},
    {"192.0.2.1", false},
    {"192.88.99.1", false},
    {"192.168.1.1", false},
    {"198.18.0.1", false},
    {"198.19.255.255", false},
    {"198.51.100.1", false},
    {"203.0.113.1", false},
    {"224.0.0.1", false},
    {"239.255.255.255", false},
    {"240.0.0.1", false},
    {"255.255.255.255", false},
    {"2a00:1450:4001:82a::200a", true},
    {"2001:4860:4860::8888", true},
    {"2620:149:208:4306::6", true},
    {"::", false},
    {"::1", false},
    {"::7f00:1", false},
    {"::ffff:127.0.0.1", false},
    {"::ffff:8.8.8.8", false},
    {"64:ff9b::7f00:1", false},
    {"64:ff9b::808:808", false},
    {"64:ff9b:1::a00:1", false},
    {"100::1", false},
    {"2001::1", false},
    {"2001:1ff::1", false},
    {"2001:db8::1", false},
    {"2002:7f00:1::", false},
    {"3fff::1", false},
    {"4000::1", false},
    {"fc00::1", false},
    {"fd12:3456::1", false},
    {"fe80::1", false},
    {"fec0::1", false},
    {"ff02::1", false},
};

static void fill(struct sockaddr_storage *storage, const char *text)
{
    struct sockaddr_in *v4 = (struct sockaddr_in *)(void *)storage;
    struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)(void *)storage;

    memset(storage, 0, sizeof *storage);
    if (strchr(text, ':')) {
        v6->sin6_family = AF_INET6;
        assert_int_equal(inet_pton(AF_INET6, text, &v6->sin6_addr), 1);
    } else {
        v4->sin_family = AF_INET;
        assert_int_equal(inet_pton(AF_INET, text, &v4->sin_addr), 1);
    }
}

static void only_public_addresses_pass(void **state)
{
    (void)state;
    struct sockaddr_storage storage;
    const struct sockaddr *address = (const struct sockaddr *)(const void *)&storage;

    for (size_t i = 0; i < sizeof addresses / sizeof addresses[0]; i++) {
        fill(&storage, addresses[i].address);
        bool open = push_address_public(address);
        if (open != addresses[i].open)
            print_message("%s: %d\n", addresses[i].address, open);
        assert_true(open == addresses[i].open);
    }
    memset(&storage, 0, sizeof storage);
    storage.ss_family = AF_UNIX;
    assert_false(push_address_public(address));
}

/* Opens a socket as libcurl would; true where it got one. */
static bool opens(const char *text, bool any_address, curlsocktype purpose)
{
    struct curl_sockaddr to = {.socktype = SOCK_STREAM, .protocol = IPPROTO_TCP};
    struct sockaddr_storage storage;
    struct push_addresses told = {.any = any_address};
    curl_socket_t fd;

    fill(&storage, text);
    memcpy(&to.addr, &storage, sizeof to.addr);
    to.family = storage.ss_family;
    fd = push_open_socket(&told, purpose, &to);
    if (fd != CURL_SOCKET_BAD)
        close(fd);
    assert_true(told.refused == (fd == CURL_SOCKET_BAD && purpose == CURLSOCKTYPE_IPCXN));
    return fd != CURL_SOCKET_BAD;
}

static void no_socket_for_a_closed_address(void **state)
{
    (void)state;
    assert_true(opens("8.8.8.8", false, CURLSOCKTYPE_IPCXN));
    assert_false(opens("127.0.0.1", false, CURLSOCKTYPE_IPCXN));
    assert_false(opens("169.254.169.254", false, CURLSOCKTYPE_IPCXN));
    assert_true(opens("127.0.0.1", true, CURLSOCKTYPE_IPCXN));
    assert_false(opens("8.8.8.8", false, CURLSOCKTYPE_ACCEPT));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(known_services_pass),
        cmocka_unit_test(bad_endpoints_are_refused),
        cmocka_unit_test(long_urls_are_refused),
        cmocka_unit_test(words_of_the_list),
        cmocka_unit_test(only_public_addresses_pass),
        cmocka_unit_test(no_socket_for_a_closed_address),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
