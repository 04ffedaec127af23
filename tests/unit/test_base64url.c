#include "tests/unit/unit.h"

#include <stdlib.h>
#include <string.h>

#include "common/base64url.h"

static void encodes_the_vectors_of_rfc_4648(void **state)
{
    /* RFC 4648, section 10, without padding; the last line has the two letters of section 5. */
    static const char *const vectors[][2] = {
        {"", ""},           {"f", "Zg"},          {"fo", "Zm8"},          {"foo", "Zm9v"},
        {"foob", "Zm9vYg"}, {"fooba", "Zm9vYmE"}, {"foobar", "Zm9vYmFy"}, {"\xfb\xff\xbf", "-_-_"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(vectors); i++) {
        size_t len = 0;
        unsigned char *bytes = NULL;
        char *text = base64url_encode(vectors[i][0], strlen(vectors[i][0]));

        assert_string_equal(text, vectors[i][1]);
        assert_int_equal(base64url_decode(text, strlen(text), &bytes, &len), 0);
        assert_int_equal(len, strlen(vectors[i][0]));
        assert_memory_equal(bytes, vectors[i][0], len + 1);
        free(text);
        free(bytes);
    }
}

static void refuses_what_is_not_strict(void **state)
{
    static const char *const wrong[] = {
        "A",      "AAAAA",               /* lengths that no bytes have */
        "Zg==",   "Zm8=",                /* padding */
        "Zh",     "Zm9",                 /* bits left over */
        "Zm9v\n", " Zm9v",      "Zm 9v", /* white space */
        "-_+_",   "-_/_",                /* the other alphabet */
        "Zm.9",   "\xc3\xa9zz",
    };

    (void)state;
    for (size_t i = 0; i < COUNT(wrong); i++) {
        unsigned char *bytes = (unsigned char *)"";
        size_t len = 1;
        assert_int_equal(base64url_decode(wrong[i], strlen(wrong[i]), &bytes, &len), -1);
        assert_null(bytes);
        assert_int_equal(len, 0);
    }
}

static void refuses_nul_inside(void **state)
{
    unsigned char *bytes;
    size_t len;

    (void)state;
    assert_int_equal(base64url_decode("Zm9v\0Zm9", 8, &bytes, &len), -1);
}

static void every_byte_comes_back(void **state)
{
    unsigned char all[256];

    (void)state;
    for (size_t i = 0; i < sizeof(all); i++)
        all[i] = (unsigned char)i;
    for (size_t len = 0; len <= sizeof(all); len++) {
        unsigned char *bytes;
        size_t back;
        char *text = base64url_encode(all, len);
        assert_int_equal(base64url_decode(text, strlen(text), &bytes, &back), 0);
        assert_int_equal(back, len);
        assert_memory_equal(bytes, all, len);
        free(text);
        free(bytes);
    }
}

#define HASH "0123456789-_ABCDEFGHIJKLMNOPQRSTUVWXYZabcde" /* 43 characters */

static void a_sha256_has_its_length_and_its_letters(void **state)
{
    static const char *const wrong[] = {"", "0", HASH "f", HASH "=", " " HASH, &HASH[1]};
    char text[] = HASH;

    (void)state;
    assert_true(base64url_is_sha256(HASH));
    for (size_t i = 0; i < COUNT(wrong); i++)
        assert_false(base64url_is_sha256(wrong[i]));
    for (size_t i = 0; i < BASE64URL_SHA256; i++) {
        text[i] = '.';
        assert_false(base64url_is_sha256(text));
        text[i] = HASH[i];
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(encodes_the_vectors_of_rfc_4648),
        cmocka_unit_test(refuses_what_is_not_strict),
        cmocka_unit_test(refuses_nul_inside),
        cmocka_unit_test(every_byte_comes_back),
        cmocka_unit_test(a_sha256_has_its_length_and_its_letters),
    };
    return cmocka_run_group_tests_name("base64url", tests, NULL, NULL);
}
