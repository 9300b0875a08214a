/* disk.c - the system calls behind disk.h, each asked about with the fault hook first.
 *
 * A failed fdatasync is never repeated here: the kernel marks the pages clean, so a second call
 * would succeed without the data being anywhere. */
#include "disk.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define WIPE_BYTES 1048576u /* zeros written at once */

/* The hook is all a test needs; a struct around it would have to be handed through everything that
 * writes. */
ak_disk_fault_fn ak_disk_fault = NULL;

/* Asks the hook; gives 0 or the errno to fail with. */
static int fault(enum ak_disk_call call, size_t *bytes)
{
    size_t none = 0;

    return ak_disk_fault == NULL ? 0 : ak_disk_fault(call, bytes == NULL ? &none : bytes);
}

static enum ak_code create(int dir_fd, const char *name, int flags, mode_t mode, int *fd,
                           struct ak_error *err)
{
    int error = fault(AK_DISK_CREATE, NULL);

    *fd = -1;
    if (error == 0) {
        do
            *fd = openat(dir_fd, name, O_CREAT | O_WRONLY | O_CLOEXEC | O_NOFOLLOW | flags, mode);
        while (*fd < 0 && errno == EINTR);
        error = *fd < 0 ? errno : 0;
    }
    if (error != 0)
        return ak_fail_errno(err, error, "could not make file %s", name);
    return AK_OK;
}

enum ak_code ak_disk_create(int dir_fd, const char *name, mode_t mode, int *fd,
                            struct ak_error *err)
{
    return create(dir_fd, name, O_EXCL | O_APPEND, mode, fd, err);
}

/* Moves past `done` written bytes. */
static void advance(struct iovec **iov, int *count, size_t done)
{
    while (*count > 0 && done >= (*iov)->iov_len) {
        done -= (*iov)->iov_len;
        (*iov)++;
        (*count)--;
    }
    if (*count > 0) {
        (*iov)->iov_base = (char *)(*iov)->iov_base + done;
        (*iov)->iov_len -= done;
    }
}

/* One system call, cut to what the hook leaves. */
static ssize_t write_some(int fd, const struct iovec *iov, int count)
{
    size_t total = 0;
    size_t bytes;
    int error;

    for (int i = 0; i < count; i++)
        total += iov[i].iov_len;
    bytes = total;
    error = fault(AK_DISK_WRITE, &bytes);
    if (error != 0) {
        errno = error;
        return -1;
    }
    if (bytes < total)
        return write(fd, iov->iov_base, bytes < iov->iov_len ? bytes : iov->iov_len);
    return writev(fd, iov, count);
}

enum ak_code ak_disk_writev(int fd, struct iovec *iov, int count, struct ak_error *err)
{
    advance(&iov, &count, 0);
    while (count > 0) {
        ssize_t done = write_some(fd, iov, count);
        if (done < 0 && errno == EINTR)
            continue;
        if (done < 0)
            return ak_fail_errno(err, errno, "write failed");
        if (done == 0)
            return ak_fail(err, AK_EIO, "write failed: the file takes no more bytes");
        advance(&iov, &count, (size_t)done);
    }
    return AK_OK;
}

enum ak_code ak_disk_write(int fd, const void *data, size_t len, struct ak_error *err)
{
    struct iovec iov = {.iov_base = (void *)(uintptr_t)data, .iov_len = len};

    return ak_disk_writev(fd, &iov, 1, err);
}

enum ak_code ak_disk_sync(int fd, struct ak_error *err)
{
    int error = fault(AK_DISK_SYNC, NULL);

    if (error == 0 && fdatasync(fd) != 0)
        error = errno;
    if (error == 0)
        return AK_OK;
    ak_fail_errno(err, error, "fdatasync failed");
    if (err != NULL)
        err->code = AK_EIO;
    return AK_EIO;
}

enum ak_code ak_disk_sync_dir(int dir_fd, struct ak_error *err)
{
    int error = fault(AK_DISK_SYNC_DIR, NULL);

    if (error == 0 && fsync(dir_fd) != 0)
        error = errno;
    if (error == 0)
        return AK_OK;
    ak_fail_errno(err, error, "fsync of the directory failed");
    if (err != NULL)
        err->code = AK_EIO;
    return AK_EIO;
}

void ak_disk_sync_range(int fd, uint64_t offset, uint64_t len)
{
    (void)sync_file_range(fd, (off64_t)offset, (off64_t)len, SYNC_FILE_RANGE_WRITE);
}

enum ak_code ak_disk_rename(int from_fd, const char *from, int to_fd, const char *to,
                            struct ak_error *err)
{
    enum ak_code rc;
    int error = fault(AK_DISK_RENAME, NULL);

