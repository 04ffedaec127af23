/* protect: a service's stack from the one that comes with pam_approve, on trial until `keep`. */
#include <errno.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "approvectl/check.h"
#include "approvectl/check_follow.h"
#include "approvectl/ctl.h"
#include "approvectl/protect.h"
#include "common/clock.h"
#include "common/file.h"
#include "common/i18n.h"
#include "common/sanitize.h"

#define TRIAL_SECONDS 300
#define TRIAL_LEAST 10
#define TRIAL_MOST 86400

/* What a service needs beside its stack. sshd takes the first value that it reads, in the order of
 * the files' names. */
static const struct extra {
    const char *service, *role, *snippet, *target;
} extras[] = {
    {"sshd", "sshd_config.d", SNIPPET_DIR "/sshd_config.d/pam_approve.conf",
     "/etc/ssh/sshd_config.d/00-pam_approve.conf"},
};

struct protect {
    const char *service, *config;
    long trial; /* seconds; 0: kept at once */
    bool force;
    struct change change;
    const struct extra *extra; /* or NULL */
    char *stack, *extra_text;  /* the new texts */
    char why[CHANGE_WHY];
};

/* "90", "90s", "5m", "1h", "never". */
static bool read_trial(const char *text, long *seconds)
{
    static const struct {
        const char *unit;
        long seconds;
    } units[] = {{"", 1}, {"s", 1}, {"m", 60}, {"h", 3600}};
    char *end;
    long number;

    *seconds = 0;
    if (!text || !strcmp(text, "never")) {
        *seconds = text ? 0 : TRIAL_SECONDS;
        return true;
    }
    number = strtol(text, &end, 10);
    for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
        if (!strcmp(end, units[i].unit) && number > 0 && number <= TRIAL_MOST)
            *seconds = number * units[i].seconds;
    }
    return end != text && *seconds >= TRIAL_LEAST && *seconds <= TRIAL_MOST;
}

static void list_snippets(void)
{
    glob_t files;

    fprintf(stderr, "%s", _("There is one for:"));
    if (glob(SNIPPET_DIR "/pam.d/*", 0, NULL, &files) == 0) {
        for (size_t i = 0; i < files.gl_pathc; i++)
            fprintf(stderr, " %s", strrchr(files.gl_pathv[i], '/') + 1);
        globfree(&files);
    }
    fprintf(stderr, "\n");
}

static char *read_snippet(struct protect *protect, const char *path)
{
    char *text;
    size_t len;

    if (file_read(path, FILE_OF_ROOT, CHANGE_BYTES, &text, &len, protect->why,
                  sizeof(protect->why)) < 0)
        return NULL;
    return text;
}

/* Reads the new texts. An exit code. */
static int read_texts(struct protect *protect, const char *from)
{
    char path[256];

    if (!change_is_service(protect->service) || !change_is_service(from))
        return ctl_error(EXIT_USAGE, _("This is no name of a service."));
    snprintf(path, sizeof(path), SNIPPET_DIR "/pam.d/%s", from);
    if (access(path, F_OK) < 0) {
        ctl_error(EXIT_FAILED, _("No stack for this service comes with pam_approve."));
        list_snippets();
        return EXIT_FAILED;
    }
    protect->stack = read_snippet(protect, path);
    for (size_t i = 0; i < sizeof(extras) / sizeof(extras[0]); i++) {
        if (!strcmp(extras[i].service, protect->service))
            protect->extra = &extras[i];
    }
    if (protect->extra)
        protect->extra_text = read_snippet(protect, protect->extra->snippet);
    if (!protect->stack || (protect->extra && !protect->extra_text))
        return ctl_error(EXIT_FAILED, protect->why);
    return EXIT_OK;
}

/* Is this the service's own stack, or one that takes part of it? */
static bool takes_part(const struct pam_stack *stack, const char *service)
{
    for (size_t i = 0; i < stack->count; i++) {
        if (!strcmp(stack->lines[i].file, service))
            return true;
    }
    return false;
}

