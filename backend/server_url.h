/* The server's URL, and the addresses that it listens on. */
#ifndef SERVER_URL_H
#define SERVER_URL_H

#include <stdbool.h>
#include <stddef.h>

#include "common/config.h"

#define SERVER_HOST_MAX 254
#define SERVER_LISTEN_MAX 16

struct server_url {
    bool tls;
    char host[SERVER_HOST_MAX]; /* without brackets */
    int port;
};

/* https://HOST[:PORT], or http:// with a loopback host; nothing behind it. Returns 0, or -1 with
 * why. */
int server_url_parse(const char *text, struct server_url *url, char *why, size_t why_size);

/* True for localhost, 127.0.0.0/8 and ::1. */
bool server_host_is_loopback(const char *host);

struct server_address {
    bool is_unix;
    bool loopback;              /* a Unix socket too */
    char host[SERVER_HOST_MAX]; /* or the socket's path */
    int port;
};

/* ADDRESS:PORT, [IPV6]:PORT or unix:/PATH. Returns 0, or -1 with why. */
int server_address_parse(const char *text, struct server_address *address, char *why,
                         size_t why_size);

struct server_listen {
    char text[SERVER_HOST_MAX + 16]; /* as http_listen_tcp wants it; or the socket's path */
    bool is_unix;
    bool tls;      /* by the server itself; else a reverse proxy's work, or loopback */
    bool optional; /* one of a pair that not every machine has */
};

/* The addresses to listen on, by [server] url and listen. Returns how many, or -1 with why: plain
 * http would leave the machine. */
int server_listen_list(const struct config *config, struct server_listen list[SERVER_LISTEN_MAX],
                       char *why, size_t why_size);

/* True where one of them speaks TLS, so that a certificate is needed. */
bool server_needs_certificate(const struct config *config);

#endif
