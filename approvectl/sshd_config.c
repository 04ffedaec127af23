#include "approvectl/sshd_config.h"

#include <ctype.h>
#include <errno.h>
#include <glob.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "approvectl/run.h"
#include "common/i18n.h"
#include "common/sanitize.h"

#define SSHD "/usr/sbin/sshd"
#define OUTPUT_MAX 65536

static const struct {
    const char *keyword;
    size_t offset, size;
} keywords[] = {
#define KEYWORD(keyword, member)                                                                   \
    {                                                                                              \
        keyword, offsetof(struct sshd_config, member), sizeof(((struct sshd_config *)0)->member)   \
    }
    KEYWORD("usepam", use_pam),
    KEYWORD("kbdinteractiveauthentication", kbd_interactive),
    KEYWORD("passwordauthentication", password),
    KEYWORD("pubkeyauthentication", pubkey),
    KEYWORD("hostbasedauthentication", hostbased),
    KEYWORD("gssapiauthentication", gssapi),
    KEYWORD("permitrootlogin", permit_root),
    KEYWORD("authenticationmethods", methods),
    KEYWORD("logingracetime", grace),
#undef KEYWORD
};

static void parse_line(const char *line, size_t len, struct sshd_config *config)
{
    size_t word = strcspn(line, " \n");

    for (size_t i = 0; i < sizeof(keywords) / sizeof(keywords[0]); i++) {
        if (word < len && strlen(keywords[i].keyword) == word &&
            !strncasecmp(line, keywords[i].keyword, word)) {
            snprintf((char *)config + keywords[i].offset, keywords[i].size, "%.*s",
                     (int)(len - word - 1), line + word + 1);
        }
    }
}

void sshd_config_parse(const char *text, struct sshd_config *config)
{
    for (const char *line = text; *line; line += strcspn(line, "\n") + (strchr(line, '\n') != NULL))
        parse_line(line, strcspn(line, "\n"), config);
    config->read = *config->use_pam && *config->methods;
    if (!config->read)
        snprintf(config->why, sizeof(config->why), _("sshd -T does not say all that is needed"));
}

/* True where a line of the file begins with Match. */
static bool file_has_match(const char *path)
{
    char line[1024];
    bool found = false;
    FILE *file = fopen(path, "re");

    while (file && !found && fgets(line, sizeof(line), file)) {
        const char *word = line + strspn(line, " \t");
        found = !strncasecmp(word, "match", 5) && isspace((unsigned char)word[5]);
    }
    if (file)
        fclose(file);
    return found;
}

static bool any_match(void)
{
    glob_t files;
    bool found = file_has_match("/etc/ssh/sshd_config");

    if (glob("/etc/ssh/sshd_config.d/*.conf", 0, NULL, &files) == 0) {
        for (size_t i = 0; i < files.gl_pathc && !found; i++)
            found = file_has_match(files.gl_pathv[i]);
        globfree(&files);
    }
    return found;
}

void sshd_config_read(struct sshd_config *config, const char *user)
{
    char login[128];
    const char *const argv[] = {SSHD, "-T", user ? "-C" : NULL, login, NULL};
    char *text = calloc(1, OUTPUT_MAX + 1);

    memset(config, 0, sizeof(*config));
    snprintf(login, sizeof(login), "user=%s,host=localhost,addr=127.0.0.1", user ? user : "");
    if (!text)
        return;
    if (run_program(argv, text, OUTPUT_MAX) == 0) {
        sshd_config_parse(text, config);
    } else {
        text[strcspn(text, "\r\n")] = '\0';
        sanitize_text(config->why, sizeof(config->why), text);
    }
    config->has_match = any_match();
    free(text);
}

int sshd_config_test(char *why, size_t why_size)
{
    static const char *const argv[] = {SSHD, "-t", NULL};
    char said[1024];

    if (run_program(argv, said, sizeof(said)) == 0)
        return 0;
    said[strcspn(said, "\r\n")] = '\0';
    snprintf(why, why_size, _("sshd -t: %s"), said);
    return -1;
}

