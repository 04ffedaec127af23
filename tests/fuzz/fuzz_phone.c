/* What a server answers approve-phone: "CALL STATUS\nBODY", and behind a line "==" another such for
 * the call that follows a wrong clock. <now> stands for the time, <soon> for a
 * minute later, <details|JSON> for details as the
 * server passes them on. The network is not there: see https_handle. */
#include "common/base64url.h"
#include "common/clock.h"
#include "common/https.h"
#include "common/sanitize.h"
#include "phone/terminal/api.h"
#include "phone/terminal/screen.h"
#include "phone/terminal/sign_in.h"
#include "tests/fuzz/expand.h"
#include "tests/fuzz/fuzz.h"
#include "tests/unit/vectors.h"

#define NUMBERS 100

static struct handset handset = {
    .dir = "/nowhere", .server = "https://a.example", .user = "alice", .device = "x"};
static char *next_answer; /* of the input */

/* --- the network: libcurl reads nothing, and the answer is the input's --- */

CURL *https_handle(const char *url, const char *pin, long timeout_ms, struct https_answer *answer)
{
    CURL *easy = curl_easy_init();

    (void)pin, (void)answer;
    MUST(easy && timeout_ms > 0 && strncmp(url, "https://a.example/phone/v1/", 27) == 0);
    curl_easy_setopt(easy, CURLOPT_URL, "file:///dev/null");
    return easy;
}

void https_answer_finish(struct https_answer *answer, CURL *handle, CURLcode code)
{
    char *body = strchr(next_answer, '\n'), *end = strstr(next_answer, "\n==\n");

    (void)handle, (void)code;
    if (end)
        *end = '\0';
    answer->status = strtol(next_answer, NULL, 10) % 1000;
    if (answer->status <= 0) {
        answer->status = 0;
        snprintf(answer->error, sizeof(answer->error), "%s", next_answer);
    }
    free(answer->body);
    answer->body = strdup(body && (!end || body < end) ? body + 1 : "");
    answer->len = strlen(answer->body);
    next_answer = end ? end + 4 : next_answer + strlen(next_answer);
}

void https_answer_init(struct https_answer *answer)
{
    memset(answer, 0, sizeof(*answer));
    answer->body = calloc(1, 1);
}

void https_answer_free(struct https_answer *answer)
{
    free(answer->body);
    memset(answer, 0, sizeof(*answer));
}

/* --- words --- */

static char *make_now(void *arg, const char *text)
{
    (void)arg, (void)text;
    return expand_print("%lld", (long long)clock_wall());
}

static char *make_soon(void *arg, const char *text)
{
    (void)arg, (void)text;
    return expand_print("%lld", (long long)clock_wall() + 60);
}

static char *make_details(void *arg, const char *text)
{
    (void)arg;
    return text ? base64url_encode((const unsigned char *)text, strlen(text)) : NULL;
}

static const struct expand_word words[] = {
    {"now", make_now}, {"soon", make_soon}, {"details", make_details}, {NULL, NULL}};

/* --- what must hold --- */

static void check_answer(const struct handset_answer *answer)
{
    bool well = answer->exit_code == EXIT_OK;

    MUST(well == !answer->problem[0]);
    MUST(!well || (json_is_object(answer->body) && !answer->error[0]));
    MUST(sanitize_is_clean(answer->problem));
    MUST(!answer->error[0] || answer->body);
}

/* The phone signs these very details, with the number that was given. */
static void check_decision(const struct sign_in *request, enum decision decision, int number)
{
    json_t *members = sign_in_decision(&handset, request, decision, number);
    enum decision said;
    int given;

    MUST(members && !strcmp(json_string_value(json_object_get(members, "request")), request->id));
    switch (decision_check(json_string_value(json_object_get(members, "decision")), handset.key,
                           request->details, request->details_len, &said, &given)) {
    case DECISION_FITS:
        MUST(said == decision && given == (decision == DECISION_APPROVE ? number : 0));
        break;
    case DECISION_TIME: /* a login of another time */
        break;
    default:
        abort();
    }
    json_decref(members);
}

static void check_request(const struct sign_in *request)
{
    const struct login *login = &request->login;
    struct login again = {0};
    char line[1024];
    int fitting = 0, number = 0;

    MUST(!strcmp(login->user, handset.user) && !strcmp(login->issuer, handset.server));
    MUST(!strcmp(login->request, request->id));
    MUST(sanitize_is_clean(request->state) && sanitize_is_clean(request->result) &&
         sanitize_is_clean(request->by));
    MUST(login_from_text(request->details, request->details_len, &again) == 0);
    login_clear(&again);
    MUST(sign_in_left(request) >= 0 && sign_in_left(request) <= 600);
    MUST(!sign_in_is_over(request) || sign_in_left(request) == 0);
    MUST(!sign_in_is_open(request) || !sign_in_is_over(request));
    for (int i = 0; i < NUMBERS; i++) {
        if (sign_in_takes_number(request, i)) {
            fitting++;
            number = i;
        }
    }
    MUST(fitting == (login->mode == NUMBER_OFF ? 1 : login->mode == NUMBER_CHOOSE ? 3 : 90));
    screen_login(request, line, sizeof(line));
    MUST(sanitize_is_clean(line) && *screen_result(request->state, request->result));
    if (!login->host_key) /* a seal goes with it, and is kept in a file */
        check_decision(request, DECISION_APPROVE, number);
    check_decision(request, DECISION_NOT_ME, 0);
    json_decref(sign_in_json(request));
}

static void check_list(const struct handset_answer *answer)
{
    static struct sign_ins requests;

    if (sign_ins_read(&handset, answer, &requests) < 0)
        return;
    MUST(requests.count <= SIGN_INS_MAX && sanitize_is_clean(requests.revision));
    for (size_t i = 0; i < requests.count; i++) {
        check_request(&requests.items[i]);
        MUST(sign_ins_find(&requests, requests.items[i].id) == &requests.items[i]);
        sign_in_take_state(&requests.items[i], answer->body);
        MUST(sanitize_is_clean(requests.items[i].state));
    }
    sign_ins_free(&requests);
    MUST(requests.count == 0 && !sign_ins_find(&requests, "x"));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *input = fuzz_text(data, size), *text = expand(input, words, NULL);
    const char *call = text;
    struct handset_answer answer;

    if (!handset.key)
        handset.key = jwk_from_pem(P256_SEC1_PEM);
    handset.skew = 0;
    next_answer = text + strcspn(text, " \n");
    if (*next_answer)
        *next_answer++ = '\0';
    if (strspn(call, "abcdefghijklmnopqrstuvwxyz_") != strlen(call)) /* the caller's own word */
        call = "requests";
    MUST(handset_call(&handset, call, json_pack("{s:i}", "wait", 0), 5, &answer) ==
         (answer.exit_code == EXIT_OK));
    check_answer(&answer);
    if (answer.exit_code == EXIT_OK)
        check_list(&answer);
    handset_answer_free(&answer);
    free(text);
    free(input);
    return 0;
}
