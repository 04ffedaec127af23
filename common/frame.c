#include "common/frame.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>

enum { NAME_MAX_BYTES = 24 };

static const char TYPES[] = {FRAME_START, FRAME_ANSWER, FRAME_KEY,  FRAME_LAST, FRAME_INFO,
                             FRAME_ERROR, FRAME_PROMPT, FRAME_WAIT, FRAME_DONE, FRAME_TIME};

static bool is_type(char type)
{
    return memchr(TYPES, type, sizeof(TYPES)) != NULL;
}

/* Length of the field's name before '=', or 0 where it is none. */
static size_t name_length(const char *field)
{
    size_t len = 0;

    while ((field[len] >= 'a' && field[len] <= 'z') || field[len] == '_')
        len++;
    return len <= NAME_MAX_BYTES && field[len] == '=' ? len : 0;
}

/* The first field from at on whose name is the len bytes at name, or NULL. The frame's bytes end in
 * NUL. */
static const char *find_field(const struct frame *frame, size_t at, const char *name, size_t len)
{
    while (at < frame->len) {
        const char *field = frame->bytes + at;
        if (strncmp(field, name, len) == 0 && field[len] == '=')
            return field;
        at += strlen(field) + 1;
    }
    return NULL;
}

void frame_start(struct frame *frame, enum frame_type type)
{
    frame->bytes[0] = (char)type;
    frame->len = 1;
    frame->broken = !is_type((char)type);
}

void frame_add(struct frame *frame, const char *name, const char *value)
{
    size_t room = FRAME_MAX - frame->len;

    if (!value || frame->broken)
        return;
    int len = snprintf(frame->bytes + frame->len, room, "%s=%s", name, value);
    if (len < 0 || (size_t)len >= room) {
        frame->broken = true;
        return;
    }
    frame->len += (size_t)len + 1;
    if (frame_check(frame) < 0)
        frame->broken = true;
}

void frame_add_number(struct frame *frame, const char *name, long value)
{
    char text[24];

    snprintf(text, sizeof(text), "%ld", value);
    frame_add(frame, name, text);
}

int frame_check(struct frame *frame)
{
    int fields = 0;

    if (frame->len < 1 || frame->len > FRAME_MAX || !is_type(frame->bytes[0]))
        return -1;
    if (frame->len > 1 && frame->bytes[frame->len - 1] != '\0')
        return -1;
    for (size_t at = 1; at < frame->len; fields++) {
        const char *field = frame->bytes + at;
        size_t name = name_length(field);

        at += strlen(field) + 1;
        if (name == 0 || fields == FRAME_FIELDS || find_field(frame, at, field, name))
            return -1;
    }
    return frame->bytes[0];
}

const char *frame_get(const struct frame *frame, const char *name)
{
    size_t len = strlen(name);
    const char *field = find_field(frame, 1, name, len);

    return field ? field + len + 1 : NULL;
}

int frame_get_number(const struct frame *frame, const char *name, long low, long high, long *out)
{
    const char *text = frame_get(frame, name);
    size_t len = text ? strspn(text, "0123456789") : 0;

    if (len < 1 || len > 9 || text[len] != '\0')
        return -1;
    long value = strtol(text, NULL, 10);
    if (value < low || value > high)
        return -1;
    *out = value;
    return 0;
}

int frame_send(int fd, const struct frame *frame)
{
    ssize_t sent;

    if (frame->broken || frame->len == 0) {
        errno = EMSGSIZE;
        return -1;
    }
    do
        sent = send(fd, frame->bytes, frame->len, MSG_NOSIGNAL);
    while (sent < 0 && errno == EINTR);
    if (sent >= 0 && (size_t)sent != frame->len) {
        errno = EPROTO; /* not a socket of messages */
        return -1;
    }
    return sent < 0 ? -1 : 0;
}

int frame_receive(int fd, struct frame *frame)
{
    struct iovec part = {.iov_base = frame->bytes, .iov_len = sizeof(frame->bytes)};
    /* No room for ancillary data: the kernel closes descriptors that come along, and none is ever
     * ours. */
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
    ssize_t got;

    frame->len = 0;
    frame->broken = true; /* received, not to be sent on */
    do
        got = recvmsg(fd, &message, 0);
    while (got < 0 && errno == EINTR);
    if (got == 0 || (got < 0 && errno == ECONNRESET))
        return 0;
    if (got < 0)
        return -1;

    frame->len = (size_t)got;
    int type = message.msg_flags & MSG_TRUNC ? -1 : frame_check(frame);
    if (type < 0) {
        frame->len = 0;
        errno = EBADMSG;
    }
    return type;
}

void frame_wipe(struct frame *frame)
{
    explicit_bzero(frame, sizeof(*frame));
}
