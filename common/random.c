#include "common/random.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/resource.h>

#include "common/base64url.h"

enum { TOKEN_MAX = 64 };

int random_bytes(void *buf, size_t len)
{
    unsigned char *at = buf;
    size_t left = len;

    while (left > 0) {
        ssize_t got = getrandom(at, left, 0);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0) {
            secret_wipe(buf, len);
            return -1;
        }
        at += got;
        left -= (size_t)got;
    }
    return 0;
}

char *random_token(size_t bytes)
{
    enum { MINUS = 62 }; /* the value of "-", RFC 4648, section 5 */
    unsigned char buf[TOKEN_MAX] = {MINUS << 2};
    char *token = NULL;

    if (bytes == 0 || bytes > sizeof(buf))
        return NULL;
    do {
        if (random_bytes(buf, bytes) < 0)
            break;
    } while (buf[0] >> 2 == MINUS);
    if (buf[0] >> 2 != MINUS)
        token = base64url_encode(buf, bytes);
    secret_wipe(buf, sizeof(buf));
    return token;
}

int random_between(int low, int high)
{
    if (low < 0 || high < low)
        return -1;
    uint32_t span = (uint32_t)high - (uint32_t)low + 1;
    uint32_t fair =
        UINT32_MAX -
        UINT32_MAX % span; /* a multiple of span: what is above would favour low values */
    uint32_t value;

    do {
        if (random_bytes(&value, sizeof(value)) < 0)
            return -1;
    } while (value >= fair);
    return low + (int)(value % span);
}

void secret_wipe(void *buf, size_t len)
{
    if (buf)
        OPENSSL_cleanse(buf, len);
}

void secret_free(char *text)
{
    if (!text)
        return;
    secret_wipe(text, strlen(text));
    free(text);
}

void secret_keep(void)
{
    const struct rlimit none = {0, 0};

    setrlimit(RLIMIT_CORE, &none);
#ifndef __SANITIZE_ADDRESS__
    prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
#endif
}

int secret_equal(const void *a, const void *b, size_t len)
{
    return CRYPTO_memcmp(a, b, len) == 0;
}
