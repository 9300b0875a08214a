/* encode_columns.c - the COLUMNS frame (docs/format.md 6.3), column by column in their order.
 *
 * The batch's runs are split wherever the one to be acknowledged changes; the format wants the
 * longest ones, so neighbours are joined here. A small hash table knows the number behind the last
 * entry of each source in the block: it decides whether a run states its number. */
#include "encode.h"
#include "encode_frame.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* At most a block's entries, each its own source, in a table that stays half empty. */
#define TABLE_SLOTS (2u * AK_BLOCK_ENTRIES_MAX)

struct slot {
    uint64_t next; /* source_seq behind the last entry of the source */
    uint32_t source;
    uint32_t block; /* number of the block this slot was used for; others are empty */
};

struct ak_encode_table {
    uint32_t block;
    struct slot slot[TABLE_SLOTS];
};

struct ak_encode_table *ak_encode_table_new(void)
{
    return calloc(1, sizeof(struct ak_encode_table));
}

void ak_encode_table_free(struct ak_encode_table *table)
{
    free(table);
}

static void table_begin(struct ak_encode_table *table)
{
    if (++table->block == 0) {
        memset(table->slot, 0, sizeof(table->slot));
        table->block = 1;
    }
}

/* The slot of a source; `*found` tells whether it was there. */
static struct slot *table_find(struct ak_encode_table *table, uint32_t source, bool *found)
{
    uint32_t at = source * 2654435761u % TABLE_SLOTS;

    while (table->slot[at].block == table->block && table->slot[at].source != source)
        at = (at + 1) % TABLE_SLOTS;
    *found = table->slot[at].block == table->block;
    table->slot[at].block = table->block;
    table->slot[at].source = source;
    return &table->slot[at];
}

uint32_t ak_encode_groups(uint64_t first, uint32_t count)
{
    return (uint32_t)((first + count - 1) / AK_GROUP_ENTRIES - first / AK_GROUP_ENTRIES + 1);
}

uint32_t ak_encode_groups_ended(uint64_t first, uint32_t count)
{
    return (uint32_t)((first + count) / AK_GROUP_ENTRIES - first / AK_GROUP_ENTRIES);
}

/* Takes the longest run that begins at run[*at]; moves *at behind it. */
static struct ak_run take_run(const struct ak_run *run, uint32_t run_count, uint32_t *at)
{
    struct ak_run whole = run[(*at)++];

    while (*at < run_count) {
        const struct ak_run *next = &run[*at];
        if (next->kind != whole.kind || next->source != whole.source ||
            next->clock_run != whole.clock_run || next->received != whole.received ||
            next->seq != whole.seq + whole.count)
            break;
        whole.count += next->count;
        (*at)++;
    }
    return whole;
}

/* Whether kind, source and time of a run can be written at all (R1, R4). */
static bool run_fits(const struct ak_run *run)
{
    bool received = run->kind == AK_KIND_RECORD || run->kind == AK_KIND_FRAGMENT;

    if (run->count == 0 || run->received % AK_TIME_UNIT != 0 || run->seq > AK_SEQ_MAX)
        return false;
    return received ? run->source >= AK_SOURCE_FIRST : run->source == run->kind;
}

/* Time of a run behind `before` (NULL: the block's first). False if time falls in one clock_run. */
static bool put_time(struct ak_sink *sink, const struct ak_run *run, const struct ak_run *before)
{
    uint64_t us = run->received / AK_TIME_UNIT;

    if (before == NULL) {
        ak_sink_varint(sink, run->clock_run);
        ak_sink_varint(sink, us);
        return true;
    }
    if (run->clock_run == before->clock_run) {
        if (run->received < before->received)
            return false;
        ak_sink_varint(sink, (us - before->received / AK_TIME_UNIT) * 2);
        return true;
    }
    ak_sink_varint(sink, 1);
    ak_sink_varint(sink, us);
    return run->clock_run == before->clock_run + 1;
}

/* One run. False if it cannot follow what stands before it in the block. */
static bool put_run(struct ak_sink *sink, const struct ak_run *run, const struct ak_run *before,
                    struct ak_encode_table *table)
{
    struct slot *slot;
    bool found;

    if (!run_fits(run))
        return false;
    ak_sink_varint(sink, run->count);
    ak_sink_varint(sink, (uint64_t)run->source * 2 + (run->kind == AK_KIND_FRAGMENT));
    slot = table_find(table, run->source, &found);
    if (!found)
        ak_sink_varint(sink, run->seq);
    else if (slot->next != run->seq)
        return false;
    slot->next = run->seq + run->count;
    return put_time(sink, run, before);
}

