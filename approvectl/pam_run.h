/*
 * Follows a PAM stack as libpam's dispatcher does, without running any module: for every way that
 * the modules can answer, who is asked, and who gets in.
 */
#ifndef PAM_RUN_H
#define PAM_RUN_H

#include "approvectl/pam_stack.h"

/* What a module is, as far as it matters here. */
enum pam_kind {
    KIND_FACTOR,    /* checks something that only the user has or knows: a first factor */
    KIND_CONDITION, /* succeeds or fails by who, where or when */
    KIND_NEUTRAL,   /* sets something up; counts as succeeding */
    KIND_PERMIT,    /* always succeeds */
    KIND_DENY,      /* never does */
    KIND_PROBE,     /* pam_approve.so check=publickey: succeeds after a public key */
    KIND_APPROVE,
};

enum pam_kind pam_kind_of(const struct pam_line *line);

/* True for a module that succeeds for some and fails for others: a factor, a condition or a probe;
 * and what else leads elsewhere when it fails. */
bool pam_varies(const struct pam_line *line);

/* How the modules answer in one run: by kind, and for factors and conditions by line. */
struct pam_answers {
    bool succeeds[PAM_STACK_LINES]; /* of lines that vary */
    int approve;                    /* PAM's code */
    int failure;                    /* PAM's code of lines that vary and fail; 0: PAM_AUTH_ERR */
};

struct pam_outcome {
    int code;                     /* PAM's code of the whole */
    bool asked;                   /* pam_approve.so was reached */
    bool before[PAM_STACK_LINES]; /* lines that ran before it, or in all where it was not reached */
    size_t past; /* where it was not reached: the line that led past it; else stack->count */
};

/* The first line whose answers pam_run_all does not try, or NULL. */
const struct pam_line *pam_run_untried(const struct pam_stack *stack);

/*
 * The next code above `code` (PAM_SUCCESS at first) by which lines that vary can fail and lead
 * elsewhere than by PAM_AUTH_ERR; PAM_AUTH_ERR itself is among them. PAM_SUCCESS at the end.
 */
int pam_run_next_failure(const struct pam_stack *stack, int code);

/* One run of the phase that asks. */
void pam_run(const struct pam_stack *stack, const struct pam_answers *answers,
             struct pam_outcome *outcome);

/*
 * Calls `each` for every way that the lines that vary can answer (the first 12 of them both ways,
 * the rest failing), with pam_approve.so answering `approve` and what fails `failure`, until it
 * returns false.
 */
void pam_run_all(const struct pam_stack *stack, int approve, int failure,
                 bool (*each)(void *arg, const struct pam_answers *answers,
                              const struct pam_outcome *outcome),
                 void *arg);

#endif
