/* authority.c - whose orders count: keys in force, numbers, holds (docs/format.md R38 to R41).
 *
 * The happy path of an order is: it follows the last one without a hole, its note is of this log,
 * its number is new, enough of the keys in force have signed it, and nothing that it erases is
 * held. Whatever fails makes it an order that counts for nothing; the state then stays as it was.
 */
#include "order_entry.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* Keys that are accepted: those given, and those that accepted orders put in force. More changes of
 * authority than this are not followed: their keys must be given. */
#define ACCEPTED_MAX 4096u

struct ak_authority {
    char origin[AK_LOG_ORIGIN_BYTES_MAX + 1];
    ak_authority_own_fn is_own; /* or NULL */
    void *own_ctx;
    struct ak_vkey *accepted;
    size_t accepted_count;

    uint64_t next_seq; /* of source 5 */
    bool hole;         /* an order before is not here, or not proven */
    bool declared;
    struct ak_vkey key[AK_ORDER_KEYS_MAX]; /* in force */
    unsigned key_count;
    unsigned quorum;             /* 0: none in force */
    uint64_t number;             /* of the newest valid order */
    struct ak_order_range *held; /* disjoint, rising */
    size_t held_count;
    json_t *object; /* of the order taken last: what was given out borrows from it */
};

static bool add_accepted(struct ak_authority *a, const struct ak_vkey *keys, size_t count)
{
    struct ak_vkey *more;

    if (count == 0 || a->accepted_count + count > ACCEPTED_MAX)
        return true;
    more = reallocarray(a->accepted, a->accepted_count + count, sizeof(*more));
    if (more == NULL)
        return false;
    a->accepted = more;
    memcpy(more + a->accepted_count, keys, count * sizeof(*keys));
    a->accepted_count += count;
    return true;
}

struct ak_authority *ak_authority_new(const char *origin, const struct ak_vkey *accepted,
                                      size_t accepted_count)
{
    struct ak_authority *a = calloc(1, sizeof(*a));
    size_t len = strlen(origin);

    assert(len <= AK_LOG_ORIGIN_BYTES_MAX);
    if (a == NULL)
        return NULL;
    memcpy(a->origin, origin, len + 1);
    if (add_accepted(a, accepted, accepted_count))
        return a;
    ak_authority_free(a);
    return NULL;
}

void ak_authority_own(struct ak_authority *a, ak_authority_own_fn is_own, void *ctx)
{
    a->is_own = is_own;
    a->own_ctx = ctx;
}

void ak_authority_free(struct ak_authority *a)
{
    if (a == NULL)
        return;
    json_decref(a->object);
    free(a->accepted);
    free(a->held);
    free(a);
}

static bool same_key(const struct ak_vkey *a, const struct ak_vkey *b)
{
    return strcmp(a->name, b->name) == 0 && memcmp(a->key, b->key, sizeof(a->key)) == 0;
}

enum ak_code ak_authority_key_check(const struct ak_authority *a, const struct ak_vkey *key,
                                    struct ak_error *err)
{
    size_t len = strlen(a->origin);

    if (strncmp(key->name, a->origin, len) == 0 &&
        (key->name[len] == '\0' || key->name[len] == '/'))
        return ak_fail(err, AK_EUSAGE, "key %s has a name that is the log's own", key->name);
    if (a->is_own != NULL && a->is_own(a->own_ctx, key->key))
        return ak_fail(err, AK_EUSAGE, "key %s is a key of the log itself, under another name",
                       key->name);
    return AK_OK;
}

static enum ak_code check_keys(const struct ak_authority *a, const struct ak_order *order,
                               struct ak_error *err)
{
    for (unsigned i = 0; i < order->key_count; i++) {
        enum ak_code rc = ak_authority_key_check(a, &order->key[i], err);
        if (rc != AK_OK)
            return rc;
    }
    return AK_OK;
}

/* The first held index of [first, last]; false if none is. */
static bool is_held(const struct ak_authority *a, const struct ak_order_range *range,
                    uint64_t *index)
{
    for (size_t i = 0; i < a->held_count; i++) {
        if (a->held[i].first <= range->last && range->first <= a->held[i].last) {
            *index = a->held[i].first > range->first ? a->held[i].first : range->first;
            return true;
        }
    }
    return false;
}

/* (5): what would be erased is there already, and not held. */
static enum ak_code check_removal(const struct ak_authority *a, const struct ak_order *order,
                                  uint64_t index, struct ak_error *err)
{
    uint64_t held;

    for (unsigned i = 0; i < order->range_count; i++) {
        if (order->range[i].last >= index)
            return ak_fail(err, AK_EUSAGE,
                           "it reaches to entry %" PRIu64 ", which is not before it",
                           order->range[i].last);
        if (is_held(a, &order->range[i], &held))
            return ak_fail(err, AK_EUSAGE, "entry %" PRIu64 " is held", held);
    }
    return AK_OK;
}

