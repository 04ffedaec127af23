#include "phone/terminal/screen.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "common/command.h"
#include "common/i18n.h"
#include "common/sanitize.h"

/* The words of docs/backend-protocol.md, "The request's states", for people. A NULL result: any. */
static const struct {
    const char *state, *result;
    enum screen_mood mood;
    const char *text;
} ends[] = {
    {"open", NULL, MOOD_STRONG, N_("waits for an answer")},
    {"approved", NULL, MOOD_GOOD, N_("approved, the host has not collected it yet")},
    {"used", "signed_in", MOOD_GOOD, N_("signed in")},
    {NULL, "wrong_number", MOOD_BAD, N_("refused: the number did not match")},
    {NULL, "invalid_approval", MOOD_BAD, N_("refused: the host could not verify the approval")},
    {NULL, "denied", MOOD_BAD, N_("denied")},
    {NULL, "not_me", MOOD_BAD, N_("denied: it wasn't you")},
    {NULL, "no_answer", MOOD_PLAIN, N_("nobody answered in time")},
    {NULL, "caller_gone", MOOD_PLAIN, N_("cancelled: whoever was signing in went away")},
    {NULL, "code_refused", MOOD_BAD, N_("cancelled: too many wrong codes")},
    {NULL, "not_needed", MOOD_PLAIN, N_("cancelled: not needed any more")},
    {NULL, "secured", MOOD_BAD, N_("cancelled: the account was secured")},
    {NULL, "revoked", MOOD_BAD, N_("cancelled: the host may no longer ask")},
    {"used", NULL, MOOD_GOOD, N_("used")},
    {"denied", NULL, MOOD_BAD, N_("denied")},
    {"expired", NULL, MOOD_PLAIN, N_("expired")},
    {"cancelled", NULL, MOOD_PLAIN, N_("cancelled")},
    {NULL, NULL, MOOD_PLAIN, N_("over (this approve-phone does not know why: update it)")},
};

static size_t find_end(const char *state, const char *result)
{
    size_t i = 0;
    while ((ends[i].state && strcmp(ends[i].state, state) != 0) ||
           (ends[i].result && strcmp(ends[i].result, result) != 0))
        i++; /* the last row fits everything */
    return i;
}

const char *screen_result(const char *state, const char *result)
{
    return _(ends[find_end(state, result)].text);
}

enum screen_mood screen_mood_of(const char *state, const char *result)
{
    return ends[find_end(state, result)].mood;
}

static void print_in(FILE *out, enum screen_mood mood, const char *text)
{
    static const char *const codes[] = {[MOOD_PLAIN] = "",
                                        [MOOD_GOOD] = "\033[32m",
                                        [MOOD_BAD] = "\033[31m",
                                        [MOOD_STRONG] = "\033[1m",
                                        [MOOD_FAINT] = "\033[2m"};
    bool colour = mood != MOOD_PLAIN && command_colour(fileno(out));
    fprintf(out, "%s%s%s", colour ? codes[mood] : "", text, colour ? "\033[0m" : "");
}

void screen_in(enum screen_mood mood, const char *text)
{
    print_in(stdout, mood, text);
}

static void print_field(FILE *out, const char *label, const char *value)
{
    char clean[512];
    sanitize_text(clean, sizeof(clean), value);
    if (*clean)
        fprintf(out, "  %-10s %s\n", label, clean);
}

void screen_login(const struct sign_in *request, char *out, size_t size)
{
    char host[129], service[65], rhost[257];
    sanitize_text(host, sizeof(host), request->login.host_name);
    sanitize_text(service, sizeof(service), request->login.service);
    sanitize_text(rhost, sizeof(rhost), request->login.rhost);
    if (*rhost)
        snprintf(out, size, _("%s, %s, from %s"), host, service, rhost);
    else
        snprintf(out, size, _("%s, %s"), host, service);
}

void screen_request(FILE *out, const struct sign_in *request)
{
    const struct login *login = &request->login;
    char text[256];

    fprintf(out, "\n");
    print_in(out, MOOD_STRONG, _("Sign-in request"));
    fprintf(out, "\n");
    snprintf(text, sizeof(text), "%s (%s)", login->host_name, login->host);
    print_field(out, _("host"), text);
    print_field(out, _("service"), login->service);
    print_field(out, _("user"), login->user);
    print_field(out, _("from"), *login->rhost ? login->rhost : _("the host itself"));
    print_field(out, _("terminal"), login->tty);
    print_field(out, _("command"), login->command);
    snprintf(text, sizeof(text), _("%d s left"), (int)sign_in_left(request));
    print_field(out, _("time"), text);
    fflush(out);
}

void screen_request_line(const struct sign_in *request)
{
    char login[512], text[640];
    screen_login(request, login, sizeof(login));
    printf("%s  %s: ", request->id, login);
    if (sign_in_is_over(request))
        snprintf(text, sizeof(text), "%s", screen_result(request->state, request->result));
    else
        snprintf(text, sizeof(text), _("%s, %d s left"),
                 screen_result(request->state, request->result), (int)sign_in_left(request));
    screen_in(screen_mood_of(request->state, request->result), text);
    printf("\n");
}

void screen_end(const struct sign_in *request)
{
    char login[512], by[65];
    screen_login(request, login, sizeof(login));
    printf("%s: ", login);
    screen_in(screen_mood_of(request->state, request->result),
              screen_result(request->state, request->result));
    if (*request->by && strcmp(request->by, "this") != 0) {
        sanitize_text(by, sizeof(by), request->by);
        printf(_(" (on %s)"), by);
    }
    printf("\n");
    fflush(stdout);
}

void screen_time(int64_t at, char *out, size_t size)
{
    time_t then = (time_t)at, now = time(NULL);
    struct tm day, today;

    *out = '\0';
    if (!localtime_r(&then, &day) || !localtime_r(&now, &today))
        return;
    if (day.tm_year == today.tm_year && day.tm_yday == today.tm_yday)
        strftime(out, size, "%H:%M:%S", &day);
    else
        strftime(out, size, "%Y-%m-%d %H:%M", &day);
}

int screen_json(json_t *value)
{
    char *text = value ? json_dumps(value, JSON_COMPACT | JSON_ENSURE_ASCII) : NULL;
    json_decref(value);
    if (!text)
        return screen_error(EXIT_FAILED, _("Out of memory."));
    printf("%s\n", text);
    fflush(stdout);
    free(text);
    return EXIT_OK;
}

int screen_error(int exit_code, const char *text)
{
    fflush(stdout);
    fprintf(stderr, "approve-phone: %s\n", text);
    return exit_code;
}
