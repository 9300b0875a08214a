/* recover_sources.c - positions of all sources at the end of the log, who they are, and the running
 * epoch's note.
 *
 * The newest FOOTER gives positions and where the declarations lie; the columns of open segments
 * behind it carry on. Payloads are read only of what is needed: declarations, epochs, and the
 * events that tell of tails. A block that cannot be read is passed over: the next block of its
 * sources says how far they are. */
#include "recover_private.h"

#include <json.h>

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define TAILS_MAX AK_TORN_MAX

/* A tail of an open segment that others followed, until an event is found that speaks of it. */
struct tail {
    const char *name;
    uint64_t good;
    uint64_t size;
};

struct sources {
    struct ak_recovery *r;
    uint32_t told; /* ordinals given to on_source so far */
    bool damaged;  /* a block could not be read: numbers may have been lost */
    bool stopped;  /* the last entry seen is the event of an orderly stop */
    struct tail tail[TAILS_MAX];
    unsigned tail_count;
};

static enum ak_code tell(struct sources *s, uint32_t ordinal, const void *payload, size_t len,
                         struct ak_error *err)
{
    struct ak_recovery *r = s->r;
    enum ak_code rc = AK_OK;

    for (; s->told < ordinal && rc == AK_OK; s->told++) {
        if (r->on_source != NULL)
            rc = r->on_source(r->ctx, s->told, NULL, 0, err);
    }
    if (rc == AK_OK && r->on_source != NULL)
        rc = r->on_source(r->ctx, ordinal, payload, len, err);
    s->told = ordinal + 1;
    return rc;
}

static enum ak_code keep_epoch(struct ak_recovery *r, const void *note, size_t len,
                               struct ak_error *err)
{
    unsigned char *copy = malloc(len);

    if (copy == NULL)
        return ak_fail(err, AK_ENOMEM, "no memory for an epoch's note");
    memcpy(copy, note, len);
    free(r->out->epoch_note);
    r->out->epoch_note = copy;
    r->out->epoch_note_len = len;
    return AK_OK;
}

/* ---- what is sealed, and what is still open before it */

/* Opens the segment that holds `index`, unless it is the one that is open. */
static bool open_holder(struct ak_recovery *r, uint64_t index, const struct ak_segment_file **file,
                        int *fd)
{
    if (*fd >= 0 && index >= (*file)->first && index < (*file)->end)
        return true;
    if (*fd >= 0)
        (void)close(*fd);
    *fd = -1;
    for (size_t i = 0; i < r->files.count; i++) {
        const struct ak_segment_file *at = &r->files.file[i];
        if (index >= at->first && index < at->end) {
            *file = at;
            r->reader.columns->count = 0; /* the block in memory is another file's */
            return ak_segment_file_open(r->dir_fd, at->name, fd, NULL) == AK_OK;
        }
    }
    return false;
}

/* The same as ak_block_reader_find, in a segment that has no FOOTER yet. */
static enum ak_code find_in_open(struct ak_recovery *r, int fd, uint64_t index)
{
    const struct ak_columns *columns = r->reader.columns;
    struct ak_recovery_walk *walk = malloc(sizeof(*walk));
    struct ak_frame frame = {.type = AK_FRAME_NONE};
    enum ak_code rc;

    if (walk == NULL)
        return AK_ENOMEM;
    rc = ak_recovery_walk_begin(walk, r, fd, 0, NULL);
    while (rc == AK_OK) {
        rc = ak_recovery_walk_next(walk, &frame, NULL);
        if (rc == AK_OK && frame.type == AK_FRAME_END)
            rc = AK_ENOTFOUND;
        if (rc == AK_OK && frame.type == AK_FRAME_COLUMNS && index >= columns->first &&
            index - columns->first < columns->count) {
            rc = ak_block_reader_data(&r->reader, fd, frame.offset + frame.bytes, NULL);
            break;
        }
    }
    free(walk);
    return rc;
}

/* The payload of one entry of a segment, or NULL. */
static const struct ak_payload *find_payload(struct ak_recovery *r, int fd,
                                             const struct ak_segment_file *file, uint64_t index)
{
    const struct ak_columns *columns = r->reader.columns;
    enum ak_code rc = AK_OK;

    if (columns->count == 0 || index < columns->first || index - columns->first >= columns->count)
        rc = file->sealed ? ak_block_reader_find(&r->reader, fd, file, index, NULL)
                          : find_in_open(r, fd, index);
    if (rc != AK_OK) {
        r->reader.columns->count = 0;
        return NULL;
    }
    return &r->reader.block->payload[index - columns->first];
}

