#include "common/columns.h"

#include <stdbool.h>
#include <string.h>

enum { COLUMNS = 80 };

static size_t width_of(const char *text, size_t bytes)
{
    size_t width = 0;

    for (size_t i = 0; i < bytes; i++)
        width += ((unsigned char)text[i] & 0xc0) != 0x80; /* not within a character */
    return width;
}

size_t columns_width(const char *text)
{
    return width_of(text, strlen(text));
}

void columns_wrap(FILE *out, const char *text, size_t column, size_t indent)
{
    bool first = true; /* of its line */

    while (*text) {
        size_t bytes = strcspn(text, " "), width = width_of(text, bytes);
        if (!first && column + 1 + width > COLUMNS) {
            fprintf(out, "\n%*s", (int)indent, "");
            column = indent;
            first = true;
        }
        fprintf(out, "%s%.*s", first ? "" : " ", (int)bytes, text);
        column += width + !first;
        first = false;
        text += bytes + strspn(text + bytes, " ");
    }
    fputc('\n', out);
}

void columns_scdoc(FILE *out, const char *text)
{
    for (; *text; text++) {
        if (strchr("_*\\#~`", *text))
            fputc('\\', out);
        fputc(*text, out);
    }
}

void columns_row(FILE *out, const char *left, const char *right, size_t width)
{
    size_t used = columns_width(left), indent = width + 4;

    fprintf(out, "  %s", left);
    if (used > width)
        fprintf(out, "\n%*s", (int)indent, "");
    else
        fprintf(out, "%*s", (int)(width - used) + 2, "");
    columns_wrap(out, right, indent, indent);
}
