/* check_epoch.c - which of the given keys is this log's, and which key may sign in epoch 0.
 *
 * The epoch's key is needed before the first checkpoint is judged, so it is looked for first: in
 * the headers, each of which carries the start note, or in entry 0 itself. The note is believed
 * because the trusted log key signed it and the origin pins its key (docs/format.md 5). */
#include "check_private.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Files whose headers are tried, from both ends. */
#define TRIES_MAX 64u

static const struct ak_vkey *key_named(const struct ak_check_options *options, const char *origin)
{
    for (size_t i = 0; i < options->key_count; i++) {
        if (strcmp(options->keys[i].name, origin) == 0)
            return &options->keys[i];
    }
    return NULL;
}

static bool take_note(struct ak_check_state *state, const void *note, size_t len)
{
    struct ak_epoch_note *epoch = &state->epoch;

    if (ak_epoch_note_verify(epoch, note, len, state->log_key, NULL, NULL) != AK_OK)
        return false;
    state->epoch_known = epoch->epoch == 0;
    return state->epoch_known;
}

static bool from_header(struct ak_check_state *state, int fd, const struct ak_frame *frame)
{
    struct ak_segment_header *header = malloc(sizeof(*header));
    uint8_t *bytes = malloc((size_t)frame->bytes);
    size_t head = ak_frame_head(frame);
    bool found = false;

    if (header != NULL && bytes != NULL &&
        ak_frame_read(fd, frame, bytes, (size_t)frame->bytes, NULL, NULL) == AK_OK &&
        ak_segment_header_decode(header, bytes + head, (size_t)frame->content_bytes, NULL) ==
            AK_OK &&
        header->epoch_note_len > 0)
        found = take_note(state, header->epoch_note, header->epoch_note_len);
    free(header);
    free(bytes);
    return found;
}

static bool from_entry(struct ak_check_state *state, int fd, struct ak_frame_walk *walk)
{
    struct ak_check_work *work = ak_check_pool_work(state->pool);
    struct ak_frame frame;
    bool found = false;

    if (work == NULL)
        return false;
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
            found = take_note(state, work->block->payload[0].p, work->block->payload[0].len);
    }
    ak_check_pool_give(state->pool, work);
    return found;
}

static bool from_file(struct ak_check_state *state, const struct ak_check_file *file)
{
    struct ak_frame_walk *walk = malloc(sizeof(*walk));
    struct ak_frame frame;
    uint64_t bytes;
    bool found = false;
    int fd;

    if (walk == NULL)
        return false;
    if (ak_list_open_file(state->dir_fd, file->name, &fd, &bytes, NULL) == AK_OK) {
        if (ak_frame_walk_begin(walk, fd, NULL) == AK_OK &&
            ak_frame_next(walk, &frame, NULL) == AK_OK && frame.type == AK_FRAME_HEADER)
            found = file->first == 0 ? from_entry(state, fd, walk) : from_header(state, fd, &frame);
        close(fd);
    }
    free(walk);
    return found;
}

enum ak_code ak_check_find_keys(struct ak_check_state *state, struct ak_error *err)
{
    struct ak_check_log *log = state->log;

    (void)err;
    state->log_key = key_named(state->options, log->origin);
    log->key_given = state->log_key != NULL;
    if (!log->key_given)
        return AK_OK;
    log->key = *state->log_key;
    for (size_t i = 0; i < state->file_count && i < TRIES_MAX; i++) {
        if (from_file(state, &state->file[i]) ||
            from_file(state, &state->file[state->file_count - 1 - i]))
            return AK_OK;
    }
    return AK_OK;
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
