/* What a host keeps of the codes bound to it: the phones' secrets, the steps that were used up, the
 * wrong codes of late; and the text of its file (docs/bound-codes.md, "What the helper keeps"). */
#ifndef BOUND_STORE_H
#define BOUND_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/seal.h"

#define BOUND_PER_USER 8 /* devices */
#define BOUND_SECRETS 1024
#define BOUND_WRONG_USER 5 /* within BOUND_WINDOW */
#define BOUND_WRONG_HOST 50
#define BOUND_WINDOW 600            /* seconds */
#define BOUND_FILE_MAX (512 * 1024) /* bytes */

struct bound_secret {
    char user[129];
    char device[44]; /* thumbprint */
    unsigned char secret[SEAL_SECRET];
    int64_t step; /* the last one that was used up */
    int64_t used; /* seconds since 1970: when it was stored or used */
};

struct bound_wrong {
    char user[129];
    int64_t at; /* seconds since 1970 */
};

struct bound_store {
    struct bound_secret secrets[BOUND_SECRETS];
    size_t secret_count;
    struct bound_wrong wrong[BOUND_WRONG_HOST]; /* oldest first */
    size_t wrong_count;
};

/* Reads the file's text. Strict. Returns 0, or -1 with an empty store. */
int bound_store_read(struct bound_store *store, const char *text, size_t len);

/* The file's text; new (free with secret_free), or NULL without memory. */
char *bound_store_text(const struct bound_store *store);

void bound_store_wipe(struct bound_store *store);

/* The entry, or NULL. */
struct bound_secret *bound_store_find(struct bound_store *store, const char *user,
                                      const char *device);

/* A place for a device that has none: the longest unused gives way. */
struct bound_secret *bound_store_add(struct bound_store *store, const char *user,
                                     const char *device);

/* Drops the device's secrets. True where there was one. */
bool bound_store_drop(struct bound_store *store, const char *device);

/* Forgets wrong codes that count no more. Returns for how many seconds codes of this user are
 * locked, 0 where they are not. */
long bound_store_locked(struct bound_store *store, const char *user, int64_t now);

/* Counts a wrong code; where there is no room the oldest gives way. */
void bound_store_add_wrong(struct bound_store *store, const char *user, int64_t now);

#endif
