/* check_log.c - one log from beginning to end: files listed and put in order, keys found, every
 * file read, and what is left asked at the end. */
#include "check_private.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Where a file stands whose HEADER is damaged and whose name tells no place: as its first block
 * says. */
static void read_first(struct ak_check_file *file, struct ak_frame_walk *walk, int fd)
{
    struct ak_columns *columns = ak_columns_new();
    uint8_t *bytes = malloc(AK_FRAME_BUFFER_BYTES);
    struct ak_frame frame;
    uint64_t skipped;

    while (columns != NULL && bytes != NULL && file->first == UINT64_MAX &&
           ak_frame_resync(walk, &skipped, NULL) == AK_OK &&
           ak_frame_next(walk, &frame, NULL) == AK_OK) {
        walk->at = frame.offset; /* the next search begins behind this frame's first byte */
        if (frame.type == AK_FRAME_COLUMNS &&
            ak_frame_read(fd, &frame, bytes, AK_FRAME_BUFFER_BYTES, NULL, NULL) == AK_OK &&
            ak_columns_decode(columns, bytes + ak_frame_head(&frame), (size_t)frame.content_bytes,
                              NULL) == AK_OK)
            file->first = columns->first;
    }
    free(bytes);
    ak_columns_free(columns);
}

/* Reads a file's header: where it stands, and whose it is. What is wrong with it is told when the
 * file is read. */
static void read_header(struct ak_check_state *state, struct ak_check_file *file, char *origin)
{
    struct ak_frame_walk *walk = malloc(sizeof(*walk));
    struct ak_segment_header *header = malloc(sizeof(*header));
    uint8_t *bytes = malloc(AK_FRAME_HEAD_BYTES + AK_HEADER_BYTES_MAX);
    struct ak_frame frame;
    uint64_t length;
    int fd = -1;

    origin[0] = '\0';
    if (walk != NULL && header != NULL && bytes != NULL &&
        ak_list_open_file(state->dir_fd, file->name, &fd, &length, NULL) == AK_OK &&
        ak_frame_walk_begin(walk, fd, NULL) == AK_OK &&
        ak_frame_next(walk, &frame, NULL) == AK_OK && frame.type == AK_FRAME_HEADER &&
        ak_frame_read(fd, &frame, bytes, AK_FRAME_HEAD_BYTES + AK_HEADER_BYTES_MAX, &file->header,
                      NULL) == AK_OK &&
        ak_segment_header_decode(header, bytes + ak_frame_head(&frame), (size_t)frame.content_bytes,
                                 NULL) == AK_OK) {
        file->header_ok = true;
        file->first = header->first;
        file->opened = header->opened;
        file->claim = header->claim;
        file->previous = header->previous;
        (void)snprintf(origin, AK_LOG_ORIGIN_BYTES_MAX + 1, "%s", header->origin);
        ak_sha256(&file->origin, header->origin, strlen(header->origin));
    } else if (fd >= 0 && walk != NULL && file->first == UINT64_MAX &&
               ak_frame_walk_begin(walk, fd, NULL) == AK_OK) {
        read_first(file, walk, fd);
    }
    if (fd >= 0)
        close(fd);
    free(bytes);
    free(header);
    free(walk);
}

static enum ak_code add_file(struct ak_check_state *state, const char *name,
                             const struct ak_list_file *listed, struct ak_error *err)
{
    struct ak_list_file by_name = {0};
    struct ak_check_file *file;

    if (state->file_count == state->file_cap) {
        size_t cap = state->file_cap == 0 ? 16 : state->file_cap * 2;
        file = reallocarray(state->file, cap, sizeof(*file));
        if (file == NULL)
            return ak_fail(err, AK_ENOMEM, "no memory for the list of files");
        state->file = file;
        state->file_cap = cap;
    }
    file = &state->file[state->file_count];
    memset(file, 0, sizeof(*file));
    file->name = strdup(name);
    if (file->name == NULL)
        return ak_fail(err, AK_ENOMEM, "no memory for the list of files");
    state->file_count++;
    if (listed == NULL) {
        by_name.name = file->name;
        ak_list_read_name(&by_name);
        listed = &by_name;
    }
    file->bytes = listed->bytes;
    file->named = listed->named;
    file->named_first = listed->first;
    file->first = listed->named ? listed->first : UINT64_MAX;
    file->generation = listed->generation;
    file->named_open = listed->open;
    return AK_OK;
}

