/*
 * pam_sm_authenticate as a whole, where everything can fail. The input is a script by lines:
 *   ! NUMBERS   which call fails first, how many later the next, flags (below), odd folder, its
 * mode, its owner, the uid of who listens u r y t e   PAM_USER, PAM_RHOST, PAM_RUSER, PAM_TTY,
 * SSH_AUTH_INFO_0
 *   @ ARGUMENT  on the PAM line
 *   f FRAME     the helper sends it, '|' for NUL and '~' for a line end
 *   F FRAME     the same while a prompt is open
 *   a ANSWER    what the user types; n: no answer; e: the conversation fails
 *   w W         time passes, for one slice, for ever
 *   k h i       a key, the user's connection ends, an interrupt
 *   q           the helper closes, as it does at the end of the script
 */
#include <fcntl.h>
#include <security/pam_appl.h>
#include <security/pam_modules.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/frame.h"
#include "common/sanitize.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/module_world.h"

#define LINES_MOST 256
#define ARGUMENTS_MOST 6
#define PROMPT_MOST_MS (5000 + 64 * 305000)
#define OTHER_UID 4711

enum flag { SILENT = 1, TERMINAL = 2, SOCKET = 4 };

static struct script {
    char *lines[LINES_MOST];
    int count, at;
    const char *arguments[ARGUMENTS_MOST];
    int argument_count;
    unsigned numbers[7];
    bool sent_at_prompt, odd;
} script;

/* --- the script ------------------------------------------------------------------------------- */

static void send_frame(char *line)
{
    char frame[2 * FRAME_MAX];
    size_t len = strlen(line) < sizeof frame ? strlen(line) : sizeof frame - 1;

    memcpy(frame, line, len);
    for (size_t i = 0; i < len; i++)
        frame[i] = (char)(frame[i] == '|' ? 0 : frame[i] == '~' ? '\n' : frame[i]);
    if (world.helper >= 0)
        (void)send(world.helper, frame, len, MSG_NOSIGNAL | MSG_DONTWAIT);
}

static void close_helper(void)
{
    if (world.helper >= 0)
        close(world.helper);
    world.helper = -1;
}

static char *next_line(void)
{
    return script.at < script.count ? script.lines[script.at] : "q";
}

static bool play(struct world *there, bool *key, bool *hung_up)
{
    char *line = next_line();
    bool played = true;

    switch (*line) {
    case 'f':
        send_frame(line + 1);
        break;
    case 'q':
        close_helper();
        break;
    case 'k':
        *key = true;
        break;
    case 'h':
        *hung_up = true;
        break;
    case 'i':
        there->interrupted = true;
        break;
    case 'W':
        return false;
    default:
        played = false;
    }
    script.at++;
    return played;
}

static int answer(struct pam_response *response)
{
    while (*next_line() == 'F') {
        send_frame(next_line() + 1);
        script.sent_at_prompt = script.sent_at_prompt || (next_line()[1] && world.helper >= 0);
        script.at++;
    }
    if (*next_line() == 'e')
        return PAM_CONV_ERR;
    if (*next_line() == 'n')
        return PAM_SUCCESS;
    response->resp = strdup(*next_line() == 'a' ? next_line() + 1 : "");
    script.at += *next_line() == 'a';
    return PAM_SUCCESS;
}

/* What is drawn is safe to draw. */
static void check_message(const struct pam_message *message)
{
    bool lines = message->msg_style == PAM_TEXT_INFO || message->msg_style == PAM_ERROR_MSG;
    char *text = strdup(message->msg), *rest = text, *line;

    MUST(text);
    while ((line = strsep(&rest, lines ? "\n" : "")))
        MUST(sanitize_is_clean(line));
    free(text);
}

