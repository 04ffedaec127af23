/* Look-ups while NSS is slow: here getpwnam_r waits until the test lets it go on. */
#include "tests/unit/unit.h"

#include <errno.h>
#include <pthread.h>
#include <pwd.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "helper/lookup.h"

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static int waiting, asked;
static bool held;

/* "quick" is never held up. */
int getpwnam_r(const char *name, struct passwd *pw, char *buffer, size_t size,
               struct passwd **found)
{
    pthread_mutex_lock(&lock);
    asked++;
    waiting++;
    pthread_cond_broadcast(&changed);
    while (held && strcmp(name, "quick") != 0)
        pthread_cond_wait(&changed, &lock);
    waiting--;
    pthread_mutex_unlock(&lock);
    if (size < 16)
        return ERANGE;
    *pw = (struct passwd){.pw_name = strncpy(buffer, name, 16), .pw_uid = 7};
    *found = pw;
    return 0;
}

static void hold(bool now)
{
    pthread_mutex_lock(&lock);
    held = now;
    pthread_cond_broadcast(&changed);
    pthread_mutex_unlock(&lock);
}

/* Until so many calls wait, or half a second has passed: more do not come then. */
static int count_waiting(int most)
{
    struct timespec until;
    int count, error = 0;

    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += 1;
    pthread_mutex_lock(&lock);
    while (waiting < most && error == 0)
        error = pthread_cond_timedwait(&changed, &lock, &until);
    count = waiting;
    pthread_mutex_unlock(&lock);
    return count;
}

static int done;

static void on_done(void *arg, const struct lookup_result *result)
{
    (void)arg;
    assert_int_equal(result->status, LOOKUP_FOUND);
    done++;
}

static struct event_base *base;
static struct lookups *lookups;
static char *no_groups[] = {NULL};

static struct lookup *look_up(uid_t uid, const char *user)
{
    struct lookup *lookup = lookup_start(lookups, uid, user, no_groups, on_done, NULL);

    assert_non_null(lookup);
    return lookup;
}

static void serve(int most, int ms)
{
    for (; done < most && ms > 0; ms--) {
        event_base_loop(base, EVLOOP_NONBLOCK);
        usleep(1000);
    }
}

static int set_up(void **state)
{
    (void)state;
    waiting = asked = done = 0;
    base = event_base_new();
    lookups = lookups_new(base);
    hold(true);
    return base != NULL && lookups != NULL ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    hold(false);
    lookups_free(lookups);
    event_base_free(base);
    return 0;
}

static void what_is_abandoned_in_the_queue_is_not_looked_up(void **state)
{
    struct lookup *abandoned[200];

    (void)state;
    for (size_t i = 0; i < 8; i++)
        look_up(0, "slow");
    assert_int_equal(count_waiting(8), 8);
    for (size_t i = 0; i < 200; i++)
        abandoned[i] = look_up(0, "slow");
    look_up(0, "quick");
    for (size_t i = 0; i < 200; i++)
        lookup_cancel(abandoned[i]);
    look_up(0, "quick");
    hold(false);
    serve(10, 2000);
    assert_int_equal(done, 10);
    assert_int_equal(asked, 10);
}

static void a_user_who_waits_for_nss_leaves_threads_for_root(void **state)
{
    (void)state;
    for (size_t i = 0; i < 30; i++)
        look_up(1000, "slow");
    assert_int_equal(count_waiting(LOOKUP_USER + 1), LOOKUP_USER);
    for (size_t i = 0; i < 100; i++)
        look_up((uid_t)(2000 + i), "slow");
    assert_int_equal(count_waiting(LOOKUP_OTHERS + 1), LOOKUP_OTHERS);
    look_up(0, "quick");
    serve(1, 2000);
    assert_int_equal(done, 1);
    hold(false);
    serve(131, 2000);
    assert_int_equal(done, 131);
}

static void one_that_runs_can_be_abandoned(void **state)
{
    struct lookup *lookup;

    (void)state;
    lookup = look_up(0, "slow");
    assert_int_equal(count_waiting(1), 1);
    lookup_cancel(lookup);
    hold(false);
    look_up(0, "quick");
    serve(2, 200);
    assert_int_equal(done, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_is_abandoned_in_the_queue_is_not_looked_up, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_user_who_waits_for_nss_leaves_threads_for_root, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(one_that_runs_can_be_abandoned, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
