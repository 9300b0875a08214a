/* segment_block.c - DATA frames that are not what the columns say (R14, R15), and what a broken one
 * still gives, group by group. */
#include "segment_parts.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <zstd.h>

static struct ak_columns *columns;
static struct ak_block *block;

/* A block of 1,000 records at index 100: a part of a group, three whole ones, and a part. */
static struct parts *parts;
static uint8_t *content; /* of its COLUMNS */
static size_t content_len;
static uint8_t *data; /* its DATA frame, with room behind */
static size_t data_len;

static void find_block(void)
{
    size_t at = (size_t)parts->block[0].offset;

    content = parts->file + at + AK_FRAME_HEAD_BYTES;
    content_len = parts->seek[1].bytes - AK_FRAME_HEAD_BYTES;
    data = parts->file + at + parts->seek[1].bytes;
    data_len = parts->seek[2].bytes;
    assert_int_equal(ak_columns_decode(columns, content, content_len, NULL), AK_OK);
}

static int setup_block_of(uint8_t form)
{
    parts = parts_new(100);
    parts_form(parts, form);
    parts_records(parts, 1000, 300);
    find_block();
    return 0;
}

static int setup_block(void **state)
{
    (void)state;
    return setup_block_of(AK_FORM_WHOLE);
}

static int setup_block_by_parts(void **state)
{
    (void)state;
    return setup_block_of(AK_FORM_PARTS);
}

static int teardown_block(void **state)
{
    (void)state;
    parts_free(parts);
    return 0;
}

/* Opens the block with `n` bytes, digest and length of the columns repaired, as who has no key but
 * all the rest would do. The copy ends where its memory ends. */
static enum ak_code open_repaired(const uint8_t *bytes, size_t n, struct ak_error *err)
{
    uint8_t *copy = malloc(n > 0 ? n : 1);
    enum ak_code rc;

    assert_non_null(copy);
    memcpy(copy, bytes, n);
    columns->data_bytes = (uint32_t)n;
    ak_sha256(&columns->data_digest, copy, n);
    memset(err, 0, sizeof(*err));
    rc = ak_block_open(block, columns, copy, n, NULL, err);
    free(copy);
    return rc;
}

static void check_refused(const char *name, enum ak_code rc, enum ak_code expected,
                          const struct ak_error *err, const char *text)
{
    if (rc != expected || strstr(err->text, text) == NULL)
        fail_msg("%s: expected %s with \"%s\", got %s: %s", name, ak_code_name(expected), text,
                 ak_code_name(rc), err->text);
}

/* Groups that are decoded and whose leaves are the true ones. */
static unsigned right_groups(void)
{
    unsigned right = 0;

    for (uint32_t g = 0; g < block->group_count; g++) {
        const struct ak_block_group *group = &block->group[g];
        bool same = group->decoded;
        for (uint32_t i = group->begin; same && i < group->begin + group->count; i++)
            same = ak_hash_equal(&block->leaf[i], &parts->leaf[block->first + i - parts->first]);
        right += same;
    }
    return right;
}

static void test_good(void **state)
{
    struct ak_hash digest;
    struct ak_error err;

    (void)state;
    ak_sha256(&digest, data, data_len);
    assert_int_equal(ak_block_open(block, columns, data, data_len, &digest, &err), AK_OK);
    assert_int_equal(block->group_count, 5);
    assert_int_equal(right_groups(), 5);
    assert_false(block->group[0].whole);
    assert_true(block->group[1].whole);
    assert_memory_equal(block->group[1].node[0].b, parts->level8[1].b, 32);
    assert_memory_equal(block->group[3].node[0].b, parts->level8[3].b, 32);
}

static void test_another_digest(void **state)
{
    struct ak_hash digest;
    struct ak_error err;

    (void)state;
    memset(digest.b, 1, sizeof(digest.b));
    check_refused("digest", ak_block_open(block, columns, data, data_len, &digest, &err),
                  AK_EINTEGRITY, &err, "R14");
    assert_int_equal(right_groups(), 5);
    columns->data_bytes++;
    check_refused("length", ak_block_open(block, columns, data, data_len, NULL, &err),
                  AK_EMALFORMED, &err, "R14");
    assert_int_equal(right_groups(), 5);
}

