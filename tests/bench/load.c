/*
 * A load on approve-server that is not slower than the server itself: hosts that ask and collect,
 * phones that approve, over kept connections. Commands:
 *
 * cycles WORLD FIRST COUNT AT_ONCE [tls]
 *     COUNT full sign-ins, AT_ONCE under way; prints the seconds. FIRST: how many there were
 * before, so that users and sources go on in turn. held WORLD FIRST COUNT AT_ONCE [tls] The same as
 * approve-helper does it: the token call is made first, and held until the phone has answered. park
 * WORLD FIRST COUNT [tls] COUNT logins that wait; prints "parked". Then for each line N on standard
 * input: N sign-ins more, one after the other; prints the median from the phone's answer to the
 * token, in microseconds. Ends with its input.
 * WORLD: load_world.h. Any answer but the right one ends it with an error.
 */
#include <err.h>
#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "common/json_text.h"
#include "common/jws.h"
#include "common/log.h"
#include "tests/bench/load_line.h"
#include "tests/bench/load_world.h"

#define FORM "application/x-www-form-urlencoded"
#define PARK_AT_ONCE 32
#define SETTLE_US 5000 /* for a call to be held before the phone answers */

struct sign_in;

struct load {
    struct event_base *base;
    struct load_world world;
    SSL_CTX *tls;
    size_t started, done, wanted; /* sign-ins */
    bool held;
    void (*on_done)(struct load *load, struct sign_in *sign_in);
    double *took; /* seconds, of those that are timed */
};

struct sign_in {
    struct load *load;
    struct load_line *host_line, *phone_line;
    const struct load_host *host;
    const struct load_phone *phone;
    char *details, request[23], id[64];
    struct event *later;
    bool parked, decided, collected;
    double answered, done;
};

static double now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static json_t *expect(int status, const char *body, size_t len, const char *what)
{
    json_t *json = json_text_object(body, len, 65536);
    if (status != 200 || !json)
        errx(1, "%s: %d %s", what, status, body);
    return json;
}

/* --- a sign-in ------------------------------------------------------------------------------- */

static struct jws *parse(const json_t *object, const char *name)
{
    const char *text = json_text_string(object, name, JWS_MAX);
    struct jws *jws = text ? jws_parse(text, strlen(text)) : NULL;
    if (!jws)
        errx(1, "%s is missing, or no JWS", name);
    return jws;
}

/* The token must be for this user, and carry this phone's approval. */
static void check_token(const struct sign_in *sign_in, const json_t *answer)
{
    struct jws *token = parse(answer, "id_token");
    struct jws *approval = parse(token->payload, "pam_approve_approval");
    const char *user = json_text_string(token->payload, "sub", 128);
    if (!user || strcmp(user, sign_in->phone->user) != 0 ||
        strcmp(approval->kid, jwk_thumbprint(sign_in->phone->key)) != 0)
        errx(1, "a token without the phone's approval");
    jws_free(approval);
    jws_free(token);
}

/* The answers to host and phone come in either order. */
static void finish(struct sign_in *sign_in)
{
    if (!sign_in->collected || !sign_in->decided)
        return;
    free(sign_in->details);
    sign_in->details = NULL;
    sign_in->collected = sign_in->decided = false;
    sign_in->load->on_done(sign_in->load, sign_in);
}

static void post_token(struct sign_in *sign_in);

static void on_token(void *arg, int status, char *body, size_t len)
{
    struct sign_in *sign_in = arg;
    if (sign_in->parked && status == 400 && strstr(body, "authorization_pending")) {
        post_token(sign_in); /* as approve-helper does */
        return;
    }
    json_t *answer = expect(status, body, len, "token");
    sign_in->done = now();
    check_token(sign_in, answer);
    json_decref(answer);
    sign_in->collected = true;
    finish(sign_in);
}

static void post_token(struct sign_in *sign_in)
{
    char *body = load_token(&sign_in->load->world, sign_in->host, sign_in->id);
    load_line_post(sign_in->host_line, "/ciba/token", FORM, body, on_token, sign_in);
    free(body);
}

static void on_decided(void *arg, int status, char *body, size_t len)
{
    struct sign_in *sign_in = arg;
    json_decref(expect(status, body, len, "decide"));
    sign_in->decided = true;
    if (sign_in->load->held)
        finish(sign_in);
    else
        post_token(sign_in);
}

static void post_decision(struct sign_in *sign_in)
{
    const char *details = sign_in->details;
    char *body = load_decide(&sign_in->load->world, sign_in->phone, details, strlen(details),
                             sign_in->request, 42);
    sign_in->answered = now();
    load_line_post(sign_in->phone_line, "/phone/v1/decide", "application/jose", body, on_decided,
                   sign_in);
    free(body);
}

static void on_later(evutil_socket_t fd, short what, void *arg)
{
    (void)fd, (void)what;
    post_decision(arg);
}

static void on_asked(void *arg, int status, char *body, size_t len)
{
    struct sign_in *sign_in = arg;
    const struct timeval settle = {.tv_usec = SETTLE_US};
    json_t *answer = expect(status, body, len, "backchannel");
    const char *id = json_text_string(answer, "auth_req_id", sizeof sign_in->id - 1);
    if (!id || json_integer_value(json_object_get(answer, "devices")) < 1)
        errx(1, "no phone was asked: %s", body);
    snprintf(sign_in->id, sizeof sign_in->id, "%s", id);
    json_decref(answer);
    if (sign_in->load->held)
        post_token(sign_in);
    if (sign_in->parked)
        sign_in->load->on_done(sign_in->load, sign_in);
    else if (sign_in->later)
        event_add(sign_in->later, &settle);
    else
        post_decision(sign_in);
}

