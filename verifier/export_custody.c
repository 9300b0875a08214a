/* export_custody.c - the first custody record of a bundle: that it was made, by whom and why. */
#include "custody_add.h"
#include "export.h"

#include <akashi/custody.h>
#include <akashi/signing_key.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* Longer than any SHA256SUMS of ours. */
#define SUMS_BYTES_MAX 65536u

/* Copies a statement; what does not fit on a line of a record is told by ak_custody_format. */
static void copy(char to[AK_CUSTODY_TEXT_BYTES_MAX + 1], const char *text)
{
    size_t len = strnlen(text, AK_CUSTODY_TEXT_BYTES_MAX + 1);

    if (len > AK_CUSTODY_TEXT_BYTES_MAX)
        len = 0; /* no text: refused */
    memcpy(to, text, len);
    to[len] = '\0';
}

static enum ak_code digest_sums(int dir_fd, struct ak_hash *digest, struct ak_error *err)
{
    char data[SUMS_BYTES_MAX];
    size_t len = 0;
    ssize_t n = 1;
    int fd = openat(dir_fd, "SHA256SUMS", O_RDONLY | O_NOFOLLOW | O_CLOEXEC);

    if (fd < 0)
        return ak_fail_errno(err, errno, "open SHA256SUMS");
    while (len < sizeof(data) && n > 0) {
        n = read(fd, data + len, sizeof(data) - len);
        len += n > 0 ? (size_t)n : 0;
    }
    (void)close(fd);
    if (n != 0)
        return ak_fail_errno(err, n < 0 ? errno : EFBIG, "read SHA256SUMS");
    ak_sha256(digest, data, len);
    return AK_OK;
}

static enum ak_code make(const struct ak_bundle_about *about, const struct ak_hash *evidence,
                         char *out, size_t cap, size_t *n, struct ak_error *err)
{
    struct ak_custody_record record = {.number = 1, .evidence = *evidence, .changes = "none"};
    int used = snprintf(record.exhibit, sizeof(record.exhibit), "%s / %s",
                        about->text[AK_BUNDLE_TEXT_CASE], about->text[AK_BUNDLE_TEXT_EXHIBIT]);
    enum ak_code rc;

    if (used < 0 || (size_t)used >= sizeof(record.exhibit))
        record.exhibit[0] = '\0'; /* refused */
    record.at = about->made / 1000000000u;
    copy(record.by, about->text[AK_BUNDLE_TEXT_BY]);
    copy(record.purpose, about->text[AK_BUNDLE_TEXT_REASON]);
    rc = ak_custody_format(out, cap, n, &record, err);
    if (rc != AK_OK)
        ak_wrap(err, "--case, --exhibit, --by and --reason stand in the custody record");
    return rc;
}

enum ak_code ak_export_custody(const char *dir, int dir_fd, const struct ak_bundle_about *about,
                               const struct ak_signing_key *key, struct ak_error *err)
{
    char data[AK_CUSTODY_BYTES_MAX];
    struct ak_hash evidence;
    size_t n;
    enum ak_code rc = digest_sums(dir_fd, &evidence, err);

    if (rc == AK_OK)
        rc = make(about, &evidence, data, sizeof(data), &n, err);
    if (rc == AK_OK && key != NULL)
        rc = ak_signing_key_note(key, data, n, data, sizeof(data), &n, err);
    return rc == AK_OK ? ak_custody_add(dir, false, 1, data, n, err) : rc;
}
