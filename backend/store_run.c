/* The operations of the store on SQLite: one transaction for what one turn of the event loop
 * brought. */
#include "backend/store_sqlite.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "backend/store_rows.h"
#include "common/clock.h"
#include "common/i18n.h"
#include "common/log.h"

struct store_value store_value_text(const char *text)
{
    if (!text)
        return V_NULL;
    return (struct store_value){.kind = STORE_TEXT, .bytes = text, .len = strlen(text)};
}

int64_t store_now_ms(struct store *store)
{
    (void)store;
    return clock_wall_ms();
}

bool store_failing(const struct store *store)
{
    return store->failing;
}

struct operation {
    struct operation *next;
    store_done *done;
    void *arg;
    enum store_status status;
    struct store_rows **results; /* by step */
    size_t count;
    struct store_step steps[]; /* then the values, then their bytes, in the same allocation */
};

/* --- operations ----------------------------------------------------------------------------- */

/* One allocation for the operation and copies of all that it was given. */
static struct operation *copy_operation(const struct store_step *steps, size_t count)
{
    size_t values = 0, bytes = 0;
    for (size_t i = 0; i < count; i++) {
        values += steps[i].count;
        for (size_t j = 0; j < steps[i].count; j++)
            if (steps[i].values[j].kind == STORE_TEXT)
                bytes += steps[i].values[j].len + 1;
    }
    size_t head = sizeof(struct operation) + count * sizeof(struct store_step);
    struct operation *operation = malloc(head + values * sizeof(struct store_value) + bytes);
    struct store_rows **results = calloc(count, sizeof(struct store_rows *));
    if (!operation || !results) {
        /* There is no way to answer later without memory, and answering from within would break the
         * callers. */
        log_error("%s", _("out of memory, ending"));
        abort();
    }
    struct store_value *value = (struct store_value *)((char *)operation + head);
    char *copy = (char *)(value + values);
    *operation = (struct operation){.results = results, .count = count};
    for (size_t i = 0; i < count; i++) {
        operation->steps[i] = steps[i];
        operation->steps[i].values = value;
        for (size_t j = 0; j < steps[i].count; j++, value++) {
            *value = steps[i].values[j];
            if (value->kind != STORE_TEXT)
                continue;
            if (value->len)
                memcpy(copy, value->bytes, value->len);
            copy[value->len] = '\0';
            value->bytes = copy;
            copy += value->len + 1;
        }
    }
    return operation;
}

static void drop_results(struct operation *operation)
{
    for (size_t i = 0; i < operation->count; i++) {
        store_rows_free(operation->results[i]);
        operation->results[i] = NULL;
    }
}

static void free_operation(struct operation *operation)
{
    drop_results(operation);
    free(operation->results);
    free(operation);
}

void store_run_steps(struct store *store, const struct store_step *steps, size_t count,
                     store_done *done, void *arg)
{
    struct operation *operation = copy_operation(steps, count);
    operation->done = done;
    operation->arg = arg;
    *store->last = operation;
    store->last = &operation->next;
    event_active(store->turn, EV_TIMEOUT, 1);
}

void store_run(struct store *store, enum statement statement, const struct store_value *values,
               size_t count, store_done *done, void *arg)
{
    struct store_step step = {.statement = statement, .values = values, .count = count};
    store_run_steps(store, &step, 1, done, arg);
}

/* --- one turn ------------------------------------------------------------------------------- */

static bool run_frame(struct store *store, enum frame frame)
{
    int result = sqlite3_step(store->frames[frame]);
    sqlite3_reset(store->frames[frame]);
    if (result != SQLITE_DONE)
        log_error(_("store: %s: %s"), sqlite3_sql(store->frames[frame]), sqlite3_errmsg(store->db));
    return result == SQLITE_DONE;
}

static int bind_values(const struct prepared *prepared, const struct store_step *step)
{
    if (step->count != (size_t)prepared->parameters)
        return SQLITE_MISUSE;
    for (size_t i = 0; i < step->count; i++) {
        const struct store_value *value = &step->values[i];
        int at = prepared->index[i], result = SQLITE_MISUSE;
        if (value->len > INT_MAX)
            return SQLITE_TOOBIG;
        switch (value->kind) {
        case STORE_NULL:
            result = sqlite3_bind_null(prepared->statement, at);
            break;
        case STORE_INTEGER:
            result = sqlite3_bind_int64(prepared->statement, at, value->integer);
            break;
        case STORE_TEXT:
            result = sqlite3_bind_text(prepared->statement, at, value->bytes, (int)value->len,
                                       SQLITE_STATIC);
            break;
        }
        if (result != SQLITE_OK)
            return result;
    }
    return SQLITE_OK;
}

