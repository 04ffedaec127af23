/* Parsed public keys, so that each is imported once. What a key may do is asked of the store each
 * time: nothing here has to be forgotten. */
#ifndef KEYS_H
#define KEYS_H

#include "common/jwk.h"

struct keys;

/* Keeps the `most` keys that were used last. NULL without memory. */
struct keys *keys_new(size_t most);
void keys_free(struct keys *keys);

/* The key of a JWK text from the store. A new reference (jwk_free), or NULL. */
struct jwk *keys_get(struct keys *keys, const char *jwk);

#endif
