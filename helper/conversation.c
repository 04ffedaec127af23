#include "helper/conversation.h"

struct cell {
    enum conversation_action action;
    enum conversation_state next;
};

#define END                                                                                        \
    {                                                                                              \
        ACTION_END, STATE_ENDED                                                                    \
    }
#define KEEP                                                                                       \
    {                                                                                              \
        ACTION_KEEP, STATE_PROMPT                                                                  \
    }
#define OFFLINE                                                                                    \
    {                                                                                              \
        ACTION_PROMPT_OFFLINE, STATE_PROMPT                                                        \
    }

/* What can become of a request, wherever it can be told at once. */
#define ENDINGS                                                                                    \
    [EVENT_APPROVED] = END, [EVENT_CODE] = END, [EVENT_DENIED] = END, [EVENT_NOT_ME] = END,        \
    [EVENT_WRONG_NUMBER] = END, [EVENT_INVALID] = END, [EVENT_NO_ANSWER] = END,                    \
    [EVENT_REVOKED] = END, [EVENT_UNREACHABLE] = END, [EVENT_OFFLINE] = OFFLINE,                   \
    [EVENT_BUSY] = END, [EVENT_REFUSED] = END, [EVENT_OUT_OF_TIME] = END

/* clang-format off */
static const struct cell table[STATE_COUNT][EVENT_COUNT] = {
    [STATE_ASKING] = {
        [EVENT_PHONE_PROMPT] = {ACTION_PROMPT_FIRST, STATE_PROMPT},
        [EVENT_PHONE_WAIT] = {ACTION_SHOW, STATE_HOLD},
        [EVENT_CODE_ONLY] = {ACTION_PROMPT_NO_PHONE, STATE_PROMPT},
        [EVENT_NO_WAY] = END,
        [EVENT_UNREACHABLE] = END,
        [EVENT_OFFLINE] = OFFLINE,
        [EVENT_BUSY] = END,
        [EVENT_REFUSED] = END,
        [EVENT_TIME_UP] = END,
        [EVENT_OUT_OF_TIME] = END,
    },
    [STATE_PROMPT] = {
        [EVENT_ENTER] = {ACTION_WAIT, STATE_HOLD},
        [EVENT_ENTER_ALONE] = {ACTION_PROMPT_AGAIN, STATE_PROMPT},
        [EVENT_ENTER_UNREACHED] = {ACTION_PROMPT_UNREACHED, STATE_PROMPT},
        [EVENT_ENTER_ERASED] = {ACTION_SHOW, STATE_HOLD},
        [EVENT_UNREACHED] = {ACTION_NONE, STATE_PROMPT},
        [EVENT_TYPED] = {ACTION_SEND_CODE, STATE_CHECKING},
        [EVENT_TYPED_LATE] = {ACTION_RENEW, STATE_RENEWING_CODE},
        [EVENT_TYPED_BOUND] = {ACTION_CHECK_CODE, STATE_CHECKING},
        [EVENT_ENTER_OFFLINE] = END,
        [EVENT_GARBLED] = {ACTION_PROMPT_WRONG, STATE_PROMPT},
        [EVENT_CODE_REFUSED] = END,
        [EVENT_JUNK] = END,
        [EVENT_OUT_OF_TIME] = END,
        [EVENT_APPROVED] = KEEP, [EVENT_CODE] = KEEP, [EVENT_DENIED] = KEEP, [EVENT_NOT_ME] = KEEP,
        [EVENT_WRONG_NUMBER] = KEEP, [EVENT_INVALID] = KEEP, [EVENT_EXPIRED] = KEEP, [EVENT_EXPIRED_BOUND] = KEEP,
        [EVENT_NO_ANSWER] = KEEP, [EVENT_REVOKED] = KEEP, [EVENT_UNREACHABLE] = KEEP, [EVENT_OFFLINE] = KEEP, [EVENT_BUSY] = KEEP, [EVENT_REFUSED] = KEEP,
    },
    [STATE_HOLD] = {
        ENDINGS,
        [EVENT_KEY] = {ACTION_PROMPT_KEY, STATE_PROMPT},
        [EVENT_TIME_UP] = {ACTION_PROMPT_TIME_UP, STATE_PROMPT},
        [EVENT_UNREACHED] = {ACTION_PROMPT_UNREACHED, STATE_PROMPT},
        [EVENT_NONE] = {ACTION_NONE, STATE_HOLD},
        [EVENT_EXPIRED] = {ACTION_RENEW, STATE_RENEWING},
        [EVENT_EXPIRED_BOUND] = {ACTION_PROMPT_EXPIRED, STATE_PROMPT},
    },
    [STATE_CHECKING] = {
        ENDINGS,
        [EVENT_CODE_TAKEN] = {ACTION_COLLECT, STATE_COLLECTING},
        [EVENT_CODE_WRONG] = {ACTION_PROMPT_WRONG, STATE_PROMPT},
        [EVENT_CODE_REFUSED] = END,
        [EVENT_CODE_LOCKED] = END,
        [EVENT_CODE_LOST] = END,
        [EVENT_UNREACHED] = {ACTION_NONE, STATE_CHECKING},
        [EVENT_EXPIRED] = {ACTION_RENEW, STATE_RENEWING_CODE},
        [EVENT_TIME_UP] = END,
    },
    [STATE_COLLECTING] = {
        ENDINGS,
        [EVENT_UNREACHED] = {ACTION_NONE, STATE_COLLECTING},
        [EVENT_EXPIRED] = END,
        [EVENT_TIME_UP] = END,
    },
    [STATE_RENEWING] = {
        [EVENT_CODE_ONLY] = {ACTION_PROMPT_EXPIRED, STATE_PROMPT},
        [EVENT_NO_WAY] = END,
        [EVENT_UNREACHABLE] = END,
        [EVENT_OFFLINE] = OFFLINE,
        [EVENT_BUSY] = END,
        [EVENT_REFUSED] = END,
        [EVENT_TIME_UP] = END,
        [EVENT_OUT_OF_TIME] = END,
    },
    [STATE_RENEWING_CODE] = {
        [EVENT_CODE_ONLY] = {ACTION_SEND_CODE, STATE_CHECKING},
        [EVENT_NO_WAY] = END,
        [EVENT_UNREACHABLE] = END,
        [EVENT_OFFLINE] = OFFLINE,
        [EVENT_BUSY] = END,
        [EVENT_REFUSED] = END,
        [EVENT_TIME_UP] = END,
        [EVENT_OUT_OF_TIME] = END,
    },
};

