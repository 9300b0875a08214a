/* check_tree_sign.c - signed roots: which track one comes out of, what is decided with it, and what
 * is tried once more when a candidate turns up late. */
#include "check_tree_private.h"

#include <string.h>

static bool same_range(const struct ak_range *a, const struct ak_range *b)
{
    return a->end == b->end && a->count == b->count &&
           memcmp(a->hash, b->hash, a->count * sizeof(a->hash[0])) == 0;
}

/* Drops what is decided, and begins anew from the confirmed range [0, size). */
static void set_base(struct ak_tree *tree, const struct ak_range *range)
{
    uint64_t number = GROUP_OF(range->end);
    struct ak_tree_group *group;
    bool differ = false;

    ak_tree_count_decided(tree, range->end);
    tree->base = *range;
    tree->base_known = true;
    tree->base_size = range->end;
    if (number > tree->window_first) {
        uint64_t drop = number - tree->window_first;
        if (drop > tree->group_count)
            drop = tree->group_count;
        memmove(tree->group, tree->group + drop, (tree->group_count - drop) * sizeof(*tree->group));
        tree->group_count -= drop;
        tree->window_first += drop;
        if (tree->group_count == 0)
            tree->window_first = number;
    }
    group = ak_tree_group_at(tree, number);
    if (group != NULL && GROUP_AT(number + 1) <= tree->pos && range->end > GROUP_AT(number)) {
        struct ak_hash whole = group->computed;
        bool same = group->has_computed && group->lost == AK_TREE_HERE;
        group->has_computed = false;
        ak_tree_compute(tree, group, number, NULL);
        if (!group->has_computed && same) { /* the leaves are gone, but all fit so far */
            group->computed = whole;
            group->has_computed = true;
        }
    }
    for (unsigned t = 1; t < AK_TREE_TRACKS; t++)
        tree->track[t].live = false;
    ak_tree_track_begin(tree, AK_TREE_COMPUTED, range, false);
    for (size_t i = 0; i < tree->group_count && !differ; i++)
        differ = tree->group[i].has_recorded &&
                 (!tree->group[i].has_computed ||
                  !ak_hash_equal(&tree->group[i].computed, &tree->group[i].recorded));
    if (differ)
        ak_tree_track_begin(tree, AK_TREE_RECORDED, range, false);
}

bool ak_tree_plain(const struct ak_tree *tree)
{
    for (unsigned t = 1; t < AK_TREE_TRACKS; t++) {
        if (tree->track[t].live)
            return false;
    }
    return tree->track[AK_TREE_COMPUTED].live;
}

static bool root_fits(const struct ak_range *range, const struct ak_hash *root)
{
    struct ak_hash computed;

    return ak_range_root(range, &computed, NULL) == AK_OK && ak_hash_equal(&computed, root);
}

/* Whether the leaves by which a track reaches `size` are confirmed too, once its root of `top` came
 * out. The hashes of groups that it folded are; what stands in a group that was altered is not, and
 * must not speak against anybody. */
static bool is_confirmed(struct ak_tree *tree, const struct ak_tree_track *track, uint64_t size,
                         uint64_t top)
{
    uint64_t number = GROUP_OF(size);
    const struct ak_tree_group *group = ak_tree_group_at(tree, number);
    struct ak_hash chosen;

    if (size == GROUP_AT(number) || GROUP_AT(number + 1) > top)
        return true;
    if (!ak_tree_chosen(tree, track, number, &chosen))
        return false;
    if (track->head_known && number == GROUP_OF(track->start) &&
        ak_hash_equal(&chosen, &track->head))
        return true;
    return group != NULL && group->has_computed && ak_hash_equal(&group->computed, &chosen);
}

/* Whether the winner, whose root of `top` came out, has another root of this size. */
static bool contradicts(struct ak_tree *tree, unsigned winner, const struct ak_tree_failed *failed,
                        uint64_t top)
{
    struct ak_tree_track *track = &tree->track[winner];
    struct ak_range range;

    if (failed->size < track->start || !is_confirmed(tree, track, failed->size, top))
        return false;
    if (failed->tried[winner])
        return true;
    return ak_tree_track_range(tree, track, failed->size, &range) &&
           !root_fits(&range, &failed->root);
}

