/* A host waits for the decision and collects it (CIBA Core 1.0, section 10.1). */
#include <stdio.h>
#include <string.h>

#include "backend/client_auth.h"
#include "backend/keys.h"
#include "backend/request.h"
#include "backend/routes.h"
#include "common/base64url.h"
#include "common/json_text.h"
#include "common/jws.h"
#include "common/oauth.h"
#include "common/random.h"

#define ID_TOKEN_LIFE 60 /* seconds */

struct token_call {
    struct client_call client;
    char id[AUTH_REQ_ID_MAX + 1];
    int64_t until;  /* hold until then, in milliseconds */
    bool asked;     /* the first look is over: the assertion is remembered */
    bool unreached; /* no phone can have got the request, and the host knows */
};

/* Columns of REQUEST_FOR_HOST. */
enum column {
    STATE,
    RESULT,
    ENDS,
    USED,
    USER,
    METHOD,
    DECISION,
    DEVICE_KEY,
    DEVICE_NAME,
    DECIDED,
    UNREACHED,
};

static bool set(json_t *object, const char *name, json_t *value)
{
    return json_object_set_new(object, name, value) == 0;
}

static bool set_approval(json_t *claims, struct keys *keys, const struct store_rows *row)
{
    struct jwk *kept = keys_get(keys, store_text(row, 0, DEVICE_KEY));
    json_t *key = kept ? jwk_public_json(kept) : NULL;
    jwk_free(kept);
    return key && set(claims, "cnf", json_pack("{so}", "jwk", key)) &&
           set(claims, "device", json_string(store_text(row, 0, DEVICE_NAME)));
}

/* The claims as JSON, with the phone's approval where there is one. A JWS has no character that
 * JSON would escape, and jansson looks at each of a thousand. A new string or NULL. */
static char *claims_text(const json_t *claims, const char *approval)
{
    char *text = json_text_dump(claims), *whole = NULL;
    if (!approval || !text)
        return text;
    if (approval[strspn(approval, BASE64URL_ALPHABET ".")] != '\0' ||
        asprintf(&whole, "%.*s,\"pam_approve_approval\":\"%s\"}", (int)strlen(text) - 1, text,
                 approval) < 0)
        whole = NULL;
    free(text);
    return whole;
}

/* A new string or NULL. */
static char *make_id_token(const struct token_call *call, const struct store_rows *row, int64_t now)
{
    const struct server *server = call->client.held.server;
    bool phone = strcmp(store_text(row, 0, METHOD), "phone") == 0;
    char *token = NULL, *text = NULL;
    json_t *claims = json_pack("{ss, ss, ss, sI, sI, sI, s[s], ss}", "iss", server->issuer, "sub",
                               store_text(row, 0, USER), "aud", call->client.host, "iat",
                               (json_int_t)now, "exp", (json_int_t)(now + ID_TOKEN_LIFE),
                               "auth_time", (json_int_t)(store_integer(row, 0, DECIDED) / 1000),
                               "amr", phone ? "swk" : "otp", OAUTH_CLAIM_AUTH_REQ_ID, call->id);
    if (claims && (!phone || set_approval(claims, server->keys, row)))
        text = claims_text(claims, phone ? store_text(row, 0, DECISION) : NULL);
    if (text)
        token = jws_sign_text(server->issuer_key, "JWT", false, text);
    free(text);
    json_decref(claims);
    return token;
}

static void reply_token(struct token_call *call, const struct store_rows *row, int64_t now)
{
    char *id_token = make_id_token(call, row, now / 1000), *access = random_token(16);
    char *body = NULL;
    /* Tokens have no character that JSON would escape, and jansson looks at each of thousands. */
    if (!id_token || !access ||
        asprintf(&body,
                 "{\"access_token\":\"%s\",\"token_type\":\"Bearer\",\"expires_in\":1,"
                 "\"id_token\":\"%s\"}",
                 access, id_token) < 0)
        body = NULL;
    secret_free(id_token);
    secret_free(access);
    client_reply_text(&call->client, body);
}

static void reply_pending(struct token_call *call, bool unreached)
{
    client_error_with(&call->client, 400, "authorization_pending", "nobody answered yet",
                      unreached ? json_pack("{s[s]}", "methods", "code") : NULL, 0);
}

/* access_denied says by whom: the user's words as they are, any end that the host itself gave as
 * `cancelled`. */
