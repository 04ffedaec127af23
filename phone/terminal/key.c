/* This phone's key, as a host pins it. */
#include <stdio.h>

#include "common/i18n.h"
#include "phone/terminal/commands.h"
#include "phone/terminal/handset.h"
#include "phone/terminal/screen.h"

int phone_key(const struct command_call *call)
{
    struct handset handset;
    int code = handset_open(call, &handset);

    if (code != EXIT_OK)
        return code;
    if (command_value(call, "--json") != NULL)
        code = screen_json(json_pack("{s:s,s:s}", "user", handset.user, "thumbprint",
                                     jwk_thumbprint(handset.key)));
    else
        printf("%s %s\n", handset.user, jwk_thumbprint(handset.key));
    handset_free(&handset);
    return code;
}
