#include "tests/unit/unit.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/unix_socket.h"

static char folder[64];
static struct sockaddr_un address = {.sun_family = AF_UNIX};

static int make_folder(void **state)
{
    (void)state;
    snprintf(folder, sizeof(folder), "/tmp/test_unix_socket.XXXXXX");
    if (!mkdtemp(folder))
        return -1;
    snprintf(address.sun_path, sizeof(address.sun_path), "%s/socket", folder);
    return 0;
}

static int remove_folder(void **state)
{
    (void)state;
    unlink(address.sun_path);
    return rmdir(folder);
}

static int bind_socket(int type, int backlog)
{
    int fd = socket(AF_UNIX, type | SOCK_CLOEXEC, 0);

    assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
    if (backlog >= 0)
        assert_int_equal(listen(fd, backlog), 0);
    return fd;
}

static void refused(int type, int error)
{
    errno = 0;
    assert_int_equal(unix_socket_clear(&address, type), -1);
    assert_int_equal(errno, error);
    assert_int_equal(access(address.sun_path, F_OK), 0);
}

static void removes_what_nobody_listens_on(void **state)
{
    static const int types[] = {SOCK_STREAM, SOCK_SEQPACKET};

    (void)state;
    assert_int_equal(unix_socket_clear(&address, SOCK_STREAM), 0); /* nothing is there */
    for (size_t i = 0; i < COUNT(types); i++) {
        close(bind_socket(types[i], 8));
        assert_int_equal(unix_socket_clear(&address, types[i]), 0);
        assert_int_not_equal(access(address.sun_path, F_OK), 0);
    }
}

static void leaves_what_somebody_listens_on(void **state)
{
    int fd = bind_socket(SOCK_SEQPACKET, 0);

    (void)state;
    refused(SOCK_SEQPACKET, EADDRINUSE);
    refused(SOCK_SEQPACKET, EADDRINUSE); /* the backlog is full, and it does not wait */
    refused(SOCK_STREAM, EADDRINUSE);    /* of another type */
    close(fd);
    assert_int_equal(unix_socket_clear(&address, SOCK_SEQPACKET), 0);
}

static void leaves_what_is_no_socket(void **state)
{
    (void)state;
    close(open(address.sun_path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
    refused(SOCK_STREAM, EEXIST);
    unlink(address.sun_path);
    assert_int_equal(symlink("/nowhere", address.sun_path), 0);
    assert_int_equal(unix_socket_clear(&address, SOCK_STREAM), -1);
    assert_int_equal(errno, EEXIST);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(removes_what_nobody_listens_on),
        cmocka_unit_test(leaves_what_somebody_listens_on),
        cmocka_unit_test(leaves_what_is_no_socket),
    };
    return cmocka_run_group_tests_name("unix_socket", tests, make_folder, remove_folder);
}
