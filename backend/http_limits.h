/* How many connections each source has, and which is its oldest. */
#ifndef HTTP_LIMITS_H
#define HTTP_LIMITS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

struct http_limits;
struct http_source; /* one that has connections */

/* One connection's place with its source; it lives in the connection. All zeros: none is taken. */
struct http_place {
    struct http_limits *limits;
    struct http_source *source;
    void *owner; /* the connection */
    TAILQ_ENTRY(http_place) entry;
};

/* NULL without memory. */
struct http_limits *http_limits_new(void);
void http_limits_free(struct http_limits *limits); /* all places were given back */

/* Counts one more. False where the source has `most` already, or without memory. */
bool http_limits_take(struct http_limits *limits, const uint64_t source[2], size_t most,
                      struct http_place *place);

void http_limits_give_back(struct http_place *place); /* nothing where none is taken */

bool http_limits_full(const struct http_limits *limits, const uint64_t source[2], size_t most);

/* The source's places from the oldest on; NULL at the end. */
struct http_place *http_limits_oldest(const struct http_limits *limits, const uint64_t source[2]);
struct http_place *http_limits_younger(const struct http_place *place);

#endif
