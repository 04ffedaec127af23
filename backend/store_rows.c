#include "backend/store_rows.h"

#include <stdlib.h>
#include <string.h>

struct cell {
    int type; /* SQLITE_NULL, … */
    int64_t integer;
    size_t offset, len; /* in bytes, followed by a NUL */
};

struct store_rows {
    size_t count, columns;
    size_t changed; /* where there are no columns */
    struct cell *cells;
    size_t cells_size;
    char *bytes;
    size_t used, bytes_size;
};

struct store_rows *store_rows_new(int columns)
{
    struct store_rows *rows = calloc(1, sizeof *rows);
    if (rows)
        rows->columns = (size_t)columns;
    return rows;
}

void store_rows_free(struct store_rows *rows)
{
    if (!rows)
        return;
    free(rows->cells);
    free(rows->bytes);
    free(rows);
}

/* Makes room for `more` beyond `used` elements of `element` bytes. */
static bool make_room(void **array, size_t *size, size_t used, size_t more, size_t element)
{
    size_t want = *size ? *size : 8;
    while (want < used + more)
        want *= 2;
    if (*array && want == *size)
        return true;
    void *grown = reallocarray(*array, want, element);
    if (!grown)
        return false;
    *array = grown;
    *size = want;
    return true;
}

static bool add_cell(struct store_rows *rows, struct cell *cell, sqlite3_stmt *statement,
                     int column)
{
    *cell = (struct cell){.type = sqlite3_column_type(statement, column)};
    if (cell->type == SQLITE_INTEGER) {
        cell->integer = sqlite3_column_int64(statement, column);
    } else if (cell->type != SQLITE_NULL) {
        const void *value = sqlite3_column_blob(statement, column);
        cell->len = (size_t)sqlite3_column_bytes(statement, column);
        cell->offset = rows->used;
        if (!make_room((void **)&rows->bytes, &rows->bytes_size, rows->used, cell->len + 1, 1))
            return false;
        if (cell->len && !value)
            return false;
        if (cell->len)
            memcpy(rows->bytes + rows->used, value, cell->len);
        rows->bytes[rows->used + cell->len] = '\0';
        rows->used += cell->len + 1;
    }
    return true;
}

bool store_rows_add(struct store_rows *rows, sqlite3_stmt *statement)
{
    size_t first = rows->count * rows->columns;
    if (!make_room((void **)&rows->cells, &rows->cells_size, first, rows->columns,
                   sizeof *rows->cells))
        return false;
    for (size_t i = 0; i < rows->columns; i++)
        if (!add_cell(rows, &rows->cells[first + i], statement, (int)i))
            return false;
    rows->count++;
    return true;
}

/* A cell, or one that is NULL where there is none. */
static const struct cell *find_cell(const struct store_rows *rows, size_t row, int column)
{
    static const struct cell none = {.type = SQLITE_NULL};
    if (!rows || row >= rows->count || column < 0 || (size_t)column >= rows->columns)
        return &none;
    return &rows->cells[row * rows->columns + (size_t)column];
}

void store_rows_changed(struct store_rows *rows, size_t changed)
{
    rows->changed = changed;
}

size_t store_count(const struct store_rows *rows)
{
    if (!rows)
        return 0;
    return rows->columns > 0 ? rows->count : rows->changed;
}

int64_t store_integer(const struct store_rows *rows, size_t row, int column)
{
    return find_cell(rows, row, column)->integer;
}

const char *store_text(const struct store_rows *rows, size_t row, int column)
{
    const struct cell *cell = find_cell(rows, row, column);
    return cell->type == SQLITE_TEXT ? rows->bytes + cell->offset : "";
}

bool store_is_null(const struct store_rows *rows, size_t row, int column)
{
    return find_cell(rows, row, column)->type == SQLITE_NULL;
}
