/* export_positions.c - the file `positions`: what state entries say of single sources
 * (docs/format.md 14.7).
 *
 * The tree over positions is built once for each state entry, and its root compared with the one in
 * the entry, before a proof out of it is written. */
#include "export_time.h"

#include "json.h"

#include <akashi/base64.h>

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* 2^20 + 256 leaves at most. */
#define LEVELS 21u

/* Complete nodes, level by level. */
struct levels {
    struct ak_hash *node[LEVELS];
    uint64_t count[LEVELS];
};

static void levels_free(struct levels *l)
{
    for (unsigned i = 0; i < LEVELS; i++)
        free(l->node[i]);
}

static enum ak_code build(struct levels *l, struct ak_positions *positions, struct ak_error *err)
{
    enum ak_code rc = AK_OK;

    l->count[0] = positions->count;
    for (unsigned i = 0; i < LEVELS && rc == AK_OK; i++) {
        if (i > 0)
            l->count[i] = l->count[i - 1] / 2;
        l->node[i] = calloc((size_t)l->count[i] + 1, sizeof(*l->node[i]));
        if (l->node[i] == NULL)
            return ak_fail(err, AK_ENOMEM, "no memory for the positions of sources");
        for (uint64_t k = 0; rc == AK_OK && k < l->count[i]; k++) {
            if (i == 0)
                rc = ak_positions_node(positions, 0, k, &l->node[0][k], err);
            else
                ak_hash_node(&l->node[i][k], &l->node[i - 1][2 * k], &l->node[i - 1][2 * k + 1]);
        }
    }
    return rc;
}

static enum ak_code node_of(void *ctx, unsigned level, uint64_t index, struct ak_hash *out,
                            struct ak_error *err)
{
    const struct levels *l = ctx;

    if (level >= LEVELS || index >= l->count[level])
        return ak_fail(err, AK_ENOTFOUND, "there are fewer sources");
    *out = l->node[level][index];
    return AK_OK;
}

/* The root over all positions is the one in the state entry's payload. */
static enum ak_code check_root(struct ak_export_log *log, uint64_t index, const struct levels *l,
                               struct ak_error *err)
{
    struct ak_log_tree_entry entry;
    struct ak_range range;
    struct ak_hash said = {{0}};
    struct ak_hash root;
    json_t *object;
    enum ak_code rc = ak_log_tree_entry(log->tree, index, &entry, err);

    if (rc != AK_OK)
        return rc;
    if (entry.entry.kind != AK_KIND_STATE || entry.payload == NULL)
        return ak_fail(err, AK_EMALFORMED, "entry %" PRIu64 " is no state", index);
    rc = ak_json_parse(entry.payload, entry.len, &object, err);
    if (rc != AK_OK)
        return rc;
    rc = ak_json_bytes(object, "positions", said.b, AK_HASH_BYTES, err);
    json_decref(object);
    ak_range_init(&range, 0);
    for (uint64_t i = 0; rc == AK_OK && i < l->count[0]; i++)
        rc = ak_range_append(&range, &l->node[0][i]);
    if (rc == AK_OK)
        rc = ak_range_root(&range, &root, err);
    if (rc == AK_OK && !ak_hash_equal(&root, &said))
        rc = ak_fail(err, AK_EINTEGRITY,
                     "the counts of sources in this store are not those that the state entry "
                     "%" PRIu64 " vouches for",
                     index);
    return rc;
}

static enum ak_code put_count(FILE *file, const struct ak_positions *positions, struct levels *l,
                              uint32_t ordinal, struct ak_error *err)
{
    struct ak_hash path[AK_PROOF_HASHES_MAX];
    char text[AK_BASE64_CHARS(AK_HASH_BYTES) + 1];
    const struct ak_position *row;
    unsigned n = 0;
    enum ak_code rc;

    if (ordinal >= positions->count) /* it was declared later: no leaf, and nothing to count */
        return ak_fail(err, AK_ENOTFOUND, "source %" PRIu32 " is not declared there", ordinal);
    row = &positions->row[ordinal];
    rc = ak_inclusion_make(ordinal, positions->count, node_of, l, path, AK_PROOF_HASHES_MAX, &n,
                           err);
    if (rc != AK_OK)
        return rc;
    fprintf(file, "count %" PRIu32 " %" PRIu64 " %" PRIu64 " %" PRIu64 "\n", ordinal, row->next_seq,
            row->next_seq == 0 ? 0 : row->last_index, row->next_seq == 0 ? 0 : row->last_received);
    for (unsigned i = 0; i < n; i++) {
        (void)ak_base64_encode(text, sizeof(text), path[i].b, AK_HASH_BYTES);
        fprintf(file, "%s\n", text);
    }
    return AK_OK;
}

static enum ak_code put_state(FILE *file, struct ak_export_log *log,
                              const struct ak_export_state *state, struct ak_error *err)
{
    struct ak_positions positions = {0};
    struct levels levels = {0};
    enum ak_code rc = ak_log_tree_positions(log->tree, state->index, &positions, err);

    if (rc == AK_OK)
        rc = build(&levels, &positions, err);
    if (rc == AK_OK)
        rc = check_root(log, state->index, &levels, err);
    if (rc == AK_OK)
        fprintf(file, "state %" PRIu64 "\n", state->index);
    for (size_t i = 0; rc == AK_OK && i < state->count; i++)
        rc = put_count(file, &positions, &levels, state->ordinal[i], err);
    levels_free(&levels);
    ak_positions_free(&positions);
    return rc;
}

enum ak_code ak_export_positions(FILE *file, struct ak_export_log *log,
                                 const struct ak_export_states *states, struct ak_error *err)
{
    enum ak_code rc = AK_OK;

    fputs("akashi/positions/v1\n", file);
    for (size_t i = 0; rc == AK_OK && i < states->count; i++)
        rc = put_state(file, log, &states->state[i], err);
    return rc;
}
