/* Catalogues: as msgfmt makes them, broken ones, and what French makes of the texts that have
 * limits. */
#include "tests/unit/unit.h"

#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/i18n.h"
#include "common/sanitize.h"
#include "helper/text.h"

#define DENIED "The request was denied on the phone."
#define REFUSEE "La demande a \303\251t\303\251 refus\303\251e sur le t\303\251l\303\251phone."

static char *bytes;
static size_t size;

static int read_french(void **state)
{
    const char *build = getenv("B");
    char path[256];
    FILE *file;

    (void)state;
    snprintf(path, sizeof path, "%s/locale/fr/LC_MESSAGES/pam_approve.mo",
             build != NULL ? build : "build");
    file = fopen(path, "re");
    if (file == NULL)
        return -1;
    bytes = malloc(1 << 20);
    size = bytes != NULL ? fread(bytes, 1, 1 << 20, file) : 0;
    fclose(file);
    return size > 0 ? 0 : -1;
}

static int free_french(void **state)
{
    (void)state;
    free(bytes);
    return 0;
}

/* A copy of exactly that length, so that a read behind it is found. */
static struct catalogue *with(size_t length, size_t place, int byte)
{
    char *copy = malloc(length > 0 ? length : 1);

    assert_non_null(copy);
    memcpy(copy, bytes, length);
    if (place < length)
        copy[place] = (char)byte;
    return catalogue_new(copy, length);
}

static void a_text_is_found_and_another_stays(void **state)
{
    struct catalogue *french = with(size, size, 0);

    (void)state;
    assert_non_null(french);
    assert_true(catalogue_count(french) > 500);
    assert_string_equal(i18n_text(DENIED), DENIED);
    i18n_speak(french);
    assert_string_equal(i18n_text(DENIED), REFUSEE);
    assert_string_equal(i18n_text("Code:"), "Code\302\240:");
    assert_string_equal(i18n_text("no text of ours"), "no text of ours");
    assert_string_equal(i18n_text(""), ""); /* not the header */
    i18n_speak(NULL);
    assert_string_equal(i18n_text(DENIED), DENIED);
    catalogue_free(french);
}

/* Each either is refused, or gives texts that lie within it. */
static void a_broken_catalogue_is_refused_or_harmless(void **state)
{
    static const int values[] = {0, 1, 0x7f, 0x80, 0xff};
    const size_t tables = 28 + 16 * 700;
    struct catalogue *broken;

    (void)state;
    for (size_t length = 0; length < size; length += length < 64 ? 1 : 977) {
        assert_null(with(length, size, 0));
    }
    for (size_t place = 0; place < tables && place < size; place++) {
        for (size_t i = 0; i < COUNT(values); i++) {
            broken = with(size, place, values[i]);
            i18n_speak(broken);
            assert_true(strlen(i18n_text(DENIED)) < size);
            assert_true(strlen(i18n_text("zzz")) < size);
            i18n_speak(NULL);
            catalogue_free(broken);
        }
    }
    assert_null(with(size, 0, 0));          /* magic */
    assert_null(with(size, 6, 1));          /* a later major revision */
    assert_null(with(size, 11, 0x7f));      /* very many texts */
    assert_null(with(size, size - 1, 'x')); /* no end */
}

static void locales_by_their_form(void **state)
{
    static const char *const good[] = {"fr", "fr_FR.UTF-8", "sr_RS.UTF-8@latin", "pt_BR"};
    static const char *const bad[] = {"",
                                      "C",
                                      "POSIX",
                                      "C.UTF-8",
                                      "x",
                                      "../../etc",
                                      "fr/../fr",
                                      "fr FR",
                                      "fr\nX",
                                      "fr_FR.%s%n",
                                      "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"};
    const struct catalogue *found;

    (void)state;
    for (size_t i = 0; i < COUNT(good); i++)
        assert_true(i18n_is_locale(good[i]));
    for (size_t i = 0; i < COUNT(bad); i++) {
        assert_false(i18n_is_locale(bad[i]));
        assert_false(i18n_find(bad[i], &found));
        assert_null(found);
    }
    assert_true(i18n_find("en_GB.UTF-8", &found));
    assert_null(found);
    assert_false(i18n_find("en_GB.ISO-8859-1", &found));
    assert_false(i18n_find("xx_XX.UTF-8", &found));
    assert_false(i18n_find("_FR", &found));
}

static size_t characters(const char *text)
{
    size_t count = 0;

    for (; *text != 0; text++)
        count += ((unsigned char)*text & 0xc0) != 0x80;
    return count;
}

