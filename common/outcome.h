/* The outcomes of an authentication, from outcome.def. libpam's codes are named only where PAM is included (the module). */
#ifndef OUTCOME_H
#define OUTCOME_H

#ifndef N_
#define N_(text) text
#endif

enum outcome {
#define OUTCOME(id, wire, state, pam, greeter, text, log) OUTCOME_##id,
#include "common/outcome.def"
#undef OUTCOME
    OUTCOME_COUNT
};

#endif
