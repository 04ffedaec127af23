#include "tests/unit/unit.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/frame.h"

static int pair[2];

static int open_pair(void **state)
{
    (void)state;
    return socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0, pair);
}

static int close_pair(void **state)
{
    (void)state;
    close(pair[0]);
    if (pair[1] >= 0)
        close(pair[1]);
    return 0;
}

static void goes_from_one_end_to_the_other(void **state)
{
    struct frame out, in;
    long number = 0;

    (void)state;
    frame_start(&out, FRAME_START);
    frame_add(&out, "service", "sshd");
    frame_add(&out, "user", "alice");
    frame_add(&out, "rhost", "");
    frame_add(&out, "tty", NULL);
    frame_add_number(&out, "version", 1);
    assert_false(out.broken);
    assert_int_equal(frame_send(pair[0], &out), 0);

    assert_int_equal(frame_receive(pair[1], &in), FRAME_START);
    assert_string_equal(frame_get(&in, "service"), "sshd");
    assert_string_equal(frame_get(&in, "user"), "alice");
    assert_string_equal(frame_get(&in, "rhost"), "");
    assert_null(frame_get(&in, "tty"));
    assert_null(frame_get(&in, "serv"));
    assert_null(frame_get(&in, "services"));
    assert_int_equal(frame_get_number(&in, "version", 1, 1, &number), 0);
    assert_int_equal(number, 1);
}

static void a_frame_without_fields_is_its_type(void **state)
{
    struct frame frame;

    (void)state;
    frame_start(&frame, FRAME_KEY);
    assert_int_equal(frame.len, 1);
    assert_int_equal(frame_send(pair[0], &frame), 0);
    assert_int_equal(frame_receive(pair[1], &frame), FRAME_KEY);
    assert_null(frame_get(&frame, "text"));
}

static void what_does_not_fit_is_never_sent(void **state)
{
    struct frame frame;
    char text[FRAME_MAX + 1];

    (void)state;
    memset(text, 'x', sizeof(text) - 1);
    text[sizeof(text) - 1] = '\0';
    frame_start(&frame, FRAME_ANSWER);
    frame_add(&frame, "text", text + 6); /* with 1 + "text=" + NUL: one too long */
    assert_true(frame.broken);
    assert_int_equal(frame_send(pair[0], &frame), -1);
    assert_int_equal(errno, EMSGSIZE);

    frame_start(&frame, FRAME_ANSWER);
    frame_add(&frame, "text", text + 7);
    assert_int_equal(frame.len, FRAME_MAX);
    assert_int_equal(frame_send(pair[0], &frame), 0);
    assert_int_equal(frame_receive(pair[1], &frame), FRAME_ANSWER);
    assert_int_equal(strlen(frame_get(&frame, "text")), strlen(text) - 7);

    frame_wipe(&frame);
    assert_int_equal(frame_send(pair[0], &frame), -1);
}

static void names_must_be_names_and_stand_once(void **state)
{
    static const char *const wrong[] = {"",      "Text",      "te-xt",
                                        "text1", "t\xc3\xa9", "abcdefghijklmnopqrstuvwxy"};
    struct frame frame;

    (void)state;
    for (size_t i = 0; i < COUNT(wrong); i++) {
        frame_start(&frame, FRAME_INFO);
        frame_add(&frame, wrong[i], "v");
        assert_true(frame.broken);
    }
    frame_start(&frame, FRAME_INFO);
    frame_add(&frame, "text", "a");
    frame_add(&frame, "text", "b");
    assert_true(frame.broken);
    frame_start(&frame, (enum frame_type)'Z');
    assert_true(frame.broken);
}

static void at_most_24_fields(void **state)
{
    struct frame frame;
    char name[3] = "aa";

    (void)state;
    frame_start(&frame, FRAME_START);
    for (int i = 0; i < FRAME_FIELDS; i++) {
        name[1] = (char)('a' + i);
        frame_add(&frame, name, "");
        assert_false(frame.broken);
    }
    frame_add(&frame, "b", "");
    assert_true(frame.broken);
}

static void junk_is_refused(void **state)
{
#define ROW(text)                                                                                  \
    {                                                                                              \
        text, sizeof(text) - 1                                                                     \
    }
    static const struct {
        const char *bytes;
        size_t len;
    } rows[] = {
        ROW("Z"),
        ROW("\0"),
        ROW("Stext=a"),
        ROW("S\0"),
        ROW("Stext\0"),
        ROW("S=a\0"),
        ROW("Stext=a\0x"),
        ROW("Sa=1\0a=2\0"),
        ROW("STEXT=a\0"),
        ROW("Sa=1\0\0"),
        ROW("Sa b=1\0"),
        ROW("S\xff\xfe=1\0"),
        ROW("Sabcdefghijklmnopqrstuvwxy=1\0"),
        ROW("Sa=1\0b=2\0a=3\0"),
    };
    struct frame frame;

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        assert_int_equal(send(pair[0], rows[i].bytes, rows[i].len, 0), rows[i].len);
        errno = 0;
        assert_int_equal(frame_receive(pair[1], &frame), -1);
        assert_int_equal(errno, EBADMSG);
        assert_null(frame_get(&frame, "a"));
    }
}

