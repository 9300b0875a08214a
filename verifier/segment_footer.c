/* segment_footer.c - FOOTER and seek table, compared with what was derived (format.md 6.7, 6.8).
 *
 * Both are read once, as streams. Their long lists are compared by digest: what is derived on the
 * way through the segment is hashed in the form in which the list has it, and so is the list. */
#include <akashi/segment.h>

#include "cursor.h"
#include "segment_file.h"

#include <inttypes.h>
#include <string.h>

#define BLOCK_BYTES      42u
#define POSITION_BYTES   34u
#define SEEK_ENTRY_BYTES 8u
#define SEEK_END_BYTES   9u

static uint8_t *put(uint8_t *out, uint64_t value, unsigned bytes)
{
    for (unsigned i = 0; i < bytes; i++)
        out[i] = (uint8_t)(value >> (8 * (bytes - 1 - i)));
    return out + bytes;
}

static uint8_t *put_le32(uint8_t *out, uint32_t value)
{
    for (unsigned i = 0; i < 4; i++)
        out[i] = (uint8_t)(value >> (8 * i));
    return out + 4;
}

void ak_footer_block_derive(struct ak_footer_block *out, const struct ak_columns *columns,
                            uint64_t offset)
{
    const struct ak_columns_run *last = &columns->run[columns->run_count - 1];

    *out = (struct ak_footer_block){.offset = offset,
                                    .first = columns->first,
                                    .count = columns->count,
                                    .clock_run_first = columns->run[0].clock_run,
                                    .received_first = columns->run[0].received,
                                    .clock_run_last = last->clock_run,
                                    .received_last = last->received};
    for (uint32_t r = 0; r < columns->run_count; r++) {
        unsigned kind = columns->run[r].kind;
        unsigned bit = kind < AK_KINDS_OTHER_BIT ? kind : AK_KINDS_OTHER_BIT;
        out->kinds = (uint16_t)(out->kinds | 1u << bit);
    }
}

void ak_segment_derived_begin(struct ak_segment_derived *derived, uint64_t first)
{
    memset(derived, 0, sizeof(*derived));
    derived->first = first;
    ak_sha256_init(&derived->frames);
    ak_sha256_init(&derived->blocks);
    ak_sha256_init(&derived->groups);
    ak_sha256_init(&derived->seeks);
}

void ak_segment_derived_frame(struct ak_segment_derived *derived, const struct ak_frame *frame,
                              const struct ak_hash *digest, uint32_t text_bytes)
{
    uint8_t entry[SEEK_ENTRY_BYTES];

    (void)put_le32(put_le32(entry, (uint32_t)frame->bytes), text_bytes);
    ak_sha256_update(&derived->frames, digest->b, AK_HASH_BYTES);
    ak_sha256_update(&derived->seeks, entry, sizeof(entry));
    derived->frame_count++;
}

void ak_segment_derived_block(struct ak_segment_derived *derived,
                              const struct ak_footer_block *block)
{
    uint8_t bytes[BLOCK_BYTES];
    uint8_t *at = bytes;

    at = put(at, block->offset, 8);
    at = put(at, block->first, 8);
    at = put(at, block->count, 4);
    at = put(at, block->clock_run_first, 2);
    at = put(at, block->received_first, 8);
    at = put(at, block->clock_run_last, 2);
    at = put(at, block->received_last, 8);
    (void)put(at, block->kinds, 2);
    ak_sha256_update(&derived->blocks, bytes, sizeof(bytes));
    derived->block_count++;
}

void ak_segment_derived_group(struct ak_segment_derived *derived, const struct ak_hash *level8)
{
    ak_sha256_update(&derived->groups, level8->b, AK_HASH_BYTES);
    derived->group_count++;
}

static struct ak_hash digest_so_far(const struct ak_sha256_ctx *ctx)
{
    struct ak_sha256_ctx copy = *ctx;
    struct ak_hash digest;

    ak_sha256_final(&copy, &digest);
    return digest;
}