/* The host process's own, where nothing fails. */
static int converse(int count, const struct pam_message **messages, struct pam_response **responses,
                    void *data)
{
    int result = PAM_SUCCESS;

    (void)data;
    world.running = false;
    MUST(count == 1);
    check_message(messages[0]);
    *responses = calloc(1, sizeof **responses);
    MUST(*responses);
    if (messages[0]->msg_style == PAM_PROMPT_ECHO_ON ||
        messages[0]->msg_style == PAM_PROMPT_ECHO_OFF)
        result = answer(*responses);
    if (result != PAM_SUCCESS) {
        free(*responses);
        *responses = NULL;
    }
    world.running = true;
    return result;
}

/* --- set-up ----------------------------------------------------------------------------------- */

static void read_numbers(const char *text)
{
    char *end;

    for (size_t i = 0; i < sizeof script.numbers / sizeof *script.numbers; i++, text = end)
        script.numbers[i] = (unsigned)strtoul(text, &end, 0);
}

static void set_item(pam_handle_t *pamh, const char *line)
{
    static const struct {
        char letter;
        int item;
    } items[] = {{'u', PAM_USER}, {'r', PAM_RHOST}, {'y', PAM_RUSER}, {'t', PAM_TTY}};

    for (size_t i = 0; i < sizeof items / sizeof *items; i++)
        if (items[i].letter == *line)
            MUST(pam_set_item(pamh, items[i].item, line + 1) == PAM_SUCCESS);
}

/* Lines that are no steps of the script are taken out of it. */
static void read_script(pam_handle_t *pamh, char *text)
{
    char *line, *setting = NULL;

    script = (struct script){.count = 0};
    while ((line = strsep(&text, "\n")) && script.count < LINES_MOST) {
        if (*line == '!')
            read_numbers(line + 1);
        else if (*line == '@' && script.argument_count < ARGUMENTS_MOST)
            script.arguments[script.argument_count++] = line + 1;
        else if (*line && strchr("uryt", *line))
            set_item(pamh, line);
        else if (*line != 'e' || line[1] == '\0')
            script.lines[script.count++] = line;
        else if (asprintf(&setting, "SSH_AUTH_INFO_0=%s", line + 1) > 0)
            (void)pam_putenv(pamh, setting);
        free(setting);
        setting = NULL;
    }
}

/* By the protocol's text: whom a folder may belong to, and who may write there. */
static bool is_odd(unsigned index, mode_t mode, uid_t uid)
{
    if (index < 1 || index > 4)
        return false;
    if (index == 4) /* the socket itself; its owner may listen there */
        return !S_ISSOCK(mode);
    return !S_ISDIR(mode) || (uid != 0 && uid != geteuid()) ||
           ((mode & 022) != 0 && (index == 3 || (mode & S_ISVTX) == 0));
}

static void start_world(void)
{
    const unsigned *numbers = script.numbers;

    world = (struct world){.first = numbers[0],
                           .gap = numbers[1],
                           .now = 1000000,
                           .has_terminal = (numbers[2] & TERMINAL) != 0,
                           .has_socket = (numbers[2] & SOCKET) != 0,
                           .helper = -1,
                           .play = play,
                           .odd_folder = (int)(numbers[3] % 8),
                           .odd_mode = numbers[4],
                           .odd_uid = numbers[5] ? OTHER_UID : 0,
                           .peer_uid = numbers[6] ? OTHER_UID : 0};
    script.odd = is_odd(numbers[3] % 8, world.odd_mode, world.odd_uid);
    if (world.peer_uid != 0 && !(numbers[3] % 8 == 4 && world.odd_uid == OTHER_UID))
        script.odd = true; /* neither root nor the socket's owner listens */
}

/* --- what may come of it ---------------------------------------------------------------------- */

