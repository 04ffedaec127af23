/* One-time codes, offline. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/i18n.h"
#include "common/random.h"
#include "common/totp.h"
#include "phone/terminal/commands.h"
#include "phone/terminal/handset.h"
#include "phone/terminal/host_codes.h"
#include "phone/terminal/screen.h"

/* host: that it is bound to, or NULL. */
static int print_code(const unsigned char *secret, int len, const struct host_code *host, bool json)
{
    int64_t now = clock_wall();
    int left = (int)(TOTP_STEP - now % TOTP_STEP);
    int code = len > 0 ? totp_code(secret, (size_t)len, now / TOTP_STEP) : -1;
    char text[8];

    if (code < 0)
        return screen_error(EXIT_FAILED, _("The secret for codes is damaged: enrol again."));
    snprintf(text, sizeof(text), "%06u", (unsigned)code % 1000000);
    if (json)
        return screen_json(json_pack("{s:s,s:i,s:s*,s:s*}", "code", text, "seconds_left", left,
                                     "host", host ? host->host : NULL, "host_name",
                                     host ? host->name : NULL));
    printf(_("%.3s %s   (%d s left)\n"), text, text + 3, left);
    return EXIT_OK;
}

static int print_own(const struct handset *handset, bool json)
{
    unsigned char secret[64];
    int len = totp_from_base32(handset->secret, secret, sizeof(secret));
    int code = print_code(secret, len, NULL, json);

    secret_wipe(secret, sizeof(secret));
    return code;
}

static void print_hosts(const struct host_codes *codes)
{
    char at[32];

    for (size_t i = 0; i < codes->count; i++) {
        const struct host_code *item = &codes->items[i];
        screen_time(item->used, at, sizeof(at));
        printf("%-16s  %s  %s\n", at, item->host, item->name);
    }
    if (codes->count == 0)
        printf(_("No host has codes of its own yet: a host's come with the first approval.\n"));
}

static int list_hosts(const struct host_codes *codes, bool json)
{
    json_t *list;

    if (!json) {
        print_hosts(codes);
        return EXIT_OK;
    }
    list = json_array();
    for (size_t i = 0; i < codes->count; i++) {
        const struct host_code *item = &codes->items[i];
        json_array_append_new(list, json_pack("{s:s,s:s,s:I}", "host", item->host, "host_name",
                                              item->name, "used", (json_int_t)item->used));
    }
    return screen_json(list);
}

static int print_bound(const struct handset *handset, const struct host_codes *codes,
                       const char *name, bool json)
{
    const struct host_code *host = host_codes_find(codes, name);
    unsigned char secret[SEAL_SECRET];
    int len, code;

    if (!host) {
        screen_error(EXIT_FAILED,
                     _("There is no code for this host: it comes with the first "
                       "approval of a sign-in there. `code --hosts` lists the others."));
        return EXIT_FAILED;
    }
    len = host_codes_secret(codes->root, jwk_thumbprint(handset->key), host->host, host->key,
                            secret) == 0
              ? SEAL_SECRET
              : -1;
    code = print_code(secret, len, host, json);
    secret_wipe(secret, sizeof(secret));
    return code;
}

int phone_code(const struct command_call *call)
{
    const char *host = command_value(call, "--host");
    bool json = command_value(call, "--json") != NULL, hosts = command_value(call, "--hosts");
    struct handset handset;
    struct host_codes *codes;
    char why[768] = "";
    int code = handset_open(call, &handset);

    if (code != EXIT_OK)
        return code;
    if (!host && !hosts) {
        code = print_own(&handset, json);
        handset_free(&handset);
        return code;
    }
    codes = malloc(sizeof(*codes));
    if (!codes || host_codes_load(&handset, codes, why, sizeof(why)) < 0)
        code = screen_error(EXIT_FAILED, codes ? why : _("Out of memory."));
    else
        code = hosts ? list_hosts(codes, json) : print_bound(&handset, codes, host, json);
    if (codes)
        host_codes_wipe(codes);
    free(codes);
    handset_free(&handset);
    return code;
}
