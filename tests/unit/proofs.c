/* proofs.c - inclusion and consistency proofs: made, checked, and forged in every known way. */
#include <akashi/base64.h>
#include <akashi/tree.h>

#include "reference.h"
#include "vectors.h"

#include <fts.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define N REFERENCE_LEAVES

/* A tree of `size` leaves, and how often it was asked for nodes. */
struct tree {
    uint64_t size;
    unsigned asked;
};

/* Gives complete nodes and insists on being asked for no others. */
static enum ak_code on_node(void *ctx, unsigned level, uint64_t index, struct ak_hash *out,
                            struct ak_error *err)
{
    struct tree *tree = ctx;

    (void)err;
    tree->asked++;
    assert_true((index + 1) << level <= tree->size);
    *out = reference_root(index << level, (index + 1) << level);
    return AK_OK;
}

struct proof {
    unsigned n;
    struct ak_hash hash[AK_PROOF_HASHES_MAX + 1];
};

static struct proof make_inclusion(uint64_t index, uint64_t size)
{
    struct tree tree = {size, 0};
    struct proof proof;

    assert_int_equal(ak_inclusion_make(index, size, on_node, &tree, proof.hash, AK_PROOF_HASHES_MAX,
                                       &proof.n, NULL),
                     AK_OK);
    return proof;
}

static struct proof make_consistency(uint64_t old_size, uint64_t new_size)
{
    struct tree tree = {new_size, 0};
    struct proof proof;

    assert_int_equal(ak_consistency_make(old_size, new_size, on_node, &tree, proof.hash,
                                         AK_PROOF_HASHES_MAX, &proof.n, NULL),
                     AK_OK);
    return proof;
}

/* Every inclusion proof up to 130 leaves is the one of RFC 6962 and is accepted. */
static void inclusion_all(void **state)
{
    (void)state;
    for (uint64_t size = 1; size <= N; size++) {
        struct ak_hash root = reference_root(0, size);
        for (uint64_t i = 0; i < size; i++) {
            struct proof proof = make_inclusion(i, size);
            struct ak_hash leaf = reference_leaf(i);
            struct ak_hash want[AK_PROOF_HASHES_MAX];
            assert_int_equal(reference_path(i, 0, size, want), proof.n);
            assert_memory_equal(want, proof.hash, proof.n * sizeof(want[0]));
            assert_int_equal(ak_inclusion_verify(i, size, &leaf, proof.hash, proof.n, &root, NULL),
                             AK_OK);
        }
    }
}

/* Every consistency proof up to 130 leaves is the one of RFC 6962 and is accepted, also by the rule
 * of witnesses. */
static void consistency_all(void **state)
{
    (void)state;
    for (uint64_t size = 1; size <= N; size++) {
        struct ak_hash root = reference_root(0, size);
        for (uint64_t old = 1; old <= size; old++) {
            struct proof proof = make_consistency(old, size);
            struct ak_hash old_root = reference_root(0, old);
            struct ak_hash want[AK_PROOF_HASHES_MAX];
            assert_int_equal(reference_subproof(0, old, 0, size, true, want), proof.n);
            assert_memory_equal(want, proof.hash, proof.n * sizeof(want[0]));
            assert_int_equal(
                ak_consistency_verify(old, size, proof.hash, proof.n, &old_root, &root, NULL),
                AK_OK);
            assert_int_equal(ak_consistency_verify_witness(old, size, proof.hash, proof.n,
                                                           &old_root, &root, NULL),
                             AK_OK);
        }
    }
}

/* The library and the steps of RFC 9162 give one answer for every claimed (index, size) and proof
 * length. The proofs are true ones of the size at hand, judged under all claims. */
