/* One line an event, to syslog or standard error. Control characters never get through; secrets
 * must not be passed. */
#ifndef LOG_H
#define LOG_H

#include <stdbool.h>

#include "common/sanitize.h"

enum log_level { LOG_LEVEL_ERROR, LOG_LEVEL_WARN, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG };

/* ident must outlive the program. With to_syslog lines go to LOG_AUTHPRIV, else to standard error
 * (under systemd with a <N> priority). */
void log_open(const char *ident, bool to_syslog, enum log_level most);

/* A name from outside as one word of a line (sanitize_word), for log_info's arguments. */
#define LOG_NAME_MAX 257
#define LOG_NAME(name) sanitize_word((char[LOG_NAME_MAX]){0}, LOG_NAME_MAX, name)

void log_error(const char *format, ...) __attribute__((format(printf, 1, 2)));
void log_warn(const char *format, ...) __attribute__((format(printf, 1, 2)));
void log_info(const char *format, ...) __attribute__((format(printf, 1, 2)));
void log_debug(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
