/* Signs any header and payload, also those that jws_sign never makes. */
#ifndef FORGE_H
#define FORGE_H

#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base64url.h"
#include "common/jwk.h"

/* A compact JWS over the two texts as they are, with a right ES256 signature. The caller frees. */
static inline char *forge_jws(const struct jwk *key, const char *header, const char *payload)
{
    char *head = base64url_encode(header, strlen(header));
    char *body = base64url_encode(payload, strlen(payload));
    char *text = NULL, *compact = NULL;
    unsigned char der[80], raw[64];
    const unsigned char *at = der;
    size_t len = sizeof(der);
    EVP_MD_CTX *context = EVP_MD_CTX_new();

    assert_true(asprintf(&text, "%s.%s", head, body) > 0);
    assert_int_equal(EVP_DigestSignInit(context, NULL, EVP_sha256(), NULL, jwk_pkey(key)), 1);
    assert_int_equal(EVP_DigestSign(context, der, &len, (unsigned char *)text, strlen(text)), 1);
    ECDSA_SIG *pair = d2i_ECDSA_SIG(NULL, &at, (long)len);
    assert_int_equal(BN_bn2binpad(ECDSA_SIG_get0_r(pair), raw, 32), 32);
    assert_int_equal(BN_bn2binpad(ECDSA_SIG_get0_s(pair), raw + 32, 32), 32);
    char *signature = base64url_encode(raw, sizeof(raw));
    assert_true(asprintf(&compact, "%s.%s", text, signature) > 0);
    ECDSA_SIG_free(pair);
    EVP_MD_CTX_free(context);
    free(signature);
    free(text);
    free(body);
    free(head);
    return compact;
}

#endif
