#include "helper/bound.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/file.h"
#include "common/log.h"
#include "common/random.h"
#include "common/seal.h"
#include "common/totp.h"
#include "helper/bound_store.h"

#define KEY_FILE "codes.key"
#define STORE_FILE "codes"
#define KEY_MAX 8192

struct bound {
    char *directory;
    struct jwk *key;
    json_t *public_key;
    size_t turn; /* whose device is named next */
    struct bound_store store;
};

static char *path_of(const struct bound *bound, const char *name)
{
    char *path = NULL;

    return asprintf(&path, "%s/%s", bound->directory, name) < 0 ? NULL : path;
}

static int write_file(const struct bound *bound, const char *name, const char *text)
{
    char *path = path_of(bound, name);
    int result = -1;

    errno = ENOMEM;
    if (path != NULL && text != NULL)
        result = file_write(path, text, strlen(text), 0600, (uid_t)-1, (gid_t)-1);
    if (result != 0)
        log_error("%s/%s could not be written: %s", bound->directory, name, strerror(errno));
    free(path);
    return result;
}

static int write_store(const struct bound *bound)
{
    char *text = bound_store_text(&bound->store);
    int result = write_file(bound, STORE_FILE, text);

    secret_free(text);
    return result;
}

/* --- opening --- */

static bool is_ours(const char *directory, char *why, size_t why_size)
{
    struct stat st;

    if (stat(directory, &st) != 0) {
        snprintf(why, why_size, "%s: %s", directory, strerror(errno));
        return false;
    }
    if (S_ISDIR(st.st_mode) && st.st_uid == geteuid() && (st.st_mode & (S_IRWXG | S_IRWXO)) == 0)
        return true;
    snprintf(why, why_size, "%s must be a directory of uid %u's, closed to others (0700)",
             directory, (unsigned)geteuid());
    return false;
}

static int make_key(struct bound *bound)
{
    char *pem;
    int result;

    bound->key = jwk_new_p256();
    pem = bound->key != NULL ? jwk_to_pem(bound->key) : NULL;
    result = write_file(bound, KEY_FILE, pem);
    secret_free(pem);
    if (result == 0)
        log_info("%s/" KEY_FILE ": a new key for codes bound to this host", bound->directory);
    return result;
}

static int read_key(struct bound *bound, char *why, size_t why_size)
{
    char *path = path_of(bound, KEY_FILE), *pem = NULL;
    struct stat st;
    size_t len;
    int result = -1;

    if (path == NULL) {
        snprintf(why, why_size, "no memory");
    } else if (lstat(path, &st) != 0 && errno == ENOENT) {
        result = make_key(bound);
        if (result != 0)
            snprintf(why, why_size, "%s: no key could be made", path);
    } else if (file_read(path, FILE_SECRET_OF_CALLER, KEY_MAX, &pem, &len, why, why_size) == 0) {
        bound->key = jwk_from_pem(pem);
        result = bound->key != NULL ? 0 : -1;
        if (result != 0)
            snprintf(why, why_size,
                     "%s: no private P-256 key in PEM; delete it, and a new one is made", path);
    }
    secret_free(pem);
    free(path);
    return result;
}

/* A file that cannot be read is as none: phones seal again. */
static void read_store(struct bound *bound)
{
    char *path = path_of(bound, STORE_FILE), *text = NULL, why[512];
    struct stat st;
    size_t len;

    if (path == NULL || (lstat(path, &st) != 0 && errno == ENOENT)) {
        free(path);
        return;
    }
    if (file_read(path, FILE_SECRET_OF_CALLER, BOUND_FILE_MAX, &text, &len, why, sizeof why) != 0)
        log_error("%s: no code bound to this host counts until its phone approves again", why);
    else if (bound_store_read(&bound->store, text, len) != 0)
        log_error("%s: damaged; no code bound to this host counts until its phone approves again",
                  path);
    if (text != NULL)
        secret_wipe(text, len);
    free(text);
    free(path);
}

struct bound *bound_open(const char *directory, char *why, size_t why_size)
{
    struct bound *bound = NULL;

    if (!is_ours(directory, why, why_size))
        return NULL;
    bound = calloc(1, sizeof *bound);
    if (bound != NULL)
        bound->directory = strdup(directory);
    if (bound == NULL || bound->directory == NULL) {
        snprintf(why, why_size, "no memory");
        goto failed;
    }
    if (read_key(bound, why, why_size) != 0)
        goto failed;
    bound->public_key = jwk_public_json(bound->key);
    read_store(bound);
    return bound;

failed:
    bound_free(bound);
    return NULL;
}

void bound_free(struct bound *bound)
{
    if (bound == NULL)
        return;
    jwk_free(bound->key);
    json_decref(bound->public_key);
    free(bound->directory);
    bound_store_wipe(&bound->store);
    free(bound);
}

json_t *bound_key(const struct bound *bound)
{
    return bound->public_key;
}

/* --- keeping --- */

