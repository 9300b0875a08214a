/* literals.c - a bitmap of windows in front of a hash table of strings.
 *
 * Windows are compared in one order of bytes: the same list gives the same result on any machine
 * because only equality of what lies there counts. */
#include "literals.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define LONG_BYTES  8u
#define SHORT_BYTES 4u

/* A string of LONG_BYTES + SPARSE - 1 bytes or more is entered by so many neighbouring windows, and
 * only every so-manyth place of a text is asked about: one of them stands there. */
#define SPARSE 4u

/* Windows of one string that are weighed, at most; of a longer one as many, evenly. */
#define WINDOWS_MAX 64u

/* Bits of a bitmap for each window, of which two are set: of the places of a text that have none of
 * them about one in 250 is compared in vain. */
#define BITS_EACH 32u

/* log2 of a bitmap's bits. The least makes small lists exact; the most, 1 MiB, still fits the
 * second cache of what runs today. */
#define BITMAP_LOG_MIN 16u
#define BITMAP_LOG_MAX 23u
#define WORD_LOG       6u

/* Places that are asked about together. */
#define STRIDE 8u

/* Manners of entering a string. */
#define TABLES 3u

/* log2 of the counters by which windows are weighed. */
#define COUNTERS_LOG 20u

#define MULTIPLIER UINT64_C(0x9e3779b97f4a7c15) /* 2^64 over the golden ratio: odd, well mixed */

struct entry {
    uint64_t window;
    uint32_t literal;
    uint32_t at; /* of the window in it */
};

/* All strings of one manner. */
struct table {
    unsigned bytes;      /* of a window */
    unsigned step;       /* windows of a string, and from one place of a text to the next */
    unsigned bitmap_log; /* of its bits */
    unsigned bucket_log;
    uint64_t *bitmap; /* NULL: there are none */
    uint32_t *bucket; /* entries of bucket b: [bucket[b], bucket[b + 1]) */
    struct entry *entry;
    size_t count;
};

struct ak_literals {
    bool fold;
    struct ak_literal *literal;
    uint8_t *folded;            /* all strings, small letters; NULL without `fold` */
    size_t *at;                 /* of each in `folded` */
    struct table table[TABLES]; /* sparse; every place; every place with short windows */
};

static uint64_t window_at(const uint8_t *p, unsigned bytes)
{
    uint64_t wide;
    uint32_t narrow;

    if (bytes == LONG_BYTES) {
        memcpy(&wide, p, sizeof(wide));
        return wide;
    }
    memcpy(&narrow, p, sizeof(narrow));
    return narrow;
}

static uint64_t mix(uint64_t window)
{
    uint64_t h = window * MULTIPLIER;

    return (h ^ (h >> 32)) * MULTIPLIER;
}

static uint8_t small(uint8_t c)
{
    return c >= 'A' && c <= 'Z' ? (uint8_t)(c | 0x20) : c;
}

void ak_literals_folded(uint8_t *out, const uint8_t *text, size_t len)
{
    for (size_t i = 0; i < len; i++)
        out[i] = small(text[i]);
}

bool ak_literals_fold(const struct ak_literals *set)
{
    return set->fold;
}

/* ---- Building ---- */

static const uint8_t *key_of(const struct ak_literals *set, uint32_t i)
{
    return set->fold ? set->folded + set->at[i] : set->literal[i].p;
}

static unsigned window_bytes(const struct ak_literal *literal)
{
    return literal->len >= LONG_BYTES ? LONG_BYTES : SHORT_BYTES;
}

static unsigned window_step(const struct ak_literal *literal)
{
    return literal->len >= LONG_BYTES + SPARSE - 1 ? SPARSE : 1;
}

/* Places of windows that are weighed, each the first of its neighbours: all, or so many evenly. */
static size_t window_place(const struct ak_literal *literal, unsigned k, unsigned *n)
{
    size_t all = literal->len - window_bytes(literal) - window_step(literal) + 2;

    *n = all < WINDOWS_MAX ? (unsigned)all : WINDOWS_MAX;
    return all <= WINDOWS_MAX ? k : (all - 1) * k / (WINDOWS_MAX - 1);
}

static size_t counter_of(uint64_t window)
{
    return (size_t)(mix(window) >> (64 - COUNTERS_LOG));
}

static void count_windows(const struct ak_literals *set, size_t n, uint32_t *counter)
{
    for (uint32_t i = 0; i < n; i++) {
        const uint8_t *key = key_of(set, i);
        unsigned places;
        (void)window_place(&set->literal[i], 0, &places);
        for (unsigned k = 0; k < places; k++) {
            size_t at = window_place(&set->literal[i], k, &places);
            counter[counter_of(window_at(key + at, window_bytes(&set->literal[i])))]++;
        }
    }
}

/* How many strings have one of the windows by which this one would be entered at `at`. */
static uint64_t weigh(const struct ak_literals *set, uint32_t i, size_t at, const uint32_t *counter)
{
    const struct ak_literal *literal = &set->literal[i];
    uint64_t seen = 0;

    for (unsigned k = 0; k < window_step(literal); k++)
        seen += counter[counter_of(window_at(key_of(set, i) + at + k, window_bytes(literal)))];
    return seen;
}

