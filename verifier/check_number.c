/* check_number.c - one position for each ordinal, and a Merkle tree over them that is kept up to
 * date: only what changed since the last state entry is hashed again.
 *
 * A source that was not seen since a break has no position; its next number is taken as it is. */
#include "check_number.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ORDINALS_MAX (AK_SOURCE_FIRST + AK_DECLARED_MAX)
#define LEVELS       21u /* 2^20 + 256 leaves */
#define LEAF_BYTES   26u

struct position {
    uint64_t next_seq;
    uint64_t last_index;
    uint64_t last_received;
    uint64_t declared;
    uint32_t era; /* of the last break before it was seen */
    bool dirty;   /* its leaf is not up to date */
};

struct ak_number {
    ak_number_fault_fn on_fault;
    void *ctx;
    struct position *position;
    uint32_t count; /* of `position` */
    uint32_t cap;
    uint32_t era; /* breaks so far */
    bool whole;   /* no break: everything from index 0 on was seen */
    bool clock_known;
    bool clock_rose;
    uint16_t clock_run;
    uint64_t received;
    uint32_t *dirty; /* ordinals whose leaves are not up to date */
    uint32_t dirty_count;
    uint32_t dirty_cap;
    struct ak_hash *level[LEVELS];
    uint32_t level_cap;
};

struct ak_number *ak_number_new(uint64_t first, ak_number_fault_fn on_fault, void *ctx)
{
    struct ak_number *number = calloc(1, sizeof(*number));

    if (number == NULL)
        return NULL;
    number->on_fault = on_fault;
    number->ctx = ctx;
    number->whole = first == 0;
    number->era = 1;
    return number;
}

void ak_number_free(struct ak_number *number)
{
    if (number == NULL)
        return;
    for (unsigned l = 0; l < LEVELS; l++)
        free(number->level[l]);
    free(number->dirty);
    free(number->position);
    free(number);
}

void ak_number_break(struct ak_number *number)
{
    number->era++;
    number->whole = false;
    number->clock_known = false;
    number->dirty_count = 0;
}

static void fault(struct ak_number *number, const char *rule, uint64_t index, uint32_t source,
                  const char *fmt, ...) __attribute__((format(printf, 5, 6)));

static void fault(struct ak_number *number, const char *rule, uint64_t index, uint32_t source,
                  const char *fmt, ...)
{
    struct ak_number_fault f = {.rule = rule, .index = index, .source = source};
    va_list args;

    va_start(args, fmt);
    (void)vsnprintf(f.text, sizeof(f.text), fmt, args);
    va_end(args);
    number->on_fault(number->ctx, &f);
}

static enum ak_code reserve(struct ak_number *number, uint32_t count, struct ak_error *err)
{
    uint32_t cap = number->cap == 0 ? 1024 : number->cap;
    struct position *more;

    while (cap < count)
        cap *= 2;
    if (cap != number->cap) {
        more = reallocarray(number->position, cap, sizeof(*more));
        if (more == NULL)
            return ak_fail(err, AK_ENOMEM, "no memory for the positions of sources");
        number->position = more;
        number->cap = cap;
    }
    if (count > number->count) {
        memset(number->position + number->count, 0,
               (count - number->count) * sizeof(*number->position));
        number->count = count;
    }
    return AK_OK;
}

static bool touch(struct ak_number *number, uint32_t ordinal)
{
    if (!number->whole || number->position[ordinal].dirty)
        return true;
    if (number->dirty_count == number->dirty_cap) {
        uint32_t cap = number->dirty_cap == 0 ? 1024 : number->dirty_cap * 2;
        uint32_t *more = reallocarray(number->dirty, cap, sizeof(*more));
        if (more == NULL)
            return false;
        number->dirty = more;
        number->dirty_cap = cap;
    }
    number->dirty[number->dirty_count++] = ordinal;
    number->position[ordinal].dirty = true;
    return true;
}

