/* What goes back to the client. */
#include <event2/buffer.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "backend/http_private.h"
#include "common/clock.h"
#include "common/i18n.h"
#include "common/log.h"
#include "common/random.h"

#define SEND_SECONDS 60 /* for a client to take an answer, however slowly it reads */
#define EXTRA_MAX 2048  /* bytes of a handler's own header fields */

static const struct status {
    int status;
    const char *phrase, *error;
} status_table[] = {
    {200, "OK", ""},
    {204, "No Content", ""},
    {304, "Not Modified", ""},
    {400, "Bad Request", "invalid_request"},
    {401, "Unauthorized", "invalid_client"},
    {403, "Forbidden", "forbidden"},
    {404, "Not Found", "not_found"},
    {405, "Method Not Allowed", "method_not_allowed"},
    {408, "Request Timeout", "timeout"},
    {409, "Conflict", "conflict"},
    {413, "Content Too Large", "too_large"},
    {415, "Unsupported Media Type", "unsupported_media_type"},
    {417, "Expectation Failed", "expectation_failed"},
    {426, "Upgrade Required", "upgrade_required"},
    {429, "Too Many Requests", "limited"},
    {431, "Request Header Fields Too Large", "too_large"},
    {500, "Internal Server Error", "server_error"},
    {503, "Service Unavailable", "temporarily_unavailable"},
    {505, "HTTP Version Not Supported", "version_not_supported"},
};

static const struct status *find_status(int status)
{
    for (size_t i = 0; i < sizeof status_table / sizeof *status_table; i++)
        if (status_table[i].status == status)
            return &status_table[i];
    return find_status(500);
}

static const char *current_date(struct http_server *server)
{
    time_t now = (time_t)clock_wall();
    struct tm tm;
    if (now != server->date_of && gmtime_r(&now, &tm)) {
        strftime(server->date, sizeof server->date, "%a, %d %b %Y %H:%M:%S GMT", &tm);
        server->date_of = now;
    }
    return server->date;
}

/* lasting: body is not copied. */
static void send_answer(struct connection *connection, int status, const char *content_type,
                        const char *extra, const void *body, size_t len, bool lasting)
{
    struct evbuffer *output = bufferevent_get_output(connection->bev);
    char length[48] = "";
    if (status != 204 && status != 304) /* RFC 9110, section 8.6 */
        snprintf(length, sizeof length, "Content-Length: %zu\r\n", len);
    /* One piece where it is copied: with TLS each piece is a record of its own. */
    evbuffer_expand(output, (lasting ? 0 : len) + 512);
    evbuffer_add_printf(output,
                        "HTTP/1.1 %d %s\r\nDate: %s\r\nX-Content-Type-Options: nosniff\r\n"
                        "%s%s%s%s%s%s\r\n",
                        status, find_status(status)->phrase, current_date(connection->server),
                        length, content_type ? "Content-Type: " : "",
                        content_type ? content_type : "", content_type ? "\r\n" : "", extra,
                        connection->keep_alive ? "" : "Connection: close\r\n");
    if (lasting)
        evbuffer_add_reference(output, body, len, NULL, NULL);
    else
        evbuffer_add(output, body, len);
    connection->state = STATE_ANSWER;
    http_limits_offer(&connection->by_address);
    http_set_deadline(connection, SEND_SECONDS);
}

/* An answer of our own. Where the request's end is not known the connection ends with it. */
void http_refuse(struct connection *connection, int status, const char *extra)
{
    char body[96];
    int len = snprintf(body, sizeof body, "{\"error\":\"%s\",\"error_description\":\"%s\"}",
                       find_status(status)->error, find_status(status)->phrase);
    http_call_free(connection->call);
    connection->call = NULL;
    connection->keep_alive = false;
    send_answer(connection, status, "application/json", extra, body, (size_t)len, false);
}

void http_add_header(struct http_call *call, const char *name, const char *value)
{
    size_t len = strlen(name) + strlen(value) + 4;
    if (strpbrk(name, "\r\n: ") || strpbrk(value, "\r\n") || call->extra_len + len > EXTRA_MAX) {
        log_error(_("a header field that cannot be sent was left out"));
        return;
    }
    char *extra = realloc(call->extra, call->extra_len + len + 1);
    if (!extra)
        return;
    snprintf(extra + call->extra_len, len + 1, "%s: %s\r\n", name, value);
    call->extra = extra;
    call->extra_len += len;
}

static void reply(struct http_call *call, int status, const char *content_type, const void *body,
                  size_t len, bool lasting)
{
    struct connection *connection = call->connection;
    if (connection->state != STATE_CALL)
        return; /* from within `gone` */
    send_answer(connection, status, content_type, call->extra ? call->extra : "", body, len,
                lasting);
    connection->call = NULL;
    http_call_free(call);
}

void http_reply(struct http_call *call, int status, const char *content_type, const void *body,
                size_t len)
{
    reply(call, status, content_type, body, len, false);
}

void http_reply_lasting(struct http_call *call, int status, const char *content_type,
                        const void *body, size_t len)
{
    reply(call, status, content_type, body, len, true);
}

void http_reply_json(struct http_call *call, int status, json_t *body)
{
    char *text = body ? json_dumps(body, JSON_COMPACT) : NULL;
    json_decref(body);
    http_reply_json_text(call, status, text);
}

void http_reply_json_text(struct http_call *call, int status, char *text)
{
    http_add_header(call, "Cache-Control", "no-store");
    if (text)
        http_reply(call, status, "application/json", text, strlen(text));
    else
        http_reply(call, 500, "application/json", "{\"error\":\"server_error\"}", 24);
    secret_free(text);
}

void http_hold(struct http_call *call, void (*gone)(void *arg), void *arg)
{
    call->held = true;
    call->gone = gone;
    call->arg = arg;
}
