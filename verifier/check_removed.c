/* check_removed.c - payloads that are not there, held against the orders that say why
 * (docs/format.md R33).
 *
 * They are kept while the log is read, and compared when it is known which entries are proven: an
 * order may stand in any later segment. Kept are stretches, not entries. */
#include "check_private.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

/* Stretches that are kept; what is beyond is LIMIT: whether it was ordered is not known. 65,536
 * erasures of one record each are more than a log sees in its life. */
#define REMOVED_MAX 65536u

struct stretch {
    uint64_t begin;
    uint64_t end;
    uint32_t file;
    uint64_t offset; /* of the first block */
    bool expired;
};

struct ak_check_removals {
    struct stretch *stretch;
    size_t stretch_count;
    bool full;
};

static struct ak_check_removals *removals_of(struct ak_check_state *state)
{
    if (state->removals == NULL)
        state->removals = calloc(1, sizeof(*state->removals));
    return state->removals;
}

/* Room for one more element of an array that doubles. */
static bool grow(void **array, size_t count, size_t size)
{
    void *more;

    if (*array != NULL && (count & (count - 1)) != 0)
        return true;
    more = reallocarray(*array, count == 0 ? 1 : count * 2, size);
    if (more == NULL)
        return false;
    *array = more;
    return true;
}

static bool keep_stretch(struct ak_check_state *state, const struct stretch *stretch)
{
    struct ak_check_removals *removals = removals_of(state);
    struct stretch *last;

    if (removals == NULL)
        return false;
    last = removals->stretch_count == 0 ? NULL : &removals->stretch[removals->stretch_count - 1];
    if (last != NULL && last->end == stretch->begin && last->expired == stretch->expired &&
        last->file == stretch->file) {
        last->end = stretch->end;
        return true;
    }
    if (removals->stretch_count == REMOVED_MAX) {
        removals->full = true;
        return true;
    }
    if (!grow((void **)&removals->stretch, removals->stretch_count, sizeof(*stretch)))
        return false;
    assert(removals->stretch != NULL);
    removals->stretch[removals->stretch_count++] = *stretch;
    return true;
}

void ak_check_absent(struct ak_check_state *state, const struct ak_check_item *item)
{
    const struct ak_columns *columns = item->work->columns;

    for (uint32_t a = 0; a < columns->absent_count && !state->fatal; a++) {
        uint64_t begin = columns->first + columns->absent[a].position;
        struct stretch stretch = {begin, begin + columns->absent[a].count, item->open->number,
                                  item->frame.offset, columns->absent[a].state == AK_STATE_EXPIRED};
        if (!keep_stretch(state, &stretch)) {
            struct ak_error err = {0};
            (void)ak_fail(&err, AK_ENOMEM, "no memory for payloads that are not there");
            ak_check_fatal(state, &err);
        }
    }
}

bool ak_check_removed(const struct ak_check_state *state, uint64_t begin, uint64_t end)
{
    const struct ak_ordered_set *asserted = &ak_check_ordered(state)->asserted;
    uint64_t at = begin;
    uint64_t next;
    uint64_t order;

    while (at < end) {
        uint64_t erased = ak_ordered_to(asserted, false, at, &next, &order);
        uint64_t expired = ak_ordered_to(asserted, true, at, &next, &order);
        uint64_t to = erased > expired ? erased : expired;
        if (to == at)
            return false;
        at = to;
    }
    return true;
}

bool ak_check_absent_here(const struct ak_check_state *state, uint64_t begin, uint64_t end)
{
    const struct ak_check_removals *removals = state->removals;
    size_t low = 0;
    size_t high = removals != NULL ? removals->stretch_count : 0;

    while (low < high) { /* the first one that ends behind `begin` */
        size_t middle = low + (high - low) / 2;
        if (removals->stretch[middle].end <= begin)
            low = middle + 1;
        else
            high = middle;
    }
    return removals != NULL && low < removals->stretch_count && removals->stretch[low].begin < end;
}

