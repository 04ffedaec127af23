#include "tests/unit/unit.h"

#include <string.h>

#include "helper/conversation.h"

#define NOW 1000
#define LATE 1000000

/* --- the table, cell by cell --- */

struct row {
    enum conversation_event event;
    enum conversation_action action;
    enum conversation_state next;
};

#define ROWS 32

static const struct row expected[STATE_COUNT][ROWS] = {
    [STATE_ASKING] = {{EVENT_PHONE_PROMPT, ACTION_PROMPT_FIRST, STATE_PROMPT},
                      {EVENT_PHONE_WAIT, ACTION_SHOW, STATE_HOLD},
                      {EVENT_CODE_ONLY, ACTION_PROMPT_NO_PHONE, STATE_PROMPT},
                      {EVENT_NO_WAY, ACTION_END, STATE_ENDED},
                      {EVENT_UNREACHABLE, ACTION_END, STATE_ENDED},
                      {EVENT_OFFLINE, ACTION_PROMPT_OFFLINE, STATE_PROMPT},
                      {EVENT_BUSY, ACTION_END, STATE_ENDED},
                      {EVENT_REFUSED, ACTION_END, STATE_ENDED},
                      {EVENT_TIME_UP, ACTION_END, STATE_ENDED},
                      {EVENT_OUT_OF_TIME, ACTION_END, STATE_ENDED}},
    [STATE_PROMPT] = {{EVENT_ENTER, ACTION_WAIT, STATE_HOLD},
                      {EVENT_ENTER_ALONE, ACTION_PROMPT_AGAIN, STATE_PROMPT},
                      {EVENT_ENTER_UNREACHED, ACTION_PROMPT_UNREACHED, STATE_PROMPT},
                      {EVENT_ENTER_ERASED, ACTION_SHOW, STATE_HOLD},
                      {EVENT_UNREACHED, ACTION_NONE, STATE_PROMPT},
                      {EVENT_TYPED, ACTION_SEND_CODE, STATE_CHECKING},
                      {EVENT_TYPED_LATE, ACTION_RENEW, STATE_RENEWING_CODE},
                      {EVENT_GARBLED, ACTION_PROMPT_WRONG, STATE_PROMPT},
                      {EVENT_CODE_REFUSED, ACTION_END, STATE_ENDED},
                      {EVENT_JUNK, ACTION_END, STATE_ENDED},
                      {EVENT_OUT_OF_TIME, ACTION_END, STATE_ENDED},
                      {EVENT_APPROVED, ACTION_KEEP, STATE_PROMPT},
                      {EVENT_CODE, ACTION_KEEP, STATE_PROMPT},
                      {EVENT_DENIED, ACTION_KEEP, STATE_PROMPT},
                      {EVENT_NOT_ME, ACTION_KEEP, STATE_PROMPT},
                      {EVENT_WRONG_NUMBER, ACTION_KEEP, STATE_PROMPT},
                      {EVENT_INVALID, ACTION_KEEP, STATE_PROMPT},
                      {EVENT_EXPIRED, ACTION_KEEP, STATE_PROMPT},
                      {EVENT_EXPIRED_BOUND, ACTION_KEEP, STATE_PROMPT},
                      {EVENT_OFFLINE, ACTION_KEEP, STATE_PROMPT},
                      {EVENT_TYPED_BOUND, ACTION_CHECK_CODE, STATE_CHECKING},
                      {EVENT_ENTER_OFFLINE, ACTION_END, STATE_ENDED},
                      {EVENT_NO_ANSWER, ACTION_KEEP, STATE_PROMPT},
                      {EVENT_REVOKED, ACTION_KEEP, STATE_PROMPT},
                      {EVENT_UNREACHABLE, ACTION_KEEP, STATE_PROMPT},
                      {EVENT_BUSY, ACTION_KEEP, STATE_PROMPT},
                      {EVENT_REFUSED, ACTION_KEEP, STATE_PROMPT}},
    [STATE_HOLD] = {{EVENT_KEY, ACTION_PROMPT_KEY, STATE_PROMPT},
                    {EVENT_TIME_UP, ACTION_PROMPT_TIME_UP, STATE_PROMPT},
                    {EVENT_UNREACHED, ACTION_PROMPT_UNREACHED, STATE_PROMPT},
                    {EVENT_NONE, ACTION_NONE, STATE_HOLD},
                    {EVENT_EXPIRED, ACTION_RENEW, STATE_RENEWING},
                    {EVENT_EXPIRED_BOUND, ACTION_PROMPT_EXPIRED, STATE_PROMPT},
                    {EVENT_OFFLINE, ACTION_PROMPT_OFFLINE, STATE_PROMPT},
                    {EVENT_APPROVED, ACTION_END, STATE_ENDED},
                    {EVENT_CODE, ACTION_END, STATE_ENDED},
                    {EVENT_DENIED, ACTION_END, STATE_ENDED},
                    {EVENT_NOT_ME, ACTION_END, STATE_ENDED},
                    {EVENT_WRONG_NUMBER, ACTION_END, STATE_ENDED},
                    {EVENT_INVALID, ACTION_END, STATE_ENDED},
                    {EVENT_NO_ANSWER, ACTION_END, STATE_ENDED},
                    {EVENT_REVOKED, ACTION_END, STATE_ENDED},
                    {EVENT_UNREACHABLE, ACTION_END, STATE_ENDED},
                    {EVENT_BUSY, ACTION_END, STATE_ENDED},
                    {EVENT_REFUSED, ACTION_END, STATE_ENDED},
                    {EVENT_OUT_OF_TIME, ACTION_END, STATE_ENDED}},
    [STATE_CHECKING] = {{EVENT_CODE_TAKEN, ACTION_COLLECT, STATE_COLLECTING},
                        {EVENT_CODE_WRONG, ACTION_PROMPT_WRONG, STATE_PROMPT},
                        {EVENT_UNREACHED, ACTION_NONE, STATE_CHECKING},
                        {EVENT_EXPIRED, ACTION_RENEW, STATE_RENEWING_CODE},
                        {EVENT_OFFLINE, ACTION_PROMPT_OFFLINE, STATE_PROMPT},
                        {EVENT_CODE_REFUSED, ACTION_END, STATE_ENDED},
                        {EVENT_CODE_LOCKED, ACTION_END, STATE_ENDED},
                        {EVENT_CODE_LOST, ACTION_END, STATE_ENDED},
                        {EVENT_TIME_UP, ACTION_END, STATE_ENDED},
                        {EVENT_APPROVED, ACTION_END, STATE_ENDED},
                        {EVENT_CODE, ACTION_END, STATE_ENDED},
                        {EVENT_DENIED, ACTION_END, STATE_ENDED},
                        {EVENT_NOT_ME, ACTION_END, STATE_ENDED},
                        {EVENT_WRONG_NUMBER, ACTION_END, STATE_ENDED},
                        {EVENT_INVALID, ACTION_END, STATE_ENDED},
                        {EVENT_NO_ANSWER, ACTION_END, STATE_ENDED},
                        {EVENT_REVOKED, ACTION_END, STATE_ENDED},
                        {EVENT_UNREACHABLE, ACTION_END, STATE_ENDED},
                        {EVENT_BUSY, ACTION_END, STATE_ENDED},
                        {EVENT_REFUSED, ACTION_END, STATE_ENDED},
                        {EVENT_OUT_OF_TIME, ACTION_END, STATE_ENDED}},
    [STATE_COLLECTING] = {{EVENT_UNREACHED, ACTION_NONE, STATE_COLLECTING},
                          {EVENT_OFFLINE, ACTION_PROMPT_OFFLINE, STATE_PROMPT},
                          {EVENT_EXPIRED, ACTION_END, STATE_ENDED},
                          {EVENT_TIME_UP, ACTION_END, STATE_ENDED},
                          {EVENT_APPROVED, ACTION_END, STATE_ENDED},
                          {EVENT_CODE, ACTION_END, STATE_ENDED},
                          {EVENT_DENIED, ACTION_END, STATE_ENDED},
                          {EVENT_NOT_ME, ACTION_END, STATE_ENDED},
                          {EVENT_WRONG_NUMBER, ACTION_END, STATE_ENDED},
                          {EVENT_INVALID, ACTION_END, STATE_ENDED},
                          {EVENT_NO_ANSWER, ACTION_END, STATE_ENDED},
                          {EVENT_REVOKED, ACTION_END, STATE_ENDED},
                          {EVENT_UNREACHABLE, ACTION_END, STATE_ENDED},
                          {EVENT_BUSY, ACTION_END, STATE_ENDED},
                          {EVENT_REFUSED, ACTION_END, STATE_ENDED},
                          {EVENT_OUT_OF_TIME, ACTION_END, STATE_ENDED}},
    [STATE_RENEWING] = {{EVENT_CODE_ONLY, ACTION_PROMPT_EXPIRED, STATE_PROMPT},
                        {EVENT_OFFLINE, ACTION_PROMPT_OFFLINE, STATE_PROMPT},
                        {EVENT_NO_WAY, ACTION_END, STATE_ENDED},
                        {EVENT_UNREACHABLE, ACTION_END, STATE_ENDED},
                        {EVENT_BUSY, ACTION_END, STATE_ENDED},
                        {EVENT_REFUSED, ACTION_END, STATE_ENDED},
                        {EVENT_TIME_UP, ACTION_END, STATE_ENDED},
                        {EVENT_OUT_OF_TIME, ACTION_END, STATE_ENDED}},
    [STATE_RENEWING_CODE] = {{EVENT_CODE_ONLY, ACTION_SEND_CODE, STATE_CHECKING},
                             {EVENT_OFFLINE, ACTION_PROMPT_OFFLINE, STATE_PROMPT},
                             {EVENT_NO_WAY, ACTION_END, STATE_ENDED},
                             {EVENT_UNREACHABLE, ACTION_END, STATE_ENDED},
                             {EVENT_BUSY, ACTION_END, STATE_ENDED},
                             {EVENT_REFUSED, ACTION_END, STATE_ENDED},
                             {EVENT_TIME_UP, ACTION_END, STATE_ENDED},
                             {EVENT_OUT_OF_TIME, ACTION_END, STATE_ENDED}},
};

