/* log_reader.c - entries with their payloads, in order, one block in memory at a time.
 *
 * Files are listed and chosen exactly as a check does it. What does not decode becomes a gap that
 * is told; reading goes on behind it. Of a segment that is open only what is committed is read. */
#include <akashi/log_reader.h>

#include "check_private.h"
#include "log_listing.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct reader {
    const struct ak_log_filter *filter;
    const struct ak_check_log *judged;
    const struct ak_log_visitor *visitor;
    struct ak_check_state *state;
    struct ak_frame_walk *walk;
    struct ak_columns *columns;
    struct ak_block *block;
    uint8_t *columns_bytes;
    uint8_t *data_bytes;
    uint64_t next;                 /* index that is due */
    bool started;                  /* `next` holds */
    bool stop;                     /* nothing behind can pass the filter */
    char why[AK_ERROR_TEXT_BYTES]; /* what was last passed over */
    size_t range;                  /* of `judged`: the first that does not end before the entry */
};

static enum ak_code tell_gap(struct reader *r, uint64_t begin, uint64_t end, const char *file,
                             uint64_t offset, const char *text, struct ak_error *err)
{
    struct ak_log_gap gap = {begin, end, file, offset, text};

    if (r->visitor->on_gap == NULL || begin >= end || begin > r->filter->last ||
        end <= r->filter->first)
        return AK_OK;
    return r->visitor->on_gap(r->visitor->ctx, &gap, err);
}

/* Entries before `first` that no block gave. */
static enum ak_code pass_over(struct reader *r, uint64_t first, const char *file, uint64_t offset,
                              struct ak_error *err)
{
    uint64_t begin = r->next;
    bool known = r->started;

    r->next = first;
    r->started = true;
    if (!known || first <= begin)
        return AK_OK;
    return tell_gap(r, begin, first, r->why[0] != '\0' ? file : "", offset,
                    r->why[0] != '\0' ? r->why : "no file holds these entries", err);
}

static bool source_wanted(const struct ak_log_filter *filter, uint32_t source)
{
    if (filter->sources == NULL)
        return true;
    for (size_t i = 0; i < filter->source_count; i++) {
        if (filter->sources[i] == source)
            return true;
    }
    return false;
}

static enum ak_proof_state proof_of(struct reader *r, uint64_t index)
{
    const struct ak_check_log *judged = r->judged;

    if (judged == NULL)
        return AK_PROOF_UNKNOWN;
    while (r->range < judged->range_count && judged->ranges[r->range].end <= index)
        r->range++;
    if (r->range < judged->range_count && judged->ranges[r->range].begin <= index)
        return AK_PROOF_PROVEN;
    return r->range == judged->range_count && judged->ranges_left_off > 0 ? AK_PROOF_UNKNOWN
                                                                          : AK_PROOF_NOT;
}

static enum ak_code visit_entry(struct reader *r, uint32_t position, const char *file,
                                uint64_t offset, struct ak_error *err)
{
    const struct ak_payload *payload = &r->block->payload[position];
    struct ak_log_entry entry = {.index = r->block->first + position,
                                 .entry = r->block->entry[position],
                                 .state = payload->state,
                                 .payload = payload->p,
                                 .len = payload->len,
                                 .file = file,
                                 .offset = offset};
    const struct ak_log_filter *filter = r->filter;

    if (entry.index < filter->first || entry.index > filter->last ||
        entry.entry.received < filter->from || entry.entry.received >= filter->to ||
        !source_wanted(filter, entry.entry.source))
        return AK_OK;
    entry.proof = proof_of(r, entry.index);
    return r->visitor->on_entry(r->visitor->ctx, &entry, err);
}

static enum ak_code visit_block(struct reader *r, const char *file, uint64_t offset,
                                const char *why, struct ak_error *err)
{
    const struct ak_block *block = r->block;
    enum ak_code rc = AK_OK;

    for (uint32_t g = 0; g < block->group_count && rc == AK_OK; g++) {
        const struct ak_block_group *group = &block->group[g];
        uint64_t begin = block->first + group->begin;
        if (!group->decoded) {
            rc = tell_gap(r, begin, begin + group->count, file, offset, why, err);
            continue;
        }
        for (uint32_t i = 0; i < group->count && rc == AK_OK && r->visitor->on_entry != NULL; i++)
            rc = visit_entry(r, group->begin + i, file, offset, err);
    }
    return rc;
}

