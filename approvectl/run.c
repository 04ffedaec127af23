#include "approvectl/run.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/i18n.h"

#define LIMIT_MS 30000

extern char **environ;

static int start(const char *const argv[], int output, pid_t *child)
{
    posix_spawn_file_actions_t actions;
    int error = posix_spawn_file_actions_init(&actions);

    if (error)
        return error;
    error = posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    if (!error)
        error = posix_spawn_file_actions_adddup2(&actions, output, STDOUT_FILENO);
    if (!error)
        error = posix_spawn_file_actions_adddup2(&actions, output, STDERR_FILENO);
    if (!error)
        error =
            posix_spawn(child, argv[0], &actions, NULL, (char *const *)(uintptr_t)argv, environ);
    posix_spawn_file_actions_destroy(&actions);
    return error;
}

/* Reads until the end; what does not fit is dropped. False where the time was over first. */
static bool read_output(int fd, char *out, size_t size)
{
    int64_t end = clock_mono_ms() + LIMIT_MS, left;
    size_t used = 0;
    char rest[512] = "";

    while ((left = end - clock_mono_ms()) > 0) {
        struct pollfd wait = {.fd = fd, .events = POLLIN};
        bool room = used + 1 < size;
        ssize_t got;
        if (poll(&wait, 1, (int)left) <= 0)
            continue;
        got = read(fd, room ? out + used : rest, room ? size - 1 - used : sizeof(rest));
        if (got == 0 || (got < 0 && errno != EINTR))
            break;
        if (got > 0 && room)
            used += (size_t)got;
    }
    out[used] = '\0';
    return left > 0;
}

int run_program(const char *const argv[], char *out, size_t size)
{
    int fds[2], status, error;
    pid_t child;

    if (pipe2(fds, O_CLOEXEC) < 0) {
        snprintf(out, size, "%s: %s", argv[0], strerror(errno));
        return -1;
    }
    error = start(argv, fds[1], &child);
    close(fds[1]);
    if (error) {
        close(fds[0]);
        snprintf(out, size, "%s: %s", argv[0], strerror(error));
        return -1;
    }
    if (!read_output(fds[0], out, size)) {
        kill(child, SIGKILL);
        snprintf(out, size, _("%s: still running after %d s"), argv[0], LIMIT_MS / 1000);
    }
    close(fds[0]);
    while (waitpid(child, &status, 0) < 0) {
        if (errno != EINTR)
            return -1;
    }
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* In the grandchild: everything that belongs to the caller's terminal is left behind. */
static void become(char *const argv[], int tell)
{
    int null = open("/dev/null", O_RDWR | O_CLOEXEC), error;

    if (null >= 0 && dup2(null, STDIN_FILENO) >= 0 && dup2(null, STDOUT_FILENO) >= 0 &&
        dup2(null, STDERR_FILENO) >= 0 && chdir("/") == 0)
        execv("/proc/self/exe", argv);
    error = errno;
    if (write(tell, &error, sizeof(error)) < 0)
        _exit(1);
    _exit(1);
}

int run_detached(char *const argv[])
{
    int fds[2], error = 0;
    pid_t child;

    if (pipe2(fds, O_CLOEXEC) < 0)
        return -1;
    child = fork();
    if (child == 0) {
        setsid();
        if (fork() == 0)
            become(argv, fds[1]);
        _exit(0);
    }
    close(fds[1]);
    if (child < 0) {
        error = errno;
    } else {
        while (waitpid(child, NULL, 0) < 0 && errno == EINTR) {
        }
        if (read(fds[0], &error, sizeof(error)) != (ssize_t)sizeof(error))
            error = 0; /* the end of the pipe: the program runs */
    }
    close(fds[0]);
    errno = error;
    return error ? -1 : 0;
}

bool run_has_systemd(void)
{
    return access("/run/systemd/system", F_OK) == 0;
}
