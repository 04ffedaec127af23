#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include "common/base64url.h"
#include "common/https.h"
#include "common/i18n.h"
#include "common/login.h"
#include "common/sanitize.h"
#include "helper/host.h"
#include "helper/policy.h"

static bool check_id(const char *value, char *why, size_t why_size)
{
    if (login_is_host_id(value))
        return true;
    snprintf(why, why_size, _("an id has only letters, digits, '.', '_' and '-'"));
    return false;
}

static bool check_text(const char *value, char *why, size_t why_size)
{
    if (sanitize_is_clean(value))
        return true;
    snprintf(why, why_size, _("control characters, unseen ones, or broken UTF-8"));
    return false;
}

static bool check_url(const char *value, char *why, size_t why_size)
{
    if (strpbrk(value, "?#") != NULL) {
        snprintf(why, why_size, _("an issuer's URL has no query and no fragment"));
        return false;
    }
    return https_url_allowed(value, why, why_size);
}

static bool check_pin(const char *value, char *why, size_t why_size)
{
    if (base64url_is_sha256(value))
        return true;
    snprintf(why, why_size, _("SHA-256 in base64url has 43 characters"));
    return false;
}

static bool check_path(const char *value, char *why, size_t why_size)
{
    if (value[0] == '/')
        return true;
    snprintf(why, why_size, _("the path must be absolute"));
    return false;
}

static bool check_language(const char *value, char *why, size_t why_size)
{
    if (i18n_is_locale(value))
        return true;
    snprintf(why, why_size, _("a language is written as fr or pt_BR"));
    return false;
}

struct network_check {
    bool valid;
    char *why;
    size_t why_size;
};

static bool check_network(void *arg, const char *word)
{
    struct network_check *check = arg;

    check->valid = policy_network_is_valid(word, check->why, check->why_size);
    return check->valid;
}

static bool check_networks(const char *value, char *why, size_t why_size)
{
    struct network_check check = {.valid = true, .why = why, .why_size = why_size};

    config_each(value, check_network, &check);
    return check.valid;
}

const struct config_option host_options[] = {
    {"host", "id", CONFIG_TEXT, 1, 64, NULL, NULL, CONFIG_NEITHER,
     N_("This host's id with the server, as `approvectl join` wrote it. Required."), check_id},
    {"host", "name", CONFIG_TEXT, 1, 128, NULL, NULL, CONFIG_NEITHER,
     N_("This host's name for people. The default is the system's host name."), check_text},
    {"host", "key", CONFIG_TEXT, 1, 1024, NULL, SYSCONFDIR "/approve/host.key", CONFIG_NEITHER,
     N_("The host's private key (PEM, P-256), readable by root and the group approve-helper."),
     check_path},
    {"host", "bound_codes", CONFIG_BOOLEAN, 0, 0, NULL, "yes", CONFIG_LOWER,
     N_("Whether phones give this host a secret for codes that it checks alone, when the server "
        "cannot be reached or trust = pinned."),
     NULL},
    {"backend", "url", CONFIG_TEXT, 1, 256, NULL, NULL, CONFIG_NEITHER,
     N_("The server's URL, which is its issuer name. Required."), check_url},
    {"backend", "server_key", CONFIG_TEXT, BASE64URL_SHA256, BASE64URL_SHA256, NULL, NULL,
     CONFIG_NEITHER,
     N_("SHA-256 of the server's public key, for a certificate that the system does not know."),
     check_pin},
    {"backend", "provider", CONFIG_CHOICE, 0, 0, "ciba approve", "approve", CONFIG_HIGHER,
     N_("approve-server, or another OpenID CIBA provider, which sends no phone's signature."),
     NULL},
    {"backend", "user_claim", CONFIG_TEXT, 1, 64, NULL, "sub", CONFIG_NEITHER,
     N_("The claim of the ID token that has the user name."), check_text},
    {"backend", "timeout", CONFIG_INTEGER, 1, 30, NULL, "5", CONFIG_NEITHER,
     N_("Seconds that one call to the server may take."), NULL},
    {"backend", "trust", CONFIG_CHOICE, 0, 0, "backend pinned", "backend", CONFIG_HIGHER,
     N_("Whose word opens a login: the server's with the phone's signature, or only a phone's that "
        "is pinned on this host."),
     NULL},
    {"backend", "pinned", CONFIG_TEXT, 1, 1024, NULL, SYSCONFDIR "/approve/pinned", CONFIG_NEITHER,
     N_("The file of pinned phones: a line is USER THUMBPRINT."), check_path},
    {"service *", "ask", CONFIG_CHOICE, 0, 0, "no caller target yes", "yes", CONFIG_HIGHER,
     N_("Whether this service is asked, and whose phone: of the user that one becomes (target; yes "
        "means the same), or of the user who calls (caller: for su, su-l, sudo, sudo-i, doas)."),
     NULL},
#define OPTION(key, type, low, high, choices, fallback, stricter, help, check)                     \
    {"service *", key, type, low, high, choices, NULL, stricter, help, check},
#include "helper/service_options.def"
#undef OPTION
#define OPTION(key, type, low, high, choices, fallback, stricter, help, check)                     \
    {"defaults", key, type, low, high, choices, fallback, stricter, help, check},
#include "helper/service_options.def"
#undef OPTION
    {NULL, NULL, CONFIG_TEXT, 0, 0, NULL, NULL, CONFIG_NEITHER, NULL, NULL},
};
