#include "tests/fuzz/helper_backend.h"

#include "backend/form.h"
#include "common/clock.h"
#include "common/json_text.h"
#include "common/login.h"
#include "helper/ciba_request.h"
#include "helper/session.h"
#include "tests/fuzz/expand.h"
#include "tests/fuzz/sign.h"
#include "tests/unit/vectors.h"

#define AUTH_REQ_ID "r-1"

static char *public_key(const struct jwk *key)
{
    json_t *json = jwk_public_json(key);
    char *text = json_text_dump(json);

    json_decref(json);
    return text;
}

static char *make_url(void *arg, const char *text)
{
    (void)arg, (void)text;
    return strdup(BACKEND_URL);
}

static char *make_now(void *arg, const char *text)
{
    (void)arg;
    return expand_print("%lld", (long long)clock_wall() + (text ? strtol(text, NULL, 10) : 0));
}

static char *make_phone(void *arg, const char *text)
{
    (void)text;
    return public_key(((struct backend *)arg)->phone_key);
}

static char *make_discovery(void *arg, const char *text)
{
    (void)arg, (void)text;
    return strdup("{\"issuer\":\"" BACKEND_URL "\",\"jwks_uri\":\"" BACKEND_URL "/jwks\","
                  "\"token_endpoint\":\"" BACKEND_URL "/ciba/token\","
                  "\"backchannel_authentication_endpoint\":\"" BACKEND_URL "/ciba/backchannel\","
                  "\"authorization_details_types_supported\":[\"pam_approve_login\"],"
                  "\"pam_approve_cancel_endpoint\":\"" BACKEND_URL "/ciba/cancel\","
                  "\"pam_approve_code_endpoint\":\"" BACKEND_URL "/ciba/code\"}");
}

static char *make_jwks(void *arg, const char *text)
{
    const struct backend *backend = arg;
    char *key = public_key(backend->issuer_key), *keys;

    keys = expand_print("{\"keys\":[{\"kid\":\"%s\",\"alg\":\"ES256\",%s]}",
                        text ? text : jwk_thumbprint(backend->issuer_key), key + 1);
    free(key);
    return keys;
}

static char *make_asked(void *arg, const char *text)
{
    (void)arg;
    return expand_print(
        "{\"auth_req_id\":\"" AUTH_REQ_ID "\",\"expires_in\":60,\"interval\":1,"
        "\"device\":\"Pixel 8\",\"devices\":1,\"methods\":[\"phone\",\"code\"]%s%s}",
        text ? "," : "", text ? text : "");
}

/* The number that is right now, or 0. */
static int right_number(const struct backend *backend)
{
    const struct session *session = backend->helper->sessions;

    return session && session->request ? session->request->number : 0;
}

/* The phone's decision on the last request: `<approval>`, `<approval|NUMBER>`. */
static char *make_approval(void *arg, const char *text)
{
    struct backend *backend = arg;
    int right = right_number(backend), number = text ? atoi(text) : right;
    const char *details = backend->details ? backend->details : "";

    if (number == right && backend->details)
        backend->phone_said = true;
    return decision_sign(backend->phone_key, details, strlen(details), DECISION_APPROVE, number,
                         strstr(details, "\"host_key\":{") ? "sealed" : NULL, clock_wall());
}

static char *make_denial(void *arg, const char *text)
{
    const struct backend *backend = arg;
    const char *details = backend->details ? backend->details : "";

    return decision_sign(backend->phone_key, details, strlen(details),
                         text ? DECISION_NOT_ME : DECISION_DENY, 0, NULL, clock_wall());
}

static char *sign(const struct jwk *key, const struct backend *backend, const char *payload)
{
    char *header = expand_print("{\"alg\":\"ES256\",\"typ\":\"JWT\",\"kid\":\"%s\"}",
                                jwk_thumbprint(backend->issuer_key));
    char *compact = forge_jws(key, header, payload);

    free(header);
    return compact;
}

/* Anything, signed by the issuer. */
static char *make_signed(void *arg, const char *text)
{
    struct backend *backend = arg;

    backend->token_made = true;
    return sign(backend->issuer_key, backend, text ? text : "{}");
}

