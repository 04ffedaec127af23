#include "tests/unit/unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/config.h"

static bool is_even(const char *value, char *why, size_t why_size)
{
    if (strlen(value) % 2 == 0)
        return true;
    snprintf(why, why_size, "must have an even number of letters");
    return false;
}

static const struct config_option options[] = {
    {"host", "name", CONFIG_TEXT, 1, 12, NULL, NULL, CONFIG_NEITHER, "The host's name.", NULL},
    {"host", "even", CONFIG_TEXT, 0, 12, NULL, "ab", CONFIG_NEITHER, "Of even length.", is_even},
    {"host", "server_key", CONFIG_TEXT, 0, 9, NULL, "", CONFIG_NEITHER,
     "A key that has a help text which is so long that it cannot stand in one line of a terminal.",
     NULL},
    {"backend", "timeout", CONFIG_INTEGER, -5, 30, NULL, "5", CONFIG_LOWER, "Seconds.", NULL},
    {"service *", "ask", CONFIG_BOOLEAN, 0, 0, NULL, "yes", CONFIG_HIGHER, "Whether to ask.", NULL},
    {"service *", "number", CONFIG_CHOICE, 0, 0, "off choose enter", "enter", CONFIG_HIGHER, "How.",
     NULL},
    {"service *", "except", CONFIG_LIST, 0, 4096, NULL, "", CONFIG_LOWER, "Who not.", NULL},
    {"host", "pin", CONFIG_TEXT, 3, 3, NULL, NULL, CONFIG_NEITHER, "A pin.", NULL},
    {0},
};

static struct config *parse(const char *text)
{
    char why[1024] = "";
    struct config *config = config_parse("test.conf", text, options, why, sizeof(why));
    if (!config)
        fail_msg("%s", why);
    return config;
}

static void refused(const char *text, const char *start, const char *part)
{
    char why[1024] = "";
    struct config *config = config_parse("test.conf", text, options, why, sizeof(why));

    if (config)
        fail_msg("taken: %s", text);
    if (strncmp(why, start, strlen(start)) != 0 || !strstr(why, part))
        fail_msg("\"%s\" does not start with \"%s\" and say \"%s\"", why, start, part);
}

static void reads_values_of_all_types(void **state)
{
    struct config *config = parse("# comment\n; comment\n\n"
                                  "[host]\nname = web1\n"
                                  "[backend]\r\ntimeout=-3\r\n"
                                  "[service sshd]\nask\t=\tno  \nnumber = choose\n"
                                  "except = root, @admins\tbob\n"
                                  "[service gdm-password]\nnumber = off");

    (void)state;
    assert_string_equal(config_text(config, "host", "name"), "web1");
    assert_int_equal(config_integer(config, "backend", "timeout"), -3);
    assert_false(config_boolean(config, "service sshd", "ask"));
    assert_int_equal(config_choice(config, "service sshd", "number"), 1);
    assert_int_equal(config_choice(config, "service gdm-password", "number"), 0);
    assert_string_equal(config_text(config, "service sshd", "except"), "root, @admins bob");
    assert_string_equal(config_section(config, 0), "host");
    assert_string_equal(config_section(config, 3), "service gdm-password");
    assert_null(config_section(config, 4));
    assert_true(config_has_section(config, "service sshd"));
    assert_false(config_has_section(config, "service su"));
    config_free(config);
}

static void the_table_s_defaults_hold(void **state)
{
    struct config *config = parse("");

    (void)state;
    assert_null(config_text(config, "host", "name"));
    assert_false(config_is_set(config, "host", "name"));
    assert_string_equal(config_text(config, "host", "even"), "ab");
    assert_int_equal(config_integer(config, "backend", "timeout"), 5);
    assert_true(config_boolean(config, "service su", "ask"));
    assert_int_equal(config_choice(config, "service su", "number"), 2);
    assert_null(config_section(config, 0));
    config_free(config);
    config = parse("[host]\nname = a\n");
    assert_true(config_is_set(config, "host", "name"));
    config_free(config);
    config_free(NULL);
}

static void an_error_says_where_and_what_is_allowed(void **state)
{
    (void)state;
    refused("[hots]\n", "test.conf:1: unknown section [hots] (did you mean [host]?)",
            "allowed: host, backend, service *");
    refused("[host]\n\nnane = x\n", "test.conf:3: unknown key nane in [host]",
            "did you mean name?); allowed: name, even, server_key");
    refused("[service a]\nname = x\n", "test.conf:2: unknown key name", "allowed: ask, number");
    refused("[backend]\ntimeout = 31\n", "test.conf:2: timeout", "allowed: -5 to 30");
    refused("[service a]\nnumber = chose\n", "test.conf:2: number", "did you mean choose?");
    refused("[service a]\nnumber = xx\n", "test.conf:2: number", "allowed: off, choose, enter");
    refused("[service a]\nask = true\n", "test.conf:2: ask", "allowed: yes, no");
    refused("[host]\neven = abc\n", "test.conf:2: even: must have an even", "allowed: text of 0");
    refused("[host]\nname =\n", "test.conf:2: name", "allowed: text of 1 to 12 bytes");
    refused("[host]\npin = 1234\n", "test.conf:2: pin cannot be this; allowed: text of 3 bytes",
            "");
    refused("[host]\nname = 1234567890123\n", "test.conf:2: name", "allowed: text of 1 to 12");
}

