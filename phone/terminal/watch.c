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
#include "common/json_text.h"
#include "phone/terminal/api.h"
#include "phone/terminal/ask.h"
#include "phone/terminal/commands.h"
#include "phone/terminal/screen.h"
#include "phone/terminal/sign_in.h"

#define HOLD_SECONDS 25
#define PAUSE_MS 2000 /* between calls to a server that does not answer */
#define GRACE_MS 3000 /* after a request's end, for the server to say so */

/* What was told of a request; parallel to the list's entries. */
struct told {
    char state[16], result[32];
    bool left_alone; /* answered, or cannot be answered here */
};

struct watch {
    struct handset handset;
    struct sign_ins list, before; /* before: the list until now */
    struct told told[SIGN_INS_MAX], told_before[SIGN_INS_MAX];
    struct handset_talk *talk;
    int64_t next_call;  /* clock_mono_ms */
    bool first, silent; /* no list came yet; the server does not answer */
    struct ask_reader reader;
    char asking[23]; /* the request that the prompt is about, "" where none stands */
    int signals;
    bool json, automatic, done;
    int number; /* --number, 0 where not given */
    int exit_code;
};

/* One line of --json, or nothing. */
static void tell_json(const struct watch *w, const char *event, const struct sign_in *request)
{
    if (w->json)
        screen_json(json_pack("{s:s,s:o}", "event", event, "request", sign_in_json(request)));
}

static void tell(const struct watch *w, const char *text)
{
    if (w->json)
        screen_error(EXIT_OK, text);
    else
        printf("%s\n", text);
    fflush(stdout);
}

static bool can_ask(const struct watch *w)
{
    return !w->reader.ended && (!w->json || w->automatic);
}

static struct told *told_of(struct watch *w, const struct sign_in *request)
{
    return &w->told[request - w->list.items];
}

/* A prompt that is open stands on the current line: go to the next one. */
static void leave_prompt(const struct watch *w)
{
    if (*w->asking && !w->automatic)
        printf("\n");
}

static void print_prompt(const struct watch *w, const struct sign_in *request)
{
    const int *of = request->login.candidates;

    if (w->automatic)
        return;
    switch (request->login.mode) {
    case NUMBER_OFF:
        printf(_("Approve? y: approve, n: deny, x: it wasn't me > "));
        break;
    case NUMBER_CHOOSE:
        printf(_("Which number does the sign-in screen show: %d, %d or %d? n: deny, x: it wasn't "
                 "me > "),
               of[0], of[1], of[2]);
        break;
    case NUMBER_ENTER:
        printf(_("Number on the sign-in screen (n: deny, x: it wasn't me) > "));
        break;
    }
    fflush(stdout);
}

/* Says how it is now. True where there was news. */
static bool tell_change(struct watch *w, const struct sign_in *request)
{
    struct told *told = told_of(w, request);
    bool news =
        strcmp(told->state, request->state) != 0 || strcmp(told->result, request->result) != 0;

    if (!news)
        return false;
    snprintf(told->state, sizeof(told->state), "%s", request->state);
    snprintf(told->result, sizeof(told->result), "%s", request->result);
    if (!strcmp(w->asking, request->id)) {
        leave_prompt(w);
        ask_forget(&w->reader);
        w->asking[0] = '\0';
    } else {
        leave_prompt(w);
    }
    tell_json(w, sign_in_is_over(request) ? "end" : "change", request);
    if (!w->json)
        screen_end(request);
    return true;
}

/* A request that is new to us. True where something was printed. */
static bool tell_new(struct watch *w, const struct sign_in *request)
{
    char login[512];

    if (sign_in_is_over(request) && w->first) { /* history */
        snprintf(told_of(w, request)->state, sizeof(request->state), "%s", request->state);
        snprintf(told_of(w, request)->result, sizeof(request->result), "%s", request->result);
        return false;
    }
    if (!sign_in_is_open(request))
        return tell_change(w, request);
    snprintf(told_of(w, request)->state, sizeof(request->state), "%s", request->state);
    tell_json(w, "request", request);
    if (w->json)
        return true;
    if (!can_ask(w)) {
        screen_request(request);
    } else if (*w->asking) {
        leave_prompt(w);
        screen_login(request, login, sizeof(login));
        printf(_("Another request waits: %s\n"), login);
    }
    return *w->asking != '\0';
}

/* What is gone from the list without a word of how it ended. */
static void drop_vanished(struct watch *w)
{
    if (*w->asking && !sign_ins_find(&w->list, w->asking)) {
        leave_prompt(w);
        ask_forget(&w->reader);
        w->asking[0] = '\0';
        tell(w, _("The request is not listed any more."));
    }
}

static void take_list(struct watch *w, const struct handset_answer *answer)
{
    bool printed = false;

    sign_ins_free(&w->before);
    w->before = w->list;
    memcpy(w->told_before, w->told, sizeof(w->told));
    memset(w->told, 0, sizeof(w->told));
    w->list.count = 0;
    if (sign_ins_read(&w->handset, answer, &w->list) < 0) {
        w->exit_code = screen_error(
            EXIT_FAILED, _("The server's list of requests cannot be read: update this program."));
        w->done = true;
        return;
    }
    if (w->list.strange > w->before.strange)
        tell(w, _("A request was left out: it is damaged, or made for another user or server."));
    for (size_t i = w->list.count; i-- > 0;) { /* the newest last, nearest to the prompt */
        const struct sign_in *request = &w->list.items[i];
        const struct sign_in *old = sign_ins_find(&w->before, request->id);
        if (old)
            w->told[i] = w->told_before[old - w->before.items];
        printed |= old ? tell_change(w, request) : tell_new(w, request);
    }
    drop_vanished(w);
    w->first = false;
    if (printed && *w->asking)
        print_prompt(w, sign_ins_find(&w->list, w->asking));
}

