#include "pam_module/report.h"

#include <errno.h>
#include <security/pam_ext.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "common/sanitize.h"

#define NAME_SIZE 80
#define WHY_SIZE 512

/* A name in a line of log: no blanks either, or a user called "bob rhost=10.0.0.1" would write the
 * rest of the line. */
static void read_name(pam_handle_t *pamh, int item, char name[NAME_SIZE])
{
    const void *value = NULL;

    if (pam_get_item(pamh, item, &value) != PAM_SUCCESS || value == NULL ||
        *(const char *)value == 0)
        value = "-";
    sanitize_text(name, NAME_SIZE, value);
    for (char *p = name; *p != 0; p++) {
        if (*p == ' ')
            *p = '?';
    }
}

void report(pam_handle_t *pamh, int priority, const char *format, ...)
{
    int error = errno;
    char user[NAME_SIZE], service[NAME_SIZE], rhost[NAME_SIZE], why[WHY_SIZE], safe[WHY_SIZE];
    va_list list;

    read_name(pamh, PAM_USER, user);
    read_name(pamh, PAM_SERVICE, service);
    read_name(pamh, PAM_RHOST, rhost);
    errno = error;
    va_start(list, format);
    if (vsnprintf(why, sizeof why, format, list) < 0)
        strcpy(why, "?");
    va_end(list);
    sanitize_text(safe, sizeof safe, why);
    pam_syslog(pamh, priority, "user=%s service=%s rhost=%s: %s", user, service, rhost, safe);
}
