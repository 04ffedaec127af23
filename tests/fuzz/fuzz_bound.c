/* What stands in the file of the codes bound to this host, and what a phone seals to its key. */
#include "common/sanitize.h"
#include "common/seal.h"
#include "common/totp.h"
#include "helper/bound_store.h"
#include "tests/fuzz/fuzz.h"
#include "tests/unit/vectors.h"

#define HASH "Qf_Yt2r8kqZXWP2aCAroBCHBlvJRJjuHy_tuVn3aCHk"
#define JKT "JjpNvkFIj7hyFLADIznbufDI2hTBbfzxMIS_PCVS7KU"
#define NOW INT64_C(1700000000)

/* Nobody can seal without knowing what is sealed: what opens is what was sealed here. */
static void check_seal(const char *text)
{
    static const unsigned char secret[SEAL_SECRET] = "a secret of 20 bytes", zeros[SEAL_SECRET];
    static struct jwk *key;
    static char *sealed;
    unsigned char out[SEAL_SECRET];

    if (!key) {
        key = jwk_from_pem(P256_SEC1_PEM);
        sealed = seal_secret(key, HASH, JKT, secret);
        MUST(sealed && strlen(sealed) == SEAL_TEXT);
    }
    MUST(seal_open(key, text, HASH, JKT, out) == -1 && memcmp(out, zeros, sizeof(out)) == 0);
    /* Here and there, a byte of the input in the place of one of the seal's. */
    char *changed = strdup(sealed);
    for (size_t i = 0; i < SEAL_TEXT && text[i]; i++) {
        if (i % 3 == 0)
            changed[i] = text[i];
    }
    MUST((seal_open(key, changed, HASH, JKT, out) == 0) == (strcmp(changed, sealed) == 0));
    free(changed);
}

static void check_store(struct bound_store *store)
{
    MUST(store->secret_count <= BOUND_SECRETS && store->wrong_count <= BOUND_WRONG_MAX);
    for (size_t i = 0; i < store->secret_count; i++) {
        const struct bound_secret *entry = &store->secrets[i];

        MUST(*entry->user && sanitize_is_clean(entry->user) && strlen(entry->device) == 43);
        MUST(bound_store_find(store, entry->user, entry->device) == entry);
        MUST(entry->step >= 0 && entry->used >= 0);
    }
    for (size_t i = 0; i < store->wrong_count; i++)
        MUST(*store->wrong[i].user && sanitize_is_clean(store->wrong[i].user));
}

/* Whatever was read, the limits hold, and a user has no more devices than a user may have. */
static void change(struct bound_store *store)
{
    size_t before = store->secret_count;
    bool room = store->wrong_count + BOUND_WRONG_USER <= BOUND_WRONG_MAX;
    long seconds;

    for (int i = 0; i < BOUND_WRONG_USER; i++)
        bound_store_add_wrong(store, "alice", NOW);
    MUST(bound_store_locked(store, "alice", NOW, &seconds));
    MUST(seconds == 0 || (seconds >= (room ? BOUND_WINDOW : 1) && seconds <= BOUND_ROW));
    bound_store_end_row(store, "alice");
    MUST(!bound_store_end_row(store, "alice"));
    MUST(!bound_store_locked(store, "alice", NOW + BOUND_ROW, &seconds) && seconds == 0);
    MUST(store->wrong_count == 0);
    MUST(bound_store_add(store, "alice", JKT));
    MUST(store->secret_count <= before + 1 && bound_store_find(store, "alice", JKT));
    MUST(bound_store_drop(store, JKT) && !bound_store_find(store, "alice", JKT));
    check_store(store);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct bound_store store, again;
    char *text = fuzz_text(data, size), *written;

    check_seal(text);
    if (bound_store_read(&store, text, size) == 0) {
        check_store(&store);
        written = bound_store_text(&store);
        MUST(written && bound_store_read(&again, written, strlen(written)) == 0);
        MUST(memcmp(store.secrets, again.secrets, sizeof(store.secrets)) == 0);
        MUST(memcmp(store.wrong, again.wrong, sizeof(store.wrong)) == 0);
        free(written);
        change(&store);
    } else {
        MUST(store.secret_count == 0 && store.wrong_count == 0);
    }
    bound_store_wipe(&store);
    bound_store_wipe(&again);
    free(text);
    return 0;
}
