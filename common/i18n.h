/*
 * Messages in the user's language, by the catalogues that msgfmt makes of po/. _() translates now,
 * N_() marks a text of a table that is translated when it is shown.
 *
 * Not libintl's: it speaks a language only where the system has generated a locale for it, which a
 * server seldom has (C.UTF-8 alone), and its other way, LANGUAGE, is one for the whole process and
 * nothing in the C locales; approve-helper speaks to several people at once. docs/translating.md
 * says more.
 */
#ifndef I18N_H
#define I18N_H

#include <stdbool.h>
#include <stddef.h>

#define _(text) i18n_text(text)
#ifndef N_
#define N_(text) text
#endif

struct catalogue;

/* The text in the language that is spoken; the text itself where that has none. */
const char *i18n_text(const char *text) __attribute__((format_arg(1)));

/* NULL: English. For the whole process: approve-helper sets it for each text that it makes. The
 * catalogue must outlive its use. */
void i18n_speak(const struct catalogue *catalogue);

/* Takes the environment's locale, and speaks as LC_ALL, LC_MESSAGES, LANG and LANGUAGE want it, as
 * gettext(3) reads them. */
void i18n_start(void);

/*
 * The catalogue for a locale's name: "fr_CA.UTF-8" finds fr_CA or fr; another codeset than UTF-8
 * finds none. Returns whether this language is spoken here; *catalogue is NULL for English.
 * Catalogues are kept until the process ends. Not for several threads at a time.
 */
bool i18n_find(const char *locale, const struct catalogue **catalogue);

/* True for what can be a locale's name: 2 to 32 letters, digits and "_.@-"; not "C", with a codeset
 * or without, nor "POSIX". */
bool i18n_is_locale(const char *name);

/* Takes over a .mo file's bytes (malloc). NULL, and they are freed, where they are none. For
 * i18n_find and tests. */
struct catalogue *catalogue_new(char *data, size_t size);
void catalogue_free(struct catalogue *catalogue);          /* NULL is fine */
size_t catalogue_count(const struct catalogue *catalogue); /* for tests */

#endif
