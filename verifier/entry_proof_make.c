/* entry_proof_make.c - from a store to the proof of one entry.
 *
 * Happy path: the start note of the entry's segment shows the epoch's key, the published checkpoint
 * is signed by it and by the log key and covers the entry, and the inclusion proof out of the tree
 * leads to its root. Then everything is judged once more as a stranger would.
 *
 * Failure modes: a checkpoint that is not right, or to whose root the hashes here do not lead, is
 * passed over for the next one; if none is left the claim says why. */
#include <akashi/entry_proof.h>

#include <akashi/epoch.h>
#include <akashi/proof.h>
#include <akashi/tree.h>

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* Ends the search for a checkpoint: never leaves this file. */
#define FOUND AK_EEXIST

/* Stamped checkpoints that are tried: one that is not right is rare. */
#define STAMPED_TRIED_MAX 8u

struct making {
    struct ak_log_tree *tree;
    struct ak_entry_proof *proof;
    struct ak_claim *claim;
    struct ak_vkey key;
    struct ak_epoch_note epoch;
    uint8_t leaf_of[AK_ENTRY_BYTES];
    struct ak_proof out;
    const struct ak_policy *policy; /* or NULL */
    struct ak_claim quorum;         /* why a checkpoint that would do does not meet it */
    bool covered;                   /* a right checkpoint covers the entry */
    bool signed_some;               /* the key has signed some checkpoint */
    bool timed;                     /* a stamped checkpoint is preferred */
};

void ak_entry_proof_free(struct ak_entry_proof *proof)
{
    free(proof->text);
    free(proof->epoch_note);
    free(proof->payload);
    ak_stamped_free(&proof->stamped);
    memset(proof, 0, sizeof(*proof));
}

/* Verdicts of what could not be read in the evidence; other codes are passed up. */
static enum ak_code judge_error(struct making *m, enum ak_code rc, struct ak_error *err)
{
    switch (rc) {
    case AK_EINTEGRITY:
        ak_claim_fail(m->claim, AK_FINDING_ALTERED, "", "%s", err->text);
        return AK_OK;
    case AK_EMALFORMED:
    case AK_ELIMIT:
        ak_claim_fail(m->claim, AK_FINDING_MALFORMED, "", "%s", err->text);
        return AK_OK;
    case AK_EUNSUPPORTED:
        ak_claim_fail(m->claim, AK_FINDING_UNSUPPORTED, "", "%s", err->text);
        return AK_OK;
    default:
        return rc;
    }
}

static bool find_key(struct making *m, const struct ak_vkey *keys, size_t count)
{
    const char *origin = ak_log_tree_origin(m->tree);

    for (size_t i = 0; i < count; i++) {
        if (strcmp(keys[i].name, origin) == 0) {
            m->key = keys[i];
            return true;
        }
    }
    ak_claim_fail(m->claim, AK_FINDING_UNTRUSTED_KEY, "",
                  "no key of %s was given: a proof that leads to no trusted key is none", origin);
    return false;
}

static enum ak_code read_epoch(struct making *m, uint64_t index, bool search, struct ak_error *err)
{
    struct ak_entry_proof *p = m->proof;
    struct ak_error why = {0};
    enum ak_code rc;

    free(p->epoch_note);
    p->epoch_note = NULL;
    rc = ak_log_tree_epoch_note(m->tree, index, search, &p->epoch_note, &p->epoch_note_len, err);
    if (rc != AK_OK)
        return rc;
    rc = ak_epoch_note_verify(&m->epoch, p->epoch_note, p->epoch_note_len, &m->key, NULL, &why);
    if (rc == AK_EKEY) {
        ak_claim_fail(m->claim, AK_FINDING_UNTRUSTED_KEY, "R32", "%s", why.text);
    } else if (rc != AK_OK) {
        ak_claim_fail(m->claim, AK_FINDING_EPOCH, "R9", "%s", why.text);
    } else {
        p->epoch = m->epoch.epoch;
    }
    return AK_OK;
}

