/* history.c - two signed checkpoints, compared (format.md R8).
 *
 * Happy path: both are signed by the log key; of one size their roots are equal, of two sizes the
 * hashes in the store lead to both roots.
 *
 * What hashes in a store say counts only where they lead to a signed root: to that of the larger
 * checkpoint, or to the store's own. If they lead to neither, the store is at fault and nothing is
 * said about the checkpoints. */
#include <akashi/history.h>

#include "history_private.h"
#include "text.h"

#include <akashi/ed25519.h>
#include <akashi/epoch.h>

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* Ends the search for a checkpoint: never leaves this file. */
#define FOUND AK_EEXIST

enum ak_code ak_history_read(struct ak_history_side *side, struct ak_error *err)
{
    struct ak_note note;
    enum ak_code rc = ak_note_parse(&note, side->note, side->len, err);

    if (rc == AK_OK)
        rc = ak_checkpoint_parse(&side->checkpoint, note.text, note.text_len, false, err);
    if (rc == AK_OK)
        rc = ak_origin_check(side->checkpoint.origin, strlen(side->checkpoint.origin), err);
    if (rc == AK_OK && side->checkpoint.size == 0)
        rc = ak_fail(err, AK_EMALFORMED, "a checkpoint of size 0 is never signed (R6)");
    return rc == AK_OK ? rc : AK_EMALFORMED;
}

bool ak_history_key(const struct ak_history_trust *trust, const char *origin, struct ak_vkey *key)
{
    for (size_t i = 0; i < trust->key_count; i++) {
        if (strcmp(trust->keys[i].name, origin) == 0) {
            *key = trust->keys[i];
            return true;
        }
    }
    return false;
}

/* What the line of one key is worth. A checkpoint with two of them is malformed (R7). */
static enum ak_line judge_line(const struct ak_note *note, const struct ak_vkey *key)
{
    enum ak_line line = AK_LINE_NONE;

    for (unsigned i = 0; i < note->count; i++) {
        const struct ak_note_signature *sig = &note->sig[i];
        if (sig->id != key->id || sig->name_len != strlen(key->name) ||
            memcmp(sig->name, key->name, sig->name_len) != 0)
            continue;
        if (line != AK_LINE_NONE || sig->bytes != AK_ED25519_SIGNATURE_BYTES)
            return AK_LINE_INVALID;
        if (ak_ed25519_verify(key->key, note->text, note->text_len, sig->signature, NULL) == AK_OK)
            line = AK_LINE_VALID;
        else if (ak_ed25519_nonstrict(key->key, note->text, note->text_len, sig->signature))
            line = AK_LINE_NONSTRICT;
        else
            line = AK_LINE_INVALID;
    }
    return line;
}

/* The epoch that a line of the note names, by the name alone. */
static bool named_epoch(const struct ak_note *note, const char *origin, uint32_t *epoch)
{
    for (unsigned i = 0; i < note->count; i++) {
        struct ak_text name = {note->sig[i].name, note->sig[i].name_len};
        uint64_t e;
        if (ak_text_skip(&name, origin) && ak_text_skip(&name, "/epoch/") &&
            ak_text_decimal(name, AK_EPOCHS_MAX - 1, &e)) {
            *epoch = (uint32_t)e;
            return true;
        }
    }
    return false;
}

/* The key of an epoch out of a start note, which the origin pins. */
static bool key_of_note(const void *data, size_t len, const struct ak_vkey *log_key, uint32_t epoch,
                        struct ak_vkey *key)
{
    struct ak_epoch_note note;

    if (data == NULL || ak_epoch_note_verify(&note, data, len, log_key, NULL, NULL) != AK_OK ||
        note.epoch != epoch)
        return false;
    *key = note.key;
    return true;
}

static bool epoch_key(const struct ak_history_side *side, const struct ak_vkey *log_key,
                      const struct ak_history_trust *trust, struct ak_log_tree *tree,
                      struct ak_vkey *key)
{
    uint8_t *note = NULL;
    size_t len;
    bool found = key_of_note(trust->epoch_note, trust->epoch_note_len, log_key, side->epoch, key);

    for (size_t i = 0; !found && i < trust->key_count; i++) {
        struct ak_text name = {trust->keys[i].name, strlen(trust->keys[i].name)};
        uint64_t e;
        found = ak_text_skip(&name, side->checkpoint.origin) && ak_text_skip(&name, "/epoch/") &&
                ak_text_decimal(name, AK_EPOCHS_MAX - 1, &e) && e == side->epoch;
        if (found)
            *key = trust->keys[i];
    }
    for (int search = 0; !found && tree != NULL && search < 2; search++) {
        if (ak_log_tree_epoch_note(tree, side->checkpoint.size - 1, search == 1, &note, &len,
                                   NULL) == AK_OK)
            found = key_of_note(note, len, log_key, side->epoch, key);
        free(note);
        note = NULL;
    }
    return found;
}

