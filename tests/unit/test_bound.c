/* Codes bound to this host: what the helper keeps, and which code counts (docs/bound-codes.md). */
#include "common/clock.h"
#include "tests/unit/unit.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base64url.h"
#include "common/file.h"
#include "common/login.h"
#include "common/seal.h"
#include "common/totp.h"
#include "helper/bound.h"
#include "helper/bound_store.h"
#include "phone/terminal/host_codes.h"

#define NOW INT64_C(1700000010) /* within a step, after its begin */
#define LATER (NOW + 2 * TOTP_STEP)
#define STEP(time) ((time) / TOTP_STEP)
#define HASH "Qf_Yt2r8kqZXWP2aCAroBCHBlvJRJjuHy_tuVn3aCHk"
#define PHONE "JjpNvkFIj7hyFLADIznbufDI2hTBbfzxMIS_PCVS7KU"
#define TABLET "47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU"

static char folder[] = "/tmp/approve-bound-XXXXXX", path[64];
static struct bound *bound;
static struct host host;
static const unsigned char secret[SEAL_SECRET] = "a secret of 20 bytes";
static const unsigned char another[SEAL_SECRET] = "others: 20 bytes too";

static int set_up(void **state)
{
    char why[256];

    (void)state;
    strcpy(folder + strlen(folder) - 6, "XXXXXX");
    if (!mkdtemp(folder))
        return -1;
    snprintf(path, sizeof(path), "%s/codes", folder);
    host = (struct host){.trust = TRUST_BACKEND};
    bound = bound_open(folder, why, sizeof(why));
    return bound ? 0 : -1;
}

static int tear_down(void **state)
{
    char key[80];

    (void)state;
    bound_free(bound);
    bound = NULL;
    snprintf(key, sizeof(key), "%s/codes.key", folder);
    unlink(key);
    unlink(path);
    return rmdir(folder);
}

static void reopen(void)
{
    char why[256] = "";

    bound_free(bound);
    bound = bound_open(folder, why, sizeof(why));
    assert_string_equal(why, "");
    assert_non_null(bound);
}

static void keep(const char *user, const char *device, const unsigned char *bytes, int64_t now)
{
    struct jwk *key = jwk_from_json(bound_key(bound));
    char *sealed = seal_secret(key, HASH, device, bytes);

    assert_non_null(sealed);
    bound_keep(bound, user, device, HASH, sealed, now);
    free(sealed);
    jwk_free(key);
}

static struct bound_trial last;

static enum bound_answer try(const char *user, int code, int64_t now)
{
    last = (struct bound_trial){.host = &host, .user = user, .code = code, .now = now};
    return bound_try(bound, &last);
}

static enum bound_answer try_step(const char *user, const unsigned char *bytes, int64_t step,
                                  int64_t now)
{
    return try(user, totp_code(bytes, SEAL_SECRET, step), now);
}

/* A code that no step around has. */
static int wrong_code(int64_t now)
{
    for (int code = 0;; code++) {
        int64_t step;
        if (totp_find(secret, SEAL_SECRET, now, code, &step) == 0 &&
            totp_find(another, SEAL_SECRET, now, code, &step) == 0)
            return code;
    }
}

static void a_code_counts_once_and_no_earlier_one_after_it(void **state)
{
    (void)state;
    keep("alice", PHONE, secret, NOW);
    assert_int_equal(try_step("alice", secret, STEP(LATER), LATER), BOUND_RIGHT);
    assert_string_equal(last.device, PHONE);
    assert_int_equal(try_step("alice", secret, STEP(LATER), LATER), BOUND_WRONG);
    assert_string_equal(last.device, "");
    assert_int_equal(try_step("alice", secret, STEP(LATER) - 1, LATER), BOUND_WRONG);
    reopen();
    assert_int_equal(try_step("alice", secret, STEP(LATER), LATER), BOUND_WRONG);
    assert_int_equal(try_step("alice", secret, STEP(LATER) + 1, LATER), BOUND_RIGHT);
}

