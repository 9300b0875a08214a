/* check_merge.c - what came out of a file's frames, joined in their order: header, marks,
 * checkpoints, footer, faults.
 *
 * A fault never ends the reading of a log: what it may have lost is passed over when the next frame
 * that can be read tells where the log goes on. */
#include "check_private.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Entries that faults of one place may have lost. */
#define LOST_ENTRIES_MAX (64u * AK_BLOCK_ENTRIES_MAX)

void ak_check_damage(struct ak_check_state *state, struct ak_check_open *open, uint64_t offset,
                     enum ak_code rc)
{
    if (!open->broken || state->lost_why == AK_TREE_HERE)
        state->lost_place = (struct ak_tree_place){open->number, offset};
    open->fault = true;
    open->fault_commit = true;
    open->broken = true;
    open->file->faulty = true;
    if (rc == AK_EUNSUPPORTED)
        open->skip = true; /* what follows may mean anything (R34) */
    else if (rc != AK_EMALFORMED && rc != AK_EINTEGRITY)
        open->unread = true;
    state->lost_why =
        rc == AK_EMALFORMED || rc == AK_EINTEGRITY ? AK_TREE_DAMAGED : AK_TREE_NOT_CHECKED;
}

struct ak_tree_place ak_check_lost_place(const struct ak_check_state *state,
                                         const struct ak_check_item *item)
{
    return state->lost_why != AK_TREE_HERE
               ? state->lost_place
               : (struct ak_tree_place){item->open->number, item->frame.offset};
}

/* A block that could not be read ends at least where a later frame says. */
static void catch_up(struct ak_check_state *state, const struct ak_check_item *item, uint64_t size)
{
    uint64_t now = ak_tree_size(state->tree);

    if (!item->open->fault || size <= now || size - now > LOST_ENTRIES_MAX)
        return;
    ak_check_skip(state, size, state->lost_why == AK_TREE_HERE ? AK_TREE_DAMAGED : state->lost_why,
                  ak_check_lost_place(state, item));
    item->open->lost_end = 0;
    state->lost_why = AK_TREE_HERE;
}

enum ak_tree_lost ak_check_hole(const struct ak_check_state *state, uint64_t index)
{
    if (state->lost_why != AK_TREE_HERE)
        return state->lost_why;
    for (size_t i = 0; i < state->list.count; i++) {
        const struct ak_list_file *file = &state->list.file[i];
        if (file->type == AK_LIST_UNREADABLE && file->named && file->first == index)
            return AK_TREE_NOT_CHECKED;
    }
    return AK_TREE_MISSING;
}

/* Where a file stands in the log (R25). */
static void enter(struct ak_check_state *state, struct ak_check_item *item, uint64_t first)
{
    uint64_t size = ak_tree_size(state->tree);
    enum ak_tree_lost lost = ak_check_hole(state, size);
    struct ak_tree_place place = ak_check_lost_place(state, item);
    struct ak_finding finding;

    item->open->entered = true;
    item->open->end = size;
    state->lost_why = AK_TREE_HERE;
    if (first < size) {
        finding = ak_finding_make(AK_FINDING_MALFORMED, "R25",
                                  "the segment begins with entry %" PRIu64
                                  ", which files before it hold already.",
                                  first);
        ak_check_report_at(state, item, &finding);
        item->open->overlap = true;
        return;
    }
    if (first == size)
        return;
    if (lost == AK_TREE_MISSING) {
        finding = ak_finding_make(AK_FINDING_MISSING, "R25",
                                  "no file holds these %" PRIu64 " entries.", first - size);
        ak_finding_range(&finding, size, first);
        (void)snprintf(finding.file, sizeof(finding.file), "%s", item->open->file->name);
        ak_check_report(state, &finding);
    }
    ak_check_skip(state, first, lost, place);
    item->open->end = first;
}

