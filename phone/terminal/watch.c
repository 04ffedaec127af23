/*
 * watch: shows requests as they come, and asks the person about one at a time. The long poll, the
 * keyboard and Ctrl-C are waited for together, so that a request that ends takes its prompt back.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/i18n.h"
#include "phone/terminal/commands.h"
#include "phone/terminal/screen.h"
#include "phone/terminal/watch.h"

#define HOLD_SECONDS 25
#define PAUSE_MS 2000 /* between calls to a server that does not answer */

/* The prompt, where one stands, comes again below it. */
static void tell_trouble(struct watch *w, const struct handset_answer *answer)
{
    watch_leave_prompt(w);
    screen_error(answer->exit_code, answer->problem);
    if (*w->asking)
        watch_prompt(w, sign_ins_find(&w->list, w->asking));
}

static void take_answer(struct watch *w)
{
    struct handset_answer answer;
    bool well = handset_talk_end(w->talk, &answer), back = w->silent;

    w->talk = NULL;
    w->next_call = clock_mono_ms();
    if (well) {
        if (back) {
            watch_leave_prompt(w);
            watch_tell(w, _("The server answers again."));
        }
        w->silent = false;
        watch_take_list(w, &answer, back);
    } else if (answer.exit_code == EXIT_UNAVAILABLE) {
        w->next_call += PAUSE_MS;
        if (!w->silent)
            tell_trouble(w, &answer);
        w->silent = true;
    } else {
        watch_leave_prompt(w);
        w->exit_code = screen_error(answer.exit_code, answer.problem);
        w->done = true;
    }
    handset_answer_free(&answer);
}

static void wait_for_news(struct watch *w)
{
    struct curl_waitfd others[2] = {{.fd = w->signals, .events = CURL_WAIT_POLLIN},
                                    {.fd = STDIN_FILENO, .events = CURL_WAIT_POLLIN}};
    int64_t pause = w->talk ? 1000 : w->next_call - clock_mono_ms();

    handset_talk_wait(&w->handset, others, *w->asking ? 2 : 1,
                      (int)(pause < 0      ? 0
                            : pause > 1000 ? 1000
                                           : pause));
    if (others[0].revents)
        w->done = true;
    if (*w->asking && others[1].revents)
        ask_read(&w->reader);
}

static int run(struct watch *w)
{
    while (!w->done) {
        if (!w->talk && clock_mono_ms() >= w->next_call) {
            json_t *members = json_pack("{s:i,s:s}", "wait", w->first ? 0 : HOLD_SECONDS, "seen",
                                        w->list.revision);
            w->talk = handset_talk_start(&w->handset, "requests", members, HOLD_SECONDS + 15);
            if (!w->talk)
                return screen_error(EXIT_FAILED, _("Out of memory."));
        }
        wait_for_news(w);
        if (w->talk && handset_talk_done(w->talk))
            take_answer(w);
        watch_read_lines(w);
        watch_check_deadline(w);
        if (!w->done)
            watch_ask_next(w);
    }
    watch_leave_prompt(w);
    return w->exit_code;
}

static int open_signals(void)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGHUP);
    sigprocmask(SIG_BLOCK, &set, NULL);
    return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

static int take_options(struct watch *w, const struct command_call *call)
{
    const char *number = command_value(call, "--number");

    w->json = command_value(call, "--json") != NULL;
    w->automatic = command_value(call, "--auto") != NULL;
    w->first = true;
    w->number = number ? sign_in_parse_number(number) : 0;
    if (w->number < 0)
        return screen_error(EXIT_USAGE, _("The number has two digits, 10 to 99."));
    if (number && !w->automatic)
        return screen_error(EXIT_USAGE, _("--number goes with --auto only."));
    return EXIT_OK;
}

int phone_watch(const struct command_call *call)
{
    struct watch *w = calloc(1, sizeof(*w));
    char text[400];
    int code;

    if (!w)
        return screen_error(EXIT_FAILED, _("Out of memory."));
    code = take_options(w, call);
    if (code == EXIT_OK)
        code = handset_open(call, &w->handset);
    if (code != EXIT_OK)
        goto out;
    w->signals = open_signals();
    if (w->signals < 0 || !handset_talk_ready(&w->handset)) {
        code = screen_error(EXIT_FAILED, strerror(errno));
    } else {
        if (w->automatic)
            screen_error(EXIT_OK,
                         _("WARNING: --auto approves whoever asks. That defeats the purpose: "
                           "use it for tests only."));
        snprintf(text, sizeof(text), _("Waiting for sign-in requests of %s at %s. Ctrl-C ends it."),
                 w->handset.user, w->handset.server);
        watch_tell(w, text);
        code = run(w);
    }
    if (w->talk)
        handset_talk_end(w->talk, NULL);
    if (w->signals >= 0)
        close(w->signals);
    sign_ins_free(&w->list);
    sign_ins_free(&w->before);
    handset_free(&w->handset);
out:
    free(w);
    return code;
}
