/* A helper that plays a script to whoever connects, in a process of its own. */
#ifndef FAKE_HELPER_H
#define FAKE_HELPER_H

#include <stddef.h>
#include <sys/types.h>

enum step_kind {
    STEP_END,
    STEP_SEND,       /* bytes as one message */
    STEP_SEND_FILES, /* the same with two descriptors */
    STEP_EXPECT, /* a message that begins with the first byte and has the rest as a whole field */
    STEP_PAUSE,  /* len milliseconds */
    STEP_STOP,   /* SIGSTOP to itself */
    STEP_CLOSE,
};

struct step {
    enum step_kind kind;
    const char *bytes;
    size_t len;
    int times; /* STEP_SEND: 0 is once */
};

/* A literal's own NUL ends its last field; a frame without fields is RAW. */
#define STEP_OF(kind, bytes, len)                                                                  \
    {                                                                                              \
        kind, bytes, len, 0                                                                        \
    }
#define SEND(text) STEP_OF(STEP_SEND, text, sizeof(text))
#define SEND_RAW(text) STEP_OF(STEP_SEND, text, sizeof(text) - 1)
#define SEND_BUFFER(buffer) STEP_OF(STEP_SEND, buffer, sizeof(buffer))
#define SEND_TIMES(count, text)                                                                    \
    {                                                                                              \
        STEP_SEND, text, sizeof(text), count                                                       \
    }
#define SEND_FILES(text) STEP_OF(STEP_SEND_FILES, text, sizeof(text))
#define EXPECT(text) STEP_OF(STEP_EXPECT, text, sizeof(text))
#define EXPECT_RAW(text) STEP_OF(STEP_EXPECT, text, sizeof(text) - 1)
#define PAUSE(ms) STEP_OF(STEP_PAUSE, NULL, ms)
#define STOP STEP_OF(STEP_STOP, NULL, 0)
#define CLOSE STEP_OF(STEP_CLOSE, NULL, 0)

#define STEPS 12

/* A listening socket at path (0666, of this process). */
int fake_helper_listen(const char *path, int backlog);

/* Plays steps to the next connection on a listening socket, then waits for its end. */
pid_t fake_helper_play(int listener, const struct step *steps);

/*
 * Closes the listening socket and ends the process. Returns 0 where the script was played to its
 * end, else 1 + the step that failed, 253 where the module did not close the connection or said
 * more, or -1 where nobody had come.
 */
int fake_helper_end(pid_t pid, int listener);

#endif