/* A reading of a footer. What differs is noted and reading goes on: the frame's own digest has to
 * be known before anything else of it is worth a word. */
struct reading {
    struct ak_stream stream;
    struct ak_footer *footer;
    const struct ak_segment_derived *derived;
    const struct ak_range *range;
    ak_footer_position_fn on_position;
    ak_footer_block_fn on_block;
    ak_footer_group_fn on_group;
    void *ctx;
    enum ak_code rc;       /* first thing that differs */
    struct ak_error found; /* its text */
};

static void differs(struct reading *r, enum ak_code code, const char *what)
{
    if (r->rc == AK_OK)
        r->rc = ak_fail(&r->found, code, "R23: the FOOTER's %s", what);
}

static enum ak_code take(struct reading *r, size_t n, struct ak_cursor *c, struct ak_error *err)
{
    const uint8_t *at = NULL;
    enum ak_code rc = ak_stream_take(&r->stream, n, &at, err);

    ak_cursor_init(c, at, rc == AK_OK ? n : 0);
    return rc;
}

static enum ak_code take_hash(struct reading *r, struct ak_hash *hash, struct ak_error *err)
{
    const uint8_t *at = NULL;
    enum ak_code rc = ak_stream_take(&r->stream, AK_HASH_BYTES, &at, err);

    if (rc == AK_OK)
        memcpy(hash->b, at, AK_HASH_BYTES);
    return rc;
}

/* A u32 number of things of `bytes` each, which must be there. */
static enum ak_code take_count(struct reading *r, size_t bytes, uint32_t *count,
                               struct ak_error *err)
{
    struct ak_cursor c;
    enum ak_code rc = take(r, 4, &c, err);

    if (rc != AK_OK)
        return rc;
    *count = ak_cursor_u32(&c);
    if ((uint64_t)*count * bytes > ak_stream_left(&r->stream))
        return ak_fail(err, AK_EMALFORMED, "a list of %u things does not fit into it", *count);
    return AK_OK;
}

static enum ak_code read_front(struct reading *r, struct ak_error *err)
{
    struct ak_footer *footer = r->footer;
    struct ak_hash expected;
    struct ak_cursor c;
    enum ak_code rc = take(r, 2, &c, err);

    if (rc != AK_OK)
        return rc;
    if (ak_cursor_u8(&c) != AK_FRAME_FOOTER)
        return ak_fail(err, AK_EMALFORMED, "it is no FOOTER frame");
    if (ak_cursor_u8(&c) != AK_FRAME_VERSION)
        return ak_fail(err, AK_EUNSUPPORTED, "its version is not known");
    rc = take_hash(r, &footer->frames, err);
    if (rc == AK_OK)
        rc = take(r, 16, &c, err);
    if (rc != AK_OK)
        return rc;
    footer->first = ak_cursor_u64(&c);
    footer->end = ak_cursor_u64(&c);
    if (r->derived != NULL) {
        expected = digest_so_far(&r->derived->frames);
        if (!ak_hash_equal(&expected, &footer->frames))
            differs(
                r, AK_EINTEGRITY,
                "digest of frames does not come out: some frame is not the one that was sealed");
    }
    if (footer->first > footer->end || footer->end > AK_TREE_SIZE_MAX)
        return ak_fail(err, AK_EMALFORMED, "its first or end is out of bounds");
    if (r->derived != NULL && footer->first != r->derived->first)
        differs(r, AK_EMALFORMED, "first index is not the HEADER's");
    if (r->range != NULL && footer->end != r->range->end)
        differs(r, AK_EMALFORMED, "end is not behind the last entry");
    return AK_OK;
}

static enum ak_code read_block(struct reading *r, struct ak_sha256_ctx *ctx, struct ak_error *err)
{
    struct ak_footer_block block;
    struct ak_cursor c;
    enum ak_code rc = take(r, BLOCK_BYTES, &c, err);

