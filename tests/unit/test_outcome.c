#include "tests/unit/unit.h"

#include <security/_pam_types.h>
#include <string.h>

#include "common/frame.h"
#include "common/outcome.h"
#include "common/sanitize.h"

/* The whole table, with its PAM codes. */
static const struct {
    int pam, greeter;
} rows[] = {
#define OUTCOME(id, wire, pam, greeter, text, log) {pam, greeter},
#include "common/outcome.def"
#undef OUTCOME
};

static void wire_names_are_unique_and_found(void **state)
{
    (void)state;
    for (int i = 0; i < OUTCOME_COUNT; i++)
        assert_int_equal(outcome_by_wire(outcome_wire((enum outcome)i)), i);
    assert_int_equal(outcome_by_wire(""), OUTCOME_COUNT);
    assert_int_equal(outcome_by_wire("Approved"), OUTCOME_COUNT);
    assert_int_equal(outcome_by_wire("approved "), OUTCOME_COUNT);
    assert_string_equal(outcome_wire(OUTCOME_NOT_ME), "not_me");
}

static void only_an_approval_and_a_code_let_in(void **state)
{
    (void)state;
    for (int i = 0; i < OUTCOME_COUNT; i++) {
        int in = i == OUTCOME_APPROVED || i == OUTCOME_CODE;
        assert_int_equal(rows[i].pam == PAM_SUCCESS, in);
        assert_int_equal(rows[i].greeter == PAM_SUCCESS, in);
        assert_int_equal(rows[i].pam == PAM_IGNORE, i == OUTCOME_NOT_ASKED);
        assert_int_equal(rows[i].greeter == PAM_IGNORE, i == OUTCOME_NOT_ASKED);
    }
}

static void a_greeter_never_gets_a_code_that_ends_it(void **state)
{
    (void)state;
    for (int i = 0; i < OUTCOME_COUNT; i++) {
        assert_int_not_equal(rows[i].greeter, PAM_AUTHINFO_UNAVAIL);
        assert_int_not_equal(rows[i].greeter, PAM_MAXTRIES);
    }
}

static void texts_can_be_shown(void **state)
{
    (void)state;
    for (int i = 0; i < OUTCOME_COUNT; i++) {
        enum outcome outcome = (enum outcome)i;
        assert_true(strlen(outcome_log_text(outcome)) > 0);
        if (outcome_user_text(outcome)) {
            assert_true(sanitize_is_clean(outcome_user_text(outcome)));
            assert_in_range(strlen(outcome_user_text(outcome)), 1, FRAME_TEXT_MAX);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(wire_names_are_unique_and_found),
        cmocka_unit_test(only_an_approval_and_a_code_let_in),
        cmocka_unit_test(a_greeter_never_gets_a_code_that_ends_it),
        cmocka_unit_test(texts_can_be_shown),
    };
    return cmocka_run_group_tests_name("outcome", tests, NULL, NULL);
}
