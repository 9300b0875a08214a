/* check_orders.c - the orders of a log, and what each is worth (docs/format.md 10.5, R38 to R42).
 *
 * Payloads of kind 5 are kept while the log is read. When it is known which entries are proven, the
 * proven ones are judged in their order, and three sets of entries come out: those that an order
 * speaks of at all, those that an accepted order covers, and those that a valid one erases. */
#include "check_private.h"

#include <akashi/log_reader.h>
#include <akashi/order.h>

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Orders that are kept, and bytes of them all; what is beyond is LIMIT: whether it was ordered is
 * not known. 65,536 orders are more than a log sees in its life. */
#define ORDERS_MAX      65536u
#define ORDER_BYTES_MAX 67108864u

/* Ranges that are looked into one by one for what is still there; for more the log is read through
 * from the first to the last of them. */
#define LOOKS_MAX 64u

struct kept {
    uint64_t index;
    uint64_t seq;
    char *payload;
    uint32_t len;
};

struct ak_check_orders {
    struct kept *kept;
    size_t count;
    size_t bytes;
    bool full;
    struct ak_check_cover asserted;
    struct ak_check_cover accepted;
    struct ak_check_cover valid; /* erasures only */
};

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

enum ak_code ak_check_order(struct ak_check_state *state, uint64_t index, uint64_t seq,
                            const struct ak_payload *payload, struct ak_error *err)
{
    struct ak_check_orders *orders = state->orders;
    struct kept *kept;

    if (orders == NULL)
        orders = state->orders = calloc(1, sizeof(*orders));
    if (orders == NULL)
        return ak_fail(err, AK_ENOMEM, "no memory for orders");
    if (orders->full || orders->count == ORDERS_MAX ||
        payload->len > ORDER_BYTES_MAX - orders->bytes) {
        orders->full = true;
        return AK_OK;
    }
    if (!grow((void **)&orders->kept, orders->count, sizeof(*orders->kept)))
        return ak_fail(err, AK_ENOMEM, "no memory for orders");
    kept = &orders->kept[orders->count];
    *kept = (struct kept){index, seq, malloc(payload->len + 1u), payload->len};
    if (kept->payload == NULL)
        return ak_fail(err, AK_ENOMEM, "no memory for orders");
    if (payload->len > 0)
        memcpy(kept->payload, payload->p, payload->len);
    orders->count++;
    orders->bytes += payload->len;
    return AK_OK;
}

/* ---- sets of entries */

struct taking {
    struct ak_check_cover *cover;
    uint64_t index;
    bool expiry;
    bool full;
    bool failed;
};

static void on_range(void *ctx, uint64_t first, uint64_t last)
{
    struct taking *taking = ctx;
    struct ak_check_cover *cover = taking->cover;

    if (last >= taking->index) /* it can speak of what was there before it */
        last = taking->index - 1;
    if (taking->index == 0 || first > last)
        return;
    if (cover->count == AK_CHECK_COVER_MAX) {
        taking->full = true;
    } else if (!grow((void **)&cover->range, cover->count, sizeof(*cover->range))) {
        taking->failed = true;
    } else {
        cover->range[cover->count++] =
            (struct ak_check_ordered){first, last + 1, taking->index, taking->expiry};
    }
}

static int compare(const void *a, const void *b)
{
    const struct ak_check_ordered *x = a;
    const struct ak_check_ordered *y = b;

    if (x->expiry != y->expiry)
        return x->expiry ? 1 : -1;
    return x->begin < y->begin ? -1 : x->begin > y->begin;
}

/* Makes the ranges of a set disjoint. */
static void join(struct ak_check_cover *cover)
{
    size_t joined = 0;

    if (cover->count > 1)
        qsort(cover->range, cover->count, sizeof(*cover->range), compare);
    for (size_t i = 0; i < cover->count; i++) {
        const struct ak_check_ordered *next = &cover->range[i];
        struct ak_check_ordered *last = joined == 0 ? NULL : &cover->range[joined - 1];
        if (last == NULL || last->expiry != next->expiry || last->end < next->begin) {
            cover->range[joined++] = *next;
            continue;
        }
        if (last->end < next->end)
            last->end = next->end;
        if (last->order < next->order)
            last->order = next->order;
    }
    cover->count = joined;
}

uint64_t ak_check_cover_to(const struct ak_check_cover *cover, bool expiry, uint64_t at,
                           uint64_t *next, uint64_t *order)
{
    size_t low = 0;
    size_t high = cover->count;

    *next = UINT64_MAX;
    while (low < high) { /* the first one that ends behind `at` */
        size_t middle = low + (high - low) / 2;
        const struct ak_check_ordered *range = &cover->range[middle];
        if (range->expiry < expiry || (range->expiry == expiry && range->end <= at))
            low = middle + 1;
        else
            high = middle;
    }
    if (low == cover->count || cover->range[low].expiry != expiry)
        return at;
    *next = cover->range[low].begin;
    *order = cover->range[low].order;
    return *next <= at ? cover->range[low].end : at;
}

