/* What a service asks, in words: its PAM stack and host.conf's policy together. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "approvectl/check.h"
#include "approvectl/pam_run.h"
#include "common/i18n.h"
#include "helper/policy.h"

/* What stands before the approval, where it lets in. */
struct before {
    const struct pam_stack *stack;
    bool lines[PAM_STACK_LINES];
    bool nothing; /* there is a way with no first factor */
};

static bool collect(void *arg, const struct pam_answers *answers, const struct pam_outcome *outcome)
{
    struct before *before = arg;
    bool any = false;

    if (!outcome->asked || outcome->code != PAM_SUCCESS)
        return true;
    for (size_t i = 0; i < before->stack->count; i++) {
        enum pam_kind kind = pam_kind_of(&before->stack->lines[i]);
        if (outcome->before[i] && answers->succeeds[i] &&
            (kind == KIND_FACTOR || kind == KIND_PROBE))
            before->lines[i] = any = true;
    }
    before->nothing |= !any;
    return true;
}

static void add(char *out, size_t size, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static void add(char *out, size_t size, const char *format, ...)
{
    size_t used = strlen(out);
    va_list args;

    va_start(args, format);
    vsnprintf(out + used, size - used, format, args);
    va_end(args);
}

static void describe_before(const struct pam_stack *stack, char *out, size_t size)
{
    struct before before = {.stack = stack};
    const char *glue = "";

    pam_run_all(stack, PAM_SUCCESS, collect, &before);
    add(out, size, _("after "));
    for (size_t i = 0; i < stack->count; i++) {
        const struct pam_line *line = &stack->lines[i];
        if (!before.lines[i])
            continue;
        add(out, size, "%s%s", glue,
            pam_kind_of(line) == KIND_PROBE ? _("a public key") : line->module);
        glue = _(" or ");
    }
    if (!*glue || before.nothing)
        add(out, size, "%s%s", glue,
            strcmp(stack->service, "sshd") ? _("nothing else") : _("what sshd itself asks"));
}

static void describe_policy(const struct policy *policy, char *out, size_t size)
{
    static const char *const numbers[] = {
        [NUMBER_OFF] = N_("the phone, without a number"),
        [NUMBER_CHOOSE] = N_("the phone, with the number chosen from three"),
        [NUMBER_ENTER] = N_("the phone, with the number typed in"),
    };

    add(out, size, _(": %s; "), _(numbers[policy->number]));
    if (policy->code_first)
        add(out, size, _("a code prompt at once. "));
    else if (policy->show == SHOW_PROMPT)
        add(out, size, _("number and code at one prompt, %ld s after each Enter. "), policy->wait);
    else
        add(out, size, _("after %ld s, a code. "), policy->wait);
    if (*policy->except || *policy->except_networks)
        add(out, size, _("Not asked: %s%s%s."), policy->except,
            *policy->except && *policy->except_networks ? " " : "", policy->except_networks);
    else
        add(out, size, _("Nobody is excepted."));
    if (policy->ask == ASK_CALLER)
        add(out, size, _(" The phone is that of the user who calls."));
}

void check_describe(const struct check *check, const struct pam_stack *stack, char *out,
                    size_t size)
{
    struct policy policy;

    *out = '\0';
    if (check->host)
        policy_find(check->host, stack->service, &policy);
    if (check->host && policy.ask == ASK_NO) {
        add(out, size, _("not asked: host.conf says ask = no"));
        return;
    }
    describe_before(stack, out, size);
    if (check->host)
        describe_policy(&policy, out, size);
    else
        add(out, size, _(": everybody is refused, as long as host.conf cannot be used"));
}
