/* The rows of one statement, as SQLite gives them; read through store.h. */
#ifndef STORE_ROWS_H
#define STORE_ROWS_H

#include <sqlite3.h>
#include <stdbool.h>

#include "backend/store.h"

/* No rows yet. NULL without memory. */
struct store_rows *store_rows_new(int columns);

/* How many rows were changed by a statement that returns none. */
void store_rows_changed(struct store_rows *rows, size_t changed);

/* Copies the row that the statement stands on. False without memory. */
bool store_rows_add(struct store_rows *rows, sqlite3_stmt *statement);

void store_rows_free(struct store_rows *rows); /* NULL is fine */

#endif
