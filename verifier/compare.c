/* compare.c - two lists of hashes, sorted, and walked side by side.
 *
 * The happy path: lines and records are hashed as they come and sorted by the hash of all their
 * bytes. Where both lists have a hash, the first line takes the first record, the second the
 * second, and so on. What is left over of both is sorted again by the hash of the message, and
 * walked again; then by the message of one side and what the tag leaves of it on the other, since
 * some relays take the tag off too. What then has no partner is the result.
 *
 * Failure modes: no room or right to write temporary files. */
#include "compare.h"

#include "extsort.h"
#include "syslog_body.h"

#include <akashi/format.h>
#include <akashi/sha256.h>

#include <assert.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

/* Half of a SHA-256, under a key of this run: two of 2^40 texts agree by chance once in 2^49 runs.
 */
#define HASH_BYTES 16u
#define KEY_BYTES  32u

/* What is sorted: a hash, a number, flags, and the hashes that later walks need. */
#define ITEM_BYTES   (HASH_BYTES + 8u + 1u + 8u + 2u * HASH_BYTES)
#define ITEM_NUMBER  HASH_BYTES
#define ITEM_FLAGS   (ITEM_NUMBER + 8u)
#define ITEM_OF_LINE (ITEM_FLAGS + 1u) /* of a record that is held AGAIN: the line */
#define ITEM_MESSAGE (ITEM_OF_LINE + 8u)
#define ITEM_CONTENT (ITEM_MESSAGE + HASH_BYTES)
#define FLAG_AGAIN   1u

/* Results: a number, what it is, another number. */
#define RESULT_BYTES 17u

/* What the lists of one walk are sorted by. */
enum part { PART_ALL, PART_MESSAGE, PART_CONTENT };

struct side {
    struct ak_sorter *now;  /* what is walked */
    struct ak_sorter *next; /* what is left of it */
};

struct ak_compare {
    const char *dir;
    size_t sort_bytes;
    uint8_t key[KEY_BYTES];
    struct side lines;
    struct side records;
    struct ak_sorter *line_results;
    struct ak_sorter *record_results;
    struct ak_compare_counts counts;
    uint8_t (*narrow)[HASH_BYTES]; /* table of hashes of lines; NULL: all records are taken */
    bool *narrow_used;
    size_t narrow_places; /* a power of 2 */
};

static void put64(uint8_t *out, uint64_t value)
{
    for (unsigned i = 0; i < 8; i++)
        out[i] = (uint8_t)(value >> (8 * (7 - i)));
}

static uint64_t get64(const uint8_t *p)
{
    uint64_t value = 0;

    for (unsigned i = 0; i < 8; i++)
        value = value << 8 | p[i];
    return value;
}

void ak_compare_free(struct ak_compare *c)
{
    if (c == NULL)
        return;
    ak_sorter_free(c->lines.now);
    ak_sorter_free(c->lines.next);
    ak_sorter_free(c->records.now);
    ak_sorter_free(c->records.next);
    ak_sorter_free(c->line_results);
    ak_sorter_free(c->record_results);
    free(c->narrow);
    free(c->narrow_used);
    free(c);
}

static enum ak_code new_sorter(struct ak_compare *c, struct ak_sorter **sorter, size_t item,
                               struct ak_error *err)
{
    return ak_sorter_new(sorter, c->dir, item, c->sort_bytes, err);
}

enum ak_code ak_compare_new(struct ak_compare **out, const char *dir, size_t sort_bytes,
                            struct ak_error *err)
{
    struct ak_compare *c = calloc(1, sizeof(*c));
    enum ak_code rc;

    *out = NULL;
    if (c == NULL || sodium_init() < 0) {
        free(c);
        return ak_fail(err, AK_ENOMEM, "no memory to compare");
    }
    c->dir = dir;
    c->sort_bytes = sort_bytes;
    c->counts.first = UINT64_MAX;
    randombytes_buf(c->key, sizeof(c->key));
    rc = new_sorter(c, &c->lines.now, ITEM_BYTES, err);
    if (rc == AK_OK)
        rc = new_sorter(c, &c->records.now, ITEM_BYTES, err);
    if (rc == AK_OK)
        rc = new_sorter(c, &c->line_results, RESULT_BYTES, err);
    if (rc == AK_OK)
        rc = new_sorter(c, &c->record_results, RESULT_BYTES, err);
    if (rc != AK_OK) {
        ak_compare_free(c);
        return rc;
    }
    *out = c;
    return AK_OK;
}

