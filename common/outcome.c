#include "common/outcome.h"

#include <string.h>

/* The PAM codes are the module's affair: here their columns are dropped unread. */
static const struct {
    const char *wire, *user_text, *log_text;
} outcomes[] = {
#define OUTCOME(id, wire, pam, greeter, text, log) {wire, text, log},
#include "common/outcome.def"
#undef OUTCOME
};

const char *outcome_wire(enum outcome outcome)
{
    return outcomes[outcome].wire;
}

const char *outcome_user_text(enum outcome outcome)
{
    return outcomes[outcome].user_text;
}

const char *outcome_log_text(enum outcome outcome)
{
    return outcomes[outcome].log_text;
}

enum outcome outcome_by_wire(const char *wire)
{
    int i = 0;

    while (i < OUTCOME_COUNT && strcmp(outcomes[i].wire, wire) != 0)
        i++;
    return (enum outcome)i;
}
