#include "helper/recent.h"

#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

#include "common/address.h"

#define KEY_SIZE 32

struct refusal {
    unsigned char key[KEY_SIZE]; /* a hash: entries of any length take the same room */
    int64_t until;               /* 0: free */
};

struct recent {
    struct refusal refusals[RECENT_MAX];
};

struct recent *recent_new(void)
{
    return calloc(1, sizeof(struct recent));
}

void recent_free(struct recent *recent)
{
    free(recent);
}

static bool make_key(const char *user, const char *service, const char *rhost,
                     unsigned char key[KEY_SIZE])
{
    char source[ADDRESS_SOURCE_SIZE];
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    bool made;

    address_source(rhost, source);
    made = context != NULL && EVP_DigestInit_ex(context, EVP_sha256(), NULL) == 1 &&
           EVP_DigestUpdate(context, user, strlen(user) + 1) == 1 &&
           EVP_DigestUpdate(context, service, strlen(service) + 1) == 1 &&
           EVP_DigestUpdate(context, source, strlen(source) + 1) == 1 &&
           EVP_DigestFinal_ex(context, key, NULL) == 1;

    EVP_MD_CTX_free(context);
    return made;
}

void recent_add(struct recent *recent, const char *user, const char *service, const char *rhost,
                int64_t now)
{
    struct refusal *place = &recent->refusals[0];
    unsigned char key[KEY_SIZE];

    if (!make_key(user, service, rhost, key))
        return;
    for (size_t i = 0; i < RECENT_MAX; i++) {
        struct refusal *refusal = &recent->refusals[i];

        if (memcmp(refusal->key, key, KEY_SIZE) == 0) {
            place = refusal;
            break;
        }
        if (refusal->until < place->until)
            place = refusal;
    }
    memcpy(place->key, key, KEY_SIZE);
    place->until = now + RECENT_SECONDS * 1000;
}

bool recent_has(const struct recent *recent, const char *user, const char *service,
                const char *rhost, int64_t now)
{
    unsigned char key[KEY_SIZE];

    if (!make_key(user, service, rhost, key))
        return true; /* no memory: refused */
    for (size_t i = 0; i < RECENT_MAX; i++) {
        const struct refusal *refusal = &recent->refusals[i];

        if (refusal->until > now && memcmp(refusal->key, key, KEY_SIZE) == 0)
            return true;
    }
    return false;
}
