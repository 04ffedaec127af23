/* The subcommands of approve-phone; the table is in main.c. */
#ifndef COMMANDS_H
#define COMMANDS_H

#include "common/command.h"

int phone_enroll(const struct command_call *call);
int phone_watch(const struct command_call *call);
int phone_approve(const struct command_call *call);
int phone_deny(const struct command_call *call);
int phone_list(const struct command_call *call);
int phone_code(const struct command_call *call);
int phone_activity(const struct command_call *call);
int phone_device(const struct command_call *call);
int phone_key(const struct command_call *call);
int phone_remove(const struct command_call *call);

#endif
