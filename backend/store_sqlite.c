/* The store on SQLite, with one writer: opening, tables, prepared statements. */
#include "backend/store_sqlite.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/i18n.h"
#include "common/log.h"

#define BUSY_MS 1000      /* how long a backup that holds the write lock may block us */
#define SCHEMA_VERSION 3  /* PRAGMA user_version */
#define WAL_KEPT 16777216 /* bytes of the log that are kept after a checkpoint */
#define WAL_PAGES 4000    /* of 4 KiB, in the log when a checkpoint is due */
#define CACHE_KIB 16384   /* most that the pages in memory take */

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

static const char *const frames[FRAME_COUNT] = {
    [FRAME_BEGIN] = "BEGIN IMMEDIATE", [FRAME_COMMIT] = "COMMIT",
    [FRAME_ROLLBACK] = "ROLLBACK",     [FRAME_SAVE] = "SAVEPOINT step",
    [FRAME_RELEASE] = "RELEASE step",  [FRAME_UNDO] = "ROLLBACK TO step",
};

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

bool store_in_use(const char *path)
{
    char why[PATH_MAX + 64];
    int fd = lock_store(path, why, sizeof why);
    if (fd >= 0)
        close(fd);
    return fd < 0;
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

/* From version 1 to 2, and so on. */
static const char *const upgrades[SCHEMA_VERSION - 1] = {
    "DROP INDEX IF EXISTS seen_ids_ends; ALTER TABLE seen_ids RENAME TO seen_ids_1;"
    "CREATE TABLE seen_ids (sender TEXT NOT NULL, id TEXT NOT NULL, ends BIGINT NOT NULL,"
    " PRIMARY KEY (ends, sender, id)) WITHOUT ROWID;"
    "INSERT INTO seen_ids SELECT sender, id, ends FROM seen_ids_1; DROP TABLE seen_ids_1",
    "DROP INDEX IF EXISTS requests_user; DROP INDEX IF EXISTS requests_host;"
    "CREATE INDEX requests_user ON requests (user_name, shown, made);"
    "CREATE INDEX requests_by_code ON requests (user_name, made)"
    " WHERE shown = 0 AND result = 'signed_in';"
    "CREATE INDEX requests_unshown ON requests (made) WHERE shown = 0 AND result <> 'signed_in';"
    "CREATE INDEX requests_host ON requests (host_id, user_name)"
    " WHERE state IN ('open', 'approved')",
};

/* The schema, or what brings that of an older version up to it; all or nothing. */
static int make_tables(sqlite3 *db, const char *path, bool create, char *why, size_t why_size)
{
    char version[64];
    int64_t found = query_integer(db, "PRAGMA user_version");
    if (found == SCHEMA_VERSION)
        return 0;
    if (found < (create ? 0 : 1) || found > SCHEMA_VERSION) {
        snprintf(why, why_size,
                 found > SCHEMA_VERSION
                     ? _("%s was made by a newer approve-server")
                     : _("%s is no store of approve-server; run `approve-server init`"),
                 path);
        return -1;
    }
    snprintf(version, sizeof version, "PRAGMA user_version = %d; COMMIT", SCHEMA_VERSION);
    bool good = sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL) == SQLITE_OK;
    if (found == 0)
        good = good && sqlite3_exec(db, schema, NULL, NULL, NULL) == SQLITE_OK;
    else
        for (size_t at = (size_t)found; good && at < SCHEMA_VERSION; at++)
            good = sqlite3_exec(db, upgrades[at - 1], NULL, NULL, NULL) == SQLITE_OK;
    if (!good || sqlite3_exec(db, version, NULL, NULL, NULL) != SQLITE_OK) {
        snprintf(why, why_size, _("%s: %s"), path, sqlite3_errmsg(db));
        return -1;
    }
    if (found > 0)
        log_info("%s: brought from version %d to version %d", path, (int)found, SCHEMA_VERSION);
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
    prepared->name = statements[id].name;
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
    char settings[320];
    snprintf(settings, sizeof settings,
             "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON;"
             "PRAGMA trusted_schema = OFF; PRAGMA journal_size_limit = %d;"
             "PRAGMA wal_autocheckpoint = %d; PRAGMA cache_size = -%d; PRAGMA temp_store = MEMORY",
             WAL_KEPT, WAL_PAGES, CACHE_KIB);
    /* One thread, one connection: no locks of SQLite's own. Too late, and harmless, once there was
     * a store. */
    sqlite3_config(SQLITE_CONFIG_SINGLETHREAD);
    sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
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
    store->turn = event_new(base, -1, 0, store_turn, store);
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
        store_turn(-1, 0, store);
    free_store(store);
}
