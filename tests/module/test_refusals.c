/* Everything that the helper may not do. Each row ends in a refusal, with one line of log. */
#include <security/pam_appl.h>
#include <string.h>

#include "tests/module/play.h"
#include "tests/unit/unit.h"

#define APPROVED SEND("Doutcome=approved\0log=x\0delay=0\0greeter=0")
#define START EXPECT_RAW("S")
#define WAITING SEND("Wseconds=60\0key=0")
#define PROMPTED SEND("Ptext=?\0echo=1")
#define LINE(why)                                                                                  \
    "pam_approve(approve-test:auth): user=alice service=approve-test rhost=-: refused: " why "|"
#define REFUSED(why) .code = PAM_AUTH_ERR, .log = LINE(why)
#define BAD_FRAME REFUSED("a broken frame from the helper: Bad message")
#define BAD_TEXT REFUSED("a text from the helper that cannot be drawn")
#define BAD_PROMPT REFUSED("a prompt from the helper that cannot be drawn")
#define BAD_WAIT REFUSED("the helper sent a broken WAIT")
#define BAD_DONE REFUSED("the helper sent a broken DONE")
#define BAD_ORDER REFUSED("a frame from the helper out of order")
#define CLOSED REFUSED("the helper closed the connection")

static char too_long_text[7 + 1025 + 1], too_long_frame[4097], long_answer[513 + 1],
    long_host[5000];

/* docs/helper-protocol.md, "States": the cells with no entry, the other direction's frames among
 * them. */
static const struct row states[] = {
    {"started: START", {0}, {START, SEND("Sservice=x"), APPROVED}, BAD_ORDER},
    {"started: ANSWER", {0}, {START, SEND("Atext=x"), APPROVED}, BAD_ORDER},
    {"started: KEY", {0}, {START, SEND_RAW("K"), APPROVED}, BAD_ORDER},
    {"waiting: START", {0}, {START, WAITING, SEND("Sservice=x"), APPROVED}, BAD_ORDER},
    {"waiting: ANSWER", {0}, {START, WAITING, SEND("Atext=x"), APPROVED}, BAD_ORDER},
    {"waiting: KEY", {0}, {START, WAITING, SEND_RAW("K"), APPROVED}, BAD_ORDER},
#define PROMPTING(name, frame)                                                                     \
    {                                                                                              \
        "prompting: " name, {.answers = {"x"}, .think_ms = 200}, {START, PROMPTED, frame},         \
            BAD_ORDER, .drawn = "P:?|"                                                             \
    }
    PROMPTING("INFO", SEND("Itext=x")),
    PROMPTING("ERROR", SEND("Etext=x")),
    PROMPTING("PROMPT", PROMPTED),
    PROMPTING("WAIT", WAITING),
    PROMPTING("DONE", APPROVED),
    PROMPTING("START", SEND("Sservice=x")),
    PROMPTING("ANSWER", SEND("Atext=x")),
    PROMPTING("KEY", SEND_RAW("K")),
    {"64 frames are the most",
     {0},
     {START, SEND_TIMES(63, "Wseconds=1\0key=0"), APPROVED},
     .code = PAM_SUCCESS,
     .log = "approved: x|"},
    {"65 frames",
     {0},
     {START, SEND_TIMES(64, "Wseconds=1\0key=0"), APPROVED},
     REFUSED("more than 64 frames from the helper")},
};

