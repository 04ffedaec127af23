/* The conversation with one caller, as a table: {state, event} -> {action, next state}. It draws
 * and sends nothing itself. */
#ifndef CONVERSATION_H
#define CONVERSATION_H

#include <stdbool.h>
#include <stdint.h>

#include "common/outcome.h"

#define CONVERSATION_PROMPTS 5 /* at most */
#define CONVERSATION_CODES 3   /* wrong ones that end it */

enum conversation_state {
    STATE_ASKING,        /* the server is being asked */
    STATE_PROMPT,        /* a prompt is open: nothing can be drawn */
    STATE_HOLD,          /* waiting for the phone */
    STATE_CHECKING,      /* a code is being checked */
    STATE_COLLECTING,    /* the code was right: its token is on the way */
    STATE_RENEWING,      /* a request for a code only is being made */
    STATE_RENEWING_CODE, /* the same, and the code for it was typed already */
    STATE_ENDED,
    STATE_COUNT
};

enum conversation_event {
    EVENT_NONE,
    /* The server's first answer. conversation_step makes the finer ones of EVENT_ASKED. */
    EVENT_ASKED,
    EVENT_PHONE_PROMPT, /* a phone was asked, and a prompt comes first */
    EVENT_PHONE_WAIT,   /* a phone was asked, and we wait for it */
    EVENT_CODE_ONLY,
    EVENT_NO_WAY, /* neither phone nor code */
    /* What the caller did. */
    EVENT_ENTER,           /* an empty answer */
    EVENT_ENTER_ALONE,     /* an empty answer where no phone can answer */
    EVENT_ENTER_UNREACHED, /* an empty answer, and no phone has got the request */
    EVENT_ENTER_ERASED,    /* an empty answer, and with it the number has left the screen */
    EVENT_TYPED,           /* six digits */
    EVENT_TYPED_LATE,      /* six digits for a request that expired while the prompt was open */
    EVENT_TYPED_BOUND,     /* six digits that this host checks alone */
    EVENT_ENTER_OFFLINE,   /* an empty answer, and the server cannot be reached */
    EVENT_GARBLED,         /* something else */
    EVENT_JUNK,            /* control characters */
    EVENT_KEY,
    /* Time. */
    EVENT_TIME_UP,     /* of this wait */
    EVENT_OUT_OF_TIME, /* of all */
    /* What became of the request. */
    EVENT_UNREACHED, /* no phone can have got it; one that is opened by hand still can answer */
    EVENT_APPROVED,
    EVENT_CODE, /* answered by a code */
    EVENT_DENIED,
    EVENT_NOT_ME,
    EVENT_WRONG_NUMBER,
    EVENT_INVALID,
    EVENT_EXPIRED,
    EVENT_EXPIRED_BOUND, /* the same, and codes need no request */
    EVENT_NO_ANSWER,     /* expired, and no code can be taken */
    EVENT_REVOKED,
    EVENT_UNREACHABLE,
    EVENT_OFFLINE, /* the server cannot be reached, and this host can check codes alone */
    EVENT_BUSY,    /* the server takes no more for now; it can be reached */
    EVENT_REFUSED,
    /* What became of a code. */
    EVENT_CODE_TAKEN,
    EVENT_CODE_WRONG,
    EVENT_CODE_REFUSED, /* wrong once too often */
    EVENT_CODE_LOCKED,
    EVENT_CODE_LOST,
    EVENT_COUNT
};

enum conversation_action {
    ACTION_REFUSE, /* an empty cell of the table: it ends, OUTCOME_INTERNAL */
    ACTION_KEEP,   /* nothing now: it counts when the prompt is answered */
    ACTION_NONE,   /* nothing */
    ACTION_SHOW,   /* the number as text, then wait */
    ACTION_WAIT,   /* wait again */
    ACTION_PROMPT_FIRST,
    ACTION_PROMPT_AGAIN,
    ACTION_PROMPT_KEY,
    ACTION_PROMPT_TIME_UP,
    ACTION_PROMPT_NO_PHONE,
    ACTION_PROMPT_UNREACHED,
    ACTION_PROMPT_EXPIRED,
    ACTION_PROMPT_OFFLINE, /* the request is given up first */
    ACTION_PROMPT_WRONG,
    ACTION_SEND_CODE,
    ACTION_CHECK_CODE, /* here: EVENT_CODE, EVENT_CODE_WRONG or EVENT_CODE_LOCKED follows */
    ACTION_COLLECT,    /* wait for the token */
    ACTION_RENEW,      /* a new request, for a code only */
    ACTION_END,        /* see conversation.outcome */
};

struct conversation {
    enum conversation_state state;
    enum conversation_event kept; /* came while the prompt was open, or EVENT_NONE */
    int prompts, wrong;
    bool waits;           /* show = wait */
    bool code_first;      /* prompt at once */
    bool erases;          /* an answer takes the texts off the screen */
    bool phone;           /* a phone can answer the request; set before EVENT_ASKED */
    bool codes;           /* a code can; set before EVENT_ASKED */
    bool unreached;       /* no phone has got the request */
    bool bound_way;       /* this host can check codes bound to it */
    bool bound;           /* those are what the prompts ask for */
    bool offline;         /* the server cannot be reached */
    int64_t deadline;     /* of all, clock_mono_ms */
    enum outcome outcome; /* after ACTION_END and ACTION_REFUSE */
};

/* Takes an event. now: clock_mono_ms. The caller carries the action out. */
enum conversation_action conversation_step(struct conversation *conversation,
                                           enum conversation_event event, int64_t now);

/* The table's cell, for tests. */
enum conversation_action conversation_cell(enum conversation_state state,
                                           enum conversation_event event,
                                           enum conversation_state *next);

#endif
