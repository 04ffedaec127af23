#include "common/secret_line.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "common/random.h"

static const int signals[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT};
#define SIGNALS (sizeof(signals) / sizeof(signals[0]))

static volatile sig_atomic_t caught;

static void on_signal(int number)
{
    caught = number;
}

/* Byte by byte: what comes behind the line is for whoever reads next. */
static int read_line(char *out, size_t size)
{
    size_t used = 0;
    ssize_t got = 0;
    char byte = '\0';

    while (used < size && !caught && (got = read(STDIN_FILENO, &byte, 1)) == 1 && byte != '\n')
        out[used++] = byte;
    if (caught || got < 0 || used == size || memchr(out, '\0', used) || (got == 0 && used == 0))
        return -1;
    out[used] = '\0';
    return 0;
}

int secret_line_unseen(const char *prompt, char *out, size_t size)
{
    struct sigaction action = {.sa_handler = on_signal}, before[SIGNALS];
    struct termios terminal, silent;
    int result = -1;

    if (tcgetattr(STDIN_FILENO, &terminal) < 0)
        return -1;
    silent = terminal;
    silent.c_lflag &= ~(tcflag_t)ECHO;
    caught = 0;
    sigemptyset(&action.sa_mask);
    for (size_t i = 0; i < SIGNALS; i++)
        sigaction(signals[i], &action, &before[i]);
    fflush(stdout);
    if (tcsetattr(STDIN_FILENO, TCSADRAIN, &silent) == 0) {
        fprintf(stderr, "%s", prompt);
        result = read_line(out, size);
        tcsetattr(STDIN_FILENO, TCSADRAIN, &terminal);
        fprintf(stderr, "\n");
    }
    for (size_t i = 0; i < SIGNALS; i++)
        sigaction(signals[i], &before[i], NULL);
    if (caught)
        raise(caught);
    return result;
}

static void trim(char *text)
{
    static const char blanks[] = " \t\r\n";
    size_t before = strspn(text, blanks), len = strlen(text);

    while (len > before && strchr(blanks, text[len - 1]))
        len--;
    memmove(text, text + before, len - before);
    secret_wipe(text + (len - before), before);
    text[len - before] = '\0';
}

int secret_line(char *argument, const char *prompt, char *out, size_t size)
{
    int result = -1;

    if (!argument || !strcmp(argument, "-")) {
        result =
            isatty(STDIN_FILENO) ? secret_line_unseen(prompt, out, size) : read_line(out, size);
    } else {
        if (strlen(argument) < size) {
            strcpy(out, argument);
            result = 0;
        }
        secret_wipe(argument, strlen(argument));
    }
    if (result < 0)
        secret_wipe(out, size);
    else
        trim(out);
    return result;
}