static void a_longer_message_is_refused_whole(void **state)
{
    char bytes[FRAME_MAX + 1] = "Atext=";
    struct frame frame;

    (void)state;
    memset(bytes + 6, 'x', sizeof(bytes) - 7);
    bytes[FRAME_MAX - 1] = '\0'; /* what fits would be a frame */
    assert_int_equal(send(pair[0], bytes, sizeof(bytes), 0), sizeof(bytes));
    assert_int_equal(frame_receive(pair[1], &frame), -1);
    assert_int_equal(errno, EBADMSG);
}

static void numbers_are_digits_within_the_range(void **state)
{
    static const char *const wrong[] = {"",    "-1",  "+1",  " 1", "1 ",
                                        "0x1", "1e1", "301", "0",  "99999999999999999999"};
    struct frame frame;
    long number = 77;

    (void)state;
    for (size_t i = 0; i < COUNT(wrong); i++) {
        frame_start(&frame, FRAME_WAIT);
        frame_add(&frame, "seconds", wrong[i]);
        assert_int_equal(frame_get_number(&frame, "seconds", 1, 300, &number), -1);
    }
    assert_int_equal(frame_get_number(&frame, "none", 0, 300, &number), -1);
    assert_int_equal(number, 77);
    frame_start(&frame, FRAME_WAIT);
    frame_add_number(&frame, "seconds", 300);
    assert_int_equal(frame_get_number(&frame, "seconds", 1, 300, &number), 0);
    assert_int_equal(number, 300);
}

static void close_and_nothing_there_are_told_apart(void **state)
{
    struct frame frame;

    (void)state;
    assert_int_equal(frame_receive(pair[1], &frame), -1);
    assert_int_equal(errno, EAGAIN);
    close(pair[1]);
    pair[1] = -1;
    assert_int_equal(frame_receive(pair[0], &frame), 0);
    frame_start(&frame, FRAME_KEY);
    assert_int_equal(frame_send(pair[0], &frame), -1); /* and no SIGPIPE */
    assert_int_equal(errno, EPIPE);
}

static void a_peer_that_closed_is_no_fault(void **state)
{
    struct frame out, in;

    (void)state;
    assert_int_equal(frame_receive(pair[0], &in), -1);
    assert_int_equal(errno, EAGAIN);
    frame_start(&out, FRAME_KEY);
    assert_int_equal(frame_send(pair[0], &out), 0); /* which it never reads */
    close(pair[1]);
    pair[1] = -1;
    assert_int_equal(frame_receive(pair[0], &in), 0);
    assert_int_equal(frame_receive(pair[0], &in), 0);
}

static void descriptors_that_come_along_are_closed(void **state)
{
    int pipe_fds[2];
    char byte, control[CMSG_SPACE(sizeof(int))] = {0};
    struct iovec part = {.iov_base = "K", .iov_len = 1};
    struct msghdr message = {.msg_iov = &part,
                             .msg_iovlen = 1,
                             .msg_control = control,
                             .msg_controllen = sizeof(control)};
    struct cmsghdr *header = CMSG_FIRSTHDR(&message);
    struct frame frame;

    (void)state;
    assert_int_equal(pipe(pipe_fds), 0);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(sizeof(int));
    memcpy(CMSG_DATA(header), &pipe_fds[1], sizeof(int));
    assert_int_equal(sendmsg(pair[0], &message, 0), 1);
    close(pipe_fds[1]);
    assert_int_equal(frame_receive(pair[1], &frame), FRAME_KEY);
    assert_int_equal(read(pipe_fds[0], &byte, 1), 0); /* end: nobody holds the other side */
    close(pipe_fds[0]);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, open_pair, close_pair)
    const struct CMUnitTest tests[] = {
        TEST(goes_from_one_end_to_the_other),
        TEST(a_frame_without_fields_is_its_type),
        TEST(what_does_not_fit_is_never_sent),
        TEST(names_must_be_names_and_stand_once),
        TEST(at_most_24_fields),
        TEST(junk_is_refused),
        TEST(a_longer_message_is_refused_whole),
        TEST(numbers_are_digits_within_the_range),
        TEST(close_and_nothing_there_are_told_apart),
        TEST(a_peer_that_closed_is_no_fault),
        TEST(descriptors_that_come_along_are_closed),
    };
    return cmocka_run_group_tests_name("frame", tests, NULL, NULL);
}
