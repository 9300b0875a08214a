/* ed25519.c - the strict rule: what it accepts, what it refuses though others accept it. */
#include <akashi/base64.h>
#include <akashi/ed25519.h>

#include "vectors.h"

#include <setjmp.h>
#include <sodium.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const char message[] = "example\n1\n";

/* A point of order 8, which generates the small subgroup. */
static const uint8_t order8[32] = {0xc7, 0x17, 0x6a, 0x70, 0x3d, 0x4d, 0xd8, 0x4f, 0xba, 0x3c, 0x0b,
                                   0x76, 0x0d, 0x10, 0x67, 0x0f, 0x2a, 0x20, 0x53, 0xfa, 0x2c, 0x39,
                                   0xcc, 0xc6, 0x4e, 0xc7, 0xfd, 0x77, 0x92, 0xac, 0x03, 0x7a};

static const uint8_t identity[32] = {1};

/* Order L of the group, little-endian. */
static const uint8_t group_order[32] = {
    0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde, 0x14,
    0,    0,    0,    0,    0,    0,    0,    0,    0,    0,    0,    0,    0,    0,    0,    0x10};

struct key {
    uint8_t pk[32];
    uint8_t sk[64];
};

static struct key test_key(uint8_t fill)
{
    struct key key;
    uint8_t seed[32];

    memset(seed, fill, sizeof(seed));
    assert_int_equal(crypto_sign_seed_keypair(key.pk, key.sk, seed), 0);
    return key;
}

/* times * order8, by adding. */
static void small_point(uint8_t out[32], unsigned times)
{
    memcpy(out, identity, 32);
    for (unsigned i = 0; i < times; i++)
        assert_int_equal(crypto_core_ed25519_add(out, out, order8), 0);
}

/* Honest signatures are accepted; any bit of key, message or signature counts. */
static void honest(void **state)
{
    struct key key = test_key(1);
    struct key other = test_key(2);
    char text[sizeof(message)];
    uint8_t sig[64];

    (void)state;
    (void)crypto_sign_detached(sig, NULL, (const uint8_t *)message, strlen(message), key.sk);
    assert_int_equal(ak_ed25519_key_check(key.pk, NULL), AK_OK);
    assert_int_equal(ak_ed25519_verify(key.pk, message, strlen(message), sig, NULL), AK_OK);
    assert_false(ak_ed25519_nonstrict(key.pk, message, strlen(message), sig));
    assert_int_equal(ak_ed25519_verify(other.pk, message, strlen(message), sig, NULL),
                     AK_ESIGNATURE);
    assert_int_equal(ak_ed25519_verify(key.pk, message, strlen(message) - 1, sig, NULL),
                     AK_ESIGNATURE);
    memcpy(text, message, sizeof(text));
    text[0] ^= 1;
    assert_int_equal(ak_ed25519_verify(key.pk, text, strlen(message), sig, NULL), AK_ESIGNATURE);
    assert_false(ak_ed25519_nonstrict(key.pk, text, strlen(message), sig));
    for (unsigned bit = 0; bit < 512; bit++) {
        sig[bit / 8] ^= (uint8_t)(1u << (bit % 8));
        assert_int_equal(ak_ed25519_verify(key.pk, message, strlen(message), sig, NULL),
                         AK_ESIGNATURE);
        assert_false(ak_ed25519_nonstrict(key.pk, message, strlen(message), sig));
        sig[bit / 8] ^= (uint8_t)(1u << (bit % 8));
    }
}

static void empty_message(void **state)
{
    struct key key = test_key(3);
    uint8_t sig[64];

    (void)state;
    (void)crypto_sign_detached(sig, NULL, NULL, 0, key.sk);
    assert_int_equal(ak_ed25519_verify(key.pk, NULL, 0, sig, NULL), AK_OK);
    sig[0] ^= 1;
    assert_int_equal(ak_ed25519_verify(key.pk, NULL, 0, sig, NULL), AK_ESIGNATURE);
}

/* All eight points of the small subgroup, and an honest key with any but the identity added, are no
 * keys. With 4 * order8 this is the test for CVE-2025-69277: it fails on a libsodium without the
 * fix. */