/* "sshd: public key or password, then approval …" */
static void describe(const struct check *check, const char *service)
{
    const struct pam_stack *stack = check_find_stack(check, service);
    char text[1024], clean[1024];

    if (stack) {
        check_describe(check, stack, text, sizeof(text));
        sanitize_text(clean, sizeof(clean), text);
        printf("%s: %s\n", service, clean);
    }
}

/* The findings of `check` on what is to be. An exit code. */
static int examine(struct protect *protect, const struct command_call *call)
{
    struct check check;
    int failures;

    if (protect->extra && sshd_config_test(protect->why, sizeof(protect->why)) < 0) {
        ctl_error(EXIT_FAILED, protect->why);
        return ctl_error(EXIT_FAILED, _("Nothing was changed: sshd's configuration has an error "
                                        "already, so sshd could not be told of a change."));
    }
    check_open(&check, call);
    check.faults_only = true;
    check.new_service = protect->service;
    check.new_text = protect->stack;
    check_read_stacks(&check);
    check_apply(&check, check_login_rules, "", NULL);
    for (size_t i = 0; i < check.stack_count; i++) {
        if (takes_part(check.stacks[i], protect->service))
            check_apply(&check, check_pam_rules, check.stacks[i]->service, check.stacks[i]);
    }
    failures = check.failures;
    describe(&check, protect->service);
    check_close(&check);
    if (failures == 0 || protect->force)
        return EXIT_OK;
    return ctl_error(EXIT_FAILED,
                     _("Nothing was changed: this would lock people out, or let them by. --force "
                       "tries it all the same."));
}

/* The service is there, is not changed already, and does not ask yet. An exit code. */
static int look_at_old(struct protect *protect)
{
    struct check now = {.pam_dir = PAM_DIR};
    struct pam_stack *old;
    int found = change_load(protect->service, &protect->change, protect->why, sizeof(protect->why));
    bool there, asks;

    if (found > 0 && protect->change.state == CHANGE_WRITING) {
        if (protect_undo(&protect->change, false, protect->why, sizeof(protect->why)) != 0)
            found = -1;
        else
            found =
                change_load(protect->service, &protect->change, protect->why, sizeof(protect->why));
    }
    if (found < 0)
        return ctl_error(EXIT_FAILED, protect->why);
    if (found > 0)
        return ctl_error(EXIT_FAILED,
                         protect->change.state == CHANGE_KEPT
                             ? _("It is protected already; approvectl unprotect puts the old stack "
                                 "back.")
                             : _("A change of it waits already: approvectl keep, or unprotect."));
    old = malloc(sizeof(*old));
    if (!old)
        return ctl_error(EXIT_FAILED, _("Out of memory."));
    there = pam_stack_read(old, protect->service, check_load, &now) == 0;
    asks = there && check_find_kind(old, KIND_APPROVE);
    free(old);
    if (!there)
        return ctl_error(
            EXIT_FAILED,
            _("This host has no such service: there is no stack of it in /etc/pam.d."));
    if (asks && !protect->force)
        return ctl_error(EXIT_FAILED,
                         _("Its stack asks for an approval already; approvectl check says how. "
                           "--force writes another one."));
    return EXIT_OK;
}

/* Keeps the old files, and writes the record. 0, or -1 with why. */
static int record(struct protect *protect)
{
    struct change *change = &protect->change;
    char path[256];

    snprintf(path, sizeof(path), PAM_DIR "/%s", protect->service);
    change->state = CHANGE_WRITING;
    change->reload = protect->extra != NULL;
    change_boot(change->boot);
    if ((protect->extra &&
         change_add_file(change, protect->extra->target, protect->extra->role, protect->extra_text,
                         protect->why, sizeof(protect->why)) < 0) ||
        change_add_file(change, path, "pam.d", protect->stack, protect->why, sizeof(protect->why)) <
            0) {
        change_forget(change);
        return -1;
    }
    if (change_save(change) < 0) {
        snprintf(protect->why, sizeof(protect->why), CHANGE_DIR ": %s", strerror(errno));
        change_forget(change);
        return -1;
    }
    return 0;
}

