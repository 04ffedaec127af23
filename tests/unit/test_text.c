#include "tests/unit/unit.h"

#include <string.h>

#include "common/sanitize.h"
#include "helper/text.h"

static struct text drawn(enum conversation_action action, struct text_scene scene)
{
    struct text text;

    if (scene.device == NULL)
        scene.device = "Pixel 8";
    text_of_action(action, &scene, &text);
    return text;
}

/* The usual scene, with some members set otherwise. */
#pragma GCC diagnostic ignored "-Woverride-init"
#define SCENE(...)                                                                                 \
    ((struct text_scene){.mode = NUMBER_ENTER,                                                     \
                         .number = 42,                                                             \
                         .devices = 1,                                                             \
                         .phone = true,                                                            \
                         .codes = true,                                                            \
                         __VA_ARGS__})

static void sshd_s_prompt_has_all_in_one_line(void **state)
{
    (void)state;
    assert_string_equal(drawn(ACTION_PROMPT_FIRST, SCENE(.waits = false)).prompt,
                        "Number 42. Approve on Pixel 8, then press Enter, or type a code: ");
    assert_string_equal(
        drawn(ACTION_PROMPT_TIME_UP, SCENE(.waits = false)).prompt,
        "Not approved yet. Number 42. Approve on Pixel 8, then press Enter, or type a code: ");
    assert_string_equal(drawn(ACTION_PROMPT_FIRST, SCENE(.mode = NUMBER_OFF)).prompt,
                        "Approve on Pixel 8, then press Enter, or type a code: ");
    assert_string_equal(drawn(ACTION_PROMPT_FIRST, SCENE(.codes = false)).prompt,
                        "Number 42. Approve on Pixel 8, then press Enter: ");
    assert_string_equal(
        drawn(ACTION_PROMPT_FIRST, SCENE(.devices = 3)).prompt,
        "Number 42. Approve on Pixel 8 or another device, then press Enter, or type a code: ");
    assert_string_equal(drawn(ACTION_PROMPT_FIRST, SCENE(.device = "")).prompt,
                        "Number 42. Approve on your phone, then press Enter, or type a code: ");
}

static void a_prompt_says_for_which_host_its_code_is(void **state)
{
    char text[FRAME_TEXT_MAX + 1];
    struct text shown = drawn(ACTION_PROMPT_OFFLINE, SCENE(.phone = false, .bound = "web1"));

    (void)state;
    assert_string_equal(shown.before, "");
    assert_string_equal(shown.prompt, "Server unreachable. Code for web1: ");
    shown = drawn(ACTION_PROMPT_OFFLINE, SCENE(.phone = false, .bound = "web1", .greeter = true));
    assert_string_equal(shown.before, "Server unreachable. Type the code for web1.");
    assert_string_equal(shown.prompt, "Code:");
    shown = drawn(ACTION_PROMPT_WRONG, SCENE(.phone = false, .bound = "web1"));
    assert_string_equal(shown.before, "That code is not right.");
    assert_true(shown.is_error);
    assert_string_equal(shown.prompt, "Code for web1: ");
    assert_string_equal(drawn(ACTION_PROMPT_KEY, SCENE(.waits = true, .bound = "web1")).prompt,
                        "Code for web1: ");
    assert_string_equal(drawn(ACTION_PROMPT_FIRST, SCENE(.bound = "web1")).prompt,
                        "Number 42. Approve on Pixel 8, then press Enter, or type the code for "
                        "web1: ");
    text_of_outcome(OUTCOME_CODE_LOCKED, NULL, false, 541, 0, text);
    assert_non_null(strstr(text, "Codes count again in 10 min."));
}

