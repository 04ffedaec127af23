/* What is shown to the person, in the language of the login. */
#ifndef TEXT_H
#define TEXT_H

#include <stdbool.h>
#include <stdint.h>

#include "common/frame.h"
#include "common/i18n.h"
#include "common/login.h"
#include "helper/conversation.h"

#define TEXT_DEVICE_MAX 40 /* bytes of a phone's name */

struct text_scene {
    const struct catalogue *language; /* NULL: English */
    bool plain;                       /* a text without a prompt must be ASCII: text_make_plain */
    enum number_mode mode;
    int number;
    const char *device; /* as the server gave it */
    int devices;
    bool phone;        /* a phone can still answer */
    bool codes;        /* a code can */
    const char *bound; /* the host that codes are bound to; NULL: the server's are asked for */
    bool waits;        /* show = wait */
    bool keys;         /* a key brings the code prompt */
    bool greeter;      /* short prompts */
    int line;          /* characters in a line, 0: any */
};

struct text {
    bool is_error;                   /* before is an error message */
    char before[FRAME_TEXT_MAX + 1]; /* "" for none */
    char prompt[FRAME_TEXT_MAX + 1]; /* "" for none */
};

/* The texts of ACTION_SHOW and of the prompts. */
void text_of_action(enum conversation_action action, const struct text_scene *scene,
                    struct text *text);

/* The text for the user at the end, "" for none. locked: seconds until codes count again, which the
 * text then says; 0 for none. plain: in ASCII, or in English where that can't be. */
void text_of_outcome(enum outcome outcome, const struct catalogue *language, bool plain,
                     int64_t locked, int line, char out[FRAME_TEXT_MAX + 1]);

/* Takes the accents off, in place. False where a letter has nothing in ASCII that stands for it;
 * the text is of no use then. */
bool text_make_plain(char *text);

/* Breaks at blanks, so that no line has more than so many characters, where words allow. */
void text_wrap(char *text, int line);

#endif
