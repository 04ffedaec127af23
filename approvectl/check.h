/* check: rules in tables, one table a subject; each finding says what is wrong and what to do. */
#ifndef CHECK_H
#define CHECK_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "approvectl/pam_stack.h"
#include "approvectl/reach.h"
#include "approvectl/sshd_config.h"
#include "common/command.h"
#include "helper/host.h"

#define CHECK_DETAIL 1024
#define CHECK_STACKS 128 /* services; what is beyond is a finding */
#define PAM_DIR "/etc/pam.d"
#define PAM_VENDOR_DIR "/usr/lib/pam.d" /* libpam's second place, below the first */
#define SNIPPET_DIR PREFIX "/share/pam_approve"

enum check_severity { CHECK_WARNING, CHECK_FAILURE };
enum check_verdict { CHECK_WELL, CHECK_FAULT, CHECK_SKIPPED };

struct check {
    const char *config, *pam_dir, *socket;
    bool json, faults_only;
    struct host *host; /* NULL where host.conf or what it names cannot be used */
    char host_why[CHECK_DETAIL];
    struct reach_server server;
    const char *new_service, *new_text;     /* a stack as it would be, or NULL */
    struct pam_stack *stacks[CHECK_STACKS]; /* that name pam_approve.so */
    size_t stack_count;
    struct pam_stack *others[CHECK_STACKS]; /* that do not */
    size_t other_count;
    char left_out[64];                  /* the first service that there was no room for, or "" */
    struct sshd_config sshd, sshd_root; /* for all and for root; read where sshd's stack asks */
    json_t *findings;
    int failures, warnings;
};

/* detail: what it is about, or what exactly is wrong; "" at first. */
typedef enum check_verdict check_test(struct check *check, const void *subject,
                                      char detail[CHECK_DETAIL]);

/* For tests: well or at fault. */
enum check_verdict check_verdict_of(bool well);

struct check_rule {
    const char *id;
    enum check_severity severity;
    check_test *test;
    const char *well;  /* said where all is well; NULL: nothing */
    const char *fault; /* what is wrong */
    const char *mend;  /* what to do */
};

/* The tables; each ends with id == NULL. */
extern const struct check_rule check_login_rules[]; /* what every login needs; subject: none */
extern const struct check_rule check_host_rules[];  /* this host's services; subject: none */
extern const struct check_rule check_pam_rules[];   /* subject: struct pam_stack */
extern const struct check_rule check_sshd_rules[];  /* subject: none, check->sshd */

/* Tests all rules of a table and reports. about: the service, or "". */
void check_apply(struct check *check, const struct check_rule *rules, const char *about,
                 const void *subject);

/* The tables for a man page (scdoc). */
void check_print_scdoc(FILE *out);

/* Takes --config, --pam-dir, --socket and --json of a call, where the command has them, and loads
 * host.conf; check_close frees all. */
void check_open(struct check *check, const struct command_call *call);
void check_close(struct check *check);

/* Reads sshd's configuration. */
void check_read_sshd(struct check *check);

/* Reads all stacks of this host. */
void check_read_stacks(struct check *check);

/* A file of pam.d as this check sees it (arg: the check): the new stack first. For free(). */
char *check_load(void *arg, const char *name);

/* The stack of a service that names pam_approve.so, or NULL. */
const struct pam_stack *check_find_stack(const struct check *check, const char *service);

/* What this stack's service asks, in words. */
void check_describe(const struct check *check, const struct pam_stack *stack, char *out,
                    size_t size);

#endif
