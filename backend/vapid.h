/* The server's identity towards push services: RFC 8292, one ES256 token for each push service. */
#ifndef VAPID_H
#define VAPID_H

#include <stdint.h>

#include "common/jwk.h"

struct vapid;

/*
 * key: private P-256, a reference is taken. contact: "mailto:…" or "https:…", where a push service
 * may complain. NULL without memory, or where the key is of another kind.
 */
struct vapid *vapid_new(struct jwk *key, const char *contact);
void vapid_free(struct vapid *vapid);

/* What a browser subscribes with (applicationServerKey): the public point, base64url; belongs to
 * vapid. */
const char *vapid_public_key(const struct vapid *vapid);

/*
 * The value of the Authorization header for a push service's origin ("https://host"), now in
 * seconds. A token lives 12 hours and is kept for half of them. Belongs to vapid, until the next
 * call. NULL without memory.
 */
const char *vapid_authorization(struct vapid *vapid, const char *origin, int64_t now);

#endif
