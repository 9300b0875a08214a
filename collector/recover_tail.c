/* recover_tail.c - where the log ends.
 *
 * 1. Open segments are walked from the newest one back, frame by frame, until one has a MARK (or
 *    begins at a size) whose range folds to a root that was signed: by a NOTE, by the published
 *    checkpoint, or by the state that lies with the keys.
 * 2. From there groups are decoded and hashed again; the last MARK whose digest and range both come
 *    out is the end. A MARK alone is never believed, or a changed one would be signed. */
#include "recover_private.h"

#include "store_list.h"

#include <akashi/checkpoint.h>
#include <akashi/epoch.h>

#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* A MARK or NOTE of one file, in the order of the file. */
struct place {
    uint64_t offset;
    uint64_t bytes;
    uint64_t size; /* what it speaks of */
};

struct places {
    struct place *at;
    size_t count;
    size_t cap;
};

static enum ak_code places_add(struct places *places, const struct ak_frame *frame, uint64_t size,
                               struct ak_error *err)
{
    if (places->count == places->cap) {
        size_t cap = places->cap > 0 ? 2 * places->cap : 1024;
        struct place *grown = realloc(places->at, cap * sizeof(*grown));
        if (grown == NULL)
            return ak_fail(err, AK_ENOMEM, "no memory for the marks of a segment");
        places->at = grown;
        places->cap = cap;
    }
    places->at[places->count++] =
        (struct place){.offset = frame->offset, .bytes = frame->bytes, .size = size};
    return AK_OK;
}

/* What a disk does not give is not what is not there: never taken for a torn end. */
static bool not_read(struct ak_recovery *r, enum ak_code rc)
{
    if (rc == AK_EIO)
        r->unread = true;
    return rc != AK_OK;
}

static enum ak_code check_read(const struct ak_recovery *r, const char *name, struct ak_error *err)
{
    if (!r->unread)
        return AK_OK;
    return ak_fail(err, AK_EIO, "%s: a part of it cannot be read", name);
}

/* Reads a small frame of ours into `head.buffer`; gives its content. */
static const uint8_t *content_of(struct ak_recovery *r, int fd, const struct ak_frame *frame)
{
    enum ak_code rc = ak_frame_read(fd, frame, r->head.buffer, sizeof(r->head.buffer), NULL, NULL);

    return not_read(r, rc) ? NULL : r->head.buffer + ak_frame_head(frame);
}

static bool read_mark(struct ak_recovery *r, int fd, const struct ak_frame *frame,
                      struct ak_segment_mark *mark)
{
    const uint8_t *content = content_of(r, fd, frame);

    return content != NULL &&
           ak_segment_mark_decode(mark, content, (size_t)frame->content_bytes, NULL) == AK_OK;
}

/* Text of a NOTE and what it says; signatures are not looked at. Borrowed from `head.buffer`. */
static bool read_note(struct ak_recovery *r, int fd, const struct ak_frame *frame,
                      const uint8_t **note, size_t *len, struct ak_checkpoint *checkpoint)
{
    const uint8_t *content = content_of(r, fd, frame);
    struct ak_note parsed;

    return content != NULL &&
           ak_segment_note_decode(note, len, content, (size_t)frame->content_bytes, NULL) ==
               AK_OK &&
           ak_note_parse(&parsed, *note, *len, NULL) == AK_OK &&
           ak_checkpoint_parse(checkpoint, parsed.text, parsed.text_len, false, NULL) == AK_OK;
}

static bool is_signed(const struct ak_recovery *r, const void *note, size_t len)
{
    struct ak_log_checkpoint judged;

    return ak_epoch_list_judge(ak_keys_list(r->keys), ak_keys_log(r->keys), note, len, &judged,
                               NULL) == AK_OK;
}

static struct ak_frame frame_of(const struct place *place, unsigned type)
{
    return (struct ak_frame){.type = type,
                             .offset = place->offset,
                             .bytes = place->bytes,
                             .content_bytes = place->bytes - AK_FRAME_HEAD_BYTES};
}

