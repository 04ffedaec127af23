#include "tests/unit/unit.h"

#include <openssl/err.h>
#include <stdlib.h>
#include <string.h>

#include "common/json_text.h"
#include "common/jws.h"
#include "tests/unit/forge.h"
#include "tests/unit/vectors.h"

#define ALL (JWS_ES256 | JWS_RS256 | JWS_PS256 | JWS_EDDSA)

static struct jwk *key_of(const char *text)
{
    json_t *json = json_text_object(text, strlen(text), 8192);
    struct jwk *key = jwk_from_json(json);
    json_decref(json);
    assert_non_null(key);
    return key;
}

static bool verifies(const char *compact, const struct jwk *key, unsigned allowed)
{
    struct jws *jws = jws_parse(compact, strlen(compact));
    assert_non_null(jws);
    bool right = jws_verify(jws, key, allowed);
    jws_free(jws);
    assert_int_equal(ERR_peek_error(), 0);
    return right;
}

static void verifies_what_others_signed(void **state)
{
    static const struct {
        const char *key, *compact;
        unsigned algorithm;
    } rows[] = {
        {RFC7515_A3_KEY, RFC7515_A3_JWS, JWS_ES256},
        {RFC7515_A2_KEY, RFC7515_A2_JWS, JWS_RS256},
        {PS256_KEY, PS256_JWS, JWS_PS256},
        {RFC8037_KEY, EDDSA_JWS, JWS_EDDSA},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct jwk *key = key_of(rows[i].key);
        assert_true(verifies(rows[i].compact, key, rows[i].algorithm));
        assert_false(verifies(rows[i].compact, key, ALL & ~rows[i].algorithm));
        jwk_free(key);
    }
}

static void each_changed_byte_breaks_it(void **state)
{
    static const char *const rows[][2] = {
        {RFC7515_A3_KEY, RFC7515_A3_JWS},
        {RFC7515_A2_KEY, RFC7515_A2_JWS},
        {PS256_KEY, PS256_JWS},
        {RFC8037_KEY, EDDSA_JWS},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct jwk *key = key_of(rows[i][0]);
        char *text = strdup(rows[i][1]);
        size_t len = strlen(text);
        for (size_t at = 0; at < len; at++) {
            char was = text[at];
            text[at] = was == 'A' ? 'B' : 'A';
            struct jws *jws = jws_parse(text, len);
            if (jws && jws_verify(jws, key, ALL))
                fail_msg("row %zu verifies with byte %zu changed", i, at);
            jws_free(jws);
            text[at] = was;
        }
        assert_true(verifies(text, key, ALL));
        free(text);
        jwk_free(key);
    }
}

static void the_algorithm_must_fit_the_key(void **state)
{
    struct jwk *ec = key_of(RFC7515_A3_KEY), *rsa = key_of(RFC7515_A2_KEY),
               *pss = key_of(PS256_KEY), *ed = key_of(RFC8037_KEY);

    (void)state;
    assert_false(verifies(RFC7515_A3_JWS, rsa, ALL));
    assert_false(verifies(RFC7515_A3_JWS, ed, ALL));
    assert_false(verifies(RFC7515_A2_JWS, ec, ALL));
    assert_false(verifies(RFC7515_A2_JWS, pss, ALL)); /* another key */
    assert_false(verifies(EDDSA_JWS, ec, ALL));
    assert_false(verifies(PS256_SHORT_SALT_JWS, pss, ALL));
    jwk_free(ec);
    jwk_free(rsa);
    jwk_free(pss);
    jwk_free(ed);
}

/* The header says RS256, and the signature is what OpenSSL would take from an EC key for it. */
static void an_ec_key_verifies_no_rsa_algorithm(void **state)
{
    static const char text[] = "eyJhbGciOiJSUzI1NiJ9.e30";
    struct jwk *key = jwk_new_p256();
    unsigned char der[80];
    size_t len = 0;
    char compact[256];

    (void)state;
    while (len != (size_t)EVP_PKEY_get_size(jwk_pkey(key))) { /* one signature in four is as long */
        EVP_MD_CTX *context = EVP_MD_CTX_new();
        len = sizeof(der);
        EVP_DigestSignInit(context, NULL, EVP_sha256(), NULL, jwk_pkey(key));
        assert_int_equal(
            EVP_DigestSign(context, der, &len, (const unsigned char *)text, sizeof(text) - 1), 1);
        EVP_MD_CTX_free(context);
    }
    char *signature = base64url_encode(der, len);
    snprintf(compact, sizeof(compact), "%s.%s", text, signature);
    assert_false(verifies(compact, key, ALL));
    free(signature);
    jwk_free(key);
}

