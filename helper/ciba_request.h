/* The inside of a CIBA request: ciba.c starts and ends it, ciba_ask.c asks, ciba_token.c polls and
 * checks, ciba_code.c sends codes. */
#ifndef CIBA_REQUEST_H
#define CIBA_REQUEST_H

#include <stdint.h>

#include "helper/bound.h"
#include "helper/call.h"
#include "helper/ciba.h"
#include "helper/issuer.h"

#define CIBA_ID_MAX 1024      /* bytes of an auth_req_id */
#define CIBA_HOLD_MS 25000    /* the server holds a token request so long */
#define CIBA_INTERVAL_MOST 60 /* seconds that another provider may have us wait between polls */

enum ciba_state {
    CIBA_FETCHING, /* discovery */
    CIBA_ASKING,   /* the backchannel request is on its way, or waits for its second try */
    CIBA_OPEN,
    CIBA_VERIFYING, /* a token came, and newer keys are fetched */
    CIBA_OVER,
};

struct ciba {
    struct event_base *base;
    struct quotas *quotas;
    struct transfers *transfers;
    struct bound *bound;   /* or NULL */
    struct issuer *issuer; /* of the host.conf that was used last */
    size_t busy;
};

struct ciba_request {
    struct ciba *ciba;
    struct host *host;
    struct issuer *issuer;
    struct login login; /* its host_key is bound's */
    uid_t uid;
    long life;
    bool code_only, code_sent;
    enum ciba_state state;
    bool abandoned; /* nobody waits any more; ended when the answer is there */
    enum ciba_reason reason;
    ciba_notify *notify;
    void *arg;

    char *details; /* the bytes, the same with each try, or NULL */
    int64_t ends;  /* clock_mono_ms: when the details say that it is over */
    int number;
    bool stricter;     /* the server asked for a stricter number mode already */
    int attempts;      /* of the backchannel request */
    struct call *call; /* backchannel, then token */
    struct call *code_call;
    char *code; /* on its way; wiped */
    int code_attempts;
    int64_t locked;       /* seconds until codes count again, where the server said so; else 0 */
    struct event *timer;  /* the next step of the main line */
    struct event *expiry; /* the request's end by our own clock */
    struct event *recode; /* the code's second try */
    int64_t deadline;     /* clock_mono_ms: until when the server is asked */
    int64_t polled_at;    /* clock_mono_ms */
    long interval;        /* seconds */
    int lost;             /* polls without an answer in a row */
    bool slowed;          /* the server said slow_down, and the log has it */
    struct jws *token;    /* while newer keys are fetched */
    char auth_req_id[CIBA_ID_MAX + 1];
    char device[129];
    int devices;
    bool phone, code_way;
    bool unreached; /* the server said that no phone can have got the request */
    char fault[HTTPS_FAULT_MAX];
};

/* The last thing that a function does: the request may be gone when it returns. */
void ciba_tell(struct ciba_request *request, enum ciba_event event, const char *fault);

void ciba_request_free(struct ciba_request *request);

/* The next step after so many milliseconds. */
void ciba_later(struct ciba_request *request, long ms);

/* Draws the right number, and those to choose from. Returns 0 or -1. */
int ciba_draw_number(struct ciba_request *request);

/* Makes the details and sends the backchannel request. */
void ciba_ask_server(struct ciba_request *request);

/* Retry-After, in milliseconds, bounded; 0 where none was sent. */
long ciba_asked_to_wait(const struct call_answer *answer);

/* Polls the token endpoint until the request is over. */
void ciba_poll(struct ciba_request *request);

/* Sends the code. */
void ciba_on_code_timer(evutil_socket_t fd, short what, void *arg);

/* Tells the server by a call of its own, that outlives the request. */
void ciba_cancel(struct ciba_request *request, enum ciba_reason reason);

#endif
