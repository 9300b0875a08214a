/* recover_walk.c - from one good frame to the next, in a file that may be damaged anywhere. */
#include "recover_private.h"

#include <akashi/note.h>

enum ak_code ak_recovery_walk_begin(struct ak_recovery_walk *w, struct ak_recovery *r, int fd,
                                    uint64_t at, struct ak_error *err)
{
    enum ak_code rc = ak_frame_walk_begin(&w->walk, fd, err);

    w->r = r;
    w->fd = fd;
    w->data_at = 0;
    w->gap = false;
    return rc == AK_OK && at > 0 ? ak_frame_walk_seek(&w->walk, at, err) : rc;
}

/* Looks for the next frame behind byte `at`; END if there is none. */
static enum ak_code look_behind(struct ak_recovery_walk *w, uint64_t at, bool *end,
                                struct ak_error *err)
{
    uint64_t skipped;
    enum ak_code rc = ak_frame_walk_seek(&w->walk, at, err);

    w->gap = true;
    w->data_at = 0;
    if (rc == AK_OK)
        rc = ak_frame_resync(&w->walk, &skipped, err);
    *end = rc == AK_ENOTFOUND;
    return *end ? AK_OK : rc;
}

/* Decodes what a small frame of ours holds. */
static enum ak_code read_small(struct ak_recovery_walk *w, const struct ak_frame *frame)
{
    struct ak_segment_head *head = &w->r->head;
    const uint8_t *content = head->buffer + ak_frame_head(frame);
    struct ak_note note;
    enum ak_code rc = ak_frame_read(w->fd, frame, head->buffer, sizeof(head->buffer), NULL, NULL);

    if (rc != AK_OK)
        return rc;
    if (frame->type == AK_FRAME_MARK)
        return ak_segment_mark_decode(&w->mark, content, (size_t)frame->content_bytes, NULL);
    rc =
        ak_segment_note_decode(&w->note, &w->note_len, content, (size_t)frame->content_bytes, NULL);
    if (rc == AK_OK)
        rc = ak_note_parse(&note, w->note, w->note_len, NULL);
    if (rc == AK_OK)
        rc = ak_checkpoint_parse(&w->checkpoint, note.text, note.text_len, false, NULL);
    return rc;
}

/* COLUMNS that decode, and the DATA behind them. */
static enum ak_code read_block(struct ak_recovery_walk *w, const struct ak_frame *frame, bool *torn)
{
    struct ak_frame data;
    enum ak_code rc = ak_block_reader_columns(&w->r->reader, w->fd, frame, NULL);

    if (rc == AK_OK)
        rc = ak_frame_next(&w->walk, &data, NULL);
    if (rc == AK_OK) {
        w->data_at = data.offset;
        *torn = data.type != AK_FRAME_DATA;
    }
    return rc;
}

enum ak_code ak_recovery_walk_next(struct ak_recovery_walk *w, struct ak_frame *frame,
                                   struct ak_error *err)
{
    bool end = false;

    while (!end) {
        uint64_t doubted = w->data_at;
        bool torn = false;
        enum ak_code rc = ak_frame_next(&w->walk, frame, err);
        enum ak_code read = AK_OK;

        w->data_at = 0;
        if (rc == AK_EIO)
            return rc;
        if (rc == AK_OK && frame->type == AK_FRAME_END)
            return AK_OK;
        if ((rc != AK_OK && frame->type == AK_FRAME_NONE) || frame->type == AK_FRAME_TORN) {
            /* Perhaps it was the length of the DATA before that led here. */
            rc = look_behind(w, doubted > 0 ? doubted : frame->offset, &end, err);
            if (rc != AK_OK)
                return rc;
            continue;
        }
        if (frame->type == AK_FRAME_COLUMNS)
            read = read_block(w, frame, &torn);
        else if (frame->type == AK_FRAME_MARK || frame->type == AK_FRAME_NOTE)
            read = read_small(w, frame);
        else if (frame->type == AK_FRAME_DATA)
            continue; /* behind a gap: whose it is was said by nobody */
        else
            read = rc; /* HEADER, FOOTER, seek table: good only where they belong */
        if (read == AK_EIO)
            return ak_fail(err, AK_EIO, "it cannot be read at byte %llu",
                           (unsigned long long)frame->offset);
        if (read == AK_OK && !torn)
            return AK_OK;
        rc = look_behind(w, read == AK_OK ? w->data_at : frame->offset, &end, err);
        if (rc != AK_OK || read == AK_OK)
            return rc; /* the COLUMNS are good, their DATA leads out of the file */
    }
    *frame = (struct ak_frame){.type = AK_FRAME_END, .offset = w->walk.size};
    return AK_OK;
}
