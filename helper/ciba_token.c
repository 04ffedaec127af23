#include <stdio.h>
#include <string.h>

#include "common/clock.h"
#include "common/json_text.h"
#include "common/log.h"
#include "common/oauth.h"
#include "common/random.h"
#include "helper/ciba_request.h"
#include "helper/id_token.h"

#define POLL_GAP_MS 1000 /* between the starts of two polls, whatever the server answers */
#define LOST_GAP_MOST_MS 5000

/* What the phone sealed for codes: nothing depends on it here. */
static void keep_secret(const struct ciba_request *request, const struct id_token_result *result)
{
    char hash[BASE64URL_SHA256 + 1];

    if (request->login.host_key != NULL && result->host_secret[0] != 0 &&
        login_hash(request->details, strlen(request->details), hash) == 0)
        bound_keep(request->ciba->bound, request->login.user, result->jkt, hash,
                   result->host_secret, clock_wall());
}

static void accept_token(struct ciba_request *request, const struct jws *jws)
{
    struct id_token_expected expected = {.host = request->host,
                                         .auth_req_id = request->auth_req_id,
                                         .login = &request->login,
                                         .details = request->details,
                                         .number = request->number,
                                         .code_sent = request->code_sent,
                                         .code_only = request->code_only,
                                         .now = clock_wall()};
    struct id_token_result result;

    switch (id_token_check(jws, &expected, &result)) {
    case ID_TOKEN_FITS:
        keep_secret(request, &result);
        if (!result.by_code && request->ciba->bound != NULL)
            bound_approved(request->ciba->bound, request->login.user);
        if (result.device[0] != 0)
            strcpy(request->device, result.device);
        ciba_tell(request, result.by_code ? CIBA_CODE : CIBA_APPROVED, NULL);
        return;
    case ID_TOKEN_WRONG_NUMBER:
        ciba_cancel(request, CIBA_BAD_NUMBER);
        ciba_tell(request, CIBA_WRONG_NUMBER, NULL);
        return;
    case ID_TOKEN_INVALID:
        break;
    }
    ciba_cancel(request, CIBA_BAD_APPROVAL);
    ciba_tell(request, CIBA_INVALID, result.why);
}

static void refuse_token(struct ciba_request *request, const char *why)
{
    ciba_cancel(request, CIBA_BAD_APPROVAL);
    ciba_tell(request, CIBA_INVALID, why);
}

static void on_newer_keys(void *arg, bool ready);

static void verify_token(struct ciba_request *request, bool last)
{
    struct jws *jws = request->token;
    bool known;

    if (issuer_verify(request->issuer, jws, id_token_algorithms(request->host), &known))
        accept_token(request, jws);
    else if (!known && !last)
        issuer_fetch(request->issuer, true, on_newer_keys, request);
    else
        refuse_token(request, known ? "the ID token: the signature is wrong"
                                    : "the ID token: the issuer has no such key (kid)");
}

static void on_newer_keys(void *arg, bool ready)
{
    (void)ready; /* where they could not be fetched, the ones that are there decide */
    verify_token(arg, true);
}

static void take_token(struct ciba_request *request, const json_t *body)
{
    const char *compact = json_text_string(body, "id_token", JWS_MAX);

    request->state = CIBA_VERIFYING;
    request->token = compact != NULL ? jws_parse(compact, strlen(compact)) : NULL;
    if (request->token != NULL)
        verify_token(request, false);
    else
        refuse_token(request, "the ID token is missing, or no JWS that we accept");
}

/* --- errors of the token endpoint --- */

static const struct denial {
    const char *error, *reason; /* reason NULL: any */
    enum ciba_event event;
} denials[] = {
    {"access_denied", "not_me", CIBA_NOT_ME},      {"access_denied", "cancelled", CIBA_CANCELLED},
    {"access_denied", "secured", CIBA_CANCELLED},  {"access_denied", "revoked", CIBA_CANCELLED},
    {"access_denied", NULL, CIBA_DENIED},          {"expired_token", NULL, CIBA_EXPIRED},
    {"invalid_grant", NULL, CIBA_CANCELLED},       {"invalid_client", NULL, CIBA_CANCELLED},
    {"unauthorized_client", NULL, CIBA_CANCELLED},
};

