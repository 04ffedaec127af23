#include "common/i18n.h"

#include <endian.h>
#include <locale.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* The GNU MO format, as msgfmt writes it on any machine: little-endian. */
#define MO_MAGIC 0x950412de
#define MO_HEADER                                                                                  \
    28 /* bytes: magic, revision, count, where the originals and the translations are */
#define CATALOGUE_BYTES (1024 * 1024)
#define LANGUAGES 32
#define LANGUAGE_SIZE 16 /* "fr", "pt_BR" */

struct catalogue {
    char *data;
    size_t size;
    uint32_t count, originals, translations; /* tables of {length, place} */
};

static const struct catalogue *spoken;

static uint32_t number_at(const struct catalogue *catalogue, size_t place)
{
    uint32_t number;

    memcpy(&number, catalogue->data + place, sizeof number);
    return le32toh(number);
}

static const char *string_at(const struct catalogue *catalogue, uint32_t table, uint32_t index)
{
    return catalogue->data + number_at(catalogue, table + index * 8 + 4);
}

/* Every string lies within the file and ends in a NUL byte there. */
static bool table_is_whole(const struct catalogue *catalogue, uint32_t table)
{
    if (table > catalogue->size || (catalogue->size - table) / 8 < catalogue->count)
        return false;
    for (uint32_t i = 0; i < catalogue->count; i++) {
        uint64_t length = number_at(catalogue, table + i * 8);
        uint64_t end = length + number_at(catalogue, table + i * 8 + 4);

        if (end >= catalogue->size || catalogue->data[end] != 0)
            return false;
    }
    return true;
}

static bool is_sorted(const struct catalogue *catalogue)
{
    for (uint32_t i = 1; i < catalogue->count; i++) {
        if (strcmp(string_at(catalogue, catalogue->originals, i - 1),
                   string_at(catalogue, catalogue->originals, i)) >= 0)
            return false;
    }
    return true;
}

struct catalogue *catalogue_new(char *data, size_t size)
{
    struct catalogue *catalogue = calloc(1, sizeof *catalogue);

    if (catalogue == NULL || size < MO_HEADER || size > CATALOGUE_BYTES) {
        free(catalogue);
        free(data);
        return NULL;
    }
    *catalogue = (struct catalogue){.data = data, .size = size};
    catalogue->count = number_at(catalogue, 8);
    catalogue->originals = number_at(catalogue, 12);
    catalogue->translations = number_at(catalogue, 16);
    if (number_at(catalogue, 0) == MO_MAGIC && number_at(catalogue, 4) >> 16 == 0 &&
        table_is_whole(catalogue, catalogue->originals) &&
        table_is_whole(catalogue, catalogue->translations) && is_sorted(catalogue))
        return catalogue;
    catalogue_free(catalogue);
    return NULL;
}

void catalogue_free(struct catalogue *catalogue)
{
    if (catalogue != NULL)
        free(catalogue->data);
    free(catalogue);
}

size_t catalogue_count(const struct catalogue *catalogue)
{
    return catalogue->count;
}

void i18n_speak(const struct catalogue *catalogue)
{
    spoken = catalogue;
}

const char *i18n_text(const char *text)
{
    uint32_t low = 0, high = spoken != NULL ? spoken->count : 0;

    if (text[0] == 0) /* the catalogue's header */
        return text;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        int order = strcmp(text, string_at(spoken, spoken->originals, middle));

        if (order == 0) {
            const char *translated = string_at(spoken, spoken->translations, middle);
            return translated[0] != 0 ? translated : text;
        }
        if (order < 0)
            high = middle;
        else
            low = middle + 1;
    }
    return text;
}

/* --- which language --- */

bool i18n_is_locale(const char *name)
{
    size_t len = strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
                              "_.@-");

    return len >= 2 && len <= 32 && name[len] == 0 && strcmp(name, "POSIX") != 0 &&
           strncmp(name, "C.", 2) != 0;
}

static struct catalogue *read_catalogue(const char *language)
{
    char path[sizeof PREFIX + 64];
    char *data = NULL;
    size_t size = 0;
    FILE *file;

    snprintf(path, sizeof path, PREFIX "/share/locale/%s/LC_MESSAGES/pam_approve.mo", language);
    file = fopen(path, "re");
    if (file == NULL)
        return NULL;
    data = malloc(CATALOGUE_BYTES + 1);
    if (data != NULL)
        size = fread(data, 1, CATALOGUE_BYTES + 1, file);
    fclose(file);
    return data != NULL ? catalogue_new(data, size) : NULL;
}

static const struct catalogue *find_language(const char *language)
{
    static struct {
        char name[LANGUAGE_SIZE];
        struct catalogue *catalogue;
    } known[LANGUAGES];
    size_t i = 0;

    while (i < LANGUAGES && known[i].catalogue != NULL && strcmp(known[i].name, language) != 0)
        i++;
    if (i == LANGUAGES)
        return NULL;
    if (known[i].catalogue == NULL) {
        strcpy(known[i].name, language);
        known[i].catalogue = read_catalogue(language);
    }
    return known[i].catalogue;
}

/* The catalogues are in UTF-8; a locale that names no codeset is taken for it. */
static bool is_utf8(const char *locale)
{
    const char *codeset = strchr(locale, '.');

    return codeset == NULL || strcasecmp(codeset, ".UTF-8") == 0 ||
           strcasecmp(codeset, ".utf8") == 0;
}

bool i18n_find(const char *locale, const struct catalogue **catalogue)
{
    char language[LANGUAGE_SIZE];
    size_t len = strcspn(locale, ".@"), short_len = strcspn(locale, "_.@-");

    *catalogue = NULL;
    if (!i18n_is_locale(locale) || !is_utf8(locale) || len >= sizeof language || short_len < 2)
        return false;
    memcpy(language, locale, len);
    language[len] = 0;
    *catalogue = find_language(language);
    language[short_len] = 0;
    if (*catalogue == NULL && short_len < len)
        *catalogue = find_language(language);
    return *catalogue != NULL || strcmp(language, "en") == 0;
}

static const char *environment_locale(void)
{
    static const char *const names[] = {"LC_ALL", "LC_MESSAGES", "LANG"};
    const char *value = NULL;

    for (size_t i = 0; i < sizeof names / sizeof *names && (value == NULL || *value == 0); i++)
        value = getenv(names[i]);
    return value != NULL && i18n_is_locale(value) ? value : NULL;
}

void i18n_start(void)
{
    const char *locale = environment_locale(), *list = getenv("LANGUAGE");
    const struct catalogue *catalogue = NULL;
    bool found = false;

    if (setlocale(LC_ALL, "") == NULL) /* not generated here: letters are UTF-8 all the same */
        setlocale(LC_ALL, "C.UTF-8");
    if (locale == NULL)
        return;
    while (list != NULL && *list != 0 && !found) {
        size_t len = strcspn(list, ":");
        char word[33];

        snprintf(word, sizeof word, "%.*s", (int)(len < 32 ? len : 32), list);
        found = i18n_find(word, &catalogue);
        list += len + (list[len] == ':');
    }
    if (!found)
        i18n_find(locale, &catalogue);
    i18n_speak(catalogue);
}
