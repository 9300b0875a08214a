/* erase.c - one sealed segment, written anew without what an order takes out.
 *
 * The happy path is:
 *   1. the columns are read: which groups hold an entry that goes? If none, the segment is done.
 *   2. frame by frame: every block is opened, hashed and taken into the tree; blocks of those
 * groups are made anew, all others and all NOTEs go out as they are.
 *   3. at the end the root must be the one that FOOTER, next segment and checkpoints have; FOOTER,
 *      seek table, sync; the file gets the name of the next generation.
 * Failure modes: what does not come out leaves the segment as it is (AK_EINTEGRITY). */
#include "erase.h"

#include "disk.h"
#include "erase_block.h"
#include "seal_private.h"
#include "store_list.h"

#include <akashi/checkpoint.h>

#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct erase {
    const struct ak_seal_log *log;
    struct ak_seal_memory *memory;
    const struct ak_erase_order *order;
    const struct ak_segment_file *file;
    int fd;
    uint8_t *bare; /* one bit for each group of the segment: its key goes */
    bool any;      /* something of it is to be erased */
    struct ak_erase_block *block;
    struct ak_seal_output out;
    struct ak_range range; /* [0, ...) as decoded */
    struct ak_footer footer;
    bool gone[AK_BLOCK_ENTRIES_MAX];
    bool bare_here[AK_BLOCK_GROUPS_MAX];
};

static bool ordered(const struct ak_erase_order *order, uint64_t index)
{
    size_t low = 0;
    size_t high = order->range_count;

    while (low < high) { /* the first range that does not end before it */
        size_t middle = low + (high - low) / 2;
        if (order->range[middle].last < index)
            low = middle + 1;
        else
            high = middle;
    }
    return low < order->range_count && order->range[low].first <= index;
}

static bool touches(const struct ak_erase_order *order, uint64_t first, uint64_t end)
{
    for (unsigned i = 0; i < order->range_count; i++) {
        if (order->range[i].first < end && order->range[i].last >= first)
            return true;
    }
    return false;
}

static uint64_t group_of(const struct erase *e, uint64_t index)
{
    return index / AK_GROUP_ENTRIES - e->file->first / AK_GROUP_ENTRIES;
}

/* ---- which groups are concerned */

/* Fills `gone` for the block whose columns are in memory; true if something of it goes. */
static bool mark_gone(struct erase *e)
{
    const struct ak_columns *columns = e->memory->reader.columns;
    uint32_t position = 0;
    bool any = false;

    for (uint32_t r = 0; r < columns->run_count; r++) {
        bool received = ak_kind_received(columns->run[r].kind);
        for (uint32_t k = 0; k < columns->run[r].count; k++, position++)
            e->gone[position] = received && ordered(e->order, columns->first + position);
    }
    for (uint32_t a = 0; a < columns->absent_count; a++) {
        for (uint32_t k = 0; k < columns->absent[a].count; k++)
            e->gone[columns->absent[a].position + k] = false; /* is already */
    }
    for (uint32_t i = 0; i < columns->count; i++)
        any = any || e->gone[i];
    return any;
}

static void mark_groups(struct erase *e)
{
    const struct ak_columns *columns = e->memory->reader.columns;

    if (!mark_gone(e))
        return;
    e->any = true;
    for (uint32_t i = 0; i < columns->count; i++) {
        uint64_t g = group_of(e, columns->first + i);
        if (e->gone[i])
            e->bare[g / 8] = (uint8_t)(e->bare[g / 8] | 1u << g % 8);
    }
}

static bool is_bare(const struct erase *e, uint64_t index)
{
    uint64_t g = group_of(e, index);

    return (e->bare[g / 8] >> g % 8 & 1) != 0;
}

static enum ak_code look_at_columns(struct erase *e, struct ak_error *err)
{
    struct ak_frame_walk walk;
    struct ak_frame frame;
    uint64_t groups = group_of(e, e->file->end) + 1;
    enum ak_code rc = ak_frame_walk_begin(&walk, e->fd, err);

