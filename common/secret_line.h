/* A secret that a command is given: not in its arguments, which every user of the machine can read
 * in /proc while it runs. */
#ifndef SECRET_LINE_H
#define SECRET_LINE_H

#include <stddef.h>

/*
 * Writes the secret to out (size bytes; wiped by the caller): the argument, which is overwritten at
 * once where it stands; without one (NULL, or "-") the next line of standard input, which a
 * terminal asks for by `prompt` and does not show. Blanks around it are left out. Returns 0, or -1
 * where there is none, or none that fits; out is "" then.
 */
int secret_line(char *argument, const char *prompt, char *out, size_t size);

/*
 * Asks standard input, a terminal, for a line that it does not show, and writes it to out as it was
 * typed (size bytes; wiped by the caller). The terminal shows the typing again afterwards, also
 * where a signal ends the program. Returns 0, or -1.
 */
int secret_line_unseen(const char *prompt, char *out, size_t size);

#endif
