/* approve-phone: the phone in a terminal. */
#include <signal.h>

#include "common/https.h"
#include "common/i18n.h"
#include "common/random.h"
#include "phone/terminal/commands.h"

#define JSON_OPTION                                                                                \
    {                                                                                              \
        "--json", NULL, N_("print JSON, for programs")                                             \
    }
#define END_OPTION                                                                                 \
    {                                                                                              \
        NULL, NULL, NULL                                                                           \
    }

static const struct command_option enroll_options[] = {
    {"--name", "NAME", N_("this device's name, as the sign-in screen shows it")},
    {"--yes", NULL, N_("do not ask whether the invitation is right")},
    END_OPTION,
};
static const struct command_option watch_options[] = {
    {"--auto", NULL, N_("approve everything by itself; for tests only")},
    {"--number", "N", N_("with --auto: the number to give, instead of lines on standard input")},
    JSON_OPTION,
    END_OPTION,
};
static const struct command_option approve_options[] = {
    {"--number", "N", N_("the number that the sign-in screen shows")},
    {"--request", "ID", N_("which request, where several are open")},
    {"--wait", "SECONDS", N_("wait so long for a request, 0 to 600")},
    JSON_OPTION,
    END_OPTION,
};
static const struct command_option deny_options[] = {
    {"--not-me", NULL, N_("say that it wasn't you; administrators see it in the activity")},
    {"--request", "ID", N_("which request, where several are open")},
    {"--wait", "SECONDS", N_("wait so long for a request, 0 to 600")},
    JSON_OPTION,
    END_OPTION,
};
static const struct command_option json_options[] = {JSON_OPTION, END_OPTION};
static const struct command_option code_options[] = {
    {"--host", "HOST", N_("the code bound to this host, which works with the server down")},
    {"--hosts", NULL, N_("list the hosts that have such codes, the last used first")},
    JSON_OPTION,
    END_OPTION,
};
static const struct command_option activity_options[] = {
    {"--limit", "N", N_("how many, 1 to 100 (20)")},
    JSON_OPTION,
    END_OPTION,
};
static const struct command_option device_options[] = {
    {"--name", "NAME", N_("give this device another name")},
    {"--on", NULL, N_("receive sign-in requests on this device")},
    {"--off", NULL, N_("receive none; its codes still count")},
    JSON_OPTION,
    END_OPTION,
};
static const struct command_option remove_options[] = {
    {"--yes", NULL, N_("do not ask")},
    END_OPTION,
};

static const struct command commands[] = {
    {"enroll", "[LINK]", 0, 1, enroll_options,
     N_("make this a device of yours, by a link, which it asks for (or: - for standard input)"),
     phone_enroll},
    {"watch", "", 0, 0, watch_options, N_("show requests as they come, and answer them"),
     phone_watch},
    {"approve", "", 0, 0, approve_options, N_("approve a request"), phone_approve},
    {"deny", "", 0, 0, deny_options, N_("deny a request"), phone_deny},
    {"list", "", 0, 0, json_options, N_("list requests that are open or ended lately"), phone_list},
    {"code", "", 0, 0, code_options, N_("show the one-time code; works offline"), phone_code},
    {"activity", "", 0, 0, activity_options, N_("list recent sign-ins and how they ended"),
     phone_activity},
    {"device", "", 0, 0, device_options, N_("show your devices, change this one"), phone_device},
    {"key", "", 0, 0, json_options,
     N_("show whose key this is, as `approvectl pin` takes it; works offline"), phone_key},
    {"remove", "", 0, 0, remove_options, N_("remove this device from the server, forget its key"),
     phone_remove},
    {NULL, NULL, 0, 0, NULL, NULL, NULL},
};

static const struct command_option global_options[] = {
    {"--state", "DIR", N_("where the key and the enrolment are kept (~/.config/approve-phone)")},
    END_OPTION,
};

static const struct program program = {
    "approve-phone",
    N_("approve sign-ins from a terminal"),
    commands,
    global_options,
    N_("One state directory holds one enrolment. Whoever can read it can approve."),
    NULL};

int main(int argc, char **argv)
{
    secret_keep();
    i18n_start();
    signal(SIGPIPE, SIG_IGN);
    curl_global_init(CURL_GLOBAL_DEFAULT);
    int code = command_main(&program, argc, argv);
    curl_global_cleanup();
    return code;
}
