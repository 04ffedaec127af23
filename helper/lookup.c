#include "helper/lookup.h"

#include <errno.h>
#include <grp.h>
#include <pthread.h>
#include <pwd.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "common/log.h"
#include "common/sanitize.h"

#define NSS_BUFFER (256 * 1024) /* a group with very many members */
#define GROUPS_MAX 65536

/* Belongs to the event loop; while it is begun, and not among the finished, to a thread as well. */
struct lookup {
    struct lookup *next;
    struct lookups *lookups;
    uid_t uid; /* who asks */
    bool begun;
    struct event *deadline;
    lookup_done *done; /* NULL: nobody waits any more */
    void *arg;
    char **wanted;
    const char **groups; /* borrowed from wanted */
    struct lookup_result result;
};

struct lookups {
    struct event_base *base;
    struct event *wake;
    int eventfd;
    pthread_mutex_t lock;
    pthread_cond_t work;
    struct lookup *queue, **queue_end;
    struct lookup *finished, *running[LOOKUP_THREADS];
    int threads, idle, queued;
    bool closing;
};

static void lookup_free(struct lookup *lookup)
{
    if (lookup->deadline != NULL)
        event_free(lookup->deadline);
    for (char **name = lookup->wanted; name != NULL && *name != NULL; name++)
        free(*name);
    free(lookup->wanted);
    free(lookup->groups);
    free(lookup);
}

/* --- in a thread --- */

static void find_groups(struct lookup *lookup, const struct passwd *pw, char *buffer)
{
    gid_t *gids = malloc(GROUPS_MAX * sizeof *gids);
    int count = GROUPS_MAX;

    if (gids == NULL || getgrouplist(pw->pw_name, pw->pw_gid, gids, &count) < 0) {
        lookup->result.status = LOOKUP_FAILED;
        free(gids);
        return;
    }
    for (char **name = lookup->wanted; *name != NULL; name++) {
        struct group group, *found = NULL;

        if (getgrnam_r(*name, &group, buffer, NSS_BUFFER, &found) != 0 || found == NULL)
            continue;
        for (int i = 0; i < count; i++) {
            if (gids[i] == group.gr_gid) {
                lookup->groups[lookup->result.group_count++] = *name;
                break;
            }
        }
    }
    free(gids);
}

static void find_user(struct lookup *lookup, char *buffer)
{
    struct lookup_result *result = &lookup->result;
    struct passwd pw, *found = NULL;
    char *groups_buffer;
    int error = getpwnam_r(result->user, &pw, buffer, NSS_BUFFER, &found);

    if (found == NULL) {
        result->status = error == 0 || error == ENOENT ? LOOKUP_UNKNOWN : LOOKUP_FAILED;
        return;
    }
    if (strlen(pw.pw_name) >= sizeof result->user || !sanitize_is_clean(pw.pw_name))
        return; /* LOOKUP_FAILED */
    strcpy(result->user, pw.pw_name);
    result->uid = pw.pw_uid;
    result->status = LOOKUP_FOUND;
    groups_buffer = *lookup->wanted != NULL ? malloc(NSS_BUFFER) : NULL;
    if (groups_buffer != NULL)
        find_groups(lookup, &pw, groups_buffer);
    else if (*lookup->wanted != NULL)
        result->status = LOOKUP_FAILED;
    free(groups_buffer);
}

/* Takes one out of the queue. The lock is held. */
static void dequeue(struct lookups *lookups, struct lookup **place)
{
    struct lookup *lookup = *place;

    *place = lookup->next;
    if (*place == NULL)
        lookups->queue_end = place;
    lookups->queued--;
}

static bool may_begin(const struct lookups *lookups, const struct lookup *lookup)
{
    int others = 0, own = 0;

    for (size_t i = 0; i < LOOKUP_THREADS; i++) {
        const struct lookup *running = lookups->running[i];

        others += running != NULL && running->uid != 0;
        own += running != NULL && running->uid == lookup->uid;
    }
    return lookup->uid == 0 || (others < LOOKUP_OTHERS && own < LOOKUP_USER);
}

/* The first whose turn it can be. A thread that ends one makes room for one, and takes it itself.
 */
static struct lookup *next_work(struct lookups *lookups)
{
    struct lookup **place = &lookups->queue, *lookup;