static void signs_and_reads_back(void **state)
{
    struct jwk *key = jwk_new_p256(), *stranger = jwk_new_p256();
    json_t *payload = json_pack("{s:s, s:i}", "iss", "web1", "iat", 7);
    char *compact = jws_sign(key, "JWT", false, payload);
    struct jws *jws = jws_parse(compact, strlen(compact));

    (void)state;
    assert_non_null(jws);
    assert_int_equal(jws->algorithm, JWS_ES256);
    assert_string_equal(jws->kid, jwk_thumbprint(key));
    assert_string_equal(jws->typ, "JWT");
    assert_int_equal(jws->signature_len, 64);
    assert_null(json_object_get(jws->header, "jwk"));
    assert_int_equal(json_object_size(jws->header), 3);
    assert_true(json_equal(jws->payload, payload));
    assert_true(jws_verify(jws, key, JWS_ES256));
    assert_false(jws_verify(jws, stranger, JWS_ES256));
    jws_free(jws);
    free(compact);

    compact = jws_sign(key, "x+jws", true, payload);
    jws = jws_parse(compact, strlen(compact));
    struct jwk *embedded = jwk_from_json(json_object_get(jws->header, "jwk"));
    assert_non_null(embedded);
    assert_true(jws_verify(jws, embedded, JWS_ES256));
    assert_string_equal(jwk_thumbprint(embedded), jwk_thumbprint(key));
    assert_null(jws_sign(embedded, "x", false, payload)); /* a public key signs nothing */
    jws_free(jws);
    jwk_free(embedded);
    free(compact);
    json_decref(payload);
    jwk_free(stranger);
    jwk_free(key);
}

static void headers_that_are_refused_although_the_signature_is_right(void **state)
{
    static const char *const rows[] = {
        "{\"alg\":\"none\"}",
        "{\"alg\":\"None\"}",
        "{\"alg\":\"\"}",
        "{\"alg\":\"HS256\"}",
        "{\"alg\":\"es256\"}",
        "{\"alg\":\"ES384\"}",
        "{\"alg\":[\"ES256\"]}",
        "{\"alg\":null}",
        "{}",
        "{\"alg\":\"ES256\",\"crit\":[\"exp\"],\"exp\":1}",
        "{\"alg\":\"ES256\",\"crit\":[]}",
        "{\"alg\":\"ES256\",\"crit\":null}",
        "{\"alg\":\"ES256\",\"b64\":false,\"crit\":[\"b64\"]}",
        "{\"alg\":\"ES256\",\"alg\":\"ES256\"}",
        "{\"alg\":\"ES256\",\"kid\":7}",
        "{\"alg\":\"ES256\",\"typ\":null}",
        "{\"alg\":\"ES256\\u0000\"}",
        "[\"ES256\"]",
        "{\"alg\":\"ES256\"} ,",
    };
    struct jwk *key = jwk_new_p256();

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        char *compact = forge_jws(key, rows[i], "{}");
        if (jws_parse(compact, strlen(compact)))
            fail_msg("taken: %s", rows[i]);
        free(compact);
    }
    char *compact = forge_jws(key, "{\"alg\":\"ES256\",\"more\":1}", "{}");
    assert_true(verifies(compact, key, JWS_ES256));
    free(compact);
    jwk_free(key);
}

static void payloads_that_are_refused(void **state)
{
    static const char *const rows[] = {
        "",
        "[]",
        "1",
        "\"a\"",
        "{\"a\":1,\"a\":1}",
        "{\"a\":{\"b\":1,\"b\":2}}",
        "{\"a\":\"\\u0000\"}",
        "{}{}",
    };
    struct jwk *key = jwk_new_p256();

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        char *compact = forge_jws(key, "{\"alg\":\"ES256\"}", rows[i]);
        if (jws_parse(compact, strlen(compact)))
            fail_msg("taken: %s", rows[i]);
        free(compact);
    }
    jwk_free(key);
}

