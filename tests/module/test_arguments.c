/* What the PAM line may say, and the stacks of conf/pam.d. */
#include <dlfcn.h>
#include <security/pam_appl.h>
#include <security/pam_modules.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/module/play.h"
#include "tests/unit/unit.h"

#define KEY "SSH_AUTH_INFO_0=publickey ssh-ed25519 AAAAC3Nz\n"

/* Writes a service file: MODULE and SOCKET in `lines` are ours. */
static void write_stack(char *stack, size_t size, const char *lines)
{
    size_t used = 0;

    while (*lines != 0) {
        const char *word = NULL;
        if (strncmp(lines, "MODULE", 6) == 0)
            word = client_module();
        else if (strncmp(lines, "SOCKET", 6) == 0)
            word = client_socket();
        if (word != NULL) {
            used += (size_t)snprintf(stack + used, size - used, "%s", word);
            lines += 6;
        } else if (used + 1 < size) {
            stack[used++] = *lines++;
        }
    }
    stack[used] = 0;
}

static void login_with(const char *lines, const char *environment, struct result *result)
{
    char stack[2000];
    struct login login = {.stack = stack, .environment = {environment}};

    write_stack(stack, sizeof stack, lines);
    client_login(&login, result);
    print_message("# %d ms, %s\n", (int)result->ms, result->log);
}

static void an_unknown_argument_refuses(void **state)
{
    static const char *const unknown[] = {
        "debugging",
        "DEBUG",
        "socket",
        "sockets=/x",
        "timeout=3",
        "check=",
        "check=password",
        "check=publickeys",
        "check=publicke",
        "nullok",
        "=",
        "check=publickey,debug",
    };
    char lines[200], log[200];
    struct result result;

    (void)state;
    for (size_t i = 0; i < COUNT(unknown); i++) {
        snprintf(lines, sizeof lines, "auth required MODULE check=publickey %s\n", unknown[i]);
        snprintf(log, sizeof log, "refused: unknown argument \"%s\" on the PAM line", unknown[i]);
        login_with(lines, KEY, &result);
        assert_int_equal(result.code, PAM_AUTH_ERR);
        assert_non_null(strstr(result.log, log));
    }
}

static void debug_logs_each_frame(void **state)
{
    char stack[1200];
    struct row row = {.login = {.stack = stack},
                      .steps = {EXPECT_RAW("S"), SEND("Itext=secret"),
                                SEND("Doutcome=approved\0log=x\0delay=0\0greeter=0")},
                      .code = PAM_SUCCESS,
                      .drawn = "I:secret|",
                      .log = ": frame I|"};

    (void)state;
    write_stack(stack, sizeof stack, "auth required MODULE debug socket=SOCKET\n");
    play_row(&row);
    row.log = ": frame D|";
    play_row(&row);
}

static const struct {
    const char *environment;
    bool found;
} infos[] = {
    {KEY, true},
    {"SSH_AUTH_INFO_0=publickey", true},
    {"SSH_AUTH_INFO_0=password\npublickey ssh-rsa AAAA\n", true},
    {NULL, false},
    {"SSH_AUTH_INFO_0=", false},
    {"SSH_AUTH_INFO_0=\n\n", false},
    {"SSH_AUTH_INFO_0=password\n", false},
    {"SSH_AUTH_INFO_0=keyboard-interactive/pam\n", false},
    {"SSH_AUTH_INFO_0=publickeys x\n", false},
    {"SSH_AUTH_INFO_0=publickey/x\n", false},
    {"SSH_AUTH_INFO_0=publicke\n", false},
    {"SSH_AUTH_INFO_0= publickey x\n", false},
    {"SSH_AUTH_INFO_0=hostbased publickey x\n", false},
    {"SSH_AUTH_INFO_1=publickey x\n", false},
    {"SSH_USER_AUTH=publickey x\n", false},
};

/* With nobody at the socket: it asks nobody. */
static void check_publickey_succeeds_only_after_a_public_key(void **state)
{
    struct result result;

    (void)state;
    for (size_t i = 0; i < COUNT(infos); i++) {
        login_with("auth required MODULE check=publickey socket=SOCKET\n", infos[i].environment,
                   &result);
        assert_int_equal(result.code, infos[i].found ? PAM_SUCCESS : PAM_AUTH_ERR);
        assert_took(result.ms, 0, 200);
    }
}

/* However the line is written, whoever has no key and no password stays out. */
static void a_line_written_wrongly_lets_nobody_in_without_a_factor(void **state)
{
    static const char *const controls[] = {"required",
                                           "requisite",
                                           "sufficient",
                                           "optional",
                                           "[success=1 default=ignore]",
                                           "[success=ok default=ignore]",
                                           "[success=done ignore=ignore default=die]"};
    char lines[300];
    struct result result;

    (void)state;
    for (size_t i = 0; i < COUNT(controls); i++) {
        snprintf(lines, sizeof lines,
                 "auth %s MODULE check=publickey\nauth requisite pam_deny.so\n"
                 "auth required MODULE socket=SOCKET\nauth required pam_permit.so\n",
                 controls[i]);
        login_with(lines, NULL, &result);
        assert_int_not_equal(result.code, PAM_SUCCESS);
    }
    login_with("auth required MODULE check=publickey\nauth required pam_permit.so\n", NULL,
               &result);
    assert_int_equal(result.code, PAM_AUTH_ERR);
}

