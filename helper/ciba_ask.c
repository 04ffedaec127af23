#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base64url.h"
#include "common/clock.h"
#include "common/json_text.h"
#include "common/log.h"
#include "common/random.h"
#include "common/sanitize.h"
#include "helper/ciba_request.h"

#define GRACE_MS 2000 /* an answer to the last poll may be on its way when the time is up */
#define RETRY_LEAST_MS 100
#define RETRY_MOST_MS 500
#define RETRY_AFTER_MOST 60 /* seconds; the request's own end comes first as a rule */

/* A number of its own and, to choose from, two others at random places. */
int ciba_draw_number(struct ciba_request *request)
{
    int *candidates = request->login.candidates;
    int place;

    memset(candidates, 0, sizeof request->login.candidates);
    request->number = 0;
    if (request->login.mode == NUMBER_OFF)
        return 0;
    if (request->login.mode == NUMBER_ENTER) {
        request->number = random_between(NUMBER_LEAST, NUMBER_MOST);
        return request->number < 0 ? -1 : 0;
    }
    for (int i = 0; i < 3; i++) {
        do {
            candidates[i] = random_between(NUMBER_LEAST, NUMBER_MOST);
            if (candidates[i] < 0)
                return -1;
        } while ((i > 0 && candidates[i] == candidates[0]) ||
                 (i > 1 && candidates[i] == candidates[1]));
    }
    place = random_between(0, 2);
    if (place < 0)
        return -1;
    request->number = candidates[place];
    return 0;
}

/* A second try has the same details: where the first arrived and only its answer did not, the
 * server answers with the request that it has, and no phone shows two. */
static int build_details(struct ciba_request *request)
{
    char *id;

    if (request->details != NULL)
        return 0;
    id = random_token(16);
    if (id == NULL || strlen(id) >= sizeof request->login.request) {
        free(id);
        return -1;
    }
    strcpy(request->login.request, id);
    free(id);
    request->ends = clock_mono_ms() + request->life * 1000;
    request->login.issued = clock_wall();
    request->login.expires = request->login.issued + request->life;
    if (request->host->provider == PROVIDER_CIBA)
        return 0;
    request->details = login_to_text(&request->login);
    return request->details != NULL ? 0 : -1;
}

/* One element, with the details as base64url: no JSON library on the way rewrites them. */
static char *authorization_details(const struct ciba_request *request)
{
    char *encoded = base64url_encode(request->details, strlen(request->details)), *text = NULL;

    if (encoded != NULL &&
        asprintf(&text, "[{\"type\":\"%s\",\"details\":\"%s\"}]", LOGIN_DETAILS_TYPE, encoded) < 0)
        text = NULL;
    free(encoded);
    return text;
}

static void on_asked(void *arg, const struct call_answer *answer);

long ciba_asked_to_wait(const struct call_answer *answer)
{
    return answer->retry_after < RETRY_AFTER_MOST ? answer->retry_after * 1000
                                                  : RETRY_AFTER_MOST * 1000L;
}

void ciba_ask_server(struct ciba_request *request)
{
    char life[24], number[12], *details = NULL, *held = NULL;
    struct call_parameter parameters[8] = {
        {"scope", "openid"}, {"login_hint", request->login.user}, {"requested_expiry", life}};
    int count = 3;

    request->state = CIBA_ASKING;
    request->attempts++;
    snprintf(life, sizeof life, "%ld", request->life);
    snprintf(number, sizeof number, "%d", request->number);
    if (build_details(request) != 0) {
        ciba_tell(request, CIBA_REFUSED, "no memory for the login's details, or they are too long");
        return;
    }
    if (request->details != NULL) {
        details = authorization_details(request);
        parameters[count++] = (struct call_parameter){"authorization_details", details};
    } else if (request->login.mode != NUMBER_OFF) {
        parameters[count++] = (struct call_parameter){"binding_message", number};
    }
    if (request->code_only && request->details != NULL)
        parameters[count++] = (struct call_parameter){"methods", "code"};
    if (request->login.host_key != NULL)
        held = bound_held(request->ciba->bound, request->login.user);
    if (held != NULL && held[0] != 0)
        parameters[count++] = (struct call_parameter){"held", held};
    parameters[count] = (struct call_parameter){NULL, NULL};
    if (request->details == NULL || details != NULL)
        request->call = call_start(request->ciba->transfers, request->host,
                                   issuer_endpoints(request->issuer)->backchannel, parameters,
                                   request->host->timeout * 1000, on_asked, request);
    free(details);
    free(held);
    if (request->call == NULL)
        ciba_tell(request, CIBA_REFUSED, "no memory");
}

