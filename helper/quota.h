/* What the users of this host may have of the helper: so much at once, so often, so many lines of
 * log. Root, whose login services serve everyone, is only counted in the total. */
#ifndef QUOTA_H
#define QUOTA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define QUOTA_ALL_MAX 4096    /* at once, of everyone */
#define QUOTA_OTHERS_MAX 2048 /* of all uids other than 0: the rest is root's alone */
#define QUOTA_USER_MAX 32     /* of one of them */
#define QUOTA_BUSY_ALL 64     /* more, that are only told that we are busy */
#define QUOTA_BUSY_USER 8

#define QUOTA_STARTS 40     /* logins of one uid other than 0 that may come in a row, */
#define QUOTA_START_MS 2000 /* and one more each time that so many milliseconds passed */
#define QUOTA_LINES 40      /* lines about what came to no asking: the same */
#define QUOTA_LINE_MS 2000

struct quotas;

struct quotas *quotas_new(void); /* NULL without memory */
void quotas_free(struct quotas *quotas);

enum quota_room { QUOTA_ROOM, QUOTA_BUSY, QUOTA_NONE };

/* Is there room for one more connection of this uid; at least to say that there is none? */
enum quota_room quota_room(const struct quotas *quotas, uid_t uid);

/* Counts one more until it is released: a connection, a request that nobody waits for any more, a
 * cancel on its way. Where nothing of this uid is counted yet, only after quota_room. */
void quota_charge(struct quotas *quotas, uid_t uid);
void quota_release(struct quotas *quotas, uid_t uid);

/* Everything that is counted. For tests. */
size_t quota_total(const struct quotas *quotas);

/* May a login begin? now: clock_mono_ms. True counts it. */
bool quota_start(struct quotas *quotas, uid_t uid, int64_t now);

/* May a line be logged? True counts it; left_out: how many before it could not be. */
bool quota_line(struct quotas *quotas, uid_t uid, int64_t now, unsigned *left_out);

#endif
