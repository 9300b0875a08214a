/* check_orders.c - the orders of a log, and what each is worth (docs/format.md 10.5, R38 to R42).
 *
 * Payloads of kind 5 are kept while the log is read. When it is known which entries are proven, the
 * proven ones are judged in their order, and sets of entries come out (ordered.h). */
#include "check_private.h"

#include <akashi/log_reader.h>
#include <akashi/order.h>

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Bytes of all orders that are kept; what is beyond is LIMIT, as beyond AK_ORDERED_ORDERS_MAX. */
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
    struct ak_ordered ordered;
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
    if (orders->ordered.full || orders->count == AK_ORDERED_ORDERS_MAX ||
        payload->len > ORDER_BYTES_MAX - orders->bytes) {
        orders->ordered.full = true;
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

const struct ak_ordered *ak_check_ordered(const struct ak_check_state *state)
{
    static const struct ak_ordered none;

    return state->orders != NULL ? &state->orders->ordered : &none;
}

bool ak_check_erased_by_order(const struct ak_check_state *state, uint64_t begin, uint64_t end)
{
    uint64_t next;
    uint64_t order;

    return begin < end &&
           (ak_ordered_to(&ak_check_ordered(state)->valid, false, begin, &next, &order) > begin ||
            next < end);
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

static enum ak_code judge(struct ak_check_state *state, struct ak_authority *authority,
                          struct ak_order_worth *worth, const struct kept *kept,
                          struct ak_error *err)
{
    enum ak_code rc = ak_ordered_take(&state->orders->ordered, authority, kept->index, kept->seq,
                                      kept->payload, kept->len, worth, err);

    if (rc == AK_ELIMIT || rc == AK_EMALFORMED) /* told at the end; told when it was met (R18) */
        return AK_OK;
    if (rc != AK_OK)
        return rc;
    if (worth->accepted)
        ak_check_succession_order(state, &worth->order);
    if (!worth->valid && !worth->declares)
        tell_not_valid(state, kept, worth);
    return AK_OK;
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
    const struct ak_ordered_set *valid = &state->orders->ordered.valid;
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
    ak_ordered_close(&orders->ordered);
    if (orders->ordered.full) {
        finding = ak_finding_make(AK_FINDING_LIMIT, "R33", AK_ORDERED_FULL_TEXT);
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
    struct ak_ordered_set one = {0};
    const struct kept *kept;
    bool full = false;
    bool found;

    if (!ak_check_proven(state->log, index) || (orders != NULL && orders->ordered.full))
        return true;
    kept = find_kept(orders, index);
    if (kept == NULL)
        return false;
    found = !ak_ordered_add(&one, index, kept->payload, kept->len, &full) || full;
    for (size_t k = 0; k < one.count; k++)
        found = found || (one.range[k].begin < end && begin < one.range[k].end);
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
    ak_ordered_free(&orders->ordered);
    free(orders);
}
