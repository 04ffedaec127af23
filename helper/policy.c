#include "helper/policy.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "common/config.h"
#include "common/i18n.h"
#include "common/sanitize.h"

/* --- which section speaks --- */

/* A service may have a name that no section can have. */
static const char *section_of(const struct config *config, const char *section, const char *key)
{
    return config_has_section(config, section) && config_is_set(config, section, key) ? section
                                                                                      : "defaults";
}

void policy_find(const struct host *host, const char *service, struct policy *policy)
{
    const struct config *config = host->config;
    const struct profile *profile = profile_find(service);
    char own[HOST_SECTION_SIZE];
    const char *from;

    snprintf(own, sizeof own, "service %.64s", service);
    *policy = (struct policy){
        .profile = profile,
        .ask =
            config_has_section(config, own) ? (enum ask)config_choice(config, own, "ask") : ASK_YES,
        .show = profile->show,
        .wait = profile->wait,
        .number =
            (enum number_mode)config_choice(config, section_of(config, own, "number"), "number"),
        .life = config_integer(config, section_of(config, own, "life"), "life"),
        .code_first = config_boolean(config, section_of(config, own, "code_first"), "code_first"),
        .command = (enum command_shown)config_choice(config, section_of(config, own, "command"),
                                                     "command"),
        .except = config_text(config, section_of(config, own, "except"), "except"),
        .except_networks =
            config_text(config, section_of(config, own, "except_networks"), "except_networks"),
    };
    from = section_of(config, own, "show");
    if (config_is_set(config, from, "show"))
        policy->show = (enum show)config_choice(config, from, "show");
    from = section_of(config, own, "language");
    if (config_is_set(config, from, "language"))
        policy->language = config_text(config, from, "language");
    from = section_of(config, own, "wait");
    if (config_is_set(config, from, "wait"))
        policy->wait = config_integer(config, from, "wait");
    policy->wait_is_cut = policy->wait > profile->limit;
    if (policy->wait_is_cut)
        policy->wait = profile->limit;
}

/* --- networks --- */

struct address {
    unsigned char bytes[16];
    int bits; /* 32 or 128 */
};

static bool address_parse(const char *text, struct address *address)
{
    static const unsigned char mapped[12] = {[10] = 0xff, [11] = 0xff};

    address->bits = 32;
    if (inet_pton(AF_INET, text, address->bytes) == 1)
        return true;
    address->bits = 128;
    if (inet_pton(AF_INET6, text, address->bytes) != 1)
        return false;
    if (memcmp(address->bytes, mapped, sizeof mapped) == 0) {
        memmove(address->bytes, address->bytes + sizeof mapped, 4);
        address->bits = 32;
    }
    return true;
}

static bool same_prefix(const unsigned char *a, const unsigned char *b, int bits)
{
    int whole = bits / 8, rest = bits % 8;
    unsigned mask = 0xffu << (8 - rest);

    return memcmp(a, b, (size_t)whole) == 0 &&
           (rest == 0 || ((unsigned)(a[whole] ^ b[whole]) & mask & 0xffu) == 0);
}

/* An IPv4-mapped network is refused: whether its prefix counts the 96 bits would be a guess. */
static bool network_parse(const char *word, struct address *network, int *prefix)
{
    const char *slash = strchr(word, '/');
    char text[64];
    char *end;
    long value;

    if (slash == NULL || (size_t)(slash - word) >= sizeof text)
        return false;
    memcpy(text, word, (size_t)(slash - word));
    text[slash - word] = 0;
    if (slash[1] < '0' || slash[1] > '9' || !address_parse(text, network) ||
        (strchr(text, ':') != NULL) != (network->bits == 128))
        return false;
    value = strtol(slash + 1, &end, 10);
    if (*end != 0 || end - slash > 4 || value > network->bits)
        return false;
    *prefix = (int)value;
    return true;
}