/* No order covers [begin, end), all of it proven. The order may stand in what is not here. */
static void tell_uncovered(struct ak_check_state *state, const struct stretch *stretch,
                           uint64_t begin, uint64_t end)
{
    const struct ak_check_log *log = state->log;
    bool whole = !state->single && log->ranges_left_off == 0 &&
                 begin >= log->ranges[log->range_count - 1].begin;
    const char *state_name = stretch->expired ? "expired" : "erased";
    struct ak_finding finding;

    if (whole)
        finding = ak_finding_make(AK_FINDING_ALTERED, "R33",
                                  "these payloads were taken out as %s, and no order of the log "
                                  "says so. The entries themselves are proven.",
                                  state_name);
    else
        finding = ak_finding_make(AK_FINDING_MISSING, "R33",
                                  "these payloads were taken out as %s; the order for it is not "
                                  "here, it may stand in what is missing.",
                                  state_name);
    ak_finding_at(&finding, state->file[stretch->file].name, stretch->offset);
    ak_finding_range(&finding, begin, end);
    ak_check_report(state, &finding);
}

/* An order says so, but none that is accepted. */
static void tell_unauthorised(struct ak_check_state *state, const struct stretch *stretch,
                              uint64_t begin, uint64_t end, uint64_t order)
{
    struct ak_finding finding;
    char text[AK_FINDING_TEXT_BYTES];

    ak_ordered_text_unauthorised(text, stretch->expired, order, state->options->authority_count);
    finding = ak_finding_make(AK_FINDING_ERASED_UNAUTHORISED, "R33", "%s", text);
    ak_finding_at(&finding, state->file[stretch->file].name, stretch->offset);
    ak_finding_range(&finding, begin, end);
    ak_check_report(state, &finding);
}

/* A proven part of a stretch: how many of its payloads an accepted order took out; the rest is
 * told. */
static uint64_t judge_part(struct ak_check_state *state, const struct stretch *stretch,
                           uint64_t begin, uint64_t end)
{
    uint64_t covered = 0;
    uint64_t order = 0;
    uint64_t to;

    for (uint64_t at = begin; at < end; at = to) {
        switch (ak_ordered_ask(ak_check_ordered(state), stretch->expired, at, end, &to, &order)) {
        case AK_ORDERED_ACCEPTED:
            covered += to - at;
            break;
        case AK_ORDERED_ASSERTED:
            tell_unauthorised(state, stretch, at, to, order);
            break;
        case AK_ORDERED_NOT:
            tell_uncovered(state, stretch, at, to);
            break;
        }
    }
    return covered;
}

static uint64_t judge_stretch(struct ak_check_state *state, const struct stretch *stretch)
{
    const struct ak_check_log *log = state->log;
    uint64_t covered = 0;
    size_t low = 0;
    size_t high = log->range_count;

    while (low < high) { /* the first proven range that ends behind its begin */
        size_t middle = low + (high - low) / 2;
        if (log->ranges[middle].end <= stretch->begin)
            low = middle + 1;
        else
            high = middle;
    }
    for (; low < log->range_count && log->ranges[low].begin < stretch->end; low++) {
        uint64_t begin = log->ranges[low].begin;
        uint64_t end = log->ranges[low].end;
        covered += judge_part(state, stretch, begin > stretch->begin ? begin : stretch->begin,
                              end < stretch->end ? end : stretch->end);
    }
    return covered;
}

void ak_check_removals(struct ak_check_state *state)
{
    struct ak_check_removals *removals = state->removals;
    char text[AK_FINDING_TEXT_BYTES];
    struct ak_finding finding;
    uint64_t covered = 0;

    if (!ak_check_orders_close(state) || removals == NULL)
        return;
    if (removals->full) {
        finding = ak_finding_make(AK_FINDING_LIMIT, "R33",
                                  "more than %u stretches of payloads that are not there; the rest "
                                  "was not compared.",
                                  REMOVED_MAX);
        ak_check_report(state, &finding);
        return;
    }
    for (size_t i = 0; i < removals->stretch_count; i++)
        covered += judge_stretch(state, &removals->stretch[i]);
    if (covered == 0)
        return;
    ak_ordered_text_erased(text, covered);
    finding = ak_finding_make(AK_FINDING_ERASED, "R33", "%s", text);
    ak_check_report(state, &finding);
}

void ak_check_removals_free(struct ak_check_removals *removals)
{
    if (removals == NULL)
        return;
    free(removals->stretch);
    free(removals);
}
