/* Enrolment by a link (docs/phone-protocol.md, "Enrolment links"). */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/base64url.h"
#include "common/https.h"
#include "common/i18n.h"
#include "common/json_text.h"
#include "common/random.h"
#include "common/sanitize.h"
#include "common/secret_line.h"
#include "common/totp.h"
#include "phone/terminal/api.h"
#include "phone/terminal/ask.h"
#include "phone/terminal/commands.h"
#include "phone/terminal/screen.h"

#define LINK_MAX 512

/* Takes "https://SERVER/enroll#SECRET[.PIN]" apart, in place. Returns the secret, or NULL with why.
 */
static char *take_link(char *link, struct handset *handset, char *why, size_t why_size)
{
    static const char path[] = "/enroll";
    char *secret = strchr(link, '#'), *pin;
    size_t server_len;

    snprintf(why, why_size,
             _("This is not an enrolment link. It looks like https://SERVER/enroll#SECRET; copy "
               "all of it."));
    if (!secret)
        return NULL;
    *secret++ = '\0';
    server_len = strlen(link);
    if (server_len <= sizeof(path) - 1 || strcmp(link + server_len - (sizeof(path) - 1), path) != 0)
        return NULL;
    server_len -= sizeof(path) - 1;
    pin = strchr(secret, '.');
    if (pin)
        *pin++ = '\0';
    if (server_len >= sizeof(handset->server) || !sanitize_is_clean(link) || strpbrk(link, "?@ ") ||
        strlen(secret) < 16 || strlen(secret) > 64 || secret[strspn(secret, BASE64URL_ALPHABET)])
        return NULL;
    if (pin && !base64url_is_sha256(pin))
        return NULL;
    memcpy(handset->server, link, server_len);
    handset->server[server_len] = '\0';
    snprintf(handset->pin, sizeof(handset->pin), "%s", pin ? pin : "");
    return https_url_allowed(handset->server, why, why_size) ? secret : NULL;
}

/* "terminal on HOST", or what --name says. Returns 0, or -1 with why. */
static int choose_name(const char *option, char *name, size_t size, char *why, size_t why_size)
{
    char host[40] = "";
    if (!option) {
        gethostname(host, sizeof(host) - 1);
        snprintf(name, size, _("terminal on %s"), host);
        return 0;
    }
    if (!*option || strlen(option) >= size) {
        snprintf(why, why_size, _("--name has 1 to 64 bytes."));
        return -1;
    }
    snprintf(name, size, "%s", option);
    return 0;
}

static void copy_clean(const json_t *answer, const char *name, char *out, size_t size)
{
    sanitize_text(out, size, json_text_string(answer, name, 256));
}

/* Shows who invites, and to what. True where the person goes on. */
static bool confirm(struct handset *handset, const char *token, bool yes, int *code)
{
    struct handset_answer answer;
    char server[129], user[129];
    bool agreed = false;

    if (!handset_call(handset, "invitation", json_pack("{s:s}", "token", token), 30, &answer)) {
        *code = screen_error(answer.exit_code, answer.problem);
    } else {
        copy_clean(answer.body, "server", server, sizeof(server));
        copy_clean(answer.body, "user", user, sizeof(user));
        printf(_("%s (%s) invites this device to approve sign-ins of %s.\n"), server,
               handset->server, user);
        if (!*handset->pin && !strncmp(handset->server, "https:", 6))
            printf(_("The server's certificate is one that this system trusts.\n"));
        agreed = yes || ask_yes(_("Enrol? [y/N] "));
        if (!agreed)
            *code = screen_error(EXIT_FAILED,
                                 _("Nothing was enrolled. Without a terminal, say --yes."));
    }
    handset_answer_free(&answer);
    return agreed;
}

