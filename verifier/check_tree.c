/* check_tree.c - entries going into the tree, on each track: a candidate for the truth.
 *
 * In a good log there is one track, the computed one, and every signed root comes out of it. The
 * others cost nothing until something differs. */
#include "check_tree_private.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

struct ak_tree *ak_tree_new(uint64_t first, const struct ak_tree_events *events)
{
    struct ak_tree *tree = calloc(1, sizeof(*tree));

    if (tree == NULL)
        return NULL;
    tree->events = *events;
    tree->first = first;
    tree->pos = first;
    tree->base_size = first;
    tree->base_known = first == 0;
    tree->leaf_from = first;
    tree->window_first = GROUP_OF(first);
    ak_range_init(&tree->base, 0);
    tree->leaf = calloc(AK_TREE_LEAVES, sizeof(*tree->leaf));
    tree->mark = calloc(AK_TREE_MARKS, sizeof(*tree->mark));
    tree->track = calloc(AK_TREE_TRACKS, sizeof(*tree->track));
    if (tree->leaf == NULL || tree->mark == NULL || tree->track == NULL) {
        ak_tree_free(tree);
        return NULL;
    }
    for (unsigned t = 0; t < AK_TREE_TRACKS; t++)
        tree->track[t].recorded = t != AK_TREE_COMPUTED;
    tree->track[AK_TREE_COMPUTED].live = tree->base_known;
    return tree;
}

void ak_tree_free(struct ak_tree *tree)
{
    if (tree == NULL)
        return;
    free(tree->group);
    free(tree->leaf);
    free(tree->mark);
    free(tree->track);
    free(tree);
}

uint64_t ak_tree_size(const struct ak_tree *tree)
{
    return tree->pos;
}

uint64_t ak_tree_decided(const struct ak_tree *tree)
{
    uint64_t top = tree->signed_top < tree->pos ? tree->signed_top : tree->pos;
    uint64_t base = tree->base_known ? tree->base_size : tree->first;

    return top > base ? top : base;
}

struct ak_tree_group *ak_tree_group_at(struct ak_tree *tree, uint64_t number)
{
    if (number < tree->window_first || number - tree->window_first >= tree->group_count)
        return NULL;
    return &tree->group[number - tree->window_first];
}

/* The group that the next entry falls into, made if it is new. A window that is full is emptied:
 * what was in it can only be proven as a whole from now on. */
static struct ak_tree_group *group_now(struct ak_tree *tree)
{
    uint64_t number = GROUP_OF(tree->pos);
    struct ak_tree_group *group = ak_tree_group_at(tree, number);

    if (group != NULL)
        return group;
    if (tree->group_count == AK_TREE_GROUPS_MAX ||
        number != tree->window_first + tree->group_count) {
        ak_tree_count_dropped(tree);
        tree->group_count = 0;
        tree->window_first = number;
    }
    if (tree->group_count == tree->group_cap) {
        size_t cap = tree->group_cap == 0 ? 1024 : tree->group_cap * 2;
        group = reallocarray(tree->group, cap, sizeof(*group));
        if (group == NULL)
            return NULL;
        tree->group = group;
        tree->group_cap = cap;
    }
    assert(tree->group != NULL);
    group = &tree->group[tree->group_count++];
    memset(group, 0, sizeof(*group));
    return group;
}

/* Appends the leaves [range->end, end); false if they are not at hand. */
static bool append_leaves(const struct ak_tree *tree, struct ak_range *range, uint64_t end)
{
    if (!ak_tree_has_leaves(tree, range->end, end))
        return false;
    while (range->end < end)
        (void)ak_range_append(range, &tree->leaf[range->end % AK_TREE_LEAVES].hash);
    return true;
}

/* What `origin` says of its last, unfinished group. */
static void origin_part(const struct ak_range *origin, struct ak_range *out)
{
    struct ak_node node[AK_RANGE_HASHES_MAX];
    unsigned n = ak_range_nodes(0, origin->end, node);

    ak_range_init(out, GROUP_AT(GROUP_OF(origin->end)));
    for (unsigned i = 0; i < n; i++) {
        if (node[i].level < AK_GROUP_LEVEL)
            (void)ak_range_append_node(out, node[i].level, &origin->hash[i]);
    }
}

static void origin_edge(const struct ak_range *origin, struct ak_range *out)
{
    struct ak_node node[AK_RANGE_HASHES_MAX];
    unsigned n = ak_range_nodes(0, origin->end, node);

    ak_range_init(out, 0);
    for (unsigned i = 0; i < n; i++) {
        if (node[i].level >= AK_GROUP_LEVEL)
            (void)ak_range_append_node(out, node[i].level, &origin->hash[i]);
    }
}

bool ak_tree_partial(struct ak_tree *tree, const struct ak_tree_track *track, uint64_t size,
                     struct ak_range *out)
{
    uint64_t begin = GROUP_AT(GROUP_OF(size));

