/* The outcomes of an authentication, from outcome.def. libpam's codes are named only where PAM is
 * included (the module). */
#ifndef OUTCOME_H
#define OUTCOME_H

#ifndef N_
#define N_(text) text
#endif

enum outcome {
#define OUTCOME(id, wire, pam, greeter, text, log) OUTCOME_##id,
#include "common/outcome.def"
#undef OUTCOME
    OUTCOME_COUNT
};

/* Columns of the table, by outcome. Texts are not translated yet: _(outcome_user_text(o)). */
const char *outcome_wire(enum outcome outcome);
const char *outcome_user_text(enum outcome outcome); /* or NULL */
const char *outcome_log_text(enum outcome outcome);

/* The outcome with this wire name, or OUTCOME_COUNT. For tests. */
enum outcome outcome_by_wire(const char *wire);

#endif
