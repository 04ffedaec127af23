/* What both daemons do to their own process. */
#ifndef DAEMON_H
#define DAEMON_H

#include <stddef.h>

/*
 * Secrets stay out of core dumps and debuggers of the same user, new files are for us alone, a
 * closed connection raises no signal, and descriptors are as many as the system gives. Returns how
 * many those are.
 */
size_t daemon_set_up(void);

/* Tells the service manager that all is up: sends READY=1 as sd_notify(3) describes it, to the
 * socket that NOTIFY_SOCKET names, and takes the variable out of the environment. Without one, or
 * where nobody listens there, nothing happens. */
void daemon_ready(void);

#endif
