/* seal.c - sealing one segment.
 *
 * The happy path is:
 *   1. the positions of all sources where the segment begins, from the FOOTER before it.
 *   2. frame by frame: every block is decoded, hashed and taken into the tree; payloads go into a
 *      batch, and full batches out as blocks, compressed well (or frames go out as they are).
 *   3. NOTEs that are true are kept, one behind each block at most, and the last one.
 *   4. at the end the root must be the signed one; FOOTER, seek table, sync.
 *   5. bytes behind the end are kept as FIRST.torn; the file gets its name.
 * Failure modes: anything that does not come out leaves the open file as it is (AK_EINTEGRITY). */
#include "seal_private.h"

#include "disk.h"

#include <akashi/checkpoint.h>
#include <akashi/epoch.h>

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SEAL_LEVEL      9        /* of zstd: storage-notes 3 */
#define MARKS_KEPT      256u     /* roots of the newest MARKs, for NOTEs that come later */
#define NOTE_EACH_BYTES 1048576u /* of a copied file: a NOTE between blocks each so many bytes */

/* A checkpoint on its way into the sealed file. */
struct kept_note {
    uint64_t size; /* 0: none */
    size_t len;
    char text[AK_NOTE_BYTES_MAX];
};

struct seal {
    const struct ak_seal_log *log;
    struct ak_seal_memory *memory;
    uint64_t first;
    uint64_t end;
    bool copy;
    int fd;
    struct ak_seal_output out;
    struct ak_positions positions;
    struct ak_range range;     /* [0, ...) as decoded */
    struct ak_range rewritten; /* the same as encoded again */
    uint64_t good;             /* byte behind the last MARK or NOTE that came out */
    struct ak_sha256_ctx frames;
    struct {
        uint64_t size;
        struct ak_hash root;
    } mark[MARKS_KEPT];
    unsigned mark_count;
    uint64_t marked;      /* size of the newest MARK */
    bool over;            /* what stands here is no part of the log any more */
    uint64_t block_first; /* of the block written last; [block_first, block_end) */
    uint64_t block_end;
    uint64_t note_at;            /* bytes of the output at the last NOTE */
    struct kept_note note;       /* belongs behind the block written last */
    struct kept_note note_later; /* belongs behind the block that is being filled */
};

struct ak_seal_memory *ak_seal_memory_new(void)
{
    struct ak_seal_memory *memory = calloc(1, sizeof(*memory));

    if (memory == NULL)
        return NULL;
    memory->batch = ak_batch_new();
    memory->scratch = ak_prepare_scratch_new();
    if (memory->batch == NULL || memory->scratch == NULL ||
        ak_block_reader_init(&memory->reader, NULL) != AK_OK) {
        ak_seal_memory_free(memory);
        return NULL;
    }
    return memory;
}

void ak_seal_memory_free(struct ak_seal_memory *memory)
{
    if (memory == NULL)
        return;
    ak_batch_free(memory->batch);
    ak_prepare_scratch_free(memory->scratch);
    ak_block_reader_free(&memory->reader);
    free(memory);
}

void ak_seal_memory_stop(struct ak_seal_memory *memory, const atomic_bool *stop)
{
    memory->stop = stop;
}

enum ak_code ak_seal_may_go_on(const struct ak_seal_memory *memory, struct ak_error *err)
{
    if (memory->stop == NULL || !atomic_load(memory->stop))
        return AK_OK;
    return ak_fail(err, AK_EBUSY, "the collector stops: the next start goes on with it");
}

static void open_name(char name[AK_FILE_NAME_BYTES], uint64_t first)
{
    (void)snprintf(name, AK_FILE_NAME_BYTES, "%020" PRIu64 ".open.zst", first);
}

/* ---- positions where the segment begins */

static enum ak_code replay(struct seal *s, const struct ak_segment_file *file, struct ak_error *err)
{
    struct ak_block_reader *reader = &s->memory->reader;
    struct ak_frame_walk walk;
    struct ak_frame frame;
    int fd;
    enum ak_code rc = ak_segment_file_open(s->log->log_dir_fd, file->name, &fd, err);

