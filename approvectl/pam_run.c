#include "approvectl/pam_run.h"

#include <string.h>

#define VARYING_MAX 12 /* 4,096 runs */

/* Modules that are no first factor. A module that is not here is taken for one. */
static const struct {
    const char *module;
    enum pam_kind kind;
} kinds[] = {
    {"pam_permit.so", KIND_PERMIT},
    {"pam_deny.so", KIND_DENY},
    {"pam_access.so", KIND_CONDITION},
    {"pam_listfile.so", KIND_CONDITION},
    {"pam_localuser.so", KIND_CONDITION},
    {"pam_rhosts.so", KIND_CONDITION},
    {"pam_rootok.so", KIND_CONDITION},
    {"pam_securetty.so", KIND_CONDITION},
    {"pam_shells.so", KIND_CONDITION},
    {"pam_succeed_if.so", KIND_CONDITION},
    {"pam_time.so", KIND_CONDITION},
    {"pam_usertype.so", KIND_CONDITION},
    {"pam_wheel.so", KIND_CONDITION},
    {"pam_cap.so", KIND_NEUTRAL},
    {"pam_debug.so", KIND_NEUTRAL},
    {"pam_echo.so", KIND_NEUTRAL},
    {"pam_ecryptfs.so", KIND_NEUTRAL},
    {"pam_env.so", KIND_NEUTRAL},
    {"pam_exec.so", KIND_NEUTRAL},
    {"pam_faildelay.so", KIND_NEUTRAL},
    {"pam_faillock.so", KIND_NEUTRAL},
    {"pam_ftp.so", KIND_NEUTRAL},
    {"pam_gdm.so", KIND_NEUTRAL},
    {"pam_gnome_keyring.so", KIND_NEUTRAL},
    {"pam_group.so", KIND_NEUTRAL},
    {"pam_issue.so", KIND_NEUTRAL},
    {"pam_keyinit.so", KIND_NEUTRAL},
    {"pam_kwallet5.so", KIND_NEUTRAL},
    {"pam_lastlog.so", KIND_NEUTRAL},
    {"pam_lastlog2.so", KIND_NEUTRAL},
    {"pam_mail.so", KIND_NEUTRAL},
    {"pam_motd.so", KIND_NEUTRAL},
    {"pam_mount.so", KIND_NEUTRAL},
    {"pam_nologin.so", KIND_NEUTRAL},
    {"pam_selinux_permit.so", KIND_NEUTRAL},
    {"pam_sepermit.so", KIND_NEUTRAL},
    {"pam_tally2.so", KIND_NEUTRAL},
    {"pam_umask.so", KIND_NEUTRAL},
    {"pam_cracklib.so", KIND_NEUTRAL},
    {"pam_passwdqc.so", KIND_NEUTRAL},
    {"pam_pwhistory.so", KIND_NEUTRAL},
    {"pam_pwquality.so", KIND_NEUTRAL},
    {"pam_warn.so", KIND_NEUTRAL},
};

enum pam_kind pam_kind_of(const struct pam_line *line)
{
    if (!strcmp(line->module, "pam_approve.so"))
        return pam_line_has(line, "check=publickey") ? KIND_PROBE : KIND_APPROVE;
    /* After a failure it only counts and fails; it is jumped over after a success. */
    if (!strcmp(line->module, "pam_faillock.so") && pam_line_has(line, "authfail"))
        return KIND_DENY;
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        if (!strcmp(line->module, kinds[i].module))
            return kinds[i].kind;
    }
    return KIND_FACTOR;
}

bool pam_varies(const struct pam_line *line)
{
    enum pam_kind kind = pam_kind_of(line);

    return !line->substack &&
           (kind == KIND_FACTOR || kind == KIND_CONDITION || kind == KIND_PROBE ||
            (kind == KIND_NEUTRAL && line->actions[PAM_AUTH_ERR] > 0));
}

static int answer_of(const struct pam_stack *stack, size_t index, const struct pam_answers *answers)
{
    if (pam_varies(&stack->lines[index]))
        return answers->succeeds[index] ? PAM_SUCCESS
               : answers->failure       ? answers->failure
                                        : PAM_AUTH_ERR;
    switch (pam_kind_of(&stack->lines[index])) {
    case KIND_DENY:
        return PAM_AUTH_ERR;
    case KIND_APPROVE:
        return answers->approve;
    default:
        return PAM_SUCCESS;
    }
}

/* What libpam makes of the answers so far. */
enum impression { UNDECIDED, POSITIVE, NEGATIVE };

struct verdict {
    enum impression impression;
    int code;
};

/* The next line from index on of the phase that asks. */
static size_t next_line(const struct pam_stack *stack, size_t index)
{
    while (index < stack->count && stack->lines[index].phase != stack->asks)
        index++;
    return index;
}

/* The line behind this one; behind all of its substack, where it begins one. */
static size_t pass_line(const struct pam_stack *stack, size_t index)
{
    int level = stack->lines[index].level;

    index = next_line(stack, index + 1);
    while (index < stack->count && stack->lines[index].level > level)
        index = next_line(stack, index + 1);
    return index;
}

/* The line behind the substack that this one is in. */
static size_t leave_substack(const struct pam_stack *stack, size_t index)
{
    int level = stack->lines[index].level;

    while (index < stack->count && stack->lines[index].level >= level)
        index = next_line(stack, index + 1);
    return index;
}

