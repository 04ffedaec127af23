/* The hosts and phones that the server knows, and what they say; for load.c. */
#ifndef LOAD_WORLD_H
#define LOAD_WORLD_H

#include <jansson.h>
#include <stddef.h>

#include "common/jwk.h"

struct load_host {
    const char *id;
    struct jwk *key;
};

struct load_phone {
    const char *user;
    struct jwk *key;
};

struct load_world {
    json_t *json;
    const char *issuer;
    int port;
    struct load_host *hosts;
    struct load_phone *phones;
    size_t host_count, phone_count;
};

/* {"issuer", "port", "hosts": [{"id", "key"}], "phones": [{"user", "key"}]}, keys in PEM. Ends the
 * program where it can't be read. */
void load_world_read(struct load_world *world, const char *path);
void load_world_free(struct load_world *world);

/* A login's details, as the host's helper makes them; request gets their id. A new string. */
char *load_details(const struct load_world *world, const struct load_host *host, const char *user,
                   const char *rhost, char request[23]);

/* Bodies of the three calls of a sign-in. New strings. */
char *load_backchannel(const struct load_world *world, const struct load_host *host,
                       const char *user, const char *details);
char *load_token(const struct load_world *world, const struct load_host *host,
                 const char *auth_req_id);
char *load_decide(const struct load_world *world, const struct load_phone *phone,
                  const char *details, size_t len, const char *request, int number);

/* A phone's question for its requests, held until they differ from `seen`. A new string. */
char *load_requests(const struct load_world *world, const struct load_phone *phone,
                    const char *seen);

#endif
