/* check_count.c - what is counted of entries in the tree: for the report, what of them is proven;
 * for findings, times, sources and place of what of a group is not decided yet.
 *
 * A signed root often covers a part of a group. What lies before it is counted then, and the rest
 * when it is proven, maybe long after its leaves left the ring: so what is counted of a group is
 * kept as a sum, from which that of its decided part is taken. */
#include "check_tree_private.h"

#include <assert.h>
#include <string.h>

bool ak_tree_has_leaves(const struct ak_tree *tree, uint64_t begin, uint64_t end)
{
    return begin >= end ||
           (begin >= tree->leaf_from && end <= tree->pos && tree->pos - begin <= AK_TREE_LEAVES);
}

static void count_entry(struct ak_tree_counts *counts, uint8_t kind, uint64_t received)
{
    if (counts->entries++ == 0)
        counts->from = received;
    counts->until = received;
    counts->records += ak_kind_received(kind);
    counts->fragments += kind == AK_KIND_FRAGMENT;
    counts->events += kind == AK_KIND_EVENT;
}

static void take_away(struct ak_tree_counts *counts, const struct ak_tree_counts *part)
{
    counts->entries -= part->entries;
    counts->records -= part->records;
    counts->fragments -= part->fragments;
    counts->events -= part->events;
}

static void add_source(struct ak_tree_group *group, uint32_t source)
{
    for (unsigned i = group->sources; i > 0; i--) {
        if (group->source[i - 1] == source)
            return;
    }
    if (group->sources == AK_TREE_GROUP_SOURCES)
        group->more_sources = true;
    else
        group->source[group->sources++] = source;
}

static void describe(struct ak_tree_group *group, uint32_t source, uint64_t received)
{
    if (!group->has_time)
        group->from = received;
    group->has_time = true;
    group->until = received;
    add_source(group, source);
}

/* The first part tells the place, unless another one is known not to be as recorded. */
static void set_place(struct ak_tree_group *group, struct ak_tree_place place, bool suspect)
{
    if (!group->placed || (suspect && !group->suspect))
        group->place = place;
    group->placed = true;
    group->suspect = group->suspect || suspect;
}

void ak_tree_count(struct ak_tree *tree, struct ak_tree_group *group,
                   const struct ak_tree_part *part)
{
    set_place(group, part->place, part->suspect);
    for (uint32_t i = 0; part->entry != NULL && i < part->count; i++)
        describe(group, part->entry[i].source, part->entry[i].received);
    assert(part->leaf == NULL || part->entry != NULL);
    for (uint32_t i = 0; part->leaf != NULL && part->entry != NULL && i < part->count; i++) {
        const struct ak_entry *entry = &part->entry[i];
        struct ak_tree_leaf *at = &tree->leaf[(tree->pos + i) % AK_TREE_LEAVES];
        *at = (struct ak_tree_leaf){.hash = part->leaf[i],
                                    .received = entry->received,
                                    .place = part->place,
                                    .source = entry->source,
                                    .kind = entry->kind,
                                    .suspect = part->suspect};
        count_entry(&group->counts, entry->kind, entry->received);
    }
}

static void count_leaves(const struct ak_tree *tree, uint64_t begin, uint64_t end,
                         struct ak_tree_counts *out)
{
    memset(out, 0, sizeof(*out));
    for (uint64_t i = begin; i < end; i++) {
        const struct ak_tree_leaf *leaf = &tree->leaf[i % AK_TREE_LEAVES];
        count_entry(out, leaf->kind, leaf->received);
    }
}

/* Counts of the first entries of a group, up to `end`; false if they are not known any more. */
static bool count_front(struct ak_tree *tree, uint64_t end, struct ak_tree_counts *out)
{
    uint64_t number = GROUP_OF(end - 1);
    uint64_t all = GROUP_AT(number + 1) < tree->pos ? GROUP_AT(number + 1) : tree->pos;
    const struct ak_tree_group *group = ak_tree_group_at(tree, number);
    struct ak_tree_counts behind;

    if (group == NULL)
        return false;
    *out = group->counts;
    if (end == all)
        return true;
    if (ak_tree_has_leaves(tree, end, all)) {
        count_leaves(tree, end, all, &behind);
        take_away(out, &behind);
        out->until = ak_tree_has_leaves(tree, end - 1, end)
                         ? tree->leaf[(end - 1) % AK_TREE_LEAVES].received
                         : behind.from;
        return true;
    }
    for (uint64_t i = 0; i < AK_TREE_MARKS && i < tree->mark_count; i++) {
        const struct ak_tree_partial *mark =
            &tree->mark[(tree->mark_count - 1 - i) % AK_TREE_MARKS];
        if (mark->size == end) {
            *out = mark->counts;
            return true;
        }
        if (mark->size < end)
            break;
    }
    return false;
}

void ak_tree_count_part(struct ak_tree *tree, uint64_t begin, uint64_t end,
                        struct ak_tree_counts *out)
{
    bool first = begin % AK_GROUP_ENTRIES == 0;
    struct ak_tree_counts before = tree->before;

    if (ak_tree_has_leaves(tree, begin, end)) {
        count_leaves(tree, begin, end, out);
        return;
    }
    if ((!first && begin != tree->base_size && !count_front(tree, begin, &before)) ||
        !count_front(tree, end, out)) {
        memset(out, 0, sizeof(*out));
        return;
    }
    if (first)
        return;
    take_away(out, &before);
    out->from = ak_tree_has_leaves(tree, begin, begin + 1)
                    ? tree->leaf[begin % AK_TREE_LEAVES].received
                    : before.until;
}

void ak_tree_count_dropped(struct ak_tree *tree)
{
    for (size_t i = 0; i < tree->group_count; i++) {
        uint64_t begin = GROUP_AT(tree->window_first + i);
        struct ak_tree_counts counts = tree->group[i].counts;
        if (begin < tree->base_size)
            take_away(&counts, &tree->before);
        if (counts.entries == 0)
            continue;
        if (tree->dropped.entries == 0)
            tree->dropped.from = counts.from;
        tree->dropped.until = counts.until;
        tree->dropped.entries += counts.entries;
        tree->dropped.records += counts.records;
        tree->dropped.fragments += counts.fragments;
        tree->dropped.events += counts.events;
    }
}

/* What findings would tell of a group is told of its leaves from `begin` on. */
static void describe_rest(struct ak_tree *tree, struct ak_tree_group *group, uint64_t begin,
                          uint64_t end)
{
    if (!ak_tree_has_leaves(tree, begin, end))
        return;
    group->sources = 0;
    group->more_sources = false;
    group->has_time = false;
    group->placed = false;
    group->suspect = false;
    for (uint64_t i = begin; i < end; i++) {
        const struct ak_tree_leaf *leaf = &tree->leaf[i % AK_TREE_LEAVES];
        set_place(group, leaf->place, leaf->suspect);
        describe(group, leaf->source, leaf->received);
    }
}

void ak_tree_count_decided(struct ak_tree *tree, uint64_t size)
{
    uint64_t number = GROUP_OF(size);
    uint64_t end = GROUP_AT(number + 1) < tree->pos ? GROUP_AT(number + 1) : tree->pos;
    struct ak_tree_group *group = ak_tree_group_at(tree, number);

    memset(&tree->dropped, 0, sizeof(tree->dropped));
    memset(&tree->before, 0, sizeof(tree->before));
    if (group == NULL || size == GROUP_AT(number))
        return;
    if (!count_front(tree, size, &tree->before))
        tree->before = group->counts; /* rather too few than too many */
    describe_rest(tree, group, size, end);
}