    if (rc != AK_OK)
        return rc;
    rc = ak_frame_walk_begin(&walk, fd, err);
    while (rc == AK_OK && s->positions.size < file->end) {
        rc = ak_frame_next(&walk, &frame, err);
        if (rc == AK_OK && (frame.type == AK_FRAME_END || frame.type == AK_FRAME_TORN))
            rc = ak_fail(err, AK_EINTEGRITY, "it ends before entry %" PRIu64, file->end);
        if (rc != AK_OK || frame.type != AK_FRAME_COLUMNS)
            continue;
        rc = ak_block_reader_columns(reader, fd, &frame, err);
        if (rc == AK_OK)
            rc = ak_positions_take(&s->positions, reader->columns, file->end, err);
        if (rc == AK_OK)
            rc = ak_seal_may_go_on(s->memory, err);
    }
    (void)close(fd);
    if (rc != AK_OK)
        ak_wrap(err, "%s", file->name);
    return rc;
}

/* From the newest FOOTER before the segment, and what is still open between. */
static enum ak_code find_positions(struct seal *s, const struct ak_segment_files *files, size_t me,
                                   struct ak_error *err)
{
    enum ak_code rc = ak_positions_init(&s->positions, err);
    size_t i = me;

    while (i > 0 && !files->file[i - 1].sealed)
        i--;
    if (rc == AK_OK && i > 0) {
        int fd;
        rc = ak_segment_file_open(s->log->log_dir_fd, files->file[i - 1].name, &fd, err);
        if (rc == AK_OK) {
            rc = ak_segment_positions(fd, files->file[i - 1].footer_at, &s->positions, err);
            (void)close(fd);
        }
    }
    for (; i < me && rc == AK_OK; i++)
        rc = replay(s, &files->file[i], err);
    if (rc == AK_OK && s->positions.size != s->first)
        rc =
            ak_fail(err, AK_ENOTFOUND, "the segments before it end at %" PRIu64, s->positions.size);
    if (rc == AK_EMALFORMED || rc == AK_EINTEGRITY || rc == AK_EUNSUPPORTED) {
        /* Another file is damaged, not this one. */
        ak_wrap(err, "how far its sources had counted is not known");
        rc = err == NULL ? AK_ENOTFOUND : (err->code = AK_ENOTFOUND);
    }
    return rc;
}

/* ---- notes */

static bool is_signed(const struct seal *s, const void *note, size_t len, uint64_t size,
                      const struct ak_hash *root)
{
    struct ak_log_checkpoint judged;

    return ak_epoch_list_judge(s->log->epochs, &s->log->log_key, note, len, &judged, NULL) ==
               AK_OK &&
           judged.checkpoint.size == size && ak_hash_equal(&judged.checkpoint.root, root);
}

static enum ak_code put_note(struct seal *s, bool last, struct ak_error *err)
{
    struct ak_sink sink = {.data = s->memory->small, .cap = sizeof(s->memory->small)};
    enum ak_code rc = AK_OK;

    if (s->note.size == 0 || (!last && s->copy && s->out.bytes - s->note_at < NOTE_EACH_BYTES))
        return AK_OK;
    rc = ak_encode_note(&sink, s->note.text, s->note.len, err);
    if (rc == AK_OK)
        rc = ak_seal_output_frame(&s->out, sink.data, sink.len, 0, NULL, err);
    s->note_at = s->out.bytes;
    s->note.size = 0;
    return rc;
}

/* A NOTE of the open file: kept if it is true and there is a place for it. False if it is no
 * checkpoint of the log at all, which behind the last MARK is the end (format.md 9.3). */
static bool take_note(struct seal *s, const uint8_t *text, size_t len)
{
    struct kept_note *slot;
    struct ak_checkpoint checkpoint;
    struct ak_note note;
    bool known = false;

    if (ak_note_parse(&note, text, len, NULL) != AK_OK ||
        ak_checkpoint_parse(&checkpoint, note.text, note.text_len, false, NULL) != AK_OK ||
        strcmp(checkpoint.origin, s->log->origin) != 0)
        return false;
    for (unsigned i = 0; i < s->mark_count && i < MARKS_KEPT && !known; i++)
        known =
            s->mark[i].size == checkpoint.size && ak_hash_equal(&s->mark[i].root, &checkpoint.root);
    slot = checkpoint.size > s->block_end ? &s->note_later : &s->note;
    if (!known || checkpoint.size <= s->block_first || checkpoint.size < slot->size)
        return true;
    slot->size = checkpoint.size;
    slot->len = len;
    memcpy(slot->text, text, len);
    return true;
}

/* ---- blocks */

