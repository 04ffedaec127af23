/* How many connections each address has, as common/address.h tells them apart. */
#ifndef HTTP_LIMITS_H
#define HTTP_LIMITS_H

#include <stddef.h>
#include <sys/socket.h>

struct http_limits;
struct http_address; /* one that has connections */

/* NULL without memory. */
struct http_limits *http_limits_new(void);
void http_limits_free(struct http_limits *limits);

/* Counts one more. NULL where the address has `most` already, or without memory. */
struct http_address *http_limits_take(struct http_limits *limits, const struct sockaddr *from,
                                      size_t most);

void http_limits_give_back(struct http_limits *limits,
                           struct http_address *address); /* NULL is fine */

#endif
