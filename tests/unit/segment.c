/* segment.c - what the collector's encoder wrote is read back as it was meant, frame by frame and
 * block by block; and what is not a segment is refused by its rule, or, where a DATA frame is
 * broken, given group by group. */
#include "segment_parts.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <zstd.h>

static struct ak_columns *columns;
static struct ak_block *block;
static uint8_t buffer[AK_FRAME_BUFFER_BYTES];

static void check_ok(enum ak_code rc, const struct ak_error *err)
{
    if (rc != AK_OK)
        fail_msg("%s: %s", ak_code_name(rc), err->text);
}

static void check_refused(enum ak_code rc, enum ak_code expected, const struct ak_error *err,
                          const char *text)
{
    if (rc != expected || strstr(err->text, text) == NULL)
        fail_msg("expected %s with \"%s\", got %s: %s", ak_code_name(expected), text,
                 ak_code_name(rc), err->text);
}

/* ---- Whole segments ---- */

/* Compares what the block holds with what was worked out entry by entry. */
static void check_block(const struct parts *parts)
{
    for (uint32_t i = 0; i < block->count; i++) {
        uint64_t at = block->first + i - parts->first;
        const struct ak_entry *expected = &parts->entry[at];
        const struct ak_entry *entry = &block->entry[i];
        assert_int_equal(entry->form, expected->form);
        assert_int_equal(entry->kind, expected->kind);
        assert_int_equal(entry->clock_run, expected->clock_run);
        assert_int_equal(entry->received, expected->received);
        assert_int_equal(entry->source, expected->source);
        assert_int_equal(entry->source_seq, expected->source_seq);
        assert_memory_equal(entry->commitment.b, expected->commitment.b, AK_HASH_BYTES);
        assert_memory_equal(block->leaf[i].b, parts->leaf[at].b, AK_HASH_BYTES);
        assert_int_equal(block->payload[i].state, AK_STATE_PRESENT);
        assert_int_equal(block->payload[i].len, parts->payload_len[at]);
        assert_memory_equal(block->payload[i].p, parts->payload[at], parts->payload_len[at]);
    }
}

/* Merges the groups of the open block behind the range, and compares level-8 hashes (R17). */
static void merge_groups(struct ak_range *range)
{
    struct ak_error err;

    for (uint32_t g = 0; g < block->group_count; g++) {
        struct ak_range part;
        assert_true(block->group[g].decoded);
        ak_block_group_range(block, g, &part);
        assert_int_equal(part.begin, range->end);
        check_ok(ak_range_merge(range, &part, &err), &err);
    }
}

struct position_check {
    const struct parts *parts;
    unsigned count;
};

static enum ak_code on_position(void *ctx, const struct ak_footer_position *position,
                                struct ak_error *err)
{
    struct position_check *check = ctx;

    (void)err;
    assert_int_equal(position->ordinal, check->count);
    assert_int_equal(position->next_seq, check->parts->seq[check->count]);
    check->count++;
    return AK_OK;
}

static void check_footer(const struct parts *parts, int fd, const struct ak_frame *frame,
                         const struct ak_segment_derived *derived, const struct ak_range *range,
                         struct ak_hash *digest)
{
    struct position_check check = {.parts = parts};
    struct ak_footer footer;
    struct ak_error err;

    check_ok(ak_footer_check(&footer, fd, frame, derived, range, on_position, &check, &err), &err);
    assert_int_equal(footer.end, parts->next);
    assert_int_equal(footer.sources, 3);
    assert_int_equal(check.count, 259);
    *digest = footer.digest;
}

