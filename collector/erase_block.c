/* erase_block.c - from an opened block to its two frames without some payloads.
 *
 * Entries stay what they are: their commitments stand where the payload was. Where an entry of a
 * group is erased its group key goes from every block of the segment, since from it the salt of the
 * erased payload could be computed, and a text that can be guessed be confirmed. */
#include "erase_block.h"

#include "batch.h"
#include "encode.h"

#include <akashi/format.h>

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <zstd.h>

#define ERASE_LEVEL 9 /* of zstd, as sealing */

struct ak_erase_block {
    ZSTD_CCtx *zstd;
    struct ak_encode_table *table;
    struct ak_columns *columns; /* of what came out, to be compared */
    struct ak_block *block;
    struct ak_run run[AK_BLOCK_ENTRIES_MAX];
    struct ak_encode_lf lf[AK_BLOCK_ENTRIES_MAX];
    uint32_t lf_count;
    struct ak_encode_absent absent[AK_BLOCK_ENTRIES_MAX];
    uint32_t absent_count;
    struct ak_hash commitment[AK_BLOCK_ENTRIES_MAX];
    uint32_t commitment_count;
    uint32_t group_text[AK_BLOCK_GROUPS_MAX];
    struct ak_encode_key key[AK_BLOCK_GROUPS_MAX];
    uint8_t salts[AK_BLOCK_ENTRIES_MAX * AK_RECORD_KEY_BYTES];
    uint8_t text[AK_BLOCK_TEXT_MAX];
    uint32_t text_bytes;
    uint8_t data[AK_DATA_BYTES_MAX];
    uint8_t frame[AK_FRAME_BUFFER_BYTES];
};

struct ak_erase_block *ak_erase_block_new(void)
{
    struct ak_erase_block *m = calloc(1, sizeof(*m));

    if (m == NULL)
        return NULL;
    m->zstd = ZSTD_createCCtx();
    m->table = ak_encode_table_new();
    m->columns = ak_columns_new();
    m->block = ak_block_new();
    if (m->zstd != NULL && m->table != NULL && m->columns != NULL && m->block != NULL)
        return m;
    ak_erase_block_free(m);
    return NULL;
}

void ak_erase_block_free(struct ak_erase_block *m)
{
    if (m == NULL)
        return;
    (void)ZSTD_freeCCtx(m->zstd);
    ak_encode_table_free(m->table);
    ak_columns_free(m->columns);
    ak_block_free(m->block);
    free(m);
}

static void fill_runs(struct ak_erase_block *m, const struct ak_columns *columns)
{
    for (uint32_t r = 0; r < columns->run_count; r++) {
        const struct ak_columns_run *from = &columns->run[r];
        m->run[r] = (struct ak_run){.received = from->received,
                                    .seq = from->seq,
                                    .source = from->source,
                                    .count = from->count,
                                    .clock_run = from->clock_run,
                                    .kind = from->kind};
    }
}

/* State of an entry in the block that comes out. */
static uint8_t state_of(const struct ak_block *block, const bool *gone, uint32_t i)
{
    return gone[i] ? AK_STATE_ERASED : block->payload[i].state;
}

static void put_absent(struct ak_erase_block *m, const struct ak_block *block, uint32_t i,
                       uint8_t state)
{
    struct ak_encode_absent *last = m->absent_count == 0 ? NULL : &m->absent[m->absent_count - 1];

    if (last != NULL && last->state == state && last->position + last->count == i)
        last->count++;
    else
        m->absent[m->absent_count++] = (struct ak_encode_absent){i, 1, state};
    m->commitment[m->commitment_count++] = block->entry[i].commitment;
}

static void put_payload(struct ak_erase_block *m, const struct ak_payload *payload)
{
    memcpy(m->text + m->text_bytes, payload->p, payload->len);
    m->text_bytes += payload->len;
    m->text[m->text_bytes++] = '\n';
}

/* What stays of one group: text, and how its salts are given. */
static size_t fill_group(struct ak_erase_block *m, const struct ak_block_reader *reader, uint32_t g,
                         const bool *gone, bool bare, size_t salts_at)
{
    const struct ak_columns_group *group = &reader->columns->group[g];
    const struct ak_block *block = reader->block;
    size_t each = reader->columns->form == AK_FORM_PARTS ? AK_RECORD_KEY_BYTES : AK_SALT_BYTES;
    size_t at = salts_at;
    uint32_t text_at = m->text_bytes;

    for (uint32_t i = group->begin; i < group->begin + group->count; i++) {
        uint8_t state = state_of(block, gone, i);
        if (state != AK_STATE_PRESENT) {
            put_absent(m, block, i, state);
            continue;
        }
        put_payload(m, &block->payload[i]);
        memcpy(m->salts + at, each == AK_SALT_BYTES ? block->salt[i] : block->record_key[i], each);
        at += each;
    }
    m->group_text[g] = m->text_bytes - text_at;
    if (group->key != NULL && !bare) {
        m->key[g] = (struct ak_encode_key){.group_key = group->key};
        return salts_at;
    }
    m->key[g] = (struct ak_encode_key){.salts = m->salts + salts_at, .salts_len = at - salts_at};
    return at;
}