/* Users in turn, each from several addresses: the server's limits hold. */
static void start(struct sign_in *sign_in)
{
    struct load_world *world = &sign_in->load->world;
    size_t number = sign_in->load->started++, round = number / world->phone_count;
    char rhost[32], *body;
    snprintf(rhost, sizeof rhost, "192.0.2.%zu", round % 250 + 1);
    sign_in->host = &world->hosts[number % world->host_count];
    sign_in->phone = &world->phones[number % world->phone_count];
    sign_in->details =
        load_details(world, sign_in->host, sign_in->phone->user, rhost, sign_in->request);
    body = load_backchannel(world, sign_in->host, sign_in->phone->user, sign_in->details);
    load_line_post(sign_in->host_line, "/ciba/backchannel", FORM, body, on_asked, sign_in);
    free(body);
}

static struct sign_in *new_sign_in(struct load *load, bool with_phone)
{
    struct sign_in *sign_in = calloc(1, sizeof *sign_in);
    if (!sign_in)
        err(1, NULL);
    sign_in->load = load;
    sign_in->host_line = load_line_new(load->base, load->world.port, load->tls);
    if (with_phone)
        sign_in->phone_line = load_line_new(load->base, load->world.port, load->tls);
    return sign_in;
}

static void free_sign_in(struct sign_in *sign_in)
{
    load_line_free(sign_in->host_line);
    if (sign_in->phone_line)
        load_line_free(sign_in->phone_line);
    if (sign_in->later)
        event_free(sign_in->later);
    free(sign_in->details);
    free(sign_in);
}

/* --- cycles ---------------------------------------------------------------------------------- */

static void next_cycle(struct load *load, struct sign_in *sign_in)
{
    load->done++;
    if (load->started < load->wanted)
        start(sign_in);
    else if (load->done == load->wanted)
        event_base_loopbreak(load->base);
}

static void run_cycles(struct load *load, char **words)
{
    size_t at_once = (size_t)atol(words[1]);
    struct sign_in **all = calloc(at_once, sizeof(struct sign_in *));
    double from = now();
    load->wanted = load->started + (size_t)atol(words[0]);
    load->done = load->started;
    load->on_done = next_cycle;
    for (size_t i = 0; i < at_once; i++)
        start(all[i] = new_sign_in(load, true));
    event_base_dispatch(load->base);
    printf("%.4f\n", now() - from);
    for (size_t i = 0; i < at_once; i++)
        free_sign_in(all[i]);
    free(all);
}

static void run_held(struct load *load, char **words)
{
    load->held = true;
    run_cycles(load, words);
}

/* --- parked logins --------------------------------------------------------------------------- */

static void next_parked(struct load *load, struct sign_in *sign_in)
{
    (void)sign_in;
    load->done++;
    if (load->started < load->wanted) {
        struct sign_in *next = new_sign_in(load, false);
        next->parked = true;
        start(next);
    } else if (load->done == load->wanted) {
        event_base_loopbreak(load->base);
    }
}

static void park(struct load *load)
{
    load->on_done = next_parked;
    for (size_t i = 0; i < PARK_AT_ONCE && load->started < load->wanted; i++) {
        struct sign_in *sign_in = new_sign_in(load, false);
        sign_in->parked = true;
        start(sign_in);
    }
    if (load->started > load->done)
        event_base_dispatch(load->base);
}

static void next_timed(struct load *load, struct sign_in *sign_in)
{
    load->took[load->done++] = sign_in->done - sign_in->answered;
    if (load->done < load->wanted)
        start(sign_in);
    else
        event_base_loopbreak(load->base);
}

static int compare(const void *a, const void *b)
{
    const double *x = a, *y = b;
    return (*x > *y) - (*x < *y);
}

static void time_sign_ins(struct load *load, size_t count)
{
    struct sign_in *sign_in = new_sign_in(load, true);
    sign_in->later = evtimer_new(load->base, on_later, sign_in);
    load->on_done = next_timed;
    load->done = 0;
    load->wanted = count;
    load->took = calloc(count, sizeof *load->took);
    if (!sign_in->later || !load->took)
        err(1, NULL);
    start(sign_in);
    event_base_dispatch(load->base);
    qsort(load->took, count, sizeof *load->took, compare);
    printf("%.0f\n", load->took[count / 2] * 1e6);
    fflush(stdout);
    free(load->took);
    free_sign_in(sign_in);
}

static void run_park(struct load *load, char **words)
{
    char line[32];
    load->held = true;
    load->wanted = load->started + (size_t)atol(words[0]);
    load->done = load->started;
    park(load);
    puts("parked");
    fflush(stdout);
    while (fgets(line, sizeof line, stdin))
        time_sign_ins(load, (size_t)atol(line));
}

int main(int argc, char **argv)
{
    static const struct {
        const char *name;
        int words;
        void (*run)(struct load *load, char **words);
    } commands[] = {{"cycles", 2, run_cycles}, {"held", 2, run_held}, {"park", 1, run_park}};
    struct load load = {.base = event_base_new()};
    struct rlimit files;

    if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
        files.rlim_cur = files.rlim_max;
        setrlimit(RLIMIT_NOFILE, &files);
    }

    log_open("load", false, LOG_LEVEL_ERROR);
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++) {
        int words = commands[i].words + 4;
        if (argc < words || strcmp(argv[1], commands[i].name) != 0)
            continue;
        load_world_read(&load.world, argv[2]);
        if (argc > words && strcmp(argv[words], "tls") == 0)
            load.tls = SSL_CTX_new(TLS_client_method());
        load.started = (size_t)atol(argv[3]);
        commands[i].run(&load, argv + 4);
        load_world_free(&load.world);
        return 0;
    }
    errx(2, "usage: load COMMAND ..., see its source");
}
