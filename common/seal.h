/* A phone's secret, sealed to a host's key (docs/bound-codes.md, "The seal"). */
#ifndef SEAL_H
#define SEAL_H

#include "common/ecdh.h"
#include "common/jwk.h"
#include "common/totp.h"

#define SEAL_SECRET TOTP_SECRET
#define SEAL_BYTES (ECDH_POINT + SEAL_SECRET + 16)
#define SEAL_TEXT ((SEAL_BYTES * 4 + 2) / 3) /* characters of base64url */

/*
 * Seals secret to the host's public key, for a decision over the details of this hash (login_hash)
 * by the device with this thumbprint. A new string of SEAL_TEXT characters, or NULL.
 */
char *seal_secret(const struct jwk *host_key, const char *details_sha256, const char *jkt,
                  const unsigned char secret[SEAL_SECRET]);

/* The same with the sender's key given: for vectors. */
char *seal_secret_with(EVP_PKEY *sender, const struct jwk *host_key, const char *details_sha256,
                       const char *jkt, const unsigned char secret[SEAL_SECRET]);

/* Opens it with the host's private key. Returns 0, or -1 (then secret is zeroed). The caller wipes
 * the secret. */
int seal_open(const struct jwk *host_key, const char *sealed, const char *details_sha256,
              const char *jkt, unsigned char secret[SEAL_SECRET]);

#endif
