/* The module's side of docs/helper-protocol.md, "States". */
#include "pam_module/session.h"

#include <errno.h>
#include <security/pam_appl.h>
#include <security/pam_ext.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <syslog.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/outcome.h"
#include "pam_module/report.h"

#define FRAMES_MOST 64
#define WAIT_SECONDS_MOST 300
#define DELAY_MS_MOST 10000

int session_refuse(struct session *session, const char *format, ...)
{
    char why[256];
    int error = errno;
    va_list list;

    va_start(list, format);
    errno = error;
    if (vsnprintf(why, sizeof why, format, list) < 0)
        strcpy(why, "?");
    va_end(list);
    report(session->pamh, LOG_ERR, "refused: %s", why);
    session->result = PAM_AUTH_ERR;
    return -1;
}

static void no_delay(int status, unsigned usec, void *appdata)
{
    (void)status, (void)usec, (void)appdata;
}

/*
 * pam_unix asks for two seconds after any failure, also of ours: whoever pressed Ctrl-C need not
 * sit them out (pam_fail_delay(3)). The module stays loaded (-z nodelete), so the pointer stays
 * good.
 */
static void skip_delay(pam_handle_t *pamh)
{
    const void *set = NULL;
    void (*skip)(int, unsigned, void *) = no_delay;

    if (pam_get_item(pamh, PAM_FAIL_DELAY, &set) == PAM_SUCCESS && set == NULL)
        pam_set_item(pamh, PAM_FAIL_DELAY, *(const void **)&skip);
}

int session_wait(struct session *session, int fd, short events, int64_t deadline)
{
    enum caller_event event =
        caller_wait(&session->caller, fd, events, session->key_wanted, deadline);

    session->nobody = session->nobody || event == CALLER_GONE || event == CALLER_INTERRUPTED;
    switch (event) {
    case CALLER_GONE:
        return session_refuse(session, "the caller went away");
    case CALLER_INTERRUPTED:
        session_refuse(session, "interrupted by the user");
        skip_delay(session->pamh);
        session->result = PAM_ABORT;
        return -1;
    default:
        return (int)event;
    }
}

/* Sends session->frame and wipes it. The deadline is its own: a wait for the phone may be long. */
static int send_frame(struct session *session)
{
    int64_t deadline = clock_mono_ms() + FRAME_DEADLINE_MS;
    int result;

    while ((result = frame_send(session->fd, &session->frame)) != 0) {
        int event;
        if (errno != EAGAIN) {
            session_refuse(session, "the helper cannot be told: %m");
            break;
        }
        event = session_wait(session, session->fd, POLLOUT, deadline);
        if (event == CALLER_READY && clock_mono_ms() > deadline)
            event = CALLER_LATE; /* a socket that is always ready and takes nothing */
        if (event == CALLER_LATE)
            session_refuse(session, "the helper does not read");
        if (event != CALLER_READY)
            break;
    }
    frame_wipe(&session->frame);
    return result;
}

static int draw(struct session *session, int style)
{
    if (draw_text(session, style) != 0)
        return -1;
    session->state = STATE_STARTED;
    session->deadline = clock_mono_ms() + FRAME_DEADLINE_MS;
    return 0;
}

static int on_info(struct session *session)
{
    return draw(session, PAM_TEXT_INFO);
}

static int on_error(struct session *session)
{
    return draw(session, PAM_ERROR_MSG);
}

static int on_wait(struct session *session)
{
    long seconds, key;

    if (frame_get_number(&session->frame, "seconds", 1, WAIT_SECONDS_MOST, &seconds) != 0 ||
        frame_get_number(&session->frame, "key", 0, 1, &key) != 0)
        return session_refuse(session, "the helper sent a broken WAIT");
    session->state = STATE_WAITING;
    session->deadline = clock_mono_ms() + seconds * 1000 + FRAME_DEADLINE_MS;
    session->key_wanted = key == 1;
    return 0;
}

static int take_frame(struct session *session, int type);

static int on_prompt(struct session *session)
{
    char *answer = NULL;
    int result = -1, type;

    session->state = STATE_PROMPTING;
    if (draw_prompt(session, &answer) != 0)
        goto out;
    /* Whatever came while the prompt was open is out of order. */
    type = frame_receive(session->fd, &session->frame);
    if ((type >= 0 || errno != EAGAIN) && take_frame(session, type) != 0)
        goto out;

    frame_start(&session->frame, FRAME_ANSWER);
    frame_add(&session->frame, "text", answer);
    session->state = STATE_STARTED;
    session->deadline = clock_mono_ms() + FRAME_DEADLINE_MS;
    result = send_frame(session);
out:
    draw_free(answer);
    return result;
}