const struct ak_check_cover *ak_check_asserted(const struct ak_check_state *state)
{
    static const struct ak_check_cover none;

    return state->orders != NULL ? &state->orders->asserted : &none;
}

const struct ak_check_cover *ak_check_accepted(const struct ak_check_state *state)
{
    static const struct ak_check_cover none;

    return state->orders != NULL ? &state->orders->accepted : &none;
}

bool ak_check_erased_by_order(const struct ak_check_state *state, uint64_t begin, uint64_t end)
{
    uint64_t next;
    uint64_t order;

    if (state->orders == NULL || begin >= end)
        return false;
    return ak_check_cover_to(&state->orders->valid, false, begin, &next, &order) > begin ||
           next < end;
}

/* ---- judging */

static bool is_other(void *ctx, const uint8_t key[AK_ED25519_KEY_BYTES])
{
    return memcmp(ctx, key, AK_ED25519_KEY_BYTES) != 0;
}

/* R38: neither the log key nor that of an epoch is an authority. */
static bool is_own(void *ctx, const uint8_t key[AK_ED25519_KEY_BYTES])
{
    const struct ak_check_state *state = ctx;

    return (state->log_key != NULL &&
            memcmp(state->log_key->key, key, AK_ED25519_KEY_BYTES) == 0) ||
           !ak_check_epochs_each(state->epochs, is_other, (void *)(uintptr_t)key);
}

static struct ak_authority *authority_of(struct ak_check_state *state)
{
    const struct ak_check_options *options = state->options;
    struct ak_authority *authority =
        ak_authority_new(state->log->origin, options->authorities, options->authority_count);

    if (authority != NULL)
        ak_authority_own(authority, is_own, state);
    return authority;
}

static void tell_not_valid(struct ak_check_state *state, const struct kept *kept,
                           const struct ak_order_worth *worth)
{
    struct ak_finding finding =
        ak_finding_make(AK_FINDING_ORDER_NOT_VALID, "R39", "an order to %s counts for nothing: %s.",
                        ak_order_action_name(worth->action), worth->why.text);

    ak_finding_range(&finding, kept->index, kept->index + 1);
    ak_check_report(state, &finding);
}

static bool take_ranges(struct ak_check_orders *orders, struct ak_check_cover *cover,
                        const struct kept *kept)
{
    struct taking taking = {.cover = cover, .index = kept->index};
    enum ak_order_action action;

    if (!ak_order_entry_ranges(kept->payload, kept->len, &action, NULL, NULL) ||
        (action != AK_ORDER_ERASE && action != AK_ORDER_EXPIRE))
        return true;
    taking.expiry = action == AK_ORDER_EXPIRE;
    (void)ak_order_entry_ranges(kept->payload, kept->len, &action, on_range, &taking);
    orders->full = orders->full || taking.full;
    return !taking.failed;
}

static enum ak_code judge(struct ak_check_state *state, struct ak_authority *authority,
                          struct ak_order_worth *worth, const struct kept *kept,
                          struct ak_error *err)
{
    struct ak_check_orders *orders = state->orders;
    enum ak_code rc =
        ak_authority_take(authority, kept->index, kept->seq, kept->payload, kept->len, worth, err);
    bool good = take_ranges(orders, &orders->asserted, kept);

    if (rc == AK_ELIMIT) {
        orders->full = true;
        return AK_OK;
    }
    if (rc == AK_EMALFORMED) /* told when it was met (R18) */
        return AK_OK;
    if (rc != AK_OK)
        return rc;
    if (worth->accepted)
        ak_check_succession_order(state, &worth->order);
    if (good && worth->accepted)
        good = take_ranges(orders, &orders->accepted, kept);
    if (good && worth->valid && worth->action == AK_ORDER_ERASE)
        good = take_ranges(orders, &orders->valid, kept);
    if (!worth->valid && !worth->declares)
        tell_not_valid(state, kept, worth);
    return good ? AK_OK : ak_fail(err, AK_ENOMEM, "no memory for orders");
}

/* ---- what is there all the same */

struct looking {
    const struct ak_check_state *state;
    uint64_t count;
    uint64_t first;
    uint64_t last;
    char file[AK_FINDING_FILE_BYTES];
};

static enum ak_code on_entry(void *ctx, const struct ak_log_entry *entry, struct ak_error *err)
{
    struct looking *looking = ctx;
    bool received = entry->entry.kind == AK_KIND_RECORD || entry->entry.kind == AK_KIND_FRAGMENT;

