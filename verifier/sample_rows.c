/* sample_rows.c - draws, looks at what is there, and keeps what became of it.
 *
 * What is no record is counted and drawn on (format.md 16.1); what cannot be shown to be none is
 * one, so that nothing bad is passed over by saying nothing. */
#include "sample.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

void ak_sample_rows_free(struct ak_sample_rows *rows)
{
    for (size_t i = 0; i < rows->count; i++)
        free(rows->row[i].note);
    free(rows->row);
    memset(rows, 0, sizeof(*rows));
}

static struct ak_sample_row *add_row(struct ak_sample_rows *rows)
{
    if (rows->count == rows->room) {
        size_t room = rows->room == 0 ? 512 : 2 * rows->room;
        struct ak_sample_row *grown = reallocarray(rows->row, room, sizeof(*grown));
        if (grown == NULL)
            return NULL;
        rows->row = grown;
        rows->room = room;
    }
    memset(&rows->row[rows->count], 0, sizeof(*rows->row));
    return &rows->row[rows->count++];
}

static bool wanted_source(const struct ak_sample_filter *filter, uint32_t source)
{
    for (size_t i = 0; i < filter->source_count; i++) {
        if (filter->sources[i] == source)
            return true;
    }
    return filter->sources == NULL;
}

static enum ak_sample_class class_of(const struct ak_sample_judged *judged,
                                     const struct ak_sample_filter *filter)
{
    if (!judged->proven)
        return AK_SAMPLE_RECORD;
    if (!ak_kind_received(judged->entry.kind))
        return AK_SAMPLE_OWN;
    if (!wanted_source(filter, judged->entry.source) || judged->entry.received < filter->from ||
        judged->entry.received >= filter->to)
        return AK_SAMPLE_OTHER;
    return AK_SAMPLE_RECORD;
}

static void count_row(struct ak_sample_rows *rows, const struct ak_sample_row *row,
                      const struct ak_sample_judged *judged)
{
    if (row->class == AK_SAMPLE_OWN)
        rows->own++;
    else if (row->class == AK_SAMPLE_OTHER)
        rows->other++;
    if (row->class != AK_SAMPLE_RECORD)
        return;
    rows->records++;
    if (ak_sample_row_shown(row)) {
        rows->valid++;
    } else if (row->state == AK_SAMPLE_ABSENT && judged->proven) {
        rows->absent++;
        rows->erased += row->verdict == AK_VALID;
    } else if (row->verdict == AK_INCOMPLETE) {
        rows->missing++;
    } else {
        rows->failed++;
    }
    if (row->verdict == AK_VALID || rows->claim_count == AK_SAMPLE_CLAIMS_MAX)
        return;
    rows->claim_index[rows->claim_count] = row->index;
    rows->claims[rows->claim_count++] = judged->claim;
}

static enum ak_code look_at(struct ak_sample_rows *rows, const struct ak_sample_item *item,
                            const struct ak_sample_filter *filter,
                            const struct ak_sample_anchor *anchor, struct ak_error *err)
{
    struct ak_sample_row *row = add_row(rows);
    struct ak_sample_judged judged;

    if (row == NULL)
        return ak_fail(err, AK_ENOMEM, "no memory for a sample");
    ak_sample_item_judge(item, anchor, &judged);
    row->index = item->index;
    row->state = (uint8_t)item->state;
    row->verdict = (uint8_t)judged.claim.verdict;
    row->code = (uint8_t)judged.claim.code;
    row->proven = judged.proven;
    if (judged.proven) {
        row->received = judged.entry.received;
        row->source = judged.entry.source;
        row->kind = judged.entry.kind;
    }
    row->class = (uint8_t)class_of(&judged, filter);
    count_row(rows, row, &judged);
    return AK_OK;
}

enum ak_code ak_sample_rows_draw(struct ak_sample_rows *rows, const struct ak_hash *seed,
                                 uint64_t first, uint64_t end, uint64_t wanted,
                                 const struct ak_sample_filter *filter,
                                 const struct ak_sample_anchor *anchor, ak_sample_item_fn get,
                                 ak_sample_row_fn on_row, void *ctx, struct ak_error *err)
{
    struct ak_sample_draw *draw;
    enum ak_code rc = ak_sample_draw_new(&draw, seed, first, end, err);

    assert(end <= anchor->checkpoint.size);
    while (rc == AK_OK && rows->records < wanted) {
        struct ak_sample_item item;
        uint64_t index;
        bool more;

        rc = ak_sample_draw_next(draw, &index, &more, err);
        rows->exhausted = rc == AK_OK && !more;
        if (rc != AK_OK || !more)
            break;
        rc = get(ctx, index, &item, err);
        if (rc != AK_OK)
            break;
        rc = look_at(rows, &item, filter, anchor, err);
        if (rc == AK_OK && on_row != NULL && rows->row[rows->count - 1].class == AK_SAMPLE_RECORD)
            rc = on_row(ctx, &rows->row[rows->count - 1], &item, err);
        ak_sample_item_free(&item);
    }
    if (rc == AK_OK && rows->records == wanted)
        rows->exhausted = rows->count == end - first;
    ak_sample_draw_free(draw);
    return rc;
}
