/* Help texts: in columns, at most 80 wide, and for man pages. */
#ifndef COLUMNS_H
#define COLUMNS_H

#include <stddef.h>
#include <stdio.h>

/* Columns that UTF-8 text takes; wide characters count as one. */
size_t columns_width(const char *text);

/*
 * Prints words from `column` on, where the cursor is, breaking lines before column 80; further
 * lines start at `indent`. Ends with a line feed.
 */
void columns_wrap(FILE *out, const char *text, size_t column, size_t indent);

/* "  left      right right right": the right part starts at `width` + 4, below where left is wider.
 */
void columns_row(FILE *out, const char *left, const char *right, size_t width);

/* Text of a man page's source: scdoc takes _, *, \ and others for its own. */
void columns_scdoc(FILE *out, const char *text);

#endif
