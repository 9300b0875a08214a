/* log_tree_scan.c - what stands in COLUMNS alone: runs of entries, without reading a payload; and
 * the positions of all sources before an index, from the FOOTER before it and the runs behind that.
 *
 * As all of log_tree.h, none of it is believed: positions are compared with what a state entry
 * says of them, indices with the entries found there. */
#include "log_tree_private.h"

#include "cursor.h"
#include "segment_file.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define POSITION_BYTES 34u /* in a FOOTER (6.7) */
#define POSITIONS_READ 1024u
#define LEAF_BYTES     26u /* of the positions root (10.4) */

/* ---- Runs ---- */

/* Reads the COLUMNS of the block that holds `index` into the tree's buffers, nothing of its DATA.
 */
static enum ak_code read_columns(struct ak_log_tree *tree, uint64_t index, struct ak_error *err)
{
    struct ak_frame_walk *walk = malloc(sizeof(*walk));
    struct ak_frame frame = {0};
    struct ak_tree_file *file;
    struct ak_tree_block at;
    size_t i;
    enum ak_code rc = walk == NULL ? ak_fail(err, AK_ENOMEM, "no memory to read a segment")
                                   : ak_tree_segment_of(tree, index, &i, err);

    if (rc == AK_OK)
        rc = ak_tree_listed_file(tree, i, &file, err);
    if (rc == AK_OK)
        rc = ak_tree_file_block(file, index, &at, err);
    if (rc == AK_OK) {
        tree->block_file = NULL; /* the columns of the open block go */
        rc = ak_frame_walk_begin(walk, file->fd, err);
    }
    if (rc == AK_OK && ak_frame_walk_seek(walk, at.offset, err) != AK_OK)
        rc = AK_EMALFORMED;
    if (rc == AK_OK)
        rc = ak_frame_next(walk, &frame, err);
    if (rc == AK_OK && frame.type != AK_FRAME_COLUMNS)
        rc = ak_fail(err, AK_EMALFORMED, "no COLUMNS stand at byte %" PRIu64, at.offset);
    if (rc == AK_OK)
        rc = ak_frame_read(file->fd, &frame, tree->columns_bytes, AK_FRAME_BUFFER_BYTES, NULL, err);
    if (rc == AK_OK)
        rc = ak_columns_decode(tree->columns, tree->columns_bytes + ak_frame_head(&frame),
                               (size_t)frame.content_bytes, err);
    if (rc == AK_OK && (tree->columns->first != at.first || tree->columns->count != at.count))
        rc = ak_fail(err, AK_EMALFORMED, "the block at byte %" PRIu64 " holds other entries",
                     at.offset);
    free(walk);
    return rc;
}

static enum ak_code offer_runs(const struct ak_columns *columns, uint64_t begin, uint64_t end,
                               ak_log_tree_run_fn on_run, void *ctx, struct ak_error *err)
{
    uint64_t index = columns->first;
    enum ak_code rc = AK_OK;

    for (uint32_t i = 0; rc == AK_OK && i < columns->run_count && index < end; i++) {
        struct ak_columns_run run = columns->run[i];
        uint64_t behind = index + run.count;
        uint64_t cut = index < begin ? begin - index : 0;
        if (behind > begin) {
            run.seq += cut;
            run.count = (uint32_t)((behind < end ? behind : end) - index - cut);
            rc = on_run(ctx, index + cut, &run, err);
        }
        index = behind;
    }
    return rc;
}

enum ak_code ak_log_tree_runs(struct ak_log_tree *tree, uint64_t begin, uint64_t end,
                              ak_log_tree_run_fn on_run, void *ctx, struct ak_error *err)
{
    enum ak_code rc = AK_OK;

    while (rc == AK_OK && begin < end) {
        uint64_t behind = 0;
        rc = read_columns(tree, begin, err);
        if (rc == AK_OK) {
            behind = tree->columns->first + tree->columns->count;
            rc = offer_runs(tree->columns, begin, end, on_run, ctx, err);
        }
        begin = behind;
    }
    return rc;
}

enum ak_code ak_log_tree_any_removed(struct ak_log_tree *tree, uint64_t begin, uint64_t end,
                                     bool *any, struct ak_error *err)
{
    enum ak_code rc = AK_OK;

    *any = false;
    while (rc == AK_OK && !*any && begin < end) {
        const struct ak_columns *columns = tree->columns;
        rc = read_columns(tree, begin, err);
        for (uint32_t i = 0; rc == AK_OK && i < columns->absent_count; i++) {
            const struct ak_columns_absent *absent = &columns->absent[i];
            uint64_t first = columns->first + absent->position;
            *any = *any || (first < end && first + absent->count > begin);
        }
        begin = columns->first + columns->count;
    }
    return rc;
}

/* ---- Positions ---- */

void ak_positions_free(struct ak_positions *positions)
{
    free(positions->row);
    memset(positions, 0, sizeof(*positions));
}

static enum ak_code reserve(struct ak_positions *p, uint64_t count, struct ak_error *err)
{
    size_t room = p->room == 0 ? 2 * (size_t)AK_SOURCE_FIRST : p->room;
    struct ak_position *more;