static enum ak_code tell_sealed(struct sources *s, struct ak_error *err)
{
    struct ak_recovery *r = s->r;
    const struct ak_segment_file *file = NULL;
    enum ak_code rc = AK_OK;
    int fd = -1;

    r->reader.columns->count = 0;
    for (uint32_t i = AK_SOURCE_FIRST; i < r->out->positions.count && rc == AK_OK; i++) {
        uint64_t index = r->out->positions.at[i].declared;
        const struct ak_payload *payload = NULL;
        if (open_holder(r, index, &file, &fd))
            payload = find_payload(r, fd, file, index);
        if (payload != NULL && payload->p != NULL)
            rc = tell(s, i, payload->p, payload->len, err);
    }
    if (fd >= 0)
        (void)close(fd);
    return rc;
}

/* The epoch that ran at the end of the newest sealed segment, whose positions are known: its start
 * note stands in the segment itself, or in the HEADER. */
static enum ak_code epoch_of_base(struct ak_recovery *r, int fd, struct ak_error *err)
{
    uint64_t index = r->out->positions.at[AK_KIND_EPOCH].last_index;
    const struct ak_payload *payload;
    enum ak_code rc = ak_segment_head_read(fd, r->origin, &r->head, err);

    if (rc != AK_OK)
        return rc;
    if (r->head.header.claim > r->out->claim)
        r->out->claim = r->head.header.claim;
    if (index < r->head.header.first)
        return keep_epoch(r, r->head.header.epoch_note, r->head.header.epoch_note_len, err);
    r->reader.columns->count = 0;
    payload = find_payload(r, fd, r->base, index);
    if (payload == NULL || payload->p == NULL) {
        if (r->head.header.epoch_note_len > 0) /* the keys have a copy of the newer one */
            return keep_epoch(r, r->head.header.epoch_note, r->head.header.epoch_note_len, err);
        return ak_fail(err, AK_EINTEGRITY,
                       "entry %" PRIu64 ", which names the keys, cannot be read", index);
    }
    return keep_epoch(r, payload->p, payload->len, err);
}

static enum ak_code take_base(struct sources *s, struct ak_error *err)
{
    struct ak_recovery *r = s->r;
    int fd;
    enum ak_code rc = ak_segment_file_open(r->dir_fd, r->base->name, &fd, err);

    if (rc != AK_OK)
        return rc;
    rc = ak_segment_positions(fd, r->base->footer_at, &r->out->positions, err);
    if (rc == AK_OK)
        rc = epoch_of_base(r, fd, err);
    (void)close(fd);
    if (rc != AK_OK)
        ak_wrap(err, "%s", r->base->name);
    else
        rc = tell_sealed(s, err);
    s->stopped = true; /* what was sealed with nothing behind it was sealed by an orderly stop */
    return rc;
}

/* ---- what is open */

static bool holds(const struct ak_payload *payload, const char *text)
{
    return memmem(payload->p, payload->len, text, strlen(text)) != NULL;
}

/* An event that names a file whose tail is not told yet. */
static void look_at_event(struct sources *s, const struct ak_payload *payload)
{
    s->stopped = holds(payload, "\"event\":\"stop\"");
    for (unsigned i = 0; i < s->tail_count; i++) {
        bool speaks =
            holds(payload, "\"event\":\"recovery\"") || holds(payload, "\"event\":\"corruption\"");
        if (speaks && holds(payload, s->tail[i].name))
            s->tail[i] = s->tail[--s->tail_count];
    }
}

/* After a block was lost, a state entry says how many sources there are. */
static enum ak_code look_at_state(struct sources *s, const struct ak_payload *payload,
                                  struct ak_error *err)
{
    const json_t *count;
    json_t *object;
    enum ak_code rc = AK_OK;

    if (ak_json_parse(payload->p, payload->len, &object, NULL) != AK_OK)
        return AK_OK;
    count = json_object_get(object, "sources");
    if (json_is_integer(count) && json_integer_value(count) >= 0 &&
        json_integer_value(count) <= AK_DECLARED_MAX)
        rc = ak_positions_declare(&s->r->out->positions,
                                  AK_SOURCE_FIRST + (uint32_t)json_integer_value(count), err);
    json_decref(object);
    return rc;
}

