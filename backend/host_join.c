/* A host gives its key, for a one-use token (docs/backend-protocol.md, "Joining"). */
#include <stdlib.h>
#include <string.h>

#include "backend/held_call.h"
#include "backend/routes.h"
#include "common/json_text.h"
#include "common/jwk.h"
#include "common/login.h"
#include "common/sanitize.h"

#define BODY_MAX 16384
#define TOKEN_MAX 64
#define TITLE_MAX 128

static void release(struct held_call *call)
{
    free(call);
}

static void fail(struct held_call *call, int status, const char *error, const char *description)
{
    held_call_reply(call, status,
                    json_pack("{ss, ss}", "error", error, "error_description", description),
                    status == 503);
}

static void on_joined(void *arg, enum store_status status, const struct store_rows *const *results)
{
    struct held_call *call = arg;
    if (status == STORE_OK)
        held_call_reply(call, 200,
                        json_pack("{ss, ss}", "host", store_text(results[1], 0, 0), "issuer",
                                  call->server->issuer),
                        0);
    else if (status == STORE_REFUSED)
        fail(call, 403, "pam_approve_token_used",
             "the token is unknown, used or too old; `approve-server host add` makes a new one");
    else
        fail(call, 503, "temporarily_unavailable", "the store did not take it");
}

/* The token is used up and the key is stored in one commit, or neither. */
static bool join(struct held_call *call, const char *token, const char *name, const struct jwk *key)
{
    char hash[BASE64URL_SHA256 + 1], *text = NULL;
    json_t *json = jwk_public_json(key);
    int64_t now = store_now_ms(call->server->store);
    if (json)
        text = json_text_dump(json);
    json_decref(json);
    if (!text || login_hash(token, strlen(token), hash) < 0) {
        free(text);
        return false;
    }
    const struct store_value use[] = {V_TEXT(hash), V_INT(now)};
    const struct store_value host[] = {V_TEXT(hash), V_TEXT(text), V_TEXT(jwk_thumbprint(key)),
                                       V_INT(now), V_TEXT(name)};
    const struct store_step steps[] = {
        {STATEMENT_HOST_TOKEN_USE, use, 2, true},
        {STATEMENT_HOST_JOIN, host, 5, true},
    };
    store_run_steps(call->server->store, steps, 2, on_joined, call);
    free(text);
    return true;
}

void host_join(struct http_call *http, void *context)
{
    size_t len;
    const char *body = http_body(http, &len);
    struct held_call *call = calloc(1, sizeof *call);
    if (!call) {
        http_reply_json(http, 500, NULL);
        return;
    }
    held_call_start(call, context, http, release);
    json_t *json = json_text_object(body, len, BODY_MAX);
    const char *token = json_text_string(json, "token", TOKEN_MAX),
               *name = json_text_string(json, "name", TITLE_MAX);
    struct jwk *key = jwk_from_json(json_object_get(json, "key"));
    if (!token || !name || !*name || !sanitize_is_clean(name) || !key || jwk_type(key) != JWK_P256)
        fail(call, 400, "invalid_request", "token, key (a public P-256 key) and name are needed");
    else if (!join(call, token, name, key))
        fail(call, 500, "server_error", "no memory");
    jwk_free(key);
    json_decref(json);
}
