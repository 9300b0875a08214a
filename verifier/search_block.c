/* search_block.c - what a thread does with one block.
 *
 * Happy path: COLUMNS say that the block may hold what is asked for, the text is decompressed and
 * looked through in one pass, and there is no place in it. Else the text of the groups with places
 * is divided, places are led back to records, each of these is looked at by itself, and the groups
 * that hold a hit are hashed. */
#include "search_block.h"

#include <akashi/format.h>

#include <stdlib.h>
#include <string.h>

enum ak_code ak_search_block_new(struct ak_search_block **out, const struct ak_matcher *matcher,
                                 struct ak_error *err)
{
    struct ak_search_block *b = calloc(1, sizeof(*b));

    *out = NULL;
    if (b == NULL)
        return ak_fail(err, AK_ENOMEM, "no memory to search");
    b->columns = ak_columns_new();
    b->block = ak_block_new();
    b->columns_bytes = malloc(AK_FRAME_BUFFER_BYTES);
    b->data_bytes = malloc(AK_DATA_BYTES_MAX);
    b->place = calloc(AK_BLOCK_ENTRIES_MAX, sizeof(*b->place));
    if (b->columns == NULL || b->block == NULL || b->columns_bytes == NULL ||
        b->data_bytes == NULL || b->place == NULL ||
        ak_matcher_scan_new(&b->scan, matcher, NULL) != AK_OK) {
        ak_search_block_free(b);
        return ak_fail(err, AK_ENOMEM, "no memory to search");
    }
    *out = b;
    return AK_OK;
}

void ak_search_block_free(struct ak_search_block *b)
{
    if (b == NULL)
        return;
    ak_columns_free(b->columns);
    ak_block_free(b->block);
    free(b->columns_bytes);
    free(b->data_bytes);
    free(b->place);
    ak_matcher_scan_free(b->scan);
    free(b);
}

static bool source_wanted(const struct ak_log_filter *filter, uint32_t source)
{
    for (size_t i = 0; i < filter->source_count; i++) {
        if (filter->sources[i] == source)
            return true;
    }
    return filter->sources == NULL;
}

bool ak_search_wants(const struct ak_log_filter *filter, uint64_t index, uint8_t kind,
                     uint64_t received, uint32_t source)
{
    return ak_kind_received(kind) && index >= filter->first && index <= filter->last &&
           received >= filter->from && received < filter->to && source_wanted(filter, source);
}

/* Entries [*from, *to) of the block that a run holds and the filter's indices let through. */
static bool run_within(const struct ak_search_block *b, const struct ak_columns_run *run,
                       uint32_t begin, uint32_t *from, uint32_t *to)
{
    const struct ak_log_filter *filter = b->filter;
    uint64_t first = b->columns->first + begin;
    uint64_t last = first + run->count - 1;

    if (!ak_search_wants(filter, first < filter->first ? filter->first : first, run->kind,
                         run->received, run->source) ||
        last < filter->first || first > filter->last)
        return false;
    *from = begin + (uint32_t)(first < filter->first ? filter->first - first : 0);
    *to = begin + run->count - (uint32_t)(last > filter->last ? last - filter->last : 0);
    return true;
}

/* Stretches of [from, to) whose payload is not there. */
static void absent_within(const struct ak_columns *columns, uint32_t from, uint32_t to,
                          ak_search_absent_fn on_absent, void *ctx)
{
    for (uint32_t a = 0; a < columns->absent_count; a++) {
        uint32_t begin = columns->absent[a].position;
        uint32_t end = begin + columns->absent[a].count;
        begin = begin > from ? begin : from;
        end = end < to ? end : to;
        if (begin < end)
            on_absent(ctx, begin, end, columns->absent[a].state);
    }
}

void ak_search_block_absent(const struct ak_search_block *b, ak_search_absent_fn on_absent,
                            void *ctx)
{
    uint32_t begin = 0;

    for (uint32_t r = 0; r < b->columns->run_count; r++) {
        uint32_t from;
        uint32_t to;
        if (run_within(b, &b->columns->run[r], begin, &from, &to))
            absent_within(b->columns, from, to, on_absent, ctx);
        begin += b->columns->run[r].count;
    }
}

static void count_absent(void *ctx, uint32_t from, uint32_t to, uint8_t state)
{
    struct ak_search_block *b = ctx;

    (void)state;
    b->absent += to - from;
}