static void every_cell_is_as_written_and_the_rest_refuse(void **state)
{
    (void)state;
    for (int s = 0; s < STATE_COUNT; s++) {
        for (int e = EVENT_NONE; e < EVENT_COUNT; e++) {
            struct row want = {(enum conversation_event)e, ACTION_REFUSE, STATE_ENDED};
            enum conversation_state next;
            enum conversation_action action =
                conversation_cell((enum conversation_state)s, (enum conversation_event)e, &next);

            for (int i = 0; i < ROWS; i++) {
                if (expected[s][i].action != ACTION_REFUSE && expected[s][i].event == want.event)
                    want = expected[s][i];
            }
            if (action != want.action || next != want.next)
                fail_msg("state %d event %d: action %d next %d", s, e, (int)action, (int)next);
        }
    }
}

/* --- whole conversations --- */

static struct conversation start(bool waits, bool phone, bool codes)
{
    return (struct conversation){.state = STATE_ASKING,
                                 .waits = waits,
                                 .phone = phone,
                                 .codes = codes,
                                 .deadline = LATE,
                                 .outcome = OUTCOME_COUNT};
}

static void steps(struct conversation *conversation, int64_t now, const int *list)
{
    for (; list[0] != EVENT_NONE; list += 2) {
        enum conversation_action action =
            conversation_step(conversation, (enum conversation_event)list[0], now);

        if ((int)action != list[1])
            fail_msg("event %d: action %d, not %d", list[0], (int)action, list[1]);
    }
}

