/* check_signed.c - checkpoints that stand in the log: whose signatures they carry, and what of the
 * tree they cover.
 *
 * A validly signed root counts wherever it stands. One that is not reached yet waits; whoever put
 * it there too early or took entries away is found out when it is, or by what is missing then. */
#include "check_private.h"

#include <inttypes.h>
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
                   struct ak_log_checkpoint *checkpoint)
{
    struct ak_log_checkpoint again;
    struct ak_error why = {0};
    struct ak_finding finding;

    state->key_asked = true;
    if (rc == AK_OK) {
        state->signed_notes++;
        state->key_signed = true;
        rc = ak_check_cosignatures(state, note, len, checkpoint, &why);
        if (rc != AK_OK) {
            finding = ak_finding_make(ak_finding_of_text(rc), "R7", "%s.", why.text);
            ak_check_report_at(state, item, &finding);
            return false;
        }
        if (checkpoint->unknown > 0) {
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

void ak_check_sign(struct ak_check_state *state, const struct ak_check_item *item,
                   const struct ak_checkpoint *checkpoint, const uint8_t *note, size_t len, int who)
{
    struct ak_tree_place place = {item->open->number, item->frame.offset};
    enum ak_tree_signed result;
    struct ak_finding finding;

    if (checkpoint->size > ak_tree_size(state->tree)) {
        ak_check_wait(state, checkpoint, who, item->open->file->name, place);
        return;
    }
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

void ak_check_reach(struct ak_check_state *state)
{
    for (unsigned i = 0; i < state->waiting_count; i++) {
        struct ak_check_waiting *waiting = &state->waiting[i];
        struct ak_tree_place place = {waiting->file, waiting->note != NULL ? i : waiting->offset};
        struct ak_checkpoint checkpoint = {.size = waiting->size, .root = waiting->root};
        enum ak_tree_signed result;
        if (waiting->done || waiting->size > ak_tree_size(state->tree))
            continue;
        waiting->done = true;
        result = ak_tree_sign(state->tree, waiting->size, &waiting->root, place, waiting->who);
        ak_check_witnessed(state, waiting->size, &waiting->root);
        waiting->compared = result != AK_TREE_UNREACHABLE &&
                            !(result == AK_TREE_KNOWN && waiting->size < state->log->first);
        if (result == AK_TREE_PROVEN && waiting->note != NULL)
            keep_checkpoint(state, &checkpoint, (const uint8_t *)waiting->note, waiting->len);
        else if (result == AK_TREE_FAILED && waiting->note != NULL)
            keep_for_later(state, &checkpoint, (const uint8_t *)waiting->note, waiting->len);
    }
}

void ak_check_wait(struct ak_check_state *state, const struct ak_checkpoint *checkpoint, int who,
                   const char *name, struct ak_tree_place place)
{
    if (checkpoint->size > state->signed_top)
        state->signed_top = checkpoint->size;
    if (state->waiting_count == AK_CHECK_WAITING_MAX)
        return; /* its place is wrong and told already */
    state->waiting[state->waiting_count++] = (struct ak_check_waiting){.size = checkpoint->size,
                                                                       .root = checkpoint->root,
                                                                       .who = who,
                                                                       .file = place.file,
                                                                       .offset = place.offset,
                                                                       .name = name};
}