static void inclusion_as_rfc9162(void **state)
{
    const uint64_t max = 24;

    (void)state;
    for (uint64_t size = 1; size <= max; size++) {
        struct ak_hash root = reference_root(0, size);
        for (uint64_t i = 0; i < size; i++) {
            struct proof proof = make_inclusion(i, size);
            struct ak_hash leaf = reference_leaf(i);
            proof.hash[proof.n] = root;
            for (uint64_t claim = 0; claim < (max + 1) * (max + 1); claim++) {
                uint64_t index = claim % (max + 1);
                uint64_t of = claim / (max + 1);
                for (unsigned n = 0; n <= proof.n + 1; n++) {
                    bool want =
                        of > 0 && reference_inclusion(index, of, leaf, proof.hash, n, &root);
                    enum ak_code rc =
                        ak_inclusion_verify(index, of, &leaf, proof.hash, n, &root, NULL);
                    assert_int_equal(rc, want ? AK_OK : AK_EINTEGRITY);
                }
            }
        }
    }
}

static void consistency_as_rfc9162(void **state)
{
    const uint64_t max = 16;

    (void)state;
    for (uint64_t size = 2; size <= max; size++) {
        struct ak_hash root = reference_root(0, size);
        for (uint64_t old = 1; old < size; old++) {
            struct proof proof = make_consistency(old, size);
            struct ak_hash old_root = reference_root(0, old);
            proof.hash[proof.n] = root;
            for (uint64_t claim = 0; claim < (max + 1) * (max + 1); claim++) {
                uint64_t first = claim % (max + 1);
                uint64_t second = claim / (max + 1);
                if (first == 0 || first >= second)
                    continue;
                for (unsigned n = 0; n <= proof.n + 1; n++) {
                    bool want =
                        reference_consistency(first, second, proof.hash, n, &old_root, &root);
                    enum ak_code rc =
                        ak_consistency_verify(first, second, proof.hash, n, &old_root, &root, NULL);
                    assert_int_equal(rc, want ? AK_OK : AK_EINTEGRITY);
                }
            }
        }
    }
}

/* What is forged: a true inclusion proof, with everything it is about. */
struct claim {
    uint64_t index;
    uint64_t size;
    struct ak_hash leaf;
    struct ak_hash root;
    struct proof proof;
};

static struct claim true_claim(uint64_t index, uint64_t size)
{
    struct claim claim = {.index = index, .size = size};

    claim.leaf = reference_leaf(index);
    claim.root = reference_root(0, size);
    claim.proof = make_inclusion(index, size);
    return claim;
}

static enum ak_code judge(const struct claim *claim)
{
    return ak_inclusion_verify(claim->index, claim->size, &claim->leaf, claim->proof.hash,
                               claim->proof.n, &claim->root, NULL);
}

static void remove_hash(struct proof *proof, unsigned at)
{
    memmove(&proof->hash[at], &proof->hash[at + 1], (proof->n - at - 1) * sizeof(proof->hash[0]));
    proof->n--;
}

static void insert_hash(struct proof *proof, unsigned at, const struct ak_hash *hash)
{
    struct ak_hash copy = *hash;

    memmove(&proof->hash[at + 1], &proof->hash[at], (proof->n - at) * sizeof(proof->hash[0]));
    proof->hash[at] = copy;
    proof->n++;
}

/* F1, F2, F10: another index, another size, outside of the tree, past 2^63. A neighbour of equal
 * path does not pass either. */
static void forged_place(void **state)
{
    static const struct {
        uint64_t index, size;
        enum ak_code want;
    } cases[] = {
        {4, 8, AK_EINTEGRITY},
        {6, 8, AK_EINTEGRITY},
        {7, 8, AK_EINTEGRITY},
        {5, 16, AK_EINTEGRITY},
        {5, 4, AK_EINTEGRITY},
        {8, 8, AK_EINTEGRITY},
        {UINT64_MAX, 8, AK_EINTEGRITY},
        {5, 0, AK_EINTEGRITY},
        {0, 0, AK_EINTEGRITY},
        {5, UINT64_C(1) << 63, AK_ELIMIT},
        {5, UINT64_MAX, AK_ELIMIT},
        {AK_TREE_SIZE_MAX - 1, AK_TREE_SIZE_MAX, AK_EINTEGRITY},
        {AK_TREE_SIZE_MAX, AK_TREE_SIZE_MAX, AK_EINTEGRITY},
    };
    struct claim claim = true_claim(5, 8);

    (void)state;
    assert_int_equal(judge(&claim), AK_OK);
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        claim.index = cases[i].index;
        claim.size = cases[i].size;
        assert_int_equal(judge(&claim), cases[i].want);
    }
}