/* What the proof carries: the entry, and what its commitment is made with. */
static void keep_extra(struct making *m, const struct ak_log_tree_entry *entry)
{
    bool parts = entry->entry.form == AK_FORM_PARTS;

    ak_entry_encode(m->leaf_of, &entry->entry);
    memcpy(m->out.extra, m->leaf_of, AK_ENTRY_BYTES);
    memcpy(m->out.extra + AK_ENTRY_BYTES, parts ? entry->record_key : entry->salt,
           parts ? AK_RECORD_KEY_BYTES : AK_SALT_BYTES);
    m->out.extra_len = parts ? AK_PROOF_PARTS_BYTES : AK_PROOF_ENTRY_BYTES;
}

/* The entry with its salt and payload. */
static enum ak_code read_entry(struct making *m, uint64_t index, struct ak_error *err)
{
    struct ak_entry_proof *p = m->proof;
    struct ak_log_tree_entry entry;
    enum ak_code rc = ak_log_tree_entry(m->tree, index, &entry, err);

    if (rc != AK_OK)
        return rc;
    p->index = index;
    p->entry = entry.entry;
    if (entry.state != AK_STATE_PRESENT) {
        ak_claim_fail(m->claim, AK_FINDING_MISSING, "",
                      "payload and salt of entry %" PRIu64 " are not here any more (%s), and the "
                      "proof of a record needs them",
                      index, entry.state == AK_STATE_ERASED ? "erased by order" : "expired");
        return AK_OK;
    }
    p->payload = malloc(entry.len + 1);
    if (p->payload == NULL)
        return ak_fail(err, AK_ENOMEM, "no memory for a record");
    if (entry.len > 0)
        memcpy(p->payload, entry.payload, entry.len);
    p->payload_len = entry.len;
    keep_extra(m, &entry);
    return AK_OK;
}

static enum ak_code keep_text(struct making *m, const void *note, size_t len, struct ak_error *err)
{
    struct ak_entry_proof *p = m->proof;
    enum ak_code rc;

    m->out.checkpoint = note;
    m->out.checkpoint_len = len;
    p->text = malloc(AK_PROOF_BYTES_MAX + 1);
    if (p->text == NULL)
        return ak_fail(err, AK_ENOMEM, "no memory for a proof");
    rc = ak_proof_format(p->text, AK_PROOF_BYTES_MAX + 1, &p->text_len, &m->out, err);
    return rc == AK_OK ? FOUND : rc;
}

/* Whether the policy takes this checkpoint; the newest that it does not take says why. */
static bool quorum_met(struct making *m, const void *note, size_t len)
{
    struct ak_claim claim = {0};
    struct ak_quorum quorum;

    if (m->policy == NULL)
        return true;
    ak_policy_claim(m->policy, note, len, &claim, &quorum);
    if (claim.told && !m->quorum.told)
        m->quorum = claim;
    return !claim.told;
}

/* One checkpoint that is offered. */
static enum ak_code on_note(void *ctx, const void *note, size_t len, struct ak_error *err)
{
    struct making *m = ctx;
    struct ak_log_checkpoint cp;
    struct ak_error why = {0};
    struct ak_hash leaf;
    enum ak_code rc = ak_log_checkpoint_verify(&m->key, &m->epoch.key, note, len, &cp, &why);

