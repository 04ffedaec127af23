#include "backend/static.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base64url.h"

#define FILE_BYTES (2 * 1024 * 1024)
#define ALL_BYTES (16 * 1024 * 1024)
#define FILES 512
#define ETAG_BYTES 18

struct static_file {
    char *path; /* as in the URL */
    const char *type;
    char *etag; /* with its quotes */
    unsigned char *body;
    size_t len;
};

struct static_files {
    struct static_file list[FILES];
    size_t count, bytes;
};

static const char *const folders[] = {"", "lang/", "screens/"};

static const struct {
    const char *extension, *type;
} types[] = {
    {".html", "text/html; charset=utf-8"},
    {".js", "text/javascript; charset=utf-8"},
    {".css", "text/css; charset=utf-8"},
    {".json", "application/json"},
    {".webmanifest", "application/manifest+json"},
    {".svg", "image/svg+xml"},
    {".png", "image/png"},
    {".ico", "image/vnd.microsoft.icon"},
    {".woff2", "font/woff2"},
    {".txt", "text/plain; charset=utf-8"},
};

/* Paths that show the app's page. */
static const char *const pages[] = {"/", "/enroll"};

/* On every answer, beside http.c's own. trusted-types: the app makes one policy, for its worker's
 * own address. */
static const char *const headers[][2] = {
    {"Content-Security-Policy",
     "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
     "connect-src 'self'; manifest-src 'self'; worker-src 'self'; base-uri 'none'; "
     "form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; "
     "trusted-types worker"},
    {"Permissions-Policy",
     "accelerometer=(), autoplay=(), bluetooth=(), camera=(), clipboard-read=(), "
     "clipboard-write=(self), display-capture=(), encrypted-media=(), fullscreen=(), "
     "gamepad=(), geolocation=(), gyroscope=(), hid=(), identity-credentials-get=(), "
     "idle-detection=(), local-fonts=(), magnetometer=(), microphone=(), midi=(), payment=(), "
     "picture-in-picture=(), publickey-credentials-create=(), publickey-credentials-get=(), "
     "screen-wake-lock=(), serial=(), storage-access=(), usb=(), web-share=(), "
     "window-management=(), xr-spatial-tracking=()"},
    {"Referrer-Policy", "no-referrer"},
    {"Cross-Origin-Opener-Policy", "same-origin"},
    {"Cross-Origin-Resource-Policy", "same-origin"},
    {"Cache-Control", "no-cache"},
};

static const char *find_type(const char *name)
{
    const char *dot = strrchr(name, '.');

    for (size_t i = 0; dot && dot != name && i < sizeof types / sizeof types[0]; i++) {
        if (strcmp(dot, types[i].extension) == 0)
            return types[i].type;
    }
    return NULL;
}

static char *make_etag(const unsigned char *body, size_t len)
{
    unsigned char hash[EVP_MAX_MD_SIZE];
    char *text = NULL, *etag = NULL;

    if (EVP_Digest(body, len, hash, NULL, EVP_sha256(), NULL) == 1)
        text = base64url_encode(hash, ETAG_BYTES);
    if (text && asprintf(&etag, "\"%s\"", text) < 0)
        etag = NULL;
    free(text);
    return etag;
}

static int read_body(struct static_file *file, int fd, size_t len)
{
    size_t at = 0;

    file->body = malloc(len + 1);
    while (file->body && at <= len) {
        ssize_t got = read(fd, file->body + at, len + 1 - at);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            break;
        at += (size_t)got;
    }
    file->len = len;
    return file->body && at == len ? 0 : -1;
}

