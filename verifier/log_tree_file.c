/* log_tree_file.c - the lists of a sealed segment's FOOTER, found from the end of the file; of any
 * other segment the same lists, made by a walk over its frames that reads no payload.
 *
 * Failure modes: a FOOTER that cannot be found or does not fit is passed over and the frames are
 * walked; what cannot be walked is not listed, and is then not found. */
#include "log_tree_file.h"

#include "cursor.h"
#include "segment_file.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FOOTER_BLOCK_BYTES    42u
#define FOOTER_POSITION_BYTES 34u

/* Type, version, frames, first, end, number of blocks (format.md 6.7). */
#define FOOTER_FRONT_BYTES (2u + AK_HASH_BYTES + 8u + 8u + 4u)

/* A HEADER has some 2 KiB: origin, range, start note, checkpoint. */
#define HEADER_READ_BYTES 4096u

/* The last entry of a seek table, and what stands behind it (6.8). */
#define SEEK_ENTRY_BYTES 8u
#define SEEK_END_BYTES   9u

static uint32_t load_le32(const uint8_t *p)
{
    return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

static uint8_t *copy_of(const uint8_t *data, size_t len)
{
    uint8_t *copy = malloc(len + 1);

    if (copy != NULL && len > 0)
        memcpy(copy, data, len);
    return copy;
}

/* What the HEADER's content holds, in memory of the file's own. */
static enum ak_code keep_header(struct ak_tree_file *file, const struct ak_segment_header *header,
                                struct ak_error *err)
{
    file->first = header->first;
    file->range = header->range;
    file->has_range = true;
    memcpy(file->origin, header->origin, sizeof(file->origin));
    if (header->epoch_note_len > 0) {
        file->epoch_note = copy_of(header->epoch_note, header->epoch_note_len);
        file->epoch_note_len = header->epoch_note_len;
    }
    if (header->checkpoint_len > 0) {
        file->checkpoint = copy_of(header->checkpoint, header->checkpoint_len);
        file->checkpoint_len = header->checkpoint_len;
    }
    if ((header->epoch_note_len > 0 && file->epoch_note == NULL) ||
        (header->checkpoint_len > 0 && file->checkpoint == NULL))
        return ak_fail(err, AK_ENOMEM, "no memory for a HEADER");
    return AK_OK;
}

/* Reads the HEADER frame, most likely with one call: the first bytes of a file hold it. */
static enum ak_code read_header(struct ak_tree_file *file, uint8_t *bytes, size_t *len,
                                struct ak_error *err)
{
    size_t n = file->size < HEADER_READ_BYTES ? (size_t)file->size : HEADER_READ_BYTES;
    uint32_t content;
    enum ak_code rc = ak_segment_pread(file->fd, 0, bytes, n, err);

    if (rc != AK_OK)
        return rc;
    if (n < AK_FRAME_HEAD_BYTES || load_le32(bytes) != AK_FRAME_MAGIC)
        return ak_fail(err, AK_EMALFORMED, "R19: it does not begin with a HEADER");
    content = load_le32(bytes + 4);
    *len = AK_FRAME_HEAD_BYTES + (size_t)content;
    if (content > AK_HEADER_BYTES_MAX || *len > file->size)
        return ak_fail(err, AK_EMALFORMED, "R19: its HEADER has no possible length");
    if (*len > n)
        rc = ak_segment_pread(file->fd, n, bytes + n, *len - n, err);
    return rc;
}

enum ak_code ak_tree_file_begin(struct ak_tree_file *file, int fd, uint64_t size,
                                struct ak_error *err)
{
    uint8_t *bytes = malloc(AK_FRAME_HEAD_BYTES + AK_HEADER_BYTES_MAX);
    struct ak_segment_header header;
    size_t len = 0;
    enum ak_code rc;

    memset(file, 0, sizeof(*file));
    file->fd = fd;
    file->size = size;
    if (bytes == NULL)
        return ak_fail(err, AK_ENOMEM, "no memory for a HEADER");
    rc = read_header(file, bytes, &len, err);
    file->header_bytes = len;
    if (rc == AK_OK)
        rc = ak_segment_header_decode(&header, bytes + AK_FRAME_HEAD_BYTES,
                                      len - AK_FRAME_HEAD_BYTES, err);
    if (rc == AK_OK)
        rc = keep_header(file, &header, err);
    free(bytes);
    return rc;
}

void ak_tree_file_close(struct ak_tree_file *file)
{
    if (file->fd >= 0)
        close(file->fd);
    free(file->block);
    free(file->epoch_note);
    free(file->checkpoint);
    memset(file, 0, sizeof(*file));
    file->fd = -1;
}

/* Where the FOOTER frame stands, by the last entry of the seek table behind it. */
static bool find_footer(const struct ak_tree_file *file, uint64_t *at, uint64_t *bytes)
{
    uint8_t tail[SEEK_ENTRY_BYTES + SEEK_END_BYTES];
    const uint8_t *end = tail + SEEK_ENTRY_BYTES;
    uint64_t table;

    if (file->size < sizeof(tail) ||
        ak_segment_pread(file->fd, file->size - sizeof(tail), tail, sizeof(tail), NULL) != AK_OK ||
        load_le32(end + 5) != AK_SEEK_FOOTER_MAGIC || end[4] != 0)
        return false;
    table = AK_FRAME_HEAD_BYTES + (uint64_t)load_le32(end) * SEEK_ENTRY_BYTES + SEEK_END_BYTES;
    *bytes = load_le32(tail);
    if (table > file->size || *bytes > file->size - table)
        return false;
    *at = file->size - table - *bytes;
    return *bytes >= AK_FRAME_HEAD_BYTES + FOOTER_FRONT_BYTES;
}

static bool read_count(const struct ak_tree_file *file, uint64_t at, uint64_t limit,
                       uint32_t *count)
{
    uint8_t bytes[4];
    struct ak_cursor c;

    if (at + sizeof(bytes) > limit ||
        ak_segment_pread(file->fd, at, bytes, sizeof(bytes), NULL) != AK_OK)
        return false;
    ak_cursor_init(&c, bytes, sizeof(bytes));
    *count = ak_cursor_u32(&c);
    return true;
}

/* The places of the FOOTER's lists; false if there is none that fits the HEADER. */
static bool read_footer(struct ak_tree_file *file)
{
    uint8_t front[AK_FRAME_HEAD_BYTES + FOOTER_FRONT_BYTES];
    struct ak_cursor c;
    uint64_t at;
    uint64_t bytes;
    uint64_t limit;
    uint64_t end;
    uint32_t blocks;
    uint32_t groups;

    if (!find_footer(file, &at, &bytes) ||
        ak_segment_pread(file->fd, at, front, sizeof(front), NULL) != AK_OK ||
        load_le32(front) != AK_FRAME_MAGIC || load_le32(front + 4) + AK_FRAME_HEAD_BYTES != bytes ||
        front[AK_FRAME_HEAD_BYTES] != AK_FRAME_FOOTER ||
        front[AK_FRAME_HEAD_BYTES + 1] != AK_FRAME_VERSION)
        return false;
    limit = at + bytes;
    ak_cursor_init(&c, front + AK_FRAME_HEAD_BYTES + 2 + AK_HASH_BYTES, 8 + 8 + 4);
    if (ak_cursor_u64(&c) != file->first)
        return false;
    end = ak_cursor_u64(&c);
    blocks = ak_cursor_u32(&c);
    if (end < file->first || end > AK_TREE_SIZE_MAX)
        return false;
    file->blocks_at = at + sizeof(front);
    at = file->blocks_at + (uint64_t)blocks * FOOTER_BLOCK_BYTES;
    if (!read_count(file, at, limit, &groups) ||
        groups != end / AK_GROUP_ENTRIES - file->first / AK_GROUP_ENTRIES)
        return false;
    file->groups_at = at + 4;
    at = file->groups_at + (uint64_t)groups * AK_HASH_BYTES;
    if (!read_count(file, at, limit, &file->sources) || file->sources > AK_DECLARED_MAX ||
        at + 4 + (uint64_t)(AK_SOURCE_FIRST + file->sources) * FOOTER_POSITION_BYTES > limit)
        return false;
    file->positions_at = at + 4;
    file->end = end;
    file->block_count = blocks;
    return true;
}

static enum ak_code add_block(struct ak_tree_file *file, const struct ak_tree_block *block,
                              struct ak_error *err)
{
    size_t n = file->block_count;

    if (n == AK_TREE_BLOCKS_MAX)
        return ak_fail(err, AK_ELIMIT, "a segment of more than %u blocks", AK_TREE_BLOCKS_MAX);
    if ((n & (n - 1)) == 0) { /* doubles, so the work stays linear */
        struct ak_tree_block *more =
            reallocarray(file->block, n == 0 ? 1 : n * 2, sizeof(*file->block));
        if (more == NULL)
            return ak_fail(err, AK_ENOMEM, "no memory for a list of blocks");
        file->block = more;
    }
    file->block[file->block_count++] = *block;
    file->end = block->first + block->count;
    return AK_OK;
}

/* A COLUMNS frame on the way, by its first bytes. What does not begin behind the block before is
 * passed over. */
static enum ak_code take_columns(struct ak_tree_file *file, const struct ak_frame *frame,
                                 const uint8_t *fixed, struct ak_error *err)
{
    struct ak_tree_block block = {.offset = frame->offset, .columns_bytes = (uint32_t)frame->bytes};
    struct ak_cursor c;

    ak_cursor_init(&c, fixed + AK_FRAME_HEAD_BYTES + 2 + 4 + 4 + AK_HASH_BYTES, 8 + 4);
    block.first = ak_cursor_u64(&c);
    block.count = ak_cursor_u32(&c);
    if (block.first < file->end || block.count == 0 || block.count > AK_BLOCK_ENTRIES_MAX ||
        block.first > AK_TREE_SIZE_MAX - block.count)
        return AK_OK;
    return add_block(file, &block, err);
}

/* From frame to frame by the lengths they state, a few bytes of each. Gives false where something
 * else than COLUMNS, MARK or NOTE stands, before the end of the file. */
static enum ak_code stride(struct ak_tree_file *file, bool *whole, struct ak_error *err)
{
    uint8_t head[AK_FRAME_HEAD_BYTES + AK_COLUMNS_FIXED_BYTES];
    uint64_t at = file->header_bytes;
    enum ak_code rc = AK_OK;

    *whole = false;
    while (rc == AK_OK && at < file->size) {
        size_t n = file->size - at < sizeof(head) ? (size_t)(file->size - at) : sizeof(head);
        struct ak_frame frame = {.offset = at};
        if (n < AK_FRAME_HEAD_BYTES + 1 || ak_segment_pread(file->fd, at, head, n, NULL) != AK_OK ||
            load_le32(head) != AK_FRAME_MAGIC)
            return AK_OK;
        frame.type = head[AK_FRAME_HEAD_BYTES];
        frame.bytes = AK_FRAME_HEAD_BYTES + (uint64_t)load_le32(head + 4);
        at += frame.bytes;
        if (frame.type == AK_FRAME_COLUMNS && n == sizeof(head) &&
            frame.bytes <= AK_FRAME_BUFFER_BYTES) {
            struct ak_cursor c;
            ak_cursor_init(&c, head + AK_FRAME_HEAD_BYTES + 2, 4);
            at += ak_cursor_u32(&c);
            rc = take_columns(file, &frame, head, err);
        } else if (frame.type != AK_FRAME_MARK && frame.type != AK_FRAME_NOTE) {
            return AK_OK;
        }
    }
    *whole = at == file->size;
    return rc;
}

static enum ak_code walk_frames(struct ak_tree_file *file, struct ak_error *err)
{
    uint8_t fixed[AK_FRAME_HEAD_BYTES + AK_COLUMNS_FIXED_BYTES];
    struct ak_frame_walk *walk = malloc(sizeof(*walk));
    struct ak_frame frame;
    uint64_t skipped;
    enum ak_code rc;

    if (walk == NULL)
        return ak_fail(err, AK_ENOMEM, "no memory to read a segment");
    file->end = file->first;
    file->block_count = 0;
    rc = ak_frame_walk_begin(walk, file->fd, err);
    while (rc == AK_OK) {
        enum ak_code walked = ak_frame_next(walk, &frame, NULL);
        if (walked == AK_OK && frame.type == AK_FRAME_END)
            break;
        if (walked == AK_OK && frame.type == AK_FRAME_TORN)
            walked = AK_EMALFORMED;
        else if (walked == AK_OK || (walked == AK_EMALFORMED && frame.type != AK_FRAME_NONE)) {
            if (frame.type == AK_FRAME_COLUMNS && frame.bytes >= sizeof(fixed) &&
                ak_segment_pread(file->fd, frame.offset, fixed, sizeof(fixed), NULL) == AK_OK)
                rc = take_columns(file, &frame, fixed, err);
            continue;
        }
        if (walked != AK_EMALFORMED || ak_frame_resync(walk, &skipped, NULL) != AK_OK)
            break;
    }
    free(walk);
    return rc;
}

enum ak_code ak_tree_file_list(struct ak_tree_file *file, bool careful, struct ak_error *err)
{
    bool whole = false;
    enum ak_code rc = AK_OK;

    if (file->has_footer || file->block != NULL)
        return AK_OK;
    if (!careful && read_footer(file)) {
        file->has_footer = true;
        return AK_OK;
    }
    file->end = file->first;
    file->block_count = 0;
    if (file->has_range)
        rc = stride(file, &whole, err);
    if (rc == AK_OK && !whole)
        rc = walk_frames(file, err);        /* takes the same again, and what stands behind */
    if (rc == AK_OK && file->block == NULL) /* so that it is not walked again */
        file->block = malloc(sizeof(*file->block));
    return rc;
}

static enum ak_code block_at(struct ak_tree_file *file, size_t i, struct ak_tree_block *block,
                             struct ak_error *err)
{
    uint8_t bytes[8 + 8 + 4];
    struct ak_cursor c;
    enum ak_code rc;

    if (!file->has_footer) {
        *block = file->block[i];
        return AK_OK;
    }
    rc = ak_segment_pread(file->fd, file->blocks_at + i * FOOTER_BLOCK_BYTES, bytes, sizeof(bytes),
                          err);
    ak_cursor_init(&c, bytes, sizeof(bytes));
    block->offset = ak_cursor_u64(&c);
    block->first = ak_cursor_u64(&c);
    block->count = ak_cursor_u32(&c);
    block->columns_bytes = 0;
    return rc;
}

enum ak_code ak_tree_file_block(struct ak_tree_file *file, uint64_t index,
                                struct ak_tree_block *block, struct ak_error *err)
{
    size_t low = 0;
    size_t high = file->block_count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        enum ak_code rc = block_at(file, middle, block, err);
        if (rc != AK_OK)
            return rc;
        if (index < block->first)
            high = middle;
        else if (index - block->first >= block->count)
            low = middle + 1;
        else
            return AK_OK;
    }
    return ak_fail(err, AK_ENOTFOUND, "no block holds entry %" PRIu64, index);
}

