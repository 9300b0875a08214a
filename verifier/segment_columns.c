/* segment_columns.c - the COLUMNS frame, column by column in the order of format.md 6.3 (R12).
 *
 * Strict: what an encoder could have written in another way is refused. Counts are checked against
 * the block before anything is stored. Where a column depends on a later one (line feeds on states,
 * states on runs) the check follows when both are there. */
#include <akashi/segment.h>

#include "cursor.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

/* Slots of the table of sources: at most a block's entries, each its own source, fill half. */
#define TABLE_BITS  14u
#define TABLE_SLOTS (1u << TABLE_BITS)

_Static_assert(TABLE_SLOTS >= 2 * AK_BLOCK_ENTRIES_MAX, "the table stays half empty");

struct slot {
    uint64_t next; /* source_seq behind the last entry of the source in the block */
    uint32_t source;
    uint32_t block; /* number of the block that the slot was used for; others are empty */
};

struct ak_columns_table {
    uint64_t multiplier; /* odd and random, so that nobody can choose sources that collide */
    uint32_t block;
    struct slot slot[TABLE_SLOTS];
};

/* What every step of decoding needs. */
struct decoder {
    struct ak_cursor c;
    size_t len;
    struct ak_columns *columns;
    struct ak_error *err;
};

struct ak_columns *ak_columns_new(void)
{
    struct ak_columns *columns = calloc(1, sizeof(*columns));

    if (columns == NULL)
        return NULL;
    columns->table = calloc(1, sizeof(*columns->table));
    if (columns->table == NULL) {
        free(columns);
        return NULL;
    }
    /* Without randomness collisions could be chosen; that costs time and nothing else. */
    if (getrandom(&columns->table->multiplier, sizeof(columns->table->multiplier), GRND_NONBLOCK) !=
        (ssize_t)sizeof(columns->table->multiplier))
        columns->table->multiplier = UINT64_C(0x9e3779b97f4a7c15);
    columns->table->multiplier |= 1;
    return columns;
}

void ak_columns_free(struct ak_columns *columns)
{
    if (columns == NULL)
        return;
    free(columns->table);
    free(columns);
}

static void table_begin(struct ak_columns_table *table)
{
    if (++table->block == 0) {
        memset(table->slot, 0, sizeof(table->slot));
        table->block = 1;
    }
}

/* The slot of a source; `*known` tells whether the block had it before. */
static struct slot *table_find(struct ak_columns_table *table, uint32_t source, bool *known)
{
    uint32_t at = (uint32_t)((source * table->multiplier) >> (64 - TABLE_BITS));

    while (table->slot[at].block == table->block && table->slot[at].source != source)
        at = (at + 1) % TABLE_SLOTS;
    *known = table->slot[at].block == table->block;
    table->slot[at].block = table->block;
    table->slot[at].source = source;
    return &table->slot[at];
}

static enum ak_code bad(const struct decoder *d, const char *section, const char *what)
{
    return ak_fail(d->err, AK_EMALFORMED, "R12 (%s): %s, at byte %zu of the COLUMNS", section, what,
                   d->len - d->c.left);
}

static enum ak_code take_fixed(struct decoder *d)
{
    struct ak_columns *columns = d->columns;
    unsigned type = ak_cursor_u8(&d->c);
    unsigned version = ak_cursor_u8(&d->c);
    const uint8_t *digest;

