#include "tests/unit/unit.h"

#include <string.h>

#include "helper/issuer.h"

#define ISSUER "https://a.example/realm"
#define GOOD                                                                                       \
    "{\"issuer\":\"" ISSUER "\",\"jwks_uri\":\"https://a.example/jwks\","                          \
    "\"token_endpoint\":\"https://a.example:443/token\","                                          \
    "\"backchannel_authentication_endpoint\":\"https://A.EXAMPLE/ciba\""
#define OURS                                                                                       \
    ",\"authorization_details_types_supported\":[\"x\",\"pam_approve_login\"],"                    \
    "\"pam_approve_cancel_endpoint\":\"https://a.example/cancel\","                                \
    "\"pam_approve_code_endpoint\":\"https://a.example/code\"}"

static int read_document(const char *text, bool ours, struct issuer_endpoints *endpoints)
{
    char why[256] = "";
    int result = issuer_read_document(text, strlen(text), ISSUER, ours, endpoints, why, sizeof why);

    assert_true((result == 0) == (why[0] == 0));
    return result;
}

static void a_right_document_is_read(void **state)
{
    struct issuer_endpoints endpoints;

    (void)state;
    assert_int_equal(read_document(GOOD OURS, true, &endpoints), 0);
    assert_string_equal(endpoints.jwks, "https://a.example/jwks");
    assert_string_equal(endpoints.cancel, "https://a.example/cancel");
    assert_true(endpoints.takes_details);
    assert_int_equal(read_document(GOOD "}", false, &endpoints), 0);
    assert_string_equal(endpoints.code, "");
    assert_false(endpoints.takes_details);
}

static void what_is_missing_or_elsewhere_is_refused(void **state)
{
    static const char *const bad[] = {
        GOOD "}",
        "",
        "{}",
        "[]",
        GOOD OURS "x",
        GOOD ",\"issuer\":\"" ISSUER "\"" OURS,
        "{\"issuer\":\"https://a.example\"}",
        GOOD ",\"pam_approve_cancel_endpoint\":\"https://b.example/x\"" OURS,
    };
    struct issuer_endpoints endpoints;

    (void)state;
    for (size_t i = 0; i < COUNT(bad); i++)
        assert_int_equal(read_document(bad[i], true, &endpoints), -1);
}

static void an_endpoint_is_under_the_issuer_s_scheme_host_and_port(void **state)
{
    static const struct {
        const char *issuer, *url;
        bool same;
    } rows[] = {
        {ISSUER, "https://a.example/x?y#z", true},
        {ISSUER, "https://a.example:443/", true},
        {ISSUER, "HTTPS://A.example/", true},
        {ISSUER, "http://a.example/", false},
        {ISSUER, "https://a.example:8443/", false},
        {ISSUER, "https://a.example.evil/", false},
        {ISSUER, "https://evil/https://a.example", false},
        {ISSUER, "https://a.example@evil/", false},
        {ISSUER, "https://user@a.example/", false},
        {ISSUER, "//a.example/", false},
        {ISSUER, "/token", false},
        {ISSUER, "", false},
        {ISSUER, "https://a.example\\@evil/", false},
        {ISSUER, "file:///etc/passwd", false},
        {"https://[::1]:1/", "https://[::1]:1/a", true},
        {"https://[::1]:1/", "https://[::1]:2/a", false},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        if (issuer_same_origin(rows[i].issuer, rows[i].url) != rows[i].same)
            fail_msg("%s beside %s", rows[i].url, rows[i].issuer);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_right_document_is_read),
        cmocka_unit_test(what_is_missing_or_elsewhere_is_refused),
        cmocka_unit_test(an_endpoint_is_under_the_issuer_s_scheme_host_and_port),
    };
    return cmocka_run_group_tests_name("issuer", tests, NULL, NULL);
}
