/* The rules about PAM stacks and sshd, and what check says of a stack: tables of texts and
 * findings. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "approvectl/check.h"
#include "approvectl/pam_stack.h"

static struct pam_stack stack;

#define COMMON                                                                                     \
    "auth [success=1 default=ignore] pam_unix.so nullok\nauth requisite pam_deny.so\nauth "        \
    "required pam_permit.so\n"
#define ASK "auth required pam_approve.so\n"
#define PROBE "auth [success=1 default=ignore] pam_approve.so check=publickey\n"
#define PERMIT "auth required pam_permit.so\n"
#define FAILS_OPEN(codes)                                                                          \
    "auth requisite pam_unix.so\nauth [success=ok ignore=ignore " codes                            \
    " default=die] pam_approve.so\n" PERMIT PERMIT

/* Stacks, and the rules that must find fault with them: no other may. */
static const struct row {
    const char *text, *faults;
} stacks[] = {
    {COMMON ASK, ""},
    {"auth requisite pam_unix.so\n" ASK PERMIT, ""},
    {PROBE "auth requisite pam_unix.so\n" ASK PERMIT, ""},
    {"auth sufficient pam_rootok.so\n" COMMON ASK, ""},
    {"auth [success=2 default=ignore] pam_unix.so\nauth [success=1 default=ignore] "
     "pam_sss.so\nauth requisite pam_deny.so\n" PERMIT ASK,
     ""},
    {"auth requisite pam_faildelay.so\nauth requisite pam_unix.so\nauth optional "
     "pam_gnome_keyring.so\n" ASK,
     ""},
    /* a first factor that does not end on failure */
    {"auth required pam_unix.so\n" ASK, "pam-factor-ends"},
    {"auth requisite pam_unix.so\nauth required pam_oath.so\n" ASK, "pam-factor-ends"},
    {"auth optional pam_unix.so\n" ASK, "pam-factor-counts pam-factor-ends"},
    {"auth [success=ok default=ignore] pam_unix.so\n" ASK PERMIT,
     "pam-factor-counts pam-factor-ends"},
    /* none at all */
    {ASK PERMIT, "pam-first-factor"},
    {ASK, "pam-first-factor pam-exempt"},
    /* lines that skip the approval */
    {"auth sufficient pam_unix.so\n" ASK, "pam-factor-counts pam-factor-ends pam-skipped"},
    {"auth requisite pam_unix.so\nauth sufficient pam_fprintd.so\n" ASK, "pam-skipped"},
    {"auth [success=2 default=ignore] pam_unix.so\nauth requisite pam_deny.so\n" ASK PERMIT,
     "pam-opens pam-skipped"},
    /* not only by a success: a line that fails, or one that never does */
    {"auth [success=ok default=1] pam_unix.so\n" ASK PERMIT, "pam-skipped"},
    {"auth [success=ignore default=2] pam_succeed_if.so uid < 1000\nauth requisite "
     "pam_unix.so\n" ASK PERMIT,
     "pam-skipped"},
    {"auth [success=2 default=ignore] pam_approve.so check=publickey\nauth requisite "
     "pam_unix.so\n" ASK PERMIT,
     "pam-skipped"},
    {"auth sufficient pam_permit.so\nauth requisite pam_unix.so\n" ASK PERMIT,
     "pam-opens pam-skipped"},
    {"auth requisite pam_unix.so\nauth sufficient pam_permit.so\n" ASK, "pam-opens pam-skipped"},
    /* by a code that few see, or by what is no factor */
    {"auth [success=ok user_unknown=1 default=die] pam_unix.so\n" ASK PERMIT, "pam-skipped"},
    {"auth [success=ok authinfo_unavail=2 maxtries=die default=die] pam_unix.so\nauth requisite "
     "pam_sss.so\n" ASK PERMIT,
     "pam-skipped"},
    {"auth [success=ok user_unknown=ignore default=die] pam_unix.so\nauth requisite "
     "pam_sss.so\n" ASK PERMIT,
     ""},
    {"auth requisite pam_unix.so\nauth [success=ignore default=1] pam_exec.so asked\n" ASK PERMIT,
     "pam-skipped"},
    {"auth requisite pam_unix.so\nauth optional pam_exec.so done\n" ASK PERMIT, ""},
    /* a condition that all must meet excuses nothing */
    {"auth requisite pam_succeed_if.so user != root\nauth sufficient pam_unix.so\n" ASK PERMIT,
     "pam-factor-counts pam-factor-ends pam-skipped"},
    {"auth required pam_shells.so\nauth sufficient pam_permit.so\nauth requisite "
     "pam_unix.so\n" ASK,
     "pam-opens pam-skipped"},
    {"auth [success=ignore default=1] pam_succeed_if.so uid < 1000\nauth [success=ok default=1] "
     "pam_unix.so\n" ASK PERMIT,
     "pam-factor-counts pam-skipped"},
    {"auth requisite pam_succeed_if.so user != root\nauth requisite pam_unix.so\n" ASK, ""},
    /* one that some meet is said */
    {"auth [success=ignore default=1] pam_succeed_if.so user ingroup staff\nauth sufficient "
     "pam_permit.so\n" COMMON ASK,
     "pam-condition"},
    {"auth sufficient pam_rootok.so\nauth sufficient pam_succeed_if.so uid < 1000\n" COMMON ASK,
     "pam-condition"},
    {"auth sufficient pam_succeed_if.so user ingroup staff\n" COMMON ASK, "pam-condition"},
    {"auth [success=4 default=ignore] pam_succeed_if.so uid < 1000\n" COMMON ASK PERMIT,
     "pam-condition"},
    /* a refusal that refuses nobody */
    {COMMON "auth sufficient pam_approve.so\n", "pam-refusal-counts"},
    {COMMON "auth optional pam_approve.so\n", "pam-refusal-counts"},
    {COMMON "auth [success=done default=ignore] pam_approve.so\n" PERMIT, "pam-refusal-counts"},
    /* one that refuses by some of the module's codes only */
    {FAILS_OPEN("authinfo_unavail=ignore system_err=ignore maxtries=ignore"), "pam-refusal-counts"},
    {FAILS_OPEN("auth_err=ignore"), "pam-refusal-counts"},
    {FAILS_OPEN("authinfo_unavail=ignore"), "pam-refusal-counts"},
    {FAILS_OPEN("system_err=ok"), ""}, /* the code stays, and refuses */
    {FAILS_OPEN("system_err=ignore"), "pam-refusal-counts"},
    {FAILS_OPEN("maxtries=1"), "pam-refusal-counts"},
    {FAILS_OPEN("abort=ignore"), "pam-refusal-counts"},
    {FAILS_OPEN("module_unknown=ignore"), "pam-refusal-counts"},
    {FAILS_OPEN("open_err=ignore"), "pam-refusal-counts"},
    {FAILS_OPEN("symbol_err=reset"), "pam-refusal-counts"},
    {FAILS_OPEN("maxtries=bad"), ""},
    {FAILS_OPEN("cred_expired=ignore"), ""}, /* which it never says */
    /* users who are not asked: after a key nothing else has succeeded */
    {PROBE "auth requisite pam_unix.so\n" ASK, "pam-exempt"},
    {COMMON "auth [success=ok default=die] pam_approve.so\n", "pam-exempt"},
    /* where the module stands */
    {"auth requisite pam_unix.so\naccount required pam_approve.so\n", "pam-phase pam-asks"},
    {COMMON ASK "session optional pam_approve.so\n", "pam-phase"},
    /* a change of the password, as passwd makes it: the same rules */
    {"password requisite pam_unix.so\npassword required pam_approve.so\n", ""},
    {"password [success=1 default=ignore] pam_rootok.so\npassword requisite pam_unix.so\n"
     "password required pam_approve.so\npassword required pam_permit.so\n",
     "pam-factor-counts"},
    {"password sufficient pam_unix.so\npassword required pam_approve.so\n",
     "pam-factor-counts pam-factor-ends pam-skipped"},
    {"password requisite pam_unix.so\npassword optional pam_approve.so\n", "pam-refusal-counts"},
    {COMMON ASK ASK, "pam-once"},
    {COMMON ASK "auth required\n", "pam-syntax"},
    {COMMON ASK "auth required pam_deny.so\n", "pam-opens"},
    /* a success that jumps over the approval, and one that does not */
    {"auth [success=1 default=ignore] pam_unix.so\n" ASK PERMIT,
     "pam-factor-counts pam-factor-ends pam-skipped"},
    {"auth [success=1 default=ignore] pam_unix.so\nauth requisite pam_deny.so\n" ASK PERMIT, ""},
    {"auth [success=done default=die] pam_unix.so\n" ASK, "pam-opens pam-skipped"},
    /* other files: @include and include take part, a substack ends alone */
    {"@include common-auth\n" ASK, ""},
    {"auth include common-auth\n" ASK, ""},
    {"auth substack common-auth\n" ASK, "pam-factor-ends"},
    {"auth include sufficient-auth\n" ASK, "pam-opens pam-factor-ends pam-skipped"},
    {"auth substack sufficient-auth\n" ASK, "pam-factor-ends"},
    {"auth requisite pam_unix.so\n@include approve-auth\n", "pam-exempt"},
    {"auth substack nowhere\n" COMMON ASK, "pam-syntax"},
};