#define STEPS(conversation, ...) steps(conversation, NOW, (const int[]){__VA_ARGS__, EVENT_NONE})

static void an_empty_answer_is_never_consent(void **state)
{
    struct conversation c = start(false, true, true);

    (void)state;
    STEPS(&c, EVENT_ASKED, ACTION_PROMPT_FIRST);
    for (int i = 1; i < CONVERSATION_PROMPTS; i++)
        STEPS(&c, EVENT_ENTER, ACTION_WAIT, EVENT_TIME_UP, ACTION_PROMPT_TIME_UP);
    STEPS(&c, EVENT_ENTER, ACTION_WAIT, EVENT_TIME_UP, ACTION_END);
    assert_int_equal(c.outcome, OUTCOME_NO_ANSWER);
}

static void what_came_while_the_prompt_was_open_counts_when_it_is_answered(void **state)
{
    static const struct {
        enum conversation_event event;
        enum outcome outcome;
    } rows[] = {
        {EVENT_APPROVED, OUTCOME_APPROVED},
        {EVENT_CODE, OUTCOME_CODE},
        {EVENT_DENIED, OUTCOME_DENIED},
        {EVENT_NOT_ME, OUTCOME_NOT_ME},
        {EVENT_WRONG_NUMBER, OUTCOME_WRONG_NUMBER},
        {EVENT_INVALID, OUTCOME_INVALID_APPROVAL},
        {EVENT_REVOKED, OUTCOME_REVOKED},
        {EVENT_UNREACHABLE, OUTCOME_NO_BACKEND},
        {EVENT_BUSY, OUTCOME_BUSY},
        {EVENT_REFUSED, OUTCOME_BACKEND_REFUSED},
    };
    static const enum conversation_event answers[] = {EVENT_ENTER, EVENT_TYPED, EVENT_GARBLED};

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        for (size_t a = 0; a < 3; a++) {
            struct conversation c = start(false, true, true);

            STEPS(&c, EVENT_ASKED, ACTION_PROMPT_FIRST, (int)rows[i].event, ACTION_KEEP,
                  (int)answers[a], ACTION_END);
            assert_int_equal(c.outcome, rows[i].outcome);
            assert_int_equal(c.state, STATE_ENDED);
        }
    }
}

