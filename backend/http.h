/*
 * HTTP server, on libevent's bufferevents. Framing checks, limits, deadlines, TLS, parking and the
 * notice that a client left are its work. http_parse.c reads requests, http_listen.c accepts,
 * http_limits.c counts, http.c does the rest.
 */
#ifndef HTTP_H
#define HTTP_H

#include <event2/event.h>
#include <jansson.h>
#include <openssl/ssl.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct http_server;
struct http_call; /* one request; lives until it is answered, or its client is gone */

enum http_method { HTTP_GET = 1, HTTP_POST = 2 };

/* Who may make a call: by the listener that it came in on. */
enum http_caller {
    HTTP_ANYONE, /* over TCP or a reverse proxy's socket; the handler checks signatures itself */
    HTTP_ADMIN,  /* over the admin socket only, peer uid 0 or the server's own */
};

/* The routes are a table, that ends with path == NULL. */
struct http_route {
    enum http_method method;
    const char *path; /* exact, or with a last part "*": any one file name below */
    enum http_caller caller;
    const char *content_type; /* required of a POST; NULL: any */
    size_t body_max;
    void (*handle)(struct http_call *call, void *context);
};

/* context is given to every handler. */
struct http_server *http_server_new(struct event_base *base, const struct http_route *routes,
                                    void *context);
void http_server_free(struct http_server *server);

/*
 * At most so many connections in all and from one address; Unix sockets are not counted by address.
 * Where there are so many, the oldest on which no signature was right gives way to a new one, of
 * that address or of all; where there is none, the new one is refused. Without it: 1,000 and 200.
 */
void http_set_limits(struct http_server *server, size_t most, size_t most_of_one);

/* Listens on "127.0.0.1:8700", "[::]:8443"; tls NULL: plain. Returns 0, or -1 with why. */
int http_listen_tcp(struct http_server *server, const char *address, SSL_CTX *tls, char *why,
                    size_t why_size);

/* Listens on a Unix socket, that is made with `mode`. admin: calls are HTTP_ADMIN, by peer uid. */
int http_listen_unix(struct http_server *server, const char *path, mode_t mode, bool admin,
                     char *why, size_t why_size);

/* The request. Strings are borrowed from the call. */
const char *http_path(const struct http_call *call);
const char *http_rest(const struct http_call *call); /* what a last "*" matched, or "" */
const char *http_header(const struct http_call *call, const char *name); /* or NULL */
const char *http_body(const struct http_call *call, size_t *len);        /* NUL-terminated */

/*
 * A signature in this call was right: from now on its connection counts for that sender, who may
 * have `most`, and no more for its address: no other can push it out. Where the sender has so many
 * already, it stays one of its address.
 */
void http_signed(struct http_call *call, const char *sender, size_t most);

/* Answers. Each ends the call, and may be given once; extra headers come before. */
void http_add_header(struct http_call *call, const char *name, const char *value);
void http_reply(struct http_call *call, int status, const char *content_type, const void *body,
                size_t len);
/* The same with a body that stays as it is for as long as the server lives: it is not copied. */
void http_reply_lasting(struct http_call *call, int status, const char *content_type,
                        const void *body, size_t len);
/* Takes the reference; adds Cache-Control: no-store; NULL body: 500. */
void http_reply_json(struct http_call *call, int status, json_t *body);
/* The same of a JSON text, which it wipes and frees. */
void http_reply_json_text(struct http_call *call, int status, char *text);

/*
 * Every handler either answers at once, or calls http_hold: then the call waits without timeouts
 * until it is answered. gone (once, and never after an answer) says that the client left: the call
 * must not be used after it returns. A handler may hold again with another gone.
 */
void http_hold(struct http_call *call, void (*gone)(void *arg), void *arg);

/* Open connections now; for limits, tests and metrics. */
size_t http_connections(const struct http_server *server);

#endif
