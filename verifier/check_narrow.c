/* check_narrow.c - once a signed root is explained: which entries it proves, and which differ.
 *
 * The winner of the tracks gives the true hash of each group. A group whose computed hash is the
 * true one is proven, another is told as altered. Where the winner was stated by a frame in the
 * middle, only the nodes of that range are known for what stands before; within each node recorded
 * level-8 hashes that fold to it are as good as signed. */
#include "check_tree_private.h"

#include <stdlib.h>
#include <string.h>

static uint64_t at_least(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

static uint64_t at_most(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

/* Says that [begin, end), all of one group, is proven. */
static void prove(struct ak_tree *tree, uint64_t begin, uint64_t end)
{
    struct ak_tree_counts counts;

    if (begin >= end)
        return;
    ak_tree_count_part(tree, begin, end, &counts);
    tree->events.on_proven(tree->events.ctx, begin, end, &counts);
}

/* Says that [begin, end), all of one group, is not what is signed, unless it was never here: that
 * has a finding of its own. */
static void alter(struct ak_tree *tree, uint64_t begin, uint64_t end)
{
    const struct ak_tree_group *group = ak_tree_group_at(tree, GROUP_OF(begin));

    if (begin >= end ||
        (group != NULL && (group->lost == AK_TREE_MISSING || group->lost == AK_TREE_NOT_CHECKED)))
        return;
    tree->events.on_altered(tree->events.ctx, begin, end, group);
}

/* One group, or its part [begin, end), of which `truth` is the hash of all 256. */
static void judge_group(struct ak_tree *tree, uint64_t begin, uint64_t end,
                        const struct ak_hash *truth)
{
    const struct ak_tree_group *group = ak_tree_group_at(tree, GROUP_OF(begin));

    if (group == NULL || !group->has_computed || !ak_hash_equal(&group->computed, truth)) {
        alter(tree, begin, end);
        return;
    }
    if (group->has_recorded && !ak_hash_equal(&group->recorded, truth))
        tree->events.on_level8(tree->events.ctx, GROUP_OF(begin), group);
    prove(tree, begin, end);
}

/* Which hash of a group is taken first; where there is none, the next best. */
enum taken { TAKE_COMPUTED, TAKE_RECORDED, TAKE_LISTED };

static const struct ak_hash *take(const struct ak_tree_group *group, enum taken first)
{
    if (group == NULL)
        return NULL;
    if (first == TAKE_LISTED && group->has_listed)
        return &group->listed;
    if (first != TAKE_COMPUTED && group->has_recorded)
        return &group->recorded;
    return group->has_computed ? &group->computed : NULL;
}

/* Appends whole groups [range->end, end). */
static bool fold_groups(struct ak_tree *tree, struct ak_range *range, uint64_t end,
                        enum taken first)
{
    while (range->end < end) {
        const struct ak_hash *hash = take(ak_tree_group_at(tree, GROUP_OF(range->end)), first);
        if (hash == NULL || ak_range_append_node(range, AK_GROUP_LEVEL, hash) != AK_OK)
            return false;
    }
    return true;
}

/* Begins the range of a node with what of it is confirmed, in whole groups. */
static bool node_begin(const struct ak_tree *tree, uint64_t begin, struct ak_range *range)
{
    struct ak_node node[AK_RANGE_HASHES_MAX];
    unsigned n;

    ak_range_init(range, begin);
    if (begin >= tree->base_size)
        return true;
    if (!tree->base_known)
        return false;
    n = ak_range_nodes(0, tree->base.end, node);
    for (unsigned i = 0; i < n; i++) {
        if (node[i].level < AK_GROUP_LEVEL || node[i].index << node[i].level < begin)
            continue;
        if (ak_range_append_node(range, node[i].level, &tree->base.hash[i]) != AK_OK)
            return false;
    }
    return true;
}

/* Whether the groups of a node fold to its true hash. */
static bool node_fits(struct ak_tree *tree, uint64_t begin, uint64_t end,
                      const struct ak_hash *truth, enum taken first)
{
    struct ak_range range;

    return node_begin(tree, begin, &range) && fold_groups(tree, &range, end, first) &&
           range.count == 1 && ak_hash_equal(&range.hash[0], truth);
}

/* Whether some of [begin, end) is not here or could not be read, so that nothing can be said of
 * what else is in the node. */
static bool is_open(struct ak_tree *tree, uint64_t begin, uint64_t end)
{
    for (uint64_t at = begin; at < end; at = GROUP_AT(GROUP_OF(at) + 1)) {
        const struct ak_tree_group *group = ak_tree_group_at(tree, GROUP_OF(at));
        if (group != NULL && group->lost > AK_TREE_DAMAGED)
            return true;
    }
    return false;
}

/* Entries of a group that cannot be compared with anything signed. */
static void alter_unless(struct ak_tree *tree, uint64_t begin, uint64_t end, bool open)
{
    const struct ak_tree_group *group = ak_tree_group_at(tree, GROUP_OF(begin));

    if (open && group != NULL && group->lost == AK_TREE_HERE &&
        !(group->has_recorded && group->has_computed &&
          !ak_hash_equal(&group->computed, &group->recorded)))
        return;
    alter(tree, begin, end);
}

/* Entries [from, to) lie in the node [begin, end), whose true hash is known. */
static void judge_node(struct ak_tree *tree, uint64_t begin, uint64_t end, uint64_t from,
                       uint64_t to, const struct ak_hash *truth)
{
    enum taken first = TAKE_COMPUTED;
    bool fits = false;
    bool open;

    for (int i = TAKE_COMPUTED; i <= TAKE_LISTED && !fits; i++) {
        first = (enum taken)i;
        fits = node_fits(tree, begin, end, truth, first);
    }
    open = !fits && is_open(tree, from, to);
    for (uint64_t at = from; at < to;) {
        uint64_t next = at_most(to, GROUP_AT(GROUP_OF(at) + 1));
        const struct ak_hash *hash = take(ak_tree_group_at(tree, GROUP_OF(at)), first);
        if (fits && hash != NULL)
            judge_group(tree, at, next, hash);
        else
            alter_unless(tree, at, next, open);
        at = next;
    }
}

/* The same for a node smaller than a group: its leaves are compared. */
static void judge_small(struct ak_tree *tree, uint64_t begin, uint64_t end, uint64_t from,
                        const struct ak_hash *truth)
{
    struct ak_range range;

    ak_range_init(&range, begin);
    if (!ak_tree_has_leaves(tree, begin, end)) {
        alter(tree, from, end);
        return;
    }
    for (uint64_t at = begin; at < end; at++)
        (void)ak_range_append(&range, &tree->leaf[at % AK_TREE_LEAVES].hash);
    if (range.count == 1 && ak_hash_equal(&range.hash[0], truth))
        prove(tree, from, end);
    else
        alter(tree, from, end);
}

/* What stands before a stated range, by the nodes of that range. */
static void judge_before(struct ak_tree *tree, const struct ak_range *stated)
{
    struct ak_node node[AK_RANGE_HASHES_MAX];
    unsigned n = ak_range_nodes(0, stated->end, node);
    uint64_t begin = 0;

    for (unsigned i = 0; i < n; i++) {
        uint64_t end = begin + (UINT64_C(1) << node[i].level);
        uint64_t from = at_least(begin, tree->base_size);
        if (from < end && node[i].level < AK_GROUP_LEVEL)
            judge_small(tree, begin, end, from, &stated->hash[i]);
        else if (from < end)
            judge_node(tree, begin, end, from, end, &stated->hash[i]);
        begin = end;
    }
}

void ak_tree_judge(struct ak_tree *tree, const struct ak_tree_track *winner, uint64_t size)
{
    uint64_t at = at_least(tree->base_size, winner->start);
    uint64_t known = at_least(at, at_most(size, GROUP_AT(tree->window_first)));
    struct ak_hash truth;

    if (winner->start > tree->base_size)
        judge_before(tree, &winner->origin);
    if (at < known && !winner->recorded)
        tree->events.on_proven(tree->events.ctx, at, known, &tree->dropped);
    else if (at < known)
        tree->events.on_altered(tree->events.ctx, at, known, NULL);
    for (at = known; at < size;) {
        uint64_t next = at_most(size, GROUP_AT(GROUP_OF(at) + 1));
        bool whole = next == GROUP_AT(GROUP_OF(at) + 1);
        bool head = winner->head_known && GROUP_OF(at) == GROUP_OF(winner->start);
        if (!whole)
            prove(tree, at, next); /* by its leaves */
        else if (!ak_tree_chosen(tree, winner, GROUP_OF(at), &truth))
            alter(tree, at, next);
        else if (head && ak_hash_equal(&truth, &winner->head))
            prove(tree, at, next);
        else
            judge_group(tree, at, next, &truth);
        at = next;
    }
    tree->events.on_decided(tree->events.ctx, size);
}

void ak_tree_condemn(struct ak_tree *tree, uint64_t begin, uint64_t end)
{
    bool open = is_open(tree, begin, end);
    uint64_t known = at_least(begin, at_most(end, GROUP_AT(tree->window_first)));

    if (begin < known)
        tree->events.on_altered(tree->events.ctx, begin, known, NULL);
    for (uint64_t at = known; at < end;) {
        uint64_t next = at_most(end, GROUP_AT(GROUP_OF(at) + 1));
        alter_unless(tree, at, next, open);
        at = next;
    }
}
