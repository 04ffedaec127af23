/* What sshd says of its configuration (sshd -T), as far as approvals depend on it. */
#ifndef SSHD_CONFIG_H
#define SSHD_CONFIG_H

#include <stdbool.h>
#include <stddef.h>

struct sshd_config {
    bool read; /* else why says why not */
    char why[256];
    char use_pam[16], kbd_interactive[16], password[16], pubkey[16], hostbased[16], gssapi[16];
    char permit_root[32];
    char methods[512]; /* AuthenticationMethods */
    char grace[16];    /* LoginGraceTime, seconds */
    bool has_match;    /* Match blocks, which sshd -T leaves out */
};

/* Runs sshd -T and reads it, as it is for a user (NULL: for all, without Match blocks); looks for
 * Match in the files below /etc/ssh. */
void sshd_config_read(struct sshd_config *config, const char *user);

/* Runs sshd -t. 0, or -1 with what it says. */
int sshd_config_test(char *why, size_t why_size);

/* Has the running sshd, if there is one, read its configuration anew, if it can be used: by systemd
 * where that runs, else by SIGHUP. 0, or -1 with why. */
int sshd_config_reload(char *why, size_t why_size);

/* Takes `keyword value` lines. */
void sshd_config_parse(const char *text, struct sshd_config *config);

/*
 * The next alternative of AuthenticationMethods in `list` ("any" gives one a method that is on),
 * from *place on (0 at first). False at the end.
 */
bool sshd_config_next_methods(const struct sshd_config *config, size_t *place, char *list,
                              size_t size);

/* Does an alternative have this method ("keyboard-interactive:pam" is keyboard-interactive)? */
bool sshd_config_has_method(const char *list, const char *method);

#endif
