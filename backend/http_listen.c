/* Listening sockets, and who may connect to them. */
#include "backend/http_private.h"

#include <arpa/inet.h>
#include <errno.h>
#include <event2/bufferevent_ssl.h>
#include <event2/listener.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "common/address.h"
#include "common/clock.h"
#include "common/i18n.h"
#include "common/log.h"
#include "common/unix_socket.h"

#define BACKLOG 4096
#define ACCEPT_PAUSE_MS 200
#define WARN_EVERY_MS 60000

static void set_option(int fd, int level, int option, int value)
{
    if (setsockopt(fd, level, option, &value, sizeof value) < 0)
        log_warn(_("a socket option was not accepted: %s"), strerror(errno));
}

static void warn_of_limit(struct http_server *server, enum warning warning, const char *peer)
{
    int64_t now = clock_mono_ms(), *warned_ms = &server->warned_ms[warning];
    if (*warned_ms && now - *warned_ms < WARN_EVERY_MS)
        return;
    *warned_ms = now;
    if (warning == WARNING_ADDRESS)
        log_warn(_("connections ended: %s has as many as one address may have without a signature; "
                   "see [limits] in server.conf"),
                 peer);
    else if (warning == WARNING_ENDED)
        log_warn(_("connections ended: %zu are open, as many as there may be, and those without a "
                   "signature give way; see [limits] in server.conf"),
                 server->most);
    else
        log_warn(_("connections refused: %zu are open, as many as there may be; see [limits] in "
                   "server.conf"),
                 server->most);
}

static void name_peer(const struct sockaddr *from, char peer[PEER_SIZE])
{
    snprintf(peer, PEER_SIZE, "unix");
    if (from->sa_family == AF_INET) {
        inet_ntop(AF_INET, &((const struct sockaddr_in *)from)->sin_addr, peer, PEER_SIZE);
    } else if (from->sa_family == AF_INET6) {
        const struct in6_addr *address = &((const struct sockaddr_in6 *)from)->sin6_addr;
        if (IN6_IS_ADDR_V4MAPPED(address))
            inet_ntop(AF_INET, address->s6_addr + 12, peer, PEER_SIZE);
        else
            inet_ntop(AF_INET6, address, peer, PEER_SIZE);
    }
}

static bool may_administer(int fd)
{
    struct ucred peer;
    socklen_t len = sizeof peer;
    return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) == 0 &&
           (peer.uid == 0 || peer.uid == geteuid());
}

static struct bufferevent *make_bufferevent(const struct http_listener *listener, int fd)
{
    struct event_base *base = listener->server->base;
    if (!listener->tls)
        return bufferevent_socket_new(base, fd, BEV_OPT_CLOSE_ON_FREE);
    SSL *ssl = SSL_new(listener->tls);
    struct bufferevent *bev =
        ssl ? bufferevent_openssl_socket_new(base, fd, ssl, BUFFEREVENT_SSL_ACCEPTING,
                                             BEV_OPT_CLOSE_ON_FREE)
            : NULL;
    if (bev) /* else libevent has freed ssl */
        bufferevent_openssl_set_allow_dirty_shutdown(bev, 1);
    return bev;
}

/* An address that has as many as it may gives up its oldest: refusing the new one would let whoever
 * shares the address with a host keep it out. So does the whole server, which many addresses can
 * fill. There the oldest goes, whoever has it: were it one of the address that has most, someone
 * with one from each of very many addresses could keep out whoever needs two. */
static bool make_room(struct http_server *server, const uint64_t address[2], const char *peer)
{
    bool one_full = http_limits_full(server->addresses, address, server->most_of_one);
    if (!one_full && server->count < server->most)
        return true;
    bool made = http_connection_evict(server, one_full ? address : NULL);
    if (one_full)
        warn_of_limit(server, WARNING_ADDRESS, peer);
    else
        warn_of_limit(server, made ? WARNING_ENDED : WARNING_REFUSED, peer);
    return made;
}

static void accept_connection(struct evconnlistener *socket, evutil_socket_t fd,
                              struct sockaddr *from, int len, void *arg)
{
    (void)socket, (void)len;
    struct http_listener *listener = arg;
    struct http_server *server = listener->server;
    uint64_t address[2];
    struct bufferevent *bev = NULL;
    char peer[PEER_SIZE];

    name_peer(from, peer);
    if (listener->admin && !may_administer(fd))
        goto out;
    address_key(from, address);
    if (!listener->path && !make_room(server, address, peer))
        goto out;
    bev = make_bufferevent(listener, fd);
    if (bev && http_connection_start(listener, bev, peer, listener->path ? NULL : address) == 0)
        return;
out:
    if (bev)
        bufferevent_free(bev);
    else
        close(fd);
}

static void accept_again(evutil_socket_t fd, short what, void *arg)
{
    (void)fd, (void)what;
    evconnlistener_enable(((struct http_listener *)arg)->socket);
}

/* Out of descriptors: pause, or the loop spins on the socket that stays readable. */
static void accept_failed(struct evconnlistener *socket, void *arg)
{
    struct http_listener *listener = arg;
    const struct timeval pause = {.tv_usec = ACCEPT_PAUSE_MS * 1000};
    log_warn(_("a connection could not be accepted: %s"), strerror(errno));
    evconnlistener_disable(socket);
    event_add(listener->again, &pause);
}