static int by_size(const void *a, const void *b)
{
    const struct place *x = a, *y = b;

    return (x->size > y->size) - (x->size < y->size);
}

/* All MARKs of a file, in its order, and its NOTEs by size; also behind damage. */
static enum ak_code walk_places(struct ak_recovery *r, int fd, struct places *marks,
                                struct places *notes, struct ak_error *err)
{
    struct ak_recovery_walk *walk = malloc(sizeof(*walk));
    struct ak_frame frame = {.type = AK_FRAME_NONE};
    enum ak_code rc;

    if (walk == NULL)
        return ak_fail(err, AK_ENOMEM, "no memory for the marks of a segment");
    rc = ak_recovery_walk_begin(walk, r, fd, 0, err);
    while (rc == AK_OK && frame.type != AK_FRAME_END) {
        rc = ak_recovery_walk_next(walk, &frame, err);
        if (rc == AK_OK && frame.type == AK_FRAME_MARK)
            rc = places_add(marks, &frame, walk->mark.range.end, err);
        else if (rc == AK_OK && frame.type == AK_FRAME_NOTE)
            rc = places_add(notes, &frame, walk->checkpoint.size, err);
    }
    free(walk);
    if (rc == AK_OK && notes->count > 1)
        qsort(notes->at, notes->count, sizeof(*notes->at), by_size);
    return rc;
}

static enum ak_code keep_note(struct ak_recovery *r, const void *note, size_t len,
                              struct ak_error *err)
{
    char *copy = malloc(len);

    if (copy == NULL)
        return ak_fail(err, AK_ENOMEM, "no memory for a checkpoint");
    memcpy(copy, note, len);
    free(r->note);
    r->note = copy;
    r->note_len = len;
    return AK_OK;
}

static bool folds_to(const struct ak_range *range, uint64_t size, const struct ak_hash *root)
{
    struct ak_hash mine;

    return range->end == size && ak_range_root(range, &mine, NULL) == AK_OK &&
           ak_hash_equal(&mine, root);
}

/* Whether one of the heads known from outside of the segments is this range's. */
static const struct ak_recovery_head *known_outside(const struct ak_recovery *r,
                                                    const struct ak_range *range)
{
    for (size_t i = 0; i < AK_RECOVERY_HEADS; i++) {
        const struct ak_recovery_head *head = &r->heads[i];
        if (head->size > 0 && folds_to(range, head->size, &head->root))
            return head;
    }
    return NULL;
}

