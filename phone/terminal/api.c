#include "phone/terminal/api.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/command.h"
#include "common/https.h"
#include "common/i18n.h"
#include "common/json_text.h"
#include "common/jws.h"
#include "common/login.h"
#include "common/random.h"
#include "common/sanitize.h"
#include "phone/terminal/screen.h"

struct handset_talk {
    struct handset *handset;
    char name[32];
    char url[320];
    json_t *members;
    long seconds;
    CURL *easy;
    struct curl_slist *headers;
    struct https_answer raw;
    char *body; /* the JWS, borrowed by curl */
    bool done, tried_again;
};

/* What the server's errors mean for the person (docs/phone-protocol.md, "A call"). */
static const struct {
    const char *error;
    int exit_code;
    const char *text;
} errors[] = {
    {"stale", EXIT_FAILED, N_("This computer's clock is wrong. Set it, then try again.")},
    {"replayed", EXIT_FAILED, N_("The server has seen this message before. Try again.")},
    {"bad_message", EXIT_FAILED,
     N_("The server does not understand this program: one of the two needs an update.")},
    {"unknown_device", EXIT_REFUSED,
     N_("The server does not know this device: it was removed. Run `approve-phone remove`, then "
        "enrol again with a new link.")},
    {"app_too_old", EXIT_REFUSED, N_("This approve-phone is too old for the server: update it.")},
    {"invitation_over", EXIT_REFUSED,
     N_("This link is used up, expired or unknown. Ask for a new one.")},
    {"limited", EXIT_UNAVAILABLE, N_("Too many calls. Wait a little, then try again.")},
    {"not_found", EXIT_REFUSED,
     N_("There is no such request for you, or requests are turned off on this device (turn them "
        "on with `approve-phone device --on`).")},
    {"over", EXIT_REFUSED, N_("The request is over.")},
    {"unavailable", EXIT_UNAVAILABLE, N_("The server cannot do this just now. Try again.")},
};

void handset_version(char out[16])
{
    int major = 0, minor = 0;
    if (sscanf(VERSION, "%d.%d", &major, &minor) != 2)
        abort(); /* VERSION comes from the Makefile */
    snprintf(out, 16, "%d.%d", major, minor);
}

int64_t handset_now(const struct handset *handset)
{
    return clock_wall() + handset->skew;
}

void handset_answer_free(struct handset_answer *answer)
{
    json_decref(answer->body);
    answer->body = NULL;
}

/* The call's own members with those that every call has. NULL without memory. */
static char *sign_message(const struct handset_talk *talk)
{
    bool first_contact = !strcmp(talk->name, "invitation") || !strcmp(talk->name, "enroll");
    char *compact = NULL, *jti = random_token(16), version[16];
    json_t *payload = json_copy(talk->members);

    handset_version(version);
    if (jti && payload && json_object_set_new(payload, "url", json_string(talk->url)) == 0 &&
        json_object_set_new(payload, "iat", json_integer(handset_now(talk->handset))) == 0 &&
        json_object_set_new(payload, "jti", json_string(jti)) == 0 &&
        json_object_set_new(payload, "app", json_string(version)) == 0)
        compact = jws_sign(talk->handset->key, LOGIN_PHONE_TYP, first_contact, payload);
    json_decref(payload);
    free(jti);
    return compact;
}

static void hang_up(struct handset_talk *talk)
{
    if (talk->easy) {
        curl_multi_remove_handle(talk->handset->multi, talk->easy);
        curl_easy_cleanup(talk->easy);
        talk->easy = NULL;
    }
    https_answer_free(&talk->raw);
    https_answer_init(&talk->raw);
    secret_free(talk->body); /* `enroll` has the link's secret in it */
    talk->body = NULL;
}

static bool send_message(struct handset_talk *talk)
{
    talk->body = sign_message(talk);
    if (!talk->body)
        return false;
    talk->easy = https_handle(talk->url, talk->handset->pin, talk->seconds * 1000, &talk->raw);
    if (!talk->easy)
        return false;
    if (curl_easy_setopt(talk->easy, CURLOPT_POSTFIELDSIZE, (long)strlen(talk->body)) ||
        curl_easy_setopt(talk->easy, CURLOPT_POSTFIELDS, talk->body) ||
        curl_easy_setopt(talk->easy, CURLOPT_HTTPHEADER, talk->headers) ||
        curl_easy_setopt(talk->easy, CURLOPT_PRIVATE, talk))
        return false;
    talk->done = false;
    return curl_multi_add_handle(talk->handset->multi, talk->easy) == CURLM_OK;
}

bool handset_talk_ready(struct handset *handset)
{
    if (!handset->multi)
        handset->multi = curl_multi_init();
    return handset->multi != NULL;
}

struct handset_talk *handset_talk_start(struct handset *handset, const char *name, json_t *members,
                                        long seconds)
{
    struct handset_talk *talk = calloc(1, sizeof(*talk));
    if (!talk) {
        json_decref(members);
        return NULL;
    }
    https_answer_init(&talk->raw);
    talk->handset = handset;
    talk->seconds = seconds;
    talk->members = members ? members : json_object();
    snprintf(talk->name, sizeof(talk->name), "%s", name);
    snprintf(talk->url, sizeof(talk->url), "%s/phone/v1/%s", handset->server, name);
    talk->headers = curl_slist_append(NULL, "Content-Type: application/jose");
    if (!talk->members || !talk->headers || !handset_talk_ready(handset) || !send_message(talk)) {
        handset_talk_end(talk, NULL);
        return NULL;
    }
    return talk;
}