/* Jumps over `count` lines of this level, or as many as there are; then it returns false. */
static bool jump(const struct pam_stack *stack, size_t *index, int count)
{
    int level = stack->lines[*index].level;

    *index = next_line(stack, *index + 1);
    for (; count > 0; count--) {
        if (*index >= stack->count || stack->lines[*index].level < level)
            return false;
        *index = pass_line(stack, *index);
    }
    return true;
}

/* entry: as it was where this substack began. */
static void apply(int action, int code, const struct verdict *entry, struct verdict *verdict)
{
    switch (action) {
    case ACTION_RESET:
        *verdict = *entry;
        break;
    case ACTION_OK:
    case ACTION_DONE:
        if (verdict->impression == UNDECIDED ||
            (verdict->impression == POSITIVE && verdict->code == PAM_SUCCESS))
            *verdict = (struct verdict){POSITIVE, code};
        break;
    case ACTION_BAD:
    case ACTION_DIE:
        if (verdict->impression != NEGATIVE)
            *verdict = (struct verdict){NEGATIVE, code == PAM_IGNORE ? PAM_PERM_DENIED : code};
        break;
    default:
        break;
    }
}

/* Goes on behind a line that answered `code`. Returns false where the run ends. */
static bool step(const struct pam_stack *stack, size_t *index, int code,
                 const struct verdict *entry, struct verdict *verdict)
{
    const struct pam_line *line = &stack->lines[*index];
    int action = line->actions[code];

    if (action > 0) {
        if (!jump(stack, index, action))
            *verdict = (struct verdict){NEGATIVE, PAM_PERM_DENIED}; /* and on, as libpam does */
        return true;
    }
    apply(action, code, entry, verdict);
    if (action == ACTION_DIE || (action == ACTION_DONE && verdict->impression == POSITIVE)) {
        *index = leave_substack(stack, *index);
        return line->level > 0;
    }
    *index = next_line(stack, *index + 1);
    return true;
}

/* Is there a pam_approve.so that asks between these two lines? */
static bool asks_between(const struct pam_stack *stack, size_t first, size_t end)
{
    for (size_t i = next_line(stack, first + 1); i < end; i = next_line(stack, i + 1)) {
        if (!stack->lines[i].substack && pam_kind_of(&stack->lines[i]) == KIND_APPROVE)
            return true;
    }
    return false;
}

void pam_run(const struct pam_stack *stack, const struct pam_answers *answers,
             struct pam_outcome *outcome)
{
    struct verdict verdict = {UNDECIDED, PAM_PERM_DENIED};
    struct verdict entries[PAM_STACK_DEPTH + 2];
    size_t index = next_line(stack, 0);

    memset(outcome, 0, sizeof(*outcome));
    outcome->past = stack->count;
    entries[0] = verdict;
    while (index < stack->count) {
        const struct pam_line *line = &stack->lines[index];
        size_t from = index;
        bool goes_on;
        if (line->substack) {
            entries[line->level + 1] = verdict;
            index = next_line(stack, index + 1);
            continue;
        }
        if (pam_kind_of(line) == KIND_APPROVE)
            outcome->asked = true;
        else if (!outcome->asked)
            outcome->before[index] = true;
        goes_on =
            step(stack, &index, answer_of(stack, index, answers), &entries[line->level], &verdict);
        if (!outcome->asked && asks_between(stack, from, index))
            outcome->past = from;
        if (!goes_on)
            break;
    }
    outcome->code = verdict.code;
    if (verdict.code == PAM_SUCCESS && verdict.impression != POSITIVE)
        outcome->code = PAM_PERM_DENIED;
}

/* The first lines that vary, by index. Returns how many; untried: the next one, or NULL. */
static size_t list_varying(const struct pam_stack *stack, size_t varying[VARYING_MAX],
                           const struct pam_line **untried)
{
    size_t count = 0;

    *untried = NULL;
    for (size_t i = next_line(stack, 0); i < stack->count; i = next_line(stack, i + 1)) {
        if (!pam_varies(&stack->lines[i]))
            continue;
        if (count == VARYING_MAX) {
            *untried = &stack->lines[i];
            break;
        }
        varying[count++] = i;
    }
    return count;
}

const struct pam_line *pam_run_untried(const struct pam_stack *stack)
{
    size_t varying[VARYING_MAX];
    const struct pam_line *untried;

    list_varying(stack, varying, &untried);
    return untried;
}

int pam_run_next_failure(const struct pam_stack *stack, int code)
{
    for (code++; code < _PAM_RETURN_VALUES; code++) {
        bool differs = code == PAM_AUTH_ERR;
        for (size_t i = next_line(stack, 0); i < stack->count; i = next_line(stack, i + 1)) {
            const struct pam_line *line = &stack->lines[i];
            differs |= pam_varies(line) && line->actions[code] != line->actions[PAM_AUTH_ERR];
        }
        if (differs && code != PAM_IGNORE)
            return code;
    }
    return PAM_SUCCESS;
}

void pam_run_all(const struct pam_stack *stack, int approve, int failure,
                 bool (*each)(void *arg, const struct pam_answers *answers,
                              const struct pam_outcome *outcome),
                 void *arg)
{
    size_t varying[VARYING_MAX], count;
    const struct pam_line *untried;

    count = list_varying(stack, varying, &untried);
    for (unsigned way = 0; way < 1U << count; way++) {
        struct pam_answers answers = {.approve = approve, .failure = failure};
        struct pam_outcome outcome;
        for (size_t i = 0; i < count; i++)
            answers.succeeds[varying[i]] = (way >> i & 1) != 0;
        pam_run(stack, &answers, &outcome);
        if (!each(arg, &answers, &outcome))
            return;
    }
}
