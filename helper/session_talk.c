#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/log.h"
#include "common/random.h"
#include "common/sanitize.h"
#include "common/totp.h"
#include "helper/bound.h"
#include "helper/session.h"
#include "helper/text.h"

#define HOLD_AGAIN_SECONDS 20 /* after an empty answer */

static void run(struct session *session, enum conversation_event event);

/* --- what the server says --- */

static const enum conversation_event events[] = {
    [CIBA_ASKED] = EVENT_ASKED,
    [CIBA_UNREACHED] = EVENT_UNREACHED,
    [CIBA_CODE_TAKEN] = EVENT_CODE_TAKEN,
    [CIBA_CODE_WRONG] = EVENT_CODE_WRONG,
    [CIBA_CODE_LOCKED] = EVENT_CODE_LOCKED,
    [CIBA_CODE_LOST] = EVENT_CODE_LOST,
    [CIBA_APPROVED] = EVENT_APPROVED,
    [CIBA_CODE] = EVENT_CODE,
    [CIBA_DENIED] = EVENT_DENIED,
    [CIBA_NOT_ME] = EVENT_NOT_ME,
    [CIBA_WRONG_NUMBER] = EVENT_WRONG_NUMBER,
    [CIBA_INVALID] = EVENT_INVALID,
    [CIBA_EXPIRED] = EVENT_EXPIRED,
    [CIBA_CANCELLED] = EVENT_REVOKED,
    [CIBA_UNREACHABLE] = EVENT_UNREACHABLE,
    [CIBA_BUSY] = EVENT_BUSY,
    [CIBA_REFUSED] = EVENT_REFUSED,
};

static bool is_blind(const struct session *session)
{
    return (session->policy.profile->flags & PROFILE_BLIND) != 0;
}

/* A code that the server checks is the server's word; one that is bound to this host needs none. */
static bool takes_codes(const struct session *session, const struct ciba_view *view)
{
    return session->conversation.bound ||
           (view->code && !is_blind(session) && session->host->trust == TRUST_BACKEND);
}

/* For every user alike, whether or not a phone has sealed a secret. */
static bool has_bound_codes(const struct session *session)
{
    return session->helper->bound != NULL && session->host->bound_codes && !is_blind(session) &&
           session->host->provider == PROVIDER_APPROVE;
}

/* At once, not when the prompt is answered: the caller may go away, and come again. */
static void remember_refusal(const struct session *session, enum conversation_event event)
{
    const struct login *login = &session->login;

    if (event == EVENT_DENIED || event == EVENT_NOT_ME || event == EVENT_WRONG_NUMBER)
        recent_add(session->helper->recent, login->user, login->service, login->rhost,
                   clock_mono_ms());
}

static void on_request(void *arg, enum ciba_event ciba_event)
{
    struct session *session = arg;
    struct ciba_view view = ciba_view(session->request);
    enum conversation_event event = events[ciba_event];

    snprintf(session->fault, sizeof session->fault, "%s", view.fault);
    session->locked = view.locked;
    snprintf(session->request_id, sizeof session->request_id, "%s", view.request);
    if (event == EVENT_APPROVED || event == EVENT_DENIED || event == EVENT_NOT_ME ||
        event == EVENT_WRONG_NUMBER)
        sanitize_text(session->by, sizeof session->by, view.device);
    remember_refusal(session, event);
    if (event == EVENT_ASKED) {
        session->conversation.phone = view.phone;
        session->conversation.codes = takes_codes(session, &view);
    }
    if (event == EVENT_ASKED && view.mode != NUMBER_OFF && is_blind(session))
        session_finish(session, OUTCOME_BACKEND_REFUSED,
                       "the server wants a number, and this service shows none");
    else
        run(session, event);
}

static void ask(struct session *session, bool code_only)
{
    struct ciba_question question = {.host = session->host,
                                     .login = session->login,
                                     .uid = session->uid,
                                     .life = session->policy.life,
                                     .code_only = code_only,
                                     .bound = session->conversation.bound_way};

    ciba_end(session->request, CIBA_NOT_NEEDED);
    session->request = NULL;
    if (!session_send_wait(session, SESSION_ASK_SECONDS, false))
        return;
    session->request = ciba_ask(session->helper->ciba, &question, on_request, session);
    if (session->request == NULL)
        session_finish(session, OUTCOME_INTERNAL, "no memory, or a name that is too long");
}

/* --- what is drawn --- */

static long bounded_wait(const struct session *session, long seconds)
{
    long left = (long)((session->conversation.deadline - clock_mono_ms()) / 1000);

    if (seconds > left)
        seconds = left;
    return seconds < 1 ? 1 : seconds;
}

static bool wants_keys(const struct session *session)
{
    const struct conversation *conversation = &session->conversation;

    return session->keys && conversation->codes && conversation->waits;
}

