#include "tests/unit/unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/config.h"
#include "helper/id_token.h"
#include "tests/unit/forge.h"

#define NOW 1800000000
#define REQUEST_CLAIM "urn:openid:params:jwt:claim:auth_req_id"

/* One login that was approved as it should be; the tests change one thing each. */
struct fixture {
    struct host *host;
    struct jwk *issuer, *phone;
    struct login login;
    char *details, *approval;
    json_t *claims;
    struct id_token_expected expected;
    struct id_token_result result;
};

static struct host *make_host(const char *more)
{
    char text[512], why[512] = "";
    struct config *config;
    struct host *host;

    snprintf(text, sizeof text, "[host]\nid = web1\n[backend]\nurl = https://a.example\n%s", more);
    config = config_parse("host.conf", text, host_options, why, sizeof why);
    host = config != NULL ? host_from_config(config, why, sizeof why) : NULL;
    if (host == NULL)
        fail_msg("%s", why);
    return host;
}

static void set_approval(struct fixture *f, const struct jwk *key, enum decision decision,
                         int number)
{
    free(f->approval);
    f->approval = decision_sign(key, f->details, strlen(f->details), decision, number, NULL, NOW);
    assert_non_null(f->approval);
    json_object_set_new(f->claims, "pam_approve_approval", json_string(f->approval));
}

static struct fixture setup(const char *conf)
{
    struct fixture f = {.host = make_host(conf), .issuer = jwk_new_p256(), .phone = jwk_new_p256()};

    f.login = (struct login){.request = "AAAAAAAAAAAAAAAAAAAAAA",
                             .issuer = "https://a.example",
                             .host = "web1",
                             .host_name = "Web",
                             .service = "sshd",
                             .user = "alice",
                             .mode = NUMBER_ENTER,
                             .issued = NOW - 10,
                             .expires = NOW + 50};
    f.details = login_to_text(&f.login);
    assert_non_null(f.details);
    f.claims = json_pack("{s:s, s:s, s:s, s:I, s:I, s:[s], s:s, s:{s:o}, s:s}", "iss",
                         "https://a.example", "sub", "alice", "aud", "web1", "iat", (json_int_t)NOW,
                         "exp", (json_int_t)(NOW + 60), "amr", "swk", REQUEST_CLAIM, "req1", "cnf",
                         "jwk", jwk_public_json(f.phone), "device", "Pixel\n8");
    assert_non_null(f.claims);
    set_approval(&f, f.phone, DECISION_APPROVE, 42);
    return f;
}

static void teardown(struct fixture *f)
{
    json_decref(f->claims);
    free(f->details);
    free(f->approval);
    jwk_free(f->issuer);
    jwk_free(f->phone);
    host_unref(f->host);
}

static enum id_token_fault check_typed(struct fixture *f, const char *typ)
{
    struct id_token_expected expected = f->expected;
    char *compact = jws_sign(f->issuer, typ, false, f->claims);
    struct jws *jws = jws_parse(compact, strlen(compact));
    enum id_token_fault fault;

    expected.host = f->host;
    expected.auth_req_id = "req1";
    expected.login = &f->login;
    expected.details = f->host->provider == PROVIDER_APPROVE ? f->details : NULL;
    expected.number = 42;
    expected.now = f->expected.now != 0 ? f->expected.now : NOW;
    assert_non_null(jws);
    fault = id_token_check(jws, &expected, &f->result);
    jws_free(jws);
    free(compact);
    return fault;
}

static void expect(struct fixture *f, enum id_token_fault fault, const char *why)
{
    enum id_token_fault found = check_typed(f, "JWT");

    if (found != fault || strstr(f->result.why, why) == NULL)
        fail_msg("%d \"%s\", not %d \"%s\"", (int)found, f->result.why, (int)fault, why);
}

static void an_approval_by_phone_fits(void **state)
{
    struct fixture f = setup("");

    (void)state;
    expect(&f, ID_TOKEN_FITS, "");
    assert_false(f.result.by_code);
    assert_string_equal(f.result.device, "Pixel?8");
    json_object_set_new(f.claims, "aud", json_pack("[s]", "web1"));
    expect(&f, ID_TOKEN_FITS, "");
    assert_int_equal(check_typed(&f, "at+jwt"), ID_TOKEN_INVALID);
    assert_int_equal(id_token_algorithms(f.host), JWS_ES256);
    teardown(&f);
}

static void a_code_fits_only_where_one_was_sent(void **state)
{
    struct fixture f = setup("");

    (void)state;
    json_object_set_new(f.claims, "amr", json_pack("[s]", "otp"));
    json_object_del(f.claims, "cnf");
    json_object_del(f.claims, "pam_approve_approval");
    expect(&f, ID_TOKEN_INVALID, "none was sent");
    f.expected.code_sent = true;
    expect(&f, ID_TOKEN_FITS, "");
    assert_true(f.result.by_code);
    teardown(&f);
    f = setup("trust = pinned\n");
    json_object_set_new(f.claims, "amr", json_pack("[s]", "otp"));
    f.expected.code_sent = true;
    expect(&f, ID_TOKEN_INVALID, "pinned");
    teardown(&f);
}

