/* tree.c - roots and compact ranges, compared with the recursive definition. */
#include <akashi/base64.h>
#include <akashi/tree.h>

#include "reference.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define N REFERENCE_LEAVES

static void check_hash(const struct ak_hash *hash, const char *hex)
{
    char text[2 * AK_HASH_BYTES + 1];

    (void)ak_hex_encode(text, sizeof(text), hash->b, AK_HASH_BYTES);
    assert_string_equal(text, hex);
}

static void append_leaves(struct ak_range *range, uint64_t end)
{
    while (range->end < end) {
        struct ak_hash leaf = reference_leaf(range->end);
        assert_int_equal(ak_range_append(range, &leaf), AK_OK);
    }
}

static void assert_same(const struct ak_range *a, const struct ak_range *b)
{
    assert_true(a->begin == b->begin && a->end == b->end);
    assert_int_equal(a->count, b->count);
    assert_memory_equal(a->hash, b->hash, a->count * sizeof(a->hash[0]));
}

/* The eight leaves with which the Certificate Transparency projects test. */
static void roots_of_eight(void **state)
{
    static const struct {
        const char *leaf; /* hexadecimal */
        const char *root; /* of the tree up to here */
    } cases[] = {
        {"", "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d"},
        {"00", "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"},
        {"10", "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77"},
        {"2021", "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7"},
        {"3031", "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4"},
        {"40414243", "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef"},
        {"5051525354555657", "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c"},
        {"606162636465666768696a6b6c6d6e6f",
         "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328"},
    };
    struct ak_range range;
    struct ak_hash hash;
    uint8_t data[16];

    (void)state;
    ak_range_init(&range, 0);
    assert_int_equal(ak_range_root(&range, &hash, NULL), AK_OK);
    check_hash(&hash, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        size_t n = strlen(cases[i].leaf) / 2;
        assert_int_equal(ak_hex_decode(data, n, cases[i].leaf, 2 * n, NULL), AK_OK);
        ak_hash_leaf(&hash, data, n);
        assert_int_equal(ak_range_append(&range, &hash), AK_OK);
        assert_int_equal(ak_range_root(&range, &hash, NULL), AK_OK);
        check_hash(&hash, cases[i].root);
    }
}

/* Every range of up to 130 leaves consists of the nodes it should, each with the hash it should
 * have, and ends where it should; no two neighbours could be one. */
static void nodes_by_definition(void **state)
{
    (void)state;
    for (uint64_t begin = 0; begin <= N; begin++) {
        struct ak_range range;
        ak_range_init(&range, begin);
        for (uint64_t end = begin; end <= N; end++) {
            struct ak_node nodes[AK_RANGE_HASHES_MAX];
            unsigned n = ak_range_nodes(begin, end, nodes);
            uint64_t at = begin;
            append_leaves(&range, end);
            assert_int_equal(range.count, n);
            for (unsigned i = 0; i < n; i++) {
                uint64_t width = UINT64_C(1) << nodes[i].level;
                struct ak_hash want = reference_root(at, at + width);
                assert_true(nodes[i].index * width == at);
                assert_true(ak_hash_equal(&range.hash[i], &want));
                at += width;
                /* The parent would leave the range: else it stood here. */
                assert_true((nodes[i].index & ~UINT64_C(1)) * width < begin ||
                            ((nodes[i].index | 1) + 1) * width > end);
            }
            assert_true(at == end);
        }
    }
}

/* [a, b) and [b, c) merge into [a, c), for all a <= b <= c <= 130, and [0, c) has the root of the
 * recursive definition. */
