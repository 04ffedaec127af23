#include "tests/fuzz/api_world.h"

#include <unistd.h>

#include "backend/keys.h"
#include "backend/rate.h"
#include "backend/secret_box.h"
#include "backend/store_sqlite.h"
#include "backend/sweep.h"
#include "backend/waiters.h"
#include "common/base64url.h"
#include "common/clock.h"
#include "common/json_text.h"
#include "common/login.h"
#include "tests/fuzz/fuzz.h"
#include "tests/unit/vectors.h"

#define OLD_REQUEST "AAAAAAAAAAAAAAAAAAAAAA"

struct api api;

int64_t clock_wall_ms(void)
{
    return API_NOW * 1000 + api.passed_ms;
}

int64_t clock_wall(void)
{
    return clock_wall_ms() / 1000;
}

int64_t clock_mono_ms(void)
{
    return 1000000 + api.passed_ms;
}

static void run_sql(const char *format, ...)
{
    va_list list;
    char *sql, *why = NULL;

    va_start(list, format);
    sql = sqlite3_vmprintf(format, list);
    va_end(list);
    if (sqlite3_exec(api.server.store->db, sql, NULL, NULL, &why) != SQLITE_OK) {
        fprintf(stderr, "%s: %s\n", sql, why);
        abort();
    }
    sqlite3_free(sql);
}

/* The store's files are gone as soon as they are open. */
static void open_store(void)
{
    char folder[] = "/tmp/approve-fuzz-XXXXXX", path[64], why[256] = "";
    static const char *const ends[] = {"", "-wal", "-shm", ".lock"};

    MUST(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/store", folder);
    api.server.store = store_open(api.server.base, path, true, why, sizeof why);
    MUST(api.server.store);
    run_sql("PRAGMA synchronous = OFF");
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
        snprintf(path, sizeof path, "%s/store%s", folder, ends[i]);
        unlink(path);
    }
    MUST(rmdir(folder) == 0);
}

void api_start(void)
{
    static const char settings[] = "[server]\nurl = " API_URL "\n[push]\nenabled = no\n"
                                   "[requests]\nnumber = choose\nmax_life = 60\n"
                                   "[limits]\nopen_per_host = 2\ncodes_wrong_host = 3\n";
    struct server *server = &api.server;
    char why[512] = "";

    server->config = config_parse("server.conf", settings, server_options, why, sizeof why);
    server->issuer = API_URL;
    server->name = "Example";
    server->certificate_pin = "";
    server->base = event_base_new();
    MUST(server->config && server->base);
    server->issuer_key = jwk_new_p256();
    server->keys = keys_new(64);
    server->waiters = waiters_new(server->base);
    server->asked = rates_new(100000000, 3600000);
    server->asked_for = rates_new(100000000, 3600000);
    server->http = http_server_new(server->base, server_routes, server);
    api.device_key = jwk_from_pem(P256_SEC1_PEM);
    api.other_key = jwk_new_p256();
    api.host_key = jwk_new_p256();
    memset(api.secret, 7, sizeof api.secret);
    MUST(server->issuer_key && server->keys && server->waiters && server->asked && server->http);
    MUST(server->asked_for);
    MUST(api.device_key && api.other_key && api.host_key);
    open_store();
    server->sweep = sweep_new(server);
    MUST(server->sweep);
}

/* --- what is in the store --------------------------------------------------------------------- */

static char *public_key(const struct jwk *key)
{
    json_t *json = jwk_public_json(key);
    char *text = json_text_dump(json);

    json_decref(json);
    return text;
}

