/* `approve-server serve`: opens what is there, listens, and runs until it is told to end. */
#include <errno.h>
#include <libgen.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "backend/data.h"
#include "backend/keys.h"
#include "backend/program.h"
#include "backend/push.h"
#include "backend/rate.h"
#include "backend/server.h"
#include "backend/server_url.h"
#include "backend/static.h"
#include "backend/sweep.h"
#include "backend/tls.h"
#include "backend/waiters.h"
#include "common/daemon.h"
#include "common/i18n.h"
#include "common/log.h"
#include "common/random.h"
#include "common/seccomp_filter.h"

#define WHY_SIZE 512
#define KEYS_KEPT 10000 /* parsed keys of hosts and devices */
#define HOUR_MS 3600000
#define SPARE_DESCRIPTORS 64 /* for the store, listeners and pushes */

/* What serve makes and ends, beyond what it shares with the handlers. */
struct serving {
    struct server server;
    struct server_url url;
    char *pin;
    SSL_CTX *tls;
    struct event *end[2];
    char why[WHY_SIZE];
};

static void end_loop(evutil_socket_t number, short what, void *arg)
{
    (void)number, (void)what;
    event_base_loopbreak(arg);
}

/* The store and the keys belong to one user; another one would leave files behind that it cannot
 * read. */
static int check_owner(struct serving *serving)
{
    const char *data = config_text(serving->server.config, "server", "data");
    struct stat st;
    if (stat(data, &st) < 0) {
        snprintf(serving->why, WHY_SIZE,
                 errno == ENOENT ? _("%s does not exist; run `approve-server init` first")
                                 : "%s: not accessible",
                 data);
        return -1;
    }
    if (st.st_uid == geteuid())
        return 0;
    const struct passwd *owner = getpwuid(st.st_uid);
    snprintf(
        serving->why, WHY_SIZE,
        _("%s belongs to %s; run the server as that user (systemctl start approve-server does)"),
        data, owner ? owner->pw_name : _("another user"));
    return -1;
}

static int load_keys(struct serving *serving)
{
    struct server *server = &serving->server;
    server->issuer_key = data_read_key(server->config, DATA_ISSUER_KEY, serving->why, WHY_SIZE);
    if (!server->issuer_key)
        return -1;
    return data_read_box_key(server->config, server->box_key, serving->why, WHY_SIZE);
}

static int load_certificate(struct serving *serving)
{
    const char *certificate, *key;
    if (server_needs_certificate(serving->server.config)) {
        tls_paths(serving->server.config, &certificate, &key);
        serving->tls = tls_server(certificate, key, serving->why, WHY_SIZE);
        if (!serving->tls)
            return -1;
    }
    serving->pin = serving->tls ? tls_pin(serving->tls) : strdup("");
    serving->server.certificate_pin = serving->pin;
    return serving->pin ? 0 : -1;
}

static int open_store(struct serving *serving)
{
    char path[DATA_PATH_SIZE];
    data_path(serving->server.config, DATA_STORE, path);
    serving->server.store = store_open(serving->server.base, path, false, serving->why, WHY_SIZE);
    return serving->server.store ? 0 : -1;
}

/* A user of a host who asks again and again must not spend what the host has for all. */
static int start_counting(struct server *server)
{
    long most = config_integer(server->config, "limits", "requests_per_host");

    server->asked = rates_new(most, HOUR_MS);
    server->asked_for = rates_new((most + 9) / 10, HOUR_MS);
    return server->asked && server->asked_for ? 0 : -1;
}

/* The loop, and all that stands on it. */
static int start_parts(struct serving *serving)
{
    struct server *server = &serving->server;
    static const int signals[2] = {SIGTERM, SIGINT};
    snprintf(serving->why, WHY_SIZE, "%s", strerror(ENOMEM));
    server->base = event_base_new();
    if (!server->base)
        return -1;
    for (size_t i = 0; i < 2; i++) {
        serving->end[i] = evsignal_new(server->base, signals[i], end_loop, server->base);
        if (!serving->end[i] || event_add(serving->end[i], NULL) < 0)
            return -1;
    }
    if (!(server->waiters = waiters_new(server->base)) || !(server->keys = keys_new(KEYS_KEPT)) ||
        !(server->http = http_server_new(server->base, server_routes, server)))
        return -1;
    if (start_counting(server) < 0 || open_store(serving) < 0)
        return -1;
    server->sweep = sweep_new(server);
    return server->sweep ? 0 : -1;
}

/* Pushes, where they are wanted. */
static int start_push(struct serving *serving)
{
    struct server *server = &serving->server;
    if (!config_boolean(server->config, "push", "enabled"))
        return 0;
    struct jwk *key = data_read_key(server->config, DATA_PUSH_KEY, serving->why, WHY_SIZE);
    if (!key)
        return -1;
    snprintf(serving->why, WHY_SIZE, "%s", strerror(ENOMEM));
    server->push = push_new(server, key);
    jwk_free(key);
    return server->push ? 0 : -1;
}

