/* Calls to the server: one signed message each (docs/phone-protocol.md). */
#ifndef API_H
#define API_H

#include <jansson.h>
#include <stdbool.h>

#include "phone/terminal/handset.h"

struct handset_answer {
    json_t *body;      /* an object; NULL where none came */
    char error[33];    /* the server's word, "" where all is well or no answer came */
    int64_t now;       /* the server's clock, or ours where it sent none */
    int exit_code;     /* EXIT_OK, or what to exit with */
    char problem[768]; /* a sentence for the person, safe to show; "" where all is well */
};

void handset_answer_free(struct handset_answer *answer);

/*
 * One call that waits for its answer, at most `seconds`. members is taken (NULL: none of its own).
 * A clock that is off is put right once, by the server's. Returns true with exit_code EXIT_OK; free
 * the answer either way.
 */
bool handset_call(struct handset *handset, const char *name, json_t *members, long seconds,
                  struct handset_answer *answer);

/* A call under way, beside which one can wait for other things. */
struct handset_talk;

/* Makes ready for calls and for waiting; calls do it by themselves. False without memory. */
bool handset_talk_ready(struct handset *handset);

/* Starts a call; members is taken. NULL without memory. */
struct handset_talk *handset_talk_start(struct handset *handset, const char *name, json_t *members,
                                        long seconds);

/* Waits until something happens on any call or on `others`, at most timeout_ms. */
void handset_talk_wait(struct handset *handset, struct curl_waitfd *others, unsigned count,
                       int timeout_ms);

bool handset_talk_done(const struct handset_talk *talk);

/* Ends the call, done or not, and frees it; answer (where not NULL) is filled in. Returns true with
 * exit_code EXIT_OK. */
bool handset_talk_end(struct handset_talk *talk, struct handset_answer *answer);

/* Our own version, as the server wants it: MAJOR.MINOR. out has 16 bytes. */
void handset_version(char out[16]);

/* The server's time as we know it. */
int64_t handset_now(const struct handset *handset);

#endif