static void add_people(void)
{
    char *device_key = public_key(api.device_key), *host_key = public_key(api.host_key);
    char *sealed = secret_box_seal(api.server.box_key, "d1", api.secret, sizeof api.secret);
    char invitation[44], token[44];

    MUST(login_hash("invite", 6, invitation) == 0 && login_hash("join", 4, token) == 0);
    run_sql("INSERT INTO users (name, added) VALUES ('alice', 1);"
            "INSERT INTO devices (id, user_name, name, platform, key, thumbprint, secret, added,"
            " seen) VALUES ('d1', 'alice', 'Pixel 8', 'terminal', %Q, %Q, %Q, 1, 1);"
            "INSERT INTO hosts (id, name, key, thumbprint, added) VALUES"
            " ('web1', 'Web', %Q, %Q, 1), ('web2', 'Other', NULL, NULL, 1);"
            "INSERT INTO invitations (hash, user_name, made, ends) VALUES (%Q, 'alice', 1, %lld);"
            "INSERT INTO host_tokens (hash, host_id, made, ends) VALUES (%Q, 'web2', 1, %lld)",
            device_key, jwk_thumbprint(api.device_key), sealed, host_key,
            jwk_thumbprint(api.host_key), invitation, (API_NOW + 3600) * 1000, token,
            (API_NOW + 3600) * 1000);
    free(sealed);
    free(host_key);
    free(device_key);
}

void api_fail_store(bool fails)
{
    api.store_fails = fails;
    run_sql("PRAGMA query_only = %d", fails);
}

void api_reset(void)
{
    api_fail_store(false);
    api.revision[0] = '\0';
    api.passed_ms = 0;
    api.messages = 0;
    api.auth_req_id[0] = '\0';
    free(api.details);
    api.details = NULL;
    run_sql("DELETE FROM requests; DELETE FROM seen_ids; DELETE FROM code_attempts;"
            "DELETE FROM code_uses; DELETE FROM invitations; DELETE FROM devices;"
            "DELETE FROM host_tokens; DELETE FROM hosts; DELETE FROM users");
    add_people();
    run_sql("INSERT INTO requests (id, request, host_id, host_name, user_name, service, rhost,"
            " source, details, shown, state, result, made, ends, changed) VALUES ('old', %Q,"
            " 'web1', 'Web', 'alice', 'sshd', '', '', '', 1, 'expired', 'no_answer', 1, 2, 2)",
            OLD_REQUEST);
}

static int64_t count(const char *sql)
{
    sqlite3_stmt *statement = NULL;
    int64_t value;

    MUST(sqlite3_prepare_v2(api.server.store->db, sql, -1, &statement, NULL) == SQLITE_OK);
    MUST(sqlite3_step(statement) == SQLITE_ROW);
    value = sqlite3_column_int64(statement, 0);
    sqlite3_finalize(statement);
    return value;
}

/* An approval is the phone's, of these details. */
static void check_approval(const char *details, const char *decision, const char *key)
{
    json_t *json = key ? json_loads(key, 0, NULL) : NULL;
    struct jwk *jwk = json ? jwk_from_json(json) : NULL;
    unsigned char *bytes = NULL;
    enum decision found;
    size_t len;
    int number;

    MUST(jwk && decision && base64url_decode(details, strlen(details), &bytes, &len) == 0);
    MUST(decision_check(decision, jwk, (const char *)bytes, len, &found, &number) == DECISION_FITS);
    MUST(found == DECISION_APPROVE);
    free(bytes);
    jwk_free(jwk);
    json_decref(json);
}

void api_check_store(void)
{
    sqlite3_stmt *statement = NULL;

    MUST(sqlite3_prepare_v2(api.server.store->db,
                            "SELECT details, decision, device_key FROM requests"
                            " WHERE state IN ('approved', 'used') AND method = 'phone'",
                            -1, &statement, NULL) == SQLITE_OK);
    while (sqlite3_step(statement) == SQLITE_ROW)
        check_approval((const char *)sqlite3_column_text(statement, 0),
                       (const char *)sqlite3_column_text(statement, 1),
                       (const char *)sqlite3_column_text(statement, 2));
    sqlite3_finalize(statement);
    MUST(count("SELECT count(*) FROM requests WHERE state IN ('approved', 'used')"
               " AND method = 'code'") <= count("SELECT count(*) FROM code_uses"));
    MUST(count("SELECT count(*) FROM devices") <=
         1 + count("SELECT count(*) FROM invitations WHERE used IS NOT NULL"));
    MUST(count("SELECT count(*) FROM hosts WHERE key IS NOT NULL") <=
         1 + count("SELECT count(*) FROM host_tokens WHERE used IS NOT NULL"));
}