static void begin_hash(const struct ak_compare *c, struct ak_sha256_ctx *ctx)
{
    ak_sha256_init(ctx);
    ak_sha256_update(ctx, c->key, sizeof(c->key));
}

static void end_hash(struct ak_sha256_ctx *ctx, uint8_t *out)
{
    struct ak_hash hash;

    ak_sha256_final(ctx, &hash);
    memcpy(out, hash.b, HASH_BYTES);
}

static void hash_text(const struct ak_compare *c, const void *data, size_t len, uint8_t *out)
{
    struct ak_sha256_ctx ctx;

    begin_hash(c, &ctx);
    ak_sha256_update(&ctx, data, len);
    end_hash(&ctx, out);
}

/* The message as RFC 3164 writes it, whatever the headers were. */
static void hash_message(const struct ak_compare *c, const struct ak_syslog_body *body,
                         uint8_t *out)
{
    struct ak_sha256_ctx ctx;

    begin_hash(c, &ctx);
    if (body->app != NULL) {
        ak_sha256_update(&ctx, body->app, body->app_len);
        if (body->procid_len > 0) {
            ak_sha256_update(&ctx, "[", 1);
            ak_sha256_update(&ctx, body->procid, body->procid_len);
            ak_sha256_update(&ctx, "]", 1);
        }
        ak_sha256_update(&ctx, ": ", 2);
    }
    ak_sha256_update(&ctx, body->content, body->content_len);
    end_hash(&ctx, out);
}

static void make_item(const struct ak_compare *c, uint8_t *item, uint64_t number, const void *data,
                      size_t len)
{
    struct ak_syslog_body body;

    memset(item, 0, ITEM_BYTES);
    ak_syslog_body(&body, data, len);
    hash_text(c, data, len, item);
    put64(item + ITEM_NUMBER, number);
    if (body.content_len == 0) { /* a header alone is no message: only all of it can be equal */
        memcpy(item + ITEM_MESSAGE, item, HASH_BYTES);
        memcpy(item + ITEM_CONTENT, item, HASH_BYTES);
        return;
    }
    hash_message(c, &body, item + ITEM_MESSAGE);
    hash_text(c, body.content, body.content_len, item + ITEM_CONTENT);
}

static enum ak_code add_result(struct ak_sorter *sorter, uint64_t number, uint8_t what,
                               uint64_t other, struct ak_error *err)
{
    uint8_t result[RESULT_BYTES];

    put64(result, number);
    result[8] = what;
    put64(result + 9, other);
    return ak_sorter_add(sorter, result, err);
}

enum ak_code ak_compare_narrow(struct ak_compare *c, uint64_t lines, struct ak_error *err)
{
    size_t places = 16;

    while (places < 6 * lines) /* three hashes each, half of the places free */
        places *= 2;
    c->narrow = calloc(places, sizeof(*c->narrow));
    c->narrow_used = calloc(places, sizeof(*c->narrow_used));
    c->narrow_places = places;
    return c->narrow == NULL || c->narrow_used == NULL
               ? ak_fail(err, AK_ENOMEM, "no memory to compare")
               : AK_OK;
}

/* The place of a hash in the table, or the free one where it belongs. */
static size_t narrow_place(const struct ak_compare *c, const uint8_t *hash)
{
    size_t at = (size_t)get64(hash) & (c->narrow_places - 1);

    while (c->narrow_used[at] && memcmp(c->narrow[at], hash, HASH_BYTES) != 0)
        at = (at + 1) & (c->narrow_places - 1);
    return at;
}

static void narrow_add(struct ak_compare *c, const uint8_t *item)
{
    static const unsigned parts[] = {0, ITEM_MESSAGE, ITEM_CONTENT};

    for (unsigned i = 0; i < 3; i++) {
        size_t at = narrow_place(c, item + parts[i]);
        memcpy(c->narrow[at], item + parts[i], HASH_BYTES);
        c->narrow_used[at] = true;
    }
}

