/* Shared by http.c (connections), http_call.c (requests), http_answer.c and http_listen.c only. */
#ifndef HTTP_PRIVATE_H
#define HTTP_PRIVATE_H

#include <event2/bufferevent.h>

#include "backend/http.h"
#include "backend/http_limits.h"
#include "backend/http_parse.h"

#define PEER_SIZE 46 /* an address as text */

struct http_listener {
    struct http_listener *next;
    struct http_server *server;
    struct evconnlistener *socket;
    struct event *again; /* when accepting failed for want of descriptors */
    SSL_CTX *tls;        /* NULL: plain */
    char *path;          /* of a Unix socket, else NULL */
    bool admin;
};

enum state {
    STATE_HEAD,   /* reading a head, or idle */
    STATE_BODY,   /* reading a body */
    STATE_CALL,   /* the handler has it */
    STATE_ANSWER, /* the answer is going out */
    STATE_LINGER, /* all is sent; so that the client reads it before a reset could take it away */
    STATE_GONE,
};

struct http_call {
    struct connection *connection;
    const struct http_route *route;
    const char *rest;
    char *body;
    size_t body_len, body_size;
    struct http_chunks chunks;
    bool held;
    void (*gone)(void *arg);
    void *arg;
    size_t extra_len;
    char *extra; /* header fields of the answer */
    struct http_head head;
    char text[]; /* the head's */
};

struct connection {
    struct connection *next, **link;
    struct http_server *server;
    struct http_listener *listener;
    struct http_place by_address, by_sender; /* one of them is taken, or none */
    struct bufferevent *bev;
    struct event *deadline;
    enum state state;
    bool keep_alive;
    size_t scanned;  /* of the head */
    size_t lingered; /* bytes thrown away */
    struct http_call *call;
    char peer[PEER_SIZE];
};

enum warning { WARNING_ADDRESS, WARNING_ENDED, WARNING_REFUSED, WARNING_COUNT };

struct http_server {
    struct event_base *base;
    const struct http_route *routes;
    void *context;
    struct http_listener *listeners;
    struct connection *connections;
    size_t count;             /* of connections */
    size_t most, most_of_one; /* in all, from one address */
    struct http_limits *addresses, *senders;
    time_t date_of;
    char date[32];                    /* for the Date header, as of date_of */
    int64_t warned_ms[WARNING_COUNT]; /* each has a minute of its own */
};

/* Takes over bev. address: who it counts for (address_key), or NULL. Returns 0, or -1; then the
 * caller still has bev. */
int http_connection_start(struct http_listener *listener, struct bufferevent *bev, const char *peer,
                          const uint64_t address[2]);

/* Ends a connection on which no signature was right, the longest quiet one of the address or (NULL)
 * of all. False where there is none. */
bool http_connection_evict(struct http_server *server, const uint64_t address[2]);

/* The connection's time is up in so many seconds, whatever the client sends; 0: never. */
void http_set_deadline(struct connection *connection, int seconds);

/* Finds the call's route. Returns 0, or the status to refuse it with; *allow is then a header field
 * for the answer. */
int http_call_find_route(struct http_call *call, const char **allow);

/* Takes what has come of the body. Returns 1 where it is whole, 0 where more must come, a status as
 * a negative number where it is wrong. */
int http_call_take_body(struct http_call *call, struct evbuffer *input);

void http_call_free(struct http_call *call); /* NULL is fine */

/* An answer of our own, that ends the connection. extra: header fields, each with its CR LF. */
void http_refuse(struct connection *connection, int status, const char *extra);

void http_listeners_free(struct http_server *server);

#endif
