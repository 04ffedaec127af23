#include "approvectl/new_login.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "approvectl/reach.h"
#include "common/clock.h"
#include "common/i18n.h"

#define ANCESTORS_MAX 64

/* The programs that stay above a login's processes, by the name that the kernel shows (15
 * characters). */
static const struct {
    const char *service, *program;
} programs[] = {
    {"sshd", "sshd"},
    {"sshd", "sshd-session"}, /* OpenSSH 9.8 and later */
    {"sudo", "sudo"},
    {"sudo-i", "sudo"},
    {"su", "su"},
    {"su-l", "su"},
    {"doas", "doas"},
    {"login", "login"},
    {"cockpit", "cockpit-session"},
    {"xrdp-sesman", "xrdp-sesman"},
    {"xrdp-sesman", "xrdp-sesexec"},
    {"gdm-password", "gdm-session-wor"},
    {"lightdm", "lightdm"},
    {"sddm", "sddm-helper"},
};

struct process {
    char name[32];
    long parent;
    int64_t start_ms; /* CLOCK_BOOTTIME */
};

/* /proc/PID/stat: proc(5). The name stands in brackets and may have any character. */
static bool read_process(long pid, struct process *process)
{
    char path[64], text[1024] = "", state;
    const char *open, *close;
    unsigned long long ticks = 0;
    long per_second = sysconf(_SC_CLK_TCK);
    FILE *file;
    size_t len = 0;

    snprintf(path, sizeof(path), "/proc/%ld/stat", pid);
    file = fopen(path, "re");
    if (file) {
        len = fread(text, 1, sizeof(text) - 1, file);
        fclose(file);
    }
    text[len] = '\0';
    open = strchr(text, '(');
    close = strrchr(text, ')');
    if (!open || !close || per_second <= 0 ||
        sscanf(close + 1,
               " %c %ld %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d %*d %*d %llu",
               &state, &process->parent, &ticks) != 3)
        return false;
    snprintf(process->name, sizeof(process->name), "%.*s", (int)(close - open - 1), open + 1);
    process->start_ms = (int64_t)ticks * 1000 / per_second;
    return true;
}

/* Is it a program of this service's, or of any? */
static bool signs_in(const char *service, bool any, const char *name)
{
    for (size_t i = 0; i < sizeof(programs) / sizeof(programs[0]); i++) {
        if ((any || !strcmp(programs[i].service, service)) && !strcmp(programs[i].program, name))
            return true;
    }
    return false;
}

static bool leaves_a_program(const char *service)
{
    for (size_t i = 0; i < sizeof(programs) / sizeof(programs[0]); i++) {
        if (!strcmp(programs[i].service, service))
            return true;
    }
    return false;
}

/* Was this time, of this boot, before the change was in force? */
static bool is_older(const struct change *change, int64_t at_ms)
{
    char boot[64];

    change_boot(boot);
    return !strcmp(boot, change->boot) && at_ms < change->since_ms;
}

static bool started_from_login(const struct change *change, char *why, size_t why_size)
{
    bool own = leaves_a_program(change->service);
    struct process process = {.parent = getppid()};
    bool found = false;

    for (int i = 0; !found && i < ANCESTORS_MAX && process.parent > 0; i++) {
        if (!read_process(process.parent, &process))
            break;
        found = signs_in(change->service, !own, process.name);
    }
    if (!found)
        snprintf(why, why_size,
                 own ? _("this was not started from a login through %s: sign in through it, and "
                         "run it there")
                     : _("this was not started from a login (%s): sign in anew, and run it "
                         "there"),
                 change->service);
    else if (is_older(change, process.start_ms))
        snprintf(why, why_size,
                 _("this login (%s) is older than the change of %s, and so proves nothing: sign in "
                   "anew, and run it there"),
                 process.name, change->service);
    else
        return true;
    return false;
}

/* Has the stack asked, and let somebody pass? */
static bool has_asked(const struct change *change, const char *socket_path, char *why,
                      size_t why_size)
{
    char said[400];
    int64_t age = reach_last(socket_path, change->service, said, sizeof(said));

    if (age >= 0 && !is_older(change, clock_boot_ms() - age))
        return true;
    if (age >= 0)
        snprintf(said, sizeof(said),
                 _("the helper has let nobody pass for %s since its stack was changed"),
                 change->service);
    snprintf(why, why_size,
             _("%s: sign in anew through %s so that you are asked, and run it there (a sudo that "
               "remembers you or asks nobody, or root's own su, tries no stack)"),
             said, change->service);
    return false;
}

bool new_login_is(const struct change *change, const char *socket_path, char *why, size_t why_size)
{
    return started_from_login(change, why, why_size) &&
           has_asked(change, socket_path, why, why_size);
}
