/* Random values and the wiping of secrets. */
#ifndef RANDOM_H
#define RANDOM_H

#include <stddef.h>

/* Fills buf. Returns 0, or -1 (then buf is zeroed, and the caller must fail). */
int random_bytes(void *buf, size_t len);

/* A new base64url string of `bytes` random bytes (at most 64), or NULL. The caller frees it. It
 * never begins with "-": people give tokens and ids to commands, which would take it for an option.
 */
char *random_token(size_t bytes);

/* Uniform in [low, high], or -1. 0 <= low <= high. */
int random_between(int low, int high);

/* Overwrites, so that no compiler leaves it out. */
void secret_wipe(void *buf, size_t len);

/* Wipes and frees a string; NULL is fine. */
void secret_free(char *text);

/* Keeps this process's memory out of core dumps, and from debuggers of the same user. (A build with
 * AddressSanitizer can be traced: its leak check needs that.) */
void secret_keep(void);

/* Compares len bytes in constant time; 1 where equal. */
int secret_equal(const void *a, const void *b, size_t len);

#endif
