/* One line an event, to syslog or standard error. Control characters never get through; secrets
 * must not be passed. */
#ifndef LOG_H
#define LOG_H

#include <stdbool.h>
#include <stddef.h>

enum log_level { LOG_LEVEL_ERROR, LOG_LEVEL_WARN, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG };

/* ident must outlive the program. With to_syslog lines go to LOG_AUTHPRIV, else to standard error
 * (under systemd with a <N> priority). */
void log_open(const char *ident, bool to_syslog, enum log_level most);

/* A name from outside as one word of a line: its blanks, which would let it say more than itself,
 * become '_', and an empty one is "-". Cut at `size`. Returns out. */
const char *log_name(char *out, size_t size, const char *name);
#define LOG_NAME_MAX 257
#define LOG_NAME(name) log_name((char[LOG_NAME_MAX]){0}, LOG_NAME_MAX, name)

void log_error(const char *format, ...) __attribute__((format(printf, 1, 2)));
void log_warn(const char *format, ...) __attribute__((format(printf, 1, 2)));
void log_info(const char *format, ...) __attribute__((format(printf, 1, 2)));
void log_debug(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
