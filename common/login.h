/* The details of one login: built by the helper, shown and signed by the phone, checked again by
 * the helper (docs/backend-protocol.md). */
#ifndef LOGIN_H
#define LOGIN_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base64url.h"
#include "common/jwk.h"
#include "common/jws.h"

#define LOGIN_DETAILS_TYPE "pam_approve_login"
#define LOGIN_DETAILS_MAX 2048
#define LOGIN_DECISION_TYP "pam-approve-decision+jws"
#define LOGIN_PHONE_TYP "pam-approve-phone+jws"
#define NUMBER_LEAST 10
#define NUMBER_MOST 99

enum number_mode { NUMBER_OFF, NUMBER_CHOOSE, NUMBER_ENTER }; /* from lax to strict */

struct login {
    char request[23];
    char issuer[257];
    char host[65];
    char host_name[129];
    char service[65];
    char user[129];
    char rhost[257];
    char tty[65];
    char command[257];
    enum number_mode mode;
    int candidates[3]; /* NUMBER_CHOOSE */
    int64_t issued, expires;
    json_t *host_key; /* or NULL */
};

extern const char *const login_number_modes[]; /* by enum, NULL at the end */

/* Letters, digits, '.', '_' and '-', one at least. How long it may be is the caller's to see. */
bool login_is_host_id(const char *text);

/* The bytes of the details; new, NUL-terminated, or NULL where a member is out of bounds. Strings
 * must be clean (sanitize.h). */
char *login_to_text(const struct login *login);

/*
 * Strict. Returns 0, or -1. The caller calls login_clear either way. Of host_key only the form is
 * checked: who uses it makes a key of it with jwk_from_json.
 */
int login_from_text(const char *text, size_t len, struct login *login);

void login_clear(struct login *login);

/* base64url of the SHA-256 of the bytes. Returns 0 or -1. */
int login_hash(const char *text, size_t len, char out[BASE64URL_SHA256 + 1]);

enum decision { DECISION_APPROVE, DECISION_DENY, DECISION_NOT_ME };
extern const char *const login_decisions[]; /* by enum, NULL at the end */

#define DECISION_SECRET_MAX 256 /* bytes of host_secret */

/* A phone's decision (decision.c), signed. number: 0 for none. host_secret: a seal (seal.h), or
 * NULL; only in an approval. A new string or NULL. */
char *decision_sign(const struct jwk *key, const char *details, size_t len, enum decision decision,
                    int number, const char *host_secret, int64_t now);

enum decision_fault {
    DECISION_FITS,
    DECISION_MALFORMED,   /* not a decision JWS, or members wrong */
    DECISION_SIGNATURE,   /* wrong key or signature */
    DECISION_OTHER_LOGIN, /* other details */
    DECISION_TIME,        /* made more than 300 s outside the login's life */
};
extern const char *const decision_faults[]; /* sentences for the log */

/*
 * Parses and checks all but the number. On DECISION_FITS *decision and *number (0: none) are set.
 */
enum decision_fault decision_check(const char *compact, const struct jwk *key, const char *details,
                                   size_t len, enum decision *decision, int *number);

/* The host_secret of a decision that fits, as it came; "" for none. */
void decision_host_secret(const char *compact, char out[DECISION_SECRET_MAX + 1]);

/* Does the number fit the mode? right: the helper's own (ignored with NUMBER_OFF, where given must
 * be 0). */
bool decision_number_fits(enum number_mode mode, int right, int given);

#endif
