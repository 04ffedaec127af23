/* Login details, as a hostile backend or host would send them. */
#include "common/login.h"
#include "common/sanitize.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct login login, again;
    char *text = fuzz_text(data, size), *written, *twice;

    if (login_from_text(text, size, &login) == 0) {
        MUST(size <= LOGIN_DETAILS_MAX);
        MUST(strlen(login.request) == 22 && login.user[0] && login.service[0] && login.host[0]);
        MUST(sanitize_is_clean(login.user) && sanitize_is_clean(login.command));
        MUST(login.expires > login.issued && login.expires - login.issued <= 600);
        /* What is read can be written, and is read again as the same. */
        written = login_to_text(&login);
        MUST(written && login_from_text(written, strlen(written), &again) == 0);
        twice = login_to_text(&again);
        MUST(twice && strcmp(written, twice) == 0);
        login_clear(&again);
        free(twice);
        free(written);
    }
    login_clear(&login);
    free(text);
    return 0;
}
