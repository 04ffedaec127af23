/* approve, deny, list: one request, one answer. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/i18n.h"
#include "common/json_text.h"
#include "phone/terminal/api.h"
#include "phone/terminal/ask.h"
#include "phone/terminal/commands.h"
#include "phone/terminal/screen.h"
#include "phone/terminal/sign_in.h"

#define HOLD_MAX 25       /* seconds that the server holds a call at most */
#define OUTCOME_SECONDS 2 /* to hear from the host how an approval ended */

/* What `approve` and `deny` work on. */
struct answering {
    struct handset handset;
    struct sign_ins list, later; /* later: after the answer */
    struct sign_in *request;     /* in list: what was shown is what is signed and reported */
    enum decision decision;
    int number; /* 0: none */
    bool json;
};

/* Fetches the list; waits up to `wait` seconds for another than the last. Returns an exit code. */
static int fetch(struct handset *handset, struct sign_ins *list, int64_t wait)
{
    struct handset_answer answer;
    int code = EXIT_OK;
    json_t *members = json_pack("{s:I,s:s}", "wait", (json_int_t)wait, "seen", list->revision);

    if (!handset_call(handset, "requests", members, (long)wait + 15, &answer)) {
        code = screen_error(answer.exit_code, answer.problem);
    } else {
        sign_ins_free(list);
        if (sign_ins_read(handset, &answer, list) < 0)
            code = screen_error(
                EXIT_FAILED,
                _("The server's list of requests cannot be read: update this program."));
    }
    handset_answer_free(&answer);
    return code;
}

/* Can the decision change this request? A denial after an approval wins while it is not collected;
 * one that just was is called approved for a moment more, with no time left. */
static bool can_answer(const struct sign_in *request, enum decision decision)
{
    return sign_in_is_open(request) ||
           (decision != DECISION_APPROVE && !sign_in_is_over(request) && sign_in_left(request) > 0);
}

/* Looks for the request that is meant. Returns an exit code; with EXIT_OK and no request there is
 * none yet. */
static int choose_request(struct answering *a, const char *id)
{
    size_t fitting = 0;
    char text[256];

    a->request = NULL;
    for (size_t i = 0; i < a->list.count; i++) {
        struct sign_in *each = &a->list.items[i];
        if (id ? strcmp(each->id, id) != 0 : !can_answer(each, a->decision))
            continue;
        fitting++;
        if (!a->request || (sign_in_is_open(each) && !sign_in_is_open(a->request)))
            a->request = each;
    }
    if (fitting > 1) {
        for (size_t i = 0; i < a->list.count; i++)
            screen_request_line(&a->list.items[i]);
        return screen_error(EXIT_USAGE, _("Several requests are open: say which with --request."));
    }
    if (a->request && !can_answer(a->request, a->decision)) {
        snprintf(text, sizeof(text), _("This request cannot be answered any more: %s."),
                 screen_result(a->request->state, a->request->result));
        return screen_error(EXIT_REFUSED, text);
    }
    return EXIT_OK;
}

static int find_request(struct answering *a, const char *id, int64_t wait)
{
    int64_t end = clock_mono_ms() + wait * 1000, left = 0;
    for (;;) {
        int code = fetch(&a->handset, &a->list, left < HOLD_MAX ? left : HOLD_MAX);
        if (code == EXIT_OK)
            code = choose_request(a, id);
        if (code != EXIT_OK || a->request)
            return code;
        left = (end - clock_mono_ms() + 999) / 1000;
        if (left <= 0)
            break;
    }
    return screen_error(EXIT_FAILED,
                        id ? _("There is no such request.") : _("No request is open."));
}

/* The number, from --number or a person at a terminal. Returns an exit code. */
static int find_number(struct answering *a, const char *option)
{
    /* NOLINTNEXTLINE(clang-analyzer-core.NullDereference): without a request it is not called */
    enum number_mode mode = a->request->login.mode;
    const int *of = a->request->login.candidates;
    char line[16] = "", text[160];

    if (a->decision != DECISION_APPROVE || (mode == NUMBER_OFF && !option))
        return EXIT_OK;
    if (mode == NUMBER_OFF)
        return screen_error(EXIT_USAGE, _("This request has no number: leave --number out."));
    if (!option && isatty(STDIN_FILENO)) {
        if (!ask_line(_("Number on the sign-in screen: "), line, sizeof(line)))
            return EXIT_FAILED;
        option = line;
    }
    if (!option)
        return screen_error(EXIT_USAGE, _("Say the number of the sign-in screen with --number."));
    a->number = sign_in_parse_number(option);
    if (sign_in_takes_number(a->request, a->number))
        return EXIT_OK;
    if (mode == NUMBER_CHOOSE)
        snprintf(text, sizeof(text), _("The number is one of %d, %d, %d."), of[0], of[1], of[2]);
    else
        snprintf(text, sizeof(text), _("The number has two digits, 10 to 99."));
    return screen_error(EXIT_USAGE, text);
}

