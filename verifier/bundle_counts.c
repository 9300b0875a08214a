/* bundle_counts.c - one row for each ordinal up to the greatest that was met: below 64 MiB with as
 * many as a log can have sources. */
#include "bundle_counts.h"

#include <akashi/format.h>

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ORDINALS_MAX (AK_SOURCE_FIRST + AK_DECLARED_MAX)

#define ROWS_FIRST 512u

void ak_bundle_counts_init(struct ak_bundle_counts *counts)
{
    memset(counts, 0, sizeof(*counts));
}

void ak_bundle_counts_free(struct ak_bundle_counts *counts)
{
    free(counts->count);
    memset(counts, 0, sizeof(*counts));
}

static void tell(struct ak_bundle_count_fault *fault, const char *rule, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

static void tell(struct ak_bundle_count_fault *fault, const char *rule, const char *fmt, ...)
{
    va_list args;

    if (fault->rule != NULL)
        return;
    fault->rule = rule;
    va_start(args, fmt);
    (void)vsnprintf(fault->text, sizeof(fault->text), fmt, args);
    va_end(args);
}

/* The row of an ordinal, which is below ORDINALS_MAX; NULL without memory. */
static struct ak_bundle_count *row(struct ak_bundle_counts *counts, uint32_t ordinal)
{
    uint32_t room = counts->room == 0 ? ROWS_FIRST : counts->room;
    struct ak_bundle_count *more;

    while (room <= ordinal)
        room = room > ORDINALS_MAX / 2 ? ORDINALS_MAX : room * 2;
    if (room != counts->room) {
        more = reallocarray(counts->count, room, sizeof(*more));
        if (more == NULL)
            return NULL;
        memset(more + counts->room, 0, (room - counts->room) * sizeof(*more));
        for (uint32_t i = counts->room; i < room; i++)
            more[i].least = UINT32_MAX;
        counts->count = more;
        counts->room = room;
    }
    return &counts->count[ordinal];
}

/* The number of the source's entries so far is `known`. */
static void point(struct ak_bundle_counts *counts, struct ak_bundle_count *c, uint32_t ordinal,
                  uint64_t known, struct ak_bundle_count_fault *fault)
{
    if (known < c->known)
        tell(fault, "R2",
             "source %" PRIu32 " has %" PRIu64 " entries up to here, but %" PRIu64 " before",
             ordinal, known, c->known);
    else if (known - c->known > counts->hidden - c->hidden)
        tell(fault, "R2",
             "source %" PRIu32 " jumps from number %" PRIu64 " to %" PRIu64 ", and only %" PRIu64
             " entries are not shown between",
             ordinal, c->known, known, counts->hidden - c->hidden);
    if (known != c->known) { /* some are hidden, or the numbers are wrong */
        c->bad = c->bad || counts->open > c->open;
        if (c->open < c->least)
            c->least = c->open;
    }
    c->known = known;
    c->hidden = counts->hidden;
    c->open = counts->open;
}

enum ak_code ak_bundle_counts_point(struct ak_bundle_counts *counts, uint32_t ordinal,
                                    uint64_t known, struct ak_bundle_count_fault *fault,
                                    struct ak_error *err)
{
    struct ak_bundle_count *c = row(counts, ordinal);

    if (c == NULL)
        return ak_fail(err, AK_ENOMEM, "no memory for the counts of sources");
    point(counts, c, ordinal, known, fault);
    return AK_OK;
}

/* Whether entries between what was shown last and `entry` can only lie outside of the range. */
static bool outside(const struct ak_bundle_counts *counts, const struct ak_entry *entry)
{
    if (entry->clock_run == counts->last_run)
        return entry->received < counts->from || counts->last_time >= counts->to;
    return entry->clock_run == counts->last_run + 1 && counts->last_time >= counts->to &&
           entry->received < counts->from;
}

static void open_gap(struct ak_bundle_counts *counts, uint64_t first, uint64_t last)
{
    if (!counts->has_gap) {
        counts->has_gap = true;
        counts->gap_first = first;
        counts->gap_last = last;
    }
    if (counts->open < UINT32_MAX)
        counts->open++;
}

void ak_bundle_counts_gap(struct ak_bundle_counts *counts, uint64_t index,
                          const struct ak_entry *entry)
{
    uint64_t begin = counts->has_last ? counts->last_index + 1 : 0;

    if (begin == index)
        return;
    counts->hidden += index - begin;
    if (counts->timed && !outside(counts, entry))
        open_gap(counts, begin, index - 1);
}

/* R1, and the clock (R5) as far as neighbours are shown. */
static void check_entry(struct ak_bundle_counts *counts, uint64_t index,
                        const struct ak_entry *entry, struct ak_bundle_count_fault *fault)
{
    bool received = ak_kind_received(entry->kind);
    uint64_t distance = counts->has_last ? index - counts->last_index : index;
    uint32_t rise = (uint32_t)(entry->clock_run - counts->last_run);

    if (received && entry->source < AK_SOURCE_FIRST)
        tell(fault, "R1", "a record of source %" PRIu32, entry->source);
    if (!received && entry->source != entry->kind)
        tell(fault, "R1", "an entry of the log's own kind %u has source %" PRIu32, entry->kind,
             entry->source);
    if (entry->source_seq > index)
        tell(fault, "R2", "it has number %" PRIu64 " in its source", entry->source_seq);
    if (entry->clock_run < counts->last_run)
        tell(fault, "R5", "the clock's run is %u behind %u", entry->clock_run, counts->last_run);
    else if (rise > distance)
        tell(fault, "R5", "the clock fell more often than there are entries");
    else if (rise == 0 && entry->received < counts->last_time)
        tell(fault, "R5", "it was received before an earlier one of the same run");
    else if (rise == 1 && distance == 1 && counts->has_last && entry->received >= counts->last_time)
        tell(fault, "R5", "a new run of the clock in which it did not fall");
    if (index == 0 && (entry->clock_run != 0 || entry->kind != AK_KIND_EPOCH))
        tell(fault, entry->kind != AK_KIND_EPOCH ? "R3" : "R5",
             "the first entry is no start note of run 0");
}

enum ak_code ak_bundle_counts_entry(struct ak_bundle_counts *counts, uint64_t index,
                                    const struct ak_entry *entry,
                                    struct ak_bundle_count_fault *fault, struct ak_error *err)
{
    struct ak_bundle_count *c;

    check_entry(counts, index, entry, fault);
    if (entry->source < ORDINALS_MAX) {
        c = row(counts, entry->source);
        if (c == NULL)
            return ak_fail(err, AK_ENOMEM, "no memory for the counts of sources");
        point(counts, c, entry->source, entry->source_seq, fault);
        c->known = entry->source_seq + 1;
        c->seen = true;
    } else {
        tell(fault, "R1", "source %" PRIu32 " is above all that a log can have", entry->source);
    }
    if (entry->kind == AK_KIND_SOURCE && entry->source_seq < AK_DECLARED_MAX) {
        uint32_t ordinal = AK_SOURCE_FIRST + (uint32_t)entry->source_seq;
        c = row(counts, ordinal);
        if (c == NULL)
            return ak_fail(err, AK_ENOMEM, "no memory for the counts of sources");
        if (c->known > 0)
            tell(fault, "R1", "it declares source %" PRIu32 ", of which an entry stands before",
                 ordinal);
        else
            point(counts, c, ordinal, 0, fault); /* none can stand before it */
    }
    counts->has_last = true;
    counts->last_index = index;
    counts->last_run = entry->clock_run;
    counts->last_time = entry->received;
    return AK_OK;
}

void ak_bundle_counts_in_range(struct ak_bundle_counts *counts, const struct ak_entry *entry,
                               bool asked)
{
    struct ak_bundle_count *c;

    if (entry->source >= counts->room)
        return;
    c = &counts->count[entry->source];
    c->in_range = true;
    c->shown++;
    c->not_asked = c->not_asked || !asked;
}

void ak_bundle_counts_end(struct ak_bundle_counts *counts, uint64_t size)
{
    uint64_t begin = counts->has_last ? counts->last_index + 1 : 0;

    if (begin >= size)
        return;
    counts->hidden += size - begin;
    if (counts->timed)
        open_gap(counts, begin, size - 1);
}

bool ak_bundle_counts_complete(const struct ak_bundle_counts *counts, uint32_t ordinal)
{
    const struct ak_bundle_count *c;

    if (ordinal >= counts->room)
        return counts->open == 0;
    c = &counts->count[ordinal];
    return !c->bad && c->open == counts->open;
}

bool ak_bundle_counts_whole(const struct ak_bundle_counts *counts, uint32_t ordinal)
{
    const struct ak_bundle_count *c;

    if (ordinal >= counts->room)
        return counts->open == 0;
    c = &counts->count[ordinal];
    return c->least >= counts->open && c->open == counts->open;
}
