/*
 * Authenticates by PAM: pam_time SERVICE USER COUNT. Prints when each pam_authenticate returned, in
 * nanoseconds of CLOCK_MONOTONIC; then, on a line, what the module left in this process: threads
 * more than one, children, descriptors more than before.
 */
#include <dirent.h>
#include <err.h>
#include <errno.h>
#include <security/pam_appl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <syslog.h>
#include <time.h>

/* Shows nothing; an empty line is typed at each prompt. */
static int converse(int count, const struct pam_message **messages, struct pam_response **answers,
                    void *arg)
{
    (void)arg;
    *answers = calloc((size_t)count, sizeof **answers);
    for (int i = 0; *answers && i < count; i++)
        if (messages[i]->msg_style == PAM_PROMPT_ECHO_ON ||
            messages[i]->msg_style == PAM_PROMPT_ECHO_OFF)
            (*answers)[i].resp = strdup("");
    return *answers ? PAM_SUCCESS : PAM_BUF_ERR;
}

static int count_entries(const char *path)
{
    DIR *folder = opendir(path);
    int count = 0;
    if (!folder)
        err(1, "%s", path);
    while (readdir(folder))
        count++;
    closedir(folder);
    return count;
}

static void authenticate(const char *service, const char *user)
{
    const struct pam_conv conversation = {converse, NULL};
    struct timespec time;
    pam_handle_t *pam;
    int result = pam_start(service, user, &conversation, &pam);
    if (result == PAM_SUCCESS)
        result = pam_set_item(pam, PAM_RHOST, "192.0.2.1");
    if (result == PAM_SUCCESS)
        result = pam_authenticate(pam, 0);
    clock_gettime(CLOCK_MONOTONIC, &time);
    if (result != PAM_SUCCESS)
        errx(1, "%s", pam_strerror(pam, result));
    printf("%lld%09ld\n", (long long)time.tv_sec, time.tv_nsec);
    pam_end(pam, PAM_SUCCESS);
}

int main(int argc, char **argv)
{
    int descriptors;

    openlog("pam_time", LOG_NDELAY, LOG_AUTH); /* as sshd has it open: pam_syslog uses it */
    descriptors = count_entries("/proc/self/fd");
    if (argc != 4)
        errx(2, "usage: pam_time SERVICE USER COUNT");
    for (int i = atoi(argv[3]); i > 0; i--)
        authenticate(argv[1], argv[2]);
    int threads = count_entries("/proc/self/task") - 3; /* this one, and two dots */
    int children = waitpid(-1, NULL, WNOHANG) < 0 && errno == ECHILD ? 0 : 1;
    printf("%d %d %d\n", threads, children, count_entries("/proc/self/fd") - descriptors);
    return 0;
}
