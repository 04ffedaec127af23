#include "backend/keys.h"

#include <search.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "common/json_text.h"

#define JWK_TEXT_MAX 1024

struct kept_key {
    TAILQ_ENTRY(kept_key) order; /* the one used last comes first */
    struct jwk *key;
    char text[];
};

TAILQ_HEAD(entries, kept_key);

struct keys {
    size_t count, most;
    void *tree; /* of struct kept_key, by text */
    struct entries entries;
};

static int compare(const void *a, const void *b)
{
    return strcmp(((const struct kept_key *)a)->text, ((const struct kept_key *)b)->text);
}

static void drop(struct keys *keys, struct kept_key *entry)
{
    tdelete(entry, &keys->tree, compare);
    TAILQ_REMOVE(&keys->entries, entry, order);
    keys->count--;
    jwk_free(entry->key);
    free(entry);
}

struct keys *keys_new(size_t most)
{
    struct keys *keys = calloc(1, sizeof *keys);
    if (!keys)
        return NULL;
    keys->most = most;
    TAILQ_INIT(&keys->entries);
    return keys;
}

void keys_free(struct keys *keys)
{
    if (!keys)
        return;
    while (!TAILQ_EMPTY(&keys->entries))
        drop(keys, TAILQ_FIRST(&keys->entries));
    free(keys);
}

static struct jwk *parse_key(const char *text, size_t len)
{
    json_t *json = json_text_object(text, len, JWK_TEXT_MAX);
    struct jwk *key = json ? jwk_from_json(json) : NULL;
    json_decref(json);
    return key;
}

/* Makes a candidate for the tree; it becomes the entry where there is none yet. */
static struct kept_key *new_entry(const char *text, size_t len)
{
    struct kept_key *entry = malloc(sizeof *entry + len + 1);
    if (!entry)
        return NULL;
    entry->key = NULL;
    memcpy(entry->text, text, len + 1);
    return entry;
}

struct jwk *keys_get(struct keys *keys, const char *jwk)
{
    size_t len = strlen(jwk);
    struct kept_key *candidate = new_entry(jwk, len), *entry, **node;
    if (!candidate)
        return NULL;
    node = tfind(candidate, &keys->tree, compare);
    if (node) {
        entry = *node;
        free(candidate);
        TAILQ_REMOVE(&keys->entries, entry, order);
        TAILQ_INSERT_HEAD(&keys->entries, entry, order);
        return jwk_ref(entry->key);
    }
    candidate->key = parse_key(jwk, len);
    if (!candidate->key || !tsearch(candidate, &keys->tree, compare)) {
        jwk_free(candidate->key);
        free(candidate);
        return NULL;
    }
    TAILQ_INSERT_HEAD(&keys->entries, candidate, order);
    if (++keys->count > keys->most)
        drop(keys, TAILQ_LAST(&keys->entries, entries));
    return jwk_ref(candidate->key);
}
