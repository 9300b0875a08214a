/* log_tree_notes.c - what else a proof needs of a log: start notes, checkpoints, declarations. */
#include "log_tree_private.h"

#include "store_list.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---- Start notes, checkpoints, declarations ---- */

static enum ak_code give_copy(const void *data, size_t data_len, uint8_t **out, size_t *len,
                              struct ak_error *err)
{
    *out = malloc(data_len + 1);
    if (*out == NULL)
        return ak_fail(err, AK_ENOMEM, "no memory for a note");
    memcpy(*out, data, data_len);
    *len = data_len;
    return AK_OK;
}

/* The newest kind-4 entry of a segment up to `index`, from that entry's block back. */
static enum ak_code find_epoch(struct ak_log_tree *tree, uint64_t first, uint64_t index,
                               uint64_t *found, struct ak_error *err)
{
    for (uint64_t at = index;; at = tree->block->first - 1) {
        enum ak_code rc = ak_tree_open_block(tree, at, err);
        if (rc != AK_OK)
            return rc;
        for (uint32_t p = (uint32_t)(at - tree->block->first) + 1; p > 0; p--) {
            if (tree->block->entry[p - 1].kind == AK_KIND_EPOCH) {
                *found = tree->block->first + p - 1;
                return AK_OK;
            }
        }
        if (tree->block->first <= first)
            return ak_fail(err, AK_ENOTFOUND, "no start note stands before entry %" PRIu64, index);
    }
}

/* The payload of a start note's entry. */
static enum ak_code epoch_entry(struct ak_log_tree *tree, uint64_t index, uint8_t **note,
                                size_t *len, struct ak_error *err)
{
    struct ak_log_tree_entry entry;
    enum ak_code rc = ak_log_tree_entry(tree, index, &entry, err);

    if (rc == AK_OK && (entry.entry.kind != AK_KIND_EPOCH || entry.payload == NULL))
        rc = ak_fail(err, AK_ENOTFOUND, "entry %" PRIu64 " is no start note", index);
    return rc == AK_OK ? give_copy(entry.payload, entry.len, note, len, err) : rc;
}

enum ak_code ak_log_tree_epoch_note(struct ak_log_tree *tree, uint64_t index, bool search,
                                    uint8_t **note, size_t *len, struct ak_error *err)
{
    struct ak_tree_file *file;
    uint64_t found = 0;
    size_t i;
    enum ak_code rc = ak_tree_segment_of(tree, index, &i, err);

    *note = NULL;
    if (rc == AK_OK)
        rc = ak_tree_file_of(tree, i, &file, err);
    if (rc == AK_OK && search)
        rc = find_epoch(tree, file->first, index, &found, err);
    if (rc != AK_OK)
        return rc;
    if (search || file->first == 0)
        return epoch_entry(tree, found, note, len, err);
    if (file->epoch_note == NULL)
        return ak_fail(err, AK_ENOTFOUND, "%s has no start note in its HEADER",
                       tree->segment[i].name);
    return give_copy(file->epoch_note, file->epoch_note_len, note, len, err);
}

/* NOTEs of one segment, from its first frame to its last; `*offered` counts them. */
static enum ak_code offer_notes(struct ak_log_tree *tree, size_t i, ak_log_tree_note_fn on_note,
                                void *ctx, uint64_t *offered, struct ak_error *err)
{
    struct ak_frame_walk *walk = malloc(sizeof(*walk));
    uint8_t *bytes = malloc(AK_FRAME_HEAD_BYTES + AK_NOTE_FRAME_BYTES_MAX);
    struct ak_tree_file *file;
    struct ak_frame frame;
    const uint8_t *note;
    size_t len;
    uint64_t skipped;
    int fd = -1;
    enum ak_code rc = walk == NULL || bytes == NULL
                          ? ak_fail(err, AK_ENOMEM, "no memory to read a segment")
                          : ak_tree_file_of(tree, i, &file, err);

    if (rc == AK_OK) { /* the callback reads too, and the tree may close its own */
        fd = dup(file->fd);
        rc = fd < 0 ? ak_fail_errno(err, errno, "open a segment again")
                    : ak_frame_walk_begin(walk, fd, err);
    }
    while (rc == AK_OK) {
        enum ak_code walked = ak_frame_next(walk, &frame, NULL);
        if (walked == AK_OK && frame.type == AK_FRAME_END)
            break;
        if (walked == AK_OK && frame.type == AK_FRAME_NOTE) {
            if (ak_frame_read(fd, &frame, bytes, AK_FRAME_HEAD_BYTES + AK_NOTE_FRAME_BYTES_MAX,
                              NULL, NULL) == AK_OK &&
                ak_segment_note_decode(&note, &len, bytes + ak_frame_head(&frame),
                                       (size_t)frame.content_bytes, NULL) == AK_OK) {
                ++*offered;
                rc = on_note(ctx, note, len, err);
            }
            continue;
        }
        if ((walked == AK_OK && frame.type != AK_FRAME_TORN) ||
            (walked == AK_EMALFORMED && frame.type != AK_FRAME_NONE))
            continue;
        if ((walked != AK_OK && walked != AK_EMALFORMED) ||
            ak_frame_resync(walk, &skipped, NULL) != AK_OK)
            break;
    }
    if (fd >= 0)
        close(fd);
    free(bytes);
    free(walk);
    return rc;
}