static void integers_are_plain(void **state)
{
    static const char *const wrong[] = {
        "", "x", "5s", "5 s", "0x5", "5.0", "+5", "--5", "-", "99999999999999999999", "-6"};

    (void)state;
    for (size_t i = 0; i < COUNT(wrong); i++) {
        char text[64];
        snprintf(text, sizeof(text), "[backend]\ntimeout = %s\n", wrong[i]);
        refused(text, "test.conf:2: timeout", "allowed: -5 to 30");
    }
}

static void nothing_stands_twice(void **state)
{
    (void)state;
    refused("[host]\nname = a\nname = b\n", "test.conf:3: name stands twice", "");
    refused("[host]\nname = a\n[backend]\n[host]\neven = ab\n", "test.conf:4: section [host]",
            "stands twice");
    refused("[service a]\n[service a]\n", "test.conf:2: section [service a]", "");
    /* In 49 bytes, where libinih cuts them, these two are the same. */
    config_free(
        parse("[service aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa1]\nask = no\n"
              "[service aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa2]\nask = yes\n"));
}

static void what_libinih_takes_in_silence_is_refused(void **state)
{
    (void)state;
    refused("[host]\nname = a\n  even = ab\n", "test.conf:3: ", "white space");
    refused("[host]\nname = a\n\tb\n", "test.conf:3: ", "white space");
    refused(" [host]\n", "test.conf:1: ", "white space");
    refused("[host]\nname = a ; b\n", "test.conf:2: ", "line of its own");
    refused("[host]\nname = a # b\n", "test.conf:2: ", "line of its own");
    refused("[host]\nname = #a\n", "test.conf:2: ", "line of its own");
    refused("[host] # c\n", "test.conf:1: ", "line of its own");
    refused("[host] name = a\n", "test.conf:1: ", "ends in ]");
    refused("[host\nname = a\n", "test.conf:1: ", "ends in ]");
    refused("[\n", "test.conf:1: ", "ends in ]");
    refused("[host]\nname : a\n", "test.conf:2: ", "not understood");
    refused("[host]\nname: a = b\n", "test.conf:2: ", "not understood");
    refused("[host]\nname\n", "test.conf:2: ", "not understood");
    refused("[host]\n= a\n", "test.conf:2: ", "not understood");
    refused("[host]\nName = a\n", "test.conf:2: ", "not understood");
    refused("[host]\nname = \"a\"\n", "test.conf:2: ", "quotation");
    refused("name = a\n", "test.conf:1: ", "before the first");
    refused("\xef\xbb\xbf[host]\n", "test.conf:1: ", "unseen");
    refused("[host]\nname = a\x1b[1m\n", "test.conf:2: ", "control characters");
    refused("[host]\nname = \xff\n", "test.conf:2: ", "UTF-8");
    refused("[host]\n# \x08\n", "test.conf:2: ", "control characters");
    refused("[host]\rname = a\n", "test.conf:1: ", "control characters");
    config_free(parse("[host]\nname = a#b;c\n"));
}

static void section_names_have_their_form(void **state)
{
    static const char *const wrong[] = {
        "",
        "service",
        "service ",
        "service  a",
        "service a b",
        "service a/b",
        "Host",
        "host ",
        " host",
        "service *",
        "service [a",
        "servicea",
        "service 12345678901234567890123456789012345678901234567890123456789012345",
    };

    (void)state;
    for (size_t i = 0; i < COUNT(wrong); i++) {
        char text[128];
        snprintf(text, sizeof(text), "[%s]\n", wrong[i]);
        refused(text, "test.conf:1: unknown section", "allowed: host, backend, service *");
    }
    config_free(parse("[service a_b-c.d@e+1]\n"));
}

