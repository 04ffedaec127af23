#include "helper/command_line.h"

#include <string.h>

#define NO_BREAK "\xc2\xa0"

/* How a program reads its arguments: getopt_long(3). */
struct program {
    const char *shorts;       /* options with a value */
    const char *const *longs; /* the same, NULL at the end */
    bool variables;           /* NAME=VALUE may stand among the options */
};

static const struct program programs[] = {
    [COMMAND_LINE_SUDO] = {"aCcDghpRrTtUu",
                           (const char *const[]){"--chdir", "--chroot", "--close-from",
                                                 "--command-timeout", "--group", "--host",
                                                 "--other-user", "--prompt", "--role", "--type",
                                                 "--user", NULL},
                           true},
    [COMMAND_LINE_DOAS] = {"aCu", (const char *const[]){NULL}, false},
    [COMMAND_LINE_SU] = {"cGgsw",
                         (const char *const[]){"--command", "--group", "--session-command",
                                               "--shell", "--supp-group", "--whitelist-environment",
                                               NULL},
                         false},
};

static size_t word_len(const char *word)
{
    return strcspn(word, " ");
}

static const char *next_word(const char *word)
{
    word += word_len(word);
    return word + strspn(word, " ");
}

static bool word_is(const char *word, const char *text)
{
    return word_len(word) == strlen(text) && strncmp(word, text, strlen(text)) == 0;
}

static bool is_option(const char *word)
{
    return word[0] == '-' && word_len(word) > 1;
}

/* An option's value: the rest of the word, or the next one; NULL where it has none. A long name may
 * be shortened. option: its letter, or its whole long name. */
static const char *value_of(const struct program *program, const char *word, const char **option)
{
    size_t len = word_len(word), name = strcspn(word, " =");

    for (size_t i = 0; word[1] == '-' && program->longs[i] != NULL; i++) {
        *option = program->longs[i];
        if (name > 2 && strncmp(word, *option, name) == 0)
            return word[name] == '=' ? word + name + 1 : next_word(word);
    }
    for (size_t i = 1; word[1] != '-' && i < len; i++) {
        *option = strchr(program->shorts, word[i]);
        if (*option != NULL)
            return i + 1 < len ? word + i + 1 : next_word(word);
    }
    return NULL;
}

/* The word behind an option and its value. */
static const char *pass_option(const char *word, const char *value)
{
    const char *next = next_word(word);

    return value == next ? next_word(next) : next;
}

static const char *find_behind_options(const struct program *program, const char *line)
{
    const char *word = next_word(line), *option;

    for (;;) {
        const char *sign = strchr(word, '=');

        if (word_is(word, "--"))
            return next_word(word);
        if (is_option(word))
            word = pass_option(word, value_of(program, word, &option));
        else if (program->variables && word[0] != '/' && sign != NULL &&
                 sign < word + word_len(word))
            word = next_word(word);
        else
            return word;
    }
}

/* The last -c counts. What stands behind the user's name is for the shell as well, and options may
 * follow there. */
static const char *find_su(const struct program *program, const char *line, bool *is_value)
{
    const char *word = next_word(line), *command = NULL, *rest = NULL;
    bool options = true;
    int others = 0;

    while (*word != 0) {
        const char *option = "", *value = NULL;

        if (options && word_is(word, "--")) {
            options = false;
            word = next_word(word);
            continue;
        }
        if (options && is_option(word)) {
            value = value_of(program, word, &option);
            if (value != NULL && (*option == 'c' || strstr(option, "command") != NULL))
                command = value;
        } else if (others > 0 || !word_is(word, "-")) {
            others++;
            if (others == 2)
                rest = word;
        }
        word = pass_option(word, value);
    }
    *is_value = command != NULL;
    return command != NULL ? command : rest != NULL ? rest : word;
}

/* One argument, with its blanks. */
static void copy_value(const char *value, char *out, size_t size)
{
    size_t used = 0, len = word_len(value);

    for (size_t i = 0; i < len && used + 1 < size; i++) {
        if (strncmp(value + i, NO_BREAK, 2) == 0)
            i++, out[used++] = ' ';
        else
            out[used++] = value[i];
    }
    out[used] = 0;
}

bool command_line_find(enum command_line kind, const char *line, char *out, size_t size)
{
    size_t len = strlen(line);
    bool cut = len >= strlen(COMMAND_LINE_CUT) &&
               strcmp(line + len - strlen(COMMAND_LINE_CUT), COMMAND_LINE_CUT) == 0,
         is_value = false;
    const char *command;

    out[0] = 0;
    if (kind == COMMAND_LINE_NONE)
        return true;
    if (kind == COMMAND_LINE_SU)
        command = find_su(&programs[kind], line, &is_value);
    else
        command = find_behind_options(&programs[kind], line);
    if (cut && (kind == COMMAND_LINE_SU || command[word_len(command)] == 0))
        return false;
    /* The shell takes such a value for options, and runs what stands behind the user's name. */
    if (is_value && (*command == '-' || *command == '+'))
        return false;
    if (is_value) {
        copy_value(command, out, size);
    } else {
        strncat(out, command, size - 1);
    }
    return true;
}
