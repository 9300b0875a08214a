/* sample_item.c - one drawn entry: taken out of a store with what proves it, and judged against the
 * checkpoint that the sample is of.
 *
 * Two things are shown of an entry: by a tlog-proof, that the key of its own epoch has signed it
 * (format.md R11), and by its path, that it stands at its index in the very tree whose checkpoint
 * the auditor has. The first alone could come out of another history of the log. */
#include "sample.h"

#include <akashi/entry_proof.h>
#include <akashi/epoch.h>

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

void ak_sample_item_free(struct ak_sample_item *item)
{
    free(item->proof);
    free(item->note);
    free(item->payload);
    memset(item, 0, sizeof(*item));
}

static void take_proof(struct ak_sample_item *item, struct ak_entry_proof *proof)
{
    item->state = AK_SAMPLE_SHOWN;
    item->proof = proof->text;
    item->proof_len = proof->text_len;
    item->note = proof->epoch_note;
    item->note_len = proof->epoch_note_len;
    item->payload = proof->payload;
    item->payload_len = proof->payload_len;
    proof->text = NULL;
    proof->epoch_note = NULL;
    proof->payload = NULL;
}

/* The entry without a payload, if that is what is there. */
static enum ak_code take_entry(struct ak_log_tree *tree, struct ak_sample_item *item,
                               struct ak_error *err)
{
    struct ak_log_tree_entry entry;
    enum ak_code rc = ak_log_tree_entry(tree, item->index, &entry, err);

    if (rc == AK_OK && entry.state != AK_STATE_PRESENT) {
        item->state = AK_SAMPLE_ABSENT;
        item->expired = entry.state == AK_STATE_EXPIRED;
        ak_entry_encode(item->entry, &entry.entry);
    }
    return rc;
}

/* What a log cannot give is not there; a machine that fails is another matter. */
static bool is_fault(enum ak_code rc)
{
    return rc == AK_ENOMEM || rc == AK_EUSAGE;
}

enum ak_code ak_sample_item_make(struct ak_log_tree *tree, uint64_t index,
                                 const struct ak_sample_anchor *anchor, struct ak_sample_item *item,
                                 struct ak_error *err)
{
    struct ak_entry_proof proof;
    struct ak_claim why = {0};
    struct ak_claim claim;
    enum ak_code rc;

    memset(item, 0, sizeof(*item));
    item->index = index;
    item->state = AK_SAMPLE_MISSING;
    assert(index < anchor->checkpoint.size);
    rc = ak_entry_proof_make(tree, index, &anchor->key, 1, &proof, &claim, err);
    if (rc == AK_OK && claim.verdict == AK_VALID)
        take_proof(item, &proof);
    else if (rc == AK_OK)
        rc = take_entry(tree, item, err);
    if (rc == AK_OK && item->state == AK_SAMPLE_MISSING)
        why = claim;
    ak_entry_proof_free(&proof);
    if (rc == AK_OK && item->state != AK_SAMPLE_MISSING)
        rc = ak_inclusion_make(index, anchor->checkpoint.size, ak_log_tree_node, tree, item->path,
                               AK_PROOF_HASHES_MAX, &item->path_count, err);
    item->why = why;
    if (rc == AK_OK || is_fault(rc))
        return rc;
    ak_sample_item_free(item);
    item->index = index;
    item->state = AK_SAMPLE_MISSING;
    return AK_OK;
}

static void check_path(const struct ak_sample_item *item, const struct ak_sample_anchor *anchor,
                       struct ak_sample_judged *judged)
{
    struct ak_error err = {0};

    if (ak_inclusion_verify(item->index, anchor->checkpoint.size, &judged->leaf, item->path,
                            item->path_count, &anchor->checkpoint.root, &err) == AK_OK)
        judged->proven = true;
    else
        ak_claim_fail(&judged->claim, AK_FINDING_ALTERED, "",
                      "entry %" PRIu64 " does not lead to the checkpoint of %" PRIu64
                      " entries: %s",
                      item->index, anchor->checkpoint.size, err.text);
}

