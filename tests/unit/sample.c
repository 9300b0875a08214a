/* sample.c - sizes and bounds against tables and exact counting; draws against a worked example. */
#include <akashi/sample.h>

#include <akashi/base64.h>
#include <akashi/tree.h>

#include "reference.h"
#include "sample.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define SMALL 36u /* populations that are counted out */

static const uint32_t confidences[] = {90000, 95000, 99000};

/* The sizes that auditors' tables give for populations without end. */
static void test_table(void **state)
{
    static const uint32_t rates[] = {100000, 50000, 40000, 30000, 20000, 10000, 5000, 1000};
    static const uint64_t known[3][8] = {{22, 45, 57, 76, 114, 230, 460, 2302},
                                         {29, 59, 74, 99, 149, 299, 598, 2995},
                                         {44, 90, 113, 152, 228, 459, 919, 4603}};
    const uint64_t count = UINT64_C(1) << 60;

    (void)state;
    for (unsigned c = 0; c < 3; c++) {
        for (unsigned r = 0; r < 8; r++)
            assert_int_equal(
                ak_sample_size(count, ak_sample_tolerated(count, rates[r]), confidences[c]),
                known[c][r]);
    }
}

/* And those for populations that have one. */
static void test_finite(void **state)
{
    static const struct {
        uint64_t count;
        uint32_t rate;
        uint64_t size;
    } known[] = {{1000, 50000, 57},
                 {1000, 10000, 258},
                 {10000, 50000, 59},
                 {10000, 10000, 294},
                 {10000, 1000, 2588}};

    (void)state;
    for (unsigned i = 0; i < sizeof(known) / sizeof(known[0]); i++)
        assert_int_equal(ak_sample_size(known[i].count,
                                        ak_sample_tolerated(known[i].count, known[i].rate), 95000),
                         known[i].size);
}

static uint64_t choose[SMALL + 1][SMALL + 1];

static void fill_choose(void)
{
    for (unsigned n = 0; n <= SMALL; n++) {
        choose[n][0] = 1;
        for (unsigned k = 1; k <= n; k++)
            choose[n][k] = choose[n - 1][k - 1] + (k < n ? choose[n - 1][k] : 0);
    }
}

/* Whether P(at most `found` of `bad`) > 1 - confidence, in whole numbers. */
static bool likely(unsigned count, unsigned bad, unsigned drawn, unsigned found, uint32_t conf)
{
    unsigned __int128 ways = 0;

    for (unsigned i = 0; i <= found && i <= bad; i++) {
        if (drawn - i <= count - bad)
            ways += (unsigned __int128)choose[bad][i] * choose[count - bad][drawn - i];
    }
    return ways * AK_SAMPLE_CONFIDENCE_UNIT >
           (unsigned __int128)choose[count][drawn] * (AK_SAMPLE_CONFIDENCE_UNIT - conf);
}

/* The size is the least with which so many deviations are found, for every small population. */
static void test_size_counted(void **state)
{
    (void)state;
    fill_choose();
    for (unsigned count = 1; count <= SMALL; count++) {
        for (unsigned bad = 1; bad <= count; bad++) {
            for (unsigned c = 0; c < 3; c++) {
                unsigned n = 1;
                while (likely(count, bad, n, 0, confidences[c]))
                    n++;
                assert_int_equal(ak_sample_size(count, bad, confidences[c]), n);
            }
        }
    }
}

/* The bound is the greatest number of deviations that is not excluded, likewise. */
static void test_bound_counted(void **state)
{
    (void)state;
    fill_choose();
    for (unsigned count = 1; count <= SMALL; count += 5) {
        for (unsigned drawn = 0; drawn <= count; drawn++) {
            for (unsigned found = 0; found <= drawn; found++) {
                unsigned bad = count - (drawn - found);
                while (bad > found && !likely(count, bad, drawn, found, 95000))
                    bad--;
                assert_int_equal(ak_sample_bound(count, drawn, found, 95000), bad);
            }
        }
    }
}

