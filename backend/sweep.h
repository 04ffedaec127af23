/* What ends by itself: requests at their time, and what is kept no longer. */
#ifndef SWEEP_H
#define SWEEP_H

#include "backend/server.h"

/* Starts the timers; the first sweep comes at once. server->store and server->waiters must be
 * there. NULL without memory. */
struct sweep *sweep_new(struct server *server);
void sweep_free(struct sweep *sweep); /* after the store is closed, whose last callbacks need it */

/* A request was made that ends at `ends` (milliseconds since 1970). */
void sweep_request(struct sweep *sweep, int64_t ends);

#endif
