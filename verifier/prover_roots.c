/* prover_roots.c - the signed root of each epoch: that of the note that begins the next one, or of
 * the newest checkpoint. */
#include "prover_private.h"

/* Whether a start note carries all its signatures. Of a part of a log the key of the epoch before
 * may not be here: then its line is not asked for, as a check does not. */
static bool epoch_good(struct ak_prover *prover, size_t i)
{
    struct ak_prover_epoch *epoch = &prover->epoch[i];
    const struct ak_vkey *previous = NULL;
    struct ak_epoch_note parsed;

    if (epoch->asked)
        return epoch->good;
    epoch->asked = true;
    if (i > 0 && prover->epoch[i - 1].parsed.epoch + 1 == epoch->parsed.epoch)
        previous = &prover->epoch[i - 1].parsed.key;
    else if (epoch->parsed.epoch > 0 && (i > 0 || epoch->own))
        return false;
    epoch->good = ak_epoch_note_verify(&parsed, epoch->note, epoch->len, prover->key, previous,
                                       NULL) == AK_OK;
    return epoch->good;
}

struct ak_prover_epoch *ak_prover_epoch_at(struct ak_prover *prover, uint64_t index, size_t *number)
{
    size_t low = 0;
    size_t high = prover->epoch_count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (prover->epoch[middle].index <= index)
            low = middle + 1;
        else
            high = middle;
    }
    if (low == 0)
        return NULL;
    *number = low - 1;
    return &prover->epoch[low - 1];
}

struct hunt {
    struct ak_prover *prover;
    struct ak_prover_epoch *epoch;
};

static enum ak_code on_checkpoint(void *ctx, const void *note, size_t len, struct ak_error *err)
{
    struct hunt *hunt = ctx;
    struct ak_prover_epoch *epoch = hunt->epoch;
    struct ak_log_checkpoint cp;

    (void)err;
    if (ak_log_checkpoint_verify(hunt->prover->key, &epoch->parsed.key, note, len, &cp, NULL) ==
            AK_OK &&
        cp.checkpoint.size > epoch->end) {
        epoch->end = cp.checkpoint.size;
        epoch->root = cp.checkpoint.root;
    }
    /* What is offered first is the newest: one that covers what is asked for is enough. */
    return epoch->end > epoch->tried_for ? AK_EEXIST : AK_OK;
}

bool ak_prover_epoch_root(struct ak_prover *prover, size_t i, uint64_t index)
{
    struct ak_prover_epoch *epoch = &prover->epoch[i];
    struct hunt hunt = {prover, epoch};

    if (!epoch_good(prover, i))
        return false;
    if (epoch->end > index)
        return true;
    if (i + 1 < prover->epoch_count) { /* the note behind it is signed by this epoch's key */
        if (prover->epoch[i + 1].parsed.epoch != epoch->parsed.epoch + 1 ||
            !epoch_good(prover, i + 1))
            return false;
        epoch->end = prover->epoch[i + 1].index;
        epoch->root = prover->epoch[i + 1].parsed.root;
    } else if (!epoch->tried || epoch->tried_for < index) {
        epoch->tried = true;
        epoch->tried_for = index;
        (void)ak_log_tree_checkpoints(prover->tree, index, on_checkpoint, &hunt, NULL);
    }
    if (epoch->end > prover->signed_to)
        prover->signed_to = epoch->end;
    return epoch->end > epoch->index;
}
