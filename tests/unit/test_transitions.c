/*
 * The table of a request's states (docs/backend-protocol.md, "The request's states"), with the
 * statements as they are: every event meets every state, also one whose time is up and that no
 * sweep has seen yet.
 */
#include "tests/unit/unit.h"

#include <event2/event.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "backend/store.h"

#define NOW INT64_C(1000000)

static char why[512];

struct world {
    char folder[64], path[128];
    struct event_base *base;
    struct store *store;
    sqlite3 *db; /* to set rows and to look at them */
    enum store_status status;
    size_t rows; /* of the last step */
};

enum from {
    OPEN,
    OPEN_OVER,
    APPROVED,
    APPROVED_OVER,
    USED,
    USED_BEFORE,
    DENIED,
    DENIED_BEFORE,
    EXPIRED,
    CANCELLED,
    FROM_COUNT
};

static const struct {
    const char *state, *result;
    int64_t ends, used, changed;
} froms[FROM_COUNT] = {
    [OPEN] = {"open", "", NOW + 1, 0},
    [OPEN_OVER] = {"open", "", NOW, 0},
    [APPROVED] = {"approved", "", NOW + 1, 0},
    [APPROVED_OVER] = {"approved", "", NOW, 0},
    [USED] = {"used", "signed_in", NOW + 1, NOW - 9999},
    [USED_BEFORE] = {"used", "signed_in", NOW + 1, NOW - 10000},
    [DENIED] = {"denied", "denied", NOW + 1, 0, NOW - 599999},
    [DENIED_BEFORE] = {"denied", "denied", NOW + 1, 0, NOW - 600000},
    [EXPIRED] = {"expired", "no_answer", NOW - 1, 0},
    [CANCELLED] = {"cancelled", "caller_gone", NOW + 1, 0},
};

/* What a step does in each state: "state result", or NULL where nothing changes. */
struct event_row {
    const char *name;
    struct store_step step;
    const char *to[FROM_COUNT];
};

#define STEP(id, ...)                                                                              \
    {                                                                                              \
        .statement = STATEMENT_##id, .values = (const struct store_value[]){__VA_ARGS__},          \
        .count = sizeof((const struct store_value[]){__VA_ARGS__}) / sizeof(struct store_value)    \
    }
#define TEXT(t)                                                                                    \
    {                                                                                              \
        .kind = STORE_TEXT, .bytes = (t), .len = sizeof(t) - 1                                     \
    }
#define INT(i)                                                                                     \
    {                                                                                              \
        .kind = STORE_INTEGER, .integer = (i)                                                      \
    }
#define PHONE_STEP(id, user, device, ...)                                                          \
    STEP(id, TEXT(user), TEXT("details"), INT(NOW), TEXT(device), TEXT("JWS") __VA_ARGS__)