static enum ak_code put_runs(struct ak_sink *sink, const struct ak_encode_columns *columns,
                             struct ak_encode_table *table, struct ak_error *err)
{
    struct ak_run before;
    uint32_t entries = 0;
    uint32_t runs = 0;

    for (uint32_t at = 0; at < columns->run_count; runs++)
        (void)take_run(columns->run, columns->run_count, &at);
    ak_sink_varint(sink, runs);
    table_begin(table);
    for (uint32_t at = 0; at < columns->run_count;) {
        bool is_first = at == 0;
        struct ak_run run = take_run(columns->run, columns->run_count, &at);
        if (!put_run(sink, &run, is_first ? NULL : &before, table))
            return ak_fail(err, AK_EUSAGE, "a run of source %u cannot follow the entries before it",
                           run.source);
        entries += run.count;
        before = run;
    }
    if (entries != columns->count)
        return ak_fail(err, AK_EUSAGE, "the runs of a block have %u entries, the block %u", entries,
                       columns->count);
    return AK_OK;
}

static void put_line_feeds(struct ak_sink *sink, const struct ak_encode_columns *columns)
{
    uint32_t behind = 0;

    ak_sink_varint(sink, columns->lf_count);
    for (uint32_t i = 0; i < columns->lf_count; i++) {
        assert(columns->lf[i].position >= behind && columns->lf[i].count > 0);
        ak_sink_varint(sink, columns->lf[i].position - behind);
        ak_sink_varint(sink, columns->lf[i].count);
        behind = columns->lf[i].position + 1;
    }
}

static void put_states(struct ak_sink *sink, const struct ak_encode_columns *columns)
{
    uint32_t behind = 0;

    ak_sink_varint(sink, columns->absent_count);
    for (uint32_t i = 0; i < columns->absent_count; i++) {
        assert(columns->absent[i].position >= behind && columns->absent[i].count > 0);
        ak_sink_varint(sink, columns->absent[i].position - behind);
        ak_sink_varint(sink, columns->absent[i].count);
        ak_sink_uint(sink, columns->absent[i].state, 1);
        behind = columns->absent[i].position + columns->absent[i].count;
    }
    for (uint32_t i = 0; i < columns->commitment_count; i++)
        ak_sink_bytes(sink, columns->commitment[i].b, AK_HASH_BYTES);
}

static void put_keys(struct ak_sink *sink, const struct ak_encode_key *key, uint32_t groups)
{
    for (uint32_t i = 0; i < groups; i++) {
        if (key[i].group_key != NULL) {
            ak_sink_uint(sink, AK_KEYS_GROUP, 1);
            ak_sink_bytes(sink, key[i].group_key, AK_GROUP_KEY_BYTES);
        } else {
            ak_sink_uint(sink, AK_KEYS_SALTS, 1);
            ak_sink_bytes(sink, key[i].salts, key[i].salts_len);
        }
    }
}

enum ak_code ak_encode_columns(struct ak_sink *sink, const struct ak_encode_columns *columns,
                               struct ak_encode_table *table, struct ak_error *err)
{
    size_t start = ak_frame_begin_ours(sink, AK_FRAME_COLUMNS);
    uint32_t groups = ak_encode_groups(columns->first, columns->count);
    enum ak_code rc;

    if (columns->count == 0 || columns->count > AK_BLOCK_ENTRIES_MAX ||
        columns->text_bytes > AK_BLOCK_TEXT_MAX || columns->data_bytes > AK_DATA_BYTES_MAX)
        return ak_fail(err, AK_ELIMIT, "a block of %u entries and %u bytes is out of bounds",
                       columns->count, columns->text_bytes);
    assert(columns->level8_count == ak_encode_groups_ended(columns->first, columns->count));
    ak_sink_uint(sink, columns->data_bytes, 4);
    ak_sink_uint(sink, columns->text_bytes, 4);
    ak_sink_bytes(sink, columns->data_digest.b, AK_HASH_BYTES);
    ak_sink_uint(sink, columns->first, 8);
    ak_sink_uint(sink, columns->count, 4);
    ak_sink_uint(sink, columns->form, 1);
    rc = put_runs(sink, columns, table, err);
    if (rc != AK_OK)
        return rc;
    put_line_feeds(sink, columns);
    for (uint32_t i = 0; i < groups; i++)
        ak_sink_varint(sink, columns->group_text[i]);
    put_states(sink, columns);
    put_keys(sink, columns->key, groups);
    for (uint32_t i = 0; i < columns->level8_count; i++)
        ak_sink_bytes(sink, columns->level8[i].b, AK_HASH_BYTES);
    return ak_frame_end(sink, start, AK_COLUMNS_BYTES_MAX, "COLUMNS", err);
}
