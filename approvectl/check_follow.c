#include "approvectl/check_follow.h"

#include <string.h>

/* What a refusal looks like to libpam: the module's codes, and libpam's own where it cannot load or
 * call the module. The outcomes that let in are passed over. */
static const int refusals[] = {
#define OUTCOME(id, wire, pam, greeter, text, log) pam, greeter,
#include "common/outcome.def"
#undef OUTCOME
    PAM_ABORT, PAM_MODULE_UNKNOWN, PAM_OPEN_ERR, PAM_SYMBOL_ERR};

const struct pam_line *check_find_kind(const struct pam_stack *stack, enum pam_kind kind)
{
    for (size_t i = 0; i < stack->count; i++) {
        const struct pam_line *line = &stack->lines[i];
        if (line->phase == stack->asks && !line->substack && pam_kind_of(line) == kind)
            return line;
    }
    return NULL;
}

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
        for (size_t i = 0; i < survey->stack->count; i++)
            survey->spares[i] |= outcome->before[i] && !answers->succeeds[i];
        survey->opens = true;
        survey->open_without_factor |= !has_factor(survey, answers, outcome);
    }
    if (failed && !survey->loses &&
        (outcome->code != PAM_SUCCESS || !has_factor(survey, answers, outcome)))
        survey->loses = failed;
    return true;
}

/*
 * The condition that explains why this way leads past the approval: its success does, and who does
 * not meet it can be approved. NULL where there is none, so that a line is at fault. A line that
 * always answers the same stands for the one before it.
 */
static const struct pam_line *excusing(const struct survey *survey,
                                       const struct pam_answers *answers,
                                       const struct pam_outcome *outcome)
{
    const struct pam_stack *stack = survey->stack;
    size_t i = outcome->past;

    while (i > 0 && (!outcome->before[i] || !pam_varies(&stack->lines[i])))
        i--;
    return answers->succeeds[i] && survey->spares[i] &&
                   pam_kind_of(&stack->lines[i]) == KIND_CONDITION
               ? &stack->lines[i]
               : NULL;
}

/* Ways in which it does not. */
static bool survey_refused(void *arg, const struct pam_answers *answers,
                           const struct pam_outcome *outcome)
{
    struct survey *survey = arg;
    const struct pam_line *condition;

    if (outcome->code != PAM_SUCCESS)
        return true;
    if (outcome->asked) {
        survey->open_unapproved = true;
        return true;
    }
    if (outcome->past == survey->stack->count) /* no line asks at all */
        return true;
    condition = excusing(survey, answers, outcome);
    if (!condition && !survey->skips)
        survey->skips = &survey->stack->lines[outcome->past];
    else if (condition && strcmp(condition->module, "pam_rootok.so") != 0 && !survey->may)
        survey->may = condition;
    return true;
}

/* Ways in which who is not asked would be approved. */
static bool survey_exempt(void *arg, const struct pam_answers *answers,
                          const struct pam_outcome *outcome)
{
    struct survey *survey = arg;
    struct pam_answers not_asked = *answers;
    struct pam_outcome then;

    if (outcome->asked && outcome->code == PAM_SUCCESS &&
        (has_factor(survey, answers, outcome) || !check_find_kind(survey->stack, KIND_FACTOR))) {
        not_asked.approve = PAM_IGNORE;
        pam_run(survey->stack, &not_asked, &then);
        survey->exempt = then.code == PAM_SUCCESS;
    }
    return survey->exempt;
}

/* Each code once: a line's control can name any of them. Those by which others can fail need one
 * refusal only: they lead past the approval, or do not. */
static void survey_refusals(struct survey *survey)
{
    bool seen[_PAM_RETURN_VALUES] = {[PAM_SUCCESS] = true, [PAM_IGNORE] = true};

    for (int code = PAM_SUCCESS; (code = pam_run_next_failure(survey->stack, code));)
        pam_run_all(survey->stack, PAM_AUTH_ERR, code, survey_refused, survey);
    for (size_t i = 0; i < sizeof(refusals) / sizeof(refusals[0]); i++) {
        if (!seen[refusals[i]])
            pam_run_all(survey->stack, refusals[i], PAM_AUTH_ERR, survey_refused, survey);
        seen[refusals[i]] = true;
    }
}

struct survey check_follow(const struct pam_stack *stack)
{
    struct survey survey = {.stack = stack, .exempt = true};

    pam_run_all(stack, PAM_SUCCESS, PAM_AUTH_ERR, survey_approved, &survey);
    survey_refusals(&survey);
    pam_run_all(stack, PAM_SUCCESS, PAM_AUTH_ERR, survey_exempt, &survey);
    return survey;
}