static bool wants_block(const struct reader *r)
{
    return r->columns->first <= r->filter->last &&
           r->columns->first + r->columns->count > r->filter->first;
}

/* COLUMNS at the walk's last frame; DATA follows. */
static enum ak_code read_block(struct reader *r, int fd, const struct ak_frame *frame,
                               const char *file, struct ak_error *err)
{
    struct ak_error why = {0};
    struct ak_frame data;
    enum ak_code rc;

    if (ak_frame_read(fd, frame, r->columns_bytes, AK_FRAME_BUFFER_BYTES, NULL, &why) != AK_OK ||
        ak_columns_decode(r->columns, r->columns_bytes + ak_frame_head(frame),
                          (size_t)frame->content_bytes, &why) != AK_OK) {
        (void)snprintf(r->why, sizeof(r->why), "%s", why.text);
        (void)ak_frame_next(r->walk, &data, NULL);
        return AK_OK;
    }
    if (r->started && r->columns->first < r->next) {
        (void)ak_frame_next(r->walk, &data, NULL);
        return AK_OK; /* these were given already */
    }
    rc = pass_over(r, r->columns->first, file, frame->offset, err);
    if (rc != AK_OK)
        return rc;
    r->why[0] = '\0';
    r->next = r->columns->first + r->columns->count;
    r->stop = r->columns->first > r->filter->last;
    if (ak_frame_next(r->walk, &data, &why) != AK_OK || data.type != AK_FRAME_DATA ||
        (wants_block(r) &&
         ak_frame_read(fd, &data, r->data_bytes, AK_DATA_BYTES_MAX, NULL, &why) != AK_OK))
        return tell_gap(r, r->columns->first, r->next, file, frame->offset,
                        "the DATA frame cannot be read", err);
    if (!wants_block(r))
        return AK_OK;
    rc = ak_block_open(r->block, r->columns, r->data_bytes, (size_t)data.bytes, NULL, &why);
    if (rc == AK_ENOMEM)
        return ak_fail(err, rc, "%s", why.text);
    return visit_block(r, file, frame->offset, why.text, err);
}

static enum ak_code read_frames(struct reader *r, int fd, uint64_t limit, const char *file,
                                struct ak_error *err)
{
    struct ak_error why = {0};
    struct ak_frame frame;
    uint64_t skipped;
    enum ak_code rc = AK_OK;

    while (rc == AK_OK && !r->stop && r->walk->at < limit) {
        enum ak_code walked = ak_frame_next(r->walk, &frame, &why);
        bool torn = walked == AK_OK && frame.type == AK_FRAME_TORN;
        if (walked == AK_OK && frame.type == AK_FRAME_END)
            break;
        if (torn) {
            walked = ak_fail(&why, AK_EMALFORMED, "the file ends within a frame");
        } else if (walked == AK_OK || (walked == AK_EMALFORMED && frame.type != AK_FRAME_NONE)) {
            if (frame.type == AK_FRAME_COLUMNS)
                rc = read_block(r, fd, &frame, file, err);
            continue;
        }
        (void)snprintf(r->why, sizeof(r->why), "%s", why.text);
        if (walked != AK_EMALFORMED || ak_frame_resync(r->walk, &skipped, &why) != AK_OK)
            break;
    }
    return rc;
}

static enum ak_code read_file(struct reader *r, struct ak_check_file *file, struct ak_error *err)
{
    struct ak_log_file told;
    struct ak_error why = {0};
    struct ak_check_look look;
    uint64_t bytes = 0;
    enum ak_code rc;
    int fd;

