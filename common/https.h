/* libcurl, set up once for all: TLS checks, pins, no redirects, bounded answers. */
#ifndef HTTPS_H
#define HTTPS_H

#include <curl/curl.h>
#include <stdbool.h>
#include <stddef.h>

#define HTTPS_ANSWER_MAX (256 * 1024)
#define HTTPS_URL_SHOWN 300
#define HTTPS_UNSENT_MS 5000 /* what the other side has not acknowledged by then is thrown away */
#define HTTPS_FAULT_MAX 512  /* bytes of a line that says what went wrong */

struct https_answer {
    long status; /* 0: no answer; then error says why */
    char *body;  /* NUL-terminated, never NULL after https_answer_init */
    size_t len;
    char content_type[64];
    long retry_after;                                  /* seconds, 0 where not sent */
    char error[CURL_ERROR_SIZE + HTTPS_URL_SHOWN + 8]; /* starts with the URL */
};

/*
 * True where the URL may be used: https, or http on a loopback address (127.0.0.0/8, ::1,
 * localhost). Otherwise why says what is wrong.
 */
bool https_url_allowed(const char *url, char *why, size_t why_size);

/*
 * An easy handle with everything that is common: allowed protocols, no redirects, no proxy from the
 * environment, TLS 1.2 at least, the pin (SHA-256 of the SubjectPublicKeyInfo, base64url; NULL or
 * "" for the system's certificates), TCP_NODELAY, time limit in ms, answer collected into *answer
 * (bounded). NULL without memory or where the pin is malformed, with answer->error. The caller sets
 * the body and performs it, alone or in a multi handle.
 */
CURL *https_handle(const char *url, const char *pin, long timeout_ms, struct https_answer *answer);

/*
 * After the transfer, with what curl_easy_perform or CURLMsg said: fills status, content_type,
 * retry_after, or error. Until then, and after a transfer that broke off, status is 0.
 * https_call does it by itself; who uses a multi handle must call it.
 */
void https_answer_finish(struct https_answer *answer, CURL *handle, CURLcode code);

/* Is it of type application/json, or of one made of it: application/jwk-set+json (RFC 6839)? */
bool https_answer_is_json(const struct https_answer *answer);

/* For the log, in one line: the URL, and why this answer is none that can be used. what: an error
 * that the answer names, or what is wrong with its text; "" where the status says enough. */
void https_answer_fault(const char *url, const struct https_answer *answer, const char *what,
                        char *out, size_t size);

void https_answer_init(struct https_answer *answer);
void https_answer_free(struct https_answer *answer);

/* A blocking POST (body NULL: GET). Returns 0 when an answer came, whatever its status; -1 with
 * answer->error. */
int https_call(const char *url, const char *pin, const char *content_type, const char *body,
               long timeout_ms, struct https_answer *answer);

#endif
