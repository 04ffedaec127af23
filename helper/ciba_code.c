#include <stdio.h>
#include <string.h>

#include "common/json_text.h"
#include "common/random.h"
#include "helper/ciba_request.h"

#define RETRY_LEAST_US 100000
#define RETRY_MOST_US 500000
#define LOCK_MOST (7 * 86400) /* seconds; longer is no answer of a server that means it */

static void end_code(struct ciba_request *request, enum ciba_event event, const char *fault)
{
    secret_free(request->code);
    request->code = NULL;
    ciba_tell(request, event, fault);
}

static void on_code(void *arg, const struct call_answer *answer)
{
    struct ciba_request *request = arg;
    char lock[32];

    request->code_call = NULL;
    if (request->state == CIBA_OVER)
        return;
    if (call_is_lost(answer) && request->code_attempts < 2) {
        struct timeval wait = {0, random_between(RETRY_LEAST_US, RETRY_MOST_US)};

        evtimer_add(request->recode, &wait);
        return;
    }
    if (answer->status == 200 && answer->body != NULL) {
        if (request->state == CIBA_OPEN && request->call == NULL)
            ciba_later(request, 0); /* the token is there now */
        end_code(request, CIBA_CODE_TAKEN, NULL);
    } else if (strcmp(answer->error, "pam_approve_invalid_code") == 0) {
        end_code(request, CIBA_CODE_WRONG, NULL);
    } else if (strcmp(answer->error, "pam_approve_code_locked") == 0) {
        if (json_text_integer(answer->body, "retry_after", 1, LOCK_MOST, &request->locked) != 0)
            request->locked = 0;
        snprintf(lock, sizeof lock, "for %ld s", (long)request->locked);
        end_code(request, CIBA_CODE_LOCKED, request->locked > 0 ? lock : NULL);
    } else if (call_is_busy(answer)) {
        end_code(request, CIBA_BUSY, answer->fault);
    } else if (strcmp(answer->error, "invalid_grant") != 0) {
        end_code(request, call_is_lost(answer) ? CIBA_CODE_LOST : CIBA_REFUSED, answer->fault);
    }
    /* invalid_grant: the request is over, and the token endpoint says how. */
}

void ciba_on_code_timer(evutil_socket_t fd, short what, void *arg)
{
    struct ciba_request *request = arg;
    const struct call_parameter parameters[] = {
        {"auth_req_id", request->auth_req_id}, {"code", request->code}, {NULL, NULL}};

    (void)fd, (void)what;
    if (request->state == CIBA_OVER)
        return;
    request->code_attempts++;
    request->code_call =
        call_start(request->ciba->transfers, request->host, issuer_endpoints(request->issuer)->code,
                   parameters, request->host->timeout * 1000, on_code, request);
    if (request->code_call == NULL)
        end_code(request, CIBA_CODE_LOST, "no memory");
}

void ciba_send_code(struct ciba_request *request, const char *code)
{
    struct timeval now = {0, 0};

    request->code_sent = true;
    request->code_attempts = 0;
    secret_free(request->code);
    request->code = strdup(code); /* without it the server refuses the call */
    evtimer_add(request->recode, &now);
}