    (void)err;
    if (!received || entry->state != AK_STATE_PRESENT ||
        !ak_check_erased_by_order(looking->state, entry->index, entry->index + 1))
        return AK_OK;
    if (looking->count++ == 0) {
        looking->first = entry->index;
        (void)snprintf(looking->file, sizeof(looking->file), "%s", entry->file);
    }
    looking->last = entry->index;
    return AK_OK;
}

static enum ak_code look_into(struct looking *looking, uint64_t begin, uint64_t end,
                              struct ak_error *err)
{
    const struct ak_log_visitor visitor = {.ctx = looking, .on_entry = on_entry};
    struct ak_log_filter filter = AK_LOG_FILTER_ALL;

    filter.first = begin;
    filter.last = end - 1;
    return ak_log_read(looking->state->log->path, &filter, NULL, &visitor, err);
}

static void look(struct ak_check_state *state)
{
    const struct ak_check_cover *valid = &state->orders->valid;
    struct looking looking = {.state = state};
    struct ak_error err = {0};
    struct ak_finding finding;
    enum ak_code rc = AK_OK;

    if (valid->count == 0)
        return;
    if (valid->count > LOOKS_MAX)
        rc = look_into(&looking, valid->range[0].begin, valid->range[valid->count - 1].end, &err);
    for (size_t i = 0; rc == AK_OK && i < valid->count && valid->count <= LOOKS_MAX; i++)
        rc = look_into(&looking, valid->range[i].begin, valid->range[i].end, &err);
    if (rc == AK_ENOMEM)
        ak_check_fatal(state, &err);
    if (looking.count == 0)
        return; /* a file that cannot be read has been told of */
    finding =
        ak_finding_make(AK_FINDING_NOT_ERASED, "10.5",
                        "%" PRIu64 " payloads are here that valid orders erase.", looking.count);
    (void)snprintf(finding.file, sizeof(finding.file), "%s", looking.file);
    ak_finding_range(&finding, looking.first, looking.last + 1);
    ak_check_report(state, &finding);
}

bool ak_check_orders_close(struct ak_check_state *state)
{
    struct ak_check_orders *orders = state->orders;
    struct ak_order_worth *worth;
    struct ak_authority *authority;
    struct ak_error err = {0};
    struct ak_finding finding;
    enum ak_code rc = AK_OK;

    if (orders == NULL)
        return true;
    worth = malloc(sizeof(*worth));
    authority = authority_of(state);
    if (worth == NULL || authority == NULL)
        rc = ak_fail(&err, AK_ENOMEM, "no memory for orders");
    for (size_t i = 0; rc == AK_OK && i < orders->count; i++) {
        if (ak_check_proven(state->log, orders->kept[i].index))
            rc = judge(state, authority, worth, &orders->kept[i], &err);
    }
    ak_authority_free(authority);
    free(worth);
    if (rc != AK_OK) {
        ak_check_fatal(state, &err);
        return false;
    }
    join(&orders->asserted);
    join(&orders->accepted);
    join(&orders->valid);
    if (orders->full) {
        finding = ak_finding_make(AK_FINDING_LIMIT, "R33",
                                  "more orders than this program takes; the rest was not judged.");
        ak_check_report(state, &finding);
        return false;
    }
    look(state);
    return true;
}

/* Kept as they were met, which is by index. */
static const struct kept *find_kept(const struct ak_check_orders *orders, uint64_t index)
{
    size_t low = 0;
    size_t high = orders != NULL ? orders->count : 0;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (orders->kept[middle].index == index)
            return &orders->kept[middle];
        if (orders->kept[middle].index < index)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}

bool ak_check_order_of(const struct ak_check_state *state, uint64_t index, uint64_t begin,
                       uint64_t end)
{
    const struct ak_check_orders *orders = state->orders;
    struct ak_check_cover one = {0};
    struct taking taking = {.cover = &one, .index = index};
    const struct kept *kept;
    enum ak_order_action action;
    bool found = false;

    if (!ak_check_proven(state->log, index) || (orders != NULL && orders->full))
        return true;
    kept = find_kept(orders, index);
    if (kept == NULL ||
        !ak_order_entry_ranges(kept->payload, kept->len, &action, on_range, &taking) ||
        (action != AK_ORDER_ERASE && action != AK_ORDER_EXPIRE))
        taking.full = false;
    else
        for (size_t k = 0; k < one.count; k++)
            found = found || (one.range[k].begin < end && begin < one.range[k].end);
    found = found || taking.full || taking.failed;
    free(one.range);
    return found;
}

void ak_check_orders_free(struct ak_check_orders *orders)
{
    if (orders == NULL)
        return;
    for (size_t i = 0; i < orders->count; i++)
        free(orders->kept[i].payload);
    free(orders->kept);
    free(orders->asserted.range);
    free(orders->accepted.range);
    free(orders->valid.range);
    free(orders);
}
