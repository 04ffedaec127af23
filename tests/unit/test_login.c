#include "tests/unit/unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/json_text.h"
#include "common/login.h"
#include "common/random.h"
#include "tests/unit/forge.h"
#include "tests/unit/vectors.h"

#define NOW 1700000000
#define REQUEST "AAAAAAAAAAAAAAAAAAAAAA"

static struct login sample(void)
{
    return (struct login){
        .request = REQUEST,
        .issuer = "https://approve.example.org",
        .host = "web1",
        .host_name = "Web \xc3\xa9t\xc3\xa9",
        .service = "sshd",
        .user = "alice",
        .rhost = "192.0.2.7",
        .tty = "ssh",
        .mode = NUMBER_CHOOSE,
        .candidates = {12, 47, 83},
        .issued = NOW,
        .expires = NOW + 60,
    };
}

/* The text of a login, as an object to change. */
static json_t *sample_json(void)
{
    struct login login = sample();
    char *text = login_to_text(&login);
    assert_non_null(text);
    json_t *json = json_text_object(text, strlen(text), LOGIN_DETAILS_MAX);
    free(text);
    return json;
}

static bool is_taken(const json_t *json)
{
    struct login login;
    char *text = json_text_dump(json);
    bool taken = login_from_text(text, strlen(text), &login) == 0;
    login_clear(&login);
    free(text);
    return taken;
}

/* Is the sample taken with this member? Takes the reference; NULL leaves the member out. */
static bool is_taken_with(const char *name, json_t *value)
{
    json_t *json = sample_json();
    if (value)
        json_object_set_new(json, name, value);
    else
        json_object_del(json, name);
    bool taken = is_taken(json);
    json_decref(json);
    return taken;
}

static bool is_taken_with_text(const char *name, char fill, size_t len)
{
    char text[600];
    memset(text, fill, len);
    text[len] = '\0';
    return is_taken_with(name, json_string(text));
}

static void what_is_written_is_read(void **state)
{
    struct login login = sample(), back;
    char *text;

    (void)state;
    login.host_key = json_loads(RFC7515_A3_KEY, 0, NULL);
    text = login_to_text(&login);
    assert_non_null(text);
    assert_int_equal(login_from_text(text, strlen(text), &back), 0);
    assert_string_equal(back.request, login.request);
    assert_string_equal(back.issuer, login.issuer);
    assert_string_equal(back.host, login.host);
    assert_string_equal(back.host_name, login.host_name);
    assert_string_equal(back.service, login.service);
    assert_string_equal(back.user, login.user);
    assert_string_equal(back.rhost, login.rhost);
    assert_string_equal(back.tty, login.tty);
    assert_string_equal(back.command, "");
    assert_int_equal(back.mode, NUMBER_CHOOSE);
    assert_memory_equal(back.candidates, login.candidates, sizeof(login.candidates));
    assert_int_equal(back.issued, NOW);
    assert_int_equal(back.expires, NOW + 60);
    assert_true(json_equal(back.host_key, login.host_key));
    free(text);
    login_clear(&back);
    login_clear(&login);
}

static void the_text_is_as_documented(void **state)
{
    struct login login = sample();
    char *text = login_to_text(&login);

    (void)state;
    assert_string_equal(text,
                        "{\"command\":\"\",\"exp\":1700000060,\"host\":\"web1\",\"host_key\":null,"
                        "\"host_name\":\"Web \xc3\xa9t\xc3\xa9\",\"iat\":1700000000,"
                        "\"iss\":\"https://approve.example.org\","
                        "\"number\":{\"mode\":\"choose\",\"of\":[12,47,83]},"
                        "\"request\":\"AAAAAAAAAAAAAAAAAAAAAA\",\"rhost\":\"192.0.2.7\","
                        "\"service\":\"sshd\",\"tty\":\"ssh\",\"user\":\"alice\",\"v\":1}");
    free(text);
    login.mode = NUMBER_ENTER; /* then the candidates are not told */
    text = login_to_text(&login);
    assert_non_null(strstr(text, "\"number\":{\"mode\":\"enter\"}"));
    free(text);
    login.mode = NUMBER_OFF;
    text = login_to_text(&login);
    assert_non_null(strstr(text, "\"number\":{\"mode\":\"off\"}"));
    free(text);
}

