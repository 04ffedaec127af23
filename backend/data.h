/* The files of the data folder: which there are, and the keys among them. */
#ifndef DATA_H
#define DATA_H

#include <stddef.h>

#include "common/config.h"
#include "common/jwk.h"

#define DATA_STORE "store.db"
#define DATA_ISSUER_KEY "issuer.key" /* PEM: signs ID tokens */
#define DATA_PUSH_KEY "push.key"     /* PEM: the server's name with push services */
#define DATA_BOX_KEY "box.key"       /* 32 bytes, base64url: encrypts code secrets in the store */
#define DATA_CERTIFICATE "certificate.pem" /* private, by `init` */
#define DATA_CERTIFICATE_KEY "certificate.key"
#define DATA_PATH_SIZE 256

/* The path of a file in the data folder. */
void data_path(const struct config *config, const char *file, char path[DATA_PATH_SIZE]);

/* A private P-256 key; NULL with why. */
struct jwk *data_read_key(const struct config *config, const char *file, char *why,
                          size_t why_size);

/* The same as PEM text; free with secret_free. NULL with why. */
char *data_read_pem(const struct config *config, const char *file, char *why, size_t why_size);

/* Returns 0, or -1 with why. */
int data_read_box_key(const struct config *config, unsigned char key[32], char *why,
                      size_t why_size);

/* Makes a file of the folder, of mode 0600, where there is none: a key, the box key. Returns 1
 * where it made it, 0 where it is there, -1 with why. */
int data_make_key(const struct config *config, const char *file, char *why, size_t why_size);
int data_make_box_key(const struct config *config, char *why, size_t why_size);

/* Writes a file of mode 0600. Returns 0, or -1 with why. */
int data_write(const char *path, const char *text, char *why, size_t why_size);

#endif
