/* What host.conf says for one login. */
#ifndef POLICY_H
#define POLICY_H

#include <stdbool.h>
#include <stddef.h>

#include "common/login.h"
#include "helper/host.h"
#include "helper/profile.h"

enum ask { ASK_NO, ASK_CALLER, ASK_TARGET, ASK_YES }; /* whose phone; YES is TARGET */
enum command_shown { COMMAND_OFF, COMMAND_NAME, COMMAND_FULL };

struct policy {
    const struct profile *profile;
    enum ask ask;
    enum show show;
    enum number_mode number;
    long life;        /* seconds */
    long wait;        /* seconds, within the profile's limit */
    bool wait_is_cut; /* host.conf says more */
    bool code_first;
    enum command_shown command;
    const char *language;        /* NULL: not said */
    const char *except;          /* words: user, @group */
    const char *except_networks; /* words: CIDR */
};

/* Fills in the policy for a service: its own section, then [defaults], then the table's and the
 * profile's defaults. */
void policy_find(const struct host *host, const char *service, struct policy *policy);

struct policy_caller {
    const char *user; /* canonical */
    bool known;       /* the look-up went well; otherwise nothing by name excepts */
    const char *rhost;
    const char *const *groups; /* those of policy_groups that the user is in */
    size_t group_count;
};

/* The person's command where somebody is asked who becomes another: "su alice", "su alice: id". */
void policy_command_as(const char *service, const char *target, char command[257]);

/* The groups that `except` names, without "@"; new, NULL-terminated (free with policy_groups_free).
 * NULL without memory. */
char **policy_groups(const struct policy *policy);
void policy_groups_free(char **groups);

/* True where the caller is not to be asked; then why says by which word of host.conf. */
bool policy_excepts(const struct policy *policy, const struct policy_caller *caller, char *why,
                    size_t why_size);

/* The person's command as policy shows it, clean, from the command line of the program that asks
 * (NULL: unknown). */
void policy_command(enum command_shown shown, enum command_line kind, const char *line,
                    char out[257]);

/* "10.0.0.0/8", "2001:db8::/32". False with why; used by the options table too. */
bool policy_network_is_valid(const char *word, char *why, size_t why_size);

/* Is the address (never a name) in the network? An IPv4 address mapped into IPv6 counts as IPv4. */
bool policy_network_has(const char *network, const char *address);

#endif
