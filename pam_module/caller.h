/* Whoever is being authenticated, seen from inside the host process: gone, interrupting, or
 * pressing a key. */
#ifndef CALLER_H
#define CALLER_H

#include <poll.h>
#include <security/pam_modules.h>
#include <stdbool.h>
#include <stdint.h>

#define CALLER_SOCKETS 8
#define CALLER_SLICE_MS 100

struct caller {
    int tty;                               /* the controlling terminal, or -1 */
    int count;                             /* sockets that were found */
    int live;                              /* of those, still connected */
    struct pollfd sockets[CALLER_SOCKETS]; /* borrowed from the host process, never read */
};

enum caller_event {
    CALLER_READY, /* the descriptor waited for */
    CALLER_KEY,
    CALLER_LATE,
    CALLER_GONE,
    CALLER_INTERRUPTED,
};

/* Finds the terminal and the connected TCP sockets whose peer is PAM_RHOST. Cannot fail; what is
 * not found is not watched. */
void caller_open(struct caller *caller, pam_handle_t *pamh);
void caller_close(struct caller *caller);

/*
 * Waits, in slices of CALLER_SLICE_MS, for `events` on fd (-1: for time only), for a key where
 * asked, or for deadline (milliseconds of clock_mono_ms). A key stays unread.
 */
enum caller_event caller_wait(struct caller *caller, int fd, short events, bool key,
                              int64_t deadline);

#endif
