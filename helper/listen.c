#include "helper/listen.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "common/log.h"
#include "common/unix_socket.h"
#include "helper/session.h"

#define BACKLOG 1024
#define SYSTEMD_FIRST_FD 3
#define OVERFLOW_UID 65534 /* a peer from another user namespace: nobody we know */

struct listener {
    struct helper *helper;
    int fd;
    struct event *event;
    struct event *pause;     /* after a failed accept */
    struct sockaddr_un made; /* sun_path "" where systemd made it */
};

static void take(struct helper *helper, int fd)
{
    struct ucred peer;
    socklen_t len = sizeof peer;
    enum outcome refusal = OUTCOME_COUNT;
    enum quota_room room = QUOTA_NONE;

    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) == 0)
        room = quota_room(helper->quotas, peer.uid);
    if (room == QUOTA_BUSY)
        refusal = OUTCOME_BUSY;
    if (room != QUOTA_NONE && peer.uid == OVERFLOW_UID)
        refusal = OUTCOME_NOT_ALLOWED;
    if (room == QUOTA_NONE || session_new(helper, fd, peer.uid, refusal) == NULL)
        close(fd);
}

static void on_connection(evutil_socket_t fd, short what, void *arg)
{
    struct listener *listener = arg;
    const struct timeval pause = {0, 100000};

    (void)what;
    for (int i = 0; i < 64; i++) {
        int peer = accept4(fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

        if (peer >= 0) {
            take(listener->helper, peer);
            continue;
        }
        if (errno == EINTR || errno == ECONNABORTED)
            continue;
        if (errno != EAGAIN) {
            log_error("accept: %s; waiting", strerror(errno));
            event_del(listener->event);
            evtimer_add(listener->pause, &pause);
        }
        return;
    }
}

static void on_pause_over(evutil_socket_t fd, short what, void *arg)
{
    struct listener *listener = arg;

    (void)fd, (void)what;
    event_add(listener->event, NULL);
}

/* sd_listen_fds(3), for one socket. Returns 1 where there is one, 0 where not, -1 where it is of
 * the wrong kind. */
static int take_systemd_socket(void)
{
    const char *pid = getenv("LISTEN_PID"), *count = getenv("LISTEN_FDS");
    struct sockaddr_un address = {0};
    socklen_t len = sizeof address, int_len = sizeof(int);
    int type = 0, listening = 0;

    if (pid == NULL || count == NULL || strtol(pid, NULL, 10) != getpid())
        return 0;
    unsetenv("LISTEN_PID");
    unsetenv("LISTEN_FDS");
    unsetenv("LISTEN_FDNAMES");
    if (strcmp(count, "1") != 0 ||
        getsockname(SYSTEMD_FIRST_FD, (struct sockaddr *)&address, &len) != 0 ||
        address.sun_family != AF_UNIX ||
        getsockopt(SYSTEMD_FIRST_FD, SOL_SOCKET, SO_TYPE, &type, &int_len) != 0 ||
        type != SOCK_SEQPACKET ||
        getsockopt(SYSTEMD_FIRST_FD, SOL_SOCKET, SO_ACCEPTCONN, &listening, &int_len) != 0 ||
        listening != 1 || fcntl(SYSTEMD_FIRST_FD, F_SETFD, FD_CLOEXEC) != 0 ||
        fcntl(SYSTEMD_FIRST_FD, F_SETFL, O_NONBLOCK) != 0)
        return -1;
    return 1;
}

static int make_socket(struct listener *listener, const char *path, char *why, size_t why_size)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd;

    if (strlen(path) >= sizeof address.sun_path) {
        snprintf(why, why_size, "%s: the path has more than %zu bytes", path,
                 sizeof address.sun_path - 1);
        return -1;
    }
    strcpy(address.sun_path, path);
    if (unix_socket_clear(&address, SOCK_SEQPACKET) != 0) {
        snprintf(why, why_size, "%s: there is one already; is another approve-helper running?",
                 path);
        return -1;
    }
    fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof address) != 0 ||
        chmod(path, 0666) != 0 || listen(fd, BACKLOG) != 0) {
        snprintf(why, why_size, "%s: %s", path, strerror(errno));
        if (fd >= 0)
            close(fd);
        return -1;
    }
    listener->made = address;
    return fd;
}

struct listener *listen_new(struct helper *helper, const char *path, char *why, size_t why_size)
{
    struct listener *listener = calloc(1, sizeof *listener);
    int given = take_systemd_socket();

    snprintf(why, why_size, "no memory");
    if (listener == NULL)
        return NULL;
    listener->helper = helper;
    if (given < 0)
        snprintf(why, why_size, "systemd's socket is not one ListenSequentialPacket= socket");
    listener->fd = given > 0    ? SYSTEMD_FIRST_FD
                   : given == 0 ? make_socket(listener, path, why, why_size)
                                : -1;
    if (listener->fd >= 0) {
        listener->event =
            event_new(helper->base, listener->fd, EV_READ | EV_PERSIST, on_connection, listener);
        listener->pause = evtimer_new(helper->base, on_pause_over, listener);
    }
    if (listener->event == NULL || listener->pause == NULL ||
        event_add(listener->event, NULL) != 0) {
        listen_free(listener);
        return NULL;
    }
    return listener;
}

void listen_free(struct listener *listener)
{
    if (listener == NULL)
        return;
    if (listener->event != NULL)
        event_free(listener->event);
    if (listener->pause != NULL)
        event_free(listener->pause);
    if (listener->fd >= 0)
        close(listener->fd);
    if (listener->made.sun_path[0] != 0)
        unlink(listener->made.sun_path);
    free(listener);
}