    if (track->start > begin)
        origin_part(&track->origin, out);
    else
        ak_range_init(out, begin);
    if (append_leaves(tree, out, size))
        return true;
    for (uint64_t i = 0; track->start <= begin && i < AK_TREE_MARKS && i < tree->mark_count; i++) {
        const struct ak_tree_partial *mark =
            &tree->mark[(tree->mark_count - 1 - i) % AK_TREE_MARKS];
        if (mark->size == size)
            return ak_range_load(out, begin, size, mark->hash, mark->count, NULL) == AK_OK;
        if (mark->size < size)
            break;
    }
    return false;
}

bool ak_tree_chosen(struct ak_tree *tree, const struct ak_tree_track *track, uint64_t number,
                    struct ak_hash *out)
{
    const struct ak_tree_group *group = ak_tree_group_at(tree, number);

    if (track->listed && group != NULL && group->has_listed)
        *out = group->listed;
    else if (track->recorded && group != NULL && group->has_recorded)
        *out = group->recorded;
    else if (track->head_known && number == GROUP_OF(track->start))
        *out = track->head;
    else if (group != NULL && group->has_computed)
        *out = group->computed;
    else
        return false;
    return true;
}

/* The group in which a range was stated: its nodes for what stands before, leaves behind. */
static void track_head(const struct ak_tree *tree, struct ak_tree_track *track)
{
    struct ak_range range;

    origin_part(&track->origin, &range);
    if (!append_leaves(tree, &range, GROUP_AT(GROUP_OF(track->start) + 1)) || range.count != 1)
        return;
    track->head = range.hash[0];
    track->head_known = true;
}

static void track_append(struct ak_tree *tree, struct ak_tree_track *track, uint64_t number)
{
    struct ak_hash hash;

    if (!track->live || track->edge.end != GROUP_AT(number))
        return;
    if (number == GROUP_OF(track->start) && track->start % AK_GROUP_ENTRIES != 0)
        track_head(tree, track);
    if (!ak_tree_chosen(tree, track, number, &hash)) {
        track->live = false;
        return;
    }
    track->history[number % AK_TREE_HISTORY] = track->edge;
    (void)ak_range_append_node(&track->edge, AK_GROUP_LEVEL, &hash);
}

void ak_tree_compute(struct ak_tree *tree, struct ak_tree_group *group, uint64_t number,
                     const struct ak_hash *whole)
{
    struct ak_range range;

    if (group->lost != AK_TREE_HERE && !(tree->base_known && tree->base_size > GROUP_AT(number)))
        return;
    if (whole != NULL) {
        group->computed = *whole;
        group->has_computed = true;
        return;
    }
    if (tree->base_known && tree->base_size > GROUP_AT(number))
        origin_part(&tree->base, &range);
    else
        ak_range_init(&range, GROUP_AT(number));
    if (append_leaves(tree, &range, GROUP_AT(number + 1)) && range.count == 1) {
        group->computed = range.hash[0];
        group->has_computed = true;
    }
}

/* A track begins anew: it has given no root yet. */
static void forget_tried(struct ak_tree *tree, unsigned t)
{
    for (unsigned i = 0; i < tree->failed_count; i++)
        tree->failed[i].tried[t] = false;
}

/* Begins the recorded track where the two first differ: it shares what stands before. */
static void fork_recorded(struct ak_tree *tree, const struct ak_tree_group *group)
{
    struct ak_tree_track *computed = &tree->track[AK_TREE_COMPUTED];
    struct ak_tree_track *recorded = &tree->track[AK_TREE_RECORDED];

    if (recorded->live || !computed->live || !group->has_recorded ||
        (group->has_computed && ak_hash_equal(&group->computed, &group->recorded)))
        return;
    *recorded = *computed;
    recorded->recorded = true;
    forget_tried(tree, AK_TREE_RECORDED);
}

static void finish_group(struct ak_tree *tree, uint64_t number, const struct ak_hash *whole,
                         const struct ak_hash *recorded)
{
    struct ak_tree_group *group = ak_tree_group_at(tree, number);

    if (group == NULL)
        return;
    if (recorded != NULL) {
        group->recorded = *recorded;
        group->has_recorded = true;
    }
    ak_tree_compute(tree, group, number, whole);
    fork_recorded(tree, group);
    for (unsigned t = 0; t < AK_TREE_TRACKS; t++)
        track_append(tree, &tree->track[t], number);
}

enum ak_code ak_tree_add(struct ak_tree *tree, const struct ak_tree_part *part,
                         struct ak_error *err)
{
    uint64_t number = GROUP_OF(tree->pos);
    struct ak_tree_group *group = group_now(tree);

    assert(part->count > 0 && tree->pos % AK_GROUP_ENTRIES + part->count <= AK_GROUP_ENTRIES);
    if (group == NULL)
        return ak_fail(err, AK_ENOMEM, "no memory for the groups of a log");
    ak_tree_count(tree, group, part);
    if (part->leaf == NULL) {
        if (group->lost < part->lost)
            group->lost = (uint8_t)part->lost;
        tree->leaf_from = tree->pos + part->count;
    }
    tree->pos += part->count;
    if (tree->pos % AK_GROUP_ENTRIES == 0)
        finish_group(tree, number, part->whole, part->recorded);
    return AK_OK;
}