/* The place whose windows the fewest strings have; of several the last, since many begin alike. */
static uint32_t pick_window(const struct ak_literals *set, uint32_t i, const uint32_t *counter)
{
    uint64_t least = UINT64_MAX;
    size_t best = 0;
    unsigned places;

    (void)window_place(&set->literal[i], 0, &places);
    for (unsigned k = 0; k < places; k++) {
        size_t at = window_place(&set->literal[i], k, &places);
        uint64_t seen = weigh(set, i, at, counter);
        if (seen <= least) {
            least = seen;
            best = at;
        }
    }
    return (uint32_t)best;
}

static size_t bucket_of(const struct table *table, uint64_t hash)
{
    return (size_t)(hash >> (64 - table->bucket_log));
}

/* The word of the bitmap that speaks of a window, and the two bits in it. */
static inline size_t word_of(unsigned bitmap_log, uint64_t product)
{
    return (size_t)(product >> (64 - (bitmap_log - WORD_LOG)));
}

static inline uint64_t bits_of(uint64_t product)
{
    return UINT64_C(1) << (product >> 32 & 63) | UINT64_C(1) << (product >> 26 & 63);
}

static bool table_allocate(struct table *table, size_t n)
{
    table->bitmap_log = BITMAP_LOG_MIN;
    while (table->bitmap_log < BITMAP_LOG_MAX && (size_t)1 << table->bitmap_log < n * BITS_EACH)
        table->bitmap_log++;
    table->bucket_log = 1;
    while ((size_t)1 << table->bucket_log < n)
        table->bucket_log++;
    table->bitmap = calloc(((size_t)1 << table->bitmap_log) / 64, sizeof(uint64_t));
    table->bucket = calloc(((size_t)1 << table->bucket_log) + 2, sizeof(uint32_t));
    table->entry = calloc(n, sizeof(*table->entry));
    return table->bitmap != NULL && table->bucket != NULL && table->entry != NULL;
}

/* Entries sorted by bucket: counted, summed up, put in place. */
static void table_fill(struct table *table, const struct entry *from, size_t n)
{
    uint32_t *next = table->bucket + 1;

    for (size_t i = 0; i < n; i++)
        next[bucket_of(table, mix(from[i].window)) + 1]++;
    for (size_t b = 1; b <= (size_t)1 << table->bucket_log; b++)
        next[b] += next[b - 1];
    for (size_t i = 0; i < n; i++) {
        uint64_t hash = mix(from[i].window);
        uint64_t product = from[i].window * MULTIPLIER;
        table->bitmap[word_of(table->bitmap_log, product)] |= bits_of(product);
        table->entry[next[bucket_of(table, hash)]++] = from[i];
    }
    table->count = n;
}

/* Enters the strings of one manner by their windows. */
static size_t list_entries(const struct ak_literals *set, const struct table *table, size_t n,
                           const uint32_t *counter, struct entry *list)
{
    size_t used = 0;

    for (uint32_t i = 0; i < n; i++) {
        const struct ak_literal *literal = &set->literal[i];
        uint32_t at;
        if (window_bytes(literal) != table->bytes || window_step(literal) != table->step)
            continue;
        at = pick_window(set, i, counter);
        for (unsigned k = 0; k < table->step; k++)
            list[used++] =
                (struct entry){window_at(key_of(set, i) + at + k, table->bytes), i, at + k};
    }
    return used;
}

static bool table_make(struct ak_literals *set, unsigned t, size_t n, const uint32_t *counter)
{
    static const unsigned manner[][2] = {{LONG_BYTES, SPARSE}, {LONG_BYTES, 1}, {SHORT_BYTES, 1}};
    struct table *table = &set->table[t];
    struct entry *list = calloc(n * SPARSE + 1, sizeof(*list));
    size_t used;
    bool done;

    table->bytes = manner[t][0];
    table->step = manner[t][1];
    used = list == NULL ? 0 : list_entries(set, table, n, counter, list);
    done = list != NULL && (used == 0 || table_allocate(table, used));
    if (done && used > 0)
        table_fill(table, list, used);
    free(list);
    return done;
}

/* Copies of all strings with small letters. */
static bool fold_all(struct ak_literals *set, size_t n)
{
    size_t total = 0;

    set->at = calloc(n + 1, sizeof(*set->at));
    for (size_t i = 0; i < n; i++)
        total += set->literal[i].len;
    set->folded = malloc(total + 1);
    if (set->at == NULL || set->folded == NULL)
        return false;
    total = 0;
    for (size_t i = 0; i < n; i++) {
        set->at[i] = total;
        ak_literals_folded(set->folded + total, set->literal[i].p, set->literal[i].len);
        total += set->literal[i].len;
    }
    return true;
}

