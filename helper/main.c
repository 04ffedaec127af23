#include <curl/curl.h>
#include <locale.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/command.h"
#include "common/daemon.h"
#include "common/i18n.h"
#include "common/log.h"
#include "common/seccomp_filter.h"
#include "helper/helper.h"
#include "helper/listen.h"
#include "helper/profile.h"
#include "helper/session.h"

#define CLOSING_MS 2000 /* for cancels on their way, at the end */

static int run_helper(const struct command_call *call);

static const struct command_option options[] = {
    {"--listen", "PATH", N_("the socket to make, where systemd gives none")},
    {"--config", "FILE", N_("another file with this host's configuration")},
    {"--state", "DIR", N_("another place for the key and the secrets of codes bound to this host")},
    {"--debug", NULL, N_("log each frame and each answer over HTTPS too, without what is in them")},
    {NULL, NULL, NULL},
};

static const struct command commands[] = {
    {"", "", 0, 0, options, N_("Answers login services, by the phone."), run_helper},
    {NULL, NULL, 0, 0, NULL, NULL, NULL},
};

static const struct program program = {
    "approve-helper",
    N_("Asks the user's phone on behalf of pam_approve.so"),
    commands,
    NULL,
    N_("The configuration is read again by itself when it changed."),
    host_options};

static void on_signal(evutil_socket_t fd, short what, void *arg)
{
    (void)fd, (void)what;
    event_base_loopbreak(arg);
}

/* Everyone is refused by the closed socket; their requests are withdrawn. */
static void close_sessions(struct helper *helper)
{
    struct timeval slice = {0, 20000};

    while (helper->sessions != NULL)
        session_free(helper->sessions);
    for (int left = CLOSING_MS / 20; left > 0 && ciba_busy(helper->ciba) > 0; left--) {
        event_base_loopexit(helper->base, &slice);
        event_base_loop(helper->base, 0);
    }
}

static int serve(struct helper *helper, const char *path)
{
    struct event *term = evsignal_new(helper->base, SIGTERM, on_signal, helper->base);
    struct event *interrupt = evsignal_new(helper->base, SIGINT, on_signal, helper->base);
    struct listener *listener = NULL;
    char why[512] = "no memory";
    int code = EXIT_FAILED;

    if (term != NULL && interrupt != NULL)
        listener = listen_new(helper, path, why, sizeof why);
    if (listener == NULL || seccomp_filter_load(why, sizeof why) < 0) {
        log_error("%s", why);
    } else {
        evsignal_add(term, NULL);
        evsignal_add(interrupt, NULL);
        log_info("approve-helper " VERSION " is ready");
        daemon_ready();
        event_base_dispatch(helper->base);
        listen_free(listener);
        listener = NULL;
        close_sessions(helper);
        log_info("ended");
        code = EXIT_OK;
    }
    listen_free(listener);
    if (term != NULL)
        event_free(term);
    if (interrupt != NULL)
        event_free(interrupt);
    return code;
}

static int run_helper(const struct command_call *call)
{
    const char *path = command_value(call, "--listen"), *config = command_value(call, "--config");
    const char *state = command_value(call, "--state");
    struct helper helper = {.base = NULL};
    struct host *host;
    char why[512];
    int code = EXIT_FAILED;

    log_open("approve-helper", false,
             command_value(call, "--debug") != NULL ? LOG_LEVEL_DEBUG : LOG_LEVEL_INFO);
    daemon_set_up();
    if (geteuid() == 0)
        log_warn("running as root, which it need not: systemctl enable --now "
                 "approve-helper.socket starts it as its own user");
    signal(SIGHUP, SIG_IGN);
    curl_global_init(CURL_GLOBAL_DEFAULT);
    helper.base = event_base_new();
    helper.host_file = host_file_new(config != NULL ? config : HOST_CONF);
    helper.recent = recent_new();
    helper.bound = bound_open(state != NULL ? state : BOUND_STATE, why, sizeof why);
    if (helper.bound == NULL)
        log_warn("%s: there are no codes bound to this host", why);
    helper.quotas = quotas_new();
    if (helper.base != NULL && helper.quotas != NULL) {
        helper.ciba = ciba_new(helper.base, helper.bound, helper.quotas);
        helper.lookups = lookups_new(helper.base);
    }
    if (helper.host_file == NULL || helper.recent == NULL || helper.ciba == NULL ||
        helper.lookups == NULL) {
        log_error("no memory");
        goto out;
    }
    /* Without a good configuration it serves all the same: it refuses everyone, and says why. */
    host = host_file_get(helper.host_file, why, sizeof why);
    if (host == NULL)
        log_error("%s: nobody can be asked", why);
    host_unref(host);
    code = serve(&helper, path != NULL ? path : FRAME_SOCKET);
out:
    ciba_free(helper.ciba);
    lookups_free(helper.lookups);
    recent_free(helper.recent);
    bound_free(helper.bound);
    quotas_free(helper.quotas);
    host_file_free(helper.host_file);
    if (helper.base != NULL)
        event_base_free(helper.base);
    curl_global_cleanup();
    return code;
}

int main(int argc, char **argv)
{
    setlocale(LC_ALL, "C.UTF-8");
    if (argc == 2 && strcmp(argv[1], "--help-profiles-scdoc") == 0) {
        profile_print_scdoc(stdout);
        return EXIT_OK;
    }
    return command_main(&program, argc, argv);
}