static void judge_shown(const struct ak_sample_item *item, const struct ak_sample_anchor *anchor,
                        struct ak_sample_judged *judged)
{
    struct ak_entry_proof_input input = {.text = item->proof,
                                         .text_len = item->proof_len,
                                         .keys = &anchor->key,
                                         .key_count = 1,
                                         .epoch_note = item->note,
                                         .epoch_note_len = item->note_len,
                                         .has_payload = true,
                                         .payload = item->payload,
                                         .payload_len = item->payload_len};
    struct ak_entry_proof_result result;
    uint8_t entry[AK_ENTRY_BYTES];

    ak_entry_proof_judge(&input, &result);
    judged->claim = result.claim;
    if (result.claim.verdict != AK_VALID)
        return;
    if (result.index != item->index) {
        ak_claim_fail(&judged->claim, AK_FINDING_ALTERED, "",
                      "what was given for entry %" PRIu64 " proves entry %" PRIu64, item->index,
                      result.index);
        return;
    }
    judged->entry = result.entry;
    ak_entry_encode(entry, &judged->entry);
    ak_hash_leaf(&judged->leaf, entry, sizeof(entry));
    check_path(item, anchor, judged);
}

static void judge_absent(const struct ak_sample_item *item, const struct ak_sample_anchor *anchor,
                         struct ak_sample_judged *judged)
{
    struct ak_error err = {0};

    if (ak_entry_decode(&judged->entry, item->entry, AK_ENTRY_BYTES, &err) != AK_OK) {
        ak_claim_fail(&judged->claim, AK_FINDING_MALFORMED, "R4", "%s", err.text);
        return;
    }
    ak_hash_leaf(&judged->leaf, item->entry, AK_ENTRY_BYTES);
    check_path(item, anchor, judged);
    if (judged->proven && item->why.told)
        judged->claim = item->why;
    else if (judged->proven)
        ak_claim_fail(&judged->claim, AK_FINDING_MISSING, "",
                      "entry %" PRIu64 " stands there, but its payload is not here any more; a "
                      "check of the whole log shows whether an order took it out",
                      item->index);
}

void ak_sample_item_judge(const struct ak_sample_item *item, const struct ak_sample_anchor *anchor,
                          struct ak_sample_judged *judged)
{
    memset(judged, 0, sizeof(*judged));
    switch (item->state) {
    case AK_SAMPLE_SHOWN:
        judge_shown(item, anchor, judged);
        break;
    case AK_SAMPLE_ABSENT:
        judge_absent(item, anchor, judged);
        break;
    case AK_SAMPLE_MISSING:
        if (item->why.told)
            judged->claim = item->why;
        else
            ak_claim_fail(&judged->claim, AK_FINDING_MISSING, "", "entry %" PRIu64 " is not there",
                          item->index);
        break;
    }
}

/* The left siblings of the last leaf are the same in every larger tree (RFC 9162 2.1.3.2). */
void ak_sample_root_at(uint64_t index, uint64_t size, const struct ak_hash *leaf,
                       const struct ak_hash *path, unsigned count, struct ak_hash *root)
{
    uint64_t fn = index;
    uint64_t sn = size - 1;

    *root = *leaf;
    for (unsigned i = 0; i < count && sn > 0; i++) {
        if (fn % 2 == 1 || fn == sn) {
            ak_hash_node(root, &path[i], root);
            while (fn % 2 == 0 && fn != 0) {
                fn /= 2;
                sn /= 2;
            }
        }
        fn /= 2;
        sn /= 2;
    }
}

/* ---- The checkpoint ---- */

void ak_sample_anchor_free(struct ak_sample_anchor *anchor)
{
    free(anchor->note);
    memset(anchor, 0, sizeof(*anchor));
}

static const struct ak_vkey *find_key(const struct ak_vkey *keys, size_t count, const char *origin)
{
    for (size_t i = 0; i < count; i++) {
        if (strcmp(keys[i].name, origin) == 0)
            return &keys[i];
    }
    return NULL;
}

/* What is signed, without a judgement; false if it is no checkpoint of a log. */
static bool read_checkpoint(struct ak_checkpoint *cp, const void *data, size_t len,
                            struct ak_error *err)
{
    struct ak_note note;

    return ak_note_parse(&note, data, len, err) == AK_OK &&
           ak_checkpoint_parse(cp, note.text, note.text_len, false, err) == AK_OK &&
           ak_origin_check(cp->origin, strlen(cp->origin), err) == AK_OK;
}