/* What a size was planned for is what no deviation then shows, also in populations that are smaller
 * by what was drawn on past. */
static void test_plan_holds(void **state)
{
    (void)state;
    for (uint64_t count = 100; count < 100000; count = count * 3 / 2 + 7) {
        uint64_t n = ak_sample_size(count, ak_sample_tolerated(count, 10000), 95000);
        for (uint64_t less = 0; less < 60 && n <= count - less; less += 7) {
            uint64_t bound = ak_sample_bound(count - less, n, 0, 95000);
            assert_true(bound * 100 < count - less);
        }
    }
    assert_true(ak_sample_bound(UINT64_C(1) << 62, 299, 0, 95000) < (UINT64_C(1) << 62) / 100);
    assert_true(ak_sample_bound(UINT64_C(1) << 62, 298, 0, 95000) > (UINT64_C(1) << 62) / 100);
    assert_int_equal(ak_sample_bound(5, 5, 2, 95000), 2);
}

static const char origin[] = "power-a.example/syslog/00112233445566778899aabbccddeeff";

static struct ak_hash seed_of(uint64_t first, uint64_t end, size_t beacon_len)
{
    struct ak_sample_text text = {.origin = origin, .size = 1000, .first = first, .end = end};
    uint8_t nonce[32];
    struct ak_hash seed;

    for (unsigned i = 0; i < sizeof(nonce); i++)
        nonce[i] = (uint8_t)i;
    ak_sha256(&text.root, "root", 4);
    text.nonce = text.beacon = nonce;
    text.nonce_len = sizeof(nonce);
    text.beacon_len = beacon_len;
    ak_sample_seed(&text, &seed);
    return seed;
}

static void check_hex(const struct ak_hash *hash, const char *expected)
{
    char hex[2 * AK_HASH_BYTES + 1];

    (void)ak_hex_encode(hex, sizeof(hex), hash->b, AK_HASH_BYTES);
    assert_string_equal(hex, expected);
}

static void check_draw(const struct ak_hash *seed, uint64_t first, uint64_t end,
                       const uint64_t *expected, size_t count, bool all)
{
    struct ak_sample_draw *draw;
    uint64_t index;
    bool more;

    assert_int_equal(ak_sample_draw_new(&draw, seed, first, end, NULL), AK_OK);
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(ak_sample_draw_next(draw, &index, &more, NULL), AK_OK);
        assert_true(more);
        assert_int_equal(index, expected[i]);
    }
    assert_int_equal(ak_sample_draw_next(draw, &index, &more, NULL), AK_OK);
    assert_int_equal(more, !all);
    ak_sample_draw_free(draw);
}

/* Seeds and indices are those of another program written from the text. */
static void test_draw(void **state)
{
    static const uint64_t thousand[] = {15, 380, 442, 131, 703, 816, 552, 760, 787, 239, 997, 790};
    static const uint64_t dozen[] = {7, 0, 2, 3, 8, 4, 11, 1, 6, 9, 5, 10};
    static const uint64_t many[] = {UINT64_C(5456329113814381020), UINT64_C(5885279061132916590),
                                    UINT64_C(5343969119976011136), UINT64_C(5795799752076050708),
                                    UINT64_C(1149114593749676387), UINT64_C(4648746790032136002)};
    struct ak_hash seed = seed_of(0, 1000, 0);
    struct ak_hash digest;
    struct ak_hash lines;

    (void)state;
    check_hex(&seed, "3e29306cbae139284b42d9245289b96ea8d40a21d1e76135ceaa77f266cabd63");
    check_draw(&seed, 0, 1000, thousand, 12, false);
    check_draw(&seed, 0, 12, dozen, 12, true);
    check_draw(&seed, 5, 5 + 3 * (UINT64_C(1) << 61) + 1, many, 6, false);
    ak_sha256(&digest, "a\nb\n", 4);
    ak_sample_line_seed(&seed, 77, &digest, &lines);
    check_hex(&lines, "b8c852d9d1dd0ff1bed7b8ad309d4824bc13c219d651980eff104f15cb40155a");
}

