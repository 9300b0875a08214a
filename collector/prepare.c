/* prepare.c - the computing half of a commit: from the bytes of a batch to two finished frames.
 *
 * Runs in the pool, any batch in any order, because all it needs was fixed when the loop closed the
 * batch: indices, numbers, times and group keys. The one thing that needs what stands before the
 * batch, the hash of a group that began earlier, stands last in the COLUMNS frame and is patched by
 * the commit. Text is hashed and compressed where it lies. */
#include "batch.h"
#include "encode.h"
#include "leafhash.h"
#include "segment_writer.h"

#include <akashi/format.h>
#include <akashi/parts.h>

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <zstd.h>
#include <zstd_errors.h>

#define LF_PIECE 128u /* bytes in which line feeds are counted at once; at most 255 */

struct ak_prepare_scratch {
    ZSTD_CCtx *zstd;
    struct ak_encode_table *table;
    uint8_t salt[AK_BATCH_ENTRIES_MAX][AK_SALT_BYTES];             /* of form 1 */
    uint8_t record_key[AK_BATCH_ENTRIES_MAX][AK_RECORD_KEY_BYTES]; /* of form 2 */
    struct ak_parts_room *parts;
    uint8_t entry[AK_BATCH_ENTRIES_MAX][AK_ENTRY_BYTES];
    struct ak_hash leaf[AK_BATCH_ENTRIES_MAX];
    struct ak_hash node[AK_BATCH_ENTRIES_MAX / 2];
    struct ak_encode_lf lf[AK_BATCH_ENTRIES_MAX];
    uint32_t lf_count;
    uint32_t group_text[AK_BATCH_GROUPS_MAX];
    struct ak_encode_key key[AK_BATCH_GROUPS_MAX];
};

struct ak_prepare_scratch *ak_prepare_scratch_new(void)
{
    struct ak_prepare_scratch *scratch = calloc(1, sizeof(*scratch));

    if (scratch == NULL)
        return NULL;
    scratch->zstd = ZSTD_createCCtx();
    scratch->table = ak_encode_table_new();
    scratch->parts = ak_parts_room_new();
    if (scratch->zstd == NULL || scratch->table == NULL || scratch->parts == NULL) {
        ak_prepare_scratch_free(scratch);
        return NULL;
    }
    return scratch;
}

void ak_prepare_scratch_free(struct ak_prepare_scratch *scratch)
{
    if (scratch == NULL)
        return;
    (void)ZSTD_freeCCtx(scratch->zstd);
    ak_encode_table_free(scratch->table);
    ak_parts_room_free(scratch->parts);
    free(scratch);
}

static uint8_t *put_uint(uint8_t *out, uint64_t value, unsigned n)
{
    for (unsigned i = 0; i < n; i++)
        out[i] = (uint8_t)(value >> (8 * (n - 1 - i)));
    return out + n;
}

/* Length of a payload, without its LF. */
static uint32_t payload_len(const struct ak_batch *batch, uint32_t i)
{
    return batch->off[i + 1] - batch->off[i] - 1;
}

/* Everything of the entries but the commitments (format.md 3). */
static void fill_entries(const struct ak_batch *batch, struct ak_prepare_scratch *scratch)
{
    uint32_t i = 0;

    for (uint32_t r = 0; r < batch->run_count; r++) {
        const struct ak_run *run = &batch->run[r];
        for (uint32_t k = 0; k < run->count; k++, i++) {
            uint8_t *at = scratch->entry[i];
            at = put_uint(at, batch->form, 1);
            at = put_uint(at, run->kind, 1);
            at = put_uint(at, run->clock_run, 2);
            at = put_uint(at, run->received, 8);
            at = put_uint(at, run->source, 4);
            (void)put_uint(at, run->seq + k, 6);
        }
    }
    assert(i == batch->count);
}