/* Records in the block by its COLUMNS. */
static void count_wanted(struct ak_search_block *b)
{
    uint32_t begin = 0;

    for (uint32_t r = 0; r < b->columns->run_count; r++) {
        uint32_t from;
        uint32_t to;
        if (run_within(b, &b->columns->run[r], begin, &from, &to))
            b->searched += to - from;
        begin += b->columns->run[r].count;
    }
    ak_search_block_absent(b, count_absent, b);
    b->searched -= b->absent;
}

static enum ak_code read_columns(struct ak_search_block *b)
{
    enum ak_code rc =
        ak_frame_read(b->fd, &b->columns_frame, b->columns_bytes, AK_FRAME_BUFFER_BYTES,
                      b->digest ? &b->columns_digest : NULL, &b->err);

    if (rc == AK_OK)
        rc = ak_columns_decode(b->columns, b->columns_bytes + ak_frame_head(&b->columns_frame),
                               (size_t)b->columns_frame.content_bytes, &b->err);
    return rc;
}

static void need_all(struct ak_search_block *b)
{
    b->all = true;
    for (uint32_t g = 0; g < b->columns->group_count; g++)
        b->needed[g] = true;
}

/* The text, if it is whole; else what of it came out, with entries and hashes. */
static void read_text(struct ak_search_block *b)
{
    if (!b->has_data) {
        b->data_rc = ak_fail(&b->data_err, AK_EMALFORMED, "the DATA frame is not there");
        return;
    }
    b->data_rc =
        ak_frame_read(b->fd, &b->data_frame, b->data_bytes, AK_DATA_BYTES_MAX, NULL, &b->data_err);
    if (b->data_rc != AK_OK)
        return;
    b->data_read = true;
    b->data_rc = ak_block_text(b->block, b->columns, b->data_bytes, (size_t)b->data_frame.bytes,
                               &b->data_err);
    if (b->data_rc == AK_OK || b->data_rc == AK_ENOMEM)
        return;
    b->data_rc = ak_block_open(b->block, b->columns, b->data_bytes, (size_t)b->data_frame.bytes,
                               NULL, &b->data_err);
    b->opened = b->data_rc != AK_ENOMEM;
    b->begun = b->opened;
    need_all(b);
}

/* Groups in which a place lies, by what COLUMNS say of their texts; both rise. */
static void need_places(struct ak_search_block *b)
{
    size_t k = 0;

    for (uint32_t g = 0; g < b->columns->group_count; g++) {
        const struct ak_columns_group *group = &b->columns->group[g];
        b->needed[g] =
            group->text_bytes > 0 &&
            ak_matcher_may(b->scan, &k, group->text_at, group->text_at + group->text_bytes - 1);
    }
}

/* Entries and payloads of the groups that may hold something. If one of them does not divide, the
 * block is gone through as a whole. */
static void divide(struct ak_search_block *b)
{
    ak_block_begin(b->block, b->columns);
    b->begun = true;
    if (b->trust && !b->invert)
        need_places(b);
    else
        need_all(b);
    b->data_rc = ak_block_divide(b->block, b->columns, b->needed, &b->data_err);
    if (b->data_rc != AK_OK) {
        need_all(b);
        (void)ak_block_divide(b->block, b->columns, NULL, NULL);
    }
    b->opened = true;
}

/* Looks at one record by itself. */
static enum ak_code try_record(struct ak_search_block *b, uint32_t position, bool place)
{
    const struct ak_payload *payload = &b->block->payload[position];
    struct ak_match match = {0};
    enum ak_code rc = AK_OK;

    if (place)
        rc = ak_matcher_place(b->scan, payload->p, payload->len, &match, &b->err);
    if (rc == AK_OK && match.found != b->invert)
        b->place[b->count++] = (struct ak_search_place){position, match};
    return rc;
}

