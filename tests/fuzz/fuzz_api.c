/*
 * Every route of approve-server with its store. The input is calls by lines:
 *   P NAME JSON   a phone's, signed: /phone/v1/NAME; members that are not there have what fits
 *   N NAME JSON   the same of a phone that is not enrolled yet
 *   H NAME FORM   a host's: /ciba/NAME, with its assertion
 *   A NAME JSON   an administrator's: /admin/v1/NAME
 *   X PATH TYPE BODY   any POST; G PATH: any GET
 *   c             the oldest connection that is still held goes away
 *   w MS          so much time passes
 *   f r           the store takes nothing from now on, and takes it again
 * See api_words.c for the words in them. Each call has a connection of its own, and goes on with
 * the next line where it is held.
 */
#include <sys/socket.h>
#include <unistd.h>

#include "common/json_text.h"
#include "tests/fuzz/api_world.h"
#include "tests/fuzz/fuzz.h"

#define CONNECTIONS 40
#define LINES_MOST 48
#define ASSERTION                                                                                  \
    "client_assertion_type=urn%3Aietf%3Aparams%3Aoauth%3Aclient-assertion-type%3Ajwt-bearer"       \
    "&client_assertion=<assertion>&"

static struct connection_side {
    int fd;    /* -1: none */
    bool json; /* the answer must be */
} sides[CONNECTIONS];

static void turn(void)
{
    for (int i = 0; i < 4; i++)
        event_base_loop(api.server.base, EVLOOP_NONBLOCK);
}

/* --- what comes back -------------------------------------------------------------------------- */

/* What the next lines may name. */
static void keep(const json_t *body)
{
    const char *id = json_text_string(body, "auth_req_id", sizeof api.auth_req_id - 1);
    const char *revision = json_text_string(body, "revision", sizeof api.revision - 1);

    if (id)
        strcpy(api.auth_req_id, id);
    if (revision)
        strcpy(api.revision, revision);
}

static void check_answer(const char *answer, size_t len, bool json)
{
    const char *body = strstr(answer, "\r\n\r\n");
    long status = strtol(answer + 9, NULL, 10);
    json_t *object;

    MUST(strncmp(answer, "HTTP/1.1 ", 9) == 0 && body && strlen(answer) == len);
    /* The server's own faults are faults. */
    MUST(status >= 200 && (status < 500 || status == 503));
    MUST(status != 503 || api.store_fails);
    if (!json && !strstr(answer, "Content-Type: application/json"))
        return;
    object = json_text_object(body + 4, strlen(body + 4), SIZE_MAX);
    MUST(object && (status < 400 || status == 503 || json_text_string(object, "error", 64)));
    keep(object);
    json_decref(object);
}

static void read_answers(void)
{
    static char answer[1 << 20];

    for (size_t i = 0; i < CONNECTIONS; i++) {
        ssize_t len =
            sides[i].fd >= 0 ? recv(sides[i].fd, answer, sizeof answer - 1, MSG_DONTWAIT) : -1;
        if (len <= 0)
            continue;
        answer[len] = '\0';
        check_answer(answer, (size_t)len, sides[i].json);
        close(sides[i].fd);
        sides[i].fd = -1;
    }
}

static void settle(void)
{
    turn();
    read_answers();
    turn();
}

static bool hang_up(void)
{
    for (size_t i = 0; i < CONNECTIONS; i++) {
        if (sides[i].fd < 0)
            continue;
        close(sides[i].fd);
        sides[i].fd = -1;
        turn();
        return true;
    }
    return false;
}

/* --- calls ------------------------------------------------------------------------------------ */

static struct connection_side *open_side(bool admin)
{
    static struct http_listener listeners[2];
    struct connection_side *side = sides;
    struct bufferevent *bev;
    int fds[2];

    while (side < sides + CONNECTIONS && side->fd >= 0)
        side++;
    if (side == sides + CONNECTIONS)
        return NULL;
    listeners[admin] = (struct http_listener){.server = api.server.http, .admin = admin};
    MUST(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds) == 0);
    bev = bufferevent_socket_new(api.server.base, fds[0], BEV_OPT_CLOSE_ON_FREE);
    MUST(bev && http_connection_start(&listeners[admin], bev, "192.0.2.9", NULL) == 0);
    side->fd = fds[1];
    return side;
}

/* type NULL: a GET. */
static void call(bool admin, const char *path, const char *type, const char *body)
{
    struct connection_side *side = open_side(admin);
    char *request = NULL, clean[64];
    int len;

    if (!side)
        return;
    snprintf(clean, sizeof clean, "%.*s", (int)strcspn(path, " \r\n"), path);
    if (type)
        len = asprintf(&request,
                       "POST %s HTTP/1.1\r\nHost: a\r\nContent-Type: %.*s\r\nContent-Length: %zu"
                       "\r\n\r\n%s",
                       clean, (int)strcspn(type, "\r\n"), type, strlen(body), body);
    else
        len = asprintf(&request, "GET %s HTTP/1.1\r\nHost: a\r\n\r\n", clean);
    MUST(len > 0);
    side->json = type != NULL;
    (void)!write(side->fd, request, (size_t)len); /* all of it: the socket takes more than that */
    free(request);
    settle();
}

/* The body is before, text and after, with their words in place. */
static void call_named(const char *folder, const char *name, bool admin, const char *type,
                       const char *before, const char *text, const char *after)
{
    char *whole = NULL, *body;

    snprintf(api.path, sizeof api.path, "%s%.*s", folder, (int)strcspn(name, " "), name);
    for (char *c = api.path; *c; c++)
        if (*c <= ' ' || *c >= 0x7f)
            *c = '_'; /* the phone writes it into JSON */
    MUST(asprintf(&whole, "%s%s%s", before, text, after) >= 0);
    body = api_expand(whole);
    call(admin, api.path, type, body);
    free(body);
    free(whole);
}

static void play(char *line)
{
    char *name = line + (*line != '\0'), *rest = strchr(name, ' ');

    if (rest)
        *rest++ = '\0';
    else
        rest = name + strlen(name);
    switch (*line) {
    case 'P':
        call_named("/phone/v1/", name, false, "application/jose", *rest ? "<phone|" : "<phone",
                   rest, ">");
        break;
    case 'N':
        call_named("/phone/v1/", name, false, "application/jose", *rest ? "<new|" : "<new", rest,
                   ">");
        break;
    case 'H':
        call_named("/ciba/", name, false, "application/x-www-form-urlencoded", ASSERTION, rest, "");
        break;
    case 'A':
        call_named("/admin/v1/", name, true, "application/json", "", rest, "");
        break;
    case 'X':
        line = strsep(&rest, " ");
        call_named("", name, false, line, "", rest ? rest : "", "");
        break;
    case 'G':
        call(false, name, NULL, "");
        break;
    case 'c':
        hang_up();
        break;
    case 'f':
    case 'r':
        api_fail_store(*line == 'f');
        break;
    case 'w':
        api.passed_ms += (int64_t)(strtoul(name, NULL, 10) % 10000000);
        settle();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = fuzz_text(data, size), *rest = text, *line;

    if (!api.server.store) {
        for (size_t i = 0; i < CONNECTIONS; i++)
            sides[i].fd = -1;
        api_start();
    }
    api_reset();
    for (int i = 0; (line = strsep(&rest, "\n")) && i < LINES_MOST; i++)
        play(line);
    while (hang_up())
        ;
    settle();
    MUST(http_connections(api.server.http) == 0);
    api_check_store();
    free(text);
    return 0;
}