/* The same for sudo. */
static const struct row sudos[] = {
    {COMMON ASK, ""},
    {PROBE "auth requisite pam_unix.so\n" ASK PERMIT, "pam-probe"},
};

static char *load_given(void *arg, const char *name)
{
    static const struct {
        const char *name, *text;
    } parts[] = {{"common-auth", COMMON},
                 {"sufficient-auth", "auth sufficient pam_unix.so\nauth required pam_deny.so\n"},
                 {"approve-auth", "auth [success=ok default=die] pam_approve.so\n"}};

    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
        if (!strcmp(name, parts[i].name))
            return strdup(parts[i].text);
    }
    return strcmp(name, "sshd") != 0 && strcmp(name, "sudo") != 0 ? NULL : strdup(arg);
}

/* The faults' names; the rule about the installed file depends on the machine. */
static void find_faults(struct check *check, char *out, size_t size)
{
    size_t used = 0;
    *out = '\0';
    for (const struct check_rule *rule = check_pam_rules; rule->id; rule++) {
        char detail[CHECK_DETAIL] = "";
        if (!strcmp(rule->id, "pam-module") || rule->test(check, &stack, detail) != CHECK_FAULT)
            continue;
        used += (size_t)snprintf(out + used, size - used, "%s%s", used ? " " : "", rule->id);
        assert_non_null(rule->fault);
        assert_non_null(rule->mend);
    }
}

