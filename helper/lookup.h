/* User names and groups by NSS, which may block for seconds: in threads, with a deadline. */
#ifndef LOOKUP_H
#define LOOKUP_H

#include <event2/event.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#define LOOKUP_DEADLINE_MS 3000
#define LOOKUP_THREADS 8
#define LOOKUP_OTHERS 4 /* of these at a time for uids other than 0, */
#define LOOKUP_USER 2   /* and for one of them: slow NSS must not stop root's */

enum lookup_status {
    LOOKUP_FOUND,
    LOOKUP_UNKNOWN, /* there is no such user */
    LOOKUP_FAILED,  /* an error, or too late */
};

struct lookup_result {
    enum lookup_status status;
    char user[129]; /* the canonical name */
    uid_t uid;
    const char *const *groups; /* those of the wanted that the user is in */
    size_t group_count;
};

struct lookups;
struct lookup;

/* Called from the event loop, never from within lookup_start. The result lives until it returns. */
typedef void lookup_done(void *arg, const struct lookup_result *result);

struct lookups *lookups_new(struct event_base *base);

/* Threads that still wait for NSS are left to end by themselves. */
void lookups_free(struct lookups *lookups);

/* uid: who asks. wanted: group names, NULL-terminated, copied. NULL without memory or threads. */
struct lookup *lookup_start(struct lookups *lookups, uid_t uid, const char *user,
                            char *const *wanted, lookup_done *done, void *arg);

/* done is not called any more. What no thread has begun is not looked up. */
void lookup_cancel(struct lookup *lookup);

#endif
