#include "backend/server_url.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "common/i18n.h"

bool server_host_is_loopback(const char *host)
{
    struct in_addr v4;
    struct in6_addr v6;
    if (inet_pton(AF_INET, host, &v4) == 1)
        return (ntohl(v4.s_addr) >> 24) == 127;
    if (inet_pton(AF_INET6, host, &v6) == 1)
        return IN6_IS_ADDR_LOOPBACK(&v6);
    return strcasecmp(host, "localhost") == 0;
}

/* A host name, or an address: what stands in a URL and a certificate. Lower case, so that there is
 * one way to write an issuer. */
static bool is_host(const char *host)
{
    struct in6_addr v6;
    if (strchr(host, ':'))
        return inet_pton(AF_INET6, host, &v6) == 1;
    return *host && *host != '-' && *host != '.' &&
           strspn(host, "abcdefghijklmnopqrstuvwxyz0123456789.-") == strlen(host);
}

/* 1 to 65535, digits only, no zero in front; or -1. */
static int parse_port(const char *text)
{
    size_t len = strlen(text);
    if (len == 0 || len > 5 || text[0] == '0' || strspn(text, "0123456789") != len)
        return -1;
    long port = strtol(text, NULL, 10);
    return port <= 65535 ? (int)port : -1;
}

/* HOST[:PORT]; port keeps its value where none is there. Returns 0 or -1. */
static int parse_authority(const char *text, char host[SERVER_HOST_MAX], int *port)
{
    const char *end = text[0] == '[' ? strchr(text, ']') : text + strcspn(text, ":");
    if (!end)
        return -1;
    const char *from = text[0] == '[' ? text + 1 : text;
    const char *after = text[0] == '[' ? end + 1 : end;
    if ((size_t)(end - from) >= SERVER_HOST_MAX)
        return -1;
    memcpy(host, from, (size_t)(end - from));
    host[end - from] = '\0';
    if ((text[0] == '[') != (strchr(host, ':') != NULL) || !is_host(host))
        return -1;
    if (*after == ':')
        *port = parse_port(after + 1);
    else if (*after)
        return -1;
    return *port > 0 ? 0 : -1;
}

int server_url_parse(const char *text, struct server_url *url, char *why, size_t why_size)
{
    const char *rest = NULL;
    memset(url, 0, sizeof *url);
    if (strncmp(text, "https://", 8) == 0) {
        *url = (struct server_url){.tls = true, .port = 443};
        rest = text + 8;
    } else if (strncmp(text, "http://", 7) == 0) {
        *url = (struct server_url){.port = 80};
        rest = text + 7;
    }
    if (!rest || strlen(text) > 256 || parse_authority(rest, url->host, &url->port) < 0) {
        snprintf(
            why, why_size,
            _("write https://HOST or https://HOST:PORT, in lower case, with nothing behind it"));
        return -1;
    }
    if (!url->tls && !server_host_is_loopback(url->host)) {
        snprintf(why, why_size, _("plain http is for localhost only: write https://%s"), rest);
        return -1;
    }
    return 0;
}

int server_address_parse(const char *text, struct server_address *address, char *why,
                         size_t why_size)
{
    memset(address, 0, sizeof *address);
    if (strncmp(text, "unix:/", 6) == 0 && strlen(text + 5) < sizeof address->host) {
        address->is_unix = address->loopback = true;
        strcpy(address->host, text + 5);
        return 0;
    }
    struct in_addr v4;
    if (strncmp(text, "unix:", 5) == 0 ||
        parse_authority(text, address->host, &address->port) < 0 ||
        (!strchr(address->host, ':') && inet_pton(AF_INET, address->host, &v4) != 1)) {
        snprintf(why, why_size, _("%s: write ADDRESS:PORT, [IPV6]:PORT or unix:/PATH"), text);
        return -1;
    }
    address->loopback = server_host_is_loopback(address->host);
    return 0;
}

struct listing {
    struct server_url url;
    struct server_listen *list;
    int count; /* -1: refused */
    char *why;
    size_t why_size;
};

/* TLS is ours where the URL is https, except where a reverse proxy must be in front: on Unix
 * sockets, and on loopback addresses with another port than the URL's. */
static bool list_address(void *arg, const char *word)
{
    struct listing *listing = arg;
    struct server_address address;
    bool good = server_address_parse(word, &address, listing->why, listing->why_size) == 0;
    if (good && listing->count == SERVER_LISTEN_MAX) {
        snprintf(listing->why, listing->why_size, _("listen: at most %d addresses"),
                 SERVER_LISTEN_MAX);
        good = false;
    }
    if (good && !listing->url.tls && !address.loopback) {
        snprintf(listing->why, listing->why_size,
                 _("listen = %s would speak plain http beyond this machine: give the server an "
                   "https url, or a loopback address"),
                 word);
        good = false;
    }
    if (!good) {
        listing->count = -1;
        return false;
    }
    struct server_listen *at = &listing->list[listing->count++];
    *at = (struct server_listen){.is_unix = address.is_unix};
    snprintf(at->text, sizeof at->text, "%s", address.is_unix ? address.host : word);
    at->tls = listing->url.tls && !address.is_unix &&
              (!address.loopback || address.port == listing->url.port);
    return true;
}

int server_listen_list(const struct config *config, struct server_listen list[SERVER_LISTEN_MAX],
                       char *why, size_t why_size)
{
    struct listing listing = {.list = list, .why = why, .why_size = why_size};
    if (server_url_parse(config_text(config, "server", "url"), &listing.url, why, why_size) < 0)
        return -1;
    if (config_is_set(config, "server", "listen")) {
        config_each(config_text(config, "server", "listen"), list_address, &listing);
        return listing.count;
    }
    const char *const hosts[] = {listing.url.tls ? "0.0.0.0" : "127.0.0.1",
                                 listing.url.tls ? "[::]" : "[::1]"};
    for (int i = 0; i < 2; i++) {
        list[i] = (struct server_listen){.tls = listing.url.tls, .optional = i > 0};
        snprintf(list[i].text, sizeof list[i].text, "%s:%d", hosts[i], listing.url.port);
    }
    return 2;
}

bool server_needs_certificate(const struct config *config)
{
    struct server_listen list[SERVER_LISTEN_MAX];
    char why[256];
    int count = server_listen_list(config, list, why, sizeof why);
    for (int i = 0; i < count; i++)
        if (list[i].tls)
            return true;
    return false;
}
