/* `approve-server init`: makes what the server needs. What is there already stays as it is. */
#include <errno.h>
#include <event2/event.h>
#include <grp.h>
#include <libgen.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "backend/data.h"
#include "backend/program.h"
#include "backend/server.h"
#include "backend/server_url.h"
#include "backend/tls.h"
#include "common/file.h"
#include "common/i18n.h"
#include "common/sanitize.h"

#define SERVER_USER "approve-server"
#define WHY_SIZE 512

/* Says what was made, in the order of making. */
static void print_made(const char *path)
{
    printf(_("made %s\n"), path);
}

/* Makes a folder and those above it. Returns 1 where it made it, 0 where it was there, -1 with why.
 */
static int make_folder(const char *path, mode_t mode, char *why, size_t why_size)
{
    char copy[DATA_PATH_SIZE];
    struct stat st;
    if (stat(path, &st) == 0 && S_ISDIR(st.st_mode))
        return 0;
    if ((size_t)snprintf(copy, sizeof copy, "%s", path) >= sizeof copy) {
        snprintf(why, why_size, _("%s: the path is too long"), path);
        return -1;
    }
    if (strcmp(path, "/") != 0 && make_folder(dirname(copy), 0755, why, why_size) < 0)
        return -1;
    if (mkdir(path, mode) == 0)
        return 1;
    snprintf(why, why_size, "%s: %s", path, strerror(errno));
    return -1;
}

static bool is_clean_value(const char *text)
{
    return sanitize_is_clean(text) && !strpbrk(text, ";#") && text[0] != ' ' && text[0] != '\0';
}

/* Writes server.conf. Returns 0, or -1 with why. */
static int write_config(const char *path, const char *url, const char *name, char *why,
                        size_t why_size)
{
    char text[1024], folder[DATA_PATH_SIZE];
    int len = snprintf(
        text, sizeof text,
        "# Settings of approve-server; man server.conf lists them all.\n[server]\nurl = %s\n%s%s%s",
        url, name ? "name = " : "", name ? name : "", name ? "\n" : "");
    snprintf(folder, sizeof folder, "%s", path);
    if (make_folder(dirname(folder), 0755, why, why_size) < 0)
        return -1;
    if (len < 0 || (size_t)len >= sizeof text ||
        file_write(path, text, (size_t)len, geteuid() ? 0600 : 0644, geteuid(), getegid()) < 0) {
        snprintf(why, why_size, "%s: %s", path, strerror(errno));
        return -1;
    }
    print_made(path);
    return 0;
}

/* Where server.conf says something else than the command line, a person has to decide. */
static bool agrees(const struct config *config, const char *path, const char *key,
                   const char *wanted)
{
    const char *found = config_is_set(config, "server", key) || strcmp(key, "url") == 0
                            ? config_text(config, "server", key)
                            : "";
    if (!wanted || strcmp(found, wanted) == 0)
        return true;
    fprintf(stderr, _("%s has %s = %s, not %s; change it there\n"), path, key, found, wanted);
    return false;
}

static struct config *make_config(const struct command_call *call)
{
    const char *path = program_config_path(call), *url = command_value(call, "--url"),
               *name = command_value(call, "--name");
    char why[WHY_SIZE] = "";
    struct server_url parsed;

    if (url && server_url_parse(url, &parsed, why, sizeof why) < 0) {
        fprintf(stderr, "--url %s: %s\n", url, why);
        return NULL;
    }
    if (name && !is_clean_value(name)) {
        fprintf(stderr, _("--name: control characters, ; and # cannot be in it\n"));
        return NULL;
    }
    bool wanted = url || name || command_value(call, "--config") || geteuid() == 0;
    if (access(path, F_OK) < 0 && errno == ENOENT && wanted &&
        write_config(path, url ? url : "http://localhost:8700", name, why, sizeof why) < 0) {
        fprintf(stderr, "%s\n", why);
        return NULL;
    }
    struct config *config = program_config(call);
    if (config && agrees(config, path, "url", url) && agrees(config, path, "name", name))
        return config;
    config_free(config);
    return NULL;
}

/* Who will run the server: --user, the owner of a data folder that is there, the user that the
 * package makes, or the caller. */
static const struct passwd *find_user(const char *wanted, const char *data, bool made)
{
    struct stat st;
    const struct passwd *user = NULL;
    if (wanted)
        user = getpwnam(wanted);
    else if (geteuid() == 0 && !made && stat(data, &st) == 0)
        user = getpwuid(st.st_uid);
    else if (geteuid() == 0)
        user = getpwnam(SERVER_USER);
    return user || wanted ? user : getpwuid(geteuid());
}

/* Everything in the data folder is made as the user that will read it. Returns 0, or -1 with why.
 */
