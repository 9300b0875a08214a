/* log_tree.c - nodes and entries of a log, each from as few reads as it takes.
 *
 * The happy path of one proof: the entry's segment is found by name, its block by the FOOTER's
 * list, and opened: eight levels come from the leaves of its group. Above, a node within one
 * segment comes from level-8 hashes, a node that ends where or before a segment begins from that
 * HEADER's range, and any other is divided in two.
 *
 * Failure modes: a file that is not there or does not decode, a level-8 hash that is not listed.
 * They are passed up; the caller tries the careful manner, or another checkpoint. */
#include "log_tree_private.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* Up to this level a node within one segment is folded from its level-8 hashes (at most 1 KiB of
 * them) before a HEADER elsewhere is looked at. */
#define FOLD_LEVEL 13u

/* Level-8 hashes that are read at a time. */
#define FOLD_HASHES 512u

/* ---- Blocks, entries, leaves ---- */

/* Reads COLUMNS and DATA of a block into the tree's buffers. */
static enum ak_code read_block(struct ak_log_tree *tree, const struct ak_tree_file *file,
                               const struct ak_tree_block *at, size_t *data_len,
                               struct ak_error *err)
{
    struct ak_frame_walk *walk = malloc(sizeof(*walk));
    struct ak_frame columns = {0};
    struct ak_frame data = {0};
    enum ak_code rc;

    if (walk == NULL)
        return ak_fail(err, AK_ENOMEM, "no memory to read a segment");
    rc = ak_frame_walk_begin(walk, file->fd, err);
    if (rc == AK_OK && ak_frame_walk_seek(walk, at->offset, err) != AK_OK)
        rc = AK_EMALFORMED;
    if (rc == AK_OK)
        rc = ak_frame_next(walk, &columns, err);
    if (rc == AK_OK && columns.type != AK_FRAME_COLUMNS)
        rc = ak_fail(err, AK_EMALFORMED, "no COLUMNS stand at byte %" PRIu64, at->offset);
    if (rc == AK_OK)
        rc = ak_frame_read(file->fd, &columns, tree->columns_bytes, AK_FRAME_BUFFER_BYTES, NULL,
                           err);
    if (rc == AK_OK)
        rc = ak_columns_decode(tree->columns, tree->columns_bytes + ak_frame_head(&columns),
                               (size_t)columns.content_bytes, err);
    if (rc == AK_OK)
        rc = ak_frame_next(walk, &data, err);
    if (rc == AK_OK && data.type != AK_FRAME_DATA)
        rc = ak_fail(err, AK_EMALFORMED, "no DATA stand behind the COLUMNS at byte %" PRIu64,
                     at->offset);
    if (rc == AK_OK)
        rc = ak_frame_read(file->fd, &data, tree->data_bytes, AK_DATA_BYTES_MAX, NULL, err);
    *data_len = (size_t)data.bytes;
    free(walk);
    return rc;
}

/* Leaves of the group that is being collected, as far as the open block has them. */
static void take_leaves(struct ak_log_tree *tree)
{
    const struct ak_block *block = tree->block;

    for (uint32_t g = 0; g < block->group_count; g++) {
        const struct ak_block_group *group = &block->group[g];
        uint64_t first = block->first + group->begin;
        if (first / AK_GROUP_ENTRIES != tree->group || !group->decoded)
            continue;
        for (uint32_t i = 0; i < group->count; i++) {
            tree->have[(first + i) % AK_GROUP_ENTRIES] = true;
            tree->leaf[(first + i) % AK_GROUP_ENTRIES] = block->leaf[group->begin + i];
        }
    }
}

enum ak_code ak_tree_open_block(struct ak_log_tree *tree, uint64_t index, struct ak_error *err)
{
    struct ak_tree_file *file;
    struct ak_tree_block at;
    size_t len = 0;
    size_t i;
    enum ak_code rc = ak_tree_segment_of(tree, index, &i, err);

    if (rc == AK_OK && tree->block_file != NULL && index >= tree->block->first &&
        index - tree->block->first < tree->block->count)
        return AK_OK;
    if (rc == AK_OK)
        rc = ak_tree_listed_file(tree, i, &file, err);
    if (rc != AK_OK)
        return rc;
    rc = ak_tree_file_block(file, index, &at, err);
    if (rc == AK_OK) {
        tree->block_file = NULL;
        rc = read_block(tree, file, &at, &len, err);
    }
    if (rc == AK_OK && (tree->columns->first != at.first || tree->columns->count != at.count))
        rc = ak_fail(err, AK_EMALFORMED, "the block at byte %" PRIu64 " holds other entries",
                     at.offset);
    if (rc == AK_OK) {
        memset(&tree->block_why, 0, sizeof(tree->block_why));
        rc = ak_block_open(tree->block, tree->columns, tree->data_bytes, len, NULL,
                           &tree->block_why);
        if (rc == AK_ENOMEM)
            return ak_fail(err, rc, "%s", tree->block_why.text);
        rc = AK_OK;
    }
    if (rc != AK_OK) {
        ak_wrap(err, "%s", tree->segment[i].name);
        return rc;
    }
    tree->block_file = tree->segment[i].name;
    tree->block_offset = at.offset;
    take_leaves(tree);
    return AK_OK;
}

