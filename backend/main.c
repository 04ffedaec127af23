#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "backend/program.h"
#include "backend/server.h"
#include "common/i18n.h"
#include "common/random.h"

#define CONFIG_PATH SYSCONFDIR "/approve/server.conf"

const char *program_config_path(const struct command_call *call)
{
    const char *path = command_value(call, "--config");
    return path ? path : CONFIG_PATH;
}

struct config *program_config(const struct command_call *call)
{
    const char *path = program_config_path(call);
    char why[512] = "";
    struct stat st;
    struct config *config;
    bool there = stat(path, &st) == 0;
    if (!there && errno == ENOENT && !command_value(call, "--config")) {
        config = config_parse(path, "", server_options, why, sizeof why);
    } else {
        /* Someone who tries it out without being root has a file of their own. */
        bool own = there && geteuid() != 0 && st.st_uid == geteuid();
        config = config_read(path, own ? FILE_SECRET_OF_CALLER : FILE_OF_ROOT, server_options, why,
                             sizeof why);
    }
    if (!config)
        fprintf(stderr, "approve-server: %s\n", why);
    return config;
}

int main(int argc, char **argv)
{
    secret_keep();
    i18n_start();
    return command_main(&server_program, argc, argv);
}
