/* checkpoint.h - C2SP tlog-checkpoint: the signed text about a tree (format.md 4.3).
 *
 * Three lines: origin, size, base64 of the root. The signatures around it are note.h's. */
#ifndef AKASHI_CHECKPOINT_H
#define AKASHI_CHECKPOINT_H

#include <akashi/error.h>
#include <akashi/sha256.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Longest origin: tlog-cosignature signs it with a length of one byte. Own origins are shorter
 * (format.md 2). */
#define AK_ORIGIN_BYTES_MAX 255

/* Longest text without extension lines, with its NUL. */
#define AK_CHECKPOINT_BYTES_MAX (AK_ORIGIN_BYTES_MAX + 1 + 19 + 1 + 44 + 1 + 1)

struct ak_checkpoint {
    char origin[AK_ORIGIN_BYTES_MAX + 1]; /* NUL-terminated; never holds a NUL itself */
    uint64_t size;
    struct ak_hash root;
};

/* Reads the text of a note (ak_note.text). AK_EMALFORMED for anything that is not the one encoding
 * of a checkpoint: leading zeros, a root that is not canonical base64 of 32 bytes, missing line
 * ends, bytes that are not UTF-8, control characters. Extension lines, which nobody can audit, are
 * malformed unless `allow_extensions`; an empty one always is. AK_ELIMIT for an origin past
 * AK_ORIGIN_BYTES_MAX or a size past AK_TREE_SIZE_MAX. Whether the origin is one of ours and the
 * root fits the size is not asked here. */
enum ak_code ak_checkpoint_parse(struct ak_checkpoint *cp, const char *text, size_t len,
                                 bool allow_extensions, struct ak_error *err);

/* Writes the three lines and a NUL. Gives the length, or 0 if it does not fit into `cap`;
 * AK_CHECKPOINT_BYTES_MAX are always enough. */
size_t ak_checkpoint_format(char *out, size_t cap, const struct ak_checkpoint *cp);

#endif
