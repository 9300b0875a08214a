/* bundle_range.c - what lies in the judged range, and claim 2 with its exact conditions
 * (docs/format.md 14.10).
 *
 * Ranges of indices are counted entry by entry. Ranges of time are judged by their gaps
 * (bundle_counts.c): for all sources no gap may hold an entry of the range, for one source no
 * entry of it may be hidden in such a gap. */
#include "bundle_range.h"

#include "when.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

void ak_bundle_range_begin(struct ak_bundle_judgement *j)
{
    struct ak_bundle_result *r = j->result;

    r->expected = j->input->expect != NULL;
    if (r->expected)
        r->judged = *j->input->expect;
    else if (r->has_about)
        r->judged = r->about.asked;
    if (r->judged.what != AK_BUNDLE_INDEX && r->judged.to > 0) {
        j->counts.timed = true;
        j->counts.from = r->judged.from;
        j->counts.to = r->judged.to;
    }
}

static void note_hole(struct ak_bundle_judgement *j, uint64_t index)
{
    if (!j->has_hole) {
        j->has_hole = true;
        j->hole = index;
    }
}

bool ak_bundle_range_take(struct ak_bundle_judgement *j, uint64_t index,
                          const struct ak_entry *entry, bool asked)
{
    const struct ak_bundle_range *range = &j->result->judged;
    bool in;

    if (range->what == AK_BUNDLE_INDEX) {
        in = index >= range->first && index <= range->last;
        if (in && index != range->first + j->in_range)
            note_hole(j, range->first + j->in_range);
        if (in && !asked)
            note_hole(j, index);
        j->in_range += in && !j->has_hole;
    } else {
        in = range->to == 0 || (entry->received >= range->from && entry->received < range->to);
        if (in && range->to > 0)
            ak_bundle_counts_in_range(&j->counts, entry, asked);
        if (in && !asked)
            note_hole(j, index);
    }
    if (in && entry->kind >= AK_KIND_CRITICAL_FIRST && !j->critical) {
        j->critical = true;
        j->critical_index = index;
    }
    return in;
}
