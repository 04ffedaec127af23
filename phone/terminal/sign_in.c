#include "phone/terminal/sign_in.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base64url.h"
#include "common/clock.h"
#include "common/json_text.h"
#include "common/sanitize.h"
#include "phone/terminal/host_codes.h"

/* The details must be for us: this server, this user, and the request under whose name they come.
 */
static bool is_ours(const struct handset *handset, const struct sign_in *request)
{
    return !strcmp(request->login.request, request->id) &&
           !strcmp(request->login.issuer, handset->server) &&
           !strcmp(request->login.user, handset->user);
}

static bool copy_member(const json_t *object, const char *name, char *out, size_t size)
{
    const char *text = json_text_string(object, name, size - 1);
    sanitize_text(out, size, text);
    return text != NULL;
}

static void sign_in_clear(struct sign_in *request)
{
    login_clear(&request->login);
    free(request->details);
    memset(request, 0, sizeof(*request));
}

static bool sign_in_read(const struct handset *handset, const json_t *entry, int64_t now,
                         struct sign_in *request)
{
    unsigned char *bytes = NULL;
    const char *details = json_text_string(entry, "details", LOGIN_DETAILS_MAX * 4 / 3 + 3);
    int64_t left;

    memset(request, 0, sizeof(*request));
    if (!details || !copy_member(entry, "request", request->id, sizeof(request->id)) ||
        !copy_member(entry, "state", request->state, sizeof(request->state)) ||
        !copy_member(entry, "result", request->result, sizeof(request->result)) ||
        !copy_member(entry, "by", request->by, sizeof(request->by)) ||
        json_text_integer(entry, "expires_in", 0, 600, &left) < 0 ||
        base64url_decode(details, strlen(details), &bytes, &request->details_len) < 0)
        return false;
    request->details = (char *)bytes;
    if (login_from_text(request->details, request->details_len, &request->login) < 0 ||
        !is_ours(handset, request)) {
        sign_in_clear(request);
        return false;
    }
    if (request->login.expires - now < left) /* else the host's clock is ahead of the server's */
        left = request->login.expires - now;
    if (left > 0 && !sign_in_is_over(request))
        request->ends_ms = clock_mono_ms() + left * 1000;
    return true;
}

/* Of the entry behind the last: is there no other of this name? Else one could be shown, and the
 * other signed. */
static bool is_first(struct sign_ins *requests)
{
    struct sign_in *request = &requests->items[requests->count];

    if (!sign_ins_find(requests, request->id))
        return true;
    sign_in_clear(request);
    return false;
}

int sign_ins_read(const struct handset *handset, const struct handset_answer *answer,
                  struct sign_ins *requests)
{
    const json_t *list = json_object_get(answer->body, "requests"), *entry;
    size_t index;

    requests->count = requests->strange = 0;
    if (!json_is_array(list) ||
        !copy_member(answer->body, "revision", requests->revision, sizeof(requests->revision)))
        return -1;
    json_array_foreach(list, index, entry)
    {
        if (requests->count == SIGN_INS_MAX)
            break;
        if (sign_in_read(handset, entry, answer->now, &requests->items[requests->count]) &&
            is_first(requests))
            requests->count++;
        else
            requests->strange++;
    }
    return 0;
}

void sign_ins_free(struct sign_ins *requests)
{
    for (size_t i = 0; i < requests->count; i++)
        sign_in_clear(&requests->items[i]);
    requests->count = 0;
}

struct sign_in *sign_ins_find(struct sign_ins *requests, const char *id)
{
    for (size_t i = 0; i < requests->count; i++) {
        if (!strcmp(requests->items[i].id, id))
            return &requests->items[i];
    }
    return NULL;
}

bool sign_in_is_open(const struct sign_in *request)
{
    return !strcmp(request->state, "open");
}

bool sign_in_is_over(const struct sign_in *request)
{
    return !sign_in_is_open(request) && strcmp(request->state, "approved") != 0;
}

int64_t sign_in_left(const struct sign_in *request)
{
    int64_t left = request->ends_ms - clock_mono_ms();
    return left > 0 ? (left + 999) / 1000 : 0;
}

bool sign_in_takes_number(const struct sign_in *request, int number)
{
    switch (request->login.mode) {
    case NUMBER_OFF:
        return number == 0;
    case NUMBER_CHOOSE:
        for (int i = 0; i < 3; i++) {
            if (request->login.candidates[i] == number)
                return true;
        }
        return false;
    case NUMBER_ENTER:
        return number >= NUMBER_LEAST && number <= NUMBER_MOST;
    }
    return false;
}

int sign_in_parse_number(const char *text)
{
    if (strlen(text) != 2 || text[0] < '1' || text[0] > '9' || text[1] < '0' || text[1] > '9')
        return -1;
    return (text[0] - '0') * 10 + text[1] - '0';
}

json_t *sign_in_decision(const struct handset *handset, const struct sign_in *request,
                         enum decision decision, int number)
{
    bool approve = decision == DECISION_APPROVE;
    json_t *members = NULL;
    char *sealed = approve ? host_codes_seal(handset, request) : NULL;
    char *compact = decision_sign(handset->key, request->details, request->details_len, decision,
                                  approve ? number : 0, sealed, handset_now(handset));
    if (compact)
        members = json_pack("{s:s,s:s}", "request", request->id, "decision", compact);
    free(compact);
    free(sealed);
    return members;
}

void sign_in_take_state(struct sign_in *request, const json_t *answer)
{
    copy_member(answer, "state", request->state, sizeof(request->state));
    copy_member(answer, "result", request->result, sizeof(request->result));
}

void sign_in_take_later(struct sign_in *request, const struct sign_in *later)
{
    memcpy(request->state, later->state, sizeof(request->state));
    memcpy(request->result, later->result, sizeof(request->result));
    memcpy(request->by, later->by, sizeof(request->by));
    request->ends_ms = later->ends_ms;
}

json_t *sign_in_json(const struct sign_in *request)
{
    const struct login *login = &request->login;
    json_t *number = json_pack("{s:s}", "mode", login_number_modes[login->mode]);

    if (login->mode == NUMBER_CHOOSE) {
        json_object_set_new(
            number, "of",
            json_pack("[i,i,i]", login->candidates[0], login->candidates[1], login->candidates[2]));
    }
    return json_pack("{s:s,s:s,s:s,s:s,s:s,s:s,s:s,s:s,s:s,s:s,s:s,s:I,s:o}", "request",
                     request->id, "state", request->state, "result", request->result, "by",
                     request->by, "host", login->host, "host_name", login->host_name, "service",
                     login->service, "user", login->user, "rhost", login->rhost, "tty", login->tty,
                     "command", login->command, "seconds_left", (json_int_t)sign_in_left(request),
                     "number", number);
}
