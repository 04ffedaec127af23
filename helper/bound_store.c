#include "helper/bound_store.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base64url.h"
#include "common/login.h"
#include "common/random.h"
#include "common/sanitize.h"

#define HEAD "approve-codes 1\n"
#define SECRET_TEXT 27 /* 20 bytes in base64url */
#define THUMBPRINT_TEXT 43

/* --- reading --- */

/* The next field, up to the blank or the line's end that is `mark`. NULL where there is none. */
static char *take_field(char **at, char mark)
{
    char *field = *at, *end = strchr(field, mark);

    if (end == NULL || end == field)
        return NULL;
    *end = 0;
    *at = end + 1;
    return field;
}

static bool take_time(char **at, int64_t *out)
{
    const char *field = take_field(at, ' ');

    if (field == NULL || strlen(field) > 12 || field[strspn(field, "0123456789")] != 0)
        return false;
    *out = strtoll(field, NULL, 10);
    return *out <= TIME_MOST;
}

static bool take_user(char **at, char user[129])
{
    const char *field = take_field(at, '\n');

    if (field == NULL || strlen(field) > 128 || !sanitize_is_clean(field))
        return false;
    strcpy(user, field);
    return true;
}

/* Exactly `len` bytes in base64url. */
static bool decode(const char *text, unsigned char *out, size_t len)
{
    unsigned char *bytes = NULL;
    size_t got = 0;
    bool fits = text != NULL && base64url_decode(text, strlen(text), &bytes, &got) == 0;

    fits = fits && got == len;
    if (fits)
        memcpy(out, bytes, len);
    secret_wipe(bytes, got);
    free(bytes);
    return fits;
}

static bool read_secret(struct bound_store *store, char **at)
{
    struct bound_secret *secret = &store->secrets[store->secret_count];
    unsigned char digest[32];
    const char *device = take_field(at, ' ');

    if (store->secret_count == BOUND_SECRETS || !decode(device, digest, sizeof digest) ||
        !decode(take_field(at, ' '), secret->secret, SEAL_SECRET) ||
        !take_time(at, &secret->step) || !take_time(at, &secret->used) ||
        !take_user(at, secret->user) || bound_store_find(store, secret->user, device) != NULL)
        return false;
    strcpy(secret->device, device);
    store->secret_count++;
    return true;
}

static bool read_wrong(struct bound_store *store, char **at)
{
    struct bound_wrong *wrong = &store->wrong[store->wrong_count];

    if (store->wrong_count == BOUND_WRONG_HOST || !take_time(at, &wrong->at) ||
        !take_user(at, wrong->user))
        return false;
    store->wrong_count++;
    return true;
}

static bool read_lines(struct bound_store *store, char *at)
{
    if (strncmp(at, HEAD, strlen(HEAD)) != 0)
        return false;
    at += strlen(HEAD);
    while (*at != 0) {
        const char *word = take_field(&at, ' ');

        if (word == NULL ||
            !(strcmp(word, "secret") == 0 ? read_secret(store, &at)
                                          : strcmp(word, "wrong") == 0 && read_wrong(store, &at)))
            return false;
    }
    return true;
}

int bound_store_read(struct bound_store *store, const char *text, size_t len)
{
    char *copy = NULL;
    bool whole = false;

    bound_store_wipe(store);
    if (len <= BOUND_FILE_MAX && memchr(text, 0, len) == NULL)
        copy = strndup(text, len);
    if (copy != NULL) {
        whole = read_lines(store, copy);
        secret_wipe(copy, len);
        free(copy);
    }
    if (!whole)
        bound_store_wipe(store);
    return whole ? 0 : -1;
}

/* --- writing --- */

#define LINE_MAX_BYTES 256 /* of fields and user */

char *bound_store_text(const struct bound_store *store)
{
    size_t size = strlen(HEAD) + (store->secret_count + store->wrong_count) * LINE_MAX_BYTES + 1;
    char *text = malloc(size), *at = text;

    if (text == NULL)
        return NULL;
    at += snprintf(at, size, "%s", HEAD);
    for (size_t i = 0; i < store->secret_count; i++) {
        const struct bound_secret *secret = &store->secrets[i];
        char *encoded = base64url_encode(secret->secret, SEAL_SECRET);

        if (encoded == NULL) {
            secret_wipe(text, (size_t)(at - text));
            free(text);
            return NULL;
        }
        at += snprintf(at, LINE_MAX_BYTES, "secret %s %s %lld %lld %s\n", secret->device, encoded,
                       (long long)secret->step, (long long)secret->used, secret->user);
        secret_free(encoded);
    }
    for (size_t i = 0; i < store->wrong_count; i++)
        at += snprintf(at, LINE_MAX_BYTES, "wrong %lld %s\n", (long long)store->wrong[i].at,
                       store->wrong[i].user);
    return text;
}