static void check_lines(char *text)
{
    assert_true(sanitize_is_clean(text) || strchr(text, '\n') != NULL);
    for (char *line = strtok(text, "\n"); line != NULL; line = strtok(NULL, "\n")) {
        assert_true(sanitize_is_clean(line));
        assert_true(characters(line) <= 60);
    }
}

static void greeters_have_short_lines_and_prompts_in_french_too(void **state)
{
    static const char *const devices[] = {
        "", "Pixel 8", "wwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwww"};
    struct catalogue *french = with(size, size, 0);
    char text[FRAME_TEXT_MAX + 1];

    (void)state;
    for (int action = ACTION_SHOW; action <= ACTION_PROMPT_WRONG; action++) {
        for (size_t d = 0; d < COUNT(devices) && action != ACTION_WAIT; d++) {
            struct text_scene scene = {.language = french,
                                       .mode = NUMBER_ENTER,
                                       .number = 42,
                                       .device = devices[d],
                                       .devices = 2,
                                       .phone = d % 2 == 0,
                                       .codes = true,
                                       .waits = true,
                                       .greeter = true,
                                       .line = 60};
            struct text shown;

            text_of_action((enum conversation_action)action, &scene, &shown);
            assert_true(characters(shown.prompt) <= 20 && strchr(shown.prompt, '\n') == NULL);
            if (action != ACTION_SHOW)
                assert_string_equal(shown.prompt, "Code\302\240:");
            check_lines(shown.before);
        }
    }
    for (int outcome = 0; outcome < OUTCOME_COUNT; outcome++) {
        const char *english = outcome_user_text((enum outcome)outcome);

        text_of_outcome((enum outcome)outcome, french, false, 0, 0, text);
        if (english != NULL)
            assert_string_not_equal(text, english);
        text_of_outcome((enum outcome)outcome, french, false, 0, 60, text);
        check_lines(text);
    }
    catalogue_free(french);
}

static void one_login_s_language_is_not_the_next_one_s(void **state)
{
    struct catalogue *french = with(size, size, 0);
    char text[FRAME_TEXT_MAX + 1];

    (void)state;
    text_of_outcome(OUTCOME_DENIED, french, false, 0, 0, text);
    assert_string_equal(text, REFUSEE);
    assert_string_equal(i18n_text(DENIED), DENIED);
    text_of_outcome(OUTCOME_DENIED, NULL, false, 0, 0, text);
    assert_string_equal(text, DENIED);
    catalogue_free(french);
}

static void where_a_client_shows_accents_as_numbers_they_are_left_out(void **state)
{
    static const struct {
        const char *text, *plain; /* NULL: there is none */
    } rows[] = {
        {"", ""},
        {"abc 42 ~", "abc 42 ~"},
        {"\303\211t\303\251, \303\240 No\303\253l", "Ete, a Noel"},
        {"\302\253\302\240\305\223uf\302\240\302\273\342\200\257!", "\" oeuf \" !"},
        {"l\342\200\231an\342\200\246", "l'an..."},
        {"Stra\303\237e", "Strasse"},
        {"\320\264\320\260", NULL},
        {"\303\227", NULL},
        {"a\303", NULL},
        {"\xff", NULL},
    };
    struct catalogue *french = with(size, size, 0);
    char text[FRAME_TEXT_MAX + 1];

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        strcpy(text, rows[i].text);
        assert_int_equal(text_make_plain(text), rows[i].plain != NULL);
        if (rows[i].plain != NULL)
            assert_string_equal(text, rows[i].plain);
    }
    for (int outcome = 0; outcome < OUTCOME_COUNT; outcome++) {
        text_of_outcome((enum outcome)outcome, french, true, 0, 0, text);
        for (const char *p = text; *p != 0; p++)
            assert_in_range((unsigned char)*p, ' ', '~');
        if (outcome_user_text((enum outcome)outcome) != NULL)
            assert_string_not_equal(text, outcome_user_text((enum outcome)outcome));
    }
    catalogue_free(french);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_text_is_found_and_another_stays),
        cmocka_unit_test(a_broken_catalogue_is_refused_or_harmless),
        cmocka_unit_test(locales_by_their_form),
        cmocka_unit_test(greeters_have_short_lines_and_prompts_in_french_too),
        cmocka_unit_test(one_login_s_language_is_not_the_next_one_s),
        cmocka_unit_test(where_a_client_shows_accents_as_numbers_they_are_left_out),
    };
    return cmocka_run_group_tests_name("i18n", tests, read_french, free_french);
}
