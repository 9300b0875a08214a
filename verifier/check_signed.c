/* check_signed.c - checkpoints that stand in the log: whose signatures they carry, and what of the
 * tree they cover.
 *
 * A validly signed root counts wherever it stands. One that is not reached yet waits; whoever put
 * it there too early or took entries away is found out when it is, or by what is missing then. */
#include "check_private.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void ak_check_look_for_key(struct ak_check_state *state, const void *data, size_t len)
{
    struct ak_note note;
    bool verified = false;

    state->key_asked = true;
    if (!state->key_signed && state->log_key != NULL && data != NULL &&
        ak_note_parse(&note, data, len, NULL) == AK_OK &&
        ak_note_verify(&note, state->log_key, 1, &verified, NULL) == AK_OK && verified)
        state->key_signed = true;
}

bool ak_check_note(struct ak_check_state *state, const struct ak_check_item *item, enum ak_code rc,
                   const struct ak_error *err, const uint8_t *note, size_t len,
                   struct ak_check_judged *judged)
{
    struct ak_log_checkpoint again;
    struct ak_error why = {0};
    struct ak_finding finding;

    state->key_asked = true;
    if (rc == AK_OK) {
        state->signed_notes++;
        state->key_signed = true;
        rc = ak_check_cosignatures(state, note, len, judged, &why);
        if (rc != AK_OK) {
            finding = ak_finding_make(ak_finding_of_text(rc), "R7", "%s.", why.text);
            ak_check_report_at(state, item, &finding);
            return false;
        }
        if (judged->unknown > 0 && !judged->open) {
            finding = ak_finding_make(AK_FINDING_UNKNOWN_SIGNATURE, "R7", "%s", "");
            ak_finding_at(&finding, item->open->file->name, item->frame.offset);
            ak_check_unknown_lines(state, &finding);
        }
        return true;
    }
    if (state->log_key == NULL)
        return false;
    ak_check_look_for_key(state, note, len);
    if (rc == AK_EKEY &&
        ak_log_checkpoint_verify(state->log_key, NULL, note, len, &again, NULL) == AK_OK) {
        state->signed_notes++;
        finding = ak_finding_make(AK_FINDING_ALTERED, "R6",
                                  "the checkpoint of size %" PRIu64
                                  " is not signed by the key of its epoch.",
                                  again.checkpoint.size);
        ak_check_report_at(state, item, &finding);
        return false;
    }
    finding = ak_finding_make(ak_finding_of_text(rc), rc == AK_EMALFORMED ? "R21" : "R7", "%s.",
                              err->text);
    ak_finding_at(&finding, item->open->file->name, item->frame.offset);
    if (rc != AK_EKEY)
        ak_check_report(state, &finding);
    else if (state->unsigned_notes++ == 0)
        state->unsigned_finding = finding; /* told if others are signed (R32) */
    return false;
}

static void keep_checkpoint(struct ak_check_state *state, const struct ak_checkpoint *checkpoint,
                            const uint8_t *note, size_t len)
{
    struct ak_check_log *log = state->log;
    char *copy;

    if (log->has_checkpoint && checkpoint->size <= log->checkpoint_size)
        return;
    copy = malloc(len + 1);
    if (copy == NULL)
        return;
    memcpy(copy, note, len);
    copy[len] = '\0';
    free(log->checkpoint_note);
    log->checkpoint_note = copy;
    log->checkpoint_len = len;
    log->checkpoint_size = checkpoint->size;
    log->checkpoint_root = checkpoint->root;
    log->has_checkpoint = true;
}

/* One whose root does not come out may do so when more is known. */
static void keep_for_later(struct ak_check_state *state, const struct ak_checkpoint *checkpoint,
                           const uint8_t *note, size_t len)
{
    struct ak_check_note *later = &state->later;
    uint8_t *copy;

    if (later->note != NULL && checkpoint->size <= later->checkpoint.size)
        return;
    copy = malloc(len + 1);
    if (copy == NULL)
        return;
    memcpy(copy, note, len);
    free(later->note);
    *later = (struct ak_check_note){*checkpoint, copy, len};
}

void ak_check_signed_close(struct ak_check_state *state)
{
    const struct ak_check_note *later = &state->later;

    if (later->note != NULL &&
        ak_tree_confirmed(state->tree, later->checkpoint.size, &later->checkpoint.root))
        keep_checkpoint(state, &later->checkpoint, later->note, later->len);
    if (later->note != NULL)
        ak_check_witnessed(state, later->checkpoint.size, &later->checkpoint.root);
    free(state->later.note);
    state->later.note = NULL;
}

/* What a signed root is about, for findings. */
static void tell_root(struct ak_check_state *state, struct ak_finding *finding, const char *name,
                      const struct ak_tree_place *place)
{
    if (place != NULL)
        ak_finding_at(finding, name, place->offset);
    else
        (void)snprintf(finding->file, sizeof(finding->file), "%s", name);
    ak_check_report(state, finding);
}

