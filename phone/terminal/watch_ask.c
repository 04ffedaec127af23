/* The prompt of `watch`: one request at a time, the newest first. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/i18n.h"
#include "phone/terminal/screen.h"
#include "phone/terminal/watch.h"

#define GRACE_MS 3000 /* after a request's end, for the server to say so */

bool watch_can_ask(const struct watch *w)
{
    return !w->reader.ended && (!w->json || w->automatic);
}

void watch_leave_prompt(const struct watch *w)
{
    if (*w->asking && !w->automatic)
        printf("\n");
}

void watch_withdraw(struct watch *w)
{
    watch_leave_prompt(w);
    ask_forget(&w->reader);
    w->asking[0] = '\0';
}

void watch_prompt(const struct watch *w, const struct sign_in *request)
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

/* Sends the answer to the request. It is left alone then, unless the server could not be reached.
 */
static void decide(struct watch *w, struct sign_in *request, enum decision decision, int number)
{
    struct handset_answer answer;
    json_t *members;

    if (!watch_is_same(w, request)) {
        watch_tell_other(w, request);
        return;
    }
    members = sign_in_decision(&w->handset, request, decision, number);
    w->asking[0] = '\0';
    if (handset_call(&w->handset, "decide", members, 15, &answer)) {
        watch_told(w, request)->left_alone = true;
        sign_in_take_state(request, answer.body);
        if (!sign_in_is_over(request))
            watch_tell(w, _("Approved. Waiting for the host ..."));
        snprintf(watch_told(w, request)->state, sizeof(request->state), "%s",
                 sign_in_is_over(request) ? "" : request->state);
        if (sign_in_is_over(request))
            watch_tell_change(w, request);
    } else {
        watch_told(w, request)->left_alone = answer.exit_code != EXIT_UNAVAILABLE;
        screen_error(answer.exit_code, answer.problem);
    }
    handset_answer_free(&answer);
}

/* What the person typed about the request that stands there. */
static void take_line(struct watch *w, const char *line)
{
    struct sign_in *request = sign_ins_find(&w->list, w->asking);
    bool off = request && request->login.mode == NUMBER_OFF;
    int number = off ? 0 : sign_in_parse_number(line);

    if (!request) /* the list went */
        w->asking[0] = '\0';
    else if (!strcmp(line, "n")) {
        decide(w, request, DECISION_DENY, 0);
    } else if (!strcmp(line, "x")) {
        decide(w, request, DECISION_NOT_ME, 0);
    } else if (off ? !strcmp(line, "y") : sign_in_takes_number(request, number)) {
        decide(w, request, DECISION_APPROVE, number);
    } else {
        if (*line) {
            watch_tell(
                w,
                off ? _("Type y, n or x.")
                    : _("Type the number that the sign-in screen shows, two digits, or n or x."));
        }
        watch_prompt(w, request);
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
    watch_tell(w, _("Left alone: --auto has no number for it. Say one with --number."));
    watch_told(w, request)->left_alone = true;
    return true;
}

void watch_ask_next(struct watch *w)
{
    for (size_t i = 0; i < w->list.count && !*w->asking; i++) {
        struct sign_in *request = &w->list.items[i];
        if (!sign_in_is_open(request) || w->told[i].left_alone || sign_in_left(request) == 0 ||
            !watch_can_ask(w) || (w->silent && w->automatic))
            continue;
        ask_forget(&w->reader);
        if (!w->json)
            screen_request(stdout, request);
        if (w->automatic && answer_by_itself(w, request))
            continue;
        memcpy(w->asking, request->id, sizeof(w->asking));
        watch_prompt(w, request);
    }
}

void watch_check_deadline(struct watch *w)
{
    struct sign_in *request = *w->asking ? sign_ins_find(&w->list, w->asking) : NULL;

    if (request && clock_mono_ms() > request->ends_ms + GRACE_MS) {
        watch_withdraw(w);
        watch_tell(w, _("The time for this request is up."));
    }
}

void watch_read_lines(struct watch *w)
{
    char line[64];

    while (*w->asking && ask_take(&w->reader, line, sizeof(line)))
        take_line(w, line);
    if (w->reader.ended && *w->asking) {
        if (isatty(STDIN_FILENO))
            w->done = true; /* Ctrl-D, as good as Ctrl-C */
        watch_leave_prompt(w);
        w->asking[0] = '\0';
    }
}
