/* segment_parts.c - makes segments for tests; see segment_parts.h. */
#include "segment_parts.h"

#include "reference_parts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static void must(bool holds, const char *what)
{
    if (holds)
        return;
    (void)fprintf(stderr, "segment_parts: %s\n", what);
    abort();
}

uint64_t parts_random(struct parts *parts)
{
    parts->random = parts->random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return parts->random >> 33;
}

/* Counts the frame that was just appended. */
static void count_frame(struct parts *parts, size_t start, uint32_t text)
{
    uint32_t at = parts->frame_count++;

    must(at < 4 * PARTS_BLOCKS, "too many frames");
    ak_sha256(&parts->frames[at], parts->file + start, parts->sink.len - start);
    parts->seek[at] =
        (struct ak_encode_seek){.bytes = (uint32_t)(parts->sink.len - start), .text = text};
}

static void put_header(struct parts *parts)
{
    struct ak_encode_header header = {.first = parts->first,
                                      .opened = 1700000000000000000,
                                      .claim = 3,
                                      .origin = PARTS_ORIGIN,
                                      .range = &parts->range};
    struct ak_error err;

    if (parts->first > 0) {
        memset(header.previous.b, 7, AK_HASH_BYTES);
        header.epoch_note = "not looked at here";
        header.epoch_note_len = 18;
    }
    must(ak_encode_header(&parts->sink, &header, &err) == AK_OK, "header");
    count_frame(parts, 0, 0);
}

static void begin_batch(struct parts *parts)
{
    parts->batch->state = AK_BATCH_FREE;
    ak_batch_begin(parts->batch, NULL);
    parts->batch->form = parts->form;
    for (unsigned g = 0; g < AK_BATCH_GROUPS_MAX; g++) {
        for (unsigned i = 0; i < 32; i++) /* one key a group of the segment */
            parts->batch->group_key[g][i] = (uint8_t)(parts->next / 256 + g + i);
    }
}

struct parts *parts_new(uint64_t first)
{
    struct parts *parts = calloc(1, sizeof(*parts));
    struct ak_hash leaf;

    must(parts != NULL, "memory");
    parts->file = malloc(PARTS_FILE);
    parts->batch = ak_batch_new();
    parts->scratch = ak_prepare_scratch_new();
    must(parts->file != NULL && parts->batch != NULL && parts->scratch != NULL, "memory");
    parts->sink = (struct ak_sink){.data = parts->file, .cap = PARTS_FILE};
    parts->first = first;
    parts->next = first;
    parts->now = 1700000000000000000;
    parts->random = first + 1;
    parts->form = AK_FORM_WHOLE;
    memset(leaf.b, 0x55, sizeof(leaf.b));
    ak_range_init(&parts->range, 0);
    ak_range_init(&parts->group, first / 256 * 256);
    for (uint64_t i = 0; i < first; i++) {
        must(ak_range_append(&parts->range, &leaf) == AK_OK, "range");
        if (i >= first / 256 * 256)
            must(ak_range_append(&parts->group, &leaf) == AK_OK, "range");
    }
    put_header(parts);
    begin_batch(parts);
    return parts;
}

void parts_free(struct parts *parts)
{
    for (uint64_t i = 0; i < parts->next + parts->batch->count - parts->first; i++)
        free(parts->payload[i]);
    ak_batch_free(parts->batch);
    ak_prepare_scratch_free(parts->scratch);
    free(parts->file);
    free(parts);
}

void parts_form(struct parts *parts, uint8_t form)
{
    must(parts->batch->count == 0, "a block has one form");
    parts->form = form;
    parts->batch->form = form;
}