/* The server wants a stricter number mode: once, and only a stricter one. */
static bool take_stricter_mode(struct ciba_request *request, const struct call_answer *answer)
{
    const char *wanted = json_text_string(answer->body, "number", 16);

    if (strcmp(answer->error, "pam_approve_number_required") != 0 || wanted == NULL ||
        request->stricter)
        return false;
    for (int mode = (int)request->login.mode + 1; mode <= NUMBER_ENTER; mode++) {
        if (strcmp(wanted, login_number_modes[mode]) == 0) {
            request->stricter = true;
            request->login.mode = (enum number_mode)mode;
            free(request->details);
            request->details = NULL;
            return ciba_draw_number(request) == 0;
        }
    }
    return false;
}

/* Returns 0, or -1: no answer that opens a request. */
static int read_asked(struct ciba_request *request, const json_t *body)
{
    const char *id = json_text_string(body, "auth_req_id", CIBA_ID_MAX);
    const json_t *methods = json_object_get(body, "methods");
    bool ours = request->host->provider == PROVIDER_APPROVE;
    int64_t expires, number;

    if (id == NULL || id[0] == 0 ||
        json_text_integer(body, "expires_in", 1, INT64_MAX, &expires) != 0)
        return -1;
    strcpy(request->auth_req_id, id);
    if (expires > request->life)
        expires = request->life;
    request->deadline = clock_mono_ms() + expires * 1000;
    if (request->deadline > request->ends)
        request->deadline = request->ends;
    request->deadline += GRACE_MS;
    if (json_text_integer(body, "interval", 0, INT64_MAX, &number) == 0)
        request->interval = number > CIBA_INTERVAL_MOST ? CIBA_INTERVAL_MOST : (long)number;
    if (request->interval < 1)
        request->interval = 1;
    sanitize_text(request->device, sizeof request->device, json_text_string(body, "device", 512));
    request->devices = json_text_integer(body, "devices", 0, 1000, &number) == 0 ? (int)number : 1;
    request->phone = !request->code_only && (!ours || json_text_has(methods, "phone"));
    request->code_way = ours && json_text_has(methods, "code");
    return 0;
}

static void open_request(struct ciba_request *request)
{
    int64_t left = request->deadline - clock_mono_ms();
    struct timeval wait = {left / 1000, left % 1000 * 1000};

    request->state = CIBA_OPEN;
    if (request->abandoned) {
        ciba_cancel(request, request->reason);
        ciba_request_free(request);
        return;
    }
    evtimer_add(request->expiry, &wait);
    /* Another provider is first asked after its interval (CIBA Core, 7.3). */
    ciba_later(request, request->host->provider == PROVIDER_CIBA ? request->interval * 1000 : 0);
    ciba_tell(request, CIBA_ASKED, NULL);
}

static void on_asked(void *arg, const struct call_answer *answer)
{
    struct ciba_request *request = arg;
    long asked = ciba_asked_to_wait(answer);

    request->call = NULL;
    if (answer->status == 200 && answer->body != NULL) {
        if (request->login.host_key != NULL)
            bound_drop(request->ciba->bound, json_object_get(answer->body, "gone"));
        if (read_asked(request, answer->body) == 0)
            open_request(request);
        else
            ciba_tell(request, CIBA_REFUSED,
                      "the server's answer has no auth_req_id or expires_in");
        return;
    }
    if (request->abandoned) {
        ciba_request_free(request);
    } else if (take_stricter_mode(request, answer)) {
        ciba_later(request, 0);
    } else if (call_is_busy(answer)) {
        ciba_tell(request, CIBA_BUSY, answer->fault);
    } else if (call_is_lost(answer) &&
               (request->attempts > 1 || asked > request->host->timeout * 1000)) {
        ciba_tell(request, CIBA_UNREACHABLE, answer->fault);
    } else if (call_is_lost(answer)) {
        long wait = random_between(RETRY_LEAST_MS, RETRY_MOST_MS);

        log_warn("%s; trying again", answer->fault);
        ciba_later(request, wait > asked ? wait : asked);
    } else {
        ciba_tell(request, CIBA_REFUSED, answer->fault);
    }
}
