/* I3: the module links libpam and libc only, exports pam_sm_* only, and leaves the process that it
 * runs in as it found it. */
#include <dirent.h>
#include <fcntl.h>
#include <security/pam_appl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/module/client.h"
#include "tests/module/fake_helper.h"
#include "tests/unit/unit.h"

#define APPROVED SEND("Doutcome=approved\0log=x\0delay=0\0greeter=0")

struct traces {
    char files[4096], environment[8192], folder[256], threads[64];
    struct sigaction actions[65];
    sigset_t mask, pending;
    struct itimerval timer;
    mode_t mode;
};

static void list_files(char *text, size_t size)
{
    char path[64], target[200];
    size_t used = 0;

    for (int fd = 0; fd < 256; fd++) {
        ssize_t len;
        snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
        len = readlink(path, target, sizeof target - 1);
        if (len >= 0)
            used += (size_t)snprintf(text + used, size - used, "%d %.*s %d %d\n", fd, (int)len,
                                     target, fcntl(fd, F_GETFD), fcntl(fd, F_GETFL));
    }
}

static void count_threads(char *text, size_t size)
{
    char line[200];
    FILE *file = fopen("/proc/self/status", "r");

    while (fgets(line, sizeof line, file) != NULL) {
        if (strncmp(line, "Threads:", 8) == 0)
            snprintf(text, size, "%.60s", line);
    }
    fclose(file);
}

static void take_traces(struct traces *traces)
{
    size_t used = 0;

    memset(traces, 0, sizeof *traces);
    list_files(traces->files, sizeof traces->files);
    for (char **p = environ; *p != NULL && used < sizeof traces->environment; p++)
        used += (size_t)snprintf(traces->environment + used, sizeof traces->environment - used,
                                 "%s\n", *p);
    assert_non_null(getcwd(traces->folder, sizeof traces->folder));
    count_threads(traces->threads, sizeof traces->threads);
    for (int i = 1; i <= 64; i++)
        sigaction(i, NULL, &traces->actions[i]);
    sigprocmask(SIG_SETMASK, NULL, &traces->mask);
    sigpending(&traces->pending);
    getitimer(ITIMER_REAL, &traces->timer);
    traces->mode = umask(0);
    umask(traces->mode);
}

struct visit {
    const char *words;
    struct login login;
    struct step steps[STEPS];
    int code;
};

static const struct visit visits[] = {
    {"after an approval",
     {.answers = {"1"}},
     {EXPECT_RAW("S"), SEND("Itext=x"), SEND("Ptext=x\0echo=1"), EXPECT_RAW("A"),
      SEND("Wseconds=1\0key=1"), APPROVED},
     PAM_SUCCESS},
    {"after a refusal",
     {0},
     {EXPECT_RAW("S"), SEND("Doutcome=denied\0log=x\0delay=0\0greeter=0")},
     PAM_MAXTRIES},
    {"after a broken frame", {0}, {EXPECT_RAW("S"), SEND("I=")}, PAM_AUTH_ERR},
    {"after descriptors came along, which are dropped",
     {0},
     {EXPECT_RAW("S"), SEND_FILES("Itext=x"), SEND_FILES("Wseconds=1\0key=0"),
      SEND_FILES("Doutcome=approved\0log=x\0delay=0\0greeter=0")},
     PAM_SUCCESS},
    {"after the helper closed", {0}, {EXPECT_RAW("S"), CLOSE}, PAM_AUTH_ERR},
    {"after the helper closed under an answer",
     {.answers = {"x"}},
     {EXPECT_RAW("S"), SEND("Ptext=x\0echo=1"), CLOSE},
     PAM_AUTH_ERR},
    {"after the conversation failed",
     {0},
     {EXPECT_RAW("S"), SEND("Ptext=x\0echo=1")},
     PAM_AUTH_ERR},
    {"after a deadline", {0}, {EXPECT_RAW("S")}, PAM_AUTH_ERR},
    {"after a refused argument", {.stack = "auth required MODULE nonsense"}, {CLOSE}, PAM_AUTH_ERR},
};