enum ak_code ak_sample_anchor_read(struct ak_sample_anchor *anchor, const void *note, size_t len,
                                   const struct ak_vkey *keys, size_t key_count,
                                   struct ak_claim *claim, struct ak_error *err)
{
    struct ak_log_checkpoint verified;
    const struct ak_vkey *key;
    struct ak_error why = {0};
    enum ak_code rc;

    memset(anchor, 0, sizeof(*anchor));
    if (!read_checkpoint(&anchor->checkpoint, note, len, &why)) {
        ak_claim_fail(claim, AK_FINDING_MALFORMED, "", "the checkpoint: %s", why.text);
        return AK_OK;
    }
    key = find_key(keys, key_count, anchor->checkpoint.origin);
    if (key == NULL) {
        ak_claim_fail(claim, AK_FINDING_UNTRUSTED_KEY, "",
                      "no key of %s was given, the log that the checkpoint is of",
                      anchor->checkpoint.origin);
        return AK_OK;
    }
    anchor->key = *key;
    rc = ak_log_checkpoint_verify(key, NULL, note, len, &verified, &why);
    if (rc != AK_OK)
        ak_claim_fail(claim,
                      rc == AK_EKEY         ? AK_FINDING_UNTRUSTED_KEY
                      : rc == AK_ESIGNATURE ? AK_FINDING_ALTERED
                                            : AK_FINDING_MALFORMED,
                      rc == AK_EKEY ? "R32" : "R7", "the checkpoint: %s", why.text);
    anchor->note = malloc(len + 1);
    if (anchor->note == NULL)
        return ak_fail(err, AK_ENOMEM, "no memory for a checkpoint");
    memcpy(anchor->note, note, len);
    anchor->note[len] = '\0';
    anchor->note_len = len;
    return AK_OK;
}

/* Ends the search with the first checkpoint offered; never leaves this file. */
#define FOUND AK_EEXIST

static enum ak_code on_note(void *ctx, const void *note, size_t len, struct ak_error *err)
{
    struct ak_checkpoint cp;
    uint64_t *size = ctx;

    (void)err;
    if (!read_checkpoint(&cp, note, len, NULL) || cp.size == 0)
        return AK_OK;
    *size = cp.size;
    return FOUND;
}

/* The checkpoint within a proof: behind the first empty line. */
static enum ak_code take_note(struct ak_sample_anchor *anchor, const struct ak_entry_proof *proof,
                              const struct ak_vkey *keys, size_t key_count, struct ak_claim *claim,
                              struct ak_error *err)
{
    const char *at = strstr(proof->text, "\n\n");

    assert(at != NULL);
    at += 2;
    return ak_sample_anchor_read(anchor, at, proof->text_len - (size_t)(at - proof->text), keys,
                                 key_count, claim, err);
}

/* Whoever proves the last entry of the published checkpoint proves the checkpoint. */
enum ak_code ak_sample_anchor_newest(struct ak_sample_anchor *anchor, struct ak_log_tree *tree,
                                     const struct ak_vkey *keys, size_t key_count,
                                     struct ak_claim *claim, struct ak_error *err)
{
    struct ak_entry_proof proof;
    uint64_t size = 0;
    enum ak_code rc;

    memset(anchor, 0, sizeof(*anchor));
    rc = ak_log_tree_checkpoints(tree, ak_log_tree_last(tree), on_note, &size, err);
    if (rc != AK_OK && rc != FOUND && rc != AK_ENOTFOUND)
        return rc;
    if (size == 0) {
        ak_claim_fail(claim, AK_FINDING_MISSING, "",
                      "no checkpoint is here: a sample needs a signed head");
        return AK_OK;
    }
    rc = ak_entry_proof_make(tree, size - 1, keys, key_count, &proof, claim, err);
    if (rc == AK_ENOTFOUND) {
        ak_claim_fail(claim, AK_FINDING_MISSING, "",
                      "the checkpoint is of %" PRIu64 " entries, and the last one is not here",
                      size);
        return AK_OK;
    }
    if (rc == AK_OK && claim->verdict == AK_VALID)
        rc = take_note(anchor, &proof, keys, key_count, claim, err);
    ak_entry_proof_free(&proof);
    return rc;
}