/* Own entries of the block in memory. `opened` whether its data came out at all. */
static enum ak_code look_at_own(struct sources *s, uint32_t position, const struct ak_entry *entry,
                                struct ak_error *err)
{
    struct ak_recovery *r = s->r;
    const struct ak_payload *payload = &r->reader.block->payload[position];

    s->stopped = false;
    if (payload->p == NULL)
        return AK_OK;
    switch (entry->kind) {
    case AK_KIND_SOURCE:
        return tell(s, AK_SOURCE_FIRST + (uint32_t)entry->source_seq, payload->p, payload->len,
                    err);
    case AK_KIND_EPOCH:
        return keep_epoch(r, payload->p, payload->len, err);
    case AK_KIND_EVENT:
        look_at_event(s, payload);
        return AK_OK;
    case AK_KIND_STATE:
        return s->damaged ? look_at_state(s, payload, err) : AK_OK;
    default:
        return AK_OK;
    }
}

/* Whether a block holds something whose payload is wanted. */
static bool wants_payloads(const struct sources *s, const struct ak_columns *columns,
                           uint64_t limit)
{
    for (uint32_t i = 0; i < columns->run_count; i++) {
        unsigned kind = columns->run[i].kind;
        if (kind == AK_KIND_SOURCE || kind == AK_KIND_EPOCH ||
            (kind == AK_KIND_EVENT &&
             (s->tail_count > 0 || columns->first + columns->count >= limit)) ||
            (kind == AK_KIND_STATE && s->damaged))
            return true;
    }
    return false;
}

/* Behind damage a source may come of which the declaration is lost: its number stays taken. */
static enum ak_code declare_lost(struct sources *s, struct ak_error *err)
{
    const struct ak_columns *columns = s->r->reader.columns;
    enum ak_code rc = AK_OK;

    for (uint32_t i = 0; i < columns->run_count && s->damaged && rc == AK_OK; i++) {
        uint32_t source = columns->run[i].source;
        if (source >= AK_SOURCE_FIRST && source - AK_SOURCE_FIRST < AK_DECLARED_MAX)
            rc = ak_positions_declare(&s->r->out->positions, source + 1, err);
    }
    return rc;
}

/* Takes in the block whose COLUMNS are in memory. */
static enum ak_code take_block(struct sources *s, int fd, const struct ak_frame *frame,
                               uint64_t limit, struct ak_error *err)
{
    struct ak_block_reader *reader = &s->r->reader;
    struct ak_positions *positions = &s->r->out->positions;
    const struct ak_columns *columns = reader->columns;
    uint32_t count;
    enum ak_code rc;

    if (columns->first < positions->size || columns->first >= limit) {
        s->damaged = true;
        return AK_OK;
    }
    if (columns->first > positions->size) {
        s->damaged = true;
        ak_positions_skip(positions, columns->first);
    }
    count = limit - columns->first < columns->count ? (uint32_t)(limit - columns->first)
                                                    : columns->count;
    rc = declare_lost(s, err);
    if (rc == AK_OK)
        rc = ak_positions_take(positions, columns, limit, err);
    s->stopped = false;
    if (rc == AK_EMALFORMED) { /* it says what cannot be */
        s->damaged = true;
        ak_positions_skip(positions, columns->first + count);
        return AK_OK;
    }
    if (rc != AK_OK || !wants_payloads(s, columns, limit))
        return rc;
    (void)ak_block_reader_data(reader, fd, frame->offset + frame->bytes, NULL);
    for (uint32_t g = 0; g < reader->block->group_count && rc == AK_OK; g++) {
        const struct ak_block_group *group = &reader->block->group[g];
        for (uint32_t i = group->begin;
             group->decoded && i < group->begin + group->count && i < count && rc == AK_OK; i++)
            rc = look_at_own(s, i, &reader->block->entry[i], err);
    }
    return rc;
}

/* Goes through one open segment up to entry `limit`; gives the byte behind its last MARK or NOTE
 * that belongs to it, and its length. */
