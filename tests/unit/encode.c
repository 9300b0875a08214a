/* encode.c - what ak_prepare makes of a batch is read back by the library's own decoder: the same
 * entries, the same payloads, and the leaves that the tree has taken. */
#include <akashi/entry.h>
#include <akashi/segment.h>

#include <batch.h>
#include <segment_writer.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* What was put into the batch, beside the batch. */
struct want {
    struct ak_run head;
    uint32_t at; /* of the payload in `text` */
    uint32_t len;
};

static struct want want[AK_BATCH_ENTRIES_MAX];
static unsigned char text[AK_BATCH_TEXT_MAX];
static uint32_t text_len;
static struct ak_batch *batch;
static struct ak_prepare_scratch *scratch;
static struct ak_columns *columns;
static struct ak_block *block;
static struct ak_run head; /* of the next entry */

static int setup_all(void **state)
{
    (void)state;
    batch = ak_batch_new();
    scratch = ak_prepare_scratch_new();
    columns = ak_columns_new();
    block = ak_block_new();
    assert_non_null(batch);
    assert_non_null(scratch);
    assert_non_null(columns);
    assert_non_null(block);
    return 0;
}

static int teardown_all(void **state)
{
    (void)state;
    ak_batch_free(batch);
    ak_prepare_scratch_free(scratch);
    ak_columns_free(columns);
    ak_block_free(block);
    return 0;
}

static void begin(void)
{
    batch->state = AK_BATCH_FREE;
    ak_batch_begin(batch, NULL);
    for (unsigned g = 0; g < AK_BATCH_GROUPS_MAX; g++)
        memset(batch->group_key[g], (int)(g + 1), sizeof(batch->group_key[g]));
    text_len = 0;
    head = (struct ak_run){.received = 1700000000000000000,
                           .source = AK_SOURCE_FIRST,
                           .clock_run = 1,
                           .kind = AK_KIND_RECORD};
}

/* Adds an entry with the present head; the next one of its source follows. */
static void put(const void *data, size_t len)
{
    struct want *w = &want[batch->count];

    assert_true(ak_batch_fits(batch, len));
    *w = (struct want){.head = head, .at = text_len, .len = (uint32_t)len};
    if (len > 0)
        memcpy(text + text_len, data, len);
    text_len += (uint32_t)len;
    ak_batch_add(batch, &head, data, len);
    head.seq++;
}

static void check_entry(uint32_t i)
{
    const struct want *w = &want[i];
    const struct ak_entry *entry = &block->entry[i];

    assert_int_equal(entry->form, AK_FORM_WHOLE);
    assert_int_equal(entry->kind, w->head.kind);
    assert_int_equal(entry->clock_run, w->head.clock_run);
    assert_int_equal(entry->received, w->head.received);
    assert_int_equal(entry->source, w->head.source);
    assert_int_equal(entry->source_seq, w->head.seq);
    assert_int_equal(block->payload[i].state, AK_STATE_PRESENT);
    assert_int_equal(block->payload[i].len, w->len);
    assert_memory_equal(block->payload[i].p, text + w->at, w->len);
}

/* The batch's range and its completed groups are those of the leaves that were read. */
static void check_tree(void)
{
    struct ak_range range;
    uint32_t ended = 0;

    ak_range_init(&range, batch->first);
    for (uint32_t i = 0; i < block->count; i++)
        assert_int_equal(ak_range_append(&range, &block->leaf[i]), AK_OK);
    assert_int_equal(range.end, batch->range.end);
    assert_int_equal(range.count, batch->range.count);
    assert_memory_equal(range.hash, batch->range.hash, range.count * sizeof(range.hash[0]));
    for (uint32_t g = 0; g < block->group_count; g++) {
        const struct ak_block_group *group = &block->group[g];
        if ((block->first + group->begin + group->count) % AK_GROUP_ENTRIES != 0)
            continue;
        if (group->whole)
            assert_memory_equal(columns->level8[ended].b, group->node[0].b, AK_HASH_BYTES);
        else
            assert_true(ended == 0 && batch->level8_first_open); /* the commit's to fill in */
        ended++;
    }
    assert_int_equal(columns->level8_count, ended);
}

