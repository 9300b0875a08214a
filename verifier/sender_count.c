/* sender_count.c - a table of counters by source, kind, host and application. */
#include "sender_count.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

/* Slots at the beginning, and how full they may be: one half. */
#define SLOTS_FIRST 256u

/* Sources with a counter of one name that are compared with each other: each with each. */
#define ELSEWHERE_MAX 256u

/* Source, kind, reading, host, NUL, application. */
#define KEY_BYTES_MAX (8u + AK_SYSLOG_HOST_BYTES_MAX + 1u + AK_SYSLOG_HOST_BYTES_MAX)

struct key {
    unsigned char bytes[KEY_BYTES_MAX];
    size_t len;
};

static struct ak_syslog_part bounded(struct ak_syslog_part part)
{
    if (part.p == NULL)
        part = (struct ak_syslog_part){"", 0};
    if (part.len > AK_SYSLOG_HOST_BYTES_MAX)
        part.len = AK_SYSLOG_HOST_BYTES_MAX;
    return part;
}

static void key_make(struct key *key, uint32_t source, const struct ak_sender_number *number,
                     bool whole)
{
    struct ak_syslog_part host = bounded(number->host);
    struct ak_syslog_part app = bounded(number->app);
    unsigned char *p = key->bytes;

    for (unsigned i = 0; i < 4; i++)
        *p++ = (unsigned char)(source >> (8 * i));
    *p++ = (unsigned char)number->kind;
    *p++ = whole ? 1 : 0;
    *p++ = (unsigned char)host.len; /* at most 255, so that host and application cannot mix */
    memcpy(p, host.p, host.len);
    p += host.len;
    if (!whole) {
        memcpy(p, app.p, app.len);
        p += app.len;
    }
    key->len = (size_t)(p - key->bytes);
}

static bool key_is(const struct key *key, const struct ak_sender_counter *c)
{
    struct ak_sender_number number = {
        .kind = c->kind, .host = {c->host, c->host_len}, .app = {c->app, c->app_len}};
    struct key other;

    key_make(&other, c->source, &number, c->whole_host);
    return key->len == other.len && memcmp(key->bytes, other.bytes, key->len) == 0;
}

static uint64_t key_hash(const struct ak_sender_counts *counts, const struct key *key)
{
    unsigned char hash[crypto_shorthash_BYTES];
    uint64_t value;

    crypto_shorthash(hash, key->bytes, key->len, counts->key);
    memcpy(&value, hash, sizeof(value));
    return value;
}

/* The slot that holds the key, or the free one where it belongs. */
static size_t slot_find(const struct ak_sender_counts *counts, const struct key *key)
{
    size_t at = (size_t)key_hash(counts, key) & (counts->slots - 1);

    while (counts->slot[at] != 0 && !key_is(key, &counts->counter[counts->slot[at] - 1]))
        at = (at + 1) & (counts->slots - 1);
    return at;
}

/* Room for one more in both tables. */
static enum ak_code grow(struct ak_sender_counts *counts, struct ak_error *err)
{
    size_t slots = counts->slots == 0 ? SLOTS_FIRST : counts->slots * 2;
    struct ak_sender_counter *counter;
    uint32_t *slot;

    if (2 * (counts->count + 1) <= counts->slots)
        return AK_OK;
    if (counts->slots == 0)
        randombytes_buf(counts->key, sizeof(counts->key));
    counter = reallocarray(counts->counter, slots / 2, sizeof(*counter));
    if (counter == NULL)
        return ak_fail(err, AK_ENOMEM, "no memory for senders' counters");
    counts->counter = counter;
    slot = calloc(slots, sizeof(*slot));
    if (slot == NULL)
        return ak_fail(err, AK_ENOMEM, "no memory for senders' counters");
    free(counts->slot);
    counts->slot = slot;
    counts->slots = slots;
    for (size_t i = 0; i < counts->count; i++) {
        const struct ak_sender_counter *c = &counts->counter[i];
        struct ak_sender_number number = {
            .kind = c->kind, .host = {c->host, c->host_len}, .app = {c->app, c->app_len}};
        struct key key;
        key_make(&key, c->source, &number, c->whole_host);
        counts->slot[slot_find(counts, &key)] = (uint32_t)(i + 1);
    }
    return AK_OK;
}

/* Whose jump it is; lives for one call. */
struct jump_ctx {
    struct ak_sender_counts *counts;
    struct ak_sender_counter *counter;
};

static enum ak_code on_jump(void *ctx, const struct ak_sender_jump *jump, struct ak_error *err)
{
    const struct jump_ctx *whose = ctx;
    struct ak_sender_counter *c = whose->counter;

