/* What `watch` tells of requests: new ones, changes, ends. */
#include <stdio.h>
#include <string.h>

#include "common/command.h"
#include "common/i18n.h"
#include "phone/terminal/screen.h"
#include "phone/terminal/watch.h"

/* One line of --json, or nothing. */
static void tell_json(const struct watch *w, const char *event, const struct sign_in *request)
{
    if (w->json)
        screen_json(json_pack("{s:s,s:o}", "event", event, "request", sign_in_json(request)));
}

void watch_tell(const struct watch *w, const char *text)
{
    if (w->json)
        screen_error(EXIT_OK, text);
    else
        printf("%s\n", text);
    fflush(stdout);
}

struct told *watch_told(struct watch *w, const struct sign_in *request)
{
    return &w->told[request - w->list.items];
}

bool watch_tell_change(struct watch *w, const struct sign_in *request)
{
    struct told *told = watch_told(w, request);
    bool news =
        strcmp(told->state, request->state) != 0 || strcmp(told->result, request->result) != 0;

    if (!news)
        return false;
    snprintf(told->state, sizeof(told->state), "%s", request->state);
    snprintf(told->result, sizeof(told->result), "%s", request->result);
    if (!strcmp(w->asking, request->id))
        watch_withdraw(w);
    else
        watch_leave_prompt(w);
    tell_json(w, sign_in_is_over(request) ? "end" : "change", request);
    if (!w->json)
        screen_end(request);
    return true;
}

bool watch_is_same(struct watch *w, const struct sign_in *request)
{
    char hash[BASE64URL_SHA256 + 1];
    return login_hash(request->details, request->details_len, hash) == 0 &&
           !strcmp(hash, watch_told(w, request)->details);
}

bool watch_tell_other(struct watch *w, const struct sign_in *request)
{
    struct told *told = watch_told(w, request);

    if (told->other)
        return false;
    told->other = told->left_alone = true;
    if (!strcmp(w->asking, request->id))
        watch_withdraw(w);
    else
        watch_leave_prompt(w);
    watch_tell(w, _("WARNING: the server changed what a request says after it came. It cannot be "
                    "approved here."));
    return true;
}

/* A request that is new to us. True where something was printed. */
static bool tell_new(struct watch *w, const struct sign_in *request)
{
    struct told *told = watch_told(w, request);
    char login[512];

    if (login_hash(request->details, request->details_len, told->details) < 0)
        told->details[0] = '\0';                /* the same as no others: not approved */
    if (sign_in_is_over(request) && w->first) { /* history */
        snprintf(told->state, sizeof(told->state), "%s", request->state);
        snprintf(told->result, sizeof(told->result), "%s", request->result);
        return false;
    }
    if (!sign_in_is_open(request))
        return watch_tell_change(w, request);
    snprintf(told->state, sizeof(told->state), "%s", request->state);
    tell_json(w, "request", request);
    if (w->json)
        return true;
    if (!watch_can_ask(w)) {
        screen_request(stdout, request);
    } else if (*w->asking) {
        watch_leave_prompt(w);
        screen_login(request, login, sizeof(login));
        printf(_("Another request waits: %s\n"), login);
    }
    return *w->asking != '\0';
}

/* A request that was listed before. True where something was printed. */
static bool tell_again(struct watch *w, const struct sign_in *request, const struct sign_in *old)
{
    *watch_told(w, request) = w->told_before[old - w->before.items];
    return watch_is_same(w, request) ? watch_tell_change(w, request) : watch_tell_other(w, request);
}

/* What is gone from the list without a word of how it ended. */
static void drop_vanished(struct watch *w)
{
    if (*w->asking && !sign_ins_find(&w->list, w->asking)) {
        watch_withdraw(w);
        watch_tell(w, _("The request is not listed any more."));
    }
}

void watch_take_list(struct watch *w, const struct handset_answer *answer, bool printed)
{
    sign_ins_free(&w->before);
    w->before = w->list;
    memcpy(w->told_before, w->told, sizeof(w->told));
    memset(w->told, 0, sizeof(w->told));
    w->list.count = 0;
    if (sign_ins_read(&w->handset, answer, &w->list) < 0) {
        if (*w->asking)
            watch_withdraw(w);
        w->exit_code = screen_error(
            EXIT_FAILED, _("The server's list of requests cannot be read: update this program."));
        w->done = true;
        return;
    }
    if (w->list.strange > w->before.strange)
        watch_tell(w,
                   _("A request was left out: it is damaged, or made for another user or server."));
    for (size_t i = w->list.count; i-- > 0;) { /* the newest last, nearest to the prompt */
        const struct sign_in *request = &w->list.items[i];
        const struct sign_in *old = sign_ins_find(&w->before, request->id);
        printed |= old ? tell_again(w, request, old) : tell_new(w, request);
    }
    drop_vanished(w);
    w->first = false;
    if (printed && *w->asking)
        watch_prompt(w, sign_ins_find(&w->list, w->asking));
}
