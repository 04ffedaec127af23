/* Rules about host.conf, the host's key, the server, the clock and the helper. */
#include <grp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "approvectl/change.h"
#include "approvectl/check.h"
#include "common/i18n.h"
#include "helper/policy.h"

#define HELPER_GROUP "approve-helper"
#define CLOCK_LIMIT 60 /* seconds; the server refuses more */
#define CLOCK_CLOSE 10

static enum check_verdict conf_is_right(struct check *check, const void *subject,
                                        char detail[CHECK_DETAIL])
{
    (void)subject;
    if (check->host)
        snprintf(detail, CHECK_DETAIL, _("%s at %s"), check->host->id, check->host->issuer);
    else
        snprintf(detail, CHECK_DETAIL, "%s", check->host_why);
    return check_verdict_of(check->host != NULL);
}

static enum check_verdict helper_reads_key(struct check *check, const void *subject,
                                           char detail[CHECK_DETAIL])
{
    const struct group *group = getgrnam(HELPER_GROUP);
    struct stat file;
    const char *path;

    (void)subject;
    if (!check->host)
        return CHECK_SKIPPED;
    path = config_text(check->host->config, "host", "key");
    snprintf(detail, CHECK_DETAIL, "%s", path);
    return check_verdict_of(group && stat(path, &file) == 0 && file.st_gid == group->gr_gid &&
                            (file.st_mode & S_IRGRP));
}

static enum check_verdict server_answers(struct check *check, const void *subject,
                                         char detail[CHECK_DETAIL])
{
    (void)subject;
    if (!check->host)
        return CHECK_SKIPPED;
    reach_server(check->host, &check->server);
    snprintf(detail, CHECK_DETAIL, "%s%s%s", check->host->issuer, *check->server.why ? ": " : "",
             check->server.why);
    return check_verdict_of(check->server.right);
}

/* Without TLS whoever has the port is the server: while that is down, on a port that is not root's,
 * any user of this machine. Phones that are pinned here need not believe it. */
static enum check_verdict issuer_is_proven(struct check *check, const void *subject,
                                           char detail[CHECK_DETAIL])
{
    (void)subject;
    if (!check->host)
        return CHECK_SKIPPED;
    snprintf(detail, CHECK_DETAIL, "%s", check->host->issuer);
    return check_verdict_of(check->host->trust == TRUST_PINNED ||
                            strncmp(check->host->issuer, "http:", 5) != 0);
}

static enum check_verdict clock_within(struct check *check, int64_t limit,
                                       char detail[CHECK_DETAIL])
{
    int64_t ahead = check->server.ahead;

    if (!check->server.has_date)
        return CHECK_SKIPPED;
    snprintf(detail, CHECK_DETAIL, _("the server's is %lld s %s"),
             (long long)(ahead < 0 ? -ahead : ahead), ahead < 0 ? _("behind") : _("ahead"));
    return check_verdict_of(ahead >= -limit && ahead <= limit);
}

static enum check_verdict clock_is_usable(struct check *check, const void *subject,
                                          char detail[CHECK_DETAIL])
{
    (void)subject;
    return clock_within(check, CLOCK_LIMIT, detail);
}

static enum check_verdict clock_is_right(struct check *check, const void *subject,
                                         char detail[CHECK_DETAIL])
{
    (void)subject;
    return clock_within(check, CLOCK_LIMIT, detail) == CHECK_WELL
               ? clock_within(check, CLOCK_CLOSE, detail)
               : CHECK_SKIPPED;
}

static enum check_verdict key_is_known(struct check *check, const void *subject,
                                       char detail[CHECK_DETAIL])
{
    enum reach_key key;

    (void)subject;
    if (!check->server.right || check->host->provider != PROVIDER_APPROVE)
        return CHECK_SKIPPED;
    key = reach_key(check->host, check->server.token_url, detail, CHECK_DETAIL);
    if (key == REACH_KEY_KNOWN)
        snprintf(detail, CHECK_DETAIL, "%s", jwk_thumbprint(check->host->key));
    return key == REACH_KEY_UNSURE ? CHECK_SKIPPED : check_verdict_of(key == REACH_KEY_KNOWN);
}

static enum check_verdict helper_answers(struct check *check, const void *subject,
                                         char detail[CHECK_DETAIL])
{
    bool answers = reach_helper(check->socket, detail, CHECK_DETAIL);

    (void)subject;
    if (answers)
        snprintf(detail, CHECK_DETAIL, "%s", check->socket);
    return check_verdict_of(answers);
}