    e->bare = calloc(1, (size_t)(groups / 8 + 1));
    if (rc == AK_OK && e->bare == NULL)
        rc = ak_fail(err, AK_ENOMEM, "no memory to erase");
    while (rc == AK_OK) {
        rc = ak_seal_may_go_on(e->memory, err);
        if (rc == AK_OK)
            rc = ak_frame_next(&walk, &frame, err);
        if (rc != AK_OK || frame.type == AK_FRAME_FOOTER)
            break;
        if (frame.type == AK_FRAME_END || frame.type == AK_FRAME_TORN)
            return ak_fail(err, AK_EMALFORMED, "it has no end");
        if (frame.type != AK_FRAME_COLUMNS)
            continue;
        rc = ak_block_reader_columns(&e->memory->reader, e->fd, &frame, err);
        if (rc == AK_OK &&
            (e->memory->reader.columns->first < e->file->first ||
             e->memory->reader.columns->first + e->memory->reader.columns->count > e->file->end))
            rc = ak_fail(err, AK_EMALFORMED, "it holds entries that are not its own");
        if (rc == AK_OK &&
            touches(e->order, e->memory->reader.columns->first,
                    e->memory->reader.columns->first + e->memory->reader.columns->count))
            mark_groups(e);
    }
    return rc;
}

/* ---- writing */

/* A checkpoint of the size that is reached must have the root that comes out. */
static enum ak_code check_note(struct erase *e, const uint8_t *note, size_t len,
                               struct ak_error *err)
{
    struct ak_checkpoint checkpoint;
    struct ak_note parsed;
    struct ak_hash root;
    bool verified;

    if (ak_note_parse(&parsed, note, len, NULL) != AK_OK ||
        ak_checkpoint_parse(&checkpoint, parsed.text, parsed.text_len, false, NULL) != AK_OK ||
        strcmp(checkpoint.origin, e->log->origin) != 0 ||
        ak_note_verify(&parsed, &e->log->log_key, 1, &verified, NULL) != AK_OK || !verified)
        return ak_fail(err, AK_EINTEGRITY, "a checkpoint in it is none of this log");
    if (checkpoint.size != e->range.end)
        return AK_OK; /* it covers a part of the block before it */
    if (ak_range_root(&e->range, &root, NULL) != AK_OK || !ak_hash_equal(&root, &checkpoint.root))
        return ak_fail(err, AK_EINTEGRITY, "its entries do not lead to the root that was signed");
    return AK_OK;
}

static enum ak_code copy_note(struct erase *e, const struct ak_frame *frame, struct ak_error *err)
{
    uint8_t *small = e->memory->small;
    const uint8_t *note;
    size_t len;
    struct ak_hash digest;
    enum ak_code rc = ak_frame_read(e->fd, frame, small, sizeof(e->memory->small), &digest, err);

    if (rc == AK_OK)
        rc = ak_segment_note_decode(&note, &len, small + ak_frame_head(frame),
                                    (size_t)frame->content_bytes, err);
    if (rc == AK_OK)
        rc = check_note(e, note, len, err);
    if (rc == AK_OK)
        rc = ak_seal_output_frame(&e->out, small, (size_t)frame->bytes, 0, &digest, err);
    return rc;
}

static enum ak_code put_block(struct erase *e, size_t columns_frame_bytes, struct ak_error *err)
{
    struct ak_block_reader *reader = &e->memory->reader;
    const struct ak_columns *columns = reader->columns;
    struct ak_erase_frames made;
    bool anew = false;
    enum ak_code rc;

