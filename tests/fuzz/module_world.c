#include "tests/fuzz/module_world.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <time.h>
#include <unistd.h>

#include "common/sanitize.h"
#include "tests/fuzz/fuzz.h"

#define TERMINAL_DEVICE 0x8801
#define PEER_SOCKET 5 /* the one that the host process has from the user */

struct world world;

bool world_fails(void)
{
    if (!world.running || ++world.calls != world.first)
        return false;
    world.first = world.gap ? world.calls + world.gap : 0;
    return true;
}

#define FAIL(error, result)                                                                        \
    do {                                                                                           \
        if (world_fails()) {                                                                       \
            errno = error;                                                                         \
            return result;                                                                         \
        }                                                                                          \
    } while (0)

/* What is not the module's own business is libc's: libFuzzer and the sanitizers call these too. */
#define OUTSIDE(result)                                                                            \
    do {                                                                                           \
        if (!world.running)                                                                        \
            return result;                                                                         \
    } while (0)

/* The linker's names (--wrap). NOLINTBEGIN(bugprone-reserved-identifier) */

/* A function of libc's that fails when the script says so, and else does what it does. */
#define MAY_FAIL(type, name, parameters, arguments, error, result)                                 \
    type __real_##name parameters;                                                                 \
    type __wrap_##name parameters;                                                                 \
    type __wrap_##name parameters                                                                  \
    {                                                                                              \
        FAIL(error, result);                                                                       \
        return __real_##name arguments;                                                            \
    }

/* --- memory ----------------------------------------------------------------------------------- */

MAY_FAIL(void *, malloc, (size_t size), (size), ENOMEM, NULL)
MAY_FAIL(void *, calloc, (size_t count, size_t size), (count, size), ENOMEM, NULL)
MAY_FAIL(void *, realloc, (void *old, size_t size), (old, size), ENOMEM, NULL)
MAY_FAIL(char *, strdup, (const char *text), (text), ENOMEM, NULL)

int __wrap___vasprintf_chk(char **text, int flag, const char *format, va_list list);
int __wrap___vasprintf_chk(char **text, int flag, const char *format, va_list list)
{
    (void)flag;
    *text = (char *)(uintptr_t)1; /* it is not to be used after a failure */
    FAIL(ENOMEM, -1);
    return vasprintf(text, format, list);
}

int __wrap___asprintf_chk(char **text, int flag, const char *format, ...);
int __wrap___asprintf_chk(char **text, int flag, const char *format, ...)
{
    va_list list;
    int result;

    va_start(list, format);
    result = __wrap___vasprintf_chk(text, flag, format, list);
    va_end(list);
    return result;
}

/* --- files and folders ------------------------------------------------------------------------ */

MAY_FAIL(int, socket, (int domain, int type, int protocol), (domain, type, protocol), EMFILE, -1)
MAY_FAIL(ssize_t, read, (int fd, void *bytes, size_t size), (fd, bytes, size), EIO, -1)
MAY_FAIL(ssize_t, send, (int fd, const void *bytes, size_t size, int flags),
         (fd, bytes, size, flags), EAGAIN, -1)

int __real_open(const char *path, int flags, ...);
int __wrap_open(const char *path, int flags, ...);
int __wrap_open(const char *path, int flags, ...)
{
    va_list list;
    int mode;

    va_start(list, flags);
    mode = va_arg(list, int); /* there or not */
    va_end(list);
    FAIL(EMFILE, -1);
    if (!world.running || strcmp(path, "/dev/tty") != 0)
        return __real_open(path, flags, mode);
    errno = ENXIO;
    return world.has_terminal ? __real_open("/dev/null", flags) : -1;
}

int __real_fcntl(int fd, int command, ...);
int __wrap_fcntl(int fd, int command, ...);
int __wrap_fcntl(int fd, int command, ...)
{
    va_list list;
    int argument;

    va_start(list, command);
    argument = va_arg(list, int);
    va_end(list);
    FAIL(EMFILE, -1);
    return __real_fcntl(fd, command, argument);
}