/* Reads everything of a segment as a verifier would; gives the number of frames. */
static unsigned read_segment(const struct parts *parts)
{
    int fd = parts_memfd(parts->file, parts->sink.len);
    struct ak_frame_walk *walk = malloc(sizeof(*walk));
    struct ak_segment_derived derived;
    struct ak_segment_header header;
    struct ak_frame frame = {.type = AK_FRAME_NONE};
    struct ak_range range = {0};
    struct ak_hash digest;
    struct ak_error err;
    uint32_t level8 = 0;
    unsigned n = 0;

    assert_non_null(walk);
    check_ok(ak_frame_walk_begin(walk, fd, &err), &err);
    ak_segment_derived_begin(&derived, parts->first);
    for (;; n++) {
        uint32_t text = 0;
        uint8_t *content;
        check_ok(ak_frame_next(walk, &frame, &err), &err);
        if (frame.type == AK_FRAME_END)
            break;
        if (frame.type != AK_FRAME_FOOTER && frame.type != AK_FRAME_SEEK)
            check_ok(ak_frame_read(fd, &frame, buffer, sizeof(buffer), &digest, &err), &err);
        content = buffer + ak_frame_head(&frame);
        if (frame.type == AK_FRAME_HEADER) {
            check_ok(ak_segment_header_decode(&header, content, frame.content_bytes, &err), &err);
            assert_int_equal(header.first, parts->first);
            assert_string_equal(header.origin, PARTS_ORIGIN);
            range = header.range;
        } else if (frame.type == AK_FRAME_COLUMNS) {
            struct ak_footer_block listed;
            static uint8_t kept[AK_FRAME_BUFFER_BYTES]; /* the columns borrow from it */
            memcpy(kept, content, frame.content_bytes);
            check_ok(ak_columns_decode(columns, kept, frame.content_bytes, &err), &err);
            ak_footer_block_derive(&listed, columns, frame.offset);
            ak_segment_derived_block(&derived, &listed);
        } else if (frame.type == AK_FRAME_DATA) {
            check_ok(ak_block_open(block, columns, buffer, frame.bytes, &digest, &err), &err);
            check_block(parts);
            merge_groups(&range);
            for (uint32_t i = 0; i < columns->level8_count; i++, level8++) {
                assert_memory_equal(columns->level8[i].b, parts->level8[level8].b, 32);
                ak_segment_derived_group(&derived, &columns->level8[i]);
            }
            text = columns->text_bytes;
        } else if (frame.type == AK_FRAME_MARK) {
            struct ak_segment_mark mark;
            check_ok(ak_segment_mark_decode(&mark, content, frame.content_bytes, &err), &err);
            assert_int_equal(mark.range.count, range.count);
            assert_memory_equal(mark.range.hash, range.hash, range.count * 32);
        } else if (frame.type == AK_FRAME_NOTE) {
            const uint8_t *note;
            size_t len;
            check_ok(ak_segment_note_decode(&note, &len, content, frame.content_bytes, &err), &err);
            assert_memory_equal(note, "note", 4);
        } else if (frame.type == AK_FRAME_FOOTER) {
            struct ak_hash again;
            check_footer(parts, fd, &frame, &derived, &range, &digest);
            check_ok(ak_frame_digest(fd, &frame, &again, &err), &err);
            assert_memory_equal(digest.b, again.b, 32);
        } else {
            check_ok(ak_seek_check(fd, &frame, &derived, &err), &err);
            continue;
        }
        ak_segment_derived_frame(&derived, &frame, &digest, text);
    }
    assert_true(ak_frame_may_end(walk));
    assert_memory_equal(range.hash, parts->range.hash, range.count * 32);
    free(walk);
    assert_int_equal(close(fd), 0);
    return n;
}

static struct parts *make_open(uint64_t first)
{
    struct parts *parts = parts_new(first);

    parts_records(parts, 1, 10);
    parts_mark(parts);
    parts_note(parts, "note 1");
    parts_form(parts, AK_FORM_PARTS); /* the form is a block's own matter */
    parts_records(parts, 700, 300);
    parts_records(parts, 3, 0);
    parts_form(parts, AK_FORM_WHOLE);
    parts_mark(parts);
    parts_records(parts, 255, 4000);
    parts_mark(parts);
    parts_note(parts, "note 2");
    parts_note(parts, "note 3");
    return parts;
}

static struct parts *make_sealed(uint64_t first)
{
    struct parts *parts = parts_new(first);

    parts_records(parts, 2, 10);
    parts_note(parts, "note 1");
    parts_form(parts, AK_FORM_PARTS);
    parts_records(parts, 8192, 100);
    parts_form(parts, AK_FORM_WHOLE);
    parts_records(parts, 300, 2000);
    parts_note(parts, "note 2");
    parts_footer(parts);
    parts_seek_table(parts);
    return parts;
}

static void test_open_segment(void **state)
{
    static const uint64_t first[] = {0, 1, 255, 256, 1000};

    (void)state;
    for (size_t i = 0; i < sizeof(first) / sizeof(first[0]); i++) {
        struct parts *parts = make_open(first[i]);
        assert_int_equal(read_segment(parts), 15);
        parts_free(parts);
    }
}

