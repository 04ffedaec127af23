/* revert: puts back what nobody has kept in time. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "approvectl/ctl.h"
#include "approvectl/protect.h"
#include "approvectl/run.h"
#include "common/clock.h"
#include "common/daemon.h"
#include "common/i18n.h"
#include "common/log.h"

#define UNIT "approve-revert.service"
#define LOOK_MS 1000   /* how often the one that waits looks for what has changed */
#define RETRY_MS 60000 /* between two tries of what cannot be put back, at most */

int protect_watch(char *why, size_t why_size)
{
    static const char *const enable[] = {"/bin/systemctl", "--quiet", "enable", UNIT, NULL};
    static const char *const start[] = {"/bin/systemctl", "restart", UNIT, NULL};
    char *detached[] = {"approvectl", "revert", "--wait", NULL};
    char said[400];

    if (!run_has_systemd()) {
        if (run_detached(detached) == 0)
            return 0;
        snprintf(said, sizeof(said), "%s", strerror(errno));
    } else if (run_program(enable, said, sizeof(said)) == 0 &&
               run_program(start, said, sizeof(said)) == 0) {
        return 0;
    }
    snprintf(why, why_size, _("What would put this back cannot be started: %s"), said);
    return -1;
}

/* A change that could not be put back, and is tried again later and later. */
struct retry {
    struct retry *next;
    char service[64], why[CHANGE_WHY];
    int64_t pause_ms, at_ms; /* clock_boot_ms */
};

struct revert {
    int64_t next_ms; /* until the next is due; -1: none waits */
    int failed;
    struct retry *retries;
};

static struct retry *find_retry(const struct revert *revert, const char *service)
{
    struct retry *retry = revert->retries;

    while (retry && strcmp(retry->service, service) != 0)
        retry = retry->next;
    return retry;
}

static void forget_retry(struct revert *revert, const char *service)
{
    struct retry **link = &revert->retries, *retry;

    while (*link && strcmp((*link)->service, service) != 0)
        link = &(*link)->next;
    retry = *link;
    if (retry) {
        *link = retry->next;
        free(retry);
    }
}

/* It failed: logs why, once, and puts the next try off. Milliseconds until then. */
static int64_t put_off(struct revert *revert, const char *service, const char *why)
{
    struct retry *retry = find_retry(revert, service);

    if (!retry || strcmp(retry->why, why) != 0)
        log_error("%s: %s", service, why);
    if (!retry) {
        retry = calloc(1, sizeof(*retry));
        if (!retry)
            return LOOK_MS;
        snprintf(retry->service, sizeof(retry->service), "%s", service);
        retry->next = revert->retries;
        revert->retries = retry;
    }
    snprintf(retry->why, sizeof(retry->why), "%s", why);
    retry->pause_ms = retry->pause_ms ? retry->pause_ms * 2 : LOOK_MS;
    if (retry->pause_ms > RETRY_MS)
        retry->pause_ms = RETRY_MS;
    retry->at_ms = clock_boot_ms() + retry->pause_ms;
    return retry->pause_ms;
}

static void revert_one(void *arg, struct change *change)
{
    struct revert *revert = arg;
    struct retry *retry = find_retry(revert, change->service);
    int64_t left;
    char why[CHANGE_WHY] = "";
    int result;

    if (change->state == CHANGE_KEPT || change->state == CHANGE_EDITED)
        return;
    left = change_left(change);
    if (left == 0 && retry && retry->at_ms > clock_boot_ms()) {
        revert->failed++;
        if (revert->next_ms < 0 || revert->next_ms > LOOK_MS)
            revert->next_ms = LOOK_MS;
        return;
    }
    result = left > 0 ? 0 : protect_undo(change, false, why, sizeof(why));
    if (result >= 0)
        forget_retry(revert, change->service);
    if (result > 0) {
        change->state = CHANGE_EDITED;
        log_error("%s: %s", change->service, why);
        change_save(change);
        revert->failed++;
        return;
    }
    if (result < 0) {
        revert->failed++;
        left = put_off(revert, change->service, why);
    } else if (left == 0) {
        log_warn(_("%s: no new login confirmed the change: all is as it was before"),
                 change->service);
        return;
    }
    if (revert->next_ms < 0 || left < revert->next_ms)
        revert->next_ms = left;
}

static void pause_ms(int64_t ms)
{
    struct timespec time = {.tv_sec = (time_t)(ms / 1000), .tv_nsec = (long)(ms % 1000) * 1000000};
    nanosleep(&time, NULL);
}

/* One look at all records. False where they cannot be looked at; then why says why. */
static bool look(struct revert *revert, bool wait, char *why, size_t why_size)
{
    int lock = change_lock(wait, why, why_size);

    if (lock < 0)
        return false;
    revert->next_ms = -1;
    revert->failed = 0;
    change_each(revert_one, revert);
    close(lock);
    return true;
}

int ctl_revert(const struct command_call *call)
{
    bool wait = command_value(call, "--wait") != NULL;
    struct revert revert = {.next_ms = LOOK_MS};
    char why[CHANGE_WHY];

    log_open("approvectl", !isatty(STDERR_FILENO) && !run_has_systemd(), LOG_LEVEL_INFO);
    if (geteuid() != 0)
        return ctl_error(EXIT_FAILED, _("Only root can do this."));
    /* The first look waits for nobody: who holds the lock waits for us to be ready. */
    if (!look(&revert, !wait, why, sizeof(why)) && !wait)
        return ctl_error(EXIT_FAILED, why);
    daemon_ready();
    while (wait && revert.next_ms >= 0) {
        pause_ms(revert.next_ms < LOOK_MS ? revert.next_ms : LOOK_MS);
        if (!look(&revert, true, why, sizeof(why)))
            return ctl_error(EXIT_FAILED, why);
    }
    while (revert.retries)
        forget_retry(&revert, revert.retries->service);
    return revert.failed == 0 ? EXIT_OK : EXIT_FAILED;
}