/* First of the NOTEs of this size or a greater one. */
static size_t notes_from(const struct places *notes, uint64_t size)
{
    size_t low = 0;
    size_t high = notes->count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (notes->at[middle].size < size)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* Whether a NOTE of this file is signed and of this range; keeps its text. */
static bool known_by_note(struct ak_recovery *r, int fd, const struct places *notes,
                          const struct ak_range *range)
{
    for (size_t i = notes_from(notes, range->end);
         i < notes->count && notes->at[i].size == range->end; i++) {
        struct ak_frame frame = frame_of(&notes->at[i], AK_FRAME_NOTE);
        struct ak_checkpoint checkpoint;
        const uint8_t *note;
        size_t len;
        if (read_note(r, fd, &frame, &note, &len, &checkpoint) &&
            folds_to(range, checkpoint.size, &checkpoint.root) && is_signed(r, note, len))
            return keep_note(r, note, len, NULL) == AK_OK;
    }
    return false;
}

/* The greatest size of which a NOTE of this file bears our signature. */
static void look_at_claims(struct ak_recovery *r, int fd, const struct places *notes)
{
    for (size_t i = notes->count; i > 0 && notes->at[i - 1].size > r->claimed; i--) {
        struct ak_frame frame = frame_of(&notes->at[i - 1], AK_FRAME_NOTE);
        struct ak_checkpoint checkpoint;
        const uint8_t *note;
        size_t len;
        if (read_note(r, fd, &frame, &note, &len, &checkpoint) && is_signed(r, note, len)) {
            r->claimed = checkpoint.size;
            return;
        }
    }
}

static enum ak_code trust(struct ak_recovery *r, size_t file, uint64_t at, bool header,
                          const struct ak_range *range, const struct ak_recovery_head *outside,
                          struct ak_error *err)
{
    r->trusted = *range;
    r->trusted_file = file;
    r->trusted_at = at;
    r->trusted_header = header;
    if (outside != NULL && outside->note != NULL)
        return keep_note(r, outside->note, outside->note_len, err);
    return AK_OK;
}

/* Whether somebody signed the tree that this HEADER goes on from. */
static bool header_known(struct ak_recovery *r, int fd, const struct places *notes,
                         const struct ak_recovery_head **outside)
{
    const struct ak_segment_header *header = &r->head.header;
    struct ak_range range = header->range; /* reading a NOTE takes the HEADER's buffer */
    struct ak_checkpoint checkpoint;

    *outside = known_outside(r, &range);
    if (*outside != NULL)
        return true;
    if (header->checkpoint_len > 0 &&
        ak_segment_header_check(header, NULL, &checkpoint, NULL) == AK_OK &&
        checkpoint.size == header->first &&
        is_signed(r, header->checkpoint, header->checkpoint_len))
        return keep_note(r, header->checkpoint, header->checkpoint_len, NULL) == AK_OK;
    return known_by_note(r, fd, notes, &range);
}

/* The newest trusted MARK of one open file, else its HEADER. */
static enum ak_code search_places(struct ak_recovery *r, size_t i, int fd,
                                  const struct places *marks, const struct places *notes,
                                  bool *found, struct ak_error *err)
{
    const struct ak_recovery_head *outside = NULL;
    struct ak_range range;

    for (size_t m = marks->count; m > 0; m--) {
        struct ak_frame frame = frame_of(&marks->at[m - 1], AK_FRAME_MARK);
        struct ak_segment_mark mark;
        if (!read_mark(r, fd, &frame, &mark))
            continue;
        outside = NULL;
        *found = known_by_note(r, fd, notes, &mark.range) ||
                 (outside = known_outside(r, &mark.range)) != NULL;
        if (*found)
            return trust(r, i, frame.offset + frame.bytes, false, &mark.range, outside, err);
    }
    if (r->open[i].first == 0 || not_read(r, ak_segment_head_read(fd, r->origin, &r->head, NULL)))
        return AK_OK;
    range = r->head.header.range;
    *found = header_known(r, fd, notes, &outside);
    return *found ? trust(r, i, r->head.bytes, true, &range, outside, err) : AK_OK;
}

static enum ak_code search_file(struct ak_recovery *r, size_t i, bool *found, struct ak_error *err)
{
    struct places marks = {0};
    struct places notes = {0};
    int fd;
    enum ak_code rc = ak_segment_file_open(r->dir_fd, r->open[i].name, &fd, err);

    if (rc != AK_OK)
        return rc;
    /* After a failed sync the page cache may hold what the disk does not. */
    (void)posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
    rc = walk_places(r, fd, &marks, &notes, err);
    if (rc != AK_OK)
        ak_wrap(err, "%s", r->open[i].name);
    if (rc == AK_OK) {
        look_at_claims(r, fd, &notes);
        rc = search_places(r, i, fd, &marks, &notes, found, err);
    }
    if (rc == AK_OK)
        rc = check_read(r, r->open[i].name, err);
    free(marks.at);
    free(notes.at);
    (void)close(fd);
    return rc;
}

/* The end of a sealed segment is signed: sealing asks for that. Its last NOTE says so again. */
static enum ak_code search_base(struct ak_recovery *r, bool *found, struct ak_error *err)
{
    const struct ak_recovery_head *outside = NULL;
    struct places marks = {0};
    struct places notes = {0};
    struct ak_footer footer;
    struct ak_frame frame;
    int fd;
    enum ak_code rc = ak_segment_file_open(r->dir_fd, r->base->name, &fd, err);

    if (rc != AK_OK)
        return rc;
    rc = ak_segment_footer_frame(fd, r->base->footer_at, &frame, err);
    if (rc == AK_OK)
        rc = ak_footer_check(&footer, fd, &frame, NULL, NULL, NULL, NULL, err);
    if (rc == AK_OK)
        *found = (outside = known_outside(r, &footer.range)) != NULL;
    if (rc == AK_OK && !*found)
        rc = walk_places(r, fd, &marks, &notes, err);
    if (rc != AK_OK)
        ak_wrap(err, "%s", r->base->name);
    if (rc == AK_OK && !*found) {
        look_at_claims(r, fd, &notes);
        *found = known_by_note(r, fd, &notes, &footer.range);
    }
    if (rc == AK_OK)
        rc = check_read(r, r->base->name, err);
    if (rc == AK_OK && *found)
        rc = trust(r, 0, 0, true, &footer.range, outside, err);
    free(marks.at);
    free(notes.at);
    (void)close(fd);
    return rc;
}

/* The published checkpoint, if it is one of ours; what is no checkpoint claims nothing. */
static enum ak_code read_published(struct ak_recovery *r, struct ak_recovery_head *head,
                                   struct ak_error *err)
{
    struct ak_log_checkpoint judged;
    enum ak_code rc = ak_list_read_file(r->dir_fd, "checkpoint", AK_NOTE_BYTES_MAX, &head->note,
                                        &head->note_len, err);

    if (rc == AK_ENOTFOUND || rc == AK_ELIMIT)
        return AK_OK;
    if (rc != AK_OK)
        return rc;
    if (ak_epoch_list_judge(ak_keys_list(r->keys), ak_keys_log(r->keys), head->note, head->note_len,
                            &judged, NULL) != AK_OK)
        return AK_OK;
    head->size = judged.checkpoint.size;
    head->root = judged.checkpoint.root;
    return AK_OK;
}

static enum ak_code find_trusted(struct ak_recovery *r, struct ak_error *err)
{
    bool found = false;
    enum ak_code rc;

    r->heads[1].size = ak_keys_state(r->keys, &r->heads[1].root);
    rc = read_published(r, &r->heads[0], err);
    r->claimed = r->heads[0].size > r->heads[1].size ? r->heads[0].size : r->heads[1].size;
    for (size_t i = r->open_count; rc == AK_OK && i > 0 && !found; i--)
        rc = search_file(r, i - 1, &found, err);
    if (rc == AK_OK && !found && r->base != NULL)
        rc = search_base(r, &found, err);
    if (rc == AK_OK && !found)
        rc = ak_keys_older(r->keys, 0, err);
    return rc;
}

/* ---- from the trusted head to the last good MARK */

struct advance {
    struct ak_range range; /* as decoded so far */
    struct ak_range more;  /* the same from the trusted size on */
    struct ak_sha256_ctx frames;
    bool pending;    /* blocks stand behind the last MARK */
    uint64_t end;    /* where the next segment begins, or UINT64_MAX */
    uint64_t walked; /* file whose NOTEs are in `notes`, plus 1; 0: none */
    struct places notes;
};

/* Takes in one block; false if it is not good, or belongs to the next segment too. */
static bool advance_block(struct ak_recovery *r, int fd, struct ak_frame_walk *walk,
                          const struct ak_frame *columns, struct advance *a)
{
    const struct ak_block *block = r->reader.block;
    struct ak_frame data;

    if (a->range.end == a->end ||
        not_read(r, ak_block_reader_columns(&r->reader, fd, columns, NULL)) ||
        not_read(r, ak_frame_next(walk, &data, NULL)) || data.type != AK_FRAME_DATA ||
        not_read(r, ak_block_reader_data(&r->reader, fd, data.offset, NULL)) ||
        r->reader.columns->first != a->range.end)
        return false;
    ak_sha256_update(&a->frames, r->reader.columns_digest.b, AK_HASH_BYTES);
    ak_sha256_update(&a->frames, r->reader.data_digest.b, AK_HASH_BYTES);
    for (uint32_t g = 0; g < block->group_count; g++) {
        struct ak_range group;
        ak_block_group_range(block, g, &group);
        if (ak_range_merge(&a->range, &group, NULL) != AK_OK ||
            ak_range_merge(&a->more, &group, NULL) != AK_OK)
            return false;
    }
    a->pending = true;
    return true;
}

static bool range_equal(const struct ak_range *a, const struct ak_range *b)
{
    return a->begin == b->begin && a->end == b->end && a->count == b->count &&
           memcmp(a->hash, b->hash, a->count * sizeof(a->hash[0])) == 0;
}

static void accept(struct ak_recovery *r, struct advance *a, uint64_t at)
{
    ak_sha256_init(&a->frames);
    a->pending = false;
    r->out->range = a->range;
    r->out->more = a->more;
    r->good_bytes = at;
}

static bool advance_mark(struct ak_recovery *r, int fd, const struct ak_frame *frame,
                         struct advance *a)
{
    struct ak_segment_mark mark;
    struct ak_hash digest;

    ak_sha256_final(&a->frames, &digest);
    if (!read_mark(r, fd, frame, &mark) || !ak_hash_equal(&mark.digest, &digest) ||
        !range_equal(&mark.range, &a->range))
        return false;
    accept(r, a, frame->offset + frame->bytes);
    return true;
}

/* Whether a signature covers exactly what was decoded. `i` is the file that is looked at. */
static bool advance_known(struct ak_recovery *r, size_t i, int fd, struct advance *a)
{
    const struct ak_recovery_head *outside = known_outside(r, &a->range);
    struct places marks = {0};
    enum ak_code rc = AK_OK;

    if (outside != NULL)
        return outside->note == NULL ||
               keep_note(r, outside->note, outside->note_len, NULL) == AK_OK;
    if (a->walked != i + 1) {
        a->notes.count = 0;
        rc = walk_places(r, fd, &marks, &a->notes, NULL);
        free(marks.at);
        a->walked = i + 1;
    }
    return !not_read(r, rc) && known_by_note(r, fd, &a->notes, &a->range);
}

/* Where a good MARK should be there is none, but what was decoded is signed: the MARK is damaged,
 * not the commit torn. Goes on behind it; sealing will tell of it. */
static bool advance_signed(struct ak_recovery *r, size_t i, int fd, struct ak_frame_walk *walk,
                           const struct ak_frame *frame, struct advance *a)
{
    uint64_t skipped;

    if (!a->pending || r->unread || !advance_known(r, i, fd, a))
        return false;
    r->trusted = a->range;
    ak_range_init(&a->more, a->range.end);
    accept(r, a, frame->offset);
    /* Its length may be what is damaged: the next frame is looked for. */
    return ak_frame_walk_seek(walk, frame->offset, NULL) == AK_OK &&
           ak_frame_resync(walk, &skipped, NULL) == AK_OK;
}

static bool advance_note(struct ak_recovery *r, int fd, const struct ak_frame *frame,
                         struct advance *a)
{
    struct ak_checkpoint checkpoint;
    struct ak_hash digest;
    const uint8_t *note;
    size_t len;

    if (!read_note(r, fd, frame, &note, &len, &checkpoint) || a->pending)
        return false;
    ak_sha256(&digest, r->head.buffer, (size_t)frame->bytes);
    ak_sha256_update(&a->frames, digest.b, AK_HASH_BYTES);
    r->good_bytes = frame->offset + frame->bytes;
    return true;
}

/* Goes on in one file from byte `at`, to the last MARK that comes out. */
static enum ak_code advance_file(struct ak_recovery *r, size_t i, uint64_t at, struct advance *a,
                                 struct ak_error *err)
{
    struct ak_frame_walk walk;
    struct ak_frame frame;
    bool good = true;
    int fd;
    enum ak_code rc = ak_segment_file_open(r->dir_fd, r->open[i].name, &fd, err);

    if (rc != AK_OK)
        return rc;
    rc = ak_frame_walk_begin(&walk, fd, err);
    if (rc == AK_OK)
        rc = ak_frame_walk_seek(&walk, at, err);
    walk.state = AK_SEGMENT_OPEN; /* whatever a damaged frame says */
    r->good_file = i;
    r->good_bytes = at;
    a->end = i + 1 < r->open_count ? r->open[i + 1].first : UINT64_MAX;
    while (rc == AK_OK && good) {
        good = !not_read(r, ak_frame_next(&walk, &frame, NULL));
        if (good && frame.type == AK_FRAME_COLUMNS)
            good = advance_block(r, fd, &walk, &frame, a);
        else if (good && frame.type == AK_FRAME_MARK)
            good = advance_mark(r, fd, &frame, a);
        else if (good && frame.type == AK_FRAME_NOTE)
            good = advance_note(r, fd, &frame, a);
        else
            good = false;
        if (!good)
            good = advance_signed(r, i, fd, &walk, &frame, a);
    }
    if (rc == AK_OK)
        rc = check_read(r, r->open[i].name, err);
    (void)close(fd);
    a->range = r->out->range;
    a->more = r->out->more;
    return rc;
}

/* Begins in a file that follows another: its HEADER goes on from what came out. */
static enum ak_code begin_file(struct ak_recovery *r, size_t i, struct advance *a, uint64_t *at,
                               struct ak_error *err)
{
    const char *name = r->open[i].name;
    int fd;
    enum ak_code rc = ak_segment_file_open(r->dir_fd, name, &fd, err);

    if (rc != AK_OK)
        return rc;
    rc = ak_segment_head_read(fd, r->origin, &r->head, err);
    (void)close(fd);
    ak_sha256_init(&a->frames);
    a->pending = false;
    *at = 0;
    if (rc != AK_OK && rc != AK_EIO && i + 1 == r->open_count)
        return AK_OK; /* a HEADER that never became durable: nothing of the file is good */
    if (rc != AK_OK) {
        ak_wrap(err, "%s", name);
        return rc;
    }
    if (!range_equal(&r->head.header.range, &a->range))
        return ak_fail(err, AK_EINTEGRITY,
                       "%s goes on from another log than the segments before it lead to at %" PRIu64
                       ". Bring back the newest copy of the store",
                       name, a->range.end);
    ak_sha256_update(&a->frames, r->head.digest.b, AK_HASH_BYTES);
    *at = r->head.bytes;
    return AK_OK;
}

static enum ak_code advance_files(struct ak_recovery *r, struct advance *a, struct ak_error *err)
{
    size_t i = r->trusted_file;
    uint64_t at = r->trusted_at;
    enum ak_code rc = AK_OK;

    if (r->trusted_header && r->open_count > 0)
        rc = begin_file(r, i, a, &at, err);
    while (rc == AK_OK && i < r->open_count) {
        if (at > 0)
            rc = advance_file(r, i, at, a, err);
        else
            r->good_file = i, r->good_bytes = 0;
        if (rc != AK_OK || ++i == r->open_count)
            break;
        if (r->open[i].first != a->range.end)
            return ak_fail(err, AK_EINTEGRITY,
                           "%s is damaged: it is good up to entry %" PRIu64
                           " and the next segment begins at %" PRIu64
                           ". Bring back a good copy of it and start again",
                           r->open[i - 1].name, a->range.end, r->open[i].first);
        rc = begin_file(r, i, a, &at, err);
    }
    return rc;
}

enum ak_code ak_recover_tail(struct ak_recovery *r, struct ak_error *err)
{
    enum ak_code rc = find_trusted(r, err);
    struct advance a = {.range = r->trusted};

    if (rc != AK_OK)
        return rc;
    ak_range_init(&a.more, r->trusted.end);
    r->out->range = a.range;
    r->out->more = a.more;
    ak_sha256_init(&a.frames);
    rc = advance_files(r, &a, err);
    free(a.notes.at);
    return rc;
}
