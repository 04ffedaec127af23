#include "common/ecdh.h"

#include <openssl/ec.h>
#include <openssl/err.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

/* A key on the curve, made once: setting up the group costs more than a new key does. */
static EVP_PKEY *curve(void)
{
    static EVP_PKEY *key;

    if (!key)
        key = EVP_EC_gen("P-256");
    return key;
}

EVP_PKEY *ecdh_new(void)
{
    EVP_PKEY *key = NULL;
    EVP_PKEY_CTX *context = curve() ? EVP_PKEY_CTX_new(curve(), NULL) : NULL;

    if (!context || EVP_PKEY_keygen_init(context) != 1 || EVP_PKEY_keygen(context, &key) != 1)
        key = NULL;
    EVP_PKEY_CTX_free(context);
    return key;
}

EVP_PKEY *ecdh_import(const unsigned char point[ECDH_POINT])
{
    bool plain = point[0] == POINT_CONVERSION_UNCOMPRESSED;
    EVP_PKEY *key = plain && curve() ? EVP_PKEY_dup(curve()) : NULL;

    /* OpenSSL refuses a point that is not on the curve. */
    if (key && EVP_PKEY_set1_encoded_public_key(key, point, ECDH_POINT) != 1) {
        ERR_clear_error();
        EVP_PKEY_free(key);
        key = NULL;
    }
    return key;
}

int ecdh_export(const EVP_PKEY *key, unsigned char point[ECDH_POINT])
{
    unsigned char *bytes = NULL;
    /* the function takes no const, and changes nothing */
    size_t len = EVP_PKEY_get1_encoded_public_key((EVP_PKEY *)(uintptr_t)key, &bytes);

    if (len == ECDH_POINT)
        memcpy(point, bytes, ECDH_POINT);
    OPENSSL_free(bytes);
    return len == ECDH_POINT ? 0 : -1;
}

int ecdh_shared(EVP_PKEY *own, EVP_PKEY *peer, unsigned char shared[ECDH_SHARED])
{
    int result = -1;
    size_t len = ECDH_SHARED;
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new(own, NULL);

    if (!context || EVP_PKEY_derive_init(context) != 1)
        goto out;
    /* Not checked twice: on P-256, whose cofactor is 1, being on the curve is all there is. */
    if (EVP_PKEY_derive_set_peer_ex(context, peer, 0) != 1)
        goto out;
    if (EVP_PKEY_derive(context, shared, &len) != 1 || len != ECDH_SHARED)
        goto out;
    result = 0;
out:
    EVP_PKEY_CTX_free(context);
    return result;
}
