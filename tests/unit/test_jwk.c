#include "tests/unit/unit.h"

#include <openssl/err.h>
#include <stdlib.h>
#include <string.h>

#include "common/base64url.h"
#include "common/json_text.h"
#include "common/jwk.h"
#include "common/random.h"
#include "tests/unit/vectors.h"

static struct jwk *from_text(const char *text)
{
    json_t *json = json_text_object(text, strlen(text), 8192);
    assert_non_null(json);
    struct jwk *key = jwk_from_json(json);
    json_decref(json);
    return key;
}

/* The key of `text` with one member changed: to a text, or left out with NULL. */
static struct jwk *with_member(const char *text, const char *name, const char *value)
{
    json_t *json = json_text_object(text, strlen(text), 8192);
    if (value)
        json_object_set_new(json, name, json_string(value));
    else
        json_object_del(json, name);
    struct jwk *key = jwk_from_json(json);
    json_decref(json);
    return key;
}

static void thumbprints_are_those_of_the_rfcs(void **state)
{
    struct jwk *rsa = from_text(RFC7638_KEY), *ed = from_text(RFC8037_KEY);

    (void)state;
    assert_non_null(rsa);
    assert_int_equal(jwk_type(rsa), JWK_RSA);
    assert_string_equal(jwk_thumbprint(rsa), RFC7638_THUMBPRINT);
    assert_non_null(ed);
    assert_int_equal(jwk_type(ed), JWK_ED25519);
    assert_string_equal(jwk_thumbprint(ed), RFC8037_THUMBPRINT);
    jwk_free(rsa);
    jwk_free(ed);
}

static void public_members_only_are_given_out(void **state)
{
    struct jwk *key = from_text(RFC7638_KEY);
    json_t *json = jwk_public_json(key);

    (void)state;
    assert_int_equal(json_object_size(json), 3);
    assert_null(json_object_get(json, "kid"));
    json_object_clear(json); /* a copy: the key stays as it is */
    json_decref(json);
    json = jwk_public_json(key);
    assert_int_equal(json_object_size(json), 3);
    json_decref(json);
    jwk_free(key);
}

static void a_new_key_goes_to_pem_and_back(void **state)
{
    struct jwk *key = jwk_new_p256();
    char *pem = jwk_to_pem(key);
    struct jwk *back = jwk_from_pem(pem);
    json_t *json = jwk_public_json(key);
    struct jwk *public = jwk_from_json(json);

    (void)state;
    assert_true(jwk_is_private(key));
    assert_int_equal(strncmp(pem, "-----BEGIN PRIVATE KEY-----\n", 28), 0);
    assert_non_null(back);
    assert_true(jwk_is_private(back));
    assert_string_equal(jwk_thumbprint(key), jwk_thumbprint(back));
    assert_non_null(public);
    assert_false(jwk_is_private(public));
    assert_string_equal(jwk_thumbprint(key), jwk_thumbprint(public));
    assert_null(jwk_to_pem(public));
    assert_int_equal(EVP_PKEY_eq(jwk_pkey(key), jwk_pkey(public)), 1);
    json_decref(json);
    secret_free(pem);
    jwk_free(public);
    jwk_free(back);
    jwk_free(key);
}

static void takes_sec1_and_nothing_else(void **state)
{
    struct jwk *key = jwk_from_pem(P256_SEC1_PEM);

    (void)state;
    assert_non_null(key);
    jwk_free(key);
    assert_null(jwk_from_pem(P384_PEM));
    assert_null(jwk_from_pem(P256_ENCRYPTED_PEM)); /* must not ask for a password either */
    assert_null(jwk_from_pem(""));
    assert_null(jwk_from_pem("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"));
    assert_int_equal(ERR_peek_error(), 0);
}

static void halves_that_do_not_belong_together_are_refused(void **state)
{
    char pem[] = P256_SEC1_PEM;

    (void)state;
    memcpy(strstr(pem, "Obo2Nlo"), "Obo2Nlp", 7); /* another private number */
    assert_null(jwk_from_pem(pem));
}