/* The way to the helper's socket: root's folders, and a socket at its end. */
int __real_lstat(const char *path, struct stat *st);
int __wrap_lstat(const char *path, struct stat *st);
int __wrap_lstat(const char *path, struct stat *st)
{
    OUTSIDE(__real_lstat(path, st));
    FAIL(ENOENT, -1);
    memset(st, 0, sizeof *st);
    st->st_mode = strstr(path, ".sock") ? S_IFSOCK | 0666 : S_IFDIR | 0755;
    if (world.odd_folder > 0 && --world.odd_folder == 0) {
        st->st_mode = world.odd_mode;
        st->st_uid = world.odd_uid;
    }
    return 0;
}

int __real_stat(const char *path, struct stat *st);
int __wrap_stat(const char *path, struct stat *st);
int __wrap_stat(const char *path, struct stat *st)
{
    OUTSIDE(__real_stat(path, st));
    FAIL(ENOENT, -1);
    memset(st, 0, sizeof *st);
    st->st_mode = S_IFCHR | 0600;
    st->st_rdev = makedev(TERMINAL_DEVICE >> 8, TERMINAL_DEVICE & 0xff);
    return 0;
}

int __real_ioctl(int fd, unsigned long request, void *number);
int __wrap_ioctl(int fd, unsigned long request, void *number);
int __wrap_ioctl(int fd, unsigned long request, void *number)
{
    OUTSIDE(__real_ioctl(fd, request, number));
    FAIL(ENOTTY, -1);
    MUST(request == TIOCGDEV);
    *(unsigned *)number = TERMINAL_DEVICE;
    return world.has_terminal ? 0 : -1;
}

pid_t __real_tcgetpgrp(int fd);
pid_t __wrap_tcgetpgrp(int fd);
pid_t __wrap_tcgetpgrp(int fd)
{
    OUTSIDE(__real_tcgetpgrp(fd));
    FAIL(ENOTTY, -1);
    return getpgrp();
}

/* --- sockets ---------------------------------------------------------------------------------- */

/* The module's socket becomes one end of a pair. */
int __real_connect(int fd, const struct sockaddr *address, socklen_t len);
int __wrap_connect(int fd, const struct sockaddr *address, socklen_t len);
int __wrap_connect(int fd, const struct sockaddr *address, socklen_t len)
{
    int fds[2];

    OUTSIDE(__real_connect(fd, address, len));
    FAIL(world.calls % 2 ? ECONNREFUSED : EAGAIN, -1);
    MUST(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds) == 0);
    MUST(dup3(fds[0], fd, O_CLOEXEC) == fd);
    close(fds[0]);
    world.helper = fds[1];
    return 0;
}

int __real_getsockopt(int fd, int level, int name, void *value, socklen_t *len);
int __wrap_getsockopt(int fd, int level, int name, void *value, socklen_t *len);
int __wrap_getsockopt(int fd, int level, int name, void *value, socklen_t *len)
{
    OUTSIDE(__real_getsockopt(fd, level, name, value, len));
    FAIL(ENOTSOCK, -1);
    if (name == SO_TYPE) {
        *(int *)value = SOCK_STREAM;
        return 0;
    }
    MUST(name == SO_PEERCRED && __real_getsockopt(fd, level, name, value, len) == 0);
    ((struct ucred *)value)->uid = world.peer_uid;
    return 0;
}

int __real_getpeername(int fd, struct sockaddr *address, socklen_t *len);
int __wrap_getpeername(int fd, struct sockaddr *address, socklen_t *len);
int __wrap_getpeername(int fd, struct sockaddr *address, socklen_t *len)
{
    OUTSIDE(__real_getpeername(fd, address, len));
    struct sockaddr_in peer = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(0xc0000207)};

    if (fd != PEER_SOCKET || !world.has_socket) {
        errno = ENOTSOCK;
        return -1;
    }
    MUST(*len >= sizeof peer);
    memcpy(address, &peer, sizeof peer);
    *len = sizeof peer;
    return 0;
}