/* Does the last message say so, once, in a whole DONE? Read another way than frame.c does. */
static bool helper_said(const char *outcome)
{
    const char *end = world.last + world.last_len;
    int found = 0, needed = 0;

    if (world.last_len < 2 || world.last[0] != 'D' || end[-1] != '\0')
        return false;
    for (const char *at = world.last + 1; at < end; at += strlen(at) + 1) {
        found += strncmp(at, "outcome=", 8) == 0 && strcmp(at + 8, outcome) == 0;
        needed += strncmp(at, "outcome=", 8) == 0 || strncmp(at, "log=", 4) == 0 ||
                  strncmp(at, "delay=", 6) == 0 || strncmp(at, "greeter=", 8) == 0;
    }
    return found == 1 && needed == 4;
}

static bool has_argument(const char *name)
{
    for (int i = 0; i < script.argument_count; i++)
        if (strcmp(script.arguments[i], name) == 0)
            return true;
    return false;
}

static bool key_was_accepted(pam_handle_t *pamh)
{
    const char *lines = pam_getenv(pamh, "SSH_AUTH_INFO_0");

    return has_argument("check=publickey") && lines && strstr(lines, "publickey");
}

static void check_result(pam_handle_t *pamh, int result)
{
    bool allowed = !script.odd && !script.sent_at_prompt && !world.interrupted;

    if (result == PAM_SUCCESS)
        MUST(key_was_accepted(pamh) ||
             (allowed && (helper_said("approved") || helper_said("code"))));
    if (result == PAM_IGNORE)
        MUST(allowed && helper_said("not_asked"));
    MUST(result != PAM_ABORT || world.interrupted);
    MUST(world.received <= 64 + 1 && world.now - 1000000 <= PROMPT_MOST_MS);
}

static int count_descriptors(void)
{
    int count = 0;

    for (int fd = 0; fd < 64; fd++)
        count += fcntl(fd, F_GETFD) >= 0;
    return count;
}

/* A folder with an empty service, that outlives nothing but its opening. */
static pam_handle_t *start_pam(const struct pam_conv *conversation)
{
    static char folder[] = "/tmp/approve-fuzz-XXXXXX";
    static const char *const names[] = {"fuzz", "other"};
    char path[64];
    pam_handle_t *pamh = NULL;

    strcpy(folder + sizeof folder - 7, "XXXXXX");
    MUST(mkdtemp(folder));
    for (size_t i = 0; i < 2; i++) {
        snprintf(path, sizeof path, "%s/%s", folder, names[i]);
        close(open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
    }
    MUST(pam_start_confdir("fuzz", "alice", conversation, folder, &pamh) == PAM_SUCCESS);
    for (size_t i = 0; i < 2; i++) {
        snprintf(path, sizeof path, "%s/%s", folder, names[i]);
        unlink(path);
    }
    rmdir(folder);
    return pamh;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct pam_conv conversation = {converse, NULL};
    char *text = fuzz_text(data, size);
    pam_handle_t *pamh;
    int result, before;

    world = (struct world){.helper = -1};
    pamh = start_pam(&conversation);
    read_script(pamh, text);
    start_world();
    before = count_descriptors();
    world.running = true;
    result = pam_sm_authenticate(pamh, script.numbers[2] & SILENT ? PAM_SILENT : 0,
                                 script.argument_count, script.arguments);
    world.running = false;
    close_helper();
    /* The other entry points say nothing about anyone, in any state. */
    MUST(pam_sm_setcred(pamh, 0, script.argument_count, script.arguments) == PAM_SUCCESS);
    MUST(pam_sm_acct_mgmt(pamh, 0, script.argument_count, script.arguments) == PAM_IGNORE);
    MUST(pam_sm_open_session(pamh, 0, script.argument_count, script.arguments) == PAM_IGNORE);
    MUST(pam_sm_close_session(pamh, 0, script.argument_count, script.arguments) == PAM_IGNORE);
    MUST(pam_sm_chauthtok(pamh, PAM_UPDATE_AUTHTOK, script.argument_count, script.arguments) ==
         PAM_IGNORE);
    MUST(count_descriptors() == before);
    check_result(pamh, result);
    pam_end(pamh, result);
    free(text);
    return 0;
}