static void junk_wins_over_an_approval(void **state)
{
    struct conversation c = start(false, true, true);

    (void)state;
    STEPS(&c, EVENT_ASKED, ACTION_PROMPT_FIRST, EVENT_APPROVED, ACTION_KEEP, EVENT_JUNK,
          ACTION_END);
    assert_int_equal(c.outcome, OUTCOME_BAD_ANSWER);
}

static void three_wrong_codes_end_it(void **state)
{
    struct conversation c = start(false, true, true);

    (void)state;
    STEPS(&c, EVENT_ASKED, ACTION_PROMPT_FIRST, EVENT_TYPED, ACTION_SEND_CODE, EVENT_CODE_WRONG,
          ACTION_PROMPT_WRONG, EVENT_GARBLED, ACTION_PROMPT_WRONG, EVENT_TYPED, ACTION_SEND_CODE,
          EVENT_CODE_WRONG, ACTION_END);
    assert_int_equal(c.outcome, OUTCOME_CODE_REFUSED);
    c = start(false, true, true);
    STEPS(&c, EVENT_ASKED, ACTION_PROMPT_FIRST, EVENT_GARBLED, ACTION_PROMPT_WRONG, EVENT_GARBLED,
          ACTION_PROMPT_WRONG, EVENT_GARBLED, ACTION_END);
    assert_int_equal(c.outcome, OUTCOME_CODE_REFUSED);
}

static void a_code_that_is_right_is_not_enough_without_its_token(void **state)
{
    struct conversation c = start(true, false, true);

    (void)state;
    STEPS(&c, EVENT_ASKED, ACTION_PROMPT_NO_PHONE, EVENT_TYPED, ACTION_SEND_CODE, EVENT_CODE_TAKEN,
          ACTION_COLLECT, EVENT_TIME_UP, ACTION_END);
    assert_int_equal(c.outcome, OUTCOME_NO_BACKEND);
    c = start(true, false, true);
    STEPS(&c, EVENT_ASKED, ACTION_PROMPT_NO_PHONE, EVENT_TYPED, ACTION_SEND_CODE, EVENT_CODE_TAKEN,
          ACTION_COLLECT, EVENT_CODE, ACTION_END);
    assert_int_equal(c.outcome, OUTCOME_CODE);
}

static void an_expired_request_is_followed_by_one_for_a_code(void **state)
{
    struct conversation c = start(true, true, true);

    (void)state;
    STEPS(&c, EVENT_ASKED, ACTION_SHOW, EVENT_EXPIRED, ACTION_RENEW);
    assert_false(c.phone);
    STEPS(&c, EVENT_ASKED, ACTION_PROMPT_EXPIRED, EVENT_ENTER, ACTION_PROMPT_AGAIN, EVENT_TYPED,
          ACTION_SEND_CODE, EVENT_EXPIRED, ACTION_RENEW, EVENT_ASKED, ACTION_SEND_CODE, EVENT_CODE,
          ACTION_END);
    assert_int_equal(c.outcome, OUTCOME_CODE);
    c = start(false, true, true);
    STEPS(&c, EVENT_ASKED, ACTION_PROMPT_FIRST, EVENT_EXPIRED, ACTION_KEEP, EVENT_TYPED,
          ACTION_RENEW, EVENT_ASKED, ACTION_SEND_CODE);
    c = start(false, true, true);
    STEPS(&c, EVENT_ASKED, ACTION_PROMPT_FIRST, EVENT_EXPIRED, ACTION_KEEP, EVENT_ENTER,
          ACTION_RENEW, EVENT_ASKED, ACTION_PROMPT_EXPIRED);
}

