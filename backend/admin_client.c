#include "backend/admin_client.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "backend/admin.h"
#include "backend/program.h"
#include "common/https.h"
#include "common/i18n.h"
#include "common/json_text.h"
#include "common/random.h"

#define TIMEOUT_MS 15000

/* What the server says no with. */
static const struct {
    const char *error, *text;
} errors[] = {
    {"user_exists", N_("there is a user of this name already")},
    {"no_user",
     N_("there is no user of this name; `approve-server user list` shows those there are")},
    {"no_device",
     N_("there is no such device; `approve-server device list` shows those there are")},
    {"host_exists", N_("there is a host of this name already; with --again it gets a new token, "
                       "for a host that was set up anew")},
    {"no_host",
     N_("there is no host of this name; `approve-server host list` shows those there are")},
    {"bad_member", N_("an argument is not acceptable: names have 1 to 128 characters without "
                      "control characters, hosts 1 to 64 of a-z A-Z 0-9 . _ -")},
    {"no_such_call",
     N_("the running server does not know this command; is it an older one? Restart it")},
    {"store_failed", N_("the store did not take it; the server's log says why")},
};

static void print_refusal(const struct https_answer *got)
{
    json_t *body = json_text_object(got->body, got->len, HTTPS_ANSWER_MAX);
    const char *error = json_text_string(body, "error", 64), *text = NULL;
    for (size_t i = 0; error && i < sizeof errors / sizeof *errors; i++)
        if (strcmp(errors[i].error, error) == 0)
            text = errors[i].text;
    if (text)
        fprintf(stderr, "approve-server: %s\n", _(text));
    else
        fprintf(stderr, _("approve-server: the server answered with status %ld\n"), got->status);
    json_decref(body);
}

static void print_unreachable(const char *socket, long fault, const char *error)
{
    if (fault == ENOENT || fault == ECONNREFUSED)
        fprintf(stderr,
                _("approve-server: the server is not running (nobody listens on %s); start it: "
                  "systemctl start approve-server\n"),
                socket);
    else if (fault == EACCES || fault == EPERM)
        fprintf(stderr, _("approve-server: %s: run this as root, or as the server's user\n"),
                socket);
    else
        fprintf(stderr, "approve-server: %s: %s\n", socket, fault ? strerror((int)fault) : error);
}

/* Returns the status, 0 where there was no answer, after saying why. */
static long post(const char *socket, const char *name, const char *text, struct https_answer *got)
{
    char url[128];
    long fault = 0;
    snprintf(url, sizeof url, "http://localhost" PATH_ADMIN "%s", name);
    CURL *curl = https_handle(url, NULL, TIMEOUT_MS, got);
    struct curl_slist *headers = curl_slist_append(NULL, "Content-Type: application/json");
    if (!curl || !headers || curl_easy_setopt(curl, CURLOPT_UNIX_SOCKET_PATH, socket) != CURLE_OK ||
        curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers) != CURLE_OK ||
        curl_easy_setopt(curl, CURLOPT_POSTFIELDS, text) != CURLE_OK) {
        fprintf(stderr, "approve-server: %s\n", strerror(ENOMEM));
    } else if (curl_easy_perform(curl) != CURLE_OK) {
        curl_easy_getinfo(curl, CURLINFO_OS_ERRNO, &fault);
        print_unreachable(socket, fault, got->error);
    } else {
        curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &got->status);
    }
    curl_slist_free_all(headers);
    curl_easy_cleanup(curl);
    return got->status;
}

int admin_client_call(const struct command_call *call, const char *name, json_t *body,
                      json_t **answer)
{
    struct config *config = program_config(call);
    char *text = body ? json_text_dump(body) : NULL;
    struct https_answer got;
    int result = EXIT_FAILED;

    *answer = NULL;
    https_answer_init(&got);
    if (!config || !text)
        goto out;
    long status = post(config_text(config, "server", "admin_socket"), name, text, &got);
    if (status == 0)
        result = EXIT_UNAVAILABLE;
    else if (status != 200)
        print_refusal(&got);
    else if ((*answer = json_text_object(got.body, got.len, HTTPS_ANSWER_MAX)))
        result = EXIT_OK;
    else
        fprintf(stderr, _("approve-server: the server's answer is no JSON object\n"));
out:
    https_answer_free(&got);
    secret_free(text);
    json_decref(body);
    config_free(config);
    return result;
}
