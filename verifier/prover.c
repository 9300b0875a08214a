/* prover.c - whether blocks and entries lead to the signed root of their epoch.
 *
 * Failure modes: whatever does not lead to a signed root is not proven; why is for akashi-verify
 * check to say. Where the quick tree does not lead there, the careful one is tried. */
#include "prover_private.h"

#include <akashi/epoch.h>
#include <akashi/tree.h>

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* Nodes that are kept: neighbouring blocks ask for the same great ones. */
#define NODES_LOG 12u

/* Checkpoints of one segment that are kept, evenly if there are more. */
#define NEAR_MAX 2048u

/* A checkpoint that stands in a segment, or in the HEADER of a later one. */
struct ak_prover_near {
    uint64_t size;
    struct ak_hash root;
    uint8_t *note;
    size_t len;
};

struct ak_prover_node {
    bool used;
    unsigned level;
    uint64_t index;
    struct ak_hash hash;
};

enum ak_code ak_prover_new(struct ak_prover **out, const char *path, const struct ak_vkey *keys,
                           size_t key_count, struct ak_error *err)
{
    struct ak_prover *prover = calloc(1, sizeof(*prover));
    enum ak_code rc;

    *out = NULL;
    if (prover == NULL)
        return ak_fail(err, AK_ENOMEM, "no memory to prove anything");
    prover->path = path;
    prover->node = calloc((size_t)1 << NODES_LOG, sizeof(*prover->node));
    rc = prover->node == NULL ? ak_fail(err, AK_ENOMEM, "no memory to prove anything")
                              : ak_log_tree_open(&prover->tree, path, NULL, AK_LOG_TREE_QUICK, err);
    for (size_t i = 0; rc == AK_OK && i < key_count; i++) {
        if (strcmp(keys[i].name, ak_log_tree_origin(prover->tree)) == 0)
            prover->key = &keys[i];
    }
    if (rc == AK_OK)
        rc = ak_prover_read_own(prover, err);
    if (rc != AK_OK) {
        ak_prover_free(prover);
        return rc;
    }
    *out = prover;
    return AK_OK;
}

static void drop_near(struct ak_prover *prover)
{
    for (size_t i = 0; i < prover->near_count; i++)
        free(prover->near[i].note);
    prover->near_count = 0;
    prover->near_step = 1;
    prover->near_seen = 0;
}

void ak_prover_free(struct ak_prover *prover)
{
    if (prover == NULL)
        return;
    for (size_t i = 0; i < prover->epoch_count; i++)
        free(prover->epoch[i].note);
    free(prover->epoch);
    free(prover->manifest);
    free(prover->named);
    drop_near(prover);
    free(prover->near);
    free(prover->node);
    ak_log_tree_close(prover->tree);
    ak_log_tree_close(prover->careful);
    free(prover);
}

const struct ak_vkey *ak_prover_key(const struct ak_prover *prover)
{
    return prover->key;
}

uint64_t ak_prover_signed(const struct ak_prover *prover)
{
    return prover->signed_to;
}

bool ak_prover_lacks(const struct ak_prover *prover)
{
    return prover->lacking;
}

uint64_t ak_prover_newest(struct ak_prover *prover)
{
    size_t last = prover->epoch_count;

    if (last == 0)
        return 0;
    (void)ak_prover_epoch_root(prover, last - 1, ak_log_tree_last(prover->tree));
    return prover->signed_to;
}

/* ---- Blocks ---- */

static enum ak_code node_of(void *ctx, unsigned level, uint64_t index, struct ak_hash *out,
                            struct ak_error *err)
{
    struct ak_prover *prover = ctx;
    uint64_t mixed = (index * 64 + level) * UINT64_C(0x9e3779b97f4a7c15);
    struct ak_prover_node *node = &prover->node[mixed >> (64 - NODES_LOG)];
    enum ak_code rc;

    if (node->used && node->level == level && node->index == index) {
        *out = node->hash;
        return AK_OK;
    }
    rc = ak_log_tree_node(prover->tree, level, index, out, err);
    if (rc == AK_OK)
        *node = (struct ak_prover_node){true, level, index, *out};
    return rc;
}

static enum ak_code careful_node(void *ctx, unsigned level, uint64_t index, struct ak_hash *out,
                                 struct ak_error *err)
{
    struct ak_prover *prover = ctx;

    if (prover->careful == NULL && !prover->careful_failed)
        prover->careful_failed = ak_log_tree_open(&prover->careful, prover->path, NULL,
                                                  AK_LOG_TREE_CAREFUL, NULL) != AK_OK;
    if (prover->careful == NULL)
        return AK_ENOTFOUND;
    return ak_log_tree_node(prover->careful, level, index, out, err);
}

