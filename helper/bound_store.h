/* What a host keeps of the codes bound to it: the phones' secrets, the steps that were used up, the
 * wrong codes of late; and the text of its file (docs/bound-codes.md, "What the helper keeps"). */
#ifndef BOUND_STORE_H
#define BOUND_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base64url.h"
#include "common/seal.h"

#define BOUND_PER_USER 8 /* devices */
#define BOUND_SECRETS 1024
#define BOUND_WRONG_USER 5   /* within BOUND_WINDOW */
#define BOUND_WRONG_DAY 10   /* of a user, within BOUND_DAY */
#define BOUND_WRONG_ROW 100  /* of a user, in a row within BOUND_ROW */
#define BOUND_WRONG_HOST 50  /* of all users, within BOUND_WINDOW */
#define BOUND_WRONG_MAX 1800 /* kept; with all secrets they fit in the file */
#define BOUND_WINDOW 600     /* seconds, as the next two are */
#define BOUND_DAY 86400
#define BOUND_ROW (90 * 86400)
#define BOUND_FILE_MAX (512 * 1024) /* bytes */

struct bound_secret {
    char user[129];
    char device[BASE64URL_SHA256 + 1]; /* thumbprint */
    unsigned char secret[SEAL_SECRET];
    int64_t step; /* the last one that was used up */
    int64_t used; /* seconds since 1970: when it was stored or used */
};

struct bound_wrong {
    char user[129];
    int64_t at;  /* seconds since 1970 */
    bool in_row; /* false: a right code or an approval by phone came after it */
};

struct bound_store {
    struct bound_secret secrets[BOUND_SECRETS];
    size_t secret_count;
    struct bound_wrong wrong[BOUND_WRONG_MAX]; /* oldest first */
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

/* Forgets wrong codes that count no more. True where codes of this user are locked; *seconds says
 * for how long, and is 0 where only an approval by phone ends it. */
bool bound_store_locked(struct bound_store *store, const char *user, int64_t now, long *seconds);

/* Counts a wrong code, where codes of this user are not locked. Where there is no room, the oldest
 * one gives way of a user who has no secret here: there is nothing to guess. */
void bound_store_add_wrong(struct bound_store *store, const char *user, int64_t now);

/* A right code, or an approval by phone: wrong ones before it are in a row no more. True where
 * there were any. */
bool bound_store_end_row(struct bound_store *store, const char *user);

#endif
