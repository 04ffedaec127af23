/*
 * HTTP over a connection: what a client sends, in one piece and in many, gives the same answers.
 * The first byte says who connects and how the pieces are cut; the rest is what is sent.
 */
#include <ctype.h>
#include <event2/buffer.h>
#include <sys/socket.h>
#include <unistd.h>

#include "backend/http_private.h"
#include "common/clock.h"
#include "tests/fuzz/fuzz.h"

#define BODY_MOST 300
#define WHOLE_MOST 16000 /* longer inputs may be cut while a call is held: then pieces matter */
#define HELD_MOST 8

/* The first byte. */
#define ADMIN_BIT 0x80u
#define LEFT_BIT 0x40u  /* the server ends while the client is there */
#define LATE_BIT 0x20u  /* the connection's deadline comes */
#define CROWD_BIT 0x10u /* more come from its address than may */
#define PIECE_BITS 0x0fu

/* Stands in for common/clock.c: answers have a date. */
int64_t clock_wall_ms(void)
{
    return INT64_C(1700000000000);
}

int64_t clock_wall(void)
{
    return clock_wall_ms() / 1000;
}

int64_t clock_mono_ms(void)
{
    return 1;
}

static struct http_call *held[HELD_MOST];
static size_t held_count;
static bool held_left; /* they stay unanswered */

/* --- the handlers, which look at what they get ------------------------------------------------ */

/* The head that was understood, written again, is understood as the same. */
static void check_head(const struct http_head *head)
{
    char text[2 * HTTP_HEAD_MAX];
    struct http_head again;
    size_t scanned = 0;
    int len = snprintf(text, sizeof text, "%s %s HTTP/1.%d\r\n", head->method, head->path,
                       head->keep_alive ? 1 : 0);

    for (size_t i = 0; i < head->count; i++)
        len += snprintf(text + len, sizeof text - (size_t)len, "%s: %s\r\n",
                        head->text + head->fields[i].name, head->text + head->fields[i].value);
    len += snprintf(text + len, sizeof text - (size_t)len, "\r\n");
    if (len > HTTP_HEAD_MAX)
        return; /* by the blanks that were left out there */
    MUST(http_head_end(text, (size_t)len, &scanned) == len);
    if (head->chunked && !head->keep_alive)
        return; /* kept alive is also told by Connection */
    MUST(http_head_parse(text, (size_t)len, &again) == 0);
    MUST(strcmp(again.path, head->path) == 0 && again.count == head->count);
    MUST(again.length == head->length && again.chunked == head->chunked);
    MUST(again.wait_for_continue == head->wait_for_continue);
}

static void check_call(const struct http_call *call)
{
    size_t len;
    const char *body = http_body((struct http_call *)(uintptr_t)call, &len);

    check_head(&call->head);
    MUST(len <= call->route->body_max && body[len] == '\0');
    MUST(call->head.chunked || len == call->head.length);
    MUST(http_path(call)[0] == '/' && !strchr(http_path(call), '?'));
    MUST((call->route->caller == HTTP_ADMIN) == call->connection->listener->admin);
    for (const char *c = http_rest(call); *c; c++)
        MUST(isalnum((unsigned char)*c) || strchr("._-", *c));
}

static void answer(struct http_call *call)
{
    size_t len;
    const char *body = http_body(call, &len), *echo = http_header(call, "X-Echo");
    const char *sender = http_header(call, "X-Sender");

    check_call(call);
    if (sender)
        http_signed(call, sender, 1);
    if (echo)
        http_add_header(call, "X-Echo", echo);
    http_reply(call, 200, "application/octet-stream", body, len);
}

static void answer_now(struct http_call *call, void *context)
{
    MUST(!context);
    answer(call);
}

/* A handler with a fault. */
static void answer_nothing(struct http_call *call, void *context)
{
    (void)context;
    check_call(call);
}

static void answer_lasting(struct http_call *call, void *context)
{
    static const char text[] = "this stays\n";

    (void)context;
    check_call(call);
    http_add_header(call, "X-Echo", "two\r\nlines"); /* is left out */
    http_reply_lasting(call, 200, "text/plain", text, sizeof text - 1);
}

