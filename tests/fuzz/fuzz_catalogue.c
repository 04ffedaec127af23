/* A .mo file, as somebody else may have written it, and a text that is to be ASCII. */
#include "common/i18n.h"
#include "helper/text.h"
#include "tests/fuzz/fuzz.h"

static void check_lookup(const struct catalogue *catalogue, const char *text)
{
    const char *found;

    i18n_speak(catalogue);
    found = i18n_text(text);
    MUST(found != NULL && (text[0] != 0 || found == text));
    MUST(strlen(found) <= 1024 * 1024);
    i18n_speak(NULL);
    MUST(i18n_text(text) == text);
}

static void check_plain(char *text)
{
    size_t len = strlen(text);

    if (!text_make_plain(text))
        return;
    MUST(strlen(text) <= len);
    for (const char *at = text; *at != 0; at++)
        MUST((unsigned char)*at < 0x80);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const texts[] = {"", "Code:", "no", "zzz"};
    char *file = malloc(size + (size == 0)), *text = fuzz_text(data, size);
    struct catalogue *catalogue;

    MUST(file);
    memcpy(file, data, size);
    catalogue = catalogue_new(file, size);
    for (size_t i = 0; catalogue != NULL && i < sizeof texts / sizeof *texts; i++)
        check_lookup(catalogue, texts[i]);
    catalogue_free(catalogue);
    check_plain(text);
    free(text);
    return 0;
}
