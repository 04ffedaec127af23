/* The app's files: what is read from a folder at the start, and what stops the server instead. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "backend/static.h"
#include "tests/unit/unit.h"

static char folder[64];

static char *path_of(const char *name)
{
    static char path[256];

    snprintf(path, sizeof path, "%s/%s", folder, name);
    return path;
}

static void write_file(const char *name, size_t len)
{
    FILE *out = fopen(path_of(name), "w");

    assert_non_null(out);
    for (size_t i = 0; i < len; i++)
        fputc('x', out);
    fclose(out);
}

static int make_folder(void **state)
{
    (void)state;
    snprintf(folder, sizeof folder, "/tmp/test_static.XXXXXX");
    assert_non_null(mkdtemp(folder));
    write_file("index.html", 10);
    write_file("app.js", 10);
    return 0;
}

static int remove_folder(void **state)
{
    (void)state;
    char command[128];

    snprintf(command, sizeof command, "rm -rf '%s'", folder);
    return system(command);
}

/* How many files are read; -1 where reading fails, and says why in these words. */
static int count(const char *words)
{
    char why[512] = "";
    struct static_files *files = static_read(folder, why, sizeof why);
    int result = files ? (int)static_count(files) : -1;

    static_free(files);
    if (result < 0 && !strstr(why, words))
        fail_msg("says: %s", why);
    return result;
}

static void known_types_in_known_folders(void **state)
{
    (void)state;
    assert_int_equal(count(""), 2);
    mkdir(path_of("lang"), 0755);
    mkdir(path_of("terminal"), 0755);
    mkdir(path_of("lang/deep"), 0755);
    write_file("lang/en.json", 5);
    assert_int_equal(count(""), 3);
    write_file("notes", 5);
    write_file("main.c", 5);
    write_file(".hidden.js", 5);
    write_file(".js", 5);
    write_file("app.js~", 5);
    write_file("terminal/x.js", 5);
    write_file("lang/deep/x.js", 5);
    assert_int_equal(count(""), 3);
    write_file("empty.css", 0);
    assert_int_equal(count(""), 4);
}

static void missing_folder(void **state)
{
    (void)state;
    char why[512] = "";
    assert_null(static_read("/nonexistent/phone", why, sizeof why));
    assert_non_null(strstr(why, "/nonexistent/phone"));
}

static void links_are_not_followed(void **state)
{
    (void)state;
    assert_int_equal(symlink("/etc/passwd", path_of("passwd.txt")), 0);
    assert_int_equal(count("passwd.txt"), -1);
}

static void special_files_are_refused(void **state)
{
    (void)state;
    assert_int_equal(mkfifo(path_of("pipe.js"), 0644), 0);
    assert_int_equal(count("pipe.js"), -1);
}

static void files_that_all_may_write(void **state)
{
    (void)state;
    chmod(path_of("app.js"), 0666);
    assert_int_equal(count("chmod o-w"), -1);
}

static void sizes_are_bounded(void **state)
{
    (void)state;
    char name[32];

    write_file("large.png", 2 * 1024 * 1024);
    assert_int_equal(count(""), 3);
    write_file("large.png", 2 * 1024 * 1024 + 1);
    assert_int_equal(count("too large"), -1);
    for (int i = 0; i < 9; i++) {
        snprintf(name, sizeof name, "%d.png", i);
        write_file(name, 2 * 1024 * 1024);
    }
    unlink(path_of("large.png"));
    assert_int_equal(count("too large"), -1);
}

static void count_is_bounded(void **state)
{
    (void)state;
    char name[32];

    for (int i = 0; i < 510; i++) {
        snprintf(name, sizeof name, "%d.js", i);
        write_file(name, 1);
    }
    assert_int_equal(count(""), 512);
    write_file("one.js", 1);
    assert_int_equal(count("more than 512"), -1);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, make_folder, remove_folder)
    const struct CMUnitTest tests[] = {
        TEST(known_types_in_known_folders),
        TEST(missing_folder),
        TEST(links_are_not_followed),
        TEST(special_files_are_refused),
        TEST(sizes_are_bounded),
        TEST(files_that_all_may_write),
        TEST(count_is_bounded),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