enum ak_code ak_tree_skip(struct ak_tree *tree, uint64_t end, enum ak_tree_lost lost,
                          struct ak_tree_place place, struct ak_error *err)
{
    /* A hole of more groups than the window holds is not gone through one by one. */
    if (end - tree->pos > (uint64_t)AK_TREE_GROUPS_MAX * AK_GROUP_ENTRIES) {
        for (unsigned t = 0; t < AK_TREE_TRACKS; t++)
            tree->track[t].live = false;
        ak_tree_count_dropped(tree);
        tree->group_count = 0;
        tree->window_first = GROUP_OF(end);
        tree->pos = GROUP_AT(GROUP_OF(end));
        tree->leaf_from = tree->pos;
    }
    while (tree->pos < end) {
        uint64_t room = AK_GROUP_ENTRIES - tree->pos % AK_GROUP_ENTRIES;
        struct ak_tree_part part = {.count =
                                        (uint32_t)(end - tree->pos < room ? end - tree->pos : room),
                                    .lost = lost,
                                    .suspect = true,
                                    .place = place};
        enum ak_code rc = ak_tree_add(tree, &part, err);
        if (rc != AK_OK)
            return rc;
    }
    return AK_OK;
}

bool ak_tree_track_range(struct ak_tree *tree, struct ak_tree_track *track, uint64_t size,
                         struct ak_range *out)
{
    uint64_t edge = GROUP_AT(GROUP_OF(size));
    struct ak_range part;
    struct ak_hash hash;

    if (!track->live || track->start > size)
        return false;
    if (size == track->start) {
        *out = track->origin;
        return true;
    }
    if (track->edge.end == edge) {
        *out = track->edge;
    } else if (track->history[GROUP_OF(edge) % AK_TREE_HISTORY].end == edge &&
               edge >= GROUP_AT(GROUP_OF(track->start)) && edge > 0) {
        *out = track->history[GROUP_OF(edge) % AK_TREE_HISTORY];
    } else {
        origin_edge(&track->origin, out);
        while (out->end < edge) {
            if (tree->rebuilt++ > AK_TREE_REBUILD_MAX ||
                !ak_tree_chosen(tree, track, GROUP_OF(out->end), &hash))
                return false;
            (void)ak_range_append_node(out, AK_GROUP_LEVEL, &hash);
        }
    }
    return ak_tree_partial(tree, track, size, &part) && ak_range_merge(out, &part, NULL) == AK_OK;
}

void ak_tree_track_begin(struct ak_tree *tree, unsigned t, const struct ak_range *origin,
                         bool listed)
{
    struct ak_tree_track *track = &tree->track[t];

    forget_tried(tree, t);
    track->live = true;
    track->recorded = t != AK_TREE_COMPUTED;
    track->listed = listed;
    track->head_known = false;
    track->start = origin->end;
    track->origin = *origin;
    origin_edge(origin, &track->edge);
    for (unsigned i = 0; i < AK_TREE_HISTORY; i++)
        track->history[i].end = 0;
    while (track->live && track->edge.end + AK_GROUP_ENTRIES <= tree->pos)
        track_append(tree, track, GROUP_OF(track->edge.end));
}

void ak_tree_mark(struct ak_tree *tree)
{
    struct ak_tree_partial *mark = &tree->mark[tree->mark_count % AK_TREE_MARKS];
    uint64_t begin = GROUP_AT(GROUP_OF(tree->pos));
    struct ak_range range;

    memset(mark, 0, sizeof(*mark));
    mark->size = tree->pos;
    tree->mark_count++;
    if (tree->pos > begin)
        ak_tree_count_part(tree, begin, tree->pos, &mark->counts);
    ak_range_init(&range, begin);
    if (!append_leaves(tree, &range, tree->pos))
        return;
    mark->count = range.count;
    memcpy(mark->hash, range.hash, range.count * sizeof(range.hash[0]));
}

void ak_tree_end(struct ak_tree *tree)
{
    uint64_t end = tree->signed_top < tree->pos ? tree->signed_top : tree->pos;

    if (end > tree->base_size) {
        ak_tree_condemn(tree, tree->base_size, end);
        tree->events.on_decided(tree->events.ctx, end);
    }
}

bool ak_tree_range(const struct ak_tree *tree, struct ak_range *range)
{
    const struct ak_tree_track *track = &tree->track[AK_TREE_COMPUTED];
    struct ak_range part;

    if (!ak_tree_plain(tree) || track->edge.end != GROUP_AT(GROUP_OF(tree->pos)))
        return false;
    if (track->start > track->edge.end)
        origin_part(&track->origin, &part);
    else
        ak_range_init(&part, track->edge.end);
    *range = track->edge;
    return append_leaves(tree, &part, tree->pos) && ak_range_merge(range, &part, NULL) == AK_OK;
}

bool ak_tree_root(const struct ak_tree *tree, struct ak_hash *root)
{
    struct ak_range range;

    return ak_tree_range(tree, &range) && ak_range_root(&range, root, NULL) == AK_OK;
}
