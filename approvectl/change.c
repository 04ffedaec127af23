#include "approvectl/change.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/file.h"
#include "common/i18n.h"
#include "common/json_text.h"
#include "common/log.h"

#define RECORD_BYTES 16384

static const char *const states[] = {[CHANGE_WRITING] = "writing",
                                     [CHANGE_WAITS] = "waits",
                                     [CHANGE_KEPT] = "kept",
                                     [CHANGE_EDITED] = "edited"};

bool change_is_service(const char *name)
{
    size_t len = strlen(name);

    return len > 0 && len < sizeof(((struct change *)0)->service) && *name != '.' &&
           strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-") == len;
}

void change_boot(char boot[64])
{
    FILE *file = fopen("/proc/sys/kernel/random/boot_id", "re");

    *boot = '\0';
    if (file && fgets(boot, 64, file))
        boot[strcspn(boot, "\n")] = '\0';
    if (file)
        fclose(file);
}

/* The folder's own name must be on the disk before anything that its records can take back. */
static bool make_folder(void)
{
    int fd = -1, result = -1;

    if (mkdir(CHANGE_DIR, 0700) < 0)
        return errno == EEXIST;
    fd = open("/var/lib", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd >= 0) {
        result = fsync(fd);
        close(fd);
    }
    return result == 0;
}

int change_lock(bool wait, char *why, size_t why_size)
{
    int fd = -1;

    if (make_folder())
        fd = open(CHANGE_DIR "/lock", O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd >= 0) {
        while (flock(fd, LOCK_EX | (wait ? 0 : LOCK_NB)) < 0) {
            if (errno != EINTR) {
                close(fd);
                fd = -1;
                break;
            }
        }
    }
    if (fd < 0)
        snprintf(why, why_size, CHANGE_DIR ": %s", strerror(errno));
    return fd;
}

static void record_path(const char *service, char path[256])
{
    snprintf(path, 256, CHANGE_DIR "/%s.json", service);
}

static bool take_text(const json_t *object, const char *name, char *out, size_t size)
{
    const char *text = json_text_string(object, name, size - 1);

    if (text)
        snprintf(out, size, "%s", text);
    return text != NULL;
}

static bool take_file(const json_t *value, struct change_file *file)
{
    int64_t mode, owner, group;
    bool whole = take_text(value, "path", file->path, sizeof(file->path)) &&
                 take_text(value, "copy", file->copy, sizeof(file->copy)) &&
                 take_text(value, "before", file->before, sizeof(file->before)) &&
                 take_text(value, "after", file->after, sizeof(file->after)) &&
                 json_text_integer(value, "mode", 0, 07777, &mode) == 0 &&
                 json_text_integer(value, "owner", 0, UINT32_MAX - 1, &owner) == 0 &&
                 json_text_integer(value, "group", 0, UINT32_MAX - 1, &group) == 0;

    if (whole) {
        file->mode = (mode_t)mode;
        file->owner = (uid_t)owner;
        file->group = (gid_t)group;
    }
    return whole && *file->path == '/' && !*file->copy == !*file->before;
}

static bool take_record(const json_t *record, struct change *change)
{
    const char *state = json_text_string(record, "state", 16);
    const json_t *files = json_object_get(record, "files"), *reload;
    size_t found = 0;

    while (state && found < sizeof(states) / sizeof(states[0]) && strcmp(state, states[found]) != 0)
        found++;
    reload = json_object_get(record, "reload");
    change->file_count = json_array_size(files);
    if (!state || found == sizeof(states) / sizeof(states[0]) || !json_is_boolean(reload) ||
        change->file_count == 0 || change->file_count > CHANGE_FILES ||
        !take_text(record, "boot", change->boot, sizeof(change->boot)) ||
        json_text_integer(record, "since_ms", 0, TIME_MOST * 1000, &change->since_ms) < 0 ||
        json_text_integer(record, "due_ms", 0, TIME_MOST * 1000, &change->due_ms) < 0 ||
        json_text_integer(record, "begun", 0, TIME_MOST, &change->begun) < 0 ||
        json_text_integer(record, "due", 0, TIME_MOST, &change->due) < 0)
        return false;
    change->state = (enum change_state)found;
    change->reload = json_is_true(reload);
    for (size_t i = 0; i < change->file_count; i++) {
        if (!take_file(json_array_get(files, i), &change->files[i]))
            return false;
    }
    return true;
}

