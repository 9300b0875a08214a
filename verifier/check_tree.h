/* check_tree.h - which entries of a log a signed root proves, group by group (docs/format.md 7).
 *
 * Entries go in by their leaves, in order. The root of all that was computed is one candidate for
 * the truth; where recorded level-8 hashes differ from the computed ones, and where a header, MARK
 * or FOOTER states another compact range, there are others. Each candidate is a track. A signed
 * root picks the track that is right, and from it follows which groups differ: everything else up
 * to that size is proven.
 *
 * Memory is bounded: a window of groups since the last signed root that came out, a ring of the
 * newest leaves, a few tracks. */
#ifndef AK_CHECK_TREE_H
#define AK_CHECK_TREE_H

#include <akashi/entry.h>
#include <akashi/error.h>
#include <akashi/finding.h>
#include <akashi/format.h>
#include <akashi/sha256.h>
#include <akashi/tree.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Groups since the last signed root that are kept one by one: 33 million entries, about 28 MiB.
 * Signed roots come every 10 ms or once a segment; what lies further back can still be proven, but
 * damage there is named as one range. */
#define AK_TREE_GROUPS_MAX 131072u

/* Newest entries whose leaves are at hand: two blocks. A checkpoint of a size further back is found
 * by the sizes of MARKs. */
#define AK_TREE_LEAVES 16384u

/* Newest MARKs whose place within a group is at hand: at 0.2 ms a commit nearly a second. */
#define AK_TREE_MARKS 4096u

/* Candidates for the truth at a time. */
#define AK_TREE_TRACKS 4u

/* Boundaries of groups behind each track that are at hand. */
#define AK_TREE_HISTORY 80u

/* Signed roots that did not come out and wait for an explanation. */
#define AK_TREE_FAILED_MAX 32u

/* Groups that may be gone through again to find what an old checkpoint covers, over one log. */
#define AK_TREE_REBUILD_MAX 16777216u

/* Where something stands: file is a number of the caller's, shown by it. */
struct ak_tree_place {
    uint32_t file;
    uint64_t offset;
};

/* Sources of one group that are kept for a report. */
#define AK_TREE_GROUP_SOURCES 4u

/* Why entries are not there. */
enum ak_tree_lost {
    AK_TREE_HERE = 0,
    AK_TREE_DAMAGED,     /* not readable: ALTERED */
    AK_TREE_MISSING,     /* no file holds them */
    AK_TREE_NOT_CHECKED, /* another finding says why (UNSUPPORTED, LIMIT, IO_ERROR) */
};

/* Entries that decoded, by what they are. */
struct ak_tree_counts {
    uint64_t from; /* `received` of the first and the last of them */
    uint64_t until;
    uint64_t entries;
    uint64_t records; /* kinds 0 and 7 */
    uint64_t fragments;
    uint64_t events;
};

/* One group of the window, whole or as far as it goes. */
struct ak_tree_group {
    struct ak_hash computed;
    struct ak_hash recorded;
    struct ak_hash listed;        /* what a FOOTER says, where that is something else */
    struct ak_tree_counts counts; /* of all of it */

    /* For findings, of what of it is not decided. */
    struct ak_tree_place place; /* of the part that is not as recorded, else of the first */
    uint64_t from;              /* times and sources that its columns state */
    uint64_t until;
    uint32_t source[AK_TREE_GROUP_SOURCES];
    uint8_t sources;
    bool more_sources;
    bool has_time;
    bool placed;
    bool suspect; /* a part is not as recorded */

    bool has_computed; /* of all 256 */
    bool has_recorded;
    bool has_listed;
    uint8_t lost; /* enum ak_tree_lost: the worst of it */
};

/* The part of a group that one block holds. */
struct ak_tree_part {
    uint32_t count;                 /* 1 to 256, not beyond the group's end */
    const struct ak_hash *leaf;     /* NULL: not decoded, and `lost` says why */
    const struct ak_entry *entry;   /* NULL if nothing is known of them */
    const struct ak_hash *whole;    /* the level-8 hash if all of the group is in it, or NULL */
    const struct ak_hash *recorded; /* what the columns state if the group ends here, or NULL */
    enum ak_tree_lost lost;
    bool suspect; /* the frames that hold it are not as recorded */
    struct ak_tree_place place;
};

