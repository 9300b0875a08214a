/* erase_orders.c - the orders that stand in a log, as a process finds them when it begins.
 *
 * The positions say how many there are; FOOTERs say which blocks hold entries of kind 5, so that a
 * log of any size costs its footers and those blocks. Without an order nothing is read. */
#include "erase.h"

#include "epoch_list.h"
#include "seal_private.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define ORDERS_KIND_BIT (1u << AK_KIND_ORDER)

struct reading {
    const struct ak_seal_log *log;
    struct ak_seal_memory *memory;
    const struct ak_segment_file *file;
    uint64_t size;
    uint64_t count; /* orders there are */
    uint64_t found;
    struct ak_authority *authority;
    struct ak_order_worth *worth;
    struct ak_erase_order *order;
    ak_erase_order_fn on_erase;
    void *ctx;
    int fd;
};

static void give(struct reading *r, uint64_t index)
{
    r->order->index = index;
    r->order->range_count = r->worth->order.range_count;
    memcpy(r->order->range, r->worth->order.range,
           r->order->range_count * sizeof(r->order->range[0]));
    r->on_erase(r->ctx, r->order);
}

/* The orders of the block in memory. */
static enum ak_code take_block(struct reading *r, struct ak_error *err)
{
    const struct ak_block *block = r->memory->reader.block;
    enum ak_code rc = AK_OK;

    for (uint32_t i = 0; rc == AK_OK && i < block->count && block->first + i < r->size; i++) {
        const struct ak_entry *entry = &block->entry[i];
        const struct ak_payload *payload = &block->payload[i];
        if (entry->kind != AK_KIND_ORDER || payload->p == NULL)
            continue;
        rc = ak_authority_take(r->authority, block->first + i, entry->source_seq, payload->p,
                               payload->len, r->worth, err);
        r->found++;
        if (rc == AK_OK && r->worth->valid && r->worth->action == AK_ORDER_ERASE)
            give(r, block->first + i);
        if (rc == AK_EMALFORMED)
            rc = AK_OK; /* it counts for nothing */
    }
    return rc;
}

static enum ak_code read_block(struct reading *r, const struct ak_frame *frame,
                               struct ak_error *err)
{
    struct ak_block_reader *reader = &r->memory->reader;
    bool any = false;
    enum ak_code rc = ak_block_reader_columns(reader, r->fd, frame, err);

    for (uint32_t i = 0; rc == AK_OK && i < reader->columns->run_count; i++)
        any = any || reader->columns->run[i].kind == AK_KIND_ORDER;
    if (rc != AK_OK || !any)
        return rc;
    rc = ak_block_reader_data(reader, r->fd, frame->offset + frame->bytes, err);
    return rc == AK_OK ? take_block(r, err) : rc;
}

static enum ak_code on_block(void *ctx, const struct ak_footer_block *block, struct ak_error *err)
{
    struct reading *r = ctx;
    struct ak_frame_walk walk;
    struct ak_frame frame;
    enum ak_code rc;

    if ((block->kinds & ORDERS_KIND_BIT) == 0)
        return AK_OK;
    rc = ak_seal_may_go_on(r->memory, err);
    if (rc == AK_OK)
        rc = ak_frame_walk_begin(&walk, r->fd, err);
    if (rc == AK_OK)
        rc = ak_frame_walk_seek(&walk, block->offset, err);
    if (rc == AK_OK)
        rc = ak_frame_next(&walk, &frame, err);
    if (rc == AK_OK && frame.type != AK_FRAME_COLUMNS)
        rc = ak_fail(err, AK_EMALFORMED, "no block where its FOOTER says");
    return rc == AK_OK ? read_block(r, &frame, err) : rc;
}

static enum ak_code read_open(struct reading *r, struct ak_error *err)
{
    struct ak_frame_walk walk;
    struct ak_frame frame;
    enum ak_code rc = ak_frame_walk_begin(&walk, r->fd, err);

