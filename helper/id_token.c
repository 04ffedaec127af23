#include "helper/id_token.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "common/clock.h"
#include "common/json_text.h"
#include "common/oauth.h"
#include "common/sanitize.h"

unsigned id_token_algorithms(const struct host *host)
{
    if (host->provider == PROVIDER_APPROVE)
        return JWS_ES256;
    return JWS_ES256 | JWS_RS256 | JWS_PS256 | JWS_EDDSA;
}

__attribute__((format(printf, 2, 3))) static enum id_token_fault
invalid(struct id_token_result *result, const char *format, ...)
{
    va_list list;

    va_start(list, format);
    if (vsnprintf(result->why, sizeof result->why, format, list) < 0)
        result->why[0] = 0;
    va_end(list);
    return ID_TOKEN_INVALID;
}

/* NULL where it fits, or what is wrong. */
typedef const char *check(const struct jws *jws, const struct id_token_expected *expected);

static const char *check_type(const struct jws *jws, const struct id_token_expected *expected)
{
    if (strcasecmp(jws->typ, "JWT") == 0 ||
        (expected->host->provider == PROVIDER_CIBA && jws->typ[0] == 0))
        return NULL;
    return "it is of another type (typ)";
}

static const char *check_issuer(const struct jws *jws, const struct id_token_expected *expected)
{
    const char *issuer = json_text_string(jws->payload, "iss", 256);

    return issuer != NULL && strcmp(issuer, expected->host->issuer) == 0
               ? NULL
               : "it is of another issuer (iss)";
}

static const char *check_audience(const struct jws *jws, const struct id_token_expected *expected)
{
    const json_t *audience = json_object_get(jws->payload, "aud");

    if (json_is_array(audience) && json_array_size(audience) == 1)
        audience = json_array_get(audience, 0);
    if (json_is_string(audience) && strcmp(json_string_value(audience), expected->host->id) == 0)
        return NULL;
    return "it is for another host (aud)";
}

static const char *check_times(const struct jws *jws, const struct id_token_expected *expected)
{
    int64_t issued, expires;

    if (json_text_integer(jws->payload, "iat", 0, TIME_MOST, &issued) != 0 ||
        json_text_integer(jws->payload, "exp", 0, TIME_MOST, &expires) != 0)
        return "its times are missing (iat, exp)";
    if (issued > expected->now + ID_TOKEN_CLOCK)
        return "it was made in the future (iat); check both clocks";
    if (issued < expected->login->issued - ID_TOKEN_CLOCK)
        return "it was made before the request (iat); check both clocks";
    if (expires < expected->now - ID_TOKEN_CLOCK)
        return "it is over (exp); check both clocks";
    return NULL;
}

/* CIBA Core requires the claim in push mode only. Our server always sends it; in poll mode another
 * provider may leave it out. */
static const char *check_request(const struct jws *jws, const struct id_token_expected *expected)
{
    const json_t *claim = json_object_get(jws->payload, OAUTH_CLAIM_AUTH_REQ_ID);

    if (claim == NULL && expected->host->provider == PROVIDER_CIBA)
        return NULL;
    if (json_is_string(claim) && strcmp(json_string_value(claim), expected->auth_req_id) == 0)
        return NULL;
    return "it is of another request (auth_req_id)";
}

static const char *check_user(const struct jws *jws, const struct id_token_expected *expected)
{
    const char *user = json_text_string(jws->payload, expected->host->user_claim, 128);

    return user != NULL && strcmp(user, expected->login->user) == 0
               ? NULL
               : "it is of another user (user_claim)";
}

/* In the order of docs/backend-protocol.md, "The ID token": the first that does not fit is told. */
static check *const checks[] = {
    check_type, check_issuer, check_audience, check_times, check_request, check_user,
};

/* amr must be an array of exactly one string. */
static const char *method_of(const json_t *claims)
{
    const json_t *list = json_object_get(claims, "amr");
    const char *method =
        json_array_size(list) == 1 ? json_string_value(json_array_get(list, 0)) : NULL;

    return method != NULL ? method : "";
}

static enum id_token_fault check_code(const struct id_token_expected *expected,
                                      struct id_token_result *result)
{
    if (expected->host->trust != TRUST_BACKEND)
        return invalid(result,
                       "it is for a code, and with trust = pinned only a pinned phone counts");
    if (!expected->code_sent)
        return invalid(result, "it is for a code, and none was sent from here");
    result->by_code = true;
    return ID_TOKEN_FITS;
}

static enum id_token_fault check_approval(const char *approval, const struct jwk *key,
                                          const struct id_token_expected *expected,
                                          struct id_token_result *result)
{
    enum decision decision;
    enum decision_fault fault;
    int number = 0;

    if (expected->host->trust == TRUST_PINNED &&
        !host_has_pin(expected->host, expected->login->user, jwk_thumbprint(key)))
        return invalid(result, "the phone %s is not pinned for %s", jwk_thumbprint(key),
                       expected->login->user);
    fault = decision_check(approval, key, expected->details, strlen(expected->details), &decision,
                           &number);
    if (fault != DECISION_FITS)
        return invalid(result, "the phone's approval: %s", decision_faults[fault]);
    if (decision != DECISION_APPROVE)
        return invalid(result, "the phone's decision is \"%s\"", login_decisions[decision]);
    if (!decision_number_fits(expected->login->mode, expected->number, number))
        return ID_TOKEN_WRONG_NUMBER;
    snprintf(result->jkt, sizeof result->jkt, "%s", jwk_thumbprint(key));
    decision_host_secret(approval, result->host_secret);
    return ID_TOKEN_FITS;
}

static enum id_token_fault check_phone(const json_t *claims,
                                       const struct id_token_expected *expected,
                                       struct id_token_result *result)
{
    const char *approval = json_text_string(claims, "pam_approve_approval", JWS_MAX);
    const json_t *confirmation = json_object_get(claims, "cnf");
    enum id_token_fault fault;
    struct jwk *key;

    if (expected->code_only)
        return invalid(result, "it is for a phone, and only a code was asked for");
    if (approval == NULL)
        return invalid(result, "the phone's approval is missing");
    key = jwk_from_json(json_object_get(confirmation, "jwk"));
    if (key == NULL || jwk_type(key) != JWK_P256)
        fault = invalid(result, "the phone's key is missing or no P-256 key (cnf)");
    else
        fault = check_approval(approval, key, expected, result);
    jwk_free(key);
    return fault;
}

static enum id_token_fault check_method(const json_t *claims,
                                        const struct id_token_expected *expected,
                                        struct id_token_result *result)
{
    const char *method = method_of(claims);

    if (expected->host->provider == PROVIDER_CIBA)
        return ID_TOKEN_FITS;
    if (strcmp(method, "otp") == 0)
        return check_code(expected, result);
    if (strcmp(method, "swk") == 0)
        return check_phone(claims, expected, result);
    return invalid(result, "it names no method that we know (amr)");
}

enum id_token_fault id_token_check(const struct jws *jws, const struct id_token_expected *expected,
                                   struct id_token_result *result)
{
    const json_t *claims = jws->payload;

    *result = (struct id_token_result){.by_code = false};
    for (size_t i = 0; i < sizeof checks / sizeof *checks; i++) {
        const char *why = checks[i](jws, expected);

        if (why != NULL)
            return invalid(result, "the ID token: %s", why);
    }
    sanitize_text(result->device, sizeof result->device, json_text_string(claims, "device", 512));
    return check_method(claims, expected, result);
}
