/* JSON from outside. */
#include "common/json_text.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = fuzz_text(data, size), *dump, *again;
    json_t *object = json_text_object(text, size, 16384), *back;
    int64_t number = 0;

    if (object) {
        MUST(json_is_object(object) && size <= 16384);
        dump = json_text_dump(object);
        MUST(dump);
        back = json_text_object(dump, strlen(dump), SIZE_MAX);
        MUST(back && json_equal(object, back));
        again = json_text_dump(back);
        MUST(strcmp(dump, again) == 0);
        if (json_text_string(object, "a", 3))
            MUST(strlen(json_text_string(object, "a", 3)) <= 3);
        if (json_text_integer(object, "a", 3, 5, &number) == 0)
            MUST(number >= 3 && number <= 5);
        free(again);
        free(dump);
        json_decref(back);
    }
    json_decref(object);
    free(text);
    return 0;
}