static enum ciba_event find_denial(const struct call_answer *answer)
{
    const char *reason = json_text_string(answer->body, "reason", 32);

    for (size_t i = 0; i < sizeof denials / sizeof *denials; i++) {
        const struct denial *denial = &denials[i];

        if (strcmp(answer->error, denial->error) == 0 &&
            (denial->reason == NULL || (reason != NULL && strcmp(reason, denial->reason) == 0)))
            return denial->event;
    }
    return CIBA_REFUSED;
}

/* --- polling --- */

/* Our own server holds the request, and is asked again at once; but a server that does not hold it
 * is no reason to spin. */
static void poll_again(struct ciba_request *request, const struct call_answer *answer)
{
    int64_t gap = request->polled_at + POLL_GAP_MS - clock_mono_ms();

    if (request->host->provider == PROVIDER_CIBA)
        gap = request->interval * 1000;
    if (gap < ciba_asked_to_wait(answer))
        gap = ciba_asked_to_wait(answer);
    ciba_later(request, gap > 0 ? (long)gap : 0);
}

/* An end of it comes with the request's; what the administrator can know is said once. */
static void poll_slower(struct ciba_request *request, const struct call_answer *answer)
{
    if (!request->slowed)
        log_warn("%s; asking again", answer->fault);
    request->slowed = true;
    request->interval =
        request->interval + 5 > CIBA_INTERVAL_MOST ? CIBA_INTERVAL_MOST : request->interval + 5;
    poll_again(request, answer);
}

static void poll_after_loss(struct ciba_request *request, const struct call_answer *answer)
{
    long gap = POLL_GAP_MS * request->lost + random_between(0, 500);

    if (gap > LOST_GAP_MOST_MS)
        gap = LOST_GAP_MOST_MS;
    if (gap < ciba_asked_to_wait(answer))
        gap = ciba_asked_to_wait(answer);
    if (request->lost == 0)
        log_warn("%s; trying again", answer->fault);
    request->lost++;
    snprintf(request->fault, sizeof request->fault, "%s", answer->fault);
    ciba_later(request, gap);
}

/* `methods` is in an answer where no phone can have got the request, and in each later one. */
static void poll_while_pending(struct ciba_request *request, const struct call_answer *answer)
{
    const json_t *methods = json_object_get(answer->body, "methods");
    bool unreached = request->host->provider == PROVIDER_APPROVE && request->phone &&
                     !request->unreached && json_is_array(methods) &&
                     !json_text_has(methods, "phone");

    if (!unreached) {
        poll_again(request, answer);
        return;
    }
    request->unreached = true;
    ciba_later(request, 0); /* the server answered early, this once */
    ciba_tell(request, CIBA_UNREACHED, NULL);
}

static void on_polled(void *arg, const struct call_answer *answer)
{
    struct ciba_request *request = arg;

    request->call = NULL;
    if (call_is_lost(answer)) {
        poll_after_loss(request, answer);
        return;
    }
    request->lost = 0;
    request->fault[0] = 0;
    if (answer->status == 200) {
        take_token(request, answer->body);
    } else if (strcmp(answer->error, "authorization_pending") == 0) {
        poll_while_pending(request, answer);
    } else if (strcmp(answer->error, "slow_down") == 0 || call_is_busy(answer)) {
        poll_slower(request, answer);
    } else {
        enum ciba_event event = find_denial(answer);

        /* What a person or the time decided is no fault. */
        ciba_tell(request, event,
                  event == CIBA_CANCELLED || event == CIBA_REFUSED ? answer->fault : NULL);
    }
}

void ciba_poll(struct ciba_request *request)
{
    const struct call_parameter parameters[] = {
        {"grant_type", OAUTH_GRANT_CIBA}, {"auth_req_id", request->auth_req_id}, {NULL, NULL}};
    long hold = request->host->provider == PROVIDER_APPROVE ? CIBA_HOLD_MS : 0;

    request->polled_at = clock_mono_ms();
    request->call = call_start(request->ciba->transfers, request->host,
                               issuer_endpoints(request->issuer)->token, parameters,
                               hold + request->host->timeout * 1000, on_polled, request);
    if (request->call == NULL)
        ciba_tell(request, CIBA_REFUSED, "no memory");
}
