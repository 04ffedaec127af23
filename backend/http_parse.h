/*
 * HTTP/1.1 requests (RFC 9112), parsed strictly: what two servers could read in two ways is
 * refused. Works on bytes alone, so that it can be fuzzed.
 *
 * evhttp is not used: it gives no hook between accept and a whole request, so that neither a
 * deadline for the header, nor a cap on an address's connections, nor these checks can be put
 * around it.
 */
#ifndef HTTP_PARSE_H
#define HTTP_PARSE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HTTP_HEAD_MAX 16384
#define HTTP_FIELDS_MAX 64

struct http_head {
    const char *text;       /* the bytes, cut into strings */
    const char *method;     /* a token */
    const char *path;       /* from "/" on, without the query */
    bool keep_alive;        /* HTTP/1.1 without `Connection: close` */
    bool chunked;           /* else length bytes follow */
    bool wait_for_continue; /* `Expect: 100-continue` */
    uint64_t length;
    size_t count;
    struct {
        uint16_t name, value; /* offsets in text */
    } fields[HTTP_FIELDS_MAX];
};

/*
 * Looks for the end of a head in what has come; *scanned (0 at first) carries on where the last
 * call ended. Returns the head's bytes with the empty line, 0 where more must come, or a status as
 * a negative number: -400, -431.
 */
int http_head_end(const char *bytes, size_t len, size_t *scanned);

/*
 * Parses a whole head of len bytes, that http_head_end found, with a NUL behind it. Cuts text,
 * which must live as long as *head. Returns 0, or the status to answer: 400, 417, 431, 505.
 */
int http_head_parse(char *text, size_t len, struct http_head *head);

/* The value of a field by its name, of whatever case; the first, or NULL. */
const char *http_head_field(const struct http_head *head, const char *name);

/* Its value, or -1. */
int http_hex_digit(char c);

/* A chunked body (RFC 9112, section 7.1), without extensions and trailers: these are refused. */
struct http_chunks {
    int state;
    int digits;
    uint64_t left;
};

/*
 * Takes len bytes. The content's bytes are moved to the front of bytes, *content of them; *used is
 * how many were taken. Returns 0 where more must come, 1 at the end, -1 where the form is broken. A
 * struct of zeros is the start.
 */
int http_chunks_take(struct http_chunks *chunks, char *bytes, size_t len, size_t *used,
                     size_t *content);

#endif
