#include "tests/unit/unit.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/columns.h"
#include "common/command.h"
#include "common/config.h"

static char out[8192], err[8192];
static char seen[512]; /* what the command was called with */

static int note(const struct command_call *call)
{
    static const char *const options[] = {"--number", "--json", "--config", "--not-there"};
    size_t used = (size_t)snprintf(seen, sizeof(seen), "%s", call->command->name);

    for (int i = 0; i < call->count; i++)
        used += (size_t)snprintf(seen + used, sizeof(seen) - used, "|%s", call->words[i]);
    for (size_t i = 0; i < COUNT(options); i++)
        if (command_value(call, options[i]))
            used += (size_t)snprintf(seen + used, sizeof(seen) - used, " %s=%s", options[i] + 2,
                                     command_value(call, options[i]));
    return EXIT_REFUSED;
}

static const struct command_option number_options[] = {
    {"--number", "N",
     "the number on the sign-in screen, which is so long a text that it cannot be "
     "in one line"},
    {"--json", NULL, "print JSON"},
    {NULL, NULL, NULL},
};
static const struct command_option global[] = {
    {"--config", "FILE", "read this file"},
    {NULL, NULL, NULL},
};
static const struct command commands[] = {
    {"approve", "[ID]", 0, 1, number_options, "approve a request", note},
    {"user add", "USER [MAIL]", 1, 2, NULL, "add a user", note},
    {"user remove", "USER", 1, 1, NULL, "remove a user", note},
    {"user", "", 0, 0, NULL, "say who you are", note},
    {"host add", "HOST", 1, 1, NULL, "add a host", note},
    {NULL, NULL, 0, 0, NULL, NULL, NULL},
};
static const struct program program = {"prog", "does things",     commands,
                                       global, "See also: more.", NULL};

static const struct command single_commands[] = {
    {"", "[FILE]", 0, 1, number_options, "run it", note},
    {NULL, NULL, 0, 0, NULL, NULL, NULL},
};
static const struct config_option settings[] = {
    {"door", "open", CONFIG_BOOLEAN, 0, 0, NULL, "no", CONFIG_NEITHER, "let in", NULL},
    {NULL, NULL, CONFIG_TEXT, 0, 0, NULL, NULL, CONFIG_NEITHER, NULL, NULL},
};
static const struct program single = {"one", "does one thing", single_commands, global,
                                      NULL,  settings};

static void read_back(FILE *file, char *text, size_t size)
{
    rewind(file);
    text[fread(text, 1, size - 1, file)] = '\0';
    fclose(file);
}

/* Runs with what follows the program's name, split at spaces. */
static int call_of(const struct program *which, const char *line)
{
    char copy[256], *argv[32] = {(char *)(uintptr_t)which->name};
    int argc = 1, saved_out, saved_err;
    FILE *out_file = tmpfile(), *err_file = tmpfile();

    snprintf(copy, sizeof(copy), "%s", line);
    for (char *word = strtok(copy, " "); word; word = strtok(NULL, " "))
        argv[argc++] = strcmp(word, "''") == 0 ? (char *)(uintptr_t) "" : word;
    seen[0] = '\0';
    fflush(stdout);
    saved_out = dup(STDOUT_FILENO);
    saved_err = dup(STDERR_FILENO);
    dup2(fileno(out_file), STDOUT_FILENO);
    dup2(fileno(err_file), STDERR_FILENO);
    int result = command_main(which, argc, argv);
    dup2(saved_out, STDOUT_FILENO);
    dup2(saved_err, STDERR_FILENO);
    close(saved_out);
    close(saved_err);
    read_back(out_file, out, sizeof(out));
    read_back(err_file, err, sizeof(err));
    return result;
}

static void runs(const char *line, const char *expected)
{
    int result = call_of(&program, line);
    if (result != EXIT_REFUSED || strcmp(seen, expected) != 0)
        fail_msg("%s: exit %d, \"%s\", %s", line, result, seen, err);
    assert_string_equal(out, "");
    assert_string_equal(err, "");
}

static void is_wrong(const char *line, const char *said)
{
    assert_int_equal(call_of(&program, line), EXIT_USAGE);
    assert_string_equal(seen, "");
    assert_string_equal(out, "");
    if (strncmp(err, said, strlen(said)) != 0)
        fail_msg("%s: \"%s\" does not start with \"%s\"", line, err, said);
}

static void finds_the_command_and_its_arguments(void **state)
{
    (void)state;
    runs("approve", "approve");
    runs("approve 7", "approve|7");
    runs("user add alice", "user add|alice");
    runs("user add alice mail", "user add|alice|mail");
    runs("user", "user");
    runs("approve -", "approve|-");
    runs("approve -- --json", "approve|--json");
    runs("approve -- --help", "approve|--help");
    runs("approve ''", "approve|");
}

static void options_stand_where_they_like(void **state)
{
    (void)state;
    runs("approve --number 42", "approve number=42");
    runs("approve --number=42 7 --json", "approve|7 number=42 json=");
    runs("approve --number= 7", "approve|7 number=");
    runs("approve --number -42", "approve number=-42");
    runs("approve --number=--x", "approve number=--x");
    runs("--config f approve 7", "approve|7 config=f");
    runs("--config=f approve --json", "approve json= config=f");
    runs("approve 7 --config approve", "approve|7 config=approve");
    runs("--config user user add alice", "user add|alice config=user");
}

