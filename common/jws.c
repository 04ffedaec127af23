#include "common/jws.h"

#include <openssl/ecdsa.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base64url.h"
#include "common/json_text.h"

enum {
    ES256_HALF = 32, /* r and s; RFC 7518, section 3.4 */
    ES256_BYTES = 2 * ES256_HALF,
    ES256_DER_MAX = 80,
    SIGNATURE_MAX = 1024, /* RSA of 8192 bits */
};

/* All that there is: `none` and the HMACs are not here, so they do not exist. */
static const struct algorithm {
    const char *name;
    enum jws_algorithm bit;
    enum jwk_type key;
    size_t signature; /* bytes; 0: the key's size */
} algorithms[] = {
    {"ES256", JWS_ES256, JWK_P256, ES256_BYTES},
    {"RS256", JWS_RS256, JWK_RSA, 0},
    {"PS256", JWS_PS256, JWK_RSA, 0},
    {"EdDSA", JWS_EDDSA, JWK_ED25519, 64},
};

static const struct algorithm *find_algorithm(const char *name)
{
    for (size_t i = 0; name && i < sizeof(algorithms) / sizeof(algorithms[0]); i++)
        if (strcmp(algorithms[i].name, name) == 0)
            return &algorithms[i];
    return NULL;
}

static int sign_es256(EVP_PKEY *key, const char *text, size_t len, unsigned char raw[ES256_BYTES])
{
    unsigned char der[ES256_DER_MAX], digest[EVP_MAX_MD_SIZE];
    const unsigned char *at = der;
    unsigned digest_len;
    size_t der_len = sizeof(der);
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_pkey(NULL, key, NULL);
    ECDSA_SIG *pair = NULL;
    int result = -1;

    if (context && EVP_PKEY_sign_init(context) == 1 &&
        EVP_Digest(text, len, digest, &digest_len, EVP_sha256(), NULL) == 1 &&
        EVP_PKEY_sign(context, der, &der_len, digest, digest_len) == 1 &&
        (pair = d2i_ECDSA_SIG(NULL, &at, (long)der_len)) &&
        BN_bn2binpad(ECDSA_SIG_get0_r(pair), raw, ES256_HALF) == ES256_HALF &&
        BN_bn2binpad(ECDSA_SIG_get0_s(pair), raw + ES256_HALF, ES256_HALF) == ES256_HALF)
        result = 0;
    ECDSA_SIG_free(pair);
    EVP_PKEY_CTX_free(context);
    return result;
}

/* base64url of the header. */
static char *encode_header(const struct jwk *key, const char *typ, bool embed_key)
{
    json_t *json = json_pack("{s:s, s:s, s:s, s:o*}", "alg", "ES256", "typ", typ, "kid",
                             jwk_thumbprint(key), "jwk", embed_key ? jwk_public_json(key) : NULL);
    char *text = json_text_dump(json);
    char *encoded = text ? base64url_encode(text, strlen(text)) : NULL;

    free(text);
    json_decref(json);
    return encoded;
}

char *jws_sign(const struct jwk *key, const char *typ, bool embed_key, const json_t *payload)
{
    char *text = json_text_dump(payload);
    char *compact = text ? jws_sign_text(key, typ, embed_key, text) : NULL;

    free(text);
    return compact;
}

char *jws_sign_text(const struct jwk *key, const char *typ, bool embed_key, const char *payload)
{
    unsigned char raw[ES256_BYTES];
    char *head, *body = NULL, *text = NULL, *signature = NULL, *compact = NULL;

    if (!jwk_is_private(key) || jwk_type(key) != JWK_P256)
        return NULL;
    head = encode_header(key, typ, embed_key);
    body = base64url_encode(payload, strlen(payload));
    if (!head || !body || asprintf(&text, "%s.%s", head, body) < 0) {
        text = NULL;
        goto out;
    }
    if (sign_es256(jwk_pkey(key), text, strlen(text), raw) < 0 ||
        !(signature = base64url_encode(raw, sizeof(raw))) ||
        strlen(text) + 1 + strlen(signature) > JWS_MAX)
        goto out;
    if (asprintf(&compact, "%s.%s", text, signature) < 0)
        compact = NULL;

out:
    ERR_clear_error();
    free(signature);
    free(text);
    free(body);
    free(head);
    return compact;
}

/* A part in base64url that is a JSON object. */
static json_t *decode_json(const char *text, size_t len)
{
    unsigned char *bytes;
    size_t bytes_len;
    json_t *json = NULL;

    if (base64url_decode(text, len, &bytes, &bytes_len) == 0)
        json = json_text_object((const char *)bytes, bytes_len, JWS_MAX);
    free(bytes);
    return json;
}

/* A member of the header that may be missing, but is a string where it is there. */
static int header_text(const json_t *header, const char *name, const char **text)
{
    *text = "";
    if (json_object_get(header, name))
        *text = json_text_string(header, name, JWS_MAX);
    return *text ? 0 : -1;
}

