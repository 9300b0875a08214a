/* bundle_epochs.c - under which key each entry of a bundle is proven (docs/format.md 5.3, 14.10).
 *
 * Happy path: the start note of the epoch is met, its root is the one that the fold has there, and
 * the checkpoint or the next epoch's note, signed by this epoch's key, covers what follows.
 *
 * Failure modes: a note that is not valid is EPOCH; one that is not shown leaves what it would
 * prove MISSING. */
#include "bundle_private.h"

#include <inttypes.h>
#include <string.h>

/* What was shown since the last note has its proof. */
static void settle(struct ak_bundle_epochs *e, bool proven)
{
    if (e->waiting && !proven && !e->missing) {
        e->missing = true;
        e->missing_from = e->waiting_from;
    }
    e->waiting = false;
}

void ak_bundle_epochs_note(struct ak_bundle_judgement *j, uint64_t index, const void *payload,
                           size_t len)
{
    struct ak_bundle_epochs *e = &j->epochs;
    struct ak_claim *claim = &j->later;
    struct ak_epoch_note note;
    struct ak_error err = {0};
    struct ak_hash root;
    bool follows;
    enum ak_code rc = ak_epoch_note_parse(&note, payload, len, j->result->key.name, &err);

    follows = rc == AK_OK && e->known && note.epoch == e->note.epoch + 1;
    if (rc == AK_OK)
        rc = ak_epoch_note_verify(&note, payload, len, &j->result->key,
                                  follows ? &e->note.key : NULL, &err);
    if (rc != AK_OK) {
        ak_claim_fail(claim, rc == AK_EKEY ? AK_FINDING_UNTRUSTED_KEY : AK_FINDING_EPOCH,
                      rc == AK_EKEY ? "R32" : "R9", "entry %" PRIu64 ": %s", index, err.text);
        return;
    }
    if (note.index != index || (index == 0) != (note.epoch == 0) ||
        (e->known && note.epoch <= e->note.epoch)) {
        ak_claim_fail(claim, AK_FINDING_EPOCH, "R10",
                      "the start note of epoch %" PRIu32 " stands at entry %" PRIu64
                      ", where it cannot",
                      note.epoch, index);
        return;
    }
    if (ak_range_root(&j->range, &root, &err) != AK_OK || !ak_hash_equal(&root, &note.root))
        ak_claim_fail(claim, AK_FINDING_EPOCH, "R9",
                      "the start note of epoch %" PRIu32 " at entry %" PRIu64
                      " was signed for other entries before it",
                      note.epoch, index);
    settle(e, follows);
    e->known = true;
    e->note = note;
    j->result->notes++;
}

void ak_bundle_epochs_entry(struct ak_bundle_judgement *j, uint64_t index)
{
    struct ak_bundle_epochs *e = &j->epochs;

    if (!e->waiting)
        e->waiting_from = index;
    e->waiting = true;
    if (!e->known)
        settle(e, false);
}

void ak_bundle_epochs_end(struct ak_bundle_judgement *j)
{
    struct ak_bundle_epochs *e = &j->epochs;
    struct ak_claim *claim = ak_bundle_claim(j, AK_BUNDLE_AUTHENTIC);
    struct ak_log_checkpoint cp;
    struct ak_error err = {0};
    enum ak_code rc;

    if (!e->known) {
        ak_claim_fail(
            claim, AK_FINDING_MISSING, "R11",
            "no start note is shown: whoever stole the log key alone could have made this "
            "bundle");
        return;
    }
    rc = ak_log_checkpoint_verify(&j->result->key, &e->note.key, j->checkpoint, j->checkpoint_len,
                                  &cp, &err);
    if (rc == AK_EKEY && ak_note_has_other_epoch(j->checkpoint, j->checkpoint_len,
                                                 j->result->key.name, e->note.epoch)) {
        ak_claim_fail(claim, AK_FINDING_MISSING, "R11",
                      "the checkpoint was not signed in epoch %" PRIu32
                      ", the last one whose start note is shown",
                      e->note.epoch);
        return;
    }
    if (rc != AK_OK) {
        ak_claim_fail(claim, rc == AK_EMALFORMED ? AK_FINDING_MALFORMED : AK_FINDING_ALTERED,
                      rc == AK_EKEY ? "R6" : "R7", "%s", err.text);
        return;
    }
    settle(e, true);
    j->result->unknown = cp.unknown;
    j->result->epoch = e->note.epoch;
    if (e->missing)
        ak_claim_fail(claim, AK_FINDING_MISSING, "R11",
                      "the start notes that prove entry %" PRIu64
                      " are not shown: a later epoch's key proves nothing about it",
                      e->missing_from);
}
