#include "helper/ciba.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "common/random.h"
#include "common/sanitize.h"
#include "helper/ciba_request.h"

static const char *const reasons[] = {
    [CIBA_CALLER_GONE] = "caller_gone",       [CIBA_BAD_NUMBER] = "wrong_number",
    [CIBA_BAD_CODES] = "code_refused",        [CIBA_NOT_NEEDED] = "not_needed",
    [CIBA_BAD_APPROVAL] = "invalid_approval",
};

struct ciba *ciba_new(struct event_base *base, struct bound *bound, struct quotas *quotas)
{
    struct ciba *ciba = calloc(1, sizeof *ciba);

    if (ciba == NULL)
        return NULL;
    ciba->base = base;
    ciba->bound = bound;
    ciba->quotas = quotas;
    ciba->transfers = transfers_new(base);
    if (ciba->transfers == NULL) {
        free(ciba);
        return NULL;
    }
    return ciba;
}

void ciba_free(struct ciba *ciba)
{
    if (ciba == NULL)
        return;
    issuer_unref(ciba->issuer);
    transfers_free(ciba->transfers);
    free(ciba);
}

/* What nobody waits for any more is work for us and the server all the same. */
static void count_begin(struct ciba *ciba, uid_t uid)
{
    ciba->busy++;
    quota_charge(ciba->quotas, uid);
}

static void count_end(struct ciba *ciba, uid_t uid)
{
    ciba->busy--;
    quota_release(ciba->quotas, uid);
}

size_t ciba_busy(const struct ciba *ciba)
{
    return ciba->busy;
}

void ciba_request_free(struct ciba_request *request)
{
    struct event *events[] = {request->timer, request->expiry, request->recode};

    for (size_t i = 0; i < sizeof events / sizeof *events; i++) {
        if (events[i] != NULL)
            event_free(events[i]);
    }
    if (request->call != NULL)
        call_cancel(request->call);
    if (request->code_call != NULL)
        call_cancel(request->code_call);
    if (request->issuer != NULL) {
        issuer_forget(request->issuer, request);
        issuer_unref(request->issuer);
    }
    if (request->abandoned)
        count_end(request->ciba, request->uid);
    jws_free(request->token);
    secret_free(request->code);
    free(request->details);
    host_unref(request->host);
    free(request);
}

void ciba_tell(struct ciba_request *request, enum ciba_event event, const char *fault)
{
    if (fault != NULL)
        sanitize_text(request->fault, sizeof request->fault, fault);
    /* The server said no to one call of ours, and still shows the request on the phones. */
    if ((event == CIBA_BUSY || event == CIBA_REFUSED) &&
        (request->state == CIBA_OPEN || request->state == CIBA_VERIFYING))
        ciba_cancel(request, CIBA_NOT_NEEDED);
    if (event >= CIBA_APPROVED) {
        request->state = CIBA_OVER;
        event_del(request->timer);
        event_del(request->expiry);
        issuer_forget(request->issuer, request);
        if (request->call != NULL) /* what it brings would come too late */
            call_cancel(request->call);
        request->call = NULL;
    }
    if (!request->abandoned)
        request->notify(request->arg, event);
    else if (event >= CIBA_APPROVED)
        ciba_request_free(request);
}

void ciba_later(struct ciba_request *request, long ms)
{
    struct timeval wait = {ms / 1000, ms % 1000 * 1000};

    if (ms < 0)
        wait = (struct timeval){0, 0};
    evtimer_add(request->timer, &wait);
}

/* --- cancel --- */

struct withdrawal {
    struct ciba *ciba;
    struct host *host;
    uid_t uid;
};

static void on_withdrawn(void *arg, const struct call_answer *answer)
{
    struct withdrawal *withdrawal = arg;

    if (answer->status != 200 || answer->body == NULL)
        log_warn("a request could not be withdrawn: %s", answer->fault);
    count_end(withdrawal->ciba, withdrawal->uid);
    host_unref(withdrawal->host);
    free(withdrawal);
}

void ciba_cancel(struct ciba_request *request, enum ciba_reason reason)
{
    const struct call_parameter parameters[] = {
        {"auth_req_id", request->auth_req_id}, {"reason", reasons[reason]}, {NULL, NULL}};
    const char *url = issuer_endpoints(request->issuer)->cancel;
    struct withdrawal *withdrawal = url[0] != 0 ? calloc(1, sizeof *withdrawal) : NULL;

    if (withdrawal == NULL)
        return;
    withdrawal->ciba = request->ciba;
    withdrawal->uid = request->uid;
    withdrawal->host = host_ref(request->host);
    if (call_start(request->ciba->transfers, request->host, url, parameters,
                   request->host->timeout * 1000, on_withdrawn, withdrawal) == NULL) {
        host_unref(withdrawal->host);
        free(withdrawal);
        return;
    }
    count_begin(request->ciba, request->uid);
}

