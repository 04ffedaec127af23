#include "tests/module/fake_helper.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/frame.h"

#define PATIENCE_MS 10000
#define NOBODY_CAME 254
#define NOT_CLOSED 253

int fake_helper_listen(const char *path, int backlog)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

    snprintf(address.sun_path, sizeof address.sun_path, "%s", path);
    unlink(path);
    if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof address) != 0 ||
        chmod(path, 0666) != 0 || listen(fd, backlog) != 0) {
        perror(path);
        exit(1);
    }
    return fd;
}

static bool is_ready(int fd)
{
    struct pollfd polled = {.fd = fd, .events = POLLIN};

    return poll(&polled, 1, PATIENCE_MS) == 1;
}

static bool send_files(int fd, const char *bytes, size_t len)
{
    union {
        char space[CMSG_SPACE(2 * sizeof(int))];
        struct cmsghdr align;
    } control = {0};
    struct iovec part = {(void *)(uintptr_t)bytes, len};
    struct msghdr message = {.msg_iov = &part,
                             .msg_iovlen = 1,
                             .msg_control = control.space,
                             .msg_controllen = sizeof control.space};
    struct cmsghdr *header = CMSG_FIRSTHDR(&message);
    int files[2] = {open("/etc/passwd", O_RDONLY), open("/dev/null", O_RDONLY)};

    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(sizeof files);
    memcpy(CMSG_DATA(header), files, sizeof files);
    return sendmsg(fd, &message, MSG_NOSIGNAL) == (ssize_t)len;
}

/* field: a whole one, with the NUL at its end. */
static bool has_field(const char *frame, size_t len, const char *field, size_t field_len)
{
    for (size_t at = 1; at + field_len <= len; at += strlen(frame + at) + 1) {
        if (memcmp(frame + at, field, field_len) == 0)
            return true;
    }
    return false;
}

static bool expect(int fd, const char *bytes, size_t len)
{
    char got[2 * FRAME_MAX];
    ssize_t count = is_ready(fd) ? recv(fd, got, sizeof got, 0) : -1;

    if (count >= 1 && got[0] == bytes[0] &&
        (len == 1 || has_field(got, (size_t)count, bytes + 1, len - 1)))
        return true;
    fprintf(stderr, "# fake helper: expected %c %s, got %zd bytes:", bytes[0],
            len > 1 ? bytes + 1 : "", count);
    for (ssize_t i = 0; i < count; i++)
        fputc(got[i] != 0 ? got[i] : ' ', stderr);
    fputc('\n', stderr);
    return false;
}

static bool play(int fd, const struct step *step)
{
    switch (step->kind) {
    case STEP_SEND:
        for (int i = 0; i == 0 || i < step->times; i++) {
            /* A module that has refused already is gone; its code says so. */
            if (send(fd, step->bytes, step->len, MSG_NOSIGNAL) != (ssize_t)step->len)
                return errno == EPIPE;
        }
        return true;
    case STEP_SEND_FILES:
        return send_files(fd, step->bytes, step->len);
    case STEP_EXPECT:
        return expect(fd, step->bytes, step->len);
    case STEP_PAUSE:
        usleep((useconds_t)step->len * 1000);
        return true;
    case STEP_STOP:
        return raise(SIGSTOP) == 0;
    case STEP_CLOSE:
        return close(fd) == 0;
    default:
        return false;
    }
}

pid_t fake_helper_play(int listener, const struct step *steps)
{
    pid_t pid = fork();
    char byte;
    int fd;

    if (pid != 0)
        return pid;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (!is_ready(listener))
        _exit(NOBODY_CAME);
    fd = accept(listener, NULL, NULL);
    if (fd < 0)
        _exit(NOBODY_CAME);
    for (int i = 0; i < STEPS && steps[i].kind != STEP_END; i++) {
        if (!play(fd, &steps[i]))
            _exit(i + 1);
    }
    _exit(is_ready(fd) && recv(fd, &byte, 1, 0) <= 0 ? 0 : NOT_CLOSED);
}

int fake_helper_end(pid_t pid, int listener)
{
    int status = 0;
    bool ended = false;

    shutdown(listener, SHUT_RDWR); /* nobody will come any more */
    close(listener);
    kill(pid, SIGCONT);
    for (int i = 0; i < 200 && !ended; i++) {
        ended = waitpid(pid, &status, WNOHANG) == pid;
        if (!ended)
            usleep(10000);
    }
    if (!ended) {
        kill(pid, SIGKILL);
        waitpid(pid, &status, 0);
    }
    if (!WIFEXITED(status) || WEXITSTATUS(status) == NOBODY_CAME)
        return -1;
    return WEXITSTATUS(status);
}