/* Whether any hash of the record is one of any line, whatever they are of. */
static bool narrow_has(const struct ak_compare *c, const uint8_t *item)
{
    return c->narrow_used[narrow_place(c, item)] ||
           c->narrow_used[narrow_place(c, item + ITEM_MESSAGE)] ||
           c->narrow_used[narrow_place(c, item + ITEM_CONTENT)];
}

enum ak_code ak_compare_add_line(struct ak_compare *c, const char *data, size_t len,
                                 struct ak_error *err)
{
    uint8_t item[ITEM_BYTES];
    uint64_t number = c->counts.lines++;

    if (data == NULL || len > AK_PAYLOAD_BYTES_MAX) {
        c->counts.not_held++;
        return add_result(c->line_results, number, AK_COMPARE_NOT_HELD, 0, err);
    }
    make_item(c, item, number, data, len);
    if (c->narrow != NULL)
        narrow_add(c, item);
    return ak_sorter_add(c->lines.now, item, err);
}

enum ak_code ak_compare_add_record(struct ak_compare *c, uint64_t index, const void *data,
                                   size_t len, struct ak_error *err)
{
    uint8_t item[ITEM_BYTES];

    c->counts.records++;
    if (len > 0 && memchr(data, '\n', len) != NULL) {
        c->counts.line_feeds++;
        return add_result(c->record_results, index, AK_COMPARE_LINE_FEEDS, 0, err);
    }
    make_item(c, item, index, data, len);
    if (c->narrow != NULL && !narrow_has(c, item))
        return AK_OK;
    return ak_sorter_add(c->records.now, item, err);
}

/* The hash that the next walk sorts by goes to the front. Hashes of other parts are never compared:
 * each walk has its own lists. */
static enum ak_code pass_on(struct ak_sorter *next, const uint8_t *item, enum part part,
                            uint8_t flags, uint64_t line, struct ak_error *err)
{
    uint8_t moved[ITEM_BYTES];

    memcpy(moved, item, ITEM_BYTES);
    memcpy(moved, item + (part == PART_MESSAGE ? ITEM_MESSAGE : ITEM_CONTENT), HASH_BYTES);
    moved[ITEM_FLAGS] |= flags;
    if (flags != 0)
        put64(moved + ITEM_OF_LINE, line);
    return ak_sorter_add(next, moved, err);
}

/* One walk: what it does with pairs and with what is left. */
struct walk {
    struct ak_compare *c;
    enum ak_compare_line result; /* of pairs */
    bool last;                   /* no walk follows: what is left is a result */
    enum part line_part;         /* of the walk that follows */
    enum part record_part;
    uint8_t hash[HASH_BYTES]; /* of the newest pair, and its line */
    bool has_pair;
    uint64_t pair_line;
};

static enum ak_code take_pair(struct walk *w, const uint8_t *line, const uint8_t *record,
                              struct ak_error *err)
{
    struct ak_compare *c = w->c;
    uint64_t number = get64(line + ITEM_NUMBER);
    uint64_t index = get64(record + ITEM_NUMBER);

    if (!w->has_pair || memcmp(w->hash, line, HASH_BYTES) != 0) {
        memcpy(w->hash, line, HASH_BYTES);
        w->has_pair = true;
        w->pair_line = number;
    }
    if (index < c->counts.first)
        c->counts.first = index;
    if (index > c->counts.last)
        c->counts.last = index;
    if (w->result == AK_COMPARE_UNCHANGED)
        c->counts.unchanged++;
    else
        c->counts.other_header++;
    return add_result(c->line_results, number, (uint8_t)w->result, index, err);
}

static enum ak_code leave_line(struct walk *w, const uint8_t *line, struct ak_error *err)
{
    if (!w->last)
        return pass_on(w->c->lines.next, line, w->line_part, 0, 0, err);
    w->c->counts.not_held++;
    return add_result(w->c->line_results, get64(line + ITEM_NUMBER), AK_COMPARE_NOT_HELD, 0, err);
}