static void where_no_code_can_be_taken_there_is_no_code_prompt(void **state)
{
    struct conversation c = start(true, true, false);

    (void)state;
    STEPS(&c, EVENT_ASKED, ACTION_SHOW, EVENT_TIME_UP, ACTION_END);
    assert_int_equal(c.outcome, OUTCOME_NO_ANSWER);
    c = start(true, true, false);
    STEPS(&c, EVENT_ASKED, ACTION_SHOW, EVENT_EXPIRED, ACTION_END);
    assert_int_equal(c.outcome, OUTCOME_NO_ANSWER);
    c = start(false, false, false);
    STEPS(&c, EVENT_ASKED, ACTION_END);
    assert_int_equal(c.outcome, OUTCOME_NO_ANSWER);
    c = start(false, true, false);
    STEPS(&c, EVENT_ASKED, ACTION_PROMPT_FIRST, EVENT_TYPED, ACTION_WAIT, EVENT_TIME_UP,
          ACTION_PROMPT_TIME_UP, EVENT_GARBLED, ACTION_WAIT);
    c.code_first = c.waits = true;
    c.state = STATE_ASKING;
    STEPS(&c, EVENT_ASKED, ACTION_SHOW);
}

static void code_first_prompts_at_once(void **state)
{
    struct conversation c = start(true, true, true);

    (void)state;
    c.code_first = true;
    STEPS(&c, EVENT_ASKED, ACTION_PROMPT_FIRST, EVENT_ENTER, ACTION_WAIT, EVENT_KEY,
          ACTION_PROMPT_KEY);
}

static void where_an_answer_erases_the_number_it_is_shown_again(void **state)
{
    struct conversation c = start(true, true, true);

    (void)state;
    c.erases = true;
    STEPS(&c, EVENT_ASKED, ACTION_SHOW, EVENT_TIME_UP, ACTION_PROMPT_TIME_UP, EVENT_ENTER,
          ACTION_SHOW, EVENT_UNREACHED, ACTION_PROMPT_UNREACHED, EVENT_ENTER,
          ACTION_PROMPT_UNREACHED);
    c = start(true, false, true);
    c.erases = true;
    STEPS(&c, EVENT_ASKED, ACTION_PROMPT_NO_PHONE, EVENT_ENTER, ACTION_PROMPT_AGAIN);
}

static void a_phone_that_was_not_reached_is_not_waited_for(void **state)
{
    struct conversation c = start(true, true, true);

    (void)state;
    STEPS(&c, EVENT_ASKED, ACTION_SHOW, EVENT_UNREACHED, ACTION_PROMPT_UNREACHED, EVENT_ENTER,
          ACTION_PROMPT_UNREACHED, EVENT_APPROVED, ACTION_KEEP, EVENT_ENTER, ACTION_END);
    assert_int_equal(c.outcome, OUTCOME_APPROVED);
    c = start(false, true, true);
    STEPS(&c, EVENT_ASKED, ACTION_PROMPT_FIRST, EVENT_UNREACHED, ACTION_NONE, EVENT_ENTER,
          ACTION_PROMPT_UNREACHED, EVENT_TYPED, ACTION_SEND_CODE);
    c = start(true, true, false); /* no code can be taken: only a phone that is opened by hand */
    STEPS(&c, EVENT_ASKED, ACTION_SHOW, EVENT_UNREACHED, ACTION_NONE, EVENT_APPROVED, ACTION_END);
    assert_int_equal(c.outcome, OUTCOME_APPROVED);
}

static struct conversation start_bound(bool waits, bool pinned)
{
    struct conversation c = start(waits, true, true);

    c.bound_way = true;
    c.bound = pinned;
    return c;
}

