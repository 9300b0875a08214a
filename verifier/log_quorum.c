/* log_quorum.c - up to where a log is under a policy's quorum.
 *
 * Every checkpoint that is offered is judged by the log's key, by the key of its epoch and by the
 * policy; the largest counts whose root comes out of the log's own hashes. */
#include "log_quorum.h"

#include <akashi/epoch.h>

#include <stdlib.h>
#include <string.h>

struct looking {
    struct ak_log_tree *tree;
    const struct ak_vkey *key;
    const struct ak_policy *policy;
    struct ak_log_quorum *quorum;
};

/* By both keys (R6); the epoch's note is the one in force at its last entry. */
static bool signed_well(const struct looking *l, const void *note, size_t len, bool search,
                        struct ak_log_checkpoint *cp)
{
    struct ak_epoch_note epoch;
    uint8_t *start = NULL;
    size_t start_len;
    bool good = ak_log_checkpoint_verify(l->key, NULL, note, len, cp, NULL) == AK_OK &&
                ak_log_tree_epoch_note(l->tree, cp->checkpoint.size - 1, search, &start, &start_len,
                                       NULL) == AK_OK &&
                ak_epoch_note_verify(&epoch, start, start_len, l->key, NULL, NULL) == AK_OK &&
                ak_log_checkpoint_verify(l->key, &epoch.key, note, len, cp, NULL) == AK_OK;

    free(start);
    return good;
}

/* Whether the log's hashes lead to its root. */
static bool root_comes_out(const struct looking *l, const struct ak_checkpoint *checkpoint)
{
    struct ak_range range;
    struct ak_hash root;

    return ak_log_tree_range(l->tree, 0, checkpoint->size, &range, NULL) == AK_OK &&
           ak_range_root(&range, &root, NULL) == AK_OK && ak_hash_equal(&root, &checkpoint->root);
}

static enum ak_code on_note(void *ctx, const void *note, size_t len, struct ak_error *err)
{
    struct looking *l = ctx;
    struct ak_log_checkpoint cp;
    struct ak_quorum quorum;
    struct ak_note parsed;

    (void)err;
    if (ak_note_parse(&parsed, note, len, NULL) != AK_OK ||
        ak_policy_judge(l->policy, &parsed, &quorum, NULL) != AK_OK || !quorum.met)
        return AK_OK;
    if ((!signed_well(l, note, len, false, &cp) && !signed_well(l, note, len, true, &cp)) ||
        cp.checkpoint.size < l->quorum->size || !root_comes_out(l, &cp.checkpoint))
        return AK_OK;
    if (cp.checkpoint.size > l->quorum->size || quorum.existed_by < l->quorum->existed_by)
        *l->quorum = (struct ak_log_quorum){cp.checkpoint.size, quorum.existed_by};
    return AK_OK;
}

enum ak_code ak_log_quorum_find(const char *path, const struct ak_check_options *check,
                                struct ak_log_quorum *quorum, struct ak_error *err)
{
    struct looking l = {.policy = check->policy, .quorum = quorum};
    enum ak_code rc = ak_log_tree_open(&l.tree, path, NULL, AK_LOG_TREE_QUICK, err);

    *quorum = (struct ak_log_quorum){0};
    if (rc != AK_OK)
        return rc;
    for (size_t i = 0; i < check->key_count && l.key == NULL; i++) {
        if (strcmp(check->keys[i].name, ak_log_tree_origin(l.tree)) == 0)
            l.key = &check->keys[i];
    }
    if (l.key != NULL)
        rc = ak_log_tree_checkpoints(l.tree, ak_log_tree_last(l.tree), on_note, &l, err);
    for (size_t i = 0; rc == AK_OK && l.key != NULL && i < check->kept_count; i++)
        rc = on_note(&l, check->kept[i].note, check->kept[i].len, err);
    ak_log_tree_close(l.tree);
    return rc;
}
