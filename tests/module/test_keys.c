/* Keys on a terminal: noticed, never read, and only where they are the user's. Each login runs on a
 * pty of its own. */
#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <security/pam_appl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include "tests/module/client.h"
#include "tests/module/fake_helper.h"
#include "tests/unit/unit.h"

#define APPROVED SEND("Doutcome=approved\0log=x\0delay=0\0greeter=0")
#define WAIT_KEY SEND("Wseconds=60\0key=1")
#define KEYS EXPECT("Skeys=1")
#define NO_KEYS EXPECT("Skeys=0")
#define TYPE_AFTER_MS 300

struct keys {
    const char *words;
    struct step steps[STEPS];
    const char *typed; /* once the login waits */
    const char *tty;   /* PAM_TTY; NULL: its own */
    bool no_tty;       /* PAM_TTY is not set */
    bool from_null;    /* standard input is /dev/null */
    bool from_other;   /* or another terminal */
    bool background;
    bool hang_up; /* instead of typing */
    int code;
    const char *log;
    const char *left; /* what is still to be read after it */
};

static const struct keys rows[] = {
    {"Enter is reported", {KEYS, WAIT_KEY, EXPECT_RAW("K"), APPROVED}, .typed = "\n", .left = "\n"},
    {"what was typed is left for the prompt",
     {KEYS, WAIT_KEY, EXPECT_RAW("K"), APPROVED},
     .typed = "123456\n",
     .left = "123456\n"},
    {"once a WAIT",
     {KEYS, WAIT_KEY, EXPECT_RAW("K"), PAUSE(300), APPROVED},
     .typed = "\n\n",
     .left = "\n\n"},
    {"again in the next WAIT",
     {KEYS, WAIT_KEY, EXPECT_RAW("K"), WAIT_KEY, EXPECT_RAW("K"), APPROVED},
     .typed = "\n",
     .left = "\n"},
    {"a frame may cross it",
     {KEYS, WAIT_KEY, EXPECT_RAW("K"), SEND("Itext=x"), WAIT_KEY, EXPECT_RAW("K"), APPROVED},
     .typed = "\n",
     .left = "\n"},
    {"not where the helper does not ask for it",
     {KEYS, SEND("Wseconds=60\0key=0"), PAUSE(800), APPROVED},
     .typed = "\n",
     .left = "\n"},
    {"not after a text that ended the WAIT",
     {KEYS, WAIT_KEY, SEND("Itext=x"), PAUSE(800), APPROVED},
     .typed = "\n",
     .left = "\n"},
    {"not while a line is being typed",
     {KEYS, WAIT_KEY, PAUSE(800), APPROVED},
     .typed = "123",
     .left = ""},
    {"not in the background",
     {KEYS, WAIT_KEY, PAUSE(800), APPROVED},
     .typed = "\n",
     .background = true},
    {"not where standard input is something else",
     {NO_KEYS, WAIT_KEY, PAUSE(800), APPROVED},
     .typed = "\n",
     .from_null = true},
    {"not where standard input is another terminal",
     {NO_KEYS, WAIT_KEY, PAUSE(800), APPROVED},
     .typed = "\n",
     .from_other = true},
    {"also where PAM_TTY is not set, as by passwd",
     {KEYS, WAIT_KEY, EXPECT_RAW("K"), APPROVED},
     .typed = "\n",
     .no_tty = true,
     .left = "\n"},
    {"not where PAM_TTY is not set and standard input is something else, as in polkit's helper",
     {NO_KEYS, WAIT_KEY, PAUSE(800), APPROVED},
     .typed = "\n",
     .no_tty = true,
     .from_null = true},
    {"not where PAM_TTY is ssh",
     {NO_KEYS, WAIT_KEY, PAUSE(800), APPROVED},
     .typed = "\n",
     .tty = "ssh",
     .left = "\n"},
    {"not where PAM_TTY is a display",
     {NO_KEYS, WAIT_KEY, PAUSE(800), APPROVED},
     .typed = "\n",
     .tty = ":0",
     .left = "\n"},
    {"not where PAM_TTY is another device",
     {NO_KEYS, WAIT_KEY, PAUSE(800), APPROVED},
     .typed = "\n",
     .tty = "/dev/null",
     .left = "\n"},
    {"a terminal that hangs up ends it",
     {KEYS, WAIT_KEY},
     .hang_up = true,
     .code = PAM_AUTH_ERR,
     .log = "refused: the caller went away|"},
};

