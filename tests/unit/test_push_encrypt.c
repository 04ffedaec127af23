/* Web Push encryption against the examples of RFC 8188 and RFC 8291, and against a reader of its
 * own. */
#include <stdlib.h>
#include <string.h>

#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/kdf.h>
#include <openssl/param_build.h>

#include "backend/push_encrypt.h"
#include "common/base64url.h"
#include "tests/unit/unit.h"

/* RFC 8291, section 5 and appendix A. */
#define TEXT "When I grow up, I want to be a watermelon"
#define SENDER_PRIVATE "yfWPiYE-n46HLnH0KqZOF1fJJU3MYrct3AELtAQ-oRw"
#define SENDER_PUBLIC                                                                              \
    "BP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmYWAmS6TlzAC8wEqKK6PBru3jl7A8"
#define RECEIVER_PRIVATE "q1dXpw3UpT5VOmu_cf_v6ih07Aems3njxI-JWgLcM94"
#define RECEIVER_PUBLIC                                                                            \
    "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4"
#define SALT "DGv6ra1nlYgDCS1FRnbzlw"
#define AUTH "BTBZMqHH6r4Tts7J_aSIgg"
#define BODY                                                                                       \
    "DGv6ra1nlYgDCS1FRnbzlwAAEABBBP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmYWAmS" \
    "6TlzAC8wEqKK6PBru3jl7A_yl95bQpu6cVPTpK4Mqgkf1CXztLVBSt2Ks3oZwbuwXPXLWyouBWLVWGNWQexSgSxsj_Qu" \
    "lcy4a-fN"

static unsigned char *bytes_of(const char *text, size_t expected)
{
    unsigned char *bytes;
    size_t len;

    assert_int_equal(base64url_decode(text, strlen(text), &bytes, &len), 0);
    assert_int_equal(len, expected);
    return bytes;
}

static EVP_PKEY *key_of(const char *private_text, const char *public_text)
{
    unsigned char *secret = bytes_of(private_text, 32), *point = bytes_of(public_text, 65);
    OSSL_PARAM_BLD *build = OSSL_PARAM_BLD_new();
    BIGNUM *number = BN_bin2bn(secret, 32, NULL);
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_name(NULL, "EC", NULL);
    EVP_PKEY *key = NULL;

    OSSL_PARAM_BLD_push_utf8_string(build, OSSL_PKEY_PARAM_GROUP_NAME, "prime256v1", 0);
    OSSL_PARAM_BLD_push_octet_string(build, OSSL_PKEY_PARAM_PUB_KEY, point, 65);
    OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_PRIV_KEY, number);
    OSSL_PARAM *params = OSSL_PARAM_BLD_to_param(build);
    assert_int_equal(EVP_PKEY_fromdata_init(context), 1);
    assert_int_equal(EVP_PKEY_fromdata(context, &key, EVP_PKEY_KEYPAIR, params), 1);
    OSSL_PARAM_free(params);
    OSSL_PARAM_BLD_free(build);
    EVP_PKEY_CTX_free(context);
    BN_free(number);
    free(point);
    free(secret);
    return key;
}

static void rfc8188_example(void **state)
{
    (void)state;
    unsigned char *key = bytes_of("yqdlZ-tYemfogSmv7Ws5PQ", 16);
    unsigned char *salt = bytes_of("I1BsxtFttlv3u_Oo94xnmw", 16);
    unsigned char body[128];
    int len = push_seal_record(key, 16, salt, "", 0, "I am the walrus", 15, 15, body, sizeof body);

    assert_int_equal(len, 53);
    char *text = base64url_encode(body, (size_t)len);
    assert_string_equal(text,
                        "I1BsxtFttlv3u_Oo94xnmwAAEAAA-NAVub2qFgBEuQKRapoZu-IxkIva3MEB1PD-ly8Thjg");
    free(text);
    free(key);
    free(salt);
}

