/* I3, the file itself: it links libpam and libc only, exports pam_sm_* only, and calls nothing that
 * changes its host. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/module/client.h"
#include "tests/unit/unit.h"

#if defined(__SANITIZE_ADDRESS__)
#define SANITIZED 1
#else
#define SANITIZED 0
#endif

/* The words of a command's output, each between two blanks. */
static void read_words(const char *command, char *words, size_t size)
{
    char whole[400], word[200];
    size_t used = (size_t)snprintf(words, size, " ");
    FILE *pipe;

    snprintf(whole, sizeof whole, command, client_module());
    pipe = popen(whole, "r");
    assert_non_null(pipe);
    while (fscanf(pipe, "%199s", word) == 1)
        used += (size_t)snprintf(words + used, size - used, "%s ", word);
    assert_int_equal(pclose(pipe), 0);
    assert_true(used > 1 && used < size);
}

static void it_links_libpam_and_libc_only(void **state)
{
    char words[2000];

    (void)state;
    if (SANITIZED)
        read_words("readelf -d %s | sed -n 's/.*NEEDED.*\\[\\(.*\\)\\]/\\1/p' | grep -v san | sort",
                   words, sizeof words);
    else
        read_words("readelf -d %s | sed -n 's/.*NEEDED.*\\[\\(.*\\)\\]/\\1/p' | sort", words,
                   sizeof words);
    assert_string_equal(words, " libc.so.6 libpam.so.0 ");
}

static void it_exports_its_entry_points_only(void **state)
{
    char words[2000];

    (void)state;
    read_words("nm -D --defined-only --format=posix %s | cut -d' ' -f1 | sort", words,
               sizeof words);
    assert_string_equal(words, " pam_sm_acct_mgmt pam_sm_authenticate pam_sm_chauthtok "
                               "pam_sm_close_session pam_sm_open_session pam_sm_setcred ");
}

/* Whole names: pam_getenv is fine, getenv is not. */
static const char *const never[] = {
    "fork",
    "vfork",
    "clone",
    "posix_spawn",
    "posix_spawnp",
    "system",
    "popen",
    "execve",
    "execv",
    "execvp",
    "pthread_create",
    "thrd_create",
    "sigaction",
    "__sigaction",
    "signal",
    "sigprocmask",
    "pthread_sigmask",
    "alarm",
    "setitimer",
    "timer_create",
    "sleep",
    "getenv",
    "secure_getenv",
    "__environ",
    "environ",
    "setenv",
    "putenv",
    "unsetenv",
    "clearenv",
    "printf",
    "__printf_chk",
    "puts",
    "putchar",
    "fprintf",
    "__fprintf_chk",
    "fputs",
    "stdout",
    "stderr",
    "write",
    "perror",
    "exit",
    "_exit",
    "kill",
    "raise",
    "chdir",
    "umask",
    "tcsetattr",
    "tcflush",
    "setuid",
    "seteuid",
    "setresuid",
    "openlog",
    "closelog",
    "syslog",
    "__syslog_chk",
    "dlopen",
    "getaddrinfo",
    "gethostbyname",
    "malloc",
    "calloc",
    "realloc",
    "strdup",
    "dup",
    "dup2",
    "bindtextdomain",
    "textdomain",
    "gettext",
    "srand",
    "wait",
    "waitpid",
    "prctl",
    "chmod",
};

static void it_calls_nothing_that_changes_its_host(void **state)
{
    char words[8000], word[64];

    (void)state;
    read_words("nm -D --undefined-only --format=posix %s | cut -d' ' -f1 | cut -d@ -f1", words,
               sizeof words);
    assert_non_null(strstr(words, " pam_getenv "));
    for (size_t i = 0; i < COUNT(never); i++) {
        snprintf(word, sizeof word, " %s ", never[i]);
        if (!(SANITIZED && strcmp(never[i], "malloc") == 0) && strstr(words, word) != NULL)
            fail_msg("the module calls %s", never[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_links_libpam_and_libc_only),
        cmocka_unit_test(it_exports_its_entry_points_only),
        cmocka_unit_test(it_calls_nothing_that_changes_its_host),
    };

    client_setup();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