/* Groups that end before an index: the number of the first one that ends behind it. */
static uint64_t group_of(uint64_t index)
{
    return index / AK_GROUP_ENTRIES;
}

/* The level-8 hashes that one block of a walked segment gives of [group, group + n): they are the
 * last of its COLUMNS. */
static enum ak_code level8_of_block(const struct ak_tree_file *file,
                                    const struct ak_tree_block *block, uint64_t group, size_t n,
                                    size_t *got, struct ak_hash *out, struct ak_error *err)
{
    uint64_t from = group_of(block->first);
    uint64_t to = group_of(block->first + block->count);
    uint64_t back = (to - group) * AK_HASH_BYTES; /* of the first one wanted, from the end */

    *got = to - group < n ? (size_t)(to - group) : n;
    if (group < from || block->columns_bytes < AK_COLUMNS_FIXED_BYTES + back)
        return ak_fail(err, AK_ENOTFOUND, "no level-8 hash of group %" PRIu64 " is here", group);
    return ak_segment_pread(file->fd, block->offset + block->columns_bytes - back, out,
                            *got * AK_HASH_BYTES, err);
}

enum ak_code ak_tree_file_level8(struct ak_tree_file *file, uint64_t group, size_t n,
                                 struct ak_hash *out, struct ak_error *err)
{
    struct ak_tree_block block;
    enum ak_code rc = AK_OK;