/* What the server says of the new device. Returns 0, or -1 where something is missing. */
static int take_enrolment(struct handset *handset, const json_t *answer)
{
    unsigned char secret[64];
    const char *text = json_text_string(answer, "secret", 128);
    const char *user = json_text_string(answer, "user", sizeof(handset->user) - 1);
    const char *device = json_text_string(answer, "device", sizeof(handset->device) - 1);
    int len = text ? totp_from_base32(text, secret, sizeof(secret)) : -1;

    secret_wipe(secret, sizeof(secret));
    if (len <= 0 || !user || !*user || !sanitize_is_clean(user) || !device || !*device)
        return -1;
    snprintf(handset->user, sizeof(handset->user), "%s", user);
    snprintf(handset->device, sizeof(handset->device), "%s", device);
    copy_clean(answer, "server", handset->server_name, sizeof(handset->server_name));
    handset->secret = strdup(text);
    return handset->secret ? 0 : -1;
}

/* *keep: whether the server has this device, or may have it, as far as is known. */
static int enroll(struct handset *handset, const char *token, bool *keep)
{
    struct handset_answer answer;
    char why[768], name[65];
    int code = EXIT_FAILED;
    json_t *members =
        json_pack("{s:s,s:s,s:s}", "token", token, "name", handset->name, "platform", "terminal");

    if (!members)
        return screen_error(EXIT_FAILED, _("--name is not UTF-8."));
    if (!handset_call(handset, "enroll", members, 30, &answer)) {
        code = screen_error(answer.exit_code, answer.problem);
        *keep = code != EXIT_REFUSED;
    } else if (take_enrolment(handset, answer.body) < 0) {
        screen_error(code,
                     _("The server's answer is not complete: it is probably of another version."));
        *keep = true;
    } else if (handset_save(handset, why, sizeof(why)) < 0) {
        screen_error(code, why);
        *keep = true;
    } else {
        sanitize_text(name, sizeof(name), handset->name);
        printf(_("Enrolled: this device, \"%s\", now receives sign-in requests of %s.\n"
                 "Its key is in %s. Next: approve-phone watch\n"),
               name, handset->user, handset->dir);
        code = EXIT_OK;
    }
    if (code != EXIT_OK && *keep)
        screen_error(code, _("The server may have this device already. Its key is kept: try again "
                             "with the same link."));
    handset_answer_free(&answer);
    return code;
}

/* Everything that must be right before the server is asked. *kept: the key is of an earlier try.
 * Returns the link's secret, or NULL with why and *code. */
static char *prepare(const struct command_call *call, struct handset *handset, char *link,
                     bool *kept, int *code, char *why, size_t why_size)
{
    char *token = take_link(link, handset, why, why_size);
    *code = EXIT_USAGE;
    if (!token || choose_name(command_value(call, "--name"), handset->name, sizeof(handset->name),
                              why, why_size) < 0)
        return NULL;
    *code = EXIT_FAILED;
    handset->dir = handset_dir(command_value(call, "--state"), why, why_size);
    if (!handset->dir)
        return NULL;
    if (handset_exists(handset->dir)) {
        snprintf(why, why_size,
                 _("%s has an enrolment already: say another directory with --state, or end that "
                   "one with approve-phone remove."),
                 handset->dir);
        return NULL;
    }
    return handset_key_for_link(handset, token, kept, why, why_size) == 0 ? token : NULL;
}

int phone_enroll(const struct command_call *call)
{
    struct handset handset = {.dir = NULL};
    char link[LINK_MAX] = "", why[768] = "", *token;
    bool keep = false;
    int code;

    secret_line(call->count ? call->words[0] : NULL, _("Link: "), link, sizeof(link));
    token = prepare(call, &handset, link, &keep, &code, why, sizeof(why));
    if (!token) {
        screen_error(code, why);
    } else {
        if (confirm(&handset, token, command_value(call, "--yes") != NULL, &code))
            code = enroll(&handset, token, &keep);
        if (code != EXIT_OK && !keep)
            handset_delete(handset.dir);
    }
    secret_wipe(link, sizeof(link));
    handset_free(&handset);
    return code;
}