static void same_traces(const struct traces *before, const struct traces *after)
{
    assert_string_equal(before->files, after->files);
    assert_string_equal(before->environment, after->environment);
    assert_string_equal(before->folder, after->folder);
    assert_string_equal(before->threads, after->threads);
    for (int i = 1; i <= 64; i++) {
        assert_ptr_equal(before->actions[i].sa_handler, after->actions[i].sa_handler);
        assert_int_equal(before->actions[i].sa_flags, after->actions[i].sa_flags);
    }
    assert_memory_equal(&before->mask, &after->mask, sizeof before->mask);
    assert_memory_equal(&before->pending, &after->pending, sizeof before->pending);
    assert_memory_equal(&before->timer, &after->timer, sizeof before->timer);
    assert_int_equal(before->mode, after->mode);
}

/* Standard output and error go to a file meanwhile, which has to stay empty. */
static off_t run_silenced(const struct login *login, struct result *result)
{
    char path[] = "/tmp/approve-output-XXXXXX";
    int out = dup(STDOUT_FILENO), err = dup(STDERR_FILENO), file = mkstemp(path);
    struct stat st = {.st_size = -1};

    unlink(path);
    fflush(NULL);
    dup2(file, STDOUT_FILENO);
    dup2(file, STDERR_FILENO);
    client_login(login, result);
    fflush(NULL);
    dup2(out, STDOUT_FILENO);
    dup2(err, STDERR_FILENO);
    fstat(file, &st);
    close(out), close(err), close(file);
    return st.st_size;
}

static void run_visit(void **state)
{
    const struct visit *visit = *state;
    static struct traces before, after;
    char stack[1200];
    struct login login = visit->login;
    struct result result;
    int listener = fake_helper_listen(client_socket(), 8);
    pid_t helper = fake_helper_play(listener, visit->steps);
    off_t said;

    if (login.stack != NULL) {
        snprintf(stack, sizeof stack, "auth required %s nonsense\n", client_module());
        login.stack = stack;
    }
    take_traces(&before);
    said = run_silenced(&login, &result);
    take_traces(&after);
    fake_helper_end(helper, listener);
    assert_int_equal(result.code, visit->code);
    assert_int_equal(said, 0);
    same_traces(&before, &after);
}

static const struct step asks[STEPS] = {EXPECT_RAW("S"), SEND("Ptext=x\0echo=1"), EXPECT_RAW("A"),
                                        APPROVED};

/* Else a program that the host starts meanwhile would get it. */
static void its_socket_is_close_on_exec(void **state)
{
    const struct login login = {.answers = {"x"}};
    int listener = fake_helper_listen(client_socket(), 8);
    pid_t helper = fake_helper_play(listener, asks);
    struct result result;
    int before = client_inherited_files();

    (void)state;
    client_login(&login, &result);
    assert_int_equal(fake_helper_end(helper, listener), 0);
    assert_int_equal(result.inherited_files, before);
}

/* A daemon that has closed 0, 1 and 2, and writes there all the same, must not write to the helper.
 */
static void it_never_takes_a_standard_descriptor(void **state)
{
    const struct login login = {.answers = {"x"}};
    int listener = fake_helper_listen(client_socket(), 8);
    pid_t helper = fake_helper_play(listener, asks), host;
    struct result *result =
        mmap(NULL, sizeof *result, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

    (void)state;
    host = fork();
    if (host == 0) {
        close(STDIN_FILENO);
        close(STDOUT_FILENO);
        close(STDERR_FILENO);
        client_login(&login, result);
        _exit(0);
    }
    waitpid(host, NULL, 0);
    assert_int_equal(fake_helper_end(helper, listener), 0);
    assert_int_equal(result->code, PAM_SUCCESS);
    assert_int_equal(result->standard_files, 0);
    munmap(result, sizeof *result);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(its_socket_is_close_on_exec),
        cmocka_unit_test(it_never_takes_a_standard_descriptor),
    };
    struct CMUnitTest left[COUNT(visits)] = {{0}};

    client_setup();
    for (size_t i = 0; i < COUNT(visits); i++)
        left[i] = (struct CMUnitTest){.name = visits[i].words,
                                      .test_func = run_visit,
                                      .initial_state = (void *)(uintptr_t)&visits[i]};
    return cmocka_run_group_tests_name("during", tests, NULL, NULL) +
           cmocka_run_group_tests_name("after", left, NULL, NULL);
}
