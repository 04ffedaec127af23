/* "Who answers" of docs/helper-protocol.md: a helper that somebody else put there lets nobody in.
 * Runs as root. */
#include <errno.h>
#include <fcntl.h>
#include <security/pam_appl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/module/client.h"
#include "tests/module/fake_helper.h"
#include "tests/unit/unit.h"

#define SOMEBODY 12345

static const struct step approve[STEPS] = {EXPECT_RAW("S"),
                                           SEND("Doutcome=approved\0log=x\0delay=0\0greeter=0")};

static char top[80], folder[90], path[108];

static void make_folders(void)
{
    snprintf(top, sizeof top, "%s/top", client_folder());
    snprintf(folder, sizeof folder, "%s/folder", top);
    snprintf(path, sizeof path, "%s/helper.sock", folder);
    mkdir(top, 0755);
    mkdir(folder, 0755);
}

static void login_at(const char *socket_path, struct result *result)
{
    char stack[1200];
    struct login login = {.stack = stack};

    snprintf(stack, sizeof stack, "auth required %s socket=%s\n", client_module(), socket_path);
    client_login(&login, result);
    print_message("# %d ms, %s\n", (int)result->ms, result->log);
}

/* A helper that would approve, at path. */
static void expect(int code, const char *log)
{
    struct result result;
    int listener = fake_helper_listen(path, 8);
    pid_t helper = fake_helper_play(listener, approve);

    login_at(path, &result);
    fake_helper_end(helper, listener);
    unlink(path);
    assert_int_equal(result.code, code);
    assert_non_null(strstr(result.log, log));
}

static void expect_refusal(const char *socket_path, const char *log)
{
    struct result result;

    login_at(socket_path, &result);
    assert_int_equal(result.code, PAM_AUTH_ERR);
    assert_non_null(strstr(result.log, log));
    assert_took(result.ms, 0, 500);
}

static void root_in_a_folder_of_roots(void **state)
{
    (void)state;
    expect(PAM_SUCCESS, "approved: x");
}

/* mode and owner of a folder that is not fit, and fit again. */
static void expect_unfit(const char *which, mode_t mode, uid_t uid)
{
    char log[300];

    snprintf(log, sizeof log, "refused: %s is missing, a link, or can be changed by others", which);
    assert_int_equal(chown(which, uid, 0), 0);
    assert_int_equal(chmod(which, mode), 0);
    expect(PAM_AUTH_ERR, log);
    assert_int_equal(chown(which, 0, 0), 0);
    assert_int_equal(chmod(which, 0755), 0);
}

static void a_folder_that_others_can_write(void **state)
{
    (void)state;
    expect_unfit(folder, 0777, 0);
    expect_unfit(folder, 0775, 0);
    expect_unfit(folder, 01777, 0);
    expect_unfit(folder, 0755, SOMEBODY);
}

static void a_folder_above_that_others_can_write(void **state)
{
    (void)state;
    expect_unfit(top, 0777, 0);
    expect_unfit(top, 0775, 0);
    expect_unfit(top, 0755, SOMEBODY);
    expect_unfit(top, 01777, SOMEBODY);
    /* As /tmp is. */
    assert_int_equal(chmod(top, 01777), 0);
    expect(PAM_SUCCESS, "approved: x");
    assert_int_equal(chmod(top, 0755), 0);
}

static void a_linked_folder(void **state)
{
    char link[200], linked[240];
    int listener = fake_helper_listen(path, 8);

    (void)state;
    snprintf(link, sizeof link, "%s/link", top);
    snprintf(linked, sizeof linked, "%s/helper.sock", link);
    assert_int_equal(symlink(folder, link), 0);
    expect_refusal(linked, "/link is missing, a link, or");
    unlink(link);
    close(listener);
    unlink(path);
}