enum ak_code ak_literals_new(struct ak_literals **out, const struct ak_literal *literal, size_t n,
                             bool fold, struct ak_error *err)
{
    struct ak_literals *set = calloc(1, sizeof(*set));
    uint32_t *counter = calloc((size_t)1 << COUNTERS_LOG, sizeof(*counter));
    bool done = set != NULL && counter != NULL;

    *out = NULL;
    assert(n < UINT32_MAX);
    if (done) {
        set->fold = fold;
        set->literal = calloc(n + 1, sizeof(*set->literal));
        done = set->literal != NULL;
    }
    for (size_t i = 0; done && i < n; i++) {
        assert(literal[i].len >= AK_LITERAL_BYTES_MIN);
        set->literal[i] = literal[i];
    }
    done = done && (!fold || fold_all(set, n));
    if (done)
        count_windows(set, n, counter);
    for (unsigned t = 0; done && t < TABLES; t++)
        done = table_make(set, t, n, counter);
    free(counter);
    if (!done) {
        ak_literals_free(set);
        return ak_fail(err, AK_ENOMEM, "no memory for %zu strings", n);
    }
    *out = set;
    return AK_OK;
}

static void table_free(struct table *table)
{
    free(table->bitmap);
    free(table->bucket);
    free(table->entry);
}

void ak_literals_free(struct ak_literals *set)
{
    if (set == NULL)
        return;
    for (unsigned t = 0; t < TABLES; t++)
        table_free(&set->table[t]);
    free(set->literal);
    free(set->folded);
    free(set->at);
    free(set);
}

/* ---- The pass ---- */

struct pass {
    const struct ak_literals *set;
    const uint8_t *text;
    const uint8_t *keys; /* what windows are taken from: the text, or the text folded */
    size_t len;
    ak_literals_fn on_literal;
    void *ctx;
};

static bool same(const struct pass *pass, const struct entry *entry, size_t begin)
{
    const struct ak_literal *literal = &pass->set->literal[entry->literal];

    if (literal->exact)
        return memcmp(pass->text + begin, literal->p, literal->len) == 0;
    return memcmp(pass->keys + begin, key_of(pass->set, entry->literal), literal->len) == 0;
}

/* The strings whose window stands at `at`; false ends the pass. */
static bool look_up(const struct pass *pass, const struct table *table, uint64_t window,
                    uint64_t hash, size_t at)
{
    size_t b = bucket_of(table, hash);

    for (uint32_t i = table->bucket[b]; i < table->bucket[b + 1]; i++) {
        const struct entry *entry = &table->entry[i];
        const struct ak_literal *literal = &pass->set->literal[entry->literal];
        if (entry->window != window || entry->at > at || literal->len > pass->len ||
            at - entry->at > pass->len - literal->len || !same(pass, entry, at - entry->at))
            continue;
        if (!pass->on_literal(pass->ctx, literal->id, at - entry->at,
                              at - entry->at + literal->len))
            return false;
    }
    return true;
}

/* Whether some string has this window, for certain only if not. */
static inline unsigned maybe(const uint64_t *bitmap, unsigned bitmap_log, uint64_t window)
{
    uint64_t product = window * MULTIPLIER;
    uint64_t bits = bits_of(product);

    return (bitmap[word_of(bitmap_log, product)] & bits) == bits;
}

static bool try_places(const struct pass *pass, const struct table *table, size_t at, unsigned bits)
{
    for (; bits != 0; bits &= bits - 1) {
        size_t place = at + table->step * (unsigned)__builtin_ctz(bits);
        uint64_t window = window_at(pass->keys + place, table->bytes);
        if (!look_up(pass, table, window, mix(window), place))
            return false;
    }
    return true;
}

/* All places that one table asks about, so many at a time: their reads of the bitmap overlap, and
 * there is one branch for all of them. */
static inline bool scan_places(const struct pass *pass, const struct table *table, unsigned bytes,
                               unsigned step)
{
    const uint64_t *bitmap = table->bitmap;
    unsigned log = table->bitmap_log;
    const uint8_t *keys = pass->keys;
    size_t at = 0;

    for (; at + step * STRIDE + LONG_BYTES <= pass->len; at += step * STRIDE) {
        unsigned bits = 0;
        for (unsigned k = 0; k < STRIDE; k++)
            bits |= maybe(bitmap, log, window_at(keys + at + step * k, bytes)) << k;
        if (bits != 0 && !try_places(pass, table, at, bits))
            return false;
    }
    for (; at + bytes <= pass->len; at += step) {
        if (!try_places(pass, table, at, maybe(bitmap, log, window_at(keys + at, bytes))))
            return false;
    }
    return true;
}

static bool scan_table(const struct pass *pass, const struct table *table)
{
    if (table->count == 0)
        return true;
    if (table->bytes == SHORT_BYTES)
        return scan_places(pass, table, SHORT_BYTES, 1);
    return table->step == 1 ? scan_places(pass, table, LONG_BYTES, 1)
                            : scan_places(pass, table, LONG_BYTES, SPARSE);
}

void ak_literals_scan(const struct ak_literals *set, const uint8_t *text, const uint8_t *folded,
                      size_t len, ak_literals_fn on_literal, void *ctx)
{
    struct pass pass = {set, text, set->fold ? folded : text, len, on_literal, ctx};

    assert(!set->fold || folded != NULL || len == 0);
    for (unsigned t = 0; t < TABLES && scan_table(&pass, &set->table[t]); t++)
        ;
}
