/* A PAM application of the tests' own: it loads build/pam_approve.so from a service file in a
 * temporary folder, and keeps what was drawn and logged. */
#ifndef CLIENT_H
#define CLIENT_H

#include <security/pam_appl.h>
#include <stdbool.h>
#include <stdint.h>

#define FOLDER_SIZE 64

/* Makes the folder, 0700; removed at exit of this process. */
void client_setup(void);
const char *client_folder(void);
const char *client_socket(void); /* helper.sock in it */
const char *client_module(void); /* absolute path of the module */

extern const char client_no_answer[]; /* an answer that is NULL */

struct login {
    const char
        *stack; /* the service file; NULL: MODULE for auth, and for password before pam_permit.so */
    const char *user, *rhost, *ruser, *tty; /* NULL: "alice", and unset for the others */
    const char *environment[3];             /* of PAM, "NAME=value" */
    const char *answers[4]; /* to the prompts, in order; after them the conversation fails */
    int flags;
    int think_ms; /* before each answer */
    bool again;   /* a second pam_authenticate on the same handle */
    bool change;  /* pam_chauthtok instead */
    bool setcred; /* pam_setcred after it, in result.setcred */
};

struct result {
    int code;
    int standard_files,
        inherited_files; /* open while the conversation runs: of 0 to 2; without FD_CLOEXEC */
    int64_t ms;
    int delay_ms;     /* the most that was asked of pam_fail_delay */
    char drawn[8192]; /* "I:text|E:text|P:prompt|H:hidden prompt|" */
    char log[8192];   /* syslog lines, each with "|" at its end */
};

void client_login(const struct login *login, struct result *result);

/* Open descriptors of this process that an executed program would get. */
int client_inherited_files(void);

/* Milliseconds of a clock that never jumps. */
int64_t client_now(void);

#endif
