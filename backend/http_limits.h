/* How many connections each source has, and which of them may give way to a new one. */
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
    void *owner;  /* the connection */
    bool offered; /* it stands in both lists: its source's, and that of all */
    TAILQ_ENTRY(http_place) of_source, of_all;
};

/* NULL without memory. */
struct http_limits *http_limits_new(void);
void http_limits_free(struct http_limits *limits); /* all places were given back */

/* Counts one more, and offers it. False where the source has `most` already, or without memory. */
bool http_limits_take(struct http_limits *limits, const uint64_t source[2], size_t most,
                      struct http_place *place);

void http_limits_give_back(struct http_place *place); /* nothing where none is taken */

bool http_limits_full(const struct http_limits *limits, const uint64_t source[2], size_t most);

/* A place is kept while it may not give way, and offered when it may, behind all that were before.
 * Nothing where it is so already, or none is taken. */
void http_limits_keep(struct http_place *place);
void http_limits_offer(struct http_place *place);

/* What is offered longest, of the source or (NULL) of all; NULL where nothing is. */
struct http_place *http_limits_oldest(const struct http_limits *limits, const uint64_t source[2]);

#endif
