#include "backend/table.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <wchar.h>

#include "common/i18n.h"
#include "common/sanitize.h"

#define CELL_SIZE 300
#define COLUMNS_MAX 12

static void format_cell(char cell[CELL_SIZE], const json_t *value, enum table_kind kind)
{
    time_t seconds = (time_t)json_integer_value(value);
    struct tm tm;
    cell[0] = '\0';
    if (kind == TABLE_SWITCH)
        snprintf(cell, CELL_SIZE, "%s", json_is_true(value) ? _("on") : _("off"));
    else if (kind == TABLE_TIME && json_is_null(value))
        snprintf(cell, CELL_SIZE, "%s", _("never"));
    else if (kind == TABLE_TIME && localtime_r(&seconds, &tm))
        strftime(cell, CELL_SIZE, "%Y-%m-%d %H:%M:%S", &tm);
    else if (json_is_integer(value))
        snprintf(cell, CELL_SIZE, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
    else
        sanitize_text(cell, CELL_SIZE, json_string_value(value));
    if (!cell[0])
        snprintf(cell, CELL_SIZE, "-");
}

/* Columns on a terminal; bytes where the locale cannot say. */
static int text_width(const char *text)
{
    wchar_t wide[CELL_SIZE];
    size_t len = mbstowcs(wide, text, CELL_SIZE);
    int width = len == (size_t)-1 || len >= CELL_SIZE ? -1 : wcswidth(wide, len);
    return width < 0 ? (int)strlen(text) : width;
}

static void print_cell(FILE *out, const char *text, int width, int last)
{
    fprintf(out, "%s", text);
    if (!last)
        fprintf(out, "%*s", width - text_width(text) + 2, "");
}

void table_print(FILE *out, const json_t *rows, const struct table_column *columns,
                 const char *none)
{
    int widths[COLUMNS_MAX], count = 0;
    char cell[CELL_SIZE];
    size_t i;
    json_t *row;

    if (json_array_size(rows) == 0) {
        fprintf(out, "%s\n", none);
        return;
    }
    for (; count < COLUMNS_MAX && columns[count].title; count++)
        widths[count] = text_width(_(columns[count].title));
    json_array_foreach(rows, i, row)
    {
        for (int c = 0; c < count; c++) {
            format_cell(cell, json_object_get(row, columns[c].member), columns[c].kind);
            int width = text_width(cell);
            if (width > widths[c])
                widths[c] = width;
        }
    }
    for (int c = 0; c < count; c++)
        print_cell(out, _(columns[c].title), widths[c], c == count - 1);
    fprintf(out, "\n");
    json_array_foreach(rows, i, row)
    {
        for (int c = 0; c < count; c++) {
            format_cell(cell, json_object_get(row, columns[c].member), columns[c].kind);
            print_cell(out, cell, widths[c], c == count - 1);
        }
        fprintf(out, "\n");
    }
}
