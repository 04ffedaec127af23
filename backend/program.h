/* The commands of approve-server, and what they share. */
#ifndef BACKEND_PROGRAM_H
#define BACKEND_PROGRAM_H

#include "common/command.h"
#include "common/config.h"

extern const struct program server_program;

/* Where server.conf is: --config, or the default. */
const char *program_config_path(const struct command_call *call);

/* Reads server.conf; where the default one is missing the defaults hold. NULL, after saying why on
 * standard error. */
struct config *program_config(const struct command_call *call);

int init_command(const struct command_call *call);
int serve_command(const struct command_call *call);

#endif
