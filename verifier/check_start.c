/* check_start.c - start notes where they stand: in entries of kind 4 and in HEADERs (docs/format.md
 * 5.2, 5.3).
 *
 * A start note ends the epoch before it: the key of that epoch signed the root of all entries in
 * front of it, and signs nothing more. So it is a signed root like a checkpoint, and the only one
 * that proves the last entries of its epoch. */
#include "check_private.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static void tell_entry(struct ak_check_state *state, const struct ak_check_item *item,
                       uint64_t index, const char *rule, const char *why)
{
    struct ak_finding finding = ak_finding_make(AK_FINDING_EPOCH, rule, "the start note: %s.", why);

    ak_finding_at(&finding, item->open->file->name, item->frame.offset);
    ak_finding_range(&finding, index, index + 1);
    ak_check_hold(state, &finding, index, index + 1, AK_ABOUT_START);
    state->lost_some = true; /* nobody knows which epoch is in force from here on */
}

enum ak_code ak_check_start_verify(struct ak_check_state *state, const void *data, size_t len,
                                   struct ak_epoch_note *note, bool *ended, struct ak_error *err)
{
    struct ak_vkey previous;
    enum ak_code rc = ak_epoch_note_verify(note, data, len, state->log_key, NULL, err);

    *ended = false;
    if (rc != AK_OK || note->epoch == 0 ||
        !ak_check_epochs_key(state->epochs, state->log_key->name, note->epoch - 1, &previous))
        return rc;
    rc = ak_epoch_note_verify(note, data, len, state->log_key, &previous, err);
    *ended = rc == AK_OK;
    return rc;
}

/* R10: epochs begin in order. Behind entries that are not here some may have begun unseen. */
static const char *out_of_order(const struct ak_check_state *state, uint32_t epoch)
{
    if (epoch == state->epoch_next)
        return NULL;
    if (epoch < state->epoch_next)
        return "its epoch began before";
    return state->lost_some ? NULL : "an epoch was skipped";
}

/* The epoch whose key was there when the machine was copied: the last one that had begun. */
static void note_copied(struct ak_check_state *state, const struct ak_check_item *item,
                        uint64_t index, uint32_t epoch)
{
    const struct ak_check_options *options = state->options;
    const struct ak_block *block = item->work->block;
    uint64_t received = block->entry[index - block->first].received;

    if (options->copied_at == 0 && options->copied_size == 0)
        return;
    if ((options->copied_at > 0 && received > options->copied_at) ||
        (options->copied_size > 0 && index >= options->copied_size))
        state->copied_over = true; /* a clock that was set back later begins none before it */
    if (state->copied_over)
        return;
    state->log->has_copied = true;
    state->log->copied_epoch = epoch;
    state->log->copied_start = index;
}

void ak_check_start_note(struct ak_check_state *state, const struct ak_check_item *item,
                         uint64_t index, const struct ak_payload *payload)
{
    struct ak_epoch_note note;
    struct ak_error err = {0};
    struct ak_hash empty;
    const char *why;
    bool ended;
    enum ak_code rc;

    ak_check_look_for_key(state, payload->p, payload->len);
    if (state->log_key == NULL)
        return;
    rc = ak_check_start_verify(state, payload->p, payload->len, &note, &ended, &err);
    if (rc != AK_OK) {
        tell_entry(state, item, index, "R9", err.text);
        return;
    }
    ak_hash_empty(&empty);
    if (note.index != index || (index == 0) != (note.epoch == 0) ||
        (index == 0 && !ak_hash_equal(&note.root, &empty))) {
        tell_entry(state, item, index, "R9", "it is not of the entry that it stands in");
        return;
    }
    why = out_of_order(state, note.epoch);
    if (why != NULL) {
        tell_entry(state, item, index, "R10", why);
        return;
    }
    state->epoch_next = note.epoch + 1;
    note_copied(state, item, index, note.epoch);
    rc = ak_check_epochs_add(state->epochs, &note, ended,
                             (struct ak_tree_place){item->open->number, item->frame.offset}, &err);
    if (rc == AK_ENOMEM)
        ak_check_fatal(state, &err);
    else if (rc != AK_OK)
        tell_entry(state, item, index, "R10", err.text);
}

/* R20: a HEADER carries the start note of the epoch in force. */
static enum ak_code judge_header(struct ak_check_state *state, const struct ak_epoch_note *note,
                                 bool ended, uint64_t first, struct ak_tree_place place,
                                 struct ak_error *err)
{
    uint32_t in_force;
    uint64_t start;

    if (note->index >= first)
        return ak_fail(err, AK_EMALFORMED, "it begins at entry %" PRIu64 ", not before the segment",
                       note->index);
    if (ak_check_epochs_at(state->epochs, first, &in_force, &start) && in_force > note->epoch)
        return ak_fail(err, AK_EMALFORMED,
                       "it is that of epoch %" PRIu32 ", but epoch %" PRIu32
                       " has begun before the segment",
                       note->epoch, in_force);
    return ak_check_epochs_add(state->epochs, note, ended, place, err);
}

void ak_check_header_note(struct ak_check_state *state, const struct ak_check_item *item,
                          const struct ak_segment_header *header)
{
    struct ak_epoch_note note;
    struct ak_error err = {0};
    struct ak_finding finding;
    bool ended = false;
    enum ak_code rc;

    if (header->epoch_note_len == 0 || state->log_key == NULL)
        return;
    ak_check_look_for_key(state, header->epoch_note, header->epoch_note_len);
    rc = ak_check_start_verify(state, header->epoch_note, header->epoch_note_len, &note, &ended,
                               &err);
    if (rc == AK_OK)
        rc = judge_header(state, &note, ended, header->first,
                          (struct ak_tree_place){item->open->number, item->frame.offset}, &err);
    if (rc == AK_ENOMEM) {
        ak_check_fatal(state, &err);
        return;
    }
    if (rc != AK_OK) {
        finding =
            ak_finding_make(AK_FINDING_EPOCH, "R20", "the epoch note in the HEADER: %s.", err.text);
        ak_check_report_at(state, item, &finding);
        return;
    }
    if (note.epoch < state->epoch_next)
        return; /* its entry was met */
    if (!state->lost_some && !state->single) {
        finding = ak_finding_make(AK_FINDING_EPOCH, "R20",
                                  "the HEADER holds the start note of epoch %" PRIu32
                                  ", which no entry before the segment holds.",
                                  note.epoch);
        ak_check_report_at(state, item, &finding);
    }
    state->epoch_next = note.epoch + 1;
}

void ak_check_starts_reached(struct ak_check_state *state)
{
    struct ak_tree_place place;
    struct ak_hash root;
    uint64_t start;

    while (ak_check_epochs_next(state->epochs, state->start_signed, &start, &root, &place) &&
           start <= ak_tree_size(state->tree)) {
        state->start_signed = start;
        if (start > state->log->first)
            (void)ak_tree_sign(state->tree, start, &root, place, AK_WHO_START);
    }
}
