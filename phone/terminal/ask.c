#include "phone/terminal/ask.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

static void copy_trimmed(const char *from, size_t len, char *line, size_t size)
{
    while (len > 0 && strchr(" \t\r\n", from[len - 1]))
        len--;
    while (len > 0 && (*from == ' ' || *from == '\t')) {
        from++;
        len--;
    }
    if (len >= size || memchr(from, '\0', len)) {
        from = "?";
        len = 1;
    }
    memcpy(line, from, len);
    line[len] = '\0';
}

bool ask_line(const char *prompt, char *line, size_t size)
{
    char text[1024];
    if (isatty(STDIN_FILENO)) {
        printf("%s", prompt);
        fflush(stdout);
    }
    if (!fgets(text, sizeof(text), stdin))
        return false;
    copy_trimmed(text, strlen(text), line, size);
    return true;
}

bool ask_yes(const char *question)
{
    char line[16];
    return isatty(STDIN_FILENO) && ask_line(question, line, sizeof(line)) &&
           (!strcmp(line, "y") || !strcmp(line, "Y") || !strcmp(line, "yes"));
}

void ask_read(struct ask_reader *reader)
{
    ssize_t got =
        read(STDIN_FILENO, reader->text + reader->len, sizeof(reader->text) - reader->len);
    if (got > 0)
        reader->len += (size_t)got;
    else if (got == 0 || (errno != EINTR && errno != EAGAIN))
        reader->ended = true;
}

bool ask_take(struct ask_reader *reader, char *line, size_t size)
{
    char *end = memchr(reader->text, '\n', reader->len);
    bool whole = end != NULL, skipped = reader->skipping;

    if (!end && reader->len == sizeof(reader->text)) { /* too long: drop, wait for its end */
        reader->len = 0;
        reader->skipping = true;
    }
    if (!whole)
        return false;
    copy_trimmed(reader->text, (size_t)(end - reader->text), line, size);
    reader->len -= (size_t)(end + 1 - reader->text);
    memmove(reader->text, end + 1, reader->len);
    reader->skipping = false;
    if (skipped)
        snprintf(line, size, "?");
    return true;
}

void ask_forget(struct ask_reader *reader)
{
    if (isatty(STDIN_FILENO)) {
        tcflush(STDIN_FILENO, TCIFLUSH);
        reader->len = 0;
        reader->skipping = false;
    }
}
