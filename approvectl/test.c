/* test: one authentication through libpam, drawn on this terminal. */
#include <errno.h>
#include <security/pam_appl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "approvectl/ctl.h"
#include "common/i18n.h"
#include "common/random.h"
#include "common/sanitize.h"
#include "common/secret_line.h"

#define SERVICE "approvectl" /* the name that the approval alone is asked under */

/* Everything but success and "not asked" ends the stack with its own code. */
static const char stack_text[] = "auth [success=done ignore=ignore default=die] pam_approve.so\n"
                                 "account required pam_deny.so\n";

/* PAM's codes in words. PAM_PERM_DENIED is what libpam makes of a stack in which nothing counted.
 */
static const struct {
    int code, exit_code;
    const char *text;
} results[] = {
    {PAM_SUCCESS, EXIT_OK, N_("Approved: a login would go on.")},
    {PAM_PERM_DENIED, EXIT_OK, N_("Not asked: host.conf excepts this user, network or service.")},
    {PAM_AUTHINFO_UNAVAIL, EXIT_UNAVAILABLE,
     N_("Refused: the request could not be made or followed, for the reason above. `approvectl "
        "check` "
        "looks at all that it needs.")},
    {PAM_MODULE_UNKNOWN, EXIT_FAILED,
     N_("pam_approve.so is not installed where libpam looks: make install.")},
    {PAM_ABORT, EXIT_REFUSED, N_("Interrupted.")},
};

static char *read_answer(const char *prompt, bool echo)
{
    char line[PAM_MAX_RESP_SIZE] = "", *answer = NULL;

    if (!echo && isatty(STDIN_FILENO)) {
        if (secret_line_unseen(prompt, line, sizeof(line)) == 0)
            answer = strdup(line);
    } else {
        printf("%s", prompt);
        fflush(stdout);
        if (fgets(line, sizeof(line), stdin)) {
            line[strcspn(line, "\n")] = '\0';
            answer = strdup(line);
        }
    }
    secret_wipe(line, sizeof(line));
    return answer;
}

static bool converse_once(const struct pam_message *message, struct pam_response *answer)
{
    char text[PAM_MAX_MSG_SIZE + 1], *rest = text, *line;

    /* Line by line: a break is the module's own, all other control characters are not. */
    snprintf(text, sizeof(text), "%s", message->msg);
    switch (message->msg_style) {
    case PAM_PROMPT_ECHO_ON:
    case PAM_PROMPT_ECHO_OFF:
        sanitize_text(text, sizeof(text), message->msg);
        answer->resp = read_answer(text, message->msg_style == PAM_PROMPT_ECHO_ON);
        return answer->resp != NULL;
    case PAM_TEXT_INFO:
    case PAM_ERROR_MSG:
        while ((line = strsep(&rest, "\n"))) {
            char clean[PAM_MAX_MSG_SIZE + 1];
            sanitize_text(clean, sizeof(clean), line);
            printf("%s\n", clean);
        }
        fflush(stdout);
        return true;
    default:
        return false;
    }
}

static int converse(int count, const struct pam_message **messages, struct pam_response **answers,
                    void *arg)
{
    struct pam_response *all = NULL;

    (void)arg;
    if (count <= 0 || count > PAM_MAX_NUM_MSG || !(all = calloc((size_t)count, sizeof(*all))))
        return PAM_CONV_ERR;
    for (int i = 0; i < count; i++) {
        if (!converse_once(messages[i], &all[i])) {
            while (i-- > 0)
                secret_free(all[i].resp);
            free(all);
            return PAM_CONV_ERR;
        }
    }
    *answers = all;
    return PAM_SUCCESS;
}

static const struct pam_conv conversation = {converse, NULL};

static int report(pam_handle_t *pam, int code, bool alone)
{
    char text[256];

    for (size_t i = 0; i < sizeof(results) / sizeof(results[0]); i++) {
        if (results[i].code == code && (code != PAM_PERM_DENIED || alone)) {
            ctl_paint(code == PAM_SUCCESS ? 'g' : 'b', _(results[i].text));
            printf("\n");
            return results[i].exit_code;
        }
    }
    snprintf(text, sizeof(text), _("Refused: %s. The auth log says why."), pam_strerror(pam, code));
    ctl_paint('r', text);
    printf("\n");
    return EXIT_REFUSED;
}

/* One authentication. started: what pam_start said; alone: by the stack of the approval alone. */
static int authenticate(pam_handle_t *pam, int started, const char *service, bool alone)
{
    const char *terminal = ttyname(STDIN_FILENO), *login = getlogin();
    char text[256];
    int code, exit_code;

    if (started != PAM_SUCCESS) {
        snprintf(text, sizeof(text), _("libpam cannot start the service %s: %s."), service,
                 pam_strerror(pam, started));
        return ctl_error(EXIT_FAILED, text);
    }
    if (terminal)
        pam_set_item(pam, PAM_TTY, terminal);
    if (login)
        pam_set_item(pam, PAM_RUSER, login);
    code = pam_authenticate(pam, 0);
    exit_code = report(pam, code, alone);
    pam_end(pam, code);
    return exit_code;
}

static int authenticate_by(const char *service, const char *user)
{
    pam_handle_t *pam = NULL;
    int started = pam_start(service, user, &conversation, &pam);

    return authenticate(pam, started, service, false);
}

static bool write_stack(const char *path)
{
    FILE *file = fopen(path, "wxe");
    bool written = file && fputs(stack_text, file) >= 0;

    return file && fclose(file) == 0 && written;
}

/* A stack of the approval alone, in a directory of its own. pam_start reads all of it, so it is
 * gone before anybody is asked; until then no signal ends the program. */
static int authenticate_alone(const char *user)
{
    char directory[] = "/tmp/approvectl.XXXXXX", path[64] = "", text[256];
    pam_handle_t *pam = NULL;
    sigset_t ending, before;
    int error = 0, started = PAM_ABORT;

    sigemptyset(&ending);
    sigaddset(&ending, SIGINT);
    sigaddset(&ending, SIGTERM);
    sigaddset(&ending, SIGHUP);
    sigaddset(&ending, SIGQUIT);
    sigprocmask(SIG_BLOCK, &ending, &before);
    if (mkdtemp(directory)) {
        snprintf(path, sizeof(path), "%s/%s", directory, SERVICE);
        if (write_stack(path))
            started = pam_start_confdir(SERVICE, user, &conversation, directory, &pam);
        else
            error = errno;
        unlink(path);
        rmdir(directory);
    } else {
        error = errno;
    }
    sigprocmask(SIG_SETMASK, &before, NULL);
    if (error == 0)
        return authenticate(pam, started, SERVICE, true);
    snprintf(text, sizeof(text), _("No PAM stack could be written below /tmp: %s."),
             strerror(error));
    return ctl_error(EXIT_FAILED, text);
}

int ctl_test(const struct command_call *call)
{
    const char *service = command_value(call, "--service"), *user = call->words[0];

    if (!*user || !sanitize_is_clean(user))
        return ctl_error(EXIT_USAGE, _("USER is a user's name."));
    if (service && (!*service || strchr(service, '/') || !sanitize_is_clean(service)))
        return ctl_error(EXIT_USAGE, _("--service is the name of a file in /etc/pam.d."));
    return service ? authenticate_by(service, user) : authenticate_alone(user);
}
