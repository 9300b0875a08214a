/* bundle_stretch.c - lists of stretches of entries that are blacked out or gone, and what orders
 * cover of them. */
#include "bundle_private.h"

#include <akashi/order.h>

#include <stdlib.h>
#include <string.h>

bool ak_bundle_stretch_add(struct ak_bundle_stretch **list, size_t *count, uint64_t index,
                           uint32_t number, bool parts)
{
    struct ak_bundle_stretch *last = *count == 0 ? NULL : &(*list)[*count - 1];

    if (last != NULL && last->number == number && last->parts == parts && last->last + 1 == index &&
        !last->covered) {
        last->last = index;
        return true;
    }
    if (*count == AK_BUNDLE_LISTED_MAX)
        return false;
    if (*list == NULL)
        *list = calloc(AK_BUNDLE_LISTED_MAX, sizeof(**list));
    if (*list == NULL)
        return false;
    (*list)[*count] =
        (struct ak_bundle_stretch){.first = index, .last = index, .number = number, .parts = parts};
    (*count)++;
    return true;
}

struct covering {
    struct ak_bundle_judgement *j;
    uint64_t index; /* of the order */
    uint8_t state;
};

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

    for (size_t i = 0; i < j->removed_count; i++) {
        struct ak_bundle_stretch *s = &j->removed[i];
        if (s->covered || s->number != c->state || s->last < first || s->first > last ||
            s->first >= c->index)
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
    }
}

void ak_bundle_removed_order(struct ak_bundle_judgement *j, uint64_t index, const void *payload,
                             size_t len)
{
    struct covering c = {.j = j, .index = index};
    enum ak_order_action action;

    if (!ak_order_entry_ranges(payload, len, &action, NULL, NULL) ||
        (action != AK_ORDER_ERASE && action != AK_ORDER_EXPIRE))
        return;
    c.state = action == AK_ORDER_EXPIRE ? AK_STATE_EXPIRED : AK_STATE_ERASED;
    (void)ak_order_entry_ranges(payload, len, &action, on_range, &c);
}
