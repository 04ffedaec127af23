#include "tests/unit/unit.h"

#include <stdlib.h>
#include <string.h>

#include "common/json_text.h"

static json_t *parse(const char *text)
{
    return json_text_object(text, strlen(text), 4096);
}

static void takes_objects_only_and_whole(void **state)
{
    static const char *const wrong[] = {
        "",
        "[]",
        "\"a\"",
        "1",
        "null",
        "{",
        "{}x",
        "{} {}",
        "{\"a\":1}]",
        "{'a':1}",
        "{\"a\":1,\"a\":2}",
        "{\"a\":{\"b\":1,\"b\":1}}", /* duplicates, also below */
        "{\"a\":\"\\u0000\"}",
        "{\"a\\u0000b\":1}", /* NUL */
        "{\"a\":\"\xff\"}",
        "{\"a\":\"\xc0\xaf\"}",
        "{\"a\":\"\\ud800\"}", /* no UTF-8 */
        "{\"a\":01}",
        "{\"a\":NaN}",
        "{\"a\":99999999999999999999}",
        "{\"a\":1e999}",
        "{\"a\":\"\n\"}",
        "// c\n{}",
        "\xef\xbb\xbf{}",
    };

    (void)state;
    for (size_t i = 0; i < COUNT(wrong); i++)
        if (parse(wrong[i]))
            fail_msg("taken: %s", wrong[i]);
    assert_null(json_text_object("{}\0", 3, 4096));
    assert_null(json_text_object("{\"a\":\"b\0\"}", 10, 4096));

    json_t *good = parse(" {\"a\": {\"b\": [1, 2]}}\r\n");
    assert_non_null(good);
    json_decref(good);
}

static void is_bounded(void **state)
{
    json_t *good = json_text_object("{\"a\":1}", 7, 7);
    char *deep = malloc(200001);

    (void)state;
    assert_non_null(good);
    json_decref(good);
    assert_null(json_text_object("{\"a\":1}", 7, 6));

    memset(deep, '[', 200000);
    memcpy(deep, "{\"a\":", 5);
    assert_null(json_text_object(deep, 200000, 200000));
    free(deep);
}

static void dumps_the_same_bytes_for_the_same_object(void **state)
{
    json_t *one = parse("{ \"b\": 1, \"a\": {\"d\": \"\xc3\xa9\", \"c\": []} }");
    char *text = json_text_dump(one);

    (void)state;
    assert_string_equal(text, "{\"a\":{\"c\":[],\"d\":\"\xc3\xa9\"},\"b\":1}");
    free(text);
    json_decref(one);
}

static void members_have_type_and_bounds(void **state)
{
    json_t *object =
        parse("{\"s\":\"four\",\"i\":60,\"r\":60.0,\"t\":true,\"n\":null,\"is\":\"60\"}");
    int64_t value = -7;

    (void)state;
    assert_string_equal(json_text_string(object, "s", 4), "four");
    assert_null(json_text_string(object, "s", 3));
    assert_null(json_text_string(object, "none", 9));
    assert_null(json_text_string(object, "i", 9));
    assert_null(json_text_string(object, "n", 9));
    assert_null(json_text_string(NULL, "s", 9));
    assert_int_equal(json_text_integer(object, "i", 61, 100, &value), -1);
    assert_int_equal(json_text_integer(object, "i", 0, 59, &value), -1);
    assert_int_equal(json_text_integer(object, "r", 0, 100, &value), -1);
    assert_int_equal(json_text_integer(object, "t", 0, 100, &value), -1);
    assert_int_equal(json_text_integer(object, "is", 0, 100, &value), -1);
    assert_int_equal(json_text_integer(object, "none", 0, 100, &value), -1);
    assert_int_equal(value, -7);
    assert_int_equal(json_text_integer(object, "i", 60, 60, &value), 0);
    assert_int_equal(value, 60);
    json_decref(object);
}

static void a_list_has_a_string_or_not(void **state)
{
    json_t *object = parse("{\"list\":[1,null,[\"deep\"],\"word\"],\"text\":\"word\"}");
    const json_t *list = json_object_get(object, "list");

    (void)state;
    assert_true(json_text_has(list, "word"));
    assert_false(json_text_has(list, "wor"));
    assert_false(json_text_has(list, "deep"));
    assert_false(json_text_has(json_object_get(object, "text"), "word"));
    assert_false(json_text_has(object, "list"));
    assert_false(json_text_has(NULL, "word"));
    json_decref(object);
}

static void an_unknown_member_is_noticed(void **state)
{
    static const char *const names[] = {"a", "b", NULL};
    json_t *fits = parse("{\"b\":1,\"a\":2}"), *more = parse("{\"b\":1,\"A\":2}"),
           *none = parse("{}");

    (void)state;
    assert_true(json_text_only(fits, names));
    assert_false(json_text_only(more, names));
    assert_true(json_text_only(none, names));
    json_decref(fits);
    json_decref(more);
    json_decref(none);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(takes_objects_only_and_whole),
        cmocka_unit_test(is_bounded),
        cmocka_unit_test(dumps_the_same_bytes_for_the_same_object),
        cmocka_unit_test(members_have_type_and_bounds),
        cmocka_unit_test(a_list_has_a_string_or_not),
        cmocka_unit_test(an_unknown_member_is_noticed),
    };
    return cmocka_run_group_tests_name("json_text", tests, NULL, NULL);
}
