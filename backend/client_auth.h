/* Calls of hosts: form, private_key_jwt (RFC 7523; docs/backend-protocol.md, "Who asks"), errors in
 * RFC 6749's form. */
#ifndef CLIENT_AUTH_H
#define CLIENT_AUTH_H

#include "backend/form.h"
#include "backend/held_call.h"

#define AUTH_REQ_ID_MAX 64

struct jws;

/* A handler's own struct has this one first. */
struct client_call {
    struct held_call held;
    struct form *form;
    struct jws *assertion; /* until it is checked */
    void (*next)(struct client_call *call);
    void (*clear)(struct client_call *call); /* NULL, or frees what the handler hung on it */
    char host[65], host_name[129];           /* the name as the server knows it */
    char sender[80], jti[129];               /* of seen_ids */
    int64_t jti_ends;                        /* milliseconds */
    struct store_value seen[3];
};

/*
 * Makes the call, of `size` bytes, zeroed after the first member, and reads and checks form and
 * assertion. Where they are right, next is called (with nothing remembered yet); else the call is
 * answered.
 */
void client_call_start(struct http_call *http, struct server *server, size_t size,
                       void (*next)(struct client_call *call));

/* The first step of every operation that answers a call: remembers its jti. STORE_REFUSED then says
 * that it was seen before. */
struct store_step client_seen_step(struct client_call *call);

/* A required parameter; where it is missing the call is answered with invalid_request, and NULL
 * comes back. */
const char *client_parameter(struct client_call *call, const char *name, size_t most);

/* Frees form and assertion before a long wait. */
void client_call_slim(struct client_call *call);

void client_reply(struct client_call *call, json_t *body);
void client_reply_text(struct client_call *call, char *text); /* JSON; wiped and freed */

/* {"error": …, "error_description": …} */
void client_error(struct client_call *call, int status, const char *error, const char *description);

/* The same with further members, whose reference is taken. */
void client_error_with(struct client_call *call, int status, const char *error,
                       const char *description, json_t *more, long retry_after);

/* Answers what each operation can end in besides STORE_OK: a jti seen before, or no commit. Returns
 * false where it did. */
bool client_stored(struct client_call *call, enum store_status status);

#endif
