/* prover.c - signed roots of a log's epochs, and what leads to them.
 *
 * Failure modes: whatever does not lead to a signed root is not proven; why is for akashi-verify
 * check to say. Where the quick tree does not lead there, the careful one is tried. */
#include "prover.h"

#include "check_own.h"

#include <akashi/epoch.h>
#include <akashi/tree.h>

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* Start notes and manifests of one log: an epoch an hour for a century. */
#define OWN_MAX 1048576u

/* Nodes that are kept: neighbouring blocks ask for the same great ones. */
#define NODES_LOG 12u

/* Checkpoints of one segment that are kept, evenly if there are more. */
#define NEAR_MAX 2048u

#define EVERY_KIND ((1u << AK_KIND_MANIFEST) | (1u << AK_KIND_EPOCH))

/* An epoch as its start note says. */
struct epoch {
    uint64_t index;
    uint8_t *note;
    size_t len;
    struct ak_epoch_note parsed;
    bool own;     /* it is an entry here; else a HEADER brought it */
    bool asked;   /* `good` holds */
    bool good;    /* signed by its key, by that of the epoch before it, and by the log key */
    uint64_t end; /* entries [index, end) are under `root`; 0: not known */
    struct ak_hash root;
    bool tried; /* the newest epoch's checkpoint was looked for, and covers `tried_for` or not */
    uint64_t tried_for;
};

struct manifest {
    uint64_t index;
    uint64_t seq;
    uint64_t first;
    uint64_t generation;
    bool has_frames; /* it names the digest of the file's frames */
    struct ak_prover_manifest says;
};

/* A checkpoint that stands in a segment, or in the HEADER of a later one. */
struct near {
    uint64_t size;
    struct ak_hash root;
    uint8_t *note;
    size_t len;
};

struct named {
    uint64_t first;
    size_t number;
};

struct node {
    bool used;
    unsigned level;
    uint64_t index;
    struct ak_hash hash;
};

struct ak_prover {
    const char *path;
    const struct ak_vkey *key;
    struct ak_log_tree *tree;
    struct ak_log_tree *careful; /* NULL: not wanted so far */
    bool careful_failed;
    struct node *node; /* of `tree` */
    struct epoch *epoch;
    size_t epoch_count;
    struct manifest *manifest;
    size_t manifest_count;
    struct named *named;
    size_t manifests_proven; /* those before are proven, and their numbers are 0, 1, 2, ... */
    bool manifests_end;      /* the next one is not */
    uint64_t signed_to;
    struct near *near; /* NEAR_MAX, of the segment that begins with `near_first` */
    size_t near_count;
    size_t near_step; /* one of so many is kept */
    size_t near_seen;
    uint64_t near_first;
    bool near_known;
    bool lacking; /* what did not lead to a root last lacks hashes that are not here */
};

/* ---- What the log says of itself ---- */

static enum ak_code grow(void **list, size_t count, size_t bytes, struct ak_error *err)
{
    void *more;

    if (count == OWN_MAX)
        return ak_fail(err, AK_ELIMIT, "more than %u epochs or manifests in one log", OWN_MAX);
    if ((count & (count - 1)) != 0)
        return AK_OK;
    more = reallocarray(*list, count == 0 ? 1 : count * 2, bytes);
    if (more == NULL)
        return ak_fail(err, AK_ENOMEM, "no memory for a log's epochs");
    *list = more;
    return AK_OK;
}

static enum ak_code add_epoch(struct ak_prover *prover, const void *note, size_t len, bool own,
                              uint64_t index, struct ak_error *err)
{
    struct epoch *epoch;
    enum ak_code rc = grow((void **)&prover->epoch, prover->epoch_count, sizeof(*epoch), err);

    if (rc != AK_OK)
        return rc;
    epoch = &prover->epoch[prover->epoch_count];
    memset(epoch, 0, sizeof(*epoch));
    if (ak_epoch_note_parse(&epoch->parsed, note, len, prover->key->name, NULL) != AK_OK ||
        (own && epoch->parsed.index != index))
        return AK_OK; /* it begins no epoch, and what would be under it is not proven */
    epoch->note = malloc(len + 1);
    if (epoch->note == NULL)
        return ak_fail(err, AK_ENOMEM, "no memory for a start note");
    memcpy(epoch->note, note, len);
    epoch->len = len;
    epoch->own = own;
    epoch->index = epoch->parsed.index;
    prover->epoch_count++;
    return AK_OK;
}

static enum ak_code add_manifest(struct ak_prover *prover, const struct ak_log_tree_entry *entry,
                                 struct ak_error *err)
{
    struct manifest *manifest;
    struct ak_own own;
    enum ak_code rc =
        grow((void **)&prover->manifest, prover->manifest_count, sizeof(*manifest), err);

