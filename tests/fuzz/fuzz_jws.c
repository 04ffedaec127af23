/* Signed messages. A first byte of '{' starts "HEADER\nPAYLOAD\nSIGNATURE", which is encoded here,
 * so that what is inside is reached. */
#include <openssl/err.h>

#include "common/base64url.h"
#include "common/json_text.h"
#include "common/jws.h"
#include "common/login.h"
#include "tests/fuzz/fuzz.h"
#include "tests/unit/vectors.h"

static const char details[] =
    "{\"command\":\"\",\"exp\":1700000060,\"host\":\"web1\",\"host_key\":null,\"host_name\":\"\","
    "\"iat\":1700000000,\"iss\":\"https://a.example\",\"number\":{\"mode\":\"enter\"},"
    "\"request\":\"AAAAAAAAAAAAAAAAAAAAAA\",\"rhost\":\"\",\"service\":\"sshd\",\"tty\":\"\","
    "\"user\":\"alice\",\"v\":1}";

static struct jwk *keys[4];

static void read_keys(void)
{
    static const char *const texts[] = {RFC7515_A3_KEY, RFC7515_A2_KEY, RFC8037_KEY, PS256_KEY};

    for (size_t i = 0; i < 4; i++) {
        json_t *json = json_loads(texts[i], 0, NULL);
        keys[i] = jwk_from_json(json);
        MUST(keys[i]);
        json_decref(json);
    }
}

static char *encode(const char *text)
{
    const char *first = strchr(text, '\n'), *second = first ? strchr(first + 1, '\n') : NULL;
    char *head, *body, *tail, *compact = NULL;

    if (!second)
        return strdup("");
    head = base64url_encode(text, (size_t)(first - text));
    body = base64url_encode(first + 1, (size_t)(second - first - 1));
    tail = base64url_encode(second + 1, strlen(second + 1));
    MUST(head && body && tail && asprintf(&compact, "%s.%s.%s", head, body, tail) >= 0);
    free(head);
    free(body);
    free(tail);
    return compact;
}

/* Nobody can sign but those who published these. */
static bool is_published(const char *compact)
{
    return strcmp(compact, RFC7515_A3_JWS) == 0 || strcmp(compact, RFC7515_A2_JWS) == 0 ||
           strcmp(compact, EDDSA_JWS) == 0 || strcmp(compact, PS256_JWS) == 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = fuzz_text(data, size), *compact = text[0] == '{' ? encode(text) : strdup(text);
    struct jws *jws = jws_parse(compact, strlen(compact));
    enum decision decision;
    int number;

    if (!keys[0])
        read_keys();
    if (jws) {
        MUST(strlen(compact) <= JWS_MAX && !json_object_get(jws->header, "crit"));
        for (size_t i = 0; i < 4; i++)
            MUST(!jws_verify(jws, keys[i], ~0u) || is_published(compact));
    }
    MUST(decision_check(compact, keys[0], details, sizeof(details) - 1, &decision, &number) !=
         DECISION_FITS);
    MUST(ERR_peek_error() == 0);
    jws_free(jws);
    free(compact);
    free(text);
    return 0;
}