/* R11: what it covers is not proven, and nothing else is told of it. */
static void not_judged(struct ak_check_state *state, const struct ak_check_judged *judged,
                       const char *name, const struct ak_tree_place *place)
{
    uint64_t size = judged->checkpoint.size;
    struct ak_finding finding = ak_finding_make(AK_FINDING_EPOCH, "R11",
                                                "no valid start note of epoch %" PRIu32
                                                " is here, so what its checkpoint of size %" PRIu64
                                                " covers is not proven.",
                                                judged->open_epoch, size);

    if (state->not_judged == 0 && size > state->log->first)
        tell_root(state, &finding, name, place);
    if (size > state->not_judged)
        state->not_judged = size;
}

/* R6 of a checkpoint that was given from outside: it does not speak against the log. */
static void tell_kept(struct ak_check_state *state, const struct ak_check_waiting *waiting)
{
    struct ak_finding finding =
        ak_finding_make(AK_FINDING_UNTRUSTED_KEY, "R6",
                        "the checkpoint of size %" PRIu64 " that was given is not rightly signed "
                        "by the key of the epoch in force there: it says nothing.",
                        waiting->size);

    tell_root(state, &finding, waiting->name, NULL);
}

static void tell_wrong(struct ak_check_state *state, const struct ak_check_waiting *waiting)
{
    struct ak_finding finding = ak_finding_make(AK_FINDING_ALTERED, "R6",
                                                "the checkpoint of size %" PRIu64
                                                " is not rightly signed by the key of its epoch.",
                                                waiting->size);

    tell_root(state, &finding, waiting->name, NULL);
}

/* Whether the key of the epoch in force at its size has signed it, as far as epochs are known. */
static bool is_in_force(struct ak_check_state *state, const struct ak_check_judged *judged)
{
    uint32_t number;
    uint64_t start;

    return ak_check_epochs_empty(state->epochs) ||
           (ak_check_epochs_at(state->epochs, judged->checkpoint.size, &number, &start) &&
            ak_check_judged_by(judged, number));
}

/* R6: whether the key of the epoch in force at its size has signed a checkpoint that was reached.
 * `place` is NULL for one that came by itself. */
static bool in_force(struct ak_check_state *state, const struct ak_check_judged *judged,
                     const char *name, const struct ak_tree_place *place)
{
    uint64_t size = judged->checkpoint.size;
    struct ak_finding finding;
    uint32_t number;
    uint64_t start;

    if (ak_check_epochs_empty(state->epochs))
        return true; /* nothing is proven by it: R11 is told at the end */
    if (!ak_check_epochs_at(state->epochs, size, &number, &start)) {
        not_judged(state, judged, name, place);
        return false;
    }
    if (ak_check_judged_by(judged, number))
        return true;
    if (judged->count == 0 && state->lost_some) {
        not_judged(state, judged, name, place);
        return false;
    }
    finding =
        ak_finding_make(AK_FINDING_ALTERED, "R6",
                        "the checkpoint of size %" PRIu64 " is signed by the key of epoch "
                        "%" PRIu32 ", but epoch %" PRIu32 " is in force there.",
                        size, judged->count > 0 ? judged->epoch[0] : judged->open_epoch, number);
    tell_root(state, &finding, name, place);
    return false;
}

uint64_t ak_check_proven_from(struct ak_check_state *state, uint64_t size)
{
    uint32_t number;
    uint64_t start;

    return ak_check_epochs_at(state->epochs, size, &number, &start) ? start : UINT64_MAX;
}

void ak_check_denied(struct ak_check_state *state, uint64_t index, struct ak_tree_place place)
{
    struct ak_finding finding =
        ak_finding_make(AK_FINDING_EPOCH, "R9",
                        "the entries before the epoch that begins at entry %" PRIu64
                        " are not those that the key of the epoch before has signed: only a later "
                        "key vouches for them, and it proves nothing about them.",
                        index);

    ak_finding_range(&finding, index, index + 1);
    if (index > state->start_denied)
        state->start_denied = index;
    tell_root(state, &finding, place.file < state->file_count ? state->file[place.file].name : "",
              &place);
}