/* The codes of common/outcome.def, in its order. */
static const struct {
    const char *wire;
    int code, greeter_code;
} outcomes[] = {
#define OUTCOME(id, wire, pam, greeter, text, log) {wire, pam, greeter},
#include "common/outcome.def"
#undef OUTCOME
};

static int on_done(struct session *session)
{
    const char *wire = frame_get(&session->frame, "outcome");
    const char *why = frame_get(&session->frame, "log");
    long delay, greeter;
    size_t i = 0;

    if (wire == NULL || why == NULL ||
        frame_get_number(&session->frame, "delay", 0, DELAY_MS_MOST, &delay) != 0 ||
        frame_get_number(&session->frame, "greeter", 0, 1, &greeter) != 0)
        return session_refuse(session, "the helper sent a broken DONE");
    while (i < OUTCOME_COUNT && strcmp(outcomes[i].wire, wire) != 0)
        i++;
    if (i == OUTCOME_COUNT)
        return session_refuse(session, "the helper ended with \"%.40s\", which is unknown here",
                              wire);

    session->result = greeter == 1 ? outcomes[i].greeter_code : outcomes[i].code;
    session->state = STATE_ENDED;
    if (session->result == PAM_SUCCESS || session->result == PAM_IGNORE) {
        report(session->pamh, LOG_INFO, "%s: %s", wire, why);
    } else {
        report(session->pamh, LOG_NOTICE, "%s: %s", wire, why);
        if (delay > 0)
            pam_fail_delay(session->pamh, (unsigned)delay * 1000);
    }
    return 0;
}

/* What may come when. Anything else is a refusal; nothing may come while a prompt is open. */
static const struct {
    enum session_state state;
    enum frame_type type;
    int (*action)(struct session *session);
} table[] = {
    {STATE_STARTED, FRAME_INFO, on_info},     {STATE_STARTED, FRAME_ERROR, on_error},
    {STATE_STARTED, FRAME_PROMPT, on_prompt}, {STATE_STARTED, FRAME_WAIT, on_wait},
    {STATE_STARTED, FRAME_DONE, on_done},

    {STATE_WAITING, FRAME_INFO, on_info},     {STATE_WAITING, FRAME_ERROR, on_error},
    {STATE_WAITING, FRAME_PROMPT, on_prompt}, {STATE_WAITING, FRAME_WAIT, on_wait},
    {STATE_WAITING, FRAME_DONE, on_done},
};

/* type: what frame_receive returned, with its errno. */
static int take_frame(struct session *session, int type)
{
    if (type == 0)
        return session_refuse(session, "the helper closed the connection");
    if (type < 0)
        return session_refuse(session, "a broken frame from the helper: %m");
    if (++session->frames > FRAMES_MOST)
        return session_refuse(session, "more than %d frames from the helper", FRAMES_MOST);
    if (session->arguments->debug)
        report(session->pamh, LOG_DEBUG, "frame %c", type);
    session->key_wanted = false;
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        if (table[i].state == session->state && (int)table[i].type == type)
            return table[i].action(session);
    }
    return session_refuse(session, "a frame from the helper out of order");
}

/* Waits for one frame and does what it says. A key pressed meanwhile is reported once a WAIT. */
static int step(struct session *session)
{
    int type, event;

    do {
        event = session_wait(session, session->fd, POLLIN, session->deadline);
        if (event == CALLER_LATE)
            return session_refuse(session, "no answer from the helper in time");
        if (event < 0)
            return -1;
        if (event == CALLER_KEY) {
            session->key_wanted = false;
            frame_start(&session->frame, FRAME_KEY);
            if (send_frame(session) != 0)
                return -1;
        }
    } while (event != CALLER_READY);
    type = frame_receive(session->fd, &session->frame);
    return take_frame(session, type);
}

/*
 * The one text of the module's own, where no helper says why: a greeter would blame the password,
 * and the person would change that. No catalogue: gettext's settings are the host's.
 */
static void say_refused(struct session *session)
{
    pam_prompt(session->pamh, PAM_TEXT_INFO, NULL,
               "Approval does not work on this computer. Tell your administrator.");
}

int session_run(pam_handle_t *pamh, int flags, const struct arguments *arguments)
{
    struct session session = {
        .pamh = pamh, .arguments = arguments, .fd = -1, .result = PAM_AUTH_ERR};

    session.deadline = clock_mono_ms() + FRAME_DEADLINE_MS;
    caller_open(&session.caller, pamh);
    if (connect_helper(&session) != 0)
        goto out;
    start_write(&session, flags);
    if (send_frame(&session) != 0)
        goto out;
    while (session.state != STATE_ENDED && step(&session) == 0)
        ;
out:
    if (session.fd >= 0)
        close(session.fd);
    if (session.state != STATE_ENDED && !session.nobody)
        say_refused(&session);
    caller_close(&session.caller);
    frame_wipe(&session.frame);
    return session.result;
}