static void what_is_out_of_bounds_is_not_written(void **state)
{
#define REFUSED(change)                                                                            \
    do {                                                                                           \
        struct login login = sample();                                                             \
        change;                                                                                    \
        if (login_to_text(&login))                                                                 \
            fail_msg("written: " #change);                                                         \
    } while (0)
    (void)state;
    REFUSED(login.request[21] = '\0');
    REFUSED(login.request[21] = 'B'); /* bits left over */
    REFUSED(login.request[3] = '+');
    REFUSED(login.issuer[0] = '\0');
    REFUSED(login.host[0] = '\0');
    REFUSED(login.host[1] = ' ');
    REFUSED(login.service[0] = '\0');
    REFUSED(login.user[0] = '\0');
    REFUSED(login.user[1] = '\n');
    REFUSED(login.rhost[1] = '\x1b');
    REFUSED(strcpy(login.command, "\xff"));
    REFUSED(strcpy(login.tty, "\xe2\x80\xae"));
    REFUSED(memset(login.command, 'x', sizeof(login.command))); /* no NUL */
    REFUSED(login.mode = (enum number_mode)3);
    REFUSED(login.candidates[0] = 9);
    REFUSED(login.candidates[2] = 100);
    REFUSED(login.candidates[2] = 12);
    REFUSED(login.candidates[1] = 12);
    REFUSED(login.expires = NOW + 9);
    REFUSED(login.expires = NOW + 601);
    REFUSED(login.issued = -1);
#undef REFUSED
}

static void members_must_be_all_there_and_no_others(void **state)
{
    json_t *json = sample_json();
    const char *name;
    json_t *value;

    (void)state;
    assert_true(is_taken(json));
    assert_int_equal(json_object_size(json), 14);
    json_object_foreach(json, name, value)
    {
        if (is_taken_with(name, NULL))
            fail_msg("taken without %s", name);
        if (is_taken_with(name, json_true()))
            fail_msg("taken with %s of another type", name);
        if (strcmp(name, "host_key") != 0 && is_taken_with(name, json_null()))
            fail_msg("taken with %s null", name);
    }
    assert_false(is_taken_with("more", json_integer(1)));
    assert_false(is_taken_with("V", json_integer(1)));
    json_decref(json);
}

static void strings_have_bounds(void **state)
{
    static const struct {
        const char *name;
        size_t least, most;
    } rows[] = {
        {"request", 22, 22},   {"iss", 1, 256},    {"host", 1, 64},
        {"host_name", 0, 128}, {"service", 1, 64}, {"user", 1, 128},
        {"rhost", 0, 256},     {"tty", 0, 64},     {"command", 0, 256},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        assert_true(is_taken_with_text(rows[i].name, 'A', rows[i].least));
        assert_true(is_taken_with_text(rows[i].name, 'A', rows[i].most));
        assert_false(is_taken_with_text(rows[i].name, 'A', rows[i].most + 1));
        if (rows[i].least > 0)
            assert_false(is_taken_with_text(rows[i].name, 'A', rows[i].least - 1));
        assert_false(is_taken_with_text(rows[i].name, '\n', 22));
        assert_false(is_taken_with_text(rows[i].name, '\x7f', 22));
    }
    assert_false(is_taken_with_text("host", '/', 3));
    assert_false(is_taken_with("user", json_string("a\xe2\x80\xae"
                                                   "b")));
}

static void numbers_and_times_have_bounds(void **state)
{
    (void)state;
    assert_false(is_taken_with("v", json_integer(2)));
    assert_false(is_taken_with("v", json_real(1.0)));
    assert_false(is_taken_with("iat", json_integer(-5)));
    assert_false(is_taken_with("exp", json_integer(NOW + 9)));
    assert_true(is_taken_with("exp", json_integer(NOW + 10)));
    assert_true(is_taken_with("exp", json_integer(NOW + 600)));
    assert_false(is_taken_with("exp", json_integer(NOW + 601)));
    assert_false(is_taken_with("exp", json_integer(INT64_MAX)));
    assert_false(is_taken_with("iat", json_integer(INT64_MIN)));
    assert_false(is_taken_with("iat", json_integer(INT64_MAX)));

    assert_true(is_taken_with("number", json_pack("{s:s}", "mode", "enter")));
    assert_true(is_taken_with("number", json_pack("{s:s}", "mode", "off")));
    assert_false(is_taken_with("number", json_pack("{s:s}", "mode", "none")));
    assert_false(is_taken_with("number", json_pack("{s:s}", "mode", "choose")));
    assert_false(is_taken_with("number", json_pack("{s:s, s:i}", "mode", "enter", "right", 42)));
    assert_false(
        is_taken_with("number", json_pack("{s:s, s:[iii]}", "mode", "enter", "of", 1, 2, 3)));
    static const int wrong[][4] = {{12, 47, 12}, {12, 12, 83}, {9, 47, 83}, {12, 47, 100}};
    for (size_t i = 0; i < COUNT(wrong); i++)
        assert_false(is_taken_with("number", json_pack("{s:s, s:[iii]}", "mode", "choose", "of",
                                                       wrong[i][0], wrong[i][1], wrong[i][2])));
    assert_true(
        is_taken_with("number", json_pack("{s:s, s:[iii]}", "mode", "choose", "of", 10, 99, 55)));
    assert_false(is_taken_with(
        "number", json_pack("{s:s, s:[iiii]}", "mode", "choose", "of", 10, 99, 55, 56)));
    assert_false(
        is_taken_with("number", json_pack("{s:s, s:[ii]}", "mode", "choose", "of", 10, 99)));
    assert_false(
        is_taken_with("number", json_pack("{s:s, s:[iif]}", "mode", "choose", "of", 10, 99, 55.0)));
}

static void a_host_s_id_has_letters_digits_and_three_more(void **state)
{
    static const char *const wrong[] = {"", " ", "web 1", "web1\n", "web/1", "web:1", "w\xc3\xa9"};

    (void)state;
    assert_true(login_is_host_id("Web-1._"));
    for (size_t i = 0; i < COUNT(wrong); i++)
        assert_false(login_is_host_id(wrong[i]));
}

static void the_host_key_has_its_form(void **state)
{
    json_t *key = json_loads(RFC7515_A3_KEY, 0, NULL);
    static const char *const wrong[] = {
        "{}", "{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"AA\",\"y\":\"AA\"}", RFC8037_KEY,
        RFC7515_A2_KEY};

    (void)state;
    assert_true(is_taken_with("host_key", json_deep_copy(key)));
    json_object_set_new(key, "d", json_string("AAAA"));
    assert_false(is_taken_with("host_key", json_deep_copy(key)));
    for (size_t i = 0; i < COUNT(wrong); i++)
        assert_false(is_taken_with("host_key", json_loads(wrong[i], 0, NULL)));
    assert_false(is_taken_with("host_key", json_string("none")));
    json_decref(key);
}

static void junk_is_refused(void **state)
{
    static const char *const rows[] = {"", "{}", "[]", "null", "{\"v\":1}"};
    struct login login = sample();
    char *text = login_to_text(&login), *twice = NULL, *padded;

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct login back;
        assert_int_equal(login_from_text(rows[i], strlen(rows[i]), &back), -1);
        login_clear(&back);
    }
    assert_true(asprintf(&twice, "{\"user\":\"root\",%s", text + 1) > 0);
    assert_int_equal(login_from_text(twice, strlen(twice), &login), -1);
    login_clear(&login);
    padded = calloc(1, LOGIN_DETAILS_MAX + 2); /* white space up to the limit, and one beyond it */
    memset(padded, ' ', LOGIN_DETAILS_MAX + 1);
    memcpy(padded, text, strlen(text));
    assert_int_equal(login_from_text(padded, LOGIN_DETAILS_MAX, &login), 0);
    login_clear(&login);
    assert_int_equal(login_from_text(padded, LOGIN_DETAILS_MAX + 1, &login), -1);
    login_clear(&login);
    free(padded);
    free(twice);
    free(text);
}

