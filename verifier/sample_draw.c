/* sample_draw.c - which indices a sample has (format.md 16.1): a function of origin, head, range
 * and nonce, which anyone can repeat.
 *
 * Happy path: numbers out of SHA-256, those refused that would favour small indices, those skipped
 * that were given before.
 * Failure modes: no memory, and more indices than a sample can have. */
#include <akashi/sample.h>

#include <akashi/base64.h>

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TABLE_FIRST 1024u /* places of the table of given indices at first; a power of 2 */

/* No index: sizes are below 2^63. */
#define FREE UINT64_MAX

/* Numbers that are taken before a draw is given up: 64 times what AK_SAMPLE_DRAWN_MAX indices of a
 * range that is hardly larger need (n ln n). */
#define NUMBERS_MAX (UINT64_C(64) * 16u * AK_SAMPLE_DRAWN_MAX)

struct ak_sample_draw {
    struct ak_sha256_ctx prefix; /* the seed */
    uint64_t first;
    uint64_t count;
    uint64_t refuse; /* numbers from here on; 0: none */
    uint64_t k;
    uint64_t given;
    uint64_t *table;
    size_t places;
};

static void add_text(struct ak_sha256_ctx *ctx, const char *text)
{
    ak_sha256_update(ctx, text, strlen(text));
}

static void add_number(struct ak_sha256_ctx *ctx, uint64_t number)
{
    char text[24];

    (void)snprintf(text, sizeof(text), "%" PRIu64 "\n", number);
    add_text(ctx, text);
}

static void add_hex(struct ak_sha256_ctx *ctx, const uint8_t *data, size_t len)
{
    char text[2 * AK_SAMPLE_NONCE_BYTES_MAX + 1];

    assert(len <= AK_SAMPLE_NONCE_BYTES_MAX);
    if (len == 0)
        add_text(ctx, "-");
    else
        ak_sha256_update(ctx, text, ak_hex_encode(text, sizeof(text), data, len));
    add_text(ctx, "\n");
}

void ak_sample_seed(const struct ak_sample_text *text, struct ak_hash *seed)
{
    char root[AK_BASE64_CHARS(AK_HASH_BYTES) + 1];
    struct ak_sha256_ctx ctx;

    (void)ak_base64_encode(root, sizeof(root), text->root.b, AK_HASH_BYTES);
    ak_sha256_init(&ctx);
    add_text(&ctx, "akashi/sample/v1\n");
    add_text(&ctx, text->origin);
    add_text(&ctx, "\n");
    add_number(&ctx, text->size);
    add_text(&ctx, root);
    add_text(&ctx, "\n");
    add_number(&ctx, text->first);
    add_number(&ctx, text->end);
    assert(text->nonce_len > 0);
    add_hex(&ctx, text->nonce, text->nonce_len);
    add_hex(&ctx, text->beacon, text->beacon_len);
    ak_sha256_final(&ctx, seed);
}

void ak_sample_line_seed(const struct ak_hash *seed, uint64_t count, const struct ak_hash *digest,
                         struct ak_hash *out)
{
    struct ak_sha256_ctx ctx;

    ak_sha256_init(&ctx);
    add_text(&ctx, "akashi/sample-lines/v1\n");
    add_hex(&ctx, seed->b, AK_HASH_BYTES);
    add_number(&ctx, count);
    add_hex(&ctx, digest->b, AK_HASH_BYTES);
    ak_sha256_final(&ctx, out);
}

void ak_sample_commitment(const uint8_t *nonce, size_t len, struct ak_hash *out)
{
    ak_sha256(out, nonce, len);
}

static uint64_t *table_new(size_t places)
{
    uint64_t *table = malloc(places * sizeof(*table));

    for (size_t i = 0; table != NULL && i < places; i++)
        table[i] = FREE;
    return table;
}

enum ak_code ak_sample_draw_new(struct ak_sample_draw **out, const struct ak_hash *seed,
                                uint64_t first, uint64_t end, struct ak_error *err)
{
    struct ak_sample_draw *draw = calloc(1, sizeof(*draw));

    assert(first < end);
    *out = NULL;
    if (draw != NULL)
        draw->table = table_new(TABLE_FIRST);
    if (draw == NULL || draw->table == NULL) {
        free(draw);
        return ak_fail(err, AK_ENOMEM, "no memory for a sample");
    }
    draw->places = TABLE_FIRST;
    ak_sha256_init(&draw->prefix);
    ak_sha256_update(&draw->prefix, seed->b, AK_HASH_BYTES);
    draw->first = first;
    draw->count = end - first;
    /* floor(2^64 / count) * count, modulo 2^64: 0 where count divides 2^64 */
    draw->refuse = UINT64_MAX - (UINT64_MAX % draw->count + 1) % draw->count + 1;
    *out = draw;
    return AK_OK;
}

void ak_sample_draw_free(struct ak_sample_draw *draw)
{
    if (draw == NULL)
        return;
    free(draw->table);
    free(draw);
}

/* Puts an index where it belongs; false if it is there. The indices are hashes already. */
static bool put(uint64_t *table, size_t places, uint64_t index)
{
    size_t at = (size_t)(index * UINT64_C(0x9E3779B97F4A7C15) >> 20) & (places - 1);

    while (table[at] != FREE) {
        if (table[at] == index)
            return false;
        at = (at + 1) & (places - 1);
    }
    table[at] = index;
    return true;
}

static enum ak_code grow(struct ak_sample_draw *draw, struct ak_error *err)
{
    uint64_t *table = table_new(2 * draw->places);

    if (table == NULL)
        return ak_fail(err, AK_ENOMEM, "no memory for a sample");
    for (size_t i = 0; i < draw->places; i++) {
        if (draw->table[i] != FREE)
            (void)put(table, 2 * draw->places, draw->table[i]);
    }
    free(draw->table);
    draw->table = table;
    draw->places *= 2;
    return AK_OK;
}

/* x_k: the first 8 bytes of H(seed || u64 k). */
static uint64_t number(struct ak_sample_draw *draw)
{
    struct ak_sha256_ctx ctx = draw->prefix;
    struct ak_hash hash;
    uint8_t k[8];
    uint64_t x = 0;

    for (unsigned i = 0; i < 8; i++)
        k[i] = (uint8_t)(draw->k >> (8 * (7 - i)));
    draw->k++;
    ak_sha256_update(&ctx, k, sizeof(k));
    ak_sha256_final(&ctx, &hash);
    for (unsigned i = 0; i < 8; i++)
        x = x << 8 | hash.b[i];
    return x;
}

enum ak_code ak_sample_draw_next(struct ak_sample_draw *draw, uint64_t *index, bool *more,
                                 struct ak_error *err)
{
    *more = draw->given < draw->count;
    if (!*more)
        return AK_OK;
    if (draw->given == AK_SAMPLE_DRAWN_MAX)
        return ak_fail(err, AK_ELIMIT,
                       "a sample has at most %u indices: narrow the range with --index, or leave "
                       "--source out",
                       AK_SAMPLE_DRAWN_MAX);
    if (2 * draw->given >= draw->places) {
        enum ak_code rc = grow(draw, err);
        if (rc != AK_OK)
            return rc;
    }
    while (draw->k < NUMBERS_MAX) {
        uint64_t x = number(draw);
        if (draw->refuse != 0 && x >= draw->refuse)
            continue;
        *index = draw->first + x % draw->count;
        if (put(draw->table, draw->places, *index)) {
            draw->given++;
            return AK_OK;
        }
    }
    /* UNTESTED: no seed is known that comes here */
    return ak_fail(err, AK_ELIMIT, "the draw does not end");
}
