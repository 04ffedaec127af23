/* A phone becomes a user's device by a one-use link (docs/phone-protocol.md, "Enrolment links"). */
#include "backend/enroll.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backend/phone_call.h"
#include "backend/push.h"
#include "backend/routes.h"
#include "backend/secret_box.h"
#include "common/json_text.h"
#include "common/log.h"
#include "common/login.h"
#include "common/random.h"
#include "common/sanitize.h"
#include "common/totp.h"

#define TOKEN_MAX 64

static const char *const platforms[] = {"terminal", "web"};

struct enroll_call {
    struct phone_call phone;
    char hash[44]; /* of the token */
    char name[DEVICE_NAME_MAX + 1];
    const char *platform;
    char *push, *id, *key, *sealed;
    char *secret; /* base32, for the phone */
};

static void clear(struct phone_call *phone)
{
    struct enroll_call *call = (struct enroll_call *)phone;
    free(call->push);
    free(call->id);
    free(call->key);
    free(call->sealed);
    secret_free(call->secret);
}

bool enroll_read_name(const json_t *payload, char name[DEVICE_NAME_MAX + 1])
{
    const char *given = json_text_string(payload, "name", DEVICE_NAME_MAX);
    return given && sanitize_text(name, DEVICE_NAME_MAX + 1, given) > 0;
}

json_t *enroll_add_vapid(const struct server *server, json_t *body)
{
    const char *key = push_public_key(server);
    if (!key || !body || json_object_set_new(body, "vapid", json_string(key)) == 0)
        return body;
    json_decref(body);
    return NULL;
}

/* --- invitation ----------------------------------------------------------------------------- */

static void on_shown(void *arg, enum store_status status, const struct store_rows *const *results)
{
    struct phone_call *call = arg;
    const struct server *server = call->held.server;
    if (status != STORE_OK)
        phone_fail(call, PHONE_UNAVAILABLE, NULL);
    else if (store_count(results[0]) == 0)
        phone_fail(call, PHONE_INVITATION_OVER, NULL);
    else
        phone_reply(call, json_pack("{ss, ss, sI}", "server", server->name, "user",
                                    store_text(results[0], 0, 0), "expires_in",
                                    (json_int_t)(store_integer(results[0], 0, 1) -
                                                 store_now_ms(server->store)) /
                                        1000));
}

/* Reads the token and asks for its invitation; nothing is written for a link that is no good. */
static void find_invitation(struct phone_call *phone, store_done *done)
{
    struct enroll_call *call = (struct enroll_call *)phone;
    struct store *store = phone->held.server->store;
    const char *token = json_text_string(phone->jws->payload, "token", TOKEN_MAX);
    phone->clear = clear;
    if (token && login_hash(token, strlen(token), call->hash) == 0)
        store_run(store, STATEMENT_INVITATION_SHOW,
                  VALUES(V_TEXT(call->hash), V_INT(store_now_ms(store))), done, call);
    else
        phone_fail(phone, PHONE_BAD_MESSAGE, "token is missing or malformed");
}

static void show_invitation(struct phone_call *call)
{
    find_invitation(call, on_shown);
}

void enroll_show_invitation(struct http_call *http, void *context)
{
    phone_call_start(http, context, sizeof(struct enroll_call), PHONE_NEW, show_invitation);
}

/* --- enroll --------------------------------------------------------------------------------- */

static void on_enrolled(void *arg, enum store_status status,
                        const struct store_rows *const *results)
{
    struct enroll_call *call = arg;
    const struct server *server = call->phone.held.server;
    const char *user;
    json_t *body;

    if (status == STORE_FAILED) {
        phone_fail(&call->phone, PHONE_UNAVAILABLE, NULL);
        return;
    }
    if (status == STORE_REFUSED) {
        phone_fail(&call->phone, PHONE_INVITATION_OVER, NULL);
        return;
    }
    user = store_text(results[1], 0, 0);
    log_info("device %s enrolled for %s", call->id, LOG_NAME(user));
    waiters_wake(server->waiters, WAITER_USER, user);
    body = json_pack("{ss, ss, ss, ss}", "user", user, "server", server->name, "device", call->id,
                     "secret", call->secret);
    phone_reply(&call->phone, enroll_add_vapid(server, body));
}

/* The new device's id, key and code secret. */
static bool make_device(struct enroll_call *call)
{
    unsigned char secret[TOTP_SECRET];
    json_t *key = jwk_public_json(call->phone.key);
    call->id = random_token(16);
    call->key = key ? json_text_dump(key) : NULL;
    json_decref(key);
    if (call->id && random_bytes(secret, sizeof secret) == 0) {
        call->secret = totp_base32(secret, sizeof secret);
        call->sealed =
            secret_box_seal(call->phone.held.server->box_key, call->id, secret, sizeof secret);
    }
    secret_wipe(secret, sizeof secret);
    return call->key && call->secret && call->sealed;
}

static void store_device(struct enroll_call *call)
{
    struct store *store = call->phone.held.server->store;
    int64_t now = store_now_ms(store);
    const char *thumbprint = jwk_thumbprint(call->phone.key);
    const struct store_value invitation[] = {V_TEXT(call->hash), V_INT(now), V_TEXT(call->id),
                                             V_TEXT(thumbprint)};
    const struct store_value device[] = {
        V_TEXT(call->id),        V_TEXT(call->hash), V_TEXT(call->name),   V_TEXT(call->platform),
        V_TEXT(call->key),       V_TEXT(thumbprint), V_TEXT(call->sealed), V_TEXT(call->push),
        V_TEXT(call->phone.app), V_INT(now),
    };
    const struct store_step steps[] = {
        {.statement = STATEMENT_INVITATION_USE,
         .values = invitation,
         .count = 4,
         .must_return = true},
        {.statement = STATEMENT_DEVICE_ADD, .values = device, .count = 10, .must_return = true},
    };
    store_run_steps(store, steps, 2, on_enrolled, call);
}

/* Returns false where it has answered. */
static bool read_device(struct enroll_call *call)
{
    const json_t *payload = call->phone.jws->payload, *push = json_object_get(payload, "push");
    const char *platform = json_text_string(payload, "platform", 16);
    char why[160];

    for (size_t i = 0; platform && i < sizeof platforms / sizeof *platforms; i++)
        if (strcmp(platforms[i], platform) == 0)
            call->platform = platforms[i];
    if (!call->platform || !enroll_read_name(payload, call->name)) {
        phone_fail(&call->phone, PHONE_BAD_MESSAGE, "name or platform is missing or malformed");
        return false;
    }
    if (!push || json_is_null(push))
        return true;
    call->push = push_check(call->phone.held.server, push, why, sizeof why);
    if (call->push)
        return true;
    phone_fail(&call->phone, PHONE_BAD_MESSAGE, why);
    return false;
}

static void on_invited(void *arg, enum store_status status, const struct store_rows *const *results)
{
    struct enroll_call *call = arg;
    if (status != STORE_OK)
        phone_fail(&call->phone, PHONE_UNAVAILABLE, NULL);
    else if (store_count(results[0]) == 0)
        phone_fail(&call->phone, PHONE_INVITATION_OVER, NULL);
    else if (!read_device(call))
        return;
    else if (make_device(call))
        store_device(call);
    else
        phone_fail(&call->phone, PHONE_UNAVAILABLE, NULL);
}

static void enroll(struct phone_call *call)
{
    find_invitation(call, on_invited);
}

void enroll_device(struct http_call *http, void *context)
{
    phone_call_start(http, context, sizeof(struct enroll_call), PHONE_NEW, enroll);
}