static bool is_accepted(const struct ak_authority *a, const struct ak_vkey *key)
{
    for (size_t i = 0; i < a->accepted_count; i++) {
        if (same_key(&a->accepted[i], key))
            return true;
    }
    return false;
}

/* (4): who has signed. */
static enum ak_code check_signatures(const struct ak_authority *a, const struct ak_note *note,
                                     struct ak_order_worth *worth)
{
    bool verified[AK_ORDER_KEYS_MAX];
    enum ak_code rc = ak_note_verify(note, a->key, a->key_count, verified, &worth->why);

    if (rc == AK_EKEY)
        return ak_fail(&worth->why, rc, "none of the %u keys in force has signed it, %u must",
                       a->key_count, a->quorum);
    if (rc != AK_OK)
        return rc;
    for (unsigned i = 0; i < a->key_count; i++) {
        worth->signers += verified[i];
        worth->signers_known += verified[i] && is_accepted(a, &a->key[i]);
    }
    if (worth->signers < a->quorum)
        return ak_fail(&worth->why, AK_EKEY, "%u of the keys in force have signed it, %u must",
                       worth->signers, a->quorum);
    return AK_OK;
}

/* R39 of an order with a note, all but (1). */
static enum ak_code judge(const struct ak_authority *a, uint64_t index,
                          const struct ak_order *order, const struct ak_note *note,
                          struct ak_order_worth *worth)
{
    enum ak_code rc = AK_OK;

    if (strcmp(order->origin, a->origin) != 0)
        return ak_fail(&worth->why, AK_EKEY, "it is an order for another log");
    if (a->quorum == 0)
        return ak_fail(&worth->why, AK_EKEY,
                       "the log had declared no authority keys when it was given");
    if (order->number <= a->number)
        return ak_fail(&worth->why, AK_EKEY,
                       "its number %" PRIu64 " is not above that of an order before it, %" PRIu64,
                       order->number, a->number);
    rc = check_signatures(a, note, worth);
    if (rc == AK_OK && (order->action == AK_ORDER_ERASE || order->action == AK_ORDER_EXPIRE))
        rc = check_removal(a, order, index, &worth->why);
    if (rc == AK_OK && order->action == AK_ORDER_AUTHORITY)
        rc = check_keys(a, order, &worth->why);
    return rc;
}

/* ---- what a valid order changes */

static void put_in_force(struct ak_authority *a, const struct ak_order *order)
{
    memcpy(a->key, order->key, order->key_count * sizeof(order->key[0]));
    a->key_count = order->key_count;
    a->quorum = order->quorum;
}

static enum ak_code hold(struct ak_authority *a, const struct ak_order *order, struct ak_error *err)
{
    size_t count = a->held_count + order->range_count;
    struct ak_order_range *more;

    if (count > AK_AUTHORITY_HOLDS_MAX)
        return ak_fail(err, AK_ELIMIT, "more than %u stretches of entries are held",
                       AK_AUTHORITY_HOLDS_MAX);
    more = reallocarray(a->held, count, sizeof(*more));
    if (more == NULL)
        return ak_fail(err, AK_ENOMEM, "no memory for what is held");
    a->held = more;
    memcpy(more + a->held_count, order->range, order->range_count * sizeof(order->range[0]));
    a->held_count = ak_order_ranges_join(more, (unsigned)count);
    return AK_OK;
}

/* Takes `cut` out of what is held; one stretch may become two. */
static enum ak_code release_one(struct ak_authority *a, const struct ak_order_range *cut,
                                struct ak_error *err)
{
    struct ak_order_range *left = reallocarray(NULL, a->held_count + 1, sizeof(*left));
    size_t n = 0;

    if (left == NULL)
        return ak_fail(err, AK_ENOMEM, "no memory for what is held");
    for (size_t i = 0; i < a->held_count; i++) {
        struct ak_order_range held = a->held[i];
        if (held.last < cut->first || held.first > cut->last) {
            left[n++] = held;
            continue;
        }
        if (held.first < cut->first)
            left[n++] = (struct ak_order_range){held.first, cut->first - 1};
        if (held.last > cut->last)
            left[n++] = (struct ak_order_range){cut->last + 1, held.last};
    }
    free(a->held);
    a->held = left;
    a->held_count = n;
    return n <= AK_AUTHORITY_HOLDS_MAX
               ? AK_OK
               : ak_fail(err, AK_ELIMIT, "more than %u stretches of entries are held",
                         AK_AUTHORITY_HOLDS_MAX);
}