/* Another range, and a beacon, are another seed. */
static void test_seed_differs(void **state)
{
    struct ak_hash seed = seed_of(0, 1000, 0);
    struct ak_hash range = seed_of(1, 1000, 0);
    struct ak_hash beacon = seed_of(0, 1000, 16);

    (void)state;
    assert_false(ak_hash_equal(&seed, &range));
    assert_false(ak_hash_equal(&seed, &beacon));
}

/* A range of one power of two refuses no number; every index comes once. */
static void test_draw_all(void **state)
{
    struct ak_hash seed = seed_of(0, 1000, 0);
    struct ak_sample_draw *draw;
    uint8_t seen[4096] = {0};
    uint64_t index;
    bool more;

    (void)state;
    assert_int_equal(ak_sample_draw_new(&draw, &seed, 100, 100 + sizeof(seen), NULL), AK_OK);
    for (unsigned i = 0; i < sizeof(seen); i++) {
        assert_int_equal(ak_sample_draw_next(draw, &index, &more, NULL), AK_OK);
        assert_true(more && index >= 100 && index < 100 + sizeof(seen));
        assert_int_equal(seen[index - 100]++, 0);
    }
    assert_int_equal(ak_sample_draw_next(draw, &index, &more, NULL), AK_OK);
    assert_false(more);
    ak_sample_draw_free(draw);
}

/* No more indices than a sample can have. */
static void test_draw_limit(void **state)
{
    struct ak_hash seed = seed_of(0, 1000, 0);
    struct ak_sample_draw *draw;
    uint64_t index;
    bool more;
    enum ak_code rc = AK_OK;
    unsigned n = 0;

    (void)state;
    assert_int_equal(ak_sample_draw_new(&draw, &seed, 0, UINT64_C(1) << 40, NULL), AK_OK);
    while (rc == AK_OK) {
        rc = ak_sample_draw_next(draw, &index, &more, NULL);
        n++;
    }
    assert_int_equal(rc, AK_ELIMIT);
    assert_int_equal(n, AK_SAMPLE_DRAWN_MAX + 1);
    ak_sample_draw_free(draw);
}

static enum ak_code on_node(void *ctx, unsigned level, uint64_t index, struct ak_hash *out,
                            struct ak_error *err)
{
    (void)ctx;
    (void)err;
    *out = reference_root(index << level, (index + 1) << level);
    return AK_OK;
}

/* The root behind an entry follows from its inclusion proof in every larger tree. */
static void test_root_at(void **state)
{
    struct ak_hash path[AK_PROOF_HASHES_MAX];
    unsigned n;

    (void)state;
    for (uint64_t size = 1; size <= REFERENCE_LEAVES; size++) {
        for (uint64_t index = 0; index < size; index++) {
            struct ak_hash leaf = reference_root(index, index + 1);
            struct ak_hash expected = reference_root(0, index + 1);
            struct ak_hash root;
            assert_int_equal(
                ak_inclusion_make(index, size, on_node, NULL, path, AK_PROOF_HASHES_MAX, &n, NULL),
                AK_OK);
            ak_sample_root_at(index, size, &leaf, path, n, &root);
            assert_true(ak_hash_equal(&root, &expected));
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_table),        cmocka_unit_test(test_finite),
        cmocka_unit_test(test_size_counted), cmocka_unit_test(test_bound_counted),
        cmocka_unit_test(test_plan_holds),   cmocka_unit_test(test_draw),
        cmocka_unit_test(test_seed_differs), cmocka_unit_test(test_draw_all),
        cmocka_unit_test(test_draw_limit),   cmocka_unit_test(test_root_at),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
