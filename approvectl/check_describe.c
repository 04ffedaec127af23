/* What a service asks, in words: its PAM stack and host.conf's policy together. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "approvectl/check.h"
#include "approvectl/check_follow.h"
#include "approvectl/pam_run.h"
#include "common/i18n.h"
#include "helper/policy.h"

#define WAYS_MAX 16
#define FACTORS_MAX 32

/* First factors in words; a module that is not here goes by its own name. */
static const struct {
    const char *module, *words;
} factors[] = {
    {"pam_unix.so", N_("password")},      {"pam_sss.so", N_("password")},
    {"pam_ldap.so", N_("password")},      {"pam_krb5.so", N_("password")},
    {"pam_winbind.so", N_("password")},   {"pam_fprintd.so", N_("fingerprint")},
    {"pam_u2f.so", N_("security key")},   {"pam_pkcs11.so", N_("smart card")},
    {"pam_oath.so", N_("one-time code")}, {"pam_google_authenticator.so", N_("one-time code")},
    {"pam_approve.so", N_("public key")}, /* check=publickey */
};

/* The ways in. Each is a set of first factors, one bit a kind; none holds another. */
struct ways {
    const struct pam_stack *stack;
    bool asks;       /* only those that lead through the approval */
    bool conditions; /* also those that a condition opens */
    const char *words[FACTORS_MAX];
    size_t word_count;
    unsigned sets[WAYS_MAX];
    size_t count;
};

static const char *words_of(const struct pam_line *line)
{
    for (size_t i = 0; i < sizeof(factors) / sizeof(factors[0]); i++) {
        if (!strcmp(line->module, factors[i].module))
            return factors[i].words;
    }
    return line->module;
}

static unsigned bit_of(struct ways *ways, const char *words)
{
    size_t i = 0;

    while (i < ways->word_count && strcmp(ways->words[i], words) != 0)
        i++;
    if (i == FACTORS_MAX)
        return 0;
    if (i == ways->word_count)
        ways->words[ways->word_count++] = words;
    return 1U << i;
}

static void add_way(struct ways *ways, unsigned set)
{
    size_t kept = 0;

    for (size_t i = 0; i < ways->count; i++) {
        if ((ways->sets[i] & set) == ways->sets[i])
            return;
    }
    for (size_t i = 0; i < ways->count; i++) {
        if ((ways->sets[i] & set) != set)
            ways->sets[kept++] = ways->sets[i];
    }
    if (kept < WAYS_MAX)
        ways->sets[kept++] = set;
    ways->count = kept;
}

static bool collect(void *arg, const struct pam_answers *answers, const struct pam_outcome *outcome)
{
    struct ways *ways = arg;
    unsigned set = 0;

    if (outcome->code != PAM_SUCCESS || (ways->asks && !outcome->asked))
        return true;
    for (size_t i = 0; i < ways->stack->count; i++) {
        const struct pam_line *line = &ways->stack->lines[i];
        enum pam_kind kind = pam_kind_of(line);
        if (line->substack || !outcome->before[i] || !answers->succeeds[i])
            continue;
        if (kind == KIND_CONDITION && !ways->conditions)
            return true;
        if (kind == KIND_FACTOR || kind == KIND_PROBE)
            set |= bit_of(ways, words_of(line));
    }
    add_way(ways, set);
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

static void describe_factors(const struct pam_stack *stack, bool asks, char *out, size_t size)
{
    struct ways ways = {.stack = stack, .asks = asks};

    pam_run_all(stack, PAM_SUCCESS, PAM_AUTH_ERR, collect, &ways);
    if (ways.count == 0) { /* no way without a condition, as `required pam_wheel.so` */
        ways.conditions = true;
        pam_run_all(stack, PAM_SUCCESS, PAM_AUTH_ERR, collect, &ways);
    }
    if (ways.count == 0)
        add(out, size, _("nobody gets in"));
    for (size_t i = 0; i < ways.count; i++) {
        const char *glue = i ? _(" or ") : "";
        for (size_t bit = 0; bit < ways.word_count; bit++) {
            if (ways.sets[i] >> bit & 1) {
                add(out, size, "%s%s", glue, _(ways.words[bit]));
                glue = _(" and ");
            }
        }
        if (!ways.sets[i])
            add(out, size, "%s%s", glue,
                strcmp(stack->service, "sshd") ? _("nothing") : _("what sshd itself asks"));
    }
}

static size_t count_words(const char *list)
{
    size_t count = 0;

    for (list += strspn(list, " "); *list; list += strspn(list, " "), count++)
        list += strcspn(list, " ");
    return count;
}

/* "root and group breakglass are excepted" */
static void describe_exceptions(const struct policy *policy, char *out, size_t size)
{
    const char *const lists[] = {policy->except, policy->except_networks};
    size_t all = count_words(lists[0]) + count_words(lists[1]), done = 0;

    if (all == 0)
        add(out, size, _("nobody is excepted"));
    for (size_t i = 0; i < 2; i++) {
        for (const char *word = lists[i] + strspn(lists[i], " "); *word; done++) {
            size_t len = strcspn(word, " ");
            add(out, size, "%s%s%.*s",
                done == 0         ? ""
                : done + 1 == all ? _(" and ")
                                  : ", ",
                i == 1         ? _("network ")
                : *word == '@' ? _("group ")
                               : "",
                (int)(*word == '@' ? len - 1 : len), *word == '@' ? word + 1 : word);
            word += len;
            word += strspn(word, " ");
        }
    }
    if (all > 0)
        add(out, size, all == 1 ? _(" is excepted") : _(" are excepted"));
}

static void describe_policy(const struct policy *policy, char *out, size_t size)
{
    static const char *const numbers[] = {
        [NUMBER_OFF] = N_("on the phone, without a number"),
        [NUMBER_CHOOSE] = N_("on the phone, which chooses the number from three"),
        [NUMBER_ENTER] = N_("on the phone, which is given the number"),
    };

    add(out, size, _(" %s; "), _(numbers[policy->number]));
    if (policy->ask == ASK_CALLER)
        add(out, size, _("the phone is that of the user who calls; "));
    if (policy->profile->flags & PROFILE_BLIND)
        add(out, size, _("no code can be typed; "));
    else if (policy->code_first)
        add(out, size, _("a code can be typed at once; "));
    else if (policy->show == SHOW_PROMPT)
        add(out, size, _("a code can be typed in the number's place; "));
    else
        add(out, size, _("a code can be typed after %ld s; "), policy->wait);
    describe_exceptions(policy, out, size);
}

void check_describe(const struct check *check, const struct pam_stack *stack, char *out,
                    size_t size)
{
    bool asks = check_find_kind(stack, KIND_APPROVE) != NULL, any = false;
    struct policy policy;

    *out = '\0';
    for (size_t i = 0; i < stack->count; i++)
        any |= stack->lines[i].phase == stack->asks;
    if (!any) {
        add(out, size, _("nobody signs in by it"));
        return;
    }
    if (asks && check->host)
        policy_find(check->host, stack->service, &policy);
    describe_factors(stack, asks, out, size);
    if (!asks)
        add(out, size, _("; no approval"));
    else if (!check->host)
        add(out, size, _(", then everybody is refused, as long as host.conf cannot be used"));
    else if (policy.ask == ASK_NO)
        add(out, size, _("; no approval: host.conf says ask = no"));
    else
        add(out, size, _(", then approval"));
    if (asks && check->host && policy.ask != ASK_NO)
        describe_policy(&policy, out, size);
}
