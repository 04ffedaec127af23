/* One authentication: the connection to the helper and where it stands. */
#ifndef SESSION_H
#define SESSION_H

#include <security/pam_modules.h>
#include <stdbool.h>
#include <stdint.h>

#include "common/frame.h"
#include "pam_module/caller.h"
#include "pam_module/module.h"

#define FRAME_DEADLINE_MS 5000

enum session_state { STATE_STARTED, STATE_WAITING, STATE_PROMPTING, STATE_ENDED };

struct session {
    pam_handle_t *pamh;
    const struct arguments *arguments;
    int fd;
    enum session_state state;
    int64_t deadline; /* for the next frame, milliseconds of clock_mono_ms */
    bool key_wanted;
    int frames;
    int result;  /* the PAM code, a refusal until DONE says otherwise */
    bool nobody; /* there is nobody to tell why */
    struct caller caller;
    struct frame frame;
};

/* Explains a failure of the module's own in syslog, sets its PAM code, and returns -1. */
int session_refuse(struct session *session, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/*
 * Waits for events on fd (-1: for time only) until deadline. Returns CALLER_READY, CALLER_KEY or
 * CALLER_LATE, or -1 after session_refuse.
 */
int session_wait(struct session *session, int fd, short events, int64_t deadline);

/* Connects to a helper that root has put there ("Who answers"), within the deadline. Returns 0, or
 * -1 after session_refuse. */
int connect_helper(struct session *session);

/* Writes START into session->frame. */
void start_write(struct session *session, int flags);

/* Draws the text of session->frame. Returns 0, or -1 after session_refuse. */
int draw_text(struct session *session, int style);

/* Asks the prompt of session->frame. Returns 0 and an answer for draw_free, or -1 after
 * session_refuse. */
int draw_prompt(struct session *session, char **answer);
void draw_free(char *answer);

#endif