static void forms_that_are_refused(void **state)
{
    static const char *const rows[] = {
        "",
        ".",
        "..",
        "...",
        "eyJhbGciOiJFUzI1NiJ9",
        "eyJhbGciOiJFUzI1NiJ9.e30",
        "eyJhbGciOiJFUzI1NiJ9.e30.",  /* no signature */
        "eyJhbGciOiJFUzI1NiJ9..AAAA", /* no payload */
        ".e30.AAAA",
        "eyJhbGciOiJFUzI1NiJ9.e30.AAAA.AAAA",
        "eyJhbGciOiJFUzI1NiJ9.e30.AAA=", /* padding */
        "eyJhbGciOiJFUzI1NiJ9.e30.AB",   /* bits left over */
        "eyJhbGciOiJFUzI1NiJ9.e31.AAAA",
        "eyJhbGciOiJFUzI1NiJ9.e30.AA AA",
        " eyJhbGciOiJFUzI1NiJ9.e30.AAAA",
        "eyJhbGciOiJFUzI1NiJ9.e30.AAAA\n",
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++)
        if (jws_parse(rows[i], strlen(rows[i])))
            fail_msg("taken: %s", rows[i]);
    assert_null(jws_parse("eyJhbGciOiJFUzI1NiJ9.e30.AAAA\0AAA", 33));
}

static void signatures_of_a_wrong_form_do_not_verify(void **state)
{
    static const char *const ends[] = {
        "AAAA",
        /* r = s = 0 */
        "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
        /* the DER form that OpenSSL itself writes */
        "MEUCIA7RIVN5Y2xIPC9_FVgH1AKjsigDOvl8fheBmsMWnqZlAiEAxQoH04w8cOXY8S2vCEpUgKZlkMXyk1Cajz9_"
        "ioOjVNU",
        /* one byte more */
        "DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1QA",
    };
    struct jwk *key = key_of(RFC7515_A3_KEY);

    (void)state;
    for (size_t i = 0; i < COUNT(ends); i++) {
        char text[512];
        const char *dot = strrchr(RFC7515_A3_JWS, '.');
        snprintf(text, sizeof(text), "%.*s.%s", (int)(dot - RFC7515_A3_JWS), RFC7515_A3_JWS,
                 ends[i]);
        assert_false(verifies(text, key, ALL));
    }
    jwk_free(key);
}

static void size_is_limited(void **state)
{
    struct jwk *key = jwk_new_p256();
    char *filler = malloc(JWS_MAX + 1);

    (void)state;
    memset(filler, 'x', JWS_MAX);
    filler[JWS_MAX] = '\0';
    json_t *payload = json_pack("{s:s}", "a", filler);
    assert_null(jws_sign(key, "x", false, payload));
    json_object_set_new(payload, "a", json_string(filler + JWS_MAX - 11000));
    char *compact = jws_sign(key, "x", false, payload);
    assert_non_null(compact);
    free(compact);
    snprintf(filler, JWS_MAX, "{\"a\":\"%012160d\"}", 0); /* as long as may be, and longer */
    compact = forge_jws(key, "{\"alg\":\"ES256\"}", filler);
    assert_in_range(strlen(compact), JWS_MAX - 100, JWS_MAX);
    assert_true(verifies(compact, key, ALL));
    free(compact);
    snprintf(filler, JWS_MAX, "{\"a\":\"%012260d\"}", 0);
    compact = forge_jws(key, "{\"alg\":\"ES256\"}", filler);
    assert_in_range(strlen(compact), JWS_MAX + 1, JWS_MAX + 100);
    assert_null(jws_parse(compact, strlen(compact)));
    free(compact);
    free(filler);
    json_decref(payload);
    jwk_free(key);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(verifies_what_others_signed),
        cmocka_unit_test(each_changed_byte_breaks_it),
        cmocka_unit_test(the_algorithm_must_fit_the_key),
        cmocka_unit_test(an_ec_key_verifies_no_rsa_algorithm),
        cmocka_unit_test(signs_and_reads_back),
        cmocka_unit_test(headers_that_are_refused_although_the_signature_is_right),
        cmocka_unit_test(payloads_that_are_refused),
        cmocka_unit_test(forms_that_are_refused),
        cmocka_unit_test(signatures_of_a_wrong_form_do_not_verify),
        cmocka_unit_test(size_is_limited),
    };
    return cmocka_run_group_tests_name("jws", tests, NULL, NULL);
}
