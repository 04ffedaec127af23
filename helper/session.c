#include "helper/session.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/log.h"
#include "common/random.h"
#include "common/sanitize.h"
#include "helper/text.h"

#define GREETER_DELAY_MS 2000 /* for the last text to be read */

void session_free(struct session *session)
{
    struct event *events[] = {session->readable, session->timer, session->life};

    for (size_t i = 0; i < sizeof events / sizeof *events; i++) {
        if (events[i] != NULL)
            event_free(events[i]);
    }
    *session->link = session->next;
    if (session->next != NULL)
        session->next->link = session->link;
    if (session->lookup != NULL)
        lookup_cancel(session->lookup);
    ciba_end(session->request, CIBA_CALLER_GONE);
    host_unref(session->host);
    secret_wipe(session->code, sizeof session->code);
    close(session->fd);
    quota_release(session->helper->quotas, session->uid);
    free(session);
}

/* Whoever connects in a loop must not fill the log, nor have the journal drop others' lines. */
static bool may_log(const struct session *session)
{
    unsigned left_out;
    bool may = quota_line(session->helper->quotas, session->uid, clock_mono_ms(), &left_out);

    if (left_out > 0)
        log_warn("%u lines about uid %u were left out", left_out, (unsigned)session->uid);
    return may;
}

void session_drop(struct session *session, const char *what)
{
    if (may_log(session))
        log_warn("%s uid %u: closed", what, (unsigned)session->uid);
    session_free(session);
}

/* --- to the module --- */

/* Its type alone: an answer is a code, and a text holds the number. */
static void debug_frame(const struct session *session, const char *way, int type)
{
    log_debug("frame %c %s uid=%u user=%s service=%s after %lld ms", type, way,
              (unsigned)session->uid, LOG_NAME(session->login.user),
              LOG_NAME(session->login.service),
              (long long)(clock_mono_ms() - session->started_mono_ms));
}

static bool send_frame(struct session *session, const struct frame *frame)
{
    debug_frame(session, "to", frame->bytes[0]);
    if (++session->frames <= SESSION_FRAMES && frame_send(session->fd, frame) == 0)
        return true;
    if (may_log(session))
        log_warn("a frame to the module of user=%s could not be sent: %s", session->login.user,
                 session->frames > SESSION_FRAMES ? "too many" : strerror(errno));
    session_free(session);
    return false;
}

bool session_send_text(struct session *session, bool is_error, const char *text)
{
    struct frame frame;

    frame_start(&frame, is_error ? FRAME_ERROR : FRAME_INFO);
    frame_add(&frame, "text", text);
    return send_frame(session, &frame);
}

bool session_send_prompt(struct session *session, const char *text)
{
    struct frame frame;

    frame_start(&frame, FRAME_PROMPT);
    frame_add(&frame, "text", text);
    frame_add_number(&frame, "echo", 1);
    session->prompt_open = true;
    event_del(session->timer);
    return send_frame(session, &frame);
}

bool session_send_wait(struct session *session, long seconds, bool key)
{
    struct timeval wait = {seconds, 0};
    struct frame frame;

    frame_start(&frame, FRAME_WAIT);
    frame_add_number(&frame, "seconds", seconds);
    frame_add_number(&frame, "key", key);
    session->keys_allowed += key;
    evtimer_add(session->timer, &wait);
    return send_frame(session, &frame);
}

static void write_log(const struct session *session, const char *word, const char *why)
{
    char user[130], service[66], rhost[258], by[130];

    if (session->phase != SESSION_TALKING && !may_log(session))
        return;
    log_info("%s user=%s service=%s rhost=%s request=%s by=%s uid=%u: %s", word,
             sanitize_word(user, sizeof user, session->login.user),
             sanitize_word(service, sizeof service, session->login.service),
             sanitize_word(rhost, sizeof rhost, session->login.rhost),
             session->request_id[0] != 0 ? session->request_id : "-",
             sanitize_word(by, sizeof by, session->by), (unsigned)session->uid, why);
}

static bool lets_in(enum outcome outcome)
{
    return outcome == OUTCOME_APPROVED || outcome == OUTCOME_CODE || outcome == OUTCOME_NOT_ASKED;
}

