/* OpenID CIBA (CIBA Core 1.0, poll mode): one request from the asking to its end. */
#ifndef CIBA_H
#define CIBA_H

#include <event2/event.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/login.h"
#include "helper/host.h"
#include "helper/quota.h"

struct bound;
struct ciba;
struct ciba_request;

/* bound: where approvals' secrets are kept, or NULL. quotas: what goes on after a caller went away
 * is counted for his uid. Both are borrowed. */
struct ciba *ciba_new(struct event_base *base, struct bound *bound, struct quotas *quotas);
void ciba_free(struct ciba *ciba);

/* Cancels that are still on their way. */
size_t ciba_busy(const struct ciba *ciba);

/* What came of it. From CIBA_APPROVED on, nothing more comes. */
enum ciba_event {
    CIBA_ASKED,      /* open: see ciba_view */
    CIBA_UNREACHED,  /* no phone can have got it; told once */
    CIBA_CODE_TAKEN, /* the code was right; CIBA_CODE follows */
    CIBA_CODE_WRONG,
    CIBA_CODE_LOCKED,
    CIBA_CODE_LOST, /* the code found nobody */
    CIBA_APPROVED,
    CIBA_CODE,
    CIBA_DENIED,
    CIBA_NOT_ME,
    CIBA_WRONG_NUMBER,
    CIBA_INVALID,
    CIBA_EXPIRED,
    CIBA_CANCELLED,   /* by the server */
    CIBA_UNREACHABLE, /* no server, for so long that it was given up */
    CIBA_BUSY,        /* the server can be reached, and takes no more for now (429) */
    CIBA_REFUSED,     /* the server does not want this host, or this request */
};

/* The request must not be used after it called back with an event that led to ciba_end. */
typedef void ciba_notify(void *arg, enum ciba_event event);

struct ciba_question {
    struct host *host;
    struct login login; /* service, user, rhost, tty, command, mode; the rest is filled in */
    uid_t uid;          /* of the caller */
    long life;          /* seconds */
    bool code_only;
    bool bound; /* phones may seal a secret for codes bound to this host */
};

enum ciba_reason {
    CIBA_CALLER_GONE,
    CIBA_BAD_NUMBER,
    CIBA_BAD_CODES,
    CIBA_NOT_NEEDED,
    CIBA_BAD_APPROVAL
};

/* Asks; notify is called later, never from within. NULL without memory. */
struct ciba_request *ciba_ask(struct ciba *ciba, const struct ciba_question *question,
                              ciba_notify *notify, void *arg);

/* Sends six digits to be checked. Only after CIBA_ASKED, and one at a time. */
void ciba_send_code(struct ciba_request *request, const char *code);

/* Ends the request: where it is still open the server is told, with the reason. notify is not
 * called again. NULL is fine. */
void ciba_end(struct ciba_request *request, enum ciba_reason reason);

struct ciba_view {
    const char *request; /* the details' random id */
    enum number_mode mode;
    int number;         /* 10 to 99; 0 with NUMBER_OFF */
    const char *device; /* the name of the phone that was asked, clean; "" where none was */
    int devices;
    bool phone;        /* a phone can answer */
    bool code;         /* a code can answer */
    int64_t locked;    /* seconds until codes count again; 0: not said */
    const char *fault; /* what went wrong, one line for the log; "" */
};

struct ciba_view ciba_view(const struct ciba_request *request);

#endif