static void answer_json(struct http_call *call, void *context)
{
    (void)context;
    check_call(call);
    http_reply_json(call, 400, json_pack("{ss}", "path", http_path(call)));
}

static void forget(void *arg)
{
    for (size_t i = 0; i < held_count; i++)
        if (held[i] == arg)
            held[i] = held[--held_count];
}

static void answer_later(struct http_call *call, void *context)
{
    (void)context;
    MUST(held_count < HELD_MOST);
    held[held_count++] = call;
    http_hold(call, forget, call);
}

static const struct http_route routes[] = {
    {HTTP_GET, "/", HTTP_ANYONE, NULL, 0, answer_now},
    {HTTP_GET, "/files/*", HTTP_ANYONE, NULL, 0, answer_json},
    {HTTP_POST, "/echo", HTTP_ANYONE, NULL, BODY_MOST, answer_now},
    {HTTP_POST, "/form", HTTP_ANYONE, "application/x-www-form-urlencoded", 65536, answer_now},
    {HTTP_POST, "/hold", HTTP_ANYONE, NULL, 10, answer_later},
    {HTTP_GET, "/lasting", HTTP_ANYONE, NULL, 0, answer_lasting},
    {HTTP_GET, "/fault", HTTP_ANYONE, NULL, 0, answer_nothing},
    {HTTP_POST, "/admin", HTTP_ADMIN, "application/json", BODY_MOST, answer_json},
    {.path = NULL},
};

/* --- a connection ----------------------------------------------------------------------------- */

struct transcript {
    char *text;
    size_t len;
};

static void receive(int fd, struct transcript *transcript)
{
    char bytes[65536];
    ssize_t got;

    while ((got = recv(fd, bytes, sizeof bytes, MSG_DONTWAIT)) > 0) {
        transcript->text = realloc(transcript->text, transcript->len + (size_t)got + 1);
        MUST(transcript->text);
        memcpy(transcript->text + transcript->len, bytes, (size_t)got);
        transcript->len += (size_t)got;
        transcript->text[transcript->len] = '\0';
    }
}

/* Lets the server do all that it can, the held calls last. */
static void settle(struct event_base *base, int fd, struct transcript *transcript)
{
    for (int idle = 0; idle < 3; idle++) {
        size_t before = transcript->len;

        event_base_loop(base, EVLOOP_NONBLOCK);
        receive(fd, transcript);
        if (transcript->len != before)
            idle = -1;
        if (idle == 2 && held_count > 0 && !held_left) {
            struct http_call *call = held[--held_count];

            answer(call);
            idle = -1;
        }
    }
}

/* A connection makes room, unless it belongs to whoever signed, or is about to be answered. */
static void make_room(struct http_server *server, const uint64_t address[2])
{
    size_t before = http_connections(server);
    bool evicted = http_connection_evict(server, address);

    MUST(http_connections(server) == before - evicted);
    MUST(evicted || !http_connection_evict(server, NULL));
}

/* One client of a server of its own, which ends last, or first. */
static void connect_client(struct event_base *base, unsigned kind, const uint8_t *data, size_t size,
                           size_t piece, struct transcript *transcript)
{
    static const uint64_t address[2] = {1, 2};
    struct http_server *server = http_server_new(base, routes, NULL);
    struct http_listener listener = {.server = server, .admin = (kind & ADMIN_BIT) != 0};
    struct bufferevent *bev;
    int fds[2];

    MUST(server && socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds) == 0);
    bev = bufferevent_socket_new(base, fds[0], BEV_OPT_CLOSE_ON_FREE);
    MUST(bev && http_connection_start(&listener, bev, "unix", address) == 0);
    held_left = (kind & LEFT_BIT) != 0;
    for (size_t at = 0; at < size; at += piece) {
        size_t len = size - at < piece ? size - at : piece;

        if (send(fds[1], data + at, len, MSG_NOSIGNAL) != (ssize_t)len)
            break; /* the server has closed */
        event_base_loop(base, EVLOOP_NONBLOCK);
        event_base_loop(base, EVLOOP_NONBLOCK);
        receive(fds[1], transcript);
    }
    settle(base, fds[1], transcript);
    if ((kind & LATE_BIT) && server->connections) {
        event_active(server->connections->deadline, EV_TIMEOUT, 1);
        settle(base, fds[1], transcript);
    }
    if (kind & CROWD_BIT)
        make_room(server, address);
    if (!held_left) {
        close(fds[1]);
        for (int i = 0; i < 3; i++)
            event_base_loop(base, EVLOOP_NONBLOCK);
        MUST(http_connections(server) == 0);
    }
    http_server_free(server);
    if (held_left)
        close(fds[1]);
    MUST(held_count == 0);
}

