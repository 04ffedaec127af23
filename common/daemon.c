#include "common/daemon.h"

#include <malloc.h>
#include <signal.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "common/random.h"

#define FILES_UNKNOWN 1024
#define MEMORY_KEPT (4 * 1024 * 1024) /* free bytes at the heap's end */

size_t daemon_set_up(void)
{
    struct rlimit files;

    umask(077);
    /* Else the heap's end is given back and taken again with every few calls. */
    mallopt(M_TRIM_THRESHOLD, MEMORY_KEPT);
    mallopt(M_TOP_PAD, MEMORY_KEPT / 16);
    signal(SIGPIPE, SIG_IGN);
    secret_keep();
    if (getrlimit(RLIMIT_NOFILE, &files) < 0)
        return FILES_UNKNOWN;
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
    getrlimit(RLIMIT_NOFILE, &files);
    return files.rlim_cur;
}

/* libsystemd would bring a library of 900 kB for one datagram, whose form is promised to stay. */
void daemon_ready(void)
{
    static const char message[] = "READY=1";
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    const char *path = getenv("NOTIFY_SOCKET");
    size_t len = path != NULL ? strlen(path) : 0;
    socklen_t size;
    int fd;

    if (len < 2 || len >= sizeof address.sun_path || (*path != '/' && *path != '@'))
        return;
    memcpy(address.sun_path, path, len);
    if (*path == '@')
        address.sun_path[0] = 0; /* an abstract address */
    size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len);
    fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd >= 0) {
        sendto(fd, message, strlen(message), MSG_NOSIGNAL, (struct sockaddr *)&address, size);
        close(fd);
    }
    unsetenv("NOTIFY_SOCKET");
}
