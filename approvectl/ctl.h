/* The subcommands of approvectl (the table is in main.c), and what they share. */
#ifndef CTL_H
#define CTL_H

#include <jansson.h>

#include "common/command.h"
#include "helper/host.h"

int ctl_join(const struct command_call *call);
int ctl_check(const struct command_call *call);
int ctl_test(const struct command_call *call);
int ctl_status(const struct command_call *call);
int ctl_protect(const struct command_call *call);
int ctl_unprotect(const struct command_call *call);
int ctl_keep(const struct command_call *call);
int ctl_revert(const struct command_call *call);
int ctl_pin(const struct command_call *call);

/* "approvectl: TEXT" on standard error, made safe. Returns exit_code. */
int ctl_error(int exit_code, const char *text);

/* JSON on standard output, one line, ASCII only. value is taken. Returns an exit code. */
int ctl_json(json_t *value);

/* What --config says, or the usual place. */
const char *ctl_config(const struct command_call *call);

/* What --socket says, or the usual place. */
const char *ctl_socket(const struct command_call *call);

/* Prints text, made safe, coloured where standard output is a terminal: 'r'ed, 'g'reen, 'y'ellow,
 * 'b'old. */
void ctl_paint(char colour, const char *text);

#endif
