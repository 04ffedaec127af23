/* Rules about a PAM stack that names pam_approve.so. */
#include <glob.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "approvectl/check.h"
#include "approvectl/check_follow.h"
#include "common/i18n.h"
#include "helper/policy.h"

static void name_line(const struct pam_line *line, char detail[CHECK_DETAIL])
{
    if (line)
        snprintf(detail, CHECK_DETAIL, "%s:%d: %s %s %s", line->file, line->number,
                 pam_phases[line->phase], line->control, line->module);
}

static enum check_verdict is_understood(struct check *check, const void *subject,
                                        char detail[CHECK_DETAIL])
{
    const struct pam_stack *stack = subject;
    (void)check;
    snprintf(detail, CHECK_DETAIL, "%s", stack->fault);
    return check_verdict_of(!*stack->fault);
}

static enum check_verdict all_ways_are_tried(struct check *check, const void *subject,
                                             char detail[CHECK_DETAIL])
{
    const struct pam_line *line = pam_run_untried(subject);
    (void)check;
    name_line(line, detail);
    return check_verdict_of(!line);
}

static enum check_verdict asks_in_its_phase(struct check *check, const void *subject,
                                            char detail[CHECK_DETAIL])
{
    const struct pam_stack *stack = subject;
    (void)check;
    for (size_t i = 0; i < stack->count; i++) {
        if (!strcmp(stack->lines[i].module, CHECK_MODULE) && stack->lines[i].phase != PHASE_AUTH &&
            stack->lines[i].phase != PHASE_PASSWORD) {
            name_line(&stack->lines[i], detail);
            return CHECK_FAULT;
        }
    }
    return CHECK_WELL;
}

static enum check_verdict asks_at_all(struct check *check, const void *subject,
                                      char detail[CHECK_DETAIL])
{
    (void)check, (void)detail;
    return check_verdict_of(check_find_kind(subject, KIND_APPROVE) != NULL);
}

static enum check_verdict can_open(struct check *check, const void *subject,
                                   char detail[CHECK_DETAIL])
{
    (void)check, (void)detail;
    if (!check_find_kind(subject, KIND_APPROVE))
        return CHECK_SKIPPED;
    return check_verdict_of(check_follow(subject).opens);
}

/* sshd with a key first, always, needs no factor of its own in the stack. */
static bool sshd_has_factor(const struct check *check)
{
    char list[256];
    size_t place = 0;
    bool always = check->sshd.read;

    while (always && sshd_config_next_methods(&check->sshd, &place, list, sizeof(list))) {
        always = !sshd_config_has_method(list, "keyboard-interactive") ||
                 sshd_config_has_method(list, "publickey") ||
                 sshd_config_has_method(list, "hostbased") ||
                 sshd_config_has_method(list, "gssapi-with-mic");
    }
    return always;
}

static enum check_verdict has_first_factor(struct check *check, const void *subject,
                                           char detail[CHECK_DETAIL])
{
    const struct pam_stack *stack = subject;
    if (!check_find_kind(stack, KIND_APPROVE) || check_find_kind(stack, KIND_FACTOR))
        return CHECK_SKIPPED;
    name_line(check_find_kind(stack, KIND_APPROVE), detail);
    return check_verdict_of(!strcmp(stack->service, "sshd") && sshd_has_factor(check));
}

static enum check_verdict factor_counts(struct check *check, const void *subject,
                                        char detail[CHECK_DETAIL])
{
    (void)check;
    if (!check_find_kind(subject, KIND_APPROVE) || !check_find_kind(subject, KIND_FACTOR))
        return CHECK_SKIPPED;
    name_line(check_find_kind(subject, KIND_FACTOR), detail);
    return check_verdict_of(!check_follow(subject).open_without_factor);
}

static enum check_verdict factor_ends(struct check *check, const void *subject,
                                      char detail[CHECK_DETAIL])
{
    const struct pam_line *line = check_follow(subject).loses;
    (void)check;
    name_line(line, detail);
    return check_verdict_of(!line);
}

static enum check_verdict refusal_counts(struct check *check, const void *subject,
                                         char detail[CHECK_DETAIL])
{
    (void)check;
    name_line(check_find_kind(subject, KIND_APPROVE), detail);
    return check_verdict_of(!check_follow(subject).open_unapproved);
}

static enum check_verdict nothing_skips(struct check *check, const void *subject,
                                        char detail[CHECK_DETAIL])
{
    struct survey survey = check_follow(subject);
    (void)check;
    if (!check_find_kind(subject, KIND_APPROVE) || survey.open_unapproved)
        return CHECK_SKIPPED;
    name_line(survey.skips, detail);
    return check_verdict_of(!survey.skips);
}

static enum check_verdict no_condition_skips(struct check *check, const void *subject,
                                             char detail[CHECK_DETAIL])
{
    const struct pam_line *line = check_follow(subject).may;
    (void)check;
    if (!check_find_kind(subject, KIND_APPROVE))
        return CHECK_SKIPPED;
    name_line(line, detail);
    return check_verdict_of(!line);
}