static void merge_header_rules(struct ak_check_state *state, const struct ak_check_item *item,
                               const struct ak_segment_header *header)
{
    struct ak_check_judged judged;
    struct ak_error err = {0};
    struct ak_finding finding;
    enum ak_code rc;

    if (header->compatible != 0) {
        finding = ak_finding_make(AK_FINDING_UNKNOWN_FLAG, "6.2", "compatible flags %08" PRIx32 ".",
                                  header->compatible);
        ak_check_report_at(state, item, &finding);
    }
    if (header->claim < state->claim) {
        finding = ak_finding_make(AK_FINDING_MALFORMED, "R24",
                                  "the number of the writer falls from %" PRIu64 " to %" PRIu64 ".",
                                  state->claim, header->claim);
        ak_check_report_at(state, item, &finding);
    }
    state->claim = header->claim;
    ak_check_header_note(state, item, header);
    if (header->first == ak_tree_size(state->tree))
        ak_tree_offer(state->tree, &header->range,
                      (struct ak_tree_place){item->open->number, item->frame.offset}, AK_WHO_HEADER,
                      true);
    if (header->checkpoint_len == 0 || state->log_key == NULL)
        return;
    rc = ak_check_epochs_judge(state->epochs, state->log_key, header->checkpoint,
                               header->checkpoint_len, &judged, &err);
    if (!ak_check_note(state, item, rc, &err, header->checkpoint, header->checkpoint_len, &judged))
        return;
    if (judged.checkpoint.size > header->first) {
        finding = ak_finding_make(AK_FINDING_MALFORMED, "R20",
                                  "the checkpoint in the HEADER is of size %" PRIu64
                                  ", the segment begins with entry %" PRIu64 ".",
                                  judged.checkpoint.size, header->first);
        ak_check_report_at(state, item, &finding);
    }
    ak_check_sign(state, item, &judged, header->checkpoint, header->checkpoint_len, AK_WHO_HEADER);
}

static void merge_header(struct ak_check_state *state, struct ak_check_item *item)
{
    struct ak_check_open *open = item->open;
    size_t head = ak_frame_head(&item->frame);
    struct ak_segment_header *header = malloc(sizeof(*header));
    struct ak_error err = {0};
    enum ak_code rc = item->rc;

    if (header == NULL) {
        (void)ak_fail(&err, AK_ENOMEM, "no memory for a header");
        ak_check_fatal(state, &err);
        return;
    }
    if (rc == AK_OK)
        rc = ak_segment_header_decode(header, item->content + head, item->content_len - head,
                                      &item->err);
    if (rc == AK_OK && open->file->stranger)
        rc = ak_fail(&item->err, AK_EMALFORMED, "it is that of another log (R24)");
    open->header_seen = true;
    ak_segment_derived_begin(&open->derived, rc == AK_OK ? header->first : open->file->first);
    ak_segment_derived_frame(&open->derived, &item->frame, &item->digest, 0);
    ak_sha256_init(&open->mark);
    ak_sha256_update(&open->mark, item->digest.b, AK_HASH_BYTES);
    enter(state, item, rc == AK_OK ? header->first : open->file->first);
    open->mark_from = ak_tree_size(state->tree);
    if (rc == AK_OK) {
        merge_header_rules(state, item, header);
    } else {
        struct ak_finding finding =
            ak_finding_make(ak_finding_of_code(rc), "6.2", "the HEADER: %s.", item->err.text);
        ak_check_report_at(state, item, &finding);
        ak_check_damage(state, open, item->frame.offset, rc);
    }
    free(header);
}

static void merge_begin(struct ak_check_state *state, struct ak_check_item *item)
{
    struct ak_finding finding;

    if (item->content != NULL) {
        merge_header(state, item);
        return;
    }
    state->log->files++;
    if (item->open->file->counts)
        state->log->segments++;
    ak_segment_derived_begin(&item->open->derived, item->open->file->first);
    ak_sha256_init(&item->open->mark);
    item->open->end = ak_tree_size(state->tree);
    if (item->open->file->twin)
        ak_check_twins_model(state, item->open->file);
    if (item->rc == AK_OK)
        return;
    if (item->rc == AK_ENOMEM) {
        ak_check_fatal(state, &item->err);
        return;
    }
    finding =
        ak_finding_make(ak_finding_of_code(item->rc), "", "it cannot be read: %s.", item->err.text);
    (void)snprintf(finding.file, sizeof(finding.file), "%s", item->open->file->name);
    ak_check_report(state, &finding);
    enter(state, item, item->open->file->first);
    ak_check_damage(state, item->open, 0, item->rc);
}

