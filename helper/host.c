#include "helper/host.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base64url.h"
#include "common/i18n.h"
#include "common/log.h"
#include "common/random.h"
#include "common/sanitize.h"
#include "helper/policy.h"
#include "helper/profile.h"

#define KEY_FILE_MAX 8192

struct host *host_ref(struct host *host)
{
    host->references++;
    return host;
}

void host_unref(struct host *host)
{
    if (host == NULL || --host->references > 0)
        return;
    config_free(host->config);
    jwk_free(host->key);
    free(host->pins);
    free(host);
}

/* --- pinned phones --- */

bool host_has_pin(const struct host *host, const char *user, const char *thumbprint)
{
    bool found = false;

    for (size_t i = 0; i < host->pin_count; i++)
        found = found || (strcmp(host->pins[i].user, user) == 0 &&
                          strcmp(host->pins[i].thumbprint, thumbprint) == 0);
    return found;
}

static int add_pin(struct host *host, const char *user, const char *thumbprint)
{
    struct host_pin *more;

    if (strlen(user) >= sizeof more->user || !base64url_is_sha256(thumbprint))
        return -1;
    more = reallocarray(host->pins, host->pin_count + 1, sizeof *more);
    if (more == NULL)
        return -1;
    host->pins = more;
    strcpy(more[host->pin_count].user, user);
    strcpy(more[host->pin_count].thumbprint, thumbprint);
    host->pin_count++;
    return 0;
}

int host_read_pins(struct host *host, const char *path, const char *text, char *why,
                   size_t why_size)
{
    char *copy = strdup(text), *rest = copy, *line;

    if (copy == NULL)
        return -1;
    for (int number = 1; (line = strsep(&rest, "\n")) != NULL; number++) {
        char *place, *user, *thumbprint;

        line[strcspn(line, "#")] = 0;
        user = strtok_r(line, " \t\r", &place);
        if (user == NULL)
            continue;
        thumbprint = strtok_r(NULL, " \t\r", &place);
        if (thumbprint == NULL || strtok_r(NULL, " \t\r", &place) != NULL ||
            add_pin(host, user, thumbprint) != 0) {
            snprintf(
                why, why_size,
                _("%s:%d: a line is USER THUMBPRINT (43 characters); `approvectl pin` writes it"),
                path, number);
            free(copy);
            return -1;
        }
    }
    free(copy);
    return 0;
}

/* --- host.conf --- */

static const char *require(const struct config *config, const char *section, const char *key,
                           char *why, size_t why_size)
{
    if (config_is_set(config, section, key))
        return config_text(config, section, key);
    snprintf(why, why_size, _("[%s] %s is missing; `approvectl join` writes it"), section, key);
    return NULL;
}

static void find_name(struct host *host)
{
    char system[129] = "";

    if (config_is_set(host->config, "host", "name"))
        strcpy(system, config_text(host->config, "host", "name"));
    else if (gethostname(system, sizeof system - 1) != 0)
        system[0] = 0;
    sanitize_text(host->name, sizeof host->name, system[0] != 0 ? system : host->id);
}

/* A name in PAM_RUSER that the network said, as with rsh, may not choose whose phone rings. */
static bool asks_known_callers(const struct config *config, char *why, size_t why_size)
{
    const char *section;

    for (size_t i = 0; (section = config_section(config, i)) != NULL; i++) {
        const char *service = section + strlen("service ");

        if (strncmp(section, "service ", strlen("service ")) != 0 ||
            config_choice(config, section, "ask") != ASK_CALLER)
            continue;
        if ((profile_find(service)->flags & PROFILE_CALLER) == 0) {
            snprintf(why, why_size, _("[%s] ask = caller: %s does not say who calls"), section,
                     service);
            return false;
        }
    }
    return true;
}

struct host *host_from_config(struct config *config, char *why, size_t why_size)
{
    const char *id = require(config, "host", "id", why, why_size);
    const char *url = id != NULL ? require(config, "backend", "url", why, why_size) : NULL;
    struct host *host = url != NULL ? calloc(1, sizeof *host) : NULL;

