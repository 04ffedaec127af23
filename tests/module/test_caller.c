/* The person at the other end: interrupts, goes away. Each ends the wait at once. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <security/pam_appl.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tests/module/play.h"
#include "tests/unit/unit.h"

#define APPROVED SEND("Doutcome=approved\0log=x\0delay=0\0greeter=0")
#define WAITING SEND("Wseconds=60\0key=0")
#define AFTER_MS 300

/* A helper that waits, and would approve after a second. */
static const struct row waits = {.steps = {EXPECT_RAW("S"), WAITING, PAUSE(1000), APPROVED}};

static void expect(const char *rhost, int code, const char *log, int least_ms, int most_ms)
{
    struct row row = waits;

    row.login.rhost = rhost;
    row.code = code;
    row.log = log;
    row.least_ms = least_ms;
    row.most_ms = most_ms;
    play_row(&row);
}

/* A process that sends a signal to this one, later. */
static pid_t signal_later(int number)
{
    pid_t pid = fork();

    if (pid == 0) {
        usleep(AFTER_MS * 1000);
        kill(getppid(), number);
        _exit(0);
    }
    return pid;
}

static void with_blocked(int number, int code, int least_ms, int most_ms)
{
    const struct timespec now = {0};
    sigset_t set;
    pid_t later;

    sigemptyset(&set);
    sigaddset(&set, number);
    assert_int_equal(sigprocmask(SIG_BLOCK, &set, NULL), 0);
    later = signal_later(number);
    expect(NULL, code, code == PAM_ABORT ? "refused: interrupted by the user|" : "approved: x|",
           least_ms, most_ms);
    waitpid(later, NULL, 0);
    /* It is still there for the host to act on. */
    assert_int_equal(sigtimedwait(&set, NULL, &now), number);
    sigprocmask(SIG_UNBLOCK, &set, NULL);
}

static void a_blocked_signal_interrupts(void **state)
{
    (void)state;
    with_blocked(SIGINT, PAM_ABORT, AFTER_MS - 50, 900);
    with_blocked(SIGQUIT, PAM_ABORT, AFTER_MS - 50, 900);
    with_blocked(SIGTERM, PAM_ABORT, AFTER_MS - 50, 900);
}

static void another_blocked_signal_does_not(void **state)
{
    (void)state;
    with_blocked(SIGUSR1, PAM_SUCCESS, 1000, 1800);
    with_blocked(SIGTSTP, PAM_SUCCESS, 1000, 1800);
}

static void a_signal_that_is_pending_before(void **state)
{
    sigset_t set;
    int number;
    struct result result;
    const struct login login = {0};
    int listener = fake_helper_listen(client_socket(), 8);

    (void)state;
    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    sigprocmask(SIG_BLOCK, &set, NULL);
    kill(getpid(), SIGINT);
    client_login(&login, &result);
    sigwait(&set, &number);
    sigprocmask(SIG_UNBLOCK, &set, NULL);
    close(listener);
    assert_int_equal(result.code, PAM_ABORT);
    assert_took(result.ms, 0, 50);
}

static volatile sig_atomic_t handled;

static void handle(int number)
{
    handled = number;
}

static void a_signal_that_the_host_handles_ends_nothing(void **state)
{
    struct sigaction action = {.sa_handler = handle}, before;
    pid_t later;

    (void)state;
    sigaction(SIGALRM, &action, &before);
    later = signal_later(SIGALRM);
    expect(NULL, PAM_SUCCESS, "approved: x|", 1000, 1800);
    waitpid(later, NULL, 0);
    sigaction(SIGALRM, &before, NULL);
    assert_int_equal(handled, SIGALRM);
}

