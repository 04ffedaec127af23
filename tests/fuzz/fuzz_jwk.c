/* Keys: JSON, and with a first byte of '-' PEM. */
#include <openssl/err.h>

#include "common/json_text.h"
#include "common/jwk.h"
#include "common/random.h"
#include "tests/fuzz/fuzz.h"

static void check_key(const struct jwk *key)
{
    json_t *public = jwk_public_json(key);
    struct jwk *again = jwk_from_json(public);

    MUST(again && !jwk_is_private(again));
    MUST(strlen(jwk_thumbprint(key)) == 43);
    MUST(strcmp(jwk_thumbprint(key), jwk_thumbprint(again)) == 0);
    MUST(EVP_PKEY_eq(jwk_pkey(key), jwk_pkey(again)) == 1);
    jwk_free(again);
    json_decref(public);
}

static void check_private(const struct jwk *key)
{
    char *pem = jwk_to_pem(key);
    struct jwk *again = jwk_from_pem(pem);

    MUST(jwk_is_private(key) && jwk_type(key) == JWK_P256);
    MUST(again && strcmp(jwk_thumbprint(key), jwk_thumbprint(again)) == 0);
    jwk_free(again);
    secret_free(pem);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = fuzz_text(data, size);
    struct jwk *key = NULL;

    if (text[0] == '-') {
        key = jwk_from_pem(text);
        if (key)
            check_private(key);
    } else {
        json_t *json = json_text_object(text, size, 8192);
        key = json ? jwk_from_json(json) : NULL;
        if (key)
            MUST(!json_object_get(json, "d") && !jwk_is_private(key));
        json_decref(json);
    }
    if (key)
        check_key(key);
    else
        MUST(ERR_peek_error() == 0);
    jwk_free(key);
    free(text);
    return 0;
}
