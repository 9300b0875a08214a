/*
 * tsan_openat.c - openat, so that ThreadSanitizer sees it.
 *
 * libuv closes descriptors by a system call of its own, which ThreadSanitizer does not see either;
 * it still holds the number for what was there before, and forgets that where it sees the number
 * given anew. open does that and openat does not, so the next use of the file, in another thread,
 * would be a race with libuv's. Linked into what is built with -fsanitize=thread (--wrap=openat),
 * nothing else.
 */
#define _GNU_SOURCE /* O_TMPFILE */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/stat.h>

int __real_openat(int dir_fd, const char *path, int flags, ...); /* glibc's */
int __wrap_openat(int dir_fd, const char *path, int flags, ...); /* what callers of openat get */

int __wrap_openat(int dir_fd, const char *path, int flags, ...)
{
    mode_t mode = 0;
    if ((flags & O_CREAT) || (flags & O_TMPFILE) == O_TMPFILE) {
        va_list more;
        va_start(more, flags);
        mode = va_arg(more, mode_t);
        va_end(more);
    }
    if (path[0] == '/' || dir_fd == AT_FDCWD)
        return open(path, flags, mode);
    char whole[PATH_MAX]; /* the kernel takes no longer ones */
    int n = snprintf(whole, sizeof(whole), "/proc/self/fd/%d/%s", dir_fd, path);
    if (n < 0 || (size_t)n >= sizeof(whole)) {
        errno = ENAMETOOLONG;
        return -1;
    }
    int fd = open(whole, flags, mode);
    /* Where there is no /proc, it goes on as without this file. */
    return fd >= 0 || errno != ENOENT ? fd : __real_openat(dir_fd, path, flags, mode);
}
