#include "tests/unit/unit.h"

#include <string.h>

#include "common/random.h"
#include "common/totp.h"

static const unsigned char *const secret = (const unsigned char *)"12345678901234567890";

static void codes_are_those_of_the_rfcs(void **state)
{
    /* RFC 4226, appendix D. */
    static const int hotp[] = {755224, 287082, 359152, 969429, 338314,
                               254676, 287922, 162583, 399871, 520489};
    /* RFC 6238, appendix B, SHA-1: the last six of its eight digits. */
    static const struct {
        int64_t time;
        int code;
    } totp[] = {
        {59, 287082},       {1111111109, 81804},  {1111111111, 50471},
        {1234567890, 5924}, {2000000000, 279037}, {20000000000, 353130},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(hotp); i++)
        assert_int_equal(totp_code(secret, 20, (int64_t)i), hotp[i]);
    for (size_t i = 0; i < COUNT(totp); i++)
        assert_int_equal(totp_code(secret, 20, totp[i].time / TOTP_STEP), totp[i].code);
    assert_int_equal(totp_code(secret, 20, -1), -1);
    assert_int_equal(totp_code(secret, 0, 1), -1);
}

static void one_step_either_side_is_found_and_no_more(void **state)
{
    const int64_t now = 1111111109;

    (void)state;
    for (int off = -3; off <= 3; off++) {
        int64_t step = -7;
        int code = totp_code(secret, 20, now / TOTP_STEP + off);
        int found = totp_find(secret, 20, now, code, &step);
        assert_int_equal(found, off >= -1 && off <= 1);
        assert_int_equal(step, found ? now / TOTP_STEP + off : -7);
    }
}

static void what_is_no_code_is_never_found(void **state)
{
    int64_t step;

    (void)state;
    assert_int_equal(totp_find(secret, 20, 1111111109, -1, &step), -1);
    assert_int_equal(totp_find(secret, 20, 1111111109, 1081804, &step), 0);
    assert_int_equal(totp_find(secret, 20, -100, 0, &step), -1);
    assert_int_equal(totp_find(secret, 0, 1111111109, 0, &step), -1);
}

static void of_two_equal_codes_the_later_step_counts(void **state)
{
    const int64_t at = 910737; /* the first such step of this secret */
    int64_t step;

    (void)state;
    assert_int_equal(totp_code(secret, 20, at), 911617);
    assert_int_equal(totp_code(secret, 20, at + 1), 911617);
    assert_int_equal(totp_find(secret, 20, at * TOTP_STEP, 911617, &step), 1);
    assert_int_equal(step, at + 1);
}

static void six_digits_are_a_code_and_nothing_else(void **state)
{
    static const char *const wrong[] = {
        "",
        "12345",
        "1234567",
        " 123456",
        "123456 ",
        "12345a",
        "-12345",
        "+12345",
        "0x1234",
        "123456\n",
        "12 34",
        "1.2345",
        "\xd9\xa1"
        "23456",
        "      ",
    };

    (void)state;
    assert_int_equal(totp_parse("123456"), 123456);
    assert_int_equal(totp_parse("123 456"), 123456);
    assert_int_equal(totp_parse("12  34 56"), 123456);
    assert_int_equal(totp_parse("000000"), 0);
    assert_int_equal(totp_parse("000042"), 42);
    for (size_t i = 0; i < COUNT(wrong); i++)
        assert_int_equal(totp_parse(wrong[i]), -1);
}

static void base32_is_rfc_4648_s(void **state)
{
    static const char *const rows[][2] = {
        {"", ""},
        {"f", "MY"},
        {"fo", "MZXQ"},
        {"foo", "MZXW6"},
        {"foob", "MZXW6YQ"},
        {"fooba", "MZXW6YTB"},
        {"foobar", "MZXW6YTBOI"},
        {"12345678901234567890", "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"},
    };
    static const char *const wrong[] = {
        "A",  "AAA", "AAAAAA",   "M",  "MZX", "MZXW6Y",
        "MZ", "my",  "MY======", "M1", "M Y", "MZXW6YTBOIMZXW6YTBOIMZXW6YTBOIMZXW6YTBOI"};
    unsigned char out[20];

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        size_t len = strlen(rows[i][0]);
        char *text = totp_base32((const unsigned char *)rows[i][0], len);
        assert_string_equal(text, rows[i][1]);
        assert_int_equal(totp_from_base32(text, out, sizeof(out)), len);
        assert_memory_equal(out, rows[i][0], len);
        secret_free(text);
    }
    for (size_t i = 0; i < COUNT(wrong); i++)
        assert_int_equal(totp_from_base32(wrong[i], out, sizeof(out)), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(codes_are_those_of_the_rfcs),
        cmocka_unit_test(one_step_either_side_is_found_and_no_more),
        cmocka_unit_test(what_is_no_code_is_never_found),
        cmocka_unit_test(of_two_equal_codes_the_later_step_counts),
        cmocka_unit_test(six_digits_are_a_code_and_nothing_else),
        cmocka_unit_test(base32_is_rfc_4648_s),
    };
    return cmocka_run_group_tests_name("totp", tests, NULL, NULL);
}