static void small_and_mixed_keys(void **state)
{
    struct key key = test_key(4);
    uint8_t point[32];
    uint8_t mixed[32];

    (void)state;
    for (unsigned times = 0; times < 8; times++) {
        small_point(point, times);
        assert_int_equal(ak_ed25519_key_check(point, NULL), AK_EKEY);
        assert_int_equal(crypto_core_ed25519_add(mixed, key.pk, point), 0);
        assert_int_equal(ak_ed25519_key_check(mixed, NULL), times == 0 ? AK_OK : AK_EKEY);
    }
}

/* Encodings that are not canonical: y >= 2^255 - 19, the sign of x = 0, and no point at all. */
static void keys_not_canonical(void **state)
{
    struct ak_error err;
    uint8_t pk[32];

    (void)state;
    memset(pk, 0xff, 32);
    assert_int_equal(ak_ed25519_key_check(pk, NULL), AK_EKEY);
    pk[31] = 0x7f;
    for (unsigned low = 0xed; low <= 0xff; low++) {
        pk[0] = (uint8_t)low; /* 2^255 - 19 + 0 to 18 */
        assert_int_equal(ak_ed25519_key_check(pk, NULL), AK_EKEY);
    }
    memcpy(pk, identity, 32);
    pk[31] = 0x80;
    assert_int_equal(ak_ed25519_key_check(pk, NULL), AK_EKEY);
    memset(pk, 0, 32);
    pk[0] = 2; /* not on the curve */
    assert_int_equal(ak_ed25519_key_check(pk, &err), AK_EKEY);
    assert_int_equal(err.code, AK_EKEY);
    assert_int_equal(ak_ed25519_verify(pk, message, strlen(message), (uint8_t[64]){0}, &err),
                     AK_EKEY);
}

/* S + L verifies by the bare equation; S must be below L. */
static void s_not_reduced(void **state)
{
    struct key key = test_key(5);
    uint8_t sig[64];
    unsigned carry = 0;

    (void)state;
    (void)crypto_sign_detached(sig, NULL, (const uint8_t *)message, strlen(message), key.sk);
    for (unsigned i = 0; i < 32; i++) {
        carry += (unsigned)sig[32 + i] + group_order[i];
        sig[32 + i] = (uint8_t)carry;
        carry >>= 8;
    }
    assert_int_equal(ak_ed25519_verify(key.pk, message, strlen(message), sig, NULL), AK_ESIGNATURE);
    memcpy(sig + 32, group_order, 32);
    assert_int_equal(ak_ed25519_verify(key.pk, message, strlen(message), sig, NULL), AK_ESIGNATURE);
}

/* S = k * a for R = the identity: the equation holds and the common rule accepts. Only the holder
 * of the key can make it; it is refused here and known as what it is. */
static void identity_as_r(void **state)
{
    struct key key = test_key(6);
    crypto_hash_sha512_state hash;
    uint8_t digest[64];
    uint8_t expanded[64];
    uint8_t a[32];
    uint8_t k[32];
    uint8_t sig[64];

    (void)state;
    (void)crypto_hash_sha512(expanded, key.sk, 32);
    expanded[0] &= 0xf8;
    expanded[31] = (uint8_t)((expanded[31] & 0x7f) | 0x40);
    memset(digest, 0, sizeof(digest));
    memcpy(digest, expanded, 32);
    crypto_core_ed25519_scalar_reduce(a, digest);
    memcpy(sig, identity, 32);
    (void)crypto_hash_sha512_init(&hash);
    (void)crypto_hash_sha512_update(&hash, sig, 32);
    (void)crypto_hash_sha512_update(&hash, key.pk, 32);
    (void)crypto_hash_sha512_update(&hash, (const uint8_t *)message, strlen(message));
    (void)crypto_hash_sha512_final(&hash, digest);
    crypto_core_ed25519_scalar_reduce(k, digest);
    crypto_core_ed25519_scalar_mul(sig + 32, k, a);
    assert_int_equal(ak_ed25519_verify(key.pk, message, strlen(message), sig, NULL), AK_ESIGNATURE);
    assert_true(ak_ed25519_nonstrict(key.pk, message, strlen(message), sig));
    assert_false(ak_ed25519_nonstrict(key.pk, "other", 5, sig));
}

