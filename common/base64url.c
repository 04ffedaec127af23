#include "common/base64url.h"

#include <stdint.h>
#include <stdlib.h>

static const char ALPHABET[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

char *base64url_encode(const void *data, size_t len)
{
    const unsigned char *in = data;

    if (len > SIZE_MAX / 4 * 3 - 4)
        return NULL;
    char *out = malloc(len / 3 * 4 + 5);
    if (!out)
        return NULL;

    char *at = out;
    for (size_t i = 0; i < len; i += 3) {
        size_t rest = len - i;
        uint32_t word = (uint32_t)in[i] << 16;
        if (rest > 1)
            word |= (uint32_t)in[i + 1] << 8;
        if (rest > 2)
            word |= in[i + 2];
        *at++ = ALPHABET[word >> 18];
        *at++ = ALPHABET[word >> 12 & 63];
        if (rest > 1)
            *at++ = ALPHABET[word >> 6 & 63];
        if (rest > 2)
            *at++ = ALPHABET[word & 63];
    }
    *at = '\0';
    return out;
}

static int digit_value(char c)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    if (c == '-')
        return 62;
    return c == '_' ? 63 : -1;
}

int base64url_decode(const char *text, size_t text_len, unsigned char **out, size_t *out_len)
{
    uint32_t word = 0;
    int bits = 0;
    size_t len = 0;

    *out = NULL;
    *out_len = 0;
    if (text_len % 4 == 1)
        return -1;
    unsigned char *bytes = malloc(text_len / 4 * 3 + 3);
    if (!bytes)
        return -1;

    for (size_t i = 0; i < text_len; i++) {
        int value = digit_value(text[i]);
        if (value < 0)
            goto refused;
        word = word << 6 | (uint32_t)value;
        bits += 6;
        if (bits >= 8) {
            bits -= 8;
            bytes[len++] = (unsigned char)(word >> bits & 0xff);
        }
    }
    if (word & ((1u << bits) - 1)) /* two texts must never mean the same bytes */
        goto refused;
    bytes[len] = '\0';
    *out = bytes;
    *out_len = len;
    return 0;

refused:
    free(bytes);
    return -1;
}
