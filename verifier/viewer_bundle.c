/* viewer_bundle.c - between bundles and pages. Nothing is unpacked: what a page carries becomes a
 * file in memory that is judged as any other archive. */
#include "viewer_bundle.h"

#include "bundle_files.h"
#include "bundle_tar.h"
#include "trust.h"

#include <akashi/format.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static enum ak_code put_content(FILE *out, const char *name, const void *data, size_t len,
                                uint64_t mtime, struct ak_error *err)
{
    static const uint8_t zeros[AK_TAR_BLOCK_BYTES];
    uint8_t header[AK_TAR_BLOCK_BYTES];
    enum ak_code rc = ak_tar_header(header, name, len, mtime, err);

    if (rc != AK_OK)
        return rc;
    (void)fwrite(header, 1, sizeof(header), out);
    (void)fwrite(data, 1, len, out);
    (void)fwrite(zeros, 1, (size_t)(ak_tar_padded(len) - len), out);
    return AK_OK;
}

static enum ak_code put_file(FILE *out, const struct ak_bundle_files *files,
                             enum ak_bundle_name name, uint64_t mtime, struct ak_error *err)
{
    struct ak_hash digest;
    char *data = NULL;
    size_t len = 0;
    enum ak_code rc =
        ak_bundle_read(files, name, AK_VIEWER_DATA_BYTES_MAX, &data, &len, &digest, err);

    if (rc == AK_OK)
        rc = put_content(out, ak_bundle_file_name(name), data, len, mtime, err);
    free(data);
    return rc;
}

static enum ak_code put_custody(FILE *out, const struct ak_bundle_files *files, size_t i,
                                uint64_t mtime, struct ak_error *err)
{
    char name[AK_TAR_NAME_BYTES + 1];
    char *data = NULL;
    size_t len = 0;
    enum ak_code rc = ak_bundle_custody_read(files, i, AK_VIEWER_DATA_BYTES_MAX, &data, &len, err);

    (void)snprintf(name, sizeof(name), "custody/%s", files->custody[i].name);
    if (rc == AK_OK)
        rc = put_content(out, name, data, len, mtime, err);
    free(data);
    return rc;
}

static enum ak_code too_large(const char *path, struct ak_error *err)
{
    return ak_fail(
        err, AK_ELIMIT,
        "%s has more than %u MiB, and a page carries no more: hand over the bundle itself", path,
        AK_VIEWER_DATA_BYTES_MAX / 1048576u);
}

/* Bounded before anything is read. */
static enum ak_code check_size(const struct ak_bundle_files *files, const char *path,
                               struct ak_error *err)
{
    uint64_t sum = 0;

    for (unsigned i = 0; i < AK_BUNDLE_NAMES; i++) {
        if (files->part[i].there && files->part[i].bytes > AK_VIEWER_DATA_BYTES_MAX)
            return too_large(path, err);
        sum += files->part[i].there ? files->part[i].bytes : 0;
    }
    if (files->part[AK_BUNDLE_ENTRIES].bytes / AK_ENTRY_BYTES > AK_VIEWER_ENTRIES_MAX)
        return ak_fail(err, AK_ELIMIT,
                       "%s shows more than %u entries, and a page carries no more: hand over the "
                       "bundle itself",
                       path, AK_VIEWER_ENTRIES_MAX);
    return sum > AK_VIEWER_DATA_BYTES_MAX ? too_large(path, err) : AK_OK;
}

static enum ak_code pack(const struct ak_bundle_files *files, uint64_t made, uint8_t **data,
                         size_t *len, struct ak_error *err)
{
    static const uint8_t zeros[2 * AK_TAR_BLOCK_BYTES];
    uint64_t mtime = made / 1000000000u;
    char *bytes = NULL;
    FILE *out = open_memstream(&bytes, len);
    enum ak_code rc = AK_OK;

    if (out == NULL)
        return ak_fail(err, AK_ENOMEM, "no memory to pack a bundle");
    for (unsigned i = 0; rc == AK_OK && i < AK_BUNDLE_NAMES; i++) {
        if (files->part[i].there)
            rc = put_file(out, files, (enum ak_bundle_name)i, mtime, err);
    }
    for (size_t i = 0; rc == AK_OK && i < files->custody_count; i++)
        rc = put_custody(out, files, i, mtime, err);
    (void)fwrite(zeros, 1, sizeof(zeros), out);
    if (fclose(out) != 0 && rc == AK_OK)
        rc = ak_fail(err, AK_ENOMEM, "no memory to pack a bundle");
    if (rc != AK_OK) {
        free(bytes);
        return rc;
    }
    *data = (uint8_t *)bytes;
    return AK_OK;
}

enum ak_code ak_viewer_pack(const char *path, uint64_t made, uint8_t **data, size_t *len,
                            struct ak_error *err)
{
    struct ak_bundle_files files;
    char *bytes = NULL;
    enum ak_code rc = ak_bundle_files_open(&files, path, err);

    *data = NULL;
    if (rc == AK_OK)
        rc = check_size(&files, path, err);
    if (rc == AK_OK && files.tar) {
        rc = ak_trust_read_file(path, AK_VIEWER_DATA_BYTES_MAX, &bytes, len, err);
        if (rc == AK_ELIMIT)
            rc = too_large(path, err);
        *data = (uint8_t *)bytes;
    } else if (rc == AK_OK) {
        rc = pack(&files, made, data, len, err);
    }
    ak_bundle_files_close(&files);
    if (rc == AK_OK && *len > AK_VIEWER_DATA_BYTES_MAX) {
        free(*data);
        *data = NULL;
        return too_large(path, err);
    }
    return rc;
}

bool ak_viewer_names_page(const char *path)
{
    char begin[16];
    struct stat st;
    int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
    bool is = fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode) &&
              pread(fd, begin, sizeof(begin), 0) == (ssize_t)sizeof(begin) &&
              ak_viewer_is_page(begin, sizeof(begin));

    if (fd >= 0)
        close(fd);
    return is;
}

/* The data as a file in memory: whoever judges bundles reads files. */
static enum ak_code open_data(struct ak_viewer_opened *opened, struct ak_error *err)
{
    const uint8_t *data = opened->parts.data;
    size_t left = opened->parts.data_len;

    opened->fd = memfd_create("akashi-bundle", MFD_CLOEXEC);
    if (opened->fd < 0)
        return ak_fail_errno(err, errno, "a file in memory");
    while (left > 0) {
        ssize_t n = write(opened->fd, data, left);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return ak_fail_errno(err, n < 0 ? errno : EIO, "a file in memory");
        data += n;
        left -= (size_t)n;
    }
    (void)snprintf(opened->path, sizeof(opened->path), "/proc/self/fd/%d", opened->fd);
    return AK_OK;
}

enum ak_code ak_viewer_open(struct ak_viewer_opened *opened, const char *path, struct ak_error *err)
{
    char *page = NULL;
    size_t len = 0;
    enum ak_code rc;

    memset(opened, 0, sizeof(*opened));
    opened->fd = -1;
    rc = ak_trust_read_file(path, AK_VIEWER_PAGE_BYTES_MAX, &page, &len, err);
    if (rc == AK_OK) {
        rc = ak_viewer_take(page, len, &opened->parts, err);
        if (rc != AK_OK)
            ak_wrap(err, "%s", path);
    }
    free(page);
    return rc == AK_OK ? open_data(opened, err) : rc;
}

void ak_viewer_close(struct ak_viewer_opened *opened)
{
    ak_viewer_parts_free(&opened->parts);
    if (opened->fd >= 0)
        close(opened->fd);
    opened->fd = -1;
}