static void merges(void **state)
{
    static struct ak_range ranges[N + 1][N + 1];
    struct ak_range joined;
    struct ak_hash root;

    (void)state;
    for (uint64_t a = 0; a <= N; a++) {
        ak_range_init(&joined, a);
        for (uint64_t b = a; b <= N; b++) {
            append_leaves(&joined, b);
            ranges[a][b] = joined;
        }
    }
    for (uint64_t a = 0; a <= N; a++) {
        for (uint64_t b = a; b <= N; b++) {
            for (uint64_t c = b; c <= N; c++) {
                joined = ranges[a][b];
                assert_int_equal(ak_range_merge(&joined, &ranges[b][c], NULL), AK_OK);
                assert_same(&joined, &ranges[a][c]);
            }
        }
    }
    for (uint64_t c = 0; c <= N; c++) {
        struct ak_hash want = reference_root(0, c);
        assert_int_equal(ak_range_root(&ranges[0][c], &root, NULL), AK_OK);
        assert_true(ak_hash_equal(&root, &want));
    }
}

/* Exactly the leaves [a, b) at their place, with the two outer ranges, give the root; a hash more
 * or less, a range shifted or one leaf changed does not. */
static void range_proofs(void **state)
{
    const uint64_t size = 41;
    struct ak_hash root = reference_root(0, size);

    (void)state;
    for (uint64_t a = 0; a <= size; a++) {
        for (uint64_t b = a; b <= size; b++) {
            struct ak_range before;
            struct ak_range middle;
            struct ak_range after;
            ak_range_init(&before, 0);
            append_leaves(&before, a);
            ak_range_init(&middle, a);
            append_leaves(&middle, b);
            ak_range_init(&after, b);
            append_leaves(&after, size);
            assert_int_equal(ak_range_proof_verify(&middle, size, before.hash, before.count,
                                                   after.hash, after.count, &root, NULL),
                             AK_OK);
            assert_int_equal(ak_range_proof_verify(&middle, size, before.hash, before.count + 1,
                                                   after.hash, after.count, &root, NULL),
                             AK_EMALFORMED);
            assert_int_equal(ak_range_proof_verify(&middle, size, before.hash, before.count,
                                                   after.hash, after.count + 1, &root, NULL),
                             AK_EMALFORMED);
            if (b > a) {
                middle.hash[middle.count - 1].b[31] ^= 1;
                assert_int_equal(ak_range_proof_verify(&middle, size, before.hash, before.count,
                                                       after.hash, after.count, &root, NULL),
                                 AK_EINTEGRITY);
            }
        }
    }
}

/* A range past the tree's end, and sizes past 2^63 - 1, are refused and change nothing. */
static void limits(void **state)
{
    struct ak_hash hash = reference_leaf(0);
    struct ak_hash many[AK_RANGE_HASHES_MAX];
    struct ak_range range;
    struct ak_range other;

    (void)state;
    memset(many, 0, sizeof(many));
    ak_range_init(&range, AK_TREE_SIZE_MAX - 1);
    assert_int_equal(ak_range_append(&range, &hash), AK_OK);
    assert_int_equal(ak_range_append(&range, &hash), AK_ELIMIT);
    assert_true(range.end == AK_TREE_SIZE_MAX);
    ak_range_init(&range, UINT64_MAX);
    assert_int_equal(ak_range_append(&range, &hash), AK_ELIMIT);
    ak_range_init(&range, 0);
    assert_int_equal(ak_range_append_node(&range, 63, &hash), AK_EUSAGE);
    assert_int_equal(ak_range_append_node(&range, 62, &hash), AK_OK);
    assert_int_equal(ak_range_append_node(&range, 62, &hash), AK_ELIMIT);
    assert_int_equal(ak_range_append_node(&range, 63, &hash), AK_EUSAGE);
    assert_int_equal(ak_range_append_node(&range, 64, &hash), AK_EUSAGE);
    ak_range_init(&range, 2);
    assert_int_equal(ak_range_append_node(&range, 2, &hash), AK_EUSAGE);
    assert_true(range.count == 0 && range.end == 2);
    assert_int_equal(ak_range_append_node(&range, 1, &hash), AK_OK);
    ak_range_init(&other, 5);
    assert_int_equal(ak_range_merge(&range, &other, NULL), AK_EUSAGE);
    assert_int_equal(ak_range_root(&range, &hash, NULL), AK_EUSAGE);
    assert_int_equal(ak_range_load(&range, 0, UINT64_C(1) << 63, many, 1, NULL), AK_ELIMIT);
    assert_int_equal(ak_range_load(&range, 3, 2, many, 0, NULL), AK_EMALFORMED);
    assert_int_equal(ak_range_load(&range, 0, 7, many, 2, NULL), AK_EMALFORMED);
    assert_int_equal(ak_range_load(&range, 0, 7, many, 4, NULL), AK_EMALFORMED);
    assert_int_equal(ak_range_load(&range, 0, 7, many, 3, NULL), AK_OK);
    assert_int_equal(ak_range_nodes(0, UINT64_C(1) << 63, NULL), 0);
    assert_int_equal(ak_range_nodes(2, 1, NULL), 0);
}

