/* segment_block.c - one block: from columns and data to entries, payloads, leaves and hashes of
 * groups (format.md 7).
 *
 * The happy path is: the DATA frame is what the columns say (R14) and decompresses (R15); the text
 * of each group is cut at its line feeds; salts, commitments and leaves are hashed, many at once;
 * groups that are whole are folded to their level-8 hashes, parts of groups to their compact range.
 *
 * Possible failure modes are: the DATA frame is broken somewhere. Then what the decoder gives is
 * cut by the lengths that the columns state for each group, so a group behind the damage still has
 * its place. What a group's bytes are worth is told by its hash alone; here it only has to divide.
 */
#include <akashi/parts.h>
#include <akashi/segment.h>

#include "leafhash.h"
#include "segment_data.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

struct ak_block_decoder {
    ZSTD_DCtx *zstd;
    struct ak_parts_room *parts; /* for blocks of form 2 */
};

struct ak_block *ak_block_new(void)
{
    struct ak_block *block = calloc(1, sizeof(*block));

    if (block == NULL)
        return NULL;
    block->decoder = calloc(1, sizeof(*block->decoder));
    if (block->decoder != NULL) {
        block->decoder->zstd = ak_data_decoder_new();
        block->decoder->parts = ak_parts_room_new();
    }
    if (block->decoder == NULL || block->decoder->zstd == NULL || block->decoder->parts == NULL) {
        ak_block_free(block);
        return NULL;
    }
    return block;
}

void ak_block_free(struct ak_block *block)
{
    if (block == NULL)
        return;
    if (block->decoder != NULL) {
        (void)ZSTD_freeDCtx(block->decoder->zstd);
        ak_parts_room_free(block->decoder->parts);
    }
    free(block->decoder);
    free(block);
}

/* Everything of the entries but their commitments. */
static void fill_entries(struct ak_block *block, const struct ak_columns *columns)
{
    uint32_t i = 0;

    for (uint32_t r = 0; r < columns->run_count; r++) {
        const struct ak_columns_run *run = &columns->run[r];
        for (uint32_t k = 0; k < run->count; k++, i++) {
            struct ak_entry *entry = &block->entry[i];
            entry->form = columns->form;
            entry->kind = run->kind;
            entry->clock_run = run->clock_run;
            entry->received = run->received;
            entry->source = run->source;
            entry->source_seq = run->seq + k;
        }
    }
    assert(i == columns->count);
}

/* States, and the commitments of payloads that are not there. */
static void fill_states(struct ak_block *block, const struct ak_columns *columns)
{
    memset(block->payload, 0, sizeof(block->payload[0]) * columns->count);
    for (uint32_t a = 0; a < columns->absent_count; a++) {
        const struct ak_columns_absent *absent = &columns->absent[a];
        for (uint32_t k = 0; k < absent->count; k++) {
            const uint8_t *at =
                columns->commitment + ((size_t)absent->commitment + k) * AK_HASH_BYTES;
            block->payload[absent->position + k].state = absent->state;
            memcpy(block->entry[absent->position + k].commitment.b, at, AK_HASH_BYTES);
        }
    }
}

static void fill_groups(struct ak_block *block, const struct ak_columns *columns)
{
    block->group_count = columns->group_count;
    for (uint32_t g = 0; g < columns->group_count; g++) {
        struct ak_block_group *group = &block->group[g];
        group->begin = columns->group[g].begin;
        group->count = columns->group[g].count;
        group->decoded = false;
        group->hashed = false;
        group->whole = group->count == AK_GROUP_ENTRIES;
        group->node_count = 0;
    }
}

/* R14, R15. Whatever fails, the text is what could be had of it. */
static enum ak_code fill_text(struct ak_block *block, const struct ak_columns *columns,
                              const uint8_t *data, size_t len, const struct ak_hash *digest,
                              struct ak_error *err)
{
    struct ak_hash own;
    enum ak_code rc = AK_OK;
    enum ak_code second;

    if (digest == NULL) {
        ak_sha256(&own, data, len);
        digest = &own;
    }
    if (len != columns->data_bytes)
        rc = ak_fail(err, AK_EMALFORMED, "R14: the data frame has %zu bytes instead of %u", len,
                     columns->data_bytes);
    else if (!ak_hash_equal(digest, &columns->data_digest))
        rc = ak_fail(err, AK_EINTEGRITY, "R14: the data frame's digest is not the one recorded");
    second = ak_data_check(data, len, columns->text_bytes, rc == AK_OK ? err : NULL);
    if (second == AK_OK)
        second = ak_data_decode(block->decoder->zstd, block->text, columns->text_bytes, data, len,
                                rc == AK_OK ? err : NULL);
    if (second != AK_OK)
        ak_data_salvage(block->decoder->zstd, block->text, columns->text_bytes, data, len);
    return rc != AK_OK ? rc : second;
}

/* Cuts one group's text into the payloads of its present entries (6.3.2). `*lf` is the first of
 * the payloads with line feeds that is not before the group, and moves behind it. */
