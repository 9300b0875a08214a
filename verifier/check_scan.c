/* check_scan.c - a first look at a segment: is it sealed, and where does its tail begin?
 *
 * Only frame headers are read, and of an open segment the last group commit. What stands behind the
 * last good MARK and the last NOTE of this log is a tail (docs/format.md 9.3); what stands before
 * is judged, whatever its state: a bad group with a good MARK or NOTE behind it is corruption. So
 * frames are looked for behind damage too, also where the file seems to end within a frame: a
 * length that was changed must not hide what is behind it. */
#include "check_private.h"

#include <stdlib.h>
#include <string.h>

/* Newest MARKs that are tried; if all of them are bad, that is corruption and no tail. */
#define SCAN_MARKS 8u

/* Newest NOTEs that are tried: behind the last commit there is one, or there are few. */
#define SCAN_NOTES 8u

/* Bytes in a tail that look like NOTEs and are read; with more all of it is judged. */
#define SCAN_TAIL_NOTES 4096u

struct place {
    uint64_t from; /* where the frames that it covers begin */
    struct ak_frame frame;
};

struct scan {
    struct place mark[SCAN_MARKS]; /* ring */
    uint64_t marks;
    struct ak_frame note[SCAN_NOTES]; /* ring */
    uint64_t notes;
    uint64_t from; /* behind the last MARK */
    uint64_t end;  /* behind the HEADER */
    uint64_t columns;
    uint64_t frames; /* of any type */
    bool header;
    bool sealed;
    bool unsupported;
    bool unread; /* some of it cannot be read: what is there is judged, and nothing called a tail */
};

static void look(struct scan *scan, const struct ak_frame *frame)
{
    uint64_t end = frame->offset + frame->bytes;

    scan->frames++;
    switch (frame->type) {
    case AK_FRAME_HEADER:
        if (frame->offset == 0) {
            scan->end = end;
            scan->header = true;
        }
        break;
    case AK_FRAME_COLUMNS:
        scan->columns++;
        break;
    case AK_FRAME_MARK:
        scan->mark[scan->marks++ % SCAN_MARKS] = (struct place){scan->from, *frame};
        scan->from = end;
        break;
    case AK_FRAME_NOTE:
        scan->note[scan->notes++ % SCAN_NOTES] = *frame;
        break;
    case AK_FRAME_FOOTER:
        scan->sealed = true;
        break;
    default:
        break;
    }
}

static enum ak_code walk_all(struct ak_frame_walk *walk, struct scan *scan, struct ak_error *err)
{
    struct ak_frame frame;
    uint64_t skipped;

    for (;;) {
        enum ak_code rc = ak_frame_next(walk, &frame, err);
        if (rc == AK_ENOMEM)
            return rc;
        if (rc == AK_EUNSUPPORTED) {
            scan->unsupported = true;
            return AK_OK;
        }
        scan->unread = scan->unread || rc == AK_EIO;
        if (rc == AK_OK && frame.type == AK_FRAME_END)
            return AK_OK;
        if (frame.type != AK_FRAME_NONE && frame.type != AK_FRAME_TORN) {
            look(scan, &frame);
            continue;
        }
        rc = ak_frame_resync(walk, &skipped, err);
        if (rc == AK_ENOTFOUND)
            return AK_OK;
        if (rc != AK_OK)
            return rc;
    }
}

/* Whether the digest of a MARK is that of the frames before it (R22), and none of them belongs to
 * the segment that begins at `next`: a commit that failed is written again there (9.3). */
static bool mark_good(int fd, uint64_t next, struct ak_frame_walk *walk, const struct place *place)
{
    struct ak_sha256_ctx ctx;
    struct ak_segment_mark mark;
    uint8_t bytes[AK_FRAME_HEAD_BYTES + AK_MARK_BYTES_MAX];
    struct ak_frame frame;
    struct ak_hash digest;

    if (ak_frame_walk_begin(walk, fd, NULL) != AK_OK)
        return false;
    if (place->from > 0) {
        walk->at = place->from;
        walk->resumed = true;
        walk->last = AK_FRAME_MARK;
    }
    ak_sha256_init(&ctx);
    while (ak_frame_next(walk, &frame, NULL) == AK_OK && frame.offset < place->frame.offset) {
        if (ak_frame_digest(fd, &frame, &digest, NULL) != AK_OK)
            return false;
        ak_sha256_update(&ctx, digest.b, AK_HASH_BYTES);
    }
    if (frame.offset != place->frame.offset || frame.type != AK_FRAME_MARK ||
        ak_frame_read(fd, &frame, bytes, sizeof(bytes), NULL, NULL) != AK_OK ||
        ak_segment_mark_decode(&mark, bytes + ak_frame_head(&frame), (size_t)frame.content_bytes,
                               NULL) != AK_OK ||
        mark.range.end > next)
        return false;
    ak_sha256_final(&ctx, &digest);
    return ak_hash_equal(&digest, &mark.digest);
}

/* Whether a NOTE is by its form a checkpoint of this log, rightly signed or not: a torn write
 * leaves none. */
