/* Lines that the person types. */
#ifndef ASK_H
#define ASK_H

#include <stdbool.h>
#include <stddef.h>

/* Asks and waits for one line of standard input. Returns false at its end. */
bool ask_line(const char *prompt, char *line, size_t size);

/* Asks on a terminal; true for "y" or "yes". Without a terminal nobody is there to say yes. */
bool ask_yes(const char *question);

/* Standard input, beside other things to wait for. */
struct ask_reader {
    char text[256];
    size_t len;
    bool skipping; /* the rest of a line that is too long */
    bool ended;
};

/* Reads what is there; call it when poll says so. */
void ask_read(struct ask_reader *reader);

/* Takes the next whole line, blanks around it removed. An overlong line comes as "?". False where
 * there is none yet. */
bool ask_take(struct ask_reader *reader, char *line, size_t size);

/* Forgets what was typed so far, where a person types: it was meant for what stood there before. */
void ask_forget(struct ask_reader *reader);

#endif
