/*
 * approve-helper between a module and a backend that both may lie. The input is a script by lines:
 *   ! CONF UID BOUND  which host.conf, whose connection, codes bound to this host; 0 0 0 without it
 *   S FIELDS    START; '|' for NUL, '~' for a line end
 *   A TEXT      ANSWER
 *   K           KEY
 *   R FRAME     any other frame
 *   g G         the call that waits longest gets a good answer; the same for all up to the token
 *   b STATUS BODY, t STATUS TYPE BODY   it gets this one; see helper_backend.c for words
 *   c STATUS BODY   the same for the call that has a code checked
 *   l           no answer
 *   p MS        so much time passes
 *   o SERVICE   root asks when somebody was let in last, on another connection
 * At its end the module closes. Where no call waits, g, b, c, t and l let time pass until one does.
 */
#include <sys/socket.h>
#include <unistd.h>

#include "common/frame.h"
#include "common/outcome.h"
#include "common/sanitize.h"
#include "helper/ciba_request.h"
#include "helper/profile.h"
#include "helper/session.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/helper_backend.h"
#include "tests/fuzz/helper_world.h"
#include "tests/unit/vectors.h"

#define PATIENCE_MS 30000
#define END_MS 1000000
#define PASS_MOST 1000000
#define LINES_MOST 200

static const char *const configurations[] = {
    "[host]\nid = web1\nname = Web\n[backend]\nurl = " BACKEND_URL "\n"
    "[service sudo]\nexcept = bob @wheel\n[service cron]\nask = no\n"
    "[service login]\nexcept_networks = 10.0.0.0/8\n[service su]\nnumber = choose\n"
    "[service i3lock]\nnumber = off\n[service gdm-password]\ncode_first = yes\n",
    "[host]\nid = web1\n[backend]\nurl = " BACKEND_URL "\ntrust = pinned\n",
    "[host]\nid = web1\n[backend]\nurl = " BACKEND_URL "\nprovider = ciba\n",
    "[host]\nid = web1\n[backend]\nurl = " BACKEND_URL "\n[defaults]\nnumber = off\nshow = wait\n"
    "command = full\nlife = 10\nlanguage = fr\n[service su]\nask = caller\n",
    "nothing",
};
#define CONFIGURATIONS (sizeof configurations / sizeof *configurations)
enum { CONF_ASKS, CONF_PINNED, CONF_CIBA };

static struct backend backend;
static struct helper helper;

/* What the module's side has seen. */
static struct module {
    int fd;    /* -1: closed */
    int other; /* of who asked so last, or -1 */
    unsigned conf;
    uid_t uid;
    int frames;
    bool prompt_open, done;
    bool bound_text; /* the last text named the host */
    bool bound_asked,
        bound_right; /* the last prompt named the host; a code bound to it was right */
    char service[128], user[128], rhost[256];
} module;

/* --- what the helper says --------------------------------------------------------------------- */

static void check_text(const char *text, bool lines)
{
    char *copy = strdup(text), *rest = copy, *part;

    MUST(copy && strlen(text) <= FRAME_TEXT_MAX);
    while ((part = strsep(&rest, lines ? "\n" : "")))
        MUST(sanitize_is_clean(part));
    free(copy);
}

/* Who may be let in without being asked, by the first of the configurations. */
static bool is_excepted(void)
{
    if (module.conf != CONF_ASKS)
        return false;
    if (strcmp(module.service, "sudo") == 0)
        return strcmp(module.user, "bob") == 0 || strcasecmp(module.user, "alice") == 0;
    return strcmp(module.service, "cron") == 0 ||
           (strcmp(module.service, "login") == 0 && module.uid == 0 && strchr(module.rhost, '.') &&
            (strncmp(module.rhost, "10.", 3) == 0 || strstr(module.rhost, ":10.")));
}

/* Another user than root asks for himself, for a screen locker. */
static bool may_ask(void)
{
    return module.uid == 0 || (strcasecmp(module.user, "alice") == 0 &&
                               (profile_find(module.service)->flags & PROFILE_SELF));
}

/* May phones be asked at all? A job by the clock has nobody who could be. */
static bool may_approve(void)
{
    return may_ask() && !(profile_find(module.service)->flags & PROFILE_NOBODY);
}

static void check_done(const struct frame *frame)
{
    const char *wire = frame_get(frame, "outcome");
    enum outcome outcome = outcome_by_wire(wire ? wire : "");
    bool pinned = strcasecmp(module.user, "alice") == 0;
    long number;

    MUST(outcome != OUTCOME_COUNT && frame_get(frame, "log"));
    MUST(frame_get_number(frame, "delay", 0, 10000, &number) == 0);
    MUST(frame_get_number(frame, "greeter", 0, 1, &number) == 0);
    check_text(frame_get(frame, "log"), false);
    if (outcome == OUTCOME_APPROVED)
        MUST(may_approve() && backend.token_made &&
             (module.conf == CONF_CIBA || (backend.phone_said && backend.details)));
    if (outcome == OUTCOME_APPROVED && module.conf == CONF_PINNED)
        MUST(pinned);
    if (outcome == OUTCOME_CODE)
        MUST(may_approve() && (module.bound_right || (backend.token_made && backend.code_came &&
                                                      module.conf != CONF_PINNED)));
    if (outcome == OUTCOME_NOT_ASKED)
        MUST(may_ask() && is_excepted());
    module.done = true;
}

