/* Reading PAM stacks and following them: the same outcome as libpam's own, with real modules that
 * answer as told. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <security/pam_appl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "approvectl/pam_run.h"
#include "approvectl/pam_stack.h"

/* Files by name, for the tests that need no libpam. */
static const struct {
    const char *name, *text;
} files[] = {
    {"plain", "auth requisite pam_unix.so nullok\n"
              "# a comment\n"
              "auth required pam_approve.so # socket=/x\n"
              "account required pam_permit.so\n"},
    {"sub", "auth [success=1 default=ignore] pam_unix.so\n"
            "auth requisite pam_deny.so\n"
            "auth required pam_permit.so\n"
            "session optional pam_env.so\n"},
    {"includes", "@include sub\nauth include sub\nauth substack sub\n"},
    {"folded", "auth [success=ok \\\n  default=bad] \\\n pam_unix.so try_first_pass\nauth required "
               "pam_deny.so\n"},
    {"endless", "auth include endless\nauth required pam_unix.so\n"},
    {"twice", "@include twice\n@include twice\n"},
    {"broken", "auth required pam_unix.so\nauth sometimes pam_unix.so\n"},
    {"missing", "auth include nowhere\n"},
    {"short", "auth required\n"},
    {"upper", "AUTH Required /lib/security/pam_unix.so\n-auth REQUIRED pam_deny.so\n"},
};

static char *load_text(void *arg, const char *name)
{
    (void)arg;
    for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
        if (!strcmp(files[i].name, name))
            return strdup(files[i].text);
    }
    return NULL;
}

static struct pam_stack stack;

static void read_stack(const char *name)
{
    assert_int_equal(pam_stack_read(&stack, name, load_text, NULL), 0);
}

static void reads_lines(void **state)
{
    (void)state;
    read_stack("plain");
    assert_string_equal(stack.fault, "");
    assert_int_equal(stack.count, 3);
    assert_string_equal(stack.lines[0].module, "pam_unix.so");
    assert_string_equal(stack.lines[0].arguments, "nullok");
    assert_true(pam_line_has(&stack.lines[0], "nullok"));
    assert_false(pam_line_has(&stack.lines[0], "null"));
    assert_int_equal(stack.lines[0].actions[PAM_AUTH_ERR], ACTION_DIE);
    assert_int_equal(stack.lines[0].actions[PAM_SUCCESS], ACTION_OK);
    assert_int_equal(stack.lines[0].actions[PAM_IGNORE], ACTION_IGNORE);
    assert_string_equal(stack.lines[1].arguments, "");
    assert_int_equal(stack.lines[1].number, 3);
    assert_int_equal(stack.lines[2].phase, PHASE_ACCOUNT);

    read_stack("folded");
    assert_int_equal(stack.count, 2);
    assert_string_equal(stack.lines[0].arguments, "try_first_pass");
    assert_int_equal(stack.lines[0].actions[PAM_USER_UNKNOWN], ACTION_BAD);
    assert_int_equal(stack.lines[0].number, 1);
    assert_int_equal(stack.lines[1].number, 4);

    read_stack("upper");
    assert_int_equal(stack.count, 2);
    assert_string_equal(stack.lines[0].module, "pam_unix.so");
    assert_string_equal(stack.lines[0].path, "/lib/security/pam_unix.so");
}

static void follows_includes(void **state)
{
    (void)state;
    read_stack("includes");
    assert_string_equal(stack.fault, "");
    /* @include takes every phase, the others auth alone; a substack has a line of its own. */
    assert_int_equal(stack.count, 4 + 3 + 1 + 3);
    assert_string_equal(stack.lines[4].file, "sub");
    assert_int_equal(stack.lines[4].level, 0);
    assert_true(stack.lines[7].substack);
    assert_int_equal(stack.lines[8].level, 1);
}

static void names_what_it_cannot_read(void **state)
{
    (void)state;
    static const struct {
        const char *name, *fault;
    } rows[] = {{"broken", "broken:2: "},
                {"missing", "missing:1: "},
                {"short", "short:1: "},
                {"endless", "endless:1: "},
                {"twice", "twice:1: "}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        read_stack(rows[i].name);
        assert_memory_equal(stack.fault, rows[i].fault, strlen(rows[i].fault));
    }
    assert_int_equal(pam_stack_read(&stack, "nowhere", load_text, NULL), -1);
}

/* --- the same as libpam ------------------------------------------------------------------------
 */

static int answer_nothing(int count, const struct pam_message **messages,
                          struct pam_response **answers, void *arg)
{
    (void)count;
    (void)messages;
    (void)answers;
    (void)arg;
    return PAM_CONV_ERR;
}

