#include "common/jwk.h"

#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/param_build.h>
#include <openssl/pem.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "common/base64url.h"
#include "common/json_text.h"
#include "common/random.h"

enum {
    P256_BYTES = 32,
    ED25519_BYTES = 32,
    RSA_BITS_LEAST = 2048,
    RSA_BITS_MOST = 8192,
    MEMBER_MAX = 1400, /* n of 8192 bits has 1366 characters */
};

struct jwk {
    atomic_int references;
    enum jwk_type type;
    bool is_private;
    EVP_PKEY *pkey;
    EVP_PKEY_CTX *verifier; /* P-256 */
    json_t *members;        /* exactly those of RFC 7638, section 3.2 */
    char thumbprint[BASE64URL_SHA256 + 1];
};

/* A base64url member of [least, most] bytes. */
static int get_bytes(const json_t *json, const char *name, size_t least, size_t most,
                     unsigned char **bytes, size_t *len)
{
    const char *text = json_text_string(json, name, MEMBER_MAX);

    if (!text || base64url_decode(text, strlen(text), bytes, len) < 0)
        return -1;
    if (*len < least || *len > most) {
        free(*bytes);
        *bytes = NULL;
        return -1;
    }
    return 0;
}

/* A public key from the builder's parameters, checked. */
static EVP_PKEY *key_from_params(const char *type, OSSL_PARAM_BLD *builder)
{
    OSSL_PARAM *params = OSSL_PARAM_BLD_to_param(builder);
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_name(NULL, type, NULL);
    EVP_PKEY *key = NULL;

    if (params && context && EVP_PKEY_fromdata_init(context) == 1 &&
        EVP_PKEY_fromdata(context, &key, EVP_PKEY_PUBLIC_KEY, params) != 1)
        key = NULL;
    EVP_PKEY_CTX_free(context);
    OSSL_PARAM_free(params);
    return key;
}

/* On the curve, not at infinity, of the right order: SP 800-56A, 5.6.2.3. */
static bool is_valid_public(EVP_PKEY *key)
{
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_pkey(NULL, key, NULL);
    bool valid = context && EVP_PKEY_public_check(context) == 1;

    EVP_PKEY_CTX_free(context);
    return valid;
}

static EVP_PKEY *p256_from_json(const json_t *json)
{
    unsigned char *x = NULL, *y = NULL, point[1 + 2 * P256_BYTES] = {POINT_CONVERSION_UNCOMPRESSED};
    size_t len;
    EVP_PKEY *key = NULL;
    OSSL_PARAM_BLD *builder = OSSL_PARAM_BLD_new();

    if (!builder || get_bytes(json, "x", P256_BYTES, P256_BYTES, &x, &len) < 0 ||
        get_bytes(json, "y", P256_BYTES, P256_BYTES, &y, &len) < 0)
        goto out;
    memcpy(point + 1, x, P256_BYTES);
    memcpy(point + 1 + P256_BYTES, y, P256_BYTES);
    if (OSSL_PARAM_BLD_push_utf8_string(builder, OSSL_PKEY_PARAM_GROUP_NAME, "prime256v1", 0) !=
            1 ||
        OSSL_PARAM_BLD_push_octet_string(builder, OSSL_PKEY_PARAM_PUB_KEY, point, sizeof(point)) !=
            1)
        goto out;
    key = key_from_params("EC", builder);
    if (key && !is_valid_public(key)) {
        EVP_PKEY_free(key);
        key = NULL;
    }

out:
    OSSL_PARAM_BLD_free(builder);
    free(x);
    free(y);
    return key;
}