/* The text as one frame, made with other parameters. */
static size_t compress(uint8_t *out, size_t cap, const uint8_t *text, size_t n, bool checksum,
                       bool size, int window)
{
    ZSTD_CCtx *zstd = ZSTD_createCCtx();
    ZSTD_outBuffer to = {.dst = out, .size = cap};
    ZSTD_inBuffer from = {.src = text, .size = n};

    assert_non_null(zstd);
    assert_false(ZSTD_isError(ZSTD_CCtx_setParameter(zstd, ZSTD_c_checksumFlag, checksum)));
    assert_false(ZSTD_isError(ZSTD_CCtx_setParameter(zstd, ZSTD_c_contentSizeFlag, size)));
    if (window > 0)
        assert_false(ZSTD_isError(ZSTD_CCtx_setParameter(zstd, ZSTD_c_windowLog, window)));
    if (size && window == 0)
        assert_false(ZSTD_isError(ZSTD_CCtx_setPledgedSrcSize(zstd, n)));
    while (from.pos < n || window == 0) {
        assert_false(ZSTD_isError(ZSTD_compressStream2(zstd, &to, &from, ZSTD_e_continue)));
        if (from.pos == n)
            break;
    }
    assert_int_equal(ZSTD_compressStream2(zstd, &to, &from, ZSTD_e_end), 0);
    (void)ZSTD_freeCCtx(zstd);
    return to.pos;
}

static void test_frames_that_zstd_takes_and_we_do_not(void **state)
{
    static const uint8_t skippable[8] = {0x50, 0x2a, 0x4d, 0x18};
    static uint8_t text[AK_BLOCK_TEXT_MAX];
    static uint8_t out[AK_DATA_BYTES_MAX];
    size_t text_len = columns->text_bytes;
    struct ak_error err;
    size_t n;

    (void)state;
    assert_int_equal(ZSTD_decompress(text, sizeof(text), data, data_len), text_len);
    n = compress(out, sizeof(out), text, text_len, true, true, 0);
    assert_int_equal(open_repaired(out, n, &err), AK_OK);
    n = compress(out, sizeof(out), text, text_len, false, true, 0);
    check_refused("no checksum", open_repaired(out, n, &err), AK_EMALFORMED, &err, "no checksum");
    assert_int_equal(right_groups(), 5);
    n = compress(out, sizeof(out), text, text_len, true, false, 0);
    check_refused("no size", open_repaired(out, n, &err), AK_EMALFORMED, &err, "content size");
    assert_int_equal(right_groups(), 5);
    n = compress(out, sizeof(out), text, text_len, true, false, 24);
    check_refused("window", open_repaired(out, n, &err), AK_EMALFORMED, &err, "8 MiB");
    n = compress(out, sizeof(out), text, text_len - 1, true, true, 0);
    check_refused("another size", open_repaired(out, n, &err), AK_EMALFORMED, &err,
                  "another content size");
    memcpy(out, data, data_len);
    memcpy(out + data_len, data, data_len);
    check_refused("two frames", open_repaired(out, 2 * data_len, &err), AK_EMALFORMED, &err,
                  "ends before its length");
    memcpy(out + data_len, skippable, sizeof(skippable));
    check_refused("skippable behind", open_repaired(out, data_len + 8, &err), AK_EMALFORMED, &err,
                  "ends before its length");
    assert_int_equal(right_groups(), 5);
}

static void test_header_bits(void **state)
{
    static const struct {
        const char *name;
        size_t at;
        uint8_t flip;
        const char *text;
    } cases[] = {
        {"magic", 0, 0x01, "not one of Zstandard"}, {"unused bit", 4, 0x10, "bit set"},
        {"reserved bit", 4, 0x08, "bit set"},       {"no checksum", 4, 0x04, "no checksum"},
        {"dictionary", 4, 0x01, "dictionary"},      {"content size", 5, 0x02, "size"},
    };
    static uint8_t out[AK_DATA_BYTES_MAX];
    struct ak_error err;

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        memcpy(out, data, data_len);
        out[cases[i].at] ^= cases[i].flip;
        check_refused(cases[i].name, open_repaired(out, data_len, &err), AK_EMALFORMED, &err,
                      cases[i].text);
    }
    memcpy(out, data, data_len);
    out[data_len - 1] ^= 1;
    check_refused("checksum", open_repaired(out, data_len, &err), AK_EINTEGRITY, &err, "checksum");
    assert_int_equal(right_groups(), 5);
}

