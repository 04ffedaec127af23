/* Rules about sshd, where its PAM stack names pam_approve.so. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "approvectl/check.h"
#include "common/i18n.h"

#define GRACE_SECONDS 120

static enum check_verdict readable(struct check *check, const void *subject,
                                   char detail[CHECK_DETAIL])
{
    (void)subject;
    snprintf(detail, CHECK_DETAIL, "%s", check->sshd.why);
    return check_verdict_of(check->sshd.read);
}

static enum check_verdict uses_pam(struct check *check, const void *subject,
                                   char detail[CHECK_DETAIL])
{
    (void)subject, (void)detail;
    return check->sshd.read ? check_verdict_of(!strcmp(check->sshd.use_pam, "yes")) : CHECK_SKIPPED;
}

static enum check_verdict shows_prompts(struct check *check, const void *subject,
                                        char detail[CHECK_DETAIL])
{
    (void)subject, (void)detail;
    return check->sshd.read ? check_verdict_of(!strcmp(check->sshd.kbd_interactive, "yes"))
                            : CHECK_SKIPPED;
}

/* Alternatives that reach no PAM prompt; one with the plain password does, see below. */
static enum check_verdict always_asks(struct check *check, const void *subject,
                                      char detail[CHECK_DETAIL])
{
    char list[256];
    size_t place = 0, used = 0;

    (void)subject;
    if (!check->sshd.read)
        return CHECK_SKIPPED;
    while (sshd_config_next_methods(&check->sshd, &place, list, sizeof(list))) {
        if (sshd_config_has_method(list, "keyboard-interactive") ||
            sshd_config_has_method(list, "password") || used >= CHECK_DETAIL / 2)
            continue;
        used += (size_t)snprintf(detail + used, CHECK_DETAIL - used, "%s%s", used ? " " : "", list);
    }
    return check_verdict_of(used == 0);
}

static enum check_verdict no_plain_password(struct check *check, const void *subject,
                                            char detail[CHECK_DETAIL])
{
    char list[256];
    size_t place = 0;

    (void)subject, (void)detail;
    if (!check->sshd.read)
        return CHECK_SKIPPED;
    while (!strcmp(check->sshd.password, "yes") &&
           sshd_config_next_methods(&check->sshd, &place, list, sizeof(list))) {
        if (sshd_config_has_method(list, "password"))
            return CHECK_FAULT;
    }
    return CHECK_WELL;
}

/* Whether the policy excepts root does not matter: sshd ends a login of root's that PAM lets pass.
 */
static enum check_verdict root_can_pass(struct check *check, const void *subject,
                                        char detail[CHECK_DETAIL])
{
    const char *permit = check->sshd_root.permit_root;
    char list[256];
    size_t place = 0;

    (void)subject;
    if (!check->sshd_root.read)
        return CHECK_SKIPPED;
    snprintf(detail, CHECK_DETAIL, "PermitRootLogin %s", permit);
    if (strcmp(permit, "prohibit-password") != 0 && strcmp(permit, "without-password") != 0)
        return CHECK_WELL;
    while (sshd_config_next_methods(&check->sshd_root, &place, list, sizeof(list))) {
        if (!sshd_config_has_method(list, "keyboard-interactive") &&
            !sshd_config_has_method(list, "password"))
            return CHECK_WELL;
    }
    return CHECK_FAULT;
}

static enum check_verdict leaves_time(struct check *check, const void *subject,
                                      char detail[CHECK_DETAIL])
{
    long seconds = strtol(check->sshd.grace, NULL, 10);

    (void)subject;
    if (!check->sshd.read)
        return CHECK_SKIPPED;
    snprintf(detail, CHECK_DETAIL, "LoginGraceTime %ld", seconds);
    return check_verdict_of(seconds == 0 || seconds >= GRACE_SECONDS);
}

static enum check_verdict no_match(struct check *check, const void *subject,
                                   char detail[CHECK_DETAIL])
{
    (void)subject, (void)detail;
    return check_verdict_of(!check->sshd.has_match);
}

void check_read_sshd(struct check *check)
{
    sshd_config_read(&check->sshd, NULL);
    sshd_config_read(&check->sshd_root, "root");
}

const struct check_rule check_sshd_rules[] = {
    {"sshd-config", CHECK_WARNING, readable, NULL,
     N_("sshd -T does not show its configuration, so it was not looked at"),
     N_("Run this as root, and mend what sshd complains about.")},
    {"sshd-pam", CHECK_FAILURE, uses_pam, NULL, N_("sshd does not use PAM, so nobody is asked"),
     N_("Say UsePAM yes in sshd_config; approvectl protect sshd writes the rest.")},
    {"sshd-prompts", CHECK_FAILURE, shows_prompts, NULL,
     N_("sshd shows no PAM prompts, so nobody sees the number"),
     N_("Say KbdInteractiveAuthentication yes in sshd_config.")},
    {"sshd-methods", CHECK_FAILURE, always_asks, N_("every way in leads through PAM"),
     N_("these ways in ask nobody"),
     N_("Say AuthenticationMethods publickey,keyboard-interactive:pam keyboard-interactive:pam in "
        "sshd_config.")},
    {"sshd-password", CHECK_WARNING, no_plain_password, NULL,
     N_("the plain password method is on: it answers hidden prompts with the password, cannot show "
        "the number, and so can only fail"),
     N_("Say PasswordAuthentication no; keyboard-interactive asks for the password too.")},
    {"sshd-root", CHECK_WARNING, root_can_pass, NULL,
     N_("sshd puts junk in the place of what root types at a prompt, so root cannot sign in: not "
        "approved, not excepted, not with a key"),
     N_("Have root sign in as somebody else and use sudo, or say PermitRootLogin yes, or give root "
        "a way that asks nobody: AuthenticationMethods publickey under Match User root.")},
    {"sshd-time", CHECK_WARNING, leaves_time, NULL,
     N_("sshd may end a login that still waits for the phone or a code"),
     N_("Say LoginGraceTime 120 or more.")},
    {"sshd-match", CHECK_WARNING, no_match, NULL,
     N_("there are Match blocks in sshd's configuration, which were not looked at"),
     N_("See what holds for a user with: sshd -T -C user=NAME,host=HOST,addr=ADDRESS")},
    {NULL, CHECK_WARNING, NULL, NULL, NULL, NULL},
};
