#include "tests/unit/unit.h"

#include <string.h>

#include "common/sanitize.h"

static void keeps_text_and_replaces_what_is_unsafe(void **state)
{
    static const char *const rows[][2] = {
        {"plain", "plain"},
        {"caf\xc3\xa9 \xe2\x82\xac \xf0\x9f\x99\x82", "caf\xc3\xa9 \xe2\x82\xac \xf0\x9f\x99\x82"},
        {"a\nb\tc\rd", "a?b?c?d"},
        {"\x1b[2Jx\x7f", "?[2Jx?"},
        {"\xc2\x9b"
         "31m",
         "?31m"}, /* C1: CSI */
        {"a\xe2\x80\xa8"
         "b\xe2\x80\xa9",
         "a?b?"}, /* U+2028, U+2029 */
        {"\xe2\x80\xae"
         "cba",
         "?cba"}, /* U+202E */
        {"\xe2\x80\x8e\xe2\x80\x8f\xe2\x81\xa6\xe2\x81\xa9\xd8\x9c", "?????"},
        {"\xc2\xad\xe1\xa0\x8e\xe2\x80\x8b\xe2\x81\xa0\xe2\x81\xaf\xef\xbb\xbf\xef\xbf\xb9",
         "???????"},                                /* not seen */
        {"\xf3\xa0\x80\x81\xf3\xa0\x81\xbf", "??"}, /* tags */
        {"\xf3\xa0\x84\x80\xe2\x80\x8c\xe2\x80\x8d", "\xf3\xa0\x84\x80\xe2\x80\x8c\xe2\x80\x8d"},
        {"\xff\xfe", "??"},
        {"\xc0\xaf", "??"}, /* overlong */
        {"\xe0\x80\xaf", "???"},
        {"\xed\xa0\x80", "???"},      /* surrogate */
        {"\xf4\x90\x80\x80", "????"}, /* beyond U+10FFFF */
        {"\xe2\x82", "??"},           /* cut */
        {"\xe2\x82"
         "A",
         "??A"},
        {"", ""},
    };
    char out[64];

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        size_t len = sanitize_text(out, sizeof(out), rows[i][0]);
        assert_string_equal(out, rows[i][1]);
        assert_int_equal(len, strlen(out));
        assert_int_equal(sanitize_is_clean(rows[i][0]), strcmp(rows[i][0], rows[i][1]) == 0);
        assert_true(sanitize_is_clean(out));
    }
    assert_int_equal(sanitize_text(out, sizeof(out), NULL), 0);
    assert_string_equal(out, "");
}

static void cuts_at_a_whole_character(void **state)
{
    char out[5];

    (void)state;
    memset(out, 'x', sizeof(out));
    assert_int_equal(sanitize_text(out, 4, "ab\xe2\x82\xac"), 2);
    assert_string_equal(out, "ab");
    assert_int_equal(out[4], 'x');
    assert_int_equal(sanitize_text(out, 4, "abcdef"), 3);
    assert_string_equal(out, "abc");
    assert_int_equal(sanitize_text(out, 1, "abc"), 0);
    assert_string_equal(out, "");
    out[0] = 'y';
    assert_int_equal(sanitize_text(out, 0, "abc"), 0);
    assert_int_equal(out[0], 'y');
}

static void finds_control_characters(void **state)
{
    (void)state;
    assert_false(sanitize_has_control("123 456 \xc3\xa9"));
    assert_true(sanitize_has_control("\b\n\r\177INCORRECT"));
    assert_true(sanitize_has_control("abc\177"));
    assert_true(sanitize_has_control("abc\n"));
    assert_false(sanitize_has_control(""));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keeps_text_and_replaces_what_is_unsafe),
        cmocka_unit_test(cuts_at_a_whole_character),
        cmocka_unit_test(finds_control_characters),
    };
    return cmocka_run_group_tests_name("sanitize", tests, NULL, NULL);
}