int change_load(const char *service, struct change *change, char *why, size_t why_size)
{
    char path[256], *text;
    json_t *record = NULL;
    size_t len;
    int result = -1;

    memset(change, 0, sizeof(*change));
    snprintf(change->service, sizeof(change->service), "%s", service);
    record_path(service, path);
    if (access(path, F_OK) < 0 && errno == ENOENT)
        return 0;
    if (file_read(path, FILE_SECRET_OF_ROOT, RECORD_BYTES, &text, &len, why, why_size) < 0)
        return -1;
    record = json_text_object(text, len, RECORD_BYTES);
    if (record && take_record(record, change))
        result = 1;
    else
        snprintf(why, why_size, _("%s: not a record of approvectl's"), path);
    json_decref(record);
    free(text);
    return result;
}

int change_save(const struct change *change)
{
    json_t *files = json_array();
    json_t *record;
    char path[256], *text = NULL;
    int result = -1;

    for (size_t i = 0; i < change->file_count; i++) {
        const struct change_file *file = &change->files[i];
        json_array_append_new(files,
                              json_pack("{s:s,s:s,s:s,s:s,s:I,s:I,s:I}", "path", file->path, "copy",
                                        file->copy, "before", file->before, "after", file->after,
                                        "mode", (json_int_t)file->mode, "owner",
                                        (json_int_t)file->owner, "group", (json_int_t)file->group));
    }
    record = json_pack("{s:s,s:b,s:s,s:I,s:I,s:I,s:I,s:o}", "state", states[change->state],
                       "reload", change->reload, "boot", change->boot, "since_ms",
                       (json_int_t)change->since_ms, "due_ms", (json_int_t)change->due_ms, "begun",
                       (json_int_t)change->begun, "due", (json_int_t)change->due, "files", files);
    record_path(change->service, path);
    text = record ? json_text_dump(record) : NULL;
    errno = ENOMEM;
    if (text)
        result = file_write(path, text, strlen(text), 0600, 0, 0);
    json_decref(record);
    free(text);
    return result;
}

int change_forget(const struct change *change)
{
    char path[256];

    record_path(change->service, path);
    if (unlink(path) < 0 && errno != ENOENT)
        return -1;
    change_sweep(path);
    for (size_t i = 0; i < change->file_count; i++) {
        const char *copy = change->files[i].copy;
        if (*copy) {
            unlink(copy);
            change_sweep(copy);
        }
    }
    return 0;
}

void change_each(void (*each)(void *arg, struct change *change), void *arg)
{
    static const char end[] = ".json";
    DIR *dir = opendir(CHANGE_DIR);
    struct dirent *entry;

    while (dir && (entry = readdir(dir))) {
        struct change change;
        char service[64], why[CHANGE_WHY];
        size_t len = strlen(entry->d_name);
        int found;
        if (len < sizeof(end) || strcmp(entry->d_name + len - (sizeof(end) - 1), end) != 0 ||
            len - (sizeof(end) - 1) >= sizeof(service))
            continue;
        snprintf(service, sizeof(service), "%.*s", (int)(len - (sizeof(end) - 1)), entry->d_name);
        if (!change_is_service(service))
            continue;
        found = change_load(service, &change, why, sizeof(why));
        if (found > 0)
            each(arg, &change);
        else if (found < 0)
            log_error("%s", why);
    }
    if (dir)
        closedir(dir);
}

int64_t change_left(const struct change *change)
{
    char boot[64];
    int64_t left, now = clock_wall();

    change_boot(boot);
    if (!strcmp(boot, change->boot))
        left = change->due_ms - clock_boot_ms();
    else if (now < change->begun) /* a clock that is wrong measures nothing */
        left = 0;
    else
        left = (change->due - now) * 1000;
    return left > 0 ? left : 0;
}
