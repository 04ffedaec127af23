#include "common/command_help.h"

#include <string.h>

#include "common/columns.h"
#include "common/i18n.h"

enum { LEFT_MAX = 30, LEFT_BYTES = 128 };

#define HELP_OPTIONS "--help-options"
static const char help_options[] = N_("print what the configuration can say");

static const char *translated(const char *text)
{
    return text ? _(text) : "";
}

bool command_is_in_group(const char *name, const char *group)
{
    size_t len = group ? strlen(group) : 0;

    return len == 0 || (strncmp(name, group, len) == 0 && name[len] == ' ');
}

static void write_option(char out[LEFT_BYTES], const struct command_option *option)
{
    snprintf(out, LEFT_BYTES, "%s%s%s", option->name, option->argument ? " " : "",
             option->argument ? option->argument : "");
}

static void write_command(char out[LEFT_BYTES], const struct command *command)
{
    snprintf(out, LEFT_BYTES, "%s%s%s", command->name, command->arguments[0] ? " " : "",
             command->arguments);
}

/* The wider of width and the left column's text, as long as it is not too wide for a column. */
static size_t widened(size_t width, const char *left)
{
    size_t used = columns_width(left);

    return used > width && used <= LEFT_MAX ? used : width;
}

static size_t widest_option(const struct command_option *options, size_t width)
{
    char left[LEFT_BYTES];

    for (; options && options->name; options++) {
        write_option(left, options);
        width = widened(width, left);
    }
    return width;
}

static size_t widest_of_all(const struct program *program)
{
    return strlen(program->settings ? HELP_OPTIONS : "--version");
}

static void print_options(FILE *out, const struct command_option *options, size_t width)
{
    char left[LEFT_BYTES];

    for (; options && options->name; options++) {
        write_option(left, options);
        columns_row(out, left, translated(options->help), width);
    }
}

static void print_all_options(FILE *out, const struct program *program,
                              const struct command *command, size_t width)
{
    fprintf(out, "\n%s\n", _("Options:"));
    if (command)
        print_options(out, command->options, width);
    print_options(out, program->global, width);
    if (program->settings)
        columns_row(out, HELP_OPTIONS, _(help_options), width);
    columns_row(out, "--help", _("show this help"), width);
    columns_row(out, "--version", _("show the version"), width);
}

static void print_after(FILE *out, const struct program *program)
{
    if (!program->after)
        return;
    fputc('\n', out);
    columns_wrap(out, translated(program->after), 0, 0);
}

void command_help_usage(FILE *out, const struct program *program, const struct command *command)
{
    fprintf(out, _("Usage: %s"), program->name);
    if (!command)
        fprintf(out, " %s", _("COMMAND [ARGUMENTS]"));
    else
        fprintf(out, "%s%s%s%s", command->name[0] ? " " : "", command->name,
                command->arguments[0] ? " " : "", command->arguments);
    fprintf(out, " %s\n", _("[OPTIONS]"));
}

void command_help_program(FILE *out, const struct program *program, const char *group)
{
    char left[LEFT_BYTES];
    size_t width = widest_option(program->global, widest_of_all(program));

    fprintf(out, "%s: ", program->name);
    columns_wrap(out, translated(program->about), columns_width(program->name) + 2, 0);
    fputc('\n', out);
    command_help_usage(out, program, NULL);
    for (const struct command *command = program->commands; command->name; command++) {
        write_command(left, command);
        width = widened(width, left);
    }
    fprintf(out, "\n%s\n", _("Commands:"));
    for (const struct command *command = program->commands; command->name; command++) {
        if (!command_is_in_group(command->name, group))
            continue;
        write_command(left, command);
        columns_row(out, left, translated(command->help), width);
    }
    print_all_options(out, program, NULL, width);
    fputc('\n', out);
    fprintf(out, _("%s COMMAND --help says more about a command.\n"), program->name);
    print_after(out, program);
}

void command_help_command(FILE *out, const struct program *program, const struct command *command)
{
    size_t width = widest_option(command->options, widest_of_all(program));

    command_help_usage(out, program, command);
    fputc('\n', out);
    columns_wrap(out, translated(command->name[0] ? command->help : program->about), 0, 0);
    print_all_options(out, program, command, widest_option(program->global, width));
    if (!command->name[0])
        print_after(out, program);
}

/* "*name* ARGUMENTS" and its help, `depth` tabs in. */
static void print_scdoc_row(FILE *out, const char *name, const char *arguments, const char *help,
                            int depth)
{
    static const char tabs[] = "\t\t";

    fprintf(out, "%.*s*", depth, tabs);
    columns_scdoc(out, name);
    fputs(arguments && *arguments ? "* " : "*", out);
    columns_scdoc(out, arguments ? arguments : "");
    fprintf(out, "\n%.*s", depth + 1, tabs);
    columns_scdoc(out, help);
    fputs("\n\n", out);
}

static void print_scdoc_options(FILE *out, const struct command_option *options, int depth)
{
    for (; options && options->name; options++)
        print_scdoc_row(out, options->name, options->argument, options->help, depth);
}

void command_help_scdoc(FILE *out, const struct program *program)
{
    for (const struct command *command = program->commands; command->name; command++) {
        if (command->name[0])
            print_scdoc_row(out, command->name, command->arguments, command->help, 0);
        print_scdoc_options(out, command->options, command->name[0] ? 1 : 0);
    }
    print_scdoc_options(out, program->global, 0);
    if (program->settings)
        print_scdoc_row(out, HELP_OPTIONS, NULL, help_options, 0);
    print_scdoc_row(out, "--help", NULL, "show this help", 0);
    print_scdoc_row(out, "--version", NULL, "show the version", 0);
}
