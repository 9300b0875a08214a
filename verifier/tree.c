/* tree.c - inclusion and consistency proofs, made and checked.
 *
 * Both kinds are one thing: the path from a node up to the root of a tree of `size` leaves. As long
 * as the path is not at the right border, every level gives one sibling (the inner part); then only
 * left siblings follow (the border). The number of hashes follows from the sizes alone and is
 * demanded exactly, so that no garbage and no missing step is ever hashed.
 *
 * A consistency proof is the path of the largest complete node at the right end of the old tree:
 * the old root is hashed from the left siblings alone, the new one from all. */
#include <akashi/tree.h>

#include <assert.h>
#include <inttypes.h>

/* The path of node (level, index) in a tree of `size` leaves. */
struct path {
    unsigned level;
    uint64_t index;
    unsigned inner;  /* siblings below the fork with the path of the last leaf */
    unsigned border; /* left siblings above it */
};

/* Number of bits of x without leading zeros. */
static unsigned bit_length(uint64_t x)
{
    return x == 0 ? 0 : 64 - (unsigned)__builtin_clzll(x);
}

static struct path path_of(unsigned level, uint64_t index, uint64_t size)
{
    struct path path = {.level = level, .index = index};

    path.inner = bit_length(index ^ ((size - 1) >> level));
    path.border = (unsigned)__builtin_popcountll(index >> path.inner);
    return path;
}

/* The path from which the consistency of `old_size` (not 0) with `new_size` (larger) is shown. Its
 * own node must be part of the proof unless it is the whole old tree. */
static struct path consistency_path(uint64_t old_size, uint64_t new_size, unsigned *seeds)
{
    unsigned level = (unsigned)__builtin_ctzll(old_size);

    *seeds = (old_size & (old_size - 1)) == 0 ? 0 : 1;
    return path_of(level, (old_size - 1) >> level, new_size);
}

/* Root of the tree, hashed from the path's node up. */
static struct ak_hash climb(struct path path, struct ak_hash sum, const struct ak_hash *proof)
{
    for (unsigned i = 0; i < path.inner; i++) {
        if ((path.index >> i & 1) != 0)
            ak_hash_node(&sum, &proof[i], &sum);
        else
            ak_hash_node(&sum, &sum, &proof[i]);
    }
    for (unsigned i = 0; i < path.border; i++)
        ak_hash_node(&sum, &proof[path.inner + i], &sum);
    return sum;
}

/* Root of the tree that ends with the path's node: its left siblings alone. */
static struct ak_hash climb_left(struct path path, struct ak_hash sum, const struct ak_hash *proof)
{
    for (unsigned i = 0; i < path.inner; i++) {
        if ((path.index >> i & 1) != 0)
            ak_hash_node(&sum, &proof[i], &sum);
    }
    for (unsigned i = 0; i < path.border; i++)
        ak_hash_node(&sum, &proof[path.inner + i], &sum);
    return sum;
}

static enum ak_code check_length(unsigned n, unsigned want, struct ak_error *err)
{
    if (n != want)
        return ak_fail(err, AK_EINTEGRITY, "the proof has %u hashes, for these sizes it has %u", n,
                       want);
    return AK_OK;
}

static enum ak_code check_size(uint64_t size, struct ak_error *err)
{
    if (size > AK_TREE_SIZE_MAX)
        return ak_fail(err, AK_ELIMIT, "a tree of %" PRIu64 " leaves is past 2^63 - 1", size);
    return AK_OK;
}

enum ak_code ak_inclusion_verify(uint64_t index, uint64_t size, const struct ak_hash *leaf,
                                 const struct ak_hash *proof, unsigned n,
                                 const struct ak_hash *root, struct ak_error *err)
{
    enum ak_code rc = check_size(size, err);
    struct ak_hash sum;
    struct path path;

    if (rc != AK_OK)
        return rc;
    if (index >= size)
        return ak_fail(err, AK_EINTEGRITY, "index %" PRIu64 " is not in a tree of size %" PRIu64,
                       index, size);
    path = path_of(0, index, size);
    rc = check_length(n, path.inner + path.border, err);
    if (rc != AK_OK)
        return rc;
    sum = climb(path, *leaf, proof);
    if (!ak_hash_equal(&sum, root))
        return ak_fail(err, AK_EINTEGRITY,
                       "the inclusion proof of index %" PRIu64 " does not lead to the root", index);
    return AK_OK;
}