/* F3, F7: every single bit of every hash, of the leaf and of the root counts; an empty root is no
 * root. */
static void forged_bits(void **state)
{
    const struct claim good = true_claim(5, 13);
    struct claim claim = good;

    (void)state;
    for (unsigned bit = 0; bit < 256; bit++) {
        uint8_t mask = (uint8_t)(1u << (bit % 8));
        for (unsigned i = 0; i < good.proof.n; i++) {
            claim = good;
            claim.proof.hash[i].b[bit / 8] ^= mask;
            assert_int_equal(judge(&claim), AK_EINTEGRITY);
        }
        claim = good;
        claim.leaf.b[bit / 8] ^= mask;
        assert_int_equal(judge(&claim), AK_EINTEGRITY);
        claim = good;
        claim.root.b[bit / 8] ^= mask;
        assert_int_equal(judge(&claim), AK_EINTEGRITY);
    }
    claim = good;
    memset(&claim.root, 0, sizeof(claim.root));
    assert_int_equal(judge(&claim), AK_EINTEGRITY);
    ak_hash_empty(&claim.root);
    assert_int_equal(judge(&claim), AK_EINTEGRITY);
}

/* F4, F5, F6: hashes left out, put in (garbage, the root, the leaf) or exchanged, at every place;
 * no hashes for a tree of several leaves, hashes for a tree of one. */
static void forged_length(void **state)
{
    const struct claim good = true_claim(9, 13);
    struct claim claim;

    (void)state;
    for (unsigned i = 0; i < good.proof.n; i++) {
        claim = good;
        remove_hash(&claim.proof, i);
        assert_int_equal(judge(&claim), AK_EINTEGRITY);
        for (unsigned k = 0; k < good.proof.n; k++) {
            claim = good;
            claim.proof.hash[i] = good.proof.hash[k];
            claim.proof.hash[k] = good.proof.hash[i];
            assert_int_equal(judge(&claim), i == k ? AK_OK : AK_EINTEGRITY);
        }
    }
    for (unsigned i = 0; i <= good.proof.n; i++) {
        const struct ak_hash zero = {{0}};
        const struct ak_hash extra[] = {good.root, good.leaf, zero, good.proof.hash[0]};
        for (size_t k = 0; k < sizeof(extra) / sizeof(extra[0]); k++) {
            claim = good;
            insert_hash(&claim.proof, i, &extra[k]);
            assert_int_equal(judge(&claim), AK_EINTEGRITY);
        }
    }
    claim = good;
    claim.proof.n = 0;
    assert_int_equal(judge(&claim), AK_EINTEGRITY);
    claim.leaf = claim.root;
    assert_int_equal(judge(&claim), AK_EINTEGRITY);
    claim = true_claim(0, 1);
    assert_int_equal(judge(&claim), AK_OK);
    insert_hash(&claim.proof, 0, &claim.root);
    assert_int_equal(judge(&claim), AK_EINTEGRITY);
}

/* F8: the 64 bytes of two hashes are a record, not an inner node: their leaf hash differs from the
 * node, and the node itself passes as no leaf of the tree it belongs to. */
static void forged_inner_node(void **state)
{
    struct claim claim = true_claim(2, 4);
    struct ak_hash children[2] = {reference_leaf(2), reference_leaf(3)};
    struct ak_hash node = reference_root(2, 4);

    (void)state;
    remove_hash(&claim.proof, 0);
    claim.leaf = node;
    assert_int_equal(judge(&claim), AK_EINTEGRITY); /* index 2 of 4: the path is too short */
    claim.index = 1;
    claim.size = 2;
    assert_int_equal(judge(&claim), AK_OK); /* the shape of a tree of two such "leaves" ... */
    ak_hash_leaf(&claim.leaf, children, sizeof(children));
    assert_false(ak_hash_equal(&claim.leaf, &node));
    assert_int_equal(judge(&claim), AK_EINTEGRITY); /* ... that no record can have */
}

