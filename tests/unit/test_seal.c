#include "tests/unit/unit.h"

#include <stdlib.h>
#include <string.h>

#include "common/base64url.h"
#include "common/seal.h"

/* A vector that pyca/cryptography made (tests/hostile/jose.py's seal): the details are "details",
 * the device's thumbprint is SHA-256 of "device", the secret is the bytes 0 to 19. */
#define HOST_PEM                                                                                   \
    "-----BEGIN EC PRIVATE KEY-----\n"                                                             \
    "MHcCAQEEICOgVzGj2AuWAJKn+q3XLX+ozPoiNz+2sh6gDC2fo6iioAoGCCqGSM49\n"                           \
    "AwEHoUQDQgAEgyFAb6EGSzplAUb+YwihTpjLHH7MV6v6USN5Dd/JgRZa6MkZMARF\n"                           \
    "700qU4qrMDxfN+CIUWgxHBLJn/OFYKSx8Q==\n"                                                       \
    "-----END EC PRIVATE KEY-----\n"
#define SENDER_PEM                                                                                 \
    "-----BEGIN EC PRIVATE KEY-----\n"                                                             \
    "MHcCAQEEIAUbPclnhYG+/sTLB3QZare/4Ki0DdoPKbSHO7erw0zFoAoGCCqGSM49\n"                           \
    "AwEHoUQDQgAEaJeimFTLV0+Zum0wqOr6mBiy6Ckt9B3uBVko8T4RJsNZcWkHj4RA\n"                           \
    "cgbebB4vdVAgD6yqa5iiD4j4cAI0+hhl5g==\n"                                                       \
    "-----END EC PRIVATE KEY-----\n"
#define HASH "Qf_Yt2r8kqZXWP2aCAroBCHBlvJRJjuHy_tuVn3aCHk"
#define JKT "JjpNvkFIj7hyFLADIznbufDI2hTBbfzxMIS_PCVS7KU"
#define SEALED                                                                                     \
    "BGiXophUy1dPmbptMKjq-pgYsugpLfQd7gVZKPE-ESbDWXFpB4-EQHIG3mweL3VQIA-sqmuYog-I-HACNPoYZeao7pbj" \
    "YlUyU8XM9nqBYX-Gozwh9S_LOUI-enI8FzXhEaSgKZc"

static struct jwk *host;
static unsigned char secret[SEAL_SECRET], out[SEAL_SECRET];
static const unsigned char zeros[SEAL_SECRET];

static int set_up(void **state)
{
    (void)state;
    host = jwk_from_pem(HOST_PEM);
    for (unsigned char i = 0; i < SEAL_SECRET; i++)
        secret[i] = i;
    return host ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    jwk_free(host);
    return 0;
}

static void another_program_s_seal_is_the_same(void **state)
{
    struct jwk *sender = jwk_from_pem(SENDER_PEM);
    char *sealed = seal_secret_with(jwk_pkey(sender), host, HASH, JKT, secret);

    (void)state;
    assert_int_equal(strlen(SEALED), SEAL_TEXT);
    assert_string_equal(sealed, SEALED);
    assert_int_equal(seal_open(host, SEALED, HASH, JKT, out), 0);
    assert_memory_equal(out, secret, SEAL_SECRET);
    free(sealed);
    jwk_free(sender);
}

static void a_seal_is_new_each_time_and_opens(void **state)
{
    json_t *json = jwk_public_json(host);
    struct jwk *public = jwk_from_json(json);
    char *one = seal_secret(public, HASH, JKT, secret),
         *two = seal_secret(public, HASH, JKT, secret);

    (void)state;
    assert_string_not_equal(one, two);
    assert_int_equal(seal_open(host, one, HASH, JKT, out), 0);
    assert_memory_equal(out, secret, SEAL_SECRET);
    free(one);
    free(two);
    jwk_free(public);
    json_decref(json);
}

static void refused(const struct jwk *key, const char *sealed, const char *hash, const char *jkt)
{
    memset(out, 1, sizeof(out));
    assert_int_equal(seal_open(key, sealed, hash, jkt, out), -1);
    assert_memory_equal(out, zeros, SEAL_SECRET);
}

static void it_opens_for_its_host_login_and_device_only(void **state)
{
    struct jwk *other = jwk_new_p256();

    (void)state;
    refused(other, SEALED, HASH, JKT);
    refused(host, SEALED, JKT, JKT);
    refused(host, SEALED, HASH, HASH);
    jwk_free(other);
}

static void no_changed_byte_and_no_other_length_opens(void **state)
{
    unsigned char *bytes;
    size_t len;
    char text[SEAL_TEXT + 2] = SEALED;

    (void)state;
    assert_int_equal(base64url_decode(SEALED, SEAL_TEXT, &bytes, &len), 0);
    for (size_t i = 0; i < len; i++) {
        bytes[i] ^= 0x40;
        char *changed = base64url_encode(bytes, len);
        refused(host, changed, HASH, JKT);
        free(changed);
        bytes[i] ^= 0x40;
    }
    free(bytes);
    refused(host, "", HASH, JKT);
    text[SEAL_TEXT] = 'A';
    refused(host, text, HASH, JKT);
    text[SEAL_TEXT - 1] = '\0';
    refused(host, text, HASH, JKT);
    memset(text, '+', SEAL_TEXT);
    refused(host, text, HASH, JKT);
}

static void a_point_off_the_curve_is_no_key(void **state)
{
    unsigned char point[ECDH_POINT] = {4, 1}, compressed[ECDH_POINT] = {2};
    EVP_PKEY *key = ecdh_new();

    (void)state;
    assert_null(ecdh_import(point));
    assert_int_equal(ecdh_export(key, point), 0);
    memcpy(compressed + 1, point + 1, 32);
    assert_null(ecdh_import(compressed));
    point[64] ^= 1;
    assert_null(ecdh_import(point));
    EVP_PKEY_free(key);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(another_program_s_seal_is_the_same),
        cmocka_unit_test(a_seal_is_new_each_time_and_opens),
        cmocka_unit_test(it_opens_for_its_host_login_and_device_only),
        cmocka_unit_test(no_changed_byte_and_no_other_length_opens),
        cmocka_unit_test(a_point_off_the_curve_is_no_key),
    };
    return cmocka_run_group_tests_name("seal", tests, set_up, tear_down);
}
