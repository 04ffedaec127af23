/* The words of a call: what only a phone or a host can sign, and what the server said before. */
#include "common/base64url.h"
#include "common/clock.h"
#include "common/json_text.h"
#include "common/login.h"
#include "common/totp.h"
#include "tests/fuzz/api_world.h"
#include "tests/fuzz/expand.h"
#include "tests/fuzz/sign.h"

/* usual with the members of text changed; text that is no object stands as it is. Takes usual. */
static char *merge(json_t *usual, const char *text)
{
    json_t *changes = text ? json_loads(text, 0, NULL) : NULL;
    char *merged;

    MUST(usual);
    if (json_is_object(changes))
        json_object_update(usual, changes);
    merged = text && !json_is_object(changes) ? strdup(text) : json_text_dump(usual);
    json_decref(changes);
    json_decref(usual);
    return merged;
}

static char *new_id(void)
{
    return expand_print("id-%016u", ++api.messages);
}

/* --- the phone -------------------------------------------------------------------------------- */

static char *sign_message(const struct jwk *key, bool embed, const char *text)
{
    char *id = new_id(), *header, *payload, *compact, *public = NULL;
    json_t *json = jwk_public_json(key);

    payload =
        merge(json_pack("{s:o, s:I, s:s, s:s}", "url", json_sprintf("%s%s", API_URL, api.path),
                        "iat", (json_int_t)clock_wall(), "jti", id, "app", "1.0"),
              text);
    public = json_text_dump(json);
    header =
        expand_print("{\"alg\":\"ES256\",\"kid\":\"%s\",\"typ\":\"%s\"%s%s}", jwk_thumbprint(key),
                     LOGIN_PHONE_TYP, embed ? ",\"jwk\":" : "", embed ? public : "");
    compact = forge_jws(key, header, payload);
    json_decref(json);
    free(public);
    free(header);
    free(payload);
    free(id);
    return compact;
}

static char *make_phone(void *arg, const char *text)
{
    (void)arg;
    return sign_message(api.device_key, false, text);
}

static char *make_new(void *arg, const char *text)
{
    (void)arg;
    return sign_message(api.other_key, true, text);
}

/* `<decide>`, `<decide|CHANGES>`: an approval of the details that were made last. */
static char *make_decision(void *arg, const char *text)
{
    const char *details = api.details ? api.details : "";
    char hash[44], *header, *payload, *compact;

    (void)arg;
    MUST(login_hash(details, strlen(details), hash) == 0);
    payload = merge(json_pack("{ss, ss, si, sI, ss}", "details_sha256", hash, "decision", "approve",
                              "number", 42, "iat", (json_int_t)clock_wall(), "jkt",
                              jwk_thumbprint(api.device_key)),
                    text);
    header = expand_print("{\"alg\":\"ES256\",\"kid\":\"%s\",\"typ\":\"%s\"}",
                          jwk_thumbprint(api.device_key), LOGIN_DECISION_TYP);
    compact = forge_jws(api.device_key, header, payload);
    free(header);
    free(payload);
    return compact;
}

static char *make_request(void *arg, const char *text)
{
    struct login login = {.request = ""};
    const char *details = api.details ? api.details : "";
    char *request;

    (void)arg, (void)text;
    (void)login_from_text(details, strlen(details), &login);
    request = strdup(login.request);
    login_clear(&login);
    return request;
}

/* --- the host --------------------------------------------------------------------------------- */

static char *make_assertion(void *arg, const char *text)
{
    char *id = new_id(), *header, *payload, *compact;

    (void)arg;
    payload = merge(json_pack("{ss, ss, ss, ss, sI, sI}", "iss", "web1", "sub", "web1", "aud",
                              API_URL, "jti", id, "iat", (json_int_t)clock_wall(), "exp",
                              (json_int_t)clock_wall() + 60),
                    text);
    header = expand_print("{\"alg\":\"ES256\",\"kid\":\"%s\",\"typ\":\"JWT\"}",
                          jwk_thumbprint(api.host_key));
    compact = forge_jws(api.host_key, header, payload);
    free(header);
    free(payload);
    free(id);
    return compact;
}

/* `<details>`, `<details|CHANGES>`, in base64url; remembered for what the phone signs. */
static char *make_details(void *arg, const char *text)
{
    char request[23];

    (void)arg;
    snprintf(request, sizeof request, "request-%013uA", ++api.messages);
    free(api.details);
    api.details =
        merge(json_pack("{si, ss, ss, ss, ss, ss, ss, ss, ss, ss, s{ss}, sI, sI, sn}", "v", 1,
                        "request", request, "iss", API_URL, "host", "web1", "host_name", "Web",
                        "service", "sshd", "user", "alice", "rhost", "192.0.2.7", "tty", "ssh",
                        "command", "", "number", "mode", "enter", "iat", (json_int_t)clock_wall(),
                        "exp", (json_int_t)clock_wall() + 60, "host_key"),
              text);
    return base64url_encode(api.details, strlen(api.details));
}

static char *make_id(void *arg, const char *text)
{
    (void)arg, (void)text;
    return strdup(api.auth_req_id);
}

static char *make_revision(void *arg, const char *text)
{
    (void)arg, (void)text;
    return strdup(api.revision);
}

static char *make_code(void *arg, const char *text)
{
    int64_t step = clock_wall() / TOTP_STEP + (text ? strtol(text, NULL, 10) % 100 : 0);

    (void)arg;
    return expand_print("%06d", totp_code(api.secret, sizeof api.secret, step));
}

/* --- anyone ----------------------------------------------------------------------------------- */

static char *make_key(void *arg, const char *text)
{
    json_t *json = jwk_public_json(text ? api.host_key : api.other_key);
    char *key = json_text_dump(json);

    (void)arg;
    json_decref(json);
    return key;
}

static char *make_now(void *arg, const char *text)
{
    (void)arg;
    return expand_print("%lld", (long long)clock_wall() + (text ? strtol(text, NULL, 10) : 0));
}

static char *make_many(void *arg, const char *text)
{
    char *many = calloc(1, 3001);

    (void)arg;
    MUST(many);
    memset(many, text && *text ? *text : 'a', 3000);
    return many;
}

static const struct expand_word words[] = {
    {"phone", make_phone},
    {"new", make_new},
    {"decide", make_decision},
    {"request", make_request},
    {"details", make_details},
    {"id", make_id},
    {"assertion", make_assertion},
    {"code", make_code},
    {"key", make_key},
    {"now", make_now},
    {"many", make_many},
    {"revision", make_revision},
    {NULL, NULL},
};

char *api_expand(const char *text)
{
    return expand(text, words, NULL);
}
