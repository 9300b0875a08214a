/* bundle_positions.c - counts of sources that state entries vouch for (docs/format.md 10.4, 14.7).
 *
 * The file is read along with the fold: what belongs to a state entry is given when that entry was
 * met, so nothing is kept. */
#include "bundle_private.h"

#include "json.h"

#include <akashi/base64.h>

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define FIRST_LINE "akashi/positions/v1"

/* "count" and four numbers. */
#define LINE_BYTES_MAX 128u

/* A position's leaf (10.4). */
#define LEAF_BYTES (4u + 6u + 8u + 8u)

struct ak_bundle_positions {
    struct ak_bundle_stream stream;
    bool has_state; /* a `state` line was read and not used yet */
    uint64_t state;
    bool any;
    bool ended;
    struct ak_text line; /* the line ahead; borrows from the stream */
    char line_bytes[LINE_BYTES_MAX + 1];
};

static enum ak_code bad(struct ak_error *err, const char *what)
{
    return ak_fail(err, AK_EMALFORMED, "positions: %s", what);
}

/* Reads the next line into `line`, or notes the end. */
static enum ak_code ahead(struct ak_bundle_positions *p, struct ak_error *err)
{
    struct ak_text line;
    enum ak_code rc;

    if (ak_bundle_stream_ended(&p->stream)) {
        p->ended = true;
        p->line = (struct ak_text){p->line_bytes, 0};
        return AK_OK;
    }
    rc = ak_bundle_stream_line(&p->stream, LINE_BYTES_MAX, &line, err);
    if (rc != AK_OK)
        return rc;
    memcpy(p->line_bytes, line.p, line.len);
    p->line = (struct ak_text){p->line_bytes, line.len};
    return AK_OK;
}

/* The line ahead names the next state. */
static enum ak_code read_state(struct ak_bundle_positions *p, struct ak_error *err)
{
    uint64_t index;

    if (p->ended)
        return AK_OK;
    if (!ak_text_skip(&p->line, "state ") || !ak_text_decimal(p->line, AK_TREE_SIZE_MAX, &index) ||
        (p->any && index <= p->state))
        return bad(err, "where a state is due stands another line");
    p->any = true;
    p->has_state = true;
    p->state = index;
    return ahead(p, err);
}

enum ak_code ak_bundle_positions_open(struct ak_bundle_positions **out,
                                      const struct ak_bundle_files *files, struct ak_error *err)
{
    struct ak_bundle_positions *p = calloc(1, sizeof(*p));
    enum ak_code rc;

    *out = p;
    if (p == NULL)
        return ak_fail(err, AK_ENOMEM, "no memory to read positions");
    rc = ak_bundle_stream_open(&p->stream, files, AK_BUNDLE_POSITIONS, err);
    if (rc == AK_OK)
        rc = ahead(p, err);
    if (rc == AK_OK && (p->ended || !ak_text_skip(&p->line, FIRST_LINE) || p->line.len > 0))
        rc = bad(err, "it does not begin with " FIRST_LINE);
    if (rc == AK_OK)
        rc = ahead(p, err);
    if (rc == AK_OK && p->ended)
        rc = bad(err, "it holds no state");
    return rc == AK_OK ? read_state(p, err) : rc;
}

void ak_bundle_positions_free(struct ak_bundle_positions *p)
{
    if (p == NULL)
        return;
    ak_bundle_stream_close(&p->stream);
    free(p);
}

/* What the state says: its root, and how many leaves are below it. */
static enum ak_code read_payload(const void *payload, size_t len, struct ak_hash *root,
                                 uint64_t *leaves, struct ak_error *err)
{
    json_t *object;
    const json_t *sources;
    enum ak_code rc = ak_json_parse(payload, len, &object, err);

    if (rc != AK_OK)
        return rc;
    sources = json_object_get(object, "sources");
    rc = ak_json_bytes(object, "positions", root->b, AK_HASH_BYTES, err);
    *leaves = AK_SOURCE_FIRST;
    if (rc == AK_OK && (!json_is_integer(sources) || json_integer_value(sources) > AK_DECLARED_MAX))
        rc = ak_fail(err, AK_EMALFORMED, "a state names no possible number of sources");
    if (rc == AK_OK)
        *leaves += (uint64_t)json_integer_value(sources);
    json_decref(object);
    return rc;
}

