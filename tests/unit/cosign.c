/* cosign.c - what is said to witnesses: proofs out of two ranges for every pair of small sizes, and
 * answers, good and bad. */
#include "cosign_answer.h"
#include "cosign_files.h"
#include "cosign_proof.h"

#include <akashi/base64.h>
#include <akashi/checkpoint.h>

#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SIZES 140u

static void leaf(uint64_t i, struct ak_hash *out)
{
    ak_sha256(out, &i, sizeof(i));
}

static struct ak_range range_of(uint64_t begin, uint64_t end)
{
    struct ak_range range;

    ak_range_init(&range, begin);
    for (uint64_t i = begin; i < end; i++) {
        struct ak_hash hash;
        leaf(i, &hash);
        assert_int_equal(ak_range_append(&range, &hash), AK_OK);
    }
    return range;
}

static void proofs(void **state)
{
    (void)state;
    for (uint64_t old = 1; old <= SIZES; old++) {
        struct ak_range left = range_of(0, old);
        struct ak_range right;
        struct ak_hash old_root;

        ak_range_init(&right, old);
        assert_int_equal(ak_range_root(&left, &old_root, NULL), AK_OK);
        for (uint64_t new = old; new <= SIZES; new ++) {
            struct ak_hash proof[AK_PROOF_HASHES_MAX], hash, new_root;
            struct ak_range whole = left;
            unsigned n;

            assert_int_equal(ak_cosign_proof(&left, &right, proof, &n, NULL), AK_OK);
            assert_int_equal(ak_range_merge(&whole, &right, NULL), AK_OK);
            assert_int_equal(ak_range_root(&whole, &new_root, NULL), AK_OK);
            assert_int_equal(ak_consistency_verify(old, new, proof, n, &old_root, &new_root, NULL),
                             AK_OK);
            leaf(new, &hash);
            assert_int_equal(ak_range_append(&right, &hash), AK_OK);
        }
    }
}

static void ranges_that_do_not_meet(void **state)
{
    struct ak_range left = range_of(0, 5), right = range_of(6, 9);
    struct ak_hash proof[AK_PROOF_HASHES_MAX];
    unsigned n;

    (void)state;
    assert_int_equal(ak_cosign_proof(&left, &right, proof, &n, NULL), AK_EINTEGRITY);
    assert_int_equal(ak_cosign_proof(&right, &right, proof, &n, NULL), AK_EINTEGRITY);
}

static void requests(void **state)
{
    struct ak_hash proof[2];
    char *body;
    size_t len;

    (void)state;
    memset(proof[0].b, 0, sizeof(proof[0].b));
    memset(proof[1].b, 0xff, sizeof(proof[1].b));
    assert_int_equal(ak_cosign_request(&body, &len, 12, proof, 2, "a\n1\n", 4, NULL), AK_OK);
    assert_int_equal(len, 7 + 2 * 45 + 1 + 4);
    assert_memory_equal(body,
                        "old 12\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n"
                        "//////////////////////////////////////////8=\n\na\n1\n",
                        len);
    free(body);
    assert_int_equal(ak_cosign_request(&body, &len, UINT64_MAX, NULL, 0, "x", 1, NULL), AK_OK);
    assert_memory_equal(body, "old 18446744073709551615\n\nx", len);
    free(body);
}

/* ---- Answers ---- */

static struct ak_vkey witness;
static unsigned char witness_sk[crypto_sign_SECRETKEYBYTES];
static char note[1024];
static size_t note_len;

static uint32_t key_id(const char *name, const uint8_t *pk)
{
    unsigned char text[512];
    size_t len = (size_t)snprintf((char *)text, sizeof(text), "%s\n%c", name, AK_VKEY_COSIGNATURE);
    struct ak_hash hash;

    memcpy(text + len, pk, AK_ED25519_KEY_BYTES);
    ak_sha256(&hash, text, len + AK_ED25519_KEY_BYTES);
    return (uint32_t)hash.b[0] << 24 | (uint32_t)hash.b[1] << 16 | (uint32_t)hash.b[2] << 8 |
           hash.b[3];
}

static int setup(void **state)
{
    struct ak_checkpoint cp = {.origin = "a.example/log", .size = 7};
    struct ak_vkey log;
    uint8_t pk[AK_ED25519_KEY_BYTES], sk[crypto_sign_SECRETKEYBYTES];
    uint8_t sig[AK_ED25519_SIGNATURE_BYTES];

    (void)state;
    assert_true(sodium_init() >= 0);
    assert_int_equal(crypto_sign_keypair(pk, sk), 0);
    assert_int_equal(ak_vkey_make(&log, cp.origin, pk, NULL), AK_OK);
    note_len = ak_checkpoint_format(note, sizeof(note), &cp);
    assert_int_equal(crypto_sign_detached(sig, NULL, (unsigned char *)note, note_len, sk), 0);
    note[note_len++] = '\n';
    note_len += ak_note_line(note + note_len, sizeof(note) - note_len, &log, sig);
    assert_int_equal(crypto_sign_keypair(witness.key, witness_sk), 0);
    (void)snprintf(witness.name, sizeof(witness.name), "w.example");
    witness.type = AK_VKEY_COSIGNATURE;
    witness.id = key_id(witness.name, witness.key);
    return 0;
}