static void a_clock_may_be_off_by_one_step(void **state)
{
    (void)state;
    keep("alice", PHONE, secret, NOW);
    assert_int_equal(try_step("alice", secret, STEP(LATER) - 2, LATER), BOUND_WRONG);
    assert_int_equal(try_step("alice", secret, STEP(LATER) + 2, LATER), BOUND_WRONG);
    assert_int_equal(try_step("alice", secret, STEP(LATER) - 1, LATER), BOUND_RIGHT);
    assert_int_equal(try_step("alice", secret, STEP(LATER) + 1, LATER), BOUND_RIGHT);
}

static void it_is_the_user_s_own(void **state)
{
    (void)state;
    keep("alice", PHONE, secret, NOW);
    assert_int_equal(try_step("bob", secret, STEP(LATER), LATER), BOUND_WRONG);
    keep("alice", TABLET, another, NOW);
    assert_int_equal(try_step("alice", another, STEP(LATER), LATER), BOUND_RIGHT);
    assert_string_equal(last.device, TABLET);
    assert_int_equal(try_step("alice", secret, STEP(LATER), LATER), BOUND_RIGHT);
}

static void a_secret_that_is_new_here_counts_from_the_next_step_on(void **state)
{
    (void)state;
    keep("alice", PHONE, secret, NOW);
    assert_int_equal(try_step("alice", secret, STEP(NOW), NOW), BOUND_WRONG);
    assert_int_equal(try_step("alice", secret, STEP(NOW) - 1, NOW), BOUND_WRONG);
    assert_int_equal(try_step("alice", secret, STEP(NOW) + 1, NOW), BOUND_RIGHT);
    /* The file is lost, with the step that was used up. */
    unlink(path);
    reopen();
    keep("alice", PHONE, secret, NOW + TOTP_STEP);
    assert_int_equal(try_step("alice", secret, STEP(NOW) + 1, NOW + TOTP_STEP), BOUND_WRONG);
    /* The same secret again changes nothing. */
    keep("alice", PHONE, secret, LATER);
    assert_int_equal(try_step("alice", secret, STEP(LATER), LATER), BOUND_RIGHT);
}

static void another_secret_takes_the_place_of_the_first(void **state)
{
    (void)state;
    keep("alice", PHONE, secret, NOW);
    keep("alice", PHONE, another, NOW);
    assert_int_equal(try_step("alice", secret, STEP(LATER), LATER), BOUND_WRONG);
    assert_int_equal(try_step("alice", another, STEP(LATER), LATER), BOUND_RIGHT);
}

static void what_does_not_open_changes_nothing(void **state)
{
    struct jwk *stranger = jwk_new_p256(), *own = jwk_from_json(bound_key(bound));
    char *elsewhere = seal_secret(stranger, HASH, PHONE, another);
    char *other_device = seal_secret(own, HASH, TABLET, another);
    char *other_login = seal_secret(own, TABLET, PHONE, another);
    const char *rows[] = {"", "AAAA", "not base64url!", elsewhere, other_device, other_login};

    (void)state;
    keep("alice", PHONE, secret, NOW);
    for (size_t i = 0; i < COUNT(rows); i++)
        bound_keep(bound, "alice", PHONE, HASH, rows[i], NOW);
    assert_int_equal(try_step("alice", another, STEP(LATER), LATER), BOUND_WRONG);
    assert_int_equal(try_step("alice", secret, STEP(LATER), LATER), BOUND_RIGHT);
    free(elsewhere);
    free(other_device);
    free(other_login);
    jwk_free(own);
    jwk_free(stranger);
}

static void with_trust_pinned_only_a_pinned_device_counts(void **state)
{
    struct host_pin pin = {"alice", TABLET};

    (void)state;
    keep("alice", PHONE, secret, NOW);
    keep("alice", TABLET, another, NOW);
    host = (struct host){.trust = TRUST_PINNED, .pins = &pin, .pin_count = 1};
    assert_int_equal(try_step("alice", secret, STEP(LATER), LATER), BOUND_WRONG);
    assert_int_equal(try_step("alice", another, STEP(LATER), LATER), BOUND_RIGHT);
}