    if (rc != AK_OK)
        return rc;
    manifest = &prover->manifest[prover->manifest_count++];
    memset(manifest, 0, sizeof(*manifest));
    manifest->index = entry->index;
    manifest->seq = entry->entry.source_seq;
    manifest->first = UINT64_MAX;
    if (ak_own_read(&own, AK_KIND_MANIFEST, entry->payload, entry->len, NULL) != AK_OK)
        return AK_OK;
    manifest->first = own.first;
    manifest->generation = own.generation;
    manifest->has_frames = own.has_frames;
    manifest->says = (struct ak_prover_manifest){entry->index, own.end, own.bytes, own.frames};
    return AK_OK;
}

static enum ak_code on_own(void *ctx, const struct ak_log_tree_entry *entry, struct ak_error *err)
{
    struct ak_prover *prover = ctx;

    if (entry->state != AK_STATE_PRESENT)
        return AK_OK;
    return entry->entry.kind == AK_KIND_EPOCH
               ? add_epoch(prover, entry->payload, entry->len, true, entry->index, err)
               : add_manifest(prover, entry, err);
}

/* The epoch that is in force where the first segment here begins, if that is not the first of the
 * log: its HEADER has the start note. */
static enum ak_code add_header_epoch(struct ak_prover *prover, struct ak_error *err)
{
    uint64_t first = ak_log_tree_first(prover->tree);
    uint8_t *note;
    size_t len;
    enum ak_code rc;

    if (first == 0 ||
        ak_log_tree_epoch_note(prover->tree, first, false, &note, &len, NULL) != AK_OK)
        return AK_OK;
    rc = add_epoch(prover, note, len, false, 0, err);
    free(note);
    return rc;
}

static int by_first(const void *a, const void *b)
{
    const struct named *x = a;
    const struct named *y = b;

    if (x->first != y->first)
        return x->first < y->first ? -1 : 1;
    return x->number < y->number ? -1 : x->number > y->number;
}

/* Numbers of manifests by the files they speak of, the first of each file first. */
static enum ak_code name_files(struct ak_prover *prover, struct ak_error *err)
{
    prover->named = calloc(prover->manifest_count + 1, sizeof(*prover->named));
    if (prover->named == NULL)
        return ak_fail(err, AK_ENOMEM, "no memory for a log's manifests");
    for (size_t i = 0; i < prover->manifest_count; i++)
        prover->named[i] = (struct named){prover->manifest[i].first, i};
    qsort(prover->named, prover->manifest_count, sizeof(*prover->named), by_first);
    return AK_OK;
}

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
    if (rc == AK_OK && prover->key != NULL)
        rc = add_header_epoch(prover, err);
    if (rc == AK_OK && prover->key != NULL)
        rc = ak_log_tree_each(prover->tree, EVERY_KIND, on_own, prover, err);
    if (rc == AK_OK)
        rc = name_files(prover, err);
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

/* ---- Signed roots ---- */

/* Whether a start note carries all its signatures. Of a part of a log the key of the epoch before
 * may not be here: then its line is not asked for, as a check does not. */
static bool epoch_good(struct ak_prover *prover, size_t i)
{
    struct epoch *epoch = &prover->epoch[i];
    const struct ak_vkey *previous = NULL;
    struct ak_epoch_note parsed;

    if (epoch->asked)
        return epoch->good;
    epoch->asked = true;
    if (i > 0 && prover->epoch[i - 1].parsed.epoch + 1 == epoch->parsed.epoch)
        previous = &prover->epoch[i - 1].parsed.key;
    else if (epoch->parsed.epoch > 0 && (i > 0 || epoch->own))
        return false;
    epoch->good = ak_epoch_note_verify(&parsed, epoch->note, epoch->len, prover->key, previous,
                                       NULL) == AK_OK;
    return epoch->good;
}

/* The epoch in force at an entry, or NULL. */
static struct epoch *epoch_at(struct ak_prover *prover, uint64_t index, size_t *number)
{
    size_t low = 0;
    size_t high = prover->epoch_count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (prover->epoch[middle].index <= index)
            low = middle + 1;
        else
            high = middle;
    }
    if (low == 0)
        return NULL;
    *number = low - 1;
    return &prover->epoch[low - 1];
}

struct hunt {
    struct ak_prover *prover;
    struct epoch *epoch;
};

static enum ak_code on_checkpoint(void *ctx, const void *note, size_t len, struct ak_error *err)
{
    struct hunt *hunt = ctx;
    struct epoch *epoch = hunt->epoch;
    struct ak_log_checkpoint cp;

    (void)err;
    if (ak_log_checkpoint_verify(hunt->prover->key, &epoch->parsed.key, note, len, &cp, NULL) ==
            AK_OK &&
        cp.checkpoint.size > epoch->end) {
        epoch->end = cp.checkpoint.size;
        epoch->root = cp.checkpoint.root;
    }
    /* What is offered first is the newest: one that covers what is asked for is enough. */
    return epoch->end > epoch->tried_for ? AK_EEXIST : AK_OK;
}