void ciba_end(struct ciba_request *request, enum ciba_reason reason)
{
    if (request == NULL)
        return;
    if (request->state == CIBA_ASKING && request->call != NULL) {
        /* Only the answer says what is to be withdrawn. */
        request->abandoned = true;
        request->reason = reason;
        count_begin(request->ciba, request->uid);
        return;
    }
    if (request->state == CIBA_OPEN || request->state == CIBA_VERIFYING)
        ciba_cancel(request, reason);
    ciba_request_free(request);
}

/* --- the main line --- */

static void on_ready(void *arg, bool ready)
{
    struct ciba_request *request = arg;

    if (ready)
        ciba_ask_server(request);
    else
        ciba_tell(request, issuer_is_busy(request->issuer) ? CIBA_BUSY : CIBA_UNREACHABLE,
                  issuer_fault(request->issuer));
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
    struct ciba_request *request = arg;

    (void)fd, (void)what;
    if (request->state == CIBA_FETCHING)
        issuer_fetch(request->issuer, false, on_ready, request);
    else if (request->state == CIBA_ASKING)
        ciba_ask_server(request);
    else if (request->state == CIBA_OPEN)
        ciba_poll(request);
}

static void on_expiry(evutil_socket_t fd, short what, void *arg)
{
    struct ciba_request *request = arg;

    (void)fd, (void)what;
    /* The server ends it before this comes, unless it is silent or its clock was set back. */
    ciba_cancel(request, CIBA_NOT_NEEDED);
    if (request->call != NULL && request->lost == 0)
        log_warn("%s: no answer until the request was over",
                 issuer_endpoints(request->issuer)->token);
    if (request->lost > 1)
        ciba_tell(request, CIBA_UNREACHABLE, request->fault);
    else
        ciba_tell(request, CIBA_EXPIRED, NULL);
}

struct ciba_view ciba_view(const struct ciba_request *request)
{
    return (struct ciba_view){.request = request->login.request,
                              .mode = request->login.mode,
                              .number = request->number,
                              .device = request->device,
                              .devices = request->devices,
                              .phone = request->phone,
                              .code = request->code_way,
                              .locked = request->locked,
                              .fault = request->fault};
}

/* The issuer's document and keys are kept for as long as host.conf names the same one. */
static struct issuer *find_issuer(struct ciba *ciba, const struct host *host)
{
    if (ciba->issuer == NULL || !issuer_is_of(ciba->issuer, host)) {
        issuer_unref(ciba->issuer);
        ciba->issuer = issuer_new(ciba->transfers, host);
    }
    return ciba->issuer != NULL ? issuer_ref(ciba->issuer) : NULL;
}

struct ciba_request *ciba_ask(struct ciba *ciba, const struct ciba_question *question,
                              ciba_notify *notify, void *arg)
{
    struct ciba_request *request = calloc(1, sizeof *request);

    if (request == NULL)
        return NULL;
    request->ciba = ciba;
    request->host = host_ref(question->host);
    request->issuer = find_issuer(ciba, question->host);
    request->login = question->login;
    request->login.host_key =
        question->bound && ciba->bound != NULL ? bound_key(ciba->bound) : NULL;
    request->uid = question->uid;
    request->life = question->life;
    request->code_only = question->code_only;
    request->interval = 5; /* CIBA Core's default */
    request->notify = notify;
    request->arg = arg;
    strcpy(request->login.issuer, question->host->issuer);
    strcpy(request->login.host, question->host->id);
    strcpy(request->login.host_name, question->host->name);
    request->timer = evtimer_new(ciba->base, on_timer, request);
    request->expiry = evtimer_new(ciba->base, on_expiry, request);
    request->recode = evtimer_new(ciba->base, ciba_on_code_timer, request);
    if (request->issuer == NULL || request->timer == NULL || request->expiry == NULL ||
        request->recode == NULL || ciba_draw_number(request) != 0) {
        ciba_request_free(request);
        return NULL;
    }
    ciba_later(request, 0);
    return request;
}
