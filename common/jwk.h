/* Keys: JSON Web Keys (RFC 7517) on OpenSSL, with thumbprints (RFC 7638). */
#ifndef JWK_H
#define JWK_H

#include <jansson.h>
#include <openssl/evp.h>
#include <stdbool.h>

enum jwk_type { JWK_P256, JWK_RSA, JWK_ED25519 };

/* A parsed key. Parsing costs more than a signature: keep it. Never changes after it was made;
 * counted. */
struct jwk;

/* A new private P-256 key, or NULL. */
struct jwk *jwk_new_p256(void);

/*
 * A public key. EC P-256 (off-curve points refused), RSA of 2048 to 8192 bits with e of 65537, OKP
 * Ed25519. A private member (`d`, `p`, …) is refused. NULL on any fault.
 */
struct jwk *jwk_from_json(const json_t *json);

/* A private P-256 key in PEM (PKCS#8 or SEC 1), or NULL. */
struct jwk *jwk_from_pem(const char *pem);

/* The private key in PEM, PKCS#8. Free with secret_free. NULL where the key is public, or without
 * memory. */
char *jwk_to_pem(const struct jwk *key);

struct jwk *jwk_ref(struct jwk *key);
void jwk_free(struct jwk *key); /* NULL is fine */

/* The public members only; a new reference. */
json_t *jwk_public_json(const struct jwk *key);

/* SHA-256 thumbprint, base64url, 43 characters; belongs to the key. */
const char *jwk_thumbprint(const struct jwk *key);

enum jwk_type jwk_type(const struct jwk *key);
bool jwk_is_private(const struct jwk *key);
EVP_PKEY *jwk_pkey(const struct jwk *key); /* belongs to the key */

/* What EVP_PKEY_verify wants for this P-256 key; a copy of one that was set up with the key, since
 * that costs a tenth of a signature. The caller frees it. NULL: another kind of key, or no memory.
 */
EVP_PKEY_CTX *jwk_verifier(const struct jwk *key);

#endif
