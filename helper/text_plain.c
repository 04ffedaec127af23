#include <string.h>

#include "helper/text.h"

/* U+00C0 to U+00FF without their accents; a space where one letter will not do. */
static const char latin[] = "AAAAAA CEEEEIIIIDNOOOOO OUUUUY  "
                            "aaaaaa ceeeeiiiidnooooo ouuuuy y";

/* None is longer than what it stands for, in bytes. */
static const struct {
    const char *letter, *plain;
} others[] = {
    {"\302\240", " "},      {"\302\253", "\""},     {"\302\273", "\""},      {"\303\206", "AE"},
    {"\303\237", "ss"},     {"\303\246", "ae"},     {"\305\222", "OE"},      {"\305\223", "oe"},
    {"\342\200\223", "-"},  {"\342\200\224", "-"},  {"\342\200\230", "'"},   {"\342\200\231", "'"},
    {"\342\200\234", "\""}, {"\342\200\235", "\""}, {"\342\200\246", "..."}, {"\342\200\257", " "},
};

/* Writes what stands for the letter at `at`, and moves both on. False where nothing does. */
static bool put_plain(const char **at, char **out)
{
    unsigned char first = (unsigned char)(*at)[0], second = (unsigned char)(*at)[1];

    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        size_t len = strlen(others[i].letter);

        if (strncmp(*at, others[i].letter, len) == 0) {
            *at += len;
            memcpy(*out, others[i].plain, strlen(others[i].plain));
            *out += strlen(others[i].plain);
            return true;
        }
    }
    if (first != 0xc3 || second < 0x80 || second > 0xbf || latin[second - 0x80] == ' ')
        return false;
    *(*out)++ = latin[second - 0x80];
    *at += 2;
    return true;
}

bool text_make_plain(char *text)
{
    const char *at = text;
    char *out = text;

    while (*at != 0) {
        if ((unsigned char)*at < 0x80)
            *out++ = *at++;
        else if (!put_plain(&at, &out))
            return false;
    }
    *out = 0;
    return true;
}