static EVP_PKEY *rsa_from_json(const json_t *json)
{
    unsigned char *bytes = NULL;
    size_t len;
    const char *exponent = json_text_string(json, "e", 8);
    BIGNUM *n = NULL, *e = BN_new();
    EVP_PKEY *key = NULL;
    OSSL_PARAM_BLD *builder = OSSL_PARAM_BLD_new();

    if (!builder || !e || BN_set_word(e, RSA_F4) != 1 || !exponent || strcmp(exponent, "AQAB") != 0)
        goto out;
    if (get_bytes(json, "n", RSA_BITS_LEAST / 8, RSA_BITS_MOST / 8, &bytes, &len) < 0)
        goto out;
    /* RFC 7518, section 6.3.1.1: no zeros in front, or one key would have two thumbprints. */
    if (bytes[0] == 0 || !(n = BN_bin2bn(bytes, (int)len, NULL)) ||
        BN_num_bits(n) < RSA_BITS_LEAST || !BN_is_odd(n))
        goto out;
    if (OSSL_PARAM_BLD_push_BN(builder, OSSL_PKEY_PARAM_RSA_N, n) == 1 &&
        OSSL_PARAM_BLD_push_BN(builder, OSSL_PKEY_PARAM_RSA_E, e) == 1)
        key = key_from_params("RSA", builder);

out:
    OSSL_PARAM_BLD_free(builder);
    BN_free(n);
    BN_free(e);
    free(bytes);
    return key;
}

static EVP_PKEY *ed25519_from_json(const json_t *json)
{
    unsigned char *x;
    size_t len;

    if (get_bytes(json, "x", ED25519_BYTES, ED25519_BYTES, &x, &len) < 0)
        return NULL;
    EVP_PKEY *key = EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, x, len);
    free(x);
    return key;
}

/* The kinds of keys that there are; members in the order of RFC 7638. */
static const struct {
    const char *kty, *crv;
    EVP_PKEY *(*from_json)(const json_t *json);
    const char *members[5];
} kinds[] = {
    [JWK_P256] = {"EC", "P-256", p256_from_json, {"crv", "kty", "x", "y"}},
    [JWK_RSA] = {"RSA", NULL, rsa_from_json, {"e", "kty", "n"}},
    [JWK_ED25519] = {"OKP", "Ed25519", ed25519_from_json, {"crv", "kty", "x"}},
};

static int set_thumbprint(struct jwk *key)
{
    unsigned char digest[32];
    char *text = json_text_dump(key->members), *encoded = NULL;
    int result = -1;

    if (text && EVP_Digest(text, strlen(text), digest, NULL, EVP_sha256(), NULL) == 1 &&
        (encoded = base64url_encode(digest, sizeof(digest)))) {
        memcpy(key->thumbprint, encoded, sizeof(key->thumbprint));
        result = 0;
    }
    free(encoded);
    free(text);
    return result;
}

static int set_verifier(struct jwk *key)
{
    key->verifier = EVP_PKEY_CTX_new_from_pkey(NULL, key->pkey, NULL);
    return key->verifier && EVP_PKEY_verify_init(key->verifier) == 1 ? 0 : -1;
}

/* Takes both; NULL in either, or no memory: frees both. */
static struct jwk *make_key(enum jwk_type type, bool is_private, EVP_PKEY *pkey, json_t *members)
{
    struct jwk *key = calloc(1, sizeof(*key));

    if (!key || !pkey || !members) {
        EVP_PKEY_free(pkey);
        json_decref(members);
        free(key);
        ERR_clear_error();
        return NULL;
    }
    atomic_init(&key->references, 1);
    key->type = type;
    key->is_private = is_private;
    key->pkey = pkey;
    key->members = members;
    if (set_thumbprint(key) < 0 || (type == JWK_P256 && set_verifier(key) < 0)) {
        jwk_free(key);
        return NULL;
    }
    return key;
}

static bool has_private_member(const json_t *json)
{
    static const char *const members[] = {"d", "p", "q", "dp", "dq", "qi", "oth", "k"};

    for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++)
        if (json_object_get(json, members[i]))
            return true;
    return false;
}

struct jwk *jwk_from_json(const json_t *json)
{
    const char *kty = json_text_string(json, "kty", 16), *crv = json_text_string(json, "crv", 16);

    if (!kty || has_private_member(json))
        return NULL;
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        if (strcmp(kinds[i].kty, kty) != 0 ||
            (kinds[i].crv && (!crv || strcmp(kinds[i].crv, crv) != 0)))
            continue;
        EVP_PKEY *pkey = kinds[i].from_json(json);
        json_t *members = json_object();
        for (size_t m = 0; kinds[i].members[m]; m++)
            if (json_object_set(members, kinds[i].members[m],
                                json_object_get(json, kinds[i].members[m])) < 0) {
                json_decref(members);
                members = NULL;
            }
        return make_key((enum jwk_type)i, false, pkey, members);
    }
    return NULL;
}