/* Both ends of a TCP connection on loopback; [0] is the service's. */
static void make_connection(int listen_family, int family, int ends[2])
{
    union {
        struct sockaddr any;
        struct sockaddr_in in;
        struct sockaddr_in6 in6;
    } address = {.in6 = {.sin6_family = (sa_family_t)listen_family, .sin6_addr = IN6ADDR_ANY_INIT}};
    socklen_t len = sizeof address;
    int listener = socket(listen_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    in_port_t port;

    if (listen_family == AF_INET)
        address.in =
            (struct sockaddr_in){.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    assert_int_equal(bind(listener, &address.any, sizeof address), 0);
    assert_int_equal(listen(listener, 1), 0);
    assert_int_equal(getsockname(listener, &address.any, &len), 0);
    port = address.in.sin_port; /* at the same place in both */
    if (family == AF_INET)
        address.in = (struct sockaddr_in){
            .sin_family = AF_INET, .sin_port = port, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    else
        address.in6.sin6_addr = (struct in6_addr)IN6ADDR_LOOPBACK_INIT;
    ends[1] = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(connect(ends[1], &address.any, sizeof address), 0);
    ends[0] = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
    assert_true(ends[0] >= 0);
    close(listener);
}

/* Leaves the other end of the connection to a process that ends later. */
static pid_t close_later(int fd)
{
    pid_t pid = fork();

    if (pid == 0) {
        usleep(AFTER_MS * 1000);
        shutdown(fd, SHUT_WR);
        _exit(0);
    }
    close(fd);
    return pid;
}

static void with_connection(int listen_family, int family, const char *rhost, bool noticed)
{
    int ends[2];
    pid_t later;

    make_connection(listen_family, family, ends);
    assert_int_equal(write(ends[1], "unread", 6), 6);
    later = close_later(ends[1]);
    if (noticed)
        expect(rhost, PAM_AUTH_ERR, "refused: the caller went away|", AFTER_MS - 50, 900);
    else
        expect(rhost, PAM_SUCCESS, "approved: x|", 1000, 1800);
    waitpid(later, NULL, 0);
    close(ends[0]);
}

static void a_connection_that_closes_ends_it(void **state)
{
    (void)state;
    with_connection(AF_INET, AF_INET, "127.0.0.1", true);
    with_connection(AF_INET6, AF_INET, "127.0.0.1", true);
    with_connection(AF_INET6, AF_INET, "::ffff:127.0.0.1", true);
    with_connection(AF_INET6, AF_INET6, "::1", true);
    with_connection(AF_INET6, AF_INET6, "::1%lo", true);
}

static void a_connection_from_elsewhere_does_not(void **state)
{
    (void)state;
    with_connection(AF_INET, AF_INET, "192.0.2.1", false);
    with_connection(AF_INET, AF_INET, "localhost", false);
    with_connection(AF_INET, AF_INET, "", false);
    with_connection(AF_INET, AF_INET, NULL, false);
    with_connection(AF_INET6, AF_INET6, "127.0.0.1", false);
}

/* A service may have other business with the same address. */
static void one_connection_of_two_does_not(void **state)
{
    int first[2], second[2];
    clock_t used = clock();
    pid_t later;

    (void)state;
    make_connection(AF_INET, AF_INET, first);
    make_connection(AF_INET, AF_INET, second);
    later = close_later(first[1]);
    expect("127.0.0.1", PAM_SUCCESS, "approved: x|", 1000, 1800);
    assert_in_range((clock() - used) * 1000 / CLOCKS_PER_SEC, 0, 200); /* and no busy loop */
    waitpid(later, NULL, 0);
    close(first[0]);
    later = close_later(second[1]);
    expect("127.0.0.1", PAM_AUTH_ERR, "refused: the caller went away|", 0, 900);
    waitpid(later, NULL, 0);
    close(second[0]);
}

/* As sshd has it in two descriptors. */
static void one_connection_twice_does(void **state)
{
    int ends[2], copy;
    pid_t later;

    (void)state;
    make_connection(AF_INET, AF_INET, ends);
    copy = dup(ends[0]);
    later = close_later(ends[1]);
    expect("127.0.0.1", PAM_AUTH_ERR, "refused: the caller went away|", AFTER_MS - 50, 900);
    waitpid(later, NULL, 0);
    /* The service's own are still its own. */
    assert_int_equal(close(copy), 0);
    assert_int_equal(close(ends[0]), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_blocked_signal_interrupts),
        cmocka_unit_test(another_blocked_signal_does_not),
        cmocka_unit_test(a_signal_that_is_pending_before),
        cmocka_unit_test(a_signal_that_the_host_handles_ends_nothing),
        cmocka_unit_test(a_connection_that_closes_ends_it),
        cmocka_unit_test(a_connection_from_elsewhere_does_not),
        cmocka_unit_test(one_connection_of_two_does_not),
        cmocka_unit_test(one_connection_twice_does),
    };

    client_setup();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