/* What the process on the terminal has to say. */
static struct report {
    struct result result;
    char left[64];
    bool same_terminal, same_files;
} * report;

static void read_left(void)
{
    ssize_t len;

    fcntl(STDIN_FILENO, F_SETFL, O_NONBLOCK);
    for (size_t used = 0; (len = read(STDIN_FILENO, report->left + used, 60 - used)) > 0;)
        used += (size_t)len;
}

static int count_files(void)
{
    int count = 0;

    for (int fd = 0; fd < 256; fd++)
        count += fcntl(fd, F_GETFD) >= 0;
    return count;
}

static void log_in(const struct keys *row)
{
    struct termios before, after;
    struct login login = {.tty = row->tty != NULL ? row->tty : ttyname(STDOUT_FILENO)};
    int tty = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 10), files, other_master, other;

    if (row->no_tty)
        login.tty = NULL;
    signal(SIGHUP, SIG_IGN);
    if (row->from_null)
        dup2(open("/dev/null", O_RDONLY | O_CLOEXEC), STDIN_FILENO);
    if (row->from_other && openpty(&other_master, &other, NULL, NULL, NULL) == 0)
        dup2(other, STDIN_FILENO);
    memset(&before, 0, sizeof before);
    memset(&after, 0, sizeof after);
    tcgetattr(tty, &before);
    files = count_files();
    client_login(&login, &report->result);
    report->same_files = files == count_files();
    tcgetattr(tty, &after);
    report->same_terminal =
        row->hang_up || (before.c_lflag != 0 && memcmp(&before, &after, sizeof before) == 0);
    if (!row->background)
        read_left();
}

/* The login on a pty: in the foreground, or as a job beside it. */
static pid_t run_on_terminal(const struct keys *row, int *master)
{
    pid_t pid = forkpty(master, NULL, NULL, NULL), job;

    if (pid != 0)
        return pid;
    if (!row->background) {
        log_in(row);
        _exit(0);
    }
    job = fork();
    if (job == 0) {
        setpgid(0, 0);
        log_in(row);
        _exit(0);
    }
    waitpid(job, NULL, 0);
    _exit(0);
}

static void run_row(void **state)
{
    const struct keys *row = *state;
    int master = -1, listener = fake_helper_listen(client_socket(), 8), ended;
    pid_t helper = fake_helper_play(listener, row->steps), person;

    memset(report, 0, sizeof *report);
    person = run_on_terminal(row, &master);
    assert_true(person > 0);
    usleep(TYPE_AFTER_MS * 1000);
    if (row->typed != NULL)
        assert_int_equal(write(master, row->typed, strlen(row->typed)), strlen(row->typed));
    if (row->hang_up)
        close(master);
    waitpid(person, NULL, 0);
    if (!row->hang_up)
        close(master);
    ended = fake_helper_end(helper, listener);

    print_message("# %d ms, %s\n", (int)report->result.ms, report->result.log);
    assert_int_equal(report->result.code, row->code);
    assert_non_null(strstr(report->result.log, row->log != NULL ? row->log : "approved: x|"));
    assert_string_equal(report->left, row->left != NULL ? row->left : "");
    assert_true(report->same_terminal);
    assert_true(report->same_files);
    assert_took(report->result.ms, TYPE_AFTER_MS - 100, 2500);
    assert_int_equal(ended, 0);
}

int main(void)
{
    struct CMUnitTest tests[COUNT(rows)] = {{0}};

    client_setup();
    report = mmap(NULL, sizeof *report, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (report == MAP_FAILED)
        return 1;
    for (size_t i = 0; i < COUNT(rows); i++)
        tests[i] = (struct CMUnitTest){.name = rows[i].words,
                                       .test_func = run_row,
                                       .initial_state = (void *)(uintptr_t)&rows[i]};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