/* A token's claims, of the method that amr names; text changes members. */
static char *make_claims(const struct backend *backend, const char *text, const char *amr)
{
    struct login login = {.user = ""};
    const char *details = backend->details ? backend->details : "";
    json_t *claims, *changes = text ? json_loads(text, 0, NULL) : NULL;
    char *payload;

    (void)login_from_text(details, strlen(details), &login);
    claims = json_pack("{ss, ss, ss, sI, sI, s[s], ss, ss}", "iss", BACKEND_URL, "sub",
                       login.user[0] ? login.user : "alice", "aud", "web1", "iat",
                       (json_int_t)clock_wall(), "exp", (json_int_t)clock_wall() + 60, "amr", amr,
                       "urn:openid:params:jwt:claim:auth_req_id", AUTH_REQ_ID, "device", "Pixel 8");
    MUST(claims);
    if (json_is_object(changes))
        json_object_update(claims, changes);
    payload = json_text_dump(claims);
    json_decref(changes);
    json_decref(claims);
    login_clear(&login);
    return payload;
}

static char *make_otp(void *arg, const char *text)
{
    char *payload = make_claims(arg, text, "otp"), *compact = make_signed(arg, payload);

    free(payload);
    return compact;
}

static char *make_swk(void *arg, const char *text)
{
    char *payload = make_claims(arg, text, "swk"), *compact = make_signed(arg, payload);

    free(payload);
    return compact;
}

/* The same in the issuer's name, by another key. */
static char *make_forged(void *arg, const char *text)
{
    const struct backend *backend = arg;
    char *payload = make_claims(backend, text, "swk");
    char *compact = sign(backend->phone_key, backend, payload);

    free(payload);
    return compact;
}

static const struct expand_word words[] = {
    {"url", make_url},
    {"now", make_now},
    {"phone", make_phone},
    {"discovery", make_discovery},
    {"jwks", make_jwks},
    {"asked", make_asked},
    {"approval", make_approval},
    {"denial", make_denial},
    {"signed", make_signed},
    {"otp", make_otp},
    {"swk", make_swk},
    {"forged", make_forged},
    {NULL, NULL},
};

char *backend_expand(struct backend *backend, const char *text)
{
    return expand(text, words, backend);
}

void backend_start(struct backend *backend)
{
    backend->phone_key = jwk_from_pem(P256_SEC1_PEM);
    backend->issuer_key = jwk_new_p256();
    MUST(backend->phone_key && backend->issuer_key);
}

void backend_reset(struct backend *backend)
{
    free(backend->details);
    backend->details = NULL;
    backend->phone_said = backend->token_made = backend->code_came = false;
}

/* The details of `authorization_details=[{"type":…,"details":"<base64url>"}]`. */
static char *read_details(const struct form *form)
{
    const char *text = form_get(form, "authorization_details", 8192), *encoded;
    json_t *list = text ? json_loads(text, 0, NULL) : NULL;
    unsigned char *bytes = NULL;
    char *details = NULL;
    size_t len;

    encoded = json_string_value(json_object_get(json_array_get(list, 0), "details"));
    if (encoded && base64url_decode(encoded, strlen(encoded), &bytes, &len) == 0)
        details = strndup((const char *)bytes, len);
    free(bytes);
    json_decref(list);
    return details;
}

static bool ends_with(const char *text, const char *end)
{
    return strlen(text) >= strlen(end) && strcmp(text + strlen(text) - strlen(end), end) == 0;
}

void backend_note(struct backend *backend, const char *url, const char *body)
{
    struct form *form = form_parse(body, strlen(body));

    MUST(form); /* what the helper sends is a form */
    if (ends_with(url, "/ciba/backchannel")) {
        backend_reset(backend);
        backend->details = read_details(form);
    }
    if (ends_with(url, "/ciba/code"))
        backend->code_came = true;
    form_free(form);
}

char *backend_good_answer(struct backend *backend, const char *url)
{
    static const struct {
        const char *end, *answer;
    } answers[] = {
        {"/.well-known/openid-configuration", "<discovery>"},
        {"/jwks", "<jwks>"},
        {"/ciba/backchannel", "<asked>"},
        {"/ciba/token", "{\"id_token\":\"<swk|{\"cnf\":{\"jwk\":<phone>},"
                        "\"pam_approve_approval\":\"<approval>\"}>\"}"},
    };

    for (size_t i = 0; i < sizeof answers / sizeof *answers; i++)
        if (ends_with(url, answers[i].end))
            return backend_expand(backend, answers[i].answer);
    return strdup("{}");
}
