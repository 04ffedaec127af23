/* Connections and calls. A connection has one call at a time; what a client sends ahead waits in
 * the input buffer. */
#include "backend/http.h"

#include <event2/buffer.h>
#include <event2/bufferevent_ssl.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "backend/http_private.h"
#include "common/i18n.h"
#include "common/log.h"

/* How long a client may take, in seconds, whatever it sends meanwhile. Answers have their own. */
#define HEAD_SECONDS 10 /* from the accept or the first byte, TLS handshake included */
#define BODY_SECONDS 10
#define IDLE_SECONDS 60 /* between two requests */
#define LINGER_SECONDS 2

#define INPUT_MAX (2 * HTTP_HEAD_MAX) /* that libevent reads ahead of us */
#define AHEAD_MAX HTTP_HEAD_MAX       /* that a client may send during a call */
#define LINGER_MAX (1024 * 1024)      /* that is thrown away before a connection is cut */

void http_set_deadline(struct connection *connection, int seconds)
{
    const struct timeval after = {.tv_sec = seconds};
    if (seconds)
        event_add(connection->deadline, &after);
    else
        event_del(connection->deadline);
}

/* --- the end of calls and connections ------------------------------------------------------- */

static void free_connection(struct connection *connection)
{
    struct http_server *server = connection->server;
    struct http_call *call = connection->call;
    connection->state = STATE_GONE;
    if (call && call->gone)
        call->gone(call->arg);
    http_call_free(call);
    bufferevent_free(connection->bev);
    event_free(connection->deadline);
    http_limits_give_back(&connection->by_address);
    http_limits_give_back(&connection->by_sender);
    *connection->link = connection->next;
    if (connection->next)
        connection->next->link = connection->link;
    server->count--;
    free(connection);
}

/* --- requests ------------------------------------------------------------------------------- */

static void run_handler(struct connection *connection)
{
    struct http_call *call = connection->call;
    connection->state = STATE_CALL;
    http_limits_keep(&connection->by_address); /* its signature is looked at: milliseconds */
    http_set_deadline(connection, 0);
    call->route->handle(call, connection->server->context);
    if (connection->state == STATE_CALL && connection->call == call && !call->held) {
        log_error(_("%s: the handler gave no answer"), call->route->path);
        http_reply_json(call, 500, NULL);
    }
}

static bool step_body(struct connection *connection)
{
    int result = http_call_take_body(connection->call, bufferevent_get_input(connection->bev));
    if (result < 0)
        http_refuse(connection, -result, "");
    else if (result > 0)
        run_handler(connection);
    return result > 0;
}

/* A whole head of len bytes stands in the input. */
static void start_call(struct connection *connection, size_t len)
{
    struct evbuffer *input = bufferevent_get_input(connection->bev);
    struct http_call *call = calloc(1, sizeof *call + len + 1);
    const char *allow = "";
    int status = 503;

    connection->call = call;
    connection->scanned = 0;
    if (call) {
        call->connection = connection;
        call->rest = "";
        evbuffer_remove(input, call->text, len);
        status = http_head_parse(call->text, len, &call->head);
        if (status == 0)
            status = http_call_find_route(call, &allow);
    }
    if (status != 0) {
        http_refuse(connection, status, allow);
        return;
    }
    connection->keep_alive = call->head.keep_alive;
    connection->state = STATE_BODY;
    http_set_deadline(connection, BODY_SECONDS);
    if (call->head.wait_for_continue &&
        (call->head.chunked || call->head.length > evbuffer_get_length(input)))
        evbuffer_add_printf(bufferevent_get_output(connection->bev),
                            "HTTP/1.1 100 Continue\r\n\r\n");
}

static bool step_head(struct connection *connection)
{
    struct evbuffer *input = bufferevent_get_input(connection->bev);
    size_t len = evbuffer_get_length(input);
    if (len == 0)
        return false;
    if (connection->scanned == 0)
        http_set_deadline(connection, HEAD_SECONDS);
    int end = http_head_end((const char *)evbuffer_pullup(input, -1), len, &connection->scanned);
    if (end > 0)
        start_call(connection, (size_t)end);
    else if (end < 0)
        http_refuse(connection, -end, "");
    return end > 0;
}

/* Goes on with what stands in the input, as far as the state allows. */
static void process(struct connection *connection)
{
    bool more = true;
    while (more) {
        more = false;
        if (connection->state == STATE_HEAD)
            more = step_head(connection);
        else if (connection->state == STATE_BODY)
            more = step_body(connection);
    }
}

/* --- events --------------------------------------------------------------------------------- */

