#include "common/address.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#define NETWORK 8 /* bytes of a /64 */

void address_key(const struct sockaddr *from, uint64_t key[2])
{
    key[0] = key[1] = 0;
    if (from->sa_family == AF_INET) {
        memcpy(&key[1], &((const struct sockaddr_in *)from)->sin_addr, 4);
    } else if (from->sa_family == AF_INET6) {
        const struct in6_addr *address = &((const struct sockaddr_in6 *)from)->sin6_addr;
        if (IN6_IS_ADDR_V4MAPPED(address))
            memcpy(&key[1], address->s6_addr + 12, 4);
        else
            memcpy(&key[0], address->s6_addr, NETWORK);
    }
}

/* Of a text, whose zone ("%eth0") does not count. */
static bool parse(const char *rhost, struct sockaddr_in *v4, struct sockaddr_in6 *v6)
{
    char text[INET6_ADDRSTRLEN];
    size_t len = strcspn(rhost, "%");
    if (len >= sizeof text)
        return false;
    memcpy(text, rhost, len);
    text[len] = '\0';
    v4->sin_family = AF_INET;
    v6->sin6_family = AF_INET6;
    if (rhost[len] == '\0' && inet_pton(AF_INET, text, &v4->sin_addr) == 1)
        return true;
    v4->sin_family = AF_UNSPEC;
    return inet_pton(AF_INET6, text, &v6->sin6_addr) == 1;
}

bool address_source(const char *rhost, char out[ADDRESS_SOURCE_SIZE])
{
    struct sockaddr_in v4 = {0};
    struct sockaddr_in6 v6 = {0};
    unsigned char network[16] = {0};
    uint64_t key[2];
    char text[INET6_ADDRSTRLEN];

    if (!parse(rhost, &v4, &v6)) {
        snprintf(out, ADDRESS_SOURCE_SIZE, "%s", rhost);
        return false;
    }
    address_key(v4.sin_family == AF_INET ? (struct sockaddr *)&v4 : (struct sockaddr *)&v6, key);
    if (v4.sin_family == AF_INET || IN6_IS_ADDR_V4MAPPED(&v6.sin6_addr)) {
        inet_ntop(AF_INET, &key[1], text, sizeof text);
        snprintf(out, ADDRESS_SOURCE_SIZE, "%s", text);
    } else {
        memcpy(network, &key[0], NETWORK);
        inet_ntop(AF_INET6, network, text, sizeof text);
        snprintf(out, ADDRESS_SOURCE_SIZE, "%s/64", text);
    }
    return true;
}
