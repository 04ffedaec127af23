/*
 * Subcommands from a table: dispatch, --help, --version, --help-options where there is a
 * configuration file, and --help-scdoc and --help-options-scdoc, which the man pages are made from.
 */
#ifndef COMMAND_H
#define COMMAND_H

#include <stdbool.h>
#include <stddef.h>

struct command_option {
    const char *name;     /* "--number", or NULL at the end */
    const char *argument; /* "N", or NULL where it takes none */
    const char *help;
};

struct command_call;
struct config_option;

struct command {
    const char *name;                     /* "user add", or NULL at the end */
    const char *arguments;                /* "USER", "[NAME]", "" */
    int least, most;                      /* positional arguments */
    const struct command_option *options; /* NULL: none but --help */
    const char *help;                     /* one line */
    int (*run)(const struct command_call *call);
};

struct program {
    const char *name;
    const char *about;                    /* one line */
    const struct command *commands;       /* one entry named "": a program without subcommands */
    const struct command_option *global;  /* allowed before and after the subcommand */
    const char *after;                    /* text at the end of --help, or NULL */
    const struct config_option *settings; /* what its configuration file can say, or NULL */
};

struct command_call {
    const struct program *program;
    const struct command *command;
    int count;                 /* positional arguments */
    char *const *words;        /* the positional arguments */
    const char *const *values; /* parallel to the options: see command_value */
};

/* Exit codes of all our programs. */
enum { EXIT_OK = 0, EXIT_FAILED = 1, EXIT_USAGE = 2, EXIT_UNAVAILABLE = 3, EXIT_REFUSED = 4 };

/*
 * Runs the command that argv names. Returns its exit code; EXIT_USAGE with a message on a wrong
 * call.
 */
int command_main(const struct program *program, int argc, char **argv);

/*
 * The value of an option ("--name"), "" for a set one without argument, NULL where it was not given
 * or is none of the command's.
 */
const char *command_value(const struct command_call *call, const char *option);

/* True where fd is a terminal and NO_COLOR is not set. */
bool command_colour(int fd);

#endif
