/* Rules about a PAM stack that names pam_approve.so, by following it for every way its modules can
 * answer. */
#include <dirent.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "approvectl/check.h"
#include "approvectl/pam_run.h"
#include "common/i18n.h"
#include "helper/policy.h"

#define MODULE "pam_approve.so"

/* --- which stacks ------------------------------------------------------------------------------
 */

static bool names_module(const struct pam_stack *stack)
{
    for (size_t i = 0; i < stack->count; i++) {
        if (!strcmp(stack->lines[i].module, MODULE))
            return true;
    }
    return false;
}

/* True where another stack includes this file: it is a part, not a service. */
static bool is_included(const struct check *check, const char *name)
{
    for (size_t i = 0; i < check->stack_count; i++) {
        const struct pam_stack *stack = check->stacks[i];
        for (size_t j = 0; strcmp(stack->service, name) != 0 && j < stack->count; j++) {
            const char *slash = strrchr(stack->lines[j].file, '/');
            if (!strcmp(slash ? slash + 1 : stack->lines[j].file, name))
                return true;
        }
    }
    return false;
}

static void drop_parts(struct check *check)
{
    for (size_t i = check->stack_count; i-- > 0;) {
        if (is_included(check, check->stacks[i]->service)) {
            free(check->stacks[i]);
            check->stacks[i] = check->stacks[--check->stack_count];
            check->stacks[check->stack_count] = NULL;
        }
    }
}

/* As libpam-runtime and editors leave them: no service is called so. */
static bool is_left_over(const char *name)
{
    size_t len = strlen(name);
    return *name == '.' || strchr(name, '~') || (len > 5 && !strcmp(name + len - 5, ".orig")) ||
           (len > 4 && strstr(name, ".dpkg-"));
}

static int by_service(const void *a, const void *b)
{
    return strcmp((*(struct pam_stack *const *)a)->service,
                  (*(struct pam_stack *const *)b)->service);
}

void check_read_stacks(struct check *check)
{
    DIR *dir = opendir(check->pam_dir);
    struct dirent *entry;

    while (dir && check->stack_count < CHECK_STACKS && (entry = readdir(dir))) {
        struct pam_stack *stack = is_left_over(entry->d_name) ? NULL : malloc(sizeof(*stack));
        if (!stack)
            continue;
        if (pam_stack_read(stack, entry->d_name, pam_stack_load_file, (void *)check->pam_dir) ==
                0 &&
            names_module(stack))
            check->stacks[check->stack_count++] = stack;
        else
            free(stack);
    }
    if (dir)
        closedir(dir);
    drop_parts(check);
    qsort(check->stacks, check->stack_count, sizeof(check->stacks[0]), by_service);
}

const struct pam_stack *check_find_stack(const struct check *check, const char *service)
{
    for (size_t i = 0; i < check->stack_count; i++) {
        if (!strcmp(check->stacks[i]->service, service))
            return check->stacks[i];
    }
    return NULL;
}

/* --- following a stack -------------------------------------------------------------------------
 */

/* The line of the first module of this kind, or NULL. */
static const struct pam_line *find_kind(const struct pam_stack *stack, enum pam_kind kind)
{
    for (size_t i = 0; i < stack->count; i++) {
        const struct pam_line *line = &stack->lines[i];
        if (line->phase == PHASE_AUTH && !line->substack && pam_kind_of(line) == kind)
            return line;
    }
    return NULL;
}

static void name_line(const struct pam_line *line, char detail[CHECK_DETAIL])
{
    if (line)
        snprintf(detail, CHECK_DETAIL, "%s:%d: %s %s %s", line->file, line->number,
                 pam_phases[line->phase], line->control, line->module);
}

/* What one look through all ways collects. */
struct survey {
    const struct pam_stack *stack;
    bool opens;                   /* a way in exists, through the approval */
    const struct pam_line *loses; /* failed, and the phone was asked all the same */
    const struct pam_line *skips; /* let in before the approval, by a factor's success */
    const struct pam_line *may;   /* the same, by a condition's */
    bool open_without_factor, open_unapproved;
};

/* Did a line of this kind run before the approval and answer so? The last such line, or NULL. */
static const struct pam_line *answered(const struct survey *survey, enum pam_kind kind,
                                       bool success, const struct pam_answers *answers,
                                       const struct pam_outcome *outcome)
{
    const struct pam_stack *stack = survey->stack;
    for (size_t i = stack->count; i-- > 0;) {
        if (outcome->before[i] && !stack->lines[i].substack &&
            pam_kind_of(&stack->lines[i]) == kind && answers->succeeds[i] == success)
            return &stack->lines[i];
    }
    return NULL;
}