static int read_header(struct jws *jws, const char *text, size_t len)
{
    jws->header = decode_json(text, len);
    const struct algorithm *algorithm =
        find_algorithm(jws->header ? json_text_string(jws->header, "alg", 16) : NULL);

    /* RFC 7515, section 4.1.11: we know no extension, so every `crit` is one that we do not know.
     */
    if (!algorithm || json_object_get(jws->header, "crit"))
        return -1;
    jws->algorithm = algorithm->bit;
    if (header_text(jws->header, "kid", &jws->kid) < 0 ||
        header_text(jws->header, "typ", &jws->typ) < 0)
        return -1;
    return 0;
}

struct jws *jws_parse(const char *compact, size_t len)
{
    const char *dot, *second, *end = compact + len;
    struct jws *jws = NULL;

    if (len > JWS_MAX || !(dot = memchr(compact, '.', len)) ||
        !(second = memchr(dot + 1, '.', (size_t)(end - dot - 1))))
        return NULL;
    jws = calloc(1, sizeof(*jws));
    if (!jws || read_header(jws, compact, (size_t)(dot - compact)) < 0)
        goto refused;
    jws->payload = decode_json(dot + 1, (size_t)(second - dot - 1));
    jws->signed_len = (size_t)(second - compact);
    jws->signed_text = strndup(compact, jws->signed_len);
    /* A third dot is no digit of base64url. */
    if (!jws->payload || !jws->signed_text ||
        base64url_decode(second + 1, (size_t)(end - second - 1), &jws->signature,
                         &jws->signature_len) < 0 ||
        jws->signature_len == 0 || jws->signature_len > SIGNATURE_MAX)
        goto refused;
    return jws;

refused:
    jws_free(jws);
    return NULL;
}

/* A positive INTEGER of DER (X.690, 8.3): no zeros in front, but one where the first bit is set. */
static unsigned char *put_integer(unsigned char *der, const unsigned char *half)
{
    size_t len = ES256_HALF;

    while (len > 1 && *half == 0) {
        half++;
        len--;
    }
    *der++ = 0x02;
    *der++ = (unsigned char)(len + (*half >> 7));
    if (*half & 0x80)
        *der++ = 0;
    memcpy(der, half, len);
    return der + len;
}

/* r||s as the DER that OpenSSL takes: a SEQUENCE of two INTEGERs. Returns its length. */
static size_t to_der(const unsigned char *raw, unsigned char *der)
{
    unsigned char *end = put_integer(put_integer(der + 2, raw), raw + ES256_HALF);

    der[0] = 0x30;
    der[1] = (unsigned char)(end - der - 2);
    return (size_t)(end - der);
}

static bool verify_es256(const struct jws *jws, const struct jwk *key)
{
    unsigned char der[ES256_DER_MAX], digest[EVP_MAX_MD_SIZE];
    unsigned digest_len;
    EVP_PKEY_CTX *context = jwk_verifier(key);
    bool right =
        context &&
        EVP_Digest(jws->signed_text, jws->signed_len, digest, &digest_len, EVP_sha256(), NULL) ==
            1 &&
        EVP_PKEY_verify(context, der, to_der(jws->signature, der), digest, digest_len) == 1;

    EVP_PKEY_CTX_free(context);
    return right;
}

/* With OpenSSL's own form of the signature: all but ES256. */
static bool verify_plain(const struct jws *jws, const struct jwk *key)
{
    EVP_PKEY_CTX *options;
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    bool right = false;

    if (!context ||
        EVP_DigestVerifyInit(context, &options, jws->algorithm == JWS_EDDSA ? NULL : EVP_sha256(),
                             NULL, jwk_pkey(key)) != 1)
        goto out;
    if (jws->algorithm == JWS_PS256 && /* RFC 7518, section 3.5 */
        (EVP_PKEY_CTX_set_rsa_padding(options, RSA_PKCS1_PSS_PADDING) != 1 ||
         EVP_PKEY_CTX_set_rsa_pss_saltlen(options, RSA_PSS_SALTLEN_DIGEST) != 1))
        goto out;
    right = EVP_DigestVerify(context, jws->signature, jws->signature_len,
                             (const unsigned char *)jws->signed_text, jws->signed_len) == 1;
out:
    EVP_MD_CTX_free(context);
    return right;
}

bool jws_verify(const struct jws *jws, const struct jwk *key, unsigned allowed)
{
    const struct algorithm *algorithm = NULL;
    size_t len;
    bool right;

    for (size_t i = 0; i < sizeof(algorithms) / sizeof(algorithms[0]); i++)
        if (algorithms[i].bit == jws->algorithm)
            algorithm = &algorithms[i];
    if (!algorithm || !(algorithm->bit & allowed) || algorithm->key != jwk_type(key))
        return false;
    len = algorithm->signature ? algorithm->signature : (size_t)EVP_PKEY_get_size(jwk_pkey(key));
    if (jws->signature_len != len)
        return false;
    right = algorithm->bit == JWS_ES256 ? verify_es256(jws, key) : verify_plain(jws, key);
    ERR_clear_error(); /* what stays in the queue would be taken for a fault of a TLS connection */
    return right;
}

void jws_free(struct jws *jws)
{
    if (!jws)
        return;
    json_decref(jws->header);
    json_decref(jws->payload);
    free(jws->signature);
    free(jws->signed_text);
    free(jws);
}