static const struct event_row rows[] = {
    {"approve", PHONE_STEP(REQUEST_APPROVE, "alice", "phone"), {[OPEN] = "approved "}},
    {"deny",
     PHONE_STEP(REQUEST_DENY, "alice", "phone", , TEXT("denied")),
     {[OPEN] = "denied denied", [APPROVED] = "denied denied"}},
    {"not me",
     PHONE_STEP(REQUEST_DENY, "alice", "phone", , TEXT("not_me")),
     {[OPEN] = "denied not_me", [APPROVED] = "denied not_me", [DENIED] = "denied not_me"}},
    {"right code",
     STEP(REQUEST_APPROVE_CODE, TEXT("id"), TEXT("web1"), INT(NOW), TEXT("phone")),
     {[OPEN] = "approved "}},
    {"cancel",
     STEP(REQUEST_CANCEL, TEXT("id"), TEXT("web1"), INT(NOW), TEXT("not_needed"), INT(0),
          INT(NOW - 10000)),
     {[OPEN] = "cancelled not_needed", [APPROVED] = "cancelled not_needed"}},
    {"correct",
     STEP(REQUEST_CANCEL, TEXT("id"), TEXT("web1"), INT(NOW), TEXT("wrong_number"), INT(1),
          INT(NOW - 10000)),
     {[OPEN] = "cancelled wrong_number",
      [APPROVED] = "cancelled wrong_number",
      [USED] = "used wrong_number"}},
    {"collect",
     STEP(REQUEST_COLLECT, TEXT("id"), TEXT("web1"), INT(NOW)),
     {[APPROVED] = "used signed_in"}},
    {"time is up",
     STEP(REQUESTS_EXPIRE, INT(NOW)),
     {[OPEN_OVER] = "expired no_answer", [APPROVED_OVER] = "expired no_answer"}},
    {"host revoked",
     STEP(REQUESTS_CANCEL_HOST, TEXT("web1"), TEXT("revoked"), INT(NOW)),
     {[OPEN] = "cancelled revoked",
      [OPEN_OVER] = "cancelled revoked",
      [APPROVED] = "cancelled revoked",
      [APPROVED_OVER] = "cancelled revoked"}},
    {"account secured",
     STEP(REQUESTS_CANCEL_USER, TEXT("alice"), TEXT("secured"), INT(NOW)),
     {[OPEN] = "cancelled secured",
      [OPEN_OVER] = "cancelled secured",
      [APPROVED] = "cancelled secured",
      [APPROVED_OVER] = "cancelled secured"}},
    {"its device removed",
     STEP(REQUESTS_CANCEL_DEVICE, TEXT("alice"), TEXT("phone"), INT(NOW)),
     {[APPROVED] = "cancelled secured", [APPROVED_OVER] = "cancelled secured"}},
    {"swept as old", STEP(SWEEP_REQUESTS, INT(1)), {0}},

    {"another host's code",
     STEP(REQUEST_APPROVE_CODE, TEXT("id"), TEXT("web2"), INT(NOW), TEXT("phone")),
     {0}},
    {"another host's cancel",
     STEP(REQUEST_CANCEL, TEXT("id"), TEXT("web2"), INT(NOW), TEXT("wrong_number"), INT(1), INT(0)),
     {0}},
    {"another host's collect", STEP(REQUEST_COLLECT, TEXT("id"), TEXT("web2"), INT(NOW)), {0}},
    {"another host revoked",
     STEP(REQUESTS_CANCEL_HOST, TEXT("web2"), TEXT("revoked"), INT(NOW)),
     {0}},
    {"another user's approve", PHONE_STEP(REQUEST_APPROVE, "bob", "bobs"), {0}},
    {"approve by another user's device", PHONE_STEP(REQUEST_APPROVE, "alice", "bobs"), {0}},
    {"deny by another user's device",
     PHONE_STEP(REQUEST_DENY, "alice", "bobs", , TEXT("denied")),
     {0}},
    {"approve by a disabled device", PHONE_STEP(REQUEST_APPROVE, "alice", "off"), {0}},
    {"deny by a disabled device", PHONE_STEP(REQUEST_DENY, "alice", "off", , TEXT("denied")), {0}},
    {"approve by a removed device", PHONE_STEP(REQUEST_APPROVE, "alice", "gone"), {0}},
    {"another device removed",
     STEP(REQUESTS_CANCEL_DEVICE, TEXT("alice"), TEXT("off"), INT(NOW)),
     {0}},
};

/* What works once at most, and how many rows the first try gives. */
static const struct {
    struct store_step step;
    size_t first;
} once[] = {
    {STEP(INVITATION_USE, TEXT("over"), INT(NOW), TEXT("new"), TEXT("t9")), 0},
    {STEP(INVITATION_USE, TEXT("unknown"), INT(NOW), TEXT("new"), TEXT("t9")), 0},
    {STEP(INVITATION_USE, TEXT("i"), INT(NOW), TEXT("new"), TEXT("t1")),
     0}, /* the key is a device's already */
    {STEP(INVITATION_USE, TEXT("i"), INT(NOW), TEXT("new"), TEXT("t9")), 1},
    {STEP(CODE_USE, TEXT("phone"), INT(7)), 1},
    {STEP(CODE_USE, TEXT("gone"), INT(7)), 0},
    {STEP(SEEN_ADD, TEXT("host web1"), TEXT("jti"), INT(NOW)), 1},
    {STEP(SEEN_ADD, TEXT("host web2"), TEXT("jti"), INT(NOW)), 1},
};

static void execute(struct world *world, const char *sql)
{
    char *fault = NULL;
    if (sqlite3_exec(world->db, sql, NULL, NULL, &fault) != SQLITE_OK)
        print_error("%s\n", fault);
    assert_null(fault);
}

static int setup(void **state)
{
    struct world *world = calloc(1, sizeof *world);
    strcpy(world->folder, "/tmp/test_transitions.XXXXXX");
    assert_non_null(mkdtemp(world->folder));
    snprintf(world->path, sizeof world->path, "%s/store.db", world->folder);
    world->base = event_base_new();
    world->store = store_open(world->base, world->path, true, why, sizeof why);
    assert_non_null(world->store);
    assert_int_equal(sqlite3_open(world->path, &world->db), SQLITE_OK);
    execute(world, "INSERT INTO users (name, added) VALUES ('alice', 1), ('bob', 1);"
                   "INSERT INTO devices (id, user_name, name, platform, key, thumbprint, secret, "
                   "enabled, added, seen)"
                   " VALUES ('phone', 'alice', 'P', 'web', 'key', 't1', 's', 1, 1, 1), ('off', "
                   "'alice', 'O', 'web', 'k', 't2', 's', 0, 1, 1),"
                   " ('bobs', 'bob', 'B', 'web', 'k', 't3', 's', 1, 1, 1);"
                   "INSERT INTO hosts (id, name, added) VALUES ('web1', 'W', 1);"
                   "INSERT INTO invitations (hash, user_name, made, ends) VALUES ('i', 'alice', 1, "
                   "1000001), ('over', 'alice', 1, 1000000)");
    *state = world;
    return 0;
}