static bool has_factor(const struct survey *survey, const struct pam_answers *answers,
                       const struct pam_outcome *outcome)
{
    return answered(survey, KIND_FACTOR, true, answers, outcome) ||
           answered(survey, KIND_PROBE, true, answers, outcome);
}

/* Ways in which the phone approves. */
static bool survey_approved(void *arg, const struct pam_answers *answers,
                            const struct pam_outcome *outcome)
{
    struct survey *survey = arg;
    const struct pam_line *failed = answered(survey, KIND_FACTOR, false, answers, outcome);

    if (!outcome->asked)
        return true;
    if (outcome->code == PAM_SUCCESS) {
        survey->opens = true;
        survey->open_without_factor |= !has_factor(survey, answers, outcome);
    }
    if (failed && !survey->loses &&
        (outcome->code != PAM_SUCCESS || !has_factor(survey, answers, outcome)))
        survey->loses = failed;
    return true;
}

/* Ways in which it does not. */
static bool survey_refused(void *arg, const struct pam_answers *answers,
                           const struct pam_outcome *outcome)
{
    struct survey *survey = arg;
    const struct pam_line *condition = answered(survey, KIND_CONDITION, true, answers, outcome);

    if (outcome->code != PAM_SUCCESS)
        return true;
    if (outcome->asked)
        survey->open_unapproved = true;
    else if (!condition && !survey->skips)
        survey->skips = answered(survey, KIND_FACTOR, true, answers, outcome);
    else if (condition && strcmp(condition->module, "pam_rootok.so") != 0 && !survey->may)
        survey->may = condition;
    return true;
}

static struct survey look(const struct pam_stack *stack)
{
    struct survey survey = {.stack = stack};
    pam_run_all(stack, PAM_SUCCESS, survey_approved, &survey);
    pam_run_all(stack, PAM_AUTH_ERR, survey_refused, &survey);
    return survey;
}

/* --- the rules ---------------------------------------------------------------------------------
 */

static enum check_verdict verdict_of(bool well)
{
    return well ? CHECK_WELL : CHECK_FAULT;
}

static enum check_verdict is_understood(struct check *check, const void *subject,
                                        char detail[CHECK_DETAIL])
{
    const struct pam_stack *stack = subject;
    (void)check;
    snprintf(detail, CHECK_DETAIL, "%s", stack->fault);
    return verdict_of(!*stack->fault);
}