ssize_t __real_recvmsg(int fd, struct msghdr *message, int flags);
ssize_t __wrap_recvmsg(int fd, struct msghdr *message, int flags);
ssize_t __wrap_recvmsg(int fd, struct msghdr *message, int flags)
{
    ssize_t got;

    OUTSIDE(__real_recvmsg(fd, message, flags));
    FAIL(world.calls % 2 ? EINTR : ENOBUFS, -1);
    got = __real_recvmsg(fd, message, flags);
    world.last_len = got < 0 || (message->msg_flags & MSG_TRUNC) ? 0 : (size_t)got;
    memcpy(world.last, message->msg_iov[0].iov_base, world.last_len);
    world.received += got > 0;
    return got;
}

/* --- time and signals ------------------------------------------------------------------------- */

int __real_clock_gettime(clockid_t clock, struct timespec *now);
int __wrap_clock_gettime(clockid_t clock, struct timespec *now);
int __wrap_clock_gettime(clockid_t clock, struct timespec *now)
{
    if (!world.running || clock != CLOCK_MONOTONIC) /* libFuzzer asks too */
        return __real_clock_gettime(clock, now);
    *now = (struct timespec){world.now / 1000, world.now % 1000 * 1000000};
    return 0;
}

int __real_sigpending(sigset_t *set);
int __wrap_sigpending(sigset_t *set);
int __wrap_sigpending(sigset_t *set)
{
    OUTSIDE(__real_sigpending(set));
    sigemptyset(set);
    if (world.interrupted)
        sigaddset(set, SIGINT);
    return 0;
}

int __real_poll(struct pollfd *fds, nfds_t count, int timeout);
int __wrap_poll(struct pollfd *fds, nfds_t count, int timeout);
int __wrap_poll(struct pollfd *fds, nfds_t count, int timeout)
{
    bool key = false, hung_up = false, played;

    OUTSIDE(__real_poll(fds, count, timeout));
    world.running = false;
    played = world.play(&world, &key, &hung_up);
    world.running = true;
    world.now += 1; /* or a script could hold the time still */
    FAIL(world.calls % 2 ? EINTR : ENOMEM, -1);
    MUST(timeout >= 0 && timeout <= 100);
    for (nfds_t i = 0; i < count; i++)
        fds[i].revents = 0;
    if (fds[0].fd >= 0)
        (void)__real_poll(fds, 1, 0);
    if (key && fds[1].events)
        fds[1].revents = POLLIN;
    for (nfds_t i = 2; hung_up && i < count; i++)
        fds[i].revents = fds[i].fd >= 0 ? POLLRDHUP : 0;
    if (!played && !fds[0].revents)
        world.now += timeout;
    return 1;
}

/* --- the log ---------------------------------------------------------------------------------- */

/* One line of text that is safe to read, whatever came in. */
void __wrap___syslog_chk(int priority, int flag, const char *format, ...);
void __wrap___syslog_chk(int priority, int flag, const char *format, ...)
{
    char line[4096];
    va_list list;

    (void)priority, (void)flag;
    va_start(list, format);
    MUST(vsnprintf(line, sizeof line, format, list) >= 0);
    va_end(list);
    MUST(!world.running || sanitize_is_clean(line));
}

/* NOLINTEND(bugprone-reserved-identifier) */

/* libpam tells the audit daemon; there is none. */
int audit_open(void);
int audit_open(void)
{
    errno = EPROTONOSUPPORT;
    return -1;
}

int audit_log_acct_message(int fd, int type, const char *program, const char *action,
                           const char *name, unsigned id, const char *host, const char *address,
                           const char *tty, int result);
int audit_log_acct_message(int fd, int type, const char *program, const char *action,
                           const char *name, unsigned id, const char *host, const char *address,
                           const char *tty, int result)
{
    (void)fd, (void)type, (void)program, (void)action, (void)name, (void)id, (void)host;
    (void)address, (void)tty, (void)result;
    return -1;
}

void audit_close(int fd);
void audit_close(int fd)
{
    (void)fd;
}
