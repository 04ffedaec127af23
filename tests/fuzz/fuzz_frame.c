/* Frames of the helper's protocol, as a hostile peer would send them. */
#include "common/frame.h"
#include "tests/fuzz/fuzz.h"

/* A checked frame's fields can be put into a new one, which is then the same. */
static void rebuild(const struct frame *frame)
{
    struct frame again;

    frame_start(&again, (enum frame_type)frame->bytes[0]);
    for (size_t at = 1; at < frame->len; at += strlen(frame->bytes + at) + 1) {
        char name[32] = "";
        const char *field = frame->bytes + at, *equals = strchr(field, '=');
        MUST(equals && equals - field <= 24);
        memcpy(name, field, (size_t)(equals - field));
        MUST(frame_get(frame, name) == equals + 1);
        frame_add(&again, name, equals + 1);
    }
    MUST(!again.broken && again.len == frame->len);
    MUST(memcmp(again.bytes, frame->bytes, again.len) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const names[] = {"text", "service", "seconds", "version"};
    struct frame *frame = malloc(sizeof(*frame)); /* where ASan sees its ends */

    if (size > FRAME_MAX) {
        free(frame);
        return 0;
    }
    frame->len = size;
    frame->broken = true;
    memcpy(frame->bytes, data, size);
    if (frame_check(frame) >= 0) {
        rebuild(frame);
        for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
            long number = -1;
            if (frame_get_number(frame, names[i], 1, 300, &number) == 0)
                MUST(number >= 1 && number <= 300);
            else
                MUST(number == -1);
        }
    }
    frame_wipe(frame);
    free(frame);
    return 0;
}
