#include "common/totp.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdlib.h>
#include <string.h>

#include "common/random.h"

static const char BASE32[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

int totp_code(const unsigned char *secret, size_t len, int64_t step)
{
    unsigned char counter[8], mac[20];
    unsigned mac_len = 0;
    uint64_t left = (uint64_t)step;

    if (step < 0 || len == 0 || len > 128)
        return -1;
    for (int i = 7; i >= 0; i--, left >>= 8)
        counter[i] = (unsigned char)(left & 0xff);
    if (!HMAC(EVP_sha1(), secret, (int)len, counter, sizeof(counter), mac, &mac_len) ||
        mac_len != sizeof(mac)) {
        ERR_clear_error();
        return -1;
    }
    const unsigned char *at = mac + (mac[19] & 15);
    uint32_t word =
        (uint32_t)(at[0] & 0x7f) << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
    secret_wipe(mac, sizeof(mac));
    return (int)(word % 1000000);
}

int totp_find(const unsigned char *secret, size_t len, int64_t now, int code, int64_t *step)
{
    int64_t middle = now / TOTP_STEP, found = -1;

    if (now < TOTP_STEP || code < 0)
        return -1;
    /* Where two steps have the same code, the later counts: then neither can be used again. */
    for (int64_t at = middle - 1; at <= middle + 1; at++) {
        int right = totp_code(secret, len, at);
        if (right < 0)
            return -1;
        int64_t mask = -(int64_t)secret_equal(&right, &code, sizeof(code)); /* all ones, or 0 */
        found = (found & ~mask) | (at & mask);
    }
    if (found < 0)
        return 0;
    *step = found;
    return 1;
}

int totp_parse(const char *text)
{
    int code = 0, digits = 0;

    for (const char *at = text; *at; at++) {
        if (*at == ' ' && digits > 0 && digits < TOTP_DIGITS)
            continue;
        if (*at < '0' || *at > '9' || digits == TOTP_DIGITS)
            return -1;
        code = code * 10 + (*at - '0');
        digits++;
    }
    return digits == TOTP_DIGITS ? code : -1;
}

char *totp_base32(const unsigned char *secret, size_t len)
{
    char *text = len <= 128 ? malloc((len * 8 + 4) / 5 + 1) : NULL;
    char *at = text;
    uint32_t word = 0;
    int bits = 0;

    if (!text)
        return NULL;
    for (size_t i = 0; i < len; i++) {
        word = word << 8 | secret[i];
        for (bits += 8; bits >= 5; bits -= 5)
            *at++ = BASE32[word >> (bits - 5) & 31];
    }
    if (bits > 0)
        *at++ = BASE32[word << (5 - bits) & 31];
    *at = '\0';
    return text;
}

int totp_from_base32(const char *text, unsigned char *out, size_t size)
{
    uint32_t word = 0;
    int bits = 0, len = 0;
    size_t digits = strlen(text) % 8;

    if (digits == 1 || digits == 3 || digits == 6) /* lengths that no bytes have */
        return -1;
    for (; *text; text++) {
        const char *digit = strchr(BASE32, *text);
        if (!digit)
            return -1;
        word = word << 5 | (uint32_t)(digit - BASE32);
        bits += 5;
        if (bits >= 8) {
            bits -= 8;
            if ((size_t)len == size)
                return -1;
            out[len++] = (unsigned char)(word >> bits & 0xff);
        }
    }
    return word & ((1u << bits) - 1) ? -1 : len;
}