static void without_a_server_a_code_bound_to_the_host_is_asked_for(void **state)
{
    static const enum conversation_event lost[] = {EVENT_UNREACHABLE, EVENT_TIME_UP};

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct conversation c = start_bound(i == 0, false);

        STEPS(&c, (int)lost[i], ACTION_PROMPT_OFFLINE, EVENT_TYPED, ACTION_CHECK_CODE,
              EVENT_CODE_WRONG, ACTION_PROMPT_WRONG, EVENT_GARBLED, ACTION_PROMPT_WRONG,
              EVENT_TYPED, ACTION_CHECK_CODE, EVENT_CODE_WRONG, ACTION_END);
        assert_int_equal(c.outcome, OUTCOME_CODE_REFUSED);
        c = start_bound(i == 0, false);
        STEPS(&c, (int)lost[i], ACTION_PROMPT_OFFLINE, EVENT_TYPED, ACTION_CHECK_CODE, EVENT_CODE,
              ACTION_END);
        assert_int_equal(c.outcome, OUTCOME_CODE);
        c = start_bound(i == 0, false);
        STEPS(&c, (int)lost[i], ACTION_PROMPT_OFFLINE, EVENT_ENTER, ACTION_END);
        assert_int_equal(c.outcome, OUTCOME_NO_BACKEND);
    }
    /* While the code of the server's is checked, or the request waits. */
    struct conversation c = start_bound(false, false);
    STEPS(&c, EVENT_ASKED, ACTION_PROMPT_FIRST, EVENT_TYPED, ACTION_SEND_CODE, EVENT_CODE_LOST,
          ACTION_PROMPT_OFFLINE, EVENT_TYPED, ACTION_CHECK_CODE, EVENT_CODE_LOCKED, ACTION_END);
    assert_int_equal(c.outcome, OUTCOME_CODE_LOCKED);
    c = start_bound(true, false);
    STEPS(&c, EVENT_ASKED, ACTION_SHOW, EVENT_UNREACHABLE, ACTION_PROMPT_OFFLINE);
}

static void a_server_that_takes_no_more_for_now_is_no_lost_one(void **state)
{
    struct conversation c = start_bound(true, false);

    (void)state;
    STEPS(&c, EVENT_BUSY, ACTION_END);
    assert_int_equal(c.outcome, OUTCOME_BUSY);
    c = start_bound(false, false);
    STEPS(&c, EVENT_ASKED, ACTION_PROMPT_FIRST, EVENT_TYPED, ACTION_SEND_CODE, EVENT_BUSY,
          ACTION_END);
    assert_int_equal(c.outcome, OUTCOME_BUSY);
    c = start_bound(true, false);
    STEPS(&c, EVENT_ASKED, ACTION_SHOW, EVENT_EXPIRED, ACTION_RENEW, EVENT_BUSY, ACTION_END);
    assert_int_equal(c.outcome, OUTCOME_BUSY);
}

static void a_prompt_takes_the_codes_that_it_asked_for(void **state)
{
    struct conversation c = start_bound(false, false);

    (void)state;
    /* Typed at the prompt for the server's code: asked again, for one of the host's. */
    STEPS(&c, EVENT_ASKED, ACTION_PROMPT_FIRST, EVENT_UNREACHABLE, ACTION_KEEP, EVENT_TYPED,
          ACTION_PROMPT_OFFLINE, EVENT_TYPED, ACTION_CHECK_CODE);
    c = start_bound(false, false);
    STEPS(&c, EVENT_ASKED, ACTION_PROMPT_FIRST, EVENT_TYPED, ACTION_SEND_CODE);
    /* With trust = pinned all are of the host's, and need no request. */
    c = start_bound(false, true);
    STEPS(&c, EVENT_ASKED, ACTION_PROMPT_FIRST, EVENT_TYPED, ACTION_CHECK_CODE, EVENT_CODE,
          ACTION_END);
    c = start_bound(false, true);
    STEPS(&c, EVENT_ASKED, ACTION_PROMPT_FIRST, EVENT_EXPIRED, ACTION_KEEP, EVENT_TYPED,
          ACTION_CHECK_CODE);
    c = start_bound(false, true);
    STEPS(&c, EVENT_ASKED, ACTION_PROMPT_FIRST, EVENT_UNREACHABLE, ACTION_KEEP, EVENT_TYPED,
          ACTION_CHECK_CODE);
    c = start_bound(true, true);
    STEPS(&c, EVENT_ASKED, ACTION_SHOW, EVENT_EXPIRED, ACTION_PROMPT_EXPIRED, EVENT_TYPED,
          ACTION_CHECK_CODE);
}