    if (rc != AK_OK)
        return rc;
    ak_sha256_update(ctx, c.p, BLOCK_BYTES);
    if (r->on_block == NULL)
        return AK_OK;
    block.offset = ak_cursor_u64(&c);
    block.first = ak_cursor_u64(&c);
    block.count = ak_cursor_u32(&c);
    block.clock_run_first = ak_cursor_u16(&c);
    block.received_first = ak_cursor_u64(&c);
    block.clock_run_last = ak_cursor_u16(&c);
    block.received_last = ak_cursor_u64(&c);
    block.kinds = ak_cursor_u16(&c);
    return r->on_block(r->ctx, &block, err);
}

static enum ak_code read_blocks(struct reading *r, struct ak_error *err)
{
    struct ak_sha256_ctx ctx;
    struct ak_hash expected;
    struct ak_hash digest;
    enum ak_code rc = take_count(r, BLOCK_BYTES, &r->footer->blocks, err);

    ak_sha256_init(&ctx);
    for (uint32_t i = 0; rc == AK_OK && i < r->footer->blocks; i++)
        rc = read_block(r, &ctx, err);
    if (rc != AK_OK || r->derived == NULL)
        return rc;
    ak_sha256_final(&ctx, &digest);
    expected = digest_so_far(&r->derived->blocks);
    if (r->footer->blocks != r->derived->block_count || !ak_hash_equal(&digest, &expected))
        differs(r, AK_EMALFORMED, "list of blocks is not that of the segment");
    return AK_OK;
}

static enum ak_code read_groups(struct reading *r, struct ak_error *err)
{
    struct ak_sha256_ctx ctx;
    struct ak_hash expected;
    struct ak_hash digest;
    enum ak_code rc = take_count(r, AK_HASH_BYTES, &r->footer->groups, err);

    ak_sha256_init(&ctx);
    for (uint32_t i = 0; rc == AK_OK && i < r->footer->groups; i++) {
        rc = take_hash(r, &digest, err);
        if (rc == AK_OK)
            ak_sha256_update(&ctx, digest.b, AK_HASH_BYTES);
        if (rc == AK_OK && r->on_group != NULL)
            r->on_group(r->ctx, r->footer->first / AK_GROUP_ENTRIES + i, &digest);
    }
    if (rc != AK_OK)
        return rc;
    if (r->footer->groups !=
        r->footer->end / AK_GROUP_ENTRIES - r->footer->first / AK_GROUP_ENTRIES)
        differs(r, AK_EMALFORMED, "number of level-8 hashes does not fit its indices");
    if (r->derived == NULL)
        return AK_OK;
    ak_sha256_final(&ctx, &digest);
    expected = digest_so_far(&r->derived->groups);
    if (r->footer->groups != r->derived->group_count || !ak_hash_equal(&digest, &expected))
        differs(r, AK_EMALFORMED, "level-8 hashes are not those of the segment");
    return AK_OK;
}

/* What can be said of a position without having seen its source. */
static bool position_possible(const struct reading *r, const struct ak_footer_position *at,
                              uint32_t ordinal)
{
    if (at->ordinal != ordinal || (ordinal < AK_SOURCE_FIRST && at->declared != 0) ||
        (ordinal >= AK_SOURCE_FIRST && at->declared >= r->footer->end))
        return false;
    if (at->next_seq == 0)
        return at->last_index == 0 && at->last_received == 0;
    return at->last_index < r->footer->end && at->last_received % AK_TIME_UNIT == 0;
}

static enum ak_code read_positions(struct reading *r, struct ak_error *err)
{
    enum ak_code rc = take_count(r, POSITION_BYTES, &r->footer->sources, err);