static void fill(struct ak_erase_block *m, const struct ak_block_reader *reader, const bool *gone,
                 const bool *bare)
{
    const struct ak_columns *columns = reader->columns;
    size_t salts = 0;

    m->lf_count = m->absent_count = m->commitment_count = m->text_bytes = 0;
    fill_runs(m, columns);
    for (uint32_t i = 0; i < columns->lf_count; i++) {
        if (!gone[columns->lf[i].position])
            m->lf[m->lf_count++] =
                (struct ak_encode_lf){columns->lf[i].position, columns->lf[i].count};
    }
    for (uint32_t g = 0; g < columns->group_count; g++)
        salts = fill_group(m, reader, g, gone, bare[g], salts);
}

static enum ak_code compress(struct ak_erase_block *m, size_t *bytes, struct ak_error *err)
{
    size_t n = ZSTD_CCtx_reset(m->zstd, ZSTD_reset_session_and_parameters);

    if (!ZSTD_isError(n))
        n = ZSTD_CCtx_setParameter(m->zstd, ZSTD_c_compressionLevel, ERASE_LEVEL);
    if (!ZSTD_isError(n))
        n = ZSTD_CCtx_setParameter(m->zstd, ZSTD_c_checksumFlag, 1);
    if (!ZSTD_isError(n))
        n = ZSTD_CCtx_setParameter(m->zstd, ZSTD_c_contentSizeFlag, 1);
    if (!ZSTD_isError(n))
        n = ZSTD_compress2(m->zstd, m->data, sizeof(m->data), m->text, m->text_bytes);
    if (ZSTD_isError(n))
        return ak_fail(err, AK_ENOMEM, "zstd: %s", ZSTD_getErrorName(n));
    *bytes = n;
    return AK_OK;
}

/* The new block has the same entries as the old one. */
static enum ak_code compare(struct ak_erase_block *m, const struct ak_block *old,
                            const struct ak_erase_frames *frames, struct ak_error *err)
{
    enum ak_code rc = ak_columns_decode(m->columns, frames->columns + AK_FRAME_HEAD_BYTES,
                                        frames->columns_bytes - AK_FRAME_HEAD_BYTES, err);

    if (rc == AK_OK)
        rc = ak_block_open(m->block, m->columns, frames->data, frames->data_bytes,
                           &frames->data_digest, err);
    if (rc == AK_OK && (m->block->count != old->count ||
                        memcmp(m->block->leaf, old->leaf, old->count * sizeof(old->leaf[0])) != 0))
        rc = ak_fail(err, AK_EINTEGRITY, "its entries are not the same");
    if (rc == AK_OK)
        return AK_OK;
    ak_wrap(err, "written again without what is erased: this machine's memory or processor fail");
    if (err != NULL)
        err->code = AK_EIO;
    return AK_EIO;
}

enum ak_code ak_erase_block_make(struct ak_erase_block *m, const struct ak_block_reader *reader,
                                 const bool *gone, const bool *bare, struct ak_erase_frames *frames,
                                 struct ak_error *err)
{
    const struct ak_columns *old = reader->columns;
    struct ak_sink sink = {.data = m->frame, .cap = sizeof(m->frame)};
    struct ak_encode_columns columns;
    enum ak_code rc;

    fill(m, reader, gone, bare);
    rc = compress(m, &frames->data_bytes, err);
    if (rc != AK_OK)
        return rc;
    ak_sha256(&frames->data_digest, m->data, frames->data_bytes);
    columns = (struct ak_encode_columns){.data_bytes = (uint32_t)frames->data_bytes,
                                         .text_bytes = m->text_bytes,
                                         .data_digest = frames->data_digest,
                                         .first = old->first,
                                         .count = old->count,
                                         .form = old->form,
                                         .run = m->run,
                                         .run_count = old->run_count,
                                         .lf = m->lf,
                                         .lf_count = m->lf_count,
                                         .group_text = m->group_text,
                                         .absent = m->absent,
                                         .absent_count = m->absent_count,
                                         .commitment = m->commitment,
                                         .commitment_count = m->commitment_count,
                                         .key = m->key,
                                         .level8 = old->level8,
                                         .level8_count = old->level8_count};
    rc = ak_encode_columns(&sink, &columns, m->table, err);
    if (rc != AK_OK)
        return rc;
    frames->columns = m->frame;
    frames->columns_bytes = sink.len;
    frames->data = m->data;
    frames->text_bytes = m->text_bytes;
    return compare(m, reader->block, frames, err);
}
