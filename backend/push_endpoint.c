#include "backend/push_endpoint.h"

#include <netinet/in.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/config.h"

#define HOST_MAX 253

static bool is_printable(const char *url)
{
    for (; *url; url++) {
        if (*url <= ' ' || *url >= 0x7f || strchr("\"'<>\\^`{|}", *url))
            return false;
    }
    return true;
}

static bool is_host(const char *host)
{
    size_t len = strlen(host);

    if (len == 0 || len > HOST_MAX || host[0] == '.' || host[0] == '-' || host[len - 1] == '.' ||
        strstr(host, ".."))
        return false;
    return strspn(host, "abcdefghijklmnopqrstuvwxyz0123456789.-") == len;
}

static bool is_port(const char *port)
{
    size_t len = strlen(port);
    long value = strtol(port, NULL, 10);

    return len > 0 && len <= 5 && strspn(port, "0123456789") == len && port[0] != '0' &&
           value <= 65535;
}

/* Takes a word apart: host pattern, and port ("" for none). */
static void split_word(const char *word, char pattern[HOST_MAX + 3], char port[8])
{
    const char *colon = strchr(word, ':');
    int len = colon ? (int)(colon - word) : (int)strlen(word);

    snprintf(pattern, HOST_MAX + 3, "%.*s", len, word);
    snprintf(port, 8, "%s", colon ? colon + 1 : "");
}

bool push_service_valid(const char *word)
{
    char pattern[HOST_MAX + 3], port[8];
    const char *colon = strchr(word, ':');

    split_word(word, pattern, port);
    if (colon && !is_port(colon + 1))
        return false;
    if (strcmp(pattern, "*") == 0)
        return true;
    return is_host(strncmp(pattern, "*.", 2) == 0 ? pattern + 2 : pattern);
}

struct wanted {
    const char *host;
    const char *port; /* "" for none */
    bool found;
};

static bool match_host(const char *pattern, const char *host)
{
    size_t host_len = strlen(host), len;

    if (strcmp(pattern, "*") == 0)
        return true;
    if (strncmp(pattern, "*.", 2) != 0)
        return strcmp(pattern, host) == 0;
    len = strlen(pattern + 1); /* with its dot, so that a name only ending alike does not fit */
    return host_len > len && strcmp(host + host_len - len, pattern + 1) == 0;
}

static bool match_word(void *arg, const char *word)
{
    struct wanted *wanted = arg;
    char pattern[HOST_MAX + 3], port[8];

    split_word(word, pattern, port);
    wanted->found = push_service_valid(word) && strcmp(port, wanted->port) == 0 &&
                    match_host(pattern, wanted->host);
    return !wanted->found;
}

/*
 * The origin, taken from the text itself: "https://", host, perhaps a port, then the path. Nothing
 * that parsers read differently (user, backslash, fragment, upper case, brackets, percent signs in
 * the host) gets past this.
 */
static int split_url(const char *url, char host[HOST_MAX + 1], char port[8])
{
    static const char scheme[] = "https://";
    const char *at = url + sizeof scheme - 1;
    size_t host_len, port_len = 0;

    if (strlen(url) > PUSH_ENDPOINT_MAX || !is_printable(url) || strchr(url, '#') ||
        strncmp(url, scheme, sizeof scheme - 1) != 0)
        return -1;
    host_len = strcspn(at, ":/?@");
    if (host_len > HOST_MAX)
        return -1;
    memcpy(host, at, host_len);
    host[host_len] = '\0';
    at += host_len;
    if (*at == ':') {
        port_len = strcspn(++at, "/?@");
        if (port_len == 0 || port_len > 5)
            return -1;
    }
    memcpy(port, at, port_len);
    port[port_len] = '\0';
    return at[port_len] == '/' && is_host(host) && (port_len == 0 || is_port(port)) ? 0 : -1;
}

