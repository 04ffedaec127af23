#include "common/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/i18n.h"
#include "common/random.h"

/* By enum file_trust: bits that the mode must not have, and how to mend it. */
static const struct {
    bool of_root;
    mode_t refused;
    const char *mend;
} trusts[] = {
    [FILE_OF_ROOT] = {true, S_IWGRP | S_IWOTH, "chmod go-w"},
    [FILE_SECRET_OF_ROOT] = {true, S_IWGRP | S_IRWXO, "chmod g-w,o="},
    [FILE_SECRET_OF_CALLER] = {false, S_IRWXG | S_IRWXO, "chmod go="},
};

static bool is_trusted(const char *path, const struct stat *file, enum file_trust trust, char *why,
                       size_t why_size)
{
    uid_t owner = trusts[trust].of_root ? 0 : geteuid();

    if (!S_ISREG(file->st_mode)) {
        snprintf(why, why_size, _("%s: not a regular file"), path);
        return false;
    }
    if (file->st_uid != owner) {
        snprintf(why, why_size, _("%s: belongs to uid %u, must belong to uid %u: chown %u %s"),
                 path, file->st_uid, owner, owner, path);
        return false;
    }
    if (file->st_mode & trusts[trust].refused) {
        snprintf(why, why_size, _("%s: mode %04o lets others in: %s %s"), path,
                 file->st_mode & 07777, trusts[trust].mend, path);
        return false;
    }
    return true;
}

/* Reads until the end; at most `most` bytes, one more is too many. */
static ssize_t read_all(int fd, char *text, size_t most)
{
    size_t used = 0;

    while (used <= most) {
        ssize_t got = read(fd, text + used, most + 1 - used);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return -1;
        if (got == 0)
            return (ssize_t)used;
        used += (size_t)got;
    }
    errno = EFBIG;
    return -1;
}

int file_read(const char *path, enum file_trust trust, size_t most, char **text, size_t *len,
              char *why, size_t why_size)
{
    struct stat file;
    char *bytes = NULL;
    ssize_t got;
    int result = -1;

    *text = NULL;
    *len = 0;
    /* Not blocking: opening a FIFO would wait for ever. */
    int fd = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0) {
        snprintf(why, why_size, "%s: %s", path,
                 errno == ELOOP ? _("is a symbolic link, which is not followed") : strerror(errno));
        return -1;
    }
    if (fstat(fd, &file) < 0) {
        snprintf(why, why_size, "%s: %s", path, strerror(errno));
        goto out;
    }
    if (!is_trusted(path, &file, trust, why, why_size))
        goto out;
    bytes = calloc(1, most + 2);
    got = bytes ? read_all(fd, bytes, most) : -1;
    if (got < 0) {
        if (errno == EFBIG)
            snprintf(why, why_size, _("%s: has more than %zu bytes"), path, most);
        else
            snprintf(why, why_size, "%s: %s", path, strerror(errno));
        goto out;
    }
    *text = bytes;
    *len = (size_t)got;
    bytes = NULL;
    result = 0;

out:
    if (bytes) {
        secret_wipe(bytes, most + 2);
        free(bytes);
    }
    close(fd);
    return result;
}

static int write_all(int fd, const char *data, size_t len)
{
    while (len > 0) {
        ssize_t put = write(fd, data, len);
        if (put < 0 && errno == EINTR)
            continue;
        if (put < 0)
            return -1;
        data += put;
        len -= (size_t)put;
    }
    return 0;
}

/* The name in a directory is safe on the disk only when the directory is. */
static int sync_directory_of(const char *path)
{
    const char *slash = strrchr(path, '/');
    char *folder = slash ? strndup(path, (size_t)(slash - path) + 1) : strdup(".");
    int result = -1;

    if (!folder)
        return -1;
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    free(folder);
    if (fd >= 0) {
        result = fsync(fd);
        close(fd);
    }
    return result;
}

int file_write(const char *path, const void *data, size_t len, mode_t mode, uid_t owner,
               gid_t group)
{
    char *beside = NULL, *token = random_token(9);
    bool made = false;
    int fd = -1, result = -1;

    if (!token || asprintf(&beside, "%s.%s.new", path, token) < 0) {
        beside = NULL;
        errno = ENOMEM;
        goto out;
    }
    fd = open(beside, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0)
        goto out;
    made = true;
    /* Not called for nothing: a sandboxed daemon may not call it at all. */
    if ((owner != (uid_t)-1 || group != (gid_t)-1) && fchown(fd, owner, group) < 0)
        goto out;
    if (write_all(fd, data, len) < 0 || fchmod(fd, mode) < 0 || fsync(fd) < 0 ||
        rename(beside, path) < 0)
        goto out;
    made = false;
    result = sync_directory_of(path);

out:;
    int error = errno;
    if (fd >= 0)
        close(fd);
    if (made)
        unlink(beside);
    free(beside);
    free(token);
    errno = error;
    return result;
}