    if (count > AK_SOURCE_FIRST + (uint64_t)AK_DECLARED_MAX)
        return ak_fail(err, AK_ELIMIT, "a log of more than %u sources", AK_DECLARED_MAX);
    while (room < count)
        room *= 2;
    if (room != p->room) {
        more = reallocarray(p->row, room, sizeof(*more));
        if (more == NULL)
            return ak_fail(err, AK_ENOMEM, "no memory for the positions of sources");
        memset(more + p->room, 0, (room - p->room) * sizeof(*more));
        p->row = more;
        p->room = room;
    }
    if (p->count < count)
        p->count = (size_t)count;
    return AK_OK;
}

/* The rows of a FOOTER. */
static enum ak_code load(struct ak_positions *p, const struct ak_tree_file *file,
                         struct ak_error *err)
{
    uint64_t count = AK_SOURCE_FIRST + (uint64_t)file->sources;
    uint8_t *bytes = malloc((size_t)POSITIONS_READ * POSITION_BYTES);
    enum ak_code rc =
        bytes == NULL ? ak_fail(err, AK_ENOMEM, "no memory for positions") : reserve(p, count, err);

    for (uint64_t at = 0; rc == AK_OK && at < count; at += POSITIONS_READ) {
        size_t n = count - at < POSITIONS_READ ? (size_t)(count - at) : POSITIONS_READ;
        struct ak_cursor c;
        rc = ak_segment_pread(file->fd, file->positions_at + at * POSITION_BYTES, bytes,
                              n * POSITION_BYTES, err);
        ak_cursor_init(&c, bytes, n * POSITION_BYTES);
        for (size_t i = 0; rc == AK_OK && i < n; i++) {
            struct ak_position *row = &p->row[at + i];
            if (ak_cursor_u32(&c) != at + i)
                rc = ak_fail(err, AK_EMALFORMED, "a FOOTER lists no source %" PRIu64, at + i);
            row->next_seq = ak_cursor_u48(&c);
            row->last_index = ak_cursor_u64(&c);
            row->last_received = ak_cursor_u64(&c);
            row->declared = ak_cursor_u64(&c);
        }
    }
    free(bytes);
    return rc;
}

static enum ak_code take_run(void *ctx, uint64_t index, const struct ak_columns_run *run,
                             struct ak_error *err)
{
    struct ak_positions *p = ctx;
    struct ak_position *row;
    enum ak_code rc = reserve(p, (uint64_t)run->source + 1, err);

    if (rc == AK_OK && run->kind == AK_KIND_SOURCE)
        rc = reserve(p, AK_SOURCE_FIRST + run->seq + run->count, err);
    if (rc != AK_OK)
        return rc;
    row = &p->row[run->source];
    row->next_seq = run->seq + run->count;
    row->last_index = index + run->count - 1;
    row->last_received = run->received;
    for (uint32_t i = 0; run->kind == AK_KIND_SOURCE && i < run->count; i++)
        p->row[AK_SOURCE_FIRST + run->seq + i].declared = index + i;
    return AK_OK;
}

enum ak_code ak_log_tree_positions(struct ak_log_tree *tree, uint64_t index,
                                   struct ak_positions *positions, struct ak_error *err)
{
    size_t i = 0;
    uint64_t from = 0;
    enum ak_code rc = AK_OK;

    memset(positions, 0, sizeof(*positions));
    if (index > 0)
        rc = ak_tree_segment_of(tree, index - 1, &i, err);
    /* The newest FOOTER before; segments that wait to be sealed have none. */
    while (rc == AK_OK && !tree->careful && i > 0) {
        struct ak_tree_file *file;
        rc = ak_tree_listed_file(tree, --i, &file, err);
        if (rc == AK_OK && file->has_footer && file->end <= index) {
            from = file->end;
            rc = load(positions, file, err);
            break;
        }
    }
    if (rc == AK_OK)
        rc = reserve(positions, AK_SOURCE_FIRST, err);
    if (rc == AK_OK)
        rc = ak_log_tree_runs(tree, from, index, take_run, positions, err);
    if (rc != AK_OK)
        ak_positions_free(positions);
    return rc;
}

static void put(uint8_t *out, unsigned n, uint64_t value)
{
    for (unsigned i = 0; i < n; i++)
        out[i] = (uint8_t)(value >> (8 * (n - 1 - i)));
}

static void leaf_of(const struct ak_positions *p, uint64_t ordinal, struct ak_hash *out)
{
    const struct ak_position *row = &p->row[ordinal];
    uint8_t bytes[LEAF_BYTES];

    put(bytes, 4, ordinal);
    put(bytes + 4, 6, row->next_seq);
    put(bytes + 10, 8, row->next_seq == 0 ? 0 : row->last_index);
    put(bytes + 18, 8, row->next_seq == 0 ? 0 : row->last_received);
    ak_hash_leaf(out, bytes, sizeof(bytes));
}

enum ak_code ak_positions_node(void *ctx, unsigned level, uint64_t index, struct ak_hash *out,
                               struct ak_error *err)
{
    const struct ak_positions *p = ctx;
    struct ak_range range;

    ak_range_init(&range, index << level);
    while (range.end < (index + 1) << level) {
        struct ak_hash leaf;
        if (range.end >= p->count)
            return ak_fail(err, AK_ENOTFOUND, "there are fewer sources");
        leaf_of(p, range.end, &leaf);
        (void)ak_range_append(&range, &leaf);
    }
    *out = range.hash[0];
    return AK_OK;
}
