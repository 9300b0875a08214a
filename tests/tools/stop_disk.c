/* stop_disk.c - a process that stands still at one step of its work on the disk: loaded with
 * LD_PRELOAD in front of akashi-collector, it counts the calls that change files and stops the
 * process (SIGSTOP) before the n-th, so that a test can look at the disk as it is then, and end it
 * there. Nothing is read once the program has begun: the signer process may open no file.
 *
 *     AKASHI_STOP=WHO N     WHO is signer (the process of the keys) or collector (all the others)
 *
 * Counted are writes through writev, syncs, links, renames, removals, cuts. */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

#define SIGNER_WORD "signer-process" /* AK_KEY_PROCESS_WORD */

static atomic_long left; /* calls until it stops; never reaches 0 if nothing was ordered */

/* Arguments of the program; which process this is. */
__attribute__((constructor)) static void begin(int argc, char **argv, char **env)
{
    const char *order = getenv("AKASHI_STOP");
    const char *word = argc > 1 && strcmp(argv[1], SIGNER_WORD) == 0 ? "signer " : "collector ";

    (void)env;
    atomic_store(&left, -1);
    if (order != NULL && strncmp(order, word, strlen(word)) == 0)
        atomic_store(&left, strtol(order + strlen(word), NULL, 10));
}

static void step(void)
{
    if (atomic_load(&left) > 0 && atomic_fetch_sub(&left, 1) == 1)
        (void)raise(SIGSTOP);
}

ssize_t writev(int fd, const struct iovec *iov, int count);
ssize_t writev(int fd, const struct iovec *iov, int count)
{
    struct stat st;

    if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode))
        step();
    return (ssize_t)syscall(SYS_writev, fd, iov, count);
}

#define STEP(name, parameters, ...)                                                                \
    int name parameters;                                                                           \
    int name parameters                                                                            \
    {                                                                                              \
        step();                                                                                    \
        return (int)syscall(__VA_ARGS__);                                                          \
    }

STEP(fsync, (int fd), SYS_fsync, fd)
STEP(fdatasync, (int fd), SYS_fdatasync, fd)
STEP(ftruncate, (int fd, off_t len), SYS_ftruncate, fd, len)
STEP(linkat, (int from_fd, const char *from, int to_fd, const char *to, int flags), SYS_linkat,
     from_fd, from, to_fd, to, flags)
STEP(renameat, (int from_fd, const char *from, int to_fd, const char *to), SYS_renameat, from_fd,
     from, to_fd, to)
STEP(renameat2, (int from_fd, const char *from, int to_fd, const char *to, unsigned flags),
     SYS_renameat2, from_fd, from, to_fd, to, flags)
STEP(unlinkat, (int dir_fd, const char *name, int flags), SYS_unlinkat, dir_fd, name, flags)
