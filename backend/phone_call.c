#include "backend/phone_call.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backend/keys.h"
#include "common/base64url.h"
#include "common/json_text.h"
#include "common/login.h"

#define TIME_DIFFERENCE 60 /* seconds */
#define JTI_LEAST 16
#define STORE_RETRY 1
#define CONNECTIONS_MAX 8 /* of one phone; a browser opens six */

static const struct {
    const char *name;
    int status;
    const char *message;
} errors[] = {
    [PHONE_STALE] = {"stale", 400, "the message is too old or from the future: compare the clocks"},
    [PHONE_REPLAYED] = {"replayed", 400, "this message was sent before"},
    [PHONE_BAD_MESSAGE] = {"bad_message", 400, "this is no message of the kind that is asked for"},
    [PHONE_UNKNOWN_DEVICE] = {"unknown_device", 401, "this device is not enrolled, or was removed"},
    [PHONE_APP_TOO_OLD] = {"app_too_old", 426, "this version of the app is too old: update it"},
    [PHONE_INVITATION_OVER] = {"invitation_over", 403,
                               "this link is used, expired or unknown: get a new one"},
    [PHONE_LIMITED] = {"limited", 429, "too many calls: try later"},
    [PHONE_NOT_FOUND] = {"not_found", 404, "there is no such request"},
    [PHONE_OVER] = {"over", 409, "the request is over"},
    [PHONE_UNAVAILABLE] = {"unavailable", 503, "the store did not commit: try again"},
};

static void release(struct held_call *held)
{
    struct phone_call *call = (struct phone_call *)held;
    if (call->clear)
        call->clear(call);
    phone_call_slim(call);
    free(call);
}

void phone_call_of(struct phone_call *call, const char *device, const char *user)
{
    snprintf(call->device, sizeof call->device, "%s", device);
    snprintf(call->user, sizeof call->user, "%s", user);
    snprintf(call->sender, sizeof call->sender, "device %s", device);
}

void phone_call_slim(struct phone_call *call)
{
    jws_free(call->jws);
    jwk_free(call->key);
    call->jws = NULL;
    call->key = NULL;
}

static json_t *add_now(const struct phone_call *call, json_t *body)
{
    json_t *now = json_integer(store_now_ms(call->held.server->store) / 1000);
    if (json_object_set_new(body, "now", now) == 0)
        return body;
    json_decref(body);
    return NULL;
}

void phone_reply(struct phone_call *call, json_t *body)
{
    held_call_reply(&call->held, 200, add_now(call, body), 0);
}

void phone_error_with(struct phone_call *call, enum phone_error error, const char *message,
                      json_t *more, long retry_after)
{
    json_t *body = json_pack("{ss, ss}", "error", errors[error].name, "message",
                             message ? message : errors[error].message);
    if (body && more && json_object_update(body, more) < 0) {
        json_decref(body);
        body = NULL;
    }
    json_decref(more);
    held_call_reply(&call->held, errors[error].status, add_now(call, body), retry_after);
}

void phone_fail(struct phone_call *call, enum phone_error error, const char *message)
{
    phone_error_with(call, error, message, NULL, 0);
}

struct store_step phone_seen_step(struct phone_call *call)
{
    call->seen[0] = V_TEXT(call->sender);
    call->seen[1] = V_TEXT(call->jti);
    call->seen[2] = V_INT(call->jti_ends);
    return (struct store_step){
        .statement = STATEMENT_SEEN_ADD, .values = call->seen, .count = 3, .must_return = true};
}

struct store_step phone_touch_step(struct phone_call *call, enum statement statement)
{
    call->touch[0] = V_TEXT(call->device);
    call->touch[1] = V_INT(store_now_ms(call->held.server->store));
    call->touch[2] = V_TEXT(call->app);
    return (struct store_step){.statement = statement, .values = call->touch, .count = 3};
}

bool phone_stored(struct phone_call *call, enum store_status status,
                  const struct store_rows *const *results)
{
    if (status == STORE_FAILED)
        phone_error_with(call, PHONE_UNAVAILABLE, NULL, NULL, STORE_RETRY);
    else if (status == STORE_REFUSED)
        phone_fail(call, PHONE_REPLAYED, NULL);
    else if (store_count(results[1]) == 0)
        phone_fail(call, PHONE_UNKNOWN_DEVICE, NULL);
    else
        return true;
    return false;
}

/* MAJOR.MINOR as one number, or -1. */
static long read_version(const char *text)
{
    unsigned major, minor;
    int end = 0;
    if (sscanf(text, "%4u.%4u%n", &major, &minor, &end) != 2 || text[end] ||
        strspn(text, "0123456789.") != (size_t)end)
        return -1;
    return (long)major * 10000 + (long)minor;
}

