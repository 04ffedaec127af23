/*
 * What approve-helper stands on, made by the target: an event loop whose time passes only when told
 * to, a network whose answers come from the input, users that exist. Stands in for libevent,
 * common/clock.c, helper/transfer.c, helper/lookup.c, helper/host_file.c and helper/bound.c.
 */
#ifndef HELPER_WORLD_H
#define HELPER_WORLD_H

#include <stdbool.h>
#include <stdint.h>

#include "helper/host.h"

#define WORLD_START 1700000000 /* seconds since 1970, at the start of each input */

/* Back to the start; events are left alone. */
void loop_reset(void);

/* Calls what is ready now, until nothing is. */
void loop_settle(void);

/* Lets so many milliseconds pass, timer by timer. */
void loop_pass(int64_t ms);

/* To the next timer, where that is not more than most milliseconds away. */
bool loop_next(int64_t most);

/* Calls note with each call that is made: its URL and its form. */
void net_start(void (*note)(const char *url, const char *body));

/* The oldest call whose URL has this part and that waits for an answer, or NULL. */
struct transfer;
struct transfer *net_pending(const char *part);
const char *net_url(const struct transfer *transfer);

/* Answers it; status 0: nobody came to the connection. */
void net_answer(struct transfer *transfer, long status, const char *type, const char *body);

/* Of the stand-in for helper/bound.c: the code that is right; an approval's secret was kept, a code
 * was tried. */
#define WORLD_BOUND_CODE 246810
void world_kept(void);
void world_tried(bool right);

/* host.conf for all that is started from now on. */
void world_set_host(struct host *host);

#endif