    while (rc == AK_OK && r->found < r->count) {
        rc = ak_seal_may_go_on(r->memory, err);
        if (rc == AK_OK)
            rc = ak_frame_next(&walk, &frame, err);
        if (rc != AK_OK || frame.type == AK_FRAME_END || frame.type == AK_FRAME_TORN)
            break;
        if (frame.type == AK_FRAME_COLUMNS)
            rc = read_block(r, &frame, err);
    }
    return rc == AK_EMALFORMED ? AK_OK : rc; /* a tail; what lacks is counted */
}

static enum ak_code read_file(struct reading *r, struct ak_error *err)
{
    struct ak_frame frame;
    enum ak_code rc = ak_segment_file_open(r->log->log_dir_fd, r->file->name, &r->fd, err);

    if (rc != AK_OK)
        return rc;
    if (r->file->sealed) {
        rc = ak_segment_footer_frame(r->fd, r->file->footer_at, &frame, err);
        if (rc == AK_OK)
            rc = ak_footer_blocks(r->fd, &frame, on_block, r, err);
    } else {
        rc = read_open(r, err);
    }
    (void)close(r->fd);
    if (rc != AK_OK)
        ak_wrap(err, "%s", r->file->name);
    return rc;
}

static enum ak_code read_files(struct reading *r, struct ak_error *err)
{
    struct ak_segment_files files;
    enum ak_code rc;

    if (r->count == 0)
        return AK_OK;
    rc = ak_segment_files_list(r->log->log_dir_fd, &files, err);
    if (rc != AK_OK)
        return rc;
    for (size_t i = 0; rc == AK_OK && i < files.count && r->found < r->count; i++) {
        r->file = &files.file[i];
        if (r->file->first < r->size)
            rc = read_file(r, err);
    }
    ak_segment_files_free(&files);
    if (rc == AK_OK && r->found < r->count)
        rc = ak_fail(err, AK_EINTEGRITY, "of %llu orders in the log only %llu can be read",
                     (unsigned long long)r->count, (unsigned long long)r->found);
    return rc;
}

/* No key of the log itself is an authority (R38): neither its own nor that of any epoch. */
static bool is_own(void *ctx, const uint8_t key[AK_ED25519_KEY_BYTES])
{
    const struct ak_seal_log *log = ctx;
    const uint8_t *keys = ak_epoch_list_keys(log->epochs);
    bool own = memcmp(log->log_key.key, key, AK_ED25519_KEY_BYTES) == 0;

    for (uint32_t i = 0; !own && i < ak_epoch_list_count(log->epochs); i++)
        own = memcmp(keys + (size_t)i * AK_ED25519_KEY_BYTES, key, AK_ED25519_KEY_BYTES) == 0;
    return own;
}

enum ak_code ak_erase_orders(const struct ak_seal_log *log, struct ak_seal_memory *memory,
                             uint64_t size, uint64_t count, struct ak_authority **authority,
                             ak_erase_order_fn on_erase, void *ctx, struct ak_error *err)
{
    struct reading r = {.log = log,
                        .memory = memory,
                        .size = size,
                        .count = count,
                        .on_erase = on_erase,
                        .ctx = ctx,
                        .fd = -1};
    enum ak_code rc = AK_OK;

    r.authority = ak_authority_new(log->origin, NULL, 0);
    r.worth = malloc(sizeof(*r.worth));
    r.order = malloc(sizeof(*r.order));
    if (r.authority == NULL || r.worth == NULL || r.order == NULL)
        rc = ak_fail(err, AK_ENOMEM, "no memory for orders");
    else
        ak_authority_own(r.authority, is_own, (void *)(uintptr_t)log);
    if (rc == AK_OK)
        rc = read_files(&r, err);
    free(r.worth);
    free(r.order);
    if (rc != AK_OK)
        ak_authority_free(r.authority);
    *authority = rc == AK_OK ? r.authority : NULL;
    return rc;
}