    if (rc == AK_OK && r->footer->sources > AK_DECLARED_MAX)
        return ak_fail(err, AK_ELIMIT, "it lists %u sources, at most %u are read",
                       r->footer->sources, AK_DECLARED_MAX);
    for (uint32_t i = 0; rc == AK_OK && i < AK_SOURCE_FIRST + r->footer->sources; i++) {
        struct ak_footer_position position;
        struct ak_cursor c;
        rc = take(r, POSITION_BYTES, &c, err);
        if (rc != AK_OK)
            break;
        position.ordinal = ak_cursor_u32(&c);
        position.next_seq = ak_cursor_u48(&c);
        position.last_index = ak_cursor_u64(&c);
        position.last_received = ak_cursor_u64(&c);
        position.declared = ak_cursor_u64(&c);
        if (!position_possible(r, &position, i))
            differs(r, AK_EMALFORMED, "list of positions is not possible");
        else if (r->on_position != NULL && r->rc == AK_OK)
            r->rc = r->on_position(r->ctx, &position, &r->found);
    }
    return rc;
}

static enum ak_code read_range(struct reading *r, struct ak_error *err)
{
    struct ak_hash hash[AK_RANGE_HASHES_MAX];
    struct ak_range *range = &r->footer->range;
    struct ak_cursor c;
    unsigned n;
    enum ak_code rc = take(r, 1, &c, err);

    if (rc != AK_OK)
        return rc;
    n = ak_cursor_u8(&c);
    if (n > AK_RANGE_HASHES_MAX)
        return ak_fail(err, AK_EMALFORMED, "its range has %u hashes", n);
    for (unsigned i = 0; rc == AK_OK && i < n; i++)
        rc = take_hash(r, &hash[i], err);
    if (rc == AK_OK)
        rc = ak_range_load(range, 0, r->footer->end, hash, n, err);
    if (rc != AK_OK)
        return rc;
    if (r->range != NULL && (r->range->count != n ||
                             memcmp(r->range->hash, range->hash, n * sizeof(range->hash[0])) != 0))
        differs(r, AK_EMALFORMED, "range is not that of the log");
    if (ak_stream_left(&r->stream) != AK_HASH_BYTES)
        return ak_fail(err, AK_EMALFORMED, "it does not end behind its range and digest");
    return AK_OK;
}

/* `self` and H(frame). A broken `self` explains whatever else is wrong. */
static enum ak_code read_end(struct reading *r, struct ak_error *err)
{
    struct ak_hash self;
    struct ak_hash content;
    enum ak_code rc = ak_stream_end(&r->stream, &r->footer->digest, &content, &self, err);

    if (rc == AK_OK && !ak_hash_equal(&self, &content))
        rc = ak_fail(err, AK_EINTEGRITY, "R23: the FOOTER's own digest (self) does not come out");
    return rc;
}

static enum ak_code read_footer(struct reading *r, struct ak_error *err)
{
    static enum ak_code (*const part[])(struct reading *, struct ak_error *) = {
        read_front, read_blocks, read_groups, read_positions, read_range};
    struct ak_error why = {0};
    enum ak_code rc = AK_OK;
    enum ak_code end;

    for (size_t i = 0; rc == AK_OK && i < sizeof(part) / sizeof(part[0]); i++)
        rc = part[i](r, err);
    if (rc == AK_EIO)
        return rc;
    if (rc != AK_OK)
        ak_wrap(err, "R23: FOOTER");
    end = read_end(r, rc == AK_OK ? err : &why);
    if (end != AK_OK && rc != AK_OK && err != NULL)
        *err = why;
    if (end != AK_OK)
        return end;
    r->footer->other_frames = r->rc == AK_EINTEGRITY;
    if (r->rc == AK_EINTEGRITY || (rc == AK_OK && r->rc != AK_OK)) { /* `frames` comes first */
        if (err != NULL)
            *err = r->found;
        rc = r->rc;
    }
    return rc;
}

static enum ak_code begin(struct reading *r, struct ak_footer *footer, int fd,
                          const struct ak_frame *frame, struct ak_error *err)
{
    memset(footer, 0, sizeof(*footer));
    memset(&r->found, 0, sizeof(r->found));
    r->footer = footer;
    r->rc = AK_OK;
    if (frame->type != AK_FRAME_FOOTER || frame->content_bytes < 2 + AK_HASH_BYTES)
        return ak_fail(err, AK_EMALFORMED, "R23: a FOOTER of %" PRIu64 " bytes", frame->bytes);
    return ak_stream_begin(&r->stream, fd, frame, err);
}

