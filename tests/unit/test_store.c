/* The store with the server's real tables and statements, in a folder of its own. */
#include "tests/unit/unit.h"

#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "backend/store.h"
#include "common/log.h"

struct world {
    char folder[64], path[128];
    struct event_base *base;
    struct store *store;
};

/* What a callback was told. */
struct answer {
    int calls;
    enum store_status status;
    size_t rows;
    int64_t integer;
    char text[64];
    struct store *again; /* add user `text` when called */
};

static char why[512];

static void open_world(struct world *world)
{
    world->store = store_open(world->base, world->path, true, why, sizeof why);
    if (!world->store)
        print_error("%s\n", why);
    assert_non_null(world->store);
}

static int setup(void **state)
{
    struct world *world = calloc(1, sizeof *world);
    strcpy(world->folder, "/tmp/test_store.XXXXXX");
    assert_non_null(mkdtemp(world->folder));
    snprintf(world->path, sizeof world->path, "%s/store.db", world->folder);
    world->base = event_base_new();
    open_world(world);
    *state = world;
    return 0;
}

static int teardown(void **state)
{
    static const char *const suffixes[] = {"", ".lock", "-wal", "-shm"};
    struct world *world = *state;
    char path[160];
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
    struct answer *answer = arg;
    answer->calls++;
    answer->status = status;
    assert_true((status == STORE_OK) == (results != NULL));
    if (results && store_count(results[0])) {
        answer->rows = store_count(results[0]);
        answer->integer = store_integer(results[0], 0, 0);
        snprintf(answer->text, sizeof answer->text, "%s", store_text(results[0], 0, 0));
    }
}

/* Runs the loop until there is nothing to do. */
static void run(struct world *world)
{
    event_base_loop(world->base, EVLOOP_NONBLOCK);
}

static void add_user(struct store *store, const char *name, struct answer *answer)
{
    struct store_value values[] = {V_TEXT(name), V_TEXT(""), V_INT(1000)};
    struct store_step step = {STATEMENT_USER_ADD, values, 3, true};
    store_run_steps(store, &step, 1, on_done, answer);
}

static size_t count_users(struct world *world)
{
    struct answer answer = {0};
    store_run(world->store, STATEMENT_COUNTS, NULL, 0, on_done, &answer);
    run(world);
    assert_int_equal(answer.calls, 1);
    return (size_t)answer.integer;
}