static enum ak_code range_of(struct ak_prover *prover, ak_node_fn node, uint64_t begin,
                             uint64_t end, struct ak_range *range)
{
    struct ak_node nodes[AK_RANGE_HASHES_MAX];
    unsigned n = ak_range_nodes(begin, end, nodes);
    struct ak_hash hash;
    enum ak_code rc = AK_OK;

    ak_range_init(range, begin);
    for (unsigned i = 0; rc == AK_OK && i < n; i++) {
        rc = node(prover, nodes[i].level, nodes[i].index, &hash, NULL);
        if (rc == AK_OK)
            rc = ak_range_append_node(range, nodes[i].level, &hash);
    }
    return rc;
}

/* Whether these leaves stand there under the epoch's root. */
static bool leads_by(struct ak_prover *prover, ak_node_fn node, const struct ak_prover_epoch *epoch,
                     const struct ak_range *middle)
{
    struct ak_range before;
    struct ak_range after;

    if (range_of(prover, node, 0, middle->begin, &before) != AK_OK ||
        range_of(prover, node, middle->end, epoch->end, &after) != AK_OK) {
        prover->lacking = true;
        return false;
    }
    prover->lacking = false;
    return ak_range_proof_verify(middle, epoch->end, before.hash, before.count, after.hash,
                                 after.count, &epoch->root, NULL) == AK_OK;
}

/* Every second one goes when there is no more room. */
static void thin_near(struct ak_prover *prover)
{
    size_t kept = 0;

    for (size_t i = 0; i < prover->near_count; i++) {
        if (i % 2 == 0)
            prover->near[kept++] = prover->near[i];
        else
            free(prover->near[i].note);
    }
    prover->near_count = kept;
    prover->near_step *= 2;
}

static enum ak_code on_near(void *ctx, const void *data, size_t len, struct ak_error *err)
{
    struct ak_prover *prover = ctx;
    struct ak_checkpoint checkpoint;
    struct ak_note note;
    struct ak_prover_near *near;

    if (prover->near_seen++ % prover->near_step != 0 ||
        ak_note_parse(&note, data, len, NULL) != AK_OK ||
        ak_checkpoint_parse(&checkpoint, note.text, note.text_len, false, NULL) != AK_OK)
        return AK_OK;
    if (prover->near_count == NEAR_MAX)
        thin_near(prover);
    near = &prover->near[prover->near_count];
    near->note = malloc(len + 1);
    if (near->note == NULL)
        return ak_fail(err, AK_ENOMEM, "no memory for a checkpoint");
    memcpy(near->note, data, len);
    near->len = len;
    near->size = checkpoint.size;
    near->root = checkpoint.root;
    prover->near_count++;
    return AK_OK;
}

/* The checkpoint that covers [.., end) with the smallest size, signed by the epoch's key: where
 * what lies further right is damaged or not here, it leads there. */
static bool near_root(struct ak_prover *prover, const struct ak_prover_epoch *epoch, uint64_t begin,
                      uint64_t end, struct ak_prover_epoch *out)
{
    uint64_t first = ak_log_tree_begin(prover->tree, begin);
    struct ak_log_checkpoint cp;
    const struct ak_prover_near *best = NULL;

    if (prover->near == NULL)
        prover->near = calloc(NEAR_MAX, sizeof(*prover->near));
    if (prover->near == NULL)
        return false;
    if (!prover->near_known || prover->near_first != first) {
        drop_near(prover);
        prover->near_known = true;
        prover->near_first = first;
        (void)ak_log_tree_checkpoints(prover->tree, begin, on_near, prover, NULL);
    }
    for (size_t i = 0; i < prover->near_count; i++) {
        const struct ak_prover_near *near = &prover->near[i];
        if (near->size >= end && (best == NULL || near->size < best->size) &&
            ak_log_checkpoint_verify(prover->key, &epoch->parsed.key, near->note, near->len, &cp,
                                     NULL) == AK_OK)
            best = near;
    }
    if (best == NULL)
        return false;
    out->end = best->size;
    out->root = best->root;
    return true;
}

static bool leads(struct ak_prover *prover, const struct ak_prover_epoch *epoch,
                  const struct ak_range *middle)
{
    struct ak_prover_epoch near;

    prover->lacking = false;
    if (leads_by(prover, node_of, epoch, middle))
        return true;
    if (near_root(prover, epoch, middle->begin, middle->end, &near) &&
        (leads_by(prover, node_of, &near, middle) || leads_by(prover, careful_node, &near, middle)))
        return true;
    return leads_by(prover, careful_node, epoch, middle);
}

/* Entries [from, to) of a block, which are all hashed, as a range. */
static void span_range(const struct ak_block *block, uint32_t from, uint32_t to,
                       struct ak_range *range)
{
    uint32_t g = 0;

    ak_range_init(range, block->first + from);
    while (from < to) {
        const struct ak_block_group *group;
        while (block->group[g].begin + block->group[g].count <= from)
            g++;
        group = &block->group[g];
        if (group->whole && group->begin == from && group->begin + group->count <= to) {
            (void)ak_range_append_node(range, AK_GROUP_LEVEL, &group->node[0]);
            from += group->count;
        } else {
            (void)ak_range_append(range, &block->leaf[from++]);
        }
    }
}

