/* bundle_removed.c - entries whose payload is not in the log any more, and what the orders that are
 * shown say of it (docs/format.md 7, R33; 10.5, R38 to R41).
 *
 * An order stands behind what it speaks of, so when it is met the stretches it covers are known. It
 * covers them; it is accepted for them if it is one of keys that the reader accepts. */
#include "bundle_private.h"

#include <akashi/order.h>

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

struct covering {
    struct ak_bundle_judgement *j;
    uint64_t index; /* of the order */
    uint8_t state;
    bool accepted;
};

static bool done(const struct covering *c, const struct ak_bundle_stretch *s)
{
    return c->accepted ? s->accepted : s->covered;
}

/* Divides stretch `i` at `at`, which becomes the first index of its second part. */
static bool divide(struct ak_bundle_judgement *j, size_t i, uint64_t at)
{
    if (j->removed_count == AK_BUNDLE_LISTED_MAX)
        return false;
    memmove(&j->removed[i + 1], &j->removed[i], (j->removed_count - i) * sizeof(*j->removed));
    j->removed_count++;
    j->removed[i].last = at - 1;
    j->removed[i + 1].first = at;
    return true;
}

static void on_range(void *ctx, uint64_t first, uint64_t last)
{
    struct covering *c = ctx;
    struct ak_bundle_judgement *j = c->j;

    if (last >= c->index) /* it speaks of what stands before it */
        last = c->index - 1;
    for (size_t i = 0; i < j->removed_count && first <= last; i++) {
        struct ak_bundle_stretch *s = &j->removed[i];
        if (done(c, s) || s->number != c->state || s->last < first || s->first > last)
            continue;
        if (s->first < first) {
            if (!divide(j, i, first)) {
                j->removed_left_off++;
                return;
            }
            continue; /* its second part is next */
        }
        if (s->last > last && !divide(j, i, last + 1)) {
            j->removed_left_off++;
            return;
        }
        j->removed[i].covered = true;
        j->removed[i].accepted = j->removed[i].accepted || c->accepted;
    }
}

/* R38: neither the log key nor that of an epoch that is known is an authority. */
static bool is_own(void *ctx, const uint8_t key[AK_ED25519_KEY_BYTES])
{
    const struct ak_bundle_judgement *j = ctx;

    return memcmp(j->result->key.key, key, AK_ED25519_KEY_BYTES) == 0 ||
           (j->epochs.known && memcmp(j->epochs.note.key.key, key, AK_ED25519_KEY_BYTES) == 0);
}

static enum ak_code take(struct ak_bundle_judgement *j, uint64_t index, uint64_t seq,
                         const void *payload, size_t len, struct ak_order_worth *worth,
                         struct ak_error *err)
{
    const struct ak_bundle_input *in = j->input;

    if (j->authority == NULL) {
        j->authority = ak_authority_new(j->result->key.name, in->authorities, in->authority_count);
        if (j->authority == NULL)
            return ak_fail(err, AK_ENOMEM, "no memory to judge an order");
        ak_authority_own(j->authority, is_own, j);
    }
    return ak_authority_take(j->authority, index, seq, payload, len, worth, err);
}

enum ak_code ak_bundle_removed_order(struct ak_bundle_judgement *j, uint64_t index, uint64_t seq,
                                     const void *payload, size_t len, struct ak_error *err)
{
    struct ak_order_worth *worth = calloc(1, sizeof(*worth));
    struct covering c = {.j = j, .index = index};
    enum ak_order_action action;
    enum ak_code rc = worth == NULL ? ak_fail(err, AK_ENOMEM, "no memory to judge an order")
                                    : take(j, index, seq, payload, len, worth, err);

    if (rc == AK_ELIMIT || rc == AK_EMALFORMED) /* the form was told (R18); no more is followed */
        rc = AK_OK;
    else if (rc == AK_OK)
        c.accepted = worth->valid && worth->accepted;
    free(worth);
    if (rc != AK_OK || !ak_order_entry_ranges(payload, len, &action, NULL, NULL) ||
        (action != AK_ORDER_ERASE && action != AK_ORDER_EXPIRE))
        return rc;
    c.state = action == AK_ORDER_EXPIRE ? AK_STATE_EXPIRED : AK_STATE_ERASED;
    (void)ak_order_entry_ranges(payload, len, &action, on_range, &c);
    return AK_OK;
}

void ak_bundle_removed_claim(struct ak_bundle_judgement *j, struct ak_claim *claim)
{
    if (j->removed_left_off > 0)
        ak_claim_fail(claim, AK_FINDING_LIMIT, "",
                      "entries are gone from the log in more than %u places: this program does not "
                      "follow them all",
                      AK_BUNDLE_LISTED_MAX);
    for (size_t i = 0; i < j->removed_count; i++) {
        const struct ak_bundle_stretch *s = &j->removed[i];
        const char *how = s->number == AK_STATE_ERASED ? "erased" : "expired";
        if (!s->covered)
            ak_claim_fail(claim, AK_FINDING_MISSING, "R33",
                          "the texts of entries %" PRIu64 " to %" PRIu64
                          " are said to be gone from the log (%s), and no order that says so is "
                          "shown",
                          s->first, s->last, how);
        else if (!s->accepted)
            ak_claim_fail(
                claim, AK_FINDING_ERASED_UNAUTHORISED, "R33",
                "the texts of entries %" PRIu64 " to %" PRIu64
                " are gone from the log (%s) by an order that is shown, %s",
                s->first, s->last, how,
                j->input->authority_count == 0
                    ? "and no authority key was given with --authority"
                    : "but not enough of the authority keys that you gave have signed it");
    }
}
