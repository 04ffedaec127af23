/* seccomp(2) through libseccomp, by the table in syscalls.def. */
#include "common/seccomp_filter.h"

#if !defined __SANITIZE_ADDRESS__ && !defined WITHOUT_SECCOMP_FILTER

#include <errno.h>
#include <sched.h>
#include <seccomp.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/i18n.h"

enum action { ALLOW, CHECKED, KILL };

static const struct row {
    const char *name;
    enum action action;
} rows[] = {
#define SYSCALL(name, action) {#name, action},
#include "common/syscalls.def"
#undef SYSCALL
};

#define EXECUTABLE_MEMORY (PROT_WRITE | PROT_EXEC)

/* Allows, or forbids, one call where its arguments fit one condition. A rule for a call that this
 * machine does not know is no error. */
static int when(scmp_filter_ctx filter, uint32_t action, const char *name,
                struct scmp_arg_cmp condition)
{
    int number = seccomp_syscall_resolve_name(name);

    return number == __NR_SCMP_ERROR
               ? 0
               : seccomp_rule_add_array(filter, action, number, 1, &condition);
}

/* Families that systemd's RestrictAddressFamilies= would leave; resolvers ask for others, and do
 * without when they get an error. */
static int add_sockets(scmp_filter_ctx filter)
{
    static const unsigned families[] = {AF_UNIX, AF_INET, AF_INET6};
    int failed = 0;

    for (size_t i = 0; i < sizeof families / sizeof *families; i++)
        failed |= when(filter, SCMP_ACT_ALLOW, "socket", SCMP_A0(SCMP_CMP_EQ, families[i], 0));
    return failed;
}

/* What libraries ask of a descriptor. Nothing that types into a terminal. */
static int add_ioctls(scmp_filter_ctx filter)
{
    static const unsigned long requests[] = {FIONBIO, FIONREAD, FIOCLEX, TCGETS, TIOCGWINSZ};
    int failed = 0;

    for (size_t i = 0; i < sizeof requests / sizeof *requests; i++)
        failed |= when(filter, SCMP_ACT_ALLOW, "ioctl",
                       SCMP_A1(SCMP_CMP_MASKED_EQ, 0xffffffff, requests[i]));
    return failed;
}

/*
 * The rows marked CHECKED. Memory is never writable and executable, nor made executable later: code
 * comes from files, as when glibc loads a module for look-ups. A clone is a thread; glibc tries
 * clone3 first, whose flags a filter can't see, and goes on with clone after ENOSYS. A signal goes
 * to ourselves, as by abort(). Limits are read, not set.
 */
static int add_checked(scmp_filter_ctx filter)
{
    int failed = 0;

    for (int bits = 0; bits <= EXECUTABLE_MEMORY; bits += PROT_WRITE)
        if (bits == 0 || bits == PROT_WRITE || bits == PROT_EXEC)
            failed |= when(filter, SCMP_ACT_ALLOW, "mmap",
                           SCMP_A2(SCMP_CMP_MASKED_EQ, EXECUTABLE_MEMORY, (scmp_datum_t)bits));
    failed |= when(filter, SCMP_ACT_KILL_PROCESS, "mmap",
                   SCMP_A2(SCMP_CMP_MASKED_EQ, EXECUTABLE_MEMORY, EXECUTABLE_MEMORY));
    failed |= when(filter, SCMP_ACT_ALLOW, "mprotect", SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
    failed |= when(filter, SCMP_ACT_KILL_PROCESS, "mprotect",
                   SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, PROT_EXEC));
    failed |= when(filter, SCMP_ACT_ALLOW, "clone",
                   SCMP_A0(SCMP_CMP_MASKED_EQ, CLONE_THREAD, CLONE_THREAD));
    failed |=
        when(filter, SCMP_ACT_KILL_PROCESS, "clone", SCMP_A0(SCMP_CMP_MASKED_EQ, CLONE_THREAD, 0));
    failed |=
        when(filter, SCMP_ACT_ALLOW, "tgkill", SCMP_A0(SCMP_CMP_EQ, (scmp_datum_t)getpid(), 0));
    failed |= when(filter, SCMP_ACT_ALLOW, "prlimit64", SCMP_A2(SCMP_CMP_EQ, 0, 0));
    return failed | add_sockets(filter) | add_ioctls(filter);
}

static int add_rows(scmp_filter_ctx filter)
{
    int failed = 0;

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        int number = seccomp_syscall_resolve_name(rows[i].name);

        if (number == __NR_SCMP_ERROR || rows[i].action == CHECKED)
            continue;
        failed |= seccomp_rule_add(
            filter, rows[i].action == ALLOW ? SCMP_ACT_ALLOW : SCMP_ACT_KILL_PROCESS, number, 0);
    }
    return failed;
}

int seccomp_filter_load(char *why, size_t why_size)
{
    scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ERRNO(ENOSYS));
    int error = -ENOMEM, result = -1;

    if (filter == NULL)
        goto out;
    error = seccomp_attr_set(filter, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS);
    if (error == 0)
        error = add_rows(filter);
    if (error == 0)
        error = add_checked(filter);
    /* A binary tree: the calls of a busy loop come after few comparisons. */
    if (error == 0)
        error = seccomp_attr_set(filter, SCMP_FLTATR_CTL_OPTIMIZE, 2);
    if (error == 0)
        error = seccomp_load(filter);
    if (error == 0)
        result = 0;
out:
    if (result < 0)
        snprintf(why, why_size, _("the system call filter (seccomp) can't be loaded: %s"),
                 strerror(error < 0 ? -error : error));
    if (filter != NULL)
        seccomp_release(filter);
    return result;
}

#else

int seccomp_filter_load(char *why, size_t why_size)
{
    (void)why, (void)why_size;
    return 0;
}

#endif
