/* Other programs: run to their end, or left running on their own. */
#ifndef RUN_H
#define RUN_H

#include <stdbool.h>
#include <stddef.h>

/*
 * Runs a program (argv[0] is a path) for at most 30 s, without a shell or standard input. Returns
 * its exit status with what it said, on both streams, in out (cut to size, NUL-terminated); -1 with
 * the reason there where it could not be run or did not end.
 */
int run_program(const char *const argv[], char *out, size_t size);

/* Starts this program anew with other arguments, in a session of its own, without a terminal: it
 * outlives the caller's login. 0, or -1 with errno. */
int run_detached(char *const argv[]);

/* Is systemd process 1 (sd_booted(3))? */
bool run_has_systemd(void);

#endif
