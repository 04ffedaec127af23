#include "helper/command_line.h"

#include <stdbool.h>
#include <string.h>

static const char *next_word(const char *word)
{
    word += strcspn(word, " ");
    return word + strspn(word, " ");
}

static bool word_is(const char *word, const char *text)
{
    size_t len = strlen(text);

    return strncmp(word, text, len) == 0 && (word[len] == ' ' || word[len] == 0);
}

/* sudo(8), doas(1): options whose value is the next word. */
static bool takes_next(const char *word)
{
    static const char *const longs[] = {"--user",   "--group",      "--host",
                                        "--prompt", "--close-from", "--chdir",
                                        "--chroot", "--role",       "--command-timeout",
                                        "--type",   "--other-user"};
    size_t len = strcspn(word, " ");

    for (size_t i = 0; i < sizeof longs / sizeof *longs; i++) {
        if (word_is(word, longs[i]))
            return true;
    }
    /* The last letter of a bundle such as -nu; of a value that is glued on, as in -ualice, one
     * cannot tell: then a word too many is left out. */
    return len >= 2 && word[1] != '-' && strchr("ugpChDRrtTU", word[len - 1]) != NULL;
}

static bool is_variable(const char *word)
{
    size_t len = strcspn(word, " =/");

    return len > 0 && word[len] == '=';
}

static const char *find_sudo(const char *line)
{
    const char *word = next_word(line);

    while (*word == '-') {
        bool last = word_is(word, "--"), two = !last && takes_next(word);

        word = next_word(word);
        if (two)
            word = next_word(word);
        if (last)
            break;
    }
    while (is_variable(word))
        word = next_word(word);
    return word;
}

static const char *find_su(const char *line)
{
    static const char *const options[] = {"-c", "--command", "--session-command"};
    const char *word = next_word(line);

    for (; *word != 0; word = next_word(word)) {
        for (size_t i = 0; i < sizeof options / sizeof *options; i++) {
            if (word_is(word, options[i]))
                return next_word(word);
        }
    }
    return word;
}

const char *command_line_find(enum command_line kind, const char *line)
{
    switch (kind) {
    case COMMAND_LINE_SUDO:
        return find_sudo(line);
    case COMMAND_LINE_SU:
        return find_su(line);
    case COMMAND_LINE_NONE:
        break;
    }
    return line + strlen(line);
}
