/* check_removed.c - payloads that are not there, and the orders that say why (docs/format.md R33).
 *
 * Both are kept while the log is read, and compared when it is known which entries are proven: an
 * order may stand in any later segment. Kept are stretches and ranges, not entries. */
#include "check_private.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

/* Stretches and ranges that are kept, each; what is beyond is LIMIT: whether it was ordered is not
 * known. 65,536 orders of one record each are more than a log sees in its life. */
#define REMOVED_MAX 65536u

struct stretch {
    uint64_t begin;
    uint64_t end;
    uint32_t file;
    uint64_t offset; /* of the first block */
    bool expired;
};

struct order {
    uint64_t index;
    uint64_t begin;
    uint64_t end;
    bool expiry;
};

struct ak_check_removals {
    struct stretch *stretch;
    size_t stretch_count;
    struct order *order;
    size_t order_count;
    bool full;
    bool sorted; /* orders: proven ones only, by action and begin, joined */
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

struct taking {
    struct ak_check_removals *removals;
    uint64_t index;
    bool expiry;
    bool failed;
};

static void on_range(void *ctx, uint64_t first, uint64_t last)
{
    struct taking *taking = ctx;
    struct ak_check_removals *removals = taking->removals;

    if (last >= taking->index) /* it can speak of what was there before it */
        last = taking->index - 1;
    if (taking->index == 0 || first > last)
        return;
    if (removals->order_count == REMOVED_MAX) {
        removals->full = true;
        return;
    }
    if (!grow((void **)&removals->order, removals->order_count, sizeof(*removals->order))) {
        taking->failed = true;
        return;
    }
    removals->order[removals->order_count++] =
        (struct order){taking->index, first, last + 1, taking->expiry};
}

enum ak_code ak_check_order(struct ak_check_state *state, uint64_t index, bool expiry,
                            const struct ak_payload *payload, struct ak_error *err)
{
    struct taking taking = {removals_of(state), index, expiry, false};

    if (taking.removals != NULL)
        ak_own_order_ranges(payload->p, payload->len, on_range, &taking);
    if (taking.removals == NULL || taking.failed)
        return ak_fail(err, AK_ENOMEM, "no memory for orders");
    return AK_OK;
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

static int compare_orders(const void *a, const void *b)
{
    const struct order *x = a;
    const struct order *y = b;

    if (x->expiry != y->expiry)
        return x->expiry ? 1 : -1;
    return x->begin < y->begin ? -1 : x->begin > y->begin;
}

/* Orders that are not proven say nothing; the others become disjoint ranges. */
static void sort_orders(struct ak_check_state *state)
{
    struct ak_check_removals *removals = state->removals;
    struct order *order = removals->order;
    size_t kept = 0;
    size_t joined = 0;

    for (size_t i = 0; i < removals->order_count; i++) {
        if (ak_check_proven(state->log, order[i].index))
            order[kept++] = order[i];
    }
    if (kept > 0)
        qsort(order, kept, sizeof(*order), compare_orders);
    for (size_t i = 0; i < kept; i++) {
        struct order *last = joined == 0 ? NULL : &order[joined - 1];
        if (last == NULL || last->expiry != order[i].expiry || last->end < order[i].begin)
            order[joined++] = order[i];
        else if (last->end < order[i].end)
            last->end = order[i].end;
    }
    removals->order_count = joined;
    removals->sorted = true;
}

/* The end of what orders of this action cover from `at` on without a hole, `at` if nothing; and
 * where the next of them begins. */
static uint64_t covered_to(const struct ak_check_removals *removals, bool expiry, uint64_t at,
                           uint64_t *next)
{
    size_t low = 0;
    size_t high = removals->order_count;

    *next = UINT64_MAX;
    while (low < high) { /* the first one that ends behind `at` */
        size_t middle = low + (high - low) / 2;
        const struct order *order = &removals->order[middle];
        if (order->expiry < expiry || (order->expiry == expiry && order->end <= at))
            low = middle + 1;
        else
            high = middle;
    }
    if (low == removals->order_count || removals->order[low].expiry != expiry)
        return at;
    *next = removals->order[low].begin;
    return *next <= at ? removals->order[low].end : at;
}

bool ak_check_removed(const struct ak_check_state *state, uint64_t begin, uint64_t end)
{
    const struct ak_check_removals *removals = state->removals;
    uint64_t at = begin;
    uint64_t next;

    while (removals != NULL && at < end) {
        uint64_t erased = covered_to(removals, false, at, &next);
        uint64_t expired = covered_to(removals, true, at, &next);
        uint64_t to = erased > expired ? erased : expired;
        if (to == at)
            return false;
        at = to;
    }
    return at >= end;
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

/* A proven part of a stretch: how many of its payloads an order took out; the rest is told. */
static uint64_t judge_part(struct ak_check_state *state, const struct stretch *stretch,
                           uint64_t begin, uint64_t end)
{
    uint64_t covered = 0;
    uint64_t next;

    for (uint64_t at = begin; at < end;) {
        uint64_t to = covered_to(state->removals, stretch->expired, at, &next);
        if (to > end)
            to = end;
        if (to > at) {
            covered += to - at;
        } else {
            to = next < end ? next : end;
            tell_uncovered(state, stretch, at, to);
        }
        at = to;
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
    struct ak_finding finding;
    uint64_t covered = 0;

    if (removals == NULL)
        return;
    sort_orders(state);
    if (removals->full) {
        finding = ak_finding_make(AK_FINDING_LIMIT, "R33",
                                  "more than %u orders or stretches of payloads that are not "
                                  "there; the rest was not compared.",
                                  REMOVED_MAX);
        ak_check_report(state, &finding);
        return;
    }
    for (size_t i = 0; i < removals->stretch_count; i++)
        covered += judge_stretch(state, &removals->stretch[i]);
    if (covered == 0)
        return;
    finding = ak_finding_make(AK_FINDING_ERASED, "R33",
                              "%" PRIu64 " payloads are not there: orders in the log took them "
                              "out. Their entries are proven.",
                              covered);
    ak_check_report(state, &finding);
}

void ak_check_removals_free(struct ak_check_removals *removals)
{
    if (removals == NULL)
        return;
    free(removals->stretch);
    free(removals->order);
    free(removals);
}
