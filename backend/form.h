/* Bodies of type application/x-www-form-urlencoded: strict and bounded; a parameter may stand once
 * (RFC 6749, section 3.2). */
#ifndef FORM_H
#define FORM_H

#include <stddef.h>

#define FORM_PARAMETERS 24
#define FORM_NAME_MAX 64

struct form;

/* NULL on a fault: a parameter twice or without a name, a broken escape, an escaped NUL, too many,
 * too long a name. */
struct form *form_parse(const char *body, size_t len);

/* Wipes it: a form holds assertions and codes. */
void form_free(struct form *form);

/* A parameter of at most `most` bytes, or NULL: missing, empty (RFC 6749: as if it were missing) or
 * too long. Borrowed from the form. */
const char *form_get(const struct form *form, const char *name, size_t most);

#endif
