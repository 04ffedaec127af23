/* Unix sockets with a path. */
#ifndef UNIX_SOCKET_H
#define UNIX_SOCKET_H

#include <sys/un.h>

/*
 * Makes room for a socket of this type (SOCK_STREAM, …): removes one that nobody listens on any
 * more. Returns 0, or -1 with errno: EADDRINUSE where somebody listens, EEXIST where it is no
 * socket.
 */
int unix_socket_clear(const struct sockaddr_un *address, int type);

#endif
