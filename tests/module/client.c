#include "tests/module/client.h"

#include <fcntl.h>
#include <ftw.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

#define SERVICE "approve-test"

static char folder[FOLDER_SIZE], socket_path[FOLDER_SIZE + 16], module_path[512];
static pid_t owner;
const char client_no_answer[] = "";
static struct result *current;
static int think_ms;

static void add(char *text, size_t size, const char *prefix, const char *more)
{
    size_t len = strlen(text);

    snprintf(text + len, size - len, "%s%s|", prefix, more);
}

/* Stand in for libc's, which libpam calls. */
void __syslog_chk(int priority, int flag, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
void __syslog_chk(int priority, int flag, const char *format, ...)
{
    char line[4096];
    va_list list;

    (void)priority, (void)flag;
    va_start(list, format);
    vsnprintf(line, sizeof line, format, list);
    va_end(list);
    if (current != NULL)
        add(current->log, sizeof current->log, "", line);
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    (void)st, (void)type, (void)ftw;
    return remove(path);
}

static void remove_folder(void)
{
    if (getpid() == owner)
        nftw(folder, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

void client_setup(void)
{
    const char *build = getenv("B");
    char here[256];

    strcpy(folder, "/tmp/approve-module-XXXXXX");
    if (mkdtemp(folder) == NULL || getcwd(here, sizeof here) == NULL) {
        perror("client_setup");
        exit(1);
    }
    owner = getpid();
    atexit(remove_folder);
    snprintf(socket_path, sizeof socket_path, "%s/helper.sock", folder);
    snprintf(module_path, sizeof module_path, "%s/%s/pam_approve.so", here,
             build != NULL ? build : "build");
}

const char *client_folder(void)
{
    return folder;
}

const char *client_socket(void)
{
    return socket_path;
}

const char *client_module(void)
{
    return module_path;
}

int64_t client_now(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int client_inherited_files(void)
{
    int count = 0;

    for (int fd = 0; fd < 256; fd++)
        count += fcntl(fd, F_GETFD) == 0;
    return count;
}

static void note_files(void)
{
    current->standard_files = 0;
    for (int fd = 0; fd <= STDERR_FILENO; fd++)
        current->standard_files += fcntl(fd, F_GETFD) >= 0;
    current->inherited_files = client_inherited_files();
}

static int converse(int count, const struct pam_message **messages, struct pam_response **responses,
                    void *data)
{
    const char *const **next = data;

    *responses = calloc((size_t)count, sizeof **responses);
    if (*responses == NULL)
        return PAM_BUF_ERR;
    note_files();
    for (int i = 0; i < count; i++) {
        static const char *const prefixes[] = {[PAM_PROMPT_ECHO_OFF] = "H:",
                                               [PAM_PROMPT_ECHO_ON] = "P:",
                                               [PAM_ERROR_MSG] = "E:",
                                               [PAM_TEXT_INFO] = "I:"};
        int style = messages[i]->msg_style;
        add(current->drawn, sizeof current->drawn, prefixes[style], messages[i]->msg);
        if (style == PAM_ERROR_MSG || style == PAM_TEXT_INFO)
            continue;
        usleep((useconds_t)think_ms * 1000);
        if (**next == NULL) {
            free(*responses);
            *responses = NULL;
            return PAM_CONV_ERR;
        }
        if (**next != client_no_answer)
            (*responses)[i].resp = strdup(**next);
        (*next)++;
    }
    return PAM_SUCCESS;
}

/* In the place of libpam's sleep. */
static void keep_delay(int code, unsigned usec, void *data)
{
    (void)code, (void)data;
    if ((int)(usec / 1000) > current->delay_ms)
        current->delay_ms = (int)(usec / 1000);
}

static void write_service(const char *name, const char *stack)
{
    char path[FOLDER_SIZE + 32];
    FILE *file;

    snprintf(path, sizeof path, "%s/%s", folder, name);
    file = fopen(path, "w");
    if (file == NULL)
        abort();
    if (stack != NULL)
        fputs(stack, file);
    else
        fprintf(file,
                "auth required %s socket=%s\npassword required %s socket=%s\n"
                "password required pam_permit.so\n",
                module_path, socket_path, module_path, socket_path);
    fclose(file);
}

static void set_item(pam_handle_t *pamh, int item, const void *value)
{
    if (value != NULL && pam_set_item(pamh, item, value) != PAM_SUCCESS)
        abort();
}

void client_login(const struct login *login, struct result *result)
{
    const char *const *next = login->answers;
    struct pam_conv conversation = {converse, &next};
    pam_handle_t *pamh = NULL;
    int64_t start;

    memset(result, 0, sizeof *result);
    current = result;
    think_ms = login->think_ms;
    write_service("other", "auth required pam_deny.so\n"); /* or libpam logs that it is missing */
    write_service(SERVICE, login->stack);
    if (pam_start_confdir(SERVICE, login->user != NULL ? login->user : "alice", &conversation,
                          folder, &pamh) != PAM_SUCCESS)
        abort();
    set_item(pamh, PAM_RHOST, login->rhost);
    set_item(pamh, PAM_RUSER, login->ruser);
    set_item(pamh, PAM_TTY, login->tty);
    set_item(pamh, PAM_FAIL_DELAY, (const void *)(uintptr_t)keep_delay);
    for (int i = 0; i < 3 && login->environment[i] != NULL; i++)
        pam_putenv(pamh, login->environment[i]);
    start = client_now();
    result->code =
        login->change ? pam_chauthtok(pamh, login->flags) : pam_authenticate(pamh, login->flags);
    if (login->again)
        result->code = pam_authenticate(pamh, login->flags);
    result->ms = client_now() - start;
    pam_end(pamh, result->code);
    current = NULL;
}
