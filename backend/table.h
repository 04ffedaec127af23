/* Lists for people: aligned columns of text that is safe to show. */
#ifndef TABLE_H
#define TABLE_H

#include <jansson.h>
#include <stdio.h>

enum table_kind {
    TABLE_TEXT,   /* or a number; an empty one shows as "-" */
    TABLE_TIME,   /* seconds since 1970; null: "never" */
    TABLE_SWITCH, /* true: on, false: off */
};

struct table_column {
    const char *title, *member; /* title NULL: the end */
    enum table_kind kind;
};

/* Prints rows (objects) under the titles. With no rows prints `none`. */
void table_print(FILE *out, const json_t *rows, const struct table_column *columns,
                 const char *none);

#endif
