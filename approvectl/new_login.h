/* Was this program started from a login that has passed a stack as it is now? */
#ifndef NEW_LOGIN_H
#define NEW_LOGIN_H

#include <stdbool.h>
#include <stddef.h>

#include "approvectl/change.h"

/*
 * True where the helper let somebody pass for the service after the change was in force, so that
 * the stack as it is now asked (sudo within its timestamp or with NOPASSWD, and su of root's, ask
 * nobody), and where a program that signs people in by this service (sshd, for sshd), or for a
 * service that leaves none above a login (a screen locker) any that does, is the nearest such one
 * above this process, and began after the change was in force. Otherwise why says what to do.
 */
bool new_login_is(const struct change *change, const char *socket_path, char *why, size_t why_size);

#endif