void ak_history_judge_lines(struct ak_history_side *side, const struct ak_vkey *key,
                            const struct ak_history_trust *trust, struct ak_log_tree *tree)
{
    struct ak_vkey of_epoch;
    struct ak_note note;

    side->log_line = AK_LINE_NONE;
    side->epoch_line = AK_LINE_NONE;
    if (ak_note_parse(&note, side->note, side->len, NULL) != AK_OK)
        return;
    side->log_line = judge_line(&note, key);
    if (!named_epoch(&note, side->checkpoint.origin, &side->epoch))
        return;
    side->epoch_line = AK_LINE_UNCHECKED;
    if (epoch_key(side, key, trust, tree, &of_epoch))
        side->epoch_line = judge_line(&note, &of_epoch);
}

static bool epoch_binds(const struct ak_history_side *side)
{
    return side->epoch_line == AK_LINE_VALID || side->epoch_line == AK_LINE_NONSTRICT;
}

void ak_history_tell_fork(struct ak_claim *claim, const struct ak_fork *fork)
{
    const struct ak_history_side *a = &fork->smaller;
    const struct ak_history_side *b = &fork->larger;
    bool both = epoch_binds(a) && epoch_binds(b);
    bool open = a->epoch_line == AK_LINE_UNCHECKED || b->epoch_line == AK_LINE_UNCHECKED;

    memset(claim, 0, sizeof(*claim)); /* whatever else there is, this outweighs it */
    ak_claim_fail(claim, AK_FINDING_FORKED, "R8",
                  "the checkpoints of size %" PRIu64 " and %" PRIu64
                  " contradict each other. Both are signed by the log's key%s",
                  a->checkpoint.size, b->checkpoint.size,
                  both && a->epoch == b->epoch ? " and by the key of one epoch"
                  : both                       ? " and each by the key of an epoch"
                  : open
                      ? "; whether keys of epochs signed both could not be checked without start "
                        "notes"
                      : " alone: whoever has stolen that one key could have made one of them");
}

/* What is wrong with one of the two that were given. */
static bool judge_side(struct ak_history *h, struct ak_history_side *side, const char *which,
                       const struct ak_history_trust *trust, struct ak_log_tree *tree)
{
    ak_history_judge_lines(side, &h->key, trust, tree);
    if (side->log_line == AK_LINE_NONE)
        ak_claim_fail(&h->claim, AK_FINDING_UNTRUSTED_KEY, "R32",
                      "the %s checkpoint carries no line of the key that was given", which);
    else if (side->log_line != AK_LINE_VALID)
        ak_claim_fail(&h->claim, AK_FINDING_ALTERED, "R7",
                      "the %s checkpoint's line of the log key is not valid%s", which,
                      side->log_line == AK_LINE_NONSTRICT
                          ? ", though only the key's holder can have made it"
                          : "");
    if (side->epoch_line == AK_LINE_INVALID || side->epoch_line == AK_LINE_NONSTRICT)
        ak_claim_fail(&h->claim, AK_FINDING_ALTERED, "R7",
                      "the %s checkpoint's line of the key of epoch %" PRIu32 " is not valid",
                      which, side->epoch);
    else if (side->epoch_line == AK_LINE_NONE && side->log_line == AK_LINE_VALID)
        ak_claim_fail(&h->claim, AK_FINDING_ALTERED, "R6",
                      "the %s checkpoint carries no line of an epoch's key", which);
    return ak_history_binds(side);
}

/* What the hashes in a store say about two checkpoints. */
enum relation {
    PREFIX,      /* they lead to both roots */
    CONTRADICTS, /* they lead to the larger root, and to another one than the smaller's */
    NOT_ANCHORED /* they do not lead to the larger root: nothing is said */
};

static enum relation relate(struct ak_log_tree *tree, const struct ak_history_side *smaller,
                            const struct ak_history_side *larger, struct ak_fork *fork,
                            struct ak_error *err)
{
    uint64_t m = smaller->checkpoint.size;
    uint64_t n = larger->checkpoint.size;
    struct ak_range whole;
    struct ak_hash root;