static void test_sealed_segment(void **state)
{
    static const uint64_t first[] = {0, 77, 512};

    (void)state;
    for (size_t i = 0; i < sizeof(first) / sizeof(first[0]); i++) {
        struct parts *parts = make_sealed(first[i]);
        assert_int_equal(read_segment(parts), 11);
        parts_free(parts);
    }
}

static void test_largest_payload_and_empty_ones(void **state)
{
    struct parts *parts = parts_new(0);
    static unsigned char big[AK_PAYLOAD_BYTES_MAX];

    (void)state;
    memset(big, '\n', sizeof(big));
    assert_true(parts_add(parts, AK_KIND_RECORD, 256, big, sizeof(big)));
    parts_block(parts);
    parts_records(parts, 8192, 0);
    parts_form(parts, AK_FORM_PARTS);
    parts_records(parts, 8192, 0);
    for (size_t i = 3; i < sizeof(big); i += 4)
        big[i] = 'x'; /* the most parts that a payload can have */
    assert_true(parts_add(parts, AK_KIND_RECORD, 256, big, sizeof(big)));
    parts_block(parts);
    parts_mark(parts);
    assert_int_equal(read_segment(parts), 10);
    parts_free(parts);
}

/* ---- Frames ---- */

/* Walks to the end or the first refusal; gives the code of that. */
static enum ak_code walk_all(const void *data, size_t n, struct ak_frame *frame, bool *may_end,
                             struct ak_error *err)
{
    int fd = parts_memfd(data, n);
    struct ak_frame_walk walk;
    enum ak_code rc = ak_frame_walk_begin(&walk, fd, err);

    *frame = (struct ak_frame){.type = AK_FRAME_NONE};
    while (rc == AK_OK) {
        rc = ak_frame_next(&walk, frame, err);
        if (frame->type == AK_FRAME_END || frame->type == AK_FRAME_TORN)
            break;
    }
    *may_end = ak_frame_may_end(&walk);
    assert_int_equal(close(fd), 0);
    return rc;
}

/* Frames as one letter each: H C D M N F S; C and D belong together, content is nothing much. */
static size_t put_frames(uint8_t *out, const char *letters)
{
    static const uint8_t ours[4] = {0x5a, 0x2a, 0x4d, 0x18};
    static const uint8_t seek[4] = {0x5e, 0x2a, 0x4d, 0x18};
    size_t n = 0;

    for (; *letters != '\0'; letters++) {
        const char *types = "HCMNF";
        const char *type = strchr(types, *letters);
        uint8_t content = *letters == 'C' ? 60 : 20;
        if (*letters == 'D') {
            memset(out + n, 0x77, 9);
            n += 9;
            continue;
        }
        memset(out + n, 0, 8u + content);
        memcpy(out + n, *letters == 'S' ? seek : ours, 4);
        out[n + 4] = content;
        if (type != NULL) {
            out[n + 8] = (uint8_t)(1 + (type - types));
            out[n + 9] = 1;
        }
        out[n + 13] = *letters == 'C' ? 9 : 0;
        n += 8u + content;
    }
    return n;
}

static void test_grammar(void **state)
{
    /* Ends: '.' may end here, '-' must not, '!' the last frame is refused. */
    static const char *const cases[] = {".H",         ".HN",      ".HNN",
                                        "-HC",        "-HCD",     "-HNCD",
                                        ".HCDM",      ".HCDCDM",  ".HNCDMNNCDCDMN",
                                        "-HCDMCD",    "-HCDN",    "-HCDNN",
                                        "-HCDNCDCDN", "-HF",      ".HFS",
                                        ".HCDNCDFS",  ".HCDNFS",  "!N",
                                        "!C",         "!M",       "!F",
                                        "!S",         "!HH",      "!HM",
                                        "!HCDMF",     "!HNF",     "!HCDMNF",
                                        "!HCDNM",     "!HCDMCDN", "!HCDS",
                                        "!HFF",       "!HFC",     "!HCDNCDM",
                                        "!HNCDN",     "!HCDH"};
    uint8_t bytes[2048];

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct ak_frame frame;
        struct ak_error err = {.code = AK_OK};
        bool may_end;
        size_t n = put_frames(bytes, cases[i] + 1);
        enum ak_code rc = walk_all(bytes, n, &frame, &may_end, &err);
        if (cases[i][0] == '!') {
            check_refused(rc, AK_EMALFORMED, &err, "R19");
            continue;
        }
        if (rc != AK_OK || frame.type != AK_FRAME_END || may_end != (cases[i][0] == '.'))
            fail_msg("%s: %s %d %s", cases[i], ak_code_name(rc), may_end, err.text);
    }
}

