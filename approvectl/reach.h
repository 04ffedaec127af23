/* Whether this host's server and helper are there, and answer as they should. */
#ifndef REACH_H
#define REACH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "helper/host.h"

struct reach_server {
    bool answered;       /* something answered under the URL */
    bool right;          /* with the discovery document of this issuer */
    bool has_date;       /* and a Date header: */
    int64_t ahead;       /* seconds that its clock is ahead of ours */
    char token_url[512]; /* of the document */
    char why[640];       /* what is wrong, or "" */
};

/* Fetches the discovery document. */
void reach_server(const struct host *host, struct reach_server *server);

enum reach_key { REACH_KEY_KNOWN, REACH_KEY_REFUSED, REACH_KEY_UNSURE };

/* Makes one signed call that changes nothing: does the server take this host's key? With why. */
enum reach_key reach_key(const struct host *host, const char *token_url, char *why,
                         size_t why_size);

/* Asks the helper something that it must refuse. True where it answers; else why. */
bool reach_helper(const char *socket_path, char *why, size_t why_size);

/*
 * Asks the helper how long ago the connection was made over which somebody last passed for the
 * service (LAST). Milliseconds, at most FRAME_AGE_MAX; -1 with why where nobody has, or where it
 * does not say.
 */
int64_t reach_last(const char *socket_path, const char *service, char *why, size_t why_size);

#endif
