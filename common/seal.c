#include "common/seal.h"

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/kdf.h>
#include <openssl/params.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base64url.h"
#include "common/random.h"

#define LABEL "pam-approve-host-secret.v1."

enum { KEY = 32, NONCE = 12, TAG = SEAL_BYTES - ECDH_POINT - SEAL_SECRET };

/* HKDF-SHA-256 (RFC 5869) with an empty salt. */
static int derive(unsigned char shared[ECDH_SHARED], char *info, unsigned char out[KEY + NONCE])
{
    char digest[] = "SHA256";
    OSSL_PARAM params[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, digest, 0),
        OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_KEY, shared, ECDH_SHARED),
        OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_INFO, info, strlen(info)),
        OSSL_PARAM_construct_end()};
    EVP_KDF *kdf = EVP_KDF_fetch(NULL, "HKDF", NULL);
    EVP_KDF_CTX *context = kdf ? EVP_KDF_CTX_new(kdf) : NULL;
    int result = context && EVP_KDF_derive(context, out, KEY + NONCE, params) == 1 ? 0 : -1;

    EVP_KDF_CTX_free(context);
    EVP_KDF_free(kdf);
    return result;
}

/* The key and nonce between own and peer, of which one is the sender's pair with this point. */
static int agree(EVP_PKEY *own, EVP_PKEY *peer, const unsigned char point[ECDH_POINT],
                 const char *details_sha256, const char *jkt, unsigned char keys[KEY + NONCE])
{
    unsigned char shared[ECDH_SHARED];
    char *encoded = base64url_encode(point, ECDH_POINT), *info = NULL;
    int result = -1;

    if (!encoded || asprintf(&info, LABEL "%s.%s.%s", details_sha256, jkt, encoded) < 0) {
        info = NULL;
        goto out;
    }
    if (ecdh_shared(own, peer, shared) == 0)
        result = derive(shared, info, keys);
    secret_wipe(shared, sizeof(shared));
out:
    free(info);
    free(encoded);
    return result;
}

static int encrypt(const unsigned char keys[KEY + NONCE], const unsigned char secret[SEAL_SECRET],
                   unsigned char out[SEAL_SECRET + TAG])
{
    EVP_CIPHER_CTX *cipher = EVP_CIPHER_CTX_new();
    int n, result = -1;

    if (cipher && EVP_EncryptInit_ex(cipher, EVP_aes_256_gcm(), NULL, keys, keys + KEY) == 1 &&
        EVP_EncryptUpdate(cipher, out, &n, secret, SEAL_SECRET) == 1 && n == SEAL_SECRET &&
        EVP_EncryptFinal_ex(cipher, out + SEAL_SECRET, &n) == 1 &&
        EVP_CIPHER_CTX_ctrl(cipher, EVP_CTRL_GCM_GET_TAG, TAG, out + SEAL_SECRET) == 1)
        result = 0;
    EVP_CIPHER_CTX_free(cipher);
    return result;
}

static int decrypt(const unsigned char keys[KEY + NONCE], unsigned char in[SEAL_SECRET + TAG],
                   unsigned char secret[SEAL_SECRET])
{
    EVP_CIPHER_CTX *cipher = EVP_CIPHER_CTX_new();
    int n, result = -1;

    if (cipher && EVP_DecryptInit_ex(cipher, EVP_aes_256_gcm(), NULL, keys, keys + KEY) == 1 &&
        EVP_DecryptUpdate(cipher, secret, &n, in, SEAL_SECRET) == 1 && n == SEAL_SECRET &&
        EVP_CIPHER_CTX_ctrl(cipher, EVP_CTRL_GCM_SET_TAG, TAG, in + SEAL_SECRET) == 1 &&
        EVP_DecryptFinal_ex(cipher, secret + SEAL_SECRET, &n) == 1)
        result = 0;
    EVP_CIPHER_CTX_free(cipher);
    return result;
}

char *seal_secret_with(EVP_PKEY *sender, const struct jwk *host_key, const char *details_sha256,
                       const char *jkt, const unsigned char secret[SEAL_SECRET])
{
    unsigned char sealed[SEAL_BYTES], keys[KEY + NONCE];
    char *text = NULL;

    if (jwk_type(host_key) == JWK_P256 && ecdh_export(sender, sealed) == 0 &&
        agree(sender, jwk_pkey(host_key), sealed, details_sha256, jkt, keys) == 0 &&
        encrypt(keys, secret, sealed + ECDH_POINT) == 0)
        text = base64url_encode(sealed, sizeof(sealed));
    secret_wipe(keys, sizeof(keys));
    return text;
}

char *seal_secret(const struct jwk *host_key, const char *details_sha256, const char *jkt,
                  const unsigned char secret[SEAL_SECRET])
{
    EVP_PKEY *sender = ecdh_new();
    char *text = sender ? seal_secret_with(sender, host_key, details_sha256, jkt, secret) : NULL;

    EVP_PKEY_free(sender);
    return text;
}

int seal_open(const struct jwk *host_key, const char *sealed, const char *details_sha256,
              const char *jkt, unsigned char secret[SEAL_SECRET])
{
    unsigned char *bytes = NULL, keys[KEY + NONCE];
    size_t len;
    EVP_PKEY *sender = NULL;
    int result = -1;

    if (strlen(sealed) != SEAL_TEXT || base64url_decode(sealed, SEAL_TEXT, &bytes, &len) < 0 ||
        len != SEAL_BYTES)
        goto out;
    sender = ecdh_import(bytes);
    if (sender && agree(jwk_pkey(host_key), sender, bytes, details_sha256, jkt, keys) == 0)
        result = decrypt(keys, bytes + ECDH_POINT, secret);
    secret_wipe(keys, sizeof(keys));
out:
    if (result < 0) {
        secret_wipe(secret, SEAL_SECRET);
        ERR_clear_error();
    }
    EVP_PKEY_free(sender);
    free(bytes);
    return result;
}
