/* Messages in the user's language. _() translates now, N_() marks a text of a table that is
 * translated when it is shown. */
#ifndef I18N_H
#define I18N_H

#include <libintl.h>

#define _(text) gettext(text)
#ifndef N_
#define N_(text) text
#endif

#endif