    (void)mark_gone(e);
    for (uint32_t g = 0; g < columns->group_count; g++) {
        e->bare_here[g] = is_bare(e, columns->first + columns->group[g].begin);
        anew = anew || (e->bare_here[g] && columns->group[g].key != NULL);
    }
    for (uint32_t i = 0; i < columns->count; i++)
        anew = anew || e->gone[i];
    if (!anew) {
        rc = ak_seal_output_frame(&e->out, reader->columns_frame, columns_frame_bytes, 0,
                                  &reader->columns_digest, err);
        if (rc == AK_OK)
            rc = ak_seal_output_frame(&e->out, reader->data_frame, columns->data_bytes,
                                      columns->text_bytes, &reader->data_digest, err);
        return rc;
    }
    rc = ak_erase_block_make(e->block, reader, e->gone, e->bare_here, &made, err);
    if (rc == AK_OK)
        rc = ak_seal_output_frame(&e->out, made.columns, made.columns_bytes, 0, NULL, err);
    if (rc == AK_OK)
        rc = ak_seal_output_frame(&e->out, made.data, made.data_bytes, made.text_bytes,
                                  &made.data_digest, err);
    return rc;
}

static enum ak_code take_block(struct erase *e, struct ak_frame_walk *walk,
                               const struct ak_frame *frame, struct ak_error *err)
{
    struct ak_block_reader *reader = &e->memory->reader;
    struct ak_footer_block derived;
    struct ak_encode_block block;
    enum ak_code rc = ak_seal_read_block(reader, e->fd, walk, frame, &e->range, err);

    if (rc != AK_OK)
        return rc;
    ak_footer_block_derive(&derived, reader->columns, e->out.bytes);
    block = (struct ak_encode_block){.first = derived.first,
                                     .count = derived.count,
                                     .clock_run_first = derived.clock_run_first,
                                     .received_first = derived.received_first,
                                     .clock_run_last = derived.clock_run_last,
                                     .received_last = derived.received_last,
                                     .kinds = derived.kinds};
    rc = ak_seal_output_block(&e->out, &block, reader->columns->level8,
                              reader->columns->level8_count, err);
    return rc == AK_OK ? put_block(e, (size_t)frame->bytes, err) : rc;
}

static enum ak_code copy_frames(struct erase *e, struct ak_error *err)
{
    struct ak_frame_walk walk;
    struct ak_frame frame;
    enum ak_code rc = ak_frame_walk_begin(&walk, e->fd, err);

    while (rc == AK_OK) {
        rc = ak_seal_may_go_on(e->memory, err);
        if (rc == AK_OK)
            rc = ak_frame_next(&walk, &frame, err);
        if (rc != AK_OK)
            break;
        if (frame.type == AK_FRAME_FOOTER)
            return AK_OK;
        if (frame.type == AK_FRAME_COLUMNS)
            rc = take_block(e, &walk, &frame, err);
        else if (frame.type == AK_FRAME_NOTE)
            rc = copy_note(e, &frame, err);
        else if (frame.type != AK_FRAME_HEADER)
            rc = ak_fail(err, AK_EMALFORMED, "it has no end");
        if (rc != AK_OK)
            ak_wrap(err, "byte %" PRIu64, frame.offset);
    }
    return rc;
}

/* The root that the file's own FOOTER states, and with which the next segment begins. */
static enum ak_code check_root(struct erase *e, const struct ak_segment_file *next,
                               struct ak_error *err)
{
    struct ak_segment_head *head = &e->memory->head;
    enum ak_code rc = AK_OK;
    int fd;

    if (e->range.end != e->footer.end || e->range.count != e->footer.range.count ||
        memcmp(e->range.hash, e->footer.range.hash, e->range.count * sizeof(e->range.hash[0])) != 0)
        return ak_fail(err, AK_EINTEGRITY, "its entries do not lead to the root that it states");
    if (next == NULL)
        return ak_fail(err, AK_EINTEGRITY, "no segment follows that states its root");
    rc = ak_segment_file_open(e->log->log_dir_fd, next->name, &fd, err);
    if (rc != AK_OK)
        return rc;
    rc = ak_segment_head_read(fd, e->log->origin, head, err);
    (void)close(fd);
    if (rc == AK_OK && (head->header.range.end != e->range.end ||
                        memcmp(head->header.range.hash, e->range.hash,
                               e->range.count * sizeof(e->range.hash[0])) != 0))
        rc = ak_fail(err, AK_EINTEGRITY,
                     "its entries do not lead to the root with which the next segment begins");
    return rc;
}