static void test_bytes_behind_the_seek_table(void **state)
{
    uint8_t bytes[1024];
    size_t n = put_frames(bytes, "HFS");
    struct ak_frame frame;
    struct ak_error err;
    bool may_end;

    (void)state;
    bytes[n] = 0x5a;
    check_refused(walk_all(bytes, n + 1, &frame, &may_end, &err), AK_EMALFORMED, &err, "R19");
    assert_int_equal(frame.type, AK_FRAME_NONE);
    assert_int_equal(frame.offset, n);
}

/* What does not begin a frame, at the end of a good open segment. */
static void test_no_frame(void **state)
{
    static const struct {
        const char *bytes;
        size_t n;
        enum ak_code rc;
        const char *text;
    } cases[] = {
        {"\0", 1, AK_EMALFORMED, "magic"},
        {"\x5a\x2a\x4d\x19", 4, AK_EMALFORMED, "magic"},
        {"\x5a\x2b", 2, AK_EMALFORMED, "magic"},
        {"\x28\xb5\x2f\xfd\x00\x00\x00\x00\x00\x00", 10, AK_EMALFORMED, "without columns"},
        {"\x5a\x2a\x4d\x18\x01\x00\x00\x00\x01\x00", 10, AK_EMALFORMED, "too short"},
        {"\x5a\x2a\x4d\x18\x02\x00\x00\x00\x00\x01", 10, AK_EMALFORMED, "type"},
        {"\x5a\x2a\x4d\x18\x02\x00\x00\x00\x06\x01", 10, AK_EMALFORMED, "type"},
        {"\x5a\x2a\x4d\x18\x02\x00\x00\x00\x03\x02", 10, AK_EUNSUPPORTED, "version 2"},
        {"\x5a\x2a\x4d\x18\x01\x10\x00\x00\x03\x01", 10, AK_EMALFORMED, "limit"},
        {"\x5a\x2a\x4d\x18\x01\x00\x20\x00\x02\x01", 10, AK_EMALFORMED, "limit"},
        {"\x5e\x2a\x4d\x18\x08\x00\x00\x00\x00\x00", 10, AK_EMALFORMED, "seek table"},
    };
    uint8_t bytes[1024];
    size_t n = put_frames(bytes, "HCDM");

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct ak_frame frame;
        struct ak_error err;
        bool may_end;
        memcpy(bytes + n, cases[i].bytes, cases[i].n);
        check_refused(walk_all(bytes, n + cases[i].n, &frame, &may_end, &err), cases[i].rc, &err,
                      cases[i].text);
        assert_int_equal(frame.type, AK_FRAME_NONE);
        assert_int_equal(frame.offset, n);
        assert_true(may_end);
    }
}

static void test_every_cut_is_torn_or_an_end(void **state)
{
    uint8_t bytes[1024];
    size_t n = put_frames(bytes, "HNCDM");
    unsigned ends = 0;

    (void)state;
    for (size_t len = 1; len <= n; len++) {
        struct ak_frame frame;
        struct ak_error err;
        bool may_end;
        check_ok(walk_all(bytes, len, &frame, &may_end, &err), &err);
        if (frame.type == AK_FRAME_END) {
            ends++;
            continue;
        }
        assert_int_equal(frame.type, AK_FRAME_TORN);
        assert_int_equal(frame.offset + frame.bytes, len);
    }
    assert_int_equal(ends, 5);
}