    if (group < group_of(file->first) || group + n > group_of(file->end))
        return ak_fail(err, AK_ENOTFOUND, "groups %" PRIu64 " to %" PRIu64 " do not end here",
                       group, group + n - 1);
    if (file->has_footer)
        return ak_segment_pread(file->fd,
                                file->groups_at + (group - group_of(file->first)) * AK_HASH_BYTES,
                                out, n * AK_HASH_BYTES, err);
    while (rc == AK_OK && n > 0) {
        size_t got = 0;
        rc = ak_tree_file_block(file, group * AK_GROUP_ENTRIES + AK_GROUP_ENTRIES - 1, &block, err);
        if (rc == AK_OK)
            rc = level8_of_block(file, &block, group, n, &got, out, err);
        group += got;
        out += got;
        n -= got;
    }
    return rc;
}

enum ak_code ak_tree_file_declaration(const struct ak_tree_file *file, uint32_t ordinal,
                                      uint64_t *declaration, struct ak_error *err)
{
    uint8_t bytes[FOOTER_POSITION_BYTES];
    struct ak_cursor c;
    enum ak_code rc;

    if (!file->has_footer || ordinal < AK_SOURCE_FIRST ||
        ordinal - AK_SOURCE_FIRST >= file->sources)
        return ak_fail(err, AK_ENOTFOUND, "no FOOTER lists source %" PRIu32, ordinal);
    rc = ak_segment_pread(file->fd, file->positions_at + (uint64_t)ordinal * FOOTER_POSITION_BYTES,
                          bytes, sizeof(bytes), err);
    ak_cursor_init(&c, bytes, sizeof(bytes));
    if (rc == AK_OK && ak_cursor_u32(&c) != ordinal)
        rc = ak_fail(err, AK_ENOTFOUND, "no FOOTER lists source %" PRIu32, ordinal);
    (void)ak_cursor_u48(&c);
    (void)ak_cursor_bytes(&c, 8 + 8);
    *declaration = ak_cursor_u64(&c);
    return rc;
}

