/* This phone: its key, where it is enrolled, and what of that is kept on disk. */
#ifndef HANDSET_H
#define HANDSET_H

#include <curl/curl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base64url.h"
#include "common/command.h"
#include "common/jwk.h"

struct handset {
    char *dir; /* where the state is kept */
    struct jwk *key;
    char server[257]; /* the issuer's URL, without a slash at its end */
    char server_name[129];
    char pin[BASE64URL_SHA256 + 1]; /* of the server's key, or "" */
    char user[129];
    char device[65]; /* its id with the server */
    char name[65];   /* what `enroll` calls it; not kept, the server knows it */
    char *secret;    /* for codes, base32 */
    int64_t skew;    /* seconds that the server's clock is ahead of ours, where that mattered */
    CURLM *multi;    /* api.c: connections that are kept between calls */
};

/* The state directory: option, else below $XDG_CONFIG_HOME or ~/.config. A new string, or NULL with
 * why. */
char *handset_dir(const char *option, char *why, size_t why_size);

/* True where dir holds an enrolment, readable or not. */
bool handset_exists(const char *dir);

/* Loads the enrolment in dir (taken; freed by handset_free). Returns 0, or -1 with why. */
int handset_load(struct handset *handset, char *dir, char *why, size_t why_size);

/*
 * The key for an enrolment, before the server is told of it: the one that an earlier try by the
 * same link left (*kept; link: its secret), for the server may have it already, else a new one.
 * Makes the directory (0700) and writes the key (0600). Returns 0, or -1 with why.
 */
int handset_key_for_link(struct handset *handset, const char *link, bool *kept, char *why,
                         size_t why_size);

/* Writes everything but the key, 0600, in one step; the link is done with then. Returns 0, or -1
 * with why. */
int handset_save(const struct handset *handset, char *why, size_t why_size);

#define HANDSET_HOSTS "hosts.json" /* host_codes.c */

/* Reads a file of the directory, which must be closed to others. Returns 0 and new text (free with
 * secret_free), or -1 with why. */
int handset_read(const struct handset *handset, const char *name, size_t most, char **text,
                 size_t *len, char *why, size_t why_size);

/* Writes one, 0600, in one step. Returns 0, or -1 with why. */
int handset_write(const struct handset *handset, const char *name, const char *text, char *why,
                  size_t why_size);

/* True where the directory has it, readable or not. */
bool handset_has(const char *dir, const char *name);

/* Deletes what the directory holds of ours, and the directory where it is empty then. */
void handset_delete(const char *dir);

/* Makes libcurl ready and loads the enrolment that --state names. Returns EXIT_OK, or what to exit
 * with, having said why. */
int handset_open(const struct command_call *call, struct handset *handset);

/* Wipes and frees; the struct itself belongs to the caller. */
void handset_free(struct handset *handset);

#endif
