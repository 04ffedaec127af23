/* The parts of `watch`: the loop (watch.c), what is told of requests (watch_news.c), the prompt
 * (watch_ask.c). */
#ifndef WATCH_H
#define WATCH_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base64url.h"
#include "phone/terminal/api.h"
#include "phone/terminal/ask.h"
#include "phone/terminal/sign_in.h"

/* What was told of a request; parallel to the list's entries. */
struct told {
    char state[16], result[32];
    char details[BASE64URL_SHA256 + 1]; /* the hash of those that it came with */
    bool left_alone;                    /* answered, or cannot be answered here */
    bool other;                         /* it came with other details later, and that was told */
};

struct watch {
    struct handset handset;
    struct sign_ins list, before; /* before: the list until now */
    struct told told[SIGN_INS_MAX], told_before[SIGN_INS_MAX];
    struct handset_talk *talk;
    int64_t next_call;  /* clock_mono_ms */
    bool first, silent; /* no list came yet; the server does not answer */
    struct ask_reader reader;
    char asking[23]; /* the request that the prompt is about, "" where none stands */
    int signals;
    bool json, automatic, done;
    int number; /* --number, 0 where not given */
    int exit_code;
};

/* A line for the person; with --json on standard error. */
void watch_tell(const struct watch *w, const char *text);

/* Says how the request is now, where that is news. True where something was printed. */
bool watch_tell_change(struct watch *w, const struct sign_in *request);

/* Are the details those that it came with? A server that lies could change them after they were
 * shown. */
bool watch_is_same(struct watch *w, const struct sign_in *request);

/* Says that they are not, once; from then on the request is left alone. True where something was
 * printed. */
bool watch_tell_other(struct watch *w, const struct sign_in *request);

/* Takes over a new list of requests, and tells what changed. printed: the prompt is not the last
 * thing on the terminal. */
void watch_take_list(struct watch *w, const struct handset_answer *answer, bool printed);

struct told *watch_told(struct watch *w, const struct sign_in *request);

/* Is there somebody, or with --auto something, to answer? */
bool watch_can_ask(const struct watch *w);

/* Turns to the newest request that nobody answered yet. */
void watch_ask_next(struct watch *w);

/* A prompt that is open stands on the current line: goes to the next one. */
void watch_leave_prompt(const struct watch *w);

/* Takes the prompt back, and forgets what was typed at it. */
void watch_withdraw(struct watch *w);

/* Prints the prompt of the request that it is about. */
void watch_prompt(const struct watch *w, const struct sign_in *request);

/* Acts on the lines that were typed. */
void watch_read_lines(struct watch *w);

/* Takes the prompt of a request back whose time is up. */
void watch_check_deadline(struct watch *w);

#endif