/* Kinds of a block by its COLUMNS. */
static enum ak_code columns_kinds(const struct ak_tree_file *file,
                                  const struct ak_tree_block *block, struct ak_columns *columns,
                                  uint8_t *bytes, unsigned *kinds, struct ak_error *err)
{
    enum ak_code rc = ak_segment_pread(file->fd, block->offset, bytes, block->columns_bytes, err);

    if (rc == AK_OK)
        rc = ak_columns_decode(columns, bytes + AK_FRAME_HEAD_BYTES,
                               block->columns_bytes - AK_FRAME_HEAD_BYTES, err);
    for (uint32_t r = 0; rc == AK_OK && r < columns->run_count; r++)
        *kinds |= columns->run[r].kind < AK_KINDS_OTHER_BIT ? 1u << columns->run[r].kind
                                                            : 1u << AK_KINDS_OTHER_BIT;
    return rc;
}

enum ak_code ak_tree_file_kinds(const struct ak_tree_file *file, size_t i,
                                struct ak_columns *columns, uint8_t *bytes,
                                struct ak_tree_block *block, unsigned *kinds, struct ak_error *err)
{
    uint8_t listed[FOOTER_BLOCK_BYTES];
    struct ak_cursor c;
    enum ak_code rc;

    *kinds = 0;
    if (!file->has_footer) {
        *block = file->block[i];
        return columns_kinds(file, block, columns, bytes, kinds, err);
    }
    rc = ak_segment_pread(file->fd, file->blocks_at + (uint64_t)i * FOOTER_BLOCK_BYTES, listed,
                          sizeof(listed), err);
    if (rc != AK_OK)
        return rc;
    ak_cursor_init(&c, listed, sizeof(listed));
    *block = (struct ak_tree_block){.offset = ak_cursor_u64(&c)};
    block->first = ak_cursor_u64(&c);
    block->count = ak_cursor_u32(&c);
    ak_cursor_init(&c, listed + FOOTER_BLOCK_BYTES - 2, 2);
    *kinds = ak_cursor_u16(&c);
    return AK_OK;
}