bool parts_add(struct parts *parts, uint8_t kind, uint32_t source, const void *data, size_t len)
{
    uint64_t i = parts->next + parts->batch->count - parts->first;
    struct ak_run run = {.received = parts->now,
                         .seq = parts->seq[source],
                         .source = source,
                         .clock_run = 2,
                         .kind = kind};

    if (!ak_batch_fits(parts->batch, len))
        return false;
    must(i < PARTS_ENTRIES, "too many entries");
    ak_batch_add(parts->batch, &run, data, len);
    parts->seq[source]++;
    parts->payload[i] = malloc(len + 1);
    must(parts->payload[i] != NULL, "memory");
    memcpy(parts->payload[i], data, len);
    parts->payload_len[i] = (uint32_t)len;
    parts->entry[i] = (struct ak_entry){.form = parts->form,
                                        .kind = kind,
                                        .clock_run = 2,
                                        .received = run.received,
                                        .source = source,
                                        .source_seq = run.seq};
    return true;
}

/* The same of form 2. */
static void work_out_parts(struct parts *parts, uint64_t index, const uint8_t *key)
{
    struct ak_entry *entry = &parts->entry[index - parts->first];
    uint32_t len = parts->payload_len[index - parts->first];
    size_t *end = malloc((len / AK_PART_BYTES_MIN + 1) * sizeof(*end));
    uint8_t record_key[32];
    uint8_t bytes[AK_ENTRY_BYTES];

    must(end != NULL, "memory");
    reference_record_key(record_key, key, index);
    entry->commitment = reference_parts(record_key, parts->payload[index - parts->first], len, end,
                                        len / AK_PART_BYTES_MIN + 1);
    free(end);
    ak_entry_encode(bytes, entry);
    ak_hash_leaf(&parts->leaf[index - parts->first], bytes, sizeof(bytes));
}

/* Commitment and leaf of one entry as format.md 3.4 and 2 write them. */
static void work_out(struct parts *parts, uint64_t index, const uint8_t *key)
{
    struct ak_entry *entry = &parts->entry[index - parts->first];
    uint8_t text[34] = {AK_HASH_SALT};
    uint8_t head[17] = {AK_HASH_PAYLOAD};
    uint8_t bytes[AK_ENTRY_BYTES];
    struct ak_sha256_ctx ctx;
    struct ak_hash pair;

    if (entry->form == AK_FORM_PARTS) {
        work_out_parts(parts, index, key);
        return;
    }
    memcpy(text + 1, key, 32);
    text[33] = (uint8_t)(index % 256 / 2);
    ak_sha256(&pair, text, sizeof(text));
    memcpy(head + 1, pair.b + (index % 2 == 0 ? 0 : 16), 16);
    ak_sha256_init(&ctx);
    ak_sha256_update(&ctx, head, sizeof(head));
    ak_sha256_update(&ctx, parts->payload[index - parts->first],
                     parts->payload_len[index - parts->first]);
    ak_sha256_final(&ctx, &entry->commitment);
    ak_entry_encode(bytes, entry);
    ak_hash_leaf(&parts->leaf[index - parts->first], bytes, sizeof(bytes));
}

static void append_leaf(struct parts *parts, uint64_t index)
{
    const struct ak_hash *leaf = &parts->leaf[index - parts->first];

    must(ak_range_append(&parts->range, leaf) == AK_OK, "range");
    must(ak_range_append(&parts->group, leaf) == AK_OK, "range");
    if ((index + 1) % 256 != 0)
        return;
    must(parts->group.count == 1, "a whole group is one node");
    parts->level8[parts->level8_count++] = parts->group.hash[0];
    ak_range_init(&parts->group, index + 1);
}

void parts_block(struct parts *parts)
{
    struct ak_batch *batch = parts->batch;
    size_t start = parts->sink.len;
    uint32_t level8 = parts->level8_count;
    const struct ak_run *last = &batch->run[batch->run_count - 1];
    struct ak_encode_block *block = &parts->block[parts->block_count++];

    batch->first = parts->next;
    batch->level = 3;
    must(ak_prepare(batch, parts->scratch) == AK_OK, "prepare");
    *block = (struct ak_encode_block){.offset = start,
                                      .first = batch->first,
                                      .count = batch->count,
                                      .received_first = batch->run[0].received,
                                      .clock_run_first = 2,
                                      .received_last = last->received,
                                      .clock_run_last = 2};
    for (uint32_t i = 0; i < batch->count; i++) {
        uint64_t index = parts->next + i;
        work_out(parts, index, batch->group_key[index / 256 - parts->next / 256]);
        append_leaf(parts, index);
        block->kinds = (uint16_t)(block->kinds | 1u << parts->entry[index - parts->first].kind);
    }
    if (batch->level8_first_open)
        memcpy(batch->frames + batch->columns_bytes - 32 * (size_t)batch->level8_count,
               parts->level8[level8].b, 32);
    ak_sink_bytes(&parts->sink, batch->frames, batch->columns_bytes);
    count_frame(parts, start, 0);
    start = parts->sink.len;
    ak_sink_bytes(&parts->sink, batch->frames + batch->columns_bytes, batch->data_bytes);
    count_frame(parts, start, batch->used);
    parts->next += batch->count;
    begin_batch(parts);
}

