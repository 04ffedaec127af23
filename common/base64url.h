/* base64url without padding (RFC 4648, section 5). */
#ifndef BASE64URL_H
#define BASE64URL_H

#include <stdbool.h>
#include <stddef.h>

#define BASE64URL_ALPHABET "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
#define BASE64URL_SHA256 43 /* characters of 32 bytes: a thumbprint, a pin, a hash */

/* True for so many characters of the alphabet. */
bool base64url_is_sha256(const char *text);

/* Returns a new string (the caller frees it), or NULL without memory. */
char *base64url_encode(const void *data, size_t len);

/*
 * Strict: no padding, no white space, no bits left over (RFC 4648, section 3.5).
 * Returns 0 and new bytes in *out (the caller frees them; a NUL byte that *out_len does not count
 * follows), or -1.
 */
int base64url_decode(const char *text, size_t text_len, unsigned char **out, size_t *out_len);

#endif
