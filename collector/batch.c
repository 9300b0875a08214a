/* batch.c - memory of a batch, and the one copy that a record sees on its way in. */
#include "batch.h"

#include <akashi/format.h>

#include <akashi/format.h>

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <zstd.h>

/* Most that the COLUMNS frame of a batch can take: heads and counts (128), runs (a tag of 5, a
 * count of 2, a number of 7 and a time of 13 bytes at most), an exception for each payload with
 * line feeds (2 and 3 bytes), and for each group its length, key and hash. */
#define COLUMNS_ROOM                                                                               \
    (128u + AK_BATCH_RUNS_MAX * 27u + AK_BATCH_ENTRIES_MAX * 5u + AK_BATCH_GROUPS_MAX * 68u)

static_assert(AK_BATCH_TEXT_MAX == AK_BLOCK_TEXT_MAX, "a batch is a block");
static_assert(AK_BATCH_ENTRIES_MAX == AK_BLOCK_ENTRIES_MAX, "a batch is a block");

struct ak_batch *ak_batch_new(void)
{
    struct ak_batch *batch = calloc(1, sizeof(*batch));

    if (batch == NULL)
        return NULL;
    batch->text_memory = calloc(1, AK_BATCH_PAD + AK_BATCH_TEXT_MAX + AK_BATCH_PAD);
    batch->frames_cap = COLUMNS_ROOM + ZSTD_compressBound(AK_BATCH_TEXT_MAX);
    batch->frames = malloc(batch->frames_cap);
    if (batch->text_memory == NULL || batch->frames == NULL) {
        ak_batch_free(batch);
        return NULL;
    }
    batch->text = batch->text_memory + AK_BATCH_PAD;
    batch->state = AK_BATCH_FREE;
    return batch;
}

void ak_batch_free(struct ak_batch *batch)
{
    if (batch == NULL)
        return;
    free(batch->text_memory);
    free(batch->frames);
    free(batch);
}

void ak_batch_begin(struct ak_batch *batch, void *log)
{
    assert(batch->state == AK_BATCH_FREE);
    batch->state = AK_BATCH_FILLING;
    batch->next = NULL;
    batch->log = log;
    batch->used = 0;
    batch->count = 0;
    batch->run_count = 0;
    batch->off[0] = 0;
    batch->waited_for = false;
    batch->level = 3;
    batch->form = AK_FORM_WHOLE;
    batch->new_segment = false;
}

bool ak_batch_fits(const struct ak_batch *batch, size_t len)
{
    return batch->count < AK_BATCH_ENTRIES_MAX && batch->run_count < AK_BATCH_RUNS_MAX &&
           len < AK_BATCH_TEXT_MAX - batch->used;
}

/* Whether an entry with this head goes on from the last run. */
static bool joins(const struct ak_run *last, const struct ak_run *run)
{
    return last->kind == run->kind && last->source == run->source &&
           last->clock_run == run->clock_run && last->received == run->received &&
           last->ack == run->ack && last->seq + last->count == run->seq;
}

void ak_batch_add(struct ak_batch *batch, const struct ak_run *run, const void *payload, size_t len)
{
    struct ak_run *last = batch->run_count == 0 ? NULL : &batch->run[batch->run_count - 1];

    assert(batch->state == AK_BATCH_FILLING);
    assert(ak_batch_fits(batch, len));
    if (len > 0)
        memcpy(batch->text + batch->used, payload, len);
    batch->used += (uint32_t)len;
    batch->text[batch->used++] = '\n';
    batch->off[++batch->count] = batch->used;
    if (last != NULL && joins(last, run)) {
        last->count++;
        return;
    }
    batch->run[batch->run_count] = *run;
    batch->run[batch->run_count++].count = 1;
}
