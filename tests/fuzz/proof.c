/* proof.c - proofs from hostile bytes: a file that reads is, written again, the same bytes; and
 * what the library says of (index, size, hashes) is what the steps of RFC 9162 say. */
#include <akashi/proof.h>
#include <akashi/tree.h>

#include "../unit/reference.h"
#include "cursor.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool holds)
{
    if (!holds)
        abort();
}

static void try_file(const uint8_t *data, size_t size)
{
    static char again[AK_PROOF_BYTES_MAX + 1];
    static struct ak_proof proof;
    size_t n;

    if (ak_proof_parse(&proof, data, size, NULL) != AK_OK)
        return;
    check(ak_proof_format(again, sizeof(again), &n, &proof, NULL) == AK_OK);
    check(n == size && memcmp(again, data, size) == 0);
}

/* The root that a path of any shape leads to, so that both judges see proofs that hold. */
static struct ak_hash path_root(uint64_t index, uint64_t size, struct ak_hash sum,
                                const struct ak_hash *proof, unsigned n)
{
    uint64_t last = size - 1;

    for (unsigned i = 0; i < n; i++) {
        if ((index & 1) != 0 || index == last)
            ak_hash_node(&sum, &proof[i], &sum);
        else
            ak_hash_node(&sum, &sum, &proof[i]);
        while (index == last && index != 0 && (index & 1) == 0) {
            index >>= 1;
            last >>= 1;
        }
        index >>= 1;
        last >>= 1;
    }
    return sum;
}

static void try_inclusion(uint64_t a, uint64_t b, const struct ak_hash *hash, unsigned n)
{
    struct ak_hash root;
    enum ak_code rc;

    if (b == 0 || b > AK_TREE_SIZE_MAX) {
        check(ak_inclusion_verify(a, b, &hash[0], &hash[1], n - 1, &hash[0], NULL) != AK_OK);
        return;
    }
    root = path_root(a, b, hash[0], hash + 1, n - 1);
    rc = ak_inclusion_verify(a, b, &hash[0], &hash[1], n - 1, &root, NULL);
    check((rc == AK_OK) == reference_inclusion(a, b, hash[0], hash + 1, n - 1, &root));
}

static void try_consistency(uint64_t a, uint64_t b, const struct ak_hash *hash, unsigned n)
{
    enum ak_code rc;

    if (n < 2 || a == 0 || a >= b || b > AK_TREE_SIZE_MAX)
        return;
    rc = ak_consistency_verify(a, b, hash + 2, n - 2, &hash[0], &hash[1], NULL);
    check((rc == AK_OK) == reference_consistency(a, b, hash + 2, n - 2, &hash[0], &hash[1]));
}

/* Ranges of any shape: loading takes exactly the hashes there are, and leads to one root whichever
 * way it is put together. */
static void try_range(uint64_t a, uint64_t b, const struct ak_hash *hash, unsigned n)
{
    struct ak_range left;
    struct ak_range right;
    struct ak_range whole;
    unsigned cut = a <= b ? ak_range_nodes(0, a, NULL) : n + 1;

    if (cut > n || ak_range_load(&left, 0, a, hash, cut, NULL) != AK_OK ||
        ak_range_load(&right, a, b, hash + cut, n - cut, NULL) != AK_OK)
        return;
    whole = left;
    check(ak_range_merge(&whole, &right, NULL) == AK_OK);
    check(whole.end == b && whole.count == ak_range_nodes(0, b, NULL));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct ak_hash hash[AK_PROOF_HASHES_MAX];
    struct ak_cursor cursor;
    uint64_t a;
    uint64_t b;
    unsigned n = 0;

    try_file(data, size);
    ak_cursor_init(&cursor, data, size);
    a = ak_cursor_varint(&cursor);
    b = ak_cursor_varint(&cursor);
    while (n < AK_PROOF_HASHES_MAX && !cursor.bad && cursor.left >= 4) {
        ak_hash_leaf(&hash[n], ak_cursor_bytes(&cursor, 4), 4);
        n++;
    }
    if (cursor.bad || n == 0)
        return 0;
    try_inclusion(a, b, hash, n);
    try_consistency(a, b, hash, n);
    try_range(a, b, hash, n);
    return 0;
}