    while ((lookup = *place) != NULL && !may_begin(lookups, lookup))
        place = &lookup->next;
    if (lookup != NULL)
        dequeue(lookups, place);
    return lookup;
}

static struct lookup *take_work(struct lookups *lookups)
{
    struct lookup *lookup = NULL;

    lookups->idle++;
    while (!lookups->closing && (lookup = next_work(lookups)) == NULL)
        pthread_cond_wait(&lookups->work, &lookups->lock);
    lookups->idle--;
    for (size_t i = 0; lookup != NULL && !lookup->begun; i++) { /* a place for each thread */
        if (lookups->running[i] == NULL)
            lookups->running[i] = lookup;
        lookup->begun = lookups->running[i] == lookup;
    }
    return lookup;
}

/* The event loop may free it as soon as the lock is let go. */
static void hand_back(struct lookups *lookups, struct lookup *lookup)
{
    const uint64_t one = 1;

    for (size_t i = 0; i < LOOKUP_THREADS; i++) {
        if (lookups->running[i] == lookup)
            lookups->running[i] = NULL;
    }
    lookup->next = lookups->finished;
    lookups->finished = lookup;
    if (write(lookups->eventfd, &one, sizeof one) < 0)
        return; /* the counter is full: the loop wakes all the same */
}

static void *run_thread(void *arg)
{
    struct lookups *lookups = arg;
    char *buffer = malloc(NSS_BUFFER);
    struct lookup *lookup;
    sigset_t all;

    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, NULL);
    pthread_mutex_lock(&lookups->lock);
    while ((lookup = take_work(lookups)) != NULL) {
        pthread_mutex_unlock(&lookups->lock);
        if (buffer != NULL)
            find_user(lookup, buffer);
        pthread_mutex_lock(&lookups->lock);
        hand_back(lookups, lookup);
    }
    free(buffer);
    lookups->threads--;
    pthread_cond_broadcast(&lookups->work);
    pthread_mutex_unlock(&lookups->lock);
    return NULL;
}

/* --- in the event loop --- */

static void on_finished(evutil_socket_t fd, short what, void *arg)
{
    struct lookups *lookups = arg;
    struct lookup *list, *lookup;
    uint64_t count;

    (void)what;
    if (read(fd, &count, sizeof count) < 0 && errno == EAGAIN)
        return;
    pthread_mutex_lock(&lookups->lock);
    list = lookups->finished;
    lookups->finished = NULL;
    pthread_mutex_unlock(&lookups->lock);
    while ((lookup = list) != NULL) {
        list = lookup->next;
        lookup->result.groups = lookup->groups;
        if (lookup->done != NULL)
            lookup->done(lookup->arg, &lookup->result);
        lookup_free(lookup);
    }
}

/* The thread may still write to the lookup's own result: the caller gets another one. */
static void on_deadline(evutil_socket_t fd, short what, void *arg)
{
    static const struct lookup_result late = {.status = LOOKUP_FAILED};
    struct lookup *lookup = arg;
    lookup_done *done = lookup->done;
    void *done_arg = lookup->arg;

    (void)fd, (void)what;
    log_warn("a look-up of a user took more than %d ms; nobody is excepted by name",
             LOOKUP_DEADLINE_MS);
    lookup_cancel(lookup);
    done(done_arg, &late);
}

void lookup_cancel(struct lookup *lookup)
{
    struct lookups *lookups = lookup->lookups;
    struct lookup **place = &lookups->queue;
    bool begun;

    lookup->done = NULL;
    event_del(lookup->deadline);
    pthread_mutex_lock(&lookups->lock);
    begun = lookup->begun;
    while (!begun && *place != lookup)
        place = &(*place)->next;
    if (!begun)
        dequeue(lookups, place);
    pthread_mutex_unlock(&lookups->lock);
    if (!begun)
        lookup_free(lookup);
}

static char **copy_names(char *const *names)
{
    size_t count = 0;
    char **copy;

    while (names[count] != NULL)
        count++;
    copy = calloc(count + 1, sizeof *copy);
    for (size_t i = 0; copy != NULL && i < count; i++) {
        copy[i] = strdup(names[i]);
        if (copy[i] == NULL) {
            while (i-- > 0)
                free(copy[i]);
            free(copy);
            return NULL;
        }
    }
    return copy;
}