static uint32_t big_endian(const unsigned char *bytes)
{
    return (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 | bytes[3];
}

/* Commits in the write-ahead log: frames that say how large the database is after them. */
static int count_commits(const struct world *world)
{
    char path[160];
    unsigned char head[32], frame[24];
    int commits = 0;
    snprintf(path, sizeof path, "%s-wal", world->path);
    FILE *log = fopen(path, "rb");
    assert_non_null(log);
    assert_int_equal(fread(head, sizeof head, 1, log), 1);
    while (fread(frame, sizeof frame, 1, log) == 1) {
        /* frames of an older turn of the log have other salts */
        commits += memcmp(frame + 8, head + 16, 8) == 0 && big_endian(frame + 4) != 0;
        fseek(log, (long)big_endian(head + 8), SEEK_CUR);
    }
    fclose(log);
    return commits;
}

/* --- tests ---------------------------------------------------------------------------------- */

static void answers_later_and_once(void **state)
{
    struct world *world = *state;
    struct answer answer = {0};
    add_user(world->store, "alice", &answer);
    assert_int_equal(answer.calls, 0);
    run(world);
    assert_int_equal(answer.calls, 1);
    assert_int_equal(answer.status, STORE_OK);
    assert_string_equal(answer.text, "alice");
    assert_int_equal(count_users(world), 1);
}

static void commits_a_turn_at_once(void **state)
{
    struct world *world = *state;
    struct answer answers[20] = {0};
    int before = count_commits(world);
    char name[16];
    for (size_t i = 0; i < COUNT(answers); i++) {
        snprintf(name, sizeof name, "user%zu",
                 i); /* the same buffer each time: values are copied */
        add_user(world->store, name, &answers[i]);
    }
    run(world);
    for (size_t i = 0; i < COUNT(answers); i++)
        assert_int_equal(answers[i].status, STORE_OK);
    assert_int_equal(count_commits(world), before + 1);
    add_user(world->store, "one", &answers[0]);
    run(world);
    add_user(world->store, "two", &answers[1]);
    run(world);
    assert_int_equal(count_commits(world), before + 3);
    assert_int_equal(count_users(world), 22);
}

static void refusal_spoils_its_own_operation_only(void **state)
{
    struct world *world = *state;
    struct answer first = {0}, twice = {0}, orphan = {0}, last = {0};
    struct store_value token[] = {V_TEXT("hash"), V_TEXT("nohost"), V_INT(1), V_INT(2)};
    add_user(world->store, "alice", &first);
    add_user(world->store, "alice", &twice);
    store_run(world->store, STATEMENT_HOST_TOKEN_ADD, token, 4, on_done,
              &orphan); /* a foreign key that fits nothing */
    add_user(world->store, "bob", &last);
    run(world);
    assert_int_equal(first.status, STORE_OK);
    assert_int_equal(twice.status, STORE_REFUSED);
    assert_int_equal(orphan.status, STORE_REFUSED);
    assert_int_equal(last.status, STORE_OK);
    assert_int_equal(count_users(world), 2);
}

static void steps_are_kept_together_or_not_at_all(void **state)
{
    struct world *world = *state;
    struct answer good = {0}, undone = {0};
    struct store_value alice[] = {V_TEXT("alice"), V_TEXT(""), V_INT(1)},
                       bob[] = {V_TEXT("bob"), V_TEXT(""), V_INT(1)};
    struct store_step both[] = {{STATEMENT_USER_ADD, alice, 3, true},
                                {STATEMENT_USER_ADD, bob, 3, true}};
    struct store_value carol[] = {V_TEXT("carol"), V_TEXT(""), V_INT(1)};
    struct store_step half[] = {{STATEMENT_USER_ADD, carol, 3, true},
                                {STATEMENT_USER_ADD, bob, 3, true}};
    store_run_steps(world->store, both, 2, on_done, &good);
    store_run_steps(world->store, half, 2, on_done, &undone);
    run(world);
    assert_int_equal(good.status, STORE_OK);
    assert_int_equal(undone.status, STORE_REFUSED);
    assert_int_equal(count_users(world), 2);
}

static void wrong_parameters_fail_their_operation_only(void **state)
{
    struct world *world = *state;
    struct answer good = {0}, bad = {0};
    add_user(world->store, "alice", &good);
    store_run(world->store, STATEMENT_USER_ADD, VALUES(V_TEXT("bob")), on_done, &bad);
    run(world);
    assert_int_equal(good.status, STORE_OK);
    assert_int_equal(bad.status, STORE_FAILED);
    assert_int_equal(count_users(world), 1);
}

static void binds_by_name_not_by_position(void **state)
{
    struct world *world = *state;
    struct answer made = {0}, shown = {0};
    add_user(world->store, "alice", &made);
    /* INVITATION_ADD has $1, $3, $4 before $2 */
    store_run(world->store, STATEMENT_INVITATION_ADD,
              VALUES(V_TEXT("hash"), V_TEXT("alice"), V_INT(5), V_INT(900)), on_done, &made);
    store_run(world->store, STATEMENT_INVITATION_SHOW,
              VALUES(V_TEXT("hash"), V_INT(899), V_TEXT("")), on_done, &shown);
    run(world);
    assert_int_equal(shown.rows, 1);
    assert_string_equal(shown.text, "alice");
    shown.rows = 0;
    store_run(world->store, STATEMENT_INVITATION_SHOW,
              VALUES(V_TEXT("hash"), V_INT(900), V_TEXT("")), on_done, &shown);
    run(world);
    assert_int_equal(shown.rows, 0);
}

static void look_at_host(void *arg, enum store_status status,
                         const struct store_rows *const *results)
{
    assert_int_equal(status, STORE_OK);
    assert_int_equal(store_count(results[0]), 1);
    assert_string_equal(store_text(results[0], 0, 0), "web1");
    assert_string_equal(store_text(results[0], 0, 1), "");
    assert_false(store_is_null(results[0], 0, 1));
    assert_int_equal(store_integer(results[0], 0, 3), INT64_MAX);
    assert_true(store_is_null(results[0], 0, 4)); /* joined: not yet */
    assert_int_equal(store_integer(results[0], 0, 4), 0);
    assert_string_equal(store_text(results[0], 0, 4), "");
    /* beyond the end there is nothing, and nothing breaks */
    assert_true(store_is_null(results[0], 1, 0));
    assert_true(store_is_null(results[0], 0, 99));
    assert_true(store_is_null(results[0], 0, -1));
    *(bool *)arg = true;
}

static void gives_rows_as_they_are(void **state)
{
    struct world *world = *state;
    struct answer made = {0};
    bool looked = false;
    store_run(world->store, STATEMENT_HOST_ADD,
              VALUES(V_TEXT("web1"), V_TEXT(""), V_INT(INT64_MAX)), on_done, &made);
    store_run(world->store, STATEMENT_HOST_LIST, NULL, 0, look_at_host, &looked);
    run(world);
    assert_true(looked);
}

static void null_text_is_null(void **state)
{
    struct world *world = *state;
    struct answer all = {0}, none = {0};
    add_user(world->store, "alice", &all);
    store_run(world->store, STATEMENT_ACTIVITY_ALL, VALUES(V_TEXT(NULL), V_INT(5)), on_done, &none);
    store_run(world->store, STATEMENT_USER_ADD, VALUES(V_TEXT("bob"), V_TEXT(NULL), V_INT(1)),
              on_done, &all);
    run(world);
    assert_int_equal(none.status, STORE_OK);
    assert_int_equal(all.status, STORE_REFUSED); /* NOT NULL */
}

static void add_another(void *arg, enum store_status status,
                        const struct store_rows *const *results)
{
    struct answer *answer = arg;
    on_done(arg, status, results);
    if (answer->calls == 1)
        store_run(answer->again, STATEMENT_USER_ADD, VALUES(V_TEXT("bob"), V_TEXT(""), V_INT(1)),
                  add_another, answer);
}

static void callbacks_may_start_operations(void **state)
{
    struct world *world = *state;
    struct answer answer = {.again = world->store};
    store_run(world->store, STATEMENT_USER_ADD, VALUES(V_TEXT("alice"), V_TEXT(""), V_INT(1)),
              add_another, &answer);
    for (int i = 0; i < 5; i++)
        run(world);
    assert_int_equal(answer.calls, 2);
    assert_int_equal(count_users(world), 2);
}

static void a_locked_store_fails_all_of_a_turn_and_recovers(void **state)
{
    struct world *world = *state;
    struct answer answers[3] = {0};
    sqlite3 *other = NULL;
    assert_int_equal(sqlite3_open(world->path, &other), SQLITE_OK);
    assert_int_equal(sqlite3_exec(other, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
    add_user(world->store, "alice", &answers[0]);
    add_user(world->store, "bob", &answers[1]);
    run(world);
    assert_int_equal(answers[0].status, STORE_FAILED);
    assert_int_equal(answers[1].status, STORE_FAILED);
    assert_int_equal(sqlite3_exec(other, "ROLLBACK", NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(other);
    add_user(world->store, "alice", &answers[2]);
    run(world);
    assert_int_equal(answers[2].status, STORE_OK);
    assert_int_equal(count_users(world), 1);
}

/* A limit on file sizes stands for the disk's end. */
static void a_full_disk_fails_all_of_a_turn_and_recovers(void **state)
{
    struct world *world = *state;
    struct answer small = {0}, large = {0}, after = {0};
    static char text[4 * 1024 * 1024];
    struct rlimit before, few;
    memset(text, 'x', sizeof text - 1);
    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    few = before;
    few.rlim_cur = 2 * 1024 * 1024;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &few), 0);
    add_user(world->store, "alice", &small);
    store_run(world->store, STATEMENT_USER_ADD, VALUES(V_TEXT("bob"), V_TEXT(text), V_INT(1)),
              on_done, &large);
    run(world);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    assert_int_equal(small.status, STORE_FAILED);
    assert_int_equal(large.status, STORE_FAILED);
    assert_int_equal(count_users(world), 0);
    add_user(world->store, "alice", &after);
    run(world);
    assert_int_equal(after.status, STORE_OK);
    assert_int_equal(count_users(world), 1);
}

static void what_was_answered_survives_a_kill(void **state)
{
    struct world *world = *state;
    store_close(world->store);
    world->store = NULL;
    pid_t child = fork();
    if (child == 0) {
        struct answer answer = {0};
        event_reinit(world->base);
        open_world(world);
        add_user(world->store, "alice", &answer);
        run(world);
        if (answer.status == STORE_OK && answer.calls == 1)
            kill(getpid(), SIGKILL);
        _exit(1);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    open_world(world);
    assert_int_equal(count_users(world), 1);
}

static void closing_runs_what_is_queued(void **state)
{
    struct world *world = *state;
    struct answer answer = {0};
    add_user(world->store, "alice", &answer);
    store_close(world->store);
    assert_int_equal(answer.status, STORE_OK);
    assert_int_equal(answer.calls, 1);
    open_world(world);
    assert_int_equal(count_users(world), 1);
}

static void one_server_a_store(void **state)
{
    struct world *world = *state;
    assert_true(store_in_use(world->path));
    assert_null(store_open(world->base, world->path, false, why, sizeof why));
    assert_non_null(strstr(why, "in use by another"));
    store_close(world->store);
    assert_false(store_in_use(world->path));
    open_world(world);
}

static void refuses_files_that_are_not_its_own(void **state)
{
    struct world *world = *state;
    struct stat st;
    sqlite3 *other = NULL;
    assert_int_equal(stat(world->path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    store_close(world->store);
    world->store = NULL;

    assert_int_equal(chmod(world->path, 0640), 0);
    assert_null(store_open(world->base, world->path, false, why, sizeof why));
    assert_non_null(strstr(why, "chmod 600"));
    assert_int_equal(chmod(world->path, 0600), 0);

    assert_int_equal(sqlite3_open(world->path, &other), SQLITE_OK);
    assert_int_equal(sqlite3_exec(other, "PRAGMA user_version = 99", NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(other);
    assert_null(store_open(world->base, world->path, false, why, sizeof why));
    assert_non_null(strstr(why, "newer"));

    assert_int_equal(unlink(world->path), 0);
    assert_null(store_open(world->base, world->path, false, why, sizeof why));
    assert_non_null(strstr(why, "approve-server init"));
    assert_int_equal(access(world->path, F_OK), -1); /* it was not made by looking */

    assert_int_equal(symlink("/dev/null", world->path), 0);
    assert_null(store_open(world->base, world->path, true, why, sizeof why));
    assert_int_equal(unlink(world->path), 0);

    int fd = open(world->path, O_WRONLY | O_CREAT, 0600);
    assert_int_equal(
        write(fd, "no database, but long enough to look like some file with text in it", 66), 66);
    close(fd);
    assert_null(store_open(world->base, world->path, true, why, sizeof why));
    assert_non_null(strstr(why, world->path));
    assert_int_equal(unlink(world->path), 0);
    open_world(world);
}

static void run_sql(const struct world *world, const char *sql)
{
    sqlite3 *db;
    assert_int_equal(sqlite3_open(world->path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(db);
}

static void see_id(struct world *world, const char *id, struct answer *answer)
{
    struct store_value values[] = {V_TEXT("host web1"), V_TEXT(id), V_INT(7000)};
    struct store_step step = {STATEMENT_SEEN_ADD, values, 3, true};
    store_run_steps(world->store, &step, 1, on_done, answer);
    run(world);
    assert_int_equal(answer->calls, 1);
}

static void an_older_store_is_brought_up_to_date(void **state)
{
    struct world *world = *state;
    struct answer used = {0}, fresh = {0};

    store_close(world->store);
    run_sql(world, "DROP TABLE seen_ids;"
                   "CREATE TABLE seen_ids (sender TEXT NOT NULL, id TEXT NOT NULL,"
                   " ends BIGINT NOT NULL, PRIMARY KEY (sender, id)) WITHOUT ROWID;"
                   "CREATE INDEX seen_ids_ends ON seen_ids (ends);"
                   "INSERT INTO seen_ids VALUES ('host web1', 'used', 7000);"
                   "DROP INDEX requests_by_code; DROP INDEX requests_unshown;"
                   "PRAGMA user_version = 1");
    world->store = store_open(world->base, world->path, false, why, sizeof why);
    assert_non_null(world->store);
    see_id(world, "used", &used);
    assert_int_equal(used.status, STORE_REFUSED);
    see_id(world, "fresh", &fresh);
    assert_int_equal(fresh.status, STORE_OK);

    store_close(world->store);
    run_sql(world, "DROP TABLE seen_ids; PRAGMA user_version = 1"); /* none of ours */
    assert_null(store_open(world->base, world->path, false, why, sizeof why));
    assert_non_null(strstr(why, "seen_ids"));
    assert_int_equal(unlink(world->path), 0);
    open_world(world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(answers_later_and_once, setup, teardown),
        cmocka_unit_test_setup_teardown(commits_a_turn_at_once, setup, teardown),
        cmocka_unit_test_setup_teardown(refusal_spoils_its_own_operation_only, setup, teardown),
        cmocka_unit_test_setup_teardown(steps_are_kept_together_or_not_at_all, setup, teardown),
        cmocka_unit_test_setup_teardown(wrong_parameters_fail_their_operation_only, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(binds_by_name_not_by_position, setup, teardown),
        cmocka_unit_test_setup_teardown(gives_rows_as_they_are, setup, teardown),
        cmocka_unit_test_setup_teardown(null_text_is_null, setup, teardown),
        cmocka_unit_test_setup_teardown(callbacks_may_start_operations, setup, teardown),
        cmocka_unit_test_setup_teardown(a_locked_store_fails_all_of_a_turn_and_recovers, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_full_disk_fails_all_of_a_turn_and_recovers, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(what_was_answered_survives_a_kill, setup, teardown),
        cmocka_unit_test_setup_teardown(closing_runs_what_is_queued, setup, teardown),
        cmocka_unit_test_setup_teardown(one_server_a_store, setup, teardown),
        cmocka_unit_test_setup_teardown(refuses_files_that_are_not_its_own, setup, teardown),
        cmocka_unit_test_setup_teardown(an_older_store_is_brought_up_to_date, setup, teardown),
    };
    log_open("test_store", false, LOG_LEVEL_ERROR);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