/* Records of one group that hold a place. `*k` as ak_matcher_may. */
static enum ak_code try_group(struct ak_search_block *b, const struct ak_block_group *group,
                              size_t *k)
{
    const struct ak_block *block = b->block;
    enum ak_code rc = AK_OK;

    for (uint32_t i = group->begin; i < group->begin + group->count && rc == AK_OK; i++) {
        const struct ak_payload *payload = &block->payload[i];
        const struct ak_entry *entry = &block->entry[i];
        size_t begin;
        bool place;
        if (payload->p == NULL)
            continue;
        begin = (size_t)(payload->p - block->text);
        place = ak_matcher_may(b->scan, k, begin, begin + payload->len);
        if ((place || b->invert) && ak_search_wants(b->filter, block->first + i, entry->kind,
                                                    entry->received, entry->source))
            rc = try_record(b, i, place);
    }
    return rc;
}

/* Places in the text, led back to the records that hold them. Groups without such a record are
 * needed no more, where COLUMNS are trusted. */
static enum ak_code try_records(struct ak_search_block *b)
{
    enum ak_code rc = AK_OK;
    size_t k = 0;

    if (b->data_rc != AK_OK)
        ak_matcher_everywhere(b->scan);
    for (uint32_t g = 0; g < b->block->group_count && rc == AK_OK; g++) {
        uint32_t before = b->count;
        if (b->needed[g] && b->block->group[g].decoded)
            rc = try_group(b, &b->block->group[g], &k);
        if (b->trust && b->data_rc == AK_OK)
            b->needed[g] = b->count > before;
    }
    return rc;
}

/* Whether all of the text is proven by the tree, or else the block will be gone through again. */
static bool needs_all(const struct ak_search_block *b)
{
    if (!b->opened || b->data_rc != AK_OK)
        return false;
    for (uint32_t g = 0; g < b->columns->group_count; g++) {
        if (!b->needed[g] && b->columns->group[g].text_bytes > 0)
            return false;
    }
    return true;
}

/* The digest of DATA: what COLUMNS state will do where DATA is not used, or is proven without it.
 */
static void digest_data(struct ak_search_block *b)
{
    bool stated = b->passed || needs_all(b);

    b->digested = b->has_data && (stated || b->data_read);
    if (b->digested && stated)
        b->data_digest = b->columns->data_digest;
    else if (b->digested)
        ak_sha256(&b->data_digest, b->data_bytes, (size_t)b->data_frame.bytes);
}

static void run(struct ak_search_block *b)
{
    count_wanted(b);
    b->passed = (b->searched == 0 && b->trust) || b->columns->first > b->filter->last ||
                b->columns->first + b->columns->count <= b->filter->first;
    if (b->passed)
        return;
    read_text(b);
    if (b->data_rc == AK_ENOMEM) {
        b->rc = ak_fail(&b->err, AK_ENOMEM, "%s", b->data_err.text);
        return;
    }
    if (b->data_rc != AK_OK && !b->opened)
        return;
    if (b->look)
        b->rc = ak_matcher_block(b->scan, b->block->text, b->columns->text_bytes, &b->err);
    if (b->rc != AK_OK)
        return;
    if (!b->opened && (!b->trust || (b->look && (b->invert || b->scan->count > 0))))
        divide(b);
    if (b->opened && b->look)
        b->rc = try_records(b);
    if (b->opened && b->prove)
        ak_block_hash(b->block, b->columns, b->needed);
}

bool ak_search_block_group(struct ak_search_block *b, uint32_t g)
{
    bool only[AK_BLOCK_GROUPS_MAX] = {false};

    if (b->rc != AK_OK || b->passed || b->data_rc != AK_OK)
        return false;
    if (!b->begun)
        ak_block_begin(b->block, b->columns);
    b->begun = true;
    only[g] = true;
    if (ak_block_divide(b->block, b->columns, only, NULL) == AK_OK)
        ak_block_hash(b->block, b->columns, only);
    return b->block->group[g].hashed;
}

void ak_search_block_run(struct ak_task *task)
{
    struct ak_search_block *b = (struct ak_search_block *)task;

    memset(&b->err, 0, sizeof(b->err));
    memset(&b->data_err, 0, sizeof(b->data_err));
    b->passed = false;
    b->begun = false;
    b->opened = false;
    b->all = false;
    b->data_read = false;
    b->digested = false;
    memset(b->needed, 0, sizeof(b->needed));
    b->data_rc = AK_OK;
    b->searched = 0;
    b->absent = 0;
    b->count = 0;
    b->rc = read_columns(b);
    if (b->rc == AK_OK)
        run(b);
    if (b->rc == AK_OK && b->digest)
        digest_data(b);
}