static void test_growing_file(void **state)
{
    uint8_t bytes[1024];
    size_t n = put_frames(bytes, "HCDM");
    int fd = parts_memfd(bytes, n - 3);
    struct ak_frame_walk walk;
    struct ak_frame frame = {.type = AK_FRAME_NONE};
    struct ak_error err;

    (void)state;
    check_ok(ak_frame_walk_begin(&walk, fd, &err), &err);
    while (frame.type != AK_FRAME_TORN)
        check_ok(ak_frame_next(&walk, &frame, &err), &err);
    assert_int_equal(pwrite(fd, bytes + n - 3, 3, (off_t)n - 3), 3);
    check_ok(ak_frame_walk_measure(&walk, &err), &err);
    check_ok(ak_frame_next(&walk, &frame, &err), &err);
    assert_int_equal(frame.type, AK_FRAME_MARK);
    check_ok(ak_frame_next(&walk, &frame, &err), &err);
    assert_int_equal(frame.type, AK_FRAME_END);
    assert_int_equal(ftruncate(fd, 10), 0);
    assert_int_equal(ak_frame_walk_measure(&walk, &err), AK_EINTEGRITY);
    assert_int_equal(close(fd), 0);
}

/* A frame whose magic is lost: the walk goes on at the next one, over bytes that look like one. */
static void test_resync(void **state)
{
    struct parts *parts = make_open(0);
    struct ak_frame_walk walk;
    struct ak_frame frame = {.type = AK_FRAME_NONE};
    struct ak_error err;
    uint64_t skipped = 0;
    size_t second = (size_t)parts->block[1].offset;
    size_t third = (size_t)parts->block[2].offset;
    int fd;

    (void)state;
    parts->file[second] ^= 1;
    memcpy(parts->file + second + 200, "\x5a\x2a\x4d\x18\xff\xff\xff\xff\x02\x01", 10);
    fd = parts_memfd(parts->file, parts->sink.len);
    check_ok(ak_frame_walk_begin(&walk, fd, &err), &err);
    while (frame.offset < second && frame.type != AK_FRAME_END)
        (void)ak_frame_next(&walk, &frame, &err);
    assert_int_equal(frame.type, AK_FRAME_NONE);
    check_ok(ak_frame_resync(&walk, &skipped, &err), &err);
    assert_int_equal(walk.at, third);
    assert_int_equal(skipped, third - second);
    while (frame.type != AK_FRAME_END)
        check_ok(ak_frame_next(&walk, &frame, &err), &err);
    assert_true(ak_frame_may_end(&walk));
    check_ok(ak_frame_walk_seek(&walk, parts->sink.len - 5, &err), &err);
    assert_int_equal(ak_frame_resync(&walk, &skipped, &err), AK_ENOTFOUND);
    assert_int_equal(ak_frame_walk_seek(&walk, parts->sink.len + 1, &err), AK_EUSAGE);
    assert_int_equal(close(fd), 0);
    parts_free(parts);
}

static void test_what_is_no_file(void **state)
{
    struct ak_frame_walk walk;
    struct ak_error err;
    int ends[2];

    (void)state;
    assert_int_equal(pipe(ends), 0);
    assert_int_equal(ak_frame_walk_begin(&walk, ends[0], &err), AK_EIO);
    assert_int_equal(close(ends[0]), 0);
    assert_int_equal(close(ends[1]), 0);
    assert_int_equal(ak_frame_walk_begin(&walk, ends[0], &err), AK_EIO);
}

/* ---- HEADER and MARK ---- */

struct patch {
    const char *name;
    size_t at; /* in the content */
    uint8_t value;
    enum ak_code rc;
    const char *text;
};

/* Offsets of 6.2: flags at 2 and 6, encoding 10, reserved 11, first 12, opened 20, claim 28,
 * previous 36, n 68, origin 69. */