static bool divide(struct ak_block *block, const struct ak_columns *columns,
                   const struct ak_columns_group *group, uint32_t *lf)
{
    const uint8_t *at = block->text + group->text_at;
    const uint8_t *end = at + group->text_bytes;

    for (uint32_t i = group->begin; i < group->begin + group->count; i++) {
        struct ak_payload *payload = &block->payload[i];
        uint32_t feeds = 0;
        if (payload->state != AK_STATE_PRESENT)
            continue;
        if (*lf < columns->lf_count && columns->lf[*lf].position == i)
            feeds = columns->lf[(*lf)++].count;
        payload->p = at;
        for (uint32_t k = 0; k <= feeds; k++) {
            const uint8_t *found = memchr(at, '\n', (size_t)(end - at));
            if (found == NULL)
                return false;
            at = found + 1;
        }
        payload->len = (uint32_t)(at - payload->p) - 1;
    }
    return at == end;
}

enum ak_code ak_block_divide(struct ak_block *block, const struct ak_columns *columns,
                             const bool *wanted, struct ak_error *err)
{
    enum ak_code rc = AK_OK;
    uint32_t lf = 0;

    for (uint32_t g = 0; g < block->group_count; g++) {
        const struct ak_columns_group *from = &columns->group[g];
        struct ak_block_group *group = &block->group[g];
        if ((wanted != NULL && !wanted[g]) || group->decoded)
            continue;
        while (lf < columns->lf_count && columns->lf[lf].position < group->begin)
            lf++; /* of a group that is not wanted, or was given up */
        group->decoded = divide(block, columns, from, &lf);
        if (!group->decoded && rc == AK_OK)
            rc = ak_fail(err, AK_EMALFORMED,
                         "R15: the text of the group at position %u does not divide into its "
                         "payloads",
                         group->begin);
        for (uint32_t i = group->begin; !group->decoded && i < group->begin + group->count; i++)
            block->payload[i].p = NULL;
    }
    return rc;
}

/* Salts, or record keys, of a group (3.4): from its key, or as they are listed. */
static void fill_salts(struct ak_block *block, const struct ak_columns *columns, uint32_t g)
{
    const struct ak_columns_group *group = &columns->group[g];
    bool parts = columns->form == AK_FORM_PARTS;
    size_t size = parts ? AK_RECORD_KEY_BYTES : AK_SALT_BYTES;
    unsigned begin = (unsigned)((columns->first + group->begin) % AK_GROUP_ENTRIES);
    const uint8_t *next = group->salts;

    if (group->key != NULL && parts)
        ak_record_keys(block->record_key + group->begin, group->key, begin, group->count);
    else if (group->key != NULL)
        ak_salts(block->salt + group->begin, group->key, begin, group->count);
    for (uint32_t i = group->begin; i < group->begin + group->count; i++) {
        uint8_t *out = parts ? block->record_key[i] : block->salt[i];
        if (block->payload[i].state != AK_STATE_PRESENT) {
            memset(out, 0, size);
        } else if (group->key == NULL) {
            memcpy(out, next, size);
            next += size;
        }
    }
}

/* Whether a group is among those that are being hashed. */
static bool is_due(const struct ak_block *block, const bool *wanted, uint32_t g)
{
    return (wanted == NULL || wanted[g]) && block->group[g].decoded && !block->group[g].hashed;
}

/* The position behind an entry; behind the last one of a group that of the next due one. */
static uint32_t next_due(const struct ak_block *block, const bool *wanted, uint32_t i, uint32_t *g)
{
    const struct ak_block_group *group = &block->group[*g];

    if (i + 1 < group->begin + group->count)
        return i + 1;
    do {
        ++*g;
    } while (*g < block->group_count && !is_due(block, wanted, *g));
    return *g < block->group_count ? block->group[*g].begin : block->count;
}

static uint32_t first_due(const struct ak_block *block, const bool *wanted, uint32_t *g)
{
    *g = 0;
    while (*g < block->group_count && !is_due(block, wanted, *g))
        ++*g;
    return *g < block->group_count ? block->group[*g].begin : block->count;
}

/* Commitments of form 2 of all payloads of due groups. */
static void fill_commitments_by_parts(struct ak_block *block, const bool *wanted)
{
    struct ak_parts_room *room = block->decoder->parts;
    uint32_t g;

    for (uint32_t i = first_due(block, wanted, &g); i < block->count;
         i = next_due(block, wanted, i, &g)) {
        const struct ak_payload *payload = &block->payload[i];
        if (payload->p != NULL)
            ak_parts_take(room, block->record_key[i], payload->p, payload->len,
                          block->entry[i].commitment.b);
    }
    ak_parts_finish(room);
}