    columns->data_bytes = ak_cursor_u32(&d->c);
    columns->text_bytes = ak_cursor_u32(&d->c);
    digest = ak_cursor_bytes(&d->c, AK_HASH_BYTES);
    columns->first = ak_cursor_u64(&d->c);
    columns->count = ak_cursor_u32(&d->c);
    columns->form = ak_cursor_u8(&d->c);
    if (digest == NULL || d->c.bad)
        return bad(d, "6.3", "it ends within the fixed fields");
    memcpy(columns->data_digest.b, digest, AK_HASH_BYTES);
    if (type != AK_FRAME_COLUMNS)
        return bad(d, "6.1", "it is no COLUMNS frame");
    if (version != AK_FRAME_VERSION)
        return ak_fail(d->err, AK_EUNSUPPORTED, "the COLUMNS frame has version %u", version);
    if (columns->data_bytes < 1 || columns->data_bytes > AK_DATA_BYTES_MAX)
        return bad(d, "6.3", "data_bytes is out of bounds");
    if (columns->text_bytes > AK_BLOCK_TEXT_MAX)
        return bad(d, "6.3", "text_bytes is out of bounds");
    if (columns->count < 1 || columns->count > AK_BLOCK_ENTRIES_MAX)
        return bad(d, "6.3", "count is out of bounds");
    if (columns->first > AK_TREE_SIZE_MAX || columns->count > AK_TREE_SIZE_MAX - columns->first)
        return bad(d, "1", "indices are not below 2^63");
    if (columns->form != AK_FORM_WHOLE && columns->form != AK_FORM_PARTS)
        return ak_fail(d->err, AK_EUNSUPPORTED, "the entries have form %u", columns->form);
    return AK_OK;
}

/* source and kind of a run out of its tag. */
static enum ak_code take_tag(struct decoder *d, struct ak_columns_run *run)
{
    uint64_t tag = ak_cursor_varint(&d->c);
    uint64_t source = tag / 2;

    if (d->c.bad || source > UINT32_MAX)
        return bad(d, "6.3.1", "a run's tag is out of bounds");
    run->source = (uint32_t)source;
    if (tag % 2 == 1 && source < AK_SOURCE_FIRST)
        return bad(d, "6.3.1", "a run of fragments has an own source");
    if (tag % 2 == 1)
        run->kind = AK_KIND_FRAGMENT;
    else
        run->kind = source >= AK_SOURCE_FIRST ? AK_KIND_RECORD : (uint8_t)source;
    return AK_OK;
}

/* source_seq of a run: stated for the first one of its source, else following. */
static enum ak_code take_seq(struct decoder *d, struct ak_columns_run *run)
{
    bool known;
    struct slot *slot = table_find(d->columns->table, run->source, &known);

    run->seq = known ? slot->next : ak_cursor_varint(&d->c);
    if (d->c.bad || run->seq > AK_SEQ_MAX || run->count - 1 > AK_SEQ_MAX - run->seq)
        return bad(d, "6.3.1", "a run's source_seq is not below 2^48");
    slot->next = run->seq + run->count;
    return AK_OK;
}

/* Full time: clock_run is known, received / 1000 follows. */
static enum ak_code take_received(struct decoder *d, struct ak_columns_run *run)
{
    uint64_t unit = ak_cursor_varint(&d->c);

    if (d->c.bad || unit > UINT64_MAX / AK_TIME_UNIT)
        return bad(d, "6.3.1", "a run's time is not below 2^64");
    run->received = unit * AK_TIME_UNIT;
    return AK_OK;
}

static enum ak_code take_time(struct decoder *d, struct ak_columns_run *run,
                              const struct ak_columns_run *before)
{
    uint64_t t = ak_cursor_varint(&d->c);

    if (d->c.bad)
        return bad(d, "6.3.1", "a run's time is no varint");
    if (before == NULL) {
        if (t > UINT16_MAX)
            return bad(d, "6.3.1", "clock_run is not below 2^16");
        run->clock_run = (uint16_t)t;
        return take_received(d, run);
    }
    run->clock_run = before->clock_run;
    if (t % 2 == 0) {
        if (t / 2 > (UINT64_MAX - before->received) / AK_TIME_UNIT)
            return bad(d, "6.3.1", "a run's time is not below 2^64");
        run->received = before->received + t / 2 * AK_TIME_UNIT;
        return AK_OK;
    }
    if (t != 1 || before->clock_run == UINT16_MAX)
        return bad(d, "6.3.1", "a run's time has an odd form that is not 1, or no clock_run left");
    run->clock_run++;
    return take_received(d, run);
}

/* Whether two neighbours could have been one run; their numbers follow by construction. */
static bool could_be_one(const struct ak_columns_run *a, const struct ak_columns_run *b)
{
    return a->kind == b->kind && a->source == b->source && a->clock_run == b->clock_run &&
           a->received == b->received;
}

static enum ak_code take_runs(struct decoder *d)
{
    struct ak_columns *columns = d->columns;
    uint64_t runs = ak_cursor_varint(&d->c);
    uint32_t entries = 0;

