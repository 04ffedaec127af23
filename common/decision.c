/* A phone's decision: login.h. */
#include <stdio.h>
#include <string.h>

#include "common/clock.h"
#include "common/json_text.h"
#include "common/login.h"

enum { SLACK = 300 }; /* seconds that a phone's clock may be off */

const char *const login_decisions[] = {
    [DECISION_APPROVE] = "approve", [DECISION_DENY] = "deny", [DECISION_NOT_ME] = "not_me", NULL};

const char *const decision_faults[] = {
    [DECISION_FITS] = "it fits",
    [DECISION_MALFORMED] = "it is not a decision",
    [DECISION_SIGNATURE] = "its signature is not this device's",
    [DECISION_OTHER_LOGIN] = "it was made for another login",
    [DECISION_TIME] = "it was not made during the login: the phone's clock may be wrong",
};

char *decision_sign(const struct jwk *key, const char *details, size_t len, enum decision decision,
                    int number, const char *host_secret, int64_t now)
{
    char hash[BASE64URL_SHA256 + 1];

    if (decision > DECISION_NOT_ME || login_hash(details, len, hash) < 0)
        return NULL;
    json_t *payload =
        json_pack("{s:s, s:s, s:o, s:I, s:s, s:s*}", "details_sha256", hash, "decision",
                  login_decisions[decision], "number", number ? json_integer(number) : json_null(),
                  "iat", (json_int_t)now, "jkt", jwk_thumbprint(key), "host_secret", host_secret);
    char *compact = payload ? jws_sign(key, LOGIN_DECISION_TYP, false, payload) : NULL;
    json_decref(payload);
    return compact;
}

/* What a payload says, before it is compared with anything. */
struct claims {
    const char *hash, *jkt;
    enum decision decision;
    int number;
    int64_t issued;
};

static int read_claims(const json_t *payload, struct claims *claims)
{
    static const char *const names[] = {"details_sha256", "decision", "number", "iat", "jkt",
                                        "host_secret",    NULL};
    const char *decision = json_text_string(payload, "decision", 8);
    const json_t *number = json_object_get(payload, "number");
    bool sealed = json_object_get(payload, "host_secret") != NULL;
    int64_t value = 0;
    int found = -1;

    claims->hash = json_text_string(payload, "details_sha256", BASE64URL_SHA256);
    claims->jkt = json_text_string(payload, "jkt", BASE64URL_SHA256);
    for (int i = 0; decision && login_decisions[i]; i++)
        if (strcmp(login_decisions[i], decision) == 0)
            found = i;
    if (!claims->hash || !claims->jkt || found < 0 || !number || !json_text_only(payload, names) ||
        json_text_integer(payload, "iat", 0, TIME_MOST, &claims->issued) < 0)
        return -1;
    if (sealed && (found != DECISION_APPROVE ||
                   !json_text_string(payload, "host_secret", DECISION_SECRET_MAX)))
        return -1;
    claims->decision = (enum decision)found;
    if (!json_is_null(number) &&
        (found != DECISION_APPROVE ||
         json_text_integer(payload, "number", NUMBER_LEAST, NUMBER_MOST, &value) < 0))
        return -1;
    claims->number = (int)value;
    return 0;
}

static enum decision_fault check_claims(const struct claims *claims, const char *details,
                                        size_t len)
{
    struct login login;
    char hash[BASE64URL_SHA256 + 1];
    enum decision_fault fault = DECISION_MALFORMED;

    if (login_from_text(details, len, &login) < 0 || login_hash(details, len, hash) < 0)
        goto out;
    fault = DECISION_OTHER_LOGIN;
    if (strcmp(claims->hash, hash) != 0)
        goto out;
    fault = DECISION_TIME;
    if (claims->issued < login.issued - SLACK || claims->issued > login.expires + SLACK)
        goto out;
    fault = DECISION_FITS;

out:
    login_clear(&login);
    return fault;
}

enum decision_fault decision_check(const char *compact, const struct jwk *key, const char *details,
                                   size_t len, enum decision *decision, int *number)
{
    struct jws *jws = jws_parse(compact, strnlen(compact, JWS_MAX + 1));
    struct claims claims;
    enum decision_fault fault = DECISION_MALFORMED;

    if (!jws || strcmp(jws->typ, LOGIN_DECISION_TYP) != 0)
        goto out;
    fault = DECISION_SIGNATURE;
    if (strcmp(jws->kid, jwk_thumbprint(key)) != 0 || !jws_verify(jws, key, JWS_ES256))
        goto out;
    fault = DECISION_MALFORMED;
    if (read_claims(jws->payload, &claims) < 0)
        goto out;
    fault = DECISION_SIGNATURE;
    if (strcmp(claims.jkt, jwk_thumbprint(key)) != 0)
        goto out;
    fault = check_claims(&claims, details, len);
    if (fault == DECISION_FITS) {
        *decision = claims.decision;
        *number = claims.number;
    }

out:
    jws_free(jws);
    return fault;
}

void decision_host_secret(const char *compact, char out[DECISION_SECRET_MAX + 1])
{
    struct jws *jws = jws_parse(compact, strnlen(compact, JWS_MAX + 1));
    const char *sealed =
        jws ? json_text_string(jws->payload, "host_secret", DECISION_SECRET_MAX) : NULL;

    snprintf(out, DECISION_SECRET_MAX + 1, "%s", sealed ? sealed : "");
    jws_free(jws);
}

bool decision_number_fits(enum number_mode mode, int right, int given)
{
    if (mode == NUMBER_OFF)
        return given == 0;
    return given >= NUMBER_LEAST && given <= NUMBER_MOST && given == right;
}