/* The block that follows is [first, first + count): what belongs in front of it goes out. `begins`:
 * an epoch begins with it, and the last checkpoint of the one before is what proves single entries
 * of that one. */
static enum ak_code next_block(struct seal *s, uint64_t first, uint32_t count, bool begins,
                               struct ak_error *err)
{
    enum ak_code rc = put_note(s, begins, err);

    s->note.size = 0;
    if (s->note_later.size > 0)
        s->note = s->note_later;
    s->note_later.size = 0;
    s->block_first = first;
    s->block_end = first + count;
    return rc;
}

static uint16_t kind_bit(uint8_t kind)
{
    return (uint16_t)(1u << (kind < AK_KINDS_OTHER_BIT ? kind : AK_KINDS_OTHER_BIT));
}

static enum ak_code copy_block(struct seal *s, const struct ak_frame *frame, struct ak_error *err)
{
    struct ak_block_reader *reader = &s->memory->reader;
    const struct ak_columns *columns = reader->columns;
    struct ak_footer_block derived;
    struct ak_encode_block block;
    enum ak_code rc =
        next_block(s, columns->first, columns->count, columns->run[0].kind == AK_KIND_EPOCH, err);

    ak_footer_block_derive(&derived, columns, s->out.bytes);
    block = (struct ak_encode_block){.first = derived.first,
                                     .count = derived.count,
                                     .clock_run_first = derived.clock_run_first,
                                     .received_first = derived.received_first,
                                     .clock_run_last = derived.clock_run_last,
                                     .received_last = derived.received_last,
                                     .kinds = derived.kinds};
    if (rc == AK_OK)
        rc = ak_seal_output_block(&s->out, &block, columns->level8, columns->level8_count, err);
    if (rc == AK_OK)
        rc = ak_seal_output_frame(&s->out, reader->columns_frame, (size_t)frame->bytes, 0,
                                  &reader->columns_digest, err);
    if (rc == AK_OK)
        rc = ak_seal_output_frame(&s->out, reader->data_frame, columns->data_bytes,
                                  columns->text_bytes, &reader->data_digest, err);
    return rc;
}

/* The filled batch becomes a block. */
static enum ak_code flush_batch(struct seal *s, struct ak_error *err)
{
    struct ak_batch *batch = s->memory->batch;
    struct ak_encode_block block = {.first = batch->first, .count = batch->count};
    const struct ak_run *last;
    enum ak_code rc;

    if (batch->state != AK_BATCH_FILLING)
        return AK_OK;
    assert(batch->run_count > 0);
    last = &batch->run[batch->run_count - 1];
    batch->level = SEAL_LEVEL;
    rc = ak_prepare(batch, s->memory->scratch);
    batch->state = AK_BATCH_FREE;
    if (rc != AK_OK) {
        if (err != NULL)
            *err = batch->err;
        return rc;
    }
    ak_batch_patch_level8(batch, &s->rewritten);
    rc = ak_range_merge(&s->rewritten, &batch->range, err);
    block.clock_run_first = batch->run[0].clock_run;
    block.received_first = batch->run[0].received;
    block.clock_run_last = last->clock_run;
    block.received_last = last->received;
    for (uint32_t i = 0; i < batch->run_count; i++)
        block.kinds |= kind_bit(batch->run[i].kind);
    if (rc == AK_OK)
        rc = next_block(s, batch->first, batch->count, batch->run[0].kind == AK_KIND_EPOCH, err);
    if (rc == AK_OK)
        rc = ak_seal_output_block(&s->out, &block, batch->level8, batch->level8_count, err);
    if (rc == AK_OK)
        rc = ak_seal_output_frame(&s->out, batch->frames, batch->columns_bytes, 0, NULL, err);
    if (rc == AK_OK)
        rc = ak_seal_output_frame(&s->out, batch->frames + batch->columns_bytes, batch->data_bytes,
                                  batch->used, &batch->data_digest, err);
    return rc;
}

/* Entries of one group of the block in memory, into the batch. */
static enum ak_code refill_group(struct seal *s, const struct ak_columns_group *group,
                                 struct ak_error *err)
{
    const struct ak_block *block = s->memory->reader.block;
    struct ak_batch *batch = s->memory->batch;
    enum ak_code rc = AK_OK;