static enum ak_code not_decoded(const struct ak_log_tree *tree, uint64_t index,
                                struct ak_error *err)
{
    enum ak_code rc = tree->block_why.code == AK_OK ? AK_EINTEGRITY : tree->block_why.code;

    return ak_fail(err, rc, "entry %" PRIu64 " cannot be read: %s, byte %" PRIu64 ": %s", index,
                   tree->block_file, tree->block_offset, tree->block_why.text);
}

static void collect(struct ak_log_tree *tree, uint64_t group)
{
    if (tree->group == group)
        return;
    tree->group = group;
    memset(tree->have, 0, sizeof(tree->have));
    if (tree->block_file != NULL)
        take_leaves(tree);
}

enum ak_code ak_log_tree_entry(struct ak_log_tree *tree, uint64_t index,
                               struct ak_log_tree_entry *out, struct ak_error *err)
{
    enum ak_code rc;
    uint32_t p;

    if (index >= AK_TREE_SIZE_MAX)
        return ak_fail(err, AK_ENOTFOUND, "no log has an entry %" PRIu64, index);
    collect(tree, index / AK_GROUP_ENTRIES);
    rc = ak_tree_open_block(tree, index, err);
    if (rc != AK_OK)
        return rc;
    if (!tree->have[index % AK_GROUP_ENTRIES])
        return not_decoded(tree, index, err);
    p = (uint32_t)(index - tree->block->first);
    *out = (struct ak_log_tree_entry){.index = index,
                                      .entry = tree->block->entry[p],
                                      .state = tree->block->payload[p].state,
                                      .payload = tree->block->payload[p].p,
                                      .len = tree->block->payload[p].len,
                                      .file = tree->block_file,
                                      .offset = tree->block_offset};
    if (out->entry.form == AK_FORM_PARTS)
        memcpy(out->record_key, tree->block->record_key[p], sizeof(out->record_key));
    else
        memcpy(out->salt, tree->block->salt[p], sizeof(out->salt));
    return AK_OK;
}

static enum ak_code leaf_of(struct ak_log_tree *tree, uint64_t index, struct ak_hash *out,
                            struct ak_error *err)
{
    enum ak_code rc = AK_OK;

    collect(tree, index / AK_GROUP_ENTRIES);
    if (!tree->have[index % AK_GROUP_ENTRIES])
        rc = ak_tree_open_block(tree, index, err);
    if (rc == AK_OK && !tree->have[index % AK_GROUP_ENTRIES])
        rc = not_decoded(tree, index, err);
    if (rc == AK_OK)
        *out = tree->leaf[index % AK_GROUP_ENTRIES];
    return rc;
}

/* ---- Nodes ---- */

/* Folds what is appended to a range that begins at an aligned place: one node is left. */
static enum ak_code fold_leaves(struct ak_log_tree *tree, uint64_t begin, uint64_t end,
                                struct ak_hash *out, struct ak_error *err)
{
    struct ak_range range;
    enum ak_code rc = AK_OK;

    ak_range_init(&range, begin);
    while (rc == AK_OK && range.end < end) {
        struct ak_hash leaf;
        rc = leaf_of(tree, range.end, &leaf, err);
        if (rc == AK_OK)
            rc = ak_range_append(&range, &leaf);
    }
    if (rc == AK_OK)
        *out = range.hash[0];
    return rc;
}

static enum ak_code fold_groups(struct ak_tree_file *file, uint64_t begin, uint64_t end,
                                struct ak_hash *out, struct ak_error *err)
{
    struct ak_hash hash[FOLD_HASHES];
    struct ak_range range;
    uint64_t group = begin / AK_GROUP_ENTRIES;
    uint64_t groups = end / AK_GROUP_ENTRIES;
    enum ak_code rc = AK_OK;

    ak_range_init(&range, begin);
    while (rc == AK_OK && group < groups) {
        size_t n = groups - group < FOLD_HASHES ? (size_t)(groups - group) : FOLD_HASHES;
        rc = ak_tree_file_level8(file, group, n, hash, err);
        for (size_t i = 0; rc == AK_OK && i < n; i++)
            rc = ak_range_append_node(&range, AK_GROUP_LEVEL, &hash[i]);
        group += n;
    }
    if (rc == AK_OK)
        *out = range.hash[0];
    return rc;
}

/* The node (level, index) out of the compact range [0, first) of segment `i`, which must have it:
 * the nodes of such a range are those of the set bits of `first`, from the greatest down. */
static enum ak_code from_header(struct ak_log_tree *tree, size_t i, unsigned level,
                                struct ak_hash *out, struct ak_error *err)
{
    struct ak_tree_file *file;
    enum ak_code rc = ak_tree_file_of(tree, i, &file, err);

