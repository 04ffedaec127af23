/* The socket of the helper, and whether it is root's helper that answers there. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "common/clock.h"
#include "pam_module/session.h"

#define RETRY_MS 100

static bool is_trusted(uid_t uid)
{
    return uid == 0 || uid == geteuid();
}

/*
 * A folder in which nobody else can put or replace things. Further up, a sticky one such as /tmp
 * will do: its entries can be replaced by their owners alone.
 */
static bool is_safe_folder(const char *path, bool last)
{
    struct stat st;

    return lstat(path, &st) == 0 && S_ISDIR(st.st_mode) && is_trusted(st.st_uid) &&
           ((st.st_mode & (S_IWGRP | S_IWOTH)) == 0 || (!last && (st.st_mode & S_ISVTX) != 0));
}

/* Every folder on the way, from the top. The one that fails is left in `folder`. */
static bool is_safe_path(const char *path, char folder[sizeof((struct sockaddr_un *)0)->sun_path])
{
    const char *last = strrchr(path, '/');

    strcpy(folder, "/");
    if (!is_safe_folder(folder, last == path))
        return false;
    for (const char *p = strchr(path + 1, '/'); p != NULL; p = strchr(p + 1, '/')) {
        size_t len = (size_t)(p - path);
        memcpy(folder, path, len);
        folder[len] = 0;
        if (!is_safe_folder(folder, p == last))
            return false;
    }
    return true;
}

static int open_socket(void)
{
    int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    int high = fd;

    /* Never 0, 1 or 2: a host that closed those might write there. */
    if (fd >= 0 && fd <= STDERR_FILENO) {
        high = fcntl(fd, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
        close(fd);
    }
    return high;
}

/* A full backlog shows as EAGAIN, and poll cannot tell when it ends: ask again until the deadline.
 */
static int connect_in_time(struct session *session, const struct sockaddr_un *address)
{
    const char *path = address->sun_path;

    while (connect(session->fd, (const struct sockaddr *)address, sizeof *address) != 0) {
        int64_t retry = clock_mono_ms() + RETRY_MS;
        if (errno != EAGAIN && errno != EINTR)
            return session_refuse(
                session, "no helper answers at %s: %m (systemctl status approve-helper.socket)",
                path);
        if (retry > session->deadline)
            return session_refuse(session, "the helper at %s takes no more connections", path);
        if (session_wait(session, -1, 0, retry) != CALLER_LATE)
            return -1;
    }
    return 0;
}

/* The credentials are those of whoever called listen(). */
static int check_peer(struct session *session, const char *path)
{
    struct ucred peer = {.uid = (uid_t)-1};
    socklen_t len = sizeof peer;
    struct stat st;

    if (lstat(path, &st) != 0 || !S_ISSOCK(st.st_mode) ||
        getsockopt(session->fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) != 0)
        return session_refuse(session, "%s cannot be examined: %m", path);
    if (!is_trusted(peer.uid) && peer.uid != st.st_uid)
        return session_refuse(session, "uid %u listens at %s, which is neither root nor its owner",
                              (unsigned)peer.uid, path);
    return 0;
}

int connect_helper(struct session *session)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    char folder[sizeof address.sun_path];
    const char *path = session->arguments->socket;

    if (*path != '/' || strlen(path) >= sizeof address.sun_path)
        return session_refuse(session, "socket=%s is not an absolute path of at most %zu bytes",
                              path, sizeof address.sun_path - 1);
    strcpy(address.sun_path, path);
    if (!is_safe_path(path, folder))
        return session_refuse(session,
                              "%s is missing, a link, or can be changed by others than root: "
                              "a helper below it is not trusted",
                              folder);
    session->fd = open_socket();
    if (session->fd < 0)
        return session_refuse(session, "no socket: %m");
    if (connect_in_time(session, &address) != 0)
        return -1;
    return check_peer(session, path);
}