static void wrong_codes_are_limited_for_a_user_and_the_lock_outlives_a_restart(void **state)
{
    (void)state;
    keep("alice", PHONE, secret, NOW);
    keep("bob", TABLET, another, NOW);
    for (int i = 0; i < BOUND_WRONG_USER; i++)
        assert_int_equal(try("alice", wrong_code(LATER), LATER + i), BOUND_WRONG);
    assert_int_equal(try_step("alice", secret, STEP(LATER), LATER + 5), BOUND_LOCKED);
    assert_int_equal(last.locked, BOUND_WINDOW - 5);
    assert_int_equal(try_step("bob", another, STEP(LATER), LATER + 5), BOUND_RIGHT);
    reopen();
    assert_int_equal(try_step("alice", secret, STEP(LATER), LATER + 6), BOUND_LOCKED);
    int64_t end = LATER + BOUND_WINDOW;
    assert_int_equal(try_step("alice", secret, STEP(end), end - 1), BOUND_LOCKED);
    assert_int_equal(last.locked, 1);
    assert_int_equal(try_step("alice", secret, STEP(end), end), BOUND_RIGHT);
}

static void they_are_limited_for_the_host_too(void **state)
{
    char user[16];

    (void)state;
    keep("alice", PHONE, secret, NOW);
    for (int i = 0; i < BOUND_WRONG_HOST; i++) {
        snprintf(user, sizeof(user), "u%d", i / (BOUND_WRONG_USER - 1));
        assert_int_equal(try(user, wrong_code(LATER), LATER), BOUND_WRONG);
    }
    assert_int_equal(try_step("alice", secret, STEP(LATER), LATER), BOUND_LOCKED);
    /* The clock was put back: the lock lasts no longer than it would from now on. */
    assert_int_equal(try_step("alice", secret, STEP(NOW), NOW), BOUND_LOCKED);
    assert_int_equal(last.locked, BOUND_WINDOW);
}

/* Wrong codes of alice's, one each so many seconds; returns when the last one was tried. */
static int64_t try_wrong(int count, int64_t from, int64_t gap)
{
    for (int i = 0; i < count; i++)
        assert_int_equal(try("alice", wrong_code(from + i * gap), from + i * gap), BOUND_WRONG);
    return from + (count - 1) * gap;
}

static void a_day_has_a_limit_of_its_own(void **state)
{
    int64_t now, end = LATER + BOUND_DAY;

    (void)state;
    keep("alice", PHONE, secret, NOW);
    now = try_wrong(BOUND_WRONG_DAY, LATER, BOUND_WINDOW) + BOUND_WINDOW;
    reopen();
    assert_int_equal(try_step("alice", secret, STEP(now), now), BOUND_LOCKED);
    assert_int_equal(last.locked, end - now);
    bound_approved(bound, "alice"); /* ends a row, not a day */
    assert_int_equal(try_step("alice", secret, STEP(end), end - 1), BOUND_LOCKED);
    assert_int_equal(last.locked, 1);
    assert_int_equal(try_step("alice", secret, STEP(end), end), BOUND_RIGHT);
    assert_int_equal(try_wrong(1, end + TOTP_STEP, 0), end + TOTP_STEP);
}

#define GAP (BOUND_DAY / BOUND_WRONG_DAY) /* seconds: as often as a day's limit allows */

static void a_row_is_locked_until_an_approval_by_phone(void **state)
{
    int64_t now;

    (void)state;
    keep("alice", PHONE, secret, NOW);
    keep("bob", TABLET, another, NOW);
    now = try_wrong(BOUND_WRONG_ROW, LATER, GAP) + BOUND_DAY;
    reopen();
    assert_int_equal(try_step("alice", secret, STEP(now), now), BOUND_LOCKED);
    assert_int_equal(last.locked, 0); /* no time that a person would wait for */
    assert_int_equal(try_step("bob", another, STEP(now), now), BOUND_RIGHT);
    bound_approved(bound, "bob");
    assert_int_equal(try_step("alice", secret, STEP(now), now), BOUND_LOCKED);
    bound_approved(bound, "alice");
    reopen();
    assert_int_equal(try_step("alice", secret, STEP(now), now), BOUND_RIGHT);
    /* A row that nobody ends is as long as the last 90 days are. */
    now = try_wrong(BOUND_WRONG_ROW, now + TOTP_STEP, GAP);
    now += BOUND_ROW - (BOUND_WRONG_ROW - 1) * GAP;
    assert_int_equal(try_step("alice", secret, STEP(now), now - 1), BOUND_LOCKED);
    assert_int_equal(try_step("alice", secret, STEP(now), now), BOUND_RIGHT);
}