/* The origin of the log: one for which a key was given, if there is one, else the first. */
static void choose_origin(struct ak_check_state *state, const char *origin)
{
    struct ak_check_log *log = state->log;

    if (origin[0] == '\0' || state->origin_has_key)
        return;
    for (size_t i = 0; i < state->options->key_count; i++) {
        if (strcmp(state->options->keys[i].name, origin) == 0)
            state->origin_has_key = true;
    }
    if (log->origin[0] == '\0' || state->origin_has_key)
        (void)snprintf(log->origin, sizeof(log->origin), "%s", origin);
}

static void report_listed(struct ak_check_state *state, const struct ak_list_file *file)
{
    struct ak_finding finding;

    if (file->type == AK_LIST_UNREADABLE)
        finding =
            ak_finding_make(AK_FINDING_IO_ERROR, "9.1", "it is not opened: %s.", file->reason);
    else
        finding = ak_finding_make(AK_FINDING_UNKNOWN_FILE, "9.1",
                                  "the file is no part of the log and was not judged.");
    (void)snprintf(finding.file, sizeof(finding.file), "%s", file->name);
    ak_check_report(state, &finding);
}

static enum ak_code list_files(struct ak_check_state *state, struct ak_error *err)
{
    struct ak_finding finding;
    enum ak_code rc = ak_list_log_dir(state->dir_fd, &state->list, err);

    for (size_t i = 0; rc == AK_OK && i < state->list.count; i++) {
        const struct ak_list_file *file = &state->list.file[i];
        if (file->type == AK_LIST_SEGMENT)
            rc = add_file(state, file->name, file, err);
        else if (file->type == AK_LIST_UNKNOWN || file->type == AK_LIST_UNREADABLE)
            report_listed(state, file);
    }
    if (rc == AK_OK && state->list.full) {
        finding = ak_finding_make(AK_FINDING_LIMIT, "11",
                                  "the directory holds more than %u files; the rest was not read.",
                                  AK_LIST_FILES_MAX);
        ak_check_report(state, &finding);
    }
    return rc;
}

/* Whether the name of a file with another log's origin is that of a place which no other file has:
 * then it is its HEADER that is wrong (R24). */
static bool fills_place(const struct ak_check_state *state, const struct ak_check_file *file)
{
    struct ak_hash origin;

    ak_sha256(&origin, state->log->origin, strlen(state->log->origin));
    for (size_t i = 0; file->named && i < state->file_count; i++) {
        const struct ak_check_file *other = &state->file[i];
        if (other != file && other->first == file->named_first &&
            (!other->header_ok || ak_hash_equal(&other->origin, &origin)))
            return false;
    }
    return file->named && !state->single;
}

/* Segments of another log are told and left out (R24). */
static void drop_strangers(struct ak_check_state *state)
{
    struct ak_finding finding;
    struct ak_hash origin;
    size_t kept = 0;

    ak_sha256(&origin, state->log->origin, strlen(state->log->origin));
    for (size_t i = 0; i < state->file_count; i++) {
        struct ak_check_file *file = &state->file[i];
        if (!file->header_ok && file->first == UINT64_MAX) {
            finding =
                ak_finding_make(AK_FINDING_MALFORMED, "6.2",
                                "its HEADER cannot be read and its name tells no place: it is "
                                "not judged.");
        } else if (file->header_ok && !ak_hash_equal(&file->origin, &origin) &&
                   fills_place(state, file)) {
            file->header_ok = false;
            file->stranger = true;
            file->first = file->named_first;
            state->file[kept++] = *file;
            continue;
        } else if (file->header_ok && !ak_hash_equal(&file->origin, &origin)) {
            finding = ak_finding_make(AK_FINDING_MALFORMED, "R24",
                                      "the segment belongs to another log: it is not judged.");
        } else {
            state->file[kept++] = *file;
            continue;
        }
        (void)snprintf(finding.file, sizeof(finding.file), "%s", file->name);
        ak_check_report(state, &finding);
        free(file->name);
    }
    state->file_count = kept;
}