static void the_hash_is_sha_256(void **state)
{
    char hash[44];

    (void)state;
    assert_int_equal(login_hash("abc", 3, hash), 0); /* FIPS 180-4's example */
    assert_string_equal(hash, "ungWv48Bz-pBQUDeXa4iI7ADYaOWF3qctBD_YfIAFa0");
}

static void a_decision_is_read_as_it_was_signed(void **state)
{
    struct login login = sample();
    char *details = login_to_text(&login);
    size_t len = strlen(details);
    struct jwk *key = jwk_new_p256();

    (void)state;
    for (int i = 0; login_decisions[i]; i++) {
        enum decision decision = DECISION_APPROVE;
        int number = -1, given = i == DECISION_APPROVE ? 47 : 0;
        char *compact = decision_sign(key, details, len, (enum decision)i, given, NULL, NOW + 5);
        assert_non_null(compact);
        assert_int_equal(decision_check(compact, key, details, len, &decision, &number),
                         DECISION_FITS);
        assert_int_equal(decision, i);
        assert_int_equal(number, given);
        free(compact);
    }
    jwk_free(key);
    free(details);
}

/* Its form is the host's affair: what does not open is no reason to refuse. */
static void a_host_s_secret_passes_as_it_is(void **state)
{
    struct login login = sample();
    char *details = login_to_text(&login), out[DECISION_SECRET_MAX + 1], longest[300];
    size_t len = strlen(details);
    struct jwk *key = jwk_new_p256();
    enum decision decision;
    int number;
    struct {
        const char *text;
        enum decision_fault fault;
    } rows[] = {{NULL, DECISION_FITS},
                {"", DECISION_FITS},
                {"no seal at all", DECISION_FITS},
                {longest, DECISION_FITS},
                {longest, DECISION_MALFORMED}};

    (void)state;
    memset(longest, 'x', sizeof(longest));
    for (size_t i = 0; i < COUNT(rows); i++) {
        longest[DECISION_SECRET_MAX + (rows[i].fault != DECISION_FITS)] = '\0';
        char *compact = decision_sign(key, details, len, DECISION_APPROVE, 47, rows[i].text, NOW);
        assert_int_equal(decision_check(compact, key, details, len, &decision, &number),
                         rows[i].fault);
        decision_host_secret(compact, out);
        assert_string_equal(out,
                            rows[i].fault == DECISION_FITS && rows[i].text ? rows[i].text : "");
        free(compact);
        longest[DECISION_SECRET_MAX] = 'x';
    }
    free(details);
    jwk_free(key);
}