/* Prepares the batch as block at `first` and reads it back. */
static void round_trip(uint64_t first)
{
    struct ak_error err;

    batch->first = first;
    assert_int_equal(ak_prepare(batch, scratch), AK_OK);
    assert_int_equal(ak_columns_decode(columns, batch->frames + AK_FRAME_HEAD_BYTES,
                                       batch->columns_bytes - AK_FRAME_HEAD_BYTES, &err),
                     AK_OK);
    assert_int_equal(columns->first, first);
    assert_int_equal(columns->text_bytes, batch->used);
    assert_int_equal(columns->data_bytes, batch->data_bytes);
    assert_int_equal(ak_block_open(block, columns, batch->frames + batch->columns_bytes,
                                   batch->data_bytes, &batch->data_digest, &err),
                     AK_OK);
    assert_int_equal(block->count, batch->count);
    for (uint32_t i = 0; i < block->count; i++)
        check_entry(i);
    check_tree();
}

/* A payload may be empty, the only one too, and many of them in a row. */
static void test_empty_payloads(void **state)
{
    (void)state;
    begin();
    put("", 0);
    round_trip(0);
    put("", 0);
    put("", 0);
    put("x", 1);
    put("", 0);
    round_trip(7);
}

/* Line feeds in payloads are told from those behind them, at every place. */
static void test_line_feeds(void **state)
{
    static const char *const payloads[] = {"\n",   "\n\n\n", "a\nb", "\na", "a\n",
                                           "none", "",       "\n",   "",    "a\n\nb\nc\n"};
    (void)state;
    begin();
    for (size_t i = 0; i < sizeof(payloads) / sizeof(payloads[0]); i++)
        put(payloads[i], strlen(payloads[i]));
    round_trip(0);
    begin();
    for (unsigned i = 0; i < 600; i++)
        put("\n\n", 1 + i % 2);
    round_trip(100);
}

/* Bytes of every value, and bytes that zstd cannot make shorter. */
static void test_any_bytes(void **state)
{
    static unsigned char data[70000];
    uint64_t random = 1;

    (void)state;
    for (size_t i = 0; i < sizeof(data); i++) {
        random = random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
        data[i] = i < 256 ? (unsigned char)i : (unsigned char)(random >> 56);
    }
    begin();
    put(data, 256);
    put(data, sizeof(data));
    put("\0", 1);
    round_trip(0);
}

/* Own entries and fragments stand among the records; each keeps its source and its number. */
static void test_kinds(void **state)
{
    static const uint8_t kinds[] = {AK_KIND_RECORD, AK_KIND_FRAGMENT, AK_KIND_SOURCE, AK_KIND_EVENT,
                                    AK_KIND_RECORD, AK_KIND_STATE,    AK_KIND_EVENT,  AK_KIND_EPOCH,
                                    AK_KIND_RECORD, AK_KIND_MANIFEST, 0x7f,           0xff};
    uint64_t seq[AK_SOURCE_FIRST + 5];

    (void)state;
    for (unsigned i = 0; i < AK_SOURCE_FIRST + 5; i++)
        seq[i] = 1000u * i;
    begin();
    for (unsigned i = 0; i < 400; i++) {
        uint8_t kind = kinds[i % sizeof(kinds)];
        head.kind = kind;
        head.source = ak_kind_received(kind) ? AK_SOURCE_FIRST + i % 5 : kind;
        head.seq = seq[head.source]++;
        put("payload", i % 8);
    }
    round_trip(250);
}

/* The clock falls and rises between entries; times come back as they were. */
static void test_clock_runs(void **state)
{
    static const int64_t steps[] = {1000, 0, -5000, 3600000000000, -86400000000000, 0, 1000};

    (void)state;
    begin();
    head.clock_run = 0;
    for (unsigned i = 0; i < 700; i++) {
        int64_t step = steps[i % (sizeof(steps) / sizeof(steps[0]))];
        head.received += (uint64_t)step;
        head.clock_run = (uint16_t)(head.clock_run + (step < 0));
        put("t", 1);
    }
    head.received = UINT64_MAX - UINT64_MAX % AK_TIME_UNIT;
    put("end of time", 11);
    head.received = 0;
    head.clock_run++;
    put("and its beginning", 17);
    round_trip(0);
    begin();
    head.clock_run = UINT16_MAX;
    put("last run", 8);
    round_trip(0);
}

/* The largest numbers that an entry may have. */
static void test_large_numbers(void **state)
{
    (void)state;
    begin();
    head.seq = AK_SEQ_MAX - 1;
    put("a", 1);
    put("b", 1);
    head.source = AK_SOURCE_FIRST + AK_DECLARED_MAX - 1;
    head.seq = 0;
    put("c", 1);
    round_trip(AK_TREE_SIZE_MAX - 3);
}

