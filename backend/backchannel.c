/* A host asks for an approval (CIBA Core 1.0, section 7; RFC 9396 for the details). */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backend/client_auth.h"
#include "backend/rate.h"
#include "backend/request.h"
#include "backend/routes.h"
#include "backend/sweep.h"
#include "common/address.h"
#include "common/base64url.h"
#include "common/clock.h"
#include "common/json_text.h"
#include "common/log.h"
#include "common/login.h"
#include "common/random.h"

#define INTERVAL 2  /* seconds; for a client that does not wait on our answer */
#define LIFE_MIN 10 /* seconds */
#define LIFE_MAX 600
#define DETAILS_MAX 4096 /* of authorization_details */
#define DETAILS_TIME 300 /* seconds that the details' times may be off */
#define RETRY_AFTER 5
#define TOO_MANY "pam_approve_too_many_requests"
#define HELD_MAX 32 /* thumbprints in `held` */

struct backchannel_call {
    struct client_call client;
    struct login login;
    char *details; /* base64url, as it came */
    bool phones;   /* false: the host wants a code only */
    int64_t ends;  /* milliseconds */
    int64_t life;  /* seconds */
    char id[AUTH_REQ_ID_MAX + 1];
    char held[HELD_MAX][BASE64URL_SHA256 + 1]; /* devices that the host keeps a secret of */
    size_t held_count;
};

static void clear(struct client_call *client)
{
    struct backchannel_call *call = (struct backchannel_call *)client;
    login_clear(&call->login);
    free(call->details);
}

static void refuse(struct backchannel_call *call, const char *error, const char *why)
{
    client_error(&call->client, 400, error, why);
}

/* Takes the details out of authorization_details: an array of one object with `type` and `details`.
 * Returns NULL, or what is wrong. */
static const char *read_details(struct backchannel_call *call, const char *text)
{
    static const char *const members[] = {"type", "details", NULL};
    json_t *list = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
    const json_t *element = json_array_get(list, 0);
    const char *type = json_text_string(element, "type", 64), *details,
               *why = "it must be one element of "
                      "type and details";
    unsigned char *bytes = NULL;
    size_t len;

    if (json_array_size(list) != 1 || !type || !json_text_only(element, members))
        goto out;
    why = "this type is unknown here";
    if (strcmp(type, LOGIN_DETAILS_TYPE) != 0)
        goto out;
    why = "details are malformed";
    details = json_text_string(element, "details", DETAILS_MAX);
    if (!details || base64url_decode(details, strlen(details), &bytes, &len) < 0 ||
        login_from_text((const char *)bytes, len, &call->login) < 0)
        goto out;
    call->details = strdup(details);
    why = call->details ? NULL : "out of memory";
out:
    free(bytes);
    json_decref(list);
    return why;
}

/* Do the details fit their sender, the user and the time? */
static const char *check_details(const struct backchannel_call *call, const char *user, int64_t now)
{
    const struct login *login = &call->login;
    if (strcmp(login->host, call->client.host) != 0)
        return "details are of another host";
    if (strcmp(login->issuer, call->client.held.server->issuer) != 0)
        return "details are for another issuer";
    if (strcmp(login->user, user) != 0)
        return "details are of another user than login_hint";
    if (login->issued > now + DETAILS_TIME || login->expires < now - DETAILS_TIME)
        return "details are over, or from the future: compare the clocks";
    return NULL;
}

/* Digits only. Returns the seconds or -1. */
static int64_t read_life(const char *text)
{
    char *end;
    long life = text[strspn(text, "0123456789")] ? -1 : strtol(text, &end, 10);
    return life < LIFE_MIN || life > LIFE_MAX ? -1 : life;
}

/* Thumbprints, parted by one blank. False where it is anything else. */
static bool read_held(struct backchannel_call *call, const char *text)
{
    for (const char *at = text;; at += BASE64URL_SHA256 + 1) {
        size_t len = strspn(at, BASE64URL_ALPHABET);
        if (len != BASE64URL_SHA256 || call->held_count == HELD_MAX)
            return false;
        memcpy(call->held[call->held_count++], at, BASE64URL_SHA256);
        if (at[BASE64URL_SHA256] != ' ')
            return at[BASE64URL_SHA256] == '\0';
    }
}

/* Those held of which there is no device. NULL where there are none, or no memory: they are named
 * again with the next request. */