    if (host == NULL) {
        config_free(config);
        return NULL;
    }
    host->references = 1;
    host->config = config;
    host->id = id;
    strcpy(host->issuer, url);
    for (size_t len = strlen(url); len > 0 && host->issuer[len - 1] == '/'; len--)
        host->issuer[len - 1] = 0;
    host->server_key = config_is_set(config, "backend", "server_key")
                           ? config_text(config, "backend", "server_key")
                           : "";
    host->user_claim = config_text(config, "backend", "user_claim");
    host->provider = (enum provider)config_choice(config, "backend", "provider");
    host->trust = (enum trust)config_choice(config, "backend", "trust");
    host->timeout = config_integer(config, "backend", "timeout");
    host->bound_codes = config_boolean(config, "host", "bound_codes");
    find_name(host);
    if (host->provider == PROVIDER_CIBA && host->trust == TRUST_PINNED) {
        snprintf(
            why, why_size,
            _("[backend] trust = pinned needs a phone's signature, and provider = ciba has none"));
        host_unref(host);
        return NULL;
    }
    if (!asks_known_callers(config, why, why_size)) {
        host_unref(host);
        return NULL;
    }
    return host;
}

/* A misspelt name opens no door (the service is asked, by [defaults]), but its `except` would do
 * nothing either. */
static void warn_of_sections(const struct host *host, const char *path)
{
    const char *section;

    for (size_t i = 0; (section = config_section(host->config, i)) != NULL; i++) {
        char file[HOST_SECTION_SIZE + 16];
        const char *service = section + strlen("service ");

        if (strncmp(section, "service ", strlen("service ")) != 0 || profile_is_known(service))
            continue;
        snprintf(file, sizeof file, "/etc/pam.d/%.64s", service);
        if (strchr(service, '/') != NULL || access(file, F_OK) != 0)
            log_warn("%s: [%s] names no service of this host: there is no /etc/pam.d/%s", path,
                     section, service);
    }
}

static int read_key(struct host *host, char *why, size_t why_size)
{
    const char *path = config_text(host->config, "host", "key");
    char *pem = NULL;
    size_t len;

    if (file_read(path, FILE_SECRET_OF_ROOT, KEY_FILE_MAX, &pem, &len, why, why_size) != 0)
        return -1;
    host->key = jwk_from_pem(pem);
    secret_free(pem);
    if (host->key == NULL)
        snprintf(why, why_size, _("%s: no private P-256 key in PEM; `approvectl join` makes one"),
                 path);
    return host->key != NULL ? 0 : -1;
}

static int read_pin_file(struct host *host, char *why, size_t why_size)
{
    const char *path = config_text(host->config, "backend", "pinned");
    char *text = NULL;
    size_t len;
    int result;

    if (file_read(path, FILE_OF_ROOT, HOST_PINS_MAX, &text, &len, why, why_size) != 0)
        return -1;
    result = host_read_pins(host, path, text, why, why_size);
    secret_free(text);
    return result;
}

struct host *host_load(const char *path, char *why, size_t why_size)
{
    struct host_version version = host_version_of(path);
    char reason[512] = "no memory";
    struct config *config = config_read(path, FILE_OF_ROOT, host_options, why, why_size);
    struct host *host;

    if (config == NULL)
        return NULL;
    host = host_from_config(config, reason, sizeof reason);
    if (host == NULL) {
        snprintf(why, why_size, "%s: %s", path, reason);
        return NULL;
    }
    host->versions[WATCHED_CONF] = version;
    host->versions[WATCHED_KEY] = host_version_of(config_text(config, "host", "key"));
    host->versions[WATCHED_PINS] = host_version_of(config_text(config, "backend", "pinned"));
    if (read_key(host, why, why_size) != 0 ||
        (host->trust == TRUST_PINNED && read_pin_file(host, why, why_size) != 0)) {
        host_unref(host);
        return NULL;
    }
    warn_of_sections(host, path);
    return host;
}
