/* selftest_known.c - answers that public standards give: FIPS 180-4, RFC 8032, RFC 6962, and the
 * strict rule of docs/format.md 4.2. A wrong processor, compiler or library shows here. */
#include "selftest.h"

#include "leafhash.h"

#include <akashi/base64.h>
#include <akashi/ed25519.h>
#include <akashi/entry.h>
#include <akashi/parts.h>
#include <akashi/sha256.h>
#include <akashi/tree.h>

#include <assert.h>
#include <stdio.h>
#include <string.h>

/* Entries that are hashed side by side and one by one: more than two rounds of sixteen lanes. */
#define LANE_ENTRIES 300u

#define LEAVES 8u

static void from_hex(uint8_t *out, size_t n, const char *hex)
{
    enum ak_code rc = ak_hex_decode(out, n, hex, strlen(hex), NULL);

    assert(rc == AK_OK);
    (void)rc;
}

static bool is_hash(const struct ak_hash *hash, const char *hex)
{
    struct ak_hash want;

    from_hex(want.b, sizeof(want.b), hex);
    return ak_hash_equal(hash, &want);
}

static void test_digests(ak_selftest_fn tell, void *ctx)
{
    static const char *const sha512_abc =
        "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a"
        "2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f";
    uint8_t want[AK_SHA512_BYTES];
    uint8_t got[AK_SHA512_BYTES];
    struct ak_sha512_ctx sha512;
    struct ak_sha256_ctx sha256;
    struct ak_hash hash;

    ak_sha256(&hash, "abc", 3);
    tell(ctx, "SHA-256 of \"abc\" (FIPS 180-4)",
         is_hash(&hash, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"), "");
    ak_sha256_init(&sha256);
    for (unsigned i = 0; i < 10000; i++)
        ak_sha256_update(&sha256,
                         "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
                         "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
                         100);
    ak_sha256_final(&sha256, &hash);
    tell(ctx, "SHA-256 of a million \"a\" (FIPS 180-4)",
         is_hash(&hash, "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0"), "");
    ak_sha512_init(&sha512);
    ak_sha512_update(&sha512, "abc", 3);
    ak_sha512_final(&sha512, got);
    from_hex(want, sizeof(want), sha512_abc);
    tell(ctx, "SHA-512 of \"abc\" (FIPS 180-4)", memcmp(want, got, sizeof(want)) == 0, "");
}

/* The way that is used on this processor gives the same leaves as the plain one. */
static void test_lanes(ak_selftest_fn tell, void *ctx)
{
    static uint8_t entry[LANE_ENTRIES][AK_ENTRY_BYTES];
    static struct ak_hash leaf[LANE_ENTRIES];
    struct ak_hash plain;
    bool good = true;

    for (unsigned i = 0; i < LANE_ENTRIES; i++) {
        for (unsigned j = 0; j < AK_ENTRY_BYTES; j++)
            entry[i][j] = (uint8_t)(i * 31 + j * 7 + (i >> 3));
    }
    ak_leaves(leaf, (const uint8_t(*)[AK_ENTRY_BYTES])entry, LANE_ENTRIES);
    for (unsigned i = 0; i < LANE_ENTRIES; i++) {
        ak_hash_leaf(&plain, entry[i], AK_ENTRY_BYTES);
        good = good && ak_hash_equal(&plain, &leaf[i]);
    }
    tell(ctx, "leaves hashed side by side and one by one are the same", good, ak_hash_path());
}

/* The example of docs/format.md 3.4: a line, and the empty record, side by side. */
static void test_parts(ak_selftest_fn tell, void *ctx)
{
    static const char line[] = "sshd[412]: Failed password for root from 192.0.2.7 port 22 ssh2";
    struct ak_parts_room *room = ak_parts_room_new();
    uint8_t group_key[AK_GROUP_KEY_BYTES];
    uint8_t key[1][AK_RECORD_KEY_BYTES];
    struct ak_hash commitment = {{0}};
    struct ak_hash empty = {{0}};

    for (unsigned i = 0; i < AK_GROUP_KEY_BYTES; i++)
        group_key[i] = (uint8_t)i;
    ak_record_keys(key, group_key, 5, 1);
    if (room != NULL) {
        ak_parts_take(room, key[0], (const uint8_t *)line, sizeof(line) - 1, commitment.b);
        ak_parts_take(room, key[0], NULL, 0, empty.b);
        ak_parts_finish(room);
    }
    ak_parts_room_free(room);
    tell(ctx, "commitment by parts (docs/format.md 3.4)",
         is_hash(&commitment, "f038ff6420884e8934bfd2bf1fc9f689cd018e46b11dcc0f47a7a871c9c878fa") &&
             is_hash(&empty, "9c2b924be00d4556a9880928ef4d37b65c3daf16a27c4040588259aad86ab253"),
         "");
}

struct signature {
    const char *what;
    const char *key;
    const char *message;
    const char *signature;
};

static const struct signature signatures[] = {
    {"Ed25519 test 1 of RFC 8032",
     "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a", "",
     "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b"
     "4"
     "6bd25bf5f0595bbe24655141438e7a100b"},
    {"Ed25519 test 2 of RFC 8032",
     "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c", "72",
     "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11"
     "d"
     "8c387b2eaeb4302aeeb00d291612bb0c00"},
    {"Ed25519 test 3 of RFC 8032",
     "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025", "af82",
     "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc"
     "6"
     "594a7c15e9716ed28dc027beceea1ec40a"},
};

/* Adds the order of the group to S, little-endian: the same number for a careless program. */
static void add_order(uint8_t s[AK_HASH_BYTES])
{
    uint8_t order[AK_HASH_BYTES];
    unsigned carry = 0;

    from_hex(order, sizeof(order),
             "edd3f55c1a631258d69cf7a2def9de1400000000000000000000000000000010");
    for (unsigned i = 0; i < sizeof(order); i++) {
        carry += (unsigned)s[i] + order[i];
        s[i] = (uint8_t)carry;
        carry >>= 8;
    }
}

static void test_one_signature(const struct signature *test, ak_selftest_fn tell, void *ctx)
{
    uint8_t key[AK_ED25519_KEY_BYTES];
    uint8_t signature[AK_ED25519_SIGNATURE_BYTES];
    uint8_t message[8] = {0};
    size_t n = strlen(test->message) / 2;
    char what[96];

    from_hex(key, sizeof(key), test->key);
    from_hex(signature, sizeof(signature), test->signature);
    from_hex(message, n, test->message);
    tell(ctx, test->what, ak_ed25519_verify(key, message, n, signature, NULL) == AK_OK, "");
    signature[5] ^= 1;
    (void)snprintf(what, sizeof(what), "%s, one bit flipped, is refused", test->what);
    tell(ctx, what, ak_ed25519_verify(key, message, n, signature, NULL) == AK_ESIGNATURE, "");
    signature[5] ^= 1;
    add_order(signature + AK_HASH_BYTES);
    (void)snprintf(what, sizeof(what), "%s, with S + L, is refused", test->what);
    tell(ctx, what, ak_ed25519_verify(key, message, n, signature, NULL) == AK_ESIGNATURE, "");
}

static void test_signatures(ak_selftest_fn tell, void *ctx)
{
    static const char *const bad_keys[][2] = {
        {"the neutral element as key is refused (format 4.2)",
         "0100000000000000000000000000000000000000000000000000000000000000"},
        {"a key of order 8 is refused (format 4.2)",
         "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a"},
        {"a key that is not canonical is refused (format 4.2)",
         "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f"},
    };
    uint8_t key[AK_ED25519_KEY_BYTES];

    for (size_t i = 0; i < sizeof(signatures) / sizeof(signatures[0]); i++)
        test_one_signature(&signatures[i], tell, ctx);
    for (size_t i = 0; i < sizeof(bad_keys) / sizeof(bad_keys[0]); i++) {
        from_hex(key, sizeof(key), bad_keys[i][1]);
        tell(ctx, bad_keys[i][0], ak_ed25519_key_check(key, NULL) == AK_EKEY, "");
    }
}

/* Leaves and roots of the reference tests that go with RFC 6962. */
static const char *const leaves[LEAVES] = {"",
                                           "00",
                                           "10",
                                           "2021",
                                           "3031",
                                           "40414243",
                                           "5051525354555657",
                                           "606162636465666768696a6b6c6d6e6f"};
static const char *const roots[LEAVES] = {
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328"};

static void test_roots(ak_selftest_fn tell, void *ctx)
{
    struct ak_range range;
    struct ak_hash hash;
    uint8_t leaf[16];
    bool good = true;

    ak_range_init(&range, 0);
    for (unsigned i = 0; i < LEAVES; i++) {
        size_t n = strlen(leaves[i]) / 2;
        from_hex(leaf, n, leaves[i]);
        ak_hash_leaf(&hash, leaf, n);
        good = good && ak_range_append(&range, &hash) == AK_OK &&
               ak_range_root(&range, &hash, NULL) == AK_OK && is_hash(&hash, roots[i]);
    }
    tell(ctx, "roots of 1 to 8 leaves (RFC 6962)", good, "");
}

static void test_proofs(ak_selftest_fn tell, void *ctx)
{
    static const char *const path[] = {
        "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4"};
    struct ak_hash proof[3];
    struct ak_hash leaf;
    struct ak_hash root;
    struct ak_hash first;

    for (unsigned i = 0; i < 3; i++)
        from_hex(proof[i].b, AK_HASH_BYTES, path[i]);
    from_hex(root.b, AK_HASH_BYTES, roots[LEAVES - 1]);
    from_hex(first.b, AK_HASH_BYTES, roots[0]);
    ak_hash_leaf(&leaf, "", 0);
    tell(ctx, "inclusion of leaf 0 in 8 (RFC 6962)",
         ak_inclusion_verify(0, LEAVES, &leaf, proof, 3, &root, NULL) == AK_OK, "");
    tell(ctx, "the same proof for leaf 1 is refused",
         ak_inclusion_verify(1, LEAVES, &leaf, proof, 3, &root, NULL) == AK_EINTEGRITY, "");
    tell(ctx, "consistency of sizes 1 and 8 (RFC 6962)",
         ak_consistency_verify(1, LEAVES, proof, 3, &first, &root, NULL) == AK_OK, "");
    tell(ctx, "the same proof with a hash less is refused",
         ak_consistency_verify(1, LEAVES, proof, 2, &first, &root, NULL) == AK_EINTEGRITY, "");
}

void ak_selftest_known(ak_selftest_fn tell, void *ctx)
{
    test_digests(tell, ctx);
    test_lanes(tell, ctx);
    test_parts(tell, ctx);
    test_signatures(tell, ctx);
    test_roots(tell, ctx);
    test_proofs(tell, ctx);
}
