/* approvectl: the host administrator's command. */
#include <signal.h>
#include <string.h>
#include <sys/stat.h>

#include "approvectl/check.h"
#include "approvectl/ctl.h"
#include "common/frame.h"
#include "common/i18n.h"
#include "common/log.h"
#include "common/random.h"

static const struct command_option join_options[] = {
    {"--name", "NAME", N_("this host's name for people (default: the system's host name)")},
    {"--force", NULL, N_("join anew where host.conf exists; the old one is kept beside it")},
    {NULL, NULL, NULL},
};
static const struct command_option check_options[] = {
    {"--pam-dir", "DIR", N_("the PAM stacks to read (default /etc/pam.d)")},
    {"--socket", "PATH", N_("another socket of the helper's")},
    {"--json", NULL, N_("print JSON, for programs")},
    {NULL, NULL, NULL},
};
static const struct command_option test_options[] = {
    {"--service", "NAME", N_("through this service's own PAM stack (default: the approval alone)")},
    {NULL, NULL, NULL},
};
static const struct command_option status_options[] = {
    {"--socket", "PATH", N_("another socket of the helper's")},
    {"--json", NULL, N_("print JSON, for programs")},
    {NULL, NULL, NULL},
};
static const struct command_option protect_options[] = {
    {"--revert-after", "TIME",
     N_("put the old stack back then, unless `keep` was called: 90s, 5m (the default), 1h; never")},
    {"--from", "NAME",
     N_("another stack of those that come with pam_approve, such as sshd-password (default: "
        "SERVICE's)")},
    {"--force", NULL,
     N_("also where `check` finds a fault in it, or it asks for an approval already")},
    {NULL, NULL, NULL},
};
static const struct command_option unprotect_options[] = {
    {"--force", NULL, N_("also where the stack was edited meanwhile; the edited one is kept")},
    {NULL, NULL, NULL},
};
static const struct command_option keep_options[] = {
    {"--force", NULL, N_("from any login, or none: nothing has shown then that one works")},
    {"--socket", "PATH", N_("another socket of the helper's")},
    {NULL, NULL, NULL},
};
static const struct command_option revert_options[] = {
    {"--wait", NULL, N_("wait for what is due later, until no change waits")},
    {NULL, NULL, NULL},
};

static const struct command_option pin_options[] = {
    {"--file", "FILE", N_("another file than /etc/approve/pinned")},
    {NULL, NULL, NULL},
};

static const struct command commands[] = {
    {"join", "URL [TOKEN]", 1, 2, join_options,
     N_("join this host to an approval server, by the token of `approve-server host add`"),
     ctl_join},
    {"check", "", 0, 0, check_options,
     N_("look at everything a login depends on, say what is asked and what to mend"), ctl_check},
    {"protect", "SERVICE", 1, 1, protect_options,
     N_("have a service ask for approvals: its stack, on trial until `keep`"), ctl_protect},
    {"keep", "[SERVICE]", 0, 1, keep_options,
     N_("confirm that a new login works: what `protect` wrote stays"), ctl_keep},
    {"unprotect", "SERVICE", 1, 1, unprotect_options, N_("put a service's old stack back"),
     ctl_unprotect},
    {"revert", "", 0, 0, revert_options,
     N_("put back what was not confirmed in time; approve-revert.service does it"), ctl_revert},
    {"pin", "USER THUMBPRINT", 2, 2, pin_options,
     N_("let this phone's key count under trust = pinned; `approve-phone key` says it"), ctl_pin},
    {"test", "USER", 1, 1, test_options, N_("ask for one approval, as a login would"), ctl_test},
    {"status", "", 0, 0, status_options, N_("is this host joined, its server and helper there?"),
     ctl_status},
    {NULL, NULL, 0, 0, NULL, NULL, NULL},
};

static const struct command_option global_options[] = {
    {"--config", "FILE", N_("another file with this host's configuration")},
    {NULL, NULL, NULL},
};

static const struct program program = {
    "approvectl",
    N_("approval of logins on this host"),
    commands,
    global_options,
    N_("Leave TOKEN out: it is asked for then, or read from standard input. Other users can see "
       "arguments."),
    NULL};

int main(int argc, char **argv)
{
    secret_keep();
    i18n_start();
    signal(SIGPIPE, SIG_IGN);
    umask(022);
    if (argc == 2 && strcmp(argv[1], "--help-findings-scdoc") == 0) {
        check_print_scdoc(stdout);
        return EXIT_OK;
    }
    log_open("approvectl", false, LOG_LEVEL_ERROR);
    return command_main(&program, argc, argv);
}
