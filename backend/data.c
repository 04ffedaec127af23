#include "backend/data.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/base64url.h"
#include "common/file.h"
#include "common/i18n.h"
#include "common/random.h"

#define KEY_FILE_MAX 4096

void data_path(const struct config *config, const char *file, char path[DATA_PATH_SIZE])
{
    snprintf(path, DATA_PATH_SIZE, "%s/%s", config_text(config, "server", "data"), file);
}

char *data_read_pem(const struct config *config, const char *file, char *why, size_t why_size)
{
    char path[DATA_PATH_SIZE], *text = NULL;
    size_t len;
    data_path(config, file, path);
    if (access(path, F_OK) < 0 && errno == ENOENT)
        snprintf(why, why_size, _("%s does not exist; run `approve-server init` first"), path);
    else if (file_read(path, FILE_SECRET_OF_CALLER, KEY_FILE_MAX, &text, &len, why, why_size) == 0)
        return text;
    return NULL;
}

struct jwk *data_read_key(const struct config *config, const char *file, char *why, size_t why_size)
{
    char *pem = data_read_pem(config, file, why, why_size);
    if (!pem)
        return NULL;
    struct jwk *key = jwk_from_pem(pem);
    if (!key)
        snprintf(why, why_size,
                 _("%s/%s is no private P-256 key in PEM; restore it from a back-up"),
                 config_text(config, "server", "data"), file);
    secret_free(pem);
    return key;
}

int data_read_box_key(const struct config *config, unsigned char key[32], char *why,
                      size_t why_size)
{
    char *text = data_read_pem(config, DATA_BOX_KEY, why, why_size);
    unsigned char *bytes = NULL;
    size_t len = 0;
    int result = -1;
    if (!text)
        return -1;
    if (base64url_decode(text, strcspn(text, "\n"), &bytes, &len) == 0 && len == 32) {
        memcpy(key, bytes, 32);
        result = 0;
    } else {
        snprintf(why, why_size, _("%s/%s is no key of 32 bytes; restore it from a back-up"),
                 config_text(config, "server", "data"), DATA_BOX_KEY);
    }
    if (bytes)
        secret_wipe(bytes, len);
    free(bytes);
    secret_free(text);
    return result;
}

int data_write(const char *path, const char *text, char *why, size_t why_size)
{
    if (file_write(path, text, strlen(text), 0600, geteuid(), getegid()) == 0)
        return 0;
    snprintf(why, why_size, "%s: %s", path, strerror(errno));
    return -1;
}

/* 1 where the file has to be made. */
static int is_missing(const char *path, char *why, size_t why_size)
{
    if (access(path, F_OK) == 0)
        return 0;
    if (errno == ENOENT)
        return 1;
    snprintf(why, why_size, "%s: %s", path, strerror(errno));
    return -1;
}

int data_make_key(const struct config *config, const char *file, char *why, size_t why_size)
{
    char path[DATA_PATH_SIZE];
    data_path(config, file, path);
    int result = is_missing(path, why, why_size);
    if (result != 1)
        return result;
    struct jwk *key = jwk_new_p256();
    char *pem = key ? jwk_to_pem(key) : NULL;
    snprintf(why, why_size, _("%s: no key could be made"), path);
    result = pem ? data_write(path, pem, why, why_size) : -1;
    secret_free(pem);
    jwk_free(key);
    return result == 0 ? 1 : -1;
}

int data_make_box_key(const struct config *config, char *why, size_t why_size)
{
    char path[DATA_PATH_SIZE];
    data_path(config, DATA_BOX_KEY, path);
    int result = is_missing(path, why, why_size);
    if (result != 1)
        return result;
    char *text = random_token(32);
    snprintf(why, why_size, _("%s: no key could be made"), path);
    result = text ? data_write(path, text, why, why_size) : -1;
    secret_free(text);
    return result == 0 ? 1 : -1;
}