static enum ak_code carry_out(struct ak_authority *a, const struct ak_order_worth *worth,
                              struct ak_error *err)
{
    const struct ak_order *order = &worth->order;
    enum ak_code rc = AK_OK;

    a->number = order->number;
    if (order->action == AK_ORDER_AUTHORITY) {
        put_in_force(a, order);
        if (worth->accepted && !add_accepted(a, order->key, order->key_count))
            rc = ak_fail(err, AK_ENOMEM, "no memory for keys");
    } else if (order->action == AK_ORDER_HOLD) {
        rc = hold(a, order, err);
    } else if (order->action == AK_ORDER_RELEASE) {
        for (unsigned i = 0; rc == AK_OK && i < order->range_count; i++)
            rc = release_one(a, &order->range[i], err);
    }
    return rc;
}

/* An order without a note: the first good one of action authority declares. */
static void declare(struct ak_authority *a, const struct ak_order *order,
                    struct ak_order_worth *worth)
{
    if (order->action != AK_ORDER_AUTHORITY || order->key_count == 0) {
        (void)ak_fail(&worth->why, AK_EKEY,
                      "no authority key has signed it: it is the collector's own assertion");
    } else if (a->declared) {
        (void)ak_fail(&worth->why, AK_EKEY,
                      "the authority keys were declared before, and only an order signed by them "
                      "changes them");
    } else if (a->hole) {
        (void)ak_fail(&worth->why, AK_EKEY, "orders before it are not here, or not proven");
    } else if (check_keys(a, order, &worth->why) == AK_OK) {
        a->declared = true;
        worth->declares = true;
        put_in_force(a, order);
    }
}

static void fill(const struct ak_authority *a, const struct ak_order_entry *entry, uint64_t index,
                 struct ak_order_worth *worth)
{
    worth->order = entry->order;
    worth->noted = true;
    worth->valid = judge(a, index, &entry->order, &entry->note, worth) == AK_OK;
    worth->accepted = worth->valid && worth->signers_known >= a->quorum;
}

static void begin(const struct ak_authority *a, struct ak_order_worth *worth)
{
    memset(worth, 0, sizeof(*worth));
    worth->quorum = a->quorum;
}

enum ak_code ak_authority_take(struct ak_authority *a, uint64_t index, uint64_t seq,
                               const void *payload, size_t len, struct ak_order_worth *worth,
                               struct ak_error *err)
{
    struct ak_order_entry *entry;
    enum ak_code rc;

    begin(a, worth);
    if (seq != a->next_seq)
        a->hole = true;
    a->next_seq = seq + 1;
    json_decref(a->object);
    a->object = NULL;
    rc = ak_json_parse(payload, len, &a->object, err);
    if (rc != AK_OK)
        return rc;
    entry = malloc(sizeof(*entry));
    if (entry == NULL)
        return ak_fail(err, AK_ENOMEM, "no memory to read an order");
    rc = ak_order_entry_read(entry, a->object, err);
    if (rc == AK_OK) {
        worth->action = entry->order.action;
        if (!entry->noted) {
            declare(a, &entry->order, worth);
        } else if (a->hole) {
            worth->order = entry->order;
            worth->noted = true;
            (void)ak_fail(&worth->why, AK_EKEY, "orders before it are not here, or not proven");
        } else {
            fill(a, entry, index, worth);
            if (worth->valid)
                rc = carry_out(a, worth, err);
        }
    }
    free(entry);
    return rc;
}

enum ak_code ak_authority_ask(const struct ak_authority *a, uint64_t index, const void *note,
                              size_t len, struct ak_order_worth *worth, struct ak_error *err)
{
    struct ak_order_entry *entry = calloc(1, sizeof(*entry));
    enum ak_code rc;

    begin(a, worth);
    if (entry == NULL)
        return ak_fail(err, AK_ENOMEM, "no memory to read an order");
    rc = ak_order_parse(&entry->order, &entry->note, note, len, err);
    if (rc == AK_OK) {
        worth->action = entry->order.action;
        fill(a, entry, index, worth);
        if (worth->valid && a->hole) {
            worth->valid = worth->accepted = false;
            (void)ak_fail(&worth->why, AK_EKEY, "orders before it are not here, or not proven");
        }
    }
    free(entry);
    return rc;
}

unsigned ak_authority_keys(const struct ak_authority *a, const struct ak_vkey **keys,
                           unsigned *quorum)
{
    *keys = a->key;
    *quorum = a->quorum;
    return a->quorum == 0 ? 0 : a->key_count;
}

uint64_t ak_authority_number(const struct ak_authority *a)
{
    return a->number;
}

size_t ak_authority_holds(const struct ak_authority *a, const struct ak_order_range **held)
{
    *held = a->held;
    return a->held_count;
}
