#include "common/login.h"

#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

#include "common/base64url.h"
#include "common/clock.h"
#include "common/json_text.h"
#include "common/sanitize.h"

enum {
    VERSION_1 = 1,
    LIFE_LEAST = 10,
    LIFE_MOST = 600,
    REQUEST_BYTES = 16,
    COORDINATE_TEXT = 43, /* 32 bytes in base64url */
};

const char *const login_number_modes[] = {
    [NUMBER_OFF] = "off", [NUMBER_CHOOSE] = "choose", [NUMBER_ENTER] = "enter", NULL};

/* The members that are strings: where they are kept, and how long they are. */
static const struct {
    const char *name;
    size_t offset, least, most;
} texts[] = {
#define TEXT(name, field, least)                                                                   \
    {                                                                                              \
        name, offsetof(struct login, field), least, sizeof(((struct login *)0)->field) - 1         \
    }
    TEXT("request", request, 22),    TEXT("iss", issuer, 1),      TEXT("host", host, 1),
    TEXT("host_name", host_name, 0), TEXT("service", service, 1), TEXT("user", user, 1),
    TEXT("rhost", rhost, 0),         TEXT("tty", tty, 0),         TEXT("command", command, 0),
#undef TEXT
};

static const char *const members[] = {
    "v",   "request", "iss",    "host", "host_name", "service",  "user", "rhost",
    "tty", "command", "number", "iat",  "exp",       "host_key", NULL,
};

bool login_is_host_id(const char *text)
{
    static const char allowed[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";

    return *text && text[strspn(text, allowed)] == '\0';
}

static char *text_of(struct login *login, size_t i)
{
    return (char *)login + texts[i].offset;
}

static bool is_base64url(const char *text, size_t bytes)
{
    unsigned char *decoded;
    size_t len;
    bool right = base64url_decode(text, strlen(text), &decoded, &len) == 0 && len == bytes;

    free(decoded);
    return right;
}

/* The form only: whether the point is on the curve is seen by who seals to it. */
static bool is_host_key(const json_t *key)
{
    static const char *const names[] = {"kty", "crv", "x", "y", NULL};
    const char *kty = json_text_string(key, "kty", 2), *crv = json_text_string(key, "crv", 5);
    const char *x = json_text_string(key, "x", COORDINATE_TEXT);
    const char *y = json_text_string(key, "y", COORDINATE_TEXT);

    return json_text_only(key, names) && kty && strcmp(kty, "EC") == 0 && crv &&
           strcmp(crv, "P-256") == 0 && x && is_base64url(x, 32) && y && is_base64url(y, 32);
}

static bool are_candidates(const int candidates[3])
{
    for (int i = 0; i < 3; i++)
        if (candidates[i] < NUMBER_LEAST || candidates[i] > NUMBER_MOST ||
            candidates[i] == candidates[(i + 1) % 3])
            return false;
    return true;
}

/* The rules of docs/backend-protocol.md that both ways share. */
static bool is_sound(struct login *login)
{
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        const char *text = text_of(login, i);
        size_t len = strnlen(text, texts[i].most + 1);
        if (len < texts[i].least || len > texts[i].most || !sanitize_is_clean(text))
            return false;
    }
    return is_base64url(login->request, REQUEST_BYTES) && login_is_host_id(login->host) &&
           login->mode <= NUMBER_ENTER &&
           (login->mode != NUMBER_CHOOSE || are_candidates(login->candidates)) &&
           login->issued >= 0 && login->issued <= TIME_MOST &&
           login->expires - login->issued >= LIFE_LEAST &&
           login->expires - login->issued <= LIFE_MOST &&
           (!login->host_key || is_host_key(login->host_key));
}

static json_t *number_to_json(const struct login *login)
{
    const char *mode = login_number_modes[login->mode];
    const int *of = login->candidates;

    return login->mode == NUMBER_CHOOSE
               ? json_pack("{s:s, s:[iii]}", "mode", mode, "of", of[0], of[1], of[2])
               : json_pack("{s:s}", "mode", mode);
}

