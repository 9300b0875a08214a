/* torn.c - length and digest of a tail, as the disk has it. */
#include "torn.h"

#include "disk.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define READ_BYTES     65536u
#define TORN_NAMES_MAX 1000u /* of one index: so many crashes in a row before the first commit */

static enum ak_code hash_from(struct ak_torn *torn, int fd, struct ak_error *err)
{
    unsigned char buffer[READ_BYTES];
    struct ak_sha256_ctx ctx;
    uint64_t at = torn->good;

    ak_sha256_init(&ctx);
    for (;;) {
        ssize_t got = pread(fd, buffer, sizeof(buffer), (off_t)at);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return ak_fail_errno(err, errno, "could not read %s from byte %llu", torn->file,
                                 (unsigned long long)at);
        if (got == 0)
            break;
        ak_sha256_update(&ctx, buffer, (size_t)got);
        at += (uint64_t)got;
    }
    ak_sha256_final(&ctx, &torn->sha256);
    torn->cut = at - torn->good;
    return AK_OK;
}

enum ak_code ak_torn_measure(struct ak_torn *torn, int fd, const char *file, uint64_t good,
                             uint64_t size, struct ak_error *err)
{
    memset(torn, 0, sizeof(*torn));
    (void)snprintf(torn->file, sizeof(torn->file), "%s", file);
    torn->good = good;
    torn->size = size;
    (void)posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED); /* advice; without it nothing is wrong */
    return hash_from(torn, fd, err);
}

/* How a name speaks of bytes cut at a first index: "<first>.torn", "<first>.1.torn", ... */
static void torn_name(char name[AK_FILE_NAME_BYTES], uint64_t first, unsigned number)
{
    if (number == 0)
        (void)snprintf(name, AK_FILE_NAME_BYTES, "%020" PRIu64 ".torn", first);
    else
        (void)snprintf(name, AK_FILE_NAME_BYTES, "%020" PRIu64 ".%u.torn", first, number);
}

enum ak_code ak_torn_kept(int log_dir_fd, uint64_t first, const struct ak_torn *torn, bool *kept,
                          struct ak_error *err)
{
    *kept = false;
    for (unsigned i = 0; i < TORN_NAMES_MAX && !*kept; i++) {
        char name[AK_FILE_NAME_BYTES];
        struct ak_torn there;
        enum ak_code rc;
        int fd;
        torn_name(name, first, i);
        fd = openat(log_dir_fd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
        if (fd < 0 && errno == ENOENT)
            return AK_OK;
        if (fd < 0)
            return ak_fail_errno(err, errno, "could not open %s", name);
        rc = ak_torn_measure(&there, fd, name, 0, torn->size, err);
        (void)close(fd);
        if (rc != AK_OK)
            return rc;
        *kept = there.cut == torn->cut && ak_hash_equal(&there.sha256, &torn->sha256);
    }
    return AK_OK;
}

enum ak_code ak_torn_move(int from_fd, const char *name, int log_dir_fd, uint64_t first,
                          char torn[AK_FILE_NAME_BYTES], struct ak_error *err)
{
    enum ak_code rc = AK_EEXIST;

    for (unsigned i = 0; i < TORN_NAMES_MAX && rc == AK_EEXIST; i++) {
        torn_name(torn, first, i);
        rc = ak_disk_rename(from_fd, name, log_dir_fd, torn, err);
    }
    return rc;
}
