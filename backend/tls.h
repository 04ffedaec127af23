/* The server's certificate. */
#ifndef TLS_H
#define TLS_H

#include <openssl/ssl.h>
#include <stddef.h>

#include "common/config.h"

/* The certificate and key that are configured, or those in the data folder. */
void tls_paths(const struct config *config, const char **certificate, const char **key);

/* TLS 1.2 and later. NULL, with why. */
SSL_CTX *tls_server(const char *certificate, const char *key, char *why, size_t why_size);

/*
 * The SHA-256 of the certificate's SubjectPublicKeyInfo, base64url, where the certificate is its
 * own issuer, so that nobody can check it otherwise; else "". A new string, or NULL without memory.
 */
char *tls_pin(SSL_CTX *tls);

/*
 * Makes the data folder's private certificate for a host name or address, for ten years. A key that
 * is there already stays, because hosts and phones know it. Returns 0, or -1 with why.
 */
int tls_make_certificate(const struct config *config, const char *host, char *why, size_t why_size);

#endif