/* --- what a client reads ---------------------------------------------------------------------- */

/* One answer. Returns what follows it. */
static const char *check_answer(const char *at, const char *end)
{
    static const char *const names[] = {"Date",
                                        "X-Content-Type-Options",
                                        "Content-Length",
                                        "Content-Type",
                                        "Allow",
                                        "Connection",
                                        "Cache-Control",
                                        "X-Echo",
                                        NULL};
    const char *head_end = strstr(at, "\r\n\r\n");
    unsigned long length = ULONG_MAX;

    MUST(head_end && strncmp(at, "HTTP/1.1 ", 9) == 0);
    MUST(strtol(at + 9, NULL, 10) >= 200 && strtol(at + 9, NULL, 10) <= 505);
    for (const char *line = strstr(at, "\r\n"); line < head_end; line = strstr(line + 2, "\r\n")) {
        bool known = false;

        for (size_t i = 0; names[i]; i++)
            known = known || (strncmp(line + 2, names[i], strlen(names[i])) == 0 &&
                              line[2 + strlen(names[i])] == ':');
        MUST(known);
        if (strncmp(line + 2, "Content-Length: ", 16) == 0)
            length = strtoul(line + 18, NULL, 10);
    }
    MUST(length <= (size_t)(end - head_end - 4));
    return head_end + 4 + length;
}

/* Takes len bytes out, at an offset. */
static void cut(struct transcript *transcript, size_t at, size_t len)
{
    transcript->len -= len;
    memmove(transcript->text + at, transcript->text + at + len, transcript->len - at + 1);
}

/* A body that is broken and too long is refused for what shows first, which pieces decide. */
static bool is_refusal(const char *answer)
{
    long status = strtol(answer + 9, NULL, 10);

    return (status == 400 || status == 413) && strstr(answer, "\r\nConnection: close\r\n");
}

/* Every answer is whole. What the pieces may change is taken out: the reason of a refusal, and "100
 * Continue", which comes only where the body was not there yet. */
static void check_transcript(struct transcript *transcript)
{
    static const char interim[] = "HTTP/1.1 100 Continue\r\n\r\n";

    for (size_t at = 0; at < transcript->len;) {
        char *text = transcript->text + at;
        size_t len = sizeof interim - 1;
        bool is_interim = strncmp(text, interim, len) == 0;

        if (!is_interim)
            len = (size_t)(check_answer(text, transcript->text + transcript->len) - text);
        if (is_interim) {
            cut(transcript, at, len);
        } else if (is_refusal(text)) {
            cut(transcript, at, len - 1);
            at++;
        } else {
            at += len;
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct event_base *base;
    struct transcript whole = {0}, pieces = {0};

    if (!base)
        base = event_base_new();
    MUST(base);
    if (size < 1)
        return 0;
    size_t piece = 1 + (data[0] & PIECE_BITS);

    if (piece < size / 64)
        piece = size / 64;
    connect_client(base, data[0], data + 1, size - 1, size, &whole);
    check_transcript(&whole);
    if (size <= WHOLE_MOST) {
        connect_client(base, data[0], data + 1, size - 1, piece, &pieces);
        check_transcript(&pieces);
        MUST(whole.len == pieces.len);
        MUST(whole.len == 0 || memcmp(whole.text, pieces.text, whole.len) == 0);
    }
    free(whole.text);
    free(pieces.text);
    return 0;
}
