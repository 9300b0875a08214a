/* bundle_counts.h - what is known of how many entries each source has before each index, and so
 * what a gap can hide (docs/format.md 14.10; R1, R2, R5).
 *
 * The number of a source's entries below index p is known at 0, around each of its entries that is
 * shown, and where a state entry's positions say it. Between two such points the difference, less
 * what is shown, is hidden. Gaps that may hold entries of the judged time are counted, so that one
 * number tells whether such a gap lies between two points. */
#ifndef AK_BUNDLE_COUNTS_H
#define AK_BUNDLE_COUNTS_H

#include <akashi/entry.h>
#include <akashi/error.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ak_bundle_count {
    uint64_t known;  /* entries of the source before the last point */
    uint64_t hidden; /* hidden entries of all sources before it */
    uint32_t open;   /* gaps that may hold entries of the range before it */
    uint32_t least;  /* fewest of these before any stretch in which entries of it are hidden */
    bool bad;        /* hidden entries lie where they may be of the range */
    bool seen;       /* an entry of it is shown */
    bool not_asked;  /* an entry of it in the range is shown without its payload */
    bool in_range;   /* an entry of it in the range is shown */
    uint64_t shown;  /* how many */
};

struct ak_bundle_counts {
    struct ak_bundle_count *count; /* by ordinal */
    uint32_t room;
    bool timed;    /* from and to hold: gaps are judged */
    uint64_t from; /* ns, to is out */
    uint64_t to;

    bool has_last; /* the entry shown last; before any: run 0, time 0, as format.md 14.10 says */
    uint64_t last_index;
    uint16_t last_run;
    uint64_t last_time;
    uint64_t next;   /* index behind it, or 0 */
    uint64_t hidden; /* entries not shown so far */
    uint32_t open;   /* gaps so far that may hold entries of the range */
    bool has_gap;    /* the first of them: indices, both ends in */
    uint64_t gap_first;
    uint64_t gap_last;
};

/* Why numbers do not fit: the rule, and a text. */
struct ak_bundle_count_fault {
    const char *rule; /* NULL: no fault */
    char text[192];
};

void ak_bundle_counts_init(struct ak_bundle_counts *counts);
void ak_bundle_counts_free(struct ak_bundle_counts *counts);

/* A point that a state entry at `index` gives; before that entry itself is taken. AK_ENOMEM. */
enum ak_code ak_bundle_counts_point(struct ak_bundle_counts *counts, uint32_t ordinal,
                                    uint64_t known, struct ak_bundle_count_fault *fault,
                                    struct ak_error *err);

/* Judges the gap between the entry shown last and one at `index`, before that is taken: call it
 * first for each entry shown. */
void ak_bundle_counts_gap(struct ak_bundle_counts *counts, uint64_t index,
                          const struct ak_entry *entry);

/* Takes an entry that is shown. AK_ENOMEM. */
enum ak_code ak_bundle_counts_entry(struct ak_bundle_counts *counts, uint64_t index,
                                    const struct ak_entry *entry,
                                    struct ak_bundle_count_fault *fault, struct ak_error *err);

/* Notes for the claim of the entry's source that it is in the range, and how it is shown. After
 * ak_bundle_counts_entry. */
void ak_bundle_counts_in_range(struct ak_bundle_counts *counts, const struct ak_entry *entry,
                               bool asked);

/* What is behind the entry shown last, up to the size of the tree. */
void ak_bundle_counts_end(struct ak_bundle_counts *counts, uint64_t size);

/* After the end: whether no entry of the source in the range can be hidden. */
bool ak_bundle_counts_complete(const struct ak_bundle_counts *counts, uint32_t ordinal);

/* After the end: whether no entry of it can be hidden before the last gap that may hold entries of
 * the range, whatever its time: what is asked of declarations. */
bool ak_bundle_counts_whole(const struct ak_bundle_counts *counts, uint32_t ordinal);

#endif
