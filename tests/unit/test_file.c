#include "tests/unit/unit.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/file.h"
#include "common/random.h"

static char folder[64], path[128], other[128];

static int make_folder(void **state)
{
    (void)state;
    snprintf(folder, sizeof(folder), "/tmp/test_file.XXXXXX");
    if (!mkdtemp(folder))
        return -1;
    snprintf(path, sizeof(path), "%s/file", folder);
    snprintf(other, sizeof(other), "%s/other", folder);
    return 0;
}

static int remove_folder(void **state)
{
    (void)state;
    unlink(path);
    unlink(other);
    return rmdir(folder); /* fails where something was left beside */
}

static void put(const char *text, mode_t mode)
{
    assert_int_equal(file_write(path, text, strlen(text), mode, geteuid(), getegid()), 0);
}

static void refused(enum file_trust trust, size_t most, const char *part)
{
    char *text = folder, why[512] = "";
    size_t len = 1;

    assert_int_equal(file_read(path, trust, most, &text, &len, why, sizeof(why)), -1);
    assert_null(text);
    assert_int_equal(len, 0);
    assert_non_null(strstr(why, path)); /* names the file */
    if (!strstr(why, part))
        fail_msg("\"%s\" does not say \"%s\"", why, part);
}

static void reads_what_was_written(void **state)
{
    char *text, why[256];
    size_t len;
    struct stat file;

    (void)state;
    put("one", 0600);
    put("a secret", 0600); /* over the first */
    assert_int_equal(file_read(path, FILE_SECRET_OF_CALLER, 8, &text, &len, why, sizeof(why)), 0);
    assert_string_equal(text, "a secret");
    assert_int_equal(len, 8);
    secret_free(text);
    put("", 0640);
    assert_int_equal(stat(path, &file), 0);
    assert_int_equal(file.st_mode & 07777, 0640);
    assert_int_equal(file.st_size, 0);
}

static void reads_a_file_of_root(void **state)
{
    char *text, why[256];
    size_t len;

    (void)state;
    assert_int_equal(file_read("/etc/passwd", FILE_OF_ROOT, 1 << 20, &text, &len, why, sizeof(why)),
                     0);
    assert_non_null(strstr(text, "root:"));
    assert_int_equal(strlen(text), len);
    secret_free(text);
}

static void refuses_a_file_that_others_can_read_or_write(void **state)
{
    (void)state;
    put("x", 0640);
    refused(FILE_SECRET_OF_CALLER, 10, "chmod go= ");
    put("x", 0604);
    refused(FILE_SECRET_OF_CALLER, 10, "mode 0604");
    if (geteuid() != 0) { /* then no file of ours is root's */
        refused(FILE_OF_ROOT, 10, "must belong to uid 0");
        return;
    }
    put("x", 0664);
    refused(FILE_OF_ROOT, 10, "chmod go-w");
    put("x", 0646);
    refused(FILE_OF_ROOT, 10, "mode 0646");
    put("x", 0644);
    refused(FILE_SECRET_OF_ROOT, 10, "chmod g-w,o=");
    put("x", 0660);
    refused(FILE_SECRET_OF_ROOT, 10, "mode 0660");
    put("x", 0640);
    char *text, why[256];
    size_t len;
    assert_int_equal(file_read(path, FILE_SECRET_OF_ROOT, 10, &text, &len, why, sizeof(why)), 0);
    secret_free(text);
}

static void refuses_another_owner(void **state)
{
    (void)state;
    put("x", 0600);
    if (geteuid() == 0)
        assert_int_equal(chown(path, 12345, 12345), 0);
    refused(geteuid() == 0 ? FILE_SECRET_OF_CALLER : FILE_OF_ROOT, 10, "must belong to uid 0");
}

static void refuses_what_is_too_long_or_missing(void **state)
{
    (void)state;
    refused(FILE_SECRET_OF_CALLER, 10, "No such file");
    put("12345678901", 0600);
    refused(FILE_SECRET_OF_CALLER, 10, "more than 10 bytes");
}

static void refuses_links_folders_and_pipes(void **state)
{
    (void)state;
    put("x", 0600);
    assert_int_equal(rename(path, other), 0);
    assert_int_equal(symlink(other, path), 0);
    refused(FILE_SECRET_OF_CALLER, 10, "symbolic link");
    unlink(path);
    assert_int_equal(mkfifo(path, 0600), 0); /* must not wait for a writer */
    refused(FILE_SECRET_OF_CALLER, 10, "not a regular file");
    unlink(path);
    assert_int_equal(mkdir(path, 0700), 0);
    refused(FILE_SECRET_OF_CALLER, 10, "not a regular file");
    assert_int_equal(rmdir(path), 0);
}

static void a_write_that_fails_leaves_the_old_file(void **state)
{
    char *text, why[256];
    size_t len;

    (void)state;
    put("old", 0600);
    assert_int_equal(mkdir(other, 0700), 0); /* nothing can be renamed over a folder */
    assert_int_equal(file_write(other, "new", 3, 0600, geteuid(), getegid()), -1);
    assert_int_equal(errno, EISDIR);
    assert_int_equal(rmdir(other), 0);
    assert_int_equal(file_write("/nowhere/at/all", "new", 3, 0600, 0, 0), -1);
    assert_int_equal(errno, ENOENT);
    assert_int_equal(file_read(path, FILE_SECRET_OF_CALLER, 9, &text, &len, why, sizeof(why)), 0);
    assert_string_equal(text, "old");
    secret_free(text);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, make_folder, remove_folder)
    const struct CMUnitTest tests[] = {
        TEST(reads_what_was_written),
        TEST(reads_a_file_of_root),
        TEST(refuses_a_file_that_others_can_read_or_write),
        TEST(refuses_another_owner),
        TEST(refuses_what_is_too_long_or_missing),
        TEST(refuses_links_folders_and_pipes),
        TEST(a_write_that_fails_leaves_the_old_file),
    };
    return cmocka_run_group_tests_name("file", tests, NULL, NULL);
}