/* Entries from position `i` of the batch to the end of their group, or of the batch. */
static uint32_t rest_of_group(const struct ak_batch *batch, uint32_t i)
{
    uint32_t n = AK_GROUP_ENTRIES - (uint32_t)((batch->first + i) % AK_GROUP_ENTRIES);

    return n < batch->count - i ? n : batch->count - i;
}

/* Salts or record keys (3.4), group by group. */
static void fill_salts(const struct ak_batch *batch, struct ak_prepare_scratch *scratch)
{
    uint32_t g = 0;

    for (uint32_t i = 0; i < batch->count; g++) {
        uint32_t n = rest_of_group(batch, i);
        unsigned begin = (unsigned)((batch->first + i) % AK_GROUP_ENTRIES);
        if (batch->form == AK_FORM_PARTS)
            ak_record_keys(scratch->record_key + i, batch->group_key[g], begin, n);
        else
            ak_salts(scratch->salt + i, batch->group_key[g], begin, n);
        i += n;
    }
}

/* Commitments of form 2 into the entries. */
static void fill_commitments_by_parts(const struct ak_batch *batch,
                                      struct ak_prepare_scratch *scratch)
{
    for (uint32_t i = 0; i < batch->count; i++)
        ak_parts_take(scratch->parts, scratch->record_key[i], batch->text + batch->off[i],
                      payload_len(batch, i), scratch->entry[i] + AK_ENTRY_BYTES - AK_HASH_BYTES);
    ak_parts_finish(scratch->parts);
}

/* Commitments of form 1 into the entries. */
static void fill_commitments(const struct ak_batch *batch, struct ak_prepare_scratch *scratch)
{
    struct ak_message message[AK_MESSAGES_SLICE];
    uint32_t n = 0;

    for (uint32_t i = 0; i < batch->count; i++) {
        message[n++] = ak_message_commitment(scratch->salt[i], batch->text + batch->off[i],
                                             payload_len(batch, i),
                                             scratch->entry[i] + AK_ENTRY_BYTES - AK_HASH_BYTES);
        if (n == AK_MESSAGES_SLICE || i + 1 == batch->count) {
            ak_hash_messages(message, n);
            n = 0;
        }
    }
}

/* Commitments (3.4), and leaf hashes (2). */
static void fill_leaves(const struct ak_batch *batch, struct ak_prepare_scratch *scratch)
{
    if (batch->form == AK_FORM_PARTS)
        fill_commitments_by_parts(batch, scratch);
    else
        fill_commitments(batch, scratch);
    ak_leaves(scratch->leaf, (const uint8_t(*)[AK_ENTRY_BYTES])scratch->entry, batch->count);
}

/* Appends a part of a group, leaf by leaf. What it gives as the hash of a group that began earlier
 * is only a place holder. */
static void append_part(struct ak_batch *batch, const struct ak_hash *leaf, uint32_t n)
{
    struct ak_range slice;
    enum ak_code rc;

    ak_range_init(&slice, batch->range.end);
    for (uint32_t k = 0; k < n; k++) {
        rc = ak_range_append(&slice, &leaf[k]);
        assert(rc == AK_OK);
    }
    if (slice.end % AK_GROUP_ENTRIES == 0)
        batch->level8[batch->level8_count++] = slice.hash[slice.count - 1];
    rc = ak_range_merge(&batch->range, &slice, NULL);
    assert(rc == AK_OK);
    (void)rc;
}

/* Appends whole groups, all folded side by side. */
static void append_groups(struct ak_batch *batch, struct ak_prepare_scratch *scratch, uint32_t i,
                          uint32_t groups)
{
    struct ak_hash *level8 = batch->level8 + batch->level8_count;

    ak_fold_groups(level8, scratch->leaf + i, groups, scratch->node);
    batch->level8_count += groups;
    for (uint32_t g = 0; g < groups; g++) {
        enum ak_code rc = ak_range_append_node(&batch->range, AK_GROUP_LEVEL, &level8[g]);
        assert(rc == AK_OK);
        (void)rc;
    }
}

