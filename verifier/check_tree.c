/* check_tree.c - entries going into the tree, candidates for the truth, and signed roots.
 *
 * In a good log there is one track, the computed one, and every signed root comes out of it. The
 * others cost nothing until something differs. */
#include "check_tree_private.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define COMPUTED 0u
#define RECORDED 1u
#define STATED   2u /* and all behind it */

#define GROUP_OF(index)  ((index) / AK_GROUP_ENTRIES)
#define GROUP_AT(number) ((number)*AK_GROUP_ENTRIES)

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
        tree->track[t].recorded = t != COMPUTED;
    tree->track[COMPUTED].live = tree->base_known;
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

/* The computed hash of a group that just became whole. The first entries of the group in which the
 * decided part ends are taken from what is confirmed. */
static void compute_group(struct ak_tree *tree, struct ak_tree_group *group, uint64_t number,
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
    struct ak_tree_track *computed = &tree->track[COMPUTED];
    struct ak_tree_track *recorded = &tree->track[RECORDED];

    if (recorded->live || !computed->live || !group->has_recorded ||
        (group->has_computed && ak_hash_equal(&group->computed, &group->recorded)))
        return;
    *recorded = *computed;
    recorded->recorded = true;
    forget_tried(tree, RECORDED);
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
    compute_group(tree, group, number, whole);
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

/* Range [0, size) on a track. */
static bool track_range(struct ak_tree *tree, struct ak_tree_track *track, uint64_t size,
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

static bool same_range(const struct ak_range *a, const struct ak_range *b)
{
    return a->end == b->end && a->count == b->count &&
           memcmp(a->hash, b->hash, a->count * sizeof(a->hash[0])) == 0;
}

/* A track from its origin on through what the window holds. */
static void track_begin(struct ak_tree *tree, unsigned t, const struct ak_range *origin,
                        bool listed)
{
    struct ak_tree_track *track = &tree->track[t];

    forget_tried(tree, t);
    track->live = true;
    track->recorded = t != COMPUTED;
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
        compute_group(tree, group, number, NULL);
        if (!group->has_computed && same) { /* the leaves are gone, but all fit so far */
            group->computed = whole;
            group->has_computed = true;
        }
    }
    for (unsigned t = 1; t < AK_TREE_TRACKS; t++)
        tree->track[t].live = false;
    track_begin(tree, COMPUTED, range, false);
    for (size_t i = 0; i < tree->group_count && !differ; i++)
        differ = tree->group[i].has_recorded &&
                 (!tree->group[i].has_computed ||
                  !ak_hash_equal(&tree->group[i].computed, &tree->group[i].recorded));
    if (differ)
        track_begin(tree, RECORDED, range, false);
}

/* The confirmed range is known in the plain case, where nothing differs: a shorter way. */
static bool plain(const struct ak_tree *tree)
{
    for (unsigned t = 1; t < AK_TREE_TRACKS; t++) {
        if (tree->track[t].live)
            return false;
    }
    return tree->track[COMPUTED].live;
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
    return track_range(tree, track, failed->size, &range) && !root_fits(&range, &failed->root);
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
    for (unsigned t = STATED; t < AK_TREE_TRACKS; t++) {
        const struct ak_tree_track *track = &tree->track[t];
        if (track->live && track->tell && t != winner && track->start <= size &&
            tree->track[winner].start <= track->start &&
            is_confirmed(tree, &tree->track[winner], track->start, size) &&
            track_range(tree, &tree->track[winner], track->start, &at) &&
            !same_range(&at, &track->origin))
            tree->events.on_range(tree->events.ctx, track->start, track->place, track->who);
    }
}

static void accept(struct ak_tree *tree, unsigned winner, const struct ak_range *range)
{
    bool was_plain = plain(tree) && winner == COMPUTED;

    tree->accepting = range->end;
    tell_contradictions(tree, winner, range->end);
    ak_tree_judge(tree, &tree->track[winner], range->end);
    if (was_plain && range->end == tree->pos && tree->pos % AK_GROUP_ENTRIES == 0) {
        ak_tree_count_decided(tree, range->end);
        tree->base = *range;
        tree->base_size = range->end;
        tree->group_count = 0;
        tree->window_first = GROUP_OF(range->end);
        tree->track[COMPUTED].start = range->end;
        tree->track[COMPUTED].origin = *range;
        tree->track[COMPUTED].head_known = false; /* that was of the group it began in before */
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
        if (!track_range(tree, &tree->track[t], size, &range))
            continue;
        if (root_fits(&range, root)) {
            accept(tree, t, &range);
            return AK_TREE_PROVEN;
        }
        reached = true;
        failed.tried[t] = true;
    }
    remember_failed(tree, &failed);
    if (reached || !plain(tree) || tree->leaf_from > GROUP_AT(GROUP_OF(size)))
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
    for (unsigned t = RECORDED; t < AK_TREE_TRACKS; t++) {
        struct ak_tree_track *track = &tree->track[t];
        struct ak_range origin = t == RECORDED ? tree->base : track->origin;
        if (t == RECORDED ? !tree->base_known : origin.end <= tree->base_size)
            continue;
        track_begin(tree, t, &origin, listed);
    }
}

/* The largest signed root that comes out proves the smaller ones with it. */
static bool try_failed(struct ak_tree *tree)
{
    const struct ak_tree_failed *best = NULL;
    unsigned winner = 0;
    struct ak_range range;

    for (unsigned t = RECORDED; t < AK_TREE_TRACKS; t++) {
        for (unsigned i = 0; i < tree->failed_count; i++) {
            const struct ak_tree_failed *failed = &tree->failed[i];
            if ((best != NULL && failed->size <= best->size) ||
                !track_range(tree, &tree->track[t], failed->size, &range) ||
                !root_fits(&range, &failed->root))
                continue;
            best = failed;
            winner = t;
        }
    }
    if (best == NULL || !track_range(tree, &tree->track[winner], best->size, &range))
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
    unsigned oldest = STATED;

    for (unsigned t = STATED; t < AK_TREE_TRACKS; t++) {
        if (!tree->track[t].live)
            return t;
        if (tree->track[t].start < tree->track[oldest].start)
            oldest = t;
    }
    /* The oldest stays: it explains most. The newest of the others gives way. */
    return oldest == STATED ? STATED + 1 : STATED;
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
        if (track_range(tree, &tree->track[t], tree->pos, &at) && same_range(&at, range))
            return;
    }
    t = free_track(tree);
    track_begin(tree, t, range, false);
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
    const struct ak_tree_track *track = &tree->track[COMPUTED];
    struct ak_range part;

    if (!plain(tree) || track->edge.end != GROUP_AT(GROUP_OF(tree->pos)))
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
