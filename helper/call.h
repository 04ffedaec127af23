/* One authenticated call to a provider: a form with private_key_jwt (RFC 7523), and its JSON
 * answer. */
#ifndef CALL_H
#define CALL_H

#include <jansson.h>
#include <stdbool.h>

#include "helper/host.h"
#include "helper/transfer.h"

#define CALL_ASSERTION_LIFE 60 /* seconds */
#define CALL_TOO_MANY 429      /* RFC 6585, section 4 */

struct call_parameter {
    const char *name;  /* NULL at the end */
    const char *value; /* NULL: left out */
};

/* The form of a call: the parameters, and an assertion that names the host and counts once. A new
 * string for secret_free, or NULL. */
char *call_form(const struct host *host, const struct call_parameter *parameters);

struct call_answer {
    long status;                 /* 0: no answer */
    json_t *body;                /* an object, or NULL: not JSON; borrowed */
    const char *error;           /* RFC 6749's `error`, or "" */
    long retry_after;            /* seconds, 0 where not sent */
    char fault[HTTPS_FAULT_MAX]; /* for the log: https_answer_fault's line */
};

/* 429: a server that can be reached, and has had enough for now, whatever else it says. */
bool call_is_busy(const struct call_answer *answer);

/* No answer that can be used, or a 5xx: it may go better the next time. */
bool call_is_lost(const struct call_answer *answer);

struct call;
typedef void call_done(void *arg, const struct call_answer *answer);

/* Parameters are copied. host must live as long as the call. NULL without memory; otherwise done is
 * called once, later. */
struct call *call_start(struct transfers *transfers, const struct host *host, const char *url,
                        const struct call_parameter *parameters, long timeout_ms, call_done *done,
                        void *arg);
void call_cancel(struct call *call);

#endif
