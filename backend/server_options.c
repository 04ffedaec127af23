/* server.conf: the table of all options. */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backend/push_endpoint.h"
#include "backend/server.h"
#include "backend/server_url.h"
#include "common/i18n.h"

static bool check_url(const char *value, char *why, size_t why_size)
{
    struct server_url url;
    return server_url_parse(value, &url, why, why_size) == 0;
}

static bool check_path(const char *value, char *why, size_t why_size)
{
    if (*value != '/')
        snprintf(why, why_size, _("write the whole path, from / on"));
    return *value == '/';
}

static bool check_version(const char *value, char *why, size_t why_size)
{
    size_t major = strspn(value, "0123456789"),
           minor = value[major] ? strspn(value + major + 1, "0123456789") : 0;
    bool good = major > 0 && major < 5 && value[major] == '.' && minor > 0 && minor < 5 &&
                value[major + 1 + minor] == '\0';
    if (!good)
        snprintf(why, why_size, _("write MAJOR.MINOR, such as 1.0"));
    return good;
}

static bool check_contact(const char *value, char *why, size_t why_size)
{
    bool good = strncmp(value, "mailto:", 7) == 0 || strncmp(value, "https://", 8) == 0;
    if (!good)
        snprintf(why, why_size, _("write mailto:NAME@DOMAIN, or a page's https:// address"));
    return good;
}

struct verdict {
    bool good;
    char *why;
    size_t why_size;
};

static bool check_address(void *arg, const char *word)
{
    struct verdict *verdict = arg;
    struct server_address address;
    verdict->good = server_address_parse(word, &address, verdict->why, verdict->why_size) == 0;
    return verdict->good;
}

static bool check_listen(const char *value, char *why, size_t why_size)
{
    struct verdict verdict = {true, why, why_size};
    config_each(value, check_address, &verdict);
    return verdict.good;
}

static bool check_service(void *arg, const char *word)
{
    struct verdict *verdict = arg;
    verdict->good = push_service_valid(word);
    if (!verdict->good)
        snprintf(verdict->why, verdict->why_size, _("%s: write HOST, *.DOMAIN or *"), word);
    return verdict->good;
}

static bool check_services(const char *value, char *why, size_t why_size)
{
    struct verdict verdict = {true, why, why_size};
    config_each(value, check_service, &verdict);
    return verdict.good;
}