static void a_terminal_s_text_has_the_number_first(void **state)
{
    (void)state;
    assert_string_equal(drawn(ACTION_SHOW, SCENE(.waits = true)).before, "Approve 42 on Pixel 8");
    assert_string_equal(drawn(ACTION_SHOW, SCENE(.waits = true, .keys = true)).before,
                        "Approve 42 on Pixel 8, or press a key to type a code.");
    assert_string_equal(drawn(ACTION_SHOW, SCENE(.waits = true, .mode = NUMBER_OFF)).before,
                        "Approve on Pixel 8");
    assert_string_equal(drawn(ACTION_SHOW, SCENE(.waits = true)).prompt, "");
    assert_string_equal(drawn(ACTION_PROMPT_FIRST, SCENE(.waits = true)).before,
                        "Approve 42 on Pixel 8, then press Enter, or type a code.");
}

/* Also with the longest name of a device, in letters of four bytes or of one. */
static void a_greeter_s_lines_and_prompts_are_short(void **state)
{
    static const char *const devices[] = {
        "", "Pixel 8", "wwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwww",
        "a device with a name of many short words, as some people like them"};
    char text[FRAME_TEXT_MAX + 1];

    (void)state;
    for (int action = ACTION_SHOW; action <= ACTION_PROMPT_WRONG; action++) {
        for (size_t d = 0; d < COUNT(devices) && action != ACTION_WAIT; d++) {
            struct text shown =
                drawn((enum conversation_action)action,
                      SCENE(.waits = true, .greeter = true, .line = 60, .device = devices[d],
                            .devices = 2, .phone = d % 2 == 0,
                            .bound = action == ACTION_PROMPT_OFFLINE ? "web1" : NULL));

            assert_true(strlen(shown.prompt) <= 20 && strchr(shown.prompt, '\n') == NULL);
            if (action != ACTION_SHOW)
                assert_string_equal(shown.prompt, "Code:");
            if (action != ACTION_PROMPT_KEY)
                assert_true(shown.before[0] != 0);
            for (char *line = strtok(shown.before, "\n"); line != NULL; line = strtok(NULL, "\n"))
                assert_true(strlen(line) <= 60);
        }
    }
    for (int outcome = 0; outcome < 2 * OUTCOME_COUNT; outcome++) {
        text_of_outcome((enum outcome)(outcome / 2), NULL, false, outcome % 2 * 604800, 60, text);
        for (char *line = strtok(text, "\n"); line != NULL; line = strtok(NULL, "\n"))
            assert_true(strlen(line) <= 60);
    }
}

static void a_device_s_name_is_made_safe_and_cut(void **state)
{
    struct text shown = drawn(
        ACTION_SHOW,
        SCENE(.waits = true,
              .device = "\x1b[2J\xe2\x80\xaeow%s%n\xff 0123456789012345678901234567890123456789"));

    (void)state;
    assert_true(sanitize_is_clean(shown.before));
    assert_string_equal(shown.before, "Approve 42 on ?[2J?ow%s%n? 012345678901234567890123456");
}

static void long_lines_break_at_blanks(void **state)
{
    char text[] = "one two three four",
         accents[] = "\xc3\xa9\xc3\xa9\xc3\xa9 \xc3\xa9\xc3\xa9\xc3\xa9", word[] = "abcdefghij",
         kept[] = "one two";

    (void)state;
    text_wrap(text, 8);
    assert_string_equal(text, "one two\nthree\nfour");
    text_wrap(accents, 7);
    assert_null(strchr(accents, '\n'));
    text_wrap(accents, 6);
    assert_non_null(strchr(accents, '\n'));
    text_wrap(word, 5);
    assert_string_equal(word, "abcdefghij");
    text_wrap(kept, 0);
    assert_string_equal(kept, "one two");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sshd_s_prompt_has_all_in_one_line),
        cmocka_unit_test(a_prompt_says_for_which_host_its_code_is),
        cmocka_unit_test(a_terminal_s_text_has_the_number_first),
        cmocka_unit_test(a_greeter_s_lines_and_prompts_are_short),
        cmocka_unit_test(a_device_s_name_is_made_safe_and_cut),
        cmocka_unit_test(long_lines_break_at_blanks),
    };
    return cmocka_run_group_tests_name("text", tests, NULL, NULL);
}