/* Compact range of the batch and the hashes of the groups that end in it: a part of a group, whole
 * groups, a part of a group, each of which may not be there. */
static void fill_range(struct ak_batch *batch, struct ak_prepare_scratch *scratch)
{
    uint32_t i = 0;
    uint32_t groups;

    ak_range_init(&batch->range, batch->first);
    batch->level8_count = 0;
    batch->level8_first_open =
        batch->first % AK_GROUP_ENTRIES != 0 && ak_encode_groups_ended(batch->first, batch->count);
    if (batch->first % AK_GROUP_ENTRIES != 0) {
        i = rest_of_group(batch, 0);
        append_part(batch, scratch->leaf, i);
    }
    groups = (batch->count - i) / AK_GROUP_ENTRIES;
    append_groups(batch, scratch, i, groups);
    i += groups * AK_GROUP_ENTRIES;
    if (i < batch->count)
        append_part(batch, scratch->leaf + i, batch->count - i);
}

/* Line feeds in a text. The pieces have one length that is known here, so that the compiler counts
 * many bytes at once; it is such that a sum fits into one byte. */
static uint32_t count_lf(const unsigned char *text, size_t n)
{
    uint32_t total = 0;

    for (; n >= LF_PIECE; text += LF_PIECE, n -= LF_PIECE) {
        uint8_t sum = 0;
        for (unsigned i = 0; i < LF_PIECE; i++)
            sum = (uint8_t)(sum + (text[i] == '\n'));
        total += sum;
    }
    for (size_t i = 0; i < n; i++)
        total += text[i] == '\n';
    return total;
}

/* Payloads that hold line feeds themselves (6.3.2). Most batches have none, and one pass over the
 * text says so. */
static void fill_line_feeds(const struct ak_batch *batch, struct ak_prepare_scratch *scratch)
{
    scratch->lf_count = 0;
    if (count_lf(batch->text, batch->used) == batch->count)
        return;
    for (uint32_t i = 0; i < batch->count; i++) {
        uint32_t n = count_lf(batch->text + batch->off[i], payload_len(batch, i));
        if (n > 0)
            scratch->lf[scratch->lf_count++] = (struct ak_encode_lf){.position = i, .count = n};
    }
}

static void fill_groups(const struct ak_batch *batch, struct ak_prepare_scratch *scratch,
                        uint32_t groups)
{
    uint32_t begin = 0;
    uint32_t end = AK_GROUP_ENTRIES - (uint32_t)(batch->first % AK_GROUP_ENTRIES);

    for (uint32_t g = 0; g < groups; g++, begin = end, end += AK_GROUP_ENTRIES) {
        uint32_t stop = end < batch->count ? end : batch->count;
        scratch->group_text[g] = batch->off[stop] - batch->off[begin];
        scratch->key[g] = (struct ak_encode_key){.group_key = batch->group_key[g]};
    }
}

static enum ak_code zstd_ok(size_t result, struct ak_error *err)
{
    if (!ZSTD_isError(result))
        return AK_OK;
    return ak_fail(
        err, ZSTD_getErrorCode(result) == ZSTD_error_memory_allocation ? AK_ENOMEM : AK_ELIMIT,
        "zstd: %s", ZSTD_getErrorName(result));
}

