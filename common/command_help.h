/* What command.c says about the table. */
#ifndef COMMAND_HELP_H
#define COMMAND_HELP_H

#include <stdio.h>

#include "common/command.h"

/* All commands, or with `group` those that start with its words. */
void command_help_program(FILE *out, const struct program *program, const char *group);

void command_help_command(FILE *out, const struct program *program, const struct command *command);

/* Commands and options as scdoc, for the man page. */
void command_help_scdoc(FILE *out, const struct program *program);

/* "Usage: PROGRAM COMMAND ARGUMENTS [OPTIONS]" */
void command_help_usage(FILE *out, const struct program *program, const struct command *command);

/* True where name is one of the group's: "user add" of "user". NULL or "": all are. */
bool command_is_in_group(const char *name, const char *group);

#endif
