/* custody_add.c - adds a file to the custody record of a bundle, whole or not at all.
 *
 * The file has no name until it is on the medium; then it is given one that must be free. Where the
 * file system has no files without a name it is written under its own name, and taken away again if
 * that fails: only a machine that dies within can leave a part. */
#include "custody_add.h"

#include <akashi/custody.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FILE_MODE 0644
#define DIR_MODE  0755

static enum ak_code taken(const char *name, struct ak_error *err)
{
    return ak_fail(err, AK_EEXIST,
                   "custody record %s was added by somebody else meanwhile: look at it, then try "
                   "again",
                   name);
}

static enum ak_code sync_fd(int fd, struct ak_error *err)
{
    if (fsync(fd) != 0 && errno != EINVAL) /* not every file system can */
        return ak_fail_errno(err, errno, "write a custody record");
    return AK_OK;
}

static enum ak_code write_all(int fd, const char *data, size_t len, struct ak_error *err)
{
    while (len > 0) {
        ssize_t n = write(fd, data, len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return ak_fail_errno(err, n < 0 ? errno : EIO, "write a custody record");
        data += n;
        len -= (size_t)n;
    }
    return sync_fd(fd, err);
}

/* Gives the file without a name its name. EOPNOTSUPP where there can be none. */
static int put_nameless(int dir_fd, const char *name, const void *data, size_t len,
                        enum ak_code *rc, struct ak_error *err)
{
    char link[64];
    int fd = openat(dir_fd, ".", O_TMPFILE | O_WRONLY | O_CLOEXEC, FILE_MODE);
    int cause = 0;

    if (fd < 0)
        return errno;
    *rc = write_all(fd, data, len, err);
    (void)snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
    if (*rc == AK_OK && linkat(AT_FDCWD, link, dir_fd, name, AT_SYMLINK_FOLLOW) != 0)
        cause = errno;
    (void)close(fd); /* synced, or given up */
    if (cause == EEXIST) {
        *rc = taken(name, err);
        cause = 0;
    }
    return cause;
}

static enum ak_code put_named(int dir_fd, const char *name, const void *data, size_t len,
                              struct ak_error *err)
{
    int fd = openat(dir_fd, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, FILE_MODE);
    enum ak_code rc;

    if (fd < 0 && errno == EEXIST)
        return taken(name, err);
    if (fd < 0)
        return ak_fail_errno(err, errno, "write custody record %s", name);
    rc = write_all(fd, data, len, err);
    (void)close(fd);
    if (rc != AK_OK)
        (void)unlinkat(dir_fd, name, 0);
    return rc;
}

/* Opens the directory, and makes it first if it is not there. */
static enum ak_code open_dir(const char *parent, const char *dir, int *fd, struct ak_error *err)
{
    int flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
    enum ak_code rc = AK_OK;
    int parent_fd;

    *fd = open(dir, flags);
    if (*fd >= 0)
        return AK_OK;
    if (errno != ENOENT || mkdir(dir, DIR_MODE) != 0)
        return ak_fail_errno(err, errno, "make %s", dir);
    parent_fd = open(parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (parent_fd >= 0) {
        rc = sync_fd(parent_fd, err);
        (void)close(parent_fd);
    }
    *fd = open(dir, flags);
    if (rc == AK_OK && *fd < 0)
        rc = ak_fail_errno(err, errno, "open %s", dir);
    return rc;
}

/* The directory of the custody record, and the one that it lies in. */
static enum ak_code names(const char *path, bool tar, char **parent, char **dir,
                          struct ak_error *err)
{
    size_t len = strlen(path);
    char *slash;

    while (len > 1 && path[len - 1] == '/')
        len--;
    if (asprintf(dir, tar ? "%.*s.custody" : "%.*s/custody", (int)len, path) < 0)
        *dir = NULL;
    *parent = strndup(path, len);
    if (*dir == NULL || *parent == NULL)
        return ak_fail(err, AK_ENOMEM, "no memory for a name");
    slash = strrchr(*parent, '/');
    if (tar && slash == NULL)
        memcpy(*parent, ".", 2); /* a name has one byte at least */
    else if (tar)
        slash[slash == *parent ? 1 : 0] = '\0';
    return AK_OK;
}

enum ak_code ak_custody_add(const char *path, bool tar, unsigned number, const void *data,
                            size_t len, struct ak_error *err)
{
    char name[AK_CUSTODY_NAME_CHARS + 8];
    char *parent = NULL;
    char *dir = NULL;
    int fd = -1;
    enum ak_code rc = names(path, tar, &parent, &dir, err);

    (void)snprintf(name, sizeof(name), "%04u", number);
    if (rc == AK_OK)
        rc = open_dir(parent, dir, &fd, err);
    if (rc == AK_OK && put_nameless(fd, name, data, len, &rc, err) != 0)
        rc = put_named(fd, name, data, len, err);
    if (rc == AK_OK)
        rc = sync_fd(fd, err);
    if (fd >= 0)
        (void)close(fd);
    free(parent);
    free(dir);
    return rc;
}
