/* Which PAM stacks there are, and which of them name pam_approve.so. */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "approvectl/check.h"
#include "approvectl/check_follow.h"
#include "helper/profile.h"

char *check_load(void *arg, const char *name)
{
    const struct check *check = arg;
    char *text;

    if (check->new_service && !strcmp(name, check->new_service))
        return strdup(check->new_text);
    text = pam_stack_load_file((void *)(uintptr_t)check->pam_dir, name);
    if (!text && *name != '/' && !strcmp(check->pam_dir, PAM_DIR))
        text = pam_stack_load_file((void *)(uintptr_t)PAM_VENDOR_DIR, name);
    return text;
}

static bool names_module(const struct pam_stack *stack)
{
    for (size_t i = 0; i < stack->count; i++) {
        if (!strcmp(stack->lines[i].module, CHECK_MODULE))
            return true;
    }
    return false;
}

/* True where another stack includes this file: it is a part, not a service. Some, as login and su,
 * are both. */
static bool is_part(struct pam_stack *const stacks[], size_t count, const char *name)
{
    if (profile_is_known(name))
        return !strcmp(name, "other"); /* libpam's own, for services without a file */
    for (size_t i = 0; i < count; i++) {
        for (size_t j = 0; strcmp(stacks[i]->service, name) != 0 && j < stacks[i]->count; j++) {
            const char *slash = strrchr(stacks[i]->lines[j].file, '/');
            if (!strcmp(slash ? slash + 1 : stacks[i]->lines[j].file, name))
                return true;
        }
    }
    return false;
}

/* As libpam-runtime, editors and a killed approvectl leave them: no service is called so. */
static bool is_left_over(const char *name)
{
    static const char *const ends[] = {".orig", ".new", ".bak", ".rpmsave", ".rpmnew"};
    size_t len = strlen(name);

    for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
        if (len > strlen(ends[i]) && !strcmp(name + len - strlen(ends[i]), ends[i]))
            return true;
    }
    return *name == '.' || strchr(name, '~') || (len > 4 && strstr(name, ".dpkg-"));
}

static int by_service(const void *a, const void *b)
{
    return strcmp((*(struct pam_stack *const *)a)->service,
                  (*(struct pam_stack *const *)b)->service);
}

static bool is_read(struct pam_stack *const stacks[], size_t count, const char *service)
{
    for (size_t i = 0; i < count; i++) {
        if (!strcmp(stacks[i]->service, service))
            return true;
    }
    return false;
}

static void read_service(struct check *check, const char *service, struct pam_stack *all[],
                         size_t *count)
{
    struct pam_stack *stack;

    if (is_left_over(service) || is_read(all, *count, service))
        return;
    stack = malloc(sizeof(*stack));
    if (stack && pam_stack_read(stack, service, check_load, check) < 0) {
        free(stack);
    } else if (stack && *count < CHECK_STACKS) {
        all[(*count)++] = stack;
    } else {
        if (!*check->left_out)
            snprintf(check->left_out, sizeof(check->left_out), "%s", service);
        free(stack);
    }
}

static void read_folder(struct check *check, const char *folder, struct pam_stack *all[],
                        size_t *count)
{
    DIR *dir = opendir(folder);
    struct dirent *entry;

    while (dir && (entry = readdir(dir)))
        read_service(check, entry->d_name, all, count);
    if (dir)
        closedir(dir);
}

void check_read_stacks(struct check *check)
{
    struct pam_stack *all[CHECK_STACKS] = {NULL};
    bool part[CHECK_STACKS];
    size_t count = 0;

    if (check->new_service)
        read_service(check, check->new_service, all, &count);
    read_folder(check, check->pam_dir, all, &count);
    if (!strcmp(check->pam_dir, PAM_DIR))
        read_folder(check, PAM_VENDOR_DIR, all, &count);
    qsort(all, count, sizeof(all[0]), by_service);
    for (size_t i = 0; i < count; i++)
        part[i] = is_part(all, count, all[i]->service);
    for (size_t i = 0; i < count; i++) {
        if (part[i])
            free(all[i]);
        else if (names_module(all[i]))
            check->stacks[check->stack_count++] = all[i];
        else
            check->others[check->other_count++] = all[i];
    }
}

const struct pam_stack *check_find_stack(const struct check *check, const char *service)
{
    for (size_t i = 0; i < check->stack_count; i++) {
        if (!strcmp(check->stacks[i]->service, service))
            return check->stacks[i];
    }
    return NULL;
}