static void a_decision_counts_for_its_login_its_key_and_its_time(void **state)
{
    struct login login = sample();
    char *details = login_to_text(&login), *other;
    size_t len = strlen(details);
    struct jwk *key = jwk_new_p256(), *stranger = jwk_new_p256();
    enum decision decision = DECISION_DENY;
    int number = -1;
    static const struct {
        int64_t when;
        enum decision_fault fault;
    } times[] = {
        {NOW - 300, DECISION_FITS},
        {NOW - 301, DECISION_TIME},
        {NOW + 60 + 300, DECISION_FITS},
        {NOW + 60 + 301, DECISION_TIME},
        {0, DECISION_TIME},
        {-1, DECISION_MALFORMED},
        {INT64_MAX, DECISION_MALFORMED},
    };

    (void)state;
    char *compact = decision_sign(key, details, len, DECISION_APPROVE, 47, NULL, NOW);
    assert_int_equal(decision_check(compact, stranger, details, len, &decision, &number),
                     DECISION_SIGNATURE);
    strcpy(login.user, "root");
    other = login_to_text(&login);
    assert_int_equal(decision_check(compact, key, other, strlen(other), &decision, &number),
                     DECISION_OTHER_LOGIN);
    assert_int_equal(decision_check(compact, key, "{}", 2, &decision, &number), DECISION_MALFORMED);
    compact[strlen(compact) - 3] ^= 1;
    assert_int_not_equal(decision_check(compact, key, details, len, &decision, &number),
                         DECISION_FITS);
    free(compact);
    assert_int_equal(decision, DECISION_DENY); /* untouched */
    assert_int_equal(number, -1);
    for (size_t i = 0; i < COUNT(times); i++) {
        compact = decision_sign(key, details, len, DECISION_APPROVE, 47, NULL, times[i].when);
        assert_int_equal(decision_check(compact, key, details, len, &decision, &number),
                         times[i].fault);
        free(compact);
    }
    free(other);
    free(details);
    jwk_free(stranger);
    jwk_free(key);
}

/* The fault of a decision with this header and payload, where "HASH", "KEY" stand for the right
 * ones. */
static enum decision_fault fault_of(const char *typ, const char *format)
{
    struct login login = sample();
    char *details = login_to_text(&login), *payload = strdup(""), *header = NULL, hash[44];
    static struct jwk *key;
    enum decision decision;
    int number;

    if (!key)
        key = jwk_from_pem(P256_SEC1_PEM);
    login_hash(details, strlen(details), hash);
    for (const char *at = format; *at;) {
        char *longer = NULL;
        const char *word = strncmp(at, "HASH", 4) == 0  ? hash
                           : strncmp(at, "KEY", 3) == 0 ? jwk_thumbprint(key)
                                                        : NULL;
        assert_true(asprintf(&longer, "%s%.*s", payload, word ? 43 : 1, word ? word : at) >= 0);
        at += word == hash ? 4 : word ? 3 : 1;
        free(payload);
        payload = longer;
    }
    assert_true(asprintf(&header, "{\"alg\":\"ES256\",\"kid\":\"%s\",\"typ\":\"%s\"}",
                         jwk_thumbprint(key), typ) > 0);
    char *compact = forge_jws(key, header, payload);
    enum decision_fault fault =
        decision_check(compact, key, details, strlen(details), &decision, &number);
    free(compact);
    free(header);
    free(payload);
    free(details);
    return fault;
}