static void size_is_bounded(void **state)
{
    char *text = malloc(70000);
    char why[256] = "";

    (void)state;
    /* The longest list, far beyond libinih's own 200 bytes. */
    strcpy(text, "[service a]\nexcept = ");
    size_t used = strlen(text);
    memset(text + used, 'x', 4096);
    text[used + 4096] = '\0';
    struct config *config = parse(text);
    assert_int_equal(strlen(config_text(config, "service a", "except")), 4096);
    config_free(config);
    text[used + 4096] = 'x';
    text[used + 4097] = '\0';
    refused(text, "test.conf:2: except", "");
    memset(text + used, 'x', 9000);
    text[used + 9000] = '\0';
    refused(text, "test.conf:2: ", "too long");

    memset(text, '\n', 65536);
    text[65536] = '\0';
    config_free(parse(text));
    text[65536] = '\n';
    text[65537] = '\0';
    assert_null(config_parse("test.conf", text, options, why, sizeof(why)));
    assert_string_equal(why, "test.conf: more than 65536 bytes");

    used = 0;
    for (int i = 0; i < 257; i++)
        used += (size_t)sprintf(text + used, "[service a%d]\n", i);
    refused(text, "test.conf:257: ", "too many sections");
    free(text);
}

static void reads_files_that_are_trusted(void **state)
{
    char path[] = "/tmp/test_config.XXXXXX", why[512] = "";
    int fd = mkstemp(path);
    struct config *config;

    (void)state;
    assert_int_equal(write(fd, "[host]\nname = a\n", 16), 16);
    config = config_read(path, FILE_SECRET_OF_CALLER, options, why, sizeof(why));
    assert_non_null(config);
    assert_string_equal(config_text(config, "host", "name"), "a");
    config_free(config);
    assert_int_equal(write(fd, "[x]", 3), 3);
    assert_null(config_read(path, FILE_SECRET_OF_CALLER, options, why, sizeof(why)));
    assert_int_equal(strncmp(why, path, strlen(path)), 0);
    assert_non_null(strstr(why, ":3: unknown section [x]"));
    assert_int_equal(pwrite(fd, "[host]\nname = a\n\0#x", 19, 0), 19);
    assert_null(config_read(path, FILE_SECRET_OF_CALLER, options, why, sizeof(why)));
    assert_non_null(strstr(why, "NUL"));
    assert_int_equal(fchmod(fd, 0644), 0);
    assert_null(config_read(path, FILE_SECRET_OF_CALLER, options, why, sizeof(why)));
    assert_non_null(strstr(why, "chmod"));
    close(fd);
    unlink(path);
    assert_null(config_read(path, FILE_SECRET_OF_CALLER, options, why, sizeof(why)));
}

static bool join(void *arg, const char *word)
{
    char *all = arg;

    strcat(all, word);
    strcat(all, "|");
    return strcmp(word, "stop") != 0;
}

static void lists_are_split_at_spaces_and_commas(void **state)
{
    static const char *const rows[][2] = {
        {"", ""},
        {" , ,", ""},
        {"a", "a|"},
        {"a b", "a|b|"},
        {"a,b", "a|b|"},
        {" a ,\tb,,c ", "a|b|c|"},
        {"a stop b", "a|stop|"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        char all[64] = "";
        config_each(rows[i][0], join, all);
        assert_string_equal(all, rows[i][1]);
    }
}

static char *printed(void (*print)(FILE *, const struct config_option *))
{
    char *text = NULL;
    size_t len;
    FILE *out = open_memstream(&text, &len);

    print(out, options);
    fclose(out);
    return text;
}

static void the_table_is_its_own_help(void **state)
{
    char *help = printed(config_print_help);

    (void)state;
    assert_non_null(strstr(help, "[service NAME]\n  ask = yes, no (default: yes)\n"
                                 "      Whether to ask.\n"
                                 "  number = off, choose, enter (default: enter)\n"));
    assert_non_null(strstr(help, "  timeout = -5 to 30 (default: 5)\n      Seconds.\n"));
    for (char *line = strtok(help, "\n"); line; line = strtok(NULL, "\n"))
        assert_in_range(strlen(line), 1, 80);
    free(help);
    help = printed(config_print_scdoc);
    assert_non_null(
        strstr(help, "## [backend]\n\n*timeout* = -5 to 30 (default: 5)\n\tSeconds.\n"));
    assert_non_null(strstr(help, "\n*server\\_key* = text of 0 to 9 bytes\n"));
    free(help);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_values_of_all_types),
        cmocka_unit_test(the_table_s_defaults_hold),
        cmocka_unit_test(an_error_says_where_and_what_is_allowed),
        cmocka_unit_test(integers_are_plain),
        cmocka_unit_test(nothing_stands_twice),
        cmocka_unit_test(what_libinih_takes_in_silence_is_refused),
        cmocka_unit_test(section_names_have_their_form),
        cmocka_unit_test(size_is_bounded),
        cmocka_unit_test(reads_files_that_are_trusted),
        cmocka_unit_test(lists_are_split_at_spaces_and_commas),
        cmocka_unit_test(the_table_is_its_own_help),
    };
    return cmocka_run_group_tests_name("config", tests, NULL, NULL);
}
