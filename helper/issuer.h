/* What a provider says of itself: discovery (OpenID Connect Discovery 1.0) and keys (RFC 7517),
 * kept for an hour. Counted. */
#ifndef ISSUER_H
#define ISSUER_H

#include <stdbool.h>

#include "common/jws.h"
#include "helper/host.h"
#include "helper/transfer.h"

#define ISSUER_URL_MAX 512

struct issuer_endpoints {
    char backchannel[ISSUER_URL_MAX];
    char token[ISSUER_URL_MAX];
    char jwks[ISSUER_URL_MAX];
    char cancel[ISSUER_URL_MAX]; /* ours; "" where there is none */
    char code[ISSUER_URL_MAX];   /* ours; "" where there is none */
    bool takes_details;          /* authorization_details of our type */
};

struct issuer;

struct issuer *issuer_new(struct transfers *transfers, const struct host *host);
struct issuer *issuer_ref(struct issuer *issuer);
void issuer_unref(struct issuer *issuer); /* NULL is fine */

/* Is it the one that host names, with the same pin? */
bool issuer_is_of(const struct issuer *issuer, const struct host *host);

/* May be called from within issuer_fetch, where what is needed is at hand. */
typedef void issuer_done(void *arg, bool ready);

/*
 * Calls back when document and keys are there. newer_keys: fetches the keys again, unless they were
 * fetched in the last minute (then false).
 */
void issuer_fetch(struct issuer *issuer, bool newer_keys, issuer_done *done, void *arg);

/* Calls with this arg are not called back. */
void issuer_forget(struct issuer *issuer, const void *arg);

/* Valid after ready. */
const struct issuer_endpoints *issuer_endpoints(const struct issuer *issuer);

/* Verifies by a key of the JWKS that has the token's kid. *known is false where no key has it. */
bool issuer_verify(const struct issuer *issuer, const struct jws *jws, unsigned allowed,
                   bool *known);

/* Why it was not ready: one line for the log. */
const char *issuer_fault(const struct issuer *issuer);

/* Was it because the server answered that it takes no more for now (429)? */
bool issuer_is_busy(const struct issuer *issuer);

/* Parsing, apart from fetching; for tests too. Return 0, or -1 with why. */
int issuer_read_document(const char *text, size_t len, const char *issuer, bool ours,
                         struct issuer_endpoints *endpoints, char *why, size_t why_size);
bool issuer_same_origin(const char *issuer, const char *url);

#endif