/* Declared sources so far; before the first entry there is no table yet. */
static uint64_t declared_now(const struct ak_number *number)
{
    return number->count > AK_KIND_SOURCE ? number->position[AK_KIND_SOURCE].next_seq : 0;
}

/* R1: own kinds count under their kind, records under a source that was declared before. */
static bool check_source(struct ak_number *number, uint64_t index, const struct ak_columns_run *run)
{
    if (!ak_kind_received(run->kind))
        return true;
    if (run->source < AK_SOURCE_FIRST) {
        fault(number, "R1", index, run->source,
              "a record has source %" PRIu32 ", which is the log's own", run->source);
        return false;
    }
    if (run->source >= ORDINALS_MAX) {
        fault(number, "R1", index, run->source,
              "source %" PRIu32 " is beyond the number of sources that a log may declare",
              run->source);
        return false;
    }
    if (number->whole && run->source - AK_SOURCE_FIRST >= declared_now(number)) {
        fault(number, "R1", index, run->source,
              "source %" PRIu32 " was not declared before its first entry", run->source);
        return true;
    }
    return true;
}

static void check_clock(struct ak_number *number, uint64_t index, const struct ak_columns_run *run)
{
    uint32_t source = run->source;

    number->clock_rose = false;
    if (index == 0 && run->clock_run != 0)
        fault(number, "R5", index, source, "the first entry has clock_run %u", run->clock_run);
    if (number->clock_known) {
        uint32_t rise = (uint32_t)run->clock_run - number->clock_run;
        if (run->clock_run < number->clock_run || rise > 1)
            fault(number, "R5", index, source, "clock_run goes from %u to %u", number->clock_run,
                  run->clock_run);
        else if (rise == 0 && run->received < number->received)
            fault(number, "R5", index, source, "the time falls while clock_run stays at %u",
                  run->clock_run);
        else if (rise == 1 && run->received >= number->received)
            fault(number, "R5", index, source, "clock_run rises to %u, but the time does not fall",
                  run->clock_run);
        number->clock_rose = rise == 1;
    }
    number->clock_known = true;
    number->clock_run = run->clock_run;
    number->received = run->received;
}

enum ak_code ak_number_run(struct ak_number *number, uint64_t index,
                           const struct ak_columns_run *run, struct ak_error *err)
{
    struct position *position;
    enum ak_code rc;

    check_clock(number, index, run);
    if (!check_source(number, index, run))
        return AK_OK;
    rc = reserve(number, run->source < AK_SOURCE_FIRST ? AK_SOURCE_FIRST : run->source + 1, err);
    if (rc != AK_OK)
        return rc;
    position = &number->position[run->source];
    if ((number->whole || position->era == number->era) && run->seq != position->next_seq)
        fault(number, "R2", index, run->source,
              "source %" PRIu32 " goes on with number %" PRIu64 " where %" PRIu64 " was due",
              run->source, run->seq, position->next_seq);
    position->era = number->era;
    position->next_seq = run->seq + run->count;
    position->last_index = index + run->count - 1;
    position->last_received = run->received;
    if (!touch(number, run->source))
        return ak_fail(err, AK_ENOMEM, "no memory for the positions of sources");
    if (run->kind == AK_KIND_SOURCE) {
        if (run->seq + run->count > AK_DECLARED_MAX)
            return ak_fail(err, AK_ELIMIT, "the log declares more than %u sources",
                           AK_DECLARED_MAX);
        rc = reserve(number, AK_SOURCE_FIRST + (uint32_t)(run->seq + run->count), err);
        for (uint32_t i = 0; rc == AK_OK && i < run->count; i++) {
            uint32_t ordinal = AK_SOURCE_FIRST + (uint32_t)run->seq + i;
            number->position[ordinal].declared = index + i;
            if (!touch(number, ordinal))
                rc = ak_fail(err, AK_ENOMEM, "no memory for the positions of sources");
        }
    }
    return rc;
}

static void put(uint8_t *p, uint64_t value, unsigned bytes)
{
    for (unsigned i = 0; i < bytes; i++)
        p[i] = (uint8_t)(value >> (8 * (bytes - 1 - i)));
}