void ak_check_sign(struct ak_check_state *state, const struct ak_check_item *item,
                   const struct ak_check_judged *judged, const uint8_t *note, size_t len, int who)
{
    const struct ak_checkpoint *checkpoint = &judged->checkpoint;
    struct ak_tree_place place = {item->open->number, item->frame.offset};
    enum ak_tree_signed result;
    struct ak_finding finding;

    if (checkpoint->size > ak_tree_size(state->tree)) {
        ak_check_wait(state, judged, who, item->open->file->name, place);
        return;
    }
    if (!in_force(state, judged, item->open->file->name, &place))
        return;
    if (checkpoint->size > state->signed_top)
        state->signed_top = checkpoint->size;
    result = ak_tree_sign(state->tree, checkpoint->size, &checkpoint->root, place, who);
    ak_check_witnessed(state, checkpoint->size, &checkpoint->root);
    switch (result) {
    case AK_TREE_PROVEN:
        keep_checkpoint(state, checkpoint, note, len);
        break;
    case AK_TREE_UNREACHABLE:
        if (who != AK_WHO_NOTE)
            break;
        finding = ak_finding_make(AK_FINDING_LIMIT, "R21",
                                  "the checkpoint of size %" PRIu64
                                  " stands too far behind its entries to be compared.",
                                  checkpoint->size);
        ak_check_report_at(state, item, &finding);
        break;
    case AK_TREE_FAILED:
        keep_for_later(state, checkpoint, note, len);
        break;
    case AK_TREE_KNOWN:
        break;
    }
}

/* One that waited and is reached. */
static void compare_waiting(struct ak_check_state *state, struct ak_check_waiting *waiting,
                            unsigned i)
{
    struct ak_tree_place place = {waiting->file, waiting->note != NULL ? i : waiting->offset};
    enum ak_tree_signed result;
    bool good = true;

    if (waiting->judged.open && waiting->note != NULL)
        good = ak_check_epochs_judge(state->epochs, state->log_key, waiting->note, waiting->len,
                                     &waiting->judged, NULL) == AK_OK;
    if (waiting->who == AK_WHO_KEPT && (!good || !is_in_force(state, &waiting->judged))) {
        tell_kept(state, waiting);
        return;
    }
    if (!good) {
        tell_wrong(state, waiting);
        return;
    }
    if (!in_force(state, &waiting->judged, waiting->name, waiting->note != NULL ? NULL : &place))
        return;
    result = ak_tree_sign(state->tree, waiting->size, &waiting->root, place, waiting->who);
    ak_check_witnessed(state, waiting->size, &waiting->root);
    waiting->compared = result != AK_TREE_UNREACHABLE &&
                        !(result == AK_TREE_KNOWN && waiting->size < state->log->first);
    if (result == AK_TREE_PROVEN && waiting->note != NULL)
        keep_checkpoint(state, &waiting->judged.checkpoint, (const uint8_t *)waiting->note,
                        waiting->len);
    else if (result == AK_TREE_FAILED && waiting->note != NULL)
        keep_for_later(state, &waiting->judged.checkpoint, (const uint8_t *)waiting->note,
                       waiting->len);
}

bool ak_check_sign_beside(struct ak_check_state *state, const struct ak_check_judged *judged,
                          const char *note, size_t len, size_t listed)
{
    const struct ak_checkpoint *checkpoint = &judged->checkpoint;
    struct ak_tree_place place = {0, listed};
    enum ak_tree_signed result;

    if (!in_force(state, judged, state->list.file[listed].name, NULL))
        return false;
    if (checkpoint->size > state->signed_top)
        state->signed_top = checkpoint->size;
    result = ak_tree_sign(state->tree, checkpoint->size, &checkpoint->root, place, AK_WHO_BESIDE);
    ak_check_witnessed(state, checkpoint->size, &checkpoint->root);
    if (result == AK_TREE_PROVEN)
        keep_checkpoint(state, checkpoint, (const uint8_t *)note, len);
    else if (result == AK_TREE_FAILED)
        keep_for_later(state, checkpoint, (const uint8_t *)note, len);
    return ak_tree_confirmed(state->tree, checkpoint->size, &checkpoint->root);
}

void ak_check_reach(struct ak_check_state *state)
{
    ak_check_stamps_reach(state); /* by rising size: each is compared before a larger one proves */
    ak_check_starts_reached(state);
    for (unsigned i = 0; i < state->waiting_count; i++) {
        struct ak_check_waiting *waiting = &state->waiting[i];
        if (waiting->done || waiting->size > ak_tree_size(state->tree))
            continue;
        waiting->done = true;
        compare_waiting(state, waiting, i);
    }
}

void ak_check_wait(struct ak_check_state *state, const struct ak_check_judged *judged, int who,
                   const char *name, struct ak_tree_place place)
{
    const struct ak_checkpoint *checkpoint = &judged->checkpoint;

    if (checkpoint->size > state->signed_top)
        state->signed_top = checkpoint->size;
    if (state->waiting_count == AK_CHECK_WAITING_MAX)
        return; /* its place is wrong and told already */
    state->waiting[state->waiting_count++] = (struct ak_check_waiting){.size = checkpoint->size,
                                                                       .root = checkpoint->root,
                                                                       .judged = *judged,
                                                                       .who = who,
                                                                       .file = place.file,
                                                                       .offset = place.offset,
                                                                       .name = name};
}