/* The auth lines of a shipped file, with our module and, in pam_unix's place, `first`. */
static void read_shipped(const char *path, const char *first, char *stack, size_t size)
{
    char line[300], *found;
    FILE *file = fopen(path, "r");
    size_t used = 0;

    assert_non_null(file);
    while (fgets(line, sizeof line, file) != NULL) {
        if (strncmp(line, "auth", 4) != 0)
            continue;
        line[strcspn(line, "\n")] = 0;
        if ((found = strstr(line, "pam_approve.so")) != NULL)
            used += (size_t)snprintf(stack + used, size - used, "%.*s%s socket=%s%s\n",
                                     (int)(found - line), line, client_module(), client_socket(),
                                     found + strlen("pam_approve.so"));
        else if ((found = strstr(line, "pam_unix.so")) != NULL)
            used += (size_t)snprintf(stack + used, size - used, "%.*s%s\n", (int)(found - line),
                                     line, first);
        else
            used += (size_t)snprintf(stack + used, size - used, "%s\n", line);
    }
    fclose(file);
}

static const struct {
    const char *path, *first, *environment;
    const char *outcome; /* NULL: the helper is not asked */
    bool lets_in;
} shipped[] = {
    {"conf/pam.d/sshd", "pam_permit.so", NULL, "approved", true},
    {"conf/pam.d/sshd", "pam_permit.so", NULL, "denied", false},
    {"conf/pam.d/sshd", "pam_permit.so", NULL, "not_asked", true},
    {"conf/pam.d/sshd", "pam_permit.so", NULL, "internal", false},
    {"conf/pam.d/sshd", "pam_deny.so", NULL, NULL, false},
    {"conf/pam.d/sshd", "pam_deny.so", "SSH_AUTH_INFO_0=", NULL, false},
    {"conf/pam.d/sshd", "pam_deny.so", KEY, "approved", true},
    {"conf/pam.d/sshd", "pam_deny.so", KEY, "denied", false},
    {"conf/pam.d/sshd", "pam_deny.so", KEY, "not_asked", true},
    {"conf/pam.d/sshd-password", "pam_permit.so", KEY, "approved", true},
    {"conf/pam.d/sshd-password", "pam_permit.so", NULL, "denied", false},
    {"conf/pam.d/sshd-password", "pam_permit.so", NULL, "not_asked", true},
    {"conf/pam.d/sshd-password", "pam_deny.so", KEY, NULL, false},
};

static void the_shipped_stacks(void **state)
{
    char stack[2000], frame[200];

    (void)state;
    for (size_t i = 0; i < COUNT(shipped); i++) {
        struct login login = {.stack = stack, .environment = {shipped[i].environment}};
        struct step steps[STEPS] = {EXPECT_RAW("S"), {STEP_SEND, frame, 0, 0}};
        struct result result;
        int listener = fake_helper_listen(client_socket(), 8), ended;
        pid_t helper;

        read_shipped(shipped[i].path, shipped[i].first, stack, sizeof stack);
        steps[1].len =
            (size_t)snprintf(frame, sizeof frame, "Doutcome=%s%clog=x%cdelay=0%cgreeter=0",
                             shipped[i].outcome, 0, 0, 0) +
            1;
        helper = fake_helper_play(listener, steps);
        client_login(&login, &result);
        ended = fake_helper_end(helper, listener);
        print_message("# row %zu: %d, %s\n", i, result.code, result.log);
        assert_int_equal(result.code == PAM_SUCCESS, shipped[i].lets_in);
        assert_int_equal(ended, shipped[i].outcome != NULL ? 0 : -1);
    }
}

typedef int entry(pam_handle_t *pamh, int flags, int argc, const char **argv);

static void the_other_entry_points(void **state)
{
    static const struct {
        const char *name;
        int flags, code;
    } entries[] = {
        {"pam_sm_setcred", 0, PAM_SUCCESS},
        {"pam_sm_acct_mgmt", 0, PAM_IGNORE},
        {"pam_sm_open_session", 0, PAM_IGNORE},
        {"pam_sm_close_session", 0, PAM_IGNORE},
        {"pam_sm_chauthtok", PAM_UPDATE_AUTHTOK, PAM_IGNORE},
    };
    void *module = dlopen(client_module(), RTLD_NOW);

    (void)state;
    assert_non_null(module);
    for (size_t i = 0; i < COUNT(entries); i++) {
        entry *function;
        *(void **)&function = dlsym(module, entries[i].name);
        assert_non_null(function);
        assert_int_equal(function(NULL, entries[i].flags, 0, NULL), entries[i].code);
    }
    dlclose(module);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_unknown_argument_refuses),
        cmocka_unit_test(debug_logs_each_frame),
        cmocka_unit_test(check_publickey_succeeds_only_after_a_public_key),
        cmocka_unit_test(a_line_written_wrongly_lets_nobody_in_without_a_factor),
        cmocka_unit_test(the_shipped_stacks),
        cmocka_unit_test(the_other_entry_points),
    };

    client_setup();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