static void describe(const struct erase *e, const struct ak_positions *positions,
                     const struct ak_hash *header, struct ak_sealed *sealed)
{
    *sealed = (struct ak_sealed){.first = e->file->first,
                                 .end = e->file->end,
                                 .generation = e->file->generation + 1,
                                 .bytes = e->out.bytes,
                                 .made = true,
                                 .header = *header,
                                 .frames = e->out.frames_digest,
                                 .ordered = true,
                                 .order = e->order->index};
    (void)snprintf(sealed->file, sizeof(sealed->file), "%020" PRIu64 ".%" PRIu32 ".zst",
                   e->file->first, e->file->generation + 1);
    (void)ak_range_root(&e->range, &sealed->root, NULL); /* begins at 0 */
    ak_positions_root(positions, &sealed->positions);
}

static enum ak_code write_anew(struct erase *e, const struct ak_segment_file *next,
                               struct ak_sealed *sealed, struct ak_error *err)
{
    struct ak_segment_head *head = &e->memory->head;
    struct ak_positions positions = {0};
    struct ak_frame frame;
    struct ak_hash header;
    enum ak_code rc = ak_segment_head_read(e->fd, e->log->origin, head, err);

    if (rc != AK_OK)
        return rc;
    header = head->digest;
    e->range = head->header.range;
    rc = ak_segment_footer_frame(e->fd, e->file->footer_at, &frame, err);
    if (rc == AK_OK)
        rc = ak_footer_check(&e->footer, e->fd, &frame, NULL, NULL, NULL, NULL, err);
    if (rc == AK_OK)
        rc = ak_positions_init(&positions, err);
    if (rc == AK_OK)
        rc = ak_segment_positions(e->fd, e->file->footer_at, &positions, err);
    if (rc == AK_OK)
        rc = ak_seal_output_frame(&e->out, head->buffer, (size_t)head->bytes, 0, &header, err);
    if (rc == AK_OK)
        rc = copy_frames(e, err);
    if (rc == AK_OK)
        rc = check_root(e, next, err);
    if (rc == AK_OK)
        rc = ak_seal_output_end(&e->out, e->file->first, &positions, &e->range, err);
    if (rc == AK_OK) {
        describe(e, &positions, &header, sealed);
        ak_sha512_final(&e->out.sha512, sealed->sha512);
    }
    ak_positions_free(&positions);
    return rc;
}

/* A new generation, if there is anything to erase. */
static enum ak_code rewrite(struct erase *e, const struct ak_segment_file *next,
                            struct ak_sealed *sealed, struct ak_error *err)
{
    char tmp[AK_LOG_ID_CHARS + 8];
    struct stat st;
    enum ak_code rc = look_at_columns(e, err);

    if (rc != AK_OK || !e->any)
        return rc;
    e->block = ak_erase_block_new();
    if (e->block == NULL)
        return ak_fail(err, AK_ENOMEM, "no memory to erase");
    (void)snprintf(tmp, sizeof(tmp), "%s.erase", e->log->tmp_name);
    rc = ak_seal_output_begin(&e->out, e->log->tmp_fd, tmp, err);
    if (rc != AK_OK)
        return rc;
    rc = write_anew(e, next, sealed, err);
    if (rc == AK_OK)
        rc = ak_disk_rename(e->log->tmp_fd, tmp, e->log->log_dir_fd, sealed->file, err);
    if (rc == AK_OK && fstat(e->fd, &st) == 0)
        sealed->old_bytes = (uint64_t)st.st_size;
    if (rc != AK_OK)
        (void)ak_disk_wipe(e->log->tmp_fd, tmp, NULL);
    return rc;
}

