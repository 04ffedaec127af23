/* What sshd says of the methods that succeeded before: SSH_AUTH_INFO_0 in the PAM environment, one
 * method a line. */
#ifndef AUTH_INFO_H
#define AUTH_INFO_H

#include <security/pam_modules.h>
#include <stdbool.h>
#include <stddef.h>

/* The first method's name, such as "publickey". Empty where there is none, or where it does not
 * fit. */
void auth_info_first(pam_handle_t *pamh, char *method, size_t size);

/* True where `method` is among those that succeeded. */
bool auth_info_has(pam_handle_t *pamh, const char *method);

#endif
