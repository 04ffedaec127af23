/* What protect, unprotect, keep and revert share: protect_watch is in revert.c, the others in
 * unprotect.c. */
#ifndef PROTECT_H
#define PROTECT_H

#include "approvectl/change.h"

/* Puts a change back, has sshd read it where it must, and forgets the record. As change_put_back.
 */
int protect_undo(const struct change *change, bool force, char *why, size_t why_size);

/* Has `approvectl revert --wait` run: by systemd's unit, else on its own. 0, or -1 with why. */
int protect_watch(char *why, size_t why_size);

/* Root, and the lock of all changes: a descriptor to close; -1 where that cannot be, said already.
 */
int protect_begin(void);

#endif