static enum check_verdict pins_are_there(struct check *check, const void *subject,
                                         char detail[CHECK_DETAIL])
{
    (void)subject;
    if (!check->host || check->host->trust != TRUST_PINNED)
        return CHECK_SKIPPED;
    snprintf(detail, CHECK_DETAIL, "%s", config_text(check->host->config, "backend", "pinned"));
    return check_verdict_of(check->host->pin_count > 0);
}

/* Adds a word to a list that has room for it. */
static void list(char detail[CHECK_DETAIL], const char *format, const char *word)
{
    size_t used = strlen(detail);

    if (used < CHECK_DETAIL / 2) {
        used += (size_t)snprintf(detail + used, CHECK_DETAIL - used, "%s", used ? " " : "");
        snprintf(detail + used, CHECK_DETAIL - used, format, word);
    }
}

static bool asks(const struct check *check, const char *service)
{
    struct policy policy = {.ask = ASK_YES};

    if (check->host)
        policy_find(check->host, service, &policy);
    return policy.ask != ASK_NO;
}

/* Sections of services whose stack does not name the module: what they say does nothing, but that
 * nobody is to be asked. */
static enum check_verdict sections_count(struct check *check, const void *subject,
                                         char detail[CHECK_DETAIL])
{
    static const char prefix[] = "service ";
    const char *section, *service;

    (void)subject;
    for (size_t i = 0; check->host && (section = config_section(check->host->config, i)); i++) {
        service = section + sizeof(prefix) - 1;
        if (!strncmp(section, prefix, sizeof(prefix) - 1) && asks(check, service) &&
            !check_find_stack(check, service))
            list(detail, "[%.100s]", section);
    }
    return check_verdict_of(!*detail);
}

/* Services that are installed here, that there is a stack for, and that ask nobody. */
static enum check_verdict all_are_protected(struct check *check, const void *subject,
                                            char detail[CHECK_DETAIL])
{
    (void)subject;
    for (size_t i = 0; i < check->other_count; i++) {
        const char *service = check->others[i]->service;
        char path[256];
        snprintf(path, sizeof(path), SNIPPET_DIR "/pam.d/%s", service);
        if (access(path, R_OK) == 0 && asks(check, service))
            list(detail, "%.100s", service);
    }
    return check_verdict_of(!*detail);
}

/* Somebody who is not asked, wherever he comes from, or where his address is told at all. */
static bool excepts_somebody(const struct policy *policy)
{
    return policy->ask == ASK_NO || *policy->except ||
           (*policy->except_networks && !(policy->profile->flags & PROFILE_LOCAL));
}

/* Is anybody excepted, for any service that asks? */
static enum check_verdict somebody_is_excepted(struct check *check, const void *subject,
                                               char detail[CHECK_DETAIL])
{
    struct policy policy;

    (void)subject, (void)detail;
    if (!check->host || check->stack_count == 0)
        return CHECK_SKIPPED;
    for (size_t i = 0; i < check->stack_count; i++) {
        policy_find(check->host, check->stacks[i]->service, &policy);
        if (excepts_somebody(&policy))
            return CHECK_WELL;
    }
    return CHECK_FAULT;
}

static enum check_verdict somebody_asks(struct check *check, const void *subject,
                                        char detail[CHECK_DETAIL])
{
    (void)subject;
    snprintf(detail, CHECK_DETAIL, "%s", check->pam_dir);
    return check_verdict_of(check->stack_count > 0);
}

static enum check_verdict all_are_read(struct check *check, const void *subject,
                                       char detail[CHECK_DETAIL])
{
    (void)subject;
    snprintf(detail, CHECK_DETAIL, "%s", check->left_out);
    return check_verdict_of(!*check->left_out);
}

struct waiting {
    enum change_state state;
    char *detail;
};

static void list_waiting(void *arg, struct change *change)
{
    const struct waiting *waiting = arg;
    char word[128];

    if (change->state != waiting->state)
        return;
    snprintf(word, sizeof(word), waiting->state == CHANGE_WAITS ? _("%s (%lld s)") : "%s",
             change->service, (long long)(change_left(change) / 1000));
    list(waiting->detail, "%.120s", word);
}

static enum check_verdict nothing_waits(struct check *check, const void *subject,
                                        char detail[CHECK_DETAIL])
{
    struct waiting waiting = {CHANGE_WAITS, detail};

    (void)check, (void)subject;
    change_each(list_waiting, &waiting);
    return check_verdict_of(!*detail);
}