static const enum outcome outcomes[EVENT_COUNT] = {
    [EVENT_NO_WAY] = OUTCOME_NO_ANSWER,
    [EVENT_ENTER_OFFLINE] = OUTCOME_NO_BACKEND,
    [EVENT_JUNK] = OUTCOME_BAD_ANSWER,
    [EVENT_TIME_UP] = OUTCOME_NO_BACKEND,
    [EVENT_OUT_OF_TIME] = OUTCOME_NO_ANSWER,
    [EVENT_APPROVED] = OUTCOME_APPROVED,
    [EVENT_CODE] = OUTCOME_CODE,
    [EVENT_DENIED] = OUTCOME_DENIED,
    [EVENT_NOT_ME] = OUTCOME_NOT_ME,
    [EVENT_WRONG_NUMBER] = OUTCOME_WRONG_NUMBER,
    [EVENT_INVALID] = OUTCOME_INVALID_APPROVAL,
    [EVENT_EXPIRED] = OUTCOME_NO_ANSWER,
    [EVENT_NO_ANSWER] = OUTCOME_NO_ANSWER,
    [EVENT_REVOKED] = OUTCOME_REVOKED,
    [EVENT_UNREACHABLE] = OUTCOME_NO_BACKEND,
    [EVENT_BUSY] = OUTCOME_BUSY,
    [EVENT_REFUSED] = OUTCOME_BACKEND_REFUSED,
    [EVENT_CODE_REFUSED] = OUTCOME_CODE_REFUSED,
    [EVENT_CODE_LOCKED] = OUTCOME_CODE_LOCKED,
    [EVENT_CODE_LOST] = OUTCOME_NO_BACKEND,
};
/* clang-format on */

enum conversation_action conversation_cell(enum conversation_state state,
                                           enum conversation_event event,
                                           enum conversation_state *next)
{
    const struct cell *cell = &table[state][event];

    *next = cell->action != ACTION_REFUSE ? cell->next : STATE_ENDED;
    return cell->action;
}

static enum conversation_event first_event(const struct conversation *conversation)
{
    if (!conversation->phone)
        return conversation->codes ? EVENT_CODE_ONLY : EVENT_NO_WAY;
    if (conversation->waits && !(conversation->code_first && conversation->codes))
        return EVENT_PHONE_WAIT;
    return EVENT_PHONE_PROMPT;
}