enum ak_code ak_footer_check(struct ak_footer *footer, int fd, const struct ak_frame *frame,
                             const struct ak_segment_derived *derived, const struct ak_range *range,
                             ak_footer_position_fn on_position, void *ctx, struct ak_error *err)
{
    struct reading r = {.derived = derived, .range = range, .on_position = on_position, .ctx = ctx};
    enum ak_code rc = begin(&r, footer, fd, frame, err);

    return rc == AK_OK ? read_footer(&r, err) : rc;
}

enum ak_code ak_footer_blocks(int fd, const struct ak_frame *frame, ak_footer_block_fn on_block,
                              void *ctx, struct ak_error *err)
{
    struct ak_footer footer;
    struct reading r = {.on_block = on_block, .ctx = ctx};
    enum ak_code rc = begin(&r, &footer, fd, frame, err);

    if (rc == AK_OK)
        rc = read_front(&r, err);
    if (rc == AK_OK)
        rc = read_blocks(&r, err);
    return rc;
}

enum ak_code ak_footer_groups(int fd, const struct ak_frame *frame, ak_footer_group_fn on_group,
                              void *ctx, struct ak_error *err)
{
    struct ak_footer footer;
    struct reading r = {.on_group = on_group, .ctx = ctx};
    enum ak_code rc = begin(&r, &footer, fd, frame, err);

    if (rc == AK_OK)
        rc = read_front(&r, err);
    if (rc == AK_OK)
        rc = read_blocks(&r, err);
    if (rc == AK_OK)
        rc = read_groups(&r, err);
    return rc;
}

/* Number of frames, descriptor and magic at the end of the seek table. */
static enum ak_code check_seek_end(const uint8_t *at, uint64_t frames, struct ak_error *err)
{
    uint8_t expected[SEEK_END_BYTES];

    (void)put_le32(expected, (uint32_t)frames);
    expected[4] = 0;
    (void)put_le32(expected + 5, AK_SEEK_FOOTER_MAGIC);
    if (memcmp(at, expected, sizeof(expected)) != 0)
        return ak_fail(err, AK_EMALFORMED, "R23: the seek table's end is not that of 6.8");
    return AK_OK;
}

enum ak_code ak_seek_check(int fd, const struct ak_frame *frame,
                           const struct ak_segment_derived *derived, struct ak_error *err)
{
    struct ak_hash expected = digest_so_far(&derived->seeks);
    uint8_t buffer[SEEK_ENTRY_BYTES * 1024];
    uint64_t left = derived->frame_count * SEEK_ENTRY_BYTES;
    uint64_t at = frame->offset + ak_frame_head(frame);
    struct ak_sha256_ctx ctx;
    struct ak_hash digest;
    enum ak_code rc = AK_OK;

    if (frame->type != AK_FRAME_SEEK || frame->content_bytes != left + SEEK_END_BYTES)
        return ak_fail(err, AK_EMALFORMED, "R23: the seek table does not list %" PRIu64 " frames",
                       derived->frame_count);
    ak_sha256_init(&ctx);
    for (size_t n = 0; rc == AK_OK && left > 0; left -= n, at += n) {
        n = left < sizeof(buffer) ? (size_t)left : sizeof(buffer);
        rc = ak_segment_pread(fd, at, buffer, n, err);
        if (rc == AK_OK)
            ak_sha256_update(&ctx, buffer, n);
    }
    if (rc == AK_OK)
        rc = ak_segment_pread(fd, at, buffer, SEEK_END_BYTES, err);
    if (rc != AK_OK)
        return rc;
    ak_sha256_final(&ctx, &digest);
    if (!ak_hash_equal(&digest, &expected))
        return ak_fail(err, AK_EMALFORMED, "R23: the seek table is not that of the frames");
    return check_seek_end(buffer, derived->frame_count, err);
}