static void a_wrong_call_says_what_to_do(void **state)
{
    (void)state;
    is_wrong("aprove", "prog: unknown command aprove; did you mean approve?\nTry: prog --help\n");
    is_wrong("user ad alice", "prog: too many arguments: ad\nTry: prog user --help\n");
    is_wrong("host ad web1", "prog: unknown command host ad; did you mean host add?");
    is_wrong("host xyzzy", "prog: unknown command host xyzzy\n");
    is_wrong("usr add alice", "prog: unknown command usr; did you mean user add?");
    is_wrong("xyzzyxyzzy", "prog: unknown command xyzzyxyzzy\n");
    is_wrong("approve --numbr 4", "prog: unknown option --numbr; did you mean --number?");
    is_wrong("approve --conifg 4", "prog: unknown option --conifg; did you mean --config?");
    is_wrong("--number 4 approve", "prog: unknown option --number");
    is_wrong("user add alice --json", "prog: unknown option --json");
    is_wrong("approve -j", "prog: unknown option -j");
    is_wrong("approve --number", "prog: option --number needs a value: --number N");
    is_wrong("approve --number --json", "prog: option --number needs a value");
    is_wrong("approve --json=1", "prog: option --json takes no value");
    is_wrong("approve --json --json", "prog: option --json is given twice");
    is_wrong("--config a approve --config b", "prog: option --config is given twice");
    is_wrong("user add", "prog: an argument is missing: USER [MAIL]\n");
    assert_non_null(strstr(err, "Usage: prog user add USER [MAIL] [OPTIONS]\n"));
    is_wrong("user add a b c", "prog: too many arguments: c\n");
    is_wrong("appr\x1b[2Jove", "prog: unknown command appr?[2Jove");
    is_wrong("--config", "prog: option --config needs a value");
    is_wrong("", "prog: does things\n");
    is_wrong("-- approve", "prog: does things\n");
    is_wrong("host", "prog: does things\n");
    assert_non_null(strstr(err, "  host add HOST "));
    assert_null(strstr(err, "  user add"));
}

static void help_lists_the_table(void **state)
{
    (void)state;
    assert_int_equal(call_of(&program, "--help"), EXIT_OK);
    assert_string_equal(err, "");
    assert_string_equal(out, "prog: does things\n"
                             "\n"
                             "Usage: prog COMMAND [ARGUMENTS] [OPTIONS]\n"
                             "\n"
                             "Commands:\n"
                             "  approve [ID]          approve a request\n"
                             "  user add USER [MAIL]  add a user\n"
                             "  user remove USER      remove a user\n"
                             "  user                  say who you are\n"
                             "  host add HOST         add a host\n"
                             "\n"
                             "Options:\n"
                             "  --config FILE         read this file\n"
                             "  --help                show this help\n"
                             "  --version             show the version\n"
                             "\n"
                             "prog COMMAND --help says more about a command.\n"
                             "\n"
                             "See also: more.\n");
    assert_int_equal(call_of(&program, "-h"), EXIT_OK);
    assert_int_equal(call_of(&program, "host --help"), EXIT_OK);
    assert_non_null(strstr(out, "  host add HOST "));
    assert_null(strstr(out, "  approve"));
}

static void a_command_has_its_own_help(void **state)
{
    static const char *const lines[] = {"approve --help", "--help approve",
                                        "approve a b c --help --json"};

    (void)state;
    for (size_t i = 0; i < COUNT(lines); i++) {
        assert_int_equal(call_of(&program, lines[i]), EXIT_OK);
        assert_string_equal(seen, "");
        assert_string_equal(
            out, "Usage: prog approve [ID] [OPTIONS]\n"
                 "\n"
                 "approve a request\n"
                 "\n"
                 "Options:\n"
                 "  --number N     the number on the sign-in screen, which is so long a text that\n"
                 "                 it cannot be in one line\n"
                 "  --json         print JSON\n"
                 "  --config FILE  read this file\n"
                 "  --help         show this help\n"
                 "  --version      show the version\n");
    }
}

static void the_man_page_lists_the_table(void **state)
{
    (void)state;
    assert_int_equal(call_of(&program, "--help-scdoc"), EXIT_OK);
    assert_non_null(strstr(out, "*approve* [ID]\n\tapprove a request\n\n"
                                "\t*--number* N\n\t\tthe number on"));
    assert_non_null(strstr(out, "\n*user add* USER [MAIL]\n\tadd a user\n\n*user remove* USER\n"));
    assert_non_null(strstr(out, "\n*--config* FILE\n\tread this file\n\n*--help*\n"));
    assert_int_equal(call_of(&single, "--help-scdoc"), EXIT_OK);
    assert_int_equal(strncmp(out, "*--number* N\n\tthe number", 24), 0);
}

