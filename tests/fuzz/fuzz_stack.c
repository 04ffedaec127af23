/* What approvectl reads of other programs' configuration. The first byte says what the rest is: 'p'
 * files of pam.d, each behind a line "@@ NAME", the service's own called "s"; 't' what sshd -T
 * says. */
#include "approvectl/check_follow.h"
#include "approvectl/pam_run.h"
#include "approvectl/pam_stack.h"
#include "approvectl/sshd_config.h"
#include "tests/fuzz/fuzz.h"

#define FOLLOWED 5 /* lines that can answer both ways: each doubles the runs */

/* --- files of pam.d --- */

static char *load_part(void *arg, const char *name)
{
    const char *all = arg;
    size_t len = strlen(name);

    for (const char *at = all; (at = strstr(at, "@@ ")); at++) {
        const char *text = at + 3 + len, *end; /* the text begins with the line end */
        if ((at > all && at[-1] != '\n') || strncmp(at + 3, name, len) != 0 || *text != '\n')
            continue;
        end = strstr(text, "\n@@ ");
        return strndup(text + 1, end ? (size_t)(end - text) : strlen(text + 1));
    }
    return NULL;
}

static void check_line(const struct pam_line *line)
{
    MUST(line->phase < PHASE_COUNT && line->number > 0);
    MUST(line->level >= 0 && line->level <= PAM_STACK_DEPTH);
    MUST(!strchr(line->module, '/') && !strchr(line->arguments, '\n'));
    for (int code = 0; code < _PAM_RETURN_VALUES; code++)
        MUST(line->actions[code] >= ACTION_RESET && line->actions[code] <= PAM_STACK_LINES);
    if (line->arguments[0] && !strpbrk(line->arguments, " \t\v\f\r"))
        MUST(pam_line_has(line, line->arguments));
    MUST(!pam_line_has(line, "a word that is not there"));
}

/* Of each way that the modules can answer: */
struct ways {
    const struct pam_stack *stack;
    unsigned count;
    bool may_open; /* some line says so after a success */
    bool opens;    /* asked, and let in */
};

static bool check_way(void *arg, const struct pam_answers *answers,
                      const struct pam_outcome *outcome)
{
    struct ways *ways = arg;
    const struct pam_stack *stack = ways->stack;
    struct pam_outcome again;

    MUST(outcome->code >= 0 && outcome->code < _PAM_RETURN_VALUES);
    MUST(outcome->code != PAM_SUCCESS || ways->may_open);
    for (size_t i = 0; i < PAM_STACK_LINES; i++)
        MUST(!outcome->before[i] || (i < stack->count && !stack->lines[i].substack &&
                                     stack->lines[i].phase == stack->asks));
    pam_run(stack, answers, &again);
    MUST(memcmp(outcome, &again, sizeof(again)) == 0);
    ways->opens |= outcome->asked && outcome->code == PAM_SUCCESS;
    return ++ways->count < 1U << FOLLOWED;
}

/* Everything but the file and the number, which are others when it is written anew. */
static bool is_same(const struct pam_line *a, const struct pam_line *b)
{
    return a->phase == b->phase && !memcmp(a->actions, b->actions, sizeof(a->actions)) &&
           !strcmp(a->module, b->module) && !strcmp(a->path, b->path) &&
           !strcmp(a->arguments, b->arguments);
}

