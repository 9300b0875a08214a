/* check_epoch.c - which of the given keys is this log's, and which start notes its HEADERs and
 * entry 0 hold.
 *
 * Keys of epochs are needed before the first checkpoint is judged, so they are looked for first.
 * Those of epochs that begin within the last segment are met on the way. A note is believed because
 * the trusted log key signed it and the origin pins its key (docs/format.md 5). */
#include "check_private.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const struct ak_vkey *key_named(const struct ak_check_options *options, const char *origin)
{
    for (size_t i = 0; i < options->key_count; i++) {
        if (strcmp(options->keys[i].name, origin) == 0)
            return &options->keys[i];
    }
    return NULL;
}

/* What is wrong with one is told where it stands. */
static void take_note(struct ak_check_state *state, const void *note, size_t len, uint64_t before)
{
    struct ak_epoch_note epoch;
    struct ak_hash digest;
    bool ended;

    ak_sha256(&digest, note, len);
    if (ak_hash_equal(&digest, &state->note_seen))
        return;
    state->note_seen = digest;
    if (ak_check_start_verify(state, note, len, &epoch, &ended, NULL) == AK_OK &&
        epoch.index < before)
        (void)ak_check_epochs_add(state->epochs, &epoch, ended,
                                  (struct ak_tree_place){UINT32_MAX, 0}, NULL);
}

static void from_header(struct ak_check_state *state, int fd, const struct ak_frame *frame)
{
    struct ak_segment_header *header = malloc(sizeof(*header));
    uint8_t *bytes = malloc((size_t)frame->bytes);
    size_t head = ak_frame_head(frame);

    if (header != NULL && bytes != NULL &&
        ak_frame_read(fd, frame, bytes, (size_t)frame->bytes, NULL, NULL) == AK_OK &&
        ak_segment_header_decode(header, bytes + head, (size_t)frame->content_bytes, NULL) ==
            AK_OK &&
        header->epoch_note_len > 0 && strcmp(header->origin, state->log->origin) == 0)
        take_note(state, header->epoch_note, header->epoch_note_len, header->first);
    free(header);
    free(bytes);
}

static void from_entry(struct ak_check_state *state, int fd, struct ak_frame_walk *walk)
{
    struct ak_check_work *work = ak_check_pool_work(state->pool);
    struct ak_frame frame;

    if (work == NULL)
        return;
    if (ak_frame_next(walk, &frame, NULL) == AK_OK && frame.type == AK_FRAME_COLUMNS &&
        ak_frame_read(fd, &frame, work->columns_bytes, AK_FRAME_BUFFER_BYTES, NULL, NULL) ==
            AK_OK &&
        ak_columns_decode(work->columns, work->columns_bytes + ak_frame_head(&frame),
                          (size_t)frame.content_bytes, NULL) == AK_OK &&
        work->columns->first == 0 && ak_frame_next(walk, &frame, NULL) == AK_OK &&
        frame.type == AK_FRAME_DATA &&
        ak_frame_read(fd, &frame, work->data_bytes, AK_DATA_BYTES_MAX, NULL, NULL) == AK_OK) {
        (void)ak_block_open(work->block, work->columns, work->data_bytes, (size_t)frame.bytes, NULL,
                            NULL);
        if (work->block->group[0].decoded && work->block->entry[0].kind == AK_KIND_EPOCH &&
            work->block->payload[0].p != NULL)
            take_note(state, work->block->payload[0].p, work->block->payload[0].len, 1);
    }
    ak_check_pool_give(state->pool, work);
}

static void from_file(struct ak_check_state *state, const struct ak_check_file *file)
{
    struct ak_frame_walk *walk = malloc(sizeof(*walk));
    struct ak_frame frame;
    uint64_t bytes;
    int fd;

    if (walk == NULL)
        return;
    if (ak_list_open_file(state->dir_fd, file->name, &fd, &bytes, NULL) == AK_OK) {
        if (ak_frame_walk_begin(walk, fd, NULL) == AK_OK &&
            ak_frame_next(walk, &frame, NULL) == AK_OK && frame.type == AK_FRAME_HEADER) {
            if (file->first == 0)
                from_entry(state, fd, walk);
            else
                from_header(state, fd, &frame);
        }
        close(fd);
    }
    free(walk);
}

void ak_check_find_keys(struct ak_check_state *state)
{
    struct ak_check_log *log = state->log;

    state->log_key = key_named(state->options, log->origin);
    log->key_given = state->log_key != NULL;
    if (!log->key_given)
        return;
    log->key = *state->log_key;
    for (size_t i = 0; i < state->file_count; i++)
        from_file(state, &state->file[i]);
}

void ak_check_origin_of_checkpoint(struct ak_check_state *state)
{
    struct ak_checkpoint checkpoint;
    struct ak_note note;

    if (state->checkpoint_file == NULL ||
        ak_note_parse(&note, state->checkpoint_file, state->checkpoint_len, NULL) != AK_OK ||
        ak_checkpoint_parse(&checkpoint, note.text, note.text_len, false, NULL) != AK_OK ||
        ak_origin_check(checkpoint.origin, strlen(checkpoint.origin), NULL) != AK_OK)
        return;
    (void)snprintf(state->log->origin, sizeof(state->log->origin), "%s", checkpoint.origin);
}