static void rfc8291_example(void **state)
{
    (void)state;
    struct push_receiver receiver;
    unsigned char *salt = bytes_of(SALT, PUSH_SALT), body[PUSH_BODY_MAX];
    EVP_PKEY *sender = key_of(SENDER_PRIVATE, SENDER_PUBLIC);

    assert_int_equal(push_receiver_parse(RECEIVER_PUBLIC, AUTH, &receiver), 0);
    int len = push_encrypt_with(sender, salt, &receiver, TEXT, strlen(TEXT), strlen(TEXT), body);
    assert_int_equal(len, 144);
    char *text = base64url_encode(body, (size_t)len);
    assert_string_equal(text, BODY);
    free(text);
    free(salt);
    EVP_PKEY_free(sender);
}

static void derive(const void *salt, size_t salt_len, const void *secret, size_t secret_len,
                   const void *info, size_t info_len, unsigned char *out, size_t out_len)
{
    EVP_KDF *kdf = EVP_KDF_fetch(NULL, "HKDF", NULL);
    EVP_KDF_CTX *context = EVP_KDF_CTX_new(kdf);
    OSSL_PARAM params[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, (char[]){"SHA256"}, 0),
        OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_SALT, (void *)(uintptr_t)salt, salt_len),
        OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_KEY, (void *)(uintptr_t)secret,
                                          secret_len),
        OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_INFO, (void *)(uintptr_t)info, info_len),
        OSSL_PARAM_END};

    assert_int_equal(EVP_KDF_derive(context, out, out_len, params), 1);
    EVP_KDF_CTX_free(context);
    EVP_KDF_free(kdf);
}

/* Reads a body as a browser does. Returns the length of text with delimiter and padding, or -1. */
static int read_body(const unsigned char *body, int len, const unsigned char auth[PUSH_AUTH],
                     unsigned char *text)
{
    unsigned char shared[32], key[32], record[16], nonce[12], info[144] = "WebPush: info";
    unsigned char *own = bytes_of(RECEIVER_PUBLIC, PUSH_POINT);
    EVP_PKEY *receiver = key_of(RECEIVER_PRIVATE, RECEIVER_PUBLIC);
    EVP_PKEY *sender = EVP_EC_gen("P-256");
    size_t shared_len = sizeof shared;
    int n, end = 0, result = -1;

    memcpy(info + 14, own, PUSH_POINT);
    memcpy(info + 79, body + 21, PUSH_POINT);
    assert_int_equal(EVP_PKEY_set1_encoded_public_key(sender, body + 21, PUSH_POINT), 1);
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new(receiver, NULL);
    EVP_PKEY_derive_init(context);
    assert_int_equal(EVP_PKEY_derive_set_peer(context, sender), 1);
    assert_int_equal(EVP_PKEY_derive(context, shared, &shared_len), 1);
    derive(auth, PUSH_AUTH, shared, 32, info, sizeof info, key, 32);
    derive(body, PUSH_SALT, key, 32, "Content-Encoding: aes128gcm", 28, record, sizeof record);
    derive(body, PUSH_SALT, key, 32, "Content-Encoding: nonce", 24, nonce, sizeof nonce);
    EVP_CIPHER_CTX *cipher = EVP_CIPHER_CTX_new();
    EVP_DecryptInit_ex(cipher, EVP_aes_128_gcm(), NULL, record, nonce);
    EVP_DecryptUpdate(cipher, text, &n, body + 86, len - 86 - 16);
    EVP_CIPHER_CTX_ctrl(cipher, EVP_CTRL_GCM_SET_TAG, 16, (void *)(uintptr_t)(body + len - 16));
    if (EVP_DecryptFinal_ex(cipher, text + n, &end) == 1)
        result = n + end;
    EVP_CIPHER_CTX_free(cipher);
    EVP_PKEY_CTX_free(context);
    EVP_PKEY_free(sender);
    EVP_PKEY_free(receiver);
    free(own);
    return result;
}

static void padding_hides_the_length(void **state)
{
    (void)state;
    static const size_t lengths[] = {0, 1, 41, 1023, 1024};
    struct push_receiver receiver;
    unsigned char text[1024], body[PUSH_BODY_MAX], back[PUSH_BODY_MAX];

    memset(text, 'x', sizeof text);
    assert_int_equal(push_receiver_parse(RECEIVER_PUBLIC, AUTH, &receiver), 0);
    for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
        size_t len = lengths[i];
        assert_int_equal(push_encrypt(&receiver, text, len, 1024, body), 103 + 1024);
        assert_int_equal(read_body(body, 103 + 1024, receiver.auth, back), 1025);
        assert_memory_equal(back, text, len);
        assert_int_equal(back[len], 2);
        for (size_t at = len + 1; at < 1025; at++)
            assert_int_equal(back[at], 0);
    }
}

