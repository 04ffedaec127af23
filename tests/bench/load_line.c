#include "tests/bench/load_line.h"

#include <arpa/inet.h>
#include <err.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/bufferevent_ssl.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>

#define HEAD_MAX 4096

struct load_line {
    struct bufferevent *bev;
    int port;
    load_done *done;
    void *arg;
};

/* Takes one whole answer out of the input, where there is one. */
static void on_read(struct bufferevent *bev, void *arg)
{
    struct load_line *line = arg;
    struct evbuffer *input = bufferevent_get_input(bev);
    struct evbuffer_ptr end = evbuffer_search(input, "\r\n\r\n", 4, NULL);
    char head[HEAD_MAX], *length, *body;
    int status = 0;

    if (end.pos < 0)
        return;
    if (!line->done || end.pos >= HEAD_MAX)
        errx(1, "an answer that nobody asked for");
    evbuffer_copyout(input, head, (size_t)end.pos);
    head[end.pos] = '\0';
    length = strstr(head, "\r\nContent-Length: ");
    if (strncmp(head, "HTTP/1.1 ", 9) != 0 || !length)
        errx(1, "no answer of HTTP: %s", head);
    status = atoi(head + 9);
    size_t len = strtoul(length + 18, NULL, 10), whole = (size_t)end.pos + 4 + len;
    if (evbuffer_get_length(input) < whole)
        return;
    body = malloc(len + 1);
    if (!body)
        err(1, NULL);
    evbuffer_drain(input, (size_t)end.pos + 4);
    evbuffer_remove(input, body, len);
    body[len] = '\0';
    load_done *done = line->done;
    line->done = NULL;
    done(line->arg, status, body, len);
    free(body);
}

static void on_event(struct bufferevent *bev, short what, void *arg)
{
    (void)bev, (void)arg;
    int one = 1;
    if (what & BEV_EVENT_CONNECTED)
        setsockopt(bufferevent_getfd(bev), IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    else
        errx(1, "the server ended a connection");
}

struct load_line *load_line_new(struct event_base *base, int port, SSL_CTX *tls)
{
    struct load_line *line = calloc(1, sizeof *line);
    struct sockaddr_in to = {.sin_family = AF_INET,
                             .sin_port = htons((uint16_t)port),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    if (!line)
        err(1, NULL);
    line->port = port;
    line->bev = tls ? bufferevent_openssl_socket_new(
                          base, -1, SSL_new(tls), BUFFEREVENT_SSL_CONNECTING, BEV_OPT_CLOSE_ON_FREE)
                    : bufferevent_socket_new(base, -1, BEV_OPT_CLOSE_ON_FREE);
    if (!line->bev)
        err(1, NULL);
    bufferevent_setcb(line->bev, on_read, NULL, on_event, line);
    bufferevent_enable(line->bev, EV_READ | EV_WRITE);
    if (bufferevent_socket_connect(line->bev, (struct sockaddr *)&to, sizeof to) < 0)
        err(1, "connect");
    return line;
}

void load_line_free(struct load_line *line)
{
    bufferevent_free(line->bev);
    free(line);
}

void load_line_post(struct load_line *line, const char *path, const char *type, const char *body,
                    load_done *done, void *arg)
{
    line->done = done;
    line->arg = arg;
    evbuffer_add_printf(bufferevent_get_output(line->bev),
                        "POST %s HTTP/1.1\r\nHost: localhost:%d\r\nContent-Type: %s\r\n"
                        "Content-Length: %zu\r\n\r\n%s",
                        path, line->port, type, strlen(body), body);
}