    if (rc != AK_OK)
        return rc;
    if (!file->has_range)
        return ak_fail(err, AK_EMALFORMED, "%s has no HEADER that can be read",
                       tree->segment[i].name);
    *out = file->range.hash[__builtin_popcountll(file->first >> (level + 1))];
    return AK_OK;
}

/* A segment whose HEADER's range has the node: its first index lies in the node's right neighbour,
 * and the node is a left child. An open one is preferred. */
static bool header_with(const struct ak_log_tree *tree, unsigned level, uint64_t index, size_t *i)
{
    size_t at = ak_tree_first_from(tree, (index + 1) << level);

    if ((index & 1) != 0 || tree->careful || at == tree->segment_count ||
        tree->segment[at].first >> level != index + 1)
        return false;
    *i = at;
    for (; at < tree->segment_count && tree->segment[at].first >> level == index + 1 &&
           at < *i + AK_TREE_FILES_OPEN;
         at++) {
        if (ak_tree_is_open(tree, at)) {
            *i = at;
            break;
        }
    }
    return true;
}

/* Whether the groups of [begin, end) all end in one segment, and which. */
static bool in_one_segment(const struct ak_log_tree *tree, uint64_t begin, uint64_t end, size_t *i)
{
    size_t last;

    return ak_tree_segment_of(tree, begin + AK_GROUP_ENTRIES - 1, i, NULL) == AK_OK &&
           ak_tree_segment_of(tree, end - 1, &last, NULL) == AK_OK && *i == last;
}

/* Whether a segment begins between two leaves of [begin, end): what is left of it is better taken
 * from its HEADER than from a block of another file. */
static bool begins_within(const struct ak_log_tree *tree, uint64_t begin, uint64_t end)
{
    size_t i = ak_tree_first_from(tree, begin + 1);

    return !tree->careful && i < tree->segment_count && tree->segment[i].first < end;
}

static enum ak_code from_lists(struct ak_log_tree *tree, size_t i, uint64_t begin, uint64_t end,
                               struct ak_hash *out, struct ak_error *err)
{
    struct ak_tree_file *file;
    enum ak_code rc = ak_tree_listed_file(tree, i, &file, err);

    if (rc == AK_OK) {
        rc = fold_groups(file, begin, end, out, err);
        if (rc != AK_OK)
            ak_wrap(err, "%s", tree->segment[i].name);
    }
    return rc;
}

enum ak_code ak_log_tree_node(void *ctx, unsigned level, uint64_t index, struct ak_hash *out,
                              struct ak_error *err)
{
    struct ak_log_tree *tree = ctx;
    struct ak_hash right;
    uint64_t begin;
    uint64_t end;
    size_t one = 0;
    size_t header;
    bool inside;
    enum ak_code rc;

    if (level > 62 || index >= AK_TREE_SIZE_MAX >> level)
        return ak_fail(err, AK_EUSAGE, "there is no node (%u, %" PRIu64 ")", level, index);
    begin = index << level;
    end = (index + 1) << level;
    if (level < AK_GROUP_LEVEL && header_with(tree, level, index, &header) &&
        ak_tree_is_open(tree, header))
        return from_header(tree, header, level, out, err);
    if (level < AK_GROUP_LEVEL && !begins_within(tree, begin, end))
        return fold_leaves(tree, begin, end, out, err);
    inside = level >= AK_GROUP_LEVEL && in_one_segment(tree, begin, end, &one);
    if (inside && level <= FOLD_LEVEL)
        return from_lists(tree, one, begin, end, out, err);
    if (level >= AK_GROUP_LEVEL && header_with(tree, level, index, &header))
        return from_header(tree, header, level, out, err);
    if (inside)
        return from_lists(tree, one, begin, end, out, err);
    if (level == AK_GROUP_LEVEL)
        return ak_fail(err, AK_ENOTFOUND, "no segment here holds entry %" PRIu64, begin);
    /* At most 55 levels deep. */
    rc = ak_log_tree_node(tree, level - 1, index * 2, out, err);
    if (rc == AK_OK)
        rc = ak_log_tree_node(tree, level - 1, index * 2 + 1, &right, err);
    if (rc == AK_OK)
        ak_hash_node(out, out, &right);
    return rc;
}

enum ak_code ak_log_tree_range(struct ak_log_tree *tree, uint64_t begin, uint64_t end,
                               struct ak_range *range, struct ak_error *err)
{
    struct ak_node nodes[AK_RANGE_HASHES_MAX];
    unsigned n = ak_range_nodes(begin, end, nodes);
    struct ak_hash hash;
    enum ak_code rc = AK_OK;

    ak_range_init(range, begin);
    for (unsigned i = 0; rc == AK_OK && i < n; i++) {
        rc = ak_log_tree_node(tree, nodes[i].level, nodes[i].index, &hash, err);
        if (rc == AK_OK)
            rc = ak_range_append_node(range, nodes[i].level, &hash);
    }
    return rc;
}
