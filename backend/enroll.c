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
    char hash[BASE64URL_SHA256 + 1]; /* of the token */
    char name[DEVICE_NAME_MAX + 1];
    const char *platform;
    char *push, *id, *key, *sealed;
    char *secret;     /* base32, for the phone */
    bool asked_again; /* for the invitation, after another call used it up meanwhile */
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
                  VALUES(V_TEXT(call->hash), V_INT(store_now_ms(store)),
                         V_TEXT(jwk_thumbprint(phone->key))),
                  done, call);
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

static void on_invited(void *arg, enum store_status status,
                       const struct store_rows *const *results);

static void reply_enrolled(struct enroll_call *call)
{
    const struct server *server = call->phone.held.server;
    json_t *body = json_pack("{ss, ss, ss, ss}", "user", call->phone.user, "server", server->name,
                             "device", call->phone.device, "secret", call->secret);
    phone_reply(&call->phone, enroll_add_vapid(server, body));
}

static void on_enrolled(void *arg, enum store_status status,
                        const struct store_rows *const *results)
{
    struct enroll_call *call = arg;

    (void)results;
    if (status == STORE_FAILED) {
        phone_fail(&call->phone, PHONE_UNAVAILABLE, NULL);
        return;
    }
    if (status == STORE_REFUSED) { /* perhaps by this very device */
        call->asked_again = true;
        find_invitation(&call->phone, on_invited);
        return;
    }
    log_info("device %s enrolled for %s", call->phone.device, LOG_NAME(call->phone.user));
    waiters_wake(call->phone.held.server->waiters, WAITER_USER, call->phone.user);
    reply_enrolled(call);
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
        phone_seen_step(&call->phone),
    };
    store_run_steps(store, steps, 3, on_enrolled, call);
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

static void on_seen(void *arg, enum store_status status, const struct store_rows *const *results)
{
    struct enroll_call *call = arg;
    if (phone_stored(&call->phone, status, results))
        reply_enrolled(call);
}

/* The device is there, and has not got the answer: the same again, with the secret that it was
 * given. */
static void answer_again(struct enroll_call *call, const char *sealed)
{
    const struct server *server = call->phone.held.server;
    unsigned char secret[SECRET_BOX_MAX];
    int len = secret_box_open(server->box_key, call->phone.device, sealed, secret, sizeof secret);

    secret_free(call->secret);
    call->secret = len > 0 ? totp_base32(secret, (size_t)len) : NULL;
    secret_wipe(secret, sizeof secret);
    if (!call->secret) {
        phone_fail(&call->phone, PHONE_UNAVAILABLE, NULL);
        return;
    }
    const struct store_step steps[] = {
        phone_seen_step(&call->phone),
        phone_touch_step(&call->phone, STATEMENT_DEVICE_SEEN),
    };
    store_run_steps(server->store, steps, 2, on_seen, call);
}

static void on_invited(void *arg, enum store_status status, const struct store_rows *const *results)
{
    enum column { USER, ENDS, DEVICE, SECRET };
    struct enroll_call *call = arg;
    const struct store_rows *row = status == STORE_OK ? results[0] : NULL;

    if (!row) {
        phone_fail(&call->phone, PHONE_UNAVAILABLE, NULL);
    } else if (store_count(row) == 1 && *store_text(row, 0, DEVICE)) {
        phone_call_of(&call->phone, store_text(row, 0, DEVICE), store_text(row, 0, USER));
        answer_again(call, store_text(row, 0, SECRET));
    } else if (store_count(row) == 0 || call->asked_again) {
        phone_fail(&call->phone, PHONE_INVITATION_OVER, NULL);
    } else if (read_device(call)) {
        if (make_device(call)) {
            phone_call_of(&call->phone, call->id, store_text(row, 0, USER));
            store_device(call);
        } else {
            phone_fail(&call->phone, PHONE_UNAVAILABLE, NULL);
        }
    }
}

static void enroll(struct phone_call *call)
{
    find_invitation(call, on_invited);
}

void enroll_device(struct http_call *http, void *context)
{
    phone_call_start(http, context, sizeof(struct enroll_call), PHONE_NEW, enroll);
}
