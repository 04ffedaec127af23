/* What counts as one source of connections and logins. An IPv6 address counts as its /64, which is
 * what one customer gets; an IPv4 address that is mapped into IPv6 counts as itself. */
#ifndef ADDRESS_H
#define ADDRESS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#define ADDRESS_SOURCE_SIZE 257 /* any PAM_RHOST that fits struct login */

/* The same number for the same source; 0 for any other family than IPv4 and IPv6. */
void address_key(const struct sockaddr *from, uint64_t key[2]);

/*
 * The source of a PAM_RHOST as text: "192.0.2.7", "2001:db8:1:2::/64". Returns true where rhost is
 * an address, with or without a zone. Else it is copied as it is (a name; cut where it is longer
 * than out), and false comes back.
 */
bool address_source(const char *rhost, char out[ADDRESS_SOURCE_SIZE]);

#endif
