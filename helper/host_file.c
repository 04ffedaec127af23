#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "common/log.h"
#include "helper/host.h"

struct host_file {
    char *path;
    struct host *host; /* the last good reading, or NULL */
};

struct host_file *host_file_new(const char *path)
{
    struct host_file *file = calloc(1, sizeof *file);

    if (file != NULL)
        file->path = strdup(path);
    if (file != NULL && file->path == NULL) {
        free(file);
        file = NULL;
    }
    return file;
}

void host_file_free(struct host_file *file)
{
    if (file == NULL)
        return;
    host_unref(file->host);
    free(file->path);
    free(file);
}

struct host_version host_version_of(const char *path)
{
    struct host_version version;
    struct stat st;

    memset(&version, 0, sizeof version);
    if (path == NULL || lstat(path, &st) != 0)
        return version;
    version.device = st.st_dev;
    version.inode = st.st_ino;
    version.size = st.st_size;
    version.changed = st.st_ctim;
    version.modified = st.st_mtim;
    return version;
}

static bool same_version(const struct host_version *a, const struct host_version *b)
{
    return a->device == b->device && a->inode == b->inode && a->size == b->size &&
           a->changed.tv_sec == b->changed.tv_sec && a->changed.tv_nsec == b->changed.tv_nsec &&
           a->modified.tv_sec == b->modified.tv_sec && a->modified.tv_nsec == b->modified.tv_nsec;
}

static bool is_fresh(const struct host_file *file)
{
    const struct config *config = file->host->config;
    const char *const paths[WATCHED_COUNT] = {
        [WATCHED_CONF] = file->path,
        [WATCHED_KEY] = config_text(config, "host", "key"),
        [WATCHED_PINS] = config_text(config, "backend", "pinned"),
    };

    for (int i = 0; i < WATCHED_COUNT; i++) {
        struct host_version now = host_version_of(paths[i]);

        if (!same_version(&now, &file->host->versions[i]))
            return false;
    }
    return true;
}

struct host *host_file_get(struct host_file *file, char *why, size_t why_size)
{
    if (file->host != NULL && is_fresh(file))
        return host_ref(file->host);
    host_unref(file->host);
    file->host = host_load(file->path, why, why_size);
    if (file->host == NULL)
        return NULL;
    log_info("%s: read; this host is %s with %s", file->path, file->host->id, file->host->issuer);
    return host_ref(file->host);
}