static enum ak_code erase_one(const struct ak_seal_log *log, struct ak_seal_memory *memory,
                              const struct ak_erase_order *order,
                              const struct ak_segment_file *file,
                              const struct ak_segment_file *next, struct ak_sealed *sealed,
                              bool *made, struct ak_error *err)
{
    struct erase *e = calloc(1, sizeof(*e));
    enum ak_code rc;

    *made = false;
    if (e == NULL)
        return ak_fail(err, AK_ENOMEM, "no memory to erase");
    *e = (struct erase){
        .log = log, .memory = memory, .order = order, .file = file, .fd = -1, .out = {.fd = -1}};
    rc = ak_segment_file_open(log->log_dir_fd, file->name, &e->fd, err);
    if (rc == AK_OK)
        rc = rewrite(e, next, sealed, err);
    if (rc == AK_OK)
        *made = e->any;
    ak_seal_output_free(&e->out);
    ak_erase_block_free(e->block);
    free(e->bare);
    if (e->fd >= 0)
        (void)close(e->fd);
    free(e);
    if (rc != AK_OK)
        ak_wrap(err, "%s", file->name);
    return rc;
}

/* ---- what is there besides */

/* Calls for each older generation of a segment; stops at the first failure. */
static enum ak_code each_older(const struct ak_seal_log *log, uint64_t first, uint32_t generation,
                               bool wipe, uint64_t *found, struct ak_error *err)
{
    struct ak_list list = {0};
    enum ak_code rc = ak_list_log_dir(log->log_dir_fd, &list, err);

    for (size_t i = 0; rc == AK_OK && i < list.count; i++) {
        const struct ak_list_file *file = &list.file[i];
        if (file->type != AK_LIST_SEGMENT || !file->named || file->open || file->first != first ||
            file->generation >= generation)
            continue;
        *found += file->bytes;
        if (wipe)
            rc = ak_seal_wipe(log, file->name, err);
    }
    ak_list_free(&list);
    return rc;
}

enum ak_code ak_erase_old(const struct ak_seal_log *log, uint64_t first, uint32_t generation,
                          struct ak_error *err)
{
    uint64_t found = 0;

    return each_older(log, first, generation, true, &found, err);
}

static enum ak_code digest_torn(const struct ak_seal_log *log, const char *name,
                                struct ak_hash *digest, struct ak_error *err)
{
    struct ak_torn torn;
    uint64_t bytes;
    int fd;
    enum ak_code rc = ak_list_open_file(log->log_dir_fd, name, &fd, &bytes, err);

    if (rc != AK_OK)
        return rc;
    rc = ak_torn_measure(&torn, fd, name, 0, 0, err);
    (void)close(fd);
    *digest = torn.sha256;
    return rc;
}

/* Bytes that were cut at recovery, or never committed, may be those of a record that came again and
 * is erased now. They are no part of the log, and what a broken frame holds cannot be searched. */
static enum ak_code wipe_torn(const struct ak_seal_log *log, const struct ak_erase_order *order,
                              ak_erase_torn_fn on_torn, void *ctx, struct ak_error *err)
{
    uint64_t last = order->range[order->range_count - 1].last;
    struct ak_list list = {0};
    struct ak_hash digest;
    enum ak_code rc = ak_list_log_dir(log->log_dir_fd, &list, err);

    for (size_t i = 0; rc == AK_OK && i < list.count; i++) {
        if (list.file[i].type != AK_LIST_TORN || list.file[i].first > last)
            continue;
        rc = digest_torn(log, list.file[i].name, &digest, err);
        if (rc == AK_OK)
            rc = ak_seal_wipe(log, list.file[i].name, err);
        if (rc == AK_OK)
            on_torn(ctx, list.file[i].name, &digest);
    }
    ak_list_free(&list);
    return rc;
}

/* Everything in cache/ is derived and made again; an index of words holds words. */
static enum ak_code wipe_cache(const struct ak_seal_log *log, struct ak_error *err)
{
    char path[AK_LOG_ID_CHARS + 16];
    const struct dirent *entry;
    enum ak_code rc = AK_OK;
    DIR *dir;
    int fd;

