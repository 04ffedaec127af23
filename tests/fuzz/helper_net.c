/* The network, the users and host.conf. */
#include <event2/event.h>
#include <strings.h>

#include "helper/lookup.h"
#include "helper/transfer.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/helper_world.h"

struct transfer {
    struct transfer *next;
    char *url, *body;
    transfer_done *done;
    void *arg;
};

static struct transfer *first;
static struct host *current;
static void (*noted)(const char *url, const char *body);

struct transfers *transfers_new(struct event_base *base)
{
    static char place;

    (void)base;
    return (struct transfers *)(void *)&place;
}

void transfers_free(struct transfers *transfers)
{
    (void)transfers;
    while (first)
        transfer_cancel(first);
}

struct transfer *transfer_start(struct transfers *transfers, const char *url, const char *pin,
                                const char *body, long timeout_ms, transfer_done *done, void *arg)
{
    struct transfer *transfer = calloc(1, sizeof *transfer), **last = &first;

    (void)transfers, (void)pin;
    MUST(transfer && timeout_ms >= 1000 && timeout_ms <= 60000);
    *transfer = (struct transfer){
        .url = strdup(url), .body = strdup(body ? body : ""), .done = done, .arg = arg};
    while (*last)
        last = &(*last)->next;
    *last = transfer;
    noted(transfer->url, transfer->body);
    return transfer;
}

void transfer_cancel(struct transfer *transfer)
{
    struct transfer **link = &first;

    while (*link != transfer)
        link = &(*link)->next;
    *link = transfer->next;
    free(transfer->url);
    free(transfer->body);
    free(transfer);
}

void net_start(void (*note)(const char *url, const char *body))
{
    noted = note;
}

struct transfer *net_pending(const char *part)
{
    struct transfer *transfer = first;

    while (transfer && !strstr(transfer->url, part))
        transfer = transfer->next;
    return transfer;
}

const char *net_url(const struct transfer *transfer)
{
    return transfer->url;
}

void net_answer(struct transfer *transfer, long status, const char *type, const char *body)
{
    struct https_answer answer;
    transfer_done *done = transfer->done;
    void *arg = transfer->arg;

    https_answer_init(&answer);
    answer.status = status;
    snprintf(answer.content_type, sizeof answer.content_type, "%s", type);
    if (status == 0)
        snprintf(answer.error, sizeof answer.error, "nobody is there");
    answer.len = strlen(body);
    answer.body = realloc(answer.body, answer.len + 1);
    MUST(answer.body);
    strcpy(answer.body, body);
    transfer_cancel(transfer);
    done(arg, &answer);
    https_answer_free(&answer);
}

/* --- users ------------------------------------------------------------------------------------ */

struct lookup {
    struct event *event;
    lookup_done *done;
    void *arg;
    char user[129];
    bool in_wheel;
};

/* alice is in wheel, and has another name; bob; slow, for whom NSS does not answer. */
static void on_looked_up(evutil_socket_t fd, short what, void *arg)
{
    static const char *const groups[] = {"wheel"};
    struct lookup *lookup = arg;
    struct lookup_result result = {.status = LOOKUP_UNKNOWN, .groups = groups};

    (void)fd, (void)what;
    if (strcasecmp(lookup->user, "alice") == 0 || strcmp(lookup->user, "bob") == 0) {
        result.status = LOOKUP_FOUND;
        result.uid = lookup->user[0] == 'b' ? 1001 : 1000;
        result.group_count = result.uid == 1000 && lookup->in_wheel;
        strcpy(result.user, result.uid == 1000 ? "alice" : "bob");
    } else if (strcmp(lookup->user, "slow") == 0) {
        result.status = LOOKUP_FAILED;
    }
    if (lookup->done)
        lookup->done(lookup->arg, &result);
    event_free(lookup->event);
    free(lookup);
}

struct lookup *lookup_start(struct lookups *lookups, uid_t uid, const char *user,
                            char *const *wanted, lookup_done *done, void *arg)
{
    const struct timeval after = {strcmp(user, "slow") == 0 ? 3 : 0, 0};
    struct lookup *lookup = calloc(1, sizeof *lookup);

    (void)lookups, (void)uid;
    MUST(lookup);
    lookup->done = done;
    lookup->arg = arg;
    snprintf(lookup->user, sizeof lookup->user, "%s", user);
    for (; *wanted; wanted++)
        lookup->in_wheel = lookup->in_wheel || strcmp(*wanted, "wheel") == 0;
    lookup->event = event_new(NULL, -1, 0, on_looked_up, lookup);
    event_add(lookup->event, &after);
    return lookup;
}

void lookup_cancel(struct lookup *lookup)
{
    lookup->done = NULL;
}

/* --- host.conf -------------------------------------------------------------------------------- */

void world_set_host(struct host *host)
{
    host_unref(current);
    current = host;
}

struct host_version host_version_of(const char *path)
{
    (void)path;
    return (struct host_version){0};
}

struct host *host_file_get(struct host_file *file, char *why, size_t why_size)
{
    (void)file;
    if (current)
        return host_ref(current);
    snprintf(why, why_size, "host.conf: none");
    return NULL;
}
