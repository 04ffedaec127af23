#include "tests/module/play.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/unit/unit.h"

/* What the module says by itself, last, after a refusal of its own that somebody can be told. */
static const char *own_words(const char *log)
{
    static const char *const untold[] = {"the conversation failed", "the caller went away",
                                         "interrupted by the user"};

    if (strstr(log, ": refused: ") == NULL)
        return "";
    for (size_t i = 0; i < COUNT(untold); i++) {
        if (strstr(log, untold[i]) != NULL)
            return "";
    }
    return "I:Approval does not work on this computer. Tell your administrator.|";
}

void play_row(const struct row *row)
{
    struct result result;
    int listener = fake_helper_listen(client_socket(), 8);
    pid_t helper = fake_helper_play(listener, row->steps);
    char drawn[sizeof result.drawn];
    int failed_step;

    client_login(&row->login, &result);
    failed_step = fake_helper_end(helper, listener);
    unlink(client_socket());

    print_message("# %d ms, drawn %s, log %s\n", (int)result.ms, result.drawn, result.log);
    assert_int_equal(result.code, row->code);
    snprintf(drawn, sizeof drawn, "%s%s", row->drawn != NULL ? row->drawn : "",
             own_words(result.log));
    assert_string_equal(result.drawn, drawn);
    assert_non_null(strstr(result.log, row->log != NULL ? row->log : ""));
    assert_took(result.ms, row->least_ms, row->most_ms != 0 ? row->most_ms : 1000);
    assert_in_range(result.delay_ms, row->delay_ms / 2, row->delay_ms * 3 / 2);
    assert_int_equal(failed_step, 0);
}

static void run_row(void **state)
{
    play_row(*state);
}

int play_rows(const char *group, const struct row *rows, size_t count)
{
    struct CMUnitTest *tests = calloc(count, sizeof *tests);
    int failed;

    for (size_t i = 0; i < count; i++)
        tests[i] = (struct CMUnitTest){.name = rows[i].words,
                                       .test_func = run_row,
                                       .initial_state = (void *)(uintptr_t)&rows[i]};
    failed = _cmocka_run_group_tests(group, tests, count, NULL, NULL);
    free(tests);
    return failed;
}
