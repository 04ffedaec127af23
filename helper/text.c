#include "helper/text.h"

#include <stdio.h>
#include <string.h>

#include "common/i18n.h"
#include "common/sanitize.h"

void text_wrap(char *text, int line)
{
    char *blank = NULL;
    int column = 0;

    if (line <= 0)
        return;
    for (char *p = text; *p != 0; p++) {
        if (((unsigned char)*p & 0xc0) == 0x80)
            continue; /* not the first byte of a character */
        column++;
        if (*p == '\n') {
            column = 0;
            blank = NULL;
        } else if (*p == ' ') {
            blank = p;
        }
        if (column > line && blank != NULL) {
            *blank = '\n';
            column = 0;
            for (const char *q = blank + 1; q <= p; q++)
                column += ((unsigned char)*q & 0xc0) != 0x80;
            blank = NULL;
        }
    }
}

/* "Pixel 8", "Pixel 8 or another device". */
static void name_device(const struct text_scene *scene, char *out, size_t size)
{
    char name[TEXT_DEVICE_MAX + 1];

    sanitize_text(name, sizeof name, scene->device);
    if (name[0] == 0)
        snprintf(out, size, "%s", scene->devices > 1 ? _("one of your devices") : _("your phone"));
    else if (scene->devices > 1)
        snprintf(out, size, _("%s or another device"), name);
    else
        snprintf(out, size, "%s", name);
}

/* "Number 42. Approve on Pixel 8, then press Enter, or type a code: " */
static void draw_number_prompt(const struct text_scene *scene, bool again, char *out, size_t size)
{
    char device[128], number[64] = "", code[160];

    name_device(scene, device, sizeof device);
    if (scene->mode != NUMBER_OFF)
        snprintf(number, sizeof number, _("Number %d. "), scene->number);
    if (!scene->codes)
        snprintf(code, sizeof code, ": ");
    else if (scene->bound != NULL)
        snprintf(code, sizeof code, _(", or type the code for %s: "), scene->bound);
    else
        snprintf(code, sizeof code, "%s", _(", or type a code: "));
    snprintf(out, size, _("%s%sApprove on %s, then press Enter%s"),
             again ? _("Not approved yet. ") : "", number, device, code);
}

/* "Approve 42 on Pixel 8". In front of a prompt it says what to type: some greeters hide the
 * prompt's own words behind a text. */
static void draw_number_text(const struct text_scene *scene, bool prompts, char *out, size_t size)
{
    const char *more = "";
    char device[128];
    size_t len;

    name_device(scene, device, sizeof device);
    if (scene->mode != NUMBER_OFF)
        snprintf(out, size, _("Approve %d on %s"), scene->number, device);
    else
        snprintf(out, size, _("Approve on %s"), device);
    len = strlen(out);
    if (prompts)
        more = _(", then press Enter, or type a code.");
    else if (scene->keys)
        more = _(", or press a key to type a code.");
    snprintf(out + len, size - len, "%s", more);
}

/* The code prompts: a sentence, and with greeters the same as a text above a short prompt. */
static const struct sentence {
    enum conversation_action action;
    bool before; /* always a text of its own: it is too long for a prompt */
    bool is_error;
    const char *text;
} sentences[] = {
    {ACTION_PROMPT_NO_PHONE, false, false, N_("No phone can be asked now. Type a one-time code")},
    {ACTION_PROMPT_UNREACHED, true, false,
     N_("No phone could be reached. Type a code, or press Enter to look again")},
    {ACTION_PROMPT_EXPIRED, false, false, N_("No answer in time. Type a one-time code")},
    {ACTION_PROMPT_AGAIN, false, false, N_("Type a one-time code")},
    {ACTION_PROMPT_TIME_UP, true, false,
     N_("No answer yet. Type a code, or press Enter to look again")},
    {ACTION_PROMPT_WRONG, true, true, N_("That code is not right. Type another one")},
};

/* Before "Code for web1: ", where codes are bound to this host. */
static const struct reason {
    enum conversation_action action;
    bool is_error;
    const char *text;
} reasons[] = {
    {ACTION_PROMPT_NO_PHONE, false, N_("No phone can be asked now.")},
    {ACTION_PROMPT_UNREACHED, false, N_("No phone could be reached; press Enter to look again.")},
    {ACTION_PROMPT_EXPIRED, false, N_("No answer in time.")},
    {ACTION_PROMPT_TIME_UP, false, N_("No answer yet; press Enter to look again.")},
    {ACTION_PROMPT_WRONG, true, N_("That code is not right.")},
    {ACTION_PROMPT_OFFLINE, false, N_("Server unreachable.")},
};

