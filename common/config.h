/*
 * INI files by a table of options. One parser for host.conf and server.conf; --help and the man
 * pages are made from the same table.
 */
#ifndef CONFIG_H
#define CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "common/file.h"

enum config_type {
    CONFIG_TEXT,    /* low..high: length */
    CONFIG_INTEGER, /* low..high: value */
    CONFIG_BOOLEAN, /* yes, no */
    CONFIG_CHOICE,  /* one of `choices`, a list by spaces */
    CONFIG_LIST,    /* words by spaces or commas, kept as text */
};

/* Which end lets fewer in. Choices are ordered from lax to strict. */
enum config_stricter { CONFIG_NEITHER, CONFIG_HIGHER, CONFIG_LOWER };

struct config_option {
    const char *section; /* "service *": any [service NAME] */
    const char *key;
    enum config_type type;
    long low, high;
    const char *choices;
    const char *fallback; /* default as text; NULL: has none, must be asked with config_is_set */
    enum config_stricter stricter;
    const char *help; /* one sentence; N_("…") */
    /* NULL, or a further check of the value */
    bool (*check)(const char *value, char *why, size_t why_size);
};

struct config;

/*
 * Reads and checks a file. options ends with section == NULL. An unknown section or key, a key
 * twice, a value out of range, a file over 64 KiB: NULL, with "FILE:LINE: what is wrong; what is
 * allowed" in why.
 */
struct config *config_read(const char *path, enum file_trust trust,
                           const struct config_option *options, char *why, size_t why_size);

/* The same from a text; name stands for the file in messages. For tests and fuzzing. */
struct config *config_parse(const char *name, const char *text, const struct config_option *options,
                            char *why, size_t why_size);

void config_free(struct config *config);

/*
 * Values with the table's default. Section "service sshd" falls back to "service *"'s default.
 * Asking for an option that is not in the table aborts.
 */
const char *config_text(const struct config *config, const char *section, const char *key);
long config_integer(const struct config *config, const char *section, const char *key);
bool config_boolean(const struct config *config, const char *section, const char *key);
/* The index in choices. */
int config_choice(const struct config *config, const char *section, const char *key);
bool config_is_set(const struct config *config, const char *section, const char *key);
bool config_has_section(const struct config *config, const char *section);

/* Calls each for the words of a CONFIG_LIST, until it returns false. */
void config_each(const char *list, bool (*each)(void *arg, const char *word), void *arg);

/* Names of the sections that the file has, index from 0; NULL at the end. */
const char *config_section(const struct config *config, size_t index);

/* The table for people (`--help-options`), and as scdoc for the man page. */
void config_print_help(FILE *out, const struct config_option *options);
void config_print_scdoc(FILE *out, const struct config_option *options);

#endif
