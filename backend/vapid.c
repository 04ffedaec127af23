#include "backend/vapid.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base64url.h"
#include "common/jws.h"

#define LIFE (12 * 3600L) /* RFC 8292, section 2, allows 24 hours */
#define KEPT (LIFE / 2)
#define ORIGINS 32

struct token {
    char *origin;
    char *authorization;
    int64_t made;
};

struct vapid {
    struct jwk *key;
    char *contact;
    char *public_key;
    struct token tokens[ORIGINS];
};

struct vapid *vapid_new(struct jwk *key, const char *contact)
{
    struct vapid *vapid = calloc(1, sizeof *vapid);
    unsigned char *point = NULL;
    size_t len;

    if (!vapid || jwk_type(key) != JWK_P256 || !jwk_is_private(key))
        goto fail;
    vapid->key = jwk_ref(key);
    vapid->contact = strdup(contact);
    len = EVP_PKEY_get1_encoded_public_key(jwk_pkey(key), &point);
    vapid->public_key = len ? base64url_encode(point, len) : NULL;
    OPENSSL_free(point);
    if (!vapid->contact || !vapid->public_key)
        goto fail;
    return vapid;
fail:
    vapid_free(vapid);
    return NULL;
}

static void token_clear(struct token *token)
{
    free(token->origin);
    free(token->authorization);
    memset(token, 0, sizeof *token);
}

void vapid_free(struct vapid *vapid)
{
    if (!vapid)
        return;
    for (int i = 0; i < ORIGINS; i++)
        token_clear(&vapid->tokens[i]);
    free(vapid->public_key);
    free(vapid->contact);
    jwk_free(vapid->key);
    free(vapid);
}

const char *vapid_public_key(const struct vapid *vapid)
{
    return vapid->public_key;
}

static char *make_authorization(const struct vapid *vapid, const char *origin, int64_t now)
{
    char *authorization = NULL, *jwt = NULL;
    json_t *claims = json_pack("{s:s, s:I, s:s}", "aud", origin, "exp", (json_int_t)(now + LIFE),
                               "sub", vapid->contact);

    if (claims)
        jwt = jws_sign(vapid->key, "JWT", false, claims);
    if (jwt && asprintf(&authorization, "vapid t=%s, k=%s", jwt, vapid->public_key) < 0)
        authorization = NULL;
    free(jwt);
    json_decref(claims);
    return authorization;
}

/* The origin's place, or the one to give up for it: an empty one, else the oldest. */
static struct token *find_place(struct vapid *vapid, const char *origin)
{
    struct token *oldest = &vapid->tokens[0];

    for (int i = 0; i < ORIGINS; i++) {
        struct token *token = &vapid->tokens[i];
        if (token->origin && strcmp(token->origin, origin) == 0)
            return token;
        if (token->made < oldest->made)
            oldest = token;
    }
    return oldest;
}

const char *vapid_authorization(struct vapid *vapid, const char *origin, int64_t now)
{
    struct token *token = find_place(vapid, origin);

    if (token->origin && strcmp(token->origin, origin) == 0 && now >= token->made &&
        now - token->made < KEPT)
        return token->authorization;
    token_clear(token);
    token->origin = strdup(origin);
    token->authorization = token->origin ? make_authorization(vapid, origin, now) : NULL;
    token->made = now;
    if (!token->authorization)
        token_clear(token);
    return token->authorization;
}
