/* Values of options: what config.c and config_help.c share. */
#ifndef CONFIG_VALUE_H
#define CONFIG_VALUE_H

#include "common/config.h"

enum { CONFIG_LINE_MAX = 8192 };

/* What is allowed, in words: "0 to 30", "yes, no". */
void config_describe(const struct config_option *option, char *out, size_t size);

/*
 * Checks the text of a value. *number gets the integer, 0 or 1, or the index of a choice.
 * Returns 0, or -1 with why.
 */
int config_value(const struct config_option *option, const char *text, long *number, char *why,
                 size_t why_size);

/* True where no row before this one is of the same section. */
bool config_section_is_first(const struct config_option *options, size_t row);

/* True where "service *" fits "service sshd", or both are equal. */
bool config_section_fits(const char *pattern, const char *section);

#endif