char *login_to_text(const struct login *login)
{
    struct login copy = *login; /* its host_key stays the caller's */
    json_t *json;
    char *text = NULL;

    if (!is_sound(&copy))
        return NULL;
    json = json_pack("{s:i, s:I, s:I, s:o, s:O?}", "v", VERSION_1, "iat", (json_int_t)copy.issued,
                     "exp", (json_int_t)copy.expires, "number", number_to_json(&copy), "host_key",
                     copy.host_key);
    for (size_t i = 0; json && i < sizeof(texts) / sizeof(texts[0]); i++)
        if (json_object_set_new(json, texts[i].name, json_string(text_of(&copy, i))) < 0) {
            json_decref(json);
            json = NULL;
        }
    if (json)
        text = json_text_dump(json);
    json_decref(json);
    if (text && strlen(text) > LOGIN_DETAILS_MAX) {
        free(text);
        text = NULL;
    }
    return text;
}

static int number_from_json(const json_t *number, struct login *login)
{
    static const char *const choose[] = {"mode", "of", NULL}, *const others[] = {"mode", NULL};
    const char *mode = json_text_string(number, "mode", 8);
    const json_t *of = json_object_get(number, "of");
    int found = -1;

    for (int i = 0; mode && login_number_modes[i]; i++)
        if (strcmp(login_number_modes[i], mode) == 0)
            found = i;
    if (found < 0 || !json_text_only(number, found == NUMBER_CHOOSE ? choose : others))
        return -1;
    login->mode = (enum number_mode)found;
    if (found != NUMBER_CHOOSE)
        return 0;
    if (!json_is_array(of) || json_array_size(of) != 3)
        return -1;
    for (size_t i = 0; i < 3; i++) {
        const json_t *candidate = json_array_get(of, i);
        json_int_t value = json_integer_value(candidate);
        if (!json_is_integer(candidate) || value < NUMBER_LEAST || value > NUMBER_MOST)
            return -1;
        login->candidates[i] = (int)value;
    }
    return 0;
}

int login_from_text(const char *text, size_t len, struct login *login)
{
    json_t *json = json_text_object(text, len, LOGIN_DETAILS_MAX);
    const json_t *host_key = json_object_get(json, "host_key");
    int64_t version;
    int result = -1;

    memset(login, 0, sizeof(*login));
    if (!json || !json_text_only(json, members) ||
        json_text_integer(json, "v", VERSION_1, VERSION_1, &version) < 0 ||
        json_text_integer(json, "iat", 0, TIME_MOST, &login->issued) < 0 ||
        json_text_integer(json, "exp", 0, TIME_MOST + LIFE_MOST, &login->expires) < 0 ||
        number_from_json(json_object_get(json, "number"), login) < 0 || !host_key)
        goto out;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        const char *value = json_text_string(json, texts[i].name, texts[i].most);
        if (!value)
            goto out;
        memcpy(text_of(login, i), value, strlen(value) + 1); /* fits: most is the field's */
    }
    if (!json_is_null(host_key))
        login->host_key = json_incref((json_t *)(uintptr_t)host_key);
    if (is_sound(login))
        result = 0;

out:
    json_decref(json);
    return result;
}

void login_clear(struct login *login)
{
    json_decref(login->host_key);
    memset(login, 0, sizeof(*login));
}

int login_hash(const char *text, size_t len, char out[BASE64URL_SHA256 + 1])
{
    unsigned char digest[32];

    out[0] = '\0';
    if (EVP_Digest(text, len, digest, NULL, EVP_sha256(), NULL) != 1)
        return -1;
    char *encoded = base64url_encode(digest, sizeof(digest));
    if (!encoded)
        return -1;
    memcpy(out, encoded, BASE64URL_SHA256 + 1);
    free(encoded);
    return 0;
}
