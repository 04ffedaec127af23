#include "backend/client_auth.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backend/keys.h"
#include "common/json_text.h"
#include "common/jws.h"
#include "common/login.h"
#include "common/oauth.h"

#define ASSERTION_MAX 4096
#define ASSERTION_LIFE 120 /* seconds */
#define CLOCK_DIFFERENCE 60
#define JTI_LEAST 16
#define STORE_RETRY 1

static void release(struct held_call *held)
{
    struct client_call *call = (struct client_call *)held;
    if (call->clear)
        call->clear(call);
    client_call_slim(call);
    free(call);
}

void client_call_slim(struct client_call *call)
{
    form_free(call->form);
    jws_free(call->assertion);
    call->form = NULL;
    call->assertion = NULL;
}

void client_reply(struct client_call *call, json_t *body)
{
    held_call_reply(&call->held, 200, body, 0);
}

void client_reply_text(struct client_call *call, char *text)
{
    held_call_reply_text(&call->held, 200, text);
}

void client_error_with(struct client_call *call, int status, const char *error,
                       const char *description, json_t *more, long retry_after)
{
    json_t *body = json_pack("{ss, ss}", "error", error, "error_description", description);
    if (body && more && json_object_update(body, more) < 0) {
        json_decref(body);
        body = NULL;
    }
    json_decref(more);
    held_call_reply(&call->held, status, body, retry_after);
}

void client_error(struct client_call *call, int status, const char *error, const char *description)
{
    client_error_with(call, status, error, description, NULL, 0);
}

const char *client_parameter(struct client_call *call, const char *name, size_t most)
{
    char why[FORM_NAME_MAX + 32];
    const char *value = form_get(call->form, name, most);
    if (!value) {
        snprintf(why, sizeof why, "%s is missing or too long", name);
        client_error(call, 400, "invalid_request", why);
    }
    return value;
}

struct store_step client_seen_step(struct client_call *call)
{
    call->seen[0] = V_TEXT(call->sender);
    call->seen[1] = V_TEXT(call->jti);
    call->seen[2] = V_INT(call->jti_ends);
    return (struct store_step){
        .statement = STATEMENT_SEEN_ADD, .values = call->seen, .count = 3, .must_return = true};
}

bool client_stored(struct client_call *call, enum store_status status)
{
    if (status == STORE_REFUSED)
        client_error(call, 401, "invalid_client", "this jti was used before");
    else if (status == STORE_FAILED)
        client_error_with(call, 503, "temporarily_unavailable", "the store did not commit", NULL,
                          STORE_RETRY);
    return status == STORE_OK;
}

/* Copies what is needed of the claims. Returns NULL, or what is wrong. */
static const char *read_claims(struct client_call *call)
{
    const json_t *claims = call->assertion->payload;
    const char *iss = json_text_string(claims, "iss", sizeof call->host - 1);
    const char *sub = json_text_string(claims, "sub", sizeof call->host - 1);
    const char *aud = json_text_string(claims, "aud", 256);
    const char *jti = json_text_string(claims, "jti", sizeof call->jti - 1);
    const char *client_id = form_get(call->form, "client_id", FORM_NAME_MAX);
    int64_t iat, exp, now = store_now_ms(call->held.server->store) / 1000;

    if (!iss || !sub || strcmp(iss, sub) != 0 || !login_is_host_id(sub))
        return "iss and sub must be the host's id";
    if (client_id && strcmp(client_id, sub) != 0)
        return "client_id is another than the assertion's";
    if (!aud || strcmp(aud, call->held.server->issuer) != 0)
        return "aud must be the issuer";
    if (!jti || strlen(jti) < JTI_LEAST)
        return "jti must have 16 to 128 bytes";
    if (json_text_integer(claims, "iat", 0, INT64_C(1) << 40, &iat) < 0 ||
        json_text_integer(claims, "exp", 0, INT64_C(1) << 40, &exp) < 0 || exp <= iat ||
        exp - iat > ASSERTION_LIFE)
        return "iat and exp must be there, and at most 120 s apart";
    if (iat > now + CLOCK_DIFFERENCE || exp < now - CLOCK_DIFFERENCE)
        return "the assertion is over, or from the future: compare the clocks";
    snprintf(call->host, sizeof call->host, "%s", sub);
    snprintf(call->jti, sizeof call->jti, "%s", jti);
    snprintf(call->sender, sizeof call->sender, "host %s", sub);
    call->jti_ends = (exp + CLOCK_DIFFERENCE + 1) * 1000;
    return NULL;
}

/* Returns NULL, or what is wrong with the assertion; its signature is not checked yet. */
static const char *read_assertion(struct client_call *call)
{
    const char *type = form_get(call->form, "client_assertion_type", sizeof OAUTH_ASSERTION_TYPE);
    const char *text = form_get(call->form, "client_assertion", ASSERTION_MAX);
    if (!type || strcmp(type, OAUTH_ASSERTION_TYPE) != 0 || !text)
        return "client_assertion is missing, or of another type than jwt-bearer";
    call->assertion = jws_parse(text, strlen(text));
    if (!call->assertion || strcmp(call->assertion->typ, "JWT") != 0 || !*call->assertion->kid)
        return "client_assertion is no JWT of the kind that is asked for";
    return read_claims(call);
}

static void on_host(void *arg, enum store_status status, const struct store_rows *const *results)
{
    struct client_call *call = arg;
    struct jwk *key = NULL;
    bool right = false;

    if (!client_stored(call, status))
        return;
    if (store_count(results[0]) == 1) {
        key = keys_get(call->held.server->keys, store_text(results[0], 0, 0));
        right = key && strcmp(call->assertion->kid, jwk_thumbprint(key)) == 0 &&
                jws_verify(call->assertion, key, JWS_ES256);
        snprintf(call->host_name, sizeof call->host_name, "%s", store_text(results[0], 0, 1));
        jwk_free(key);
    }
    if (right && call->held.http)
        http_signed(call->held.http, call->sender,
                    (size_t)config_integer(call->held.server->config, "limits", "open_per_host"));
    if (right)
        call->next(call);
    else
        client_error(call, 401, "invalid_client",
                     "this host is unknown or revoked, or has another key");
}

void client_call_start(struct http_call *http, struct server *server, size_t size,
                       void (*next)(struct client_call *call))
{
    size_t len;
    const char *body = http_body(http, &len), *why;
    struct client_call *call = calloc(1, size);
    if (!call) {
        http_reply_json(http, 500, NULL);
        return;
    }
    held_call_start(&call->held, server, http, release);
    call->next = next;
    call->form = form_parse(body, len);
    if (!call->form) {
        client_error(call, 400, "invalid_request", "the body is no form, or has a parameter twice");
        return;
    }
    why = read_assertion(call);
    if (why) {
        client_error(call, 401, "invalid_client", why);
        return;
    }
    store_run(server->store, STATEMENT_HOST_KEY, VALUES(V_TEXT(call->host)), on_host, call);
}
