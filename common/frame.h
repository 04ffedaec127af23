/* One message between module and helper (docs/helper-protocol.md). libc only: the module links it.
 */
#ifndef FRAME_H
#define FRAME_H

#include <stdbool.h>
#include <stddef.h>

#define FRAME_MAX 4096
#define FRAME_FIELDS 24
#define FRAME_TEXT_MAX 1024
#define FRAME_AGE_MAX 999999999 /* milliseconds: eleven days */
#define FRAME_SOCKET "/run/approve/helper.sock"

enum frame_type {
    FRAME_START = 'S',
    FRAME_ANSWER = 'A',
    FRAME_KEY = 'K',
    FRAME_LAST = 'L',
    FRAME_INFO = 'I',
    FRAME_ERROR = 'E',
    FRAME_PROMPT = 'P',
    FRAME_WAIT = 'W',
    FRAME_DONE = 'D',
    FRAME_TIME = 'T',
};

struct frame {
    size_t len;
    bool broken; /* something did not fit: frame_send fails */
    char bytes[FRAME_MAX];
};

void frame_start(struct frame *frame, enum frame_type type);
void frame_add(struct frame *frame, const char *name, const char *value); /* NULL: left out */
void frame_add_number(struct frame *frame, const char *name, long value);

/* Checks the form of len bytes in frame->bytes. Returns the type, or -1. */
int frame_check(struct frame *frame);

/* A field of a checked frame, or NULL. Borrowed from the frame. */
const char *frame_get(const struct frame *frame, const char *name);

/* A number field within [low, high]: digits only. Returns 0 or -1. */
int frame_get_number(const struct frame *frame, const char *name, long low, long high, long *out);

/* One message. MSG_NOSIGNAL. Returns 0, or -1 with errno. */
int frame_send(int fd, const struct frame *frame);

/*
 * Receives and checks one message; descriptors that come along are closed.
 * Returns the type, 0 where the peer closed (also with what we sent unread), -1 with errno (EAGAIN;
 * EBADMSG for a broken or cut frame).
 */
int frame_receive(int fd, struct frame *frame);

/* Wipes a frame that held an answer. */
void frame_wipe(struct frame *frame);

#endif
