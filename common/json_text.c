#include "common/json_text.h"

#include <string.h>

json_t *json_text_object(const char *text, size_t len, size_t most)
{
    if (len > most)
        return NULL;
    json_t *value = json_loadb(text, len, JSON_REJECT_DUPLICATES, NULL);
    if (!json_is_object(value)) {
        json_decref(value);
        return NULL;
    }
    return value;
}

char *json_text_dump(const json_t *value)
{
    return json_dumps(value, JSON_COMPACT | JSON_SORT_KEYS);
}

const char *json_text_string(const json_t *object, const char *name, size_t most)
{
    const json_t *value = json_object_get(object, name);

    return json_is_string(value) && json_string_length(value) <= most ? json_string_value(value)
                                                                      : NULL;
}

int json_text_integer(const json_t *object, const char *name, int64_t low, int64_t high,
                      int64_t *out)
{
    const json_t *value = json_object_get(object, name);

    if (!json_is_integer(value))
        return -1;
    int64_t integer = json_integer_value(value);
    if (integer < low || integer > high)
        return -1;
    *out = integer;
    return 0;
}

bool json_text_has(const json_t *list, const char *word)
{
    size_t index;
    const json_t *item;

    json_array_foreach(list, index, item)
    {
        if (json_is_string(item) && strcmp(json_string_value(item), word) == 0)
            return true;
    }
    return false;
}

static bool is_listed(const char *name, const char *const names[])
{
    for (size_t i = 0; names[i]; i++)
        if (strcmp(names[i], name) == 0)
            return true;
    return false;
}

bool json_text_only(const json_t *object, const char *const names[])
{
    const char *name;
    json_t *value;

    /* jansson's iterator wants a pointer to a changeable object, and changes nothing. */
    json_object_foreach((json_t *)(uintptr_t)object, name, value)
    {
        if (!is_listed(name, names))
            return false;
    }
    return true;
}
