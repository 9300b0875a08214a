/* checkpoint.c - C2SP tlog-checkpoint, text side. */
#include <akashi/checkpoint.h>

#include <akashi/base64.h>
#include <akashi/tree.h>

#include "text.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static enum ak_code parse_origin(struct ak_checkpoint *cp, struct ak_text line,
                                 struct ak_error *err)
{
    if (line.len == 0)
        return ak_fail(err, AK_EMALFORMED, "a checkpoint begins with its origin");
    if (line.len > AK_ORIGIN_BYTES_MAX)
        return ak_fail(err, AK_ELIMIT, "a checkpoint's origin has %zu bytes, at most %d are read",
                       line.len, AK_ORIGIN_BYTES_MAX);
    memset(cp->origin, 0, sizeof(cp->origin));
    memcpy(cp->origin, line.p, line.len);
    return AK_OK;
}

static enum ak_code parse_size(struct ak_checkpoint *cp, struct ak_text line, struct ak_error *err)
{
    if (!ak_text_decimal(line, UINT64_MAX, &cp->size))
        return ak_fail(err, AK_EMALFORMED, "a checkpoint's size is not a decimal number");
    if (cp->size > AK_TREE_SIZE_MAX)
        return ak_fail(err, AK_ELIMIT, "a checkpoint's size is past 2^63 - 1");
    return AK_OK;
}

static enum ak_code parse_root(struct ak_checkpoint *cp, struct ak_text line, struct ak_error *err)
{
    size_t n;

    if (ak_base64_decode(cp->root.b, AK_HASH_BYTES, &n, line.p, line.len, NULL) != AK_OK ||
        n != AK_HASH_BYTES)
        return ak_fail(err, AK_EMALFORMED, "a checkpoint's root is not base64 of 32 bytes");
    return AK_OK;
}

/* What may follow the three lines. */
static enum ak_code check_extensions(struct ak_text rest, bool allowed, struct ak_error *err)
{
    struct ak_text line;

    if (rest.len > 0 && !allowed)
        return ak_fail(err, AK_EMALFORMED, "a checkpoint of ours has exactly three lines");
    while (ak_text_line(&rest, &line)) {
        if (line.len == 0)
            return ak_fail(err, AK_EMALFORMED, "a checkpoint has an empty line");
    }
    if (rest.len > 0)
        return ak_fail(err, AK_EMALFORMED, "a checkpoint's last line is not ended");
    return AK_OK;
}

enum ak_code ak_checkpoint_parse(struct ak_checkpoint *cp, const char *text, size_t len,
                                 bool allow_extensions, struct ak_error *err)
{
    struct ak_text rest = {text, len};
    struct ak_text origin;
    struct ak_text size;
    struct ak_text root;
    enum ak_code rc;

    if (!ak_text_is_note(text, len))
        return ak_fail(err, AK_EMALFORMED, "a checkpoint is UTF-8 without control characters");
    if (!ak_text_line(&rest, &origin) || !ak_text_line(&rest, &size) || !ak_text_line(&rest, &root))
        return ak_fail(err, AK_EMALFORMED, "a checkpoint has three lines: origin, size, root");
    rc = parse_origin(cp, origin, err);
    if (rc == AK_OK)
        rc = parse_size(cp, size, err);
    if (rc == AK_OK)
        rc = parse_root(cp, root, err);
    if (rc == AK_OK)
        rc = check_extensions(rest, allow_extensions, err);
    return rc;
}

size_t ak_checkpoint_format(char *out, size_t cap, const struct ak_checkpoint *cp)
{
    char root[AK_BASE64_CHARS(AK_HASH_BYTES) + 1];
    int n;

    (void)ak_base64_encode(root, sizeof(root), cp->root.b, AK_HASH_BYTES);
    n = snprintf(out, cap, "%s\n%" PRIu64 "\n%s\n", cp->origin, cp->size, root);
    return n > 0 && (size_t)n < cap ? (size_t)n : 0;
}