/* F11: the same text in other bytes (here composed and decomposed) is another record. */
static void forged_decoding(void **state)
{
    struct ak_hash leaves[2];
    struct ak_hash root;

    (void)state;
    ak_hash_leaf(&leaves[0], "caf\xc3\xa9", 5);
    ak_hash_leaf(&leaves[1], "other", 5);
    ak_hash_node(&root, &leaves[0], &leaves[1]);
    assert_int_equal(ak_inclusion_verify(0, 2, &leaves[0], &leaves[1], 1, &root, NULL), AK_OK);
    ak_hash_leaf(&leaves[0], "cafe\xcc\x81", 6);
    assert_int_equal(ak_inclusion_verify(0, 2, &leaves[0], &leaves[1], 1, &root, NULL),
                     AK_EINTEGRITY);
}

/* F9: a consistency proof that leads from the old root around the middle is none, as is one with a
 * hash changed, left out, put in or exchanged. */
static void forged_consistency(void **state)
{
    const struct proof good = make_consistency(6, 13);
    struct ak_hash old_root = reference_root(0, 6);
    struct ak_hash root = reference_root(0, 13);
    struct ak_hash middle;
    struct proof proof = good;

    (void)state;
    assert_int_equal(ak_consistency_verify(6, 13, good.hash, good.n, &old_root, &root, NULL),
                     AK_OK);
    for (unsigned i = 0; i < good.n; i++) {
        proof = good;
        proof.hash[i].b[0] ^= 0x80;
        assert_int_equal(ak_consistency_verify(6, 13, proof.hash, proof.n, &old_root, &root, NULL),
                         AK_EINTEGRITY);
        proof = good;
        remove_hash(&proof, i);
        assert_int_equal(ak_consistency_verify(6, 13, proof.hash, proof.n, &old_root, &root, NULL),
                         AK_EINTEGRITY);
        proof = good;
        insert_hash(&proof, i, &old_root);
        assert_int_equal(ak_consistency_verify(6, 13, proof.hash, proof.n, &old_root, &root, NULL),
                         AK_EINTEGRITY);
    }
    /* A "proof" that hashes the old root and a free hash into the new one. */
    ak_hash_leaf(&middle, "anything", 8);
    proof.n = 0;
    insert_hash(&proof, 0, &middle);
    insert_hash(&proof, 0, &old_root);
    ak_hash_node(&middle, &old_root, &middle);
    assert_int_equal(ak_consistency_verify(6, 13, proof.hash, proof.n, &old_root, &middle, NULL),
                     AK_EINTEGRITY);
    assert_int_equal(ak_consistency_verify(13, 6, good.hash, good.n, &root, &old_root, NULL),
                     AK_EINTEGRITY);
    assert_int_equal(ak_consistency_verify(6, 13, good.hash, good.n, &root, &old_root, NULL),
                     AK_EINTEGRITY);
    assert_int_equal(
        ak_consistency_verify(6, UINT64_C(1) << 63, good.hash, good.n, &old_root, &root, NULL),
        AK_ELIMIT);
}

/* F13: from size 0 nothing is proven; two roots for one size are never consistent. The witness rule
 * differs in one point: from the empty tree, without a proof. */
static void consistency_edges(void **state)
{
    struct ak_hash empty;
    struct ak_hash root = reference_root(0, 7);
    struct ak_hash other = reference_root(1, 8);

    (void)state;
    ak_hash_empty(&empty);
    assert_int_equal(ak_consistency_verify(0, 7, NULL, 0, &empty, &root, NULL), AK_EINTEGRITY);
    assert_int_equal(ak_consistency_verify(0, 0, NULL, 0, &empty, &empty, NULL), AK_EINTEGRITY);
    assert_int_equal(ak_consistency_verify(7, 7, NULL, 0, &root, &root, NULL), AK_OK);
    assert_int_equal(ak_consistency_verify(7, 7, NULL, 0, &root, &other, NULL), AK_EINTEGRITY);
    assert_int_equal(ak_consistency_verify(7, 7, &root, 1, &root, &root, NULL), AK_EINTEGRITY);
    assert_int_equal(ak_consistency_verify_witness(0, 7, NULL, 0, &empty, &root, NULL), AK_OK);
    assert_int_equal(ak_consistency_verify_witness(0, 0, NULL, 0, &empty, &empty, NULL), AK_OK);
    assert_int_equal(ak_consistency_verify_witness(0, 0, NULL, 0, &empty, &root, NULL),
                     AK_EINTEGRITY);
    assert_int_equal(ak_consistency_verify_witness(0, 7, NULL, 0, &other, &root, NULL),
                     AK_EINTEGRITY);
    assert_int_equal(ak_consistency_verify_witness(0, 7, &root, 1, &empty, &root, NULL),
                     AK_EINTEGRITY);
    assert_int_equal(ak_consistency_verify_witness(7, 7, NULL, 0, &root, &other, NULL),
                     AK_EINTEGRITY);
    assert_int_equal(ak_consistency_verify_witness(0, UINT64_MAX, NULL, 0, &empty, &root, NULL),
                     AK_ELIMIT);
}