static enum ak_code check_same_size(const struct ak_hash *old_root, const struct ak_hash *new_root,
                                    unsigned n, struct ak_error *err)
{
    enum ak_code rc = check_length(n, 0, err);

    if (rc == AK_OK && !ak_hash_equal(old_root, new_root))
        rc = ak_fail(err, AK_EINTEGRITY, "two roots for one size");
    return rc;
}

enum ak_code ak_consistency_roots(uint64_t old_size, uint64_t new_size, const struct ak_hash *proof,
                                  unsigned n, const struct ak_hash *old_root,
                                  struct ak_hash *old_sum, struct ak_hash *new_sum,
                                  struct ak_error *err)
{
    enum ak_code rc = check_size(new_size, err);
    struct ak_hash seed;
    struct path path;
    unsigned seeds;

    if (rc != AK_OK)
        return rc;
    if (old_size == 0 || old_size >= new_size)
        return ak_fail(err, AK_EUSAGE, "no proof leads from size %" PRIu64 " to size %" PRIu64,
                       old_size, new_size);
    path = consistency_path(old_size, new_size, &seeds);
    rc = check_length(n, seeds + path.inner + path.border, err);
    if (rc != AK_OK)
        return rc;
    seed = seeds == 0 ? *old_root : proof[0];
    *old_sum = climb_left(path, seed, proof + seeds);
    *new_sum = climb(path, seed, proof + seeds);
    return AK_OK;
}

/* 0 < old_size < new_size */
static enum ak_code check_growth(uint64_t old_size, uint64_t new_size, const struct ak_hash *proof,
                                 unsigned n, const struct ak_hash *old_root,
                                 const struct ak_hash *new_root, struct ak_error *err)
{
    struct ak_hash old_sum;
    struct ak_hash new_sum;
    enum ak_code rc =
        ak_consistency_roots(old_size, new_size, proof, n, old_root, &old_sum, &new_sum, err);

    if (rc != AK_OK)
        return rc;
    if (!ak_hash_equal(&old_sum, old_root))
        return ak_fail(err, AK_EINTEGRITY,
                       "the consistency proof does not lead to the root of size %" PRIu64,
                       old_size);
    if (!ak_hash_equal(&new_sum, new_root))
        return ak_fail(err, AK_EINTEGRITY,
                       "the consistency proof does not lead to the root of size %" PRIu64,
                       new_size);
    return AK_OK;
}

enum ak_code ak_consistency_verify(uint64_t old_size, uint64_t new_size,
                                   const struct ak_hash *proof, unsigned n,
                                   const struct ak_hash *old_root, const struct ak_hash *new_root,
                                   struct ak_error *err)
{
    enum ak_code rc = check_size(new_size, err);

    if (rc != AK_OK)
        return rc;
    if (old_size > new_size)
        return ak_fail(err, AK_EINTEGRITY, "size %" PRIu64 " is before size %" PRIu64, new_size,
                       old_size);
    if (old_size == 0)
        return ak_fail(err, AK_EINTEGRITY, "consistency with size 0 says nothing");
    if (old_size == new_size)
        return check_same_size(old_root, new_root, n, err);
    return check_growth(old_size, new_size, proof, n, old_root, new_root, err);
}

enum ak_code ak_consistency_verify_witness(uint64_t old_size, uint64_t new_size,
                                           const struct ak_hash *proof, unsigned n,
                                           const struct ak_hash *old_root,
                                           const struct ak_hash *new_root, struct ak_error *err)
{
    enum ak_code rc = check_size(new_size, err);
    struct ak_hash empty;

    if (rc != AK_OK)
        return rc;
    if (old_size > 0)
        return ak_consistency_verify(old_size, new_size, proof, n, old_root, new_root, err);
    rc = check_length(n, 0, err);
    if (rc != AK_OK)
        return rc;
    ak_hash_empty(&empty);
    if (!ak_hash_equal(old_root, &empty) || (new_size == 0 && !ak_hash_equal(new_root, &empty)))
        return ak_fail(err, AK_EINTEGRITY, "the root of size 0 is not that of an empty tree");
    return AK_OK;
}