/* What is told about entries and signed roots; `ctx` is the caller's. */
struct ak_tree_events {
    void *ctx;
    /* Entries [begin, end) are proven. */
    void (*on_proven)(void *ctx, uint64_t begin, uint64_t end, const struct ak_tree_counts *counts);
    /* A signed root covers [begin, end), and what is here is not what it covers. `info` may be
     * NULL. Comes in the order of indices; neighbours are to be joined by the caller. */
    void (*on_altered)(void *ctx, uint64_t begin, uint64_t end, const struct ak_tree_group *info);
    /* Everything up to `end` is decided; nothing of it is told again. */
    void (*on_decided)(void *ctx, uint64_t end);
    /* The root of `size`, signed in `place`, contradicts another signed root. */
    void (*on_forked)(void *ctx, uint64_t size, struct ak_tree_place place, int who);
    /* A recorded level-8 hash of a proven group is wrong (R17). */
    void (*on_level8)(void *ctx, uint64_t group, const struct ak_tree_group *info);
    /* The compact range that a frame states is not that of the log. */
    void (*on_range)(void *ctx, uint64_t size, struct ak_tree_place place, int who);
};

enum ak_tree_signed {
    AK_TREE_PROVEN,     /* it came out */
    AK_TREE_KNOWN,      /* it came out before, or lies below what is proven */
    AK_TREE_FAILED,     /* it does not fit what is here: decided later */
    AK_TREE_UNREACHABLE /* too far back to be computed again */
};

struct ak_tree;

/* A tree whose first entry has index `first`. If that is 0, nothing stands before it; otherwise
 * what stands before is only known from ranges that are offered. NULL without memory. */
struct ak_tree *ak_tree_new(uint64_t first, const struct ak_tree_events *events);
void ak_tree_free(struct ak_tree *tree);

/* Index behind the last entry. */
uint64_t ak_tree_size(const struct ak_tree *tree);
/* Index behind what signed roots cover, whether they came out or not. */
uint64_t ak_tree_decided(const struct ak_tree *tree);

/* The next entries. AK_ENOMEM. */
enum ak_code ak_tree_add(struct ak_tree *tree, const struct ak_tree_part *part,
                         struct ak_error *err);

/* Entries [size, end) are not here at all. */
enum ak_code ak_tree_skip(struct ak_tree *tree, uint64_t end, enum ak_tree_lost lost,
                          struct ak_tree_place place, struct ak_error *err);

/* A frame states that [0, size) has this compact range; nothing is believed. `who` is given back.
 * A range of another size than ak_tree_size is passed over. `tell`: whether it is told if it turns
 * out to be wrong. */
void ak_tree_offer(struct ak_tree *tree, const struct ak_range *range, struct ak_tree_place place,
                   int who, bool tell);

/* Whether everything below `size` is decided, and this is its root. */
bool ak_tree_confirmed(const struct ak_tree *tree, uint64_t size, const struct ak_hash *root);

/* Size of the signed root that came out last: in on_proven the one by which entries are proven. */
uint64_t ak_tree_accepting(const struct ak_tree *tree);

/* Whether every signed root so far came out, and the last of them covers all entries. */
bool ak_tree_settled(const struct ak_tree *tree);

/* A FOOTER lists this level-8 hash. It stands in for that of columns that are lost, and is another
 * candidate where columns record a different one. */
void ak_tree_list(struct ak_tree *tree, uint64_t group, const struct ak_hash *listed);

/* All of a FOOTER were given: signed roots that did not come out are tried with them. */
void ak_tree_listed(struct ak_tree *tree);

/* A MARK: checkpoints will be of this size. */
void ak_tree_mark(struct ak_tree *tree);

/* A validly signed root of a size up to ak_tree_size. */
enum ak_tree_signed ak_tree_sign(struct ak_tree *tree, uint64_t size, const struct ak_hash *root,
                                 struct ak_tree_place place, int who);

/* The log ends here: what signed roots cover and is not proven is told. */
void ak_tree_end(struct ak_tree *tree);

/* Root of all entries, if all are here and nothing is damaged since the last signed root. */
bool ak_tree_root(const struct ak_tree *tree, struct ak_hash *root);

/* The range [0, size), under the same condition. */
bool ak_tree_range(const struct ak_tree *tree, struct ak_range *range);

#endif