    rc = ak_list_open_file(r->state->dir_fd, file->name, &fd, &bytes, &why);
    if (rc == AK_ENOTFOUND && !r->state->single &&
        ak_check_find_again(r->state, file, &why) == AK_OK)
        rc = ak_list_open_file(r->state->dir_fd, file->name, &fd, &bytes, &why);
    told = (struct ak_log_file){.file = file->name,
                                .first = file->first,
                                .opened = file->opened,
                                .claim = file->claim,
                                .generation = file->generation,
                                .bytes = bytes};
    if (rc != AK_OK) {
        (void)snprintf(r->why, sizeof(r->why), "%s", why.text);
        return AK_OK;
    }
    rc = AK_OK;
    if (ak_check_scan(r->state, fd, ak_check_next_first(r->state, file), &look, &why) != AK_OK ||
        ak_frame_walk_begin(r->walk, fd, &why) != AK_OK)
        (void)snprintf(r->why, sizeof(r->why), "%s", why.text);
    else {
        ak_check_judge_look(r->state, file, r->walk->size, &look);
        told.sealed = look.sealed;
        if (r->visitor->on_file != NULL)
            rc = r->visitor->on_file(r->visitor->ctx, &told, err);
        if (rc == AK_OK && (r->visitor->on_entry != NULL || r->visitor->on_gap != NULL))
            rc = read_frames(r, fd, look.limit, file->name, err);
    }
    close(fd);
    return rc;
}

static enum ak_code read_files(struct reader *r, struct ak_error *err)
{
    struct ak_check_state *state = r->state;
    enum ak_code rc = AK_OK;

    r->next = 0;
    r->started = !state->single;
    for (size_t i = 0; i < state->file_count && rc == AK_OK && !r->stop; i++) {
        struct ak_check_file *file = &state->file[i];
        size_t next = i + 1;
        if (!file->counts)
            continue;
        while (next < state->file_count && !state->file[next].counts)
            next++;
        if (next < state->file_count && state->file[next].first <= r->filter->first &&
            r->visitor->on_file == NULL) {
            r->next = state->file[next].first; /* nothing of it is asked for */
            continue;
        }
        if (file->first > r->filter->last && r->visitor->on_file == NULL)
            break;
        if (file->first != UINT64_MAX && (!r->started || file->first > r->next))
            rc = pass_over(r, file->first, file->name, 0, err);
        if (rc == AK_OK)
            rc = read_file(r, file, err);
    }
    if (rc == AK_OK && r->why[0] != '\0')
        rc = tell_gap(r, r->next, UINT64_MAX, "", 0, r->why, err);
    return rc;
}

static enum ak_code allocate(struct reader *r, struct ak_error *err)
{
    r->walk = malloc(sizeof(*r->walk));
    r->columns = ak_columns_new();
    r->block = ak_block_new();
    r->columns_bytes = malloc(AK_FRAME_BUFFER_BYTES);
    r->data_bytes = malloc(AK_DATA_BYTES_MAX);
    if (r->walk == NULL || r->columns == NULL || r->block == NULL || r->columns_bytes == NULL ||
        r->data_bytes == NULL)
        return ak_fail(err, AK_ENOMEM, "no memory to read a log");
    return AK_OK;
}

enum ak_code ak_log_read(const char *path, const struct ak_log_filter *filter,
                         const struct ak_check_log *judged, const struct ak_log_visitor *visitor,
                         struct ak_error *err)
{
    struct reader r = {.filter = filter, .judged = judged, .visitor = visitor};
    struct ak_listing *listing = NULL;
    char *segment = NULL;
    int dir_fd = -1;
    enum ak_code rc = ak_listing_open_path(path, &dir_fd, &segment, err);

    if (rc != AK_OK)
        goto cleanup;
    listing = ak_listing_new(dir_fd, segment);
    rc = listing == NULL ? ak_fail(err, AK_ENOMEM, "no memory to read a log") : allocate(&r, err);
    if (rc != AK_OK)
        goto cleanup;
    r.state = &listing->state;
    rc = ak_check_prepare(r.state, err);
    if (rc == AK_OK)
        rc = read_files(&r, err);

cleanup:
    ak_listing_free(listing);
    free(r.walk);
    ak_columns_free(r.columns);
    ak_block_free(r.block);
    free(r.columns_bytes);
    free(r.data_bytes);
    free(segment);
    if (dir_fd >= 0)
        close(dir_fd);
    return rc;
}

