/*
 * Administration, over the admin socket only: POST /admin/v1/NAME with a JSON object, answered with
 * one. Errors: {"error": "…"}, words of admin_commands.c's table.
 */
#ifndef ADMIN_H
#define ADMIN_H

#include <jansson.h>

#include "backend/held_call.h"

#define PATH_ADMIN "/admin/v1/"

struct admin_call {
    struct held_call held; /* first */
    const struct admin_method *method;
    const char *refused; /* the error where a step that must return did not; the method's, unless
                            start set another */
    json_t *body;
    char *secret; /* that is given out with the answer, once */
};

struct admin_method {
    const char *name;
    const char *refused; /* the error where a step that must return did not */
    /* Reads the members and runs an operation. False: a member is missing or wrong. */
    bool (*start)(struct admin_call *call);
    /* A new object, or NULL without memory. Runs after the commit, even where the client has left.
     */
    json_t *(*answer)(struct admin_call *call, const struct store_rows *const *results);
};

/* By name; in admin_hosts.c and admin_users.c, each ends with name == NULL. */
extern const struct admin_method admin_host_methods[], admin_user_methods[];

/* The route's handler. */
void admin_run(struct http_call *http, void *context);

/* The operation of a call; its answer follows by itself. */
void admin_store(struct admin_call *call, const struct store_step *steps, size_t count);

/* A member of 1 to `most` bytes, clean to show; or NULL. */
const char *admin_text(const struct admin_call *call, const char *name, size_t most);

/* A list's columns: how each goes into JSON. */
enum admin_kind {
    ADMIN_TEXT,
    ADMIN_INTEGER,
    ADMIN_BOOLEAN,
    ADMIN_TIME /* seconds since 1970, null where there is none */
};
struct admin_column {
    const char *name;
    enum admin_kind kind;
};

/* One object for each row, with columns from position 0 on; columns ends with name == NULL. NULL
 * without memory. */
json_t *admin_list(const struct store_rows *rows, const struct admin_column *columns);

#endif
