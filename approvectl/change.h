/*
 * A change of a service's configuration that can be taken back: /var/lib/approve-host/SERVICE.json,
 * and beside it the files as they were. The record is written before anything else is changed, and
 * removed after everything is back, so whoever is killed in between leaves it for the next one.
 */
#ifndef CHANGE_H
#define CHANGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define CHANGE_DIR "/var/lib/approve-host"
#define CHANGE_FILES 2
#define CHANGE_BYTES 65536 /* of a file */
#define CHANGE_WHY 768

enum change_state {
    CHANGE_WRITING, /* begun, and not all is written */
    CHANGE_WAITS,   /* for `keep`, until it is due */
    CHANGE_KEPT,
    CHANGE_EDITED, /* was due, and somebody had edited a file meanwhile: left as it is */
};

struct change_file {
    char path[256];
    char copy[256];  /* the file as it was; "" where there was none */
    char before[65]; /* SHA-256 of both, in hexadecimal digits; before is "" where there was none */
    char after[65];
    mode_t mode; /* as it was */
    uid_t owner;
    gid_t group;
};

struct change {
    char service[64];
    enum change_state state;
    bool reload; /* sshd reads its configuration when it is told to */
    struct change_file files[CHANGE_FILES];
    size_t file_count;
    char boot[64];      /* the boot that the next two count from */
    int64_t since_ms;   /* CLOCK_BOOTTIME: all was in force */
    int64_t due_ms;     /* CLOCK_BOOTTIME */
    int64_t begun, due; /* seconds since 1970, for another boot */
    /* all four are 0 while it is written */
};

/* True for a name that can be a service's file: letters, digits, "_.-", no dot first. */
bool change_is_service(const char *name);

/* The id of this boot. */
void change_boot(char boot[64]);

/* Takes the one lock of all changes (wait: when it is free). A descriptor that holds it until it is
 * closed, or -1 with why. Makes the folder. */
int change_lock(bool wait, char *why, size_t why_size);

/* Reads a service's record. 1; 0 where there is none; -1 with why where it cannot be used. */
int change_load(const char *service, struct change *change, char *why, size_t why_size);

/* Writes the record, atomically. 0, or -1 with errno. */
int change_save(const struct change *change);

/* Removes the record, then the copies. 0, or -1 with errno: then the record is still there. */
int change_forget(const struct change *change);

/* Calls each for every record; one that cannot be used is left out, and the log says so. */
void change_each(void (*each)(void *arg, struct change *change), void *arg);

/* Milliseconds until a change that waits is due; 0: it is. One that somebody was killed in has no
 * time yet, and so is due. */
int64_t change_left(const struct change *change);

enum change_found { FOUND_BEFORE, FOUND_AFTER, FOUND_OTHER };

/* Keeps the file as it is now and its hashes. role: the end of the copy's name. 0, or -1 with why.
 */
int change_add_file(struct change *change, const char *path, const char *role, const char *after,
                    char *why, size_t why_size);

/* Writes a file's new text. 0, or -1 with why. */
int change_write(const struct change_file *file, const char *text, char *why, size_t why_size);

/* Removes what somebody who was killed while writing this file has left beside it. */
void change_sweep(const char *path);

/* What stands there now? */
enum change_found change_find(const struct change_file *file);

/*
 * Puts all files back, the last first, also after a part of it was done. 0; 1 with why where one
 * was edited meanwhile, then nothing is touched (force: the edited one is kept beside the copy); -1
 * with why.
 */
int change_put_back(const struct change *change, bool force, char *why, size_t why_size);

#endif
