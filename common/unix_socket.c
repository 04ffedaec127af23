#include "common/unix_socket.h"

#include <errno.h>
#include <stdbool.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

int unix_socket_clear(const struct sockaddr_un *address, int type)
{
    struct stat st;
    bool in_use;
    int fd;

    if (lstat(address->sun_path, &st) < 0)
        return 0;
    if (!S_ISSOCK(st.st_mode)) {
        errno = EEXIST;
        return -1;
    }
    fd = socket(AF_UNIX, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -1;
    in_use = connect(fd, (const struct sockaddr *)address, sizeof *address) == 0 ||
             errno != ECONNREFUSED;
    close(fd);
    if (in_use) {
        errno = EADDRINUSE;
        return -1;
    }
    return unlink(address->sun_path);
}