/* A stack as one file with nothing included, each control in its long form. */
static char *write_stack(const struct pam_stack *stack)
{
    static const char *const codes[] = {"success",
                                        "open_err",
                                        "symbol_err",
                                        "service_err",
                                        "system_err",
                                        "buf_err",
                                        "perm_denied",
                                        "auth_err",
                                        "cred_insufficient",
                                        "authinfo_unavail",
                                        "user_unknown",
                                        "maxtries",
                                        "new_authtok_reqd",
                                        "acct_expired",
                                        "session_err",
                                        "cred_unavail",
                                        "cred_expired",
                                        "cred_err",
                                        "no_module_data",
                                        "conv_err",
                                        "authtok_err",
                                        "authtok_recover_err",
                                        "authtok_lock_busy",
                                        "authtok_disable_aging",
                                        "try_again",
                                        "ignore",
                                        "abort",
                                        "authtok_expired",
                                        "module_unknown",
                                        "bad_item",
                                        "conv_again",
                                        "incomplete"};
    static const char *const actions[] = {"ignore", "ok", "done", "bad", "die", "reset"};
    char *text = NULL;
    size_t len;
    FILE *out = open_memstream(&text, &len);

    MUST(out);
    for (size_t i = 0; i < stack->count; i++) {
        const struct pam_line *line = &stack->lines[i];
        fprintf(out, "%s [", pam_phases[line->phase]);
        for (int code = 0; code < _PAM_RETURN_VALUES; code++) {
            int action = line->actions[code];
            if (action > 0)
                fprintf(out, "%s=%d ", codes[code], action);
            else
                fprintf(out, "%s=%s ", codes[code], actions[-action]);
        }
        fprintf(out, "] %s %s#\n", line->path, line->arguments);
    }
    fclose(out);
    return text;
}

static char *give(void *arg, const char *name)
{
    return strcmp(name, "s") ? NULL : strdup(arg);
}

static void check_written(const struct pam_stack *stack)
{
    static struct pam_stack again;
    char *text;

    for (size_t i = 0; i < stack->count; i++) {
        const struct pam_line *line = &stack->lines[i];
        if (line->substack || line->level > 0 || line->path[0] == '[' ||
            strlen(line->path) == sizeof(line->path) - 1 ||
            strlen(line->module) == sizeof(line->module) - 1)
            return; /* what cannot be written so */
    }
    text = write_stack(stack);
    MUST(pam_stack_read(&again, "s", give, text) == 0 && !again.fault[0]);
    MUST(again.count == stack->count && again.asks == stack->asks);
    for (size_t i = 0; i < stack->count; i++)
        MUST(is_same(&stack->lines[i], &again.lines[i]));
    free(text);
}

static void follow(const struct pam_stack *stack)
{
    struct ways approved = {.stack = stack}, refused = {.stack = stack};
    struct survey survey;
    size_t variable = 0;

    for (size_t i = 0; i < stack->count; i++) {
        const struct pam_line *line = &stack->lines[i];
        variable += pam_varies(line);
        approved.may_open |=
            line->phase == stack->asks && !line->substack &&
            (line->actions[PAM_SUCCESS] == ACTION_OK || line->actions[PAM_SUCCESS] == ACTION_DONE);
    }
    refused.may_open = approved.may_open;
    pam_run_all(stack, PAM_SUCCESS, PAM_AUTH_ERR, check_way, &approved);
    pam_run_all(stack, PAM_AUTH_ERR, PAM_AUTH_ERR, check_way, &refused);
    if (!check_find_kind(stack, KIND_APPROVE))
        MUST(!approved.opens && !refused.opens);
    if (variable > FOLLOWED)
        return;
    survey = check_follow(stack);
    MUST(survey.opens == approved.opens);
    MUST(survey.open_unapproved || !refused.opens);
    MUST(survey.opens || !survey.open_without_factor);
}

static void take_stack(char *text)
{
    static struct pam_stack stack;

    if (pam_stack_read(&stack, "s", load_part, text) < 0)
        return;
    MUST(stack.count <= PAM_STACK_LINES);
    MUST(stack.asks == PHASE_AUTH || stack.asks == PHASE_PASSWORD);
    for (size_t i = 0; i < stack.count; i++)
        check_line(&stack.lines[i]);
    check_written(&stack);
    follow(&stack);
}

/* --- what sshd -T says --- */

static void take_sshd(const char *text)
{
    struct sshd_config config = {.read = false};
    char list[256], method[256];
    size_t place = 0, before;

    sshd_config_parse(text, &config);
    for (before = 0; sshd_config_next_methods(&config, &place, list, sizeof(list));
         before = place) {
        MUST(place > before && *list && !strchr(list, ' '));
        snprintf(method, sizeof(method), "%.*s", (int)strcspn(list, ",:"), list);
        MUST(sshd_config_has_method(list, method));
        MUST(!sshd_config_has_method(list, "no method"));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = fuzz_text(data, size);

    if (*text == 'p')
        take_stack(text + 1);
    else if (*text == 't')
        take_sshd(text + 1);
    free(text);
    return 0;
}
