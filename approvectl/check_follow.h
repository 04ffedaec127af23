/* Looks through all ways that a stack's modules can answer, for what the rules ask about. */
#ifndef CHECK_FOLLOW_H
#define CHECK_FOLLOW_H

#include <stdbool.h>

#include "approvectl/check.h"
#include "approvectl/pam_run.h"

#define CHECK_MODULE "pam_approve.so"

/* What one look through all ways collects. */
struct survey {
    const struct pam_stack *stack;
    bool opens;                   /* a way in exists, through the approval */
    const struct pam_line *loses; /* failed, and the phone was asked all the same */
    const struct pam_line *skips; /* led past the approval, and in */
    const struct pam_line *may;   /* the same, by a condition that some meet and some do not */
    bool open_without_factor, open_unapproved;
    bool spares[PAM_STACK_LINES]; /* conditions: who does not meet it is asked, and gets in */
    bool exempt;                  /* who is not asked gets in wherever an approval lets in */
};

struct survey check_follow(const struct pam_stack *stack);

/* The first line of this kind in the phase that asks, outside of substacks, or NULL. */
const struct pam_line *check_find_kind(const struct pam_stack *stack, enum pam_kind kind);

#endif