static void take_answer(struct watch *w)
{
    struct handset_answer answer;
    bool well = handset_talk_end(w->talk, &answer);

    w->talk = NULL;
    w->next_call = clock_mono_ms();
    if (well) {
        if (w->silent) {
            leave_prompt(w);
            tell(w, _("The server answers again."));
        }
        w->silent = false;
        take_list(w, &answer);
    } else if (answer.exit_code == EXIT_UNAVAILABLE) {
        w->next_call += PAUSE_MS;
        if (!w->silent) {
            leave_prompt(w);
            screen_error(EXIT_UNAVAILABLE, answer.problem);
        }
        w->silent = true;
    } else {
        leave_prompt(w);
        w->exit_code = screen_error(answer.exit_code, answer.problem);
        w->done = true;
    }
    handset_answer_free(&answer);
}

/* Sends the answer to the request. It is left alone then, unless the server could not be reached.
 */
static void decide(struct watch *w, struct sign_in *request, enum decision decision, int number)
{
    struct handset_answer answer;
    json_t *members = sign_in_decision(&w->handset, request, decision, number);

    w->asking[0] = '\0';
    if (handset_call(&w->handset, "decide", members, 15, &answer)) {
        told_of(w, request)->left_alone = true;
        sign_in_take_state(request, answer.body);
        if (!sign_in_is_over(request))
            tell(w, _("Approved. Waiting for the host ..."));
        snprintf(told_of(w, request)->state, sizeof(request->state), "%s",
                 sign_in_is_over(request) ? "" : request->state);
        if (sign_in_is_over(request))
            tell_change(w, request);
    } else {
        told_of(w, request)->left_alone = answer.exit_code != EXIT_UNAVAILABLE;
        screen_error(answer.exit_code, answer.problem);
    }
    handset_answer_free(&answer);
}

/* What the person typed about the request that stands there. */
static void take_line(struct watch *w, const char *line)
{
    struct sign_in *request = sign_ins_find(&w->list, w->asking);
    bool off = request->login.mode == NUMBER_OFF;
    int number = off ? 0 : sign_in_parse_number(line);

    if (!strcmp(line, "n")) {
        decide(w, request, DECISION_DENY, 0);
    } else if (!strcmp(line, "x")) {
        decide(w, request, DECISION_NOT_ME, 0);
    } else if (off ? !strcmp(line, "y") : sign_in_takes_number(request, number)) {
        decide(w, request, DECISION_APPROVE, number);
    } else {
        if (*line) {
            tell(w,
                 off ? _("Type y, n or x.")
                     : _("Type the number that the sign-in screen shows, two digits, or n or x."));
        }
        print_prompt(w, request);
    }
}

/* --auto: true where the request was dealt with, false where a line is to be read for it. */
static bool answer_by_itself(struct watch *w, struct sign_in *request)
{
    bool off = request->login.mode == NUMBER_OFF;

    if (off || (w->number && sign_in_takes_number(request, w->number))) {
        decide(w, request, DECISION_APPROVE, off ? 0 : w->number);
        return true;
    }
    if (!w->number && !w->reader.ended && !isatty(STDIN_FILENO))
        return false;
    tell(w, _("Left alone: --auto has no number for it. Say one with --number."));
    told_of(w, request)->left_alone = true;
    return true;
}

/* Turns to the newest request that nobody answered yet. */
static void ask_next(struct watch *w)
{
    for (size_t i = 0; i < w->list.count && !*w->asking; i++) {
        struct sign_in *request = &w->list.items[i];
        if (!sign_in_is_open(request) || w->told[i].left_alone || sign_in_left(request) == 0 ||
            !can_ask(w) || (w->silent && w->automatic))
            continue;
        ask_forget(&w->reader);
        if (!w->json)
            screen_request(request);
        if (w->automatic && answer_by_itself(w, request))
            continue;
        memcpy(w->asking, request->id, sizeof(w->asking));
        print_prompt(w, request);
    }
}

/* The server should have said that it is over; it may be out of reach. */
static void check_deadline(struct watch *w)
{
    struct sign_in *request = *w->asking ? sign_ins_find(&w->list, w->asking) : NULL;

    if (request && clock_mono_ms() > request->ends_ms + GRACE_MS) {
        leave_prompt(w);
        ask_forget(&w->reader);
        w->asking[0] = '\0';
        tell(w, _("The time for this request is up."));
    }
}

static void read_lines(struct watch *w)
{
    char line[64];

    while (*w->asking && ask_take(&w->reader, line, sizeof(line)))
        take_line(w, line);
    if (w->reader.ended && *w->asking) {
        if (isatty(STDIN_FILENO))
            w->done = true; /* Ctrl-D, as good as Ctrl-C */
        leave_prompt(w);
        w->asking[0] = '\0';
    }
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
        read_lines(w);
        check_deadline(w);
        if (!w->done)
            ask_next(w);
    }
    leave_prompt(w);
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
    int code = w ? take_options(w, call) : EXIT_FAILED;

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
        tell(w, text);
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
