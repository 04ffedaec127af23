#include "approvectl/reach.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/frame.h"
#include "common/https.h"
#include "common/i18n.h"
#include "common/json_text.h"
#include "common/oauth.h"
#include "common/random.h"
#include "helper/call.h"
#include "helper/issuer.h"

#define HELPER_MS 5000

/* Keeps the Date header's time (RFC 9110, section 5.6.7). */
static size_t on_header(char *data, size_t size, size_t count, void *arg)
{
    static const char name[] = "date:";
    char text[64];
    size_t len = size * count, skip = sizeof(name) - 1;

    if (len > skip && len - skip < sizeof(text) && !strncasecmp(data, name, skip)) {
        memcpy(text, data + skip, len - skip);
        text[len - skip] = '\0';
        *(time_t *)arg = curl_getdate(text, NULL);
    }
    return len;
}

static void read_document(const struct host *host, const struct https_answer *answer,
                          struct reach_server *server)
{
    struct issuer_endpoints endpoints = {.takes_details = false};
    char why[400];

    if (answer->status != 200) {
        snprintf(server->why, sizeof(server->why), _("it answered with status %ld"),
                 answer->status);
    } else if (issuer_read_document(answer->body, answer->len, host->issuer,
                                    host->provider == PROVIDER_APPROVE, &endpoints, why,
                                    sizeof(why)) < 0) {
        snprintf(server->why, sizeof(server->why), "%s", why);
    } else {
        server->right = true;
        snprintf(server->token_url, sizeof(server->token_url), "%s", endpoints.token);
    }
}

void reach_server(const struct host *host, struct reach_server *server)
{
    struct https_answer answer;
    char url[320];
    time_t date = -1;
    CURL *handle;

    memset(server, 0, sizeof(*server));
    https_answer_init(&answer);
    snprintf(url, sizeof(url), "%s/.well-known/openid-configuration", host->issuer);
    handle = https_handle(url, host->server_key, host->timeout * 1000, &answer);
    if (handle && curl_easy_setopt(handle, CURLOPT_HEADERFUNCTION, on_header) == CURLE_OK &&
        curl_easy_setopt(handle, CURLOPT_HEADERDATA, &date) == CURLE_OK)
        https_answer_finish(&answer, handle, curl_easy_perform(handle));
    if (answer.status == 0) {
        snprintf(server->why, sizeof(server->why), "%s", answer.error);
    } else {
        server->answered = true;
        server->has_date = date != -1;
        server->ahead = (int64_t)date - clock_wall();
        read_document(host, &answer, server);
    }
    curl_easy_cleanup(handle);
    https_answer_free(&answer);
}

/* The form of a token request for a request that does not exist. NULL without memory. */
static char *token_form(const struct host *host)
{
    char *id = random_token(16), *form = NULL;
    const struct call_parameter parameters[] = {
        {"grant_type", OAUTH_GRANT_CIBA}, {"auth_req_id", id}, {NULL, NULL}};

    if (id)
        form = call_form(host, parameters);
    free(id);
    return form;
}

enum reach_key reach_key(const struct host *host, const char *token_url, char *why, size_t why_size)
{
    struct https_answer answer;
    char *form = token_form(host);
    json_t *body = NULL;
    const char *error;
    enum reach_key known = REACH_KEY_UNSURE;

    https_answer_init(&answer);
    if (!form) {
        snprintf(why, why_size, _("Out of memory."));
    } else if (https_call(token_url, host->server_key, "application/x-www-form-urlencoded", form,
                          host->timeout * 1000, &answer) < 0) {
        snprintf(why, why_size, "%s", answer.error);
    } else {
        body = json_text_object(answer.body, answer.len, HTTPS_ANSWER_MAX);
        error = json_text_string(body, "error", 64);
        snprintf(why, why_size, _("%s answered with status %ld, %s"), token_url, answer.status,
                 error ? error : "?");
        if (error && !strcmp(error, "invalid_grant")) /* who asks was right, what for was not */
            known = REACH_KEY_KNOWN;
        else if (error &&
                 (!strcmp(error, "invalid_client") || !strcmp(error, "unauthorized_client")))
            known = REACH_KEY_REFUSED;
    }
    json_decref(body);
    secret_free(form);
    https_answer_free(&answer);
    return known;
}

/* Sends a frame, and waits for its answer in the same place. Its type; 0 or -1 as frame_receive. */
static int call_helper(int fd, struct frame *frame)
{
    struct pollfd wait = {.fd = fd, .events = POLLIN};

    if (frame_send(fd, frame) < 0 || poll(&wait, 1, HELPER_MS) <= 0)
        return -1;
    return frame_receive(fd, frame);
}

/* A descriptor to close, or -1 with why. A socket whose backlog is full is waited for (unix(7):
 * SO_SNDTIMEO bounds connect, which then says EAGAIN). */
static int connect_helper(const char *socket_path, char *why, size_t why_size)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    const struct timeval limit = {.tv_sec = HELPER_MS / 1000};
    int fd;

    if (strlen(socket_path) >= sizeof(address.sun_path)) {
        snprintf(why, why_size, _("%s: the path is too long for a socket"), socket_path);
        return -1;
    }
    strcpy(address.sun_path, socket_path);
    fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
    if (fd >= 0 && setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit)) == 0 &&
        connect(fd, (const struct sockaddr *)&address, sizeof(address)) == 0)
        return fd;
    if (errno == EAGAIN)
        snprintf(why, why_size, _("%s: something listens, and does not answer as a helper does"),
                 socket_path);
    else
        snprintf(why, why_size, "%s: %s", socket_path, strerror(errno));
    if (fd >= 0)
        close(fd);
    return -1;
}

bool reach_helper(const char *socket_path, char *why, size_t why_size)
{
    struct frame frame;
    int fd = connect_helper(socket_path, why, why_size);
    bool answered;

    if (fd < 0)
        return false;
    /* A START that no helper lets pass (a user's name with a control character), and that asks no
     * phone. */
    frame_start(&frame, FRAME_START);
    frame_add_number(&frame, "version", 1);
    frame_add(&frame, "service", "approvectl");
    frame_add(&frame, "user", "\001");
    answered = call_helper(fd, &frame) == FRAME_DONE;
    if (!answered)
        snprintf(why, why_size, _("%s: something listens, and does not answer as a helper does"),
                 socket_path);
    close(fd);
    return answered;
}

int64_t reach_last(const char *socket_path, const char *service, char *why, size_t why_size)
{
    struct frame frame;
    long age = -1;
    int fd = connect_helper(socket_path, why, why_size);

    if (fd < 0)
        return -1;
    frame_start(&frame, FRAME_LAST);
    frame_add(&frame, "service", service);
    if (call_helper(fd, &frame) != FRAME_TIME)
        snprintf(why, why_size, _("%s: something listens, and does not answer as a helper does"),
                 socket_path);
    else if (frame_get_number(&frame, "age", 0, FRAME_AGE_MAX, &age) != 0)
        snprintf(why, why_size, _("the helper has let nobody pass for %s since it started"),
                 service);
    close(fd);
    return age;
}
