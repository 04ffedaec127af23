/* Tells the service manager that a daemon is up. */
#ifndef READY_H
#define READY_H

/* Sends READY=1 as sd_notify(3) describes it, to the socket that NOTIFY_SOCKET names, and takes the
 * variable out of the environment. Without one, or where nobody listens there, nothing happens. */
void ready_tell(void);

#endif