static char *coordinate(const EVP_PKEY *pkey, const char *name)
{
    unsigned char bytes[P256_BYTES];
    BIGNUM *number = NULL;
    char *text = NULL;

    if (EVP_PKEY_get_bn_param(pkey, name, &number) == 1 &&
        BN_bn2binpad(number, bytes, sizeof(bytes)) == sizeof(bytes))
        text = base64url_encode(bytes, sizeof(bytes));
    BN_free(number);
    return text;
}

/* Takes the key, NULL too. */
static struct jwk *from_private_p256(EVP_PKEY *pkey)
{
    char *x = pkey ? coordinate(pkey, OSSL_PKEY_PARAM_EC_PUB_X) : NULL;
    char *y = pkey ? coordinate(pkey, OSSL_PKEY_PARAM_EC_PUB_Y) : NULL;
    json_t *members =
        json_pack("{s:s, s:s, s:s, s:s}", "crv", "P-256", "kty", "EC", "x", x, "y", y);

    free(x);
    free(y);
    return make_key(JWK_P256, true, pkey, members);
}

struct jwk *jwk_new_p256(void)
{
    return from_private_p256(EVP_EC_gen("P-256"));
}

/* A PEM file with a password is refused; OpenSSL's own function would ask on the terminal. */
static int no_password(char *buf, int size, int rwflag, void *arg)
{
    (void)buf;
    (void)size;
    (void)rwflag;
    (void)arg;
    return -1;
}

/* A P-256 key whose two halves belong together. */
static bool is_sound_private(EVP_PKEY *pkey)
{
    char group[32];
    size_t len;

    if (EVP_PKEY_is_a(pkey, "EC") != 1 ||
        EVP_PKEY_get_group_name(pkey, group, sizeof(group), &len) != 1 ||
        strcmp(group, "prime256v1") != 0)
        return false;
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_pkey(NULL, pkey, NULL);
    bool sound = context && EVP_PKEY_check(context) == 1;
    EVP_PKEY_CTX_free(context);
    return sound;
}

struct jwk *jwk_from_pem(const char *pem)
{
    BIO *bio = BIO_new_mem_buf(pem, -1);
    EVP_PKEY *pkey = bio ? PEM_read_bio_PrivateKey(bio, NULL, no_password, NULL) : NULL;

    BIO_free(bio);
    if (pkey && !is_sound_private(pkey)) {
        EVP_PKEY_free(pkey);
        pkey = NULL;
    }
    return from_private_p256(pkey);
}

char *jwk_to_pem(const struct jwk *key)
{
    BIO *bio = key->is_private ? BIO_new(BIO_s_secmem()) : NULL; /* wiped when it is freed */
    char *bytes, *pem = NULL;

    if (bio && PEM_write_bio_PKCS8PrivateKey(bio, key->pkey, NULL, NULL, 0, NULL, NULL) == 1) {
        long len = BIO_get_mem_data(bio, &bytes);
        if (len > 0)
            pem = strndup(bytes, (size_t)len);
    }
    BIO_free(bio);
    if (!pem)
        ERR_clear_error();
    return pem;
}

struct jwk *jwk_ref(struct jwk *key)
{
    atomic_fetch_add(&key->references, 1);
    return key;
}

void jwk_free(struct jwk *key)
{
    if (!key || atomic_fetch_sub(&key->references, 1) > 1)
        return;
    EVP_PKEY_CTX_free(key->verifier);
    EVP_PKEY_free(key->pkey);
    json_decref(key->members);
    free(key);
}

json_t *jwk_public_json(const struct jwk *key)
{
    return json_copy(key->members);
}

const char *jwk_thumbprint(const struct jwk *key)
{
    return key->thumbprint;
}

enum jwk_type jwk_type(const struct jwk *key)
{
    return key->type;
}

bool jwk_is_private(const struct jwk *key)
{
    return key->is_private;
}

EVP_PKEY *jwk_pkey(const struct jwk *key)
{
    return key->pkey;
}

EVP_PKEY_CTX *jwk_verifier(const struct jwk *key)
{
    return key->verifier ? EVP_PKEY_CTX_dup(key->verifier) : NULL;
}