static void a_right_code_ends_a_row(void **state)
{
    int64_t now;

    (void)state;
    keep("alice", PHONE, secret, NOW);
    now = try_wrong(BOUND_WRONG_ROW - 1, LATER, GAP) + GAP;
    assert_int_equal(try_step("alice", secret, STEP(now), now), BOUND_RIGHT);
    reopen();
    now = try_wrong(BOUND_WRONG_ROW - 1, now + GAP, GAP) + GAP;
    assert_int_equal(try_step("alice", secret, STEP(now), now), BOUND_RIGHT);
}

static void no_crowd_of_others_makes_a_user_s_wrong_codes_forgotten(void **state)
{
    struct bound_store *store = calloc(1, sizeof(*store));
    char user[16], *text;
    long seconds;

    (void)state;
    bound_store_add(store, "alice", PHONE);
    for (int i = 0; i < BOUND_WRONG_USER; i++)
        bound_store_add_wrong(store, "alice", NOW);
    for (int i = 0; i < 2 * BOUND_WRONG_MAX; i++) {
        snprintf(user, sizeof(user), "u%d", i);
        bound_store_add_wrong(store, user, NOW + 1);
    }
    assert_int_equal(store->wrong_count, BOUND_WRONG_MAX);
    assert_string_equal(store->wrong[BOUND_WRONG_USER - 1].user, "alice");
    assert_string_equal(store->wrong[BOUND_WRONG_MAX - 1].user, user);
    /* Where all are of users who have secrets, no more are tried. */
    for (int i = 0; i < BOUND_WRONG_MAX; i++)
        strcpy(store->wrong[i].user, "alice");
    assert_true(bound_store_locked(store, "bob", NOW + BOUND_DAY, &seconds));
    assert_int_equal(seconds, BOUND_ROW - BOUND_DAY);
    bound_store_add_wrong(store, "bob", NOW + BOUND_DAY);
    assert_string_equal(store->wrong[BOUND_WRONG_MAX - 1].user, "alice");
    assert_true(bound_store_end_row(store, "alice"));
    assert_false(bound_store_locked(store, "bob", NOW + BOUND_DAY + 1, &seconds));
    assert_int_equal(store->wrong_count, 0);
    /* The longest lines fit in the file. */
    for (int i = 0; i < BOUND_SECRETS; i++) {
        struct bound_secret *entry = &store->secrets[i];

        snprintf(entry->user, sizeof(entry->user), "%0128d", i);
        strcpy(entry->device, PHONE);
        entry->step = entry->used = TIME_MOST;
    }
    for (int i = 0; i < BOUND_WRONG_MAX; i++) {
        store->wrong[i] = (struct bound_wrong){.at = TIME_MOST, .in_row = true};
        snprintf(store->wrong[i].user, sizeof(store->wrong[i].user), "%0128d", i);
    }
    store->secret_count = BOUND_SECRETS;
    store->wrong_count = BOUND_WRONG_MAX;
    text = bound_store_text(store);
    assert_int_equal(bound_store_read(store, text, strlen(text)), 0);
    free(text);
    free(store);
}

static void what_is_not_on_the_disk_opens_nothing(void **state)
{
    (void)state;
    keep("alice", PHONE, secret, NOW);
    unlink(path);
    assert_int_equal(mkdir(path, 0700), 0); /* no file can take this name */
    assert_int_equal(try_step("alice", secret, STEP(LATER), LATER), BOUND_WRONG);
    rmdir(path);
    assert_int_equal(try_step("alice", secret, STEP(LATER), LATER), BOUND_WRONG); /* used up */
    assert_int_equal(try_step("alice", secret, STEP(LATER) + 1, LATER), BOUND_RIGHT);
}

static void devices_that_are_gone_go(void **state)
{
    json_t *gone = json_pack("[s, i, s]", "unknown", 7, PHONE);
    char *held;

    (void)state;
    keep("alice", PHONE, secret, NOW);
    keep("bob", TABLET, another, NOW);
    held = bound_held(bound, "bob");
    assert_string_equal(held, TABLET " " PHONE); /* the user's own first */
    free(held);
    bound_drop(bound, gone);
    json_decref(gone);
    bound_drop(bound, NULL);
    reopen();
    assert_int_equal(try_step("alice", secret, STEP(LATER), LATER), BOUND_WRONG);
    assert_int_equal(try_step("bob", another, STEP(LATER), LATER), BOUND_RIGHT);
}

