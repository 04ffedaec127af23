#include "common/config_value.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/i18n.h"
#include "common/nearest.h"

enum { SECTION_NAME_MAX = 64 };

static const char SECTION_LETTERS[] =
    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._@+-";

bool config_section_fits(const char *pattern, const char *section)
{
    size_t stem = strlen(pattern) - 1;

    if (pattern[stem] != '*')
        return strcmp(pattern, section) == 0;
    if (strncmp(pattern, section, stem) != 0)
        return false;
    size_t len = strlen(section + stem);
    return len > 0 && len <= SECTION_NAME_MAX && strspn(section + stem, SECTION_LETTERS) == len;
}

bool config_section_is_first(const struct config_option *options, size_t row)
{
    for (size_t i = 0; i < row; i++)
        if (strcmp(options[i].section, options[row].section) == 0)
            return false;
    return true;
}

/* The word at *at of len bytes, and moves on to the next; false at the end. */
static bool next_word(const char **at, size_t *len, const char **word)
{
    *word = *at + strspn(*at, " ,\t");
    *len = strcspn(*word, " ,\t");
    *at = *word + *len;
    return *len > 0;
}

void config_describe(const struct config_option *option, char *out, size_t size)
{
    const char *at = option->choices, *word;
    size_t len, used = 0;

    switch (option->type) {
    case CONFIG_TEXT:
        if (option->low == option->high)
            snprintf(out, size, _("text of %ld bytes"), option->low);
        else
            snprintf(out, size, _("text of %ld to %ld bytes"), option->low, option->high);
        break;
    case CONFIG_INTEGER:
        snprintf(out, size, _("%ld to %ld"), option->low, option->high);
        break;
    case CONFIG_BOOLEAN:
        snprintf(out, size, "yes, no");
        break;
    case CONFIG_CHOICE:
        out[0] = '\0';
        while (used < size && next_word(&at, &len, &word)) {
            int more =
                snprintf(out + used, size - used, "%s%.*s", used ? ", " : "", (int)len, word);
            used += more > 0 ? (size_t)more : size;
        }
        break;
    case CONFIG_LIST:
        snprintf(out, size, _("words, separated by spaces or commas"));
        break;
    }
}

static int read_integer(const char *text, long *number)
{
    const char *digits = text + (*text == '-');
    char *end;

    if (*digits < '0' || *digits > '9')
        return -1;
    errno = 0;
    *number = strtol(text, &end, 10);
    return errno == 0 && *end == '\0' ? 0 : -1;
}

/* The index of text in a list of words, or -1. */
static long index_of(const char *words, const char *text)
{
    const char *word;
    size_t len;

    for (long i = 0; next_word(&words, &len, &word); i++)
        if (strlen(text) == len && strncmp(word, text, len) == 0)
            return i;
    return -1;
}

/* Does the text have the option's form, and is it within its range? */
static bool is_in_range(const struct config_option *option, const char *text, long *number)
{
    long len = (long)strlen(text);

    *number = 0;
    switch (option->type) {
    case CONFIG_TEXT:
        return len >= option->low && len <= option->high;
    case CONFIG_INTEGER:
        return read_integer(text, number) == 0 && *number >= option->low && *number <= option->high;
    case CONFIG_BOOLEAN:
        *number = index_of("no yes", text);
        return *number >= 0;
    case CONFIG_CHOICE:
        *number = index_of(option->choices, text);
        return *number >= 0;
    case CONFIG_LIST:
        return option->high == 0 || (len >= option->low && len <= option->high);
    }
    return false;
}

/* "nubmer: did you mean number?" for one of a few words; any other value could be a secret. */
static void hint_at_choice(const struct config_option *option, const char *text, char *out,
                           size_t size)
{
    const char *words = option->choices, *word;
    char copy[64], best[64] = "";
    struct nearest nearest;
    size_t len;

    out[0] = '\0';
    nearest_start(&nearest, text);
    while (option->type == CONFIG_CHOICE && next_word(&words, &len, &word)) {
        snprintf(copy, sizeof(copy), "%.*s", (int)len, word);
        nearest.best = NULL;
        nearest_offer(&nearest, copy);
        if (nearest.best)
            memcpy(best, copy, sizeof(best));
    }
    if (best[0])
        snprintf(out, size, _(" (did you mean %s?)"), best);
}

int config_value(const struct config_option *option, const char *text, long *number, char *why,
                 size_t why_size)
{
    char allowed[256], reason[256] = "";

    if (!is_in_range(option, text, number)) {
        config_describe(option, allowed, sizeof(allowed));
        hint_at_choice(option, text, reason, sizeof(reason));
        snprintf(why, why_size, _("%s cannot be this%s; allowed: %s"), option->key, reason,
                 allowed);
        return -1;
    }
    if (option->check && !option->check(text, reason, sizeof(reason))) {
        config_describe(option, allowed, sizeof(allowed));
        snprintf(why, why_size, "%s: %s; allowed: %s", option->key, reason, allowed);
        return -1;
    }
    return 0;
}

void config_each(const char *list, bool (*each)(void *arg, const char *word), void *arg)
{
    char copy[CONFIG_LINE_MAX];
    const char *word;
    size_t len;

    while (next_word(&list, &len, &word)) {
        if (len >= sizeof(copy)) /* no line of a file has it */
            abort();
        memcpy(copy, word, len);
        copy[len] = '\0';
        if (!each(arg, copy))
            return;
    }
}
