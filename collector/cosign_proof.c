/* cosign_proof.c - every node that a consistency proof asks for lies whole on one side of the old
 * size, and is then a node of that side's compact range. */
#include "cosign_proof.h"

#include <akashi/log_tree.h>

#include <inttypes.h>

struct sides {
    const struct ak_range *left;
    const struct ak_range *right;
};

static bool find(const struct ak_range *range, unsigned level, uint64_t index, struct ak_hash *out)
{
    struct ak_node node[AK_RANGE_HASHES_MAX];
    unsigned n = ak_range_nodes(range->begin, range->end, node);

    for (unsigned i = 0; i < n; i++) {
        if (node[i].level == level && node[i].index == index) {
            *out = range->hash[i];
            return true;
        }
    }
    return false;
}

static enum ak_code on_node(void *ctx, unsigned level, uint64_t index, struct ak_hash *out,
                            struct ak_error *err)
{
    const struct sides *sides = ctx;

    if (find(sides->left, level, index, out) || find(sides->right, level, index, out))
        return AK_OK;
    return ak_fail(err, AK_EINTEGRITY, "node %u/%" PRIu64 " is in neither range", level, index);
}

enum ak_code ak_cosign_proof(const struct ak_range *left, const struct ak_range *right,
                             struct ak_hash *proof, unsigned *n, struct ak_error *err)
{
    struct sides sides = {left, right};

    *n = 0;
    if (left->begin != 0 || left->end != right->begin)
        return ak_fail(err, AK_EINTEGRITY, "the ranges of a proof do not meet");
    return ak_consistency_make(left->end, right->end, on_node, &sides, proof, AK_PROOF_HASHES_MAX,
                               n, err);
}

static enum ak_code learn(const char *path, enum ak_log_tree_manner manner, uint64_t old,
                          uint64_t size, struct ak_range *left, struct ak_range *right,
                          struct ak_error *err)
{
    struct ak_log_tree *tree;
    enum ak_code rc = ak_log_tree_open(&tree, path, NULL, manner, err);

    if (rc != AK_OK)
        return rc;
    rc = ak_log_tree_range(tree, 0, old, left, err);
    if (rc == AK_OK)
        rc = ak_log_tree_range(tree, old, size, right, err);
    ak_log_tree_close(tree);
    return rc;
}

enum ak_code ak_cosign_learn(const char *path, uint64_t old, uint64_t size, struct ak_range *left,
                             struct ak_range *right, struct ak_error *err)
{
    enum ak_code rc = learn(path, AK_LOG_TREE_QUICK, old, size, left, right, err);

    if (rc != AK_OK && rc != AK_ENOMEM) /* damage, or a file that was sealed meanwhile */
        rc = learn(path, AK_LOG_TREE_CAREFUL, old, size, left, right, err);
    return rc;
}