static enum check_verdict exempt_pass(struct check *check, const void *subject,
                                      char detail[CHECK_DETAIL])
{
    (void)check, (void)detail;
    return check_verdict_of(check_follow(subject).exempt);
}

static enum check_verdict asks_once(struct check *check, const void *subject,
                                    char detail[CHECK_DETAIL])
{
    const struct pam_stack *stack = subject;
    size_t count = 0;
    (void)check;
    for (size_t i = 0; i < stack->count; i++) {
        if (stack->lines[i].phase == stack->asks && !stack->lines[i].substack &&
            pam_kind_of(&stack->lines[i]) == KIND_APPROVE && ++count == 2)
            name_line(&stack->lines[i], detail);
    }
    return check_verdict_of(count < 2);
}

static enum check_verdict probe_has_a_use(struct check *check, const void *subject,
                                          char detail[CHECK_DETAIL])
{
    const struct pam_stack *stack = subject;
    const struct pam_line *probe = check_find_kind(stack, KIND_PROBE);
    (void)check;
    name_line(probe, detail);
    return check_verdict_of(!probe || !strcmp(stack->service, "sshd"));
}

/* libpam's own folder is not asked for by any call: the usual ones are looked at. */
static bool is_on_disk(const char *path)
{
    static const char *const folders[] = {"/lib/*/security/", "/usr/lib/*/security/",
                                          "/lib/security/", "/lib64/security/",
                                          "/usr/lib64/security/"};
    bool found = false;

    if (*path == '/')
        return access(path, R_OK) == 0;
    for (size_t i = 0; !found && i < sizeof(folders) / sizeof(folders[0]); i++) {
        char pattern[320];
        glob_t files;
        snprintf(pattern, sizeof(pattern), "%s%s", folders[i], path);
        found = glob(pattern, 0, NULL, &files) == 0;
        if (found)
            globfree(&files);
    }
    return found;
}

/* A module that is missing counts as failed, unless its line says otherwise of module_unknown. */
static enum check_verdict are_installed(struct check *check, const void *subject,
                                        char detail[CHECK_DETAIL])
{
    const struct pam_stack *stack = subject;
    (void)check;
    for (size_t i = 0; i < stack->count; i++) {
        const struct pam_line *line = &stack->lines[i];
        int action = line->actions[PAM_MODULE_UNKNOWN];
        if (line->phase == stack->asks && !line->substack && !is_on_disk(line->path) &&
            (action == ACTION_BAD || action == ACTION_DIE || !strcmp(line->module, CHECK_MODULE))) {
            name_line(line, detail);
            return CHECK_FAULT;
        }
    }
    return CHECK_WELL;
}

static enum check_verdict number_can_be_seen(struct check *check, const void *subject,
                                             char detail[CHECK_DETAIL])
{
    const struct pam_stack *stack = subject;
    struct policy policy;
    if (!check->host)
        return CHECK_SKIPPED;
    policy_find(check->host, stack->service, &policy);
    snprintf(detail, CHECK_DETAIL, "[service %s]", stack->service);
    return check_verdict_of(policy.ask == ASK_NO || !(policy.profile->flags & PROFILE_BLIND) ||
                            policy.number == NUMBER_OFF);
}

static enum check_verdict wait_fits(struct check *check, const void *subject,
                                    char detail[CHECK_DETAIL])
{
    const struct pam_stack *stack = subject;
    struct policy policy;
    if (!check->host)
        return CHECK_SKIPPED;
    policy_find(check->host, stack->service, &policy);
    snprintf(detail, CHECK_DETAIL, _("%ld s"), policy.wait);
    return check_verdict_of(policy.ask == ASK_NO || !policy.wait_is_cut);
}

/* The stacks of their own by which the same program, or the same screen, also lets people in. */
static const struct {
    const char *service, *sibling;
} siblings[] = {
    {"gdm-password", "gdm-autologin"}, {"gdm-password", "gdm-fingerprint"},
    {"gdm-password", "gdm-smartcard"}, {"lightdm", "lightdm-autologin"},
    {"sddm", "sddm-autologin"},        {"kde", "kde-fingerprint"},
    {"kde", "kde-smartcard"},
};

static bool stop_at_success(void *arg, const struct pam_answers *answers,
                            const struct pam_outcome *outcome)
{
    (void)answers;
    *(bool *)arg |= outcome->code == PAM_SUCCESS;
    return outcome->code != PAM_SUCCESS;
}

/* Does a stack that asks nobody let somebody in, and host.conf does not say that it may? */
static bool lets_in(const struct check *check, const char *service)
{
    struct policy policy = {.ask = ASK_YES};
    bool opens = false;

    if (check->host)
        policy_find(check->host, service, &policy);
    for (size_t i = 0; policy.ask != ASK_NO && i < check->other_count; i++) {
        if (!strcmp(check->others[i]->service, service))
            pam_run_all(check->others[i], PAM_AUTH_ERR, PAM_AUTH_ERR, stop_at_success, &opens);
    }
    return opens;
}