/* --- what is in it --- */

void bound_store_wipe(struct bound_store *store)
{
    secret_wipe(store, sizeof *store);
}

struct bound_secret *bound_store_find(struct bound_store *store, const char *user,
                                      const char *device)
{
    for (size_t i = 0; i < store->secret_count; i++) {
        if (strcmp(store->secrets[i].device, device) == 0 &&
            strcmp(store->secrets[i].user, user) == 0)
            return &store->secrets[i];
    }
    return NULL;
}

/* The longest unused of the user's, or (NULL) of all; and how many there are. */
static struct bound_secret *find_oldest(struct bound_store *store, const char *user, size_t *count)
{
    struct bound_secret *oldest = NULL;

    *count = 0;
    for (size_t i = 0; i < store->secret_count; i++) {
        struct bound_secret *secret = &store->secrets[i];

        if (user != NULL && strcmp(secret->user, user) != 0)
            continue;
        ++*count;
        if (oldest == NULL || secret->used < oldest->used)
            oldest = secret;
    }
    return oldest;
}

struct bound_secret *bound_store_add(struct bound_store *store, const char *user,
                                     const char *device)
{
    size_t count;
    struct bound_secret *place = find_oldest(store, user, &count);

    if (count < BOUND_PER_USER)
        place = store->secret_count < BOUND_SECRETS ? &store->secrets[store->secret_count++]
                                                    : find_oldest(store, NULL, &count);
    secret_wipe(place, sizeof *place);
    snprintf(place->user, sizeof place->user, "%s", user);
    snprintf(place->device, sizeof place->device, "%s", device);
    return place;
}

bool bound_store_drop(struct bound_store *store, const char *device)
{
    size_t kept = 0, before = store->secret_count;

    for (size_t i = 0; i < before; i++) {
        if (strcmp(store->secrets[i].device, device) == 0)
            continue;
        if (i != kept)
            store->secrets[kept] = store->secrets[i];
        kept++;
    }
    store->secret_count = kept;
    secret_wipe(&store->secrets[kept], (before - kept) * sizeof store->secrets[0]);
    return kept != before;
}

/* A time that lies in the future, after the clock was put back, counts for as long as one of now.
 */
static void forget_old(struct bound_store *store, int64_t now)
{
    size_t kept = 0;

    for (size_t i = 0; i < store->wrong_count; i++) {
        if (store->wrong[i].at <= now - BOUND_WINDOW)
            continue;
        if (store->wrong[i].at > now)
            store->wrong[i].at = now;
        if (i != kept)
            store->wrong[kept] = store->wrong[i];
        kept++;
    }
    store->wrong_count = kept;
}

/* When the lock ends that `limit` wrong codes make; 0 where there are fewer. user NULL: anybody's.
 */
static int64_t lock_end(const struct bound_store *store, const char *user, size_t limit)
{
    size_t seen = 0;

    for (size_t i = store->wrong_count; i-- > 0;) {
        if (user != NULL && strcmp(store->wrong[i].user, user) != 0)
            continue;
        if (++seen == limit)
            return store->wrong[i].at + BOUND_WINDOW;
    }
    return 0;
}

long bound_store_locked(struct bound_store *store, const char *user, int64_t now)
{
    int64_t own, all;

    forget_old(store, now);
    own = lock_end(store, user, BOUND_WRONG_USER);
    all = lock_end(store, NULL, BOUND_WRONG_HOST);
    if (all > own)
        own = all;
    return own > now ? (long)(own - now) : 0;
}

void bound_store_add_wrong(struct bound_store *store, const char *user, int64_t now)
{
    struct bound_wrong *wrong;

    if (store->wrong_count == BOUND_WRONG_HOST)
        memmove(store->wrong, store->wrong + 1, --store->wrong_count * sizeof *store->wrong);
    wrong = &store->wrong[store->wrong_count++];
    snprintf(wrong->user, sizeof wrong->user, "%s", user);
    wrong->at = now;
}
