/* Secrets in the store, and keys that are kept parsed. */
#include "tests/unit/unit.h"

#include <stdlib.h>
#include <string.h>

#include "backend/keys.h"
#include "backend/secret_box.h"
#include "common/json_text.h"

static const unsigned char key[32] = "0123456789abcdef0123456789abcde", wrong[32] = "x";
static const char secret[20] = "twenty bytes secret";

static void test_seal(void **state)
{
    (void)state;
    char opened[SECRET_BOX_MAX];
    char *one = secret_box_seal(key, "device", secret, sizeof secret);
    char *other = secret_box_seal(key, "device", secret, sizeof secret);
    assert_non_null(one);
    assert_string_not_equal(one, other);
    assert_int_equal(secret_box_open(key, "device", one, opened, sizeof opened), sizeof secret);
    assert_memory_equal(opened, secret, sizeof secret);
    assert_int_equal(secret_box_open(key, "device", other, opened, sizeof opened), sizeof secret);
    assert_int_equal(secret_box_open(key, "device", one, opened, sizeof secret - 1), -1);
    assert_int_equal(secret_box_open(wrong, "device", one, opened, sizeof opened), -1);
    assert_int_equal(secret_box_open(key, "another", one, opened, sizeof opened), -1);
    assert_int_equal(secret_box_open(key, "", one, opened, sizeof opened), -1);
    assert_int_equal(secret_box_open(key, "device", "", opened, sizeof opened), -1);
    free(one);
    free(other);
    assert_null(secret_box_seal(key, "device", wrong, SECRET_BOX_MAX + 1));
}

/* Each character matters, and what was refused leaves nothing behind. */
static void test_altered(void **state)
{
    (void)state;
    static const char nothing[SECRET_BOX_MAX];
    char opened[SECRET_BOX_MAX];
    char *sealed = secret_box_seal(key, "device", secret, sizeof secret);
    for (size_t i = 0; sealed[i]; i++) {
        char kept = sealed[i];
        sealed[i] = kept == 'A' ? 'Q' : 'A';
        memset(opened, 1, sizeof opened);
        assert_int_equal(secret_box_open(key, "device", sealed, opened, sizeof opened), -1);
        assert_memory_equal(opened, nothing, sizeof opened);
        sealed[i] = kept;
    }
    sealed[strlen(sealed) - 4] = '\0';
    assert_int_equal(secret_box_open(key, "device", sealed, opened, sizeof opened), -1);
    free(sealed);
}

static char *new_jwk(void)
{
    struct jwk *made = jwk_new_p256();
    json_t *json = jwk_public_json(made);
    char *text = json_text_dump(json);
    json_decref(json);
    jwk_free(made);
    return text;
}

static void test_keys(void **state)
{
    (void)state;
    struct keys *keys = keys_new(2);
    char *texts[4];
    struct jwk *first, *again;
    for (size_t i = 0; i < COUNT(texts); i++)
        texts[i] = new_jwk();
    first = keys_get(keys, texts[0]);
    assert_non_null(first);
    again = keys_get(keys, texts[0]);
    assert_ptr_equal(first, again);
    jwk_free(again);
    for (size_t i = 1; i < COUNT(texts); i++) { /* the first one falls out, and is still ours */
        struct jwk *next = keys_get(keys, texts[i]);
        assert_non_null(next);
        assert_string_not_equal(jwk_thumbprint(next), jwk_thumbprint(first));
        jwk_free(next);
    }
    again = keys_get(keys, texts[0]);
    assert_ptr_not_equal(first, again);
    assert_string_equal(jwk_thumbprint(first), jwk_thumbprint(again));
    assert_null(keys_get(keys, ""));
    assert_null(keys_get(keys, "{}"));
    jwk_free(first);
    jwk_free(again);
    keys_free(keys);
    for (size_t i = 0; i < COUNT(texts); i++)
        free(texts[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_seal),
        cmocka_unit_test(test_altered),
        cmocka_unit_test(test_keys),
    };
    return cmocka_run_group_tests_name("sealed secrets and kept keys", tests, NULL, NULL);
}
