/* A kept HTTP connection to the server, plain or TLS, with one call at a time; for load.c. */
#ifndef LOAD_LINE_H
#define LOAD_LINE_H

#include <event2/event.h>
#include <openssl/ssl.h>
#include <stddef.h>

struct load_line;

/* The answer's body is NUL-terminated and lives until the callback returns. */
typedef void load_done(void *arg, int status, char *body, size_t len);

/* Connects to 127.0.0.1. tls: NULL for plain. Ends the program without memory. */
struct load_line *load_line_new(struct event_base *base, int port, SSL_CTX *tls);
void load_line_free(struct load_line *line);

/* Sends a POST. A connection that breaks ends the program, with the reason. */
void load_line_post(struct load_line *line, const char *path, const char *type, const char *body,
                    load_done *done, void *arg);

#endif
