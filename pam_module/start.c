/* START: what the helper is told of this login. It sanitises and judges all of it. */
#include <fcntl.h>
#include <locale.h>
#include <security/pam_appl.h>
#include <string.h>
#include <unistd.h>

#include "common/sanitize.h"
#include "pam_module/auth_info.h"
#include "pam_module/session.h"

#define PROTOCOL_VERSION 1
#define COMMAND_MOST 256
#define METHOD_MOST 64
#define LOCALE_MOST 32

static const struct {
    const char *name;
    int item;
} items[] = {
    {"service", PAM_SERVICE}, {"user", PAM_USER}, {"ruser", PAM_RUSER},
    {"rhost", PAM_RHOST},     {"tty", PAM_TTY},
};

/*
 * Joins arguments by blanks. A blank within one becomes U+00A0 and an empty one '', or an argument
 * could be made to look like several, and the phone show another command than the one that runs.
 */
static void join_arguments(const char *raw, size_t len, char *out)
{
    const char *start = out;

    for (size_t i = 0; i < len; i++) {
        if (raw[i] != 0 && raw[i] != ' ')
            *out++ = raw[i];
        else if (raw[i] == ' ')
            out = stpcpy(out, "\xc2\xa0");
        if (raw[i] == 0 && (i == 0 || raw[i - 1] == 0))
            out = stpcpy(out, "''");
        if (raw[i] == 0)
            *out++ = ' ';
    }
    if (out > start && out[-1] == ' ') /* the last argument's end */
        out--;
    *out = 0;
}

/* The command line of the host process: the only place where sudo's command can be seen from within
 * PAM. */
static void read_command(char command[COMMAND_MOST + 1])
{
    static const char cut[] = "\xe2\x80\xa6"; /* "…": the helper must know that there was more */
    char raw[COMMAND_MOST + 1], joined[3 * sizeof raw + 1], clean[sizeof joined];
    ssize_t len = -1;
    bool whole;
    int fd = open("/proc/self/cmdline", O_RDONLY | O_CLOEXEC);

    if (fd >= 0) {
        len = read(fd, raw, sizeof raw);
        close(fd);
    }
    whole = len <= COMMAND_MOST;
    join_arguments(raw, len > 0 ? (size_t)len : 0, joined);
    whole = sanitize_text(clean, sizeof clean, joined) <= COMMAND_MOST && whole;
    sanitize_text(command, whole ? COMMAND_MOST + 1 : COMMAND_MOST + 2 - sizeof cut, clean);
    if (!whole)
        strcat(command, cut);
}

static bool is_locale(const char *name)
{
    return name != NULL && *name != 0 && strlen(name) <= LOCALE_MOST &&
           name[strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
                             "_.@-")] == 0 &&
           strcmp(name, "C") != 0 && strcmp(name, "POSIX") != 0;
}

/* The login's language where PAM knows it, else the one that the host process speaks. Its
 * environment is nobody's word. */
static const char *find_locale(pam_handle_t *pamh)
{
    const char *candidates[] = {pam_getenv(pamh, "LC_MESSAGES"), pam_getenv(pamh, "LANG"),
                                setlocale(LC_MESSAGES, NULL)};

    for (size_t i = 0; i < sizeof candidates / sizeof *candidates; i++) {
        if (is_locale(candidates[i]))
            return candidates[i];
    }
    return "";
}

void start_write(struct session *session, int flags)
{
    struct frame *frame = &session->frame;
    char command[COMMAND_MOST + 1], method[METHOD_MOST + 1];

    frame_start(frame, FRAME_START);
    frame_add_number(frame, "version", PROTOCOL_VERSION);
    for (size_t i = 0; i < sizeof items / sizeof *items; i++) {
        const void *value = NULL;
        if (pam_get_item(session->pamh, items[i].item, &value) == PAM_SUCCESS)
            frame_add(frame, items[i].name, value);
    }
    auth_info_first(session->pamh, method, sizeof method);
    frame_add(frame, "auth_info", method);
    read_command(command);
    frame_add(frame, "command", command);
    frame_add(frame, "locale", find_locale(session->pamh));
    frame_add_number(frame, "silent", ((unsigned)flags & PAM_SILENT) != 0);
    frame_add_number(frame, "keys", session->caller.tty >= 0);
}
