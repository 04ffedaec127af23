/* The filter of system calls: each row of syscalls.def, and each argument that is looked at, in a
 * child process of its own. */
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <seccomp.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/seccomp_filter.h"

enum action { ALLOW, CHECKED, KILL };

static const struct row {
    const char *name;
    enum action action;
} rows[] = {
#define SYSCALL(name, action) {#name, action},
#include "common/syscalls.def"
#undef SYSCALL
};

#define BAD (-1L) /* as an address, a descriptor or flags: no call does anything with it */

/* Makes one call under the filter. Returns the signal that ended the child, negative, or its errno
 * (0 where the call succeeded). */
static int call(long number, long a, long b, long c, long d)
{
    int status;
    pid_t child = fork();

    assert_true(child >= 0);
    if (child == 0) {
        const struct rlimit none = {0, 0};
        char why[256];

        setrlimit(RLIMIT_CORE, &none);
        if (seccomp_filter_load(why, sizeof why) < 0)
            syscall(SYS_exit_group, 255);
        errno = 0;
        long result = syscall(number, a, b, c, d, BAD, 0);
        syscall(SYS_exit_group, result == -1 ? errno : 0);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    return WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status);
}

static void test_forbidden(void **state)
{
    (void)state;
    int tried = 0;

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        int number = seccomp_syscall_resolve_name(rows[i].name);

        if (rows[i].action != KILL || number < 0)
            continue;
        tried++;
        if (call(number, BAD, BAD, BAD, BAD) != -SIGSYS)
            fail_msg("%s does not end the process", rows[i].name);
    }
    assert_true(tried > 50);
    assert_int_equal(call(SYS_execve, BAD, BAD, BAD, BAD), -SIGSYS); /* whatever the table says */
    assert_int_equal(call(SYS_ptrace, BAD, BAD, BAD, BAD), -SIGSYS);
}

static void test_no_row(void **state)
{
    (void)state;
    assert_int_equal(call(SYS_clone3, BAD, BAD, BAD, BAD), ENOSYS);
    assert_int_equal(call(SYS_prctl, PR_SET_DUMPABLE, 1, 0, 0), ENOSYS);
    assert_int_equal(call(SYS_kill, 1, SIGTERM, 0, 0), ENOSYS);
    assert_int_equal(call(100000, 0, 0, 0, 0), ENOSYS);
}

static void test_allowed(void **state)
{
    (void)state;
    assert_int_equal(call(SYS_getpid, 0, 0, 0, 0), 0);
    assert_int_equal(call(SYS_close, BAD, 0, 0, 0), EBADF);
    assert_int_equal(call(SYS_fsync, BAD, 0, 0, 0), EBADF);
}

static void test_memory(void **state)
{
    (void)state;
    const long flags = MAP_PRIVATE | MAP_ANONYMOUS;

    assert_int_equal(call(SYS_mmap, 0, 4096, PROT_READ | PROT_WRITE, flags), 0);
    assert_int_equal(call(SYS_mmap, 0, 4096, PROT_READ | PROT_EXEC, flags), 0);
    assert_int_equal(call(SYS_mmap, 0, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, flags), -SIGSYS);
    assert_int_equal(call(SYS_mprotect, 0, 0, PROT_READ, 0), 0);
    assert_int_equal(call(SYS_mprotect, 0, 0, PROT_READ | PROT_EXEC, 0), -SIGSYS);
}

static void test_sockets(void **state)
{
    (void)state;
    assert_int_equal(call(SYS_socket, AF_UNIX, SOCK_STREAM, 0, 0), 0);
    assert_int_equal(call(SYS_socket, AF_INET, SOCK_STREAM, 0, 0), 0);
    assert_int_equal(call(SYS_socket, AF_PACKET, SOCK_RAW, 0, 0), ENOSYS);
    assert_int_equal(call(SYS_socket, AF_NETLINK, SOCK_RAW, 0, 0), ENOSYS);
    assert_int_equal(call(SYS_socket, AF_VSOCK, SOCK_STREAM, 0, 0), ENOSYS);
}

static void test_processes(void **state)
{
    (void)state;
    assert_int_equal(call(SYS_clone, SIGCHLD, 0, 0, 0), -SIGSYS);
    assert_int_equal(call(SYS_clone, CLONE_NEWUSER, 0, 0, 0), -SIGSYS);
    assert_int_equal(call(SYS_tgkill, getpid(), getpid(), 0, 0), ENOSYS);
    assert_int_equal(call(SYS_ioctl, 0, TIOCSTI, BAD, 0), ENOSYS);
    assert_int_equal(call(SYS_ioctl, BAD, FIONREAD, BAD, 0), EBADF);
}

static void test_limits(void **state)
{
    (void)state;
    struct rlimit limit;

    assert_int_equal(call(SYS_prlimit64, 0, RLIMIT_CORE, 0, (long)&limit), 0);
    assert_int_equal(call(SYS_prlimit64, 0, RLIMIT_CORE, (long)&limit, 0), ENOSYS);
}

static void *nothing(void *arg)
{
    return arg;
}

/* What a daemon does all the time must go on: threads, and abort() with the signal that says so. */
static void test_threads_and_abort(void **state)
{
    (void)state;
    int status;
    pid_t child = fork();

    assert_true(child >= 0);
    if (child == 0) {
        const struct rlimit none = {0, 0};
        char why[256];
        pthread_t thread;

        setrlimit(RLIMIT_CORE, &none);
        if (seccomp_filter_load(why, sizeof why) == 0 &&
            pthread_create(&thread, NULL, nothing, NULL) == 0 && pthread_join(thread, NULL) == 0)
            abort();
        _exit(1);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status));
    assert_int_equal(WTERMSIG(status), SIGABRT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_forbidden), cmocka_unit_test(test_no_row),
        cmocka_unit_test(test_allowed),   cmocka_unit_test(test_memory),
        cmocka_unit_test(test_sockets),   cmocka_unit_test(test_processes),
        cmocka_unit_test(test_limits),    cmocka_unit_test(test_threads_and_abort),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
