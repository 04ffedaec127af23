#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/log.h"
#include "common/sanitize.h"
#include "helper/session.h"

/* A name must be shown as it is: it is refused, not repaired. */
static bool take_name(char *out, size_t size, const char *name)
{
    bool fits = name[0] != 0 && strlen(name) < size && sanitize_is_clean(name);

    sanitize_text(out, size, name);
    return fits;
}

static bool read_start(struct session *session, const struct frame *frame, char *command,
                       size_t size)
{
    const char *service = frame_get(frame, "service"), *user = frame_get(frame, "user");
    const char *locale = frame_get(frame, "locale");
    bool trusted = session->uid == 0;
    long version, keys = 0;

    if (frame_get_number(frame, "version", 1, 1, &version) != 0 || service == NULL ||
        user == NULL || service[0] == 0 || user[0] == 0)
        return false;
    if (frame_get(frame, "keys") != NULL && frame_get_number(frame, "keys", 0, 1, &keys) != 0)
        return false;
    session->keys = keys == 1;
    session->locale_told = locale != NULL && i18n_find(locale, &session->language);
    if (!take_name(session->login.service, sizeof session->login.service, service) ||
        !take_name(session->login.user, sizeof session->login.user, user))
        session->refusal = OUTCOME_NOT_ALLOWED;
    /* Where a login comes from is never for an unprivileged peer to say. */
    sanitize_text(session->login.rhost, sizeof session->login.rhost,
                  trusted ? frame_get(frame, "rhost") : "");
    sanitize_text(session->login.tty, sizeof session->login.tty,
                  trusted ? frame_get(frame, "tty") : "");
    snprintf(command, size, "%s",
             trusted && frame_get(frame, "command") != NULL ? frame_get(frame, "command") : "");
    return true;
}

/* Somebody must be there, and the number must be seen, or nobody can give it. */
static bool refuse_unseen(struct session *session)
{
    const struct policy *policy = &session->policy;
    char why[256];

    if ((policy->profile->flags & PROFILE_NOBODY) != 0) {
        snprintf(why, sizeof why,
                 "nobody is there to answer for %s: take pam_approve.so out of its stack, or say "
                 "ask = no in [service %s]",
                 session->login.service, session->login.service);
        session_finish(session, OUTCOME_BAD_CONFIG, why);
        return true;
    }
    if ((policy->profile->flags & PROFILE_BLIND) == 0 || policy->number == NUMBER_OFF)
        return false;
    snprintf(why, sizeof why,
             "%s shows no text, so nobody sees the number: say number = off in [service %s]",
             session->login.service, session->login.service);
    session_finish(session, OUTCOME_BAD_CONFIG, why);
    return true;
}

static void decide(struct session *session, const struct policy_caller *caller)
{
    struct login *login = &session->login;
    char why[160];

    if (policy_excepts(&session->policy, caller, why, sizeof why)) {
        session_finish(session, OUTCOME_NOT_ASKED, why);
        return;
    }
    if (recent_has(session->helper->recent, login->user, login->service, login->rhost,
                   clock_mono_ms())) {
        session_finish(session, OUTCOME_REFUSED_LATELY, "");
        return;
    }
    if (!refuse_unseen(session))
        session_talk(session);
}

static void on_looked_up(void *arg, const struct lookup_result *result)
{
    struct session *session = arg;
    struct policy_caller caller = {.user = session->login.user,
                                   .known = result->status == LOOKUP_FOUND,
                                   .rhost = session->login.rhost,
                                   .groups = result->groups,
                                   .group_count = result->group_count};

    session->lookup = NULL;
    if (caller.known)
        strcpy(session->login.user, result->user);
    if (session->uid != 0 && (!caller.known || result->uid != session->uid))
        session_finish(session, OUTCOME_NOT_ALLOWED, "a user may ask for himself only");
    else if (session->policy.ask == ASK_CALLER && !caller.known)
        session_finish(session, OUTCOME_NOT_ALLOWED, "ask = caller, and who calls is not known");
    else
        decide(session, &caller);
}

/* Whose phone rings: with `ask = caller` of the user who calls, which is then the login's user for
 * all that follows; the one that he becomes is a part of the command. */
static bool choose_user(struct session *session, const char *ruser)
{
    struct login *login = &session->login;
    char target[sizeof login->user];

    if (session->policy.ask != ASK_CALLER)
        return true;
    strcpy(target, login->user);
    if (ruser == NULL || !take_name(login->user, sizeof login->user, ruser)) {
        session_finish(session, OUTCOME_NOT_ALLOWED, "ask = caller, and nobody says who calls");
        return false;
    }
    if (strcmp(target, login->user) != 0)
        policy_command_as(login->service, target, login->command);
    return true;
}

static void look_up(struct session *session)
{
    char **groups = policy_groups(&session->policy);

    session->phase = SESSION_LOOKING_UP;
    event_del(session->timer); /* the look-up has a deadline of its own */
    if (groups != NULL)
        session->lookup = lookup_start(session->helper->lookups, session->uid, session->login.user,
                                       groups, on_looked_up, session);
    policy_groups_free(groups);
    if (session->lookup == NULL)
        session_finish(session, OUTCOME_INTERNAL, "no memory for a look-up");
}

void session_start(struct session *session, const struct frame *frame)
{
    char why[512] = "", command[FRAME_MAX];

    if (!read_start(session, frame, command, sizeof command)) {
        session_drop(session, "a START that is not understood from");
        return;
    }
    if (session->uid != 0 && session->refusal == OUTCOME_COUNT &&
        (profile_find(session->login.service)->flags & PROFILE_SELF) == 0) {
        session_finish(session, OUTCOME_NOT_ALLOWED, "only root may ask for this service");
        return;
    }
    if (session->refusal == OUTCOME_COUNT &&
        !quota_start(session->helper->quotas, session->uid, clock_mono_ms()))
        session->refusal = OUTCOME_BUSY;
    if (session->refusal != OUTCOME_COUNT) {
        session_finish(session, session->refusal, "");
        return;
    }
    session->host = host_file_get(session->helper->host_file, why, sizeof why);
    if (session->host == NULL) {
        session_finish(session, OUTCOME_BAD_CONFIG, why);
        return;
    }
    policy_find(session->host, session->login.service, &session->policy);
    if (!session->locale_told && session->policy.language != NULL)
        i18n_find(session->policy.language, &session->language);
    policy_command(session->policy.command, session->policy.profile->command, command,
                   session->login.command);
    if (choose_user(session, session->uid == 0 ? frame_get(frame, "ruser") : NULL))
        look_up(session);
}