static int become_user(const struct passwd *user, const char *data, char *why, size_t why_size)
{
    if (user->pw_uid != geteuid() &&
        (chown(data, user->pw_uid, user->pw_gid) < 0 || setgroups(0, NULL) < 0 ||
         setresgid(user->pw_gid, user->pw_gid, user->pw_gid) < 0 ||
         setresuid(user->pw_uid, user->pw_uid, user->pw_uid) < 0)) {
        snprintf(why, why_size, _("%s: cannot be given to %s: %s"), data, user->pw_name,
                 strerror(errno));
        return -1;
    }
    if (chmod(data, 0700) < 0) {
        snprintf(why, why_size, "%s: %s", data, strerror(errno));
        return -1;
    }
    return 0;
}

/* Makes the data folder, and goes on as the user to whom it belongs. Returns that user, or NULL
 * with why. */
static const struct passwd *make_data(const struct command_call *call, const struct config *config,
                                      char *why, size_t why_size)
{
    const char *data = config_text(config, "server", "data"),
               *wanted = command_value(call, "--user");
    int made = make_folder(data, 0700, why, why_size);
    if (made < 0)
        return NULL;
    const struct passwd *user = find_user(wanted, data, made == 1);
    if (!user)
        snprintf(why, why_size, _("there is no user %s"), wanted ? wanted : SERVER_USER);
    if (!user || become_user(user, data, why, why_size) < 0)
        return NULL;
    if (made)
        print_made(data);
    return user;
}

static int make_store(const struct config *config, char *why, size_t why_size)
{
    char path[DATA_PATH_SIZE];
    data_path(config, DATA_STORE, path);
    bool there = access(path, F_OK) == 0;
    if (there && store_in_use(path))
        return 0;
    struct event_base *base = event_base_new();
    struct store *store = base ? store_open(base, path, true, why, why_size) : NULL;
    if (store && !there)
        print_made(path);
    int result = store ? 0 : -1;
    store_close(store);
    if (base)
        event_base_free(base);
    return result;
}

static int make_keys(const struct config *config, char *why, size_t why_size)
{
    static const char *const keys[] = {DATA_ISSUER_KEY, DATA_PUSH_KEY, DATA_BOX_KEY};
    char path[DATA_PATH_SIZE];
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        int made = strcmp(keys[i], DATA_BOX_KEY) == 0
                       ? data_make_box_key(config, why, why_size)
                       : data_make_key(config, keys[i], why, why_size);
        if (made < 0)
            return -1;
        data_path(config, keys[i], path);
        if (made)
            print_made(path);
    }
    return 0;
}

/* Returns 1 where the server's certificate is a private one, 0 where it is not, -1 with why. */
static int make_certificate(const struct config *config, char *why, size_t why_size)
{
    struct server_url url;
    char path[DATA_PATH_SIZE];
    data_path(config, DATA_CERTIFICATE, path);
    if (config_is_set(config, "server", "certificate") || !server_needs_certificate(config))
        return 0;
    if (access(path, F_OK) == 0)
        return 1;
    if (server_url_parse(config_text(config, "server", "url"), &url, why, why_size) < 0 ||
        tls_make_certificate(config, url.host, why, why_size) < 0)
        return -1;
    print_made(path);
    return 1;
}

static void print_next(const struct config *config, const struct passwd *user,
                       bool private_certificate)
{
    printf(_("\nThe server's address is %s. It runs as %s.\n"),
           config_text(config, "server", "url"), user->pw_name);
    if (private_certificate)
        printf(_("Its certificate is its own: hosts and approve-phone check it by its key, which "
                 "join tokens and links carry. Phones in a browser want one that browsers\n"
                 "trust: set certificate and certificate_key in server.conf, or put a reverse "
                 "proxy in front.\n"));
    printf(_("\nNext:\n"));
    if (strcmp(user->pw_name, SERVER_USER) == 0)
        printf("  systemctl enable --now approve-server\n");
    else
        printf("  approve-server serve\n");
    printf("  approve-server user add NAME\n  approve-server enroll NAME\n  approve-server host "
           "add HOST\n");
}

int init_command(const struct command_call *call)
{
    char why[WHY_SIZE] = "";
    struct server_listen list[SERVER_LISTEN_MAX];
    int result = EXIT_FAILED, private_certificate = 0;
    const struct passwd *user = NULL;

    umask(022);
    struct config *config = make_config(call);
    if (!config)
        return EXIT_FAILED;
    if (server_listen_list(config, list, why, sizeof why) < 0 ||
        !(user = make_data(call, config, why, sizeof why)) ||
        make_keys(config, why, sizeof why) < 0 ||
        (private_certificate = make_certificate(config, why, sizeof why)) < 0 ||
        make_store(config, why, sizeof why) < 0)
        goto out;
    print_next(config, user, private_certificate > 0);
    result = EXIT_OK;
out:
    if (result != EXIT_OK)
        fprintf(stderr, "approve-server: %s\n", why);
    config_free(config);
    return result;
}