static int try_rows(const char *service, const struct row *rows, size_t count)
{
    struct check check = {.host = NULL};
    char faults[512];
    int wrong = 0;

    for (size_t i = 0; i < count; i++) {
        assert_int_equal(
            pam_stack_read(&stack, service, load_given, (void *)(uintptr_t)rows[i].text), 0);
        find_faults(&check, faults, sizeof(faults));
        if (strcmp(faults, rows[i].faults) != 0) {
            print_message("found \"%s\", expected \"%s\" in %s's:\n%s", faults, rows[i].faults,
                          service, rows[i].text);
            wrong++;
        }
    }
    return wrong;
}

static void rules_find_faults(void **state)
{
    (void)state;
    assert_int_equal(try_rows("sshd", stacks, sizeof(stacks) / sizeof(stacks[0])), 0);
    assert_int_equal(try_rows("sudo", sudos, sizeof(sudos) / sizeof(sudos[0])), 0);
}

/* What check says of a stack: the first factors, and whether an approval follows. */
static void describes_stacks(void **state)
{
    (void)state;
    static const struct {
        const char *text, *words;
    } rows[] = {
        {COMMON, "password; no approval"},
        {COMMON ASK, "password, then"},
        {PROBE "auth requisite pam_unix.so\n" ASK PERMIT, "public key or password, then"},
        {"auth sufficient pam_rootok.so\n" COMMON ASK, "password, then"},
        {"auth requisite pam_unix.so\nauth requisite pam_oath.so\n" ASK,
         "password and one-time code, then"},
        {"auth sufficient pam_fprintd.so\n" COMMON, "fingerprint or password; no approval"},
        {"auth required pam_wheel.so\n" COMMON ASK, "password, then"},
        {"auth required pam_other.so\n", "pam_other.so; no approval"},
        {"auth required pam_deny.so\n", "nobody gets in; no approval"},
        {"auth substack common-auth\n", "password; no approval"},
        {PERMIT, "nothing; no approval"},
        {"session required pam_env.so\n", "nobody signs in by it"},
    };
    struct check check = {.host = NULL};
    char text[512];

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        assert_int_equal(
            pam_stack_read(&stack, "sudo", load_given, (void *)(uintptr_t)rows[i].text), 0);
        check_describe(&check, &stack, text, sizeof(text));
        text[strlen(rows[i].words) < sizeof(text) ? strlen(rows[i].words) : 0] = '\0';
        assert_string_equal(text, rows[i].words);
    }
}