/* By first index; of one index sealed ones first, the highest generation before. */
static int compare_files(const void *a, const void *b)
{
    const struct ak_check_file *x = a;
    const struct ak_check_file *y = b;

    if (x->first != y->first)
        return x->first < y->first ? -1 : 1;
    if (x->sealed != y->sealed)
        return x->sealed ? -1 : 1;
    if (x->generation != y->generation)
        return x->generation > y->generation ? -1 : 1;
    return strcmp(x->name, y->name);
}

static void look_sealed(struct ak_check_state *state, struct ak_check_file *file)
{
    struct ak_check_look look;
    uint64_t bytes;
    int fd;

    if (ak_list_open_file(state->dir_fd, file->name, &fd, &bytes, NULL) != AK_OK)
        return;
    (void)ak_check_scan(state, fd, INT64_MAX, &look, NULL);
    file->sealed = look.sealed;
    close(fd);
}

/* Decides which of several files of one first index counts. */
static void order_files(struct ak_check_state *state)
{
    qsort(state->file, state->file_count, sizeof(*state->file), compare_files);
    for (size_t i = 0; i < state->file_count; i++) {
        struct ak_check_file *file = &state->file[i];
        bool twin = (i > 0 && file[-1].first == file->first) ||
                    (i + 1 < state->file_count && file[1].first == file->first);
        file->twin = twin;
        if (twin)
            look_sealed(state, file);
    }
    qsort(state->file, state->file_count, sizeof(*state->file), compare_files);
    for (size_t i = 0; i < state->file_count; i++)
        state->file[i].counts = i == 0 || state->file[i - 1].first != state->file[i].first;
}

/* The log's own `checkpoint`, read before the list of files: what it covers was there then. */
static void read_checkpoint(struct ak_check_state *state)
{
    struct ak_error err = {0};
    struct ak_finding finding;
    enum ak_code rc;

    if (state->single)
        return;
    rc = ak_list_read_file(state->dir_fd, "checkpoint", AK_NOTE_BYTES_MAX, &state->checkpoint_file,
                           &state->checkpoint_len, &err);
    if (rc == AK_OK || rc == AK_ENOTFOUND)
        return;
    state->key_asked = true;
    finding = ak_finding_make(ak_finding_of_text(rc), "R28", "%s.", err.text);
    (void)snprintf(finding.file, sizeof(finding.file), "checkpoint");
    ak_check_report(state, &finding);
}

static void wait_for(struct ak_check_state *state, const struct ak_check_judged *judged, int who,
                     const char *name, const char *note, size_t len)
{
    const struct ak_checkpoint *checkpoint = &judged->checkpoint;

    if (who == AK_WHO_FILE && checkpoint->size > state->signed_top)
        state->signed_top = checkpoint->size;
    if (state->waiting_count == AK_CHECK_WAITING_MAX)
        return;
    state->waiting[state->waiting_count++] = (struct ak_check_waiting){.size = checkpoint->size,
                                                                       .root = checkpoint->root,
                                                                       .judged = *judged,
                                                                       .who = who,
                                                                       .name = name,
                                                                       .note = note,
                                                                       .len = len};
}

void ak_check_wait_note(struct ak_check_state *state, const struct ak_check_judged *judged,
                        const char *name, const char *note, size_t len)
{
    wait_for(state, judged, AK_WHO_FILE, name, note, len);
}