static void test_cut_frames(void **state)
{
    struct ak_error err;

    (void)state;
    for (size_t n = 1; n < data_len; n += 1 + n / 3)
        check_refused("cut", open_repaired(data, n, &err), AK_EMALFORMED, &err, "R14");
    check_refused("last byte", open_repaired(data, data_len - 1, &err), AK_EMALFORMED, &err, "R14");
    assert_int_equal(right_groups(), 5);
}

/* Text that decompresses well and does not divide as the columns say. */
static void test_text_that_does_not_divide(void **state)
{
    static uint8_t text[AK_BLOCK_TEXT_MAX];
    static uint8_t out[AK_DATA_BYTES_MAX];
    uint32_t text_len = columns->text_bytes;
    uint32_t third = columns->group[2].text_at;
    struct ak_error err;
    uint8_t *lf;
    size_t n;

    (void)state;
    assert_int_equal(ZSTD_decompress(text, sizeof(text), data, data_len), text_len);
    lf = memchr(text + third, '\n', text_len - third);
    assert_non_null(lf);
    *lf = 'x';
    n = compress(out, sizeof(out), text, text_len, true, true, 0);
    check_refused("an LF too few", open_repaired(out, n, &err), AK_EMALFORMED, &err, "R15");
    assert_false(block->group[2].decoded);
    assert_int_equal(right_groups(), 4);
    *lf = '\n';
    text[third + columns->group[2].text_bytes - 1] = 'x';
    n = compress(out, sizeof(out), text, text_len, true, true, 0);
    check_refused("no LF at the end", open_repaired(out, n, &err), AK_EMALFORMED, &err, "R15");
    assert_int_equal(right_groups(), 4);
    text[third + columns->group[2].text_bytes - 1] = '\n';
    memmove(text + third + 1, text + third, columns->group[2].text_bytes - 1);
    text[third] = '\n';
    n = compress(out, sizeof(out), text, text_len, true, true, 0);
    assert_int_not_equal(open_repaired(out, n, &err), AK_EUNSUPPORTED);
    assert_int_equal(right_groups(), 4);
}

/* One byte changed anywhere: never all right, never more lost than this block; and over all of
 * them most groups come out. */
static void test_one_changed_byte(void **state)
{
    static uint8_t out[AK_DATA_BYTES_MAX];
    unsigned tries = 0;
    unsigned right = 0;

    (void)state;
    for (size_t at = 20; at < data_len - 4; at += 97) {
        struct ak_hash digest;
        struct ak_error err;
        memcpy(out, data, data_len);
        out[at] ^= (uint8_t)(1u << at % 8);
        ak_sha256(&digest, out, data_len);
        check_refused("changed", ak_block_open(block, columns, out, data_len, &digest, &err),
                      AK_EINTEGRITY, &err, "R14");
        tries++;
        right += right_groups();
    }
    assert_true(tries > 500);
    print_message("%u of %u groups came out right\n", right, tries * 5);
    assert_true(right > tries);
}

/* Several Zstandard blocks in one frame: what lies before a broken one comes out. */
static void test_damage_in_a_late_block(void **state)
{
    struct parts *big = parts_new(0);
    struct parts *small = parts;
    struct ak_hash digest;
    struct ak_error err;
    unsigned right;

    (void)state;
    parts = big;
    parts_records(parts, 8192, 200);
    find_block();
    memset(data + data_len - 2000, 0xff, 1000);
    ak_sha256(&digest, data, data_len);
    check_refused("late", ak_block_open(block, columns, data, data_len, &digest, &err),
                  AK_EINTEGRITY, &err, "R14");
    right = right_groups();
    assert_true(right >= 25 && right < 32);
    assert_true(block->group[0].decoded);
    assert_memory_equal(block->group[0].node[0].b, parts->level8[0].b, 32);
    parts = small;
    parts_free(big);
}

