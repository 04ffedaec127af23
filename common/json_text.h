/* JSON from outside: bounded, no duplicate members. */
#ifndef JSON_TEXT_H
#define JSON_TEXT_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Parses an object of at most `most` bytes. Duplicate members, trailing bytes, NUL in strings:
 * refused. Returns a new reference or NULL. */
json_t *json_text_object(const char *text, size_t len, size_t most);

/* Compact, sorted keys. The caller frees. NULL without memory. */
char *json_text_dump(const json_t *value);

/* A string member of at most `most` bytes, or NULL: missing, not a string, too long. Borrowed from
 * the object. */
const char *json_text_string(const json_t *object, const char *name, size_t most);

/* An integer member within [low, high]. Returns 0 or -1. */
int json_text_integer(const json_t *object, const char *name, int64_t low, int64_t high,
                      int64_t *out);

/* True where the list has the string; false where it is no list. */
bool json_text_has(const json_t *list, const char *word);

/* True where every member of the object is one of the NULL-terminated names. */
bool json_text_only(const json_t *object, const char *const names[]);

#endif