void parts_records(struct parts *parts, unsigned n, size_t longest)
{
    static unsigned char data[AK_PAYLOAD_BYTES_MAX];
    uint32_t source = 256;

    for (unsigned i = 0; i < n; i++) {
        size_t len = (size_t)(parts_random(parts) % (longest + 1));
        for (size_t k = 0; k < len; k++)
            data[k] = (unsigned char)('a' + parts_random(parts) % 20);
        if (len > 0 && parts_random(parts) % 8 == 0)
            data[parts_random(parts) % len] = '\n';
        if (parts_random(parts) % 16 == 0)
            parts->now += 1000 * (parts_random(parts) % 3);
        if (parts_random(parts) % 16 == 0)
            source = 256 + (uint32_t)(parts_random(parts) % 3);
        must(parts_add(parts, parts_random(parts) % 32 == 0 ? AK_KIND_FRAGMENT : AK_KIND_RECORD,
                       source, data, len),
             "a record does not fit");
    }
    parts_block(parts);
}

void parts_mark(struct parts *parts)
{
    size_t start = parts->sink.len;
    struct ak_hash digest;
    struct ak_error err;

    ak_sha256(&digest, parts->frames[parts->marked].b,
              (size_t)(parts->frame_count - parts->marked) * AK_HASH_BYTES);
    must(ak_encode_mark(&parts->sink, &parts->range, &digest, &err) == AK_OK, "mark");
    count_frame(parts, start, 0);
    parts->marked = parts->frame_count;
}

void parts_note(struct parts *parts, const char *text)
{
    size_t start = parts->sink.len;
    struct ak_error err;

    must(ak_encode_note(&parts->sink, text, strlen(text), &err) == AK_OK, "note");
    count_frame(parts, start, 0);
}

void parts_footer(struct parts *parts)
{
    static struct ak_position position[512];
    struct ak_encode_footer footer = {.first = parts->first,
                                      .block = parts->block,
                                      .block_count = parts->block_count,
                                      .level8 = parts->level8,
                                      .level8_count = parts->level8_count,
                                      .position = position,
                                      .sources = 3,
                                      .range = &parts->range};
    size_t start = parts->sink.len;
    struct ak_error err;

    for (unsigned i = 0; i < 259; i++)
        position[i] = (struct ak_position){.next_seq = parts->seq[i],
                                           .last_index = parts->first,
                                           .last_received = 1700000000000000000,
                                           .declared = i < 256 ? 0 : 1};
    ak_sha256(&footer.frames, parts->frames[0].b, (size_t)parts->frame_count * AK_HASH_BYTES);
    must(ak_encode_footer(&parts->sink, &footer, &err) == AK_OK, "footer");
    count_frame(parts, start, 0);
}

void parts_seek_table(struct parts *parts)
{
    struct ak_error err;

    must(ak_encode_seek_table(&parts->sink, parts->seek, parts->frame_count, &err) == AK_OK,
         "seek table");
}

int parts_memfd(const void *data, size_t n)
{
    int fd = memfd_create("segment", MFD_CLOEXEC);
    const unsigned char *at = data;

    must(fd >= 0, "memfd_create");
    while (n > 0) {
        ssize_t put = write(fd, at, n);
        must(put > 0, "write");
        at += put;
        n -= (size_t)put;
    }
    return fd;
}
