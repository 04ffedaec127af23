/* The commands of approve-server, as one table. All but init and serve are calls on the running
 * server. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "backend/admin_client.h"
#include "backend/program.h"
#include "backend/qr.h"
#include "backend/server.h"
#include "backend/table.h"
#include "common/i18n.h"
#include "common/random.h"

/* With --json: prints what the server answered as it is, and returns true. */
static bool print_json(const struct command_call *call, const json_t *value)
{
    if (!command_value(call, "--json"))
        return false;
    json_dumpf(value, stdout, JSON_INDENT(2));
    putchar('\n');
    return true;
}

/* Calls the server and prints the list that it answers with: for people, or with --json as it is.
 */
static int print_list(const struct command_call *call, const char *name, json_t *body,
                      const char *member, const struct table_column *columns, const char *none)
{
    json_t *answer = NULL;
    int result = admin_client_call(call, name, body, &answer);
    const json_t *list = json_object_get(answer, member);
    if (result == EXIT_OK && !print_json(call, list))
        table_print(stdout, list, columns, none);
    json_decref(answer);
    return result;
}

/* Calls the server; where it says yes, done is printed with the first argument put in. */
static int tell(const struct command_call *call, const char *name, json_t *body, const char *done)
{
    json_t *answer = NULL;
    int result = admin_client_call(call, name, body, &answer);
    if (result == EXIT_OK) {
        printf("%s: ", call->words[0]);
        printf("%s\n", done);
    }
    json_decref(answer);
    return result;
}

static int run_user_add(const struct command_call *call)
{
    const char *display = command_value(call, "--display");
    return tell(call, "user_add",
                json_pack("{ss, ss*}", "name", call->words[0], "display", display),
                _("added; `approve-server enroll` makes a link for a phone"));
}

static int run_user_list(const struct command_call *call)
{
    static const struct table_column columns[] = {
        {N_("USER"), "user", TABLE_TEXT},          {N_("NAME"), "name", TABLE_TEXT},
        {N_("REQUESTS"), "enabled", TABLE_SWITCH}, {N_("PHONES"), "devices", TABLE_TEXT},
        {N_("ADDED"), "added", TABLE_TIME},        {0}};
    return print_list(call, "user_list", json_object(), "users", columns,
                      _("There are no users. `approve-server user add NAME` adds one."));
}

static int run_user_unlock(const struct command_call *call)
{
    return tell(call, "user_unlock", json_pack("{ss}", "name", call->words[0]),
                _("wrong codes are forgotten; codes count again"));
}

static int run_user_remove(const struct command_call *call)
{
    return tell(call, "user_remove", json_pack("{ss}", "name", call->words[0]),
                _("removed, with all phones; open requests are refused"));
}

static int run_host_add(const struct command_call *call)
{
    json_t *answer = NULL;
    int result = admin_client_call(call, "host_add",
                                   json_pack("{ss, ss*, sb}", "id", call->words[0], "name",
                                             command_value(call, "--name"), "again",
                                             command_value(call, "--again") != NULL),
                                   &answer);
    if (result == EXIT_OK && !print_json(call, answer)) {
        printf(_("Run this on the host, within %lld minutes:\n\n  approvectl join %s\n\n"
                 "It asks for this token, which works once:\n\n  %s\n"),
               (long long)json_integer_value(json_object_get(answer, "life")) / 60,
               json_string_value(json_object_get(answer, "url")),
               json_string_value(json_object_get(answer, "token")));
    }
    json_decref(answer);
    return result;
}

static int run_host_list(const struct command_call *call)
{
    static const struct table_column columns[] = {
        {N_("HOST"), "host", TABLE_TEXT},         {N_("NAME"), "name", TABLE_TEXT},
        {N_("STATE"), "state", TABLE_TEXT},       {N_("ADDED"), "added", TABLE_TIME},
        {N_("LAST REQUEST"), "seen", TABLE_TIME}, {0}};
    return print_list(call, "host_list", json_object(), "hosts", columns,
                      _("There are no hosts. `approve-server host add ID` adds one."));
}

static int run_host_revoke(const struct command_call *call)
{
    return tell(call, "host_revoke", json_pack("{ss}", "id", call->words[0]),
                _("revoked; its waiting logins are refused"));
}

static int run_device_list(const struct command_call *call)
{
    static const struct table_column columns[] = {{N_("DEVICE"), "device", TABLE_TEXT},
                                                  {N_("USER"), "user", TABLE_TEXT},
                                                  {N_("NAME"), "name", TABLE_TEXT},
                                                  {N_("PLATFORM"), "platform", TABLE_TEXT},
                                                  {N_("REQUESTS"), "enabled", TABLE_SWITCH},
                                                  {N_("PUSH"), "push", TABLE_SWITCH},
                                                  {N_("ADDED"), "added", TABLE_TIME},
                                                  {N_("LAST SEEN"), "seen", TABLE_TIME},
                                                  {0}};
    return print_list(
        call, "device_list", json_pack("{ss*}", "user", call->count ? call->words[0] : NULL),
        "devices", columns,
        call->count ? _("This user has no phone. `approve-server enroll` makes a link for one.")
                    : _("There are no phones. `approve-server enroll USER` makes a link for one."));
}

static int run_device_remove(const struct command_call *call)
{
    return tell(call, "device_remove", json_pack("{ss}", "device", call->words[0]),
                _("removed; its key and its codes count no more"));
}