/* An approval may still be found wrong by the host: wait a moment for its word. */
static void follow(struct answering *a)
{
    int64_t end = clock_mono_ms() + OUTCOME_SECONDS * 1000;

    memcpy(a->later.revision, a->list.revision, sizeof(a->later.revision));
    while (a->request && !sign_in_is_over(a->request) && clock_mono_ms() < end) {
        const struct sign_in *later;
        if (fetch(&a->handset, &a->later, 1) != EXIT_OK)
            return;
        later = sign_ins_find(&a->later, a->request->id);
        if (later)
            sign_in_take_later(a->request, later);
        else
            a->request = NULL;
    }
}

static int report(const struct answering *a)
{
    const struct sign_in *request = a->request;
    bool wanted = a->decision == DECISION_APPROVE
                      ? !sign_in_is_over(request) || !strcmp(request->result, "signed_in")
                      : !strcmp(request->state, "denied");
    if (a->json)
        screen_json(sign_in_json(request));
    else
        screen_end(request);
    return wanted ? EXIT_OK : EXIT_REFUSED;
}

static int decide(struct answering *a)
{
    struct handset_answer answer;
    json_t *members = sign_in_decision(&a->handset, a->request, a->decision, a->number);
    int code;

    if (!members)
        return screen_error(EXIT_FAILED, _("Out of memory."));
    if (!handset_call(&a->handset, "decide", members, 15, &answer)) {
        code = screen_error(answer.exit_code, answer.problem);
    } else {
        sign_in_take_state(a->request, answer.body);
        if (a->decision == DECISION_APPROVE)
            follow(a);
        code = a->request ? report(a)
                          : screen_error(EXIT_REFUSED, _("The request is not listed any more."));
    }
    handset_answer_free(&answer);
    return code;
}

/* --wait. Returns seconds, or -1 with a message. */
static int64_t wait_of(const struct command_call *call)
{
    const char *text = command_value(call, "--wait");
    char *end;
    long seconds = text ? strtol(text, &end, 10) : 0;

    if (text && (*text < '0' || *text > '9' || *end || seconds > 600)) {
        screen_error(EXIT_USAGE, _("--wait takes 0 to 600 seconds."));
        return -1;
    }
    return seconds;
}

static int answer_one(const struct command_call *call, enum decision decision, const char *number)
{
    struct answering *a = calloc(1, sizeof(*a));
    int64_t wait = wait_of(call);
    int code = EXIT_USAGE;

    if (!a || wait < 0)
        goto out;
    a->decision = decision;
    a->json = command_value(call, "--json") != NULL;
    code = handset_open(call, &a->handset);
    if (code == EXIT_OK)
        code = find_request(a, command_value(call, "--request"), wait);
    /* Fetched a moment ago: nobody has seen these details. */
    if (code == EXIT_OK && decision == DECISION_APPROVE)
        screen_request(a->json ? stderr : stdout, a->request);
    if (code == EXIT_OK)
        code = find_number(a, number);
    if (code == EXIT_OK)
        code = decide(a);
    sign_ins_free(&a->list);
    sign_ins_free(&a->later);
    handset_free(&a->handset);
out:
    free(a);
    return code;
}

int phone_approve(const struct command_call *call)
{
    return answer_one(call, DECISION_APPROVE, command_value(call, "--number"));
}

int phone_deny(const struct command_call *call)
{
    return answer_one(call, command_value(call, "--not-me") ? DECISION_NOT_ME : DECISION_DENY,
                      NULL);
}

static int print_list(const struct sign_ins *list, bool json)
{
    json_t *all = json_array();

    for (size_t i = 0; i < list->count; i++) {
        if (json)
            json_array_append_new(all, sign_in_json(&list->items[i]));
        else
            screen_request_line(&list->items[i]);
    }
    if (json)
        return screen_json(all);
    json_decref(all);
    if (list->count == 0)
        printf(_("No request is open, and none ended in the last two minutes.\n"));
    return EXIT_OK;
}

int phone_list(const struct command_call *call)
{
    struct handset handset;
    struct sign_ins *list = calloc(1, sizeof(*list));
    int code = list ? handset_open(call, &handset) : EXIT_FAILED;

    if (code == EXIT_OK) {
        code = fetch(&handset, list, 0);
        if (code == EXIT_OK)
            code = print_list(list, command_value(call, "--json") != NULL);
        if (list->strange > 0)
            screen_error(code, _("Some requests were left out: they are damaged, or made for "
                                 "another user or server."));
        sign_ins_free(list);
        handset_free(&handset);
    }
    free(list);
    return code;
}