static enum ak_code offer_published(struct ak_log_tree *tree, ak_log_tree_note_fn on_note,
                                    void *ctx, struct ak_error *err)
{
    size_t len;
    char *note;
    enum ak_code rc;

    if (tree->single || ak_list_read_file(tree->dir_fd, "checkpoint", AK_NOTE_FRAME_BYTES_MAX,
                                          &note, &len, NULL) != AK_OK)
        return AK_OK;
    rc = on_note(ctx, note, len, err);
    free(note);
    return rc;
}

/* ---- Cosigned ---- */

/* Files that are offered of those behind an entry: the smallest, among which is one of the entry's
 * own epoch, since the last of each epoch is kept; and the newest, for what is asked of the end. */
#define COSIGNED_OFFERED_MAX 64u

struct cosigned {
    uint64_t index;
    uint64_t size[COSIGNED_OFFERED_MAX]; /* rising */
    size_t count;
    uint64_t newest;
};

static void add_cosigned(struct cosigned *c, uint64_t size)
{
    size_t at = c->count;

    if (c->count == COSIGNED_OFFERED_MAX && size >= c->size[c->count - 1])
        return;
    if (c->count < COSIGNED_OFFERED_MAX)
        c->count++;
    else
        at--;
    for (; at > 0 && c->size[at - 1] > size; at--)
        c->size[at] = c->size[at - 1];
    c->size[at] = size;
}

static void on_cosigned(void *ctx, const struct ak_list_file *file)
{
    struct cosigned *c = ctx;

    if (file->type != AK_LIST_COSIGNED)
        return;
    if (file->first > c->index)
        add_cosigned(c, file->first);
    if (file->first > c->newest)
        c->newest = file->first;
}

static void list_cosigned(const struct ak_log_tree *tree, uint64_t index, struct cosigned *c)
{
    *c = (struct cosigned){.index = index};
    if (!tree->single)
        (void)ak_list_each_name(tree->dir_fd, on_cosigned, c, NULL);
    if (c->count == 0 && c->newest > 0)
        c->count = 1;
    if (c->count > 0) /* the smallest and the newest; if only that is there, it is behind us */
        c->size[c->count - 1] = c->newest;
}

/* Notes with cosignatures, where a policy asks for them (format.md R45). */
static enum ak_code offer_cosigned(struct ak_log_tree *tree, uint64_t index,
                                   ak_log_tree_note_fn on_note, void *ctx, struct ak_error *err)
{
    enum ak_code rc = AK_OK;
    struct cosigned c;

    list_cosigned(tree, index, &c);
    for (size_t i = 0; rc == AK_OK && i < c.count; i++) {
        char name[64];
        char *note;
        size_t len;

        (void)snprintf(name, sizeof(name), "%020" PRIu64 ".cosigned", c.size[i]);
        if (ak_list_read_file(tree->dir_fd, name, AK_NOTE_FRAME_BYTES_MAX, &note, &len, NULL) !=
            AK_OK)
            continue; /* gone, or no note */
        rc = on_note(ctx, note, len, err);
        free(note);
    }
    return rc;
}

enum ak_code ak_log_tree_checkpoints(struct ak_log_tree *tree, uint64_t index,
                                     ak_log_tree_note_fn on_note, void *ctx, struct ak_error *err)
{
    struct ak_tree_file *file;
    uint64_t offered = 0;
    size_t own = 0;
    enum ak_code rc = offer_published(tree, on_note, ctx, err);

    if (rc == AK_OK)
        rc = offer_cosigned(tree, index, on_note, ctx, err);
    if (rc == AK_OK)
        rc = ak_tree_segment_of(tree, index, &own, err);
    if (rc == AK_OK)
        rc = offer_notes(tree, own, on_note, ctx, &offered, err);
    /* What a crash left unsigned is under a checkpoint of the next segment that has one. */
    offered = 0;
    for (size_t i = own + 1; rc == AK_OK && i < tree->segment_count && offered == 0; i++)
        rc = offer_notes(tree, i, on_note, ctx, &offered, err);
    for (size_t i = own; rc == AK_OK && i < tree->segment_count; i++) {
        uint8_t *note = NULL;
        size_t len = 0;
        if (ak_tree_file_of(tree, i, &file, NULL) != AK_OK || file->checkpoint == NULL)
            continue;
        rc = give_copy(file->checkpoint, file->checkpoint_len, &note, &len, err);
        if (rc == AK_OK) { /* the callback may make the tree close the file */
            rc = on_note(ctx, note, len, err);
            free(note);
        }
    }
    return rc;
}

enum ak_code ak_log_tree_declaration(struct ak_log_tree *tree, uint64_t index, uint32_t source,
                                     uint64_t *declaration, struct ak_error *err)
{
    struct ak_tree_file *file;
    size_t i;
    enum ak_code rc = ak_tree_segment_of(tree, index, &i, err);

    if (rc == AK_OK)
        rc = ak_tree_listed_file(tree, i, &file, err);
    if (rc == AK_OK)
        rc = ak_tree_file_declaration(file, source, declaration, err);
    for (; rc == AK_ENOTFOUND && i > 0; i--) { /* an open segment has no list; the one before has */
        rc = ak_tree_listed_file(tree, i - 1, &file, err);
        if (rc == AK_OK) {
            rc = ak_tree_file_declaration(file, source, declaration, err);
            break;
        }
    }
    return rc;
}