    if (d->c.bad || runs < 1 || runs > columns->count)
        return bad(d, "6.3.1", "the number of runs is out of bounds");
    table_begin(columns->table);
    columns->run_count = 0;
    for (uint64_t i = 0; i < runs; i++) {
        struct ak_columns_run *run = &columns->run[i];
        uint64_t n = ak_cursor_varint(&d->c);
        enum ak_code rc;
        if (d->c.bad || n < 1 || n > columns->count - entries)
            return bad(d, "6.3.1", "a run's entries are out of bounds");
        run->count = (uint32_t)n;
        entries += run->count;
        rc = take_tag(d, run);
        if (rc == AK_OK)
            rc = take_seq(d, run);
        if (rc == AK_OK)
            rc = take_time(d, run, i == 0 ? NULL : run - 1);
        if (rc != AK_OK)
            return rc;
        if (i > 0 && could_be_one(run - 1, run))
            return bad(d, "6.3.1", "two neighbouring runs could be one");
        columns->run_count++;
    }
    if (entries != columns->count)
        return bad(d, "6.3.1", "the runs have fewer entries than the block");
    return AK_OK;
}

static enum ak_code take_line_feeds(struct decoder *d)
{
    struct ak_columns *columns = d->columns;
    uint64_t n = ak_cursor_varint(&d->c);
    uint32_t behind = 0;

    columns->lf_count = 0;
    if (d->c.bad || n > columns->count)
        return bad(d, "6.3.2", "the number of payloads with line feeds is out of bounds");
    for (uint64_t i = 0; i < n; i++) {
        uint64_t gap = ak_cursor_varint(&d->c);
        uint64_t feeds = ak_cursor_varint(&d->c);
        if (d->c.bad || gap >= columns->count - behind)
            return bad(d, "6.3.2", "a payload with line feeds lies behind the block");
        if (feeds < 1 || feeds > columns->text_bytes)
            return bad(d, "6.3.2", "a payload's number of line feeds is out of bounds");
        columns->lf[i].position = behind + (uint32_t)gap;
        columns->lf[i].count = (uint32_t)feeds;
        columns->lf_count++;
        behind = columns->lf[i].position + 1;
    }
    return AK_OK;
}

static enum ak_code take_group_texts(struct decoder *d)
{
    struct ak_columns *columns = d->columns;
    uint64_t last = columns->first + columns->count - 1;
    uint32_t at = 0;
    uint32_t begin = 0;

    columns->group_count =
        (uint32_t)(last / AK_GROUP_ENTRIES - columns->first / AK_GROUP_ENTRIES + 1);
    for (uint32_t g = 0; g < columns->group_count; g++) {
        struct ak_columns_group *group = &columns->group[g];
        uint64_t text = ak_cursor_varint(&d->c);
        uint32_t room = AK_GROUP_ENTRIES - (uint32_t)((columns->first + begin) % AK_GROUP_ENTRIES);
        if (d->c.bad || text > columns->text_bytes - at)
            return bad(d, "6.3.3", "the group texts are longer than the block's text");
        memset(group, 0, sizeof(*group));
        group->begin = begin;
        group->count = room < columns->count - begin ? room : columns->count - begin;
        group->text_at = at;
        group->text_bytes = (uint32_t)text;
        at += group->text_bytes;
        begin += group->count;
    }
    if (at != columns->text_bytes)
        return bad(d, "6.3.3", "the group texts are shorter than the block's text");
    return AK_OK;
}

static enum ak_code take_absent(struct decoder *d, uint32_t *behind)
{
    struct ak_columns *columns = d->columns;
    struct ak_columns_absent *absent = &columns->absent[columns->absent_count];
    uint64_t gap = ak_cursor_varint(&d->c);
    uint64_t n = ak_cursor_varint(&d->c);