static bool note_is_ours(const struct ak_check_state *state, int fd, const struct ak_frame *frame)
{
    struct ak_checkpoint checkpoint;
    struct ak_note note;
    const uint8_t *data;
    uint8_t *bytes;
    size_t len;
    bool ours;

    bytes = malloc((size_t)frame->bytes);
    if (bytes == NULL)
        return true;
    ours = ak_frame_read(fd, frame, bytes, (size_t)frame->bytes, NULL, NULL) == AK_OK &&
           ak_segment_note_decode(&data, &len, bytes + ak_frame_head(frame),
                                  (size_t)frame->content_bytes, NULL) == AK_OK &&
           ak_note_parse(&note, data, len, NULL) == AK_OK &&
           ak_checkpoint_parse(&checkpoint, note.text, note.text_len, false, NULL) == AK_OK &&
           strcmp(checkpoint.origin, state->log->origin) == 0;
    free(bytes);
    return ours;
}

static uint64_t open_limit(const struct ak_check_state *state, int fd, uint64_t next,
                           struct ak_frame_walk *walk, const struct scan *scan)
{
    uint64_t limit = scan->end;
    uint64_t n = scan->marks < SCAN_MARKS ? scan->marks : SCAN_MARKS;
    uint64_t notes = scan->notes < SCAN_NOTES ? scan->notes : SCAN_NOTES;

    for (uint64_t i = 0; i < notes; i++) {
        const struct ak_frame *note = &scan->note[(scan->notes - 1 - i) % SCAN_NOTES];
        if (note_is_ours(state, fd, note)) {
            limit = note->offset + note->bytes;
            break;
        }
    }
    for (uint64_t i = 0; i < n; i++) {
        const struct place *mark = &scan->mark[(scan->marks - 1 - i) % SCAN_MARKS];
        uint64_t end = mark->frame.offset + mark->frame.bytes;
        if (end <= limit)
            break;
        if (mark_good(fd, next, walk, mark) || (i + 1 == SCAN_MARKS)) {
            limit = end;
            break;
        }
    }
    return limit;
}

/* A length that was changed may reach over the NOTE that shows the change: what would be a tail is
 * looked through for one once more, byte by byte. Gives the end of the last one, or `limit`. */
static uint64_t note_in_tail(const struct ak_check_state *state, int fd, uint64_t limit,
                             struct ak_frame_walk *walk)
{
    unsigned tried = 0;
    uint64_t at = limit;

    while (at < walk->size && ak_frame_walk_seek(walk, at == 0 ? 0 : at - 1, NULL) == AK_OK) {
        struct ak_frame frame;
        uint64_t skipped;
        if (ak_frame_resync(walk, &skipped, NULL) != AK_OK)
            break;
        at = walk->at;
        if (ak_frame_next(walk, &frame, NULL) == AK_OK && frame.type == AK_FRAME_NOTE) {
            if (tried++ == SCAN_TAIL_NOTES)
                return walk->size;
            if (note_is_ours(state, fd, &frame))
                limit = frame.offset + frame.bytes;
        }
        at++;
    }
    return limit;
}

uint64_t ak_check_next_first(const struct ak_check_state *state, const struct ak_check_file *file)
{
    uint64_t next = INT64_MAX;

    for (size_t i = 0; i < state->file_count && !state->single; i++) {
        if (state->file[i].first > file->first && state->file[i].first < next)
            next = state->file[i].first;
    }
    return next;
}

enum ak_code ak_check_scan(const struct ak_check_state *state, int fd, uint64_t next,
                           struct ak_check_look *look, struct ak_error *err)
{
    struct ak_frame_walk *walk = malloc(sizeof(*walk));
    struct scan scan;
    enum ak_code rc;

    memset(&scan, 0, sizeof(scan));
    memset(look, 0, sizeof(*look));
    if (walk == NULL)
        return ak_fail(err, AK_ENOMEM, "no memory to read a segment");
    rc = ak_frame_walk_begin(walk, fd, err);
    if (rc == AK_OK)
        rc = walk_all(walk, &scan, err);
    look->sealed = scan.sealed;
    look->limit = walk->size;
    look->markless =
        !scan.sealed && !scan.unsupported && !scan.unread && scan.columns > 0 && scan.marks == 0;
    look->headless = !scan.header && !scan.unsupported && !scan.unread;
    look->nothing = scan.frames == 0;
    if (rc == AK_OK && !scan.sealed && !scan.unsupported && !scan.unread)
        look->limit = note_in_tail(state, fd, open_limit(state, fd, next, walk, &scan), walk);
    look->unsupported = scan.unsupported;
    free(walk);
    return rc;
}

/* The last file that counts is the one in which the log may still grow. */
static bool is_last(const struct ak_check_state *state, const struct ak_check_file *file)
{
    return !state->single && file->first == state->file[state->file_count - 1].first;
}

void ak_check_judge_look(const struct ak_check_state *state, const struct ak_check_file *file,
                         uint64_t size, struct ak_check_look *look)
{
    bool named_sealed = file->named && !file->named_open;

    look->cut = look->markless && (named_sealed || (!state->single && !is_last(state, file)));
    look->begun = look->headless && look->nothing && file->named_open && is_last(state, file);
    if (look->cut || (look->headless && look->nothing && !look->begun))
        look->limit = size;
}
