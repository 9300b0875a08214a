/* segments.c - listing segment files, and reading single blocks of them. */
#include "segments.h"

#include "cursor.h"
#include "store_list.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SEEK_TAIL_BYTES   9u  /* u32 number of frames, u8 descriptor, u32 magic (format.md 6.8) */
#define FOOTER_FIRST_AT   34u /* behind type, version and `frames`: u64 first, u64 end (6.7) */
#define FOOTER_HEAD_BYTES (FOOTER_FIRST_AT + 16u)

static uint32_t le32(const uint8_t *p)
{
    return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

/* Where the FOOTER of a sealed file begins, by its seek table. */
static enum ak_code find_footer(int fd, uint64_t bytes, uint64_t *at, struct ak_error *err)
{
    uint8_t tail[SEEK_TAIL_BYTES + 8];
    uint64_t table;
    uint32_t count;
    uint32_t footer;

    if (bytes < sizeof(tail) ||
        ak_list_pread(fd, tail, sizeof(tail), bytes - sizeof(tail)) != (ssize_t)sizeof(tail) ||
        le32(tail + 13) != AK_SEEK_FOOTER_MAGIC)
        return ak_fail(err, AK_EMALFORMED, "no seek table");
    footer = le32(tail);
    count = le32(tail + 8);
    table = AK_FRAME_HEAD_BYTES + 8 * (uint64_t)count + SEEK_TAIL_BYTES;
    if (table > bytes || footer > bytes - table)
        return ak_fail(err, AK_EMALFORMED, "a seek table longer than the file");
    *at = bytes - table - footer;
    return AK_OK;
}

enum ak_code ak_segment_footer_frame(int fd, uint64_t footer_at, struct ak_frame *frame,
                                     struct ak_error *err)
{
    struct ak_frame_walk walk;
    enum ak_code rc = ak_frame_walk_begin(&walk, fd, err);

    if (rc == AK_OK)
        rc = ak_frame_walk_seek(&walk, footer_at, err);
    if (rc == AK_OK)
        rc = ak_frame_next(&walk, frame, err);
    if (rc == AK_OK && frame->type != AK_FRAME_FOOTER)
        rc = ak_fail(err, AK_EMALFORMED, "no FOOTER where the seek table says");
    return rc;
}

/* What a FOOTER begins with: its first index and its end. */
static enum ak_code peek_footer(int fd, const struct ak_frame *frame, struct ak_footer *footer,
                                struct ak_error *err)
{
    uint8_t head[FOOTER_HEAD_BYTES];
    struct ak_cursor c;

    if (frame->content_bytes < sizeof(head) ||
        ak_list_pread(fd, head, sizeof(head), frame->offset + ak_frame_head(frame)) !=
            (ssize_t)sizeof(head))
        return ak_fail(err, AK_EMALFORMED, "a FOOTER that is too short");
    ak_cursor_init(&c, head, sizeof(head));
    (void)ak_cursor_bytes(&c, FOOTER_FIRST_AT);
    footer->first = ak_cursor_u64(&c);
    footer->end = ak_cursor_u64(&c);
    assert(ak_cursor_done(&c));
    return AK_OK;
}

/* Whether the file is a sealed segment, with an end. `whole`: by the digests of its FOOTER; that
 * takes longer the more entries it holds, and a log has many of them. */
static bool look_at_sealed(int log_dir_fd, const struct ak_list_file *listed, bool whole,
                           struct ak_segment_file *file)
{
    struct ak_footer footer = {0};
    struct ak_frame frame;
    uint64_t bytes;
    int fd;
    bool good;

    if (ak_list_open_file(log_dir_fd, listed->name, &fd, &bytes, NULL) != AK_OK)
        return false;
    good = find_footer(fd, bytes, &file->footer_at, NULL) == AK_OK &&
           ak_segment_footer_frame(fd, file->footer_at, &frame, NULL) == AK_OK &&
           (whole ? ak_footer_check(&footer, fd, &frame, NULL, NULL, NULL, NULL, NULL)
                  : peek_footer(fd, &frame, &footer, NULL)) == AK_OK &&
           footer.first == listed->first && footer.end >= footer.first;
    file->end = footer.end;
    (void)close(fd);
    return good;
}

/* Puts a listed file into the table, whose last element may be of the same index. */
static void take(int log_dir_fd, const struct ak_list_file *listed, bool whole,
                 struct ak_segment_files *files)
{
    struct ak_segment_file *last = files->count > 0 ? &files->file[files->count - 1] : NULL;
    struct ak_segment_file file = {.first = listed->first, .generation = listed->generation};

    (void)snprintf(file.name, sizeof(file.name), "%s", listed->name);
    file.sealed = !listed->open;
    if (file.sealed && !look_at_sealed(log_dir_fd, listed, whole, &file))
        return;
    if (last == NULL || last->first != file.first) {
        files->file[files->count++] = file;
        return;
    }
    file.twin = last->twin || !last->sealed || !file.sealed;
    if (last->sealed && (!file.sealed || file.generation < last->generation)) {
        last->twin = file.twin;
        return;
    }
    *last = file;
}

static int compare(const void *a, const void *b)
{
    const struct ak_list_file *x = a, *y = b;

    return (x->first > y->first) - (x->first < y->first);
}

static bool is_segment(const struct ak_list_file *file)
{
    return file->type == AK_LIST_SEGMENT && file->named && strlen(file->name) < AK_FILE_NAME_BYTES;
}

/* Whether more must be known of a sealed file than where it ends: another one could be taken in its
 * place, or it is the newest, from which a log goes on. */
static bool matters(const struct ak_list *list, size_t i, size_t newest)
{
    uint64_t first = list->file[i].first;

    return i == newest || (i > 0 && list->file[i - 1].first == first) ||
           (i + 1 < list->count && list->file[i + 1].first == first);
}

/* Place of the last name of a sealed segment; `count` if there is none. */
static size_t newest_sealed(const struct ak_list *list)
{
    for (size_t i = list->count; i > 0; i--) {
        if (is_segment(&list->file[i - 1]) && !list->file[i - 1].open)
            return i - 1;
    }
    return list->count;
}

enum ak_code ak_segment_files_list(int log_dir_fd, struct ak_segment_files *files,
                                   struct ak_error *err)
{
    struct ak_list list = {0};
    size_t newest;
    enum ak_code rc = ak_list_log_dir(log_dir_fd, &list, err);

    memset(files, 0, sizeof(*files));
    if (rc == AK_OK && list.full)
        rc =
            ak_fail(err, AK_ELIMIT, "more than %u files in the log's directory", AK_LIST_FILES_MAX);
    if (rc == AK_OK) {
        files->file = calloc(list.count + 1, sizeof(*files->file));
        files->torn = calloc(list.count + 1, sizeof(*files->torn));
        if (files->file == NULL || files->torn == NULL)
            rc = ak_fail(err, AK_ENOMEM, "no memory for the list of segments");
    }
    if (rc == AK_OK)
        qsort(list.file, list.count, sizeof(*list.file), compare);
    newest = rc == AK_OK ? newest_sealed(&list) : 0;
    for (size_t i = 0; rc == AK_OK && i < list.count; i++) {
        const struct ak_list_file *file = &list.file[i];
        if (file->type == AK_LIST_TORN && strlen(file->name) < AK_FILE_NAME_BYTES)
            (void)snprintf(files->torn[files->torn_count++], AK_FILE_NAME_BYTES, "%s", file->name);
        else if (is_segment(file))
            take(log_dir_fd, file, matters(&list, i, newest), files);
    }
    for (size_t i = 0; rc == AK_OK && i + 1 < files->count; i++) {
        if (!files->file[i].sealed)
            files->file[i].end = files->file[i + 1].first;
    }
    ak_list_free(&list);
    if (rc != AK_OK)
        ak_segment_files_free(files);
    return rc;
}

void ak_segment_files_free(struct ak_segment_files *files)
{
    free(files->file);
    free(files->torn);
    memset(files, 0, sizeof(*files));
}

enum ak_code ak_segment_file_open(int log_dir_fd, const char *name, int *fd, struct ak_error *err)
{
    uint64_t bytes;

    return ak_list_open_file(log_dir_fd, name, fd, &bytes, err);
}

enum ak_code ak_segment_head_read(int fd, const char *origin, struct ak_segment_head *head,
                                  struct ak_error *err)
{
    struct ak_frame_walk walk;
    struct ak_frame frame;
    enum ak_code rc = ak_frame_walk_begin(&walk, fd, err);

    if (rc == AK_OK)
        rc = ak_frame_next(&walk, &frame, err);
    if (rc == AK_OK && frame.type != AK_FRAME_HEADER)
        rc = ak_fail(err, AK_EMALFORMED, "it does not begin with a HEADER");
    if (rc == AK_OK)
        rc = ak_frame_read(fd, &frame, head->buffer, sizeof(head->buffer), &head->digest, err);
    if (rc == AK_OK)
        rc = ak_segment_header_decode(&head->header, head->buffer + ak_frame_head(&frame),
                                      (size_t)frame.content_bytes, err);
    if (rc == AK_OK && strcmp(head->header.origin, origin) != 0)
        rc = ak_fail(err, AK_EMALFORMED, "it is a segment of another log");
    if (rc == AK_OK)
        head->bytes = frame.bytes;
    return rc;
}

enum ak_code ak_block_reader_init(struct ak_block_reader *reader, struct ak_error *err)
{
    memset(reader, 0, sizeof(*reader));
    reader->columns = ak_columns_new();
    reader->block = ak_block_new();
    reader->columns_frame = malloc(AK_FRAME_BUFFER_BYTES);
    reader->data_frame = malloc(AK_DATA_BYTES_MAX);
    if (reader->columns != NULL && reader->block != NULL && reader->columns_frame != NULL &&
        reader->data_frame != NULL)
        return AK_OK;
    ak_block_reader_free(reader);
    return ak_fail(err, AK_ENOMEM, "no memory to read blocks");
}

void ak_block_reader_free(struct ak_block_reader *reader)
{
    ak_columns_free(reader->columns);
    ak_block_free(reader->block);
    free(reader->columns_frame);
    free(reader->data_frame);
    memset(reader, 0, sizeof(*reader));
}

enum ak_code ak_block_reader_columns(struct ak_block_reader *reader, int fd,
                                     const struct ak_frame *frame, struct ak_error *err)
{
    enum ak_code rc = ak_frame_read(fd, frame, reader->columns_frame, AK_FRAME_BUFFER_BYTES,
                                    &reader->columns_digest, err);

    if (rc != AK_OK)
        return rc;
    return ak_columns_decode(reader->columns, reader->columns_frame + ak_frame_head(frame),
                             (size_t)frame->content_bytes, err);
}

enum ak_code ak_block_reader_data(struct ak_block_reader *reader, int fd, uint64_t offset,
                                  struct ak_error *err)
{
    size_t bytes = reader->columns->data_bytes;
    struct ak_frame frame = {
        .type = AK_FRAME_DATA, .offset = offset, .bytes = bytes, .content_bytes = bytes};
    enum ak_code rc =
        ak_frame_read(fd, &frame, reader->data_frame, AK_DATA_BYTES_MAX, &reader->data_digest, err);

    if (rc != AK_OK)
        return rc;
    return ak_block_open(reader->block, reader->columns, reader->data_frame, bytes,
                         &reader->data_digest, err);
}

static enum ak_code on_position(void *ctx, const struct ak_footer_position *position,
                                struct ak_error *err)
{
    struct ak_positions *positions = ctx;
    enum ak_code rc = ak_positions_declare(positions, position->ordinal + 1, err);

    if (rc == AK_OK)
        positions->at[position->ordinal] =
            (struct ak_position){.next_seq = position->next_seq,
                                 .last_index = position->last_index,
                                 .last_received = position->last_received,
                                 .declared = position->declared};
    return rc;
}

static enum ak_code on_last_block(void *ctx, const struct ak_footer_block *block,
                                  struct ak_error *err)
{
    struct ak_positions *positions = ctx;

    (void)err;
    positions->clock_run = block->clock_run_last;
    positions->received = block->received_last;
    return AK_OK;
}

enum ak_code ak_segment_positions(int fd, uint64_t footer_at, struct ak_positions *positions,
                                  struct ak_error *err)
{
    struct ak_footer footer;
    struct ak_frame frame;
    enum ak_code rc = ak_segment_footer_frame(fd, footer_at, &frame, err);

    if (rc == AK_OK)
        rc = ak_footer_check(&footer, fd, &frame, NULL, NULL, on_position, positions, err);
    if (rc == AK_OK)
        rc = ak_footer_blocks(fd, &frame, on_last_block, positions, err);
    if (rc == AK_OK)
        positions->size = footer.end;
    return rc;
}

struct find {
    uint64_t index;
    uint64_t offset;
    bool found;
};

static enum ak_code on_block(void *ctx, const struct ak_footer_block *block, struct ak_error *err)
{
    struct find *find = ctx;

    (void)err;
    if (find->index >= block->first && find->index - block->first < block->count) {
        find->offset = block->offset;
        find->found = true;
    }
    return AK_OK;
}

enum ak_code ak_block_reader_find(struct ak_block_reader *reader, int fd,
                                  const struct ak_segment_file *file, uint64_t index,
                                  struct ak_error *err)
{
    struct find find = {.index = index};
    struct ak_frame_walk walk;
    struct ak_frame frame;
    enum ak_code rc = ak_segment_footer_frame(fd, file->footer_at, &frame, err);

    if (rc == AK_OK)
        rc = ak_footer_blocks(fd, &frame, on_block, &find, err);
    if (rc == AK_OK && !find.found)
        rc = ak_fail(err, AK_ENOTFOUND, "%s: no block for entry %" PRIu64, file->name, index);
    if (rc == AK_OK)
        rc = ak_frame_walk_begin(&walk, fd, err);
    if (rc == AK_OK)
        rc = ak_frame_walk_seek(&walk, find.offset, err);
    if (rc == AK_OK)
        rc = ak_frame_next(&walk, &frame, err);
    if (rc == AK_OK && frame.type != AK_FRAME_COLUMNS)
        rc = ak_fail(err, AK_EMALFORMED, "%s: no block where its FOOTER says", file->name);
    if (rc == AK_OK)
        rc = ak_block_reader_columns(reader, fd, &frame, err);
    if (rc == AK_OK)
        rc = ak_block_reader_data(reader, fd, frame.offset + frame.bytes, err);
    if (rc == AK_OK && (index < reader->columns->first ||
                        index - reader->columns->first >= reader->columns->count))
        rc = ak_fail(err, AK_EMALFORMED, "%s: another block where its FOOTER says", file->name);
    return rc;
}
