/* This host's configuration, as it was read: host.conf, the host's key, the pinned phones. Never
 * changes after it was made; counted. */
#ifndef HOST_H
#define HOST_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>
#include <time.h>

#include "common/base64url.h"
#include "common/config.h"
#include "common/jwk.h"

#define HOST_CONF SYSCONFDIR "/approve/host.conf"
#define HOST_SECTION_SIZE 80 /* "service " and a name */

enum provider { PROVIDER_CIBA, PROVIDER_APPROVE }; /* from lax to strict, as in the table */
enum trust { TRUST_BACKEND, TRUST_PINNED };

/* What tells one version of a file from the next. */
struct host_version {
    dev_t device;
    ino_t inode;
    off_t size;
    struct timespec changed; /* the inode's: owner and mode count too */
    struct timespec modified;
};

enum host_watched { WATCHED_CONF, WATCHED_KEY, WATCHED_PINS, WATCHED_COUNT };

#define HOST_PINS_MAX (256 * 1024) /* bytes of the file of pinned phones */

struct host_pin {
    char user[129];
    char thumbprint[BASE64URL_SHA256 + 1];
};

struct host {
    unsigned references;
    struct config *config;
    struct jwk *key;
    const char *id;
    char name[129];
    char issuer[257];       /* the URL without a slash at its end */
    const char *server_key; /* "" where the system's certificates count */
    const char *user_claim;
    enum provider provider;
    enum trust trust;
    long timeout;     /* seconds for one call */
    bool bound_codes; /* as host.conf has it */
    struct host_pin *pins;
    size_t pin_count;
    struct host_version versions[WATCHED_COUNT]; /* taken before each file was read */
};

/* host.conf's table, in host_options.c. */
extern const struct config_option host_options[];

/*
 * Reads host.conf and the files that it names, all of which must be root's. Returns a new
 * reference, or NULL with "FILE:LINE: what is wrong" in why. Names in the log the sections of
 * services that nothing on this host knows.
 */
struct host *host_load(const char *path, char *why, size_t why_size);

struct host *host_ref(struct host *host);
void host_unref(struct host *host); /* NULL is fine */

/* Checks options that need more than their own value, and finds the choices. For texts that were
 * parsed without files, as in tests. */
struct host *host_from_config(struct config *config, char *why, size_t why_size);

/* Lines of "USER THUMBPRINT"; "#" starts a comment. Returns 0, or -1 with why. */
int host_read_pins(struct host *host, const char *path, const char *text, char *why,
                   size_t why_size);

bool host_has_pin(const struct host *host, const char *user, const char *thumbprint);

/* All zero for a file that is not there. */
struct host_version host_version_of(const char *path);

/* The configuration that is read again by itself where one of its files changed. */
struct host_file;

struct host_file *host_file_new(const char *path);
void host_file_free(struct host_file *file);

/* A new reference to what the files say now, or NULL with why. */
struct host *host_file_get(struct host_file *file, char *why, size_t why_size);

#endif
