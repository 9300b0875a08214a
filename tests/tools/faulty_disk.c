/* faulty_disk.c - a disk that fails when a test says so: loaded with LD_PRELOAD in front of a
 * program, it looks before each write and sync into the file AKASHI_FAULTS:
 *
 *     CALL ERRNO TIMES PATH
 *
 * one line for each fault: CALL is fdatasync, fsync, write or short (a write of which only the
 * first half is done; ERRNO is then 0); ERRNO a number; TIMES how often from now on, or -1 for
 * ever; PATH a part of the path that the descriptor leads to. What a line did is counted as long
 * as the file's text stays the same. No file: a good disk. */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#define TEXT_BYTES 1024
#define LINES_MAX  8
#define PATH_BYTES 4096

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static char known[TEXT_BYTES];
static int done[LINES_MAX];

static void read_orders(void)
{
    const char *file = getenv("AKASHI_FAULTS");
    char text[TEXT_BYTES] = "";
    int fd = file != NULL ? open(file, O_RDONLY | O_CLOEXEC) : -1;
    ssize_t n = fd >= 0 ? read(fd, text, sizeof(text) - 1) : 0;

    if (fd >= 0)
        (void)close(fd);
    text[n > 0 ? n : 0] = 0;
    if (strcmp(text, known) != 0) {
        memcpy(known, text, sizeof(known));
        memset(done, 0, sizeof(done));
    }
}

/* The errno with which this call fails; 0: not at all; -1: a short write. */
static int fault(const char *call, int fd)
{
    char link[64], path[PATH_BYTES], word[32], part[256];
    int answer = 0;
    char *line, *rest;
    char text[TEXT_BYTES];
    ssize_t n;

    (void)snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
    n = readlink(link, path, sizeof(path) - 1);
    path[n > 0 ? n : 0] = 0;
    (void)pthread_mutex_lock(&mutex);
    read_orders();
    memcpy(text, known, sizeof(text));
    line = strtok_r(text, "\n", &rest);
    for (int i = 0; i < LINES_MAX && line != NULL && answer == 0; i++) {
        int error, times;
        /* NOLINTNEXTLINE(bugprone-unchecked-string-to-number-conversion): the test's own file */
        if (sscanf(line, "%31s %d %d %255s", word, &error, &times, part) == 4 &&
            strcmp(word, call) == 0 && strstr(path, part) != NULL &&
            (times < 0 || done[i] < times)) {
            done[i]++;
            answer = error != 0 ? error : -1;
        }
        line = strtok_r(NULL, "\n", &rest);
    }
    (void)pthread_mutex_unlock(&mutex);
    return answer;
}

int fdatasync(int fd);
int fdatasync(int fd)
{
    int error = fault("fdatasync", fd);

    if (error > 0) {
        errno = error;
        return -1;
    }
    return (int)syscall(SYS_fdatasync, fd);
}

int fsync(int fd);
int fsync(int fd)
{
    int error = fault("fsync", fd);

    if (error > 0) {
        errno = error;
        return -1;
    }
    return (int)syscall(SYS_fsync, fd);
}

ssize_t writev(int fd, const struct iovec *iov, int count);
ssize_t writev(int fd, const struct iovec *iov, int count)
{
    int error = fault("write", fd);

    if (error > 0) {
        errno = error;
        return -1;
    }
    if (error == 0)
        error = fault("short", fd);
    if (error != 0 && count > 0 && iov[0].iov_len > 1)
        return (ssize_t)syscall(SYS_write, fd, iov[0].iov_base, iov[0].iov_len / 2);
    return (ssize_t)syscall(SYS_writev, fd, iov, count);
}
