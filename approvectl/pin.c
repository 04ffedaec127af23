/* pin: whose phones count where host.conf says trust = pinned. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "approvectl/ctl.h"
#include "common/file.h"
#include "common/i18n.h"
#include "common/random.h"
#include "helper/host.h"

#define PINNED SYSCONFDIR "/approve/pinned"

/* The file's text as it is, "" where there is none. Returns 0, or -1 with why. */
static int read_pinned(const char *path, char **text, char *why, size_t why_size)
{
    size_t len;

    if (access(path, F_OK) != 0 && errno == ENOENT) {
        *text = strdup("");
        snprintf(why, why_size, "%s", strerror(ENOMEM));
        return *text != NULL ? 0 : -1;
    }
    return file_read(path, FILE_OF_ROOT, HOST_PINS_MAX, text, &len, why, why_size);
}

/* Locks the file's folder: a new file takes the place of the old one, so a lock of its own would be
 * lost. A descriptor that holds it until it is closed, or -1 with why. */
static int lock_folder(const char *path, char *why, size_t why_size)
{
    const char *slash = strrchr(path, '/');
    char *folder = !slash          ? strdup(".")
                   : slash == path ? strdup("/")
                                   : strndup(path, (size_t)(slash - path));
    int fd = folder ? open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;

    while (fd >= 0 && flock(fd, LOCK_EX) < 0) {
        if (errno != EINTR) {
            close(fd);
            fd = -1;
        }
    }
    if (fd < 0)
        snprintf(why, why_size, "%s: %s", folder ? folder : path, strerror(errno));
    free(folder);
    return fd;
}

/* Adds the line, unless it is there. Returns 1 where it was there, 0, or -1 with why. */
static int add_line(const char *path, const char *user, const char *thumbprint, char *why,
                    size_t why_size)
{
    struct host host = {.pin_count = 0};
    char *text = NULL, *more = NULL;
    int result = -1, len, lock = lock_folder(path, why, why_size);

    if (lock < 0 || read_pinned(path, &text, why, why_size) != 0)
        goto out;
    len = asprintf(&more, "%s%s%s %s\n", text, *text && text[strlen(text) - 1] != '\n' ? "\n" : "",
                   user, thumbprint);
    if (len < 0) {
        more = NULL;
        snprintf(why, why_size, "%s", strerror(ENOMEM));
        goto out;
    }
    if (host_read_pins(&host, path, text, why, why_size) != 0)
        goto out;
    result = host_has_pin(&host, user, thumbprint);
    if (result)
        goto out;
    result = host_read_pins(&host, path, more, why, why_size);
    if (result == 0 && (size_t)len > HOST_PINS_MAX) {
        snprintf(why, why_size, "%s: %s", path, strerror(EFBIG));
        result = -1;
    }
    if (result == 0 && file_write(path, more, (size_t)len, 0644, 0, 0) != 0) {
        snprintf(why, why_size, "%s: %s", path, strerror(errno));
        result = -1;
    }
out:
    if (lock >= 0)
        close(lock);
    free(host.pins);
    free(text);
    free(more);
    return result;
}

int ctl_pin(const struct command_call *call)
{
    const char *path = command_value(call, "--file");
    const char *user = call->words[0], *thumbprint = call->words[1];
    char why[768];
    int result;

    if (user[strcspn(user, " \t\r\n#")] != '\0' || *user == '\0')
        return ctl_error(EXIT_USAGE, _("This is no name of a user."));
    result = add_line(path != NULL ? path : PINNED, user, thumbprint, why, sizeof(why));
    if (result < 0)
        return ctl_error(EXIT_FAILED, why);
    printf(result ? _("%s: that phone was pinned already\n")
                  : _("%s: pinned; it counts where host.conf says trust = pinned\n"),
           user);
    return EXIT_OK;
}