    if (group->key == NULL || group->present != group->count)
        return ak_fail(err, AK_EUNSUPPORTED, "payloads are missing in an open segment");
    for (uint32_t i = group->begin; i < group->begin + group->count && rc == AK_OK; i++) {
        const struct ak_entry *entry = &block->entry[i];
        const struct ak_payload *payload = &block->payload[i];
        const struct ak_run run = {.received = entry->received,
                                   .seq = entry->source_seq,
                                   .source = entry->source,
                                   .clock_run = entry->clock_run,
                                   .kind = entry->kind};
        uint64_t index = block->first + i;
        if (batch->state == AK_BATCH_FILLING &&
            (!ak_batch_fits(batch, payload->len) || batch->form != entry->form ||
             entry->kind == AK_KIND_EPOCH))
            rc = flush_batch(s, err);
        if (rc == AK_OK && batch->state == AK_BATCH_FREE) {
            ak_batch_begin(batch, NULL);
            batch->first = index;
            batch->form = entry->form;
        }
        if (rc == AK_OK) {
            memcpy(batch->group_key[index / AK_GROUP_ENTRIES - batch->first / AK_GROUP_ENTRIES],
                   group->key, AK_GROUP_KEY_BYTES);
            ak_batch_add(batch, &run, payload->p, payload->len);
        }
    }
    return rc;
}

static enum ak_code refill(struct seal *s, struct ak_error *err)
{
    const struct ak_columns *columns = s->memory->reader.columns;
    enum ak_code rc = AK_OK;

    for (uint32_t g = 0; g < columns->group_count && rc == AK_OK; g++)
        rc = refill_group(s, &columns->group[g], err);
    return rc;
}

enum ak_code ak_seal_read_block(struct ak_block_reader *reader, int fd, struct ak_frame_walk *walk,
                                const struct ak_frame *frame, struct ak_range *range,
                                struct ak_error *err)
{
    struct ak_frame data;
    enum ak_code rc = ak_block_reader_columns(reader, fd, frame, err);

    if (rc == AK_OK && reader->columns->first != range->end)
        rc = ak_fail(err, AK_EMALFORMED, "a block begins at %" PRIu64 " and not at %" PRIu64,
                     reader->columns->first, range->end);
    if (rc == AK_OK)
        rc = ak_frame_next(walk, &data, err);
    if (rc == AK_OK && data.type != AK_FRAME_DATA)
        rc = ak_fail(err, AK_EMALFORMED, "COLUMNS without DATA");
    if (rc == AK_OK)
        rc = ak_block_reader_data(reader, fd, data.offset, err);
    for (uint32_t g = 0; rc == AK_OK && g < reader->block->group_count; g++) {
        struct ak_range group;
        ak_block_group_range(reader->block, g, &group);
        rc = ak_range_merge(range, &group, err);
    }
    return rc;
}

static enum ak_code take_block(struct seal *s, struct ak_frame_walk *walk,
                               const struct ak_frame *frame, struct ak_error *err)
{
    struct ak_block_reader *reader = &s->memory->reader;
    enum ak_code rc = ak_seal_read_block(reader, s->fd, walk, frame, &s->range, err);

    if (rc == AK_OK)
        rc = ak_positions_take(&s->positions, reader->columns, s->end, err);
    if (rc != AK_OK)
        return rc;
    ak_sha256_update(&s->frames, reader->columns_digest.b, AK_HASH_BYTES);
    ak_sha256_update(&s->frames, reader->data_digest.b, AK_HASH_BYTES);
    return s->copy ? copy_block(s, frame, err) : refill(s, err);
}

static enum ak_code take_mark(struct seal *s, const uint8_t *content, size_t len,
                              struct ak_error *err)
{
    struct ak_segment_mark mark;
    struct ak_hash digest;
    struct ak_hash root;
    struct ak_hash stated;
    enum ak_code rc = ak_segment_mark_decode(&mark, content, len, err);

    ak_sha256_final(&s->frames, &digest);
    ak_sha256_init(&s->frames);
    if (rc == AK_OK)
        rc = ak_range_root(&s->range, &root, err);
    if (rc == AK_OK)
        rc = ak_range_root(&mark.range, &stated, err);
    if (rc == AK_OK && (mark.range.end != s->range.end || !ak_hash_equal(&root, &stated) ||
                        !ak_hash_equal(&mark.digest, &digest)))
        rc = ak_fail(err, AK_EINTEGRITY, "the MARK at %" PRIu64 " does not come out", s->range.end);
    if (rc != AK_OK)
        return rc;
    s->marked = s->range.end;
    s->mark[s->mark_count % MARKS_KEPT].size = s->range.end;
    s->mark[s->mark_count++ % MARKS_KEPT].root = root;
    return AK_OK;
}

