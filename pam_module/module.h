/* The parts of pam_approve.so. Nothing here forks, allocates, or changes a signal, a terminal or
 * the environment of its host. */
#ifndef MODULE_H
#define MODULE_H

#include <security/pam_modules.h>
#include <stdbool.h>
#include <stdint.h>

struct arguments {
    const char *socket;
    bool debug;
    bool check_publickey;
};

/* Fills arguments from the PAM line. Returns 0, or -1 after a line in syslog: an unknown argument
 * is never skipped. */
int arguments_read(pam_handle_t *pamh, int argc, const char **argv, struct arguments *arguments);

/* Asks the helper, and draws what it says. Returns a PAM code; every one but success was explained
 * in syslog. */
int session_run(pam_handle_t *pamh, int flags, const struct arguments *arguments);

#endif