static bool span_leads(struct ak_prover *prover, const struct ak_prover_epoch *epoch,
                       const struct ak_block *block, uint32_t from, uint32_t to)
{
    struct ak_range range;

    span_range(block, from, to, &range);
    return leads(prover, epoch, &range);
}

static void set(bool *proven, uint32_t from, uint32_t to)
{
    for (uint32_t i = from; i < to; i++)
        proven[i] = true;
}

/* Entries [from, to) of one epoch: all at once; where that does not come out, group by group. */
static void prove_span(struct ak_prover *prover, const struct ak_prover_epoch *epoch,
                       const struct ak_block *block, uint32_t from, uint32_t to, bool *proven)
{
    bool whole = true;

    for (uint32_t g = 0; g < block->group_count; g++) {
        const struct ak_block_group *group = &block->group[g];
        if (group->begin < to && group->begin + group->count > from && !group->hashed)
            whole = false;
    }
    if (whole && span_leads(prover, epoch, block, from, to)) {
        set(proven, from, to);
        return;
    }
    for (uint32_t g = 0; g < block->group_count; g++) {
        const struct ak_block_group *group = &block->group[g];
        uint32_t a = group->begin > from ? group->begin : from;
        uint32_t b = group->begin + group->count < to ? group->begin + group->count : to;
        if (a < b && group->hashed && span_leads(prover, epoch, block, a, b))
            set(proven, a, b);
    }
}

enum ak_code ak_prover_block(struct ak_prover *prover, const struct ak_block *block, bool *proven,
                             struct ak_error *err)
{
    uint32_t at = 0;

    (void)err;
    memset(proven, 0, block->count * sizeof(*proven));
    while (at < block->count) {
        uint64_t last = block->first + block->count - 1;
        uint64_t end;
        size_t i;
        struct ak_prover_epoch *epoch = ak_prover_epoch_at(prover, block->first + at, &i);
        uint32_t next = block->count;
        if (epoch == NULL)
            return AK_OK;
        if (i + 1 < prover->epoch_count && prover->epoch[i + 1].index <= last)
            next = (uint32_t)(prover->epoch[i + 1].index - block->first);
        if (ak_prover_epoch_root(prover, i, block->first + next - 1)) {
            end = epoch->end < block->first + next ? epoch->end : block->first + next;
            if (end > block->first + at)
                prove_span(prover, epoch, block, at, (uint32_t)(end - block->first), proven);
        }
        at = next;
    }
    return AK_OK;
}

bool ak_prover_groups(struct ak_prover *prover, uint64_t group, const struct ak_hash *level8,
                      size_t count)
{
    uint64_t begin = group * AK_GROUP_ENTRIES;
    uint64_t end = (group + count) * AK_GROUP_ENTRIES;
    const struct ak_prover_epoch *epoch;
    struct ak_range range;
    size_t i;

    if (count == 0 || group > AK_TREE_SIZE_MAX / AK_GROUP_ENTRIES - count)
        return false;
    epoch = ak_prover_epoch_at(prover, begin, &i);
    if (epoch == NULL || (i + 1 < prover->epoch_count && prover->epoch[i + 1].index < end) ||
        !ak_prover_epoch_root(prover, i, end - 1) || epoch->end < end)
        return false;
    ak_range_init(&range, begin);
    for (size_t k = 0; k < count; k++) {
        if (ak_range_append_node(&range, AK_GROUP_LEVEL, &level8[k]) != AK_OK)
            return false;
    }
    return leads_by(prover, node_of, epoch, &range);
}

/* ---- Entries ---- */

enum ak_code ak_prover_entry(struct ak_prover *prover, uint64_t index,
                             struct ak_log_tree_entry *entry, bool *proven, struct ak_error *err)
{
    struct ak_range range;
    struct ak_hash leaf;
    struct ak_prover_epoch *epoch;
    uint8_t bytes[AK_ENTRY_BYTES];
    size_t i;
    enum ak_code rc;

    *proven = false;
    epoch = ak_prover_epoch_at(prover, index, &i);
    if (epoch != NULL && ak_prover_epoch_root(prover, i, index) && epoch->end > index) {
        rc = ak_log_tree_entry(prover->tree, index, entry, err);
        if (rc != AK_OK)
            return rc;
        ak_entry_encode(bytes, &entry->entry);
        ak_hash_leaf(&leaf, bytes, sizeof(bytes));
        ak_range_init(&range, index);
        (void)ak_range_append(&range, &leaf);
        *proven = leads(prover, epoch, &range);
    }
    /* Whatever was read for the proof, the entry is the one that is open now. */
    return ak_log_tree_entry(prover->tree, index, entry, err);
}

uint64_t ak_prover_end(struct ak_prover *prover)
{
    return ak_log_tree_end(prover->tree);
}

enum ak_code ak_prover_positions(struct ak_prover *prover, uint64_t index,
                                 struct ak_positions *positions, struct ak_error *err)
{
    return ak_log_tree_positions(prover->tree, index, positions, err);
}
