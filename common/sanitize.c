#include "common/sanitize.h"

#include <stdint.h>
#include <string.h>

/* Length of the UTF-8 character at text (RFC 3629: shortest form, no surrogates), and its code; 0
 * where it is none. */
static size_t character_at(const unsigned char *text, uint32_t *code)
{
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    size_t len;

    if (text[0] < 0x80) {
        *code = text[0];
        return 1;
    }
    if ((text[0] & 0xe0) == 0xc0)
        len = 2;
    else if ((text[0] & 0xf0) == 0xe0)
        len = 3;
    else if ((text[0] & 0xf8) == 0xf0)
        len = 4;
    else
        return 0;

    uint32_t value = text[0] & (0x7fu >> len);
    for (size_t i = 1; i < len; i++) {
        if ((text[i] & 0xc0) != 0x80) /* the NUL at the end stops here too */
            return 0;
        value = value << 6 | (text[i] & 0x3fu);
    }
    if (value < least[len] || value > 0x10ffff || (value >= 0xd800 && value <= 0xdfff))
        return 0;
    *code = value;
    return len;
}

/* Ranges that could move the cursor, end a line, show text in another order than it is in, or are
 * not seen at all: two names would look the same. U+200C and U+200D stay, which Persian and emoji
 * are written with. phone/details.js has the same list. */
static bool is_unsafe(uint32_t code)
{
    static const struct {
        uint32_t first, last;
    } unsafe[] = {
        {0x00, 0x1f},     {0x7f, 0x9f},     {0xad, 0xad},     {0x061c, 0x061c},
        {0x180e, 0x180e}, {0x200b, 0x200b}, {0x200e, 0x200f}, {0x2028, 0x202e},
        {0x2060, 0x206f}, {0xfeff, 0xfeff}, {0xfff9, 0xfffb}, {0xe0000, 0xe007f},
    };

    for (size_t i = 0; i < sizeof(unsafe) / sizeof(unsafe[0]); i++)
        if (code >= unsafe[i].first && code <= unsafe[i].last)
            return true;
    return false;
}

size_t sanitize_text(char *dst, size_t size, const char *src)
{
    size_t used = 0;

    if (size == 0)
        return 0;
    for (const char *at = src ? src : ""; *at;) {
        uint32_t code = 0;
        size_t len = character_at((const unsigned char *)at, &code);
        bool good = len > 0 && !is_unsafe(code);
        size_t needed = good ? len : 1;

        if (used + needed >= size)
            break;
        if (good)
            memcpy(dst + used, at, len);
        else
            dst[used] = '?';
        used += needed;
        at += len > 0 ? len : 1;
    }
    dst[used] = '\0';
    return used;
}

bool sanitize_is_clean(const char *text)
{
    for (const char *at = text; *at;) {
        uint32_t code = 0;
        size_t len = character_at((const unsigned char *)at, &code);
        if (len == 0 || is_unsafe(code))
            return false;
        at += len;
    }
    return true;
}

bool sanitize_has_control(const char *text)
{
    for (; *text; text++) {
        unsigned char c = (unsigned char)*text;
        if (c < 0x20 || c == 0x7f)
            return true;
    }
    return false;
}

const char *sanitize_word(char *dst, size_t size, const char *src)
{
    sanitize_text(dst, size, *src ? src : "-");
    for (char *p = dst; *p; p++) {
        if (*p == ' ')
            *p = '_';
    }
    return dst;
}
