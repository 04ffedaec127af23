/* RFC 8292: the token says who pushes, to which push service, until when; one for each push
 * service. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backend/vapid.h"
#include "common/base64url.h"
#include "common/json_text.h"
#include "common/jws.h"
#include "tests/unit/unit.h"
#include "tests/unit/vectors.h"

#define NOW 1700000000
#define HOUR 3600

static struct jwk *key;
static struct vapid *vapid;

static int setup(void **state)
{
    (void)state;
    key = jwk_new_p256();
    vapid = key ? vapid_new(key, "mailto:root@example.org") : NULL;
    return vapid ? 0 : -1;
}

static int teardown(void **state)
{
    (void)state;
    vapid_free(vapid);
    jwk_free(key);
    return 0;
}

/* Takes a header's value apart, as RFC 8292, section 3, writes it. The caller frees t. */
static struct jws *parse(const char *authorization, char k[128])
{
    char *t = NULL;

    assert_non_null(authorization);
    assert_int_equal(sscanf(authorization, "vapid t=%m[^,], k=%127s", &t, k), 2);
    struct jws *jws = jws_parse(t, strlen(t));
    free(t);
    assert_non_null(jws);
    return jws;
}

static void token_has_the_claims(void **state)
{
    (void)state;
    char k[128];
    int64_t expires;
    struct jws *jws = parse(vapid_authorization(vapid, "https://fcm.googleapis.com", NOW), k);

    assert_true(jws_verify(jws, key, JWS_ES256));
    assert_string_equal(jws->typ, "JWT");
    assert_string_equal(json_text_string(jws->payload, "aud", 100), "https://fcm.googleapis.com");
    assert_string_equal(json_text_string(jws->payload, "sub", 100), "mailto:root@example.org");
    assert_int_equal(json_text_integer(jws->payload, "exp", NOW + 1, NOW + 24 * HOUR, &expires), 0);
    assert_string_equal(k, vapid_public_key(vapid));
    jws_free(jws);
}

static void public_key_is_the_uncompressed_point(void **state)
{
    (void)state;
    unsigned char *bytes, *x;
    size_t len;
    json_t *json = jwk_public_json(key);
    const char *text = vapid_public_key(vapid);

    assert_int_equal(base64url_decode(text, strlen(text), &bytes, &len), 0);
    assert_int_equal(len, 65);
    assert_int_equal(bytes[0], 4);
    const char *x_text = json_text_string(json, "x", 64);
    assert_int_equal(base64url_decode(x_text, strlen(x_text), &x, &len), 0);
    assert_memory_equal(bytes + 1, x, 32);
    free(x);
    free(bytes);
    json_decref(json);
}

static void token_is_kept_and_renewed_before_its_end(void **state)
{
    (void)state;
    const char *origin = "https://fcm.googleapis.com";
    char *first = strdup(vapid_authorization(vapid, origin, NOW + HOUR));
    char k[128];
    int64_t expires;

    assert_string_equal(vapid_authorization(vapid, origin, NOW + HOUR), first);
    for (int hours = 1; hours < 48; hours++) {
        int64_t now = NOW + hours * HOUR;
        struct jws *jws = parse(vapid_authorization(vapid, origin, now), k);
        assert_int_equal(
            json_text_integer(jws->payload, "exp", now + HOUR, now + 24 * HOUR, &expires), 0);
        jws_free(jws);
    }
    assert_string_not_equal(vapid_authorization(vapid, origin, NOW + 48 * HOUR), first);
    free(first);
}

static void token_is_renewed_when_the_clock_went_back(void **state)
{
    (void)state;
    const char *origin = "https://clock.example";
    char k[128];
    int64_t expires;

    vapid_authorization(vapid, origin, NOW + 1000 * HOUR);
    struct jws *jws = parse(vapid_authorization(vapid, origin, NOW), k);
    assert_int_equal(json_text_integer(jws->payload, "exp", NOW + 1, NOW + 24 * HOUR, &expires), 0);
    jws_free(jws);
}

static void each_push_service_has_its_own(void **state)
{
    (void)state;
    char origin[64], k[128];

    /* More than are kept: each answer must still be for the one that was asked. */
    for (int round = 0; round < 2; round++) {
        for (int i = 0; i < 100; i++) {
            snprintf(origin, sizeof origin, "https://push%d.example", i);
            struct jws *jws = parse(vapid_authorization(vapid, origin, NOW + i), k);
            assert_string_equal(json_text_string(jws->payload, "aud", 100), origin);
            jws_free(jws);
        }
    }
}

/* The coordinates of an uncompressed point, as the `k` of a header has it. The caller frees the
 * key. */
static struct jwk *key_of_point(const char *k)
{
    unsigned char *point;
    size_t len;

    assert_int_equal(base64url_decode(k, strlen(k), &point, &len), 0);
    assert_int_equal(len, 65);
    assert_int_equal(point[0], 4);
    char *x = base64url_encode(point + 1, 32), *y = base64url_encode(point + 33, 32);
    json_t *json = json_pack("{ss, ss, ss, ss}", "kty", "EC", "crv", "P-256", "x", x, "y", y);
    struct jwk *found = jwk_from_json(json);
    json_decref(json);
    free(x);
    free(y);
    free(point);
    assert_non_null(found);
    return found;
}

/* What others' tokens look like: ours are read by the same code in the tests above. */
static void example_of_the_rfc_is_right(void **state)
{
    (void)state;
    char k[128];
    int64_t expires;
    struct jws *jws = parse(RFC8292_AUTHORIZATION, k);
    struct jwk *example = key_of_point(k), *own = key_of_point(vapid_public_key(vapid));

    assert_true(jws_verify(jws, example, JWS_ES256));
    assert_false(jws_verify(jws, own, JWS_ES256));
    assert_string_equal(jws->typ, "JWT");
    assert_string_equal(json_text_string(jws->payload, "aud", 100), "https://push.example.net");
    assert_string_equal(json_text_string(jws->payload, "sub", 100), "mailto:push@example.com");
    assert_int_equal(json_text_integer(jws->payload, "exp", 0, INT64_MAX, &expires), 0);
    assert_int_equal(expires, 1453523768);
    jwk_free(example);
    jwk_free(own);
    jws_free(jws);

    jws = parse(vapid_authorization(vapid, "https://push.example.net", NOW), k);
    own = key_of_point(k);
    assert_true(jws_verify(jws, own, JWS_ES256));
    jwk_free(own);
    jws_free(jws);
}

static void public_key_alone_is_refused(void **state)
{
    (void)state;
    json_t *json = jwk_public_json(key);
    struct jwk *public_key = jwk_from_json(json);

    assert_non_null(public_key);
    assert_null(vapid_new(public_key, "mailto:root@example.org"));
    jwk_free(public_key);
    json_decref(json);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(token_has_the_claims),
        cmocka_unit_test(public_key_is_the_uncompressed_point),
        cmocka_unit_test(token_is_kept_and_renewed_before_its_end),
        cmocka_unit_test(token_is_renewed_when_the_clock_went_back),
        cmocka_unit_test(each_push_service_has_its_own),
        cmocka_unit_test(example_of_the_rfc_is_right),
        cmocka_unit_test(public_key_alone_is_refused),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
