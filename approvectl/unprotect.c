/* unprotect: a service's files as they were before protect. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "approvectl/ctl.h"
#include "approvectl/protect.h"
#include "approvectl/sshd_config.h"
#include "common/i18n.h"

int protect_begin(void)
{
    char why[CHANGE_WHY];
    int lock;

    if (geteuid() != 0)
        return ctl_error(-1, _("Only root can do this."));
    lock = change_lock(true, why, sizeof(why));
    return lock < 0 ? ctl_error(-1, why) : lock;
}

int protect_undo(const struct change *change, bool force, char *why, size_t why_size)
{
    int result = change_put_back(change, force, why, why_size);

    if (result != 0)
        return result;
    if (change->reload && sshd_config_reload(why, why_size) < 0)
        return -1;
    if (change_forget(change) == 0)
        return 0;
    snprintf(why, why_size, CHANGE_DIR ": %s", strerror(errno));
    return -1;
}

int ctl_unprotect(const struct command_call *call)
{
    const char *service = call->words[0];
    bool force = command_value(call, "--force") != NULL;
    struct change change;
    char why[CHANGE_WHY];
    int lock, found, result = -1;

    if (!change_is_service(service))
        return ctl_error(EXIT_USAGE, _("This is no name of a service."));
    lock = protect_begin();
    if (lock < 0)
        return EXIT_FAILED;
    found = change_load(service, &change, why, sizeof(why));
    if (found == 0)
        snprintf(
            why, sizeof(why),
            _("approvectl did not protect %s: if it asks, somebody wrote its stack by hand, or "
              "pam-auth-update did"),
            service);
    if (found > 0)
        result = protect_undo(&change, force, why, sizeof(why));
    close(lock);
    if (result < 0)
        return ctl_error(EXIT_FAILED, why);
    if (result > 0) {
        ctl_error(EXIT_FAILED, why);
        return ctl_error(EXIT_FAILED,
                         _("--force puts it back, and keeps the edited one beside it."));
    }
    for (size_t i = 0; i < change.file_count; i++)
        printf(*change.files[i].copy ? _("as before: %s\n") : _("removed: %s\n"),
               change.files[i].path);
    return EXIT_OK;
}