void session_finish(struct session *session, enum outcome outcome, const char *detail)
{
    const struct profile *profile = profile_find(session->login.service);
    bool greeter = (profile->flags & PROFILE_GREETER) != 0;
    bool is_error = !greeter || (profile->flags & PROFILE_ERROR) != 0;
    char why[FRAME_TEXT_MAX], text[FRAME_TEXT_MAX + 1];
    const struct timeval linger = {SESSION_LINGER_MS / 1000, 0};
    struct frame frame;

    snprintf(why, sizeof why, "%s%s%.600s", outcome_log_text(outcome), detail[0] != 0 ? ": " : "",
             detail);
    sanitize_text(text, sizeof text, why);
    write_log(session, outcome_wire(outcome), text);
    session->phase = SESSION_DONE;
    frame_start(&frame, FRAME_DONE);
    frame_add(&frame, "outcome", outcome_wire(outcome));
    /* Whoever is not root hears nothing of this host's configuration. */
    frame_add(&frame, "log", session->uid == 0 ? text : outcome_log_text(outcome));
    frame_add_number(&frame, "delay", greeter && !lets_in(outcome) ? GREETER_DELAY_MS : 0);
    frame_add_number(&frame, "greeter", greeter);
    text_of_outcome(outcome, session->language, (profile->flags & PROFILE_PLAIN) != 0,
                    session->locked, profile->line, text);
    if (text[0] != 0 && !session_send_text(session, is_error, text))
        return;
    /* Closing at once could lose DONE, where a KEY of the module's lies unread. */
    evtimer_add(session->timer, &linger);
    if (send_frame(session, &frame)) {
        ciba_end(session->request, outcome == OUTCOME_CODE_REFUSED || outcome == OUTCOME_CODE_LOCKED
                                       ? CIBA_BAD_CODES
                                       : CIBA_NOT_NEEDED);
        session->request = NULL;
        if (lets_in(outcome))
            passed_note(&session->helper->passed, session->login.service, session->started_boot_ms);
    }
}

void session_last(struct session *session, const struct frame *frame)
{
    const struct timeval linger = {SESSION_LINGER_MS / 1000, 0};
    const char *service = frame_get(frame, "service");
    struct frame answer;
    int64_t age;

    if (session->uid != 0 || service == NULL) {
        session_drop(session, "a LAST that is not allowed, or not understood, from");
        return;
    }
    session->phase = SESSION_DONE;
    age = passed_age(&session->helper->passed, service, clock_boot_ms());
    frame_start(&answer, FRAME_TIME);
    if (age >= 0)
        frame_add_number(&answer, "age", age < FRAME_AGE_MAX ? (long)age : FRAME_AGE_MAX);
    evtimer_add(session->timer, &linger);
    send_frame(session, &answer);
}

/* --- from the module --- */

static void on_frame(struct session *session, int type, const struct frame *frame)
{
    const char *text = frame_get(frame, "text");

    debug_frame(session, "from", type);
    if (type == FRAME_START && session->phase == SESSION_NEW) {
        session_start(session, frame);
    } else if (type == FRAME_LAST && session->phase == SESSION_NEW) {
        session_last(session, frame);
    } else if (type == FRAME_ANSWER && session->prompt_open && text != NULL) {
        session->prompt_open = false;
        session_on_answer(session, text);
    } else if (type == FRAME_KEY && session->keys_allowed > 0) {
        session->keys_allowed--;
        session_on_key(session);
    } else if (session->phase != SESSION_DONE) {
        session_drop(session, "a frame out of order from");
    }
}

static void on_readable(evutil_socket_t fd, short what, void *arg)
{
    struct session *session = arg;
    struct frame frame;
    int type = frame_receive(fd, &frame);

    (void)what;
    if (type < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (type <= 0) {
        if (type == 0 && session->phase == SESSION_TALKING)
            write_log(session, "gone", "the caller went away");
        if (type < 0)
            session_drop(session, "a broken frame from");
        else
            session_free(session);
        return;
    }
    on_frame(session, type, &frame);
    frame_wipe(&frame);
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
    struct session *session = arg;

    (void)fd, (void)what;
    if (session->phase == SESSION_TALKING)
        session_on_time(session);
    else if (session->phase == SESSION_NEW)
        session_drop(session, "no START from");
    else
        session_free(session);
}

static void on_life_over(evutil_socket_t fd, short what, void *arg)
{
    (void)fd, (void)what;
    session_free(arg);
}

struct session *session_new(struct helper *helper, int fd, uid_t uid, enum outcome refusal)
{
    const struct timeval start = {SESSION_START_MS / 1000, 0}, life = {SESSION_LIFE_MS / 1000, 0};
    struct session *session = calloc(1, sizeof *session);

    if (session == NULL)
        return NULL;
    session->helper = helper;
    session->fd = fd;
    session->uid = uid;
    session->refusal = refusal;
    session->started_mono_ms = clock_mono_ms();
    session->started_boot_ms = clock_boot_ms();
    session->readable = event_new(helper->base, fd, EV_READ | EV_PERSIST, on_readable, session);
    session->timer = evtimer_new(helper->base, on_timer, session);
    session->life = evtimer_new(helper->base, on_life_over, session);
    if (session->readable == NULL || session->timer == NULL || session->life == NULL ||
        event_add(session->readable, NULL) != 0) {
        if (session->readable != NULL)
            event_free(session->readable);
        if (session->timer != NULL)
            event_free(session->timer);
        if (session->life != NULL)
            event_free(session->life);
        free(session);
        return NULL;
    }
    evtimer_add(session->timer, &start);
    evtimer_add(session->life, &life);
    session->link = &helper->sessions;
    session->next = helper->sessions;
    if (session->next != NULL)
        session->next->link = &session->next;
    helper->sessions = session;
    quota_charge(helper->quotas, uid);
    return session;
}
