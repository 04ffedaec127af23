/* The Unix socket that modules connect to. */
#ifndef LISTEN_H
#define LISTEN_H

#include "helper/helper.h"

struct listener;

/*
 * Listens on the socket that systemd gave (LISTEN_FDS), else on path, which is made for everyone to
 * connect to: SO_PEERCRED says who it is. NULL, with why.
 */
struct listener *listen_new(struct helper *helper, const char *path, char *why, size_t why_size);

/* Removes the path where it was made here. */
void listen_free(struct listener *listener);

#endif