/* Root of the incomplete subtree over [begin, size), hashed from its complete nodes. */
static enum ak_code partial_root(uint64_t begin, uint64_t size, ak_node_fn node, void *ctx,
                                 struct ak_hash *out, struct ak_error *err)
{
    struct ak_node nodes[AK_RANGE_HASHES_MAX];
    unsigned n = ak_range_nodes(begin, size, nodes);
    struct ak_hash sum;
    struct ak_hash left;
    enum ak_code rc;

    assert(n > 0);
    rc = node(ctx, nodes[n - 1].level, nodes[n - 1].index, &sum, err);
    for (unsigned i = n - 1; rc == AK_OK && i > 0; i--) {
        rc = node(ctx, nodes[i - 1].level, nodes[i - 1].index, &left, err);
        if (rc == AK_OK)
            ak_hash_node(&sum, &left, &sum);
    }
    if (rc == AK_OK)
        *out = sum;
    return rc;
}

/* The siblings of a path, in the order of a proof. Only the sibling at the fork may be incomplete:
 * below it all lies left of the last leaf's path, above it only left siblings are asked for. */
static enum ak_code path_siblings(struct path path, uint64_t size, ak_node_fn node, void *ctx,
                                  struct ak_hash *out, struct ak_error *err)
{
    enum ak_code rc = AK_OK;

    for (unsigned i = 0; rc == AK_OK && i < path.inner; i++) {
        uint64_t sibling = (path.index >> i) ^ 1;
        unsigned level = path.level + i;
        if (i + 1 == path.inner)
            rc = partial_root(sibling << level, size, node, ctx, out++, err);
        else
            rc = node(ctx, level, sibling, out++, err);
    }
    for (unsigned i = path.inner; rc == AK_OK && path.level + i < 63; i++) {
        if ((path.index >> i & 1) != 0)
            rc = node(ctx, path.level + i, (path.index >> i) - 1, out++, err);
    }
    return rc;
}

enum ak_code ak_inclusion_make(uint64_t index, uint64_t size, ak_node_fn node, void *ctx,
                               struct ak_hash *out, unsigned cap, unsigned *n, struct ak_error *err)
{
    enum ak_code rc = check_size(size, err);
    struct path path;

    *n = 0;
    if (rc != AK_OK)
        return rc;
    if (index >= size)
        return ak_fail(err, AK_EUSAGE, "index %" PRIu64 " is not in a tree of size %" PRIu64, index,
                       size);
    path = path_of(0, index, size);
    if (path.inner + path.border > cap)
        return ak_fail(err, AK_ELIMIT, "no room for a proof of %u hashes",
                       path.inner + path.border);
    rc = path_siblings(path, size, node, ctx, out, err);
    if (rc == AK_OK)
        *n = path.inner + path.border;
    return rc;
}

enum ak_code ak_consistency_make(uint64_t old_size, uint64_t new_size, ak_node_fn node, void *ctx,
                                 struct ak_hash *out, unsigned cap, unsigned *n,
                                 struct ak_error *err)
{
    enum ak_code rc = check_size(new_size, err);
    struct path path;
    unsigned seeds;

    *n = 0;
    if (rc != AK_OK)
        return rc;
    if (old_size == 0 || old_size > new_size)
        return ak_fail(err, AK_EUSAGE,
                       "there is no consistency proof from size %" PRIu64 " to %" PRIu64, old_size,
                       new_size);
    if (old_size == new_size)
        return AK_OK;
    path = consistency_path(old_size, new_size, &seeds);
    if (seeds + path.inner + path.border > cap)
        return ak_fail(err, AK_ELIMIT, "no room for a proof of %u hashes",
                       seeds + path.inner + path.border);
    if (seeds == 1)
        rc = node(ctx, path.level, path.index, out, err);
    if (rc == AK_OK)
        rc = path_siblings(path, new_size, node, ctx, out + seeds, err);
    if (rc == AK_OK)
        *n = seeds + path.inner + path.border;
    return rc;
}
