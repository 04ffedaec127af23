/* Frames that a person sees, through the conversation of the host. */
#include <security/pam_appl.h>
#include <security/pam_ext.h>
#include <stdlib.h>
#include <string.h>

#include "common/sanitize.h"
#include "pam_module/session.h"

#define ANSWER_MOST 512

/* The helper has cleaned its texts; a terminal gets nothing unseen all the same. Lines are looked
 * at one by one. */
static bool is_drawable(const char *text, bool lines)
{
    char line[FRAME_TEXT_MAX + 1];

    if (text == NULL || strlen(text) > FRAME_TEXT_MAX)
        return false;
    for (;;) {
        size_t len = lines ? strcspn(text, "\n") : strlen(text);
        memcpy(line, text, len);
        line[len] = 0;
        if (!sanitize_is_clean(line))
            return false;
        if (text[len] == 0)
            return true;
        text += len + 1;
    }
}

static int refuse_undrawn(struct session *session, const char *why)
{
    session->nobody = true;
    return session_refuse(session, "the conversation failed: %s", why);
}

int draw_text(struct session *session, int style)
{
    const char *text = frame_get(&session->frame, "text");
    int code;

    if (!is_drawable(text, true))
        return session_refuse(session, "a text from the helper that cannot be drawn");
    code = pam_prompt(session->pamh, style, NULL, "%s", text);
    if (code != PAM_SUCCESS)
        return refuse_undrawn(session, pam_strerror(session->pamh, code));
    return 0;
}

int draw_prompt(struct session *session, char **answer)
{
    const char *text = frame_get(&session->frame, "text");
    long echo;
    int code;

    *answer = NULL;
    if (!is_drawable(text, false) || frame_get_number(&session->frame, "echo", 0, 1, &echo) != 0)
        return session_refuse(session, "a prompt from the helper that cannot be drawn");
    code = pam_prompt(session->pamh, echo == 1 ? PAM_PROMPT_ECHO_ON : PAM_PROMPT_ECHO_OFF, answer,
                      "%s", text);
    if (code != PAM_SUCCESS || *answer == NULL)
        return refuse_undrawn(session, code == PAM_SUCCESS ? "no answer"
                                                           : pam_strerror(session->pamh, code));
    if (strlen(*answer) > ANSWER_MOST)
        return session_refuse(session, "an answer of more than %d bytes", ANSWER_MOST);
    return 0;
}

void draw_free(char *answer)
{
    if (answer != NULL)
        explicit_bzero(answer, strlen(answer));
    free(answer);
}