/* Signed roots that the winner contradicts are forks; frames that state another range are wrong. */
static void tell_contradictions(struct ak_tree *tree, unsigned winner, uint64_t size)
{
    unsigned kept = 0;
    struct ak_range at;

    for (unsigned i = 0; i < tree->failed_count; i++) {
        struct ak_tree_failed *failed = &tree->failed[i];
        if (failed->size <= size && contradicts(tree, winner, failed, size))
            tree->events.on_forked(tree->events.ctx, failed->size, failed->place, failed->who);
        else if (failed->size > size)
            tree->failed[kept++] = *failed;
    }
    tree->failed_count = kept;
    for (unsigned t = AK_TREE_STATED; t < AK_TREE_TRACKS; t++) {
        const struct ak_tree_track *track = &tree->track[t];
        if (track->live && track->tell && t != winner && track->start <= size &&
            tree->track[winner].start <= track->start &&
            is_confirmed(tree, &tree->track[winner], track->start, size) &&
            ak_tree_track_range(tree, &tree->track[winner], track->start, &at) &&
            !same_range(&at, &track->origin))
            tree->events.on_range(tree->events.ctx, track->start, track->place, track->who);
    }
}

static void accept(struct ak_tree *tree, unsigned winner, const struct ak_range *range)
{
    bool was_plain = ak_tree_plain(tree) && winner == AK_TREE_COMPUTED;

    tree->accepting = range->end;
    tell_contradictions(tree, winner, range->end);
    ak_tree_judge(tree, &tree->track[winner], range->end);
    if (was_plain && range->end == tree->pos && tree->pos % AK_GROUP_ENTRIES == 0) {
        ak_tree_count_decided(tree, range->end);
        tree->base = *range;
        tree->base_size = range->end;
        tree->group_count = 0;
        tree->window_first = GROUP_OF(range->end);
        tree->track[AK_TREE_COMPUTED].start = range->end;
        tree->track[AK_TREE_COMPUTED].origin = *range;
        tree->track[AK_TREE_COMPUTED].head_known =
            false; /* that was of the group it began in before */
        return;
    }
    set_base(tree, range);
}

static void remember_failed(struct ak_tree *tree, const struct ak_tree_failed *failed)
{
    if (tree->failed_count == AK_TREE_FAILED_MAX) {
        memmove(&tree->failed[1], &tree->failed[2],
                (AK_TREE_FAILED_MAX - 2) * sizeof(tree->failed[0]));
        tree->failed_count--;
    }
    tree->failed[tree->failed_count++] = *failed;
}

enum ak_tree_signed ak_tree_sign(struct ak_tree *tree, uint64_t size, const struct ak_hash *root,
                                 struct ak_tree_place place, int who)
{
    struct ak_tree_failed failed = {.size = size, .root = *root, .place = place, .who = who};
    bool reached = false;
    struct ak_range range;

    if (tree->base_known && size <= tree->base_size) {
        if (size == tree->base_size && !root_fits(&tree->base, root)) {
            tree->events.on_forked(tree->events.ctx, size, place, who);
            return AK_TREE_FAILED;
        }
        return AK_TREE_KNOWN;
    }
    if (size > tree->pos || size < tree->first)
        return AK_TREE_UNREACHABLE;
    if (size > tree->signed_top)
        tree->signed_top = size;
    for (unsigned t = 0; t < AK_TREE_TRACKS; t++) {
        if (!ak_tree_track_range(tree, &tree->track[t], size, &range))
            continue;
        if (root_fits(&range, root)) {
            accept(tree, t, &range);
            return AK_TREE_PROVEN;
        }
        reached = true;
        failed.tried[t] = true;
    }
    remember_failed(tree, &failed);
    if (reached || !ak_tree_plain(tree) || tree->leaf_from > GROUP_AT(GROUP_OF(size)))
        return AK_TREE_FAILED; /* entries are lost: no wonder */
    return AK_TREE_UNREACHABLE;
}

uint64_t ak_tree_accepting(const struct ak_tree *tree)
{
    return tree->accepting;
}

bool ak_tree_confirmed(const struct ak_tree *tree, uint64_t size, const struct ak_hash *root)
{
    return tree->base_known && tree->base_size == size && root_fits(&tree->base, root);
}