/* The events that depend on more than themselves, as the table has them. */
static enum conversation_event refine(struct conversation *conversation,
                                      enum conversation_event event, int64_t now)
{
    switch (event) {
    case EVENT_ASKED:
        return first_event(conversation);
    case EVENT_EXPIRED:
        conversation->phone = false;
        if (conversation->bound)
            return EVENT_EXPIRED_BOUND;
        return conversation->codes ? EVENT_EXPIRED : EVENT_NO_ANSWER;
    case EVENT_UNREACHED:
        conversation->unreached = true;
        /* Where no code can be taken, a phone that is opened by hand is the only way. */
        if (conversation->state == STATE_HOLD && !conversation->codes)
            return EVENT_NONE;
        break;
    case EVENT_TYPED:
        if (!conversation->codes)
            event = EVENT_ENTER; /* there is nobody to check it */
        else if (conversation->bound)
            return EVENT_TYPED_BOUND;
        break;
    case EVENT_GARBLED:
        if (!conversation->codes)
            event = EVENT_ENTER;
        else if (++conversation->wrong >= CONVERSATION_CODES)
            event = EVENT_CODE_REFUSED;
        break;
    case EVENT_CODE_WRONG:
        return ++conversation->wrong >= CONVERSATION_CODES ? EVENT_CODE_REFUSED : event;
    case EVENT_UNREACHABLE:
    case EVENT_CODE_LOST:
        return conversation->bound_way ? EVENT_OFFLINE : event;
    case EVENT_TIME_UP:
        if (conversation->bound_way && conversation->state != STATE_HOLD)
            return EVENT_OFFLINE; /* the server's answer did not come */
        /* A wait that ends in a code prompt, where no code can be taken, is the end. */
        if (conversation->state == STATE_HOLD && conversation->waits && !conversation->codes)
            return EVENT_OUT_OF_TIME;
        break;
    default:
        break;
    }
    if (event == EVENT_ENTER && conversation->offline)
        return EVENT_ENTER_OFFLINE;
    if (event == EVENT_ENTER && !conversation->phone)
        event = EVENT_ENTER_ALONE;
    else if (event == EVENT_ENTER && conversation->unreached && conversation->codes)
        event = EVENT_ENTER_UNREACHED;
    else if (event == EVENT_ENTER && conversation->erases)
        event = EVENT_ENTER_ERASED;
    if (((event >= EVENT_ENTER && event <= EVENT_ENTER_ERASED) ||
         (event == EVENT_TIME_UP && conversation->state == STATE_HOLD)) &&
        now >= conversation->deadline)
        event = EVENT_OUT_OF_TIME;
    return event;
}

static bool is_answer(enum conversation_event event)
{
    return event == EVENT_ENTER || event == EVENT_TYPED || event == EVENT_GARBLED;
}

static bool is_prompt(enum conversation_action action)
{
    return action >= ACTION_PROMPT_FIRST && action <= ACTION_PROMPT_WRONG;
}

/* What came while the prompt was open counts now, as if no prompt had been there. */
static enum conversation_event take_kept(struct conversation *conversation,
                                         enum conversation_event event)
{
    enum conversation_event kept = conversation->kept;

    conversation->kept = EVENT_NONE;
    if (kept == EVENT_EXPIRED && event == EVENT_TYPED)
        return EVENT_TYPED_LATE;
    if ((kept == EVENT_EXPIRED_BOUND || kept == EVENT_OFFLINE) && event == EVENT_TYPED &&
        conversation->bound)
        return EVENT_TYPED_BOUND;
    conversation->state = STATE_HOLD;
    return kept;
}

enum conversation_action conversation_step(struct conversation *conversation,
                                           enum conversation_event event, int64_t now)
{
    enum conversation_action action;

    if (conversation->state == STATE_PROMPT && conversation->kept != EVENT_NONE && is_answer(event))
        event = take_kept(conversation, event);
    else
        event = refine(conversation, event, now);
    action = conversation_cell(conversation->state, event, &conversation->state);
    if (action == ACTION_KEEP)
        conversation->kept = event;
    if (action == ACTION_PROMPT_OFFLINE) {
        conversation->phone = false;
        conversation->offline = conversation->bound = conversation->codes = true;
    }
    if (is_prompt(action) && ++conversation->prompts > CONVERSATION_PROMPTS) {
        event = EVENT_OUT_OF_TIME;
        action = ACTION_END;
        conversation->state = STATE_ENDED;
    }
    if (action == ACTION_END)
        conversation->outcome = outcomes[event];
    if (action == ACTION_REFUSE)
        conversation->outcome = OUTCOME_INTERNAL;
    return action;
}