static void judge_checkpoint(struct ak_check_state *state)
{
    struct ak_check_judged judged;
    struct ak_error err = {0};
    struct ak_finding finding;
    enum ak_code rc;

    if (state->checkpoint_file == NULL || state->log_key == NULL)
        return;
    rc = ak_check_epochs_judge(state->epochs, state->log_key, state->checkpoint_file,
                               state->checkpoint_len, &judged, &err);
    state->key_asked = true;
    if (rc == AK_OK) {
        state->signed_notes++;
        state->key_signed = true;
        rc = ak_check_cosignatures(state, state->checkpoint_file, state->checkpoint_len, &judged,
                                   &err);
        if (rc != AK_OK) {
            finding = ak_finding_make(ak_finding_of_text(rc), "R7", "%s.", err.text);
            (void)snprintf(finding.file, sizeof(finding.file), "checkpoint");
            ak_check_report(state, &finding);
            return;
        }
        if (judged.unknown > 0 && !judged.open) {
            finding = ak_finding_make(AK_FINDING_UNKNOWN_SIGNATURE, "R7", "%s", "");
            (void)snprintf(finding.file, sizeof(finding.file), "checkpoint");
            ak_check_unknown_lines(state, &finding);
        }
        wait_for(state, &judged, AK_WHO_FILE, "checkpoint", state->checkpoint_file,
                 state->checkpoint_len);
        return;
    }
    ak_check_look_for_key(state, state->checkpoint_file, state->checkpoint_len);
    finding = ak_finding_make(ak_finding_of_text(rc), "R28", "%s.", err.text);
    (void)snprintf(finding.file, sizeof(finding.file), "checkpoint");
    if (rc != AK_EKEY)
        ak_check_report(state, &finding);
    else if (state->unsigned_notes++ == 0)
        state->unsigned_finding = finding;
}

/* Checkpoints from outside that are of this log. */
static enum ak_code judge_kept(struct ak_check_state *state, struct ak_error *err)
{
    for (size_t i = 0; i < state->options->kept_count && state->log_key != NULL; i++) {
        const struct ak_check_kept *kept = &state->options->kept[i];
        struct ak_check_judged judged;
        struct ak_checkpoint text;
        struct ak_note note;
        enum ak_code rc = ak_note_parse(&note, kept->note, kept->len, err);
        if (rc == AK_OK)
            rc = ak_checkpoint_parse(&text, note.text, note.text_len, false, err);
        if (rc == AK_OK && strcmp(text.origin, state->log->origin) != 0)
            continue;
        if (rc == AK_OK)
            rc = ak_check_epochs_judge(state->epochs, state->log_key, kept->note, kept->len,
                                       &judged, err);
        if (rc == AK_OK)
            rc = ak_check_cosignatures(state, kept->note, kept->len, &judged, err);
        if (rc != AK_OK) {
            ak_wrap(err, "checkpoint %s", kept->name);
            return AK_EUSAGE;
        }
        state->kept_matched[i] = true;
        state->signed_notes++;
        wait_for(state, &judged, AK_WHO_KEPT, kept->name, kept->note, kept->len);
    }
    return AK_OK;
}

static enum ak_code begin(struct ak_check_state *state, struct ak_error *err)
{
    struct ak_check_log *log = state->log;
    struct ak_tree_events events;

    ak_check_tree_events(state, &events);
    log->first = state->file_count > 0 && state->single ? state->file[0].first : 0;
    if (log->first == UINT64_MAX)
        log->first = 0;
    state->tree = ak_tree_new(log->first, &events);
    state->number = ak_number_new(log->first, ak_check_on_number_fault, state);
    state->twins = ak_check_twins_new(state);
    state->held = calloc(AK_CHECK_HELD_MAX, sizeof(*state->held));
    log->ranges = calloc(AK_CHECK_RANGES_MAX, sizeof(*log->ranges));
    if (state->tree == NULL || state->number == NULL || state->twins == NULL ||
        state->held == NULL || log->ranges == NULL)
        return ak_fail(err, AK_ENOMEM, "no memory for a check");
    log->exercise = strncmp(log->origin, "exercise.", 9) == 0;
    for (size_t i = 0; i < state->file_count; i++)
        state->progress->bytes_total += state->file[i].bytes;
    return AK_OK;
}

/* Feeds the workers and joins what they did, until all files are read. On a fatal error what is
 * under way is still waited for. */
static enum ak_code drive(struct ak_check_state *state, struct ak_error *err)
{
    struct ak_check_item *ring[AK_CHECK_ITEMS_MAX];
    struct ak_check_feed feed = {.state = state};
    struct ak_check_work *work = NULL;
    enum ak_code rc = AK_OK;
    uint64_t in = 0;
    uint64_t out = 0;
    bool more = true;