static int teardown(void **state)
{
    static const char *const suffixes[] = {"", ".lock", "-wal", "-shm"};
    struct world *world = *state;
    char path[192];
    sqlite3_close(world->db);
    store_close(world->store);
    event_base_free(world->base);
    for (size_t i = 0; i < COUNT(suffixes); i++) {
        snprintf(path, sizeof path, "%s%s", world->path, suffixes[i]);
        unlink(path);
    }
    assert_int_equal(rmdir(world->folder), 0);
    free(world);
    return 0;
}

static void on_done(void *arg, enum store_status status, const struct store_rows *const *results)
{
    struct world *world = arg;
    world->status = status;
    world->rows = results ? store_count(results[0]) : 0;
    event_base_loopbreak(world->base);
}

/* Runs one step; the rows that it returned. */
static size_t run(struct world *world, const struct store_step *step)
{
    store_run_steps(world->store, step, 1, on_done, world);
    event_base_dispatch(world->base);
    assert_int_equal(world->status, STORE_OK);
    return world->rows;
}

static void put_request(struct world *world, enum from from)
{
    char sql[1024];
    snprintf(sql, sizeof sql,
             "DELETE FROM requests; INSERT INTO requests (id, request, host_id, host_name, "
             "user_name, service, rhost, source, details,"
             " shown, state, result, method, device_id, made, ends, decided, used, changed)"
             " VALUES ('id', 'details', 'web1', 'W', 'alice', 'sshd', '', '', 'd', 1, '%s', '%s', "
             "'phone', 'phone', 1, %lld, 1, %lld, %lld)",
             froms[from].state, froms[from].result, (long long)froms[from].ends,
             (long long)froms[from].used, (long long)froms[from].changed);
    execute(world, sql);
}

static void read_request(struct world *world, char text[64])
{
    sqlite3_stmt *statement;
    assert_int_equal(sqlite3_prepare_v2(world->db, "SELECT state || ' ' || result FROM requests",
                                        -1, &statement, NULL),
                     SQLITE_OK);
    strcpy(text, "no row");
    if (sqlite3_step(statement) == SQLITE_ROW)
        snprintf(text, 64, "%s", (const char *)sqlite3_column_text(statement, 0));
    sqlite3_finalize(statement);
}

static void test_table(void **state)
{
    struct world *world = *state;
    char before[64], after[64];
    for (size_t i = 0; i < COUNT(rows); i++) {
        for (enum from from = OPEN; from < FROM_COUNT; from++) {
            put_request(world, from);
            snprintf(before, sizeof before, "%s %s", froms[from].state, froms[from].result);
            size_t returned = run(world, &rows[i].step);
            read_request(world, after);
            const char *wanted = rows[i].to[from] ? rows[i].to[from] : before;
            if (strcmp(after, wanted) != 0)
                print_error("%s, %s (%d): %s, not %s\n", rows[i].name, before, (int)from, after,
                            wanted);
            assert_string_equal(after, wanted);
            assert_int_equal(returned, rows[i].to[from] != NULL);
        }
    }
}

/* A request that phones do not see is not theirs to answer. */
static void test_not_shown(void **state)
{
    struct world *world = *state;
    for (size_t i = 0; i < 3; i++) {
        put_request(world, OPEN);
        execute(world, "UPDATE requests SET shown = 0");
        assert_int_equal(run(world, &rows[i].step), 0);
    }
}

static void test_once(void **state)
{
    struct world *world = *state;
    for (size_t i = 0; i < COUNT(once); i++) {
        assert_int_equal(run(world, &once[i].step), once[i].first);
        assert_int_equal(run(world, &once[i].step), 0);
    }
}

/* What is over is kept for 90 days, what is open for ever. */
static void test_sweep(void **state)
{
    struct world *world = *state;
    const struct store_step old = STEP(SWEEP_REQUESTS, INT(2));
    char left[64];
    for (enum from from = OPEN; from < FROM_COUNT; from++) {
        put_request(world, from);
        run(world, &old);
        read_request(world, left);
        assert_int_equal(strcmp(left, "no row") == 0, from > APPROVED_OVER);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_table, setup, teardown),
        cmocka_unit_test_setup_teardown(test_not_shown, setup, teardown),
        cmocka_unit_test_setup_teardown(test_once, setup, teardown),
        cmocka_unit_test_setup_teardown(test_sweep, setup, teardown),
    };
    return cmocka_run_group_tests_name("transitions of requests", tests, NULL, NULL);
}
