/* JSON Web Signatures in compact form (RFC 7515), from a table of algorithms. `crit` is always
 * refused. */
#ifndef JWS_H
#define JWS_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "common/jwk.h"

enum jws_algorithm {
    JWS_ES256 = 1 << 0,
    JWS_RS256 = 1 << 1, /* verify only */
    JWS_PS256 = 1 << 2, /* verify only */
    JWS_EDDSA = 1 << 3, /* verify only */
};

#define JWS_MAX 16384 /* bytes of a compact JWS */

/* A parsed JWS, whose signature is not checked yet. */
struct jws {
    json_t *header;
    json_t *payload;              /* an object */
    enum jws_algorithm algorithm; /* one bit */
    const char *kid;              /* of the header, or "" */
    const char *typ;              /* of the header, or "" */
    unsigned char *signature;
    size_t signature_len;
    char *signed_text; /* header.payload, as it came */
    size_t signed_len;
};

/* Signs with ES256. Header: alg, typ, kid (the thumbprint), and jwk where embed_key. A new string,
 * or NULL. */
char *jws_sign(const struct jwk *key, const char *typ, bool embed_key, const json_t *payload);

/* The same of a payload that is text already: a JSON object, as it shall be signed. */
char *jws_sign_text(const struct jwk *key, const char *typ, bool embed_key, const char *payload);

/* Parses three strict base64url parts, JSON objects without duplicates, a known algorithm. NULL on
 * any fault. */
struct jws *jws_parse(const char *compact, size_t len);

/* True where the signature is right, the algorithm is in `allowed` and fits the key's type. */
bool jws_verify(const struct jws *jws, const struct jwk *key, unsigned allowed);

void jws_free(struct jws *jws);

#endif
