/* renewal.c - the text of a renewal list, read hostile and written in its one encoding (format.md
 * 9.5). Names rise by their bytes, so that a set of files has one list. */
#include "store_list.h"
#include "text.h"

#include <akashi/base64.h>
#include <akashi/renewal.h>

#include <openssl/evp.h>

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define HEADING "akashi/renewal/v1"

#define READ_BYTES 262144u

bool ak_renewal_holds(const char *name)
{
    struct ak_list_file file = {.name = (char *)name, .type = AK_LIST_UNKNOWN};

    if (strlen(name) >= AK_RENEWAL_NAME_BYTES)
        return false;
    ak_list_read_name(&file);
    return (file.type == AK_LIST_SEGMENT && !file.open) || file.type == AK_LIST_STAMPED ||
           file.type == AK_LIST_STAMP || file.type == AK_LIST_RENEWAL ||
           file.type == AK_LIST_RENEWAL_STAMP;
}

/* Takes what stands before the next space. */
static bool take_word(struct ak_text *rest, struct ak_text *word)
{
    const char *space = memchr(rest->p, ' ', rest->len);

    if (space == NULL)
        return false;
    *word = (struct ak_text){rest->p, (size_t)(space - rest->p)};
    *rest = (struct ak_text){space + 1, rest->len - word->len - 1};
    return true;
}

static bool read_line(struct ak_text line, struct ak_renewal_file *file)
{
    struct ak_text bytes;
    struct ak_text digest;
    size_t n;

    if (!take_word(&line, &bytes) || !ak_text_decimal(bytes, INT64_MAX, &file->bytes) ||
        !take_word(&line, &digest) ||
        ak_base64_decode(file->digest, sizeof(file->digest), &n, digest.p, digest.len, NULL) !=
            AK_OK ||
        n != sizeof(file->digest) || line.len == 0 || line.len >= sizeof(file->name) ||
        memchr(line.p, '\0', line.len) != NULL)
        return false;
    memcpy(file->name, line.p, line.len);
    file->name[line.len] = '\0';
    return ak_renewal_holds(file->name);
}

bool ak_renewal_next(const struct ak_renewal *renewal, size_t *at, struct ak_renewal_file *file)
{
    struct ak_text rest = {renewal->lines + *at, renewal->lines_len - *at};
    struct ak_text line;

    if (rest.len == 0 || !ak_text_line(&rest, &line) || !read_line(line, file))
        return false;
    *at = renewal->lines_len - rest.len;
    return true;
}

static enum ak_code count_lines(struct ak_renewal *out, struct ak_error *err)
{
    char before[AK_RENEWAL_NAME_BYTES] = "";
    struct ak_renewal_file file;
    size_t at = 0;

    while (ak_renewal_next(out, &at, &file)) {
        if (strcmp(before, file.name) >= 0)
            return ak_fail(err, AK_EMALFORMED, "its names do not rise at %s", file.name);
        memcpy(before, file.name, sizeof(before));
        out->count++;
    }
    if (at != out->lines_len)
        return ak_fail(err, AK_EMALFORMED, "line %zu of it names no file of a log as it should",
                       out->count + 5);
    if (out->count == 0)
        return ak_fail(err, AK_EMALFORMED, "it names no file");
    return AK_OK;
}

enum ak_code ak_renewal_parse(struct ak_renewal *out, const char *text, size_t len,
                              struct ak_error *err)
{
    struct ak_text rest = {text, len};
    struct ak_text line;

    memset(out, 0, sizeof(*out));
    if (len > AK_RENEWAL_BYTES_MAX)
        return ak_fail(err, AK_ELIMIT, "it has more than %u bytes", AK_RENEWAL_BYTES_MAX);
    if (!ak_text_skip(&rest, HEADING "\n"))
        return ak_fail(err, AK_EMALFORMED, "it is no list of a renewal: its first line is not %s",
                       HEADING);
    if (!ak_text_line(&rest, &line) || line.len == 0 || line.len >= sizeof(out->origin) ||
        !ak_text_is_note(line.p, line.len))
        return ak_fail(err, AK_EMALFORMED, "its second line is no origin");
    memcpy(out->origin, line.p, line.len);
    if (!ak_text_line(&rest, &line) || !ak_text_decimal(line, INT64_MAX, &out->size))
        return ak_fail(err, AK_EMALFORMED, "its third line is no size");
    if (!ak_text_skip(&rest, "\n"))
        return ak_fail(err, AK_EMALFORMED, "its fourth line is not empty");
    out->lines = rest.p;
    out->lines_len = rest.len;
    return count_lines(out, err);
}

size_t ak_renewal_write_head(char *out, size_t cap, const char *origin, uint64_t size)
{
    int n = snprintf(out, cap, HEADING "\n%s\n%" PRIu64 "\n\n", origin, size);

    return n < 0 || (size_t)n >= cap ? 0 : (size_t)n;
}

size_t ak_renewal_write_line(char *out, size_t cap, const struct ak_renewal_file *file)
{
    char digest[AK_BASE64_CHARS(AK_SHA512_BYTES) + 1];
    int n;

    (void)ak_base64_encode(digest, sizeof(digest), file->digest, sizeof(file->digest));
    n = snprintf(out, cap, "%" PRIu64 " %s %s\n", file->bytes, digest, file->name);
    return n < 0 || (size_t)n >= cap ? 0 : (size_t)n;
}

static enum ak_code digest_fd(int fd, EVP_MD_CTX *ctx, uint8_t *buffer,
                              struct ak_renewal_file *file, struct ak_error *err)
{
    uint64_t offset = 0;
    ssize_t got;
    bool good = EVP_DigestInit_ex(ctx, EVP_sha512(), NULL) == 1;

    while (good && (got = ak_list_pread(fd, buffer, READ_BYTES, offset)) != 0) {
        if (got < 0)
            return ak_fail_errno(err, errno, "read %s", file->name);
        good = EVP_DigestUpdate(ctx, buffer, (size_t)got) == 1;
        offset += (uint64_t)got;
    }
    if (!good || EVP_DigestFinal_ex(ctx, file->digest, NULL) != 1)
        return ak_fail(err, AK_ENOMEM, "no memory for a digest");
    file->bytes = offset;
    return AK_OK;
}

enum ak_code ak_renewal_digest(int dir_fd, struct ak_renewal_file *file, struct ak_error *err)
{
    EVP_MD_CTX *ctx;
    uint8_t *buffer;
    int fd;
    enum ak_code rc = ak_list_open_file(dir_fd, file->name, &fd, &file->bytes, err);

    if (rc != AK_OK)
        return rc;
    ctx = EVP_MD_CTX_new();
    buffer = malloc(READ_BYTES);
    rc = ctx == NULL || buffer == NULL ? ak_fail(err, AK_ENOMEM, "no memory for a digest")
                                       : digest_fd(fd, ctx, buffer, file, err);
    free(buffer);
    EVP_MD_CTX_free(ctx);
    close(fd);
    return rc;
}