static void test_header_variants(void **state)
{
    static const struct patch patches[] = {
        {"type", 0, 2, AK_EMALFORMED, "HEADER"},
        {"version", 1, 2, AK_EUNSUPPORTED, "version"},
        {"incompatible flag", 9, 1, AK_EUNSUPPORTED, "incompatible"},
        {"encoding", 10, 1, AK_EUNSUPPORTED, "encoding 1"},
        {"reserved", 11, 1, AK_EUNSUPPORTED, "reserved"},
        {"first past 2^63", 12, 0x80, AK_EMALFORMED, "R20"},
        {"first with other bits", 18, 0x07, AK_EMALFORMED, "R20"},
        {"opened between microseconds", 27, 0x01, AK_EMALFORMED, "6.2"},
        {"claim 0", 35, 0, AK_EMALFORMED, "6.2"},
        {"longer origin", 68, 201, AK_EMALFORMED, "R20"},
        {"origin with a blank", 70, ' ', AK_EMALFORMED, "R20"},
        {"origin with other digits", 68 + sizeof(PARTS_ORIGIN) - 1, 'G', AK_EMALFORMED, "R20"},
        {"hashes", 68 + sizeof(PARTS_ORIGIN), 9, AK_EMALFORMED, "R20"},
    };
    struct parts *parts = parts_new(1000);
    uint8_t *content = parts->file + AK_FRAME_HEAD_BYTES;
    size_t len = parts->sink.len - AK_FRAME_HEAD_BYTES;
    struct ak_segment_header header;
    struct ak_error err;

    (void)state;
    check_ok(ak_segment_header_decode(&header, content, len, &err), &err);
    assert_int_equal(header.claim, 3);
    for (size_t i = 0; i < sizeof(patches) / sizeof(patches[0]); i++) {
        uint8_t before = content[patches[i].at];
        content[patches[i].at] = patches[i].value;
        check_refused(ak_segment_header_decode(&header, content, len, &err), patches[i].rc, &err,
                      patches[i].text);
        content[patches[i].at] = before;
    }
    content[5] = 1;
    check_ok(ak_segment_header_decode(&header, content, len, &err), &err);
    assert_int_equal(header.compatible, 1);
    memset(content + 36, 0, 32);
    check_refused(ak_segment_header_decode(&header, content, len, &err), AK_EMALFORMED, &err,
                  "no header before");
    parts_free(parts);
}

static void test_header_cuts(void **state)
{
    struct parts *parts = parts_new(3);
    uint8_t *content = parts->file + AK_FRAME_HEAD_BYTES;
    size_t len = parts->sink.len - AK_FRAME_HEAD_BYTES;
    struct ak_segment_header header;
    struct ak_error err;

    (void)state;
    for (size_t n = 0; n < len; n++)
        assert_int_equal(ak_segment_header_decode(&header, content, n, &err), AK_EMALFORMED);
    content[len] = 0;
    check_refused(ak_segment_header_decode(&header, content, len + 1, &err), AK_EMALFORMED, &err,
                  "R20");
    parts_free(parts);
}

static void test_mark_variants(void **state)
{
    struct parts *parts = make_open(0);
    uint8_t content[128] = {3, 1, 0, 0, 0, 0, 0, 0, 0, 1, 1};
    struct ak_segment_mark mark;
    struct ak_error err;

    (void)state;
    check_ok(ak_segment_mark_decode(&mark, content, 75, &err), &err);
    assert_int_equal(mark.range.end, 1);
    for (size_t n = 0; n < 75; n++)
        assert_int_equal(ak_segment_mark_decode(&mark, content, n, &err), AK_EMALFORMED);
    assert_int_equal(ak_segment_mark_decode(&mark, content, 76, &err), AK_EMALFORMED);
    content[9] = 3;
    check_refused(ak_segment_mark_decode(&mark, content, 75, &err), AK_EMALFORMED, &err, "R22");
    content[9] = 1;
    content[1] = 9;
    assert_int_equal(ak_segment_mark_decode(&mark, content, 75, &err), AK_EUNSUPPORTED);
    content[1] = 1;
    content[0] = 4;
    assert_int_equal(ak_segment_mark_decode(&mark, content, 75, &err), AK_EMALFORMED);
    parts_free(parts);
}

/* ---- FOOTER and seek table ---- */

/* Offsets in the FOOTER of a segment with one block and no whole group, sources 3. */
#define FOOTER_BLOCKS    (2u + 32u + 16u)
#define FOOTER_GROUPS    (FOOTER_BLOCKS + 4u + 42u)
#define FOOTER_SOURCES   (FOOTER_GROUPS + 4u)
#define FOOTER_POSITIONS (FOOTER_SOURCES + 4u)
#define FOOTER_RANGE     (FOOTER_POSITIONS + 259u * 34u)

static struct parts *footer_parts;
static struct ak_segment_derived footer_derived;

static struct parts *make_small_sealed(void)
{
    struct parts *parts = parts_new(0);
    struct ak_footer_block listed = {.count = 3};
    struct ak_frame frame;

