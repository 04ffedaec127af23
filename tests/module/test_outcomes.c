/* common/outcome.def, both columns, through the module. */
#include <security/pam_appl.h>
#include <stdio.h>
#include <string.h>

#include "common/outcome.h"
#include "tests/module/play.h"
#include "tests/unit/unit.h"

static const struct {
    const char *wire;
    int code, greeter_code;
} outcomes[] = {
#define OUTCOME(id, wire, pam, greeter, text, log) {wire, pam, greeter},
#include "common/outcome.def"
#undef OUTCOME
};

/* What a stack with this module alone makes of its code: with PAM_IGNORE nothing has succeeded. */
static int stack_code(int code)
{
    return code == PAM_IGNORE ? PAM_PERM_DENIED : code;
}

static void play_outcome(const char *wire, int greeter, int code)
{
    char frame[200], log[100];
    int len = snprintf(frame, sizeof frame, "Doutcome=%s%clog=because%cdelay=0%cgreeter=%d", wire,
                       0, 0, 0, greeter);
    struct row row = {.words = wire,
                      .steps = {EXPECT_RAW("S"), {STEP_SEND, frame, (size_t)len + 1, 0}},
                      .code = code,
                      .log = log};

    snprintf(log, sizeof log, ": %s: because|", wire);
    play_row(&row);
}

static void every_outcome_has_its_code(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(outcomes); i++)
        play_outcome(outcomes[i].wire, 0, stack_code(outcomes[i].code));
}

static void every_outcome_has_its_code_for_a_greeter(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(outcomes); i++)
        play_outcome(outcomes[i].wire, 1, stack_code(outcomes[i].greeter_code));
}

/* What the table itself promises: three ways in, and no code that a greeter gets stuck on. */
static void only_three_outcomes_let_in(void **state)
{
    static const char *const open[] = {"approved", "code", "not_asked"};

    (void)state;
    for (size_t i = 0; i < COUNT(outcomes); i++) {
        bool lets_in = outcomes[i].code == PAM_SUCCESS || outcomes[i].code == PAM_IGNORE;
        bool expected = false;
        for (size_t k = 0; k < COUNT(open); k++)
            expected |= strcmp(open[k], outcomes[i].wire) == 0;
        assert_int_equal(lets_in, expected);
        assert_int_equal(lets_in, outcomes[i].greeter_code == PAM_SUCCESS ||
                                      outcomes[i].greeter_code == PAM_IGNORE);
        assert_true(lets_in || outcomes[i].greeter_code == PAM_AUTH_ERR);
    }
}

static void a_user_who_is_not_asked_passes_on_what_else_succeeded(void **state)
{
    char stack[1200];
    struct row row = {
        .login = {.stack = stack},
        .steps = {EXPECT_RAW("S"), SEND("Doutcome=not_asked\0log=x\0delay=0\0greeter=0")},
        .code = PAM_SUCCESS};

    (void)state;
    snprintf(stack, sizeof stack, "auth required %s socket=%s\nauth required pam_permit.so\n",
             client_module(), client_socket());
    play_row(&row);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_outcome_has_its_code),
        cmocka_unit_test(every_outcome_has_its_code_for_a_greeter),
        cmocka_unit_test(only_three_outcomes_let_in),
        cmocka_unit_test(a_user_who_is_not_asked_passes_on_what_else_succeeded),
    };

    client_setup();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