static void points_off_the_curve_are_refused(void **state)
{
    (void)state;
    /* The last bits of y; x and y exchanged; beyond the field's prime; zero. */
    assert_null(with_member(RFC7515_A3_KEY, "y", "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a4"));
    assert_null(with_member(RFC7515_A3_KEY, "x", "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"));
    assert_null(with_member(RFC7515_A3_KEY, "x", "_____wAAAAEAAAAAAAAAAAAAAAD_______________8"));
    assert_null(with_member(RFC7515_A3_KEY, "y", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"));
    assert_int_equal(ERR_peek_error(), 0);
}

static void malformed_keys_are_refused(void **state)
{
    (void)state;
    assert_null(with_member(RFC7515_A3_KEY, "kty", NULL));
    assert_null(with_member(RFC7515_A3_KEY, "kty", "oct"));
    assert_null(with_member(RFC7515_A3_KEY, "kty", "RSA"));
    assert_null(with_member(RFC7515_A3_KEY, "crv", NULL));
    assert_null(with_member(RFC7515_A3_KEY, "crv", "P-384"));
    assert_null(with_member(RFC7515_A3_KEY, "x", NULL));
    assert_null(with_member(RFC7515_A3_KEY, "x", "AA"));
    assert_null(with_member(RFC7515_A3_KEY, "x", "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEV"));
    assert_null(with_member(RFC7515_A3_KEY, "x", "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU="));
    assert_null(with_member(RFC8037_KEY, "x", "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHUQ"));
    assert_null(with_member(RFC8037_KEY, "crv", "X25519"));
    assert_null(from_text("{}"));
    assert_null(from_text("{\"kty\":3}"));
    assert_null(from_text("{\"kty\":\"oct\",\"k\":\"AAAA\"}"));
    assert_int_equal(ERR_peek_error(), 0);
}

static void private_members_are_refused(void **state)
{
    static const char *const names[] = {"d", "p", "q", "dp", "dq", "qi", "oth", "k"};

    (void)state;
    for (size_t i = 0; i < COUNT(names); i++) {
        assert_null(with_member(RFC7515_A3_KEY, names[i], "AAAA"));
        assert_null(with_member(RFC7515_A2_KEY, names[i], "AAAA"));
    }
}

/* The key of RFC 7515, A.2, with n written in one byte more: it would have a second thumbprint. */
static struct jwk *with_zero_in_front(void)
{
    json_t *json = json_loads(RFC7515_A2_KEY, 0, NULL);
    const char *n = json_string_value(json_object_get(json, "n"));
    unsigned char *bytes, longer[257] = {0};
    size_t len;

    assert_int_equal(base64url_decode(n, strlen(n), &bytes, &len), 0);
    assert_int_equal(len, 256);
    memcpy(longer + 1, bytes, len);
    char *text = base64url_encode(longer, sizeof(longer));
    struct jwk *key = with_member(RFC7515_A2_KEY, "n", text);
    free(text);
    free(bytes);
    json_decref(json);
    return key;
}

static void weak_rsa_keys_are_refused(void **state)
{
    char n[1400];

    (void)state;
    assert_null(from_text(RSA_1024_KEY));
    assert_null(with_member(RFC7515_A2_KEY, "e", "Aw"));     /* 3 */
    assert_null(with_member(RFC7515_A2_KEY, "e", "AAEAAQ")); /* 65537 with a zero in front */
    memset(n, 'A', sizeof(n));
    n[342] = '\0'; /* 256 zeros */
    assert_null(with_member(RFC7515_A2_KEY, "n", n));
    memset(n, '_', 344);
    n[0] = 'A'; /* a zero in front of 2047 bits */
    n[342] = '\0';
    n[341] = 'w';
    assert_null(with_member(RFC7515_A2_KEY, "n", n));
    assert_null(with_zero_in_front());
    memset(n, '_', sizeof(n));
    n[1367] = '\0'; /* 8200 bits */
    n[1366] = '8';
    assert_null(with_member(RFC7515_A2_KEY, "n", n));
    assert_int_equal(ERR_peek_error(), 0);
}

static void keys_are_counted(void **state)
{
    struct jwk *key = from_text(RFC8037_KEY);

    (void)state;
    assert_ptr_equal(jwk_ref(key), key);
    jwk_free(key);
    assert_string_equal(jwk_thumbprint(key), RFC8037_THUMBPRINT);
    jwk_free(key);
    jwk_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(thumbprints_are_those_of_the_rfcs),
        cmocka_unit_test(public_members_only_are_given_out),
        cmocka_unit_test(a_new_key_goes_to_pem_and_back),
        cmocka_unit_test(takes_sec1_and_nothing_else),
        cmocka_unit_test(halves_that_do_not_belong_together_are_refused),
        cmocka_unit_test(points_off_the_curve_are_refused),
        cmocka_unit_test(malformed_keys_are_refused),
        cmocka_unit_test(private_members_are_refused),
        cmocka_unit_test(weak_rsa_keys_are_refused),
        cmocka_unit_test(keys_are_counted),
    };
    return cmocka_run_group_tests_name("jwk", tests, NULL, NULL);
}
