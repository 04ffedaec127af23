/* Files that must be trusted before they are read. */
#ifndef FILE_H
#define FILE_H

#include <stddef.h>
#include <sys/types.h>

enum file_trust {
    FILE_OF_ROOT,          /* owner root, not writable by group or others */
    FILE_SECRET_OF_ROOT,   /* the same, and not readable by others */
    FILE_SECRET_OF_CALLER, /* owner is our effective uid, no access for group or others */
};

/*
 * Reads a whole regular file of at most `most` bytes, without following a symbolic link in the last
 * part. Returns 0 and new NUL-terminated bytes (free with secret_free), or -1 with a sentence for
 * the administrator in why.
 */
int file_read(const char *path, enum file_trust trust, size_t most, char **text, size_t *len,
              char *why, size_t why_size);

/* Writes a new file beside path, syncs, renames. owner and group: -1 for the caller's. Returns 0,
 * or -1 with errno set; then the old file is as it was. */
int file_write(const char *path, const void *data, size_t len, mode_t mode, uid_t owner,
               gid_t group);

#endif
