/* log_tree_own.c - the log's own entries of some kinds, without reading what else it holds.
 *
 * FOOTERs tell which blocks have them, so a log of any length costs few reads. That none is missing
 * cannot be told from this: own entries are numbered, and whoever must know looks at their
 * numbers. */
#include "log_tree_private.h"

#include <stdlib.h>

/* First indices of blocks that are to be opened. */
struct starts {
    uint64_t *first;
    size_t count;
    size_t room;
};

static enum ak_code keep_start(struct starts *starts, uint64_t first, struct ak_error *err)
{
    if (starts->count == starts->room) {
        size_t room = starts->room == 0 ? 16 : starts->room * 2;
        uint64_t *more = reallocarray(starts->first, room, sizeof(*more));
        if (more == NULL)
            return ak_fail(err, AK_ENOMEM, "no memory for a list of blocks");
        starts->first = more;
        starts->room = room;
    }
    starts->first[starts->count++] = first;
    return AK_OK;
}

static enum ak_code list_blocks(struct ak_log_tree *tree, size_t i, unsigned kinds,
                                struct starts *starts, struct ak_error *err)
{
    struct ak_tree_file *file;
    enum ak_code rc = ak_tree_listed_file(tree, i, &file, NULL);

    if (rc != AK_OK)
        return rc == AK_ENOMEM ? ak_fail(err, rc, "no memory to read a segment") : AK_OK;
    tree->block_file = NULL; /* its columns are used for these */
    for (size_t b = 0; b < file->block_count; b++) {
        struct ak_tree_block block;
        unsigned has;
        if (ak_tree_file_kinds(file, b, tree->columns, tree->columns_bytes, &block, &has, NULL) !=
                AK_OK ||
            (has & kinds) == 0)
            continue;
        rc = keep_start(starts, block.first, err);
        if (rc != AK_OK)
            return rc;
    }
    return AK_OK;
}

static enum ak_code give_block(struct ak_log_tree *tree, uint64_t first, unsigned kinds,
                               ak_log_tree_entry_fn on_entry, void *ctx, struct ak_error *err)
{
    enum ak_code rc = ak_tree_open_block(tree, first, NULL);
    uint64_t at = first;

    if (rc != AK_OK)
        return rc == AK_ENOMEM ? ak_fail(err, rc, "no memory to read a block") : AK_OK;
    first = tree->block->first;
    for (uint64_t end = first + tree->block->count; at < end; at++) {
        struct ak_log_tree_entry entry;
        uint8_t kind;
        if (ak_log_tree_entry(tree, at, &entry, NULL) != AK_OK)
            continue;
        kind = entry.entry.kind;
        if (kind >= AK_KINDS_OTHER_BIT || (kinds >> kind & 1) == 0)
            continue;
        rc = on_entry(ctx, &entry, err);
        if (rc != AK_OK)
            return rc;
    }
    return AK_OK;
}

enum ak_code ak_log_tree_each(struct ak_log_tree *tree, unsigned kinds,
                              ak_log_tree_entry_fn on_entry, void *ctx, struct ak_error *err)
{
    struct starts starts = {0};
    enum ak_code rc = AK_OK;

    for (size_t i = 0; rc == AK_OK && i < tree->segment_count; i++) {
        starts.count = 0;
        rc = list_blocks(tree, i, kinds, &starts, err);
        for (size_t b = 0; rc == AK_OK && b < starts.count; b++)
            rc = give_block(tree, starts.first[b], kinds, on_entry, ctx, err);
    }
    free(starts.first);
    return rc;
}

uint64_t ak_log_tree_end(struct ak_log_tree *tree)
{
    struct ak_tree_file *file;

    if (ak_tree_listed_file(tree, tree->segment_count - 1, &file, NULL) != AK_OK)
        return 0;
    return file->end;
}
