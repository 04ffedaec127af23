/* The words that a backend's answers can have (expand.h): what it has to sign, and what it was
 * told. */
#ifndef HELPER_BACKEND_H
#define HELPER_BACKEND_H

#include <stdbool.h>

#include "helper/helper.h"
#include "tests/fuzz/expand.h"

#define BACKEND_URL "https://approve.example"

struct backend {
    const struct helper *helper;
    struct jwk *issuer_key, *phone_key;
    char *details;    /* of the last request, or NULL */
    bool phone_said;  /* it signed an approval of these details, with the right number */
    bool token_made;  /* the issuer signed something */
    bool code_came;   /* a code was sent to be checked */
    char request[64]; /* the details' own id, "" */
};

/* Keys, once. */
void backend_start(struct backend *backend);

/* Forgets the last input's requests. */
void backend_reset(struct backend *backend);

/* A call that came: remembers what it says. */
void backend_note(struct backend *backend, const char *url, const char *body);

/* A text with its words in place; a new string. */
char *backend_expand(struct backend *backend, const char *text);

/* The answer that a good backend gives: the user approves. */
char *backend_good_answer(struct backend *backend, const char *url);

#endif