static enum ak_code take_file(struct sources *s, int fd, uint64_t limit, uint64_t *good,
                              uint64_t *bytes, struct ak_error *err)
{
    struct ak_positions *positions = &s->r->out->positions;
    struct ak_recovery_walk *walk = malloc(sizeof(*walk));
    struct ak_frame frame = {.type = AK_FRAME_NONE};
    enum ak_code rc;

    *good = *bytes = 0;
    if (walk == NULL)
        return ak_fail(err, AK_ENOMEM, "no memory to read a segment");
    rc = ak_recovery_walk_begin(walk, s->r, fd, 0, err);
    while (rc == AK_OK) {
        rc = ak_recovery_walk_next(walk, &frame, err);
        if (rc != AK_OK || frame.type == AK_FRAME_END)
            break;
        if (positions->size >= limit && (walk->gap || frame.type == AK_FRAME_COLUMNS))
            break;
        s->damaged = s->damaged || walk->gap;
        walk->gap = false;
        if (frame.type == AK_FRAME_COLUMNS)
            rc = take_block(s, fd, &frame, limit, err);
        else if (frame.type == AK_FRAME_MARK || frame.type == AK_FRAME_NOTE ||
                 frame.type == AK_FRAME_HEADER)
            *good = frame.offset + frame.bytes;
    }
    *bytes = walk->walk.size;
    free(walk);
    return rc;
}

static enum ak_code take_open(struct sources *s, size_t i, struct ak_error *err)
{
    struct ak_recovery *r = s->r;
    const struct ak_segment_file *file = &r->open[i];
    bool last = i + 1 == r->open_count;
    uint64_t limit = last ? r->out->range.end : file[1].first;
    uint64_t good;
    uint64_t bytes;
    int fd;
    enum ak_code rc = ak_segment_file_open(r->dir_fd, file->name, &fd, err);

    if (rc != AK_OK)
        return rc;
    if (r->out->epoch_note == NULL &&
        ak_segment_head_read(fd, r->origin, &r->head, NULL) == AK_OK &&
        r->head.header.epoch_note_len > 0)
        rc = keep_epoch(r, r->head.header.epoch_note, r->head.header.epoch_note_len, err);
    if (rc == AK_OK)
        rc = take_file(s, fd, limit, &good, &bytes, err);
    (void)close(fd);
    if (rc != AK_OK) {
        ak_wrap(err, "%s", file->name);
        return rc;
    }
    if (r->out->positions.size < limit) {
        s->damaged = true;
        ak_positions_skip(&r->out->positions, limit);
    }
    /* The tail of the last one is told already, unless another one was last. */
    if ((!last || r->moved) && bytes > good && s->tail_count < TAILS_MAX)
        s->tail[s->tail_count++] = (struct tail){.name = file->name, .good = good, .size = limit};
    return AK_OK;
}

/* The last process ended without a word, and left no bytes that would tell it: said all the same.
 * A log that holds its start note only was never run. */
static enum ak_code tell_unclean(struct sources *s, struct ak_error *err)
{
    struct ak_recovery *r = s->r;

    if (s->stopped || r->out->torn_count > 0 || r->open_count == 0 || r->out->range.end <= 1)
        return AK_OK;
    return ak_recover_left_behind(r, r->open[r->open_count - 1].name, r->good_bytes,
                                  r->out->range.end, err);
}

enum ak_code ak_recover_sources(struct ak_recovery *r, struct ak_error *err)
{
    struct sources s = {.r = r, .told = AK_SOURCE_FIRST};
    enum ak_code rc = ak_positions_init(&r->out->positions, err);

    if (rc == AK_OK && r->base != NULL)
        rc = take_base(&s, err);
    for (size_t i = 0; i < r->open_count && rc == AK_OK; i++)
        rc = take_open(&s, i, err);
    if (rc == AK_OK && r->out->positions.count > s.told)
        rc = tell(&s, r->out->positions.count - 1, NULL, 0, err);
    for (unsigned i = 0; i < s.tail_count && rc == AK_OK; i++)
        rc = ak_recover_left_behind(r, s.tail[i].name, s.tail[i].good, s.tail[i].size, err);
    if (rc == AK_OK)
        rc = tell_unclean(&s, err);
    if (rc == AK_OK && r->out->epoch_note == NULL)
        rc = ak_fail(err, AK_EINTEGRITY, "no entry names the running epoch's key");
    return rc;
}
