#include "approvectl/pam_stack.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "common/i18n.h"

#define FILE_MAX_BYTES 65536
#define FILES_MAX 200 /* read for one service */

const char *const pam_phases[] = {"auth", "account", "session", "password"};

/* The words of pam.d(5) for the codes, by code. */
static const char *const code_names[_PAM_RETURN_VALUES] = {
    [PAM_SUCCESS] = "success",
    [PAM_OPEN_ERR] = "open_err",
    [PAM_SYMBOL_ERR] = "symbol_err",
    [PAM_SERVICE_ERR] = "service_err",
    [PAM_SYSTEM_ERR] = "system_err",
    [PAM_BUF_ERR] = "buf_err",
    [PAM_PERM_DENIED] = "perm_denied",
    [PAM_AUTH_ERR] = "auth_err",
    [PAM_CRED_INSUFFICIENT] = "cred_insufficient",
    [PAM_AUTHINFO_UNAVAIL] = "authinfo_unavail",
    [PAM_USER_UNKNOWN] = "user_unknown",
    [PAM_MAXTRIES] = "maxtries",
    [PAM_NEW_AUTHTOK_REQD] = "new_authtok_reqd",
    [PAM_ACCT_EXPIRED] = "acct_expired",
    [PAM_SESSION_ERR] = "session_err",
    [PAM_CRED_UNAVAIL] = "cred_unavail",
    [PAM_CRED_EXPIRED] = "cred_expired",
    [PAM_CRED_ERR] = "cred_err",
    [PAM_NO_MODULE_DATA] = "no_module_data",
    [PAM_CONV_ERR] = "conv_err",
    [PAM_AUTHTOK_ERR] = "authtok_err",
    [PAM_AUTHTOK_RECOVERY_ERR] = "authtok_recover_err",
    [PAM_AUTHTOK_LOCK_BUSY] = "authtok_lock_busy",
    [PAM_AUTHTOK_DISABLE_AGING] = "authtok_disable_aging",
    [PAM_TRY_AGAIN] = "try_again",
    [PAM_IGNORE] = "ignore",
    [PAM_ABORT] = "abort",
    [PAM_AUTHTOK_EXPIRED] = "authtok_expired",
    [PAM_MODULE_UNKNOWN] = "module_unknown",
    [PAM_BAD_ITEM] = "bad_item",
    [PAM_CONV_AGAIN] = "conv_again",
    [PAM_INCOMPLETE] = "incomplete",
};

static const struct {
    const char *name;
    int action;
} action_names[] = {{"ignore", ACTION_IGNORE}, {"ok", ACTION_OK},   {"done", ACTION_DONE},
                    {"bad", ACTION_BAD},       {"die", ACTION_DIE}, {"reset", ACTION_RESET}};

/* The one-word controls, in the long form that pam.d(5) gives for them. */
static const struct {
    const char *name, *meaning;
} controls[] = {
    {"required", "success=ok new_authtok_reqd=ok ignore=ignore default=bad"},
    {"requisite", "success=ok new_authtok_reqd=ok ignore=ignore default=die"},
    {"sufficient", "success=done new_authtok_reqd=done default=ignore"},
    {"optional", "success=ok new_authtok_reqd=ok default=ignore"},
};

struct reader {
    struct pam_stack *stack;
    pam_stack_load *load;
    void *arg;
    int files;
};

static int read_file(struct reader *reader, const char *name, int phase, int level, int depth);

static void set_fault(struct reader *reader, const char *file, int number, const char *what)
{
    struct pam_stack *stack = reader->stack;
    if (!*stack->fault)
        snprintf(stack->fault, sizeof(stack->fault), "%.128s:%d: %.200s", file, number, what);
}

