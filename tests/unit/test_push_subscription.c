/* A subscription comes from a phone: what is kept of it, and what is refused. */
#include <stdlib.h>
#include <string.h>

#include "backend/push_subscription.h"
#include "backend/push_text.h"
#include "tests/unit/unit.h"

#define SERVICES "fcm.googleapis.com"
#define ENDPOINT "https://fcm.googleapis.com/fcm/send/abc"
#define P256DH                                                                                     \
    "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4"
#define AUTH "BTBZMqHH6r4Tts7J_aSIgg"
#define KEPT                                                                                       \
    "{\"endpoint\":\"" ENDPOINT "\",\"keys\":{\"auth\":\"" AUTH "\",\"p256dh\":\"" P256DH "\"}}"

static char *text_of(const char *json)
{
    char why[512] = "";
    json_t *push = json_loads(json, 0, NULL);

    assert_non_null(push);
    char *text = push_subscription_text(push, SERVICES, why, sizeof why);
    assert_true(text || why[0]);
    json_decref(push);
    return text;
}

static void what_is_needed_is_kept(void **state)
{
    (void)state;
    struct push_subscription subscription;
    char why[512];
    char *text = text_of("{\"endpoint\":\"" ENDPOINT "\",\"expirationTime\":null,\"x\":[1],"
                         "\"keys\":{\"p256dh\":\"" P256DH "\",\"auth\":\"" AUTH "\",\"y\":1}}");

    assert_string_equal(text, KEPT);
    assert_int_equal(push_subscription_parse(text, SERVICES, &subscription, why, sizeof why), 0);
    assert_string_equal(subscription.endpoint, ENDPOINT);
    assert_string_equal(subscription.origin, "https://fcm.googleapis.com");
    assert_int_equal(subscription.receiver.p256dh[0], 4);
    free(text);
}

static void broken_ones_are_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "{}",
        "[]",
        "{\"endpoint\":\"" ENDPOINT "\"}",
        "{\"endpoint\":\"" ENDPOINT "\",\"keys\":null}",
        "{\"endpoint\":\"" ENDPOINT "\",\"keys\":[]}",
        "{\"endpoint\":\"" ENDPOINT "\",\"keys\":{\"p256dh\":\"" P256DH "\"}}",
        "{\"endpoint\":\"" ENDPOINT "\",\"keys\":{\"auth\":\"" AUTH "\"}}",
        "{\"endpoint\":\"" ENDPOINT "\",\"keys\":{\"p256dh\":1,\"auth\":\"" AUTH "\"}}",
        "{\"endpoint\":\"" ENDPOINT "\",\"keys\":{\"p256dh\":\"" AUTH "\",\"auth\":\"" AUTH "\"}}",
        "{\"endpoint\":1,\"keys\":{\"p256dh\":\"" P256DH "\",\"auth\":\"" AUTH "\"}}",
        "{\"keys\":{\"p256dh\":\"" P256DH "\",\"auth\":\"" AUTH "\"}}",
        "{\"endpoint\":\"https://127.0.0.1/x\",\"keys\":{\"p256dh\":\"" P256DH "\",\"auth\":\"" AUTH
        "\"}}",
    };

    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_null(text_of(bad[i]));
}

static void stored_one_is_checked_again(void **state)
{
    (void)state;
    struct push_subscription subscription;
    char why[512] = "";

    assert_int_equal(push_subscription_parse(KEPT, SERVICES, &subscription, why, sizeof why), 0);
    assert_int_equal(
        push_subscription_parse(KEPT, "*.push.apple.com", &subscription, why, sizeof why), -1);
    assert_non_null(strstr(why, "services"));
    assert_int_equal(push_subscription_parse("{", SERVICES, &subscription, why, sizeof why), -1);
}

static void texts_are_as_documented(void **state)
{
    (void)state;
    static const struct {
        const char *details, *text;
    } requests[] = {
        {"AAAA", "{\"details\":\"AAAA\",\"expires\":60,\"request\":\"r\",\"type\":\"request\"}"},
        {NULL, "{\"expires\":60,\"request\":\"r\",\"type\":\"request\"}"},
    };

    for (size_t i = 0; i < sizeof requests / sizeof requests[0]; i++) {
        char *text = push_text_request("r", requests[i].details, 60);
        assert_string_equal(text, requests[i].text);
        free(text);
    }
    char *over = push_text_over("r"), *test = push_text_test();
    assert_string_equal(over, "{\"request\":\"r\",\"type\":\"over\"}");
    assert_string_equal(test, "{\"type\":\"test\"}");
    free(over);
    free(test);
}

static void topic_is_a_word_of_32_characters(void **state)
{
    (void)state;
    char *one = push_topic("request1"), *again = push_topic("request1"),
         *two = push_topic("request2");

    assert_int_equal(strlen(one), 32);
    assert_int_equal(
        strspn(one, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_"), 32);
    assert_string_equal(one, again);
    assert_string_not_equal(one, two);
    free(one);
    free(again);
    free(two);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_needed_is_kept),
        cmocka_unit_test(broken_ones_are_refused),
        cmocka_unit_test(stored_one_is_checked_again),
        cmocka_unit_test(texts_are_as_documented),
        cmocka_unit_test(topic_is_a_word_of_32_characters),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