    if (error == 0 && renameat2(from_fd, from, to_fd, to, RENAME_NOREPLACE) != 0)
        error = errno;
    if (error != 0)
        return ak_fail_errno(err, error, "could not rename %s to %s", from, to);
    rc = ak_disk_sync_dir(to_fd, err);
    if (rc == AK_OK && from_fd != to_fd)
        rc = ak_disk_sync_dir(from_fd, err);
    return rc;
}

enum ak_code ak_disk_truncate(int fd, uint64_t len, struct ak_error *err)
{
    int error = fault(AK_DISK_TRUNCATE, NULL);

    if (error == 0 && ftruncate(fd, (off_t)len) != 0)
        error = errno;
    if (error != 0)
        return ak_fail_errno(err, error, "could not cut the file to %llu bytes",
                             (unsigned long long)len);
    return AK_OK;
}

static enum ak_code remove_name(int dir_fd, const char *name, int flags, struct ak_error *err)
{
    int error = fault(AK_DISK_UNLINK, NULL);

    if (error == 0 && unlinkat(dir_fd, name, flags) != 0)
        error = errno;
    if (error != 0)
        return ak_fail_errno(err, error, "could not remove %s", name);
    return ak_disk_sync_dir(dir_fd, err);
}

enum ak_code ak_disk_unlink(int dir_fd, const char *name, struct ak_error *err)
{
    return remove_name(dir_fd, name, 0, err);
}

enum ak_code ak_disk_rmdir(int dir_fd, const char *name, struct ak_error *err)
{
    return remove_name(dir_fd, name, AT_REMOVEDIR, err);
}

/* Writes zeros over the whole file. */
static enum ak_code overwrite(int fd, const char *name, struct ak_error *err)
{
    static const unsigned char zeros[WIPE_BYTES];
    struct stat st;
    uint64_t at = 0;
    enum ak_code rc = AK_OK;

    if (fstat(fd, &st) != 0)
        return ak_fail_errno(err, errno, "could not look at %s", name);
    while (rc == AK_OK && at < (uint64_t)st.st_size) {
        uint64_t left = (uint64_t)st.st_size - at;
        rc = ak_disk_write(fd, zeros, left < sizeof(zeros) ? (size_t)left : sizeof(zeros), err);
        at += sizeof(zeros);
        ak_disk_sync_range(fd, at - sizeof(zeros), sizeof(zeros));
    }
    return rc == AK_OK ? ak_disk_sync(fd, err) : rc;
}

enum ak_code ak_disk_wipe(int dir_fd, const char *name, struct ak_error *err)
{
    struct stat st;
    enum ak_code rc;
    int fd;

    if (fstatat(dir_fd, name, &st, AT_SYMLINK_NOFOLLOW) != 0)
        return ak_fail_errno(err, errno, "could not look at %s", name);
    if (!S_ISREG(st.st_mode) || st.st_nlink > 1)
        return ak_disk_unlink(dir_fd, name, err); /* bytes that have another name stay */
    if ((st.st_mode & S_IWUSR) == 0 && fchmodat(dir_fd, name, S_IRUSR | S_IWUSR, 0) != 0)
        errno = 0; /* what it refuses, open tells */
    fd = openat(dir_fd, name, O_WRONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (fd < 0)
        return ak_fail_errno(err, errno, "could not open %s to overwrite it", name);
    rc = overwrite(fd, name, err);
    (void)close(fd);
    return rc == AK_OK ? ak_disk_unlink(dir_fd, name, err) : rc;
}

enum ak_code ak_disk_mkdir(int dir_fd, const char *name, mode_t mode, int *fd, struct ak_error *err)
{
    enum ak_code rc;
    int error = fault(AK_DISK_MKDIR, NULL);
    int opened;