    feed.walk = malloc(sizeof(*feed.walk));
    if (feed.walk == NULL)
        return ak_fail(err, AK_ENOMEM, "no memory to read segments");
    while (more || out < in) {
        struct ak_check_item *item;
        if (work == NULL)
            work = ak_check_pool_work(state->pool);
        if (more && work != NULL && in - out < AK_CHECK_ITEMS_MAX) {
            rc = state->fatal ? AK_ENOMEM : ak_check_feed_next(&feed, &work, &item, err);
            if (rc == AK_OK && item != NULL)
                ring[in++ % AK_CHECK_ITEMS_MAX] = item;
            else
                more = false;
            continue;
        }
        if (out == in) {
            rc = ak_fail(err, AK_ENOMEM, "no memory to decode a block");
            break;
        }
        item = ring[out++ % AK_CHECK_ITEMS_MAX];
        ak_check_pool_wait(state->pool, state, item);
        if (!state->fatal && rc == AK_OK)
            ak_check_merge(state, item);
        if (item->work != NULL)
            ak_check_pool_give(state->pool, item->work);
        ak_check_item_free(item);
    }
    if (work != NULL)
        ak_check_pool_give(state->pool, work);
    if (feed.open != NULL)
        ak_check_open_drop(feed.open);
    free(feed.walk);
    if (state->fatal) {
        if (err != NULL)
            *err = state->fatal_err;
        return state->fatal_err.code;
    }
    return rc;
}

/* Without a readable header the origin is that of a key given for this directory, or of the only
 * key given: what cannot be read is then told, and not that a key is missing. */
static void guess_origin(struct ak_check_state *state)
{
    const struct ak_check_options *options = state->options;
    struct ak_check_log *log = state->log;

    if (log->origin[0] == '\0')
        ak_check_origin_of_checkpoint(state);
    for (size_t i = 0; log->origin[0] == '\0' && i < options->key_count; i++) {
        const char *name = options->keys[i].name;
        if (ak_origin_check(name, strlen(name), NULL) == AK_OK &&
            (log->id[0] != '\0' ? strcmp(ak_origin_id(name), log->id) == 0
                                : options->key_count == 1))
            (void)snprintf(log->origin, sizeof(log->origin), "%s", name);
    }
}

enum ak_code ak_check_prepare(struct ak_check_state *state, struct ak_error *err)
{
    char origin[AK_LOG_ORIGIN_BYTES_MAX + 1];
    enum ak_code rc;

    if (state->single)
        rc = add_file(state, state->single_name, NULL, err);
    else
        rc = list_files(state, err);
    if (rc != AK_OK)
        return rc;
    for (size_t i = 0; i < state->file_count; i++) {
        read_header(state, &state->file[i], origin);
        choose_origin(state, origin);
    }
    guess_origin(state);
    drop_strangers(state);
    order_files(state);
    return AK_OK;
}

enum ak_code ak_check_log_run(struct ak_check_state *state, struct ak_error *err)
{
    enum ak_code rc;

    read_checkpoint(state);
    state->epochs = ak_check_epochs_new();
    rc = state->epochs == NULL ? ak_fail(err, AK_ENOMEM, "no memory for epochs")
                               : ak_check_prepare(state, err);
    if (rc == AK_OK)
        rc = begin(state, err);
    if (rc == AK_OK) {
        ak_check_find_keys(state);
        judge_checkpoint(state);
        ak_check_cosigned_begin(state);
        rc = judge_kept(state, err);
    }
    if (rc == AK_OK)
        rc = drive(state, err);
    if (rc == AK_OK)
        ak_check_close(state);
    if (rc == AK_OK && state->fatal) {
        if (err != NULL)
            *err = state->fatal_err;
        rc = state->fatal_err.code;
    }
    return rc;
}

void ak_check_state_free(struct ak_check_state *state)
{
    ak_tree_free(state->tree);
    ak_number_free(state->number);
    ak_check_twins_free(state->twins);
    ak_check_removals_free(state->removals);
    ak_check_epochs_free(state->epochs);
    ak_check_orders_free(state->orders);
    ak_list_free(&state->list);
    for (size_t i = 0; i < state->file_count; i++)
        free(state->file[i].name);
    free(state->file);
    free(state->held);
    free(state->manifest);
    free(state->recovery);
    free(state->checkpoint_file);
    free(state->renewed);
    free(state->cosigned_newest.note);
    free(state->later.note);
}