static int run_enroll(const struct command_call *call)
{
    json_t *answer = NULL;
    int result =
        admin_client_call(call, "enroll", json_pack("{ss}", "user", call->words[0]), &answer);
    const char *link = json_string_value(json_object_get(answer, "link"));
    if (result == EXIT_OK && !print_json(call, answer)) {
        printf(_("Open this link on the phone, within %lld minutes; it works once:\n\n  %s\n\n"),
               (long long)json_integer_value(json_object_get(answer, "life")) / 60, link);
        if (isatty(STDOUT_FILENO))
            qr_print(stdout, link);
        printf(_("A terminal can be the phone as well: approve-phone enroll asks for the link.\n"));
    }
    json_decref(answer);
    return result;
}

static int run_activity(const struct command_call *call)
{
    static const struct table_column columns[] = {
        {N_("WHEN"), "at", TABLE_TIME},       {N_("USER"), "user", TABLE_TEXT},
        {N_("HOST"), "host", TABLE_TEXT},     {N_("SERVICE"), "service", TABLE_TEXT},
        {N_("FROM"), "rhost", TABLE_TEXT},    {N_("STATE"), "state", TABLE_TEXT},
        {N_("RESULT"), "result", TABLE_TEXT}, {N_("BY"), "method", TABLE_TEXT},
        {N_("PHONE"), "device", TABLE_TEXT},  {0}};
    const char *limit = command_value(call, "--limit");
    char *end = NULL;
    long count = limit ? strtol(limit, &end, 10) : 50;
    if (limit && (!*limit || *end || count < 1 || count > 10000)) {
        fprintf(stderr, _("approve-server: --limit: write a number from 1 to 10000\n"));
        return EXIT_USAGE;
    }
    return print_list(
        call, "activity",
        json_pack("{ss*, sI}", "user", command_value(call, "--user"), "limit", (json_int_t)count),
        "activity", columns,
        command_value(call, "--user") ? _("There were no requests for this user.")
                                      : _("There were no requests yet."));
}

static int run_status(const struct command_call *call)
{
    static const struct {
        const char *title, *member;
    } lines[] = {{N_("address"), "url"},        {N_("name"), "name"},
                 {N_("version"), "version"},    {N_("users"), "users"},
                 {N_("phones"), "devices"},     {N_("hosts"), "hosts"},
                 {N_("open requests"), "open"}, {N_("connections"), "connections"}};
    json_t *answer = NULL;
    int result = admin_client_call(call, "status", json_object(), &answer);
    bool print = result == EXIT_OK && !print_json(call, answer);
    for (size_t i = 0; print && i < sizeof lines / sizeof *lines; i++) {
        const json_t *value = json_object_get(answer, lines[i].member);
        if (json_is_integer(value))
            printf("%-14s %lld\n", _(lines[i].title), (long long)json_integer_value(value));
        else
            printf("%-14s %s\n", _(lines[i].title), json_string_value(value));
    }
    json_decref(answer);
    return result;
}

#define JSON_OPTION                                                                                \
    {                                                                                              \
        "--json", NULL, N_("print JSON")                                                           \
    }

static const struct command_option json_options[] = {JSON_OPTION, {0}};
static const struct command_option init_options[] = {
    {"--url", "URL",
     N_("where hosts and phones reach the server: https://HOST[:PORT]; default: "
        "http://localhost:8700, for this machine alone")},
    {"--name", "NAME", N_("the service's name for people")},
    {"--user", "USER",
     N_("who will run the server; default: approve-server where root calls and that user exists, "
        "else the caller")},
    {0}};
static const struct command_option user_options[] = {{"--display", "TEXT", N_("the person's name")},
                                                     {0}};
static const struct command_option host_options[] = {
    {"--name", "TEXT", N_("the host's name for people; default: the one that it joins with")},
    {"--again", NULL,
     N_("a new token for a host that exists: its key is replaced when it joins, and a revoked host "
        "is let in again")},
    JSON_OPTION,
    {0}};
static const struct command_option activity_options[] = {
    {"--user", "USER", N_("of this user alone")},
    {"--limit", "N", N_("how many, the newest first; default: 50")},
    JSON_OPTION,
    {0}};
static const struct command_option global_options[] = {
    {"--config", "FILE", N_("instead of /etc/approve/server.conf")}, {0}};

static const struct command commands[] = {
    {"init", "", 0, 0, init_options,
     N_("make the store, the keys and server.conf; what is there stays"), init_command},
    {"serve", "", 0, 0, NULL, N_("run the server"), serve_command},
    {"user add", "NAME", 1, 1, user_options, N_("let a user be asked"), run_user_add},
    {"user list", "", 0, 0, json_options, N_("list the users"), run_user_list},
    {"user unlock", "NAME", 1, 1, NULL,
     N_("let a user's codes count again after too many wrong ones"), run_user_unlock},
    {"user remove", "NAME", 1, 1, NULL, N_("remove a user with all phones"), run_user_remove},
    {"enroll", "USER", 1, 1, json_options, N_("make a one-use link that makes a phone the user's"),
     run_enroll},
    {"device list", "[USER]", 0, 1, json_options, N_("list phones"), run_device_list},
    {"device remove", "DEVICE", 1, 1, NULL, N_("remove a phone that is lost or replaced"),
     run_device_remove},
    {"host add", "ID", 1, 1, host_options, N_("make a one-use token by which a host joins"),
     run_host_add},
    {"host list", "", 0, 0, json_options, N_("list the hosts"), run_host_list},
    {"host revoke", "ID", 1, 1, NULL,
     N_("let a host ask no more; its waiting logins are refused at once"), run_host_revoke},
    {"activity", "", 0, 0, activity_options, N_("show who was asked, and how it ended"),
     run_activity},
    {"status", "", 0, 0, json_options, N_("show what the running server has"), run_status},
    {0},
};

const struct program server_program = {
    .name = "approve-server",
    .about = N_("users, hosts, phones and requests of pam_approve"),
    .commands = commands,
    .global = global_options,
    .settings = server_options,
};