static void check_frame(struct frame *frame)
{
    const char *text = frame_get(frame, "text");
    long number;

    MUST(!module.prompt_open && !module.done && ++module.frames <= SESSION_FRAMES);
    switch (frame->bytes[0]) {
    case FRAME_INFO:
    case FRAME_ERROR:
        MUST(text);
        check_text(text, true);
        module.bound_text = strstr(text, "Type the code for web1.") != NULL;
        break;
    case FRAME_PROMPT:
        MUST(text && frame_get_number(frame, "echo", 0, 1, &number) == 0);
        check_text(text, false);
        module.prompt_open = true;
        module.bound_asked = strstr(text, "ode for web1: ") || module.bound_text;
        break;
    case FRAME_WAIT:
        MUST(frame_get_number(frame, "seconds", 1, 300, &number) == 0);
        MUST(frame_get_number(frame, "key", 0, 1, &number) == 0);
        break;
    case FRAME_DONE:
        check_done(frame);
        break;
    case FRAME_TIME:
        MUST(module.frames == 1 && module.uid == 0);
        MUST(!frame_get(frame, "age") ||
             frame_get_number(frame, "age", 0, FRAME_AGE_MAX, &number) == 0);
        module.done = true;
        break;
    default:
        abort();
    }
}

static void read_frames(void)
{
    struct frame *frame = malloc(sizeof *frame);

    MUST(frame);
    while (module.fd >= 0 && frame_receive(module.fd, frame) > 0)
        check_frame(frame);
    free(frame);
}

static void settle(void)
{
    loop_settle();
    read_frames();
}

/* --- what the module says --------------------------------------------------------------------- */

static void send_frame_on(int fd, char type, const char *fields)
{
    char frame[2 * FRAME_MAX];
    size_t len = strlen(fields);

    if (fd < 0 || len >= sizeof frame - 2)
        return;
    frame[0] = type;
    for (size_t i = 0; i < len; i++)
        frame[i + 1] = (char)(fields[i] == '|' ? 0 : fields[i] == '~' ? '\n' : fields[i]);
    frame[len + 1] = '\0';
    (void)send(fd, frame, 1 + len + (len > 0), MSG_NOSIGNAL);
    settle();
}

static void send_frame(char type, const char *fields)
{
    send_frame_on(module.fd, type, fields);
}

static void copy_field(const char *fields, const char *name, char *out, size_t size)
{
    const char *at = fields;

    for (; *at; at += strcspn(at, "|"), at += *at == '|') {
        if (strncmp(at, name, strlen(name)) == 0 && at[strlen(name)] == '=') {
            at += strlen(name) + 1;
            snprintf(out, size, "%.*s", (int)strcspn(at, "|"), at);
            return;
        }
    }
}

void world_kept(void)
{
    MUST(helper.bound && backend.phone_said && backend.token_made && module.conf != CONF_CIBA);
}

/* Only where the prompt asked for one: a code of the server's is never taken for one of the host's.
 */
void world_tried(bool right)
{
    MUST(helper.bound && module.bound_asked && module.conf != CONF_CIBA && !module.done);
    module.bound_right = right;
}

static void send_start(const char *fields)
{
    if (!module.user[0]) {
        copy_field(fields, "service", module.service, sizeof module.service);
        copy_field(fields, "user", module.user, sizeof module.user);
        copy_field(fields, "rhost", module.rhost, sizeof module.rhost);
    }
    send_frame(FRAME_START, fields);
}

static void send_answer(const char *text)
{
    char fields[2 * FRAME_MAX];

    snprintf(fields, sizeof fields, "text=%s", text);
    module.prompt_open = false;
    send_frame(FRAME_ANSWER, fields);
}

/* --- what the backend says -------------------------------------------------------------------- */

static void note(const char *url, const char *body)
{
    backend_note(&backend, url, body);
}

static struct transfer *wait_for_call(const char *part)
{
    settle();
    for (int i = 0; !net_pending(part) && i < 20 && loop_next(PATIENCE_MS); i++)
        read_frames();
    return net_pending(part);
}

static void answer(struct transfer *call, long status, const char *type, char *body)
{
    net_answer(call, status, type, body);
    free(body);
    settle();
}