/* Those of form 1, in slices that go across groups. */
static void fill_commitments(struct ak_block *block, const bool *wanted)
{
    struct ak_message message[AK_MESSAGES_SLICE];
    size_t n = 0;
    uint32_t g;

    for (uint32_t i = first_due(block, wanted, &g); i < block->count;
         i = next_due(block, wanted, i, &g)) {
        const struct ak_payload *payload = &block->payload[i];
        if (payload->p == NULL)
            continue;
        message[n++] = ak_message_commitment(block->salt[i], payload->p, payload->len,
                                             block->entry[i].commitment.b);
        if (n == AK_MESSAGES_SLICE) {
            ak_hash_messages(message, n);
            n = 0;
        }
    }
    ak_hash_messages(message, n);
}

static void fill_leaves(struct ak_block *block, const struct ak_block_group *group)
{
    uint8_t bytes[AK_GROUP_ENTRIES][AK_ENTRY_BYTES];

    for (uint32_t k = 0; k < group->count; k++)
        ak_entry_encode(bytes[k], &block->entry[group->begin + k]);
    ak_leaves(block->leaf + group->begin, (const uint8_t(*)[AK_ENTRY_BYTES])bytes, group->count);
}

/* The compact range of a part of a group. */
static void fold_part(struct ak_block *block, struct ak_block_group *group)
{
    struct ak_range range;

    ak_range_init(&range, block->first + group->begin);
    for (uint32_t k = 0; k < group->count; k++) {
        enum ak_code rc = ak_range_append(&range, &block->leaf[group->begin + k]);
        assert(rc == AK_OK);
        (void)rc;
    }
    assert(range.count <= AK_GROUP_NODES_MAX);
    group->node_count = range.count;
    memcpy(group->node, range.hash, range.count * sizeof(range.hash[0]));
}

/* Nodes of all due groups; neighbours that are whole are folded together. */
static void fold(struct ak_block *block, const bool *wanted)
{
    struct ak_hash level8[AK_BLOCK_GROUPS_MAX];

    for (uint32_t g = 0; g < block->group_count;) {
        uint32_t n = 0;
        while (g + n < block->group_count && is_due(block, wanted, g + n) &&
               block->group[g + n].whole)
            n++;
        ak_fold_groups(level8, block->leaf + block->group[g].begin, n, block->node);
        for (uint32_t k = 0; k < n; k++) {
            block->group[g + k].node[0] = level8[k];
            block->group[g + k].node_count = 1;
        }
        g += n;
        if (g < block->group_count && is_due(block, wanted, g) && !block->group[g].whole)
            fold_part(block, &block->group[g]);
        if (n == 0 || (g < block->group_count && !block->group[g].whole))
            g++;
    }
}

void ak_block_begin(struct ak_block *block, const struct ak_columns *columns)
{
    block->first = columns->first;
    block->count = columns->count;
    fill_entries(block, columns);
    fill_states(block, columns);
    fill_groups(block, columns);
}

void ak_block_hash(struct ak_block *block, const struct ak_columns *columns, const bool *wanted)
{
    for (uint32_t g = 0; g < block->group_count; g++) {
        if (is_due(block, wanted, g))
            fill_salts(block, columns, g);
    }
    if (columns->form == AK_FORM_PARTS)
        fill_commitments_by_parts(block, wanted);
    else
        fill_commitments(block, wanted);
    for (uint32_t g = 0; g < block->group_count; g++) {
        if (is_due(block, wanted, g))
            fill_leaves(block, &block->group[g]);
    }
    fold(block, wanted);
    for (uint32_t g = 0; g < block->group_count; g++)
        block->group[g].hashed = block->group[g].hashed || is_due(block, wanted, g);
}

enum ak_code ak_block_open(struct ak_block *block, const struct ak_columns *columns,
                           const uint8_t *data, size_t len, const struct ak_hash *digest,
                           struct ak_error *err)
{
    enum ak_code rc;
    enum ak_code second;

    ak_block_begin(block, columns);
    rc = fill_text(block, columns, data, len, digest, err);
    if (rc == AK_ENOMEM)
        return rc;
    second = ak_block_divide(block, columns, NULL, rc == AK_OK ? err : NULL);
    ak_block_hash(block, columns, NULL);
    return rc != AK_OK ? rc : second;
}

enum ak_code ak_block_text(struct ak_block *block, const struct ak_columns *columns,
                           const uint8_t *data, size_t len, struct ak_error *err)
{
    enum ak_code rc;

    if (len != columns->data_bytes)
        return ak_fail(err, AK_EMALFORMED, "R14: the data frame has %zu bytes instead of %u", len,
                       columns->data_bytes);
    rc = ak_data_check(data, len, columns->text_bytes, err);
    if (rc == AK_OK)
        rc = ak_data_decode(block->decoder->zstd, block->text, columns->text_bytes, data, len, err);
    return rc;
}

void ak_block_group_range(const struct ak_block *block, uint32_t group, struct ak_range *range)
{
    const struct ak_block_group *from = &block->group[group];
    uint64_t begin = block->first + from->begin;
    enum ak_code rc =
        ak_range_load(range, begin, begin + from->count, from->node, from->node_count, NULL);

    assert(from->decoded && rc == AK_OK);
    (void)rc;
}