/* DATA (6.4) into `out`. */
static enum ak_code compress(struct ak_batch *batch, ZSTD_CCtx *zstd, unsigned char *out,
                             size_t cap, struct ak_error *err)
{
    enum ak_code rc;
    size_t n;

    rc = zstd_ok(ZSTD_CCtx_reset(zstd, ZSTD_reset_session_and_parameters), err);
    if (rc == AK_OK)
        rc = zstd_ok(ZSTD_CCtx_setParameter(zstd, ZSTD_c_compressionLevel, batch->level), err);
    if (rc == AK_OK)
        rc = zstd_ok(ZSTD_CCtx_setParameter(zstd, ZSTD_c_checksumFlag, 1), err);
    if (rc == AK_OK)
        rc = zstd_ok(ZSTD_CCtx_setParameter(zstd, ZSTD_c_contentSizeFlag, 1), err);
    if (rc != AK_OK)
        return rc;
    n = ZSTD_compress2(zstd, out, cap, batch->text, batch->used);
    rc = zstd_ok(n, err);
    if (rc == AK_OK && n > AK_DATA_BYTES_MAX)
        rc = ak_fail(err, AK_ELIMIT, "a block of %zu compressed bytes", n);
    if (rc != AK_OK)
        return rc;
    batch->data_bytes = n;
    ak_sha256(&batch->data_digest, out, n);
    return AK_OK;
}

/* COLUMNS at the front of the frames. */
static enum ak_code columns(struct ak_batch *batch, const struct ak_prepare_scratch *scratch,
                            struct ak_error *err)
{
    const struct ak_encode_columns content = {.data_bytes = (uint32_t)batch->data_bytes,
                                              .text_bytes = batch->used,
                                              .data_digest = batch->data_digest,
                                              .first = batch->first,
                                              .count = batch->count,
                                              .form = batch->form,
                                              .run = batch->run,
                                              .run_count = batch->run_count,
                                              .lf = scratch->lf,
                                              .lf_count = scratch->lf_count,
                                              .group_text = scratch->group_text,
                                              .key = scratch->key,
                                              .level8 = batch->level8,
                                              .level8_count = batch->level8_count};
    struct ak_sink sink = {.data = batch->frames,
                           .cap = batch->frames_cap - ZSTD_compressBound(batch->used)};
    enum ak_code rc = ak_encode_columns(&sink, &content, scratch->table, err);

    if (rc != AK_OK)
        return rc;
    batch->columns_bytes = sink.len;
    ak_sha256_init(&batch->columns_ctx);
    ak_sha256_update(&batch->columns_ctx, sink.data,
                     sink.len - (size_t)AK_HASH_BYTES * batch->level8_count);
    return AK_OK;
}

/* The DATA frame is made first, because COLUMNS states its length and digest; it waits at the end
 * of the room and then moves behind COLUMNS. */
static enum ak_code make_frames(struct ak_batch *batch, struct ak_prepare_scratch *scratch,
                                struct ak_error *err)
{
    size_t cap = ZSTD_compressBound(batch->used);
    unsigned char *data = batch->frames + batch->frames_cap - cap;
    enum ak_code rc;

    assert(cap < batch->frames_cap);
    rc = compress(batch, scratch->zstd, data, cap, err);
    if (rc == AK_OK)
        rc = columns(batch, scratch, err);
    if (rc != AK_OK)
        return rc;
    memmove(batch->frames + batch->columns_bytes, data, batch->data_bytes);
    return AK_OK;
}

enum ak_code ak_prepare(struct ak_batch *batch, struct ak_prepare_scratch *scratch)
{
    batch->err.code = AK_OK;
    batch->err.text[0] = '\0';
    if (batch->count == 0 || batch->first > AK_TREE_SIZE_MAX - batch->count) {
        batch->rc = ak_fail(&batch->err, AK_EUSAGE, "a batch without entries, or past 2^63");
        return batch->rc;
    }
    assert(batch->form == AK_FORM_WHOLE || batch->form == AK_FORM_PARTS);
    fill_entries(batch, scratch);
    fill_salts(batch, scratch);
    fill_leaves(batch, scratch);
    fill_range(batch, scratch);
    fill_line_feeds(batch, scratch);
    fill_groups(batch, scratch, ak_encode_groups(batch->first, batch->count));
    batch->rc = make_frames(batch, scratch, &batch->err);
    return batch->rc;
}