    m->signed_some = m->signed_some || rc == AK_OK ||
                     ak_log_checkpoint_verify(&m->key, NULL, note, len, &cp, NULL) == AK_OK;
    if (rc != AK_OK || cp.checkpoint.size <= m->proof->index)
        return AK_OK;
    m->covered = true;
    if (!quorum_met(m, note, len))
        return AK_OK;
    rc = ak_inclusion_make(m->proof->index, cp.checkpoint.size, ak_log_tree_node, m->tree,
                           m->out.hash, AK_PROOF_HASHES_MAX, &m->out.count, &why);
    ak_hash_leaf(&leaf, m->leaf_of, AK_ENTRY_BYTES);
    if (rc == AK_OK)
        rc = ak_inclusion_verify(m->proof->index, cp.checkpoint.size, &leaf, m->out.hash,
                                 m->out.count, &cp.checkpoint.root, &why);
    if (rc == AK_ENOMEM)
        return ak_fail(err, rc, "%s", why.text);
    if (rc != AK_OK) {
        ak_claim_fail(m->claim,
                      rc == AK_ENOTFOUND ? AK_FINDING_MISSING
                      : rc == AK_EIO     ? AK_FINDING_IO_ERROR
                                         : AK_FINDING_ALTERED,
                      "", "no proof leads to the checkpoint of size %" PRIu64 ": %s",
                      cp.checkpoint.size, why.text);
        return AK_OK;
    }
    memset(m->claim, 0, sizeof(*m->claim)); /* what an earlier one lacked does not matter */
    m->proof->checkpoint = cp.checkpoint;
    return keep_text(m, note, len, err);
}

/* Whether a note is of this size, and signed in the entry's own epoch. */
static bool is_right(const struct making *m, const char *note, size_t len, uint64_t size)
{
    struct ak_log_checkpoint cp;

    return note != NULL &&
           ak_log_checkpoint_verify(&m->key, &m->epoch.key, note, len, &cp, NULL) == AK_OK &&
           cp.checkpoint.size == size;
}

/* What was stamped, with cosignatures where there are any. */
static enum ak_code try_stamped(struct making *m, uint64_t size, struct ak_error *err)
{
    const struct ak_stamped *stamped = &m->proof->stamped;
    enum ak_code rc = AK_OK;
    size_t len;
    char *note;

    if (!is_right(m, stamped->note, stamped->len, size))
        return AK_OK;
    note = ak_stamped_cosigned(m->tree, size, stamped, &len);
    rc = is_right(m, note, len, size) ? on_note(m, note, len, err)
                                      : on_note(m, stamped->note, stamped->len, err);
    free(note);
    return rc;
}

/* Tries the checkpoints with time stamps from the smallest on: that one says the earliest. */
static enum ak_code search_stamped(struct making *m, uint64_t index, struct ak_error *err)
{
    struct ak_stamped *stamped = &m->proof->stamped;
    uint64_t size[STAMPED_TRIED_MAX];
    size_t n = ak_log_tree_stamped_sizes(m->tree, index + 1, size, STAMPED_TRIED_MAX);
    enum ak_code rc = AK_OK;

    for (size_t i = 0; rc == AK_OK && i < n; i++) {
        if (!ak_stamped_read(m->tree, size[i], stamped))
            continue;
        rc = try_stamped(m, size[i], err);
        if (rc != FOUND)
            ak_stamped_free(stamped);
    }
    return rc;
}

/* Tries all checkpoints; AK_OK also if none is right, and the claim then says so. */
static enum ak_code search(struct making *m, uint64_t index, struct ak_error *err)
{
    enum ak_code rc = m->timed ? search_stamped(m, index, err) : AK_OK;

    if (rc == AK_OK)
        rc = ak_log_tree_checkpoints(m->tree, index, on_note, m, err);

    return rc == FOUND ? AK_OK : rc;
}

static void tell_none(struct making *m, uint64_t index)
{
    if (m->claim->told)
        return;
    if (m->quorum.told)
        *m->claim = m->quorum;
    else if (!m->signed_some)
        ak_claim_fail(m->claim, AK_FINDING_UNTRUSTED_KEY, "R32",
                      "the key that was given has signed none of the checkpoints here");
    else
        ak_claim_fail(m->claim, AK_FINDING_TAIL_UNSIGNED, "",
                      "entry %" PRIu64 " is under no checkpoint of its own epoch that is here: "
                      "nobody vouches for it yet",
                      index);
}

