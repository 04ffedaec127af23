/* The entry points. Only authenticate and chauthtok do anything. */
#include <security/pam_modules.h>
#include <syslog.h>

#include "pam_module/auth_info.h"
#include "pam_module/module.h"
#include "pam_module/report.h"

/* Never PAM_IGNORE: on a line that was written wrongly, whoever came without a key is refused, not
 * let through. */
static int check_publickey(pam_handle_t *pamh, const struct arguments *arguments)
{
    bool found = auth_info_has(pamh, "publickey");

    if (arguments->debug)
        report(pamh, LOG_DEBUG, "check=publickey: %s", found ? "accepted before" : "none");
    return found ? PAM_SUCCESS : PAM_AUTH_ERR;
}

static int ask(pam_handle_t *pamh, int flags, int argc, const char **argv)
{
    struct arguments arguments;

    if (arguments_read(pamh, argc, argv, &arguments) != 0)
        return PAM_AUTH_ERR;
    if (arguments.check_publickey)
        return check_publickey(pamh, &arguments);
    return session_run(pamh, flags, &arguments);
}

int pam_sm_authenticate(pam_handle_t *pamh, int flags, int argc, const char **argv)
{
    return ask(pamh, flags, argc, argv);
}

/* There are no credentials to set, and nothing may fail for that after a login was approved. */
int pam_sm_setcred(pam_handle_t *pamh, int flags, int argc, const char **argv)
{
    (void)pamh, (void)flags, (void)argc, (void)argv;
    return PAM_SUCCESS;
}

int pam_sm_acct_mgmt(pam_handle_t *pamh, int flags, int argc, const char **argv)
{
    (void)pamh, (void)flags, (void)argc, (void)argv;
    return PAM_IGNORE;
}

int pam_sm_open_session(pam_handle_t *pamh, int flags, int argc, const char **argv)
{
    (void)pamh, (void)flags, (void)argc, (void)argv;
    return PAM_IGNORE;
}

int pam_sm_close_session(pam_handle_t *pamh, int flags, int argc, const char **argv)
{
    (void)pamh, (void)flags, (void)argc, (void)argv;
    return PAM_IGNORE;
}

/* libpam comes twice: to look whether the change may be, and only after every module's yes to make
 * it. passwd(1) never calls authenticate. */
int pam_sm_chauthtok(pam_handle_t *pamh, int flags, int argc, const char **argv)
{
    return ((unsigned)flags & PAM_UPDATE_AUTHTOK) != 0 ? PAM_IGNORE : ask(pamh, flags, argc, argv);
}
