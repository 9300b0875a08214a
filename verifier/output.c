/* output.c - new files are made with O_EXCL, so nothing is overwritten by chance; a replaced file
 * is written beside its place and renamed. */
#include "output.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FILE_MODE 0644

enum ak_code ak_output_open(const char *path, bool force, FILE **file, struct ak_error *err)
{
    int flags = O_WRONLY | O_CREAT | O_CLOEXEC | (force ? O_TRUNC : O_EXCL);
    int fd = open(path, flags, FILE_MODE);

    *file = NULL;
    if (fd < 0 && errno == EEXIST)
        return ak_fail(err, AK_EEXIST, "%s is there already; --force overwrites it", path);
    if (fd < 0)
        return ak_fail_errno(err, errno, "open %s", path);
    *file = fdopen(fd, "w");
    if (*file == NULL) {
        close(fd);
        return ak_fail(err, AK_ENOMEM, "no memory to write %s", path);
    }
    return AK_OK;
}

enum ak_code ak_output_close(FILE *file, const char *name, struct ak_error *err)
{
    bool failed = ferror(file) != 0;
    int cause = errno;

    errno = 0;
    if (file == stdout ? fflush(file) != 0 : fclose(file) != 0) {
        failed = true;
        cause = errno;
    }
    if (!failed)
        return AK_OK;
    if (cause == 0)
        return ak_fail(err, AK_EIO, "%s could not be written to its end", name);
    return ak_fail_errno(err, cause, "%s could not be written to its end", name);
}

static enum ak_code write_all(int fd, const char *path, const char *data, size_t len,
                              struct ak_error *err)
{
    while (len > 0) {
        ssize_t n = write(fd, data, len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return ak_fail_errno(err, n < 0 ? errno : EIO, "write %s", path);
        data += n;
        len -= (size_t)n;
    }
    if (fsync(fd) != 0 && errno != EINVAL) /* not every file system can */
        return ak_fail_errno(err, errno, "write %s", path);
    return AK_OK;
}

enum ak_code ak_output_replace(const char *path, const void *data, size_t len, struct ak_error *err)
{
    char *beside = NULL;
    enum ak_code rc;
    int fd;

    if (asprintf(&beside, "%s.XXXXXX", path) < 0)
        return ak_fail(err, AK_ENOMEM, "no memory to write %s", path);
    fd = mkostemp(beside, O_CLOEXEC);
    if (fd < 0) {
        rc = ak_fail_errno(err, errno, "write %s", path);
        free(beside);
        return rc;
    }
    rc = write_all(fd, path, data, len, err);
    if (rc == AK_OK && fchmod(fd, FILE_MODE) != 0)
        rc = ak_fail_errno(err, errno, "write %s", path);
    close(fd);
    if (rc == AK_OK && rename(beside, path) != 0)
        rc = ak_fail_errno(err, errno, "write %s", path);
    if (rc != AK_OK)
        (void)unlink(beside);
    free(beside);
    return rc;
}