static enum check_verdict siblings_ask(struct check *check, const void *subject,
                                       char detail[CHECK_DETAIL])
{
    const struct pam_stack *stack = subject;
    size_t used = 0;

    for (size_t i = 0; i < sizeof(siblings) / sizeof(siblings[0]); i++) {
        if (!strcmp(siblings[i].service, stack->service) && lets_in(check, siblings[i].sibling))
            used += (size_t)snprintf(detail + used, CHECK_DETAIL - used, "%s%s", used ? " " : "",
                                     siblings[i].sibling);
    }
    return check_verdict_of(!used);
}

const struct check_rule check_pam_rules[] = {
    {"pam-syntax", CHECK_FAILURE, is_understood, NULL,
     N_("libpam cannot use this stack as it stands"), N_("Mend that line; pam.d(5).")},
    {"pam-ways", CHECK_FAILURE, all_ways_are_tried, NULL,
     N_("there are more modules in this stack than this program can follow: not all was looked at, "
        "from this line on"),
     N_("Take out the modules that are not used.")},
    {"pam-phase", CHECK_FAILURE, asks_in_its_phase, NULL,
     N_("pam_approve.so stands where it does nothing: it is for auth and password"),
     N_("Remove that line, and have one in auth; for passwd in password.")},
    {"pam-asks", CHECK_WARNING, asks_at_all, NULL, N_("no line asks for an approval"),
     N_("Add: auth required pam_approve.so")},
    {"pam-module", CHECK_FAILURE, are_installed, NULL,
     N_("this module is not where libpam looks, so every login fails"),
     N_("Install its package (pam_approve.so: make install), or take the line out.")},
    {"pam-opens", CHECK_FAILURE, can_open, NULL,
     N_("an approval lets nobody in through this stack"),
     N_("Compare it with pam_approve's own; approvectl(8) says where those are.")},
    {"pam-first-factor", CHECK_FAILURE, has_first_factor, NULL,
     N_("nothing is asked for before the approval, so anybody can ring phones"),
     N_("Have a password or a key first: auth requisite pam_unix.so above that line.")},
    {"pam-factor-counts", CHECK_FAILURE, factor_counts, NULL,
     N_("an approval lets in without the first factor"),
     N_("Make the first factor requisite, and the approval required.")},
    {"pam-factor-ends", CHECK_FAILURE, factor_ends, N_("a wrong password rings no phone"),
     N_("when this line fails the phone rings all the same"),
     N_("Write requisite in that line; a failure inside a substack ends that alone, so use "
        "@include or the module itself.")},
    {"pam-refusal-counts", CHECK_FAILURE, refusal_counts, NULL,
     N_("a login goes on when the phone says no"), N_("Write required in that line.")},
    {"pam-skipped", CHECK_FAILURE, nothing_skips, N_("no way round the approval"),
     N_("this line leads past the approval: who gets in so is not asked"),
     N_("Write requisite in that line, or let its jump end before pam_approve.so.")},
    {"pam-condition", CHECK_WARNING, no_condition_skips, NULL,
     N_("where this condition holds nobody is asked"),
     N_("Is that what you want? except in host.conf says it where `check` shows it.")},
    {"pam-exempt", CHECK_FAILURE, exempt_pass, NULL,
     N_("users who are not asked cannot get in: for them the module counts as absent, and "
        "nothing else succeeded"),
     N_("End the auth lines with: auth required pam_permit.so")},
    {"pam-once", CHECK_WARNING, asks_once, NULL, N_("an approval is asked for twice"),
     N_("Leave one of the lines out.")},
    {"pam-probe", CHECK_WARNING, probe_has_a_use, NULL,
     N_("check=publickey is for sshd alone: here it never succeeds"), N_("Leave that line out.")},
    {"pam-number", CHECK_FAILURE, number_can_be_seen, NULL,
     N_("this program shows no text, so nobody sees the number, and every login is refused"),
     N_("Say number = off in that section of host.conf, or take the module out of its stack.")},
    {"wait-limit", CHECK_WARNING, wait_fits, NULL,
     N_("wait in host.conf is longer than this program lets anybody wait, and is cut"),
     N_("Say at most so many seconds in its own section, [service SERVICE]; approve-helper(8).")},
    {"siblings", CHECK_WARNING, siblings_ask, NULL,
     N_("these stacks let people in by the same screen, and ask nobody"),
     N_("Turn them off where the program is configured (desktop.md in the documentation), or give "
        "them the "
        "approval too; or say ask = no in their sections of host.conf.")},
    {NULL, CHECK_WARNING, NULL, NULL, NULL, NULL},
};
