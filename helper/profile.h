/* What is known of the programs that ask: profile.def. */
#ifndef PROFILE_H
#define PROFILE_H

#include <stdbool.h>
#include <stddef.h>

enum show { SHOW_WAIT, SHOW_PROMPT };

enum { PROFILE_GREETER = 1 << 0, PROFILE_BLIND = 1 << 1, PROFILE_SELF = 1 << 2 };

struct profile {
    const char *service;
    enum show show;
    int wait;  /* seconds */
    int limit; /* seconds */
    unsigned flags;
    int line; /* characters, 0: any */
};

/* The row of a service; of "other" where it has none. */
const struct profile *profile_find(const char *service);

bool profile_is_known(const char *service);

/* The rows by index from 0, NULL at the end. */
const struct profile *profile_at(size_t index);

#endif