    parts_records(parts, 3, 20);
    ak_segment_derived_begin(&footer_derived, 0);
    for (unsigned i = 0; i < 3; i++) {
        frame.bytes = parts->seek[i].bytes;
        ak_segment_derived_frame(&footer_derived, &frame, &parts->frames[i], parts->seek[i].text);
    }
    listed.offset = parts->block[0].offset;
    listed.clock_run_first = listed.clock_run_last = 2;
    listed.received_first = parts->block[0].received_first;
    listed.received_last = parts->block[0].received_last;
    listed.kinds = parts->block[0].kinds;
    ak_segment_derived_block(&footer_derived, &listed);
    footer_parts = parts;
    return parts;
}

static enum ak_code check_footer_bytes(const uint8_t *bytes, size_t n, struct ak_error *err)
{
    int fd = parts_memfd(bytes, n);
    struct ak_frame frame = {.type = AK_FRAME_FOOTER, .bytes = n, .content_bytes = n - 8};
    struct ak_footer footer;
    struct ak_hash digest;
    enum ak_code rc = ak_footer_check(&footer, fd, &frame, &footer_derived, &footer_parts->range,
                                      NULL, NULL, err);

    ak_sha256(&digest, bytes, n);
    assert_memory_equal(footer.digest.b, digest.b, 32);
    assert_int_equal(close(fd), 0);
    return rc;
}

static void test_footer_variants(void **state)
{
    static const struct patch patches[] = {
        {"type", 0, 4, AK_EMALFORMED, "no FOOTER"},
        {"version", 1, 2, AK_EUNSUPPORTED, "version"},
        {"frames", 2, 0, AK_EINTEGRITY, "digest of frames"},
        {"first", 2 + 32 + 7, 1, AK_EMALFORMED, "first index"},
        {"end", 2 + 32 + 15, 7, AK_EMALFORMED, "R23"},
        {"end past 2^63", 2 + 32 + 8, 0x80, AK_EMALFORMED, "out of bounds"},
        {"blocks", FOOTER_BLOCKS, 1, AK_EMALFORMED, "does not fit"},
        {"block", FOOTER_BLOCKS + 4 + 7, 1, AK_EMALFORMED, "list of blocks"},
        {"kinds", FOOTER_BLOCKS + 4 + 40, 1, AK_EMALFORMED, "list of blocks"},
        {"groups", FOOTER_GROUPS, 1, AK_EMALFORMED, "does not fit"},
        {"a group", FOOTER_GROUPS + 3, 1, AK_EMALFORMED, "FOOTER"},
        {"sources", FOOTER_SOURCES, 1, AK_EMALFORMED, "does not fit"},
        {"ordinal", FOOTER_POSITIONS + 34 + 3, 2, AK_EMALFORMED, "positions"},
        {"index of none", FOOTER_POSITIONS + 17, 1, AK_EMALFORMED, "positions"},
        {"declared own", FOOTER_POSITIONS + 33, 1, AK_EMALFORMED, "positions"},
        {"declared late", FOOTER_POSITIONS + 256 * 34 + 33, 3, AK_EMALFORMED, "positions"},
        {"hashes", FOOTER_RANGE, 3, AK_EMALFORMED, "FOOTER"},
        {"range", FOOTER_RANGE + 1, 0, AK_EMALFORMED, "range"},
    };
    struct parts *parts = make_small_sealed();
    size_t start = parts->sink.len;
    struct ak_error err;
    uint8_t *frame;
    size_t n;

    (void)state;
    parts_footer(parts);
    frame = parts->file + start;
    n = parts->sink.len - start;
    check_ok(check_footer_bytes(frame, n, &err), &err);
    for (size_t i = 0; i < sizeof(patches) / sizeof(patches[0]); i++) {
        uint8_t *at = frame + 8 + patches[i].at;
        uint8_t before = *at;
        struct ak_hash self;
        *at = patches[i].value == before ? (uint8_t)(before + 1) : patches[i].value;
        /* With a `self` that is not repaired that is what is told, whatever else is wrong. */
        memset(frame + n - 32, 0x11, 32);
        check_refused(check_footer_bytes(frame, n, &err), AK_EINTEGRITY, &err, "self");
        ak_sha256(&self, frame + 8, n - 8 - 32);
        memcpy(frame + n - 32, self.b, 32);
        check_refused(check_footer_bytes(frame, n, &err), patches[i].rc, &err, patches[i].text);
        *at = before;
    }
    check_refused(check_footer_bytes(frame, n, &err), AK_EINTEGRITY, &err, "self");
    for (size_t len = 8 + 34; len < n; len++)
        assert_int_not_equal(check_footer_bytes(frame, len, &err), AK_OK);
    parts_free(parts);
}