/* The line of the witness at `time`, over the text with `change` bytes of it flipped. */
static size_t line_of(char *out, size_t cap, uint64_t time, bool change)
{
    unsigned char raw[4 + AK_COSIGNATURE_BYTES];
    char text[1024], base64[256];
    const char *end = strstr(note, "\n\n");
    int len = snprintf(text, sizeof(text), "cosignature/v1\ntime %llu\n%.*s",
                       (unsigned long long)time, (int)(end + 1 - note), note);

    if (change)
        text[len - 5] ^= 1;
    for (unsigned i = 0; i < 4; i++)
        raw[i] = (unsigned char)(witness.id >> (24 - 8 * i));
    for (unsigned i = 0; i < 8; i++)
        raw[4 + i] = (unsigned char)(time >> (56 - 8 * i));
    assert_int_equal(crypto_sign_detached(raw + 12, NULL, (unsigned char *)text,
                                          (unsigned long long)len, witness_sk),
                     0);
    (void)ak_base64_encode(base64, sizeof(base64), raw, sizeof(raw));
    return (size_t)snprintf(out, cap, "\xe2\x80\x94 %s %s\n", witness.name, base64);
}

static enum ak_code answer(const char *body, size_t len, struct ak_cosign_line *line)
{
    return ak_cosign_answer(note, note_len, body, len, &witness, line, NULL);
}

static void answers(void **state)
{
    static const char more[5] = {'m', 'o', 'r', 'e', '\n'};
    static const char empty[5] = {'\n', 'x', 'y', 'z', '\n'};
    static const char other[] = "\xe2\x80\x94 other.example AAAAAUFB\n";
    struct ak_cosign_line line;
    char body[2048];
    size_t len = line_of(body, sizeof(body), 1800000000, false);

    (void)state;
    assert_int_equal(answer(body, len, &line), AK_OK);
    assert_int_equal(line.time, 1800000000);
    assert_int_equal(line.len, len);
    assert_string_equal(line.text, body);
    for (size_t i = 0; i < len; i++) { /* every cut is refused */
        assert_int_not_equal(answer(body, i, &line), AK_OK);
        assert_int_equal(line.time, 0);
    }
    memcpy(body + len, other, sizeof(other)); /* others' lines are passed over */
    assert_int_equal(answer(body, len + sizeof(other) - 1, &line), AK_OK);
    assert_int_equal(line.len, len);
    memmove(body + len, body, len);
    assert_int_equal(answer(body, 2 * len, &line), AK_EMALFORMED); /* twice */
    assert_int_equal(answer(other, sizeof(other) - 1, &line), AK_EKEY);
    len = line_of(body, sizeof(body), 0, false);
    assert_int_equal(answer(body, len, &line), AK_ESIGNATURE); /* no time */
    len = line_of(body, sizeof(body), 1800000000, true);
    assert_int_equal(answer(body, len, &line), AK_ESIGNATURE);
    len = line_of(body + 5, sizeof(body) - 5, 1800000000, false); /* text in front of the line */
    memcpy(body, more, sizeof(more));
    assert_int_equal(answer(body, len + 5, &line), AK_EMALFORMED);
    memcpy(body, empty, sizeof(empty));
    assert_int_equal(answer(body, len + 5, &line), AK_EMALFORMED);
}

static void sizes(void **state)
{
    static const char *const bad[] = {"",       "\n",
                                      "1",      "01\n",
                                      "-1\n",   " 1\n",
                                      "1 \n",   "1\n\n",
                                      "0x1\n",  "9223372036854775808\n",
                                      "1\n2\n", "99999999999999999999\n"};
    uint64_t size;

    (void)state;
    assert_int_equal(ak_cosign_size("0\n", 2, &size, NULL), AK_OK);
    assert_int_equal(size, 0);
    assert_int_equal(ak_cosign_size("9223372036854775807\n", 20, &size, NULL), AK_OK);
    assert_true(size == INT64_MAX);
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_int_equal(ak_cosign_size(bad[i], strlen(bad[i]), &size, NULL), AK_EMALFORMED);
}

/* ---- Files ---- */

static unsigned plan(struct ak_cosign_files *files, uint64_t size, uint64_t seconds, bool quorum,
                     bool last)
{
    struct ak_cosign_old now = {
        .size = size, .seconds = seconds, .quorum = quorum, .keep = last, .lines = 1};
    struct ak_cosign_put put = {0};

    ak_cosign_files_plan(files, &now, &put);
    return put.gone_count;
}

static void files_that_stay(void **state)
{
    struct ak_cosign_files files = {0};

    (void)state;
    files.kept_seconds = 100000;
    assert_int_equal(plan(&files, 10, 100001, true, false), 0);
    assert_int_equal(plan(&files, 10, 100002, true, false), 0);  /* one line more */
    assert_int_equal(plan(&files, 20, 100010, false, false), 0); /* worth less than 10 */
    assert_int_equal(plan(&files, 30, 100020, true, true), 2);
    assert_int_equal(plan(&files, 40, 100030, true, false), 0); /* 30 is the last of its epoch */
    assert_int_equal(plan(&files, 50, 103700, true, false), 1); /* 40: within the hour */
    assert_int_equal(plan(&files, 60, 103710, true, false), 0); /* 50: an hour later, it stays */
    assert_int_equal(plan(&files, 70, 103720, true, false), 1);
    ak_cosign_files_keep(&files, 70);
    assert_int_equal(plan(&files, 80, 103730, true, false), 0);
    for (unsigned i = 0; i < 100; i++) /* bounded, also if no quorum is ever met */
        (void)plan(&files, 100 + i, 103740 + i, false, false);
    assert_true(files.count <= AK_COSIGN_OLD_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(proofs),   cmocka_unit_test(ranges_that_do_not_meet),
        cmocka_unit_test(requests), cmocka_unit_test(answers),
        cmocka_unit_test(sizes),    cmocka_unit_test(files_that_stay),
    };

    return cmocka_run_group_tests(tests, setup, NULL);
}