static bool take_number(struct ak_text *line, uint64_t max, bool last, uint64_t *value)
{
    const char *blank = memchr(line->p, ' ', line->len);
    struct ak_text word = {line->p, blank == NULL ? line->len : (size_t)(blank - line->p)};

    if ((blank == NULL) != last || !ak_text_decimal(word, max, value))
        return false;
    line->p += word.len + !last;
    line->len -= word.len + !last;
    return true;
}

static void put(uint8_t *out, unsigned n, uint64_t value)
{
    for (unsigned i = 0; i < n; i++)
        out[i] = (uint8_t)(value >> (8 * (n - 1 - i)));
}

/* The number of hashes on the way from leaf `index` to the root of `size` leaves (RFC 9162). */
static unsigned path_length(uint64_t index, uint64_t size)
{
    uint64_t last = size - 1;
    unsigned n = 0;

    for (; last > 0; index >>= 1, last >>= 1)
        n += (index & 1) == 1 || index < last;
    return n;
}

/* One `count` line, which is ahead, and its hashes. */
static enum ak_code read_count(struct ak_bundle_positions *p, const struct ak_hash *root,
                               uint64_t leaves, uint64_t *ordinal, uint64_t *known,
                               struct ak_error *err)
{
    struct ak_hash path[AK_PROOF_HASHES_MAX];
    uint8_t bytes[LEAF_BYTES];
    struct ak_hash leaf;
    uint64_t index;
    uint64_t received;
    unsigned n;
    enum ak_code rc;

    if (!take_number(&p->line, leaves - 1, false, ordinal) ||
        !take_number(&p->line, AK_SEQ_MAX + 1, false, known) ||
        !take_number(&p->line, AK_TREE_SIZE_MAX, false, &index) ||
        !take_number(&p->line, UINT64_MAX, true, &received))
        return bad(err, "a count is not of its form");
    n = path_length(*ordinal, leaves);
    for (unsigned i = 0; i < n; i++) {
        size_t got;
        rc = ahead(p, err);
        if (rc != AK_OK)
            return rc;
        if (ak_base64_decode(path[i].b, AK_HASH_BYTES, &got, p->line.p, p->line.len, NULL) !=
                AK_OK ||
            got != AK_HASH_BYTES)
            return bad(err, "a count has fewer hashes than its proof needs");
    }
    put(bytes, 4, *ordinal);
    put(bytes + 4, 6, *known);
    put(bytes + 10, 8, index);
    put(bytes + 18, 8, received);
    ak_hash_leaf(&leaf, bytes, sizeof(bytes));
    if (ak_inclusion_verify(*ordinal, leaves, &leaf, path, n, root, NULL) != AK_OK)
        return ak_fail(err, AK_EINTEGRITY,
                       "positions: the count of source %" PRIu64
                       " is not the one that the state entry %" PRIu64 " vouches for",
                       *ordinal, p->state);
    return ahead(p, err);
}

enum ak_code ak_bundle_positions_at(struct ak_bundle_positions *p, uint64_t index,
                                    const void *payload, size_t len, ak_bundle_position_fn on_count,
                                    void *ctx, struct ak_error *err)
{
    struct ak_hash root;
    uint64_t leaves;
    uint64_t last = 0;
    bool any = false;
    enum ak_code rc;

    if (!p->has_state || p->state != index)
        return AK_OK;
    rc = read_payload(payload, len, &root, &leaves, err);
    while (rc == AK_OK && !p->ended && ak_text_skip(&p->line, "count ")) {
        uint64_t ordinal;
        uint64_t known;
        rc = read_count(p, &root, leaves, &ordinal, &known, err);
        if (rc == AK_OK && any && ordinal <= last)
            rc = bad(err, "counts are not in the order of sources");
        if (rc == AK_OK)
            rc = on_count(ctx, (uint32_t)ordinal, known, err);
        last = ordinal;
        any = true;
    }
    if (rc == AK_OK && !any)
        rc = bad(err, "a state without a count");
    p->has_state = false;
    return rc == AK_OK ? read_state(p, err) : rc;
}

enum ak_code ak_bundle_positions_end(struct ak_bundle_positions *p, struct ak_hash *digest,
                                     struct ak_error *err)
{
    if (p->has_state)
        return ak_fail(err, AK_EMALFORMED,
                       "positions speaks of a state entry %" PRIu64 " that is not shown", p->state);
    if (!p->ended)
        return bad(err, "something stands behind its last count");
    return ak_bundle_stream_digest(&p->stream, digest, err);
}