static const struct row frames[] = {
    {"an unknown type", {0}, {START, SEND("Xtext=x"), APPROVED}, BAD_FRAME},
    {"a type of the other case", {0}, {START, SEND("doutcome=approved"), APPROVED}, BAD_FRAME},
    {"no NUL at the end", {0}, {START, SEND_RAW("Itext=x"), APPROVED}, BAD_FRAME},
    {"a field without a value", {0}, {START, SEND("Itext"), APPROVED}, BAD_FRAME},
    {"a field without a name", {0}, {START, SEND("I=x"), APPROVED}, BAD_FRAME},
    {"an empty field", {0}, {START, SEND("I"), APPROVED}, BAD_FRAME},
    {"a name in capitals", {0}, {START, SEND("Itext=x\0Text=y"), APPROVED}, BAD_FRAME},
    {"a name twice", {0}, {START, SEND("Itext=x\0text=y"), APPROVED}, BAD_FRAME},
    {"a name of 25 bytes",
     {0},
     {START, SEND("Itext=x\0abcdefghijklmnopqrstuvwxy=1"), APPROVED},
     BAD_FRAME},
    {"25 fields",
     {0},
     {START,
      SEND("Itext=x\0a=\0b=\0c=\0d=\0e=\0f=\0g=\0h=\0i=\0j=\0k=\0l=\0m=\0n=\0o=\0p=\0q=\0r=\0s=\0"
           "t=\0u=\0v=\0w=\0x="),
      APPROVED},
     BAD_FRAME},
    {"a frame of 4,097 bytes", {0}, {START, SEND_BUFFER(too_long_frame), APPROVED}, BAD_FRAME},
    {"an empty message", {0}, {START, SEND_RAW(""), APPROVED}, CLOSED},

    {"INFO with no text", {0}, {START, SEND_RAW("I"), APPROVED}, BAD_TEXT},
    {"ERROR with no text", {0}, {START, SEND("Elog=x"), APPROVED}, BAD_TEXT},
    {"a text of 1,025 bytes", {0}, {START, SEND_BUFFER(too_long_text), APPROVED}, BAD_TEXT},
    {"an escape sequence", {0}, {START, SEND("Itext=a\033[2Jb"), APPROVED}, BAD_TEXT},
    {"a carriage return", {0}, {START, SEND("Etext=line\rover"), APPROVED}, BAD_TEXT},
    {"a backspace", {0}, {START, SEND("Itext=a\b"), APPROVED}, BAD_TEXT},
    {"DEL", {0}, {START, SEND("Itext=a\177"), APPROVED}, BAD_TEXT},
    {"a C1 control character",
     {0},
     {START,
      SEND("Itext=\xc2\x9b"
           "2J"),
      APPROVED},
     BAD_TEXT},
    {"a byte that is no UTF-8",
     {0},
     {START,
      SEND("Itext=\x9b"
           "2J"),
      APPROVED},
     BAD_TEXT},
    {"text from right to left",
     {0},
     {START,
      SEND("Itext=\xe2\x80\xae"
           "24"),
      APPROVED},
     BAD_TEXT},
    {"a control character in the second line",
     {0},
     {START, SEND("Itext=good\nbad\033"), APPROVED},
     BAD_TEXT},

    {"PROMPT with no text", {0}, {START, SEND("Pecho=1"), APPROVED}, BAD_PROMPT},
    {"PROMPT with no echo", {0}, {START, SEND("Ptext=x"), APPROVED}, BAD_PROMPT},
    {"PROMPT with echo=2", {0}, {START, SEND("Ptext=x\0echo=2"), APPROVED}, BAD_PROMPT},
    {"PROMPT of two lines", {0}, {START, SEND("Ptext=x\ny\0echo=1"), APPROVED}, BAD_PROMPT},
    {"PROMPT with an escape", {0}, {START, SEND("Ptext=\033c\0echo=1"), APPROVED}, BAD_PROMPT},

    {"WAIT with no seconds", {0}, {START, SEND("Wkey=0"), APPROVED}, BAD_WAIT},
    {"WAIT with no key", {0}, {START, SEND("Wseconds=1"), APPROVED}, BAD_WAIT},
    {"WAIT of 0 s", {0}, {START, SEND("Wseconds=0\0key=0"), APPROVED}, BAD_WAIT},
    {"WAIT of 301 s", {0}, {START, SEND("Wseconds=301\0key=0"), APPROVED}, BAD_WAIT},
    {"WAIT of -1 s", {0}, {START, SEND("Wseconds=-1\0key=0"), APPROVED}, BAD_WAIT},
    {"WAIT of 1x s", {0}, {START, SEND("Wseconds=1x\0key=0"), APPROVED}, BAD_WAIT},
    {"WAIT with key=2", {0}, {START, SEND("Wseconds=1\0key=2"), APPROVED}, BAD_WAIT},

    {"DONE with no outcome", {0}, {START, SEND("Dlog=x\0delay=0\0greeter=0")}, BAD_DONE},
    {"DONE with no log", {0}, {START, SEND("Doutcome=approved\0delay=0\0greeter=0")}, BAD_DONE},
    {"DONE with no delay", {0}, {START, SEND("Doutcome=approved\0log=x\0greeter=0")}, BAD_DONE},
    {"DONE with no greeter", {0}, {START, SEND("Doutcome=approved\0log=x\0delay=0")}, BAD_DONE},
    {"DONE with a delay of 10,001 ms",
     {0},
     {START, SEND("Doutcome=approved\0log=x\0delay=10001\0greeter=0")},
     BAD_DONE},
    {"DONE with greeter=yes",
     {0},
     {START, SEND("Doutcome=approved\0log=x\0delay=0\0greeter=yes")},
     BAD_DONE},
    {"an unknown outcome",
     {0},
     {START, SEND("Doutcome=approved_now\0log=x\0delay=0\0greeter=0")},
     REFUSED("the helper ended with \"approved_now\", which is unknown here")},
    {"an empty outcome",
     {0},
     {START, SEND("Doutcome=\0log=x\0delay=0\0greeter=0")},
     REFUSED("the helper ended with \"\", which is unknown here")},
};

