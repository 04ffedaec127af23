/* The store on SQLite: one writer, one transaction for what one turn of the event loop brought. */
#include "backend/store.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "backend/store_rows.h"
#include "common/clock.h"
#include "common/i18n.h"
#include "common/log.h"

#define PARAMETERS_MAX 32
#define BUSY_MS 1000      /* how long a backup that holds the write lock may block us */
#define SCHEMA_VERSION 1  /* PRAGMA user_version */
#define WAL_KEPT 16777216 /* bytes of the log that are kept after a checkpoint */

static const char schema[] =
#include "schema.h"
    ;

static const struct {
    const char *name, *sql;
} statements[STATEMENT_COUNT] = {
#define STATEMENT(id, sql) [STATEMENT_##id] = {#id, sql},
#include "backend/statements.def"
#undef STATEMENT
};

/* The statements that frame operations. */
enum frame {
    FRAME_BEGIN,
    FRAME_COMMIT,
    FRAME_ROLLBACK,
    FRAME_SAVE,
    FRAME_RELEASE,
    FRAME_UNDO,
    FRAME_COUNT
};
static const char *const frames[FRAME_COUNT] = {
    [FRAME_BEGIN] = "BEGIN IMMEDIATE", [FRAME_COMMIT] = "COMMIT",
    [FRAME_ROLLBACK] = "ROLLBACK",     [FRAME_SAVE] = "SAVEPOINT step",
    [FRAME_RELEASE] = "RELEASE step",  [FRAME_UNDO] = "ROLLBACK TO step",
};

struct prepared {
    sqlite3_stmt *statement;
    int parameters;
    int index[PARAMETERS_MAX]; /* of $1, $2, … in SQLite's own numbering */
};

struct operation {
    struct operation *next;
    store_done *done;
    void *arg;
    enum store_status status;
    struct store_rows **results; /* by step */
    size_t count;
    struct store_step steps[]; /* then the values, then their bytes, in the same allocation */
};

struct store {
    sqlite3 *db;
    int lock;
    struct event *turn;
    struct operation *first, **last; /* queued */
    struct prepared prepared[STATEMENT_COUNT];
    sqlite3_stmt *frames[FRAME_COUNT];
};

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

/* --- operations ----------------------------------------------------------------------------- */

static bool has_bytes(const struct store_value *value)
{
    return value->kind == STORE_TEXT || value->kind == STORE_BLOB;
}

/* One allocation for the operation and copies of all that it was given. */
static struct operation *copy_operation(const struct store_step *steps, size_t count)
{
    size_t values = 0, bytes = 0;
    for (size_t i = 0; i < count; i++) {
        values += steps[i].count;
        for (size_t j = 0; j < steps[i].count; j++)
            if (has_bytes(&steps[i].values[j]))
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
            if (!has_bytes(value))
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
        log_error(_("store: %s: %s"), frames[frame], sqlite3_errmsg(store->db));
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
        case STORE_BLOB:
            result = sqlite3_bind_blob(prepared->statement, at, value->bytes, (int)value->len,
                                       SQLITE_STATIC);
            break;
        }
        if (result != SQLITE_OK)
            return result;
    }
    return SQLITE_OK;
}

/* Runs one statement to its end. */
static enum store_status run_step(struct store *store, const struct store_step *step,
                                  struct store_rows **rows)
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
            goto out;
        }
    }
    if ((result & 0xff) == SQLITE_CONSTRAINT ||
        (result == SQLITE_DONE && step->must_return && !store_count(*rows)))
        status = STORE_REFUSED;
    else if (result == SQLITE_DONE)
        status = STORE_OK;
out:
    if (status == STORE_FAILED)
        log_error(_("store: %s: %s"), statements[step->statement].name, sqlite3_errstr(result));
    sqlite3_reset(prepared->statement);
    sqlite3_clear_bindings(prepared->statement);
    return status;
}

/*
 * Runs an operation's steps inside of the open transaction. A savepoint undoes an operation whose
 * steps do not all succeed; a single statement that fails has undone itself, and one that must
 * return and did not has changed nothing. Returns false where the transaction is lost.
 */