static void thumbprint_of(int i, char out[44])
{
    char text[16];

    snprintf(text, sizeof(text), "device %d", i);
    login_hash(text, strlen(text), out);
}

static void there_is_room_for_so_many_and_all_are_named_in_turn(void **state)
{
    char device[44], user[16], *held;
    int seen = 0;

    (void)state;
    for (int i = 0; i < BOUND_PER_USER + 3; i++) {
        thumbprint_of(i, device);
        keep("alice", device, secret, NOW + i);
    }
    held = bound_held(bound, "alice");
    assert_int_equal(strlen(held), BOUND_PER_USER * 44 - 1);
    thumbprint_of(2, device);
    assert_null(strstr(held, device)); /* the longest unused gave way */
    thumbprint_of(3, device);
    assert_non_null(strstr(held, device));
    free(held);
    for (int i = 100; i < 200; i++) {
        snprintf(user, sizeof(user), "u%d", i);
        thumbprint_of(i, device);
        keep(user, device, secret, NOW);
    }
    for (int round = 0; round < 6; round++) {
        held = bound_held(bound, "nobody");
        assert_true(strlen(held) == BOUND_HELD * 44 - 1);
        thumbprint_of(150, device);
        seen += strstr(held, device) != NULL;
        free(held);
    }
    assert_true(seen > 0);
}

/* Each is refused whole. */
static void a_damaged_file_is_as_none(void **state)
{
#define LINE "secret " PHONE " YSBzZWNyZXQgb2YgMjAgYnl0ZXM 1 2 alice\n"
#define HEAD "approve-codes 2\n"
    static const char good[] = HEAD LINE "past 6 bob\nwrong 7 a user with blanks\n";
    static const char before[] = "approve-codes 1\n" LINE "wrong 7 bob\n";
    static const char *const rows[] = {
        "",
        "approve-codes 3\n" LINE,
        "approve-codes 1\n" LINE "past 6 bob\n",
        LINE,
        HEAD "secret " PHONE " YSBzZWNyZXQgb2YgMjAgYnl0ZXM 1 2 alice",
        HEAD LINE LINE,
        HEAD LINE "\n",
        HEAD "secret  YSBzZWNyZXQgb2YgMjAgYnl0ZXM 1 2 alice\n",
        HEAD "secret " PHONE " YSBzZWNyZXQgb2YgMjAgYnl0ZX 1 2 alice\n",
        HEAD "secret " PHONE " YSBzZWNyZXQgb2YgMjAgYnl0ZXM -1 2 alice\n",
        HEAD "secret " PHONE " YSBzZWNyZXQgb2YgMjAgYnl0ZXM 1 99999999999999999999 alice\n",
        HEAD "secret " PHONE " YSBzZWNyZXQgb2YgMjAgYnl0ZXM 1 2 \n",
        HEAD "secret " PHONE " YSBzZWNyZXQgb2YgMjAgYnl0ZXM 1 2 al\tice\n",
        HEAD "wrong x alice\n",
        HEAD "past 1\n",
        HEAD "other 1 alice\n",
    };
    struct bound_store *store = calloc(1, sizeof(*store));

    (void)state;
    assert_int_equal(bound_store_read(store, good, strlen(good)), 0);
    assert_int_equal(store->secret_count, 1);
    assert_memory_equal(store->secrets[0].secret, secret, SEAL_SECRET);
    assert_string_equal(store->wrong[1].user, "a user with blanks");
    assert_false(store->wrong[0].in_row);
    assert_true(store->wrong[1].in_row);
    char *text = bound_store_text(store);
    assert_string_equal(text, good);
    free(text);
    assert_int_equal(bound_store_read(store, before, strlen(before)), 0);
    assert_true(store->secret_count == 1 && store->wrong[0].in_row);
    for (size_t i = 0; i < COUNT(rows); i++) {
        if (bound_store_read(store, rows[i], strlen(rows[i])) == 0)
            fail_msg("read: %s", rows[i]);
        assert_int_equal(store->secret_count + store->wrong_count, 0);
    }
    assert_int_equal(bound_store_read(store, HEAD "wrong 1 a\0\n", strlen(HEAD) + 11), -1);
    free(store);
    /* The helper starts with it, and takes new secrets. */
    assert_int_equal(file_write(path, "junk", 4, 0600, geteuid(), getegid()), 0);
    reopen();
    assert_int_equal(try_step("alice", secret, STEP(NOW), NOW), BOUND_WRONG);
    keep("alice", PHONE, secret, NOW);
    assert_int_equal(try_step("alice", secret, STEP(LATER), LATER), BOUND_RIGHT);
}