/* "Server unreachable. Code for web1: "; with greeters the same as a text above a short prompt. */
static void draw_bound_prompt(enum conversation_action action, const struct text_scene *scene,
                              struct text *text)
{
    const char *why = "";

    for (size_t i = 0; i < sizeof reasons / sizeof *reasons; i++) {
        if (reasons[i].action == action) {
            why = _(reasons[i].text);
            text->is_error = reasons[i].is_error;
        }
    }
    if (scene->greeter) {
        snprintf(text->before, sizeof text->before, _("%s%sType the code for %s."), why,
                 why[0] != 0 ? " " : "", scene->bound);
        snprintf(text->prompt, sizeof text->prompt, "%s", _("Code:"));
        return;
    }
    if (text->is_error)
        snprintf(text->before, sizeof text->before, "%s", why);
    snprintf(text->prompt, sizeof text->prompt, _("%s%sCode for %s: "), text->is_error ? "" : why,
             text->is_error || why[0] == 0 ? "" : " ", scene->bound);
}

static void draw_code_prompt(enum conversation_action action, const struct text_scene *scene,
                             struct text *text)
{
    const struct sentence *found = NULL;

    for (size_t i = 0; i < sizeof sentences / sizeof *sentences; i++) {
        if (sentences[i].action == action)
            found = &sentences[i];
    }
    snprintf(text->prompt, sizeof text->prompt, "%s", scene->greeter ? _("Code:") : _("Code: "));
    if (found == NULL)
        return;
    text->is_error = found->is_error;
    if (scene->greeter || found->before)
        snprintf(text->before, sizeof text->before, _("%s."), _(found->text));
    else
        snprintf(text->prompt, sizeof text->prompt, _("%s: "), _(found->text));
}

static void draw(enum conversation_action action, const struct text_scene *scene,
                 const struct catalogue *language, struct text *text)
{
    text->is_error = false;
    text->before[0] = text->prompt[0] = 0;
    i18n_speak(language);
    if (action == ACTION_SHOW) {
        draw_number_text(scene, false, text->before, sizeof text->before);
    } else if (scene->phone && !scene->waits && action != ACTION_PROMPT_UNREACHED) {
        draw_number_prompt(scene, action == ACTION_PROMPT_TIME_UP, text->prompt,
                           sizeof text->prompt);
        text->is_error = action == ACTION_PROMPT_WRONG;
        if (text->is_error)
            snprintf(text->before, sizeof text->before, "%s", _("That code is not right."));
    } else {
        if (scene->bound != NULL)
            draw_bound_prompt(action, scene, text);
        else
            draw_code_prompt(action, scene, text);
        if (action == ACTION_PROMPT_FIRST)
            draw_number_text(scene, true, text->before, sizeof text->before);
    }
    i18n_speak(NULL); /* the log is in English */
}

void text_of_action(enum conversation_action action, const struct text_scene *scene,
                    struct text *text)
{
    draw(action, scene, scene->language, text);
    if (scene->plain && text->prompt[0] == 0 && !text_make_plain(text->before))
        draw(action, scene, NULL, text);
    text_wrap(text->before, scene->line);
}

static void say_outcome(enum outcome outcome, int64_t locked, char out[FRAME_TEXT_MAX + 1])
{
    const char *text = outcome_user_text(outcome);
    size_t len;

    snprintf(out, FRAME_TEXT_MAX + 1, "%s", text != NULL ? _(text) : "");
    len = strlen(out);
    if (len > 0 && locked > 0)
        snprintf(out + len, FRAME_TEXT_MAX + 1 - len, _(" Codes count again in %d min."),
                 (int)((locked + 59) / 60));
}

void text_of_outcome(enum outcome outcome, const struct catalogue *language, bool plain,
                     int64_t locked, int line, char out[FRAME_TEXT_MAX + 1])
{
    i18n_speak(language);
    say_outcome(outcome, locked, out);
    i18n_speak(NULL);
    if (plain && !text_make_plain(out))
        say_outcome(outcome, locked, out);
    text_wrap(out, line);
}