static enum ak_code leave_record(struct walk *w, const uint8_t *record, struct ak_error *err)
{
    bool again = w->result == AK_COMPARE_UNCHANGED && w->has_pair &&
                 memcmp(w->hash, record, HASH_BYTES) == 0;
    bool was_again = (record[ITEM_FLAGS] & FLAG_AGAIN) != 0;

    if (!w->last)
        return pass_on(w->c->records.next, record, w->record_part, again ? FLAG_AGAIN : 0,
                       again ? w->pair_line : 0, err);
    if (was_again)
        w->c->counts.again++;
    return add_result(w->c->record_results, get64(record + ITEM_NUMBER),
                      was_again ? AK_COMPARE_AGAIN : AK_COMPARE_ONLY_HERE,
                      was_again ? get64(record + ITEM_OF_LINE) : 0, err);
}

/* Both lists side by side; within one hash both rise by their numbers. */
static enum ak_code walk_lists(struct walk *w, struct ak_error *err)
{
    struct ak_compare *c = w->c;
    const uint8_t *line;
    const uint8_t *record;
    enum ak_code rc = ak_sorter_next(c->lines.now, &line, err);

    if (rc == AK_OK)
        rc = ak_sorter_next(c->records.now, &record, err);
    while (rc == AK_OK && (line != NULL || record != NULL)) {
        int order = line == NULL ? 1 : record == NULL ? -1 : memcmp(line, record, HASH_BYTES);
        if (order == 0)
            rc = take_pair(w, line, record, err);
        else if (order < 0)
            rc = leave_line(w, line, err);
        else
            rc = leave_record(w, record, err);
        if (rc == AK_OK && order <= 0)
            rc = ak_sorter_next(c->lines.now, &line, err);
        if (rc == AK_OK && order >= 0)
            rc = ak_sorter_next(c->records.now, &record, err);
    }
    return rc;
}

/* What was left over is walked next. */
static void turn(struct side *side)
{
    ak_sorter_free(side->now);
    side->now = side->next;
    side->next = NULL;
}

enum ak_code ak_compare_run(struct ak_compare *c, struct ak_compare_counts *counts,
                            struct ak_error *err)
{
    /* What follows each walk: of lines and records the part to be sorted by. */
    static const enum part follows[][2] = {
        {PART_MESSAGE, PART_MESSAGE}, {PART_MESSAGE, PART_CONTENT}, {PART_CONTENT, PART_MESSAGE}};
    const unsigned walks = sizeof(follows) / sizeof(follows[0]) + 1;
    enum ak_code rc = AK_OK;

    for (unsigned i = 0; rc == AK_OK && i < walks; i++) {
        struct walk w = {.c = c,
                         .result = i == 0 ? AK_COMPARE_UNCHANGED : AK_COMPARE_OTHER_HEADER,
                         .last = i + 1 == walks};
        if (!w.last) {
            w.line_part = follows[i][0];
            w.record_part = follows[i][1];
            rc = new_sorter(c, &c->lines.next, ITEM_BYTES, err);
            if (rc == AK_OK)
                rc = new_sorter(c, &c->records.next, ITEM_BYTES, err);
        }
        if (rc == AK_OK)
            rc = walk_lists(&w, err);
        turn(&c->lines);
        turn(&c->records);
    }
    *counts = c->counts;
    return rc;
}

enum ak_code ak_compare_next_line(struct ak_compare *c, struct ak_compare_line_result *line,
                                  bool *more, struct ak_error *err)
{
    const uint8_t *result;
    enum ak_code rc = ak_sorter_next(c->line_results, &result, err);

    *more = rc == AK_OK && result != NULL;
    if (*more)
        *line = (struct ak_compare_line_result){get64(result), (enum ak_compare_line)result[8],
                                                get64(result + 9)};
    return rc;
}

enum ak_code ak_compare_next_record(struct ak_compare *c, struct ak_compare_record_result *record,
                                    bool *more, struct ak_error *err)
{
    const uint8_t *result;
    enum ak_code rc = ak_sorter_next(c->record_results, &result, err);

    *more = rc == AK_OK && result != NULL;
    if (*more)
        *record = (struct ak_compare_record_result){
            get64(result), (enum ak_compare_record)result[8], get64(result + 9)};
    return rc;
}
