/* The small readers: safe text, base64url, base32, codes, URLs. */
#include "common/base64url.h"
#include "common/https.h"
#include "common/sanitize.h"
#include "common/totp.h"
#include "tests/fuzz/fuzz.h"

static void check_sanitize(const char *text, size_t size)
{
    size_t room = size / 2 + 1;
    char *all = malloc(size + 1), *cut = malloc(room);

    size_t len = sanitize_text(all, size + 1, text);
    MUST(len == strlen(all) && sanitize_is_clean(all) && !sanitize_has_control(all));
    MUST(sanitize_is_clean(text) == (strcmp(all, text) == 0));
    MUST(sanitize_text(cut, room, text) < room && sanitize_is_clean(cut));
    MUST(strncmp(all, cut, strlen(cut)) == 0);
    free(all);
    free(cut);
}

static void check_base64url(const char *text, size_t size)
{
    unsigned char *bytes;
    size_t len;

    if (base64url_decode(text, size, &bytes, &len) < 0)
        return;
    char *again = base64url_encode(bytes, len);
    MUST(strlen(again) == size && memcmp(again, text, size) == 0);
    free(again);
    free(bytes);
}

static void check_base32(const char *text)
{
    unsigned char bytes[64];
    int len = totp_from_base32(text, bytes, sizeof(bytes));

    if (len < 0)
        return;
    char *again = totp_base32(bytes, (size_t)len);
    MUST(strcmp(again, text) == 0);
    free(again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = fuzz_text(data, size), why[256] = "";
    int code = totp_parse(text);

    check_sanitize(text, strlen(text));
    check_base64url(text, size);
    check_base32(text);
    MUST(code >= -1 && code <= 999999);
    MUST(https_url_allowed(text, why, sizeof(why)) == (why[0] == '\0'));
    free(text);
    return 0;
}