static void write_text(const char *dir, const char *name, const char *text)
{
    char path[256];
    snprintf(path, sizeof(path), "%s/%s", dir, name);
    FILE *file = fopen(path, "we");
    assert_non_null(file);
    fputs(text, file);
    assert_int_equal(fclose(file), 0);
}

static const char *pick(const char *const words[], size_t count)
{
    return words[(size_t)rand() % count];
}

/*
 * Random lines. Each module is pam_debug.so, which answers as its argument says; the first argument
 * of each names the module that pam_run is to take it for. Paths are whole: some versions of libpam
 * look for included files in /etc/pam.d alone.
 */
static void random_lines(const char *dir, char *text, size_t size, int lines, bool substacks)
{
    static const char *const kept[] = {"required",
                                       "requisite",
                                       "sufficient",
                                       "optional",
                                       "[success=1 default=ignore]",
                                       "[success=2 default=bad]",
                                       "[success=done default=die]",
                                       "[default=1 success=ok]",
                                       "[success=reset default=bad]",
                                       "[success=ok default=reset]",
                                       "[success=ok auth_err=die ignore=3 default=bad]",
                                       "[default=ignore]",
                                       "[default=done]",
                                       "[ignore=ok success=ignore default=bad]"};
    static const char *const answers[] = {"success", "auth_err", "ignore"};
    size_t used = 0;
    *text = '\0';
    for (int i = 0; i < lines; i++) {
        if (substacks && rand() % 4 == 0)
            used += (size_t)snprintf(text + used, size - used, "auth %s %s/inner%d\n",
                                     rand() % 2 ? "substack" : "include", dir, rand() % 2);
        else
            used += (size_t)snprintf(text + used, size - used, "auth %s pam_debug.so auth=%s\n",
                                     pick(kept, sizeof(kept) / sizeof(kept[0])), pick(answers, 3));
    }
}

static int libpam_says(const char *dir)
{
    struct pam_conv conversation = {answer_nothing, NULL};
    pam_handle_t *pam = NULL;
    assert_int_equal(pam_start_confdir("tried", "nobody", &conversation, dir, &pam), PAM_SUCCESS);
    int code = pam_authenticate(pam, PAM_SILENT);
    pam_end(pam, code);
    return code;
}

/* pam_run's answers are by kind: give each line the kind and the answer that its argument names. */
static int we_say(const char *dir)
{
    struct pam_answers answers = {.approve = PAM_IGNORE};
    struct pam_outcome outcome;
    assert_int_equal(pam_stack_read(&stack, "tried", pam_stack_load_file, (void *)(uintptr_t)dir),
                     0);
    assert_string_equal(stack.fault, "");
    for (size_t i = 0; i < stack.count; i++) {
        bool ignores = pam_line_has(&stack.lines[i], "auth=ignore");
        answers.succeeds[i] = pam_line_has(&stack.lines[i], "auth=success");
        strcpy(stack.lines[i].module, ignores ? "pam_approve.so" : "pam_factor.so");
    }
    pam_run(&stack, &answers, &outcome);
    return outcome.code;
}

static void decides_as_libpam_does(void **state)
{
    (void)state;
    char dir[] = "/tmp/test_check_pam.XXXXXX", text[4096], path[300];
    int succeeded = 0, tries = 1000;
    assert_non_null(mkdtemp(dir));
    srand(1);
    for (int i = 0; i < tries; i++) {
        random_lines(dir, text, sizeof(text), 1 + rand() % 3, false);
        write_text(dir, "inner0", text);
        random_lines(dir, text, sizeof(text), 1 + rand() % 3, false);
        write_text(dir, "inner1", text);
        random_lines(dir, text, sizeof(text), 1 + rand() % 6, true);
        write_text(dir, "tried", text);
        int theirs = libpam_says(dir), ours = we_say(dir);
        if (theirs != ours) {
            print_message("libpam: %d, here: %d, for:\n%s", theirs, ours, text);
            for (size_t l = 0; l < stack.count; l++)
                print_message("  [%d] %s %s\n", stack.lines[l].level, stack.lines[l].control,
                              stack.lines[l].arguments);
        }
        assert_int_equal(theirs, ours);
        succeeded += theirs == PAM_SUCCESS;
    }
    assert_in_range(succeeded, tries / 10, tries * 9 / 10);
    static const char *const names[] = {"inner0", "inner1", "tried"};
    for (size_t i = 0; i < 3; i++) {
        snprintf(path, sizeof(path), "%s/%s", dir, names[i]);
        unlink(path);
    }
    rmdir(dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_lines),
        cmocka_unit_test(follows_includes),
        cmocka_unit_test(names_what_it_cannot_read),
        cmocka_unit_test(decides_as_libpam_does),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
