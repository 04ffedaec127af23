/* Connections by source. */
#include "tests/unit/unit.h"

#include "backend/http_limits.h"

static struct http_place places[5000];

static bool take(struct http_limits *limits, uint64_t source, size_t most, struct http_place *place)
{
    const uint64_t key[2] = {source, 7};
    bool full = http_limits_full(limits, key, most);
    bool taken = http_limits_take(limits, key, most, place);
    assert_int_equal(taken, !full);
    return taken;
}

static struct http_place *oldest(const struct http_limits *limits, uint64_t source)
{
    return http_limits_oldest(limits, (const uint64_t[]){source, 7});
}

static void counts_each_source(void **state)
{
    struct http_limits *limits = http_limits_new();
    (void)state;
    assert_true(take(limits, 1, 2, &places[0]));
    assert_true(take(limits, 1, 2, &places[1]));
    assert_false(take(limits, 1, 2, &places[2]));
    assert_true(take(limits, 2, 2, &places[3]));
    http_limits_give_back(&places[0]);
    http_limits_give_back(&places[0]); /* none is taken */
    assert_true(take(limits, 1, 2, &places[2]));
    assert_false(take(limits, 1, 2, &places[0]));
    for (size_t i = 0; i < 4; i++)
        http_limits_give_back(&places[i]);
    http_limits_free(limits);
}

static void lists_the_oldest_first(void **state)
{
    static const size_t order[] = {1, 2, 3, 0};
    struct http_limits *limits = http_limits_new();
    (void)state;
    assert_null(oldest(limits, 1));
    for (size_t i = 0; i < 3; i++)
        assert_true(take(limits, 1, 3, &places[i]));
    assert_true(take(limits, 2, 1, &places[3]));
    assert_ptr_equal(oldest(limits, 1), &places[0]);
    assert_ptr_equal(oldest(limits, 2), &places[3]);
    assert_ptr_equal(http_limits_oldest(limits, NULL), &places[0]);
    http_limits_give_back(&places[0]);
    assert_ptr_equal(oldest(limits, 1), &places[1]);
    assert_true(take(limits, 1, 3, &places[0]));
    for (size_t i = 0; i < COUNT(order); i++) {
        assert_ptr_equal(http_limits_oldest(limits, NULL), &places[order[i]]);
        assert_ptr_equal(oldest(limits, 1), order[i] == 3 ? &places[0] : &places[order[i]]);
        http_limits_give_back(&places[order[i]]);
    }
    assert_null(oldest(limits, 1));
    assert_null(http_limits_oldest(limits, NULL));
    http_limits_free(limits);
}

static void passes_over_what_is_kept(void **state)
{
    struct http_limits *limits = http_limits_new();
    (void)state;
    for (size_t i = 0; i < 3; i++)
        assert_true(take(limits, 1, 3, &places[i]));
    assert_true(take(limits, 2, 3, &places[3]));
    for (size_t i = 0; i < 3; i++)
        http_limits_keep(&places[i]);
    http_limits_keep(&places[0]); /* it is */
    assert_null(oldest(limits, 1));
    assert_ptr_equal(http_limits_oldest(limits, NULL), &places[3]);
    assert_false(take(limits, 1, 3, &places[4]));
    http_limits_offer(&places[1]);
    http_limits_offer(&places[0]);
    http_limits_offer(&places[1]); /* it is */
    assert_ptr_equal(oldest(limits, 1), &places[1]);
    assert_ptr_equal(http_limits_oldest(limits, NULL), &places[3]);
    http_limits_give_back(&places[3]);
    assert_ptr_equal(http_limits_oldest(limits, NULL), &places[1]);
    for (size_t i = 0; i < 3; i++)
        http_limits_give_back(&places[i]);
    http_limits_keep(&places[0]);
    http_limits_offer(&places[0]); /* none is taken */
    assert_null(http_limits_oldest(limits, NULL));
    http_limits_free(limits);
}

static void forgets_who_left(void **state)
{
    struct http_limits *limits = http_limits_new();
    (void)state;
    for (int turn = 0; turn < 2; turn++) {
        for (size_t i = 0; i < COUNT(places); i++)
            assert_true(take(limits, i, 1, &places[i]));
        for (size_t i = 0; i < COUNT(places); i++)
            http_limits_give_back(&places[i]);
    }
    http_limits_free(limits); /* the sanitizer's build looks for what is left */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(counts_each_source),
        cmocka_unit_test(lists_the_oldest_first),
        cmocka_unit_test(passes_over_what_is_kept),
        cmocka_unit_test(forgets_who_left),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
