/* keep: a change that is on trial stays. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "approvectl/ctl.h"
#include "approvectl/new_login.h"
#include "approvectl/protect.h"
#include "common/i18n.h"

struct keep {
    const char *service; /* NULL: all that wait */
    const char *socket;
    bool force;
    int kept, failed;
};

static void keep_one(void *arg, struct change *change)
{
    struct keep *keep = arg;
    char why[CHANGE_WHY];

    if ((keep->service && strcmp(keep->service, change->service) != 0) ||
        change->state == CHANGE_KEPT)
        return;
    keep->failed++;
    if (change->state == CHANGE_WRITING) {
        ctl_error(EXIT_FAILED, _("approvectl protect was ended before all was written: there is "
                                 "nothing to keep."));
        return;
    }
    if (!keep->force && !new_login_is(change, keep->socket, why, sizeof(why))) {
        ctl_error(EXIT_FAILED, why);
        return;
    }
    change->state = CHANGE_KEPT;
    if (change_save(change) < 0) {
        ctl_error(EXIT_FAILED, strerror(errno));
        return;
    }
    keep->failed--;
    keep->kept++;
    for (size_t i = 0; i < change->file_count; i++)
        printf(change_find(&change->files[i]) == FOUND_AFTER ? _("kept: %s\n")
                                                             : _("kept, as edited: %s\n"),
               change->files[i].path);
}

int ctl_keep(const struct command_call *call)
{
    struct keep keep = {.service = call->count ? call->words[0] : NULL,
                        .socket = ctl_socket(call),
                        .force = command_value(call, "--force") != NULL};
    int lock = protect_begin();

    if (lock < 0)
        return EXIT_FAILED;
    change_each(keep_one, &keep);
    close(lock);
    if (keep.kept + keep.failed == 0)
        return ctl_error(EXIT_FAILED, _("No change waits: it was kept or put back already."));
    return keep.failed == 0 ? EXIT_OK : EXIT_FAILED;
}
