/* Form bodies, against libcurl's decoder. */
#include <curl/curl.h>

#include "backend/form.h"
#include "tests/fuzz/fuzz.h"

#define VALUE_MOST 4096

/* len bytes decoded, as a new string. */
static char *decode(const char *text, size_t len)
{
    char *copy = strndup(text, len), *decoded;
    int count;

    for (char *plus = copy; (plus = strchr(plus, '+'));)
        *plus = ' ';
    decoded = curl_easy_unescape(NULL, copy, (int)strlen(copy), &count);
    MUST(decoded && strlen(decoded) == (size_t)count);
    free(copy);
    return decoded;
}

/* A form that was taken says of each name just what stands there. */
static void check_pair(const struct form *form, const char *pair, size_t len)
{
    const char *equals = memchr(pair, '=', len);

    MUST(equals);
    size_t name_len = (size_t)(equals - pair);
    char *name = decode(pair, name_len), *value = decode(equals + 1, len - name_len - 1);
    const char *found = form_get(form, name, VALUE_MOST);

    MUST(*name && strlen(name) <= FORM_NAME_MAX);
    if (*value && strlen(value) <= VALUE_MOST)
        MUST(found && strcmp(found, value) == 0);
    else
        MUST(!found);
    if (found)
        MUST(!form_get(form, name, strlen(found) - 1));
    curl_free(name);
    curl_free(value);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = fuzz_text(data, size);
    struct form *form = form_parse(text, size);
    size_t count = 0;

    MUST(size == 0 || !form || !memchr(text, '\0', size));
    for (size_t at = 0, len; form && at < size; at += len + 1, count++) {
        len = strcspn(text + at, "&");
        check_pair(form, text + at, len);
    }
    MUST(count <= FORM_PARAMETERS);
    form_free(form);
    free(text);
    return 0;
}
