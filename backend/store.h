/*
 * The store, as the rest of the backend sees it: asynchronous, an operation is one statement or
 * several that are kept together, and what arrives in one turn of the event loop is one commit. The
 * engine is in store_sqlite.c. Statements are in statements.def, the tables in schema.sql.
 *
 * Rules: a transition is one conditional UPDATE; no callback reads and then writes on what it read.
 * A callback runs after the commit, so what it acknowledges is durable. It may start further
 * operations; they are in the next turn's commit.
 */
#ifndef STORE_H
#define STORE_H

#include <event2/event.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* statements.def: STATEMENT(id, "SQL with $1, $2, …"). SQL's own clock is used nowhere: the time is
 * a parameter, by store_now_ms(). */
enum statement {
#define STATEMENT(id, sql) STATEMENT_##id,
#include "backend/statements.def"
#undef STATEMENT
    STATEMENT_COUNT
};

enum store_kind { STORE_NULL, STORE_INTEGER, STORE_TEXT };

struct store_value {
    enum store_kind kind;
    int64_t integer;
    const char *bytes; /* TEXT, NUL-terminated */
    size_t len;
};

#define V_NULL ((struct store_value){.kind = STORE_NULL})
#define V_INT(i) ((struct store_value){.kind = STORE_INTEGER, .integer = (int64_t)(i)})
#define V_TEXT(s) store_value_text(s) /* NULL becomes NULL */
struct store_value store_value_text(const char *text);

enum store_status {
    STORE_OK,
    STORE_REFUSED, /* a constraint (a name that exists), or a `must_return` with a count of none:
                      nothing of this operation was kept */
    STORE_FAILED,  /* not committed: answer 503 */
};

/* Rows of one statement. Columns by position of its RETURNING or SELECT. The count is that of the
 * rows, or where the statement returns none, of those that it changed: RETURNING costs SQLite a
 * table of its own, so only statements whose columns are read have it. */
struct store_rows;
size_t store_count(const struct store_rows *rows);
int64_t store_integer(const struct store_rows *rows, size_t row, int column);  /* NULL is 0 */
const char *store_text(const struct store_rows *rows, size_t row, int column); /* NULL is "" */
bool store_is_null(const struct store_rows *rows, size_t row, int column);

/* One step of an operation. Parameters are copied when it is given in. */
struct store_step {
    enum statement statement;
    const struct store_value *values; /* $1 is values[0] */
    size_t count;
    bool must_return; /* with a count of none, the whole operation is undone: STORE_REFUSED */
};

/* results[i] belongs to steps[i] and lives until the callback returns; with another status than
 * STORE_OK there are none (NULL). */
typedef void store_done(void *arg, enum store_status status,
                        const struct store_rows *const *results);

struct store;

/* Opens (create: makes the tables where there are none; else a missing store is an error). NULL,
 * with why. */
struct store *store_open(struct event_base *base, const char *path, bool create, char *why,
                         size_t why_size);

/* True where a server has the store of this path open. */
bool store_in_use(const char *path);

/* Runs what is queued, then closes. */
void store_close(struct store *store);

/* All steps of one operation are kept, or none is. done may be NULL. Always calls back later, never
 * from within. */
void store_run_steps(struct store *store, const struct store_step *steps, size_t count,
                     store_done *done, void *arg);

/* An operation of one step: store_run(store, STATEMENT_x, VALUES(V_INT(1), V_TEXT("a")), done,
 * arg). */
void store_run(struct store *store, enum statement statement, const struct store_value *values,
               size_t count, store_done *done, void *arg);
#define VALUES(...)                                                                                \
    (const struct store_value[]){__VA_ARGS__},                                                     \
        sizeof((const struct store_value[]){__VA_ARGS__}) / sizeof(struct store_value)

/* The last turn that should have changed something did not commit. Reading may go well all the
 * same. */
bool store_failing(const struct store *store);

/* The store's clock, in milliseconds since 1970. All engines' servers share one. */
int64_t store_now_ms(struct store *store);

#endif
