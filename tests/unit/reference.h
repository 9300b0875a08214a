/* reference.h - the tree as RFC 6962 and RFC 9162 define it, by recursion and step by step, without
 * any of the shortcuts of verifier/: what the library is compared with. */
#ifndef AK_TEST_REFERENCE_H
#define AK_TEST_REFERENCE_H

#include <akashi/sha256.h>

#include <assert.h>
#include <stdbool.h>
#include <stdint.h>

#define REFERENCE_LEAVES 130

/* Largest power of two below n, n > 1. */
static inline uint64_t reference_split(uint64_t n)
{
    uint64_t k = 1;

    while (k * 2 < n)
        k *= 2;
    return k;
}

/* Leaf i is the one byte i. */
static inline struct ak_hash reference_leaf(uint64_t i)
{
    uint8_t byte = (uint8_t)i;
    struct ak_hash hash;

    ak_hash_leaf(&hash, &byte, 1);
    return hash;
}

/* MTH(D[begin:end]), RFC 6962 2.1. */
static inline struct ak_hash reference_root(uint64_t begin, uint64_t end)
{
    struct ak_hash left;
    struct ak_hash right;

    if (begin == end) {
        ak_hash_empty(&left);
        return left;
    }
    if (end - begin == 1)
        return reference_leaf(begin);
    left = reference_root(begin, begin + reference_split(end - begin));
    right = reference_root(begin + reference_split(end - begin), end);
    ak_hash_node(&left, &left, &right);
    return left;
}

/* PATH(i, D[begin:end]), RFC 6962 2.1.1; gives the number of hashes. */
static inline unsigned reference_path(uint64_t i, uint64_t begin, uint64_t end, struct ak_hash *out)
{
    uint64_t middle;
    unsigned n;

    if (end - begin <= 1)
        return 0;
    middle = begin + reference_split(end - begin);
    if (i < middle) {
        n = reference_path(i, begin, middle, out);
        out[n] = reference_root(middle, end);
    } else {
        n = reference_path(i, middle, end, out);
        out[n] = reference_root(begin, middle);
    }
    return n + 1;
}

/* SUBTREE_SUBPROOF of draft-ietf-plants-merkle-tree-certs for [s, e) in [begin, end); with s = 0 it
 * is SUBPROOF of RFC 6962 2.1.2, the consistency proof. */
static inline unsigned reference_subproof(uint64_t s, uint64_t e, uint64_t begin, uint64_t end,
                                          bool known, struct ak_hash *out)
{
    uint64_t middle;
    unsigned n;

    if (s == begin && e == end) {
        if (!known)
            out[0] = reference_root(begin, end);
        return known ? 0 : 1;
    }
    middle = begin + reference_split(end - begin);
    if (e <= middle) {
        n = reference_subproof(s, e, begin, middle, known, out);
        out[n] = reference_root(middle, end);
    } else if (s >= middle) {
        n = reference_subproof(s, e, middle, end, known, out);
        out[n] = reference_root(begin, middle);
    } else {
        assert(s == begin);
        n = reference_subproof(middle, e, middle, end, false, out);
        out[n] = reference_root(begin, middle);
    }
    return n + 1;
}

/* The steps of RFC 9162 2.1.3.2. */
static inline bool reference_inclusion(uint64_t index, uint64_t size, struct ak_hash r,
                                       const struct ak_hash *proof, unsigned n,
                                       const struct ak_hash *root)
{
    uint64_t fn = index;
    uint64_t sn = size - 1;

    if (index >= size)
        return false;
    for (unsigned i = 0; i < n; i++) {
        if (sn == 0)
            return false;
        if ((fn & 1) != 0 || fn == sn) {
            ak_hash_node(&r, &proof[i], &r);
            while ((fn & 1) == 0 && fn != 0) {
                fn >>= 1;
                sn >>= 1;
            }
        } else {
            ak_hash_node(&r, &r, &proof[i]);
        }
        fn >>= 1;
        sn >>= 1;
    }
    return sn == 0 && ak_hash_equal(&r, root);
}

/* The steps of RFC 9162 2.1.4.2, for 0 < first < second. */
static inline bool reference_consistency(uint64_t first, uint64_t second,
                                         const struct ak_hash *proof, unsigned n,
                                         const struct ak_hash *root1, const struct ak_hash *root2)
{
    bool whole = (first & (first - 1)) == 0;
    uint64_t fn = first - 1;
    uint64_t sn = second - 1;
    struct ak_hash fr;
    struct ak_hash sr;

    if (n == 0)
        return false;
    while ((fn & 1) != 0) {
        fn >>= 1;
        sn >>= 1;
    }
    fr = sr = whole ? *root1 : proof[0];
    for (unsigned i = whole ? 0 : 1; i < n; i++) {
        if (sn == 0)
            return false;
        if ((fn & 1) != 0 || fn == sn) {
            ak_hash_node(&fr, &proof[i], &fr);
            ak_hash_node(&sr, &proof[i], &sr);
            while ((fn & 1) == 0 && fn != 0) {
                fn >>= 1;
                sn >>= 1;
            }
        } else {
            ak_hash_node(&sr, &sr, &proof[i]);
        }
        fn >>= 1;
        sn >>= 1;
    }
    return sn == 0 && ak_hash_equal(&fr, root1) && ak_hash_equal(&sr, root2);
}

#endif