/* Bytes of a hexadecimal string of the vectors; gives how many. */
static size_t from_hex(uint8_t *out, size_t cap, const json_t *text)
{
    size_t n = json_string_length(text) / 2;

    assert_true(n <= cap);
    assert_int_equal(ak_hex_decode(out, n, json_string_value(text), 2 * n, NULL), AK_OK);
    return n;
}

/* Wycheproof: valid ones are accepted, invalid ones refused. */
static void wycheproof(void **state)
{
    char path[4096];
    json_t *file;
    size_t g;
    size_t t;
    const json_t *group;
    const json_t *test;
    unsigned good = 0;
    unsigned bad = 0;

    (void)state;
    if (!vectors_path(path, sizeof(path), "vectors/wycheproof/ed25519_test.json"))
        return;
    file = vectors_load(path);
    json_array_foreach(json_object_get(file, "testGroups"), g, group)
    {
        uint8_t pk[32];
        assert_int_equal(
            from_hex(pk, 32, json_object_get(json_object_get(group, "publicKey"), "pk")), 32);
        json_array_foreach(json_object_get(group, "tests"), t, test)
        {
            static uint8_t msg[65536];
            uint8_t sig[256];
            bool valid = strcmp(json_string_value(json_object_get(test, "result")), "valid") == 0;
            size_t n = from_hex(msg, sizeof(msg), json_object_get(test, "msg"));
            size_t len = from_hex(sig, sizeof(sig), json_object_get(test, "sig"));
            bool accepted = len == 64 && ak_ed25519_verify(pk, msg, n, sig, NULL) == AK_OK;
            if (accepted != valid)
                fail_msg("test %.0f", json_real_value(json_object_get(test, "tcId")));
            good += valid ? 1 : 0;
            bad += valid ? 0 : 1;
        }
    }
    json_decref(file);
    (void)printf("%u signatures accepted, %u refused, as they say\n", good, bad);
    assert_true(good > 0 && bad > 0);
}

/* Five signatures on which released libraries disagree: only the honest one is accepted. */
static void edge_cases(void **state)
{
    static const struct {
        const char *name;
        enum ak_code want;
        bool nonstrict; /* the common rule takes it */
    } cases[] = {
        {"honest", AK_OK, false},
        {"R=identity, honest A", AK_ESIGNATURE, true},
        {"R+torsion, honest A", AK_ESIGNATURE, false},
        {"mixed-order A, k%8!=0", AK_EKEY, false},
        {"mixed-order A, k%8==0", AK_EKEY, true},
    };
    char path[4096];
    uint8_t msg[256];
    size_t n;
    json_t *file;

    (void)state;
    if (!vectors_path(path, sizeof(path), "ed25519-edge/edge.json"))
        return;
    file = vectors_load(path);
    n = from_hex(msg, sizeof(msg), json_object_get(file, "msg"));
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        const json_t *pair = json_object_get(json_object_get(file, "cases"), cases[i].name);
        uint8_t pk[32];
        uint8_t sig[64];
        assert_int_equal(from_hex(pk, 32, json_array_get(pair, 0)), 32);
        assert_int_equal(from_hex(sig, 64, json_array_get(pair, 1)), 64);
        assert_int_equal(ak_ed25519_verify(pk, msg, n, sig, NULL), cases[i].want);
        assert_int_equal(ak_ed25519_nonstrict(pk, msg, n, sig), cases[i].nonstrict);
    }
    json_decref(file);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(honest),
        cmocka_unit_test(empty_message),
        cmocka_unit_test(small_and_mixed_keys),
        cmocka_unit_test(keys_not_canonical),
        cmocka_unit_test(s_not_reduced),
        cmocka_unit_test(identity_as_r),
        cmocka_unit_test(wycheproof),
        cmocka_unit_test(edge_cases),
    };
    return sodium_init() < 0 ? 1 : cmocka_run_group_tests(tests, NULL, NULL);
}