bool ak_tree_settled(const struct ak_tree *tree)
{
    return tree->failed_count == 0 && tree->base_known && tree->base_size == tree->pos;
}

void ak_tree_list(struct ak_tree *tree, uint64_t group, const struct ak_hash *listed)
{
    struct ak_tree_group *at = ak_tree_group_at(tree, group);

    if (at == NULL || GROUP_AT(group + 1) > tree->pos)
        return;
    if (!at->has_recorded && !at->has_computed) {
        at->recorded = *listed;
        at->has_recorded = true;
        tree->late = true;
    } else if (at->has_recorded && !ak_hash_equal(&at->recorded, listed)) {
        at->listed = *listed;
        at->has_listed = true;
        tree->late = true;
    }
}

/* Begins all tracks that take recorded hashes anew, with those of a FOOTER before others or not. */
static void restart_recorded(struct ak_tree *tree, bool listed)
{
    for (unsigned t = AK_TREE_RECORDED; t < AK_TREE_TRACKS; t++) {
        struct ak_tree_track *track = &tree->track[t];
        struct ak_range origin = t == AK_TREE_RECORDED ? tree->base : track->origin;
        if (t == AK_TREE_RECORDED ? !tree->base_known : origin.end <= tree->base_size)
            continue;
        ak_tree_track_begin(tree, t, &origin, listed);
    }
}

/* The largest signed root that comes out proves the smaller ones with it. */
static bool try_failed(struct ak_tree *tree)
{
    const struct ak_tree_failed *best = NULL;
    unsigned winner = 0;
    struct ak_range range;

    for (unsigned t = AK_TREE_RECORDED; t < AK_TREE_TRACKS; t++) {
        for (unsigned i = 0; i < tree->failed_count; i++) {
            const struct ak_tree_failed *failed = &tree->failed[i];
            if ((best != NULL && failed->size <= best->size) ||
                !ak_tree_track_range(tree, &tree->track[t], failed->size, &range) ||
                !root_fits(&range, &failed->root))
                continue;
            best = failed;
            winner = t;
        }
    }
    if (best == NULL || !ak_tree_track_range(tree, &tree->track[winner], best->size, &range))
        return false;
    accept(tree, winner, &range);
    return true;
}

void ak_tree_listed(struct ak_tree *tree)
{
    if (!tree->late)
        return;
    tree->late = false;
    restart_recorded(tree, true);
    if (try_failed(tree))
        return;
    restart_recorded(tree, false);
    (void)try_failed(tree);
}

/* A place for a stated range: a free one, or that of the older one. */
static unsigned free_track(const struct ak_tree *tree)
{
    unsigned oldest = AK_TREE_STATED;

    for (unsigned t = AK_TREE_STATED; t < AK_TREE_TRACKS; t++) {
        if (!tree->track[t].live)
            return t;
        if (tree->track[t].start < tree->track[oldest].start)
            oldest = t;
    }
    /* The oldest stays: it explains most. The newest of the others gives way. */
    return oldest == AK_TREE_STATED ? AK_TREE_STATED + 1 : AK_TREE_STATED;
}

void ak_tree_offer(struct ak_tree *tree, const struct ak_range *range, struct ak_tree_place place,
                   int who, bool tell)
{
    struct ak_range at;
    unsigned t;

    if (range->begin != 0 || range->end != tree->pos || range->end == 0)
        return;
    if (tree->base_known && tree->base_size == tree->pos) {
        if (tell && !same_range(range, &tree->base))
            tree->events.on_range(tree->events.ctx, tree->pos, place, who);
        return;
    }
    for (t = 0; t < AK_TREE_TRACKS; t++) {
        if (ak_tree_track_range(tree, &tree->track[t], tree->pos, &at) && same_range(&at, range))
            return;
    }
    t = free_track(tree);
    ak_tree_track_begin(tree, t, range, false);
    tree->track[t].place = place;
    tree->track[t].who = who;
    tree->track[t].tell = tell;
    for (unsigned i = 0; i < tree->failed_count; i++) {
        if (tree->failed[i].size == range->end && root_fits(range, &tree->failed[i].root)) {
            accept(tree, t, range);
            return;
        }
    }
}
