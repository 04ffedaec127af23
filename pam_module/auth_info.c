#include "pam_module/auth_info.h"

#include <security/pam_appl.h>
#include <string.h>

/* sshd sets it anew, also to nothing, before it calls PAM, and refuses line ends within a line. */
static const char *auth_info(pam_handle_t *pamh)
{
    const char *lines = pam_getenv(pamh, "SSH_AUTH_INFO_0");

    return lines != NULL ? lines : "";
}

void auth_info_first(pam_handle_t *pamh, char *method, size_t size)
{
    const char *lines = auth_info(pamh);
    size_t len = strcspn(lines, " \n");

    if (len >= size)
        len = 0;
    memcpy(method, lines, len);
    method[len] = 0;
}

bool auth_info_has(pam_handle_t *pamh, const char *method)
{
    size_t len = strlen(method);

    for (const char *line = auth_info(pamh); *line != 0;) {
        if (strncmp(line, method, len) == 0 && strchr(" \n", line[len]) != NULL)
            return true;
        line += strcspn(line, "\n");
        line += *line == '\n';
    }
    return false;
}