    (void)snprintf(path, sizeof(path), "../cache/%s", log->tmp_name);
    fd = openat(log->log_dir_fd, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0)
        return errno == ENOENT ? AK_OK : ak_fail_errno(err, errno, "could not open %s", path + 3);
    dir = fdopendir(fd);
    if (dir == NULL) {
        (void)close(fd);
        return ak_fail(err, AK_ENOMEM, "no memory to list %s", path + 3);
    }
    while (rc == AK_OK && (entry = readdir(dir)) != NULL) {
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
            rc = ak_disk_wipe(fd, entry->d_name, err);
    }
    (void)closedir(dir);
    return rc;
}

/* ---- steps */

/* A segment that has a newer generation already: is that told of? */
static enum ak_code finish_one(const struct ak_seal_log *log, struct ak_seal_memory *memory,
                               const struct ak_segment_files *files, size_t me, uint64_t size,
                               uint64_t order, struct ak_sealed *sealed, bool *untold,
                               struct ak_error *err)
{
    const struct ak_segment_file *file = &files->file[me];
    uint64_t older = 0;
    enum ak_code rc = each_older(log, file->first, file->generation, false, &older, err);

    *untold = false;
    if (rc != AK_OK || older == 0)
        return rc;
    if (ak_seal_told(log, memory, files, me, size))
        return ak_erase_old(log, file->first, file->generation, err);
    rc = ak_seal_describe(log, memory, file, sealed, err);
    sealed->ordered = true;
    sealed->order = order;
    sealed->old_bytes = older;
    *untold = rc == AK_OK;
    return rc;
}

static enum ak_code step_one(const struct ak_seal_log *log, struct ak_seal_memory *memory,
                             const struct ak_erase_order *order,
                             const struct ak_segment_files *files, size_t me, uint64_t size,
                             struct ak_sealed *sealed, bool *more, struct ak_error *err)
{
    const struct ak_segment_file *file = &files->file[me];
    enum ak_code rc;

    if (!file->sealed || file->twin)
        return ak_fail(err, AK_EBUSY, "%s is not sealed yet", file->name);
    rc = finish_one(log, memory, files, me, size, order->index, sealed, more, err);
    if (rc == AK_OK && !*more)
        rc = erase_one(log, memory, order, file, me + 1 < files->count ? file + 1 : NULL, sealed,
                       more, err);
    if (rc == AK_EMALFORMED || rc == AK_EUNSUPPORTED) {
        rc = AK_EINTEGRITY;
        if (err != NULL)
            err->code = rc;
    }
    sealed->end = file->end;
    return rc;
}

enum ak_code ak_erase_step(const struct ak_seal_log *log, struct ak_seal_memory *memory,
                           const struct ak_erase_order *order, uint64_t from, uint64_t size,
                           ak_erase_torn_fn on_torn, void *ctx, struct ak_sealed *sealed,
                           bool *more, struct ak_error *err)
{
    struct ak_segment_files files;
    uint64_t due = 0; /* where the segment behind the last one begins */
    enum ak_code rc = ak_segment_files_list(log->log_dir_fd, &files, err);

    assert(order->range_count > 0);
    *more = false;
    memset(sealed, 0, sizeof(*sealed));
    if (rc != AK_OK)
        return rc;
    for (size_t i = 0; rc == AK_OK && !*more && i < files.count; i++) {
        const struct ak_segment_file *file = &files.file[i];
        uint64_t end = file->end == 0 ? UINT64_MAX : file->end;
        if (due < file->first && due >= from && touches(order, due, file->first)) {
            sealed->end = file->first;
            rc = ak_fail(err, AK_EINTEGRITY,
                         "no segment holds entries %" PRIu64 " to %" PRIu64 ", or it is damaged",
                         due, file->first - 1);
            break;
        }
        due = end;
        if (file->first < from || !touches(order, file->first, end))
            continue;
        rc = step_one(log, memory, order, &files, i, size, sealed, more, err);
    }
    ak_segment_files_free(&files);
    if (rc == AK_OK && !*more)
        rc = wipe_torn(log, order, on_torn, ctx, err);
    if (rc == AK_OK && !*more)
        rc = wipe_cache(log, err);
    return rc;
}