/* "ok", "die", "3". False where it is none of them. */
static bool read_action(const char *text, int *action)
{
    char *end;
    long jump = strtol(text, &end, 10);

    if (end != text && !*end && jump >= 0 && jump <= PAM_STACK_LINES) {
        *action = (int)jump;
        return true;
    }
    for (size_t i = 0; i < sizeof(action_names) / sizeof(action_names[0]); i++) {
        if (!strcasecmp(text, action_names[i].name)) {
            *action = action_names[i].action;
            return true;
        }
    }
    return false;
}

/* "success=ok default=die". What is not named is bad, as in libpam. */
static bool read_actions(const char *text, int actions[_PAM_RETURN_VALUES])
{
    char copy[1024], *word, *rest = NULL;
    bool named[_PAM_RETURN_VALUES] = {false};
    int otherwise = ACTION_BAD;

    if (strlen(text) >= sizeof(copy))
        return false;
    strcpy(copy, text);
    for (word = strtok_r(copy, " \t", &rest); word; word = strtok_r(NULL, " \t", &rest)) {
        char *value = strchr(word, '=');
        int action, code = 0;
        if (!value || !read_action(value + 1, &action))
            return false;
        *value = '\0';
        if (!strcasecmp(word, "default")) {
            otherwise = action;
            continue;
        }
        while (code < _PAM_RETURN_VALUES && strcasecmp(word, code_names[code]) != 0)
            code++;
        if (code == _PAM_RETURN_VALUES)
            return false;
        actions[code] = action;
        named[code] = true;
    }
    for (int code = 0; code < _PAM_RETURN_VALUES; code++) {
        if (!named[code])
            actions[code] = otherwise;
    }
    return true;
}

static bool read_control(const char *control, int actions[_PAM_RETURN_VALUES])
{
    for (size_t i = 0; i < sizeof(controls) / sizeof(controls[0]); i++) {
        if (!strcasecmp(control, controls[i].name))
            return read_actions(controls[i].meaning, actions);
    }
    return *control == '[' && read_actions(control + 1, actions);
}

/* Takes the next word off *text: blanks end it, [brackets] hold it together (the first stays, the
 * last goes). */
static char *take_word(char **text)
{
    char *word = *text + strspn(*text, " \t"), *end;

    if (!*word)
        return NULL;
    end = *word == '[' ? strchr(word, ']') : NULL;
    if (!end)
        end = word + strcspn(word, " \t");
    *text = *end ? end + 1 : end;
    *end = '\0';
    return word;
}

static void add_line(struct reader *reader, struct pam_line line, const char *control,
                     const char *path, const char *arguments)
{
    struct pam_stack *stack = reader->stack;
    const char *slash = strrchr(path, '/');

    if (!line.substack && !read_control(control, line.actions)) {
        set_fault(reader, line.file, line.number,
                  _("libpam does not understand the control field"));
        for (int code = 0; code < _PAM_RETURN_VALUES; code++)
            line.actions[code] = ACTION_BAD;
    }
    if (stack->count == PAM_STACK_LINES) {
        set_fault(reader, line.file, line.number, _("more lines than this program can follow"));
        return;
    }
    snprintf(line.control, sizeof(line.control), "%s%s", control, *control == '[' ? "]" : "");
    snprintf(line.path, sizeof(line.path), "%s", path);
    snprintf(line.module, sizeof(line.module), "%s", slash ? slash + 1 : path);
    snprintf(line.arguments, sizeof(line.arguments), "%s", arguments + strspn(arguments, " \t"));
    stack->lines[stack->count++] = line;
}

