#include "common/base64url.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static const char ALPHABET[] = BASE64URL_ALPHABET;

bool base64url_is_sha256(const char *text)
{
    return strlen(text) == BASE64URL_SHA256 && text[strspn(text, ALPHABET)] == '\0';
}

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

/* The digits' values plus one; 0 for all other bytes. */
static const unsigned char VALUES[256] = {
    ['A'] = 1,  ['B'] = 2,  ['C'] = 3,  ['D'] = 4,  ['E'] = 5,  ['F'] = 6,  ['G'] = 7,  ['H'] = 8,
    ['I'] = 9,  ['J'] = 10, ['K'] = 11, ['L'] = 12, ['M'] = 13, ['N'] = 14, ['O'] = 15, ['P'] = 16,
    ['Q'] = 17, ['R'] = 18, ['S'] = 19, ['T'] = 20, ['U'] = 21, ['V'] = 22, ['W'] = 23, ['X'] = 24,
    ['Y'] = 25, ['Z'] = 26, ['a'] = 27, ['b'] = 28, ['c'] = 29, ['d'] = 30, ['e'] = 31, ['f'] = 32,
    ['g'] = 33, ['h'] = 34, ['i'] = 35, ['j'] = 36, ['k'] = 37, ['l'] = 38, ['m'] = 39, ['n'] = 40,
    ['o'] = 41, ['p'] = 42, ['q'] = 43, ['r'] = 44, ['s'] = 45, ['t'] = 46, ['u'] = 47, ['v'] = 48,
    ['w'] = 49, ['x'] = 50, ['y'] = 51, ['z'] = 52, ['0'] = 53, ['1'] = 54, ['2'] = 55, ['3'] = 56,
    ['4'] = 57, ['5'] = 58, ['6'] = 59, ['7'] = 60, ['8'] = 61, ['9'] = 62, ['-'] = 63, ['_'] = 64,
};

/* Four digits as 24 bits; more than that where one is none. */
static uint32_t four_digits(const unsigned char *text)
{
    uint32_t a = VALUES[text[0]] - 1u, b = VALUES[text[1]] - 1u, c = VALUES[text[2]] - 1u,
             d = VALUES[text[3]] - 1u;

    return (a | b | c | d) > 63 ? UINT32_MAX : a << 18 | b << 12 | c << 6 | d;
}

int base64url_decode(const char *text, size_t text_len, unsigned char **out, size_t *out_len)
{
    const unsigned char *in = (const unsigned char *)text;
    uint32_t word = 0;
    int bits = 0;
    size_t len = 0, i = 0;

    *out = NULL;
    *out_len = 0;
    if (text_len % 4 == 1)
        return -1;
    unsigned char *bytes = malloc(text_len / 4 * 3 + 3);
    if (!bytes)
        return -1;

    for (; i + 4 <= text_len; i += 4) {
        uint32_t four = four_digits(in + i);
        if (four == UINT32_MAX)
            goto refused;
        bytes[len++] = (unsigned char)(four >> 16);
        bytes[len++] = (unsigned char)(four >> 8 & 0xff);
        bytes[len++] = (unsigned char)(four & 0xff);
    }
    for (; i < text_len; i++) {
        uint32_t value = VALUES[in[i]] - 1u;
        if (value > 63)
            goto refused;
        word = word << 6 | value;
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
