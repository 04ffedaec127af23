/* One-time codes, offline. */
#include <stdio.h>

#include "common/clock.h"
#include "common/i18n.h"
#include "common/random.h"
#include "common/totp.h"
#include "phone/terminal/commands.h"
#include "phone/terminal/handset.h"
#include "phone/terminal/screen.h"

static int print_code(const struct handset *handset, bool json)
{
    unsigned char secret[64];
    int64_t now = clock_wall();
    int left = (int)(TOTP_STEP - now % TOTP_STEP), code = -1;
    int len = totp_from_base32(handset->secret, secret, sizeof(secret));
    char text[8];

    if (len > 0)
        code = totp_code(secret, (size_t)len, now / TOTP_STEP);
    secret_wipe(secret, sizeof(secret));
    if (code < 0)
        return screen_error(EXIT_FAILED, _("The secret for codes is damaged: enrol again."));
    snprintf(text, sizeof(text), "%06u", (unsigned)code % 1000000);
    if (json)
        return screen_json(json_pack("{s:s,s:i}", "code", text, "seconds_left", left));
    printf(_("%.3s %s   (%d s left)\n"), text, text + 3, left);
    return EXIT_OK;
}

int phone_code(const struct command_call *call)
{
    struct handset handset;
    int code = handset_open(call, &handset);
    if (code != EXIT_OK)
        return code;
    code = print_code(&handset, command_value(call, "--json") != NULL);
    handset_free(&handset);
    return code;
}
