/* status: is this host joined, and are its server and helper there? */
#include <stdio.h>

#include "approvectl/ctl.h"
#include "approvectl/reach.h"
#include "common/i18n.h"

struct status {
    struct host *host;
    char conf_why[768];
    struct reach_server server;
    bool helper;
    char helper_why[256];
};

static json_t *status_json(const struct status *status)
{
    const struct host *host = status->host;
    json_t *all =
        json_pack("{s:s,s:b,s:b,s:b}", "version", VERSION, "joined", host != NULL,
                  "server_reachable", status->server.right, "helper_running", status->helper);
    if (host) {
        json_object_set_new(all, "host", json_string(host->id));
        json_object_set_new(all, "name", json_string(host->name));
        json_object_set_new(all, "server", json_string(host->issuer));
        json_object_set_new(all, "key", json_string(jwk_thumbprint(host->key)));
    }
    return all;
}

static void print_line(const char *label, bool well, const char *text)
{
    printf("%-8s ", label);
    ctl_paint(well ? 'g' : 'r', text);
    printf("\n");
}

static void print_status(const struct status *status)
{
    const struct host *host = status->host;
    char text[1400];

    printf("approvectl " VERSION "\n");
    if (host)
        snprintf(text, sizeof(text), _("%s (%s)"), host->id, host->name);
    else
        snprintf(text, sizeof(text), _("not joined, or not readable: %s"), status->conf_why);
    print_line(_("host"), host != NULL, text);
    if (host) {
        snprintf(text, sizeof(text), status->server.right ? _("%s answers%s") : "%s: %s",
                 host->issuer, status->server.right ? "" : status->server.why);
        print_line(_("server"), status->server.right, text);
    }
    print_line(_("helper"), status->helper, status->helper ? _("answers") : status->helper_why);
}

int ctl_status(const struct command_call *call)
{
    struct status status = {.helper = false};
    int code = EXIT_UNAVAILABLE;

    status.host = host_load(ctl_config(call), status.conf_why, sizeof(status.conf_why));
    if (status.host)
        reach_server(status.host, &status.server);
    status.helper = reach_helper(ctl_socket(call), status.helper_why, sizeof(status.helper_why));
    if (!status.host)
        code = EXIT_FAILED;
    else if (status.server.right && status.helper)
        code = EXIT_OK;
    if (command_value(call, "--json"))
        ctl_json(status_json(&status));
    else
        print_status(&status);
    host_unref(status.host);
    return code;
}
