#include "tests/unit/unit.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/log.h"

static char caught[8192];
static int saved, pipe_fds[2];

/* Standard error goes to a pipe between these two. */
static void catch_start(void)
{
    assert_int_equal(pipe(pipe_fds), 0);
    saved = dup(STDERR_FILENO);
    assert_true(saved >= 0);
    assert_int_equal(dup2(pipe_fds[1], STDERR_FILENO), STDERR_FILENO);
}

static void catch_end(void)
{
    dup2(saved, STDERR_FILENO);
    close(saved);
    close(pipe_fds[1]);
    size_t used = 0;
    ssize_t got;
    while ((got = read(pipe_fds[0], caught + used, sizeof(caught) - 1 - used)) > 0)
        used += (size_t)got;
    caught[used] = '\0';
    close(pipe_fds[0]);
}

static void one_line_an_event_with_the_name(void **state)
{
    (void)state;
    catch_start();
    log_open("prog", false, LOG_LEVEL_INFO);
    log_error("user %s of %d", "alice", 7);
    catch_end();
    assert_string_equal(caught, "prog: user alice of 7\n");
}

static void control_characters_cannot_forge_a_line(void **state)
{
    (void)state;
    catch_start();
    log_open("prog", false, LOG_LEVEL_INFO);
    log_warn("rhost %s", "a\nprog: root approved\x1b[1A");
    catch_end();
    assert_string_equal(caught, "prog: rhost a?prog: root approved?[1A\n");
}

static void levels_are_respected(void **state)
{
    (void)state;
    catch_start();
    log_open("prog", false, LOG_LEVEL_WARN);
    log_debug("d");
    log_info("i");
    log_warn("w");
    log_error("e");
    catch_end();
    assert_string_equal(caught, "prog: w\nprog: e\n");
}

static void the_journal_gets_priorities(void **state)
{
    struct stat file;
    char stream[64];

    (void)state;
    catch_start();
    fstat(STDERR_FILENO, &file);
    snprintf(stream, sizeof(stream), "%ju:%ju", (uintmax_t)file.st_dev, (uintmax_t)file.st_ino);
    setenv("JOURNAL_STREAM", stream, 1);
    log_open("prog", false, LOG_LEVEL_DEBUG);
    log_error("e");
    log_debug("d");
    setenv("JOURNAL_STREAM", "1:2", 1);
    log_open("prog", false, LOG_LEVEL_DEBUG);
    log_info("i");
    unsetenv("JOURNAL_STREAM");
    catch_end();
    assert_string_equal(caught, "<3>e\n<7>d\nprog: i\n");
}

static void a_long_line_is_cut(void **state)
{
    char text[5000];

    (void)state;
    memset(text, 'x', sizeof(text) - 1);
    text[sizeof(text) - 1] = '\0';
    catch_start();
    log_open("prog", false, LOG_LEVEL_INFO);
    log_info("%s", text);
    catch_end();
    assert_int_equal(strlen(caught), strlen("prog: ") + 1999 + 1);
    assert_int_equal(caught[strlen(caught) - 1], '\n');
}

static void a_name_is_one_word(void **state)
{
    char out[8];

    (void)state;
    assert_string_equal(sanitize_word(out, sizeof out, "a b c"), "a_b_c");
    assert_string_equal(sanitize_word(out, sizeof out, ""), "-");
    assert_string_equal(sanitize_word(out, sizeof out, "a\nb"), "a?b");
    assert_string_equal(sanitize_word(out, sizeof out, "abcdefghi"), "abcdefg");
    assert_string_equal(LOG_NAME("x uid=0: approved"), "x_uid=0:_approved");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_line_an_event_with_the_name),
        cmocka_unit_test(control_characters_cannot_forge_a_line),
        cmocka_unit_test(levels_are_respected),
        cmocka_unit_test(the_journal_gets_priorities),
        cmocka_unit_test(a_long_line_is_cut),
        cmocka_unit_test(a_name_is_one_word),
    };
    return cmocka_run_group_tests_name("log", tests, NULL, NULL);
}