static bool run_operation(struct store *store, struct operation *operation)
{
    bool saved = operation->count > 1;
    if (saved && !run_frame(store, FRAME_SAVE))
        return false;
    operation->status = STORE_OK;
    for (size_t i = 0; i < operation->count && operation->status == STORE_OK; i++)
        operation->status = run_step(store, &operation->steps[i], &operation->results[i]);
    if (sqlite3_get_autocommit(store->db))
        return false; /* a full disk and the like end the whole transaction */
    if (operation->status == STORE_FAILED && !saved)
        return false; /* it may have changed something before memory ended */
    if (saved && operation->status != STORE_OK && !run_frame(store, FRAME_UNDO))
        return false;
    return !saved || run_frame(store, FRAME_RELEASE);
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

static void run_turn(evutil_socket_t fd, short what, void *arg)
{
    (void)fd, (void)what;
    struct store *store = arg;
    struct operation *first = store->first;
    bool alive;

    store->first = NULL;
    store->last = &store->first;
    if (!first)
        return;
    alive = run_frame(store, FRAME_BEGIN);
    for (struct operation *at = first; at && alive; at = at->next)
        alive = run_operation(store, at);
    alive = alive && run_frame(store, FRAME_COMMIT);
    if (!alive && !sqlite3_get_autocommit(store->db))
        run_frame(store, FRAME_ROLLBACK);
    answer_operations(first, alive);
}

/* --- opening -------------------------------------------------------------------------------- */

static int64_t query_integer(sqlite3 *db, const char *sql)
{
    sqlite3_stmt *statement = NULL;
    int64_t value = -1;
    if (sqlite3_prepare_v2(db, sql, -1, &statement, NULL) == SQLITE_OK &&
        sqlite3_step(statement) == SQLITE_ROW)
        value = sqlite3_column_int64(statement, 0);
    sqlite3_finalize(statement);
    return value;
}

/* One server a store: the lock ends with the process, however it ends. */
static int lock_store(const char *path, char *why, size_t why_size)
{
    char lock[PATH_MAX];
    if ((size_t)snprintf(lock, sizeof lock, "%s.lock", path) >= sizeof lock) {
        snprintf(why, why_size, _("%s: the path is too long"), path);
        return -1;
    }
    int fd = open(lock, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0) {
        snprintf(why, why_size, _("%s: %s"), lock, strerror(errno));
        return -1;
    }
    if (flock(fd, LOCK_EX | LOCK_NB) < 0) {
        snprintf(why, why_size, _("%s is in use by another approve-server; stop that one first"),
                 path);
        close(fd);
        return -1;
    }
    return fd;
}

/* SQLite gives its other files the mode of the first. */
static int check_file(const char *path, bool create, char *why, size_t why_size)
{
    struct stat st;
    int fd = open(path, O_RDWR | (create ? O_CREAT : 0) | O_CLOEXEC | O_NOFOLLOW, 0600),
        result = -1;
    if (fd < 0 && errno == ENOENT && !create)
        snprintf(why, why_size, _("%s does not exist; run `approve-server init` first"), path);
    else if (fd < 0 || fstat(fd, &st) < 0)
        snprintf(why, why_size, _("%s: %s"), path, strerror(errno));
    else if (!S_ISREG(st.st_mode))
        snprintf(why, why_size, _("%s is not a regular file"), path);
    else if (st.st_mode & 077)
        snprintf(why, why_size, _("%s can be read by others; run: chmod 600 %s"), path, path);
    else
        result = 0;
    if (fd >= 0)
        close(fd);
    return result;
}

static int make_tables(sqlite3 *db, const char *path, bool create, char *why, size_t why_size)
{
    char version[64];
    int64_t found = query_integer(db, "PRAGMA user_version");
    if (found == SCHEMA_VERSION)
        return 0;
    if (found != 0 || !create) {
        snprintf(why, why_size,
                 found > SCHEMA_VERSION
                     ? _("%s was made by a newer approve-server")
                     : _("%s is no store of approve-server; run `approve-server init`"),
                 path);
        return -1;
    }
    snprintf(version, sizeof version, "PRAGMA user_version = %d; COMMIT", SCHEMA_VERSION);
    if (sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL) != SQLITE_OK ||
        sqlite3_exec(db, schema, NULL, NULL, NULL) != SQLITE_OK ||
        sqlite3_exec(db, version, NULL, NULL, NULL) != SQLITE_OK) {
        snprintf(why, why_size, _("%s: %s"), path, sqlite3_errmsg(db));
        return -1;
    }
    return 0;
}