/* MARK or NOTE. */
static enum ak_code take_small(struct seal *s, const struct ak_frame *frame, struct ak_error *err)
{
    uint8_t *small = s->memory->small;
    const uint8_t *content = small + ak_frame_head(frame);
    const uint8_t *note;
    struct ak_hash digest;
    size_t len;
    enum ak_code rc = ak_frame_read(s->fd, frame, small, sizeof(s->memory->small), &digest, err);

    if (rc != AK_OK)
        return rc;
    if (frame->type == AK_FRAME_MARK) {
        rc = take_mark(s, content, (size_t)frame->content_bytes, err);
    } else {
        rc = ak_segment_note_decode(&note, &len, content, (size_t)frame->content_bytes, err);
        if (rc == AK_OK && !take_note(s, note, len) && s->marked == s->end)
            s->over = true;
        ak_sha256_update(&s->frames, digest.b, AK_HASH_BYTES);
    }
    if (rc == AK_OK && !s->over)
        s->good = frame->offset + frame->bytes;
    return rc;
}

/* Everything of the open file that belongs to the log. */
static enum ak_code take_frames(struct seal *s, struct ak_error *err)
{
    struct ak_frame_walk walk;
    struct ak_frame frame;
    enum ak_code rc = ak_frame_walk_begin(&walk, s->fd, err);

    if (rc == AK_OK)
        rc = ak_frame_walk_seek(&walk, s->good, err);
    while (rc == AK_OK) {
        bool done = s->marked == s->end;
        rc = ak_seal_may_go_on(s->memory, err);
        if (rc != AK_OK)
            return rc;
        rc = ak_frame_next(&walk, &frame, err);
        if (rc != AK_EIO && done && (rc != AK_OK || s->over || frame.type != AK_FRAME_NOTE))
            return AK_OK; /* what stands behind is told of elsewhere */
        if (rc == AK_OK && frame.type == AK_FRAME_COLUMNS)
            rc = take_block(s, &walk, &frame, err);
        else if (rc == AK_OK && (frame.type == AK_FRAME_MARK || frame.type == AK_FRAME_NOTE))
            rc = take_small(s, &frame, err);
        else if (rc == AK_OK)
            rc = ak_fail(err, AK_EINTEGRITY, "it ends at entry %" PRIu64 " and not at %" PRIu64,
                         s->range.end, s->end);
        if (rc == AK_OK && s->range.end > s->end)
            rc = ak_fail(err, AK_EINTEGRITY,
                         "a commit goes past entry %" PRIu64 ", where the next segment begins",
                         s->end);
        if (rc != AK_OK)
            ak_wrap(err, "byte %" PRIu64, frame.offset);
    }
    return rc;
}

/* ---- the end */

/* The root must be the signed one: by the last NOTE, or by what the next segment begins with. */
static enum ak_code check_root(struct seal *s, const struct ak_segment_file *next,
                               struct ak_error *err)
{
    struct ak_segment_head *head = &s->memory->head;
    struct ak_hash root;
    struct ak_hash stated;
    enum ak_code rc = ak_range_root(&s->range, &root, err);
    int fd;

    if (rc == AK_OK && s->note.size == s->end &&
        is_signed(s, s->note.text, s->note.len, s->end, &root))
        return AK_OK;
    if (rc != AK_OK)
        return rc;
    if (next == NULL || ak_segment_file_open(s->log->log_dir_fd, next->name, &fd, NULL) != AK_OK)
        return ak_fail(err, AK_EINTEGRITY, "no checkpoint of size %" PRIu64 " is signed", s->end);
    rc = ak_segment_head_read(fd, s->log->origin, head, err);
    (void)close(fd);
    if (rc == AK_OK)
        rc = ak_range_root(&head->header.range, &stated, err);
    if (rc == AK_OK && !ak_hash_equal(&root, &stated))
        rc = ak_fail(err, AK_EINTEGRITY,
                     "its entries do not lead to the root with which the next segment begins");
    if (rc == AK_OK && head->header.checkpoint_len > 0 &&
        is_signed(s, head->header.checkpoint, head->header.checkpoint_len, s->end, &root)) {
        s->note.size = s->end;
        s->note.len = head->header.checkpoint_len;
        memcpy(s->note.text, head->header.checkpoint, s->note.len);
    }
    return rc;
}

