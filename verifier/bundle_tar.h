/* bundle_tar.h - the one form of a ustar archive that a bundle may have (docs/format.md 14.9). */
#ifndef AK_BUNDLE_TAR_H
#define AK_BUNDLE_TAR_H

#include <akashi/error.h>

#include <stdbool.h>
#include <stdint.h>

#define AK_TAR_BLOCK_BYTES 512u
#define AK_TAR_NAME_BYTES  100u

/* What 11 octal digits hold. */
#define AK_TAR_FILE_BYTES_MAX UINT64_C(077777777777)

/* Length of a content with what fills its last block. */
static inline uint64_t ak_tar_padded(uint64_t bytes)
{
    return (bytes + AK_TAR_BLOCK_BYTES - 1) / AK_TAR_BLOCK_BYTES * AK_TAR_BLOCK_BYTES;
}

/* Makes the header of a regular file. AK_ELIMIT if name, length or time do not fit. */
enum ak_code ak_tar_header(uint8_t out[AK_TAR_BLOCK_BYTES], const char *name, uint64_t bytes,
                           uint64_t mtime, struct ak_error *err);

/* Reads the header at `at` in an archive of `size` bytes and checks that its content, and the zeros
 * behind it, are there. `*ended` with AK_OK: there stand the two blocks of zeros and the end.
 * `name` has AK_TAR_NAME_BYTES + 1. AK_EMALFORMED for anything that ak_tar_header would not have
 * made; AK_EIO. */
enum ak_code ak_tar_read(int fd, uint64_t at, uint64_t size, char *name, uint64_t *bytes,
                         uint64_t *mtime, bool *ended, struct ak_error *err);

#endif
