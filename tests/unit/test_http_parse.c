/* Requests in pieces, and bytes that are no request. What is refused with which status:
 * tests/backend/test_http.py. */
#include "tests/unit/unit.h"

#include <stdlib.h>
#include <string.h>

#include "backend/http_parse.h"

#define POST                                                                                       \
    "POST /ciba/token?x=1 HTTP/1.1\r\nHost: localhost:8700\r\nContent-Type: "                      \
    "a/b\r\nContent-Length: "                                                                      \
    "12\r\nX: \t y z \t\r\n\r\n"

/* Always the same numbers, so that a failure can be seen again. */
static uint32_t next_random(void)
{
    static uint32_t state = 2463534242U;
    state ^= state << 13;
    state ^= state >> 17;
    return state ^= state << 5;
}

static void finds_the_end_in_any_pieces(void **state)
{
    static const char text[] = POST "body\r\n\r\n";
    int end = (int)strlen(POST);
    (void)state;
    for (size_t first = 0; first < sizeof text; first++) {
        for (size_t second = first; second < sizeof text; second++) {
            size_t scanned = 0;
            int found = http_head_end(text, first, &scanned);
            if (found == 0)
                found = http_head_end(text, second, &scanned);
            if (found == 0)
                found = http_head_end(text, sizeof text - 1, &scanned);
            assert_int_equal(found, end);
        }
    }
}

static void gives_what_the_head_says(void **state)
{
    char text[] = POST;
    struct http_head head;
    (void)state;
    assert_int_equal(http_head_parse(text, strlen(POST), &head), 0);
    assert_string_equal(head.method, "POST");
    assert_string_equal(head.path, "/ciba/token");
    assert_true(head.keep_alive);
    assert_false(head.chunked);
    assert_int_equal(head.length, 12);
    assert_int_equal(head.count, 4);
    assert_string_equal(http_head_field(&head, "content-TYPE"), "a/b");
    assert_string_equal(http_head_field(&head, "x"), "y z");
    assert_null(http_head_field(&head, "Content"));
}

/* A head that passed has nothing in it that could be read otherwise. */
static void check_head(const struct http_head *head)
{
    assert_true(head->path[0] == '/' && head->count <= HTTP_FIELDS_MAX && head->count > 0);
    assert_true(!head->chunked || head->length == 0);
    for (const char *c = head->path; *c; c++)
        assert_true(*c > ' ' && *c <= '~');
    for (size_t i = 0; i < head->count; i++) {
        const char *name = head->text + head->fields[i].name;
        const char *value = head->text + head->fields[i].value;
        assert_true(*name && !strpbrk(name, " \t\r\n:\"(),/;<=>?@[\\]{}"));
        assert_null(strpbrk(value, "\r\n"));
    }
    assert_non_null(http_head_field(head, "Host"));
}

static void survives_changed_bytes(void **state)
{
    static const char *const seeds[] = {
        POST, "GET / HTTP/1.1\r\nHost: a\r\n\r\n",
        "POST /x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nExpect: "
        "100-continue\r\nConnection: close\r\n\r\n"};
    static const char bytes[] = "\r\n\r\n \t:\0\x7f\xff/%?#HTtp0129,;chunked";
    size_t passed = 0;
    (void)state;
    for (int turn = 0; turn < 300000; turn++) {
        const char *seed = seeds[next_random() % COUNT(seeds)];
        size_t len = strlen(seed), scanned = 0;
        char *text = malloc(len + 1); /* of its exact size, for the sanitizer */
        struct http_head head;
        memcpy(text, seed, len + 1);
        for (uint32_t i = next_random() % 4; i > 0; i--)
            text[next_random() % len] = bytes[next_random() % (sizeof bytes - 1)];
        int end = http_head_end(text, len, &scanned);
        assert_true(end <= (int)len && (end >= 0 || end == -400 || end == -431));
        if (end > 0) {
            char *copy = strndup(text, (size_t)end);
            if (http_head_parse(copy, (size_t)end, &head) == 0) {
                check_head(&head);
                passed++;
            }
            free(copy);
        }
        free(text);
    }
    assert_in_range(passed, 50000, 290000); /* both happened */
}

static void caps_the_head(void **state)
{
    static char text[HTTP_HEAD_MAX + 64];
    size_t scanned = 0;
    (void)state;
    memset(text, 'a', sizeof text);
    assert_int_equal(http_head_end(text, HTTP_HEAD_MAX, &scanned), 0);
    assert_int_equal(http_head_end(text, sizeof text, &scanned), -431);
    scanned = 0;
    memcpy(text + HTTP_HEAD_MAX - 4, "\r\n\r\n", 4);
    assert_int_equal(http_head_end(text, sizeof text, &scanned), HTTP_HEAD_MAX);
}

/* Feeds a body in pieces; the content, or NULL where it is refused. *taken: how many bytes were the
 * body's. */
static char *feed(const char *body, size_t len, bool pieces, size_t *taken)
{
    struct http_chunks chunks = {0};
    char *out = calloc(1, len + 1), *piece = malloc(len + 1);
    size_t out_len = 0, at = 0;
    int result = 0;
    while (at < len && result == 0) {
        size_t part = pieces ? 1 + next_random() % 7 : len, used, content;
        if (part > len - at)
            part = len - at;
        memcpy(piece, body + at, part);
        result = http_chunks_take(&chunks, piece, part, &used, &content);
        assert_true(used <= part && content <= used);
        memcpy(out + out_len, piece, content);
        out_len += content;
        at += used;
    }
    free(piece);
    *taken = at;
    if (result == 1)
        return out;
    free(out);
    return NULL;
}

static void decodes_chunks_in_any_pieces(void **state)
{
    static const char body[] = "5\r\nhello\r\n00f\r\n, all the world\r\n1\r\n!\r\n0\r\n\r\nnext";
    size_t taken;
    (void)state;
    for (int turn = 0; turn < 1000; turn++) {
        char *content = feed(body, sizeof body - 1, turn > 0, &taken);
        assert_non_null(content);
        assert_string_equal(content, "hello, all the world!");
        assert_int_equal(taken, sizeof body - 1 - 4); /* what follows is left alone */
        free(content);
    }
}

static void survives_changed_chunks(void **state)
{
    static const char body[] = "5\r\nhello\r\nF\r\n, all the world\r\n1\r\n!\r\n0\r\n\r\n";
    static const char bytes[] = "\r\n0123456789abcdefF;\0 \xff";
    (void)state;
    for (int turn = 0; turn < 100000; turn++) {
        char changed[sizeof body];
        size_t whole, pieces;
        memcpy(changed, body, sizeof body);
        changed[next_random() % (sizeof body - 1)] = bytes[next_random() % (sizeof bytes - 1)];
        char *once = feed(changed, sizeof body - 1, false, &whole);
        char *split = feed(changed, sizeof body - 1, true, &pieces);
        assert_int_equal(once == NULL, split == NULL);
        if (once)
            assert_string_equal(once, split);
        free(once);
        free(split);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_the_end_in_any_pieces),  cmocka_unit_test(gives_what_the_head_says),
        cmocka_unit_test(survives_changed_bytes),       cmocka_unit_test(caps_the_head),
        cmocka_unit_test(decodes_chunks_in_any_pieces), cmocka_unit_test(survives_changed_chunks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
