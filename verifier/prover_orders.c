/* prover_orders.c - which entries the proven orders of a log take out (docs/format.md R33, R39).
 *
 * FOOTERs tell where orders stand, and each is proven like any entry. What an order is worth rests
 * on those before it alone, and one of these that a false hint hides leaves a hole in their
 * numbers: behind that no order is valid. */
#include "prover_private.h"

#include <stdlib.h>
#include <string.h>

struct listed {
    uint64_t *index; /* rising */
    size_t count;
    size_t room;
    bool full;
};

static enum ak_code on_order(void *ctx, const struct ak_log_tree_entry *entry, struct ak_error *err)
{
    struct listed *listed = ctx;

    if (listed->count == AK_ORDERED_ORDERS_MAX) {
        listed->full = true;
        return AK_OK;
    }
    if (listed->count == listed->room) {
        size_t room = listed->room == 0 ? 16 : listed->room * 2;
        uint64_t *more = reallocarray(listed->index, room, sizeof(*more));
        if (more == NULL)
            return ak_fail(err, AK_ENOMEM, "no memory for orders");
        listed->index = more;
        listed->room = room;
    }
    listed->index[listed->count++] = entry->index;
    return AK_OK;
}

/* R38: neither the log key nor that of an epoch is an authority. */
static bool is_own(void *ctx, const uint8_t key[AK_ED25519_KEY_BYTES])
{
    const struct ak_prover *prover = ctx;

    if (memcmp(prover->key->key, key, AK_ED25519_KEY_BYTES) == 0)
        return true;
    for (size_t i = 0; i < prover->epoch_count; i++) {
        if (memcmp(prover->epoch[i].parsed.key.key, key, AK_ED25519_KEY_BYTES) == 0)
            return true;
    }
    return false;
}

static enum ak_code take(struct ak_prover *prover, struct ak_authority *authority, uint64_t index,
                         struct ak_order_worth *worth, struct ak_ordered *ordered,
                         struct ak_error *err)
{
    struct ak_log_tree_entry entry;
    struct ak_error why = {0};
    bool proven;
    enum ak_code rc = ak_prover_entry(prover, index, &entry, &proven, &why);

    if (rc == AK_OK && proven && entry.entry.kind == AK_KIND_ORDER &&
        entry.state == AK_STATE_PRESENT)
        rc = ak_ordered_take(ordered, authority, index, entry.entry.source_seq, entry.payload,
                             entry.len, worth, &why);
    return rc == AK_ENOMEM ? ak_fail(err, rc, "%s", why.text) : AK_OK;
}

enum ak_code ak_prover_orders(struct ak_prover *prover, const struct ak_vkey *accepted,
                              size_t count, struct ak_ordered *ordered, struct ak_error *err)
{
    struct listed listed = {0};
    struct ak_order_worth *worth = malloc(sizeof(*worth));
    struct ak_authority *authority = NULL;
    enum ak_code rc = AK_OK;

    memset(ordered, 0, sizeof(*ordered));
    if (prover->key != NULL)
        authority = ak_authority_new(prover->key->name, accepted, count);
    if (worth == NULL || (authority == NULL && prover->key != NULL))
        rc = ak_fail(err, AK_ENOMEM, "no memory for orders");
    if (rc == AK_OK && authority != NULL) {
        ak_authority_own(authority, is_own, prover);
        rc = ak_log_tree_each(prover->tree, 1u << AK_KIND_ORDER, on_order, &listed, err);
    }
    for (size_t i = 0; rc == AK_OK && i < listed.count; i++)
        rc = take(prover, authority, listed.index[i], worth, ordered, err);
    ordered->full = ordered->full || listed.full;
    ak_ordered_close(ordered);
    ak_authority_free(authority);
    free(worth);
    free(listed.index);
    return rc;
}