/* Bytes behind the end are evidence too: kept in a file of their own before the open one goes. */
static enum ak_code keep_tail(const struct seal *s, const char *name, struct ak_error *err)
{
    struct ak_torn tail;
    char torn[AK_FILE_NAME_BYTES];
    char tmp[AK_LOG_ID_CHARS + 8];
    uint8_t *bytes;
    bool kept = true;
    int fd;
    enum ak_code rc = ak_torn_measure(&tail, s->fd, name, s->good, s->end, err);

    if (rc == AK_OK && tail.cut > 0)
        rc = ak_torn_kept(s->log->log_dir_fd, s->first, &tail, &kept, err);
    if (rc != AK_OK || kept)
        return rc; /* there is none, or an attempt before this one kept it */
    bytes = malloc(tail.cut);
    if (bytes == NULL)
        return ak_fail(err, AK_ENOMEM, "no memory for a tail of %" PRIu64 " bytes", tail.cut);
    (void)snprintf(tmp, sizeof(tmp), "%s.tail", s->log->tmp_name);
    (void)ak_disk_wipe(s->log->tmp_fd, tmp, NULL);
    rc = pread(s->fd, bytes, tail.cut, (off_t)s->good) == (ssize_t)tail.cut
             ? AK_OK
             : ak_fail(err, AK_EIO, "%s: its tail cannot be read", name);
    if (rc == AK_OK)
        rc = ak_disk_create(s->log->tmp_fd, tmp, 0400, &fd, err);
    if (rc == AK_OK) {
        rc = ak_disk_write(fd, bytes, tail.cut, err);
        if (rc == AK_OK)
            rc = ak_disk_sync(fd, err);
        (void)close(fd);
    }
    free(bytes);
    if (rc == AK_OK)
        rc = ak_torn_move(s->log->tmp_fd, tmp, s->log->log_dir_fd, s->first, torn, err);
    return rc;
}

static void describe(struct seal *s, struct ak_sealed *sealed)
{
    memset(sealed, 0, sizeof(*sealed));
    sealed->first = s->first;
    sealed->end = s->end;
    sealed->generation = 0;
    sealed->made = true;
    (void)snprintf(sealed->file, sizeof(sealed->file), "%020" PRIu64 ".0.zst", s->first);
    sealed->bytes = s->out.bytes;
    sealed->header = s->memory->head.digest;
    sealed->frames = s->out.frames_digest;
    ak_sha512_final(&s->out.sha512, sealed->sha512);
    (void)ak_range_root(&s->range, &sealed->root, NULL); /* begins at 0 */
    ak_positions_root(&s->positions, &sealed->positions);
}

static enum ak_code write_sealed(struct seal *s, const struct ak_segment_files *files, size_t me,
                                 struct ak_sealed *sealed, struct ak_error *err)
{
    struct ak_segment_head *head = &s->memory->head;
    struct ak_hash header;
    enum ak_code rc = ak_segment_head_read(s->fd, s->log->origin, head, err);

    if (rc != AK_OK)
        return rc;
    header = head->digest;
    s->range = s->rewritten = head->header.range;
    s->good = head->bytes;
    ak_sha256_init(&s->frames);
    ak_sha256_update(&s->frames, header.b, AK_HASH_BYTES);
    s->block_first = s->block_end = s->first;
    rc = ak_seal_output_frame(&s->out, head->buffer, (size_t)head->bytes, 0, &header, err);
    if (rc == AK_OK)
        rc = take_frames(s, err);
    if (rc == AK_OK && !s->copy)
        rc = flush_batch(s, err);
    if (rc == AK_OK)
        rc = check_root(s, me + 1 < files->count ? &files->file[me + 1] : NULL, err);
    if (rc == AK_OK && !s->copy &&
        (s->rewritten.end != s->range.end ||
         memcmp(s->rewritten.hash, s->range.hash, s->range.count * sizeof(s->range.hash[0])) != 0))
        rc = ak_fail(err, AK_EIO,
                     "written again it has another root: this machine's memory or "
                     "processor fail");
    if (rc == AK_OK)
        rc = put_note(s, true, err);
    if (rc == AK_OK)
        rc = ak_seal_output_end(&s->out, s->first, &s->positions, &s->range, err);
    if (rc == AK_OK) {
        s->memory->head.digest = header; /* check_root may have read another one */
        describe(s, sealed);
    }
    return rc;
}

