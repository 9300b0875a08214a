/* encode.c - HEADER, MARK, NOTE, FOOTER and seek table; columns are in encode_columns.c.
 *
 * A frame is begun with a length of 0 and closed when its content is there. */
#include "encode.h"
#include "encode_frame.h"

#include <assert.h>
#include <string.h>

void ak_sink_bytes(struct ak_sink *sink, const void *data, size_t n)
{
    if (sink->full || n > sink->cap - sink->len) {
        sink->full = true;
        return;
    }
    if (n > 0)
        memcpy(sink->data + sink->len, data, n);
    sink->len += n;
}

void ak_sink_uint(struct ak_sink *sink, uint64_t value, unsigned bytes)
{
    unsigned char b[8];

    assert(bytes <= sizeof(b));
    for (unsigned i = 0; i < bytes; i++)
        b[i] = (unsigned char)(value >> (8 * (bytes - 1 - i)));
    ak_sink_bytes(sink, b, bytes);
}

void ak_sink_uint_le(struct ak_sink *sink, uint64_t value, unsigned bytes)
{
    unsigned char b[8];

    assert(bytes <= sizeof(b));
    for (unsigned i = 0; i < bytes; i++)
        b[i] = (unsigned char)(value >> (8 * i));
    ak_sink_bytes(sink, b, bytes);
}

void ak_sink_varint(struct ak_sink *sink, uint64_t value)
{
    unsigned char b[10];
    unsigned n = 0;

    while (value >= 0x80) {
        b[n++] = (unsigned char)(value | 0x80);
        value >>= 7;
    }
    b[n++] = (unsigned char)value;
    ak_sink_bytes(sink, b, n);
}

size_t ak_frame_begin(struct ak_sink *sink, uint32_t magic)
{
    size_t start = sink->len;

    ak_sink_uint_le(sink, magic, 4);
    ak_sink_uint_le(sink, 0, 4);
    return start;
}

size_t ak_frame_begin_ours(struct ak_sink *sink, uint8_t type)
{
    size_t start = ak_frame_begin(sink, AK_FRAME_MAGIC);

    ak_sink_uint(sink, type, 1);
    ak_sink_uint(sink, AK_FRAME_VERSION, 1);
    return start;
}

enum ak_code ak_frame_end(struct ak_sink *sink, size_t start, size_t max, const char *name,
                          struct ak_error *err)
{
    struct ak_sink length;
    size_t content;

    if (sink->full)
        return ak_fail(err, AK_ELIMIT, "no room to encode a %s frame", name);
    content = sink->len - start - AK_FRAME_HEAD_BYTES;
    if (content > max)
        return ak_fail(err, AK_ELIMIT, "a %s frame would have %zu bytes, the limit is %zu", name,
                       content, max);
    length = (struct ak_sink){.data = sink->data + start + 4, .cap = 4};
    ak_sink_uint_le(&length, content, 4);
    return AK_OK;
}

static void put_range(struct ak_sink *sink, const struct ak_range *range)
{
    assert(range->begin == 0);
    ak_sink_uint(sink, range->count, 1);
    for (unsigned i = 0; i < range->count; i++)
        ak_sink_bytes(sink, range->hash[i].b, AK_HASH_BYTES);
}

enum ak_code ak_encode_header(struct ak_sink *sink, const struct ak_encode_header *header,
                              struct ak_error *err)
{
    size_t start = ak_frame_begin_ours(sink, AK_FRAME_HEADER);
    size_t origin_len = strlen(header->origin);

    if (origin_len > AK_LOG_ORIGIN_BYTES_MAX || header->epoch_note_len > AK_EPOCH_NOTE_BYTES_MAX)
        return ak_fail(err, AK_ELIMIT, "origin or epoch note are too long for a segment's header");
    if ((header->first == 0) != (header->epoch_note_len == 0) ||
        header->range->end != header->first || header->opened % AK_TIME_UNIT != 0)
        return ak_fail(err, AK_EUSAGE, "parts of a segment's header do not fit together");
    ak_sink_uint(sink, 0, 4); /* compatible */
    ak_sink_uint(sink, 0, 4); /* incompatible */
    ak_sink_uint(sink, 0, 1); /* encoding */
    ak_sink_uint(sink, 0, 1); /* reserved */
    ak_sink_uint(sink, header->first, 8);
    ak_sink_uint(sink, header->opened, 8);
    ak_sink_uint(sink, header->claim, 8);
    ak_sink_bytes(sink, header->previous.b, AK_HASH_BYTES);
    ak_sink_uint(sink, origin_len, 1);
    ak_sink_bytes(sink, header->origin, origin_len);
    put_range(sink, header->range);
    ak_sink_uint(sink, header->epoch_note_len, 4);
    ak_sink_bytes(sink, header->epoch_note, header->epoch_note_len);
    ak_sink_uint(sink, header->checkpoint_len, 4);
    ak_sink_bytes(sink, header->checkpoint, header->checkpoint_len);
    return ak_frame_end(sink, start, AK_HEADER_BYTES_MAX, "HEADER", err);
}

