/* Inputs with words in them, for what no fuzzer finds by itself: signatures, hashes, the time. */
#ifndef EXPAND_H
#define EXPAND_H

#include <stddef.h>

/* `<name>` or `<name|text>` stands for what make returns, a new string, or NULL for nothing. text
 * is expanded before, and NULL in the short form. */
struct expand_word {
    const char *name; /* NULL at the end */
    char *(*make)(void *arg, const char *text);
};

/* text with every word of the table in the place of its name, and all else as it is. At most
 * EXPAND_MAX bytes; the rest is cut off. A new string. */
#define EXPAND_MAX 65536
char *expand(const char *text, const struct expand_word *words, void *arg);

/* What a word's make returns, by printf's format. A new string. */
char *expand_print(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
