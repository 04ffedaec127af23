#include "backend/form.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "backend/http_parse.h"
#include "common/random.h"

struct form {
    size_t len, count;
    struct {
        const char *name, *value;
    } parameters[FORM_PARAMETERS];
    char bytes[]; /* len of them: name NUL value NUL … */
};

/* Decodes in place, and ends it with a NUL: what is decoded is never longer. */
static bool decode(char *text, size_t len)
{
    size_t out = 0;
    for (size_t i = 0; i < len; i++) {
        char c = text[i];
        if (c == '%') {
            int high = i + 2 < len ? http_hex_digit(text[i + 1]) : -1;
            int low = i + 2 < len ? http_hex_digit(text[i + 2]) : -1;
            if (high < 0 || low < 0 || high + low == 0)
                return false;
            c = (char)(high << 4 | low);
            i += 2;
        } else if (c == '+') {
            c = ' ';
        } else if (c == '\0' || c == '=') {
            return false;
        }
        text[out++] = c;
    }
    text[out] = '\0';
    return true;
}

static const char *find(const struct form *form, const char *name)
{
    for (size_t i = 0; i < form->count; i++)
        if (strcmp(form->parameters[i].name, name) == 0)
            return form->parameters[i].value;
    return NULL;
}

/* One `name=value` of len bytes, followed by a byte that may be overwritten. */
static bool add_parameter(struct form *form, char *pair, size_t len)
{
    char *equals = memchr(pair, '=', len);
    if (!equals || form->count == FORM_PARAMETERS)
        return false;
    size_t name_len = (size_t)(equals - pair);
    if (!decode(pair, name_len) || !decode(equals + 1, len - name_len - 1))
        return false;
    if (*pair == '\0' || strlen(pair) > FORM_NAME_MAX || find(form, pair))
        return false;
    form->parameters[form->count].name = pair;
    form->parameters[form->count++].value = equals + 1;
    return true;
}

struct form *form_parse(const char *body, size_t len)
{
    struct form *form = malloc(sizeof *form + len + 1);
    if (!form)
        return NULL;
    form->len = len + 1;
    form->count = 0;
    memcpy(form->bytes, body, len);
    form->bytes[len] = '&';
    for (size_t at = 0; at < len;) {
        size_t pair =
            (size_t)((char *)memchr(form->bytes + at, '&', len + 1 - at) - form->bytes) - at;
        if (!add_parameter(form, form->bytes + at, pair)) {
            form_free(form);
            return NULL;
        }
        at += pair + 1;
    }
    return form;
}

void form_free(struct form *form)
{
    if (!form)
        return;
    secret_wipe(form->bytes, form->len);
    free(form);
}

const char *form_get(const struct form *form, const char *name, size_t most)
{
    const char *value = find(form, name);
    return value && *value && strlen(value) <= most ? value : NULL;
}
