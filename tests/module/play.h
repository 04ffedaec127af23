/* Tests that are rows: what the helper does, what comes of it. */
#ifndef PLAY_H
#define PLAY_H

#include "tests/module/client.h"
#include "tests/module/fake_helper.h"

struct row {
    const char *words; /* the test's name */
    struct login login;
    struct step steps[STEPS];
    int code;
    const char *drawn; /* exactly */
    const char *log;   /* a part of it */
    int most_ms;       /* 0: 1000 */
    int least_ms;
    int delay_ms; /* asked of pam_fail_delay; libpam varies it by half */
};

/* Plays one row: the helper's script, the login, and every promise of the row. */
void play_row(const struct row *row);

/* The rows as tests of one group. Returns the failures. */
int play_rows(const char *group, const struct row *rows, size_t count);

#endif
