/* Takes away from a daemon the system calls that it never makes, so that a break-in finds little to
 * go on with. It holds without systemd too. */
#ifndef SECCOMP_FILTER_H
#define SECCOMP_FILTER_H

#include <stddef.h>

/*
 * From here on this thread, and the threads that it starts, may call what syscalls.def allows; what
 * it forbids ends the process with SIGSYS. Call it when all is open, before the first thread; it
 * also sets no_new_privs. It can't be taken back. Returns 0, or -1 and says in why what failed:
 * then the process must not go on.
 *
 * Does nothing in a build with AddressSanitizer, whose leak check starts a process and uses ptrace,
 * nor in one with WITHOUT_SECCOMP_FILTER, for valgrind, which translates code as it runs.
 */
int seccomp_filter_load(char *why, size_t why_size);

#endif
