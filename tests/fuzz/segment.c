/* segment.c - a segment from hostile bytes: everything of it is walked, decoded and opened.
 *
 * What must hold of whatever decodes is checked on the way: lists lie within their block, payloads
 * within the text, and the way of hashing makes no difference. Memory is that of one reader. */
#include <akashi/parts.h>
#include <akashi/segment.h>

#include "leafhash.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define FRAMES_MAX 4096u /* of one input */

static struct ak_columns *columns;
static struct ak_block *block;
static uint8_t columns_bytes[AK_FRAME_BUFFER_BYTES];
static uint8_t buffer[AK_FRAME_BUFFER_BYTES];

static void check(bool holds)
{
    if (!holds)
        abort();
}

static void check_columns(void)
{
    uint32_t entries = 0;
    uint32_t text = 0;

    for (uint32_t r = 0; r < columns->run_count; r++) {
        entries += columns->run[r].count;
        check(columns->run[r].seq + columns->run[r].count - 1 <= AK_SEQ_MAX);
    }
    check(entries == columns->count && columns->count <= AK_BLOCK_ENTRIES_MAX);
    entries = 0;
    for (uint32_t g = 0; g < columns->group_count; g++) {
        check(columns->group[g].begin == entries && columns->group[g].text_at == text);
        check((columns->group[g].key == NULL) != (columns->group[g].salts == NULL));
        entries += columns->group[g].count;
        text += columns->group[g].text_bytes;
    }
    check(entries == columns->count && text == columns->text_bytes);
    check(columns->present + columns->commitment_count == columns->count);
}

/* A record shown part by part, one of them withheld, comes to the commitment of the whole. */
static void check_parts(uint32_t i)
{
    const struct ak_payload *payload = &block->payload[i];
    uint32_t m = ak_parts_count(payload->p, payload->len);
    struct ak_parts_shown shown;
    struct ak_hash hash;
    size_t at = 0;

    check(ak_parts_shown_begin(&shown, m, NULL) == AK_OK);
    for (uint32_t j = 0; j < m; j++) {
        uint32_t len = ak_part_length(payload->p + at, payload->len - at);
        uint8_t salt[AK_SALT_BYTES];
        ak_part_salt(salt, block->record_key[i], j);
        if (j == i % m) {
            ak_part_commitment(&hash, salt, payload->p + at, len);
            check(ak_parts_shown_withheld(&shown, hash.b, NULL) == AK_OK);
        } else {
            check(ak_parts_shown_part(&shown, salt, payload->p + at, len, NULL) == AK_OK);
        }
        at += len;
    }
    check(at == payload->len && ak_parts_shown_end(&shown, &hash, NULL) == AK_OK);
    check(ak_hash_equal(&hash, &block->entry[i].commitment));
}

static void check_block(void)
{
    const uint8_t *at = NULL;

    for (uint32_t g = 0; g < block->group_count; g++) {
        const struct ak_block_group *group = &block->group[g];
        struct ak_range range;
        if (!group->decoded)
            continue;
        ak_block_group_range(block, g, &range);
        check(range.end - range.begin == group->count);
        for (uint32_t i = group->begin; i < group->begin + group->count; i++) {
            const struct ak_payload *payload = &block->payload[i];
            if (payload->p == NULL)
                continue;
            check(payload->p >= block->text && (at == NULL || payload->p >= at));
            at = payload->p + payload->len + 1;
            check(at <= block->text + columns->text_bytes && at[-1] == '\n');
            if (block->entry[i].form == AK_FORM_PARTS)
                check_parts(i);
        }
    }
}

static void open_block(const struct ak_frame *frame, const struct ak_hash *digest)
{
    static struct ak_block_group before[AK_BLOCK_GROUPS_MAX];
    enum ak_code rc = ak_block_open(block, columns, buffer, (size_t)frame->bytes, digest, NULL);

    check_block();
    memcpy(before, block->group, sizeof(before));
    check(ak_hash_path_force("libcrypto"));
    check(ak_block_open(block, columns, buffer, (size_t)frame->bytes, NULL, NULL) == rc);
    check(ak_hash_path_force(NULL));
    for (uint32_t g = 0; g < block->group_count; g++) {
        check(before[g].decoded == block->group[g].decoded);
        check(before[g].node_count == block->group[g].node_count);
        check(memcmp(before[g].node, block->group[g].node,
                     before[g].node_count * sizeof(before[g].node[0])) == 0);
    }
}

static enum ak_code on_position(void *ctx, const struct ak_footer_position *position,
                                struct ak_error *err)
{
    (void)ctx;
    (void)err;
    check(position->next_seq <= AK_SEQ_MAX);
    return AK_OK;
}

