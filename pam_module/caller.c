#include "pam_module/caller.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "common/clock.h"

#define HOST_DESCRIPTORS 256 /* a login service has its connection among its first ones */

/* An address of either family as IPv6, IPv4 mapped. */
static bool parse_address(const char *text, struct in6_addr *address)
{
    char plain[INET6_ADDRSTRLEN], mapped[INET6_ADDRSTRLEN + 8];
    size_t len = strcspn(text, "%"); /* a link-local address comes with its zone */

    if (len >= sizeof plain)
        return false;
    memcpy(plain, text, len);
    plain[len] = 0;
    snprintf(mapped, sizeof mapped, "::ffff:%s", plain);
    return inet_pton(AF_INET6, plain, address) == 1 ||
           (strchr(plain, ':') == NULL && inet_pton(AF_INET6, mapped, address) == 1);
}

static bool peer_is(int fd, const struct in6_addr *address)
{
    struct sockaddr_storage peer = {0};
    socklen_t len = sizeof peer, type_len = sizeof(int);
    struct in6_addr found = IN6ADDR_ANY_INIT;
    int type = 0;

    if (getpeername(fd, (struct sockaddr *)&peer, &len) != 0 ||
        getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &type_len) != 0 || type != SOCK_STREAM)
        return false;
    if (peer.ss_family == AF_INET6) {
        found = ((struct sockaddr_in6 *)&peer)->sin6_addr;
    } else if (peer.ss_family == AF_INET) {
        found.s6_addr[10] = found.s6_addr[11] = 0xff;
        memcpy(&found.s6_addr[12], &((struct sockaddr_in *)&peer)->sin_addr, 4);
    } else {
        return false;
    }
    return memcmp(&found, address, sizeof found) == 0;
}

static void find_sockets(struct caller *caller, pam_handle_t *pamh)
{
    const void *rhost = NULL;
    struct in6_addr address;

    /* A name is not resolved: that could take seconds. Then only the deadlines are left. */
    if (pam_get_item(pamh, PAM_RHOST, &rhost) != PAM_SUCCESS || rhost == NULL ||
        !parse_address(rhost, &address))
        return;
    for (int fd = 0; fd < HOST_DESCRIPTORS && caller->count < CALLER_SOCKETS; fd++) {
        if (peer_is(fd, &address))
            caller->sockets[caller->count++] = (struct pollfd){.fd = fd, .events = POLLRDHUP};
    }
    caller->live = caller->count;
}

/* The device behind a terminal, also where it was opened by the name /dev/tty. */
static bool terminal_device(int fd, dev_t *device)
{
    unsigned int number = 0;

    if (ioctl(fd, TIOCGDEV, &number) != 0)
        return false;
    *device = makedev((number >> 8) & 0xfff, (number & 0xff) | ((number >> 12) & 0xfff00));
    return true;
}

/* A caller that names no terminal at all (passwd) contradicts nothing. */
static bool item_fits(pam_handle_t *pamh, dev_t device)
{
    const void *item = NULL;
    char path[64];
    struct stat st;
    int len;

    if (pam_get_item(pamh, PAM_TTY, &item) != PAM_SUCCESS)
        return false;
    if (item == NULL)
        return true;
    len = snprintf(path, sizeof path, "%s%s", *(const char *)item == '/' ? "" : "/dev/",
                   (const char *)item);
    return len > 0 && (size_t)len < sizeof path && stat(path, &st) == 0 && S_ISCHR(st.st_mode) &&
           st.st_rdev == device;
}

/*
 * The terminal whose keys may count: ours, the one that PAM_TTY names (if any), and the one on
 * standard input. Where standard input is something else, a prompt would read that (sudo -S), and a
 * key could bring a prompt that nobody can answer.
 */
static int open_terminal(pam_handle_t *pamh)
{
    int tty, high;
    dev_t ours, input;

    tty = open("/dev/tty", O_RDONLY | O_NOCTTY | O_CLOEXEC | O_NONBLOCK);
    if (tty < 0)
        return -1;
    /* Never 0, 1 or 2: a host that closed those might write there. */
    high = fcntl(tty, F_DUPFD_CLOEXEC, 3);
    close(tty);
    if (high < 0)
        return -1;
    if (!terminal_device(high, &ours) || !terminal_device(STDIN_FILENO, &input) || ours != input ||
        !item_fits(pamh, ours)) {
        close(high);
        return -1;
    }
    return high;
}

void caller_open(struct caller *caller, pam_handle_t *pamh)
{
    *caller = (struct caller){.tty = -1};
    find_sockets(caller, pamh);
    caller->tty = open_terminal(pamh);
}

void caller_close(struct caller *caller)
{
    if (caller->tty >= 0)
        close(caller->tty);
    caller->tty = -1;
}

/* sudo and others block these while PAM runs, and act on them after. */
static bool is_interrupted(void)
{
    static const int signals[] = {SIGINT, SIGQUIT, SIGTERM};
    sigset_t pending;

    if (sigpending(&pending) != 0)
        return false;
    for (size_t i = 0; i < sizeof signals / sizeof *signals; i++) {
        if (sigismember(&pending, signals[i]) == 1)
            return true;
    }
    return false;
}

/*
 * Gone when all of them are: a service may hold other connections to the same address. A socket
 * that hung up is not polled again, or the slices would have no length.
 */
static bool sockets_gone(struct caller *caller, const struct pollfd *polled)
{
    for (int i = 0; i < caller->count; i++) {
        if (caller->sockets[i].fd >= 0 && polled[i].revents != 0) {
            caller->sockets[i].fd = -1;
            caller->live--;
        }
    }
    return caller->count > 0 && caller->live == 0;
}

enum caller_event caller_wait(struct caller *caller, int fd, short events, bool key,
                              int64_t deadline)
{
    struct pollfd polled[2 + CALLER_SOCKETS];

    for (;;) {
        int64_t left = deadline - clock_mono_ms();
        int slice = left > CALLER_SLICE_MS ? CALLER_SLICE_MS : left > 0 ? (int)left : 0;
        /* In the background a read would stop the process, so a key there is not for us. */
        bool ours = caller->tty >= 0 && tcgetpgrp(caller->tty) == getpgrp();

        if (is_interrupted())
            return CALLER_INTERRUPTED;
        polled[0] = (struct pollfd){.fd = fd, .events = events};
        polled[1] = (struct pollfd){.fd = caller->tty, .events = key && ours ? POLLIN : 0};
        memcpy(&polled[2], caller->sockets, sizeof caller->sockets);
        if (poll(polled, 2 + (nfds_t)caller->count, slice) < 0) {
            if (errno != EINTR)
                return CALLER_LATE;
            memset(polled, 0, sizeof polled);
        }
        if (polled[0].revents != 0)
            return CALLER_READY;
        if ((polled[1].revents & (POLLHUP | POLLERR | POLLNVAL)) != 0 ||
            sockets_gone(caller, &polled[2]))
            return CALLER_GONE;
        if ((polled[1].revents & POLLIN) != 0)
            return CALLER_KEY;
        if (left <= 0)
            return CALLER_LATE;
    }
}
