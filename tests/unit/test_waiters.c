/* Calls that wait: who is woken, when, and who may leave or come meanwhile. */
#include "tests/unit/unit.h"

#include <event2/event.h>
#include <string.h>

#include "backend/waiters.h"

struct world {
    struct event_base *base;
    struct waiters *waiters;
};

struct caller {
    struct waiters *waiters;
    struct waiter *waiter;
    struct caller *leaves; /* goes when this one is woken */
    bool again;            /* waits again when it is woken */
    int changed, late;
};

static int setup(void **state)
{
    static struct world world;
    world.base = event_base_new();
    world.waiters = waiters_new(world.base);
    assert_non_null(world.waiters);
    *state = &world;
    return 0;
}

static int teardown(void **state)
{
    struct world *world = *state;
    waiters_free(world->waiters);
    event_base_free(world->base);
    return 0;
}

static void on_end(void *arg, enum waiter_end end);

static void wait_for(struct caller *caller, struct waiters *waiters, const char *key, long ms)
{
    caller->waiters = waiters;
    caller->waiter = waiters_add(waiters, WAITER_REQUEST, key, ms, on_end, caller);
    assert_non_null(caller->waiter);
}

static void on_end(void *arg, enum waiter_end end)
{
    struct caller *caller = arg;
    caller->waiter = NULL;
    if (end == WAITER_CHANGED)
        caller->changed++;
    else
        caller->late++;
    if (caller->leaves) {
        waiters_remove(caller->leaves->waiter);
        caller->leaves->waiter = NULL;
        caller->leaves = NULL;
    }
    if (caller->again)
        wait_for(caller, caller->waiters, "a", 10000);
}

static void test_wake(void **state)
{
    struct world *world = *state;
    struct caller one = {0}, two = {0}, else_where = {0};
    wait_for(&one, world->waiters, "a", 10000);
    wait_for(&two, world->waiters, "a", 10000);
    wait_for(&else_where, world->waiters, "b", 10000);
    assert_int_equal(waiters_count(world->waiters, WAITER_REQUEST, "a"), 2);
    assert_int_equal(waiters_count(world->waiters, WAITER_USER, "a"), 0);
    waiters_wake(world->waiters, WAITER_USER, "a");
    waiters_wake(world->waiters, WAITER_REQUEST, "nobody");
    assert_int_equal(one.changed, 0);
    waiters_wake(world->waiters, WAITER_REQUEST, "a");
    waiters_wake(world->waiters, WAITER_REQUEST, "a");
    assert_int_equal(one.changed, 1);
    assert_int_equal(two.changed, 1);
    assert_int_equal(else_where.changed, 0);
    assert_int_equal(waiters_count(world->waiters, WAITER_REQUEST, "a"), 0);
}

/* Who leaves while others are woken hears nothing; who waits again waits for the next change. */
static void test_changes_meanwhile(void **state)
{
    struct world *world = *state;
    struct caller last = {0}, second = {.again = true}, first = {.leaves = &last};
    wait_for(&first, world->waiters, "a", 10000);
    wait_for(&second, world->waiters, "a", 10000);
    wait_for(&last, world->waiters, "a", 10000);
    waiters_wake(world->waiters, WAITER_REQUEST, "a");
    assert_int_equal(first.changed, 1);
    assert_int_equal(second.changed, 1);
    assert_int_equal(last.changed, 0);
    assert_int_equal(waiters_count(world->waiters, WAITER_REQUEST, "a"), 1);
    waiters_wake(world->waiters, WAITER_REQUEST, "a");
    assert_int_equal(second.changed, 2);
}

static void test_late(void **state)
{
    struct world *world = *state;
    struct caller soon = {0}, gone = {0};
    wait_for(&soon, world->waiters, "a", 20);
    wait_for(&gone, world->waiters, "a", 20);
    waiters_remove(gone.waiter);
    waiters_remove(NULL);
    event_base_dispatch(world->base);
    assert_int_equal(soon.late, 1);
    assert_int_equal(soon.changed, 0);
    assert_int_equal(gone.late, 0);
    waiters_wake(world->waiters, WAITER_REQUEST, "a");
    assert_int_equal(soon.changed, 0);
}

static void test_revision(void **state)
{
    struct world *world = *state;
    char first[REVISION_SIZE], same[REVISION_SIZE], next[REVISION_SIZE], other[REVISION_SIZE];
    struct waiters *restarted = waiters_new(world->base);
    assert_int_equal(waiters_revision(world->waiters, "alice", first), 0);
    waiters_wake(world->waiters, WAITER_USER, "bob");
    assert_int_equal(waiters_revision(world->waiters, "alice", same), 0);
    assert_string_equal(first, same);
    waiters_wake(world->waiters, WAITER_USER, "alice");
    assert_int_equal(waiters_revision(world->waiters, "alice", next), 0);
    assert_string_not_equal(first, next);
    assert_int_equal(waiters_revision(restarted, "alice", other), 0);
    assert_string_not_equal(first, other);
    waiters_free(restarted);
}

static void test_wake_later(void **state)
{
    struct world *world = *state;
    struct caller one = {0};
    wait_for(&one, world->waiters, "a", 10000);
    waiters_wake_later(world->waiters, WAITER_REQUEST, "a", 30);
    assert_int_equal(one.changed, 0);
    event_base_dispatch(world->base);
    assert_int_equal(one.changed, 1);
    waiters_wake_later(world->waiters, WAITER_REQUEST, "a", 10000); /* freed with the rest */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_wake, setup, teardown),
        cmocka_unit_test_setup_teardown(test_changes_meanwhile, setup, teardown),
        cmocka_unit_test_setup_teardown(test_late, setup, teardown),
        cmocka_unit_test_setup_teardown(test_revision, setup, teardown),
        cmocka_unit_test_setup_teardown(test_wake_later, setup, teardown),
    };
    return cmocka_run_group_tests_name("waiting calls", tests, NULL, NULL);
}
