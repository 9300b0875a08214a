/* ordered.h - which entries the orders of a log take out, and whose orders these are
 * (docs/format.md R33, R39, R41): what every reader goes by that meets a payload which is not
 * there.
 *
 * The proven orders of a log are taken in their order; then the sets are closed, and asked of
 * stretches of entries. One thread at a time. */
#ifndef AK_ORDERED_H
#define AK_ORDERED_H

#include <akashi/error.h>
#include <akashi/order.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Orders of one log that are judged; what is beyond is LIMIT: whether it was ordered is not known.
 * 65,536 orders are more than a log sees in its life. */
#define AK_ORDERED_ORDERS_MAX 65536u

/* Ranges of one set; more is LIMIT. */
#define AK_ORDERED_RANGES_MAX 1048576u

/* Entries [begin, end) that an order takes out. */
struct ak_ordered_range {
    uint64_t begin;
    uint64_t end;
    uint64_t order; /* index of the newest order that says so */
    bool expiry;    /* of action expire, else erase */
};

/* A set of entries: by action and begin, and disjoint once it is closed. */
struct ak_ordered_set {
    struct ak_ordered_range *range;
    size_t count;
};

/* What the orders of one log come to. Begins as zeros. */
struct ak_ordered {
    struct ak_ordered_set asserted; /* by any proven order, whatever it is worth */
    struct ak_ordered_set accepted; /* by accepted ones (R41) */
    struct ak_ordered_set valid;    /* by valid ones (R39), erasures only */
    bool full; /* a bound was met: not all orders were judged, and that is LIMIT */
};

/* Which order took a payload out: the first of these that is true (R33). */
enum ak_ordered_by { AK_ORDERED_ACCEPTED, AK_ORDERED_ASSERTED, AK_ORDERED_NOT };

/* The text of LIMIT where `full` is set. */
#define AK_ORDERED_FULL_TEXT "more orders than this program takes; the rest was not judged."

/* Takes the next proven order, as ak_authority_take does. AK_OK, and `*worth`; AK_ELIMIT, with
 * `full` set, past what `authority` follows; AK_EMALFORMED for a payload of another form, which
 * asserts what can be read of it all the same; AK_ENOMEM. */
enum ak_code ak_ordered_take(struct ak_ordered *ordered, struct ak_authority *authority,
                             uint64_t index, uint64_t seq, const void *payload, size_t len,
                             struct ak_order_worth *worth, struct ak_error *err);

/* Puts what the order in entry `index` takes out into a set; nothing if it is of another action. An
 * order speaks of what stands before it. `*full` is set past the bound. False without memory. */
bool ak_ordered_add(struct ak_ordered_set *set, uint64_t index, const void *payload, size_t len,
                    bool *full);

/* All is taken: the ranges of each set become disjoint. */
void ak_ordered_close(struct ak_ordered *ordered);

/* The end of what a closed set has from `at` on without a hole, `at` if nothing; where the next of
 * its ranges begins (UINT64_MAX: nowhere), and the index of the newest order behind it. */
uint64_t ak_ordered_to(const struct ak_ordered_set *set, bool expiry, uint64_t at, uint64_t *next,
                       uint64_t *order);

/* Which order took the payload of entry `begin` out, for the longest stretch [begin, *to) within
 * [begin, end) of which the same is true; `*order` is the newest order behind it, if one is. */
enum ak_ordered_by ak_ordered_ask(const struct ak_ordered *ordered, bool expiry, uint64_t begin,
                                  uint64_t end, uint64_t *to, uint64_t *order);

/* The texts of ERASED, for `count` payloads, and of ERASED_UNAUTHORISED, by the newest order that
 * says so and how many authority keys were given; into `text` of AK_FINDING_TEXT_BYTES. */
void ak_ordered_text_erased(char *text, uint64_t count);
void ak_ordered_text_unauthorised(char *text, bool expiry, uint64_t order, size_t authority_count);

/* Frees what is inside; zeros are left. */
void ak_ordered_free(struct ak_ordered *ordered);

#endif