static const struct row endings[] = {
    {"closed with START unread", {0}, {PAUSE(100), CLOSE}, CLOSED, .least_ms = 50},
    {"closed after START", {0}, {START, CLOSE}, CLOSED},
    {"closed after a text", {0}, {START, SEND("Itext=x"), CLOSE}, CLOSED, .drawn = "I:x|"},
    {"closed while waiting", {0}, {START, WAITING, PAUSE(200), CLOSE}, CLOSED, .least_ms = 200},
    {"closed while a prompt is open",
     {.answers = {"x"}, .think_ms = 200},
     {START, PROMPTED, CLOSE},
     CLOSED,
     .drawn = "P:?|"},
    {"closed after an answer",
     {.answers = {"x"}},
     {START, PROMPTED, EXPECT("Atext=x"), CLOSE},
     CLOSED,
     .drawn = "P:?|"},
#define LATE REFUSED("no answer from the helper in time"), .least_ms = 5000, .most_ms = 5900
    {"silent from the start", {0}, {START}, LATE},
    {"stopped by SIGSTOP", {0}, {STOP, START}, LATE},
    {"silent after a text", {0}, {START, SEND("Itext=x")}, LATE, .drawn = "I:x|"},
    {"silent after an answer",
     {.answers = {"x"}},
     {START, PROMPTED, EXPECT("Atext=x")},
     LATE,
     .drawn = "P:?|"},
    {"silent while waiting",
     {0},
     {START, SEND("Wseconds=1\0key=0")},
     REFUSED("no answer from the helper in time"),
     .least_ms = 6000,
     .most_ms = 6900},
    {"a text does not lengthen the wait before it",
     {0},
     {START, WAITING, SEND("Itext=x")},
     LATE,
     .drawn = "I:x|"},
    {"the conversation fails",
     {0},
     {START, PROMPTED},
     REFUSED("the conversation failed: Conversation error"),
     .drawn = "P:?|"},
    {"the conversation has no answer",
     {.answers = {client_no_answer}},
     {START, PROMPTED},
     REFUSED("the conversation failed: no answer"),
     .drawn = "P:?|"},
    {"an answer of 513 bytes",
     {.answers = {long_answer}},
     {START, PROMPTED},
     REFUSED("an answer of more than 512 bytes"),
     .drawn = "P:?|"},
    {"an answer of 512 bytes is fine",
     {.answers = {long_answer + 1}},
     {START, PROMPTED, EXPECT_RAW("A"), APPROVED},
     .code = PAM_SUCCESS,
     .drawn = "P:?|"},
    {"login details that fit no frame",
     {.rhost = long_host},
     {CLOSE},
     .code = PAM_AUTH_ERR,
     .log = "refused: the helper cannot be told: Message too long|"},
};

int main(void)
{
    client_setup();
    memset(too_long_text, 'x', sizeof too_long_text - 1);
    memcpy(too_long_text, "Itext=", 6);
    /* What fits would be a whole frame that approves. */
    memset(too_long_frame, 'x', sizeof too_long_frame);
    memcpy(too_long_frame, "Dlog=x\0outcome=approved\0delay=0\0greeter=0\0pad=", 46);
    too_long_frame[4095] = 0;
    memset(long_answer, '7', sizeof long_answer - 1);
    memset(long_host, 'h', sizeof long_host - 1);
    return play_rows("states", states, COUNT(states)) + play_rows("frames", frames, COUNT(frames)) +
           play_rows("endings", endings, COUNT(endings));
}