enum ak_code ak_encode_mark(struct ak_sink *sink, const struct ak_range *range,
                            const struct ak_hash *digest, struct ak_error *err)
{
    size_t start = ak_frame_begin_ours(sink, AK_FRAME_MARK);

    ak_sink_uint(sink, range->end, 8);
    put_range(sink, range);
    ak_sink_bytes(sink, digest->b, AK_HASH_BYTES);
    return ak_frame_end(sink, start, AK_MARK_BYTES_MAX, "MARK", err);
}

enum ak_code ak_encode_note(struct ak_sink *sink, const void *note, size_t len,
                            struct ak_error *err)
{
    size_t start = ak_frame_begin_ours(sink, AK_FRAME_NOTE);

    ak_sink_bytes(sink, note, len);
    return ak_frame_end(sink, start, AK_NOTE_FRAME_BYTES_MAX, "NOTE", err);
}

size_t ak_encode_footer_bytes(const struct ak_encode_footer *footer)
{
    return AK_FRAME_HEAD_BYTES + 2 + AK_HASH_BYTES + 8 + 8 + 4 + 42 * (size_t)footer->block_count +
           4 + AK_HASH_BYTES * (size_t)footer->level8_count + 4 +
           34 * (256 + (size_t)footer->sources) + 1 + AK_HASH_BYTES * (size_t)footer->range->count +
           AK_HASH_BYTES;
}

static void put_block(struct ak_sink *sink, const struct ak_encode_block *block)
{
    ak_sink_uint(sink, block->offset, 8);
    ak_sink_uint(sink, block->first, 8);
    ak_sink_uint(sink, block->count, 4);
    ak_sink_uint(sink, block->clock_run_first, 2);
    ak_sink_uint(sink, block->received_first, 8);
    ak_sink_uint(sink, block->clock_run_last, 2);
    ak_sink_uint(sink, block->received_last, 8);
    ak_sink_uint(sink, block->kinds, 2);
}

static void put_position(struct ak_sink *sink, uint32_t ordinal, const struct ak_position *at)
{
    ak_sink_uint(sink, ordinal, 4);
    ak_sink_uint(sink, at->next_seq, 6);
    ak_sink_uint(sink, at->next_seq == 0 ? 0 : at->last_index, 8);
    ak_sink_uint(sink, at->next_seq == 0 ? 0 : at->last_received, 8);
    ak_sink_uint(sink, ordinal < AK_SOURCE_FIRST ? 0 : at->declared, 8);
}

enum ak_code ak_encode_footer(struct ak_sink *sink, const struct ak_encode_footer *footer,
                              struct ak_error *err)
{
    size_t start = ak_frame_begin_ours(sink, AK_FRAME_FOOTER);
    struct ak_hash self;

    ak_sink_bytes(sink, footer->frames.b, AK_HASH_BYTES);
    ak_sink_uint(sink, footer->first, 8);
    ak_sink_uint(sink, footer->range->end, 8);
    ak_sink_uint(sink, footer->block_count, 4);
    for (uint32_t i = 0; i < footer->block_count; i++)
        put_block(sink, &footer->block[i]);
    ak_sink_uint(sink, footer->level8_count, 4);
    for (uint32_t i = 0; i < footer->level8_count; i++)
        ak_sink_bytes(sink, footer->level8[i].b, AK_HASH_BYTES);
    ak_sink_uint(sink, footer->sources, 4);
    for (uint32_t i = 0; i < AK_SOURCE_FIRST + footer->sources; i++)
        put_position(sink, i, &footer->position[i]);
    put_range(sink, footer->range);
    if (sink->full)
        return ak_fail(err, AK_ELIMIT, "no room to encode a FOOTER frame");
    ak_sha256(&self, sink->data + start + AK_FRAME_HEAD_BYTES,
              sink->len - start - AK_FRAME_HEAD_BYTES);
    ak_sink_bytes(sink, self.b, AK_HASH_BYTES);
    return ak_frame_end(sink, start, AK_FOOTER_BYTES_MAX, "FOOTER", err);
}

enum ak_code ak_encode_seek_table(struct ak_sink *sink, const struct ak_encode_seek *frame,
                                  uint32_t count, struct ak_error *err)
{
    size_t start = ak_frame_begin(sink, AK_SEEK_MAGIC);

    for (uint32_t i = 0; i < count; i++) {
        ak_sink_uint_le(sink, frame[i].bytes, 4);
        ak_sink_uint_le(sink, frame[i].text, 4);
    }
    ak_sink_uint_le(sink, count, 4);
    ak_sink_uint(sink, 0, 1); /* descriptor: no checksums */
    ak_sink_uint_le(sink, AK_SEEK_FOOTER_MAGIC, 4);
    return ak_frame_end(sink, start, UINT32_MAX, "seek table", err);
}
