#include "common/command.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/command_help.h"
#include "common/config.h"
#include "common/i18n.h"
#include "common/nearest.h"
#include "common/sanitize.h"

enum { NAME_WORDS = 3, NAME_BYTES = 128 };

/* A call while its arguments are read. */
struct parse {
    const struct program *program;
    const struct command *command; /* NULL: none was named */
    char **args;                   /* a copy of argv, without the command's name; NULL at the end */
    const char **values;           /* parallel to the command's and the program's options */
    char **words;
    int count;
    bool help, version, settings;
};

static int wrong_call(const struct parse *parse, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Says what is wrong and where help is. EXIT_USAGE. */
static int wrong_call(const struct parse *parse, const char *format, ...)
{
    char text[512], shown[512];
    const char *command = parse->command ? parse->command->name : "";
    va_list args;

    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    sanitize_text(shown, sizeof(shown), text); /* it quotes what was typed */
    fprintf(stderr, "%s: %s\n", parse->program->name, shown);
    fprintf(stderr, _("Try: %s%s%s --help\n"), parse->program->name, *command ? " " : "", command);
    return EXIT_USAGE;
}

static size_t count_options(const struct command_option *options)
{
    size_t count = 0;

    while (options && options[count].name)
        count++;
    return count;
}

/* The command's options and the program's; each ends with an option without a name. */
static void option_tables(const struct parse *parse, const struct command_option *tables[2])
{
    static const struct command_option none[1];

    tables[0] = parse->command && parse->command->options ? parse->command->options : none;
    tables[1] = parse->program->global ? parse->program->global : none;
}

/* Finds an option by the len bytes of its name: the command's come first, then the program's. */
static const struct command_option *find_option(const struct parse *parse, const char *name,
                                                size_t len, size_t *index)
{
    const struct command_option *tables[2];

    option_tables(parse, tables);
    *index = 0;
    for (size_t t = 0; t < 2; t++)
        for (const struct command_option *option = tables[t]; option->name; option++, ++*index)
            if (strncmp(option->name, name, len) == 0 && option->name[len] == '\0')
                return option;
    return NULL;
}

static int unknown_option(const struct parse *parse, const char *name)
{
    const struct command_option *tables[2];
    struct nearest nearest;

    option_tables(parse, tables);
    nearest_start(&nearest, name);
    for (size_t t = 0; t < 2; t++)
        for (const struct command_option *option = tables[t]; option->name; option++)
            nearest_offer(&nearest, option->name);
    if (nearest.best)
        return wrong_call(parse, _("unknown option %s; did you mean %s?"), name, nearest.best);
    return wrong_call(parse, _("unknown option %s"), name);
}

static bool is_help(const char *word)
{
    return strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0;
}

/* What an option that every program has sets; NULL: it is another one. */
static bool *find_flag(struct parse *parse, const char *name)
{
    if (is_help(name))
        return &parse->help;
    if (strcmp(name, "--version") == 0)
        return &parse->version;
    return parse->program->settings && strcmp(name, "--help-options") == 0 ? &parse->settings
                                                                           : NULL;
}

/* Reads the option at *at and its value, and moves on. */
static int read_option(struct parse *parse, char ***at)
{
    char *name = *(*at)++, *equals = strchr(name, '=');
    size_t len = equals ? (size_t)(equals - name) : strlen(name), index = 0;
    const struct command_option *option = find_option(parse, name, len, &index);
    const char *value = equals ? equals + 1 : "";
    bool *flag = find_flag(parse, name);

    if (flag) {
        *flag = true;
        return EXIT_OK;
    }
    if (!option)
        return unknown_option(parse, name);
    if (parse->values[index])
        return wrong_call(parse, _("option %s is given twice"), option->name);
    if (!option->argument && equals)
        return wrong_call(parse, _("option %s takes no value"), option->name);
    if (option->argument && !equals) {
        if (!**at || strncmp(**at, "--", 2) == 0)
            return wrong_call(parse, _("option %s needs a value: %s %s"), option->name,
                              option->name, option->argument);
        value = *(*at)++;
    }
    parse->values[index] = value;
    return EXIT_OK;
}

static bool is_option(const char *word)
{
    return word[0] == '-' && word[1] != '\0';
}

/* The command whose name is the most words at `words`; *used says how many. */
static const struct command *find_command(const struct program *program, char **words, int *used)
{
    const struct command *found = NULL;
    char name[NAME_BYTES] = "";

    for (int i = 0; i < NAME_WORDS && words[i] && !is_option(words[i]); i++) {
        size_t len = strlen(name);
        snprintf(name + len, sizeof(name) - len, "%s%s", i ? " " : "", words[i]);
        for (const struct command *command = program->commands; command->name; command++) {
            if (strcmp(command->name, name) == 0) {
                found = command;
                *used = i + 1;
            }
        }
    }
    return found;
}

/* The command that may have been meant, or NULL. */
static const char *guess_command(const struct program *program, const char *typed)
{
    struct nearest nearest;

    nearest_start(&nearest, typed);
    for (const struct command *command = program->commands; command->name; command++)
        nearest_offer(&nearest, command->name);
    return nearest.best;
}

static bool is_group(const struct program *program, const char *word)
{
    for (const struct command *command = program->commands; command->name; command++)
        if (*word && command_is_in_group(command->name, word))
            return true;
    return false;
}

/* No command is named so: the first word may be a group's ("user" of "user add"), or mistyped. */
static int unknown_command(const struct parse *parse, char **words)
{
    char typed[NAME_BYTES];
    const char *first = words[0], *second = words[1], *meant;
    bool help = false, group = is_group(parse->program, first);

    do
        help |= is_help(*words);
    while (*++words);
    if (group && (help || !second || is_option(second))) {
        command_help_program(help ? stdout : stderr, parse->program, first);
        return help ? EXIT_OK : EXIT_USAGE;
    }
    snprintf(typed, sizeof(typed), "%s %s", first, second ? second : "");
    meant = guess_command(parse->program, typed);
    if (!meant && !group)
        meant = guess_command(parse->program, first);
    if (meant)
        return wrong_call(parse, _("unknown command %s; did you mean %s?"), group ? typed : first,
                          meant);
    return wrong_call(parse, _("unknown command %s"), group ? typed : first);
}

/* The first word that is no option of the program's, nor the value of one; NULL: there is none. */
static char **find_word(struct parse *parse, int *result)
{
    const struct command_option *option;
    size_t index;
    char **at = parse->args;

    *result = EXIT_OK;
    while (*at && is_option(*at) && strcmp(*at, "--") != 0) {
        option = find_option(parse, *at, strcspn(*at, "="), &index);
        if (!option && !find_flag(parse, *at)) {
            *result = unknown_option(parse, *at);
            return NULL;
        }
        at += option && option->argument && !strchr(*at, '=') && at[1] ? 2 : 1;
    }
    return *at && strcmp(*at, "--") != 0 ? at : NULL;
}

/* Finds the command and takes its name out of the arguments. False: all is said, *result says how.
 */
static bool read_command(struct parse *parse, int *result)
{
    int used = 0;
    char **word;

    *result = EXIT_OK;
    if (parse->program->commands[0].name[0] == '\0') {
        parse->command = parse->program->commands;
        return true;
    }
    word = find_word(parse, result);
    if (!word)
        return *result == EXIT_OK;
    parse->command = find_command(parse->program, word, &used);
    if (!parse->command) {
        *result = unknown_command(parse, word);
        return false;
    }
    do
        *word = word[used];
    while (*word++);
    return true;
}

static int read_arguments(struct parse *parse)
{
    int result = EXIT_OK;
    bool only_words = false;
    char **at = parse->args;

    while (result == EXIT_OK && *at) {
        if (!only_words && strcmp(*at, "--") == 0) {
            only_words = true;
            at++;
        } else if (!only_words && is_option(*at)) {
            result = read_option(parse, &at);
        } else {
            parse->words[parse->count++] = *at++;
        }
    }
    return result;
}

static int check_count(const struct parse *parse)
{
    const struct command *command = parse->command;

    if (parse->count >= command->least && parse->count <= command->most)
        return EXIT_OK;
    if (parse->count > command->most)
        wrong_call(parse, _("too many arguments: %s"), parse->words[command->most]);
    else
        wrong_call(parse, _("an argument is missing: %s"), command->arguments);
    command_help_usage(stderr, parse->program, command);
    return EXIT_USAGE;
}

/* What was printed counts only when it has arrived. */
static int finish_output(const struct parse *parse, int result)
{
    if (fflush(stdout) == 0 && !ferror(stdout))
        return result;
    fprintf(stderr, _("%s: standard output: %s\n"), parse->program->name, strerror(errno));
    return result == EXIT_OK ? EXIT_FAILED : result;
}

static int run(struct parse *parse)
{
    struct command_call call = {.program = parse->program,
                                .command = parse->command,
                                .count = parse->count,
                                .words = parse->words,
                                .values = parse->values};

    if (parse->version) {
        printf("%s %s\n", parse->program->name, VERSION);
        return EXIT_OK;
    }
    if (parse->settings) {
        config_print_help(stdout, parse->program->settings);
        return EXIT_OK;
    }
    if (parse->help && parse->command) {
        command_help_command(stdout, parse->program, parse->command);
        return EXIT_OK;
    }
    if (!parse->command) {
        command_help_program(parse->help ? stdout : stderr, parse->program, NULL);
        return parse->help ? EXIT_OK : EXIT_USAGE;
    }
    int result = check_count(parse);
    return result == EXIT_OK ? parse->command->run(&call) : result;
}

static bool print_for_man_page(const struct program *program, const char *word)
{
    if (strcmp(word, "--help-scdoc") == 0)
        command_help_scdoc(stdout, program);
    else if (program->settings && strcmp(word, "--help-options-scdoc") == 0)
        config_print_scdoc(stdout, program->settings);
    else
        return false;
    return true;
}

int command_main(const struct program *program, int argc, char **argv)
{
    struct parse parse = {.program = program};
    size_t count = argc > 0 ? (size_t)argc : 1, options = count_options(program->global);
    int result = EXIT_FAILED;

    if (argc == 2 && print_for_man_page(program, argv[1]))
        return finish_output(&parse, EXIT_OK);
    parse.args = calloc(count, sizeof(*parse.args));
    parse.words = calloc(count, sizeof(*parse.words));
    if (!parse.args || !parse.words)
        goto out;
    for (size_t i = 1; i < count; i++)
        parse.args[i - 1] = argv[i];
    if (!read_command(&parse, &result))
        goto out;
    options += parse.command ? count_options(parse.command->options) : 0;
    parse.values = calloc(options + 1, sizeof(*parse.values));
    if (!parse.values)
        goto out;
    result = read_arguments(&parse);
    if (result == EXIT_OK)
        result = run(&parse);

out:
    result = finish_output(&parse, result);
    free(parse.values);
    free(parse.words);
    free(parse.args);
    return result;
}

const char *command_value(const struct command_call *call, const char *option)
{
    struct parse parse = {.program = call->program, .command = call->command};
    size_t index;

    return find_option(&parse, option, strlen(option), &index) ? call->values[index] : NULL;
}

bool command_colour(int fd)
{
    const char *refused = getenv("NO_COLOR"); /* no-color.org: set and not empty */

    return isatty(fd) && !(refused && *refused);
}
