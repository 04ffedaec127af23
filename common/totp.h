/* One-time codes: RFC 6238 over HMAC-SHA-1, six digits, 30 seconds. */
#ifndef TOTP_H
#define TOTP_H

#include <stddef.h>
#include <stdint.h>

#define TOTP_STEP 30
#define TOTP_DIGITS 6
#define TOTP_SECRET 20 /* bytes */

/* The code of a step (time / TOTP_STEP), 0 to 999999, or -1. RFC 4226, section 5.3. */
int totp_code(const unsigned char *secret, size_t len, int64_t step);

/*
 * Looks for the code in the steps now-1, now, now+1. All three are always computed, and compared in
 * constant time. Returns 1 and the step, 0 where none fits, or -1.
 */
int totp_find(const unsigned char *secret, size_t len, int64_t now, int code, int64_t *step);

/* Six digits, spaces between them allowed, nothing else. Returns the code or -1. */
int totp_parse(const char *text);

/* RFC 4648 base32 without padding, upper case. New string (free with secret_free), or NULL. */
char *totp_base32(const unsigned char *secret, size_t len);

/* Decodes base32 into out (size bytes). Returns the length or -1. */
int totp_from_base32(const char *text, unsigned char *out, size_t size);

#endif