    if (error == 0 && mkdirat(dir_fd, name, mode) != 0)
        error = errno;
    if (error != 0)
        return ak_fail_errno(err, error, "could not make directory %s", name);
    if (dir_fd != AT_FDCWD) {
        rc = ak_disk_sync_dir(dir_fd, err);
        if (rc != AK_OK)
            return rc;
    }
    if (fd == NULL)
        return AK_OK;
    opened = openat(dir_fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    if (opened < 0)
        return ak_fail_errno(err, errno, "could not open directory %s", name);
    *fd = opened;
    return AK_OK;
}

/* The file whole and on stable storage: then it gets its name. Closes `fd`. */
static enum ak_code put_open(int fd, enum ak_code rc, int tmp_fd, const char *tmp_name, int dir_fd,
                             const char *name, struct ak_error *err)
{
    int error;

    if (rc == AK_OK)
        rc = ak_disk_sync(fd, err);
    (void)close(fd); /* synced, or given up */
    if (rc != AK_OK) {
        ak_wrap(err, "%s", name);
        return rc;
    }
    error = fault(AK_DISK_RENAME, NULL);
    if (error == 0 && renameat(tmp_fd, tmp_name, dir_fd, name) != 0)
        error = errno;
    if (error != 0)
        return ak_fail_errno(err, error, "could not put %s in place", name);
    return ak_disk_sync_dir(dir_fd, err);
}

enum ak_code ak_disk_put(int tmp_fd, const char *tmp_name, int dir_fd, const char *name,
                         mode_t mode, const void *data, size_t len, struct ak_error *err)
{
    int fd;
    enum ak_code rc = create(tmp_fd, tmp_name, O_TRUNC, mode, &fd, err);

    if (rc != AK_OK)
        return rc;
    rc = ak_disk_write(fd, data, len, err);
    return put_open(fd, rc, tmp_fd, tmp_name, dir_fd, name, err);
}

/* Zeros in the place of what is to come, with that place and the name on stable storage. */
static enum ak_code take_room(int fd, int dir_fd, size_t len, struct ak_error *err)
{
    static const unsigned char zeros[AK_DISK_SECRET_BYTES_MAX];
    enum ak_code rc = ak_disk_write(fd, zeros, len, err);

    if (rc == AK_OK)
        rc = ak_disk_sync(fd, err);
    if (rc == AK_OK)
        rc = ak_disk_sync_dir(dir_fd, err);
    if (rc == AK_OK && lseek(fd, 0, SEEK_SET) != 0)
        rc = ak_fail_errno(err, errno, "go to the begin of the file");
    return rc;
}

enum ak_code ak_disk_put_secret(int dir_fd, const char *tmp_name, const char *name, mode_t mode,
                                const void *data, size_t len, struct ak_error *err)
{
    int fd;
    enum ak_code rc = create(dir_fd, tmp_name, O_EXCL, mode, &fd, err);

    assert(len <= AK_DISK_SECRET_BYTES_MAX);
    if (rc != AK_OK)
        return rc;
    rc = take_room(fd, dir_fd, len, err);
    if (rc == AK_OK)
        rc = ak_disk_write(fd, data, len, err);
    return put_open(fd, rc, dir_fd, tmp_name, dir_fd, name, err);
}

uint64_t ak_disk_size(int dir_fd, const char *name)
{
    struct stat st;

    return fstatat(dir_fd, name, &st, AT_SYMLINK_NOFOLLOW) == 0 ? (uint64_t)st.st_size : 0;
}

/* The whole of an open file. */
static enum ak_code read_all(int fd, unsigned char *data, size_t len, const char *name,
                             struct ak_error *err)
{
    size_t at = 0;

    while (at < len) {
        ssize_t got = pread(fd, data + at, len - at, (off_t)at);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return ak_fail_errno(err, errno, "could not read %s", name);
        if (got == 0)
            return ak_fail(err, AK_EIO, "%s became shorter while it was read", name);
        at += (size_t)got;
    }
    return AK_OK;
}

static enum ak_code read_open(int fd, const char *name, size_t max, unsigned char **data,
                              size_t *len, struct stat *st, struct ak_error *err)
{
    enum ak_code rc;

    if (fstat(fd, st) != 0)
        return ak_fail_errno(err, errno, "could not look at %s", name);
    if (!S_ISREG(st->st_mode))
        return ak_fail(err, AK_EIO, "%s is not a regular file", name);
    if ((uint64_t)st->st_size > max)
        return ak_fail(err, AK_ELIMIT, "%s has %lld bytes, at most %zu are expected", name,
                       (long long)st->st_size, max);
    *len = (size_t)st->st_size;
    *data = malloc(*len + 1);
    if (*data == NULL)
        return ak_fail(err, AK_ENOMEM, "no memory for %s", name);
    rc = read_all(fd, *data, *len, name, err);
    if (rc != AK_OK) {
        free(*data);
        *data = NULL;
        return rc;
    }
    (*data)[*len] = 0;
    return AK_OK;
}

enum ak_code ak_disk_read(int dir_fd, const char *name, size_t max, unsigned char **data,
                          size_t *len, mode_t *mode, uint64_t *mtime_ns, struct ak_error *err)
{
    struct stat st;
    enum ak_code rc;
    int fd;

    *data = NULL;
    /* O_NONBLOCK: a pipe under this name must not hold us. */
    fd = openat(dir_fd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (fd < 0)
        return ak_fail_errno(err, errno, "could not open %s", name);
    rc = read_open(fd, name, max, data, len, &st, err);
    (void)close(fd);
    if (rc != AK_OK)
        return rc;
    if (mode != NULL)
        *mode = st.st_mode;
    if (mtime_ns != NULL)
        *mtime_ns = (uint64_t)st.st_mtim.tv_sec * 1000000000u + (uint64_t)st.st_mtim.tv_nsec;
    return AK_OK;
}