static enum ak_code on_node_fails(void *ctx, unsigned level, uint64_t index, struct ak_hash *out,
                                  struct ak_error *err)
{
    unsigned *left = ctx;

    (void)level;
    (void)index;
    memset(out, 0, sizeof(*out));
    if (*left == 0)
        return ak_fail(err, AK_EIO, "no node");
    --*left;
    return AK_OK;
}

/* A node that cannot be had stops the making of a proof, whichever it is; wrong questions and too
 * little room are refused before any node is asked for. */
static void making_fails(void **state)
{
    struct ak_hash out[AK_PROOF_HASHES_MAX];
    struct ak_error err;
    struct tree tree = {13, 0};
    unsigned n = 9;
    unsigned nodes;

    (void)state;
    for (nodes = 0; nodes < 64; nodes++) {
        unsigned left = nodes;
        enum ak_code rc = ak_inclusion_make(2, 13, on_node_fails, &left, out, 64, &n, &err);
        if (rc == AK_OK)
            break;
        assert_int_equal(rc, AK_EIO);
        assert_string_equal(err.text, "no node");
        assert_int_equal(n, 0);
    }
    assert_int_equal(nodes, 5); /* 3 siblings and 2 nodes of the incomplete one, [8, 13) */
    for (nodes = 0; nodes < 64; nodes++) {
        unsigned left = nodes;
        if (ak_consistency_make(6, 13, on_node_fails, &left, out, 64, &n, &err) == AK_OK)
            break;
        assert_int_equal(n, 0);
    }
    assert_int_equal(nodes, 5);
    assert_int_equal(ak_inclusion_make(13, 13, on_node, &tree, out, 64, &n, NULL), AK_EUSAGE);
    assert_int_equal(ak_inclusion_make(0, UINT64_MAX, on_node, &tree, out, 64, &n, NULL),
                     AK_ELIMIT);
    assert_int_equal(ak_inclusion_make(2, 13, on_node, &tree, out, 3, &n, NULL), AK_ELIMIT);
    assert_int_equal(ak_consistency_make(0, 13, on_node, &tree, out, 64, &n, NULL), AK_EUSAGE);
    assert_int_equal(ak_consistency_make(14, 13, on_node, &tree, out, 64, &n, NULL), AK_EUSAGE);
    assert_int_equal(ak_consistency_make(6, UINT64_MAX, on_node, &tree, out, 64, &n, NULL),
                     AK_ELIMIT);
    assert_int_equal(ak_consistency_make(6, 13, on_node, &tree, out, 3, &n, NULL), AK_ELIMIT);
    assert_int_equal(tree.asked, 0);
}

/* The longest proofs that there are fit into AK_PROOF_HASHES_MAX. */
static void longest(void **state)
{
    struct ak_hash out[AK_PROOF_HASHES_MAX];
    unsigned left = UINT32_MAX;
    unsigned n;

    (void)state;
    assert_int_equal(ak_inclusion_make(0, AK_TREE_SIZE_MAX, on_node_fails, &left, out,
                                       AK_PROOF_HASHES_MAX, &n, NULL),
                     AK_OK);
    assert_int_equal(n, 63);
    assert_int_equal(ak_consistency_make((UINT64_C(1) << 62) - 1, AK_TREE_SIZE_MAX, on_node_fails,
                                         &left, out, AK_PROOF_HASHES_MAX, &n, NULL),
                     AK_OK);
    assert_int_equal(n, 64);
}

