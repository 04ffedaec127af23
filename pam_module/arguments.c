#include <string.h>
#include <syslog.h>

#include "common/frame.h"
#include "pam_module/module.h"
#include "pam_module/report.h"

static void set_socket(struct arguments *arguments, const char *value)
{
    arguments->socket = value;
}

static void set_debug(struct arguments *arguments, const char *value)
{
    (void)value;
    arguments->debug = true;
}

static void set_check_publickey(struct arguments *arguments, const char *value)
{
    (void)value;
    arguments->check_publickey = true;
}

/* A name that ends in '=' is followed by a value. */
static const struct {
    const char *name;
    void (*set)(struct arguments *arguments, const char *value);
} table[] = {
    {"socket=", set_socket},
    {"debug", set_debug},
    {"check=publickey", set_check_publickey},
};

static int set_argument(struct arguments *arguments, const char *text)
{
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        size_t len = strlen(table[i].name);
        bool has_value = table[i].name[len - 1] == '=';
        if (strncmp(text, table[i].name, len) == 0 && (has_value || text[len] == 0)) {
            table[i].set(arguments, text + len);
            return 0;
        }
    }
    return -1;
}

int arguments_read(pam_handle_t *pamh, int argc, const char **argv, struct arguments *arguments)
{
    *arguments = (struct arguments){.socket = FRAME_SOCKET};
    for (int i = 0; i < argc; i++) {
        if (set_argument(arguments, argv[i]) != 0) {
            report(pamh, LOG_ERR,
                   "refused: unknown argument \"%.80s\" on the PAM line "
                   "(known: socket=PATH, debug, check=publickey)",
                   argv[i]);
            return -1;
        }
    }
    return 0;
}