bool handset_talk_done(const struct handset_talk *talk)
{
    return talk->done;
}

/* An object, whatever the status; NULL where the answer is none. */
static json_t *parse_answer(const struct handset_talk *talk)
{
    return json_text_object(talk->raw.body, talk->raw.len, HTTPS_ANSWER_MAX);
}

/* Our clock is off, and the server says what time it is: sign once more. True where that is under
 * way. */
static bool try_again(struct handset_talk *talk)
{
    bool again = false;
    int64_t now;
    json_t *body = talk->raw.status == 400 && !talk->tried_again ? parse_answer(talk) : NULL;
    const char *error = json_text_string(body, "error", 32);

    if (error && !strcmp(error, "stale") &&
        json_text_integer(body, "now", 1, INT64_C(1) << 40, &now) == 0) {
        talk->tried_again = true;
        talk->handset->skew = now - clock_wall();
        hang_up(talk);
        again = send_message(talk);
    }
    json_decref(body);
    return again;
}

void handset_talk_wait(struct handset *handset, struct curl_waitfd *others, unsigned count,
                       int timeout_ms)
{
    int running, left;
    CURLMsg *message;

    curl_multi_perform(handset->multi, &running);
    while ((message = curl_multi_info_read(handset->multi, &left))) {
        struct handset_talk *talk = NULL;
        if (message->msg != CURLMSG_DONE)
            continue;
        curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, (char **)&talk);
        https_answer_finish(&talk->raw, message->easy_handle, message->data.result);
        if (!try_again(talk))
            talk->done = true;
        timeout_ms = 0; /* the caller has something to look at */
    }
    curl_multi_poll(handset->multi, others, count, timeout_ms, NULL);
}

static void explain_silence(const struct handset_talk *talk, struct handset_answer *answer)
{
    char reason[sizeof(talk->raw.error)];
    sanitize_text(reason, sizeof(reason),
                  *talk->raw.error ? talk->raw.error : _("no answer in time"));
    answer->exit_code = EXIT_UNAVAILABLE;
    snprintf(answer->problem, sizeof(answer->problem),
             _("The server did not answer (%s). Check the network, then try again."), reason);
}

/* What the server adds to an error, in words. */
static void explain_detail(const json_t *body, char *out, size_t size)
{
    const char *minimum = json_text_string(body, "minimum", 16);
    const char *state = json_text_string(body, "state", 32);
    const char *result = json_text_string(body, "result", 32);
    int64_t retry_after;
    char clean[32];

    *out = '\0';
    if (minimum) {
        sanitize_text(clean, sizeof(clean), minimum);
        snprintf(out, size, _(" It needs version %s."), clean);
    } else if (json_text_integer(body, "retry_after", 1, 86400, &retry_after) == 0) {
        snprintf(out, size, _(" Seconds to wait: %d."), (int)retry_after);
    } else if (state && result) {
        snprintf(out, size, " %s.", screen_result(state, result));
    }
}

static void explain_refusal(const struct handset_talk *talk, struct handset_answer *answer)
{
    const char *message = json_text_string(answer->body, "message", 400);
    char text[448], detail[160];

    sanitize_text(text, sizeof(text), message && *message ? message : _("The server refused."));
    answer->exit_code = EXIT_FAILED;
    for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++) {
        if (!strcmp(answer->error, errors[i].error)) {
            answer->exit_code = errors[i].exit_code;
            snprintf(text, sizeof(text), "%s", _(errors[i].text));
        }
    }
    explain_detail(answer->body, detail, sizeof(detail));
    snprintf(answer->problem, sizeof(answer->problem), _("%s%s (%s, status %ld)"), text, detail,
             talk->url, talk->raw.status);
}

static void read_answer(const struct handset_talk *talk, struct handset_answer *answer)
{
    const char *error;

    if (!talk->done || talk->raw.status == 0) {
        explain_silence(talk, answer);
        return;
    }
    answer->body = parse_answer(talk);
    json_text_integer(answer->body, "now", 1, INT64_C(1) << 40, &answer->now);
    error = json_text_string(answer->body, "error", sizeof(answer->error) - 1);
    if (answer->body && talk->raw.status == 200) {
        answer->exit_code = EXIT_OK;
    } else if (answer->body && error) {
        snprintf(answer->error, sizeof(answer->error), "%s", error);
        explain_refusal(talk, answer);
    } else {
        answer->exit_code = EXIT_UNAVAILABLE;
        snprintf(answer->problem, sizeof(answer->problem),
                 _("%s answered with status %ld, and not as an approve-server does. Is the address "
                   "right?"),
                 talk->url, talk->raw.status);
    }
}

bool handset_talk_end(struct handset_talk *talk, struct handset_answer *answer)
{
    if (answer) {
        *answer = (struct handset_answer){.now = handset_now(talk->handset)};
        read_answer(talk, answer);
    }
    hang_up(talk);
    https_answer_free(&talk->raw);
    curl_slist_free_all(talk->headers);
    json_decref(talk->members);
    free(talk);
    return answer && answer->exit_code == EXIT_OK;
}

bool handset_call(struct handset *handset, const char *name, json_t *members, long seconds,
                  struct handset_answer *answer)
{
    struct handset_talk *talk = handset_talk_start(handset, name, members, seconds);
    if (!talk) {
        *answer = (struct handset_answer){.exit_code = EXIT_FAILED};
        snprintf(answer->problem, sizeof(answer->problem), _("Out of memory."));
        return false;
    }
    while (!talk->done)
        handset_talk_wait(handset, NULL, 0, 1000);
    return handset_talk_end(talk, answer);
}
