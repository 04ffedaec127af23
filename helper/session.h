/* One connection of a module: one authentication. session.c reads and writes frames,
 * session_start.c decides whether to ask, session_talk.c asks. */
#ifndef SESSION_H
#define SESSION_H

#include <stdbool.h>
#include <stdint.h>

#include "common/frame.h"
#include "common/https.h"
#include "common/i18n.h"
#include "helper/conversation.h"
#include "helper/helper.h"
#include "helper/policy.h"

#define SESSION_START_MS 5000  /* START comes so soon */
#define SESSION_ASK_SECONDS 30 /* at most for look-up, discovery and asking */
#define SESSION_COLLECT_SECONDS 10
#define SESSION_LINGER_MS 5000 /* for the module to read DONE */
#define SESSION_LIFE_MS 900000 /* of all, also where a prompt stays open */
#define SESSION_FRAMES 64      /* to the module */

enum session_phase { SESSION_NEW, SESSION_LOOKING_UP, SESSION_TALKING, SESSION_DONE };

struct session {
    struct session *next, **link;
    struct helper *helper;
    int fd;
    uid_t uid;
    enum outcome refusal; /* decided at the accept; OUTCOME_COUNT for none */
    enum session_phase phase;
    struct event *readable, *timer, *life;
    int frames;
    bool prompt_open;
    int keys_allowed; /* WAITs with key=1 that no KEY answered */

    bool keys;                        /* the module can notice a key */
    const struct catalogue *language; /* NULL: English */
    bool locale_told;                 /* the caller said one that is spoken here */
    struct login login;
    struct lookup *lookup;
    struct host *host;
    struct policy policy;
    int64_t started_mono_ms, started_boot_ms; /* when it was accepted, by both clocks */
    struct conversation conversation;
    struct ciba_request *request;
    char code[8]; /* typed, for a request that is being made; wiped */
    char request_id[23];
    int64_t locked;              /* seconds until codes count again, for the last text */
    char by[129];                /* the phone */
    char fault[HTTPS_FAULT_MAX]; /* for the log */
};

/* Takes the descriptor over. NULL without memory (then the caller closes it). */
struct session *session_new(struct helper *helper, int fd, uid_t uid, enum outcome refusal);

/* Closes; an open request is withdrawn. */
void session_free(struct session *session);

/* --- between the session's own files --- */

/* Each sends one frame. Where that fails the session is freed, and they return false. */
bool session_send_text(struct session *session, bool is_error, const char *text);
bool session_send_prompt(struct session *session, const char *text);
bool session_send_wait(struct session *session, long seconds, bool key);

/* The text for the user, the log line, DONE. detail: what the log says beside the outcome's own
 * words, or "". */
void session_finish(struct session *session, enum outcome outcome, const char *detail);

/* Closes, with a line of log: "WHAT uid N: closed". */
void session_drop(struct session *session, const char *what);

/* LAST came: answers it, to root only. */
void session_last(struct session *session, const struct frame *frame);

/* START came. */
void session_start(struct session *session, const struct frame *frame);

/* Asks the server. */
void session_talk(struct session *session);
void session_on_answer(struct session *session, const char *text);
void session_on_key(struct session *session);
void session_on_time(struct session *session);

#endif
