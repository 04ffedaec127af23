/* The person's own command, within the command line of the program that asks. */
#ifndef COMMAND_LINE_H
#define COMMAND_LINE_H

enum command_line {
    COMMAND_LINE_NONE, /* the program's own, which is nobody's business */
    COMMAND_LINE_SUDO, /* sudo, doas: after the program's options and variables */
    COMMAND_LINE_SU,   /* su: what follows -c */
};

/* Points into line (words with one blank between) to where the command begins; to its end where
 * there is none, as for a shell. */
const char *command_line_find(enum command_line kind, const char *line);

#endif