/* listen() by `listener`, on a socket file of `owner`. */
static void expect_from(uid_t listener_uid, uid_t owner, int code, const char *log)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int listener = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
    struct result result;
    pid_t helper;

    snprintf(address.sun_path, sizeof address.sun_path, "%s", path);
    assert_int_equal(bind(listener, (struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(chown(path, owner, 0), 0);
    assert_int_equal(seteuid(listener_uid), 0);
    assert_int_equal(listen(listener, 8), 0);
    assert_int_equal(seteuid(0), 0);
    helper = fake_helper_play(listener, approve);
    login_at(path, &result);
    fake_helper_end(helper, listener);
    unlink(path);
    assert_int_equal(result.code, code);
    assert_non_null(strstr(result.log, log));
}

static void a_listener_that_is_neither_root_nor_the_owner(void **state)
{
    (void)state;
    expect_from(SOMEBODY, 0, PAM_AUTH_ERR, "refused: uid 12345 listens at ");
    expect_from(SOMEBODY, SOMEBODY + 1, PAM_AUTH_ERR, "refused: uid 12345 listens at ");
    expect_from(SOMEBODY, SOMEBODY, PAM_SUCCESS, "approved: x");
    expect_from(0, SOMEBODY, PAM_SUCCESS, "approved: x");
}

static void no_helper(void **state)
{
    int fd;

    (void)state;
    expect_refusal(path, "refused: no helper answers at ");
    expect_refusal("/nonexistent/helper.sock", "refused: /nonexistent is missing, a link, or");
    expect_refusal(folder, "refused: no helper answers at ");
    close(fake_helper_listen(path, 8)); /* left behind */
    expect_refusal(path, "Connection refused");
    unlink(path);
    fd = open(path, O_CREAT | O_WRONLY, 0666);
    close(fd);
    expect_refusal(path, "Connection refused");
    unlink(path);
}

static void a_socket_of_another_type(void **state)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    (void)state;
    snprintf(address.sun_path, sizeof address.sun_path, "%s", path);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(listen(fd, 8), 0);
    expect_refusal(path, "refused: no helper answers at ");
    close(fd);
    unlink(path);
}

static void a_path_that_cannot_be_one(void **state)
{
    char longest[200];

    (void)state;
    memset(longest, '/', sizeof longest);
    longest[108] = 0;
    expect_refusal(longest, "is not an absolute path of at most 107 bytes");
    expect_refusal("helper.sock", "is not an absolute path of at most 107 bytes");
    expect_refusal("", "is not an absolute path of at most 107 bytes");
}

/* A listener of which one more connection fits, and that one is taken. */
static int listen_full(int *taken)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int listener = fake_helper_listen(path, 0);

    *taken = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    snprintf(address.sun_path, sizeof address.sun_path, "%s", path);
    assert_int_equal(connect(*taken, (struct sockaddr *)&address, sizeof address), 0);
    return listener;
}

static void a_full_backlog_hangs_nobody(void **state)
{
    struct result result;
    int taken, listener = listen_full(&taken);

    (void)state;
    login_at(path, &result);
    close(taken);
    close(listener);
    unlink(path);
    assert_int_equal(result.code, PAM_AUTH_ERR);
    assert_non_null(strstr(result.log, "takes no more connections|"));
    assert_took(result.ms, 4800, 5900);
}

static void a_full_backlog_that_empties_in_time(void **state)
{
    struct result result;
    int taken, listener = listen_full(&taken), status;
    pid_t pid = fork();

    (void)state;
    if (pid == 0) {
        usleep(700000);
        close(accept(listener, NULL, NULL));
        waitpid(fake_helper_play(listener, approve), &status, 0);
        _exit(status == 0 ? 0 : 1);
    }
    login_at(path, &result);
    waitpid(pid, &status, 0);
    close(taken);
    close(listener);
    unlink(path);
    assert_int_equal(status, 0);
    assert_int_equal(result.code, PAM_SUCCESS);
    assert_took(result.ms, 700, 2500);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(root_in_a_folder_of_roots),
        cmocka_unit_test(a_folder_that_others_can_write),
        cmocka_unit_test(a_folder_above_that_others_can_write),
        cmocka_unit_test(a_linked_folder),
        cmocka_unit_test(a_listener_that_is_neither_root_nor_the_owner),
        cmocka_unit_test(no_helper),
        cmocka_unit_test(a_socket_of_another_type),
        cmocka_unit_test(a_path_that_cannot_be_one),
        cmocka_unit_test(a_full_backlog_hangs_nobody),
        cmocka_unit_test(a_full_backlog_that_empties_in_time),
    };

    (void)argc;
    if (geteuid() != 0) {
        execlp("sudo", "sudo", "--preserve-env=B,CMOCKA_MESSAGE_OUTPUT", argv[0], (char *)NULL);
        perror("these tests need root: sudo");
        return 1;
    }
    client_setup();
    make_folders();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