static void after_a_denial_no_code_is_asked_for(void **state)
{
    static const enum conversation_event denials[] = {
        EVENT_DENIED,  EVENT_NOT_ME,  EVENT_WRONG_NUMBER, EVENT_INVALID,
        EVENT_REVOKED, EVENT_REFUSED, EVENT_BUSY};

    (void)state;
    for (size_t i = 0; i < COUNT(denials); i++) {
        for (int pinned = 0; pinned < 2; pinned++) {
            struct conversation c = start_bound(true, pinned != 0);
            STEPS(&c, EVENT_ASKED, ACTION_SHOW, (int)denials[i], ACTION_END);
            c = start_bound(false, pinned != 0);
            STEPS(&c, EVENT_ASKED, ACTION_PROMPT_FIRST, (int)denials[i], ACTION_KEEP, EVENT_TYPED,
                  ACTION_END);
        }
    }
}

static void after_the_deadline_nothing_is_drawn_any_more(void **state)
{
    struct conversation c = start(false, true, true);

    (void)state;
    STEPS(&c, EVENT_ASKED, ACTION_PROMPT_FIRST);
    steps(&c, LATE, (const int[]){EVENT_ENTER, ACTION_END, EVENT_NONE});
    assert_int_equal(c.outcome, OUTCOME_NO_ANSWER);
    c = start(true, true, true);
    STEPS(&c, EVENT_ASKED, ACTION_SHOW);
    steps(&c, LATE, (const int[]){EVENT_TIME_UP, ACTION_END, EVENT_NONE});
    assert_int_equal(c.outcome, OUTCOME_NO_ANSWER);
}

/* Every way through, so deep, in which nobody approved and no code was right. */
static void walk(struct conversation c, int depth, long *ends)
{
    for (int e = EVENT_ASKED; e < EVENT_COUNT; e++) {
        struct conversation next = c;
        enum conversation_action action;

        if (e == EVENT_APPROVED || e == EVENT_CODE)
            continue;
        action = conversation_step(&next, (enum conversation_event)e, NOW);
        if (action == ACTION_END || action == ACTION_REFUSE) {
            (*ends)++;
            if (next.outcome == OUTCOME_APPROVED || next.outcome == OUTCOME_CODE ||
                next.outcome == OUTCOME_NOT_ASKED)
                fail_msg("let in by event %d in state %d", e, (int)c.state);
        } else if (depth > 1) {
            walk(next, depth - 1, ends);
        }
    }
}

static void nobody_gets_in_without_an_approval_or_a_code(void **state)
{
    long ends = 0;

    (void)state;
    for (int flags = 0; flags < 8; flags++)
        walk(start((flags & 1) != 0, (flags & 2) != 0, (flags & 4) != 0), 6, &ends);
    for (int flags = 0; flags < 4; flags++)
        walk(start_bound((flags & 1) != 0, (flags & 2) != 0), 5, &ends);
    assert_true(ends > 10000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_cell_is_as_written_and_the_rest_refuse),
        cmocka_unit_test(an_empty_answer_is_never_consent),
        cmocka_unit_test(what_came_while_the_prompt_was_open_counts_when_it_is_answered),
        cmocka_unit_test(junk_wins_over_an_approval),
        cmocka_unit_test(three_wrong_codes_end_it),
        cmocka_unit_test(a_code_that_is_right_is_not_enough_without_its_token),
        cmocka_unit_test(an_expired_request_is_followed_by_one_for_a_code),
        cmocka_unit_test(where_no_code_can_be_taken_there_is_no_code_prompt),
        cmocka_unit_test(code_first_prompts_at_once),
        cmocka_unit_test(where_an_answer_erases_the_number_it_is_shown_again),
        cmocka_unit_test(a_phone_that_was_not_reached_is_not_waited_for),
        cmocka_unit_test(without_a_server_a_code_bound_to_the_host_is_asked_for),
        cmocka_unit_test(a_server_that_takes_no_more_for_now_is_no_lost_one),
        cmocka_unit_test(a_prompt_takes_the_codes_that_it_asked_for),
        cmocka_unit_test(after_a_denial_no_code_is_asked_for),
        cmocka_unit_test(after_the_deadline_nothing_is_drawn_any_more),
        cmocka_unit_test(nobody_gets_in_without_an_approval_or_a_code),
    };
    return cmocka_run_group_tests_name("conversation", tests, NULL, NULL);
}