const struct config_option server_options[] = {
    {.section = "server",
     .key = "url",
     .type = CONFIG_TEXT,
     .low = 1,
     .high = 256,
     .fallback = "http://localhost:8700",
     .check = check_url,
     .help = N_("Where hosts and phones reach the server, and the name by which they know it: "
                "https://HOST[:PORT]. Plain http is for localhost only. "
                "Whoever changes it joins every host and enrols every phone again.")},
    {.section = "server",
     .key = "listen",
     .type = CONFIG_LIST,
     .low = 1,
     .high = 1024,
     .check = check_listen,
     .help =
         N_("Addresses to listen on: ADDRESS:PORT, [IPV6]:PORT, unix:/PATH. By default the URL's "
            "port, on all addresses for https, on loopback for http. "
            "The server speaks TLS where the URL is https, except on unix:/PATH and on a loopback "
            "address with another port than the URL's: there a reverse proxy speaks it.")},
    {.section = "server",
     .key = "certificate",
     .type = CONFIG_TEXT,
     .low = 1,
     .high = PATH_MAX - 1,
     .check = check_path,
     .help = N_("The certificate with its chain, PEM. By default the private one that "
                "`approve-server init` made.")},
    {.section = "server",
     .key = "certificate_key",
     .type = CONFIG_TEXT,
     .low = 1,
     .high = PATH_MAX - 1,
     .check = check_path,
     .help = N_("The certificate's private key, PEM, readable by the server's user.")},
    {.section = "server",
     .key = "name",
     .type = CONFIG_TEXT,
     .low = 1,
     .high = 64,
     .help = N_("The service's name for people, shown when a phone is enrolled. By default the "
                "URL's host.")},
    {.section = "server",
     .key = "data",
     .type = CONFIG_TEXT,
     .low = 1,
     .high = 200,
     .fallback = "/var/lib/approve",
     .check = check_path,
     .help = N_("The folder of the store and the keys.")},
    {.section = "server",
     .key = "admin_socket",
     .type = CONFIG_TEXT,
     .low = 1,
     .high = 107,
     .fallback = "/run/approve-server/admin.sock",
     .check = check_path,
     .help = N_("The socket by which the other commands reach the running server.")},
    {.section = "server",
     .key = "phone_files",
     .type = CONFIG_TEXT,
     .low = 1,
     .high = 200,
     .fallback = PREFIX "/share/approve/phone",
     .check = check_path,
     .help = N_("The folder of the web app's files.")},

    {.section = "requests",
     .key = "max_life",
     .type = CONFIG_INTEGER,
     .low = 10,
     .high = 600,
     .fallback = "120",
     .stricter = CONFIG_LOWER,
     .help = N_("The longest life of a request, in seconds.")},
    {.section = "requests",
     .key = "token_hold",
     .type = CONFIG_INTEGER,
     .low = 1,
     .high = 60,
     .fallback = "25",
     .help = N_("How long a host's question for the answer is held, in seconds.")},
    {.section = "requests",
     .key = "number",
     .type = CONFIG_CHOICE,
     .choices = "off choose enter",
     .fallback = "off",
     .stricter = CONFIG_HIGHER,
     .help = N_("The laxest way of matching a number that hosts may use.")},

    {.section = "limits",
     .key = "pushes_per_source",
     .type = CONFIG_INTEGER,
     .low = 1,
     .high = 1000,
     .fallback = "5",
     .stricter = CONFIG_LOWER,
     .help = N_("Requests to a user's phones from one source within push_window; further ones can "
                "be answered by a code only. A source is an address (of IPv6: one /64), or the "
                "host of a local login.")},
    {.section = "limits",
     .key = "pushes_per_user",
     .type = CONFIG_INTEGER,
     .low = 1,
     .high = 1000,
     .fallback = "10",
     .stricter = CONFIG_LOWER,
     .help = N_("The same from all sources. One host can spend two thirds of them.")},
    {.section = "limits",
     .key = "push_window",
     .type = CONFIG_INTEGER,
     .low = 10,
     .high = 86400,
     .fallback = "600",
     .stricter = CONFIG_HIGHER,
     .help = N_("Seconds over which these are counted.")},
    {.section = "limits",
     .key = "codes_wrong_user",
     .type = CONFIG_INTEGER,
     .low = 1,
     .high = 100,
     .fallback = "10",
     .stricter = CONFIG_LOWER,
     .help =
         N_("Wrong codes for one user within codes_window, from all hosts; then codes are locked. "
            "Twice as many within a day lock them too.")},
    {.section = "limits",
     .key = "codes_wrong_host",
     .type = CONFIG_INTEGER,
     .low = 1,
     .high = 100,
     .fallback = "5",
     .stricter = CONFIG_LOWER,
     .help = N_("The same from one host.")},
    {.section = "limits",
     .key = "codes_wrong_in_row",
     .type = CONFIG_INTEGER,
     .low = 1,
     .high = 100,
     .fallback = "100",
     .stricter = CONFIG_LOWER,
     .help = N_("Wrong codes for one user since the last right one or approval by phone, within 90 "
                "days; then codes are locked until an approval by phone, or `approve-server user "
                "unlock`.")},
    {.section = "limits",
     .key = "codes_window",
     .type = CONFIG_INTEGER,
     .low = 10,
     .high = 86400,
     .fallback = "600",
     .stricter = CONFIG_HIGHER,
     .help = N_("Seconds over which wrong codes are counted.")},
    {.section = "limits",
     .key = "open_per_host",
     .type = CONFIG_INTEGER,
     .low = 1,
     .high = 100000,
     .fallback = "1000",
     .help = N_("Open requests that one host may have, and connections.")},
    {.section = "limits",
     .key = "requests_per_host",
     .type = CONFIG_INTEGER,
     .low = 1,
     .high = 100000000,
     .fallback = "10000",
     .help =
         N_("Requests that one host may make in an hour, a tenth of them for one user. It bounds "
            "what a host can write to the "
            "store: about 4 KiB each, kept for 90 days where a phone saw it or somebody got in, "
            "else for 7.")},
    {.section = "limits",
     .key = "open_per_user",
     .type = CONFIG_INTEGER,
     .low = 1,
     .high = 100000,
     .fallback = "100",
     .help = N_("Open requests for one user that one host may have.")},
    {.section = "limits",
     .key = "connections",
     .type = CONFIG_INTEGER,
     .low = 10,
     .high = 1000000,
     .fallback = "20000",
     .help = N_("Connections in all; fewer where the system allows fewer open files. The oldest on "
                "which no signature of a host or phone was right yet gives way to a new one.")},
    {.section = "limits",
     .key = "connections_per_address",
     .type = CONFIG_INTEGER,
     .low = 1,
     .high = 1000000,
     .fallback = "200",
     .help =
         N_("Connections from one address (of IPv6: one /64) on which no signature of a host or "
            "phone was right yet; the oldest gives way to a new one. Raise it behind a "
            "reverse proxy that connects by TCP.")},

    {.section = "phone",
     .key = "minimum",
     .type = CONFIG_TEXT,
     .low = 3,
     .high = 9,
     .fallback = "0.1",
     .stricter = CONFIG_HIGHER,
     .check = check_version,
     .help = N_("The oldest version of the app that may be used.")},
    {.section = "phone",
     .key = "invitation_life",
     .type = CONFIG_INTEGER,
     .low = 60,
     .high = 604800,
     .fallback = "3600",
     .stricter = CONFIG_LOWER,
     .help = N_("How long a link for enrolling a phone can be used, in seconds.")},

    {.section = "push",
     .key = "enabled",
     .type = CONFIG_BOOLEAN,
     .fallback = "yes",
     .help = N_("Whether phones are woken by push services. Without, a request shows in an app "
                "that is open.")},
    {.section = "push",
     .key = "services",
     .type = CONFIG_LIST,
     .low = 1,
     .high = 4096,
     .check = check_services,
     .fallback =
         "fcm.googleapis.com *.push.services.mozilla.com *.push.apple.com *.notify.windows.com",
     .help = N_("The push services that phones may name: HOST, *.DOMAIN for every host below it, * "
                "for all.")},
    {.section = "push",
     .key = "subject",
     .type = CONFIG_TEXT,
     .low = 9,
     .high = 256,
     .check = check_contact,
     .help = N_(
         "Where a push service may complain: mailto:NAME@DOMAIN or a page. By default the URL.")},
    {.section = "push",
     .key = "timeout",
     .type = CONFIG_INTEGER,
     .low = 1,
     .high = 60,
     .fallback = "10",
     .help = N_("How long one attempt may take, in seconds.")},
    {.section = "push",
     .key = "certificates",
     .type = CONFIG_TEXT,
     .low = 1,
     .high = PATH_MAX - 1,
     .check = check_path,
     .help = N_("Certificates to check push services by, PEM. By default the system's.")},
    {.section = "push",
     .key = "private_addresses",
     .type = CONFIG_BOOLEAN,
     .fallback = "no",
     .stricter = CONFIG_LOWER,
     .help = N_("Whether a push service may have an address that is not public. For one of your "
                "own only.")},
    {.section = NULL},
};