static void free_listener(struct http_listener *listener)
{
    if (listener->socket)
        evconnlistener_free(listener->socket);
    if (listener->again)
        event_free(listener->again);
    if (listener->path)
        unlink(listener->path);
    SSL_CTX_free(listener->tls);
    free(listener->path);
    free(listener);
}

void http_listeners_free(struct http_server *server)
{
    while (server->listeners) {
        struct http_listener *listener = server->listeners;
        server->listeners = listener->next;
        free_listener(listener);
    }
}

/* Takes fd, which is bound. */
static int add_listener(struct http_server *server, int fd, const struct http_listener *like)
{
    struct http_listener *listener = calloc(1, sizeof *listener);
    if (!listener) {
        close(fd);
        return -1;
    }
    *listener = *like;
    listener->server = server;
    listener->path = like->path ? strdup(like->path) : NULL;
    listener->again = evtimer_new(server->base, accept_again, listener);
    listener->socket =
        evconnlistener_new(server->base, accept_connection, listener,
                           LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC, BACKLOG, fd);
    if (!listener->socket)
        close(fd);
    if (listener->tls)
        SSL_CTX_up_ref(listener->tls);
    if (!listener->socket || !listener->again || (like->path && !listener->path)) {
        free_listener(listener);
        return -1;
    }
    evconnlistener_set_error_cb(listener->socket, accept_failed);
    listener->next = server->listeners;
    server->listeners = listener;
    return 0;
}

/* "HOST:PORT" with a numeric host. */
static int parse_address(const char *text, struct sockaddr_storage *address, socklen_t *len)
{
    const struct addrinfo hints = {.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV | AI_PASSIVE,
                                   .ai_socktype = SOCK_STREAM};
    const char *colon = strrchr(text, ':');
    struct addrinfo *found = NULL;
    char host[64];
    size_t host_len = colon ? (size_t)(colon - text) : 0;

    if (host_len > 1 && text[0] == '[' && text[host_len - 1] == ']') {
        text++;
        host_len -= 2;
    } else if (colon && memchr(text, ':', host_len)) {
        return -1; /* IPv6 stands in brackets */
    }
    if (host_len == 0 || host_len >= sizeof host || !colon[1])
        return -1;
    memcpy(host, text, host_len);
    host[host_len] = '\0';
    if (getaddrinfo(host, colon + 1, &hints, &found) != 0)
        return -1;
    memcpy(address, found->ai_addr, found->ai_addrlen);
    *len = found->ai_addrlen;
    freeaddrinfo(found);
    return 0;
}

int http_listen_tcp(struct http_server *server, const char *address, SSL_CTX *tls, char *why,
                    size_t why_size)
{
    struct sockaddr_storage where;
    socklen_t len = 0;
    const struct http_listener like = {.tls = tls};
    int fd;

    if (parse_address(address, &where, &len) < 0) {
        snprintf(why, why_size,
                 _("%s is no address to listen on; write ADDRESS:PORT or [IPV6]:PORT"), address);
        return -1;
    }
    fd = socket(where.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd >= 0) {
        set_option(fd, SOL_SOCKET, SO_REUSEADDR, 1);
        /* What is accepted inherits these. Without NODELAY a TLS answer waits for the client's
         * delayed ACK; keep-alives find parked clients that vanished. */
        set_option(fd, IPPROTO_TCP, TCP_NODELAY, 1);
        set_option(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
        set_option(fd, IPPROTO_TCP, TCP_KEEPIDLE, 20);
        set_option(fd, IPPROTO_TCP, TCP_KEEPINTVL, 5);
        set_option(fd, IPPROTO_TCP, TCP_KEEPCNT, 3);
        if (where.ss_family == AF_INET6)
            set_option(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1);
    }
    if (fd < 0 || bind(fd, (struct sockaddr *)&where, len) < 0) {
        snprintf(why, why_size, _("cannot listen on %s: %s"), address, strerror(errno));
        if (fd >= 0)
            close(fd);
        return -1;
    }
    if (add_listener(server, fd, &like) < 0) {
        snprintf(why, why_size, _("cannot listen on %s: %s"), address, strerror(errno));
        return -1;
    }
    return 0;
}

int http_listen_unix(struct http_server *server, const char *path, mode_t mode, bool admin,
                     char *why, size_t why_size)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    struct http_listener like = {.admin = admin};
    int fd = -1, bound = -1;

    if (strlen(path) >= sizeof address.sun_path) {
        snprintf(why, why_size, _("%s: the path is too long for a socket"), path);
        return -1;
    }
    strcpy(address.sun_path, path);
    like.path = address.sun_path;
    if (unix_socket_clear(&address, SOCK_STREAM) == 0)
        fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd >= 0) {
        mode_t before = umask(0777 & ~mode);
        bound = bind(fd, (struct sockaddr *)&address, sizeof address);
        umask(before);
    }
    if (bound == 0 && add_listener(server, fd, &like) == 0)
        return 0;
    snprintf(why, why_size, _("cannot listen on %s: %s"), path, strerror(errno));
    if (fd >= 0 && bound < 0)
        close(fd);
    return -1;
}
