/* Stands in for helper/bound.c: one code is right, one says that codes are locked. */
#include "helper/bound.h"

#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/helper_world.h"

struct bound {
    json_t *key;
};

struct bound *bound_open(const char *directory, char *why, size_t why_size)
{
    struct bound *bound = calloc(1, sizeof *bound);

    (void)directory, (void)why, (void)why_size;
    MUST(bound);
    bound->key = json_pack("{s:s, s:s, s:s, s:s}", "kty", "EC", "crv", "P-256", "x",
                           "gyFAb6EGSzplAUb-YwihTpjLHH7MV6v6USN5Dd_JgRY", "y",
                           "WujJGTAERe9NKlOKqzA8XzfgiFFoMRwSyZ_zhWCksfE");
    MUST(bound->key);
    return bound;
}

void bound_free(struct bound *bound)
{
    if (bound)
        json_decref(bound->key);
    free(bound);
}

json_t *bound_key(const struct bound *bound)
{
    return bound->key;
}

void bound_keep(struct bound *bound, const char *user, const char *device,
                const char *details_sha256, const char *sealed, int64_t now)
{
    MUST(bound && *user && strlen(device) == 43 && strlen(details_sha256) == 43 && *sealed && now);
    world_kept();
}

void bound_approved(struct bound *bound, const char *user)
{
    MUST(bound && *user);
}

enum bound_answer bound_try(struct bound *bound, struct bound_trial *trial)
{
    MUST(bound && *trial->user && trial->code >= 0 && trial->code <= 999999);
    world_tried(trial->code == WORLD_BOUND_CODE);
    if (trial->code == WORLD_BOUND_CODE)
        return BOUND_RIGHT;
    trial->locked = trial->code == 999999 ? 61 : 0;
    return trial->locked ? BOUND_LOCKED : BOUND_WRONG;
}

char *bound_held(struct bound *bound, const char *user)
{
    MUST(bound && *user);
    return strdup("JjpNvkFIj7hyFLADIznbufDI2hTBbfzxMIS_PCVS7KU");
}

void bound_drop(struct bound *bound, const json_t *gone)
{
    (void)gone;
    MUST(bound);
}
