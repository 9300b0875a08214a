/* sandbox.c - rlimits, prctl, Landlock and seccomp of the signer process.
 *
 * The happy path is a kernel that has all four. Failure modes: no Landlock (older than 5.13, or
 * switched off: gone on without, as the filter and the file modes remain); no seccomp (refused:
 * what is promised must be there). */
#include "sandbox.h"

#include <errno.h>
#include <linux/landlock.h>
#include <seccomp.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED 1
#else
#define SANITIZED 0
#endif

/* All that answering a request does: packets, files of the keys, memory, time, randomness, and the
 * C library's way out. */
static const int allowed[] = {
    SCMP_SYS(recvmsg),       SCMP_SYS(sendmsg),
    SCMP_SYS(read),          SCMP_SYS(pread64),
    SCMP_SYS(write),         SCMP_SYS(writev),
    SCMP_SYS(pwrite64),      SCMP_SYS(lseek),
    SCMP_SYS(openat),        SCMP_SYS(close),
    SCMP_SYS(fstat),         SCMP_SYS(newfstatat),
    SCMP_SYS(statx),         SCMP_SYS(fsync),
    SCMP_SYS(fdatasync),     SCMP_SYS(linkat),
    SCMP_SYS(renameat),      SCMP_SYS(renameat2),
    SCMP_SYS(unlinkat),      SCMP_SYS(ftruncate),
    SCMP_SYS(fchmod),        SCMP_SYS(fcntl),
    SCMP_SYS(brk),           SCMP_SYS(munmap),
    SCMP_SYS(mremap),        SCMP_SYS(madvise),
    SCMP_SYS(mlock),         SCMP_SYS(munlock),
    SCMP_SYS(clock_gettime), SCMP_SYS(clock_nanosleep),
    SCMP_SYS(getrandom),     SCMP_SYS(futex),
    SCMP_SYS(getpid),        SCMP_SYS(gettid),
    SCMP_SYS(rt_sigreturn),  SCMP_SYS(rt_sigprocmask),
    SCMP_SYS(tgkill),        SCMP_SYS(restart_syscall),
    SCMP_SYS(exit),          SCMP_SYS(exit_group),
};

/* Where a library or a sanitizer needs calls of its own: what a process that signs never does. */
static const int refused[] = {
    SCMP_SYS(execve),
    SCMP_SYS(execveat),
    SCMP_SYS(fork),
    SCMP_SYS(vfork),
    SCMP_SYS(ptrace),
    SCMP_SYS(process_vm_readv),
    SCMP_SYS(process_vm_writev),
    SCMP_SYS(listen),
    SCMP_SYS(accept),
    SCMP_SYS(accept4),
    SCMP_SYS(bpf),
    SCMP_SYS(perf_event_open),
    SCMP_SYS(io_uring_setup),
    SCMP_SYS(mount),
    SCMP_SYS(setuid),
};

static enum ak_code close_memory(struct ak_error *err)
{
    const struct rlimit none = {0, 0};

    if (setrlimit(RLIMIT_CORE, &none) != 0)
        return ak_fail_errno(err, errno, "switch off core files");
    if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0)
        return ak_fail_errno(err, errno, "close the process's memory to others");
    return AK_OK;
}

enum ak_code ak_sandbox_undumpable(struct ak_error *err)
{
    return SANITIZED ? AK_OK : close_memory(err); /* leaks are looked for by ptrace, at the end */
}

/* Files beneath the directory only, and there no more than the keys need. Rights of later kernels
 * than the first are not named: a name that an older one does not know would refuse everything. */
static void stay_beneath(int dir_fd, int read_fd)
{
    const uint64_t all =
        LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_READ_FILE |
        LANDLOCK_ACCESS_FS_READ_DIR | LANDLOCK_ACCESS_FS_REMOVE_DIR |
        LANDLOCK_ACCESS_FS_REMOVE_FILE | LANDLOCK_ACCESS_FS_MAKE_CHAR |
        LANDLOCK_ACCESS_FS_MAKE_DIR | LANDLOCK_ACCESS_FS_MAKE_REG | LANDLOCK_ACCESS_FS_MAKE_SOCK |
        LANDLOCK_ACCESS_FS_MAKE_FIFO | LANDLOCK_ACCESS_FS_MAKE_BLOCK | LANDLOCK_ACCESS_FS_MAKE_SYM;
    const struct landlock_ruleset_attr ruleset = {.handled_access_fs = all};
    const struct landlock_path_beneath_attr keys = {
        .allowed_access = LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_READ_FILE |
                          LANDLOCK_ACCESS_FS_READ_DIR | LANDLOCK_ACCESS_FS_REMOVE_FILE |
                          LANDLOCK_ACCESS_FS_MAKE_REG,
        .parent_fd = dir_fd};
    const struct landlock_path_beneath_attr credentials = {
        .allowed_access = LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR,
        .parent_fd = read_fd};
    long fd = syscall(SYS_landlock_create_ruleset, &ruleset, sizeof(ruleset), 0);

    if (fd < 0)
        return;
    if (syscall(SYS_landlock_add_rule, fd, LANDLOCK_RULE_PATH_BENEATH, &keys, 0) == 0 &&
        (read_fd < 0 ||
         syscall(SYS_landlock_add_rule, fd, LANDLOCK_RULE_PATH_BENEATH, &credentials, 0) == 0))
        (void)syscall(SYS_landlock_restrict_self, fd, 0);
    (void)close((int)fd);
}

/* Memory that is never executable: a rule on the third argument of both calls. */
static int allow_memory(scmp_filter_ctx filter)
{
    int rc = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(mmap), 1,
                              SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));

    if (rc == 0)
        rc = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(mprotect), 1,
                              SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
    return rc;
}

static int fill(scmp_filter_ctx filter, bool strict)
{
    const int *calls = strict ? allowed : refused;
    size_t count = strict ? sizeof(allowed) / sizeof(int) : sizeof(refused) / sizeof(int);
    uint32_t action = strict ? SCMP_ACT_ALLOW : SCMP_ACT_ERRNO(EPERM);
    int rc = strict ? allow_memory(filter) : 0;

    for (size_t i = 0; i < count && rc == 0; i++)
        rc = seccomp_rule_add(filter, action, calls[i], 0);
    return rc;
}

static enum ak_code load_filter(bool strict, struct ak_error *err)
{
    scmp_filter_ctx filter = seccomp_init(strict ? SCMP_ACT_ERRNO(EPERM) : SCMP_ACT_ALLOW);
    int rc;

    if (filter == NULL)
        return ak_fail(err, AK_ENOMEM, "no memory for the system call filter");
    rc = fill(filter, strict);
    if (rc == 0)
        rc = seccomp_load(filter);
    seccomp_release(filter);
    return rc == 0 ? AK_OK : ak_fail_errno(err, -rc, "load the system call filter (seccomp)");
}

enum ak_code ak_sandbox_enter(int dir_fd, int read_fd, bool foreign, struct ak_error *err)
{
    bool strict = !SANITIZED && !foreign;
    enum ak_code rc = close_memory(err);

    if (rc != AK_OK)
        return rc;
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
        return ak_fail_errno(err, errno, "give up new privileges");
    if (strict)
        stay_beneath(dir_fd, read_fd);
    return load_filter(strict, err);
}