/* As a stranger will: what does not hold then is never given. */
static void judge_again(struct making *m)
{
    struct ak_entry_proof *p = m->proof;
    struct ak_entry_proof_input input = {.text = p->text,
                                         .text_len = p->text_len,
                                         .keys = &m->key,
                                         .key_count = 1,
                                         .epoch_note = p->epoch_note,
                                         .epoch_note_len = p->epoch_note_len,
                                         .has_payload = true,
                                         .payload = p->payload,
                                         .payload_len = p->payload_len,
                                         .stamped = &p->stamped};
    struct ak_entry_proof_result result;

    ak_entry_proof_judge(&input, &result);
    *m->claim = result.claim;
}

static enum ak_code make(struct making *m, uint64_t index, struct ak_error *err)
{
    enum ak_code rc = read_epoch(m, index, false, err);

    if (rc == AK_OK && !m->claim->told)
        rc = read_entry(m, index, err);
    if (rc != AK_OK || m->claim->told)
        return rc;
    m->out.index = index;
    rc = search(m, index, err);
    if (rc == AK_OK && m->proof->text == NULL && !m->covered && m->signed_some &&
        read_epoch(m, index, true, NULL) == AK_OK && !m->claim->told)
        rc = search(m, index, err); /* the epoch changed within the segment */
    if (rc != AK_OK)
        return rc;
    if (m->proof->text == NULL)
        tell_none(m, index);
    else
        judge_again(m);
    return AK_OK;
}

static enum ak_code make_as(struct making *m, uint64_t index, const struct ak_vkey *keys,
                            size_t key_count, struct ak_error *err)
{
    struct ak_entry_proof *proof = m->proof;
    struct ak_claim *claim = m->claim;
    struct ak_error own = {0};
    struct ak_error *why = err == NULL ? &own : err;
    enum ak_code rc;

    rc = find_key(m, keys, key_count) ? judge_error(m, make(m, index, why), why) : AK_OK;
    if (rc == AK_OK && claim->verdict == AK_VALID)
        proof->has_declaration = ak_log_tree_declaration(m->tree, index, proof->entry.source,
                                                         &proof->declaration, NULL) == AK_OK;
    if (rc != AK_OK || claim->verdict != AK_VALID)
        ak_entry_proof_free(proof);
    return rc;
}

static enum ak_code begin(struct making **out, struct ak_log_tree *tree,
                          struct ak_entry_proof *proof, struct ak_claim *claim,
                          struct ak_error *err)
{
    struct making *m = calloc(1, sizeof(*m));

    memset(proof, 0, sizeof(*proof));
    memset(claim, 0, sizeof(*claim));
    *out = m;
    if (m == NULL)
        return ak_fail(err, AK_ENOMEM, "no memory for a proof");
    m->tree = tree;
    m->proof = proof;
    m->claim = claim;
    return AK_OK;
}

enum ak_code ak_entry_proof_make(struct ak_log_tree *tree, uint64_t index,
                                 const struct ak_vkey *keys, size_t key_count,
                                 struct ak_entry_proof *proof, struct ak_claim *claim,
                                 struct ak_error *err)
{
    struct making *m;
    enum ak_code rc = begin(&m, tree, proof, claim, err);

    if (rc == AK_OK)
        rc = make_as(m, index, keys, key_count, err);
    free(m);
    return rc;
}

enum ak_code ak_entry_proof_make_timed(struct ak_log_tree *tree, uint64_t index,
                                       const struct ak_vkey *keys, size_t key_count,
                                       const struct ak_policy *policy, struct ak_entry_proof *proof,
                                       struct ak_claim *claim, struct ak_error *err)
{
    struct making *m;
    enum ak_code rc = begin(&m, tree, proof, claim, err);

    if (rc == AK_OK) {
        m->policy = policy;
        m->timed = true;
        rc = make_as(m, index, keys, key_count, err);
    }
    free(m);
    return rc;
}
