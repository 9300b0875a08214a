/* export_pack.c - a bundle's directory becomes one archive (docs/format.md 14.9). */
#include "export.h"

#include "bundle_files.h"
#include "bundle_tar.h"

#include <akashi/custody.h>

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FILE_MODE 0644

/* One custody record; they are small. */
static enum ak_code put_custody(FILE *out, const struct ak_bundle_files *files, size_t i,
                                uint64_t mtime, struct ak_error *err)
{
    static const uint8_t zeros[AK_TAR_BLOCK_BYTES];
    uint8_t header[AK_TAR_BLOCK_BYTES];
    char name[AK_TAR_NAME_BYTES + 1];
    char *data;
    size_t len;
    enum ak_code rc = ak_bundle_custody_read(files, i, AK_CUSTODY_BYTES_MAX, &data, &len, err);

    if (rc != AK_OK)
        return rc;
    (void)snprintf(name, sizeof(name), "custody/%s", files->custody[i].name);
    rc = ak_tar_header(header, name, len, mtime, err);
    if (rc == AK_OK) {
        (void)fwrite(header, 1, sizeof(header), out);
        (void)fwrite(data, 1, len, out);
        (void)fwrite(zeros, 1, (size_t)(ak_tar_padded(len) - len), out);
    }
    free(data);
    return rc;
}

/* Copies one file with its header and what fills its last block. */
static enum ak_code put_file(FILE *out, const struct ak_bundle_files *files,
                             enum ak_bundle_name name, uint64_t mtime, struct ak_error *err)
{
    static const uint8_t zeros[AK_TAR_BLOCK_BYTES];
    uint64_t bytes = files->part[name].bytes;
    uint8_t header[AK_TAR_BLOCK_BYTES];
    struct ak_bundle_stream s = {0};
    enum ak_code rc = ak_tar_header(header, ak_bundle_file_name(name), bytes, mtime, err);

    if (rc == AK_OK)
        rc = ak_bundle_stream_open(&s, files, name, err);
    if (rc == AK_OK)
        (void)fwrite(header, 1, sizeof(header), out);
    while (rc == AK_OK && !ak_bundle_stream_ended(&s)) {
        const uint8_t *some;
        size_t n;
        rc = ak_bundle_stream_some(&s, &some, &n, err);
        if (rc == AK_OK) {
            (void)fwrite(some, 1, n, out);
            ak_bundle_stream_skip(&s, n);
        }
    }
    ak_bundle_stream_close(&s);
    if (rc == AK_OK)
        (void)fwrite(zeros, 1, (size_t)(ak_tar_padded(bytes) - bytes), out);
    return rc;
}

enum ak_code ak_export_pack(const char *dir, uint64_t made, const char *path, struct ak_error *err)
{
    static const uint8_t zeros[2 * AK_TAR_BLOCK_BYTES];
    struct ak_bundle_files files;
    FILE *out = NULL;
    enum ak_code rc = ak_bundle_files_open(&files, dir, err);
    int fd = rc == AK_OK ? open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, FILE_MODE) : -1;

    if (rc == AK_OK && fd < 0)
        rc = ak_fail_errno(err, errno, "write %s", path);
    if (rc == AK_OK) {
        out = fdopen(fd, "w");
        if (out == NULL) {
            close(fd);
            rc = ak_fail(err, AK_ENOMEM, "no memory to write %s", path);
        }
    }
    for (unsigned i = 0; rc == AK_OK && i < AK_BUNDLE_NAMES; i++) {
        if (files.part[i].there)
            rc = put_file(out, &files, (enum ak_bundle_name)i, made / 1000000000, err);
    }
    for (size_t i = 0; rc == AK_OK && i < files.custody_count; i++)
        rc = put_custody(out, &files, i, made / 1000000000, err);
    if (rc == AK_OK) {
        (void)fwrite(zeros, 1, sizeof(zeros), out);
        if (fflush(out) != 0 || (fsync(fileno(out)) != 0 && errno != EINVAL) || ferror(out))
            rc = ak_fail_errno(err, errno, "write %s", path);
    }
    if (out != NULL && fclose(out) != 0 && rc == AK_OK)
        rc = ak_fail_errno(err, errno, "write %s", path);
    ak_bundle_files_close(&files);
    return rc;
}
