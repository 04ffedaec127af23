/* Where pushes may go (nobody may point the server at its own network), by name and by address. */
#ifndef PUSH_ENDPOINT_H
#define PUSH_ENDPOINT_H

#include <curl/curl.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>

#define PUSH_ENDPOINT_MAX 1024 /* bytes of a URL */
#define PUSH_ORIGIN_MAX 280

/*
 * Checks an endpoint: https, no user, no fragment, a host of `services` (words: "host", "*.domain"
 * for any host below it, "*" for any; with ":port" for another port than 443). Returns 0 and the
 * origin ("https://host", ":port" where there is one), or -1 and why.
 */
int push_endpoint_check(const char *url, const char *services, char origin[PUSH_ORIGIN_MAX],
                        char *why, size_t why_size);

/* The same test for one word of `services`: false where it could never match, for the
 * configuration's check. */
bool push_service_valid(const char *word);

/* True for an address on the public internet. */
bool push_address_public(const struct sockaddr *address);

/* What push_open_socket is told, and tells, about one transfer. */
struct push_addresses {
    bool any;     /* in: also addresses that are not public */
    bool refused; /* out: an address was not public */
};

/*
 * For CURLOPT_OPENSOCKETFUNCTION, with a struct push_addresses * as CURLOPT_OPENSOCKETDATA: no
 * socket for an address that is not public.
 */
curl_socket_t push_open_socket(void *clientp, curlsocktype purpose, struct curl_sockaddr *address);

#endif
