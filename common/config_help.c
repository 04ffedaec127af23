/* The table of options, for people: config.h. */
#include <string.h>

#include "common/columns.h"
#include "common/config_value.h"
#include "common/i18n.h"

enum { INDENT = 6 };

/* "[service NAME]" for "service *". */
static void print_section(FILE *out, const char *section)
{
    size_t len = strlen(section);

    if (section[len - 1] == '*')
        fprintf(out, "[%.*sNAME]\n", (int)len - 1, section);
    else
        fprintf(out, "[%s]\n", section);
}

void config_print_help(FILE *out, const struct config_option *options)
{
    char allowed[256];

    for (size_t row = 0; options[row].section; row++) {
        if (!config_section_is_first(options, row))
            continue;
        print_section(out, options[row].section);
        for (size_t i = row; options[i].section; i++) {
            if (strcmp(options[i].section, options[row].section) != 0)
                continue;
            config_describe(&options[i], allowed, sizeof(allowed));
            fprintf(out, "  %s = %s", options[i].key, allowed);
            if (options[i].fallback && options[i].fallback[0])
                fprintf(out, _(" (default: %s)"), options[i].fallback);
            fputc('\n', out);
            fprintf(out, "%*s", INDENT, "");
            columns_wrap(out, _(options[i].help), INDENT, INDENT);
        }
        fputc('\n', out);
    }
}

void config_print_scdoc(FILE *out, const struct config_option *options)
{
    char allowed[256];

    for (size_t row = 0; options[row].section; row++) {
        if (!config_section_is_first(options, row))
            continue;
        fputs("## ", out);
        print_section(out, options[row].section);
        for (size_t i = row; options[i].section; i++) {
            if (strcmp(options[i].section, options[row].section) != 0)
                continue;
            config_describe(&options[i], allowed, sizeof(allowed));
            fputs("\n*", out);
            columns_scdoc(out, options[i].key);
            fputs("* = ", out);
            columns_scdoc(out, allowed);
            if (options[i].fallback && options[i].fallback[0]) {
                fputs(" (default: ", out);
                columns_scdoc(out, options[i].fallback);
                fputc(')', out);
            }
            fputs("\n\t", out);
            columns_scdoc(out, options[i].help);
            fputc('\n', out);
        }
        fputc('\n', out);
    }
}
