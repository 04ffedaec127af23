/*
 * What the module meets inside of its host process, made by the target: memory, sockets, files, the
 * clock, a terminal. Each of libc's functions that it calls can fail, and time passes only where it
 * waits. Linked with ld's --wrap (fuzz.mk), for the module and for libpam.
 */
#ifndef MODULE_WORLD_H
#define MODULE_WORLD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "common/frame.h"

struct world {
    bool running;        /* within the module: calls may fail */
    unsigned calls;      /* that could fail */
    unsigned first, gap; /* the first one that does (0: none), and how many later the next */
    int64_t now;         /* milliseconds */
    bool has_terminal, has_socket, interrupted;
    int helper; /* the helper's end of the connection, or -1 */

    /* The step of the script that is played when the module waits; false where time passes. */
    bool (*play)(struct world *world, bool *key, bool *hung_up);
    /* A path that root did not make, or a listener that is not root's. */
    int odd_folder; /* the how manieth lstat gets odd_mode and odd_uid; 0: none */
    mode_t odd_mode;
    uid_t odd_uid, peer_uid;

    char last[FRAME_MAX]; /* the last message that the module received whole */
    size_t last_len;
    int received;
};

extern struct world world;

/* True where this call is to fail. */
bool world_fails(void);

#endif