static enum ak_code on_block(void *ctx, const struct ak_footer_block *listed, struct ak_error *err)
{
    (void)ctx;
    (void)listed;
    (void)err;
    return AK_OK;
}

static bool try_footer(int fd, const struct ak_frame *frame, struct ak_segment_derived *derived,
                       struct ak_hash *digest)
{
    struct ak_footer footer;
    struct ak_hash again;

    (void)ak_footer_blocks(fd, frame, on_block, NULL, NULL);
    (void)ak_footer_check(&footer, fd, frame, derived, NULL, on_position, NULL, NULL);
    check(ak_frame_digest(fd, frame, &again, NULL) == AK_OK);
    *digest = again;
    return frame->content_bytes < 34 || ak_hash_equal(&again, &footer.digest);
}

static void try_header(const uint8_t *content, size_t n, struct ak_segment_derived *derived)
{
    struct ak_segment_header header;

    if (ak_segment_header_decode(&header, content, n, NULL) != AK_OK)
        return;
    check(header.range.end == header.first);
    (void)ak_segment_header_check(&header, NULL, NULL, NULL);
    ak_segment_derived_begin(derived, header.first);
}

/* One frame of any kind; `*known` tells whether the columns of the next DATA frame decoded. */
static void try_frame(int fd, const struct ak_frame *frame, struct ak_segment_derived *derived,
                      bool *known)
{
    struct ak_segment_mark mark;
    struct ak_hash digest;
    const uint8_t *note;
    const uint8_t *content;
    size_t n = (size_t)frame->content_bytes;

    if (frame->type == AK_FRAME_FOOTER) {
        check(try_footer(fd, frame, derived, &digest));
        ak_segment_derived_frame(derived, frame, &digest, 0);
        return;
    }
    if (frame->type == AK_FRAME_SEEK) {
        (void)ak_seek_check(fd, frame, derived, NULL);
        return;
    }
    check(ak_frame_read(fd, frame, buffer, sizeof(buffer), &digest, NULL) == AK_OK);
    content = buffer + ak_frame_head(frame);
    ak_segment_derived_frame(derived, frame, &digest, 0);
    if (frame->type == AK_FRAME_DATA && *known)
        open_block(frame, &digest);
    *known = false;
    if (frame->type == AK_FRAME_COLUMNS) {
        memcpy(columns_bytes, content, n);
        *known = ak_columns_decode(columns, columns_bytes, n, NULL) == AK_OK;
        if (*known)
            check_columns();
    }
    if (frame->type == AK_FRAME_HEADER)
        try_header(content, n, derived);
    if (frame->type == AK_FRAME_MARK)
        (void)ak_segment_mark_decode(&mark, content, n, NULL);
    if (frame->type == AK_FRAME_NOTE)
        (void)ak_segment_note_decode(&note, &n, content, n, NULL);
}

static void walk(int fd)
{
    static struct ak_frame_walk at;
    struct ak_segment_derived derived;
    bool known = false;

    ak_segment_derived_begin(&derived, 0);
    check(ak_frame_walk_begin(&at, fd, NULL) == AK_OK);
    for (unsigned i = 0; i < FRAMES_MAX; i++) {
        struct ak_frame frame;
        uint64_t skipped;
        uint64_t before = at.at;
        (void)ak_frame_next(&at, &frame, NULL);
        check(frame.offset == before && at.at <= at.size);
        if (frame.type == AK_FRAME_END)
            return;
        if (frame.type == AK_FRAME_TORN || frame.type == AK_FRAME_NONE) {
            known = false;
            if (ak_frame_resync(&at, &skipped, NULL) != AK_OK)
                return;
            check(at.at == before + skipped && skipped > 0);
            continue;
        }
        check(at.at == before + frame.bytes && frame.bytes > 0);
        try_frame(fd, &frame, &derived, &known);
    }
}

/* The input as the content of a frame, so that the decoders are reached without a frame header. */
static void try_contents(const uint8_t *data, size_t size)
{
    struct ak_segment_derived derived;
    struct ak_segment_mark mark;

    if (ak_columns_decode(columns, data, size, NULL) == AK_OK)
        check_columns();
    if (ak_segment_mark_decode(&mark, data, size, NULL) == AK_OK)
        check(mark.range.begin == 0);
    try_header(data, size, &derived);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    int fd = memfd_create("segment", MFD_CLOEXEC);

    if (columns == NULL) {
        columns = ak_columns_new();
        block = ak_block_new();
    }
    check(fd >= 0 && columns != NULL && block != NULL);
    check(write(fd, data, size) == (ssize_t)size);
    walk(fd);
    try_contents(data, size);
    check(close(fd) == 0);
    return 0;
}
