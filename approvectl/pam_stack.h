/* PAM's configuration of one service: lines with includes resolved, as libpam reads them
 * (pam.d(5)). */
#ifndef PAM_STACK_H
#define PAM_STACK_H

#include <security/pam_appl.h>
#include <stdbool.h>
#include <stddef.h>

#define PAM_STACK_LINES 256 /* of one service, all phases */
#define PAM_STACK_DEPTH 16  /* files included in files */

enum pam_phase { PHASE_AUTH, PHASE_ACCOUNT, PHASE_SESSION, PHASE_PASSWORD, PHASE_COUNT };
extern const char *const pam_phases[]; /* by enum */

/* What a return code leads to. Above 0: so many lines are jumped over. */
enum {
    ACTION_IGNORE = 0,
    ACTION_OK = -1,
    ACTION_DONE = -2,
    ACTION_BAD = -3,
    ACTION_DIE = -4,
    ACTION_RESET = -5
};

struct pam_line {
    enum pam_phase phase;
    int actions[_PAM_RETURN_VALUES]; /* by PAM's code */
    char module[64];                 /* "pam_unix.so": the last part of its path */
    char path[256];                  /* as it stands there */
    char arguments[256];
    char control[128]; /* as it stands there, for people */
    char file[128];    /* where it stands */
    int number;
    int level;     /* 0; one more in each substack */
    bool substack; /* no module: here a substack begins, whose lines follow */
};

struct pam_stack {
    char service[64];
    struct pam_line lines[PAM_STACK_LINES];
    size_t count;
    enum pam_phase
        asks;        /* where pam_approve.so asks: password where that alone names it, or auth */
    char fault[384]; /* "FILE:LINE: what is wrong", of the first thing that libpam cannot use, or ""
                      */
};

/* Gives the text of a file of pam.d by its name (or path), new, for free(); NULL where it is not
 * there. */
typedef char *pam_stack_load(void *arg, const char *name);

/* Reads a service's stack. Returns 0, also with a fault; -1 where there is no such service. */
int pam_stack_read(struct pam_stack *stack, const char *service, pam_stack_load *load, void *arg);

/* Loads from a directory, given as arg. */
char *pam_stack_load_file(void *directory, const char *name);

/* True where the line's arguments have the word. */
bool pam_line_has(const struct pam_line *line, const char *word);

#endif
