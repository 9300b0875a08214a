/* check_feed.c - the frames of a log's files, one after the other, as items for the workers and the
 * merge.
 *
 * Only frame headers and small frames are read here. What is no frame is told and passed over: the
 * next COLUMNS, MARK, NOTE or FOOTER frame is looked for. A file that went away since it was listed
 * (it was sealed meanwhile) is looked for under its new name once. */
#include "check_private.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void ak_check_open_drop(struct ak_check_open *open)
{
    if (open == NULL || --open->refs > 0)
        return;
    if (open->fd >= 0)
        close(open->fd);
    free(open);
}

void ak_check_item_free(struct ak_check_item *item)
{
    if (item == NULL)
        return;
    ak_check_open_drop(item->open);
    free(item->content);
    free(item);
}

static struct ak_check_item *item_new(struct ak_check_open *open, enum ak_check_item_type type)
{
    struct ak_check_item *item = calloc(1, sizeof(*item));

    if (item == NULL)
        return NULL;
    item->type = type;
    item->open = open;
    open->refs++;
    return item;
}

/* A sealed file takes the place of the open one that was listed. */
enum ak_code ak_check_find_again(struct ak_check_state *state, struct ak_check_file *file,
                                 struct ak_error *err)
{
    struct ak_list list;
    enum ak_code rc = ak_list_log_dir(state->dir_fd, &list, err);
    const struct ak_list_file *best = NULL;

    if (rc != AK_OK)
        return rc;
    for (size_t i = 0; i < list.count; i++) {
        const struct ak_list_file *f = &list.file[i];
        if (f->type == AK_LIST_SEGMENT && f->named && f->first == file->named_first &&
            (best == NULL || (!f->open && (best->open || f->generation > best->generation))))
            best = f;
    }
    if (best == NULL || !file->named) {
        rc = ak_fail(err, AK_ENOTFOUND, "it went away while the log was read");
    } else {
        char *name = strdup(best->name);
        rc = name == NULL ? ak_fail(err, AK_ENOMEM, "no memory for a name") : AK_OK;
        if (name != NULL) {
            free(file->name);
            file->name = name;
            file->generation = best->generation;
        }
    }
    ak_list_free(&list);
    return rc;
}

static enum ak_code open_file(struct ak_check_feed *feed, struct ak_check_open *open,
                              struct ak_error *err)
{
    struct ak_check_state *state = feed->state;
    struct ak_check_look look;
    enum ak_code rc =
        ak_list_open_file(state->dir_fd, open->file->name, &open->fd, &open->size, err);

    if (rc == AK_ENOTFOUND && !state->single) {
        rc = ak_check_find_again(state, open->file, err);
        if (rc == AK_OK)
            rc = ak_list_open_file(state->dir_fd, open->file->name, &open->fd, &open->size, err);
    }
    if (rc == AK_OK)
        rc = ak_check_scan(state, open->fd, ak_check_next_first(state, open->file), &look, err);
    if (rc == AK_OK)
        rc = ak_frame_walk_begin(feed->walk, open->fd, err);
    if (rc == AK_OK) {
        open->size = feed->walk->size;
        ak_check_judge_look(state, open->file, open->size, &look);
        open->sealed = look.sealed;
        open->cut = look.cut;
        open->begun = look.begun;
        open->unsure = look.unsupported;
        open->limit = look.limit < open->size ? look.limit : open->size;
    }
    return rc;
}

/* The whole content of a small frame. */
static enum ak_code read_content(struct ak_check_item *item, struct ak_error *err)
{
    item->content = malloc((size_t)item->frame.bytes);
    if (item->content == NULL)
        return ak_fail(err, AK_ENOMEM, "no memory for a frame");
    item->content_len = (size_t)item->frame.bytes;
    item->rc = ak_frame_read(item->open->fd, &item->frame, item->content, item->content_len,
                             &item->digest, &item->err);
    return AK_OK;
}

static enum ak_code begin_file(struct ak_check_feed *feed, struct ak_check_item **out,
                               struct ak_error *err)
{
    struct ak_check_state *state = feed->state;
    struct ak_check_open *open = calloc(1, sizeof(*open));
    struct ak_check_item *item;

    if (open == NULL)
        return ak_fail(err, AK_ENOMEM, "no memory to read a segment");
    open->fd = -1;
    open->refs = 1;
    open->number = (uint32_t)feed->at;
    open->file = &state->file[feed->at];
    open->compare = !open->file->counts;
    feed->at++;
    item = item_new(open, AK_ITEM_BEGIN);
    if (item == NULL) {
        ak_check_open_drop(open);
        return ak_fail(err, AK_ENOMEM, "no memory to read a segment");
    }
    feed->open = open;
    feed->stop = false;
    feed->twice = 0;
    item->rc = open_file(feed, open, &item->err);
    if (item->rc != AK_OK)
        feed->stop = true;
    *out = item;
    return AK_OK;
}

static enum ak_code end_file(struct ak_check_feed *feed, struct ak_check_item **out,
                             struct ak_error *err)
{
    struct ak_check_item *item = item_new(feed->open, AK_ITEM_END);