static void longest_text_fills_a_body(void **state)
{
    (void)state;
    static unsigned char text[PUSH_TEXT_MAX + 1], back[PUSH_BODY_MAX];
    struct push_receiver receiver;
    unsigned char body[PUSH_BODY_MAX];

    assert_int_equal(push_receiver_parse(RECEIVER_PUBLIC, AUTH, &receiver), 0);
    memset(text, 'y', sizeof text);
    assert_int_equal(push_encrypt(&receiver, text, PUSH_TEXT_MAX, PUSH_TEXT_MAX, body),
                     PUSH_BODY_MAX);
    assert_int_equal(read_body(body, PUSH_BODY_MAX, receiver.auth, back), PUSH_TEXT_MAX + 1);
    assert_memory_equal(back, text, PUSH_TEXT_MAX);
    assert_int_equal(push_encrypt(&receiver, text, PUSH_TEXT_MAX + 1, PUSH_TEXT_MAX + 1, body), -1);
    assert_int_equal(push_encrypt(&receiver, text, 10, 9, body), -1);
}

static void every_push_has_its_own_key_and_salt(void **state)
{
    (void)state;
    struct push_receiver receiver;
    unsigned char one[PUSH_BODY_MAX], two[PUSH_BODY_MAX];

    assert_int_equal(push_receiver_parse(RECEIVER_PUBLIC, AUTH, &receiver), 0);
    assert_int_equal(push_encrypt(&receiver, TEXT, 41, 64, one), 167);
    assert_int_equal(push_encrypt(&receiver, TEXT, 41, 64, two), 167);
    assert_memory_not_equal(one, two, PUSH_SALT);
    assert_memory_not_equal(one + 21, two + 21, PUSH_POINT);
}

static void other_secret_reads_nothing(void **state)
{
    (void)state;
    struct push_receiver receiver;
    unsigned char body[PUSH_BODY_MAX], back[PUSH_BODY_MAX];

    assert_int_equal(push_receiver_parse(RECEIVER_PUBLIC, AUTH, &receiver), 0);
    assert_int_equal(push_encrypt(&receiver, TEXT, 41, 41, body), 144);
    assert_int_equal(read_body(body, 144, receiver.auth, back), 42);
    receiver.auth[0] ^= 1;
    assert_int_equal(read_body(body, 144, receiver.auth, back), -1);
}

static void bad_keys_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *p256dh, *auth;
    } bad[] = {
        {NULL, AUTH},
        {RECEIVER_PUBLIC, NULL},
        {"", AUTH},
        {RECEIVER_PUBLIC, ""},
        /* a byte short, a byte long */
        {RECEIVER_PUBLIC, "BTBZMqHH6r4Tts7J_aSI"},
        {RECEIVER_PUBLIC, "BTBZMqHH6r4Tts7J_aSIggA"},
        /* padding, the other alphabet */
        {RECEIVER_PUBLIC, AUTH "=="},
        {RECEIVER_PUBLIC, "BTBZMqHH6r4Tts7J/aSIgg"},
        /* off the curve: the last byte changed */
        {"BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw8",
         AUTH},
        /* the hybrid form of the same point (RFC 8291 wants the uncompressed one) */
        {"BiVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4",
         AUTH},
        /* all zeros */
        {"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
         AUTH},
    };
    struct push_receiver receiver;

    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_int_equal(push_receiver_parse(bad[i].p256dh, bad[i].auth, &receiver), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rfc8188_example),
        cmocka_unit_test(rfc8291_example),
        cmocka_unit_test(padding_hides_the_length),
        cmocka_unit_test(longest_text_fills_a_body),
        cmocka_unit_test(every_push_has_its_own_key_and_salt),
        cmocka_unit_test(other_secret_reads_nothing),
        cmocka_unit_test(bad_keys_are_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