/* The largest ranges stay within AK_RANGE_HASHES_MAX, also when they are merged. */
static void widest(void **state)
{
    static struct ak_hash many[AK_RANGE_HASHES_MAX];
    const uint64_t middle = UINT64_C(1) << 62;
    struct ak_range left;
    struct ak_range right;

    (void)state;
    assert_int_equal(ak_range_nodes(1, AK_TREE_SIZE_MAX, NULL), 62 + 62);
    assert_int_equal(ak_range_load(&left, 1, middle, many, 62, NULL), AK_OK);
    assert_int_equal(ak_range_load(&right, middle, AK_TREE_SIZE_MAX, many, 62, NULL), AK_OK);
    assert_int_equal(ak_range_merge(&left, &right, NULL), AK_OK);
    assert_int_equal(left.count, 62 + 62);
    assert_int_equal(ak_range_load(&left, 0, AK_TREE_SIZE_MAX, many, 63, NULL), AK_OK);
}

/* [begin, end) of leaves hashed with the library as a tree of its own: complete subtrees begin at a
 * multiple of their width, so they do not see where they stand. */
static struct ak_hash subtree_hash(uint64_t begin, uint64_t end)
{
    struct ak_range range;
    struct ak_hash root;

    ak_range_init(&range, 0);
    for (uint64_t i = begin; i < end; i++) {
        struct ak_hash leaf = reference_leaf(i);
        assert_int_equal(ak_range_append(&range, &leaf), AK_OK);
    }
    assert_int_equal(ak_range_root(&range, &root, NULL), AK_OK);
    return root;
}

static bool is_subtree(uint64_t begin, uint64_t end)
{
    uint64_t width = 1;

    while (width < end - begin)
        width *= 2;
    return begin % width == 0;
}

static void roll(struct ak_sha256_ctx *ctx, const char *prefix, const struct ak_hash *hashes,
                 unsigned n)
{
    char text[2 * AK_HASH_BYTES + 1];

    ak_sha256_update(ctx, prefix, strlen(prefix));
    for (unsigned i = 0; i < n; i++) {
        (void)ak_hex_encode(text, sizeof(text), hashes[i].b, AK_HASH_BYTES);
        ak_sha256_update(ctx, " ", 1);
        ak_sha256_update(ctx, text, strlen(text));
    }
    ak_sha256_update(ctx, "\n", 1);
}

static void check_rolled(struct ak_sha256_ctx *ctx, const char *hex)
{
    struct ak_hash hash;

    ak_sha256_final(ctx, &hash);
    check_hash(&hash, hex);
}

/* Gives the complete nodes of D[offset:]. */
static enum ak_code on_node(void *ctx, unsigned level, uint64_t index, struct ak_hash *out,
                            struct ak_error *err)
{
    uint64_t offset = *(const uint64_t *)ctx;

    (void)err;
    *out = reference_root(offset + (index << level), offset + ((index + 1) << level));
    return AK_OK;
}

/* The accumulated vectors of draft-ietf-plants-merkle-tree-certs: the hash of every valid subtree
 * of up to 130 leaves. Published with and without the empty subtrees. */