/* Absent payloads: explicit commitments make the same leaves. */
static void test_absent_payloads(void **state)
{
    static uint8_t text[AK_BLOCK_TEXT_MAX];
    static uint8_t out[AK_DATA_BYTES_MAX];
    static uint8_t again[AK_COLUMNS_BYTES_MAX];
    static struct ak_run run[1000];
    static struct ak_hash commitment[10];
    static uint8_t salts[5][246 * 32];
    const size_t salt = columns->form == AK_FORM_PARTS ? 32 : 16;
    struct ak_encode_absent absent = {.position = 156 + 50, .count = 10, .state = 1};
    struct ak_encode_lf *lf = calloc(1000, sizeof(*lf));
    struct ak_encode_key key[5];
    uint32_t group_text[5];
    struct ak_encode_columns encode;
    struct ak_sink sink = {.data = again, .cap = sizeof(again)};
    struct ak_encode_table *table = ak_encode_table_new();
    struct ak_error err;
    uint32_t lf_count = 0;
    size_t used = 0;
    enum ak_code rc;

    (void)state;
    assert_non_null(lf);
    assert_int_equal(ak_block_open(block, columns, data, data_len, NULL, &err), AK_OK);
    for (uint32_t g = 0; g < 5; g++) {
        const struct ak_columns_group *group = &columns->group[g];
        size_t begin = used;
        key[g] = (struct ak_encode_key){.group_key = group->key};
        if (g == 1)
            key[g] = (struct ak_encode_key){.salts = salts[g], .salts_len = 246 * salt};
        for (uint32_t i = group->begin, s = 0; i < group->begin + group->count; i++) {
            bool gone = i >= absent.position && i < absent.position + absent.count;
            const struct ak_payload *payload = &block->payload[i];
            uint32_t feeds = 0;
            if (gone) {
                commitment[i - absent.position] = block->entry[i].commitment;
                continue;
            }
            if (g == 1)
                memcpy(salts[g] + s++ * salt, salt == 32 ? block->record_key[i] : block->salt[i],
                       salt);
            memcpy(text + used, payload->p, payload->len + 1);
            for (uint32_t k = 0; k < payload->len; k++)
                feeds += payload->p[k] == '\n';
            if (feeds > 0)
                lf[lf_count++] = (struct ak_encode_lf){.position = i, .count = feeds};
            used += payload->len + 1;
        }
        group_text[g] = (uint32_t)(used - begin);
    }
    for (uint32_t r = 0; r < columns->run_count; r++)
        run[r] = (struct ak_run){.received = columns->run[r].received,
                                 .seq = columns->run[r].seq,
                                 .source = columns->run[r].source,
                                 .count = columns->run[r].count,
                                 .clock_run = columns->run[r].clock_run,
                                 .kind = columns->run[r].kind};
    encode = (struct ak_encode_columns){.text_bytes = (uint32_t)used,
                                        .first = 100,
                                        .count = 1000,
                                        .form = columns->form,
                                        .run = run,
                                        .run_count = columns->run_count,
                                        .lf = lf,
                                        .lf_count = lf_count,
                                        .group_text = group_text,
                                        .absent = &absent,
                                        .absent_count = 1,
                                        .commitment = commitment,
                                        .commitment_count = 10,
                                        .key = key,
                                        .level8 = columns->level8,
                                        .level8_count = columns->level8_count};
    encode.data_bytes = (uint32_t)compress(out, sizeof(out), text, used, true, true, 0);
    ak_sha256(&encode.data_digest, out, encode.data_bytes);
    assert_int_equal(ak_encode_columns(&sink, &encode, table, &err), AK_OK);
    rc = ak_columns_decode(columns, again + 8, sink.len - 8, &err);
    if (rc != AK_OK)
        fail_msg("%s", err.text);
    rc = ak_block_open(block, columns, out, encode.data_bytes, NULL, &err);
    if (rc != AK_OK)
        fail_msg("%s", err.text);
    assert_int_equal(right_groups(), 5);
    assert_null(block->payload[absent.position].p);
    assert_int_equal(block->payload[absent.position].state, AK_STATE_ERASED);
    ak_encode_table_free(table);
    free(lf);
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

#define BLOCK_TEST(name) cmocka_unit_test_setup_teardown(name, setup_block, teardown_block)
#define PARTS_TEST(name) cmocka_unit_test_setup_teardown(name, setup_block_by_parts, teardown_block)

int main(void)
{
    const struct CMUnitTest tests[] = {
        BLOCK_TEST(test_good),
        BLOCK_TEST(test_another_digest),
        BLOCK_TEST(test_frames_that_zstd_takes_and_we_do_not),
        BLOCK_TEST(test_header_bits),
        BLOCK_TEST(test_cut_frames),
        BLOCK_TEST(test_text_that_does_not_divide),
        BLOCK_TEST(test_one_changed_byte),
        BLOCK_TEST(test_damage_in_a_late_block),
        BLOCK_TEST(test_absent_payloads),
        PARTS_TEST(test_good),
        PARTS_TEST(test_absent_payloads),
        PARTS_TEST(test_damage_in_a_late_block),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