static bool start_thread(struct lookups *lookups)
{
    pthread_attr_t attributes;
    pthread_t thread;
    bool started;

    if (pthread_attr_init(&attributes) != 0)
        return false;
    pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    started = pthread_create(&thread, &attributes, run_thread, lookups) == 0;
    pthread_attr_destroy(&attributes);
    return started;
}

static bool enqueue(struct lookups *lookups, struct lookup *lookup)
{
    bool served;

    pthread_mutex_lock(&lookups->lock);
    if (lookups->idle <= lookups->queued && lookups->threads < LOOKUP_THREADS &&
        start_thread(lookups))
        lookups->threads++;
    served = lookups->threads > 0;
    if (served) {
        lookup->next = NULL;
        *lookups->queue_end = lookup;
        lookups->queue_end = &lookup->next;
        lookups->queued++;
        pthread_cond_signal(&lookups->work);
    }
    pthread_mutex_unlock(&lookups->lock);
    return served;
}

struct lookup *lookup_start(struct lookups *lookups, uid_t uid, const char *user,
                            char *const *wanted, lookup_done *done, void *arg)
{
    const struct timeval deadline = {LOOKUP_DEADLINE_MS / 1000, LOOKUP_DEADLINE_MS % 1000 * 1000};
    struct lookup *lookup = calloc(1, sizeof *lookup);
    size_t count = 0;

    if (lookup == NULL)
        return NULL;
    while (wanted[count] != NULL)
        count++;
    lookup->lookups = lookups;
    lookup->uid = uid;
    lookup->done = done;
    lookup->arg = arg;
    lookup->result.status = LOOKUP_FAILED;
    lookup->wanted = copy_names(wanted);
    lookup->groups = calloc(count + 1, sizeof *lookup->groups);
    lookup->deadline = evtimer_new(lookups->base, on_deadline, lookup);
    if (strlen(user) < sizeof lookup->result.user)
        strcpy(lookup->result.user, user);
    if (lookup->wanted == NULL || lookup->groups == NULL || lookup->deadline == NULL ||
        evtimer_add(lookup->deadline, &deadline) != 0 || !enqueue(lookups, lookup)) {
        lookup_free(lookup);
        return NULL;
    }
    return lookup;
}

struct lookups *lookups_new(struct event_base *base)
{
    struct lookups *lookups = calloc(1, sizeof *lookups);

    if (lookups == NULL)
        return NULL;
    lookups->base = base;
    lookups->queue_end = &lookups->queue;
    lookups->eventfd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    pthread_mutex_init(&lookups->lock, NULL);
    pthread_cond_init(&lookups->work, NULL);
    if (lookups->eventfd >= 0)
        lookups->wake =
            event_new(base, lookups->eventfd, EV_READ | EV_PERSIST, on_finished, lookups);
    if (lookups->wake == NULL || event_add(lookups->wake, NULL) != 0) {
        lookups_free(lookups);
        return NULL;
    }
    return lookups;
}

/* Frees what no thread can touch any more; the process ends soon in any case. */
static void free_lists(struct lookups *lookups)
{
    struct lookup *lists[] = {lookups->queue, lookups->finished};

    for (size_t i = 0; i < 2; i++) {
        struct lookup *lookup;

        while ((lookup = lists[i]) != NULL) {
            lists[i] = lookup->next;
            lookup_free(lookup);
        }
    }
    close(lookups->eventfd);
    pthread_cond_destroy(&lookups->work);
    pthread_mutex_destroy(&lookups->lock);
    free(lookups);
}

void lookups_free(struct lookups *lookups)
{
    struct timespec until;
    int threads, error = 0;

    if (lookups == NULL)
        return;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec++;
    if (lookups->wake != NULL)
        event_free(lookups->wake);
    pthread_mutex_lock(&lookups->lock);
    lookups->closing = true;
    pthread_cond_broadcast(&lookups->work);
    while (lookups->threads > 0 && error == 0)
        error = pthread_cond_timedwait(&lookups->work, &lookups->lock, &until);
    threads = lookups->threads;
    pthread_mutex_unlock(&lookups->lock);
    if (threads == 0)
        free_lists(lookups);
}
