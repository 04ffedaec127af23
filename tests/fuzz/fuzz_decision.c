/* A phone's decision, signed rightly whatever it says: "TYP\nPAYLOAD", with <hash>, <jkt> and <now>
 * for what fits. */
#include "common/json_text.h"
#include "common/login.h"
#include "tests/fuzz/expand.h"
#include "tests/fuzz/sign.h"
#include "tests/unit/vectors.h"

#define ISSUED 1700000000

static const char details[] =
    "{\"command\":\"\",\"exp\":1700000060,\"host\":\"web1\",\"host_key\":null,\"host_name\":\"\","
    "\"iat\":1700000000,\"iss\":\"https://a.example\",\"number\":{\"mode\":\"enter\"},"
    "\"request\":\"AAAAAAAAAAAAAAAAAAAAAA\",\"rhost\":\"\",\"service\":\"sshd\",\"tty\":\"\","
    "\"user\":\"alice\",\"v\":1}";

static struct jwk *key;

static char *make_hash(void *arg, const char *text)
{
    char hash[44];

    (void)arg;
    text = text ? text : details;
    MUST(login_hash(text, strlen(text), hash) == 0);
    return strdup(hash);
}

static char *make_jkt(void *arg, const char *text)
{
    (void)arg, (void)text;
    return strdup(jwk_thumbprint(key));
}

static char *make_now(void *arg, const char *text)
{
    char *now = NULL;

    (void)arg, (void)text;
    MUST(asprintf(&now, "%d", ISSUED) > 0);
    return now;
}

static const struct expand_word words[] = {
    {"hash", make_hash}, {"jkt", make_jkt}, {"now", make_now}, {NULL, NULL}};

static char *sign(const char *input)
{
    size_t typ = strcspn(input, "\n");
    char *text = expand(input, words, NULL), *header = NULL, *compact;
    const char *payload = strchr(text, '\n');

    typ = payload ? (size_t)(payload - text) : typ;
    MUST(asprintf(&header, "{\"alg\":\"ES256\",\"kid\":\"%s\",\"typ\":\"%.*s\"}",
                  jwk_thumbprint(key), (int)typ, text) > 0);
    compact = forge_jws(key, header, payload ? payload + 1 : "");
    free(header);
    free(text);
    return compact;
}

/* What fits says so member by member. */
static void check_fit(const char *compact, enum decision decision, int number)
{
    struct jws *jws = jws_parse(compact, strlen(compact));
    char hash[44], sealed[DECISION_SECRET_MAX + 1];
    const char *said = json_text_string(jws->payload, "host_secret", DECISION_SECRET_MAX);
    int64_t time;

    MUST(jws && strcmp(jws->typ, LOGIN_DECISION_TYP) == 0);
    MUST(login_hash(details, strlen(details), hash) == 0);
    MUST(strcmp(json_text_string(jws->payload, "details_sha256", 43), hash) == 0);
    MUST(strcmp(json_text_string(jws->payload, "decision", 8), login_decisions[decision]) == 0);
    MUST(json_text_integer(jws->payload, "iat", ISSUED - 300, ISSUED + 360, &time) == 0);
    MUST(json_object_size(jws->payload) == 5 + (said != NULL));
    MUST(!said || decision == DECISION_APPROVE);
    decision_host_secret(compact, sealed);
    MUST(strcmp(sealed, said ? said : "") == 0);
    MUST(number == 0 || (number >= NUMBER_LEAST && number <= NUMBER_MOST));
    MUST(number == 0 || decision == DECISION_APPROVE);
    jws_free(jws);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *input = fuzz_text(data, size), *compact;
    enum decision decision = DECISION_DENY;
    int number = -1;

    if (!key)
        key = jwk_from_pem(P256_SEC1_PEM);
    compact = sign(input);
    if (decision_check(compact, key, details, strlen(details), &decision, &number) == DECISION_FITS)
        check_fit(compact, decision, number);
    else
        MUST(number == -1);
    free(compact);
    free(input);
    return 0;
}