static void on_read(struct bufferevent *bev, void *arg)
{
    struct connection *connection = arg;
    struct evbuffer *input = bufferevent_get_input(bev);
    size_t len = evbuffer_get_length(input);
    if (connection->state == STATE_LINGER) {
        connection->lingered += len;
        evbuffer_drain(input, len);
        if (connection->lingered > LINGER_MAX)
            free_connection(connection);
    } else if (connection->state == STATE_CALL && len > AHEAD_MAX) {
        free_connection(connection);
    } else {
        process(connection);
    }
}

static void linger(struct connection *connection)
{
    SSL *ssl = connection->listener->tls ? bufferevent_openssl_get_ssl(connection->bev) : NULL;
    connection->state = STATE_LINGER;
    if (ssl)
        SSL_shutdown(ssl);
    shutdown(bufferevent_getfd(connection->bev), SHUT_WR);
    http_set_deadline(connection, LINGER_SECONDS);
    evbuffer_drain(bufferevent_get_input(connection->bev), SIZE_MAX);
}

static void on_written(struct bufferevent *bev, void *arg)
{
    (void)bev;
    struct connection *connection = arg;
    if (connection->state != STATE_ANSWER)
        return;
    if (!connection->keep_alive) {
        linger(connection);
        return;
    }
    connection->state = STATE_HEAD;
    http_set_deadline(connection, IDLE_SECONDS);
    process(connection);
}

static void on_event(struct bufferevent *bev, short what, void *arg)
{
    (void)bev;
    if (what & (BEV_EVENT_EOF | BEV_EVENT_ERROR))
        free_connection(arg);
}

static void on_deadline(evutil_socket_t fd, short what, void *arg)
{
    (void)fd, (void)what;
    struct connection *connection = arg;
    if (connection->state == STATE_BODY ||
        (connection->state == STATE_HEAD && connection->scanned > 0))
        http_refuse(connection, 408, "");
    else
        free_connection(connection);
}

int http_connection_start(struct http_listener *listener, struct bufferevent *bev, const char *peer,
                          const uint64_t address[2])
{
    struct http_server *server = listener->server;
    struct connection *connection = calloc(1, sizeof *connection);
    if (!connection)
        return -1;
    connection->deadline = evtimer_new(server->base, on_deadline, connection);
    connection->by_address.owner = connection;
    if (!connection->deadline ||
        (address && !http_limits_take(server->addresses, address, server->most_of_one,
                                      &connection->by_address))) {
        if (connection->deadline)
            event_free(connection->deadline);
        free(connection);
        return -1;
    }
    connection->server = server;
    connection->listener = listener;
    connection->bev = bev;
    snprintf(connection->peer, sizeof connection->peer, "%s", peer);
    connection->next = server->connections;
    connection->link = &server->connections;
    if (connection->next)
        connection->next->link = &connection->next;
    server->connections = connection;
    server->count++;
    bufferevent_setcb(bev, on_read, on_written, on_event, connection);
    bufferevent_setwatermark(bev, EV_READ, 0, INPUT_MAX);
    bufferevent_enable(bev, EV_READ | EV_WRITE);
    http_set_deadline(connection, HEAD_SECONDS);
    return 0;
}

bool http_connection_evict(struct http_server *server, const uint64_t address[2])
{
    struct http_place *place = http_limits_oldest(server->addresses, address);
    if (place)
        free_connection(place->owner);
    return place != NULL;
}

void http_signed(struct http_call *call, const char *sender, size_t most)
{
    struct connection *connection = call->connection;
    unsigned char hash[EVP_MAX_MD_SIZE];
    uint64_t key[2];
    bool taken = false;
    if (!connection->by_address.source)
        return;
    if (EVP_Digest(sender, strlen(sender), hash, NULL, EVP_sha256(), NULL) == 1) {
        memcpy(key, hash, sizeof key);
        taken = http_limits_take(connection->server->senders, key, most, &connection->by_sender);
    }
    if (taken)
        http_limits_give_back(&connection->by_address);
    else
        http_limits_offer(&connection->by_address); /* its sender has no more room */
}

/* --- the server ----------------------------------------------------------------------------- */

struct http_server *http_server_new(struct event_base *base, const struct http_route *routes,
                                    void *context)
{
    struct http_server *server = calloc(1, sizeof *server);
    if (!server)
        return NULL;
    *server = (struct http_server){
        .base = base, .routes = routes, .context = context, .most = 1000, .most_of_one = 200};
    server->addresses = http_limits_new();
    server->senders = http_limits_new();
    if (!server->addresses || !server->senders) {
        http_server_free(server);
        return NULL;
    }
    return server;
}

void http_set_limits(struct http_server *server, size_t most, size_t most_of_one)
{
    server->most = most;
    server->most_of_one = most_of_one;
}

void http_server_free(struct http_server *server)
{
    if (!server)
        return;
    http_listeners_free(server);
    while (server->connections)
        free_connection(server->connections);
    http_limits_free(server->addresses);
    http_limits_free(server->senders);
    free(server);
}

size_t http_connections(const struct http_server *server)
{
    return server->count;
}