static void malformed_decisions_are_refused_although_signed(void **state)
{
#define START "{\"details_sha256\":\"HASH\",\"jkt\":\"KEY\",\"iat\":1700000000,"
    static const char *const rows[] = {
        START "\"decision\":\"approve\"}",
        START "\"number\":null}",
        START "\"decision\":\"Approve\",\"number\":47}",
        START "\"decision\":\"approved\",\"number\":47}",
        START "\"decision\":true,\"number\":47}",
        START "\"decision\":\"approve\",\"number\":\"47\"}",
        START "\"decision\":\"approve\",\"number\":47.0}",
        START "\"decision\":\"approve\",\"number\":0}",
        START "\"decision\":\"approve\",\"number\":9}",
        START "\"decision\":\"approve\",\"number\":100}",
        START "\"decision\":\"approve\",\"number\":4294967343}", /* 47 in 32 bits */
        START "\"decision\":\"deny\",\"number\":47}",
        START "\"decision\":\"approve\",\"number\":47,\"host_secret\":null}",
        START "\"decision\":\"approve\",\"number\":47,\"host_secret\":{}}",
        START "\"decision\":\"deny\",\"number\":null,\"host_secret\":\"AA\"}",
        START "\"decision\":\"approve\",\"number\":47,\"more\":1}",
        START "\"decision\":\"deny\",\"decision\":\"approve\",\"number\":47}",
        "{\"jkt\":\"KEY\",\"iat\":1700000000,\"decision\":\"approve\",\"number\":47}",
        "{\"details_sha256\":\"HASH\",\"iat\":1700000000,\"decision\":\"approve\",\"number\":47}",
        "{\"details_sha256\":\"HASH\",\"jkt\":\"KEY\",\"decision\":\"approve\",\"number\":47}",
        "{}",
    };
    static const char good[] = START "\"decision\":\"approve\",\"number\":47}";

    (void)state;
    assert_int_equal(fault_of(LOGIN_DECISION_TYP, good), DECISION_FITS);
    assert_int_equal(fault_of(LOGIN_PHONE_TYP, good), DECISION_MALFORMED);
    assert_int_equal(fault_of("", good), DECISION_MALFORMED);
    for (size_t i = 0; i < COUNT(rows); i++)
        if (fault_of(LOGIN_DECISION_TYP, rows[i]) != DECISION_MALFORMED)
            fail_msg("not malformed: %s", rows[i]);
    assert_int_equal(fault_of(LOGIN_DECISION_TYP,
                              "{\"details_sha256\":\"HASH\",\"jkt\":\"HASH\",\"iat\":"
                              "1700000000,\"decision\":\"approve\",\"number\":47}"),
                     DECISION_SIGNATURE);
    assert_int_equal(fault_of(LOGIN_DECISION_TYP,
                              "{\"details_sha256\":\"KEY\",\"jkt\":\"KEY\",\"iat\":"
                              "1700000000,\"decision\":\"approve\",\"number\":47}"),
                     DECISION_OTHER_LOGIN);
}

static void a_number_fits_only_when_it_is_the_right_one(void **state)
{
    (void)state;
    for (int mode = NUMBER_CHOOSE; mode <= NUMBER_ENTER; mode++) {
        assert_true(decision_number_fits((enum number_mode)mode, 47, 47));
        assert_false(decision_number_fits((enum number_mode)mode, 47, 46));
        assert_false(decision_number_fits((enum number_mode)mode, 47, 0));
        assert_false(decision_number_fits((enum number_mode)mode, 0, 0));
    }
    assert_true(decision_number_fits(NUMBER_OFF, 47, 0));
    assert_false(decision_number_fits(NUMBER_OFF, 47, 47));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_written_is_read),
        cmocka_unit_test(the_text_is_as_documented),
        cmocka_unit_test(what_is_out_of_bounds_is_not_written),
        cmocka_unit_test(members_must_be_all_there_and_no_others),
        cmocka_unit_test(strings_have_bounds),
        cmocka_unit_test(numbers_and_times_have_bounds),
        cmocka_unit_test(a_host_s_id_has_letters_digits_and_three_more),
        cmocka_unit_test(the_host_key_has_its_form),
        cmocka_unit_test(junk_is_refused),
        cmocka_unit_test(the_hash_is_sha_256),
        cmocka_unit_test(a_decision_is_read_as_it_was_signed),
        cmocka_unit_test(a_host_s_secret_passes_as_it_is),
        cmocka_unit_test(a_decision_counts_for_its_login_its_key_and_its_time),
        cmocka_unit_test(malformed_decisions_are_refused_although_signed),
        cmocka_unit_test(a_number_fits_only_when_it_is_the_right_one),
    };
    return cmocka_run_group_tests_name("login", tests, NULL, NULL);
}
