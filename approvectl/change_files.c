/* The files of a change: as they were, as they are to be, as they are found. */
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "approvectl/change.h"
#include "common/file.h"
#include "common/i18n.h"

static void hash(const char *text, size_t len, char out[65])
{
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned int size = 0;

    *out = '\0';
    if (EVP_Digest(text, len, digest, &size, EVP_sha256(), NULL) == 1) {
        for (unsigned int i = 0; i < size && i < 32; i++)
            snprintf(out + 2 * (size_t)i, 3, "%02x", digest[i]);
    }
}

int change_add_file(struct change *change, const char *path, const char *role, const char *after,
                    char *why, size_t why_size)
{
    struct change_file *file = &change->files[change->file_count];
    struct stat found;
    char copy[sizeof(file->copy)], *text = NULL;
    size_t len = 0;
    int result = -1;

    snprintf(copy, sizeof(copy), CHANGE_DIR "/%s.%s", change->service, role);
    memset(file, 0, sizeof(*file));
    file->mode = 0644;
    snprintf(file->path, sizeof(file->path), "%s", path);
    hash(after, strlen(after), file->after);
    if (lstat(path, &found) == 0) {
        if (file_read(path, FILE_OF_ROOT, CHANGE_BYTES, &text, &len, why, why_size) < 0)
            return -1;
        hash(text, len, file->before);
        file->mode = found.st_mode & 07777;
        file->group = found.st_gid;
        memcpy(file->copy, copy, sizeof(copy));
        if (file_write(file->copy, text, len, 0600, 0, 0) < 0) {
            snprintf(why, why_size, "%s: %s", file->copy, strerror(errno));
            goto out;
        }
    } else if (errno != ENOENT) {
        snprintf(why, why_size, "%s: %s", path, strerror(errno));
        goto out;
    }
    change->file_count++;
    result = 0;

out:
    free(text);
    return result;
}

void change_sweep(const char *path)
{
    char pattern[320];
    glob_t files;

    snprintf(pattern, sizeof(pattern), "%s.????????????.new", path);
    if (glob(pattern, GLOB_NOSORT, NULL, &files) == 0) {
        for (size_t i = 0; i < files.gl_pathc; i++)
            unlink(files.gl_pathv[i]);
        globfree(&files);
    }
}

int change_write(const struct change_file *file, const char *text, char *why, size_t why_size)
{
    if (file_write(file->path, text, strlen(text), file->mode, file->owner, file->group) == 0)
        return 0;
    snprintf(why, why_size, "%s: %s", file->path, strerror(errno));
    return -1;
}

enum change_found change_find(const struct change_file *file)
{
    char now[65], why[CHANGE_WHY], *text;
    enum change_found found = FOUND_OTHER;
    struct stat there;
    size_t len;

    if (lstat(file->path, &there) < 0)
        return errno == ENOENT && !*file->before ? FOUND_BEFORE : FOUND_OTHER;
    if (file_read(file->path, FILE_OF_ROOT, CHANGE_BYTES, &text, &len, why, sizeof(why)) < 0)
        return FOUND_OTHER;
    hash(text, len, now);
    if (*now && !strcmp(now, file->before))
        found = FOUND_BEFORE;
    else if (*now && !strcmp(now, file->after))
        found = FOUND_AFTER;
    free(text);
    return found;
}

/* Keeps what somebody edited, beside the copy. */
static int keep_edited(const struct change *change, const struct change_file *file)
{
    char path[320], why[CHANGE_WHY], *text;
    const char *slash = strrchr(file->path, '/');
    size_t len;
    int result;

    if (file_read(file->path, FILE_OF_ROOT, CHANGE_BYTES, &text, &len, why, sizeof(why)) < 0)
        return access(file->path, F_OK) < 0 && errno == ENOENT ? 0 : -1;
    snprintf(path, sizeof(path), CHANGE_DIR "/%s.%s.edited", change->service, slash + 1);
    result = file_write(path, text, len, 0600, 0, 0);
    free(text);
    return result;
}

static int sync_folder(const char *path)
{
    char folder[256];
    int result = -1, fd;

    snprintf(folder, sizeof(folder), "%.*s", (int)(strrchr(path, '/') - path), path);
    fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd >= 0) {
        result = fsync(fd);
        close(fd);
    }
    return result;
}

static int put_back_one(const struct change_file *file, char *why, size_t why_size)
{
    char now[65], *text = NULL;
    size_t len;
    int result = -1;

    if (!*file->before) {
        if ((unlink(file->path) < 0 && errno != ENOENT) || sync_folder(file->path) < 0) {
            snprintf(why, why_size, "%s: %s", file->path, strerror(errno));
            return -1;
        }
        return 0;
    }
    if (file_read(file->copy, FILE_SECRET_OF_ROOT, CHANGE_BYTES, &text, &len, why, why_size) < 0)
        return -1;
    hash(text, len, now);
    if (strcmp(now, file->before) != 0)
        snprintf(why, why_size, _("%s: this is not the file that was kept"), file->copy);
    else if (file_write(file->path, text, len, file->mode, file->owner, file->group) < 0)
        snprintf(why, why_size, "%s: %s", file->path, strerror(errno));
    else
        result = 0;
    free(text);
    return result;
}

int change_put_back(const struct change *change, bool force, char *why, size_t why_size)
{
    for (size_t i = 0; i < change->file_count && !force; i++) {
        const struct change_file *file = &change->files[i];
        if (change_find(file) == FOUND_OTHER) {
            snprintf(why, why_size,
                     _("%s was edited since approvectl wrote it: nothing is put back. As it was "
                       "before: %s"),
                     file->path, *file->copy ? file->copy : _("not there"));
            return 1;
        }
    }
    for (size_t i = change->file_count; i-- > 0;) {
        const struct change_file *file = &change->files[i];
        enum change_found found = change_find(file);
        change_sweep(file->path);
        if (found == FOUND_OTHER && keep_edited(change, file) < 0) {
            snprintf(why, why_size, "%s: %s", file->path, strerror(errno));
            return -1;
        }
        if (found != FOUND_BEFORE && put_back_one(file, why, why_size) < 0)
            return -1;
    }
    return 0;
}
