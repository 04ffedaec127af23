#include "tests/fuzz/expand.h"

#include <stdarg.h>

#include "tests/fuzz/fuzz.h"

#define DEPTH_MOST 8

struct expansion {
    const struct expand_word *words;
    void *arg;
};

static void add(char **out, size_t *len, const char *text, size_t more)
{
    if (more > EXPAND_MAX - *len)
        more = EXPAND_MAX - *len;
    *out = realloc(*out, *len + more + 1);
    MUST(*out);
    memcpy(*out + *len, text, more);
    *len += more;
    (*out)[*len] = '\0';
}

/* The word whose name stands at text, before '>' or '|'. */
static const struct expand_word *find(const struct expand_word *words, const char *text)
{
    size_t len = strcspn(text, "<>|");

    for (; words->name; words++)
        if (strlen(words->name) == len && memcmp(words->name, text, len) == 0)
            return words;
    return NULL;
}

/* Reads *at up to its end, or up to the '>' that ends a word. */
static char *expand_part(const struct expansion *expansion, const char **at, int depth)
{
    char *out = calloc(1, 1);
    size_t len = 0;

    MUST(out);
    while (**at && (depth == 0 || **at != '>')) {
        const struct expand_word *word =
            **at == '<' && depth < DEPTH_MOST ? find(expansion->words, *at + 1) : NULL;
        char *inner = NULL, *made;

        if (!word) {
            add(&out, &len, (*at)++, 1);
            continue;
        }
        *at += 1 + strlen(word->name);
        if (**at == '|') {
            ++*at;
            inner = expand_part(expansion, at, depth + 1);
        }
        *at += **at == '>';
        made = word->make(expansion->arg, inner);
        if (made)
            add(&out, &len, made, strlen(made));
        free(made);
        free(inner);
    }
    return out;
}

char *expand(const char *text, const struct expand_word *words, void *arg)
{
    const struct expansion expansion = {words, arg};

    return expand_part(&expansion, &text, 0);
}

char *expand_print(const char *format, ...)
{
    char *text = NULL;
    va_list list;

    va_start(list, format);
    MUST(vasprintf(&text, format, list) >= 0);
    va_end(list);
    return text;
}