static enum ak_code on_block(void *ctx, const struct ak_footer_block *listed, struct ak_error *err)
{
    const struct parts *parts = footer_parts;
    unsigned *count = ctx;

    (void)err;
    assert_int_equal(listed->offset, parts->block[*count].offset);
    assert_int_equal(listed->count, parts->block[*count].count);
    (*count)++;
    return AK_OK;
}

static void test_footer_blocks(void **state)
{
    struct parts *parts = make_small_sealed();
    struct ak_frame frame = {.type = AK_FRAME_FOOTER, .offset = parts->sink.len};
    struct ak_error err;
    unsigned count = 0;
    int fd;

    (void)state;
    parts_footer(parts);
    frame.bytes = parts->sink.len - frame.offset;
    frame.content_bytes = frame.bytes - 8;
    fd = parts_memfd(parts->file, parts->sink.len);
    check_ok(ak_footer_blocks(fd, &frame, on_block, &count, &err), &err);
    assert_int_equal(count, 1);
    assert_int_equal(close(fd), 0);
    parts_free(parts);
}

static void test_seek_table_variants(void **state)
{
    static const struct patch patches[] = {
        {"a size", 0, 0xff, AK_EMALFORMED, "not that of the frames"},
        {"a text", 20, 0xff, AK_EMALFORMED, "not that of the frames"},
        {"number", 24, 4, AK_EMALFORMED, "end"},
        {"checksums", 28, 0x80, AK_EMALFORMED, "end"},
        {"unused", 28, 0x01, AK_EMALFORMED, "end"},
        {"reserved", 28, 0x04, AK_EMALFORMED, "end"},
        {"magic", 32, 0, AK_EMALFORMED, "end"},
    };
    struct parts *parts = make_small_sealed();
    size_t start = parts->sink.len;
    struct ak_frame frame = {.type = AK_FRAME_SEEK, .bytes = 8 + 24 + 9, .content_bytes = 24 + 9};
    struct ak_error err;
    int fd;

    (void)state;
    parts_seek_table(parts);
    assert_int_equal(parts->sink.len - start, frame.bytes);
    for (size_t i = 0; i <= sizeof(patches) / sizeof(patches[0]); i++) {
        uint8_t bytes[8 + 24 + 9];
        memcpy(bytes, parts->file + start, sizeof(bytes));
        if (i > 0)
            bytes[8 + patches[i - 1].at] = patches[i - 1].value;
        fd = parts_memfd(bytes, sizeof(bytes));
        if (i == 0)
            check_ok(ak_seek_check(fd, &frame, &footer_derived, &err), &err);
        else
            check_refused(ak_seek_check(fd, &frame, &footer_derived, &err), patches[i - 1].rc, &err,
                          patches[i - 1].text);
        assert_int_equal(close(fd), 0);
    }
    frame.bytes--;
    frame.content_bytes--;
    check_refused(ak_seek_check(-1, &frame, &footer_derived, &err), AK_EMALFORMED, &err, "R23");
    parts_free(parts);
}

static int setup(void **state)
{
    (void)state;
    columns = ak_columns_new();
    block = ak_block_new();
    return columns == NULL || block == NULL ? -1 : 0;
}

static int teardown(void **state)
{
    (void)state;
    ak_columns_free(columns);
    ak_block_free(block);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_open_segment),
        cmocka_unit_test(test_sealed_segment),
        cmocka_unit_test(test_largest_payload_and_empty_ones),
        cmocka_unit_test(test_grammar),
        cmocka_unit_test(test_bytes_behind_the_seek_table),
        cmocka_unit_test(test_no_frame),
        cmocka_unit_test(test_every_cut_is_torn_or_an_end),
        cmocka_unit_test(test_growing_file),
        cmocka_unit_test(test_resync),
        cmocka_unit_test(test_what_is_no_file),
        cmocka_unit_test(test_header_variants),
        cmocka_unit_test(test_header_cuts),
        cmocka_unit_test(test_mark_variants),
        cmocka_unit_test(test_footer_variants),
        cmocka_unit_test(test_footer_blocks),
        cmocka_unit_test(test_seek_table_variants),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