static void merge_mark(struct ak_check_state *state, struct ak_check_item *item)
{
    struct ak_check_open *open = item->open;
    size_t head = ak_frame_head(&item->frame);
    struct ak_segment_mark mark;
    struct ak_finding finding;
    struct ak_hash digest;
    bool fault;
    enum ak_code rc = item->rc;

    if (rc == AK_OK)
        rc = ak_segment_mark_decode(&mark, item->content + head, item->content_len - head,
                                    &item->err);
    ak_segment_derived_frame(&open->derived, &item->frame, &item->digest, 0);
    ak_sha256_final(&open->mark, &digest);
    ak_sha256_init(&open->mark);
    if (rc != AK_OK) {
        finding = ak_finding_make(ak_finding_of_code(rc), "R22", "the MARK: %s.", item->err.text);
        ak_check_report_at(state, item, &finding);
        ak_check_damage(state, open, item->frame.offset, rc);
        open->mark_from = ak_tree_size(state->tree);
        return;
    }
    catch_up(state, item, mark.range.end);
    fault = open->fault_commit;
    open->fault_commit = false;
    open->broken = false;
    if (!ak_hash_equal(&digest, &mark.digest) && !fault) {
        finding = ak_finding_make(AK_FINDING_ALTERED, "R22",
                                  "the digest of a group commit does not come out.");
        ak_finding_at(&finding, open->file->name, item->frame.offset);
        ak_check_hold(state, &finding, open->mark_from, ak_tree_size(state->tree),
                      AK_ABOUT_CONTAINER);
    }
    if (mark.range.end != ak_tree_size(state->tree)) {
        finding = ak_finding_make(AK_FINDING_MALFORMED, "R22",
                                  "the MARK says size %" PRIu64 " where it is %" PRIu64 ".",
                                  mark.range.end, ak_tree_size(state->tree));
        ak_check_report_at(state, item, &finding);
    } else {
        ak_tree_mark(state->tree);
        ak_tree_offer(state->tree, &mark.range,
                      (struct ak_tree_place){open->number, item->frame.offset}, AK_WHO_MARK, true);
    }
    open->mark_from = ak_tree_size(state->tree);
}

/* Where a NOTE may stand (6.6). */
static void judge_place(struct ak_check_state *state, const struct ak_check_item *item,
                        uint64_t size)
{
    const struct ak_check_open *open = item->open;
    uint64_t now = ak_tree_size(state->tree);
    struct ak_finding finding;
    bool sealed = open->sealed || open->cut;
    const char *why = NULL;

    if (!sealed && !open->unsure && open->behind_block)
        why = "it stands behind a block without a MARK between";
    else if (size > now)
        why = "it is of a size that is not reached yet";
    else if (size < open->file->first && open->file->header_ok)
        why = "it is of a size before the segment";
    else if (size < open->last_note || (sealed && size == open->last_note))
        why = "it does not follow the one before it";
    else if (sealed && size <= open->block_first &&
             !(size == open->file->first && open->block_first == size))
        why = "it does not stand behind the block that holds its last entry";
    if (why == NULL)
        return;
    finding = ak_finding_make(AK_FINDING_MALFORMED, "R21",
                              "the checkpoint of size %" PRIu64 " in a NOTE: %s.", size, why);
    ak_check_report_at(state, item, &finding);
}

static void merge_note(struct ak_check_state *state, struct ak_check_item *item)
{
    struct ak_check_open *open = item->open;
    size_t head = ak_frame_head(&item->frame);
    const uint8_t *note = NULL;
    size_t len = 0;

    ak_segment_derived_frame(&open->derived, &item->frame, &item->digest, 0);
    ak_sha256_update(&open->mark, item->digest.b, AK_HASH_BYTES);
    if (item->content == NULL || ak_segment_note_decode(&note, &len, item->content + head,
                                                        item->content_len - head, NULL) != AK_OK)
        note = NULL;
    if (item->rc == AK_OK && item->judged.open) /* perhaps its epoch has become known meanwhile */
        item->rc = ak_check_epochs_judge(state->epochs, state->log_key, note, len, &item->judged,
                                         &item->err);
    if (!ak_check_note(state, item, item->rc, &item->err, note, len, &item->judged))
        return;
    catch_up(state, item, item->judged.checkpoint.size);
    judge_place(state, item, item->judged.checkpoint.size);
    open->last_note = item->judged.checkpoint.size;
    ak_check_sign(state, item, &item->judged, note, len, AK_WHO_NOTE);
}

static enum ak_code on_position(void *ctx, const struct ak_footer_position *position,
                                struct ak_error *err)
{
    const struct ak_check_state *state = ctx;

    if (ak_number_fits(state->number, position))
        return AK_OK;
    return ak_fail(err, AK_EMALFORMED,
                   "R23: the FOOTER's position of ordinal %" PRIu32 " is not that of the entries",
                   position->ordinal);
}

static void on_group(void *ctx, uint64_t group, const struct ak_hash *level8)
{
    const struct ak_check_state *state = ctx;

    ak_tree_list(state->tree, group, level8);
}

