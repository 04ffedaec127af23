/* Code secrets as they are kept in the store: AES-256-GCM under the server's box key, bound to
 * their device. */
#ifndef SECRET_BOX_H
#define SECRET_BOX_H

#include <stddef.h>

#define SECRET_BOX_MAX 64 /* bytes of a secret */

/* base64url of nonce, sealed secret and tag; a new string, or NULL. device: its id, authenticated
 * with it. */
char *secret_box_seal(const unsigned char key[32], const char *device, const void *secret,
                      size_t len);

/* Opens into secret (size bytes). Returns the length, or -1: another key or device, or altered. */
int secret_box_open(const unsigned char key[32], const char *device, const char *sealed,
                    void *secret, size_t size);

#endif