int push_endpoint_check(const char *url, const char *services, char origin[PUSH_ORIGIN_MAX],
                        char *why, size_t why_size)
{
    char host[HOST_MAX + 1], port[8];
    struct wanted wanted = {.host = host, .port = port};

    if (split_url(url, host, port)) {
        snprintf(why, why_size, "not a plain https URL of at most %d bytes", PUSH_ENDPOINT_MAX);
        return -1;
    }
    config_each(services, match_word, &wanted);
    if (!wanted.found) {
        snprintf(why, why_size,
                 "%s%s%s is no push service of the list [push] services in server.conf", host,
                 *port ? ":" : "", port);
        return -1;
    }
    snprintf(origin, PUSH_ORIGIN_MAX, "https://%s%s%s", host, *port ? ":" : "", port);
    return 0;
}

/* Blocks of addresses that are not for the public internet: IANA's special-purpose registries,
 * multicast, and what hides an IPv4 address within. */
struct block {
    uint8_t prefix[16];
    unsigned bits;
};

static const struct block closed_v4[] = {
    {{0}, 8},             /* this network, unspecified */
    {{10}, 8},            /* private */
    {{100, 64}, 10},      /* carrier-grade NAT */
    {{127}, 8},           /* loopback */
    {{169, 254}, 16},     /* link-local, cloud metadata */
    {{172, 16}, 12},      /* private */
    {{192, 0, 0}, 24},    /* protocol assignments */
    {{192, 0, 2}, 24},    /* documentation */
    {{192, 88, 99}, 24},  /* 6to4 relays */
    {{192, 168}, 16},     /* private */
    {{198, 18}, 15},      /* benchmarks */
    {{198, 51, 100}, 24}, /* documentation */
    {{203, 0, 113}, 24},  /* documentation */
    {{224}, 4},           /* multicast */
    {{240}, 4},           /* reserved, broadcast */
};

/* Global unicast is 2000::/3; all else (loopback, mapped, NAT64, unique local, link-local,
 * multicast) is closed by not being in it. */
static const struct block global_v6 = {{0x20}, 3};
static const struct block closed_v6[] = {
    {{0x20, 0x01, 0x00}, 23},             /* protocol assignments, Teredo, ORCHID */
    {{0x20, 0x01, 0x0d, 0xb8}, 32},       /* documentation */
    {{0x20, 0x02}, 16},                   /* 6to4 */
    {{0x3f, 0xff, 0x00}, 20},             /* documentation */
    {{0x26, 0x20, 0x00, 0x4f, 0x80}, 48}, /* AS112 */
};

static bool in_block(const uint8_t *address, const struct block *block)
{
    unsigned whole = block->bits / 8, rest = block->bits % 8;

    if (memcmp(address, block->prefix, whole) != 0)
        return false;
    return rest == 0 || ((address[whole] ^ block->prefix[whole]) >> (8 - rest)) == 0;
}

static bool in_blocks(const uint8_t *address, const struct block *blocks, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (in_block(address, &blocks[i]))
            return true;
    }
    return false;
}

bool push_address_public(const struct sockaddr *address)
{
    if (address->sa_family == AF_INET) {
        const struct sockaddr_in *v4 = (const struct sockaddr_in *)(const void *)address;
        return !in_blocks((const uint8_t *)&v4->sin_addr, closed_v4,
                          sizeof closed_v4 / sizeof closed_v4[0]);
    }
    if (address->sa_family == AF_INET6) {
        const uint8_t *v6 = ((const struct sockaddr_in6 *)(const void *)address)->sin6_addr.s6_addr;
        return in_block(v6, &global_v6) &&
               !in_blocks(v6, closed_v6, sizeof closed_v6 / sizeof closed_v6[0]);
    }
    return false;
}

curl_socket_t push_open_socket(void *clientp, curlsocktype purpose, struct curl_sockaddr *address)
{
    struct push_addresses *addresses = clientp;

    if (purpose != CURLSOCKTYPE_IPCXN)
        return CURL_SOCKET_BAD;
    if (!addresses->any && !push_address_public(&address->addr)) {
        addresses->refused = true;
        return CURL_SOCKET_BAD;
    }
    return socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}
