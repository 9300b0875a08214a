/* check_tree_private.h - what check_tree.c (entries going in), check_tree_sign.c (signed roots),
 * check_narrow.c (which groups differ) and check_count.c (what is counted of them) share. */
#ifndef AK_CHECK_TREE_PRIVATE_H
#define AK_CHECK_TREE_PRIVATE_H

#include "check_tree.h"

/* Numbers of tracks. */
#define AK_TREE_COMPUTED 0u
#define AK_TREE_RECORDED 1u
#define AK_TREE_STATED   2u /* and all behind it */

#define GROUP_OF(index)  ((index) / AK_GROUP_ENTRIES)
#define GROUP_AT(number) ((number)*AK_GROUP_ENTRIES)

/* A candidate: [0, start) as it was stated or proven, and what was appended to it since. */
struct ak_tree_track {
    bool live;
    bool recorded;       /* takes recorded level-8 hashes where they differ from computed ones */
    bool listed;         /* and before them those that a FOOTER lists */
    bool tell;           /* whoever stated it is told if it is wrong */
    bool head_known;     /* `start` lies within a group, and `head` is the hash of that group: */
    struct ak_hash head; /* what was stated of it, and the leaves behind */
    uint64_t start;
    struct ak_tree_place place; /* who stated it */
    int who;
    struct ak_range origin;                   /* [0, start) */
    struct ak_range edge;                     /* [0, 256 k): whole groups */
    struct ak_range history[AK_TREE_HISTORY]; /* by group modulo; `end` tells which it is */
};

struct ak_tree_failed {
    uint64_t size;
    struct ak_hash root;
    struct ak_tree_place place;
    int who;
    bool tried[AK_TREE_TRACKS]; /* the track was there, and gave another root */
};

/* The last nodes of [256 g, size) at a MARK. */
struct ak_tree_partial {
    uint64_t size;
    unsigned count; /* 0 if they are not known */
    struct ak_hash hash[AK_GROUP_LEVEL];
    struct ak_tree_counts counts; /* of [256 g, size) */
};

/* A leaf of the ring with what counts and findings need. */
struct ak_tree_leaf {
    struct ak_hash hash;
    uint64_t received;
    struct ak_tree_place place;
    uint32_t source;
    uint8_t kind;
    bool suspect;
};

struct ak_tree {
    struct ak_tree_events events;
    uint64_t first;
    uint64_t pos;                  /* index behind the last entry */
    uint64_t base_size;            /* everything below is decided */
    bool base_known;               /* `base` is the confirmed range of it */
    struct ak_range base;          /* [0, base_size) */
    struct ak_tree_counts before;  /* of what lies before base_size in the group of base_size */
    struct ak_tree_counts dropped; /* of [base_size, 256 * window_first), if the window was full */

    struct ak_tree_group *group; /* window: groups from window_first on */
    size_t group_count;
    size_t group_cap;
    uint64_t window_first; /* number of group[0] */

    struct ak_tree_leaf *leaf;    /* ring, by index modulo AK_TREE_LEAVES */
    uint64_t leaf_from;           /* leaves [leaf_from, pos) are in it */
    struct ak_tree_partial *mark; /* ring */
    uint64_t mark_count;

    struct ak_tree_track *track; /* [0] computed, [1] recorded, [2], [3] stated ranges */
    struct ak_tree_failed failed[AK_TREE_FAILED_MAX];
    unsigned failed_count;
    uint64_t accepting;  /* size of the one that came out last */
    uint64_t signed_top; /* the largest size of a signed root */
    uint64_t rebuilt;    /* groups gone through again */
    bool late;           /* a FOOTER gave hashes that no columns did */
};

/* The window's group with this number, or NULL. */
struct ak_tree_group *ak_tree_group_at(struct ak_tree *tree, uint64_t number);

/* Range [256 g, size) of the group that holds `size`, on this track; false if it cannot be had. */
bool ak_tree_partial(struct ak_tree *tree, const struct ak_tree_track *track, uint64_t size,
                     struct ak_range *out);

/* The hash that a track takes for a group of the window; false if it has none. */
bool ak_tree_chosen(struct ak_tree *tree, const struct ak_tree_track *track, uint64_t number,
                    struct ak_hash *out);

/* Range [0, size) on a track; false if it cannot be had. */
bool ak_tree_track_range(struct ak_tree *tree, struct ak_tree_track *track, uint64_t size,
                         struct ak_range *out);

/* A track from its origin on through what the window holds. */
void ak_tree_track_begin(struct ak_tree *tree, unsigned t, const struct ak_range *origin,
                         bool listed);

/* Whether nothing differs, so that the computed track is the only one: a shorter way. */
bool ak_tree_plain(const struct ak_tree *tree);

/* The computed hash of a group that just became whole. The first entries of the group in which the
 * decided part ends are taken from what is confirmed. */
void ak_tree_compute(struct ak_tree *tree, struct ak_tree_group *group, uint64_t number,
                     const struct ak_hash *whole);

/* Whether the leaves [begin, end) are at hand. */
bool ak_tree_has_leaves(const struct ak_tree *tree, uint64_t begin, uint64_t end);

/* Counts what goes into a group, and puts it into the ring. */
void ak_tree_count(struct ak_tree *tree, struct ak_tree_group *group,
                   const struct ak_tree_part *part);
/* Counts of [begin, end), all of one group. */
void ak_tree_count_part(struct ak_tree *tree, uint64_t begin, uint64_t end,
                        struct ak_tree_counts *out);
/* The window is about to be emptied. */
void ak_tree_count_dropped(struct ak_tree *tree);
/* Everything up to `size` is decided, and base_size is about to be set to it. */
void ak_tree_count_decided(struct ak_tree *tree, uint64_t size);

/* Tells which entries of [base_size, size) are proven, by the track that gave the signed root of
 * `size`. */
void ak_tree_judge(struct ak_tree *tree, const struct ak_tree_track *winner, uint64_t size);

/* Tells that nothing of [begin, end) is proven, group by group. */
void ak_tree_condemn(struct ak_tree *tree, uint64_t begin, uint64_t end);

#endif
