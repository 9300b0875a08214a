/* tree.h - the Merkle tree of RFC 6962 2.1 and RFC 9162 2.1: compact ranges and proofs.
 *
 * Node (level, index) is the root of the 2^level leaves from index * 2^level on. A compact range
 * [begin, end) is the unique list, from left to right, of the largest such nodes that tile it
 * (format.md 2). Ranges grow at the right and merge with a right neighbour; one that begins at 0
 * has a root. Everything is a value: nothing here allocates. */
#ifndef AKASHI_TREE_H
#define AKASHI_TREE_H

#include <akashi/error.h>
#include <akashi/sha256.h>

#include <stdint.h>

/* Sizes and indices stay below 2^63, as in the public proof formats (format.md 1). */
#define AK_TREE_SIZE_MAX ((uint64_t)INT64_MAX)

/* A range has at most 62 nodes that rise in level and 63 that fall. */
#define AK_RANGE_HASHES_MAX 128

/* An inclusion proof has one hash a level, a consistency proof one more at most. */
#define AK_PROOF_HASHES_MAX 64

struct ak_range {
    uint64_t begin; /* first leaf */
    uint64_t end;   /* leaf behind the last one */
    unsigned count; /* nodes; follows from begin and end */
    struct ak_hash hash[AK_RANGE_HASHES_MAX];
};

/* Where a node stands in the tree. */
struct ak_node {
    unsigned level;
    uint64_t index; /* among the nodes of its level */
};

/* Gives the hash of a complete node, or a code. */
typedef enum ak_code (*ak_node_fn)(void *ctx, unsigned level, uint64_t index, struct ak_hash *out,
                                   struct ak_error *err);

/* The empty range [begin, begin). */
void ak_range_init(struct ak_range *range, uint64_t begin);

/* Appends the leaf with index `range->end`, given by its leaf hash. AK_ELIMIT, and the range as it
 * was, if the range would end past AK_TREE_SIZE_MAX. */
enum ak_code ak_range_append(struct ak_range *range, const struct ak_hash *leaf);

/* Appends 2^level leaves by the hash of their node. AK_EUSAGE if no node of that level begins at
 * `range->end`; AK_ELIMIT if the range would end past AK_TREE_SIZE_MAX; the range is then as it
 * was. */
enum ak_code ak_range_append_node(struct ak_range *range, unsigned level,
                                  const struct ak_hash *hash);

/* Appends all of `right`, which must begin where `left` ends (else AK_EUSAGE, `left` unchanged). */
enum ak_code ak_range_merge(struct ak_range *left, const struct ak_range *right,
                            struct ak_error *err);

/* Root of the tree of `range->end` leaves; H("") for none. AK_EUSAGE if the range does not begin
 * at 0. */
enum ak_code ak_range_root(const struct ak_range *range, struct ak_hash *root,
                           struct ak_error *err);

/* Makes a range of hashes that were read. AK_EMALFORMED unless there are exactly as many as
 * [begin, end) has nodes, or if begin > end; AK_ELIMIT if end > AK_TREE_SIZE_MAX. */
enum ak_code ak_range_load(struct ak_range *range, uint64_t begin, uint64_t end,
                           const struct ak_hash *hashes, unsigned n, struct ak_error *err);

/* Lists the nodes of [begin, end) from left to right and gives their number. `out` has room for
 * AK_RANGE_HASHES_MAX, or is NULL to count only. begin <= end <= AK_TREE_SIZE_MAX is required:
 * otherwise 0. */
unsigned ak_range_nodes(uint64_t begin, uint64_t end, struct ak_node *out);

/* Shows that exactly the leaves hashed into `middle` stand at [middle->begin, middle->end) in the
 * tree of `size` leaves with this `root`: `before` and `after` are the hashes of the compact ranges
 * [0, begin) and [end, size). AK_EINTEGRITY if the root differs; AK_EMALFORMED if a range has
 * another number of hashes or ends past the tree; AK_ELIMIT if size is past AK_TREE_SIZE_MAX. */
enum ak_code ak_range_proof_verify(const struct ak_range *middle, uint64_t size,
                                   const struct ak_hash *before, unsigned before_count,
                                   const struct ak_hash *after, unsigned after_count,
                                   const struct ak_hash *root, struct ak_error *err);

/* RFC 9162 2.1.3.2: the leaf hash stands at `index` in the tree of `size` leaves with this `root`.
 * AK_EINTEGRITY for whatever does not prove it: index outside of the tree, another number of hashes
 * than the path has, another root. AK_ELIMIT if size is past AK_TREE_SIZE_MAX. */
enum ak_code ak_inclusion_verify(uint64_t index, uint64_t size, const struct ak_hash *leaf,
                                 const struct ak_hash *proof, unsigned n,
                                 const struct ak_hash *root, struct ak_error *err);

/* RFC 9162 2.1.4.2: the tree of `new_size` leaves begins with the tree of `old_size` leaves.
 * AK_EINTEGRITY for whatever does not prove it, a proof from size 0 too: every tree begins with the
 * empty one, so such a proof says nothing. AK_ELIMIT if a size is past AK_TREE_SIZE_MAX. */
enum ak_code ak_consistency_verify(uint64_t old_size, uint64_t new_size,
                                   const struct ak_hash *proof, unsigned n,
                                   const struct ak_hash *old_root, const struct ak_hash *new_root,
                                   struct ak_error *err);

/* The roots that a consistency proof leads to, for 0 < old_size < new_size: `*old_sum` and
 * `*new_sum`. Where old_size is a power of two the old root is no part of the proof, is taken from
 * `old_root`, and comes out as it went in. A proof with the new root and another old one shows that
 * two histories were signed. AK_EINTEGRITY for another number of hashes than the sizes ask for;
 * AK_EUSAGE for other sizes; AK_ELIMIT. */
enum ak_code ak_consistency_roots(uint64_t old_size, uint64_t new_size, const struct ak_hash *proof,
                                  unsigned n, const struct ak_hash *old_root,
                                  struct ak_hash *old_sum, struct ak_hash *new_sum,
                                  struct ak_error *err);

/* The rule of C2SP tlog-witness: as above, but from size 0 an empty proof is accepted when
 * `old_root` is the root of the empty tree (and `new_root` too if `new_size` is 0). */
enum ak_code ak_consistency_verify_witness(uint64_t old_size, uint64_t new_size,
                                           const struct ak_hash *proof, unsigned n,
                                           const struct ak_hash *old_root,
                                           const struct ak_hash *new_root, struct ak_error *err);

/* Makes the proof that ak_inclusion_verify accepts. `node` is only asked for complete nodes of the
 * tree of `size` leaves; what it returns is passed on. `*n` becomes the number of hashes;
 * AK_PROOF_HASHES_MAX are always enough. AK_EUSAGE if index >= size, AK_ELIMIT if size is past
 * AK_TREE_SIZE_MAX or `cap` is too small. */
enum ak_code ak_inclusion_make(uint64_t index, uint64_t size, ak_node_fn node, void *ctx,
                               struct ak_hash *out, unsigned cap, unsigned *n,
                               struct ak_error *err);

/* The same for ak_consistency_verify; no hashes if the sizes are equal. AK_EUSAGE if old_size is 0
 * or above new_size. */
enum ak_code ak_consistency_make(uint64_t old_size, uint64_t new_size, ak_node_fn node, void *ctx,
                                 struct ak_hash *out, unsigned cap, unsigned *n,
                                 struct ak_error *err);

#endif