static int prepare(sqlite3 *db, const char *sql, sqlite3_stmt **statement)
{
    return sqlite3_prepare_v3(db, sql, -1, SQLITE_PREPARE_PERSISTENT, statement, NULL) == SQLITE_OK
               ? 0
               : -1;
}

static int prepare_statement(sqlite3 *db, enum statement id, struct prepared *prepared)
{
    if (prepare(db, statements[id].sql, &prepared->statement) < 0)
        return -1;
    prepared->parameters = sqlite3_bind_parameter_count(prepared->statement);
    if (prepared->parameters > PARAMETERS_MAX)
        return -1;
    for (int i = 0; i < prepared->parameters; i++) {
        char name[16];
        snprintf(name, sizeof name, "$%d", i + 1);
        prepared->index[i] = sqlite3_bind_parameter_index(prepared->statement, name);
        if (prepared->index[i] == 0)
            return -1;
    }
    return 0;
}

/* All statements now, so that a wrong one ends the start and not a login. */
static int prepare_all(struct store *store, char *why, size_t why_size)
{
    for (size_t i = 0; i < STATEMENT_COUNT; i++) {
        if (prepare_statement(store->db, (enum statement)i, &store->prepared[i]) < 0) {
            snprintf(why, why_size, _("store: statement %s: %s"), statements[i].name,
                     sqlite3_errmsg(store->db));
            return -1;
        }
    }
    for (size_t i = 0; i < FRAME_COUNT; i++) {
        if (prepare(store->db, frames[i], &store->frames[i]) < 0) {
            snprintf(why, why_size, _("store: %s: %s"), frames[i], sqlite3_errmsg(store->db));
            return -1;
        }
    }
    return 0;
}

static int open_database(struct store *store, const char *path, char *why, size_t why_size)
{
    char settings[256];
    snprintf(settings, sizeof settings,
             "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON;"
             "PRAGMA trusted_schema = OFF; PRAGMA journal_size_limit = %d",
             WAL_KEPT);
    if (sqlite3_open_v2(path, &store->db,
                        SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE,
                        NULL) != SQLITE_OK ||
        sqlite3_busy_timeout(store->db, BUSY_MS) != SQLITE_OK ||
        sqlite3_exec(store->db, settings, NULL, NULL, NULL) != SQLITE_OK ||
        query_integer(store->db, "PRAGMA synchronous") != 2 ||
        query_integer(store->db, "PRAGMA foreign_keys") != 1) {
        snprintf(why, why_size, _("%s: %s"), path,
                 store->db ? sqlite3_errmsg(store->db) : strerror(ENOMEM));
        return -1;
    }
    return 0;
}

static void free_store(struct store *store)
{
    for (size_t i = 0; i < STATEMENT_COUNT; i++)
        sqlite3_finalize(store->prepared[i].statement);
    for (size_t i = 0; i < FRAME_COUNT; i++)
        sqlite3_finalize(store->frames[i]);
    sqlite3_close(store->db);
    if (store->lock >= 0)
        close(store->lock);
    if (store->turn)
        event_free(store->turn);
    free(store);
}

struct store *store_open(struct event_base *base, const char *path, bool create, char *why,
                         size_t why_size)
{
    struct store *store = calloc(1, sizeof *store);
    if (!store)
        return NULL;
    store->last = &store->first;
    store->lock = -1;
    store->turn = event_new(base, -1, 0, run_turn, store);
    if (!store->turn) {
        snprintf(why, why_size, "%s", strerror(ENOMEM));
        goto out;
    }
    if (check_file(path, create, why, why_size) < 0 ||
        (store->lock = lock_store(path, why, why_size)) < 0 ||
        open_database(store, path, why, why_size) < 0 ||
        make_tables(store->db, path, create, why, why_size) < 0 ||
        prepare_all(store, why, why_size) < 0)
        goto out;
    return store;
out:
    free_store(store);
    return NULL;
}

void store_close(struct store *store)
{
    if (!store)
        return;
    while (store->first)
        run_turn(-1, 0, store);
    free_store(store);
}