/* The app's files; a server without them serves hosts and approve-phone. */
static int load_files(struct serving *serving)
{
    struct server *server = &serving->server;
    const char *folder = config_text(server->config, "server", "phone_files");
    if (access(folder, F_OK) < 0 && errno == ENOENT) {
        log_warn(_("%s does not exist: there is no web app, phones can be approve-phone only"),
                 folder);
        return 0;
    }
    server->files = static_read(folder, serving->why, WHY_SIZE);
    return server->files ? 0 : -1;
}

static void set_limits(struct serving *serving, size_t descriptors)
{
    const struct config *config = serving->server.config;
    size_t most = (size_t)config_integer(config, "limits", "connections");
    size_t possible = descriptors > SPARE_DESCRIPTORS ? descriptors - SPARE_DESCRIPTORS : 1;
    if (most > possible) {
        log_warn(_("the system allows %zu open files, so there can be %zu connections at most; "
                   "raise the limit (LimitNOFILE=), or lower connections in server.conf"),
                 descriptors, possible);
        most = possible;
    }
    http_set_limits(serving->server.http, most,
                    (size_t)config_integer(config, "limits", "connections_per_address"));
}

static int listen_on(struct serving *serving, const struct server_listen *at)
{
    struct http_server *http = serving->server.http;
    if (at->is_unix) /* who may connect is the folder's matter: a proxy runs as another user */
        return http_listen_unix(http, at->text, 0666, false, serving->why, WHY_SIZE);
    return http_listen_tcp(http, at->text, at->tls ? serving->tls : NULL, serving->why, WHY_SIZE);
}

/* Opens all listening sockets; the admin socket first, so that who reaches the server can
 * administer it. */
static int start_listening(struct serving *serving)
{
    struct server_listen list[SERVER_LISTEN_MAX];
    const struct config *config = serving->server.config;
    const char *admin = config_text(config, "server", "admin_socket");
    char folder[256];
    int count = server_listen_list(config, list, serving->why, WHY_SIZE);
    if (count < 0)
        return -1;
    snprintf(folder, sizeof folder, "%s", admin);
    mkdir(dirname(folder),
          0755); /* where systemd has not; if it fails, listening says what is wrong */
    if (http_listen_unix(serving->server.http, admin, 0600, true, serving->why, WHY_SIZE) < 0)
        return -1;
    for (int i = 0; i < count; i++) {
        if (listen_on(serving, &list[i]) == 0)
            log_info(_("listening on %s%s"), list[i].text, list[i].tls ? " (TLS)" : "");
        else if (!list[i].optional)
            return -1;
    }
    return 0;
}

static void end_parts(struct serving *serving)
{
    struct server *server = &serving->server;
    http_server_free(server->http); /* tells those who hold calls */
    store_close(server->store);     /* its last callbacks need what follows */
    sweep_free(server->sweep);
    push_free(server->push);
    static_free(server->files);
    waiters_free(server->waiters);
    keys_free(server->keys);
    rates_free(server->asked);
    rates_free(server->asked_for);
    for (size_t i = 0; i < 2; i++)
        if (serving->end[i])
            event_free(serving->end[i]);
    if (server->base)
        event_base_free(server->base);
    SSL_CTX_free(serving->tls);
    jwk_free(server->issuer_key);
    secret_wipe(server->box_key, sizeof server->box_key);
    free(serving->pin);
    config_free(server->config);
}

int serve_command(const struct command_call *call)
{
    struct serving serving = {0};
    struct server *server = &serving.server;
    int result = EXIT_FAILED;

    log_open("approve-server", false, LOG_LEVEL_INFO);
    i18n_speak(NULL); /* all that it says is log, in English */
    size_t descriptors = daemon_set_up();
    server->config = program_config(call);
    if (!server->config)
        return EXIT_FAILED;
    server->issuer = config_text(server->config, "server", "url");
    if (server_url_parse(server->issuer, &serving.url, serving.why, WHY_SIZE) < 0 ||
        check_owner(&serving) < 0 || load_keys(&serving) < 0 || load_certificate(&serving) < 0 ||
        start_parts(&serving) < 0 || start_push(&serving) < 0 || load_files(&serving) < 0)
        goto out;
    server->name = config_is_set(server->config, "server", "name")
                       ? config_text(server->config, "server", "name")
                       : serving.url.host;
    set_limits(&serving, descriptors);
    if (start_listening(&serving) < 0 || seccomp_filter_load(serving.why, WHY_SIZE) < 0)
        goto out;
    log_info(_("%s: serving %s"), VERSION, server->issuer);
    daemon_ready();
    event_base_dispatch(server->base);
    log_info(_("ending"));
    result = EXIT_OK;
out:
    if (result != EXIT_OK)
        log_error("%s", serving.why);
    end_parts(&serving);
    return result;
}