static int add_file(struct static_files *files, int folder, const char *prefix, const char *name,
                    char *why, size_t why_size)
{
    struct static_file *file = &files->list[files->count];
    int result = -1, fd = openat(folder, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    struct stat about;

    if (fd < 0 || fstat(fd, &about) || !S_ISREG(about.st_mode)) {
        snprintf(why, why_size, "%s%s: cannot be read, or is no file", prefix, name);
        goto out;
    }
    if (about.st_mode & S_IWOTH) {
        snprintf(why, why_size, "%s%s: everyone may write it; chmod o-w", prefix, name);
        goto out;
    }
    if (about.st_size > FILE_BYTES || files->bytes + (size_t)about.st_size > ALL_BYTES) {
        snprintf(why, why_size, "%s%s: too large", prefix, name);
        goto out;
    }
    snprintf(why, why_size, "%s%s: cannot be read", prefix, name);
    files->count++;
    file->type = find_type(name);
    if (asprintf(&file->path, "/%s%s", prefix, name) < 0)
        file->path = NULL;
    if (!file->path || read_body(file, fd, (size_t)about.st_size))
        goto out;
    file->etag = make_etag(file->body, file->len);
    if (!file->etag)
        goto out;
    files->bytes += file->len;
    result = 0;
out:
    if (fd >= 0)
        close(fd);
    return result;
}

/* A subfolder that is not there is fine. */
static int read_folder(struct static_files *files, const char *base, const char *prefix, char *why,
                       size_t why_size)
{
    char path[4096];
    struct dirent *entry;
    int result = -1;
    DIR *folder;

    snprintf(path, sizeof path, "%s/%s", base, prefix);
    folder = opendir(path);
    if (!folder) {
        snprintf(why, why_size, "%s: %s", path, strerror(errno));
        return *prefix && errno == ENOENT ? 0 : -1;
    }
    while ((entry = readdir(folder))) {
        if (entry->d_name[0] == '.' || !find_type(entry->d_name))
            continue;
        if (files->count == FILES) {
            snprintf(why, why_size, "%s: more than %d files", base, FILES);
            goto out;
        }
        if (add_file(files, dirfd(folder), prefix, entry->d_name, why, why_size))
            goto out;
    }
    result = 0;
out:
    closedir(folder);
    return result;
}

struct static_files *static_read(const char *folder, char *why, size_t why_size)
{
    struct static_files *files = calloc(1, sizeof *files);

    snprintf(why, why_size, "no memory");
    for (size_t i = 0; files && i < sizeof folders / sizeof folders[0]; i++) {
        if (read_folder(files, folder, folders[i], why, why_size)) {
            static_free(files);
            return NULL;
        }
    }
    return files;
}

void static_free(struct static_files *files)
{
    if (!files)
        return;
    for (size_t i = 0; i < files->count; i++) {
        free(files->list[i].path);
        free(files->list[i].etag);
        free(files->list[i].body);
    }
    free(files);
}

size_t static_count(const struct static_files *files)
{
    return files->count;
}

static const struct static_file *find_file(const struct static_files *files, const char *path)
{
    for (size_t i = 0; i < sizeof pages / sizeof pages[0]; i++) {
        if (strcmp(path, pages[i]) == 0)
            path = "/index.html";
    }
    for (size_t i = 0; files && i < files->count; i++) {
        if (strcmp(files->list[i].path, path) == 0)
            return &files->list[i];
    }
    return NULL;
}

void static_get(struct http_call *call, void *context)
{
    static const char missing[] = "There is no such file here.\n";
    const struct server *server = context;
    const struct static_file *file = find_file(server->files, http_path(call));
    const char *known = http_header(call, "If-None-Match");

    for (size_t i = 0; i < sizeof headers / sizeof headers[0]; i++)
        http_add_header(call, headers[i][0], headers[i][1]);
    if (strncmp(server->issuer, "https:", 6) == 0)
        http_add_header(call, "Strict-Transport-Security", "max-age=31536000");
    if (!file) {
        http_reply(call, 404, "text/plain; charset=utf-8", missing, sizeof missing - 1);
        return;
    }
    http_add_header(call, "ETag", file->etag);
    if (known && strstr(known, file->etag)) /* its quotes are part of it */
        http_reply(call, 304, file->type, "", 0);
    else
        http_reply_lasting(call, 200, file->type, file->body, file->len);
}