/* A step that may have been used up here before, by a secret that was lost, counts no more. */
static void take_secret(struct bound_secret *entry, const unsigned char secret[SEAL_SECRET],
                        int64_t now)
{
    memcpy(entry->secret, secret, SEAL_SECRET);
    if (entry->step < now / TOTP_STEP)
        entry->step = now / TOTP_STEP;
}

void bound_keep(struct bound *bound, const char *user, const char *device,
                const char *details_sha256, const char *sealed, int64_t now)
{
    unsigned char secret[SEAL_SECRET];
    struct bound_secret *entry = bound_store_find(&bound->store, user, device);

    if (seal_open(bound->key, sealed, details_sha256, device, secret) != 0) {
        log_warn("the secret that %s's phone %s sealed for this host does not open: ignored", user,
                 device);
        return;
    }
    if (entry != NULL && secret_equal(entry->secret, secret, SEAL_SECRET)) {
        entry->used = now; /* on the disk with the next change */
    } else {
        if (entry == NULL)
            entry = bound_store_add(&bound->store, user, device);
        take_secret(entry, secret, now);
        entry->used = now;
        write_store(bound);
    }
    secret_wipe(secret, sizeof secret);
}

void bound_approved(struct bound *bound, const char *user)
{
    if (bound_store_end_row(&bound->store, user))
        write_store(bound);
}

/* --- checking --- */

/* The user's entries; returns how many. */
static size_t entries_of(struct bound *bound, const char *user,
                         struct bound_secret *entries[BOUND_PER_USER])
{
    struct bound_store *store = &bound->store;
    size_t count = 0;

    for (size_t i = 0; i < store->secret_count && count < BOUND_PER_USER; i++) {
        if (strcmp(store->secrets[i].user, user) == 0)
            entries[count++] = &store->secrets[i];
    }
    return count;
}

/* As many comparisons for everybody: time tells nobody how many devices there are. */
static struct bound_secret *find_entry(struct bound *bound, const struct bound_trial *trial,
                                       int64_t *step)
{
    static const unsigned char nobody[SEAL_SECRET];
    const bool pinned = trial->host->trust == TRUST_PINNED;
    struct bound_secret *entries[BOUND_PER_USER], *found = NULL;
    size_t count = entries_of(bound, trial->user, entries);

    for (size_t i = 0; i < BOUND_PER_USER; i++) {
        struct bound_secret *entry = i < count ? entries[i] : NULL;
        int64_t at;
        bool right = totp_find(entry != NULL ? entry->secret : nobody, SEAL_SECRET, trial->now,
                               trial->code, &at) == 1;

        if (right && entry != NULL && found == NULL && at > entry->step &&
            (!pinned || host_has_pin(trial->host, trial->user, entry->device))) {
            found = entry;
            *step = at;
        }
    }
    return found;
}

enum bound_answer bound_try(struct bound *bound, struct bound_trial *trial)
{
    struct bound_secret *entry;
    int64_t step = 0;

    trial->device[0] = 0;
    if (bound_store_locked(&bound->store, trial->user, trial->now, &trial->locked))
        return BOUND_LOCKED;
    entry = find_entry(bound, trial, &step);
    if (entry != NULL) {
        entry->step = step;
        entry->used = trial->now;
        bound_store_end_row(&bound->store, trial->user);
    } else {
        bound_store_add_wrong(&bound->store, trial->user, trial->now);
    }
    /* What is not on the disk as used up opens nothing. */
    if (write_store(bound) != 0 || entry == NULL)
        return BOUND_WRONG;
    strcpy(trial->device, entry->device);
    return BOUND_RIGHT;
}

/* --- devices that are gone --- */

char *bound_held(struct bound *bound, const char *user)
{
    const struct bound_store *store = &bound->store;
    struct bound_secret *entries[BOUND_PER_USER];
    size_t count = entries_of(bound, user, entries), named = 0;
    char *text = calloc(BOUND_HELD, sizeof store->secrets[0].device), *at = text;

    if (text == NULL)
        return NULL;
    for (; named < count; named++)
        at += sprintf(at, "%s%s", named > 0 ? " " : "", entries[named]->device);
    for (size_t i = 0; i < store->secret_count && named < BOUND_HELD; i++) {
        const struct bound_secret *other = &store->secrets[bound->turn++ % store->secret_count];

        if (strcmp(other->user, user) != 0)
            at += sprintf(at, "%s%s", named++ > 0 ? " " : "", other->device);
    }
    return text;
}

void bound_drop(struct bound *bound, const json_t *gone)
{
    const json_t *item;
    size_t index;
    bool changed = false;

    json_array_foreach(gone, index, item)
    {
        if (json_is_string(item) && bound_store_drop(&bound->store, json_string_value(item))) {
            log_info("the device %s is gone: its codes for this host count no more",
                     json_string_value(item));
            changed = true;
        }
    }
    if (changed)
        write_store(bound);
}
