/* HTTP transfers: libcurl's multi interface on the event loop. Connections are kept and used again.
 */
#ifndef TRANSFER_H
#define TRANSFER_H

#include <event2/event.h>
#include <stddef.h>

#include "common/https.h"

struct transfers;
struct transfer;

/* The answer lives until this returns; its status is 0 where none came. Never called from within
 * transfer_start. */
typedef void transfer_done(void *arg, const struct https_answer *answer);

struct transfers *transfers_new(struct event_base *base);
void transfers_free(struct transfers *transfers); /* ends what runs, without calling back */

/* body: a form to POST (copied), NULL for a GET. pin, timeout: as https_handle. NULL without
 * memory. */
struct transfer *transfer_start(struct transfers *transfers, const char *url, const char *pin,
                                const char *body, long timeout_ms, transfer_done *done, void *arg);
void transfer_cancel(struct transfer *transfer);

#endif
