/* bundle_tar.c - headers are not interpreted: name, length and time are taken out, the header is
 * made of them again, and the two must be equal. */
#include "bundle_tar.h"

#include "store_list.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* Offsets of the fields of a ustar header. */
enum {
    AT_MODE = 100,
    AT_UID = 108,
    AT_GID = 116,
    AT_SIZE = 124,
    AT_MTIME = 136,
    AT_CHECKSUM = 148,
    AT_TYPE = 156,
    AT_MAGIC = 257
};

#define DIGITS_LONG  11
#define DIGITS_SHORT 7

static void put_octal(uint8_t *out, int digits, uint64_t value)
{
    char text[24];

    (void)snprintf(text, sizeof(text), "%0*" PRIo64, digits, value);
    memcpy(out, text, (size_t)digits);
}

enum ak_code ak_tar_header(uint8_t out[AK_TAR_BLOCK_BYTES], const char *name, uint64_t bytes,
                           uint64_t mtime, struct ak_error *err)
{
    unsigned sum = 0;

    if (strlen(name) > AK_TAR_NAME_BYTES - 1)
        return ak_fail(err, AK_ELIMIT, "the name %s is too long for an archive", name);
    if (bytes > AK_TAR_FILE_BYTES_MAX || mtime > AK_TAR_FILE_BYTES_MAX)
        return ak_fail(err, AK_ELIMIT,
                       "%s has %" PRIu64 " bytes: an archive holds files below 8 GiB; write a "
                       "directory",
                       name, bytes);
    memset(out, 0, AK_TAR_BLOCK_BYTES);
    memcpy(out, name, strlen(name));
    put_octal(out + AT_MODE, DIGITS_SHORT, 0644);
    put_octal(out + AT_UID, DIGITS_SHORT, 0);
    put_octal(out + AT_GID, DIGITS_SHORT, 0);
    put_octal(out + AT_SIZE, DIGITS_LONG, bytes);
    put_octal(out + AT_MTIME, DIGITS_LONG, mtime);
    memset(out + AT_CHECKSUM, ' ', 8);
    out[AT_TYPE] = '0';
    memcpy(out + AT_MAGIC,
           "ustar\0"
           "00",
           8);
    for (unsigned i = 0; i < AK_TAR_BLOCK_BYTES; i++)
        sum += out[i];
    put_octal(out + AT_CHECKSUM, 6, sum);
    out[AT_CHECKSUM + 6] = '\0';
    return AK_OK;
}

static bool take_octal(const uint8_t *in, int digits, uint64_t *value)
{
    *value = 0;
    for (int i = 0; i < digits; i++) {
        if (in[i] < '0' || in[i] > '7')
            return false;
        *value = *value * 8 + (uint64_t)(in[i] - '0');
    }
    return true;
}

static bool all_zero(const uint8_t *data, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (data[i] != 0)
            return false;
    }
    return true;
}

static enum ak_code read_bytes(int fd, uint64_t at, uint64_t size, uint8_t *out, size_t n,
                               struct ak_error *err)
{
    ssize_t got;

    if (at > size || size - at < n)
        return ak_fail(err, AK_EMALFORMED, "the archive ends at byte %" PRIu64 ", too early", size);
    got = ak_list_pread(fd, out, n, at);
    if (got < 0)
        return ak_fail_errno(err, errno, "read the archive");
    return (size_t)got == n ? AK_OK : ak_fail(err, AK_EIO, "the archive has become shorter");
}

/* What fills the last block of a content. */
static enum ak_code check_padding(int fd, uint64_t at, uint64_t size, uint64_t bytes,
                                  const char *name, struct ak_error *err)
{
    uint8_t rest[AK_TAR_BLOCK_BYTES];
    size_t n = (size_t)(ak_tar_padded(bytes) - bytes);
    enum ak_code rc;

    if (bytes > size - at)
        return ak_fail(err, AK_EMALFORMED, "the archive ends within %s", name);
    rc = read_bytes(fd, at + bytes, size, rest, n, err);
    if (rc == AK_OK && !all_zero(rest, n))
        rc = ak_fail(err, AK_EMALFORMED, "behind %s in the archive stands something else than zero",
                     name);
    return rc;
}

enum ak_code ak_tar_read(int fd, uint64_t at, uint64_t size, char *name, uint64_t *bytes,
                         uint64_t *mtime, bool *ended, struct ak_error *err)
{
    uint8_t block[AK_TAR_BLOCK_BYTES];
    uint8_t again[AK_TAR_BLOCK_BYTES];
    enum ak_code rc = read_bytes(fd, at, size, block, sizeof(block), err);

    *ended = false;
    if (rc != AK_OK)
        return rc;
    if (all_zero(block, sizeof(block))) {
        rc = read_bytes(fd, at + sizeof(block), size, block, sizeof(block), err);
        if (rc == AK_OK &&
            (!all_zero(block, sizeof(block)) || size != at + 2 * (uint64_t)AK_TAR_BLOCK_BYTES))
            rc = ak_fail(err, AK_EMALFORMED,
                         "the archive does not end with two blocks of zeros at byte %" PRIu64, at);
        *ended = rc == AK_OK;
        return rc;
    }
    memcpy(name, block, AK_TAR_NAME_BYTES);
    name[AK_TAR_NAME_BYTES] = '\0';
    if (!take_octal(block + AT_SIZE, DIGITS_LONG, bytes) ||
        !take_octal(block + AT_MTIME, DIGITS_LONG, mtime) ||
        ak_tar_header(again, name, *bytes, *mtime, NULL) != AK_OK ||
        memcmp(block, again, sizeof(block)) != 0)
        return ak_fail(err, AK_EMALFORMED,
                       "the archive's header at byte %" PRIu64 " is not of the one form that "
                       "bundles have",
                       at);
    return check_padding(fd, at + AK_TAR_BLOCK_BYTES, size, *bytes, name, err);
}