static enum ak_code add_place(struct ak_log_places *places, const char *path, const char *name,
                              const char *id, struct ak_error *err)
{
    struct ak_log_place *place;
    struct ak_listing *listing;
    char *segment = NULL;
    int dir_fd = -1;

    place = reallocarray(places->place, places->count + 1, sizeof(*place));
    if (place == NULL)
        return ak_fail(err, AK_ENOMEM, "no memory for a list of logs");
    places->place = place;
    place = &places->place[places->count];
    memset(place, 0, sizeof(*place));
    place->path = strdup(path);
    place->name = strdup(name);
    places->count++;
    if (place->path == NULL || place->name == NULL)
        return ak_fail(err, AK_ENOMEM, "no memory for a list of logs");
    (void)snprintf(place->id, sizeof(place->id), "%s", id);
    if (ak_listing_open_path(path, &dir_fd, &segment, NULL) == AK_OK) {
        listing = ak_listing_new(dir_fd, segment);
        if (listing != NULL && ak_check_prepare(&listing->state, NULL) == AK_OK)
            (void)snprintf(place->origin, sizeof(place->origin), "%s", listing->log.origin);
        ak_listing_free(listing);
    }
    if (place->id[0] == '\0' && place->origin[0] != '\0')
        (void)snprintf(place->id, sizeof(place->id), "%s", ak_origin_id(place->origin));
    free(segment);
    if (dir_fd >= 0)
        close(dir_fd);
    return AK_OK;
}

static bool log_wanted(const struct ak_list_log *log, const char *const *logs, size_t log_count,
                       bool *matched)
{
    bool wanted = logs == NULL;

    for (size_t i = 0; logs != NULL && i < log_count; i++) {
        if (strcmp(logs[i], log->id) == 0 ||
            (log->name[0] != '\0' && strcmp(logs[i], log->name) == 0)) {
            matched[i] = true;
            wanted = true;
        }
    }
    return wanted;
}

static enum ak_code list_store(const char *path, int fd, const char *const *logs, size_t log_count,
                               struct ak_log_places *places, struct ak_error *err)
{
    bool *matched = calloc(log_count + 1, sizeof(*matched));
    struct ak_list_logs listed = {0};
    enum ak_code rc = matched == NULL ? ak_fail(err, AK_ENOMEM, "no memory for a list of logs")
                                      : ak_list_store(fd, &listed, err);

    for (size_t i = 0; rc == AK_OK && i < listed.count; i++) {
        const struct ak_list_log *log = &listed.log[i];
        char *joined = NULL;
        if (!log_wanted(log, logs, log_count, matched) || !log->present)
            continue;
        if (asprintf(&joined, "%s/%s", path, log->id) < 0) {
            rc = ak_fail(err, AK_ENOMEM, "no memory for a path");
        } else {
            rc = add_place(places, joined, log->name, log->id, err);
            free(joined);
        }
    }
    for (size_t i = 0; rc == AK_OK && logs != NULL && i < log_count; i++) {
        if (!matched[i])
            rc = ak_fail(err, AK_ENOTFOUND, "%s has no log %s", path, logs[i]);
    }
    ak_list_logs_free(&listed);
    free(matched);
    return rc;
}

enum ak_code ak_log_places_list(const char *path, const char *const *logs, size_t log_count,
                                struct ak_log_places *places, struct ak_error *err)
{
    enum ak_path_kind kind;
    enum ak_code rc;
    int fd;

    memset(places, 0, sizeof(*places));
    rc = ak_list_path(path, &kind, &fd, err);
    if (rc != AK_OK)
        return rc;
    if (kind == AK_PATH_STORE)
        rc = list_store(path, fd, logs, log_count, places, err);
    else if (kind == AK_PATH_CHECKPOINT)
        rc = ak_fail(err, AK_EUSAGE, "%s is a checkpoint: it holds no entries", path);
    else
        rc = add_place(places, path, "", "", err);
    close(fd);
    if (rc != AK_OK)
        ak_log_places_free(places);
    return rc;
}

void ak_log_places_free(struct ak_log_places *places)
{
    for (size_t i = 0; i < places->count; i++) {
        free(places->place[i].path);
        free(places->place[i].name);
    }
    free(places->place);
    memset(places, 0, sizeof(*places));
}
