/* positions.c - the table of positions, one run after the other. */
#include "positions.h"

#include <akashi/format.h>
#include <akashi/segment.h>
#include <akashi/tree.h>

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define LEAF_BYTES 26 /* u32 ordinal, u48 next_seq, u64 index, u64 received */

enum ak_code ak_positions_init(struct ak_positions *positions, struct ak_error *err)
{
    memset(positions, 0, sizeof(*positions));
    return ak_positions_declare(positions, AK_SOURCE_FIRST, err);
}

void ak_positions_free(struct ak_positions *positions)
{
    free(positions->at);
    memset(positions, 0, sizeof(*positions));
}

enum ak_code ak_positions_declare(struct ak_positions *positions, uint32_t count,
                                  struct ak_error *err)
{
    uint32_t cap = positions->cap > 0 ? positions->cap : 2 * AK_SOURCE_FIRST;
    struct ak_position *grown;

    if (count <= positions->count)
        return AK_OK;
    if (count > AK_SOURCE_FIRST + AK_DECLARED_MAX)
        return ak_fail(err, AK_ELIMIT, "a log of more than %u sources", AK_DECLARED_MAX);
    while (cap < count)
        cap *= 2;
    if (cap > positions->cap) {
        grown = realloc(positions->at, cap * sizeof(*grown));
        if (grown == NULL)
            return ak_fail(err, AK_ENOMEM, "no memory for the positions of %u sources", cap);
        positions->at = grown;
        positions->cap = cap;
    }
    memset(positions->at + positions->count, 0,
           (count - positions->count) * sizeof(*positions->at));
    positions->count = count;
    return AK_OK;
}

/* The first `n` entries of a run. */
static enum ak_code take_run(struct ak_positions *positions, const struct ak_columns_run *run,
                             uint32_t n, struct ak_error *err)
{
    struct ak_position *at;
    enum ak_code rc = AK_OK;

    /* A number that jumps leaves declarations behind that could not be read. */
    if (run->kind == AK_KIND_SOURCE && run->seq <= AK_DECLARED_MAX)
        rc = ak_positions_declare(positions, AK_SOURCE_FIRST + (uint32_t)run->seq + n, err);
    if (rc == AK_OK && run->source >= positions->count)
        rc = ak_fail(err, AK_EMALFORMED,
                     "entry %" PRIu64 " is of source %" PRIu32 ", which is not declared before it",
                     positions->size, run->source);
    if (rc != AK_OK)
        return rc;
    if (run->kind == AK_KIND_SOURCE) {
        for (uint32_t i = 0; i < n; i++)
            positions->at[AK_SOURCE_FIRST + run->seq + i].declared = positions->size + i;
    }
    at = &positions->at[run->source];
    at->next_seq = run->seq + n;
    at->last_index = positions->size + n - 1;
    at->last_received = positions->received = run->received;
    positions->clock_run = run->clock_run;
    positions->size += n;
    return AK_OK;
}

enum ak_code ak_positions_take(struct ak_positions *positions, const struct ak_columns *columns,
                               uint64_t limit, struct ak_error *err)
{
    enum ak_code rc = AK_OK;

    if (columns->first != positions->size)
        return ak_fail(err, AK_EMALFORMED, "a block begins at %" PRIu64 " and not at %" PRIu64,
                       columns->first, positions->size);
    for (uint32_t i = 0; i < columns->run_count && rc == AK_OK && positions->size < limit; i++) {
        const struct ak_columns_run *run = &columns->run[i];
        uint64_t room = limit - positions->size;
        rc = take_run(positions, run, run->count < room ? run->count : (uint32_t)room, err);
    }
    return rc;
}

void ak_positions_skip(struct ak_positions *positions, uint64_t size)
{
    positions->size = size;
}

static void put_be(uint8_t *out, uint64_t value, unsigned bytes)
{
    for (unsigned i = 0; i < bytes; i++)
        out[i] = (uint8_t)(value >> (8 * (bytes - 1 - i)));
}

void ak_position_leaf(struct ak_hash *leaf, uint32_t ordinal, const struct ak_position *position)
{
    uint8_t bytes[LEAF_BYTES];
    bool any = position->next_seq > 0;

    put_be(bytes, ordinal, 4);
    put_be(bytes + 4, position->next_seq, 6);
    put_be(bytes + 10, any ? position->last_index : 0, 8);
    put_be(bytes + 18, any ? position->last_received : 0, 8);
    ak_hash_leaf(leaf, bytes, sizeof(bytes));
}

void ak_positions_root(const struct ak_positions *positions, struct ak_hash *root)
{
    struct ak_range range;
    struct ak_hash leaf;

    ak_range_init(&range, 0);
    for (uint32_t i = 0; i < positions->count; i++) {
        ak_position_leaf(&leaf, i, &positions->at[i]);
        (void)ak_range_append(&range, &leaf); /* far from the greatest size */
    }
    (void)ak_range_root(&range, root, NULL); /* begins at 0 */
}