static json_t *list_gone(const struct backchannel_call *call, const struct store_rows *devices)
{
    json_t *gone = NULL;
    for (size_t i = 0; i < call->held_count; i++) {
        size_t row = 0;
        while (row < store_count(devices) &&
               strcmp(store_text(devices, row, 0), call->held[i]) != 0)
            row++;
        if (row < store_count(devices))
            continue;
        if (!gone)
            gone = json_array();
        json_array_append_new(gone, json_string(call->held[i]));
    }
    return gone;
}

static void reply(struct backchannel_call *call, const struct store_rows *phones, json_t *gone)
{
    size_t count = store_count(phones);
    json_t *methods = count ? json_pack("[ss]", "phone", "code") : json_pack("[s]", "code");
    json_t *body = json_pack("{ss, sI, si, ss, sI, so, so*}", "auth_req_id", call->id, "expires_in",
                             (json_int_t)call->life, "interval", INTERVAL, "device",
                             count ? store_text(phones, 0, 0) : "", "devices", (json_int_t)count,
                             "methods", methods, "gone", gone);
    client_reply(&call->client, body);
}

static void on_found(void *arg, enum store_status status, const struct store_rows *const *results)
{
    struct backchannel_call *call = arg;
    if (status != STORE_OK)
        client_stored(&call->client, STORE_FAILED);
    else
        reply(call, results[0], NULL);
}

/* The answer to the first try was lost: the host gets the request that it has, and phones see one.
 */
static void reply_again(struct backchannel_call *call, const struct store_rows *asked)
{
    struct store *store = call->client.held.server->store;

    snprintf(call->id, sizeof call->id, "%s", store_text(asked, 0, 0));
    call->life = (store_integer(asked, 0, 1) - store_now_ms(store) + 999) / 1000;
    store_run(store, STATEMENT_DEVICES_ASKED, VALUES(V_TEXT(call->id)), on_found, call);
}

static void on_fault(void *arg, enum store_status status, const struct store_rows *const *results)
{
    struct backchannel_call *call = arg;
    if (status != STORE_OK)
        client_stored(&call->client, STORE_FAILED);
    else if (store_count(results[1]) > 0)
        reply_again(call, results[1]);
    else if (store_integer(results[0], 0, 0) == 0)
        client_error(&call->client, 403, "unauthorized_client", "this host was revoked");
    else if (store_integer(results[0], 0, 1) != 0)
        refuse(call, "invalid_authorization_details", "details were used before");
    else
        client_error_with(&call->client, 429, TOO_MANY,
                          "too many requests of this host, or of this host for this user, are open",
                          NULL, RETRY_AFTER);
}

static void on_added(void *arg, enum store_status status, const struct store_rows *const *results)
{
    struct backchannel_call *call = arg;
    struct server *server = call->client.held.server;
    const struct login *login = &call->login;

    if (status != STORE_OK) {
        client_stored(&call->client, status);
        return;
    }
    if (store_count(results[1]) == 0) {
        const struct store_value values[] = {V_TEXT(call->client.host), V_TEXT(login->user),
                                             V_TEXT(login->request), V_TEXT(call->details),
                                             V_INT(store_now_ms(server->store))};
        const struct store_step steps[] = {
            {.statement = STATEMENT_REQUEST_ADD_FAULT, .values = values, .count = 3},
            {.statement = STATEMENT_REQUEST_ASKED_AGAIN, .values = values, .count = 5},
        };
        store_run_steps(server->store, steps, 2, on_fault, call);
        return;
    }
    bool shown = store_count(results[2]) > 0;
    log_info("request for %s by %s, service %s, from %s: %s", LOG_NAME(login->user), login->host,
             LOG_NAME(login->service), LOG_NAME(login->rhost),
             shown ? "phones asked" : "code only");
    sweep_request(server->sweep, call->ends);
    if (shown)
        request_announce(server, call->id, login->request, login->user, call->details, call->ends);
    reply(call, results[2], call->held_count ? list_gone(call, results[4]) : NULL);
}