/* What sshd makes of its new file, before it is told of it. 0, or -1 with why. */
static int examine_sshd(struct protect *protect)
{
    struct check check = {.faults_only = true, .findings = json_array(), .config = protect->config};

    if (sshd_config_test(protect->why, sizeof(protect->why)) < 0) {
        json_decref(check.findings);
        return -1;
    }
    check.host = host_load(protect->config, check.host_why, sizeof(check.host_why));
    check_read_sshd(&check);
    check_apply(&check, check_sshd_rules, "sshd", NULL);
    json_decref(check.findings);
    host_unref(check.host);
    if (check.failures == 0 || protect->force)
        return 0;
    snprintf(protect->why, sizeof(protect->why),
             _("other lines of sshd's configuration stand against %s"), protect->extra->target);
    return -1;
}

/* Writes all. 0, or -1 with why; then a part may be written. */
static int write_all(struct protect *protect)
{
    struct change *change = &protect->change;
    const struct change_file *stack = &change->files[change->file_count - 1];

    if (protect->extra && (change_write(&change->files[0], protect->extra_text, protect->why,
                                        sizeof(protect->why)) < 0 ||
                           examine_sshd(protect) < 0))
        return -1;
    if (change_write(stack, protect->stack, protect->why, sizeof(protect->why)) < 0 ||
        (change->reload && sshd_config_reload(protect->why, sizeof(protect->why)) < 0))
        return -1;
    change->begun = clock_wall();
    change->due = change->begun + protect->trial;
    change->since_ms = clock_boot_ms();
    change->due_ms = change->since_ms + protect->trial * 1000;
    change->state = protect->trial ? CHANGE_WAITS : CHANGE_KEPT;
    if (change_save(change) == 0)
        return 0;
    snprintf(protect->why, sizeof(protect->why), CHANGE_DIR ": %s", strerror(errno));
    return -1;
}

static void tell(const struct protect *protect)
{
    const struct change *change = &protect->change;
    time_t due = (time_t)change->due;
    struct tm local;
    char at[32] = "";

    for (size_t i = 0; i < change->file_count; i++)
        printf(_("written: %s (before: %s)\n"), change->files[i].path,
               *change->files[i].copy ? change->files[i].copy : _("not there"));
    if (!protect->trial)
        return;
    if (localtime_r(&due, &local))
        strftime(at, sizeof(at), "%H:%M:%S", &local);
    printf(_("At %s this is put back by itself, unless a new login works:\n"
             "leave this one open, sign in anew through %s, and there run\n\n"
             "    approvectl keep %s\n"),
           at, protect->service, protect->service);
}

/* With the lock held. An exit code. */
static int protect_service(struct protect *protect, const struct command_call *call)
{
    char undone[CHANGE_WHY];
    int code = look_at_old(protect);

    if (code == EXIT_OK)
        code = examine(protect, call);
    if (code != EXIT_OK)
        return code;
    if (record(protect) < 0)
        return ctl_error(EXIT_FAILED, protect->why);
    /* Who puts it back is there before there is something to put back. */
    if (protect_watch(protect->why, sizeof(protect->why)) == 0 && write_all(protect) == 0) {
        tell(protect);
        return EXIT_OK;
    }
    ctl_error(EXIT_FAILED, protect->why);
    if (protect_undo(&protect->change, true, undone, sizeof(undone)) < 0)
        return ctl_error(EXIT_FAILED, undone);
    return ctl_error(EXIT_FAILED, _("All is as it was before."));
}

int ctl_protect(const struct command_call *call)
{
    struct protect protect = {.service = call->words[0],
                              .config = ctl_config(call),
                              .force = command_value(call, "--force") != NULL};
    const char *from = command_value(call, "--from");
    int code, lock;

    if (!read_trial(command_value(call, "--revert-after"), &protect.trial))
        return ctl_error(
            EXIT_USAGE, _("--revert-after takes from 10s to 24h, such as 90s, 5m or 1h; or never"));
    code = read_texts(&protect, from ? from : protect.service);
    if (code == EXIT_OK) {
        lock = protect_begin();
        code = lock < 0 ? EXIT_FAILED : protect_service(&protect, call);
        if (lock >= 0)
            close(lock);
    }
    free(protect.stack);
    free(protect.extra_text);
    return code;
}
