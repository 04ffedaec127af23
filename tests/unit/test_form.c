/* Forms: what is read, and what is refused. */
#include "tests/unit/unit.h"

#include <stdio.h>
#include <string.h>

#include "backend/form.h"

static struct form *parse(const char *body)
{
    return form_parse(body, strlen(body));
}

static void test_values(void **state)
{
    (void)state;
    struct form *form = parse("a=1&b=x+y%20z&c=&d=%C3%A9%26%3d&e=%2B");
    assert_non_null(form);
    assert_string_equal(form_get(form, "a", 1), "1");
    assert_string_equal(form_get(form, "b", 16), "x y z");
    assert_null(form_get(form, "c", 16)); /* empty: as if it were missing */
    assert_string_equal(form_get(form, "d", 16), "\xc3\xa9&=");
    assert_string_equal(form_get(form, "e", 16), "+");
    assert_null(form_get(form, "f", 16));
    assert_null(form_get(form, "A", 16));
    form_free(form);
    form = parse("");
    assert_non_null(form);
    assert_null(form_get(form, "a", 16));
    form_free(form);
}

static void test_bounds(void **state)
{
    (void)state;
    char body[2048];
    size_t len = 0;
    struct form *form = parse("a=12345");
    assert_non_null(form_get(form, "a", 5));
    assert_null(form_get(form, "a", 4));
    form_free(form);

    for (int i = 0; i < FORM_PARAMETERS; i++)
        len += (size_t)sprintf(body + len, "%sp%d=1", i ? "&" : "", i);
    form = form_parse(body, len);
    assert_non_null(form);
    form_free(form);
    strcpy(body + len, "&one=1");
    assert_null(parse(body));

    memset(body, 'n', FORM_NAME_MAX);
    strcpy(body + FORM_NAME_MAX, "=1");
    form = parse(body);
    assert_non_null(form);
    form_free(form);
    memset(body, 'n', FORM_NAME_MAX + 1);
    strcpy(body + FORM_NAME_MAX + 1, "=1");
    assert_null(parse(body));
}

static void test_refused(void **state)
{
    (void)state;
    static const char *const bodies[] = {
        "a=1&a=2",                                       /* twice */
        "a=1&%61=2",                                     /* twice, hidden */
        "a",                                             /* no value */
        "=1",                                            /* no name */
        "&a=1",                                          /* no pair */
        "a=1&&b=2",                                      /* no pair */
        "a=%",       "a=%4",  "a=%4g", "a=%g4", "a=% 4", /* broken escapes */
        "a=%00",     "%00=1",                            /* NUL */
        "a=1=2",                                         /* not escaped */
    };
    for (size_t i = 0; i < COUNT(bodies); i++) {
        struct form *form = parse(bodies[i]);
        if (form)
            print_error("taken: %s\n", bodies[i]);
        assert_null(form);
    }
    assert_null(form_parse("a=1\0b", 5)); /* a raw NUL */
    assert_null(form_parse("a\0=1", 4));
}

/* An escape that the body's end cuts must not take a byte from behind it. */
static void test_cut(void **state)
{
    (void)state;
    static const char body[] = "a=%4142";
    for (size_t len = 0; len < sizeof body - 1; len++) {
        struct form *form = form_parse(body, len);
        assert_int_equal(form != NULL, len == 0 || len == 2 || len >= 5);
        form_free(form);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_values),
        cmocka_unit_test(test_bounds),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_cut),
    };
    return cmocka_run_group_tests_name("forms", tests, NULL, NULL);
}
