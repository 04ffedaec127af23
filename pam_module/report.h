/* What the administrator reads in syslog: who it was about, then why. */
#ifndef REPORT_H
#define REPORT_H

#include <security/pam_modules.h>

/* One line, with user, service and remote host made safe in front. priority is syslog's. %m is the
 * errno of the call. */
void report(pam_handle_t *pamh, int priority, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#endif
