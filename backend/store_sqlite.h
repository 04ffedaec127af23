/* Shared by store_sqlite.c (opening) and store_run.c (operations) only. */
#ifndef STORE_SQLITE_H
#define STORE_SQLITE_H

#include <sqlite3.h>

#include "backend/store.h"

#define PARAMETERS_MAX 32

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

struct prepared {
    const char *name;
    sqlite3_stmt *statement;
    int parameters;
    int index[PARAMETERS_MAX]; /* of $1, $2, … in SQLite's own numbering */
};

struct operation;

struct store {
    sqlite3 *db;
    int lock;
    struct event *turn;
    struct operation *first, **last; /* queued */
    bool failing;                    /* store_failing */
    struct prepared prepared[STATEMENT_COUNT];
    sqlite3_stmt *frames[FRAME_COUNT];
};

/* Runs what is queued, in one transaction; an event's callback, arg is the store. */
void store_turn(evutil_socket_t fd, short what, void *arg);

#endif