static void the_version_is_the_build_s(void **state)
{
    static const char *const lines[] = {"--version", "approve --version", "--version approve"};

    (void)state;
    for (size_t i = 0; i < COUNT(lines); i++) {
        assert_int_equal(call_of(&program, lines[i]), EXIT_OK);
        assert_string_equal(out, "prog " VERSION "\n");
        assert_string_equal(seen, "");
    }
}

static void a_program_can_have_no_commands(void **state)
{
    (void)state;
    assert_int_equal(call_of(&single, "f --json --config c"), EXIT_REFUSED);
    assert_string_equal(seen, "|f json= config=c");
    assert_int_equal(call_of(&single, ""), EXIT_REFUSED);
    assert_int_equal(call_of(&single, "a b"), EXIT_USAGE);
    assert_non_null(strstr(err, "Usage: one [FILE] [OPTIONS]\n"));
    assert_int_equal(call_of(&single, "--help"), EXIT_OK);
    assert_int_equal(
        strncmp(out, "Usage: one [FILE] [OPTIONS]\n\ndoes one thing\n\nOptions:\n", 51), 0);
    assert_non_null(strstr(out, "  --help-options  print what the configuration can say\n"));
}

static void a_program_prints_its_configuration_s_table(void **state)
{
    (void)state;
    assert_int_equal(call_of(&single, "--json --help-options"), EXIT_OK);
    assert_string_equal(seen, "");
    assert_non_null(strstr(out, "open"));
    assert_int_equal(call_of(&single, "--help-options-scdoc"), EXIT_OK);
    assert_non_null(strstr(out, "*open"));
    assert_int_equal(call_of(&single, "--help-scdoc"), EXIT_OK);
    assert_non_null(strstr(out, "*--help-options*\n"));
    assert_int_equal(call_of(&program, "--help-options"), EXIT_USAGE);
    assert_int_equal(call_of(&program, "--help-options-scdoc"), EXIT_USAGE);
}

static int print_something(const struct command_call *call)
{
    (void)call;
    printf("something\n");
    return EXIT_OK;
}

static void output_that_does_not_arrive_is_a_failure(void **state)
{
    static const struct command full_commands[] = {
        {"", "", 0, 0, NULL, "print", print_something},
        {NULL, NULL, 0, 0, NULL, NULL, NULL},
    };
    static const struct program full = {"full", "prints", full_commands, NULL, NULL, NULL};
    char *argv[] = {(char *)(uintptr_t) "full", NULL};
    int saved_out = dup(STDOUT_FILENO), saved_err = dup(STDERR_FILENO);
    FILE *sink = fopen("/dev/full", "w"), *err_file = tmpfile();

    (void)state;
    fflush(stdout);
    dup2(fileno(sink), STDOUT_FILENO);
    dup2(fileno(err_file), STDERR_FILENO);
    int result = command_main(&full, 1, argv);
    clearerr(stdout);
    dup2(saved_out, STDOUT_FILENO);
    dup2(saved_err, STDERR_FILENO);
    close(saved_out);
    close(saved_err);
    fclose(sink);
    read_back(err_file, err, sizeof(err));
    assert_int_equal(result, EXIT_FAILED);
    assert_non_null(strstr(err, "full: standard output: No space left"));
}

static void colour_is_for_terminals(void **state)
{
    int fds[2];

    (void)state;
    assert_int_equal(pipe(fds), 0);
    assert_false(command_colour(fds[1]));
    close(fds[0]);
    close(fds[1]);
    int terminal = posix_openpt(O_RDWR | O_NOCTTY);
    assert_true(terminal >= 0);
    unsetenv("NO_COLOR");
    assert_true(command_colour(terminal));
    setenv("NO_COLOR", "", 1);
    assert_true(command_colour(terminal));
    setenv("NO_COLOR", "1", 1);
    assert_false(command_colour(terminal));
    unsetenv("NO_COLOR");
    close(terminal);
}

static void columns_count_characters(void **state)
{
    (void)state;
    assert_int_equal(columns_width("caf\xc3\xa9"), 4);
    FILE *file = tmpfile();
    columns_row(file, "caf\xc3\xa9", "un", 6);
    columns_row(file, "beaucoup", "deux", 6);
    read_back(file, out, sizeof(out));
    assert_string_equal(out, "  caf\xc3\xa9    un\n  beaucoup\n          deux\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_the_command_and_its_arguments),
        cmocka_unit_test(options_stand_where_they_like),
        cmocka_unit_test(a_wrong_call_says_what_to_do),
        cmocka_unit_test(help_lists_the_table),
        cmocka_unit_test(a_command_has_its_own_help),
        cmocka_unit_test(the_man_page_lists_the_table),
        cmocka_unit_test(the_version_is_the_build_s),
        cmocka_unit_test(a_program_can_have_no_commands),
        cmocka_unit_test(a_program_prints_its_configuration_s_table),
        cmocka_unit_test(output_that_does_not_arrive_is_a_failure),
        cmocka_unit_test(colour_is_for_terminals),
        cmocka_unit_test(columns_count_characters),
    };
    return cmocka_run_group_tests_name("command", tests, NULL, NULL);
}