static void sshd_gives_the_first_factor(void **state)
{
    (void)state;
    struct check check = {.host = NULL};
    static const struct {
        const char *methods;
        const char *faults;
    } rows[] = {{"publickey,keyboard-interactive:pam", ""},
                {"publickey,keyboard-interactive:pam keyboard-interactive:pam", "pam-first-factor"},
                {"any", "pam-first-factor"}};
    char faults[512];
    assert_int_equal(pam_stack_read(&stack, "sshd", load_given, (void *)(uintptr_t)(ASK PERMIT)),
                     0);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char text[256];
        snprintf(text, sizeof(text),
                 "usepam yes\nkbdinteractiveauthentication yes\npubkeyauthentication "
                 "yes\nauthenticationmethods %s\n",
                 rows[i].methods);
        sshd_config_parse(text, &check.sshd);
        find_faults(&check, faults, sizeof(faults));
        assert_string_equal(faults, rows[i].faults);
    }
}

/* --- sshd --------------------------------------------------------------------------------------
 */

#define SSHD_GOOD                                                                                  \
    "port 22\nusepam yes\nkbdinteractiveauthentication yes\npasswordauthentication "               \
    "no\npubkeyauthentication yes\ngssapiauthentication no\nhostbasedauthentication "              \
    "no\npermitrootlogin no\nlogingracetime 120\n"

static const struct {
    const char *text, *faults;
} sshds[] = {
    {SSHD_GOOD
     "authenticationmethods publickey,keyboard-interactive:pam keyboard-interactive:pam\n",
     ""},
    {SSHD_GOOD "authenticationmethods any\n", "sshd-methods"},
    {SSHD_GOOD "authenticationmethods publickey keyboard-interactive\n", "sshd-methods"},
    {SSHD_GOOD "authenticationmethods publickey,password\npasswordauthentication yes\n",
     "sshd-password"},
    {SSHD_GOOD "pubkeyauthentication no\nauthenticationmethods any\n", ""},
    {SSHD_GOOD "pubkeyauthentication no\ngssapiauthentication yes\nauthenticationmethods any\n",
     "sshd-methods"},
    {SSHD_GOOD "authenticationmethods keyboard-interactive:pam\npasswordauthentication yes\n", ""},
    {SSHD_GOOD "pubkeyauthentication no\nauthenticationmethods any\npasswordauthentication yes\n",
     "sshd-password"},
    {SSHD_GOOD "authenticationmethods keyboard-interactive\nusepam no\n", "sshd-pam"},
    {SSHD_GOOD "authenticationmethods keyboard-interactive\nkbdinteractiveauthentication no\n",
     "sshd-prompts"},
    {SSHD_GOOD "authenticationmethods keyboard-interactive\npermitrootlogin without-password\n",
     "sshd-root"},
    {SSHD_GOOD "authenticationmethods publickey,keyboard-interactive:pam\npermitrootlogin "
               "prohibit-password\n",
     "sshd-root"},
    {SSHD_GOOD "authenticationmethods keyboard-interactive\nlogingracetime 30\n", "sshd-time"},
    {SSHD_GOOD "authenticationmethods keyboard-interactive\nlogingracetime 0\n", ""},
    {"port 22\n", "sshd-config"},
};

static void sshd_rules_find_faults(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(sshds) / sizeof(sshds[0]); i++) {
        struct check check = {.host = NULL};
        char faults[256] = "";
        sshd_config_parse(sshds[i].text, &check.sshd);
        sshd_config_parse(sshds[i].text, &check.sshd_root);
        for (const struct check_rule *rule = check_sshd_rules; rule->id; rule++) {
            char detail[CHECK_DETAIL] = "";
            if (rule->test(&check, NULL, detail) == CHECK_FAULT) {
                if (*faults)
                    strcat(faults, " ");
                strcat(faults, rule->id);
            }
        }
        assert_string_equal(faults, sshds[i].faults);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rules_find_faults),
        cmocka_unit_test(describes_stacks),
        cmocka_unit_test(sshd_gives_the_first_factor),
        cmocka_unit_test(sshd_rules_find_faults),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