    absent->state = ak_cursor_u8(&d->c);
    if (d->c.bad || gap >= columns->count - *behind || n < 1 || n > columns->count - *behind - gap)
        return bad(d, "6.3.4", "a stretch of absent payloads is out of bounds");
    if (absent->state == AK_STATE_ENCRYPTED)
        return bad(d, "6.3.4", "an encrypted payload needs encoding 1");
    if (absent->state != AK_STATE_ERASED && absent->state != AK_STATE_EXPIRED)
        return bad(d, "6.3.4", "an absent payload has an unknown state");
    if (gap == 0 && columns->absent_count > 0 && absent[-1].state == absent->state)
        return bad(d, "6.3.4", "two stretches of absent payloads could be one");
    absent->position = *behind + (uint32_t)gap;
    absent->count = (uint32_t)n;
    absent->commitment = columns->commitment_count;
    columns->commitment_count += absent->count;
    columns->absent_count++;
    *behind = absent->position + absent->count;
    return AK_OK;
}

static enum ak_code take_states(struct decoder *d)
{
    struct ak_columns *columns = d->columns;
    uint64_t n = ak_cursor_varint(&d->c);
    uint32_t behind = 0;

    columns->absent_count = 0;
    columns->commitment_count = 0;
    if (d->c.bad || n > columns->count)
        return bad(d, "6.3.4", "the number of stretches of absent payloads is out of bounds");
    for (uint64_t i = 0; i < n; i++) {
        enum ak_code rc = take_absent(d, &behind);
        if (rc != AK_OK)
            return rc;
    }
    columns->commitment = ak_cursor_bytes(&d->c, (size_t)columns->commitment_count * AK_HASH_BYTES);
    if (columns->commitment == NULL)
        return bad(d, "6.3.4", "it ends within the commitments");
    columns->present = columns->count - columns->commitment_count;
    return AK_OK;
}

static bool always_present(uint8_t kind)
{
    return kind == AK_KIND_MANIFEST || kind == AK_KIND_EPOCH || kind == AK_KIND_ORDER ||
           kind == AK_KIND_STATE;
}

/* No absent payload is of a kind that is always there. Runs and stretches go in one order. */
static enum ak_code check_absent_kinds(const struct decoder *d)
{
    const struct ak_columns *columns = d->columns;
    uint32_t run_end = 0;
    uint32_t a = 0;

    for (uint32_t r = 0; r < columns->run_count; r++) {
        uint32_t run_begin = run_end;
        run_end += columns->run[r].count;
        while (a < columns->absent_count &&
               columns->absent[a].position + columns->absent[a].count <= run_begin)
            a++;
        if (a == columns->absent_count)
            return AK_OK;
        if (columns->absent[a].position < run_end && always_present(columns->run[r].kind))
            return bad(d, "6.3.4", "a payload of kind 2, 4, 5 or 8 is absent");
    }
    return AK_OK;
}

/* Line feeds are in payloads that are there. */
static enum ak_code check_line_feeds(const struct decoder *d)
{
    const struct ak_columns *columns = d->columns;
    uint32_t a = 0;

    for (uint32_t i = 0; i < columns->lf_count; i++) {
        uint32_t position = columns->lf[i].position;
        while (a < columns->absent_count &&
               columns->absent[a].position + columns->absent[a].count <= position)
            a++;
        if (a < columns->absent_count && columns->absent[a].position <= position)
            return bad(d, "6.3.2", "an absent payload has line feeds");
    }
    return AK_OK;
}

/* Present entries of [begin, end), and whether one of the others was erased. `*a` is a stretch not
 * behind `begin` and moves on. */
static uint32_t count_present(const struct ak_columns *columns, uint32_t begin, uint32_t end,
                              uint32_t *a, bool *erased)
{
    uint32_t present = end - begin;

    *erased = false;
    while (*a < columns->absent_count) {
        const struct ak_columns_absent *absent = &columns->absent[*a];
        uint32_t stop = absent->position + absent->count;
        uint32_t from = absent->position > begin ? absent->position : begin;
        uint32_t to = stop < end ? stop : end;
        if (from < to) {
            present -= to - from;
            *erased = *erased || absent->state == AK_STATE_ERASED;
        }
        if (stop > end || absent->position >= end)
            break; /* it goes on in the next group, or begins there */
        (*a)++;
    }
    return present;
}