static void reply_denied(struct token_call *call, enum request_state state, const char *result)
{
    static const char *const told[] = {"denied", "not_me", "secured", "revoked"};
    const char *reason = "cancelled";
    for (size_t i = 0; i < sizeof told / sizeof *told; i++)
        if (strcmp(told[i], result) == 0)
            reason = told[i];
    client_error_with(&call->client, 400, request_states[state].error, "the request was refused",
                      json_pack("{ss}", "reason", reason), 0);
}

static void look(struct token_call *call);

static void on_change(struct held_call *held, enum waiter_end end)
{
    struct token_call *call = (struct token_call *)held;
    if (end == WAITER_LATE)
        reply_pending(call, call->unreached);
    else
        look(call);
}

static void hold(struct token_call *call, int64_t now)
{
    if (!call->asked &&
        waiters_count(call->client.held.server->waiters, WAITER_REQUEST, call->id) > 0) {
        client_error(&call->client, 400, "slow_down", "another call waits for this request");
        return;
    }
    call->asked = true;
    client_call_slim(&call->client);
    if (call->until <= now || !held_call_wait(&call->client.held, WAITER_REQUEST, call->id,
                                              (long)(call->until - now), on_change))
        reply_pending(call, call->unreached);
}

/* The request as it is after a try to collect it (rows[0]) and to tell that no phone can be reached
 * (rows[1]). */
static void answer(struct token_call *call, const struct store_rows *const rows[3])
{
    struct server *server = call->client.held.server;
    const struct store_rows *row = rows[2];
    int64_t now = store_now_ms(server->store);
    const char *result = store_text(row, 0, RESULT);
    enum request_state state =
        request_state(store_text(row, 0, STATE), store_integer(row, 0, ENDS), now);

    if (store_count(rows[0]))
        request_collected(server, call->id, store_text(row, 0, USER));
    call->unreached = store_integer(row, 0, UNREACHED) != 0;
    switch (state) {
    case REQUEST_OPEN:
    case REQUEST_APPROVED:
        if (store_count(rows[1]))
            reply_pending(call, true);
        else
            hold(call, now);
        return;
    case REQUEST_USED:
        if (store_integer(row, 0, USED) + REQUEST_AGAIN_MS < now ||
            strcmp(result, "signed_in") != 0)
            break;
        reply_token(call, row, now);
        return;
    case REQUEST_EXPIRED:
        client_error(&call->client, 400, request_states[state].error, "nobody answered in time");
        return;
    case REQUEST_DENIED:
    case REQUEST_CANCELLED:
        reply_denied(call, state, result);
        return;
    case REQUEST_NONE:
        break;
    }
    client_error(&call->client, 400, "invalid_grant", "there is no such request of this host");
}

static void on_looked(void *arg, enum store_status status, const struct store_rows *const *results)
{
    struct token_call *call = arg;
    if (client_stored(&call->client, status))
        answer(call, call->asked ? results : results + 1);
}

/* Collects what is approved and reads the request. The first time it remembers the assertion too.
 */
static void look(struct token_call *call)
{
    struct server *server = call->client.held.server;
    int64_t now = store_now_ms(server->store);
    const struct store_value values[] = {V_TEXT(call->id), V_TEXT(call->client.host), V_INT(now)};
    const struct store_step steps[] = {
        client_seen_step(&call->client),
        {.statement = STATEMENT_REQUEST_COLLECT, .values = values, .count = 3},
        {.statement = STATEMENT_REQUEST_TELL, .values = values, .count = 2},
        {.statement = STATEMENT_REQUEST_FOR_HOST, .values = values, .count = 2},
    };
    if (call->asked)
        store_run_steps(server->store, steps + 1, 3, on_looked, call);
    else
        store_run_steps(server->store, steps, 4, on_looked, call);
}

static void ask(struct client_call *client)
{
    struct token_call *call = (struct token_call *)client;
    long hold_s = config_integer(client->held.server->config, "requests", "token_hold");
    const char *grant = client_parameter(client, "grant_type", 64), *id;

    if (!grant) /* and client is gone */
        return;
    if (strcmp(grant, OAUTH_GRANT_CIBA) != 0) {
        client_error(client, 400, "unsupported_grant_type", "the grant type is CIBA's");
        return;
    }
    if (!(id = client_parameter(client, "auth_req_id", AUTH_REQ_ID_MAX)))
        return;
    snprintf(call->id, sizeof call->id, "%s", id);
    call->until = store_now_ms(client->held.server->store) + hold_s * 1000;
    look(call);
}

void token_ask(struct http_call *http, void *context)
{
    client_call_start(http, context, sizeof(struct token_call), ask);
}