static void files_and_folder_are_ours_alone(void **state)
{
    struct stat st;
    char key[80], why[256] = "";

    (void)state;
    keep("alice", PHONE, secret, NOW);
    snprintf(key, sizeof(key), "%s/codes.key", folder);
    assert_int_equal(stat(key, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0600);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0600);
    chmod(path, 0644); /* as none */
    reopen();
    assert_int_equal(try_step("alice", secret, STEP(LATER), LATER), BOUND_WRONG);
    chmod(folder, 0755);
    assert_null(bound_open(folder, why, sizeof(why)));
    assert_non_null(strstr(why, "0700"));
    chmod(folder, 0700);
    chmod(key, 0640);
    assert_null(bound_open(folder, why, sizeof(why)));
    chmod(key, 0600);
    assert_int_equal(file_write(key, "junk", 4, 0600, geteuid(), getegid()), 0);
    assert_null(bound_open(folder, why, sizeof(why)));
    assert_null(bound_open("/nowhere/at/all", why, sizeof(why)));
}

static void the_key_stays_and_a_new_one_is_made_where_there_is_none(void **state)
{
    json_t *first = json_deep_copy(bound_key(bound));
    char key[80];

    (void)state;
    reopen();
    assert_true(json_equal(first, bound_key(bound)));
    snprintf(key, sizeof(key), "%s/codes.key", folder);
    unlink(key);
    reopen();
    assert_false(json_equal(first, bound_key(bound)));
    json_decref(first);
}

/* The vector is Python's: HMAC over the text of docs/bound-codes.md, root 0 to 31. */
static void a_phone_derives_a_host_s_secret(void **state)
{
    static const unsigned char expected[SEAL_SECRET] = {0xd3, 0x88, 0xd8, 0x4f, 0xd6, 0xc6, 0x2a,
                                                        0x1f, 0x57, 0x21, 0xd0, 0x1a, 0x4a, 0x77,
                                                        0x98, 0xdd, 0xfc, 0x26, 0xe4, 0x6a};
    unsigned char root[HOST_CODES_ROOT], out[SEAL_SECRET];

    (void)state;
    for (unsigned char i = 0; i < HOST_CODES_ROOT; i++)
        root[i] = i;
    assert_int_equal(
        host_codes_secret(root, PHONE, "web1", "-VXbvbYUPVvo-yCs-vFmJhCQJjBX07yKxaNKCHqahl0", out),
        0);
    assert_memory_equal(out, expected, SEAL_SECRET);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(a_code_counts_once_and_no_earlier_one_after_it),
        TEST(a_clock_may_be_off_by_one_step),
        TEST(it_is_the_user_s_own),
        TEST(a_secret_that_is_new_here_counts_from_the_next_step_on),
        TEST(another_secret_takes_the_place_of_the_first),
        TEST(what_does_not_open_changes_nothing),
        TEST(with_trust_pinned_only_a_pinned_device_counts),
        TEST(wrong_codes_are_limited_for_a_user_and_the_lock_outlives_a_restart),
        TEST(they_are_limited_for_the_host_too),
        TEST(a_day_has_a_limit_of_its_own),
        TEST(a_row_is_locked_until_an_approval_by_phone),
        TEST(a_right_code_ends_a_row),
        TEST(no_crowd_of_others_makes_a_user_s_wrong_codes_forgotten),
        TEST(what_is_not_on_the_disk_opens_nothing),
        TEST(devices_that_are_gone_go),
        TEST(there_is_room_for_so_many_and_all_are_named_in_turn),
        TEST(a_damaged_file_is_as_none),
        TEST(files_and_folder_are_ours_alone),
        TEST(the_key_stays_and_a_new_one_is_made_where_there_is_none),
        TEST(a_phone_derives_a_host_s_secret),
    };
    return cmocka_run_group_tests_name("bound", tests, NULL, NULL);
}
