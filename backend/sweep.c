#include "backend/sweep.h"

#include <stdlib.h>

#include "backend/request.h"
#include "common/totp.h"

#define LEAST_MS 50   /* between two sweeps, however close two ends are */
#define AGAIN_MS 1000 /* after one that failed */
#define OLD_MS 60000  /* between two looks for what is too old */

/*
 * Codes and messages that were used are kept for longer than they are good for: a clock that is set
 * forward by an hour, and back, must not make them new.
 */
#define DAY_MS ((int64_t)86400 * 1000)
#define KEEP_REQUESTS_MS (90 * DAY_MS)
#define KEEP_UNSHOWN_MS (7 * DAY_MS)   /* no phone saw them, and nobody got in by them */
#define KEEP_ATTEMPTS_MS (90 * DAY_MS) /* those in a row count for so long */
#define KEEP_TOKENS_MS (30 * DAY_MS)
#define KEEP_STEPS (2 * DAY_MS / 1000 / TOTP_STEP)
#define KEEP_SEEN_MS ((int64_t)2 * 3600 * 1000)

struct sweep {
    struct server *server;
    struct event *ends, *old;
    int64_t next; /* when `ends` is due, in milliseconds of the store's clock; 0: not set */
};

static void set_timer(struct event *timer, int64_t ms)
{
    struct timeval time = {.tv_sec = ms / 1000, .tv_usec = (ms % 1000) * 1000};
    evtimer_add(timer, &time);
}

/* The next sweep at `when`, unless one is due before. */
static void sweep_at(struct sweep *sweep, int64_t when)
{
    int64_t now = store_now_ms(sweep->server->store);
    if (when < now + LEAST_MS)
        when = now + LEAST_MS;
    if (sweep->next && sweep->next <= when)
        return;
    sweep->next = when;
    set_timer(sweep->ends, when - now);
}

static void on_expired(void *arg, enum store_status status, const struct store_rows *const *results)
{
    struct sweep *sweep = arg;
    if (status != STORE_OK) {
        sweep_at(sweep, store_now_ms(sweep->server->store) + AGAIN_MS);
        return;
    }
    request_wake(sweep->server, results[0]);
    if (!store_is_null(results[1], 0, 0))
        sweep_at(sweep, store_integer(results[1], 0, 0));
}

static void on_ends(evutil_socket_t fd, short what, void *arg)
{
    (void)fd, (void)what;
    struct sweep *sweep = arg;
    struct store_value now = V_INT(store_now_ms(sweep->server->store));
    const struct store_step steps[] = {
        {.statement = STATEMENT_REQUESTS_EXPIRE, .values = &now, .count = 1},
        {.statement = STATEMENT_REQUESTS_NEXT_END},
    };
    sweep->next = 0;
    store_run_steps(sweep->server->store, steps, 2, on_expired, sweep);
}

static void on_old(evutil_socket_t fd, short what, void *arg)
{
    (void)fd, (void)what;
    struct sweep *sweep = arg;
    int64_t now = store_now_ms(sweep->server->store);
    const struct {
        enum statement statement;
        int64_t before;
    } rows[] = {
        {STATEMENT_SWEEP_REQUESTS, now - KEEP_REQUESTS_MS},
        {STATEMENT_SWEEP_UNSHOWN, now - KEEP_UNSHOWN_MS},
        {STATEMENT_SWEEP_SEEN, now - KEEP_SEEN_MS},
        {STATEMENT_SWEEP_ATTEMPTS, now - KEEP_ATTEMPTS_MS},
        {STATEMENT_SWEEP_USES, now / 1000 / TOTP_STEP - KEEP_STEPS},
        {STATEMENT_SWEEP_INVITATIONS, now - KEEP_TOKENS_MS},
        {STATEMENT_SWEEP_HOST_TOKENS, now - KEEP_TOKENS_MS},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        store_run(sweep->server->store, rows[i].statement, VALUES(V_INT(rows[i].before)), NULL,
                  NULL);
    set_timer(sweep->old, OLD_MS);
}

struct sweep *sweep_new(struct server *server)
{
    struct sweep *sweep = calloc(1, sizeof *sweep);
    if (!sweep)
        return NULL;
    sweep->server = server;
    sweep->ends = evtimer_new(server->base, on_ends, sweep);
    sweep->old = evtimer_new(server->base, on_old, sweep);
    if (!sweep->ends || !sweep->old) {
        sweep_free(sweep);
        return NULL;
    }
    set_timer(sweep->ends, 0);
    set_timer(sweep->old, 0);
    return sweep;
}

void sweep_free(struct sweep *sweep)
{
    if (!sweep)
        return;
    if (sweep->ends)
        event_free(sweep->ends);
    if (sweep->old)
        event_free(sweep->old);
    free(sweep);
}

void sweep_request(struct sweep *sweep, int64_t ends)
{
    sweep_at(sweep, ends);
}