static void answer_well(bool all)
{
    struct transfer *call;

    for (int i = 0; i < 8 && (call = wait_for_call("")); i++) {
        bool last = strstr(net_url(call), "/ciba/token") != NULL;

        if (all && last)
            return; /* the token is for what comes next in the script */
        answer(call, 200, "application/json", backend_good_answer(&backend, net_url(call)));
        if (!all)
            return;
    }
}

static void answer_so(char *line, const char *part, bool has_type)
{
    char *rest = line;
    long status = strtol(line, &rest, 10);
    const char *type = "application/json";
    struct transfer *call = wait_for_call(part);
    char *body;

    rest += *rest == ' ';
    if (has_type && rest) {
        type = strsep(&rest, " ");
        rest = rest ? rest : "";
    }
    if (!call)
        return;
    body = backend_expand(&backend, rest);
    answer(call, status < 100 || status > 599 ? 200 : status, type, body);
}

/* --- a run ------------------------------------------------------------------------------------ */

/* The module's end. */
static int connect_module(uid_t uid)
{
    int fds[2];

    MUST(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds) == 0);
    MUST(session_new(&helper, fds[0], uid, OUTCOME_COUNT));
    return fds[1];
}

static void ask_for_last(const char *service)
{
    char fields[256];

    if (module.other >= 0)
        close(module.other);
    module.other = connect_module(0);
    snprintf(fields, sizeof fields, "service=%s", service);
    send_frame_on(module.other, FRAME_LAST, fields);
}

static void play(char *line)
{
    switch (*line) {
    case 'S':
        send_start(line + 1);
        break;
    case 'A':
        send_answer(line + 1);
        break;
    case 'K':
        send_frame(FRAME_KEY, "");
        break;
    case 'R':
        if (line[1])
            send_frame(line[1], line + 2);
        break;
    case 'g':
    case 'G':
        answer_well(*line == 'G');
        break;
    case 'b':
    case 't':
        answer_so(line + 1, "", *line == 't');
        break;
    case 'c':
        answer_so(line + 1, "/code", false);
        break;
    case 'l':
        if (wait_for_call(""))
            answer(net_pending(""), 0, "", strdup(""));
        break;
    case 'p':
        loop_pass((int64_t)(strtoul(line + 1, NULL, 10) % PASS_MOST));
        read_frames();
        break;
    case 'o':
        ask_for_last(line + 1);
    }
}

static struct host *read_host(unsigned conf)
{
    char why[512], pin[128];
    struct config *config =
        config_parse("host.conf", configurations[conf], host_options, why, sizeof why);
    struct host *host = config ? host_from_config(config, why, sizeof why) : NULL;

    if (!host)
        return NULL;
    host->key = jwk_ref(backend.issuer_key);
    snprintf(pin, sizeof pin, "alice %s\n", jwk_thumbprint(backend.phone_key));
    MUST(host_read_pins(host, "pinned", pin, why, sizeof why) == 0);
    return host;
}

static void start(char *settings)
{
    char *end = settings, why[8];

    module = (struct module){.conf = (unsigned)(strtoul(settings, &end, 10) % CONFIGURATIONS)};
    module.uid = strtoul(end, &end, 10) % 2 ? 1000 : 0;
    helper = (struct helper){.recent = recent_new(), .quotas = quotas_new()};
    if (strtoul(end, NULL, 10) % 2)
        helper.bound = bound_open("", why, sizeof why);
    helper.ciba = ciba_new(NULL, helper.bound, helper.quotas);
    MUST(helper.recent && helper.ciba);
    backend.helper = &helper;
    backend_reset(&backend);
    world_set_host(read_host(module.conf));
    module.other = -1;
    module.fd = connect_module(module.uid);
}

/* Whatever was, it comes to its end, and nothing is left. */
static void finish(void)
{
    close(module.fd);
    module.fd = -1;
    if (module.other >= 0)
        close(module.other);
    for (int i = 0; i < 100 && (helper.sessions || net_pending("") || ciba_busy(helper.ciba));
         i++) {
        loop_settle();
        if (net_pending(""))
            net_answer(net_pending(""), 0, "", "");
        else if (!loop_next(END_MS))
            break;
    }
    MUST(!helper.sessions && quota_total(helper.quotas) == 0 && ciba_busy(helper.ciba) == 0);
    loop_pass(END_MS);
    ciba_free(helper.ciba);
    quotas_free(helper.quotas);
    recent_free(helper.recent);
    bound_free(helper.bound);
    world_set_host(NULL);
    backend_reset(&backend);
    loop_reset();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = fuzz_text(data, size), *rest = text, *line;

    if (!backend.issuer_key)
        backend_start(&backend);
    net_start(note);
    start(*text == '!' ? text + 1 : "0 0");
    for (int i = 0; (line = strsep(&rest, "\n")) && i < LINES_MOST; i++)
        play(line);
    finish();
    free(text);
    return 0;
}
