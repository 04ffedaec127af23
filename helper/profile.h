/* What is known of the programs that ask: profile.def. */
#ifndef PROFILE_H
#define PROFILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "helper/command_line.h"

enum show { SHOW_WAIT, SHOW_PROMPT };

enum {
    PROFILE_GREETER = 1 << 0,
    PROFILE_BLIND = 1 << 1,
    PROFILE_SELF = 1 << 2,
    PROFILE_NOBODY = 1 << 3,
    PROFILE_CALLER = 1 << 4,
    PROFILE_PLAIN = 1 << 5,
    PROFILE_LOCAL = 1 << 6,
    PROFILE_ERROR = 1 << 7
};

struct profile {
    const char *service;
    enum show show;
    int wait;  /* seconds */
    int limit; /* seconds */
    unsigned flags;
    int line; /* characters, 0: any */
    enum command_line command;
    const char *help; /* not translated */
};

/* The row of a service; of "other" where it has none. */
const struct profile *profile_find(const char *service);

bool profile_is_known(const char *service);

/* The table for a man page (scdoc). */
void profile_print_scdoc(FILE *out);

/* The rows by index from 0, NULL at the end. For tests. */
const struct profile *profile_at(size_t index);

#endif
