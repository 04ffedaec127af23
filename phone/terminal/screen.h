/* What the person sees. All text from outside is made safe here (common/sanitize.h). */
#ifndef SCREEN_H
#define SCREEN_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "phone/terminal/sign_in.h"

/* How a state and its result read; translated. Unknown words: a text that says so. */
const char *screen_result(const char *state, const char *result);

enum screen_mood { MOOD_PLAIN, MOOD_GOOD, MOOD_BAD, MOOD_STRONG, MOOD_FAINT };
enum screen_mood screen_mood_of(const char *state, const char *result);

/* Prints text on standard output, coloured where that is a terminal. */
void screen_in(enum screen_mood mood, const char *text);

/* A new request, in full. */
void screen_request(FILE *out, const struct sign_in *request);

/* One line: when it is not the first thing seen. */
void screen_request_line(const struct sign_in *request);

/* One line: how it ended. */
void screen_end(const struct sign_in *request);

/* "HOST, sshd, from 192.0.2.7" */
void screen_login(const struct sign_in *request, char *out, size_t size);

/* A time of the day, or a date where it is not today. */
void screen_time(int64_t at, char *out, size_t size);

/* JSON on standard output, one line, ASCII only. value is taken. Returns an exit code. */
int screen_json(json_t *value);

/* "approve-phone: TEXT" on standard error. Returns exit_code. */
int screen_error(int exit_code, const char *text);

#endif