static enum check_verdict nothing_is_edited(struct check *check, const void *subject,
                                            char detail[CHECK_DETAIL])
{
    struct waiting waiting = {CHANGE_EDITED, detail};

    (void)check, (void)subject;
    change_each(list_waiting, &waiting);
    return check_verdict_of(!*detail);
}

const struct check_rule check_login_rules[] = {
    {"host-conf", CHECK_FAILURE, conf_is_right, N_("this host has joined"),
     N_("host.conf, or a file that it names, cannot be used: every login is refused"),
     N_("Mend what is named here, or run approvectl join.")},
    {"host-key", CHECK_FAILURE, helper_reads_key, NULL,
     N_("the helper cannot read this host's key"),
     N_("systemd-sysusers; chgrp approve-helper FILE; chmod 0640 FILE")},
    {"server", CHECK_FAILURE, server_answers, N_("the server answers"),
     N_("the server does not answer as it should"),
     N_("See that it runs (systemctl status approve-server), that this host reaches it, and that "
        "[backend] url and server_key are the server's.")},
    {"server-proven", CHECK_WARNING, issuer_is_proven, NULL,
     N_("any user of this machine can be the server while it is down: http proves nothing"),
     N_("Give the server an https url (server.conf), and join anew; or say trust = pinned.")},
    {"clock", CHECK_FAILURE, clock_is_usable, NULL,
     N_("this host's clock differs too much from the server's: it refuses every call"),
     N_("Set the clocks: timedatectl set-ntp true.")},
    {"clock-close", CHECK_WARNING, clock_is_right, N_("the clocks agree"),
     N_("this host's clock differs from the server's"),
     N_("Set the clocks: timedatectl set-ntp true.")},
    {"server-key", CHECK_FAILURE, key_is_known, N_("the server knows this host's key"),
     N_("the server does not know this host's key, or has revoked it"),
     N_("On the server: approve-server host add ID. Here: approvectl join --force with its "
        "token.")},
    {"helper", CHECK_FAILURE, helper_answers, N_("the helper answers"),
     N_("the helper does not answer: every login is refused"),
     N_("systemctl enable --now approve-helper.socket; journalctl -u approve-helper says more.")},
    {"pins", CHECK_FAILURE, pins_are_there, NULL,
     N_("trust = pinned, and no phone is pinned: nobody can be approved"),
     N_("Here: approvectl pin USER THUMBPRINT; on the phone `approve-phone key` prints it.")},
    {"all-read", CHECK_FAILURE, all_are_read, NULL,
     N_("there are more PAM stacks than this program can follow: not all was looked at, from here "
        "on"),
     N_("Remove from /etc/pam.d the stacks of services that are not installed.")},
    {"way-round", CHECK_WARNING, somebody_is_excepted, NULL,
     N_("nobody is excepted: when the server is down and no code is at hand, nobody gets in"),
     N_("Name one account with a good password that is kept in a safe: except = breakglass.")},
    {NULL, CHECK_WARNING, NULL, NULL, NULL, NULL},
};

const struct check_rule check_host_rules[] = {
    {"waits", CHECK_WARNING, nothing_waits, NULL,
     N_("these services' stacks are on trial, and put back in so many seconds"),
     N_("Sign in anew through the service, and run there: approvectl keep SERVICE.")},
    {"edited", CHECK_WARNING, nothing_is_edited, NULL,
     N_("these services' stacks were not confirmed, and not put back: somebody had edited them"),
     N_("approvectl keep SERVICE, or approvectl unprotect --force SERVICE.")},
    {"services", CHECK_WARNING, somebody_asks, NULL,
     N_("no PAM stack names pam_approve.so: nobody is asked"),
     N_("approvectl protect sshd puts it into sshd's; approvectl(8) says where more are.")},
    {"unprotected", CHECK_WARNING, all_are_protected, NULL,
     N_("these services are installed, and ask nobody"),
     N_("approvectl protect SERVICE; or say ask = no in [service SERVICE] of host.conf.")},
    {"sections", CHECK_WARNING, sections_count, NULL,
     N_("these sections of host.conf do nothing: their PAM stacks do not name pam_approve.so"),
     N_("Name the module in /etc/pam.d/SERVICE, or look whether the name is right.")},
    {NULL, CHECK_WARNING, NULL, NULL, NULL, NULL},
};