static enum ak_code seal_open(struct seal *s, const struct ak_segment_files *files, size_t me,
                              struct ak_sealed *sealed, struct ak_error *err)
{
    const char *name = files->file[me].name;
    char tmp[AK_LOG_ID_CHARS + 8];
    enum ak_code rc = ak_segment_file_open(s->log->log_dir_fd, name, &s->fd, err);

    if (rc != AK_OK)
        return rc;
    (void)snprintf(tmp, sizeof(tmp), "%s.seal", s->log->tmp_name);
    rc = find_positions(s, files, me, err);
    if (rc == AK_OK)
        rc = ak_seal_output_begin(&s->out, s->log->tmp_fd, tmp, err);
    if (rc == AK_OK)
        rc = write_sealed(s, files, me, sealed, err);
    if (rc == AK_OK)
        rc = keep_tail(s, name, err);
    if (rc == AK_OK) {
        off_t length = lseek(s->fd, 0, SEEK_END);
        sealed->open_bytes = length > 0 ? (uint64_t)length : 0;
        rc = ak_disk_rename(s->log->tmp_fd, tmp, s->log->log_dir_fd, sealed->file, err);
    }
    if (rc != AK_OK)
        (void)ak_disk_wipe(s->log->tmp_fd, tmp, NULL);
    return rc;
}

enum ak_code ak_seal(const struct ak_seal_log *log, struct ak_seal_memory *memory, uint64_t first,
                     uint64_t end, bool copy, struct ak_sealed *sealed, uint64_t *good,
                     struct ak_error *err)
{
    struct seal *s = calloc(1, sizeof(*s));
    struct ak_segment_files files;
    size_t me = 0;
    enum ak_code rc;

    *good = 0;
    if (s == NULL)
        return ak_fail(err, AK_ENOMEM, "no memory to seal a segment");
    *s = (struct seal){.log = log,
                       .memory = memory,
                       .first = first,
                       .end = end,
                       .copy = copy,
                       .fd = -1,
                       .out = {.fd = -1}};
    memory->batch->state = AK_BATCH_FREE;
    rc = ak_segment_files_list(log->log_dir_fd, &files, err);
    while (rc == AK_OK && me < files.count && files.file[me].first != first)
        me++;
    if (rc == AK_OK && me == files.count)
        rc = ak_fail(err, AK_ENOTFOUND, "no segment begins at %" PRIu64, first);
    else if (rc == AK_OK && files.file[me].sealed)
        rc = ak_seal_describe(log, memory, &files.file[me], sealed, err);
    else if (rc == AK_OK)
        rc = seal_open(s, &files, me, sealed, err);
    if (rc == AK_EMALFORMED) {
        rc = AK_EINTEGRITY;
        if (err != NULL)
            err->code = rc;
    }
    *good = s->good;
    ak_segment_files_free(&files);
    ak_seal_output_free(&s->out);
    ak_positions_free(&s->positions);
    if (s->fd >= 0)
        (void)close(s->fd);
    free(s);
    return rc;
}

/* The file leaves the directory whole, at once; then its bytes are overwritten. After a crash in
 * between the next start finds it in tmp/, and goes on. */
enum ak_code ak_seal_wipe(const struct ak_seal_log *log, const char *name, struct ak_error *err)
{
    char gone[AK_LOG_ID_CHARS + 8];
    enum ak_code rc;

    (void)snprintf(gone, sizeof(gone), "%s.gone", log->tmp_name);
    rc = ak_disk_wipe(log->tmp_fd, gone, err);
    if (rc == AK_OK || rc == AK_ENOTFOUND)
        rc = ak_disk_rename(log->log_dir_fd, name, log->tmp_fd, gone, err);
    return rc == AK_OK ? ak_disk_wipe(log->tmp_fd, gone, err) : rc;
}

enum ak_code ak_seal_remove(const struct ak_seal_log *log, uint64_t first, struct ak_error *err)
{
    char name[AK_FILE_NAME_BYTES];
    enum ak_code rc;

    open_name(name, first);
    rc = ak_seal_wipe(log, name, err);
    return rc == AK_ENOTFOUND ? AK_OK : rc;
}