static void add_request(struct backchannel_call *call)
{
    struct server *server = call->client.held.server;
    const struct config *config = server->config;
    const struct login *login = &call->login;
    int64_t now = store_now_ms(server->store);
    char source[ADDRESS_SOURCE_SIZE];
    long per_user = config_integer(config, "limits", "pushes_per_user");

    /* a local login's source is its host; the blank keeps it apart from addresses and names */
    if (*login->rhost)
        address_source(login->rhost, source);
    else
        snprintf(source, sizeof source, "host %s", login->host);
    call->ends = now + call->life * 1000;
    const struct store_value seen[] = {V_TEXT(call->client.host), V_INT(now)};
    const struct store_value request[] = {
        V_TEXT(call->id),
        V_TEXT(login->request),
        V_TEXT(login->host),
        V_TEXT(call->client.host_name),
        V_TEXT(login->user),
        V_TEXT(login->service),
        V_TEXT(login->rhost),
        V_TEXT(source),
        V_TEXT(call->details),
        V_INT(now),
        V_INT(call->ends),
        V_INT(call->phones),
        V_INT(config_integer(config, "limits", "open_per_host")),
        V_INT(now - config_integer(config, "limits", "push_window") * 1000),
        V_INT(config_integer(config, "limits", "pushes_per_source")),
        V_INT(per_user),
        V_INT(config_integer(config, "limits", "open_per_user")),
        V_INT((per_user * 2 + 2) / 3), /* a host's share, rounded up */
    };
    struct store_value held[HELD_MAX];
    for (size_t i = 0; i < HELD_MAX; i++)
        held[i] = i < call->held_count ? V_TEXT(call->held[i]) : V_NULL;
    const struct store_step steps[] = {
        client_seen_step(&call->client),
        {.statement = STATEMENT_REQUEST_ADD, .values = request, .count = 18},
        {.statement = STATEMENT_DEVICES_ASKED, .values = request, .count = 1},
        {.statement = STATEMENT_HOST_SEEN, .values = seen, .count = 2},
        {.statement = STATEMENT_DEVICES_HELD, .values = held, .count = HELD_MAX},
    };
    store_run_steps(server->store, steps, call->held_count ? 5 : 4, on_added, call);
}

/* Reads scope, methods and requested_expiry. Returns NULL, or what is wrong. */
static const char *read_wishes(struct backchannel_call *call)
{
    const struct form *form = call->client.form;
    const char *scope = form_get(form, "scope", 64), *methods = form_get(form, "methods", 64);
    const char *expiry = form_get(form, "requested_expiry", 8);
    const char *held = form_get(form, "held", HELD_MAX * (BASE64URL_SHA256 + 1));
    int64_t most = config_integer(call->client.held.server->config, "requests", "max_life");

    if (!scope || strcmp(scope, "openid") != 0)
        return "scope must be openid";
    if (methods && strcmp(methods, "code") != 0)
        return "methods may be code";
    if (held && !read_held(call, held))
        return "held must be up to 32 thumbprints";
    call->phones = !methods;
    call->life = expiry ? read_life(expiry) : most;
    if (call->life < 0)
        return "requested_expiry must be 10 to 600";
    if (call->life > most)
        call->life = most;
    return NULL;
}

/* Returns 0, or the seconds to wait. No host's id has a blank. */
static long count_request(const struct backchannel_call *call)
{
    const struct server *server = call->client.held.server;
    char host_and_user[sizeof call->client.host + sizeof call->login.user];
    int64_t now = clock_mono_ms();
    long wait;

    snprintf(host_and_user, sizeof host_and_user, "%s %s", call->client.host, call->login.user);
    wait = rates_take(server->asked_for, host_and_user, now);
    return wait > 0 ? wait : rates_take(server->asked, call->client.host, now);
}

static void ask(struct client_call *client)
{
    struct backchannel_call *call = (struct backchannel_call *)client;
    struct server *server = client->held.server;
    enum number_mode least = (enum number_mode)config_choice(server->config, "requests", "number");
    const char *why = read_wishes(call), *user, *details;
    char *id;
    long wait;

    client->clear = clear;
    if (why) {
        refuse(call, "invalid_request", why);
        return;
    }
    if (!(user = client_parameter(client, "login_hint", sizeof call->login.user - 1)) ||
        !(details = client_parameter(client, "authorization_details", DETAILS_MAX)))
        return;
    why = read_details(call, details);
    if (!why)
        why = check_details(call, user, store_now_ms(server->store) / 1000);
    if (why) {
        refuse(call, "invalid_authorization_details", why);
        return;
    }
    if (call->phones && call->login.mode < least) {
        client_error_with(&call->client, 400, "pam_approve_number_required",
                          "the server wants a stricter number mode",
                          json_pack("{ss}", "number", login_number_modes[least]), 0);
        return;
    }
    wait = count_request(call);
    if (wait > 0) {
        client_error_with(
            client, 429, TOO_MANY,
            "too many requests of this host, or of this host for this user, in an hour", NULL,
            wait);
        return;
    }
    id = random_token(16);
    snprintf(call->id, sizeof call->id, "%s", id ? id : "");
    free(id);
    if (!*call->id)
        client_error(&call->client, 500, "server_error", "no random values");
    else
        add_request(call);
}

void backchannel_ask(struct http_call *http, void *context)
{
    client_call_start(http, context, sizeof(struct backchannel_call), ask);
}
