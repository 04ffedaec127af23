/* Every check of an ID token (docs/backend-protocol.md, "The ID token"), once its signature was
 * verified. */
#ifndef ID_TOKEN_H
#define ID_TOKEN_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base64url.h"
#include "common/jws.h"
#include "common/login.h"
#include "helper/host.h"

#define ID_TOKEN_CLOCK 60 /* seconds that clocks may differ */

/* What the token must fit. */
struct id_token_expected {
    const struct host *host;
    const char *auth_req_id;
    const struct login *login; /* the request */
    const char *details; /* the request's bytes; NULL where none were sent (provider = ciba) */
    int number;          /* the right one */
    bool code_sent;      /* this helper sent a code for the request */
    bool code_only;      /* a request that no phone shows */
    int64_t now;         /* seconds since 1970 */
};

enum id_token_fault {
    ID_TOKEN_FITS,
    ID_TOKEN_WRONG_NUMBER,
    ID_TOKEN_INVALID, /* anything else; why says what */
};

struct id_token_result {
    bool by_code;
    char device[129];                          /* the phone's name, clean; "" where not said */
    char jkt[BASE64URL_SHA256 + 1];            /* its key's thumbprint; "" by a code */
    char host_secret[DECISION_SECRET_MAX + 1]; /* of its approval, only with ID_TOKEN_FITS; "" */
    char why[256];                             /* of a fault: one line for the log */
};

/* The algorithms that a provider may sign with. */
unsigned id_token_algorithms(const struct host *host);

/* jws: its signature is verified already. */
enum id_token_fault id_token_check(const struct jws *jws, const struct id_token_expected *expected,
                                   struct id_token_result *result);

#endif
