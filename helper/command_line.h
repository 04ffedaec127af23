/* The person's own command, within the command line of the program that asks. */
#ifndef COMMAND_LINE_H
#define COMMAND_LINE_H

#include <stdbool.h>
#include <stddef.h>

#define COMMAND_LINE_CUT "\xe2\x80\xa6" /* "…" */

enum command_line {
    COMMAND_LINE_NONE, /* the program's own, which is nobody's business */
    COMMAND_LINE_SUDO, /* after the program's options and variables */
    COMMAND_LINE_DOAS, /* after its options */
    COMMAND_LINE_SU,   /* the value of -c, or what the shell is given */
};

/*
 * Writes the command, "" where there is none, as for a shell. line: the arguments with one blank
 * between, a blank within one as U+00A0, an empty one as '', and "…" at its end where it was cut
 * (docs/helper-protocol.md). False where it was cut before all that decides, and where su's shell
 * reads the value of -c as options.
 */
bool command_line_find(enum command_line kind, const char *line, char *out, size_t size);

#endif
