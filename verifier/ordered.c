/* ordered.c - entries that the orders of a log take out, as sets of ranges. */
#include "ordered.h"

#include <akashi/finding.h>

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- Orders into sets ---- */

struct taking {
    struct ak_ordered_set *set;
    uint64_t index;
    bool expiry;
    bool full;
    bool failed;
};

/* Room for one more range of an array that doubles. */
static bool grow(struct ak_ordered_set *set)
{
    struct ak_ordered_range *more;

    if (set->range != NULL && (set->count & (set->count - 1)) != 0)
        return true;
    more = reallocarray(set->range, set->count == 0 ? 1 : set->count * 2, sizeof(*more));
    if (more == NULL)
        return false;
    set->range = more;
    return true;
}

static void on_range(void *ctx, uint64_t first, uint64_t last)
{
    struct taking *taking = ctx;
    struct ak_ordered_set *set = taking->set;

    if (last >= taking->index) /* it can speak of what was there before it */
        last = taking->index - 1;
    if (taking->index == 0 || first > last)
        return;
    if (set->count == AK_ORDERED_RANGES_MAX)
        taking->full = true;
    else if (!grow(set))
        taking->failed = true;
    else
        set->range[set->count++] =
            (struct ak_ordered_range){first, last + 1, taking->index, taking->expiry};
}

bool ak_ordered_add(struct ak_ordered_set *set, uint64_t index, const void *payload, size_t len,
                    bool *full)
{
    struct taking taking = {.set = set, .index = index};
    enum ak_order_action action;

    if (!ak_order_entry_ranges(payload, len, &action, NULL, NULL) ||
        (action != AK_ORDER_ERASE && action != AK_ORDER_EXPIRE))
        return true;
    taking.expiry = action == AK_ORDER_EXPIRE;
    (void)ak_order_entry_ranges(payload, len, &action, on_range, &taking);
    *full = *full || taking.full;
    return !taking.failed;
}

enum ak_code ak_ordered_take(struct ak_ordered *ordered, struct ak_authority *authority,
                             uint64_t index, uint64_t seq, const void *payload, size_t len,
                             struct ak_order_worth *worth, struct ak_error *err)
{
    bool *full = &ordered->full;
    enum ak_code rc = ak_authority_take(authority, index, seq, payload, len, worth, err);
    bool good = ak_ordered_add(&ordered->asserted, index, payload, len, full);

    if (rc == AK_ELIMIT)
        *full = true;
    if (rc != AK_OK)
        return rc;
    if (good && worth->accepted)
        good = ak_ordered_add(&ordered->accepted, index, payload, len, full);
    if (good && worth->valid && worth->action == AK_ORDER_ERASE)
        good = ak_ordered_add(&ordered->valid, index, payload, len, full);
    return good ? AK_OK : ak_fail(err, AK_ENOMEM, "no memory for orders");
}

static int compare(const void *a, const void *b)
{
    const struct ak_ordered_range *x = a;
    const struct ak_ordered_range *y = b;

    if (x->expiry != y->expiry)
        return x->expiry ? 1 : -1;
    return x->begin < y->begin ? -1 : x->begin > y->begin;
}

static void join(struct ak_ordered_set *set)
{
    size_t joined = 0;

    if (set->count > 1)
        qsort(set->range, set->count, sizeof(*set->range), compare);
    for (size_t i = 0; i < set->count; i++) {
        const struct ak_ordered_range *next = &set->range[i];
        struct ak_ordered_range *last = joined == 0 ? NULL : &set->range[joined - 1];
        if (last == NULL || last->expiry != next->expiry || last->end < next->begin) {
            set->range[joined++] = *next;
            continue;
        }
        if (last->end < next->end)
            last->end = next->end;
        if (last->order < next->order)
            last->order = next->order;
    }
    set->count = joined;
}

void ak_ordered_close(struct ak_ordered *ordered)
{
    join(&ordered->asserted);
    join(&ordered->accepted);
    join(&ordered->valid);
}

void ak_ordered_free(struct ak_ordered *ordered)
{
    free(ordered->asserted.range);
    free(ordered->accepted.range);
    free(ordered->valid.range);
    memset(ordered, 0, sizeof(*ordered));
}

/* ---- Questions ---- */

uint64_t ak_ordered_to(const struct ak_ordered_set *set, bool expiry, uint64_t at, uint64_t *next,
                       uint64_t *order)
{
    size_t low = 0;
    size_t high = set->count;

    *next = UINT64_MAX;
    while (low < high) { /* the first one that ends behind `at` */
        size_t middle = low + (high - low) / 2;
        const struct ak_ordered_range *range = &set->range[middle];
        if (range->expiry < expiry || (range->expiry == expiry && range->end <= at))
            low = middle + 1;
        else
            high = middle;
    }
    if (low == set->count || set->range[low].expiry != expiry)
        return at;
    *next = set->range[low].begin;
    *order = set->range[low].order;
    return *next <= at ? set->range[low].end : at;
}

static uint64_t least(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

enum ak_ordered_by ak_ordered_ask(const struct ak_ordered *ordered, bool expiry, uint64_t begin,
                                  uint64_t end, uint64_t *to, uint64_t *order)
{
    uint64_t next;
    uint64_t reach = ak_ordered_to(&ordered->accepted, expiry, begin, &next, order);

    assert(begin < end);
    *to = least(reach, end);
    if (reach > begin)
        return AK_ORDERED_ACCEPTED;
    end = least(next, end);
    reach = ak_ordered_to(&ordered->asserted, expiry, begin, &next, order);
    *to = least(reach > begin ? reach : next, end);
    return reach > begin ? AK_ORDERED_ASSERTED : AK_ORDERED_NOT;
}

/* ---- Texts ---- */

void ak_ordered_text_erased(char *text, uint64_t count)
{
    (void)snprintf(text, AK_FINDING_TEXT_BYTES,
                   "%" PRIu64
                   " payloads are not there: orders in the log, which the authority keys "
                   "that you gave have signed, took them out. Their entries are proven.",
                   count);
}

void ak_ordered_text_unauthorised(char *text, bool expiry, uint64_t order, size_t authority_count)
{
    (void)snprintf(
        text, AK_FINDING_TEXT_BYTES,
        "these payloads were taken out as %s; an order says so (the newest is entry %" PRIu64
        "), but %s.",
        expiry ? "expired" : "erased", order,
        authority_count == 0
            ? "no authority key was given with --authority, so that nobody is accepted as entitled "
              "to it"
            : "none that enough of the authority keys that you gave have signed");
}