/* What a FOOTER records, as candidates: nothing of it is believed, and none of it is left out for
 * being in a FOOTER that is not right. */
static void confirm_by_footer(struct ak_check_state *state, const struct ak_check_item *item,
                              const struct ak_footer *footer, enum ak_code rc)
{
    const struct ak_check_open *open = item->open;

    if (rc == AK_OK)
        catch_up(state, item, footer->end);
    if (open->fault || !ak_tree_settled(state->tree)) {
        (void)ak_footer_groups(open->fd, &item->frame, on_group, state, NULL);
        ak_tree_listed(state->tree);
    }
    if (footer->range.end == footer->end && footer->end == ak_tree_size(state->tree))
        ak_tree_offer(state->tree, &footer->range,
                      (struct ak_tree_place){open->number, item->frame.offset}, AK_WHO_FOOTER,
                      rc == AK_OK || rc == AK_EMALFORMED);
}

static void merge_footer(struct ak_check_state *state, struct ak_check_item *item)
{
    struct ak_check_open *open = item->open;
    struct ak_footer footer;
    struct ak_range range;
    struct ak_finding finding;
    struct ak_error err = {0};
    uint64_t declared;
    bool known = ak_tree_range(state->tree, &range);
    enum ak_code rc =
        ak_footer_check(&footer, open->fd, &item->frame, open->fault ? NULL : &open->derived,
                        known && !open->fault ? &range : NULL, on_position, state, &err);

    open->footer_seen = true;
    if (rc == AK_ENOMEM) {
        ak_check_fatal(state, &err);
        return;
    }
    if (rc == AK_OK && ak_number_declared(state->number, &declared) && declared != footer.sources)
        rc = ak_fail(&err, AK_EMALFORMED,
                     "R23: the FOOTER says %" PRIu32 " sources where %" PRIu64 " are declared",
                     footer.sources, declared);
    if (rc != AK_OK) {
        finding = ak_finding_make(ak_finding_of_text(rc), "R23", "%s.", err.text);
        ak_check_hold_file(state, item, &finding,
                           footer.other_frames ? AK_ABOUT_FRAMES : AK_ABOUT_FILE);
    }
    open->footer_ok = rc == AK_OK && !open->fault;
    open->file->frames = footer.frames;
    ak_segment_derived_frame(&open->derived, &item->frame, &footer.digest, 0);
    confirm_by_footer(state, item, &footer, rc);
}

static void merge_seek(struct ak_check_state *state, struct ak_check_item *item)
{
    struct ak_finding finding;
    struct ak_error err = {0};
    enum ak_code rc;

    item->open->seek_seen = true;
    if (item->open->fault)
        return;
    rc = ak_seek_check(item->open->fd, &item->frame, &item->open->derived, &err);
    item->open->file->frames_known = rc == AK_OK && item->open->footer_ok;
    if (rc == AK_OK)
        return;
    finding = ak_finding_make(ak_finding_of_code(rc), "R23", "%s.", err.text);
    ak_check_hold_file(state, item, &finding, AK_ABOUT_FILE);
}

static void merge_fault(struct ak_check_state *state, struct ak_check_item *item)
{
    struct ak_finding finding =
        ak_finding_make(ak_finding_of_code(item->rc), "R19", "%s.", item->err.text);

    if (!item->open->entered)
        enter(state, item, item->open->file->first);
    ak_check_report_at(state, item, &finding);
    ak_check_damage(state, item->open, item->frame.offset, item->rc);
}

/* Bytes behind what is judged: how many, and their digest (R27). */
static void read_tail(struct ak_check_state *state, struct ak_check_open *open)
{
    struct ak_check_file *file = open->file;
    struct ak_sha256_ctx ctx;
    uint8_t piece[16384];
    uint64_t at = open->limit;

    file->tail_at = open->limit;
    file->tail_bytes = open->size - open->limit;
    ak_sha256_init(&ctx);
    while (at < open->size) {
        size_t n = open->size - at < sizeof(piece) ? (size_t)(open->size - at) : sizeof(piece);
        ssize_t got = ak_list_pread(open->fd, piece, n, at);
        if (got <= 0) {
            struct ak_finding finding =
                ak_finding_make(AK_FINDING_IO_ERROR, "",
                                "the bytes behind the last commit cannot "
                                "be read: %s.",
                                got < 0 ? strerrordesc_np(errno) : "the file became shorter");
            ak_finding_at(&finding, file->name, at);
            ak_check_report(state, &finding);
            break;
        }
        ak_sha256_update(&ctx, piece, (size_t)got);
        at += (uint64_t)got;
    }
    ak_sha256_final(&ctx, &file->tail);
}