/* A group's text has at least the line feeds that are said to be in it. */
static enum ak_code check_group_text(const struct decoder *d, const struct ak_columns_group *group,
                                     uint32_t *lf)
{
    const struct ak_columns *columns = d->columns;
    uint64_t least = group->present;

    while (*lf < columns->lf_count && columns->lf[*lf].position < group->begin + group->count)
        least += columns->lf[(*lf)++].count;
    if (group->present == 0 ? group->text_bytes != 0 : group->text_bytes < least)
        return bad(d, "6.3.3", "a group's text does not fit its entries and line feeds");
    return AK_OK;
}

static enum ak_code take_keys(struct decoder *d)
{
    struct ak_columns *columns = d->columns;
    size_t salt = columns->form == AK_FORM_PARTS ? AK_RECORD_KEY_BYTES : AK_SALT_BYTES;
    uint32_t a = 0;
    uint32_t lf = 0;

    for (uint32_t g = 0; g < columns->group_count; g++) {
        struct ak_columns_group *group = &columns->group[g];
        unsigned form = ak_cursor_u8(&d->c);
        bool erased;
        enum ak_code rc;
        group->present =
            count_present(columns, group->begin, group->begin + group->count, &a, &erased);
        rc = check_group_text(d, group, &lf);
        if (rc != AK_OK)
            return rc;
        if (form == AK_KEYS_GROUP && erased)
            return bad(d, "6.3.5", "a group with an erased entry has its group key");
        if (form == AK_KEYS_GROUP)
            group->key = ak_cursor_bytes(&d->c, AK_GROUP_KEY_BYTES);
        else if (form == AK_KEYS_SALTS)
            group->salts = ak_cursor_bytes(&d->c, (size_t)group->present * salt);
        else
            return bad(d, "6.3.5", "keys of an unknown form");
        if (d->c.bad)
            return bad(d, "6.3.5", "it ends within the keys");
    }
    return AK_OK;
}

static enum ak_code take_level8(struct decoder *d)
{
    struct ak_columns *columns = d->columns;
    uint64_t end = columns->first + columns->count;

    columns->level8_count = (uint32_t)(end / AK_GROUP_ENTRIES - columns->first / AK_GROUP_ENTRIES);
    for (uint32_t i = 0; i < columns->level8_count; i++) {
        const uint8_t *at = ak_cursor_bytes(&d->c, AK_HASH_BYTES);
        if (at == NULL)
            return bad(d, "6.3.6", "it ends within the level-8 hashes");
        memcpy(columns->level8[i].b, at, AK_HASH_BYTES);
    }
    if (!ak_cursor_done(&d->c))
        return bad(d, "6.3.6", "it goes on behind the level-8 hashes");
    return AK_OK;
}

static void begin(struct decoder *d, struct ak_columns *columns, const uint8_t *content, size_t len,
                  struct ak_error *err)
{
    ak_cursor_init(&d->c, content, len);
    d->len = len;
    d->columns = columns;
    d->err = err;
    columns->run_count = 0;
    columns->lf_count = 0;
    columns->group_count = 0;
    columns->absent_count = 0;
    columns->commitment_count = 0;
    columns->level8_count = 0;
    columns->present = 0;
}

enum ak_code ak_columns_decode_fixed(struct ak_columns *columns, const uint8_t *content, size_t len,
                                     struct ak_error *err)
{
    struct decoder d;

    begin(&d, columns, content, len, err);
    return take_fixed(&d);
}

enum ak_code ak_columns_decode(struct ak_columns *columns, const uint8_t *content, size_t len,
                               struct ak_error *err)
{
    static enum ak_code (*const step[])(struct decoder *) = {
        take_fixed,  take_runs, take_line_feeds, take_group_texts,
        take_states, take_keys, take_level8};
    struct decoder d;
    enum ak_code rc = AK_OK;

    begin(&d, columns, content, len, err);
    if (len > AK_COLUMNS_BYTES_MAX)
        return bad(&d, "6.1", "it is longer than COLUMNS may be");
    for (size_t i = 0; rc == AK_OK && i < sizeof(step) / sizeof(step[0]); i++)
        rc = step[i](&d);
    if (rc == AK_OK)
        rc = check_absent_kinds(&d);
    if (rc == AK_OK)
        rc = check_line_feeds(&d);
    return rc;
}