static void a_request_for_a_code_takes_no_phone(void **state)
{
    struct fixture f = setup("");

    (void)state;
    f.expected.code_only = f.expected.code_sent = true;
    expect(&f, ID_TOKEN_INVALID, "only a code");
    teardown(&f);
}

static void the_number_must_be_the_right_one(void **state)
{
    struct fixture f = setup("");

    (void)state;
    for (int number = 0; number <= 99; number += number == 0 ? 10 : 1) {
        set_approval(&f, f.phone, DECISION_APPROVE, number);
        expect(&f, number == 42 ? ID_TOKEN_FITS : ID_TOKEN_WRONG_NUMBER, "");
    }
    set_approval(&f, f.phone, DECISION_DENY, 0);
    expect(&f, ID_TOKEN_INVALID, "deny");
    set_approval(&f, f.issuer, DECISION_APPROVE, 42);
    expect(&f, ID_TOKEN_INVALID, "approval");
    teardown(&f);
}

static void the_times_may_differ_by_a_minute(void **state)
{
    static const struct {
        const char *claim;
        int64_t value;
        bool good;
    } rows[] = {
        {"iat", NOW + 60, true},      {"iat", NOW + 61, false},
        {"iat", NOW - 10 - 60, true}, {"iat", NOW - 10 - 61, false},
        {"exp", NOW - 60, true},      {"exp", NOW - 61, false},
        {"iat", -1, false},           {"exp", INT64_C(1) << 60, false},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct fixture f = setup("");

        json_object_set_new(f.claims, rows[i].claim, json_integer(rows[i].value));
        expect(&f, rows[i].good ? ID_TOKEN_FITS : ID_TOKEN_INVALID,
               rows[i].good ? "" : rows[i].claim);
        teardown(&f);
    }
}

static void each_claim_is_needed_and_must_fit(void **state)
{
    static const struct {
        const char *claim, *value, *why;
    } rows[] = {
        {"iss", "https://b.example", "issuer"},
        {"aud", "web2", "another host"},
        {REQUEST_CLAIM, "req2", "request"},
        {"sub", "bob", "another user"},
        {"amr", "swk", "method"},
        {"pam_approve_approval", "a.b.c", "approval"},
        {"cnf", "x", "key"},
        {"iat", "1800000000", "times"},
        {"exp", "1800000060", "times"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct fixture f = setup("");

        json_object_set_new(f.claims, rows[i].claim, json_string(rows[i].value));
        expect(&f, ID_TOKEN_INVALID, rows[i].why);
        json_object_del(f.claims, rows[i].claim);
        expect(&f, ID_TOKEN_INVALID, rows[i].why);
        teardown(&f);
    }
}

static void a_pinned_phone_is_one_of_this_user(void **state)
{
    struct fixture f = setup("trust = pinned\n");
    char line[128], why[256];

    (void)state;
    snprintf(line, sizeof line, "bob %s\nalice %s\n", jwk_thumbprint(f.phone),
             jwk_thumbprint(f.issuer));
    assert_int_equal(host_read_pins(f.host, "pinned", line, why, sizeof why), 0);
    expect(&f, ID_TOKEN_INVALID, "not pinned for alice");
    snprintf(line, sizeof line, "alice %s\n", jwk_thumbprint(f.phone));
    assert_int_equal(host_read_pins(f.host, "pinned", line, why, sizeof why), 0);
    expect(&f, ID_TOKEN_FITS, "");
    teardown(&f);
}

static void another_provider_needs_no_approval_but_all_else(void **state)
{
    struct fixture f = setup("provider = ciba\nuser_claim = preferred_username\n");

    (void)state;
    json_object_del(f.claims, "pam_approve_approval");
    json_object_del(f.claims, "cnf");
    json_object_del(f.claims, "amr");
    expect(&f, ID_TOKEN_INVALID, "another user");
    json_object_set_new(f.claims, "preferred_username", json_string("alice"));
    expect(&f, ID_TOKEN_FITS, "");
    json_object_set_new(f.claims, REQUEST_CLAIM, json_string("req2"));
    expect(&f, ID_TOKEN_INVALID, "request");
    json_object_del(f.claims, REQUEST_CLAIM);
    expect(&f, ID_TOKEN_FITS, "");
    json_object_set_new(f.claims, "aud", json_string("web2"));
    expect(&f, ID_TOKEN_INVALID, "another host");
    assert_int_equal(id_token_algorithms(f.host), JWS_ES256 | JWS_RS256 | JWS_PS256 | JWS_EDDSA);
    teardown(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_approval_by_phone_fits),
        cmocka_unit_test(a_code_fits_only_where_one_was_sent),
        cmocka_unit_test(a_request_for_a_code_takes_no_phone),
        cmocka_unit_test(the_number_must_be_the_right_one),
        cmocka_unit_test(the_times_may_differ_by_a_minute),
        cmocka_unit_test(each_claim_is_needed_and_must_fit),
        cmocka_unit_test(a_pinned_phone_is_one_of_this_user),
        cmocka_unit_test(another_provider_needs_no_approval_but_all_else),
    };
    return cmocka_run_group_tests_name("id_token", tests, NULL, NULL);
}