bool policy_network_is_valid(const char *word, char *why, size_t why_size)
{
    struct address network, zero = {.bits = 0};
    int prefix;

    if (!network_parse(word, &network, &prefix)) {
        snprintf(why, why_size,
                 _("\"%.64s\" is no network; write it as 10.0.0.0/8 or 2001:db8::/32"), word);
        return false;
    }
    for (int bit = prefix; bit < network.bits; bit++)
        zero.bytes[bit / 8] =
            (unsigned char)(zero.bytes[bit / 8] | (network.bytes[bit / 8] & 0x80u >> (bit % 8)));
    for (size_t i = 0; i < sizeof zero.bytes; i++) {
        if (zero.bytes[i] != 0) {
            snprintf(why, why_size, _("\"%.64s\" has bits set after the first %d"), word, prefix);
            return false;
        }
    }
    return true;
}

bool policy_network_has(const char *network, const char *address)
{
    struct address net, own;
    int prefix;

    return network_parse(network, &net, &prefix) && address_parse(address, &own) &&
           net.bits == own.bits && same_prefix(net.bytes, own.bytes, prefix);
}

/* --- who is excepted --- */

struct group_list {
    char **names;
    size_t count;
    bool failed;
};

static bool collect_group(void *arg, const char *word)
{
    struct group_list *list = arg;
    char **more;

    if (word[0] != '@')
        return true;
    more = reallocarray(list->names, list->count + 2, sizeof *more);
    if (more == NULL) {
        list->failed = true;
        return false;
    }
    list->names = more;
    list->names[list->count + 1] = NULL;
    list->names[list->count] = strdup(word + 1);
    list->failed = list->names[list->count] == NULL;
    list->count++;
    return !list->failed;
}

char **policy_groups(const struct policy *policy)
{
    struct group_list list = {.names = calloc(1, sizeof *list.names)};

    if (list.names == NULL)
        return NULL;
    config_each(policy->except, collect_group, &list);
    if (list.failed) {
        policy_groups_free(list.names);
        return NULL;
    }
    return list.names;
}

void policy_groups_free(char **groups)
{
    for (char **group = groups; group != NULL && *group != NULL; group++)
        free(*group);
    free(groups);
}

struct search {
    const struct policy_caller *caller;
    char found[128]; /* the word of host.conf */
};

static bool match_name(void *arg, const char *word)
{
    struct search *search = arg;
    const struct policy_caller *caller = search->caller;
    bool match = word[0] != '@' && strcmp(word, caller->user) == 0;

    for (size_t i = 0; word[0] == '@' && i < caller->group_count; i++)
        match = match || strcmp(word + 1, caller->groups[i]) == 0;
    if (match)
        snprintf(search->found, sizeof search->found, "%s", word);
    return !match;
}

static bool match_network(void *arg, const char *word)
{
    struct search *search = arg;

    if (!policy_network_has(word, search->caller->rhost))
        return true;
    snprintf(search->found, sizeof search->found, "%s", word);
    return false;
}

bool policy_excepts(const struct policy *policy, const struct policy_caller *caller, char *why,
                    size_t why_size)
{
    struct search search = {.caller = caller};

    if (policy->ask == ASK_NO) {
        snprintf(why, why_size, "ask = no");
        return true;
    }
    if (caller->known)
        config_each(policy->except, match_name, &search);
    if (search.found[0] != 0) {
        snprintf(why, why_size, "except = %s", search.found);
        return true;
    }
    config_each(policy->except_networks, match_network, &search);
    if (search.found[0] != 0) {
        snprintf(why, why_size, "except_networks = %s", search.found);
        return true;
    }
    return false;
}

/* What does not fit shows that there was more. */
static void copy_cut(char out[257], const char *text)
{
    char clean[1024];
    bool whole = sanitize_text(clean, sizeof clean, text) < 257;

    sanitize_text(out, whole ? 257 : 258 - sizeof COMMAND_LINE_CUT, clean);
    if (!whole)
        strcat(out, COMMAND_LINE_CUT);
}

void policy_command(enum command_shown shown, enum command_line kind, const char *line,
                    char out[257])
{
    char command[1024] = "";
    bool known = shown == COMMAND_OFF || line == NULL ||
                 command_line_find(kind, line, command, sizeof command);

    if (shown == COMMAND_NAME)
        command[strcspn(command, " ")] = 0;
    copy_cut(out, known ? command : "(not known)");
}

void policy_command_as(const char *service, const char *target, char command[257])
{
    char line[512];

    snprintf(line, sizeof line, "%.64s %.128s%s%s", service, target, command[0] != 0 ? ": " : "",
             command);
    copy_cut(command, line);
}