    c->jumps++;
    if (c->jump_count == AK_SENDER_JUMPS_OF_ONE_MAX ||
        whose->counts->jump_count == AK_SENDER_JUMPS_MAX)
        return AK_OK;
    if (c->jump_count == c->jump_room) {
        size_t room = c->jump_room == 0 ? 4 : c->jump_room * 2;
        struct ak_sender_jump *more = reallocarray(c->jump, room, sizeof(*more));
        if (more == NULL)
            return ak_fail(err, AK_ENOMEM, "no memory for the jumps of senders' numbers");
        c->jump = more;
        c->jump_room = room;
    }
    c->jump[c->jump_count++] = *jump;
    whose->counts->jump_count++;
    return AK_OK;
}

static char *copy(struct ak_syslog_part part)
{
    char *p = malloc(part.len > 0 ? part.len : 1);

    if (p != NULL && part.len > 0)
        memcpy(p, part.p, part.len);
    return p;
}

static void counter_free(struct ak_sender_counter *c)
{
    ak_sender_line_free(&c->line);
    free(c->host);
    free(c->app);
    free(c->jump);
}

/* Begins a counter; false without memory. */
static bool counter_begin(struct ak_sender_counter *c, uint32_t source,
                          const struct ak_sender_number *number, bool whole)
{
    struct ak_syslog_part host = bounded(number->host);
    struct ak_syslog_part app = whole ? (struct ak_syslog_part){"", 0} : bounded(number->app);

    memset(c, 0, sizeof(*c));
    c->source = source;
    c->kind = number->kind;
    c->whole_host = whole;
    c->host = copy(host);
    c->host_len = host.len;
    c->app = copy(app);
    c->app_len = app.len;
    c->line.on_jump = on_jump;
    c->line.wrap = number->kind == AK_SENDER_META ? AK_SENDER_META_MAX : 0;
    c->line.shared = number->kind == AK_SENDER_AUDIT;
    if (c->host != NULL && c->app != NULL)
        return true;
    counter_free(c);
    return false;
}

static enum ak_code follow(struct ak_sender_counts *counts, uint32_t source,
                           const struct ak_sender_number *number, bool whole,
                           const struct ak_sender_seen *seen, struct ak_error *err)
{
    struct key key;
    struct ak_sender_counter *c;
    enum ak_code rc = grow(counts, err);
    size_t at;

    if (rc != AK_OK)
        return rc;
    key_make(&key, source, number, whole);
    at = slot_find(counts, &key);
    if (counts->slot[at] == 0) {
        if (counts->count == AK_SENDER_COUNTERS_MAX) {
            counts->not_followed++;
            return AK_OK;
        }
        if (!counter_begin(&counts->counter[counts->count], source, number, whole))
            return ak_fail(err, AK_ENOMEM, "no memory for senders' counters");
        counts->slot[at] = (uint32_t)++counts->count;
    }
    c = &counts->counter[counts->slot[at] - 1];
    c->line.ctx = &(struct jump_ctx){counts, c}; /* the table may have moved */
    return ak_sender_line_add(&c->line, seen, err);
}

/* Whether a counter of this kind may be that of a host or of an application alike. */
static bool has_two_readings(enum ak_sender_kind kind)
{
    return kind == AK_SENDER_META || kind == AK_SENDER_SNARE;
}

enum ak_code ak_sender_counts_add(struct ak_sender_counts *counts, uint32_t source, uint64_t index,
                                  uint64_t received, const void *record, size_t len,
                                  struct ak_error *err)
{
    struct ak_sender_number number[AK_SENDER_NUMBERS_MAX];
    size_t n = ak_sender_numbers(number, record, len);
    enum ak_code rc = AK_OK;

    for (size_t i = 0; i < n && rc == AK_OK; i++) {
        struct ak_sender_seen seen = {index, received, number[i].value, counts->blind,
                                      number[i].stamp};
        rc = follow(counts, source, &number[i], false, &seen, err);
        if (rc == AK_OK && has_two_readings(number[i].kind))
            rc = follow(counts, source, &number[i], true, &seen, err);
    }
    return rc;
}

void ak_sender_counts_blind(struct ak_sender_counts *counts, uint64_t entries)
{
    counts->blind += entries > UINT64_MAX - counts->blind ? 0 : entries;
}

static int compare_bytes(const char *a, size_t a_len, const char *b, size_t b_len)
{
    int order = memcmp(a, b, a_len < b_len ? a_len : b_len);

    return order != 0 ? order : (a_len > b_len) - (a_len < b_len);
}

