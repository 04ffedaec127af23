/* Codes bound to this host: its key for them, what the phones sealed to it, and the check of a code
 * (docs/bound-codes.md). */
#ifndef BOUND_H
#define BOUND_H

#include <jansson.h>
#include <stdint.h>

#include "common/base64url.h"
#include "helper/host.h"

#define BOUND_STATE "/var/lib/approve-helper"
#define BOUND_HELD 32 /* devices named in one request */

struct bound;

/* Reads key and secrets in the directory, which is ours alone; makes the key where there is none.
 * NULL, with why, where there can be no bound codes. */
struct bound *bound_open(const char *directory, char *why, size_t why_size);
void bound_free(struct bound *bound); /* NULL is fine */

/* The public key, as the details have it; belongs to bound. */
json_t *bound_key(const struct bound *bound);

/* Keeps what the approval of this device (its thumbprint) has sealed. Only after all checks of the
 * approval. What does not open is logged, and that is all. now: seconds since 1970. */
void bound_keep(struct bound *bound, const char *user, const char *device,
                const char *details_sha256, const char *sealed, int64_t now);

/* An approval by this user's phone passed all checks: wrong codes before it are in a row no more.
 */
void bound_approved(struct bound *bound, const char *user);

enum bound_answer { BOUND_RIGHT, BOUND_WRONG, BOUND_LOCKED };

struct bound_trial {
    const struct host *host;
    const char *user; /* canonical, known or not */
    int code;
    int64_t now;                       /* seconds since 1970 */
    char device[BASE64URL_SHA256 + 1]; /* with BOUND_RIGHT: the thumbprint */
    long locked; /* with BOUND_LOCKED: seconds; 0: until an approval by phone */
};

/* Checks a code. Right is only one that is on the disk as used up: where it cannot be written, the
 * answer is BOUND_WRONG. BOUND_LOCKED looks at no code, and writes nothing. */
enum bound_answer bound_try(struct bound *bound, struct bound_trial *trial);

/* Thumbprints of devices whose secrets are held, this user's first: a new string, "" for none, or
 * NULL without memory. */
char *bound_held(struct bound *bound, const char *user);

/* Drops the secrets of the devices in a list of thumbprints; anything else is ignored. */
void bound_drop(struct bound *bound, const json_t *gone);

#endif