static enum check_verdict in_auth_only(struct check *check, const void *subject,
                                       char detail[CHECK_DETAIL])
{
    const struct pam_stack *stack = subject;
    (void)check;
    for (size_t i = 0; i < stack->count; i++) {
        if (!strcmp(stack->lines[i].module, MODULE) && stack->lines[i].phase != PHASE_AUTH) {
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
    return verdict_of(find_kind(subject, KIND_APPROVE) != NULL);
}

static enum check_verdict can_open(struct check *check, const void *subject,
                                   char detail[CHECK_DETAIL])
{
    (void)check, (void)detail;
    if (!find_kind(subject, KIND_APPROVE))
        return CHECK_SKIPPED;
    return verdict_of(look(subject).opens);
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
    if (!find_kind(stack, KIND_APPROVE) || find_kind(stack, KIND_FACTOR))
        return CHECK_SKIPPED;
    name_line(find_kind(stack, KIND_APPROVE), detail);
    return verdict_of(!strcmp(stack->service, "sshd") && sshd_has_factor(check));
}

static enum check_verdict factor_counts(struct check *check, const void *subject,
                                        char detail[CHECK_DETAIL])
{
    (void)check;
    if (!find_kind(subject, KIND_APPROVE) || !find_kind(subject, KIND_FACTOR))
        return CHECK_SKIPPED;
    name_line(find_kind(subject, KIND_FACTOR), detail);
    return verdict_of(!look(subject).open_without_factor);
}

static enum check_verdict factor_ends(struct check *check, const void *subject,
                                      char detail[CHECK_DETAIL])
{
    const struct pam_line *line = look(subject).loses;
    (void)check;
    name_line(line, detail);
    return verdict_of(!line);
}

static enum check_verdict refusal_counts(struct check *check, const void *subject,
                                         char detail[CHECK_DETAIL])
{
    (void)check;
    name_line(find_kind(subject, KIND_APPROVE), detail);
    return verdict_of(!look(subject).open_unapproved);
}

static enum check_verdict nothing_skips(struct check *check, const void *subject,
                                        char detail[CHECK_DETAIL])
{
    struct survey survey = look(subject);
    (void)check;
    if (!find_kind(subject, KIND_APPROVE) || survey.open_unapproved)
        return CHECK_SKIPPED;
    name_line(survey.skips, detail);
    return verdict_of(!survey.skips);
}

static enum check_verdict no_condition_skips(struct check *check, const void *subject,
                                             char detail[CHECK_DETAIL])
{
    const struct pam_line *line = look(subject).may;
    (void)check;
    if (!find_kind(subject, KIND_APPROVE))
        return CHECK_SKIPPED;
    name_line(line, detail);
    return verdict_of(!line);
}

/* Users who are not asked must get in wherever an approval lets in. */
struct exempt {
    const struct pam_stack *stack;
    bool well;
};

static bool try_exempt(void *arg, const struct pam_answers *answers,
                       const struct pam_outcome *outcome)
{
    struct exempt *exempt = arg;
    struct pam_answers not_asked = *answers;
    struct pam_outcome then;

    struct survey survey = {.stack = exempt->stack};

    if (outcome->asked && outcome->code == PAM_SUCCESS &&
        (has_factor(&survey, answers, outcome) || !find_kind(exempt->stack, KIND_FACTOR))) {
        not_asked.approve = PAM_IGNORE;
        pam_run(exempt->stack, &not_asked, &then);
        exempt->well = then.code == PAM_SUCCESS;
    }
    return exempt->well;
}

static enum check_verdict exempt_pass(struct check *check, const void *subject,
                                      char detail[CHECK_DETAIL])
{
    struct exempt exempt = {subject, true};
    (void)check, (void)detail;
    pam_run_all(subject, PAM_SUCCESS, try_exempt, &exempt);
    return verdict_of(exempt.well);
}

static enum check_verdict asks_once(struct check *check, const void *subject,
                                    char detail[CHECK_DETAIL])
{
    const struct pam_stack *stack = subject;
    size_t count = 0;
    (void)check;
    for (size_t i = 0; i < stack->count; i++) {
        if (stack->lines[i].phase == PHASE_AUTH && !stack->lines[i].substack &&
            pam_kind_of(&stack->lines[i]) == KIND_APPROVE && ++count == 2)
            name_line(&stack->lines[i], detail);
    }
    return verdict_of(count < 2);
}

static enum check_verdict probe_has_a_use(struct check *check, const void *subject,
                                          char detail[CHECK_DETAIL])
{
    const struct pam_stack *stack = subject;
    const struct pam_line *probe = find_kind(stack, KIND_PROBE);
    (void)check;
    name_line(probe, detail);
    return verdict_of(!probe || !strcmp(stack->service, "sshd"));
}

/* libpam's own folder is not asked for by any call: the usual ones are looked at. */
static enum check_verdict is_installed(struct check *check, const void *subject,
                                       char detail[CHECK_DETAIL])
{
    static const char *const folders[] = {"/lib/*/security/", "/usr/lib/*/security/",
                                          "/lib/security/", "/lib64/security/",
                                          "/usr/lib64/security/"};
    const struct pam_line *line = find_kind(subject, KIND_APPROVE);
    bool found = false;
    (void)check;
    if (!line)
        return CHECK_SKIPPED;
    snprintf(detail, CHECK_DETAIL, "%s", line->path);
    if (*line->path == '/')
        return verdict_of(access(line->path, R_OK) == 0);
    for (size_t i = 0; !found && i < sizeof(folders) / sizeof(folders[0]); i++) {
        char pattern[128];
        glob_t files;
        snprintf(pattern, sizeof(pattern), "%s" MODULE, folders[i]);
        found = glob(pattern, 0, NULL, &files) == 0;
        if (found)
            globfree(&files);
    }
    return verdict_of(found);
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
    return verdict_of(!policy.ask || !(policy.profile->flags & PROFILE_BLIND) ||
                      policy.number == NUMBER_OFF);
}

const struct check_rule check_pam_rules[] = {
    {"pam-syntax", CHECK_FAILURE, is_understood, NULL,
     N_("libpam cannot use this stack as it stands"), N_("Mend that line; pam.d(5).")},
    {"pam-phase", CHECK_FAILURE, in_auth_only, NULL,
     N_("pam_approve.so stands where it does nothing: it is for auth only"),
     N_("Remove that line, and have one in auth.")},
    {"pam-asks", CHECK_WARNING, asks_at_all, NULL, N_("no line of auth asks for an approval"),
     N_("Add: auth required pam_approve.so")},
    {"pam-module", CHECK_FAILURE, is_installed, NULL,
     N_("the module is not where libpam looks, so every login fails"), N_("make install")},
    {"pam-opens", CHECK_FAILURE, can_open, NULL,
     N_("nobody can get in through this stack, approved or not"),
     N_("Compare it with /usr/share/pam_approve/pam.d.")},
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
     N_("when this line succeeds nobody is asked"),
     N_("Write requisite for sufficient, or let its jump end before pam_approve.so.")},
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
    {NULL, CHECK_WARNING, NULL, NULL, NULL, NULL},
};
