/* activity, device, remove: what the server knows of this device and its user. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/i18n.h"
#include "common/json_text.h"
#include "common/sanitize.h"
#include "phone/terminal/api.h"
#include "phone/terminal/ask.h"
#include "phone/terminal/commands.h"
#include "phone/terminal/screen.h"

/* A copy of the members named, strings made safe; for people and for --json alike. */
static json_t *clean_members(const json_t *from, const char *const names[])
{
    json_t *to = json_object();
    for (size_t i = 0; names[i]; i++) {
        const json_t *value = json_object_get(from, names[i]);
        char text[320];
        if (json_is_string(value)) {
            sanitize_text(text, sizeof(text), json_string_value(value));
            json_object_set_new(to, names[i], json_string(text));
        } else if (json_is_integer(value) || json_is_boolean(value)) {
            json_object_set(to, names[i], (json_t *)value);
        }
    }
    return to;
}

static json_t *clean_list(const json_t *from, const char *const names[])
{
    json_t *to = json_array(), *entry;
    size_t index;
    json_array_foreach(from, index, entry) json_array_append_new(to, clean_members(entry, names));
    return to;
}

static const char *text_of(const json_t *object, const char *name)
{
    const char *text = json_string_value(json_object_get(object, name));
    return text ? text : "";
}

static void print_activity(const json_t *list)
{
    json_t *entry;
    size_t index;

    if (json_array_size(list) == 0)
        printf(_("Nothing so far.\n"));
    json_array_foreach(list, index, entry)
    {
        const char *state = text_of(entry, "state"), *result = text_of(entry, "result");
        const char *rhost = text_of(entry, "rhost"), *device = text_of(entry, "device");
        const char *host = text_of(entry, "host_name");
        char at[32];
        screen_time(json_integer_value(json_object_get(entry, "at")), at, sizeof(at));
        printf("%-16s  %s, %s, %s: ", at, *host ? host : text_of(entry, "host"),
               text_of(entry, "service"), *rhost ? rhost : _("the host itself"));
        screen_in(screen_mood_of(state, result), screen_result(state, result));
        if (*device)
            printf(_(" (%s on %s)"), text_of(entry, "method"), device);
        else if (*text_of(entry, "method"))
            printf(" (%s)", text_of(entry, "method"));
        printf("\n");
    }
}

int phone_activity(const struct command_call *call)
{
    static const char *const names[] = {"at",    "host",   "host_name", "service", "rhost",
                                        "state", "result", "method",    "device",  NULL};
    const char *limit = command_value(call, "--limit");
    char *end = "";
    long count = limit ? strtol(limit, &end, 10) : 20;
    struct handset handset;
    struct handset_answer answer;
    int code;

    if (*end || count < 1 || count > 100)
        return screen_error(EXIT_USAGE, _("--limit takes 1 to 100."));
    code = handset_open(call, &handset);
    if (code != EXIT_OK)
        return code;
    if (handset_call(&handset, "activity", json_pack("{s:i}", "limit", (int)count), 30, &answer)) {
        json_t *list = clean_list(json_object_get(answer.body, "activity"), names);
        if (command_value(call, "--json")) {
            code = screen_json(list);
        } else {
            print_activity(list);
            json_decref(list);
        }
    } else {
        code = screen_error(answer.exit_code, answer.problem);
    }
    handset_answer_free(&answer);
    handset_free(&handset);
    return code;
}

static void print_devices(const json_t *devices)
{
    json_t *entry;
    size_t index;

    json_array_foreach(devices, index, entry)
    {
        bool on = json_is_true(json_object_get(entry, "enabled"));
        bool ours = json_is_true(json_object_get(entry, "this"));
        printf("%s %-24s %-9s ", ours ? "*" : " ", text_of(entry, "name"),
               text_of(entry, "platform"));
        screen_in(on ? MOOD_GOOD : MOOD_BAD, on ? _("on") : _("off"));
        printf("\n");
    }
}

static int print_device(const json_t *body, bool json)
{
    static const char *const own[] = {"device", "name",    "enabled", "user",
                                      "server", "push_ok", "minimum", NULL};
    static const char *const each[] = {"device", "name",  "platform", "enabled",
                                       "this",   "added", "seen",     NULL};
    json_t *device = clean_members(body, own);
    json_t *devices = clean_list(json_object_get(body, "devices"), each);

    json_object_set_new(device, "devices", devices);
    if (json)
        return screen_json(device);
    printf(_("%s at %s\n"), text_of(device, "user"), text_of(device, "server"));
    print_devices(devices);
    if (!json_is_true(json_object_get(device, "enabled")))
        printf(_("This device receives no sign-in requests. Turn them on with: approve-phone "
                 "device --on\n"));
    json_decref(device);
    return EXIT_OK;
}

/* The changes that the options ask for, or NULL with a message. */
static json_t *device_changes(const struct command_call *call)
{
    const char *name = command_value(call, "--name");
    bool on = command_value(call, "--on") != NULL, off = command_value(call, "--off") != NULL;
    json_t *changes = json_object();

    if (on && off) {
        screen_error(EXIT_USAGE, _("Either --on or --off."));
        goto failed;
    }
    if (name && (!*name || strlen(name) > 64 ||
                 json_object_set_new(changes, "name", json_string(name)) < 0)) {
        screen_error(EXIT_USAGE, _("--name has 1 to 64 bytes of UTF-8."));
        goto failed;
    }
    if (on || off)
        json_object_set_new(changes, "enabled", json_boolean(on));
    return changes;
failed:
    json_decref(changes);
    return NULL;
}

int phone_device(const struct command_call *call)
{
    struct handset handset;
    struct handset_answer answer;
    json_t *changes = device_changes(call);
    int code = changes ? handset_open(call, &handset) : EXIT_USAGE;

    if (code != EXIT_OK) {
        json_decref(changes);
        return code;
    }
    if (handset_call(&handset, "device", changes, 30, &answer))
        code = print_device(answer.body, command_value(call, "--json") != NULL);
    else
        code = screen_error(answer.exit_code, answer.problem);
    handset_answer_free(&answer);
    handset_free(&handset);
    return code;
}

int phone_remove(const struct command_call *call)
{
    struct handset handset;
    struct handset_answer answer;
    int code = handset_open(call, &handset);

    if (code != EXIT_OK)
        return code;
    printf(_("This device will no longer approve sign-ins of %s, and its codes will not count.\n"),
           handset.user);
    if (!command_value(call, "--yes") && !ask_yes(_("Remove it? [y/N] "))) {
        handset_free(&handset);
        return screen_error(EXIT_FAILED, _("Nothing was removed. Without a terminal, say --yes."));
    }
    if (handset_call(&handset, "remove", NULL, 30, &answer) ||
        !strcmp(answer.error, "unknown_device")) {
        handset_delete(handset.dir);
        printf(_("Removed.\n"));
    } else {
        code = screen_error(answer.exit_code, answer.problem);
        screen_error(code, _("The key was kept, so that you can try again."));
    }
    handset_answer_free(&answer);
    handset_free(&handset);
    return code;
}