/* Blocks begin and end before, at and behind the borders of groups. */
static void test_group_borders(void **state)
{
    static const uint64_t firsts[] = {0, 1, 254, 255, 256, 257, 511, (UINT64_C(1) << 40) - 1};
    static const unsigned counts[] = {1, 2, 254, 255, 256, 257, 511, 512, 513};
    char data[32];

    (void)state;
    for (size_t c = 0; c < sizeof(counts) / sizeof(counts[0]); c++) {
        begin();
        for (unsigned i = 0; i < counts[c]; i++) {
            int n = snprintf(data, sizeof(data), "record %u", i);
            put(data, (size_t)n);
        }
        for (size_t f = 0; f < sizeof(firsts) / sizeof(firsts[0]); f++)
            round_trip(firsts[f]);
    }
}

/* A batch takes exactly AK_BATCH_ENTRIES_MAX entries, and they are a block wherever it begins. */
static void test_most_entries(void **state)
{
    (void)state;
    begin();
    while (ak_batch_fits(batch, 9))
        put("\nnine b.\n", batch->count % 10);
    assert_int_equal(batch->count, AK_BATCH_ENTRIES_MAX);
    round_trip(0);
    round_trip(100);
    round_trip(255);
}

/* A batch takes AK_BATCH_RUNS_MAX reads, with the longest numbers that they can have. */
static void test_most_runs(void **state)
{
    (void)state;
    begin();
    for (unsigned i = 0; ak_batch_fits(batch, 1); i++) {
        head.source = AK_SOURCE_FIRST + (i * 7919) % AK_DECLARED_MAX;
        head.seq = AK_SEQ_MAX - i;
        head.received = i % 2 == 0 ? 1000 : UINT64_MAX - UINT64_MAX % AK_TIME_UNIT;
        head.clock_run = (uint16_t)(i / 2);
        put("\n", 1);
    }
    assert_int_equal(batch->run_count, AK_BATCH_RUNS_MAX);
    assert_int_equal(batch->count, AK_BATCH_RUNS_MAX);
    round_trip(1);
}

/* One payload fills the whole text but for its line feed; one byte more does not fit. */
static void test_longest_text(void **state)
{
    static unsigned char data[AK_BATCH_TEXT_MAX];
    uint64_t random = 3;

    (void)state;
    for (size_t i = 0; i < sizeof(data); i++) {
        random = random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
        data[i] = (unsigned char)(random >> 56);
    }
    begin();
    assert_false(ak_batch_fits(batch, AK_BATCH_TEXT_MAX));
    put(data, AK_BATCH_TEXT_MAX - 1);
    assert_int_equal(batch->used, AK_BATCH_TEXT_MAX);
    assert_false(ak_batch_fits(batch, 0));
    round_trip(300);
    begin();
    put(data, AK_BATCH_TEXT_MAX - 2);
    assert_false(ak_batch_fits(batch, 1));
    put("", 0); /* the last byte is its line feed */
    assert_int_equal(batch->used, AK_BATCH_TEXT_MAX);
    round_trip(300);
}

static void check_run_refused(void)
{
    batch->first = 0;
    assert_int_equal(ak_prepare(batch, scratch), AK_EUSAGE);
    assert_string_equal(batch->err.text, "a run of source 256 cannot follow the entries before it");
}

/* What cannot be a block is refused, with the code and in words. */
static void test_refused(void **state)
{
    (void)state;
    begin();
    batch->first = 0;
    assert_int_equal(ak_prepare(batch, scratch), AK_EUSAGE);
    assert_int_equal(batch->rc, AK_EUSAGE);
    assert_string_equal(batch->err.text, "a batch without entries, or past 2^63");
    put("a", 1);
    batch->first = AK_TREE_SIZE_MAX;
    assert_int_equal(ak_prepare(batch, scratch), AK_EUSAGE);
    round_trip(5); /* a refusal leaves nothing behind */
    head.seq++;    /* a number of the source left out */
    head.received += 1000;
    put("b", 1);
    check_run_refused();
    begin();
    put("a", 1);
    head.received -= 1000; /* the clock falls, and clock_run does not tell */
    put("b", 1);
    check_run_refused();
    begin();
    put("a", 1);
    head.clock_run += 2;
    put("b", 1);
    check_run_refused();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_empty_payloads), cmocka_unit_test(test_line_feeds),
        cmocka_unit_test(test_any_bytes),      cmocka_unit_test(test_kinds),
        cmocka_unit_test(test_clock_runs),     cmocka_unit_test(test_large_numbers),
        cmocka_unit_test(test_group_borders),  cmocka_unit_test(test_most_entries),
        cmocka_unit_test(test_most_runs),      cmocka_unit_test(test_longest_text),
        cmocka_unit_test(test_refused),
    };
    return cmocka_run_group_tests_name("encode", tests, setup_all, teardown_all);
}