    if (item == NULL)
        return ak_fail(err, AK_ENOMEM, "no memory to read a segment");
    ak_check_open_drop(feed->open);
    feed->open = NULL;
    *out = item;
    return AK_OK;
}

static enum ak_code fault_item(struct ak_check_feed *feed, const struct ak_frame *frame,
                               enum ak_code rc, const struct ak_error *why,
                               struct ak_check_item **out, struct ak_error *err)
{
    struct ak_check_item *item = item_new(feed->open, AK_ITEM_FAULT);

    if (item == NULL)
        return ak_fail(err, AK_ENOMEM, "no memory to read a segment");
    item->frame = *frame;
    item->rc = rc;
    item->err = *why;
    *out = item;
    return AK_OK;
}

/* COLUMNS, and DATA behind it if that is there. */
static enum ak_code block_item(struct ak_check_feed *feed, const struct ak_frame *frame,
                               struct ak_check_work **work, struct ak_check_item **out,
                               struct ak_error *err)
{
    struct ak_check_item *item = item_new(feed->open, AK_ITEM_BLOCK);
    struct ak_error ignored = {0};

    if (item == NULL)
        return ak_fail(err, AK_ENOMEM, "no memory to read a segment");
    item->frame = *frame;
    item->work = *work;
    *work = NULL;
    item->has_data = ak_frame_next(feed->walk, &item->data, &ignored) == AK_OK &&
                     item->data.type == AK_FRAME_DATA;
    ak_check_pool_put(feed->state->pool, feed->state, item);
    *out = item;
    return AK_OK;
}

static enum ak_code frame_item(struct ak_check_feed *feed, const struct ak_frame *frame,
                               struct ak_check_work **work, struct ak_check_item **out,
                               struct ak_error *err)
{
    enum ak_check_item_type type;
    struct ak_check_item *item;
    enum ak_code rc;

    switch (frame->type) {
    case AK_FRAME_COLUMNS:
        return block_item(feed, frame, work, out, err);
    case AK_FRAME_HEADER:
        type = AK_ITEM_BEGIN;
        break;
    case AK_FRAME_MARK:
        type = AK_ITEM_MARK;
        break;
    case AK_FRAME_NOTE:
        type = AK_ITEM_NOTE;
        break;
    case AK_FRAME_FOOTER:
        type = AK_ITEM_FOOTER;
        break;
    default:
        type = AK_ITEM_SEEK;
        break;
    }
    item = item_new(feed->open, type);
    if (item == NULL)
        return ak_fail(err, AK_ENOMEM, "no memory to read a segment");
    item->frame = *frame;
    if (type != AK_ITEM_FOOTER && type != AK_ITEM_SEEK) {
        rc = read_content(item, err);
        if (rc != AK_OK) {
            ak_check_item_free(item);
            return rc;
        }
        if (type == AK_ITEM_NOTE && item->rc == AK_OK)
            ak_check_pool_put(feed->state->pool, feed->state, item);
    }
    *out = item;
    return AK_OK;
}

/* What is no frame, or may not stand here. A frame that may not is still read if it is a whole one,
 * so that entries in it are judged; the HEADER only at the start. */
static enum ak_code fault(struct ak_check_feed *feed, const struct ak_frame *frame, enum ak_code rc,
                          const struct ak_error *why, struct ak_check_item **out,
                          struct ak_error *err)
{
    uint64_t skipped;

    if (rc != AK_EMALFORMED && rc != AK_EINTEGRITY && rc != AK_EIO) {
        feed->stop = true;
    } else if (frame->type == AK_FRAME_NONE || frame->type == AK_FRAME_TORN) {
        struct ak_error ignored = {0};
        feed->stop = ak_frame_resync(feed->walk, &skipped, &ignored) != AK_OK;
    } else if (frame->type != AK_FRAME_HEADER && frame->offset >= feed->twice) {
        struct ak_error ignored = {0};
        feed->twice = frame->offset + 1; /* once more, as if nothing had stood before; not again */
        feed->stop = ak_frame_walk_seek(feed->walk, frame->offset, &ignored) != AK_OK;
    }
    return fault_item(feed, frame, rc, why, out, err);
}

enum ak_code ak_check_feed_next(struct ak_check_feed *feed, struct ak_check_work **work,
                                struct ak_check_item **item, struct ak_error *err)
{
    struct ak_error why = {0};
    struct ak_frame frame;
    enum ak_code rc;

    *item = NULL;
    if (feed->open == NULL) {
        if (feed->at == feed->state->file_count)
            return AK_OK;
        return begin_file(feed, item, err);
    }
    if (feed->stop || feed->walk->at >= feed->open->limit)
        return end_file(feed, item, err);
    memset(&frame, 0, sizeof(frame));
    rc = ak_frame_next(feed->walk, &frame, &why);
    if (rc != AK_OK)
        return fault(feed, &frame, rc, &why, item, err);
    if (frame.type == AK_FRAME_END) {
        feed->stop = true;
        return end_file(feed, item, err);
    }
    if (frame.type == AK_FRAME_TORN) {
        (void)ak_fail(&why, AK_EMALFORMED, "the file ends within a frame (R19)");
        return fault(feed, &frame, AK_EMALFORMED, &why, item, err);
    }
    return frame_item(feed, &frame, work, item, err);
}
