#include "approvectl/ctl.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/frame.h"
#include "common/i18n.h"
#include "common/sanitize.h"

int ctl_error(int exit_code, const char *text)
{
    char clean[1024];

    sanitize_text(clean, sizeof(clean), text);
    fflush(stdout);
    fprintf(stderr, "approvectl: %s\n", clean);
    return exit_code;
}

int ctl_json(json_t *value)
{
    char *text = value ? json_dumps(value, JSON_COMPACT | JSON_ENSURE_ASCII) : NULL;

    json_decref(value);
    if (!text)
        return ctl_error(EXIT_FAILED, _("Out of memory."));
    printf("%s\n", text);
    free(text);
    return EXIT_OK;
}

const char *ctl_config(const struct command_call *call)
{
    const char *path = command_value(call, "--config");
    return path ? path : HOST_CONF;
}

const char *ctl_socket(const struct command_call *call)
{
    const char *path = command_value(call, "--socket");
    return path ? path : FRAME_SOCKET;
}

void ctl_paint(char colour, const char *text)
{
    const char *code = colour == 'r'   ? "\033[31m"
                       : colour == 'g' ? "\033[32m"
                       : colour == 'y' ? "\033[33m"
                                       : "\033[1m";
    char clean[2048];

    sanitize_text(clean, sizeof(clean), text);
    if (command_colour(STDOUT_FILENO))
        printf("%s%s\033[0m", code, clean);
    else
        printf("%s", clean);
}
