/* range.c - compact ranges: the part of the tree that one must hold to go on, to merge, to prove.
 *
 * The levels of the nodes are not stored: they follow from begin and end. Appending a node makes it
 * the last one; while its left sibling lies in the range too, that sibling is the node before it,
 * and both become their parent. Nothing fails but a range that would leave the tree. */
#include <akashi/tree.h>

#include <assert.h>
#include <stdbool.h>
#include <string.h>

/* Level of the first node of [begin, end): the largest that begins at `begin` and ends in it. */
static unsigned first_level(uint64_t begin, uint64_t end)
{
    unsigned level = 63 - (unsigned)__builtin_clzll(end - begin);
    unsigned aligned = begin == 0 ? level : (unsigned)__builtin_ctzll(begin);

    return aligned < level ? aligned : level;
}

unsigned ak_range_nodes(uint64_t begin, uint64_t end, struct ak_node *out)
{
    unsigned count = 0;

    if (begin > end || end > AK_TREE_SIZE_MAX)
        return 0;
    while (begin < end) {
        unsigned level = first_level(begin, end);
        if (out != NULL) {
            out[count].level = level;
            out[count].index = begin >> level;
        }
        begin += (uint64_t)1 << level;
        count++;
    }
    assert(count < AK_RANGE_HASHES_MAX);
    return count;
}

void ak_range_init(struct ak_range *range, uint64_t begin)
{
    range->begin = begin;
    range->end = begin;
    range->count = 0;
}

enum ak_code ak_range_append_node(struct ak_range *range, unsigned level,
                                  const struct ak_hash *hash)
{
    struct ak_hash top = *hash; /* a copy: `hash` may lie in the range */
    uint64_t end;

    if (level > 62 || (range->end & (((uint64_t)1 << level) - 1)) != 0)
        return AK_EUSAGE;
    if (range->end > AK_TREE_SIZE_MAX || ((uint64_t)1 << level) > AK_TREE_SIZE_MAX - range->end)
        return AK_ELIMIT;
    end = range->end + ((uint64_t)1 << level);
    /* The node is a right child and its parent begins in the range: join it with its sibling. */
    while ((end >> level & 1) == 0 && end - range->begin >= (uint64_t)2 << level) {
        assert(range->count > 0);
        ak_hash_node(&top, &range->hash[--range->count], &top);
        level++;
    }
    assert(range->count < AK_RANGE_HASHES_MAX);
    range->hash[range->count++] = top;
    range->end = end;
    return AK_OK;
}

enum ak_code ak_range_append(struct ak_range *range, const struct ak_hash *leaf)
{
    return ak_range_append_node(range, 0, leaf);
}

enum ak_code ak_range_merge(struct ak_range *left, const struct ak_range *right,
                            struct ak_error *err)
{
    struct ak_node nodes[AK_RANGE_HASHES_MAX];
    unsigned n;

    if (right->begin != left->end || right->end > AK_TREE_SIZE_MAX)
        return ak_fail(err, AK_EUSAGE, "ranges that are merged must be neighbours");
    n = ak_range_nodes(right->begin, right->end, nodes);
    assert(n == right->count);
    for (unsigned i = 0; i < n; i++) {
        enum ak_code rc = ak_range_append_node(left, nodes[i].level, &right->hash[i]);
        assert(rc == AK_OK); /* the nodes of a range are aligned and end within the tree */
        (void)rc;
    }
    return AK_OK;
}

enum ak_code ak_range_root(const struct ak_range *range, struct ak_hash *root, struct ak_error *err)
{
    struct ak_hash sum;

    if (range->begin != 0)
        return ak_fail(err, AK_EUSAGE, "only a range that begins at 0 has a root");
    if (range->count == 0) {
        ak_hash_empty(root);
        return AK_OK;
    }
    sum = range->hash[range->count - 1];
    for (unsigned i = range->count - 1; i > 0; i--)
        ak_hash_node(&sum, &range->hash[i - 1], &sum);
    *root = sum;
    return AK_OK;
}

enum ak_code ak_range_load(struct ak_range *range, uint64_t begin, uint64_t end,
                           const struct ak_hash *hashes, unsigned n, struct ak_error *err)
{
    unsigned want;

    if (end > AK_TREE_SIZE_MAX)
        return ak_fail(err, AK_ELIMIT, "a range ends past 2^63 - 1");
    if (begin > end)
        return ak_fail(err, AK_EMALFORMED, "a range ends before it begins");
    want = ak_range_nodes(begin, end, NULL);
    if (n != want)
        return ak_fail(err, AK_EMALFORMED, "a compact range has %u hashes, it needs %u", n, want);
    range->begin = begin;
    range->end = end;
    range->count = n;
    if (n > 0)
        memcpy(range->hash, hashes, n * sizeof(*hashes));
    return AK_OK;
}

enum ak_code ak_range_proof_verify(const struct ak_range *middle, uint64_t size,
                                   const struct ak_hash *before, unsigned before_count,
                                   const struct ak_hash *after, unsigned after_count,
                                   const struct ak_hash *root, struct ak_error *err)
{
    struct ak_range whole;
    struct ak_range rest;
    struct ak_hash sum;
    enum ak_code rc;

    ak_range_init(&whole, 0);
    ak_range_init(&rest, middle->end);
    rc = ak_range_load(&whole, 0, middle->begin, before, before_count, err);
    if (rc == AK_OK)
        rc = ak_range_load(&rest, middle->end, size, after, after_count, err);
    if (rc == AK_OK)
        rc = ak_range_merge(&whole, middle, err);
    if (rc == AK_OK)
        rc = ak_range_merge(&whole, &rest, err);
    if (rc == AK_OK)
        rc = ak_range_root(&whole, &sum, err);
    if (rc != AK_OK)
        return rc;
    if (!ak_hash_equal(&sum, root))
        return ak_fail(err, AK_EINTEGRITY, "the range does not lead to the root");
    return AK_OK;
}
