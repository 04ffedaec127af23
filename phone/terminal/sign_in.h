/* Sign-in requests, as the server lists them and as the host made them. */
#ifndef SIGN_IN_H
#define SIGN_IN_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/login.h"
#include "phone/terminal/api.h"
#include "phone/terminal/handset.h"

#define SIGN_INS_MAX 32

struct sign_in {
    char id[23];
    char state[16], result[32]; /* the server's words */
    char by[65];                /* the device that answered; "this" is us */
    char *details;              /* the bytes as the host made them */
    size_t details_len;
    struct login login; /* from details, and from nothing else */
    int64_t ends_ms;    /* when its time is up, by clock_mono_ms; 0 where over */
};

struct sign_ins {
    struct sign_in items[SIGN_INS_MAX]; /* newest first */
    size_t count;
    size_t strange; /* left out: broken, there twice, or for another user or server */
    char revision[65];
};

/* Reads the answer to `requests`. Returns 0, or -1 where it is none. Free it either way. */
int sign_ins_read(const struct handset *handset, const struct handset_answer *answer,
                  struct sign_ins *requests);
void sign_ins_free(struct sign_ins *requests);

struct sign_in *sign_ins_find(struct sign_ins *requests, const char *id);

bool sign_in_is_open(const struct sign_in *request);
bool sign_in_is_over(const struct sign_in *request); /* neither open nor approved */

/* Seconds until its time is up, 0 where it is. */
int64_t sign_in_left(const struct sign_in *request);

/* Is it one of the numbers that the phone may give for this request (0 with NUMBER_OFF)? */
bool sign_in_takes_number(const struct sign_in *request, int number);

/* "10" to "99", nothing else. Returns the number or -1. */
int sign_in_parse_number(const char *text);

/* The members of a `decide` call, or NULL without memory. number: 0 for none. */
json_t *sign_in_decision(const struct handset *handset, const struct sign_in *request,
                         enum decision decision, int number);

/* Takes over `state` and `result` of the answer to `decide`. */
void sign_in_take_state(struct sign_in *request, const json_t *answer);

/* Takes over how a request is now from a later list's entry of it; the details stay those that were
 * signed. */
void sign_in_take_later(struct sign_in *request, const struct sign_in *later);

/* For `--json`: a new object. */
json_t *sign_in_json(const struct sign_in *request);

#endif