/* url, iat, jti and app, in this order. Returns false where it has answered. */
static bool check_message(struct phone_call *call)
{
    const struct server *server = call->held.server;
    const json_t *payload = call->jws->payload;
    const char *url = json_text_string(payload, "url", 512), *jti, *app;
    const char *minimum = config_text(server->config, "phone", "minimum");
    size_t origin = strlen(server->issuer);
    int64_t iat, now = store_now_ms(server->store) / 1000;

    if (!url || strncmp(url, server->issuer, origin) != 0 ||
        strcmp(url + origin, call->path) != 0) {
        phone_fail(call, PHONE_BAD_MESSAGE, "url is not this call's");
        return false;
    }
    if (json_text_integer(payload, "iat", 0, INT64_C(1) << 40, &iat) < 0 ||
        iat > now + TIME_DIFFERENCE || iat < now - TIME_DIFFERENCE) {
        phone_fail(call, PHONE_STALE, NULL);
        return false;
    }
    jti = json_text_string(payload, "jti", sizeof call->jti - 1);
    app = json_text_string(payload, "app", sizeof call->app - 1);
    if (!jti || strlen(jti) < JTI_LEAST || !app || read_version(app) < 0) {
        phone_fail(call, PHONE_BAD_MESSAGE, "jti or app is missing or malformed");
        return false;
    }
    snprintf(call->jti, sizeof call->jti, "%s", jti);
    snprintf(call->app, sizeof call->app, "%s", app);
    call->jti_ends = (iat + TIME_DIFFERENCE + 1) * 1000;
    if (read_version(app) < read_version(minimum)) {
        phone_error_with(call, PHONE_APP_TOO_OLD, NULL, json_pack("{ss}", "minimum", minimum), 0);
        return false;
    }
    return true;
}

/* With the key found: signature and the rest. */
static void check_signed(struct phone_call *call)
{
    if (!jws_verify(call->jws, call->key, JWS_ES256)) {
        phone_fail(call, PHONE_BAD_MESSAGE, "the signature is wrong");
        return;
    }
    if (!check_message(call))
        return;
    if (*call->device && call->held.http)
        http_signed(call->held.http, call->sender, CONNECTIONS_MAX);
    call->next(call);
}

static void on_device(void *arg, enum store_status status, const struct store_rows *const *results)
{
    struct phone_call *call = arg;
    if (status != STORE_OK) {
        phone_error_with(call, PHONE_UNAVAILABLE, NULL, NULL, STORE_RETRY);
        return;
    }
    if (store_count(results[0]) == 1)
        call->key = keys_get(call->held.server->keys, store_text(results[0], 0, 2));
    if (!call->key) {
        phone_fail(call, PHONE_UNKNOWN_DEVICE, NULL);
        return;
    }
    phone_call_of(call, store_text(results[0], 0, 0), store_text(results[0], 0, 1));
    check_signed(call);
}

static void find_key(struct phone_call *call, enum phone_key kind)
{
    const struct jws *jws = call->jws;
    if (kind == PHONE_KNOWN) {
        store_run(call->held.server->store, STATEMENT_DEVICE_BY_KEY, VALUES(V_TEXT(jws->kid)),
                  on_device, call);
        return;
    }
    const json_t *jwk = json_object_get(jws->header, "jwk");
    call->key = jwk ? jwk_from_json(jwk) : NULL;
    if (call->key && jwk_type(call->key) == JWK_P256 &&
        strcmp(jwk_thumbprint(call->key), jws->kid) == 0)
        check_signed(call);
    else
        phone_fail(call, PHONE_BAD_MESSAGE,
                   "the key in the header is missing, malformed or not kid's");
}

void phone_call_start(struct http_call *http, struct server *server, size_t size,
                      enum phone_key kind, void (*next)(struct phone_call *call))
{
    size_t len;
    const char *body = http_body(http, &len);
    struct phone_call *call = calloc(1, size);
    if (!call) {
        http_reply_json(http, 500, NULL);
        return;
    }
    held_call_start(&call->held, server, http, release);
    call->next = next;
    snprintf(call->path, sizeof call->path, "%s", http_path(http));
    call->jws = jws_parse(body, len);
    if (!call->jws || strcmp(call->jws->typ, LOGIN_PHONE_TYP) != 0 ||
        strlen(call->jws->kid) != BASE64URL_SHA256)
        phone_fail(call, PHONE_BAD_MESSAGE, NULL);
    else
        find_key(call, kind);
}
