/* join: makes this host's key, registers it by a one-use token, writes host.conf
 * (docs/backend-protocol.md, "Joining"). */
#include <errno.h>
#include <grp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "approvectl/ctl.h"
#include "common/base64url.h"
#include "common/file.h"
#include "common/https.h"
#include "common/i18n.h"
#include "common/json_text.h"
#include "common/login.h"
#include "common/random.h"
#include "common/sanitize.h"
#include "common/secret_line.h"

#define HELPER_GROUP "approve-helper"
#define CALL_MS 30000

struct join {
    const char *conf; /* path */
    char *key_path;   /* beside it */
    char url[257];    /* without a slash at its end */
    char secret[65];
    char pin[BASE64URL_SHA256 + 1];
    char name[129];
    bool named; /* by --name */
    struct jwk *key;
    char id[65]; /* as the server says */
};

/* "SECRET" or "SECRET.PIN". */
static bool take_token(const char *token, struct join *join)
{
    size_t secret_len = strcspn(token, ".");
    const char *pin = token[secret_len] ? token + secret_len + 1 : "";

    if (secret_len < 16 || secret_len >= sizeof(join->secret) ||
        strspn(token, BASE64URL_ALPHABET) != secret_len ||
        (token[secret_len] && !base64url_is_sha256(pin)))
        return false;
    snprintf(join->secret, sizeof(join->secret), "%.*s", (int)secret_len, token);
    snprintf(join->pin, sizeof(join->pin), "%s", pin);
    return true;
}

static bool read_token(const struct command_call *call, struct join *join)
{
    char line[160] = "";
    bool well = secret_line(call->count == 2 ? call->words[1] : NULL, _("Token: "), line,
                            sizeof(line)) == 0 &&
                take_token(line, join);

    secret_wipe(line, sizeof(line));
    return well;
}

/* Everything that the call says. Returns an exit code. */
static int take_call(const struct command_call *call, struct join *join)
{
    const char *name = command_value(call, "--name"), *url = call->words[0];
    size_t len = strlen(url);
    char why[512];

    while (len > 0 && url[len - 1] == '/')
        len--;
    if (len >= sizeof(join->url) || strpbrk(url, "?#\"'")) {
        return ctl_error(EXIT_USAGE, _("URL is the server's address, such as "
                                       "https://approve.example.org:8443"));
    }
    snprintf(join->url, sizeof(join->url), "%.*s", (int)len, url);
    if (!https_url_allowed(join->url, why, sizeof(why)))
        return ctl_error(EXIT_USAGE, why);
    if (!read_token(call, join)) {
        return ctl_error(EXIT_USAGE, _("This is not a whole token. On the server, `approve-server "
                                       "host add NAME` prints one."));
    }
    join->named = name != NULL;
    if (!name)
        gethostname(join->name, sizeof(join->name) - 1);
    else if (*name && strlen(name) < sizeof(join->name) && sanitize_is_clean(name) &&
             !strpbrk(name, ";#"))
        snprintf(join->name, sizeof(join->name), "%s", name);
    if (!*join->name)
        return ctl_error(EXIT_USAGE, _("--name has 1 to 128 bytes, and no ; or #."));
    join->conf = ctl_config(call);
    return EXIT_OK;
}

/* The folder must take files before the token is spent. Returns an exit code. */
static int prepare(struct join *join, bool force)
{
    /* NOLINTNEXTLINE(clang-analyzer-core.NonNullParamChecker): take_call set it */
    const char *slash = strrchr(join->conf, '/');
    char *folder = slash ? strndup(join->conf, (size_t)(slash - join->conf)) : NULL, why[512];
    int code = EXIT_FAILED;

    if (!folder || *join->conf != '/') {
        code = ctl_error(EXIT_USAGE, _("--config needs an absolute path."));
    } else if ((mkdir(folder, 0755) < 0 && errno != EEXIST) || access(folder, W_OK) < 0) {
        snprintf(why, sizeof(why), _("%s cannot be written: %s. Run this as root."), folder,
                 strerror(errno));
        ctl_error(code, why);
    } else if (!force && access(join->conf, F_OK) == 0) {
        snprintf(why, sizeof(why),
                 _("%s exists: this host has joined before. Nothing was changed, the token is "
                   "still good. To join anew, add --force; the old file is kept beside the new."),
                 join->conf);
        ctl_error(code, why);
    } else if (asprintf(&join->key_path, "%s/host.key", folder) < 0) {
        join->key_path = NULL;
        ctl_error(code, _("Out of memory."));
    } else if (!(join->key = jwk_new_p256())) {
        ctl_error(code, _("No key could be made."));
    } else {
        code = EXIT_OK;
    }
    free(folder);
    return code;
}