static void rolled_hashes(void **state)
{
    struct ak_sha256_ctx with;
    struct ak_sha256_ctx without;
    char prefix[64];

    (void)state;
    ak_sha256_init(&with);
    ak_sha256_init(&without);
    for (unsigned e = 0; e <= N; e++) {
        for (unsigned s = 0; s <= e; s++) {
            struct ak_hash hash;
            if (!is_subtree(s, e))
                continue;
            hash = subtree_hash(s, e);
            (void)snprintf(prefix, sizeof(prefix), "[%u, %u)", s, e);
            roll(&with, prefix, &hash, 1);
            if (s < e)
                roll(&without, prefix, &hash, 1);
        }
    }
    check_rolled(&with, "b82806ad4265bb151c1119c0f4db437bb4d1a1f887b3a7fba1cd4ebf552e3e81");
    check_rolled(&without, "94a95384a8c69acea9b50d035a58285b3a777cb7a724005faa5e1f1e1190007f");
}

/* The same for all inclusion proofs, made by the library. */
static void rolled_inclusion(void **state)
{
    struct ak_hash proof[AK_PROOF_HASHES_MAX];
    struct ak_sha256_ctx ctx;
    char prefix[64];
    unsigned n;

    (void)state;
    ak_sha256_init(&ctx);
    for (unsigned e = 0; e <= N; e++) {
        for (unsigned s = 0; s <= e; s++) {
            uint64_t offset = s;
            for (unsigned i = s; is_subtree(s, e) && i < e; i++) {
                assert_int_equal(ak_inclusion_make(i - s, e - s, on_node, &offset, proof,
                                                   AK_PROOF_HASHES_MAX, &n, NULL),
                                 AK_OK);
                (void)snprintf(prefix, sizeof(prefix), "%u [%u, %u)", i, s, e);
                roll(&ctx, prefix, proof, n);
            }
        }
    }
    check_rolled(&ctx, "ac2a8f989e44d99e399db448050ff5f19757df53cfb716aa81015d3955d8163f");
}

/* The same for all subtree consistency proofs. The library makes those that begin at 0, which is
 * what RFC 6962 has; the others come from the reference, which is thereby checked itself. */
static void rolled_consistency(void **state)
{
    struct ak_hash proof[AK_PROOF_HASHES_MAX];
    struct ak_sha256_ctx with;
    struct ak_sha256_ctx without;
    uint64_t offset = 0;
    char prefix[64];
    unsigned n;

    (void)state;
    ak_sha256_init(&with);
    ak_sha256_init(&without);
    for (unsigned size = 0; size <= N; size++) {
        for (unsigned e = 0; e <= size; e++) {
            for (unsigned s = 0; s <= e; s++) {
                if (!is_subtree(s, e))
                    continue;
                n = 0;
                if (s == 0 && e > 0)
                    assert_int_equal(ak_consistency_make(e, size, on_node, &offset, proof,
                                                         AK_PROOF_HASHES_MAX, &n, NULL),
                                     AK_OK);
                else if (s < e)
                    n = reference_subproof(s, e, 0, size, true, proof);
                (void)snprintf(prefix, sizeof(prefix), "[%u, %u) %u", s, e, size);
                roll(&with, prefix, proof, n);
                if (s < e)
                    roll(&without, prefix, proof, n);
            }
        }
    }
    check_rolled(&with, "10fa99b37bf9bf9ffa26b412fbd98bd75363256d0b75d61bc4538b9c9c5a0a74");
    check_rolled(&without, "c586ebbb73a5621baf2140095d87dde934e3b6503a562a1a5215b8209edd083d");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(roots_of_eight),
        cmocka_unit_test(nodes_by_definition),
        cmocka_unit_test(merges),
        cmocka_unit_test(range_proofs),
        cmocka_unit_test(limits),
        cmocka_unit_test(widest),
        cmocka_unit_test(rolled_hashes),
        cmocka_unit_test(rolled_inclusion),
        cmocka_unit_test(rolled_consistency),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
