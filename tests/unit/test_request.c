/* The states of a request as they are read and shown, between the statements that change them. */
#include "tests/unit/unit.h"

#include <jansson.h>
#include <string.h>

#include "backend/request.h"

static void test_state(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        int64_t ends;
        enum request_state at; /* at 1000 */
    } rows[] = {
        {"open", 1001, REQUEST_OPEN},
        {"open", 1000, REQUEST_EXPIRED},
        {"approved", 1001, REQUEST_APPROVED},
        {"approved", 1000, REQUEST_EXPIRED},
        {"used", 1, REQUEST_USED},
        {"denied", 1, REQUEST_DENIED},
        {"expired", 2000, REQUEST_EXPIRED},
        {"cancelled", 1, REQUEST_CANCELLED},
        {"", 2000, REQUEST_NONE},
        {"unheard of", 2000, REQUEST_NONE},
    };
    for (size_t i = 0; i < COUNT(rows); i++)
        assert_int_equal(request_state(rows[i].name, rows[i].ends, 1000), rows[i].at);
}

static void test_table(void **state)
{
    (void)state;
    for (enum request_state at = REQUEST_OPEN; at < REQUEST_NONE; at++) {
        assert_non_null(request_states[at].name);
        assert_int_equal(request_states[at].over, at != REQUEST_OPEN && at != REQUEST_APPROVED);
        assert_int_equal(request_states[at].error == NULL, at == REQUEST_USED);
    }
}

static void check_shown(const char *state, const char *result, int64_t used,
                        const char *shown_state, const char *shown_result)
{
    json_t *answer = json_object();
    assert_true(request_describe(answer, state, result, 5000, used, 1000));
    assert_string_equal(json_string_value(json_object_get(answer, "state")), shown_state);
    assert_string_equal(json_string_value(json_object_get(answer, "result")), shown_result);
    json_decref(answer);
}

static void test_describe(void **state)
{
    (void)state;
    json_t *answer = json_object();
    check_shown("open", "", 0, "open", "");
    check_shown("denied", "not_me", 0, "denied", "not_me");
    /* a sign-in is told after a pause, what corrects it at once */
    check_shown("used", "signed_in", 1000 - REQUEST_SHOWN_USED_MS, "used", "signed_in");
    check_shown("used", "signed_in", 1001 - REQUEST_SHOWN_USED_MS, "approved", "");
    check_shown("used", "wrong_number", 1000, "used", "wrong_number");
    assert_true(request_describe(answer, "approved", "", 1000, 0, 1000));
    assert_string_equal(json_string_value(json_object_get(answer, "state")), "expired");
    assert_string_equal(json_string_value(json_object_get(answer, "result")), "no_answer");
    assert_false(request_describe(answer, "", "", 5000, 0, 1000));
    json_decref(answer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_state),
        cmocka_unit_test(test_table),
        cmocka_unit_test(test_describe),
    };
    return cmocka_run_group_tests_name("states of requests", tests, NULL, NULL);
}