static void leaf_hash(const struct ak_number *number, uint32_t ordinal, struct ak_hash *out)
{
    const struct position *position = &number->position[ordinal];
    uint8_t leaf[LEAF_BYTES];
    bool any = position->next_seq > 0;

    put(leaf, ordinal, 4);
    put(leaf + 4, position->next_seq, 6);
    put(leaf + 10, any ? position->last_index : 0, 8);
    put(leaf + 18, any ? position->last_received : 0, 8);
    ak_hash_leaf(out, leaf, sizeof(leaf));
}

static bool reserve_levels(struct ak_number *number)
{
    uint32_t cap = number->level_cap == 0 ? 1024 : number->level_cap;

    while (cap < number->count)
        cap *= 2;
    if (cap == number->level_cap)
        return true;
    for (unsigned l = 0; l < LEVELS && cap >> l > 0; l++) {
        struct ak_hash *more = reallocarray(number->level[l], cap >> l, sizeof(*more));
        if (more == NULL)
            return false;
        number->level[l] = more;
    }
    number->level_cap = cap;
    return true;
}

static int compare_ordinals(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a;
    uint32_t y = *(const uint32_t *)b;

    return x < y ? -1 : x > y;
}

/* Makes all leaves of a table that is used for the first time, then only those that changed. */
static bool update(struct ak_number *number)
{
    uint32_t n = number->dirty_count;
    uint32_t *dirty = number->dirty;

    if (number->level_cap == 0) {
        for (uint32_t i = 0; i < number->count; i++) {
            if (!touch(number, i))
                return false;
        }
        n = number->dirty_count;
        dirty = number->dirty;
    }
    if (!reserve_levels(number))
        return false;
    if (n > 0)
        qsort(dirty, n, sizeof(*dirty), compare_ordinals);
    for (uint32_t i = 0; i < n; i++) {
        number->position[dirty[i]].dirty = false;
        leaf_hash(number, dirty[i], &number->level[0][dirty[i]]);
    }
    for (unsigned l = 0; l + 1 < LEVELS && number->count >> (l + 1) > 0; l++) {
        uint32_t kept = 0;
        for (uint32_t i = 0; i < n; i++) {
            uint32_t parent = dirty[i] / 2;
            if (parent >= number->count >> (l + 1) || (kept > 0 && dirty[kept - 1] == parent))
                continue;
            ak_hash_node(&number->level[l + 1][parent], &number->level[l][2 * (size_t)parent],
                         &number->level[l][2 * (size_t)parent + 1]);
            dirty[kept++] = parent;
        }
        n = kept;
    }
    number->dirty_count = 0;
    return true;
}

bool ak_number_root(struct ak_number *number, struct ak_hash *root)
{
    struct ak_node node[AK_RANGE_HASHES_MAX];
    unsigned n;

    if (!number->whole || reserve(number, AK_SOURCE_FIRST, NULL) != AK_OK || !update(number))
        return false;
    n = ak_range_nodes(0, number->count, node);
    assert(n > 0);
    *root = number->level[node[n - 1].level][node[n - 1].index];
    for (unsigned i = n - 1; i-- > 0;)
        ak_hash_node(root, &number->level[node[i].level][node[i].index], root);
    return true;
}

bool ak_number_declared(const struct ak_number *number, uint64_t *declared)
{
    *declared = declared_now(number);
    return number->whole;
}

bool ak_number_fits(const struct ak_number *number, const struct ak_footer_position *position)
{
    const struct position *own;

    if (position->ordinal >= number->count)
        return !number->whole || position->next_seq == 0;
    own = &number->position[position->ordinal];
    if (!number->whole && own->era != number->era)
        return true;
    if (own->next_seq != position->next_seq)
        return false;
    if (number->whole && own->declared != position->declared)
        return false;
    return own->next_seq == 0 || (own->last_index == position->last_index &&
                                  own->last_received == position->last_received);
}

bool ak_number_clock_rose(const struct ak_number *number)
{
    return number->clock_rose;
}
