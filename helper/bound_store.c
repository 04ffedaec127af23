#include "helper/bound_store.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base64url.h"
#include "common/clock.h"
#include "common/login.h"
#include "common/random.h"
#include "common/sanitize.h"

#define HEAD "approve-codes 2\n"
#define HEAD_BEFORE "approve-codes 1\n" /* the same without `past` */
#define SECRET_TEXT 27                  /* 20 bytes in base64url */

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

static bool read_wrong(struct bound_store *store, char **at, bool in_row)
{
    struct bound_wrong *wrong = &store->wrong[store->wrong_count];

    if (store->wrong_count == BOUND_WRONG_MAX || !take_time(at, &wrong->at) ||
        !take_user(at, wrong->user))
        return false;
    wrong->in_row = in_row;
    store->wrong_count++;
    return true;
}

static bool read_line(struct bound_store *store, char **at, bool has_past)
{
    const char *word = take_field(at, ' ');

    if (word == NULL)
        return false;
    if (strcmp(word, "secret") == 0)
        return read_secret(store, at);
    if (strcmp(word, "wrong") == 0)
        return read_wrong(store, at, true);
    return has_past && strcmp(word, "past") == 0 && read_wrong(store, at, false);
}

static bool read_lines(struct bound_store *store, char *at)
{
    bool newest = strncmp(at, HEAD, strlen(HEAD)) == 0;

    if (!newest && strncmp(at, HEAD_BEFORE, strlen(HEAD_BEFORE)) != 0)
        return false;
    at += strlen(HEAD);
    while (*at != 0) {
        if (!read_line(store, &at, newest))
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
        at +=
            snprintf(at, LINE_MAX_BYTES, "%s %lld %s\n", store->wrong[i].in_row ? "wrong" : "past",
                     (long long)store->wrong[i].at, store->wrong[i].user);
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

/* --- wrong codes --- */

/* Codes are locked while so many of a user's, or of all, are no older than the window. */
static const struct limit {
    size_t count;
    int64_t window;      /* seconds */
    bool of_all, in_row; /* in_row: these alone count, and an approval ends the lock */
} limits[] = {
    {BOUND_WRONG_USER, BOUND_WINDOW, false, false},
    {BOUND_WRONG_DAY, BOUND_DAY, false, false},
    {BOUND_WRONG_ROW, BOUND_ROW, false, true},
    {BOUND_WRONG_HOST, BOUND_WINDOW, true, false},
};

static int64_t counts_until(const struct bound_wrong *wrong)
{
    return wrong->at + (wrong->in_row ? BOUND_ROW : BOUND_DAY);
}

/* A time that lies in the future, after the clock was put back, counts for as long as one of now.
 */
static void forget_old(struct bound_store *store, int64_t now)
{
    size_t kept = 0;

    for (size_t i = 0; i < store->wrong_count; i++) {
        if (counts_until(&store->wrong[i]) <= now)
            continue;
        if (store->wrong[i].at > now)
            store->wrong[i].at = now;
        if (i != kept)
            store->wrong[kept] = store->wrong[i];
        kept++;
    }
    store->wrong_count = kept;
}

/* When the lock ends that this limit makes; 0 where there are fewer. */
static int64_t lock_end(const struct bound_store *store, const char *user,
                        const struct limit *limit)
{
    size_t seen = 0;

    for (size_t i = store->wrong_count; i-- > 0;) {
        const struct bound_wrong *wrong = &store->wrong[i];

        if ((!limit->of_all && strcmp(wrong->user, user) != 0) || (limit->in_row && !wrong->in_row))
            continue;
        if (++seen == limit->count)
            return wrong->at + limit->window;
    }
    return 0;
}

static bool has_secret(const struct bound_store *store, const char *user)
{
    for (size_t i = 0; i < store->secret_count; i++) {
        if (strcmp(store->secrets[i].user, user) == 0)
            return true;
    }
    return false;
}

/* The place of the one that gives way, wrong_count while there is room, or BOUND_WRONG_MAX. */
static size_t find_room(const struct bound_store *store)
{
    size_t at = 0;

    if (store->wrong_count < BOUND_WRONG_MAX)
        return store->wrong_count;
    while (at < store->wrong_count && has_secret(store, store->wrong[at].user))
        at++;
    return at;
}

/* What cannot be counted is not compared: it ends with the first one that counts no more. */
static int64_t room_end(const struct bound_store *store)
{
    int64_t end = 0;

    if (find_room(store) < BOUND_WRONG_MAX)
        return 0;
    for (size_t i = 0; i < store->wrong_count; i++) {
        if (end == 0 || counts_until(&store->wrong[i]) < end)
            end = counts_until(&store->wrong[i]);
    }
    return end;
}

bool bound_store_locked(struct bound_store *store, const char *user, int64_t now, long *seconds)
{
    int64_t until, end;
    bool endless = false;

    forget_old(store, now);
    until = room_end(store);
    for (size_t i = 0; i < sizeof limits / sizeof *limits; i++) {
        end = lock_end(store, user, &limits[i]);
        if (end > until)
            until = end;
        endless = endless || (limits[i].in_row && end > now);
    }
    *seconds = until > now && !endless ? (long)(until - now) : 0;
    return until > now;
}

void bound_store_add_wrong(struct bound_store *store, const char *user, int64_t now)
{
    size_t room = find_room(store);
    struct bound_wrong *wrong;

    if (room == BOUND_WRONG_MAX)
        return;
    if (room < store->wrong_count) {
        store->wrong_count--;
        memmove(store->wrong + room, store->wrong + room + 1,
                (store->wrong_count - room) * sizeof *store->wrong);
    }
    wrong = &store->wrong[store->wrong_count++];
    snprintf(wrong->user, sizeof wrong->user, "%s", user);
    wrong->at = now;
    wrong->in_row = true;
}

bool bound_store_end_row(struct bound_store *store, const char *user)
{
    bool changed = false;

    for (size_t i = 0; i < store->wrong_count; i++) {
        if (!store->wrong[i].in_row || strcmp(store->wrong[i].user, user) != 0)
            continue;
        store->wrong[i].in_row = false;
        changed = true;
    }
    return changed;
}