/* The server's answer to the token. Returns an exit code. */
static int read_answer(struct join *join, const char *url, const struct https_answer *answer)
{
    json_t *body = json_text_object(answer->body, answer->len, HTTPS_ANSWER_MAX);
    const char *error = json_text_string(body, "error", 64);
    const char *id = json_text_string(body, "host", sizeof(join->id) - 1);
    const char *issuer = json_text_string(body, "issuer", sizeof(join->url) - 1);
    char why[1024];
    int code = EXIT_FAILED;

    if (error && !strcmp(error, "pam_approve_token_used")) {
        code =
            ctl_error(EXIT_REFUSED, _("The server does not take this token: it is used up, older "
                                      "than an hour, or of another server. On the server, "
                                      "`approve-server host add NAME` prints a new one."));
    } else if (answer->status != 200 || !id || !login_is_host_id(id) || !issuer) {
        snprintf(why, sizeof(why),
                 _("%s answered with status %ld%s%s, not as an approve-server does. Is the URL "
                   "right?"),
                 url, answer->status, error ? ", " : "", error ? error : "");
        ctl_error(code, why);
    } else if (strcmp(issuer, join->url) != 0) {
        snprintf(why, sizeof(why),
                 _("The server at %s calls itself %s. Join with that URL, and a new token."),
                 join->url, issuer);
        ctl_error(code, why);
    } else {
        snprintf(join->id, sizeof(join->id), "%s", id);
        code = EXIT_OK;
    }
    json_decref(body);
    return code;
}

static int register_key(struct join *join)
{
    char url[320], *text = NULL;
    struct https_answer answer;
    json_t *body = json_pack("{s:s,s:o,s:s}", "token", join->secret, "key",
                             jwk_public_json(join->key), "name", join->name);
    int code;

    https_answer_init(&answer);
    snprintf(url, sizeof(url), "%s/host/join", join->url);
    text = body ? json_text_dump(body) : NULL;
    json_decref(body);
    if (!text)
        code = ctl_error(EXIT_FAILED, _("The host's name is not UTF-8: say another with --name."));
    else if (https_call(url, join->pin, "application/json", text, CALL_MS, &answer) < 0)
        code = ctl_error(EXIT_UNAVAILABLE, answer.error);
    else
        code = read_answer(join, url, &answer);
    secret_free(text);
    https_answer_free(&answer);
    return code;
}

/* 0640 root:approve-helper, so that the helper reads it; without that group for root alone. */
static int write_key(const struct join *join)
{
    const struct group *group = getgrnam(HELPER_GROUP);
    char *pem = jwk_to_pem(join->key), why[512];
    int written = -1;

    if (pem)
        written = file_write(join->key_path, pem, strlen(pem), group ? 0640 : 0600, geteuid(),
                             group ? group->gr_gid : getegid());
    if (written < 0) {
        snprintf(why, sizeof(why), _("%s could not be written: %s."), join->key_path,
                 strerror(errno));
        ctl_error(EXIT_FAILED, why);
    } else if (!group) {
        snprintf(why, sizeof(why),
                 _("There is no group %s yet, so only root can read %s. When it is there "
                   "(systemd-sysusers): chgrp %s %s && chmod 0640 %s"),
                 HELPER_GROUP, join->key_path, HELPER_GROUP, join->key_path, join->key_path);
        ctl_error(EXIT_OK, why);
    }
    secret_free(pem);
    return written;
}