/* Runs one statement to its end. *lost: it may have changed something that can only be taken back
 * with the whole transaction. */
static enum store_status run_step(struct store *store, const struct store_step *step,
                                  struct store_rows **rows, bool *lost)
{
    const struct prepared *prepared = &store->prepared[step->statement];
    enum store_status status = STORE_FAILED;
    int result = bind_values(prepared, step);
    *rows = store_rows_new(sqlite3_column_count(prepared->statement));
    if (result != SQLITE_OK || !*rows)
        goto out;
    while ((result = sqlite3_step(prepared->statement)) == SQLITE_ROW) {
        if (!store_rows_add(*rows, prepared->statement)) {
            result = SQLITE_NOMEM;
            *lost = true;
            goto out;
        }
    }
    if (result == SQLITE_DONE && !sqlite3_stmt_readonly(prepared->statement))
        store_rows_changed(*rows, (size_t)sqlite3_changes(store->db));
    if ((result & 0xff) == SQLITE_CONSTRAINT ||
        (result == SQLITE_DONE && step->must_return && !store_count(*rows)))
        status = STORE_REFUSED;
    else if (result == SQLITE_DONE)
        status = STORE_OK;
out:
    if (status == STORE_FAILED)
        log_error(_("store: %s: %s"), prepared->name, sqlite3_errstr(result));
    sqlite3_reset(prepared->statement);
    sqlite3_clear_bindings(prepared->statement);
    return status;
}

enum run {
    RUN_DONE, /* each operation is kept or undone as its status says */
    RUN_UNDO, /* one has to be undone, and there was no savepoint */
    RUN_LOST, /* the transaction is: a full disk and the like */
};

/*
 * Runs an operation's steps inside of the open transaction. What did not all succeed is undone by
 * its savepoint; the first statement needs none, as one that fails has undone itself, and one that
 * must return and did not has changed nothing.
 */
static enum run run_operation(struct store *store, struct operation *operation, bool with_savepoint)
{
    bool saved = with_savepoint && operation->count > 1, lost = false;
    size_t done = 0;
    if (saved && !run_frame(store, FRAME_SAVE))
        return RUN_LOST;
    operation->status = STORE_OK;
    for (; done < operation->count && operation->status == STORE_OK; done++)
        operation->status =
            run_step(store, &operation->steps[done], &operation->results[done], &lost);
    if (lost || sqlite3_get_autocommit(store->db))
        return RUN_LOST;
    if (operation->status != STORE_OK && done > 1 && !saved)
        return RUN_UNDO;
    if (saved && operation->status != STORE_OK && !run_frame(store, FRAME_UNDO))
        return RUN_LOST;
    return !saved || run_frame(store, FRAME_RELEASE) ? RUN_DONE : RUN_LOST;
}

/* Runs operations as one transaction; with anything but RUN_DONE nothing of it is kept. */
static enum run run_operations(struct store *store, struct operation *first, bool with_savepoints)
{
    enum run result = run_frame(store, FRAME_BEGIN) ? RUN_DONE : RUN_LOST;
    for (struct operation *at = first; at && result == RUN_DONE; at = at->next)
        result = run_operation(store, at, with_savepoints);
    if (result == RUN_DONE && !run_frame(store, FRAME_COMMIT))
        result = RUN_LOST;
    if (result != RUN_DONE && !sqlite3_get_autocommit(store->db))
        run_frame(store, FRAME_ROLLBACK);
    return result;
}

static void answer_operations(struct operation *first, bool committed)
{
    while (first) {
        struct operation *operation = first;
        first = operation->next;
        if (!committed)
            operation->status = STORE_FAILED;
        if (operation->status != STORE_OK)
            drop_results(operation);
        if (operation->done)
            operation->done(operation->arg, operation->status,
                            operation->status == STORE_OK
                                ? (const struct store_rows *const *)operation->results
                                : NULL);
        free_operation(operation);
    }
}

void store_turn(evutil_socket_t fd, short what, void *arg)
{
    (void)fd, (void)what;
    struct store *store = arg;
    struct operation *first = store->first;
    int changes = sqlite3_total_changes(store->db);
    enum run result;

    store->first = NULL;
    store->last = &store->first;
    if (!first)
        return;
    /* Savepoints copy each page that changes after them. Nearly no operation is undone halfway, so
     * a transaction does without them, and where one is, all of it is run again with them. */
    result = run_operations(store, first, false);
    if (result == RUN_UNDO) {
        for (struct operation *at = first; at; at = at->next)
            drop_results(at);
        result = run_operations(store, first, true);
    }
    if (result != RUN_DONE || sqlite3_total_changes(store->db) != changes)
        store->failing = result != RUN_DONE;
    answer_operations(first, result == RUN_DONE);
}