/* The signed root over the entries of epoch `i`, which should reach beyond `index`. */
static bool epoch_root(struct ak_prover *prover, size_t i, uint64_t index)
{
    struct epoch *epoch = &prover->epoch[i];
    struct hunt hunt = {prover, epoch};

    if (!epoch_good(prover, i))
        return false;
    if (epoch->end > index)
        return true;
    if (i + 1 < prover->epoch_count) { /* the note behind it is signed by this epoch's key */
        if (prover->epoch[i + 1].parsed.epoch != epoch->parsed.epoch + 1 ||
            !epoch_good(prover, i + 1))
            return false;
        epoch->end = prover->epoch[i + 1].index;
        epoch->root = prover->epoch[i + 1].parsed.root;
    } else if (!epoch->tried || epoch->tried_for < index) {
        epoch->tried = true;
        epoch->tried_for = index;
        (void)ak_log_tree_checkpoints(prover->tree, index, on_checkpoint, &hunt, NULL);
    }
    if (epoch->end > prover->signed_to)
        prover->signed_to = epoch->end;
    return epoch->end > epoch->index;
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
    (void)epoch_root(prover, last - 1, ak_log_tree_last(prover->tree));
    return prover->signed_to;
}

/* ---- Blocks ---- */

static enum ak_code node_of(void *ctx, unsigned level, uint64_t index, struct ak_hash *out,
                            struct ak_error *err)
{
    struct ak_prover *prover = ctx;
    uint64_t mixed = (index * 64 + level) * UINT64_C(0x9e3779b97f4a7c15);
    struct node *node = &prover->node[mixed >> (64 - NODES_LOG)];
    enum ak_code rc;

    if (node->used && node->level == level && node->index == index) {
        *out = node->hash;
        return AK_OK;
    }
    rc = ak_log_tree_node(prover->tree, level, index, out, err);
    if (rc == AK_OK)
        *node = (struct node){true, level, index, *out};
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
static bool leads_by(struct ak_prover *prover, ak_node_fn node, const struct epoch *epoch,
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
    struct near *near;

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
static bool near_root(struct ak_prover *prover, const struct epoch *epoch, uint64_t begin,
                      uint64_t end, struct epoch *out)
{
    uint64_t first = ak_log_tree_begin(prover->tree, begin);
    struct ak_log_checkpoint cp;
    const struct near *best = NULL;

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
        const struct near *near = &prover->near[i];
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

static bool leads(struct ak_prover *prover, const struct epoch *epoch,
                  const struct ak_range *middle)
{
    struct epoch near;

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

static bool span_leads(struct ak_prover *prover, const struct epoch *epoch,
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
static void prove_span(struct ak_prover *prover, const struct epoch *epoch,
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
        struct epoch *epoch = epoch_at(prover, block->first + at, &i);
        uint32_t next = block->count;
        if (epoch == NULL)
            return AK_OK;
        if (i + 1 < prover->epoch_count && prover->epoch[i + 1].index <= last)
            next = (uint32_t)(prover->epoch[i + 1].index - block->first);
        if (epoch_root(prover, i, block->first + next - 1)) {
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
    const struct epoch *epoch;
    struct ak_range range;
    size_t i;

    if (count == 0 || group > AK_TREE_SIZE_MAX / AK_GROUP_ENTRIES - count)
        return false;
    epoch = epoch_at(prover, begin, &i);
    if (epoch == NULL || (i + 1 < prover->epoch_count && prover->epoch[i + 1].index < end) ||
        !epoch_root(prover, i, end - 1) || epoch->end < end)
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
    struct epoch *epoch;
    uint8_t bytes[AK_ENTRY_BYTES];
    size_t i;
    enum ak_code rc;

    *proven = false;
    epoch = epoch_at(prover, index, &i);
    if (epoch != NULL && epoch_root(prover, i, index) && epoch->end > index) {
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

/* Proves manifests in the order of their numbers, up to the given one. */
static bool prove_manifests(struct ak_prover *prover, size_t to)
{
    while (prover->manifests_proven <= to && !prover->manifests_end) {
        const struct manifest *manifest = &prover->manifest[prover->manifests_proven];
        struct ak_log_tree_entry entry;
        bool proven = false;
        if (manifest->seq != prover->manifests_proven ||
            ak_prover_entry(prover, manifest->index, &entry, &proven, NULL) != AK_OK || !proven ||
            entry.entry.kind != AK_KIND_MANIFEST || entry.entry.source_seq != manifest->seq)
            prover->manifests_end = true;
        else
            prover->manifests_proven++;
    }
    return prover->manifests_proven > to;
}

bool ak_prover_manifest(struct ak_prover *prover, uint64_t first, struct ak_prover_manifest *out)
{
    size_t low = 0;
    size_t high = prover->manifest_count;
    size_t i;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (prover->named[middle].first < first)
            low = middle + 1;
        else
            high = middle;
    }
    if (low == prover->manifest_count || prover->named[low].first != first)
        return false;
    i = prover->named[low].number;
    if (prover->manifest[i].generation != 0 || !prover->manifest[i].has_frames ||
        !prove_manifests(prover, i))
        return false;
    *out = prover->manifest[i].says;
    return true;
}