static int write_text(FILE *out, const struct join *join)
{
    fprintf(out,
            "# What pam_approve asks on this host. host.conf(5) has every option; after a change:\n"
            "# approvectl check. Written by `approvectl join`.\n"
            "\n"
            "[host]\n"
            "# The id that the server knows this host by.\n"
            "id = %s\n",
            join->id);
    fprintf(out,
            "# Its name for people, on phones. Without it: the system's host name.\n"
            "%sname = %s\n",
            join->named ? "" : "#", join->name);
    if (strcmp(join->key_path, SYSCONFDIR "/approve/host.key") != 0)
        fprintf(out, "key = %s\n", join->key_path);
    fprintf(out,
            "\n"
            "[backend]\n"
            "url = %s\n",
            join->url);
    if (*join->pin)
        fprintf(out,
                "# The server's key: its certificate is its own, not signed for this system.\n"
                "server_key = %s\n",
                join->pin);
    fputs("\n"
          "# A service that names pam_approve.so in its PAM stack is asked, by these.\n"
          "[defaults]\n"
          "# How the number is matched: enter (typed on the phone), choose (one of three), off.\n"
          "#number = enter\n"
          "# Who is not asked. Have somebody who can get in when the server is down:\n"
          "#except = root @breakglass\n"
          "\n"
          "# One service's own rules, in the place of the defaults:\n"
          "#[service sshd]\n"
          "#except_networks = 10.20.0.0/16\n",
          out);
    return ferror(out) ? -1 : 0;
}

/* The old file, where there is one, is kept: who wrote rules into it needs them again. */
static int keep_old(const struct join *join)
{
    char old[512], why[640];

    snprintf(old, sizeof(old), "%s.old", join->conf);
    if (rename(join->conf, old) < 0)
        return errno == ENOENT ? 0 : -1;
    snprintf(why, sizeof(why),
             _("The old file is %s. Copy from it what you had written under [defaults] and "
               "[service ...]."),
             old);
    ctl_error(EXIT_OK, why);
    return 0;
}

static int write_conf(const struct join *join)
{
    char *text = NULL, why[512];
    size_t len = 0;
    FILE *out = open_memstream(&text, &len);
    int written = -1;

    if (out) {
        int failed = write_text(out, join);
        if (fclose(out) == 0 && failed == 0 && keep_old(join) == 0)
            written = file_write(join->conf, text, len, 0644, geteuid(), getegid());
    }
    if (written < 0) {
        snprintf(why, sizeof(why), _("%s could not be written: %s."), join->conf, strerror(errno));
        ctl_error(EXIT_FAILED, why);
    }
    free(text);
    return written;
}

int ctl_join(const struct command_call *call)
{
    struct join join = {.conf = NULL};
    int code = take_call(call, &join);

    if (code == EXIT_OK)
        code = prepare(&join, command_value(call, "--force") != NULL);
    if (code == EXIT_OK)
        code = register_key(&join);
    if (code == EXIT_OK && (write_key(&join) < 0 || write_conf(&join) < 0)) {
        code = ctl_error(EXIT_FAILED, _("The token is spent: mend this, then join again with "
                                        "--force and a new token."));
    }
    if (code == EXIT_OK) {
        printf(_("Joined: this host is %s at %s.\n"
                 "  %s   what to ask, and whom\n"
                 "  %s   this host's key; it never leaves the host\n"
                 "Next:\n"
                 "  systemctl enable --now approve-helper.socket\n"
                 "  approvectl test USER     one approval, before any service depends on it\n"
                 "  approvectl protect sshd  has a service ask, on trial until it is kept\n"
                 "  approvectl check         says what each service asks, and what to mend\n"),
               join.id, join.url, join.conf, join.key_path);
    }
    jwk_free(join.key);
    free(join.key_path);
    secret_wipe(&join, sizeof(join));
    return code;
}
