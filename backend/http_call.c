/* One request: its route, its body, and what a handler may ask of it. */
#include <event2/buffer.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "backend/http_private.h"
#include "common/random.h"

void http_call_free(struct http_call *call)
{
    if (!call)
        return;
    if (call->body)
        secret_wipe(call->body, call->body_len);
    free(call->body);
    free(call->extra);
    free(call);
}

/* What a route's last "*" matches: one plain file name. */
static bool is_file_name(const char *text)
{
    size_t len = strlen(text);
    return len > 0 && len <= 128 && text[0] != '.' &&
           strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-") == len;
}

/* Returns where the rest of the path begins, or NULL where the route is not for it. */
static const char *match_path(const char *pattern, const char *path)
{
    size_t len = strlen(pattern);
    if (pattern[len - 1] != '*')
        return strcmp(pattern, path) == 0 ? path + strlen(path) : NULL;
    return strncmp(pattern, path, len - 1) == 0 && is_file_name(path + len - 1) ? path + len - 1
                                                                                : NULL;
}

static bool has_type(const char *wanted, const char *found)
{
    size_t len = strlen(wanted);
    if (!found || strncasecmp(found, wanted, len) != 0)
        return false;
    found += len + strspn(found + len, " \t");
    return *found == '\0' || *found == ';';
}

static enum http_method find_method(const char *name)
{
    if (strcmp(name, "GET") == 0)
        return HTTP_GET;
    return strcmp(name, "POST") == 0 ? HTTP_POST : (enum http_method)0;
}

int http_call_find_route(struct http_call *call, const char **allow)
{
    enum http_method method = find_method(call->head.method);
    enum http_caller caller = call->connection->listener->admin ? HTTP_ADMIN : HTTP_ANYONE;
    int status = 404;
    for (const struct http_route *route = call->connection->server->routes; route->path; route++) {
        const char *rest =
            route->caller == caller ? match_path(route->path, call->head.path) : NULL;
        if (!rest)
            continue;
        if (route->method != method) {
            *allow = route->method == HTTP_GET ? "Allow: GET\r\n" : "Allow: POST\r\n";
            status = 405;
            continue;
        }
        *allow = "";
        call->route = route;
        call->rest = rest;
        if (route->content_type && method == HTTP_POST &&
            !has_type(route->content_type, http_head_field(&call->head, "Content-Type")))
            return 415;
        return call->head.length > route->body_max ? 413 : 0;
    }
    return status;
}

/* Makes room in the body for `more` bytes and a NUL. Returns 0, or the status to refuse with. */
static int grow_body(struct http_call *call, size_t more)
{
    size_t want = call->body_size ? call->body_size : 1024;
    if (call->body_len + more > call->route->body_max)
        return 413;
    while (want < call->body_len + more + 1)
        want *= 2;
    if (want == call->body_size)
        return 0;
    char *body = realloc(call->body, want);
    if (!body)
        return 503;
    call->body = body;
    call->body_size = want;
    return 0;
}

int http_call_take_body(struct http_call *call, struct evbuffer *input)
{
    size_t here = evbuffer_get_length(input), left = (size_t)call->head.length - call->body_len,
           used, content;
    int result;
    if (!call->head.chunked) {
        size_t part = here < left ? here : left;
        if ((result = grow_body(call, part)) != 0)
            return -result;
        evbuffer_remove(input, call->body + call->body_len, part);
        call->body_len += part;
        call->body[call->body_len] = '\0';
        return part == left;
    }
    unsigned char *bytes = evbuffer_pullup(input, -1);
    result = here ? http_chunks_take(&call->chunks, (char *)bytes, here, &used, &content) : 0;
    if (!here || result < 0)
        return result < 0 ? -400 : 0;
    int failed = grow_body(call, content);
    if (failed)
        return -failed;
    memcpy(call->body + call->body_len, bytes, content);
    call->body_len += content;
    call->body[call->body_len] = '\0';
    evbuffer_drain(input, used);
    return result;
}

const char *http_path(const struct http_call *call)
{
    return call->head.path;
}

const char *http_rest(const struct http_call *call)
{
    return call->rest;
}

const char *http_header(const struct http_call *call, const char *name)
{
    return http_head_field(&call->head, name);
}

const char *http_body(const struct http_call *call, size_t *len)
{
    *len = call->body_len;
    return call->body ? call->body : "";
}