/* systemd knows sshd by one of two names. NULL: it does not run. */
static const char *running_unit(void)
{
    static const char *const units[] = {"ssh.service", "sshd.service"};
    char said[256];

    for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
        const char *const argv[] = {"/bin/systemctl", "--quiet", "is-active", units[i], NULL};
        if (run_program(argv, said, sizeof(said)) == 0)
            return units[i];
    }
    return NULL;
}

/* The process that listens, by its own file; 0 where there is none. */
static pid_t running_process(void)
{
    char path[64], line[32] = "", name[32] = "";
    FILE *file = fopen("/run/sshd.pid", "re");
    long pid = 0;

    if (file) {
        if (fgets(line, sizeof(line), file))
            pid = strtol(line, NULL, 10);
        fclose(file);
    }
    snprintf(path, sizeof(path), "/proc/%ld/comm", pid);
    file = pid > 1 ? fopen(path, "re") : NULL;
    if (file) {
        if (!fgets(name, sizeof(name), file))
            *name = '\0';
        fclose(file);
    }
    return !strcmp(name, "sshd\n") ? (pid_t)pid : 0;
}

int sshd_config_reload(char *why, size_t why_size)
{
    const struct timespec moment = {0, 300000000};
    const char *unit = run_has_systemd() ? running_unit() : NULL;
    pid_t pid = run_has_systemd() ? 0 : running_process();
    const char *const argv[] = {"/bin/systemctl", "reload-or-restart", unit, NULL};

    if (!unit && pid == 0)
        return 0;
    if (sshd_config_test(why, why_size) < 0)
        return -1;
    if (unit && run_program(argv, why, why_size) != 0) {
        why[strcspn(why, "\r\n")] = '\0';
        return -1;
    }
    if (pid && kill(pid, SIGHUP) < 0) {
        snprintf(why, why_size, "sshd (%ld): %s", (long)pid, strerror(errno));
        return -1;
    }
    nanosleep(&moment, NULL); /* on SIGHUP it starts itself anew */
    return 0;
}

/* The methods that AuthenticationMethods = any allows, where they are on. */
static const struct {
    const char *method;
    size_t offset;
} single[] = {
    {"publickey", offsetof(struct sshd_config, pubkey)},
    {"hostbased", offsetof(struct sshd_config, hostbased)},
    {"gssapi-with-mic", offsetof(struct sshd_config, gssapi)},
    {"keyboard-interactive", offsetof(struct sshd_config, kbd_interactive)},
    {"password", offsetof(struct sshd_config, password)},
};

static bool is_on(const struct sshd_config *config, size_t index)
{
    return !strcmp((const char *)config + single[index].offset, "yes");
}

bool sshd_config_next_methods(const struct sshd_config *config, size_t *place, char *list,
                              size_t size)
{
    const char *at;

    if (!strcmp(config->methods, "any")) {
        while (*place < sizeof(single) / sizeof(single[0]) && !is_on(config, *place))
            ++*place;
        if (*place == sizeof(single) / sizeof(single[0]))
            return false;
        snprintf(list, size, "%s", single[(*place)++].method);
        return true;
    }
    at = config->methods + *place;
    at += strspn(at, " ");
    if (!*at)
        return false;
    snprintf(list, size, "%.*s", (int)strcspn(at, " "), at);
    *place = (size_t)(at - config->methods) + strcspn(at, " ");
    return true;
}

bool sshd_config_has_method(const char *list, const char *method)
{
    size_t len = strlen(method);

    for (const char *word = list; *word; word += strcspn(word, ",") + (strchr(word, ',') != NULL)) {
        if (!strncmp(word, method, len) && (!word[len] || strchr(",:", word[len])))
            return true;
    }
    return false;
}
