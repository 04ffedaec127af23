/* ECDH on P-256 (SP 800-56A): keys, points as they travel, the shared secret. */
#ifndef ECDH_H
#define ECDH_H

#include <openssl/evp.h>

#define ECDH_POINT 65 /* bytes of an uncompressed point */
#define ECDH_SHARED 32

/* A new key pair, or NULL. */
EVP_PKEY *ecdh_new(void);

/* A public key. NULL where the point is not on the curve, or not uncompressed. */
EVP_PKEY *ecdh_import(const unsigned char point[ECDH_POINT]);

/* The public half of a P-256 key. Returns 0 or -1. */
int ecdh_export(const EVP_PKEY *key, unsigned char point[ECDH_POINT]);

/* The x coordinate of the shared point. Returns 0 or -1. The caller wipes it. */
int ecdh_shared(EVP_PKEY *own, EVP_PKEY *peer, unsigned char shared[ECDH_SHARED]);

#endif
