#include "common/log.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <syslog.h>
#include <unistd.h>

#include "common/sanitize.h"

enum { LINE_MAX_BYTES = 2000 };

static const int priorities[] = {LOG_ERR, LOG_WARNING, LOG_INFO, LOG_DEBUG};

static struct {
    const char *ident;
    bool to_syslog;
    bool to_journal; /* standard error is the journal's: it reads <N> in front of a line */
    enum log_level most;
} output = {.ident = "pam_approve", .most = LOG_LEVEL_INFO};

/* systemd.exec(5): JOURNAL_STREAM has device and inode of the stream that it gave us. */
static bool stderr_is_journal(void)
{
    const char *stream = getenv("JOURNAL_STREAM");
    struct stat file;
    char here[64];

    if (!stream || fstat(STDERR_FILENO, &file) < 0)
        return false;
    snprintf(here, sizeof(here), "%ju:%ju", (uintmax_t)file.st_dev, (uintmax_t)file.st_ino);
    return strcmp(stream, here) == 0;
}

void log_open(const char *ident, bool to_syslog, enum log_level most)
{
    output.ident = ident;
    output.to_syslog = to_syslog;
    output.to_journal = !to_syslog && stderr_is_journal();
    output.most = most;
    if (to_syslog)
        openlog(ident, LOG_PID, LOG_AUTHPRIV);
}

static void log_line(enum log_level level, const char *format, va_list args)
{
    char raw[LINE_MAX_BYTES], text[LINE_MAX_BYTES], line[LINE_MAX_BYTES + 128];
    int len;

    if (level > output.most || vsnprintf(raw, sizeof(raw), format, args) < 0)
        return;
    sanitize_text(text, sizeof(text), raw);
    if (output.to_syslog) {
        syslog(priorities[level] | LOG_AUTHPRIV, "%s", text);
        return;
    }
    if (output.to_journal)
        len = snprintf(line, sizeof(line), "<%d>%s\n", priorities[level], text);
    else
        len = snprintf(line, sizeof(line), "%.100s: %s\n", output.ident, text);
    /* One write, so that lines of several processes do not mix; nobody could be told that it
     * failed. */
    if (len > 0 && write(STDERR_FILENO, line, (size_t)len) < 0)
        return;
}

#define LOG_FUNCTION(name, level)                                                                  \
    void name(const char *format, ...)                                                             \
    {                                                                                              \
        va_list args;                                                                              \
        va_start(args, format);                                                                    \
        log_line(level, format, args);                                                             \
        va_end(args);                                                                              \
    }

LOG_FUNCTION(log_error, LOG_LEVEL_ERROR)
LOG_FUNCTION(log_warn, LOG_LEVEL_WARN)
LOG_FUNCTION(log_info, LOG_LEVEL_INFO)
LOG_FUNCTION(log_debug, LOG_LEVEL_DEBUG)