/* What should have been there before the file ended. */
static void tell_end(struct ak_check_state *state, struct ak_check_open *open)
{
    struct ak_finding finding;
    const char *what = NULL;

    if (open->skip || open->unread)
        return;
    if (open->sealed && !open->fault && !open->seek_seen)
        what = "the sealed segment ends without its seek table";
    else if (open->cut)
        what = "the sealed segment ends without its FOOTER: it was cut";
    else if (open->size == 0 && !open->begun)
        what = "the file is empty";
    if (what == NULL)
        return;
    finding = ak_finding_make(AK_FINDING_MALFORMED, "R19", "%s.", what);
    ak_finding_at(&finding, open->file->name, open->size);
    ak_check_report(state, &finding);
    ak_check_damage(state, open, open->size, AK_EMALFORMED);
}

static void merge_end(struct ak_check_state *state, struct ak_check_item *item)
{
    struct ak_check_open *open = item->open;
    struct ak_check_file *file = open->file;

    file->read = true;
    file->sealed = open->sealed;
    file->read_bytes = open->size;
    if (open->fd < 0)
        return;
    if (!open->entered)
        enter(state, item, file->first);
    tell_end(state, open);
    if (open->lost_end > ak_tree_size(state->tree))
        ak_check_skip(state, open->lost_end,
                      state->lost_why == AK_TREE_HERE ? AK_TREE_DAMAGED : state->lost_why,
                      ak_check_lost_place(state, item));
    state->lost_why = open->skip || open->unread ? AK_TREE_NOT_CHECKED
                      : open->fault              ? AK_TREE_DAMAGED
                                                 : AK_TREE_HERE;
    file->end = ak_tree_size(state->tree);
    file->end_root_known = ak_tree_root(state->tree, &file->end_root);
    file->end_positions_known = open->sealed && ak_number_root(state->number, &file->end_positions);
    if (!open->sealed && !open->skip && !open->unread && open->limit < open->size)
        read_tail(state, open);
    state->log->bytes_read += open->size;
    state->progress->bytes_done += open->size - open->progress;
}

/* The place of a file whose HEADER was never seen is that of its name. */
static void need_place(struct ak_check_state *state, struct ak_check_item *item)
{
    if (item->open->entered)
        return;
    enter(state, item, item->open->file->first);
    item->open->mark_from = ak_tree_size(state->tree);
    ak_check_damage(state, item->open, 0, AK_EMALFORMED);
}

static void tell_progress(struct ak_check_state *state, const struct ak_check_item *item)
{
    uint64_t at = item->frame.offset;

    if (item->type != AK_ITEM_END && at > item->open->progress) {
        state->progress->bytes_done += at - item->open->progress;
        item->open->progress = at;
    }
    state->progress->entries = state->entries_before + state->log->entries;
    if (state->options->on_progress != NULL)
        state->options->on_progress(state->options->ctx, state->progress);
}

static void merge(struct ak_check_state *state, struct ak_check_item *item)
{
    switch (item->type) {
    case AK_ITEM_BEGIN:
        merge_begin(state, item);
        break;
    case AK_ITEM_BLOCK:
        need_place(state, item);
        ak_check_block(state, item);
        break;
    case AK_ITEM_MARK:
        need_place(state, item);
        merge_mark(state, item);
        break;
    case AK_ITEM_NOTE:
        need_place(state, item);
        merge_note(state, item);
        break;
    case AK_ITEM_FOOTER:
        need_place(state, item);
        merge_footer(state, item);
        break;
    case AK_ITEM_SEEK:
        merge_seek(state, item);
        break;
    case AK_ITEM_FAULT:
        merge_fault(state, item);
        break;
    case AK_ITEM_END:
        merge_end(state, item);
        break;
    }
}

void ak_check_merge(struct ak_check_state *state, struct ak_check_item *item)
{
    tell_progress(state, item);
    if (item->open->compare) {
        ak_check_twins_item(state, item);
        return;
    }
    if (item->open->skip && item->type != AK_ITEM_END)
        return; /* R34 */
    merge(state, item);
    if (item->type != AK_ITEM_BEGIN || item->content != NULL)
        item->open->behind_block = item->type == AK_ITEM_BLOCK;
}