/* Of one host the reading as a whole comes first. */
static int compare_names(const struct ak_sender_counter *a, const struct ak_sender_counter *b)
{
    int order;

    if (a->kind != b->kind)
        return a->kind < b->kind ? -1 : 1;
    order = compare_bytes(a->host, a->host_len, b->host, b->host_len);
    if (order != 0)
        return order;
    if (a->whole_host != b->whole_host)
        return a->whole_host ? -1 : 1;
    return compare_bytes(a->app, a->app_len, b->app, b->app_len);
}

static int by_names(const void *x, const void *y)
{
    const struct ak_sender_counter *a = x;
    const struct ak_sender_counter *b = y;
    int order = compare_names(a, b);

    return order != 0 ? order : (a->source > b->source) - (a->source < b->source);
}

static int by_source(const void *x, const void *y)
{
    const struct ak_sender_counter *a = x;
    const struct ak_sender_counter *b = y;

    return a->source != b->source ? (a->source < b->source ? -1 : 1) : compare_names(a, b);
}

/* Of counters of one name, sorted by source: says of each which other has numbers in its range.
 * Those without a host are not one. */
static void find_elsewhere(struct ak_sender_counter *c, size_t count)
{
    for (size_t i = 0; c[0].host_len > 0 && i < count; i++) {
        for (size_t k = 0; k < count && c[i].elsewhere == 0; k++) {
            if (k != i && c[k].line.least <= c[i].line.most && c[k].line.most >= c[i].line.least)
                c[i].elsewhere = c[k].source;
        }
    }
}

static void find_all_elsewhere(struct ak_sender_counts *counts)
{
    size_t next;

    qsort(counts->counter, counts->count, sizeof(*counts->counter), by_names);
    for (size_t i = 0; i < counts->count; i = next) {
        next = i + 1;
        while (next < counts->count &&
               compare_names(&counts->counter[i], &counts->counter[next]) == 0)
            next++;
        find_elsewhere(counts->counter + i, next - i < ELSEWHERE_MAX ? next - i : ELSEWHERE_MAX);
    }
}

/* Jumps and what came out of its place: what a wrong reading makes many of. */
static uint64_t faults(const struct ak_sender_counter *c)
{
    return c->jumps + c->line.repeated + c->line.stray + c->line.late;
}

static bool same_host(const struct ak_sender_counter *a, const struct ak_sender_counter *b)
{
    return a->source == b->source && a->kind == b->kind &&
           compare_bytes(a->host, a->host_len, b->host, b->host_len) == 0;
}

/* One application alone is itself; of several, the reading with fewer faults is shown. */
static void choose(struct ak_sender_counter *c, size_t count)
{
    uint64_t apart = 0;
    bool whole;

    for (size_t i = 1; i < count; i++)
        apart += faults(&c[i]);
    whole = count > 2 && faults(&c[0]) <= apart;
    for (size_t i = 0; i < count; i++)
        c[i].shown = c[i].whole_host == whole;
    if (count == 1) /* the table was full before the application's own came */
        c[0].shown = true;
}

enum ak_code ak_sender_counts_finish(struct ak_sender_counts *counts, struct ak_error *err)
{
    enum ak_code rc = AK_OK;
    size_t next;

    for (size_t i = 0; i < counts->count && rc == AK_OK; i++) {
        struct ak_sender_counter *c = &counts->counter[i];
        const struct ak_sender_line *line = &c->line;
        c->line.ctx = &(struct jump_ctx){counts, c};
        rc = ak_sender_line_finish(&c->line, err);
        c->shown = true;
        c->mixed = line->numbers >= AK_SENDER_MIXED_MIN &&
                   line->late + line->repeated + line->stray > line->numbers / 4;
    }
    if (rc != AK_OK || counts->count == 0)
        return rc;
    free(counts->slot); /* places change */
    counts->slot = NULL;
    counts->slots = 0;
    find_all_elsewhere(counts);
    qsort(counts->counter, counts->count, sizeof(*counts->counter), by_source);
    for (size_t i = 0; i < counts->count; i = next) {
        next = i + 1;
        if (!counts->counter[i].whole_host)
            continue;
        while (next < counts->count && same_host(&counts->counter[i], &counts->counter[next]))
            next++;
        choose(counts->counter + i, next - i);
    }
    return AK_OK;
}

void ak_sender_counts_free(struct ak_sender_counts *counts)
{
    for (size_t i = 0; i < counts->count; i++)
        counter_free(&counts->counter[i]);
    free(counts->counter);
    free(counts->slot);
    memset(counts, 0, sizeof(*counts));
}