static void draw(struct session *session, enum conversation_action action)
{
    struct ciba_view view =
        session->request != NULL ? ciba_view(session->request) : (struct ciba_view){.device = ""};
    const struct conversation *conversation = &session->conversation;
    const struct profile *profile = session->policy.profile;
    struct text_scene scene = {.language = session->language,
                               .plain = (profile->flags & PROFILE_PLAIN) != 0,
                               .mode = view.mode,
                               .number = view.number,
                               .device = view.device,
                               .devices = view.devices,
                               .phone = conversation->phone,
                               .codes = conversation->codes,
                               .bound = conversation->bound ? session->host->id : NULL,
                               .waits = conversation->waits,
                               .keys = action == ACTION_SHOW && wants_keys(session),
                               .greeter = (profile->flags & PROFILE_GREETER) != 0,
                               .line = profile->line};
    struct text text;

    text_of_action(action, &scene, &text);
    if (text.before[0] != 0 && !session_send_text(session, text.is_error, text.before))
        return;
    if (text.prompt[0] != 0)
        session_send_prompt(session, text.prompt);
    else
        session_send_wait(session, bounded_wait(session, session->policy.wait),
                          wants_keys(session));
}

/* The server is not waited for any more. */
static void go_offline(struct session *session)
{
    log_warn("user=%s is asked for a code bound to this host: the server cannot be reached: %s",
             session->login.user, session->fault);
    ciba_end(session->request, CIBA_NOT_NEEDED);
    session->request = NULL;
    draw(session, ACTION_PROMPT_OFFLINE);
}

static enum conversation_event check_code(struct session *session)
{
    static const enum conversation_event answers[] = {[BOUND_RIGHT] = EVENT_CODE,
                                                      [BOUND_WRONG] = EVENT_CODE_WRONG,
                                                      [BOUND_LOCKED] = EVENT_CODE_LOCKED};
    struct bound_trial trial = {.host = session->host,
                                .user = session->login.user,
                                .code = totp_parse(session->code),
                                .now = clock_wall()};
    enum bound_answer answer = bound_try(session->helper->bound, &trial);

    secret_wipe(&trial.code, sizeof trial.code);
    snprintf(session->by, sizeof session->by, "%s", trial.device);
    snprintf(session->fault, sizeof session->fault, "bound to this host");
    session->locked = trial.locked;
    return answers[answer];
}

static void run(struct session *session, enum conversation_event event)
{
    enum conversation_action action =
        conversation_step(&session->conversation, event, clock_mono_ms());

    switch (action) {
    case ACTION_KEEP:
    case ACTION_NONE:
        break;
    case ACTION_SHOW:
    case ACTION_PROMPT_FIRST:
    case ACTION_PROMPT_AGAIN:
    case ACTION_PROMPT_KEY:
    case ACTION_PROMPT_TIME_UP:
    case ACTION_PROMPT_NO_PHONE:
    case ACTION_PROMPT_UNREACHED:
    case ACTION_PROMPT_EXPIRED:
    case ACTION_PROMPT_WRONG:
        draw(session, action);
        break;
    case ACTION_PROMPT_OFFLINE:
        go_offline(session);
        break;
    case ACTION_CHECK_CODE:
        run(session, check_code(session));
        break;
    case ACTION_WAIT:
        session_send_wait(session, bounded_wait(session, HOLD_AGAIN_SECONDS), wants_keys(session));
        break;
    case ACTION_SEND_CODE:
        if (session_send_wait(session, 2 * session->host->timeout + 2, false))
            ciba_send_code(session->request, session->code);
        break;
    case ACTION_COLLECT:
        session_send_wait(session, SESSION_COLLECT_SECONDS, false);
        break;
    case ACTION_RENEW:
        ask(session, true);
        break;
    case ACTION_REFUSE:
        log_error("the conversation has no way on: event %d", (int)event);
        /* fall through */
    case ACTION_END:
        session_finish(session, session->conversation.outcome, session->fault);
        break;
    }
}

void session_talk(struct session *session)
{
    const struct policy *policy = &session->policy;

    session->phase = SESSION_TALKING;
    session->login.mode = policy->number;
    session->conversation =
        (struct conversation){.state = STATE_ASKING,
                              .waits = policy->show == SHOW_WAIT || is_blind(session),
                              .code_first = policy->code_first,
                              .erases = (policy->profile->flags & PROFILE_GREETER) != 0,
                              .deadline = session->started_mono_ms + policy->profile->limit * 1000};
    session->conversation.bound_way = has_bound_codes(session);
    session->conversation.bound =
        session->conversation.bound_way && session->host->trust == TRUST_PINNED;
    ask(session, false);
}

/* --- what the caller does --- */

/* Six digits, with blanks anywhere. */
static bool read_code(const char *text, char code[8])
{
    char digits[16];
    size_t len = 0;
    int value;

    for (; *text != 0 && len < sizeof digits - 1; text++) {
        if (*text != ' ')
            digits[len++] = *text;
    }
    digits[len] = 0;
    value = *text == 0 ? totp_parse(digits) : -1;
    secret_wipe(digits, sizeof digits);
    if (value < 0)
        return false;
    snprintf(code, 8, "%06d", value % 1000000);
    return true;
}

void session_on_answer(struct session *session, const char *text)
{
    enum conversation_event event = EVENT_GARBLED;

    if (session->phase != SESSION_TALKING)
        return;
    if (sanitize_has_control(text))
        event = EVENT_JUNK;
    else if (text[strspn(text, " ")] == 0)
        event = EVENT_ENTER;
    else if (read_code(text, session->code))
        event = EVENT_TYPED;
    run(session, event);
}

void session_on_key(struct session *session)
{
    /* One that crossed a frame on its way is no error. */
    if (session->phase == SESSION_TALKING && session->conversation.state == STATE_HOLD)
        run(session, EVENT_KEY);
}

void session_on_time(struct session *session)
{
    run(session, EVENT_TIME_UP);
}