    memset(fork, 0, sizeof(*fork));
    fork->smaller = *smaller;
    fork->larger = *larger;
    ak_range_init(&fork->before, 0);
    ak_range_init(&fork->after, 0);
    if (m == n)
        return ak_hash_equal(&smaller->checkpoint.root, &larger->checkpoint.root) ? PREFIX
                                                                                  : CONTRADICTS;
    if (tree == NULL || ak_log_tree_range(tree, 0, m, &fork->before, err) != AK_OK ||
        ak_log_tree_range(tree, m, n, &fork->after, err) != AK_OK)
        return NOT_ANCHORED;
    whole = fork->before;
    if (ak_range_merge(&whole, &fork->after, err) != AK_OK ||
        ak_range_root(&whole, &root, err) != AK_OK)
        return NOT_ANCHORED;
    if (!ak_hash_equal(&root, &larger->checkpoint.root)) {
        (void)ak_fail(err, AK_EINTEGRITY,
                      "the hashes in the store do not lead to the root of size %" PRIu64, n);
        return NOT_ANCHORED;
    }
    return ak_range_root(&fork->before, &root, NULL) == AK_OK &&
                   ak_hash_equal(&root, &smaller->checkpoint.root)
               ? PREFIX
               : CONTRADICTS;
}

static void set_fork(struct ak_history *h, const struct ak_fork *fork,
                     enum ak_history_side_number smaller, enum ak_history_side_number larger)
{
    h->forked = true;
    h->fork = *fork;
    h->smaller = smaller;
    h->larger = larger;
    ak_history_tell_fork(&h->claim, fork);
}

/* For those who want to check it with other tools. */
static void make_consistency(struct ak_history *h, struct ak_log_tree *tree,
                             const struct ak_checkpoint *smaller,
                             const struct ak_checkpoint *larger)
{
    h->proven = true;
    if (smaller->size == larger->size)
        return;
    if (ak_consistency_make(smaller->size, larger->size, ak_log_tree_node, tree, h->consistency,
                            AK_PROOF_HASHES_MAX, &h->consistency_count, NULL) != AK_OK ||
        ak_consistency_verify(smaller->size, larger->size, h->consistency, h->consistency_count,
                              &smaller->root, &larger->root, NULL) != AK_OK) {
        h->proven = false;
        h->consistency_count = 0;
        ak_claim_fail(&h->claim, AK_FINDING_ALTERED, "",
                      "the consistency proof out of the store does not come out");
    }
}

/* A checkpoint of the store that the log key has signed. */
static enum ak_code on_store_note(void *ctx, const void *note, size_t len, struct ak_error *err)
{
    struct ak_history *h = ctx;
    struct ak_history_side side = {.note = note, .len = len};
    struct ak_history_trust none = {0};
    char *copy;

    if (ak_history_read(&side, NULL) != AK_OK || strcmp(side.checkpoint.origin, h->key.name) != 0)
        return AK_OK;
    ak_history_judge_lines(&side, &h->key, &none, NULL);
    if (side.log_line != AK_LINE_VALID)
        return AK_OK;
    copy = malloc(len + 1);
    if (copy == NULL)
        return ak_fail(err, AK_ENOMEM, "no memory for a checkpoint");
    memcpy(copy, note, len);
    h->store_note = copy;
    side.note = copy;
    h->side[AK_HISTORY_STORE] = side;
    h->has_store = true;
    return FOUND;
}

/* The store's own checkpoint: the published one if it is right, else one from its end. */
static enum ak_code find_store_side(struct ak_history *h, const struct ak_history_trust *trust,
                                    struct ak_log_tree *tree, struct ak_error *err)
{
    enum ak_code rc = ak_log_tree_checkpoints(tree, ak_log_tree_last(tree), on_store_note, h, err);

    if (rc == AK_ENOTFOUND || rc == FOUND)
        rc = AK_OK;
    if (rc == AK_OK && h->has_store)
        ak_history_judge_lines(&h->side[AK_HISTORY_STORE], &h->key, trust, tree);
    return rc;
}

