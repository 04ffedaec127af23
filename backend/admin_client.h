/* The way to the running server: one call on its admin socket. */
#ifndef ADMIN_CLIENT_H
#define ADMIN_CLIENT_H

#include <jansson.h>

#include "common/command.h"

/*
 * Calls NAME with body, whose reference is taken. Returns EXIT_OK and a new object, or another exit
 * code after saying why on standard error.
 */
int admin_client_call(const struct command_call *call, const char *name, json_t *body,
                      json_t **answer);

#endif