/* One whole line. phase: only this one is wanted, or -1. */
static void read_line(struct reader *reader, char *text, struct pam_line line, int phase, int depth)
{
    char *type = take_word(&text), *control, *path;
    int found = 0;

    if (!type)
        return;
    if (!strcasecmp(type, "@include")) {
        path = take_word(&text);
        if (!path || read_file(reader, path, phase, line.level, depth + 1) < 0)
            set_fault(reader, line.file, line.number, _("the file to include cannot be read"));
        return;
    }
    type += *type == '-';
    while (found < PHASE_COUNT && strcasecmp(type, pam_phases[found]) != 0)
        found++;
    control = take_word(&text);
    path = take_word(&text);
    if (found == PHASE_COUNT || !control || !path) {
        set_fault(reader, line.file, line.number, _("not a line that libpam understands"));
        return;
    }
    if (phase >= 0 && found != phase)
        return;
    line.phase = (enum pam_phase)found;
    line.substack = !strcasecmp(control, "substack");
    if (line.substack || strcasecmp(control, "include") != 0)
        add_line(reader, line, control, path, text);
    if ((line.substack || !strcasecmp(control, "include")) &&
        read_file(reader, path, found, line.level + line.substack, depth + 1) < 0)
        set_fault(reader, line.file, line.number, _("the file to include cannot be read"));
}

/* Takes a line off *text, joined with those that a backslash continues, without its comment. */
static char *take_line(char **text, int *number)
{
    char *line = *text, *to = line, *from = line;

    if (!*line)
        return NULL;
    while (*from && *from != '\n') {
        if (*from == '\\' && from[1] == '\n') {
            *to++ = ' ';
            from += 2;
            ++*number;
        } else {
            *to++ = *from++;
        }
    }
    *text = *from ? from + 1 : from;
    ++*number;
    *to = '\0';
    line[strcspn(line, "#")] = '\0';
    return line;
}

static int read_file(struct reader *reader, const char *name, int phase, int level, int depth)
{
    bool allowed = depth <= PAM_STACK_DEPTH && ++reader->files <= FILES_MAX;
    char *text = allowed ? reader->load(reader->arg, name) : NULL;
    char *rest = text, *line;
    int number = 0, first;

    if (!text)
        return -1;
    for (first = 1; (line = take_line(&rest, &number)); first = number + 1) {
        struct pam_line where = {.number = first, .level = level};
        snprintf(where.file, sizeof(where.file), "%s", name);
        read_line(reader, line, where, phase, depth);
    }
    free(text);
    return 0;
}

static enum pam_phase find_asking_phase(const struct pam_stack *stack)
{
    bool named[PHASE_COUNT] = {false};

    for (size_t i = 0; i < stack->count; i++)
        named[stack->lines[i].phase] |= !strcmp(stack->lines[i].module, "pam_approve.so");
    return named[PHASE_PASSWORD] && !named[PHASE_AUTH] ? PHASE_PASSWORD : PHASE_AUTH;
}

int pam_stack_read(struct pam_stack *stack, const char *service, pam_stack_load *load, void *arg)
{
    struct reader reader = {.stack = stack, .load = load, .arg = arg};
    int result;

    memset(stack, 0, sizeof(*stack));
    snprintf(stack->service, sizeof(stack->service), "%s", service);
    result = read_file(&reader, service, -1, 0, 0);
    stack->asks = find_asking_phase(stack);
    return result;
}

char *pam_stack_load_file(void *directory, const char *name)
{
    char path[512], *text = NULL;
    FILE *file;
    size_t len;

    if (*name == '/')
        snprintf(path, sizeof(path), "%s", name);
    else
        snprintf(path, sizeof(path), "%s/%s", (const char *)directory, name);
    file = fopen(path, "re");
    if (!file)
        return NULL;
    text = malloc(FILE_MAX_BYTES + 1);
    len = text ? fread(text, 1, FILE_MAX_BYTES + 1, file) : 0;
    if (text && (len > FILE_MAX_BYTES || ferror(file))) {
        free(text);
        text = NULL;
    } else if (text) {
        text[len] = '\0';
    }
    fclose(file);
    return text;
}

bool pam_line_has(const struct pam_line *line, const char *word)
{
    size_t len = strlen(word);

    for (const char *at = strstr(line->arguments, word); at; at = strstr(at + 1, word)) {
        bool starts = at == line->arguments || isspace((unsigned char)at[-1]);
        if (starts && (!at[len] || isspace((unsigned char)at[len])))
            return true;
    }
    return false;
}
