/* Codes bound to one host (docs/bound-codes.md, "The phone's secret"). */
#ifndef HOST_CODES_H
#define HOST_CODES_H

#include "common/base64url.h"
#include "common/seal.h"
#include "phone/terminal/sign_in.h"

#define HOST_CODES_MAX 200
#define HOST_CODES_ROOT 32 /* bytes */

struct host_code {
    char host[65];                  /* its id */
    char name[129];                 /* for people */
    char key[BASE64URL_SHA256 + 1]; /* thumbprint of its key for codes */
    int64_t used;                   /* seconds since 1970: the last approval */
};

struct host_codes {
    unsigned char root[HOST_CODES_ROOT];
    bool has_root;
    struct host_code items[HOST_CODES_MAX]; /* the last used first */
    size_t count;
};

/* Returns 0 (also where there are none yet), or -1 with why. Wipe it either way. */
int host_codes_load(const struct handset *handset, struct host_codes *codes, char *why,
                    size_t why_size);
void host_codes_wipe(struct host_codes *codes);

/* By id, or by name. NULL where there is none. */
const struct host_code *host_codes_find(const struct host_codes *codes, const char *host);

/* The secret for a host's key. Returns 0 or -1; the caller wipes it. */
int host_codes_secret(const unsigned char root[HOST_CODES_ROOT], const char *jkt, const char *host,
                      const char *host_key, unsigned char secret[SEAL_SECRET]);

/* The seal for an approval of this request, and the host in the list; a new string. NULL where the
 * host takes none, or it cannot be made: the approval does without. */
char *host_codes_seal(const struct handset *handset, const struct sign_in *request);

#endif
