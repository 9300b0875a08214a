/* eio.c - a disk that fails at one place: reads of one file that touch one byte give EIO.
 *
 * Loaded with LD_PRELOAD in front of a verifier. AKASHI_EIO_FILE is the end of the file's path,
 * AKASHI_EIO_AT the offset of the bad byte. Reads that end before it, or begin behind it, work; a
 * read that would go over it is cut short before it, as the kernel does. Mapped files are not
 * served: a program that maps evidence would be killed by a bad sector, so mmap of the file fails.
 */
#include <dlfcn.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define PATH_BYTES 4096

static bool is_bad_file(int fd)
{
    const char *end = getenv("AKASHI_EIO_FILE");
    char link[64];
    char path[PATH_BYTES];
    ssize_t n;

    if (!end)
        return false;
    snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
    n = readlink(link, path, sizeof(path));
    return n >= (ssize_t)strlen(end) && memcmp(path + n - strlen(end), end, strlen(end)) == 0;
}

/* How much of a read is served: `len`, less, or -1 for EIO. */
static ssize_t allowed(int fd, size_t len, off_t at)
{
    const char *text = getenv("AKASHI_EIO_AT");
    off_t bad;

    if (!text || at < 0 || !is_bad_file(fd))
        return (ssize_t)len;
    bad = (off_t)strtoll(text, NULL, 10);
    if (at == bad) {
        errno = EIO;
        return len ? -1 : 0;
    }
    return at < bad && (off_t)len > bad - at ? (ssize_t)(bad - at) : (ssize_t)len;
}

static void *next(const char *name)
{
    return dlsym(RTLD_NEXT, name);
}

ssize_t pread(int fd, void *buffer, size_t len, off_t at);
ssize_t pread(int fd, void *buffer, size_t len, off_t at)
{
    ssize_t n = allowed(fd, len, at);
    ssize_t (*real)(int, void *, size_t, off_t) =
        (ssize_t(*)(int, void *, size_t, off_t))next("pread");

    return n < 0 ? n : real(fd, buffer, (size_t)n, at);
}

ssize_t pread64(int fd, void *buffer, size_t len, off64_t at);
ssize_t pread64(int fd, void *buffer, size_t len, off64_t at)
{
    return pread(fd, buffer, len, at);
}

ssize_t read(int fd, void *buffer, size_t len)
{
    ssize_t n = allowed(fd, len, lseek(fd, 0, SEEK_CUR));
    ssize_t (*real)(int, void *, size_t) = (ssize_t(*)(int, void *, size_t))next("read");

    return n < 0 ? n : real(fd, buffer, (size_t)n);
}

void *mmap(void *address, size_t len, int protection, int flags, int fd, off_t at)
{
    void *(*real)(void *, size_t, int, int, int, off_t) =
        (void *(*)(void *, size_t, int, int, int, off_t))next("mmap");

    if (fd >= 0 && is_bad_file(fd)) {
        errno = EIO;
        return MAP_FAILED;
    }
    return real(address, len, protection, flags, fd, at);
}