/* A hash of the vectors; false where the vector's point is that it is none. */
static bool vector_hash(struct ak_hash *out, const json_t *text)
{
    size_t n;

    return ak_base64_decode(out->b, AK_HASH_BYTES, &n, json_string_value(text),
                            json_string_length(text), NULL) == AK_OK &&
           n == AK_HASH_BYTES;
}

static bool vector_proof(struct proof *proof, const json_t *list)
{
    size_t i;
    const json_t *text;

    assert_true(json_array_size(list) <= AK_PROOF_HASHES_MAX);
    proof->n = 0;
    json_array_foreach(list, i, text)
    {
        if (!vector_hash(&proof->hash[i], text))
            return false;
        proof->n++;
    }
    return true;
}

/* A size or index: small, or the 2^64 - 1 of the vectors, which is rounded to 2^64. */
static uint64_t vector_number(const json_t *v, const char *name)
{
    double number = json_real_value(json_object_get(v, name));

    return number < 0x1p64 ? (uint64_t)number : UINT64_MAX;
}

/* What a program with this library makes of one vector. */
static bool vector_accepted(const json_t *v)
{
    const json_t *proof_text = json_object_get(v, "proof");
    struct proof proof;
    struct ak_hash a;
    struct ak_hash b;

    if (!vector_proof(&proof, proof_text))
        return false;
    if (json_object_get(v, "leafIdx") != NULL)
        return vector_hash(&a, json_object_get(v, "leafHash")) &&
               vector_hash(&b, json_object_get(v, "root")) &&
               ak_inclusion_verify(vector_number(v, "leafIdx"), vector_number(v, "treeSize"), &a,
                                   proof.hash, proof.n, &b, NULL) == AK_OK;
    return vector_hash(&a, json_object_get(v, "root1")) &&
           vector_hash(&b, json_object_get(v, "root2")) &&
           ak_consistency_verify(vector_number(v, "size1"), vector_number(v, "size2"), proof.hash,
                                 proof.n, &a, &b, NULL) == AK_OK;
}

/* The vectors of transparency-dev/merkle, each accepted or refused as it says. */
static void published(void **state)
{
    char root[4096];
    char *const roots[] = {root, NULL};
    unsigned good = 0;
    unsigned bad = 0;
    FTSENT *entry;
    FTS *walk;

    (void)state;
    if (!vectors_path(root, sizeof(root), "vectors/merkle/testdata"))
        return;
    walk = fts_open(roots, FTS_PHYSICAL | FTS_NOCHDIR, NULL);
    assert_non_null(walk);
    while ((entry = fts_read(walk)) != NULL) {
        json_t *v;
        bool refuse;
        if (entry->fts_info != FTS_F || strstr(entry->fts_name, ".json") == NULL)
            continue;
        v = vectors_load(entry->fts_path);
        refuse = json_is_true(json_object_get(v, "wantErr"));
        if (vector_accepted(v) == refuse)
            fail_msg("%s: %s", entry->fts_path, refuse ? "accepted" : "refused");
        good += refuse ? 0 : 1;
        bad += refuse ? 1 : 0;
        json_decref(v);
    }
    (void)fts_close(walk);
    (void)printf("%u vectors accepted, %u refused, as they say\n", good, bad);
    assert_true(good > 0 && bad > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(inclusion_all),
        cmocka_unit_test(consistency_all),
        cmocka_unit_test(inclusion_as_rfc9162),
        cmocka_unit_test(consistency_as_rfc9162),
        cmocka_unit_test(forged_place),
        cmocka_unit_test(forged_bits),
        cmocka_unit_test(forged_length),
        cmocka_unit_test(forged_inner_node),
        cmocka_unit_test(forged_decoding),
        cmocka_unit_test(forged_consistency),
        cmocka_unit_test(consistency_edges),
        cmocka_unit_test(making_fails),
        cmocka_unit_test(longest),
        cmocka_unit_test(published),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