/* Compares each of the two with what the store's own checkpoint says. */
static void compare_with_store(struct ak_history *h, struct ak_log_tree *tree,
                               const struct ak_error *why)
{
    const struct ak_history_side *store = &h->side[AK_HISTORY_STORE];
    struct ak_error own = {0};
    uint64_t behind = 0;

    for (int i = AK_HISTORY_OLD; h->has_store && i <= AK_HISTORY_NEW && !h->forked; i++) {
        struct ak_fork fork;
        if (h->side[i].checkpoint.size > store->checkpoint.size) {
            behind = h->side[i].checkpoint.size;
            continue;
        }
        if (relate(tree, &h->side[i], store, &fork, &own) == CONTRADICTS)
            set_fork(h, &fork, (enum ak_history_side_number)i, AK_HISTORY_STORE);
    }
    if (h->forked)
        return;
    if (!h->has_store)
        ak_claim_fail(&h->claim, AK_FINDING_UNTRUSTED_KEY, "R32",
                      "the store holds no checkpoint that the given key has signed, and its hashes "
                      "do not lead to the one given: %s",
                      why->text);
    else if (own.code != AK_OK)
        ak_claim_fail(&h->claim, AK_FINDING_ALTERED, "",
                      "the hashes in the store do not lead to its own signed checkpoint: check the "
                      "store first (%s)",
                      own.text);
    else if (behind > 0)
        ak_claim_fail(&h->claim, AK_FINDING_MISSING, "",
                      "the store ends with %" PRIu64 " entries, the checkpoint covers %" PRIu64
                      ": what lies between decides, and is not here",
                      store->checkpoint.size, behind);
    else
        ak_claim_fail(&h->claim, AK_FINDING_ALTERED, "", "%s", why->text);
}

static enum ak_code compare_sizes(struct ak_history *h, const struct ak_history_trust *trust,
                                  struct ak_log_tree *tree, struct ak_error *err)
{
    bool swapped =
        h->side[AK_HISTORY_OLD].checkpoint.size > h->side[AK_HISTORY_NEW].checkpoint.size;
    enum ak_history_side_number small = swapped ? AK_HISTORY_NEW : AK_HISTORY_OLD;
    enum ak_history_side_number large = swapped ? AK_HISTORY_OLD : AK_HISTORY_NEW;
    struct ak_error why = {0};
    struct ak_fork fork;
    enum ak_code rc;

    switch (relate(tree, &h->side[small], &h->side[large], &fork, &why)) {
    case CONTRADICTS:
        set_fork(h, &fork, small, large);
        return AK_OK;
    case PREFIX:
        make_consistency(h, tree, &h->side[small].checkpoint, &h->side[large].checkpoint);
        return AK_OK;
    case NOT_ANCHORED:
        break;
    }
    if (tree == NULL) {
        ak_claim_open(
            &h->claim,
            "the checkpoints are of different sizes: whether the larger one continues the "
            "smaller one is only to be seen with hashes of the log. Give a store that "
            "holds its entries with --store");
        return AK_OK;
    }
    rc = find_store_side(h, trust, tree, err);
    if (rc == AK_OK)
        compare_with_store(h, tree, &why);
    return rc;
}

static bool read_side(struct ak_history *h, enum ak_history_side_number i, const void *note,
                      size_t len, const char *which)
{
    struct ak_error err = {0};

    h->side[i].note = note;
    h->side[i].len = len;
    if (ak_history_read(&h->side[i], &err) == AK_OK)
        return true;
    ak_claim_fail(&h->claim, AK_FINDING_MALFORMED, "R7", "the %s checkpoint: %s", which, err.text);
    return false;
}

enum ak_code ak_history_compare(struct ak_history *h, const void *old_note, size_t old_len,
                                const void *new_note, size_t new_len,
                                const struct ak_history_trust *trust, struct ak_log_tree *tree,
                                struct ak_error *err)
{
    struct ak_history_side *old = &h->side[AK_HISTORY_OLD];
    struct ak_history_side *new = &h->side[AK_HISTORY_NEW];
    bool bound;

    memset(h, 0, sizeof(*h));
    if (!read_side(h, AK_HISTORY_OLD, old_note, old_len, "old") ||
        !read_side(h, AK_HISTORY_NEW, new_note, new_len, "new"))
        return AK_OK;
    if (strcmp(old->checkpoint.origin, new->checkpoint.origin) != 0)
        return ak_fail(err, AK_EUSAGE,
                       "the checkpoints are of two logs, %s and %s: they have no common history",
                       old->checkpoint.origin, new->checkpoint.origin);
    h->key_given = ak_history_key(trust, old->checkpoint.origin, &h->key);
    if (!h->key_given) {
        ak_claim_fail(&h->claim, AK_FINDING_UNTRUSTED_KEY, "", "no key of %s was given",
                      old->checkpoint.origin);
        return AK_OK;
    }
    if (tree != NULL && strcmp(ak_log_tree_origin(tree), h->key.name) != 0)
        return ak_fail(err, AK_EUSAGE, "the store holds %s, the checkpoints are of %s",
                       ak_log_tree_origin(tree), h->key.name);
    bound = judge_side(h, old, "old", trust, tree);
    bound = judge_side(h, new, "new", trust, tree) && bound;
    return bound ? compare_sizes(h, trust, tree, err) : AK_OK;
}

void ak_history_free(struct ak_history *h)
{
    free(h->store_note);
    memset(h, 0, sizeof(*h));
}
