/* parts.c - commitments by parts are what format.md 3.4 says, whichever way they are hashed, and
 * what is shown of a record proves itself: nothing else does. */
#include "leafhash.h"
#include "reference_parts.h"

#include <akashi/parts.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define TEXT_MAX  9000u
#define RECORDS   600u
#define SHOWN_MAX 64u

static const char *const paths[] = {"libcrypto", "sha-ni", "avx512"};

static uint64_t random_state = 1;

static uint32_t random_below(uint32_t n)
{
    random_state = random_state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (uint32_t)(random_state >> 33) % n;
}

/* Text of letters and separators in all mixtures; now and then any bytes. */
static void fill_text(uint8_t *out, size_t n)
{
    static const char letters[] = "ab.9-/\xe3\x81";
    static const char separators[] = " ,=\"[\n";
    uint32_t share = random_below(11);

    for (size_t i = 0; i < n; i++) {
        if (share == 10)
            out[i] = (uint8_t)random_below(256);
        else if (random_below(10) < share)
            out[i] = (uint8_t)separators[random_below(sizeof(separators) - 1)];
        else
            out[i] = (uint8_t)letters[random_below(sizeof(letters) - 1)];
    }
}

static void fill_key(uint8_t key[32])
{
    for (unsigned i = 0; i < 32; i++)
        key[i] = (uint8_t)random_below(256);
}

static void on_each_path(void (*test)(void))
{
    for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
        if (!ak_hash_path_force(paths[i])) {
            print_message("skipped: this processor has no %s\n", paths[i]);
            continue;
        }
        test();
    }
    assert_true(ak_hash_path_force(NULL));
}

static void check_split(const uint8_t *text, size_t len)
{
    static size_t end[AK_PARTS_MAX];
    uint32_t m = reference_split(text, len, end, AK_PARTS_MAX);
    size_t at = 0;

    assert_int_equal(ak_parts_count(text, len), m);
    for (uint32_t j = 0; j < m; j++) {
        assert_int_equal(ak_part_length(text + at, len - at), end[j] - at);
        at = end[j];
    }
    assert_int_equal(at, len);
}

/* The split is the one of the format's words, for every byte and mixture. */
static void test_split(void **state)
{
    static uint8_t text[TEXT_MAX];
    uint8_t all[256 * 6];

    (void)state;
    for (unsigned b = 0; b < 256; b++) {
        memset(all + (size_t)b * 6, 'a', 5);
        all[b * 6 + 5] = (uint8_t)b;
    }
    check_split(all, sizeof(all));
    for (unsigned round = 0; round < 3000; round++) {
        size_t n = round < 100 ? round : random_below(TEXT_MAX);
        fill_text(text, n);
        check_split(text, n);
    }
    memset(text, ' ', sizeof(text));
    check_split(text, sizeof(text));
    memset(text, 'x', sizeof(text));
    check_split(text, sizeof(text));
}

/* An example in words: addresses and names stay whole, and a word of less than four bytes takes in
 * the next. */
static void test_split_of_a_line(void **state)
{
    static const char line[] = "sshd[412]: Failed password for root from 192.0.2.7 port 22 ssh2";
    static const char *const part[] = {"sshd[", "412]",  ": Failed ",  "password ", "for ",
                                       "root ", "from ", "192.0.2.7 ", "port ",     "22 ssh2"};
    const uint8_t *at = (const uint8_t *)line;
    size_t left = strlen(line);

    (void)state;
    for (size_t j = 0; j < sizeof(part) / sizeof(part[0]); j++) {
        size_t n = ak_part_length(at, left);
        assert_int_equal(n, strlen(part[j]));
        assert_memory_equal(at, part[j], n);
        at += n;
        left -= n;
    }
    assert_int_equal(left, 0);
}

/* The most parts that the longest payload can have, and its commitment. */
static void test_most_parts(void **state)
{
    static uint8_t text[AK_PAYLOAD_BYTES_MAX];
    static size_t end[AK_PARTS_MAX];
    uint8_t key[32];
    struct ak_parts_room *room = ak_parts_room_new();
    struct ak_hash expected;
    struct ak_hash out;

    (void)state;
    assert_non_null(room);
    fill_key(key);
    for (size_t i = 0; i < sizeof(text); i++)
        text[i] = i % 4 == 3 ? ',' : 'a';
    assert_int_equal(ak_parts_count(text, sizeof(text)), AK_PARTS_MAX);
    expected = reference_parts(key, text, sizeof(text), end, AK_PARTS_MAX);
    ak_parts_take(room, key, text, sizeof(text), out.b);
    ak_parts_finish(room);
    assert_memory_equal(out.b, expected.b, 32);
    ak_parts_commitment(&out, key, text, sizeof(text));
    assert_memory_equal(out.b, expected.b, 32);
    ak_parts_room_free(room);
}

/* Records of all lengths, taken together, in whatever order they fill the room. */
static void records(void)
{
    static uint8_t text[RECORDS][TEXT_MAX];
    static uint8_t key[RECORDS][32];
    static size_t len[RECORDS];
    static struct ak_hash out[RECORDS];
    size_t end[TEXT_MAX / 4 + 1];
    struct ak_parts_room *room = ak_parts_room_new();

    assert_non_null(room);
    for (unsigned round = 0; round < 3; round++) {
        uint32_t longest = round == 0 ? 40 : round == 1 ? 500 : TEXT_MAX;
        for (unsigned i = 0; i < RECORDS; i++) {
            len[i] = i < 50 ? i : random_below(longest + 1);
            fill_text(text[i], len[i]);
            fill_key(key[i]);
            ak_parts_take(room, key[i], text[i], len[i], out[i].b);
        }
        ak_parts_finish(room);
        for (unsigned i = 0; i < RECORDS; i++) {
            struct ak_hash expected =
                reference_parts(key[i], text[i], len[i], end, TEXT_MAX / 4 + 1);
            assert_memory_equal(out[i].b, expected.b, 32);
        }
    }
    /* More records than a slice has room for, all empty. */
    for (unsigned i = 0; i < 3 * AK_MESSAGES_SLICE; i++)
        ak_parts_take(room, key[i % RECORDS], NULL, 0, out[i % RECORDS].b);
    ak_parts_finish(room);
    for (unsigned i = 0; i < RECORDS; i++) {
        struct ak_hash expected = reference_parts(key[i], NULL, 0, end, 1);
        assert_memory_equal(out[i].b, expected.b, 32);
    }
    ak_parts_room_free(room);
}

static void test_records(void **state)
{
    (void)state;
    on_each_path(records);
}

static void test_keys_and_salts(void **state)
{
    uint8_t group_key[32];
    uint8_t keys[256][32];
    uint8_t expected[32];

    (void)state;
    fill_key(group_key);
    for (unsigned begin = 0; begin < 256; begin += 17) {
        ak_record_keys(keys, group_key, begin, 256 - begin);
        for (unsigned i = begin; i < 256; i++) {
            reference_record_key(expected, group_key, 1024 + i);
            assert_memory_equal(keys[i - begin], expected, 32);
        }
    }
    for (uint32_t j = 0; j < AK_PARTS_MAX; j = j * 3 / 2 + 1) {
        uint8_t salt[16];
        ak_part_salt(salt, group_key, j);
        reference_part_salt(expected, group_key, j);
        assert_memory_equal(salt, expected, 16);
    }
}

/* A record whose parts can be shown and withheld one by one. */
struct record {
    uint8_t text[2000];
    size_t len;
    uint8_t key[32];
    size_t end[500];
    uint32_t m;
    struct ak_hash commitment;
};

static void make_record(struct record *r)
{
    do {
        r->len = random_below(sizeof(r->text));
        fill_text(r->text, r->len);
        fill_key(r->key);
        r->commitment = reference_parts(r->key, r->text, r->len, r->end, 500);
        r->m = reference_split(r->text, r->len, r->end, 500);
    } while (r->m < 8);
}

static enum ak_code put(struct ak_parts_shown *shown, const struct record *r, uint32_t j, bool show)
{
    size_t begin = j == 0 ? 0 : r->end[j - 1];
    struct ak_hash c = reference_part(r->key, j, r->text + begin, r->end[j] - begin);
    uint8_t salt[16];

    if (!show)
        return ak_parts_shown_withheld(shown, c.b, NULL);
    reference_part_salt(salt, r->key, j);
    return ak_parts_shown_part(shown, salt, r->text + begin, r->end[j] - begin, NULL);
}

/* Whatever is withheld, the rest proves itself. */
static void test_shown(void **state)
{
    static struct record r;

    (void)state;
    for (unsigned round = 0; round < 500; round++) {
        struct ak_parts_shown shown;
        struct ak_hash out;
        uint32_t share = random_below(4);
        make_record(&r);
        assert_int_equal(ak_parts_shown_begin(&shown, r.m, NULL), AK_OK);
        for (uint32_t j = 0; j < r.m; j++)
            assert_int_equal(put(&shown, &r, j, random_below(3) < share), AK_OK);
        assert_int_equal(ak_parts_shown_end(&shown, &out, NULL), AK_OK);
        assert_memory_equal(out.b, r.commitment.b, 32);
    }
}

/* Swapped, re-salted, changed, of another record: another commitment, or no split. */
static void test_shown_forged(void **state)
{
    static struct record r;
    static struct record other;

    (void)state;
    for (unsigned round = 0; round < 600; round++) {
        struct ak_parts_shown shown;
        struct ak_hash out;
        uint32_t at;
        unsigned how = round % 6;
        enum ak_code rc;
        make_record(&r);
        make_record(&other);
        at = random_below(r.m - 1);
        rc = ak_parts_shown_begin(&shown, how == 5 ? r.m + 1 : r.m, NULL);
        for (uint32_t j = 0; j < r.m && rc == AK_OK; j++) {
            size_t begin = j == 0 ? 0 : r.end[j - 1];
            uint8_t salt[16];
            if (how == 0 && j == at)
                rc = put(&shown, &r, at + 1, false);
            else if (how == 0 && j == at + 1)
                rc = put(&shown, &r, at, false);
            else if (how == 1 && j == at)
                rc = put(&shown, &other, j % other.m, true);
            else if (how == 2 && j == at)
                rc = put(&shown, &other, j % other.m, false);
            else if (how == 3 && j == at) {
                reference_part_salt(salt, other.key, j);
                rc = ak_parts_shown_part(&shown, salt, r.text + begin, r.end[j] - begin, NULL);
            } else if (how == 4 && j == at) {
                uint8_t text[38];
                reference_part_salt(salt, r.key, j);
                memcpy(text, r.text + begin, r.end[j] - begin);
                text[0] ^= 1;
                rc = ak_parts_shown_part(&shown, salt, text, r.end[j] - begin, NULL);
            } else
                rc = put(&shown, &r, j, true);
        }
        if (rc == AK_OK)
            rc = ak_parts_shown_end(&shown, &out, NULL);
        if (rc == AK_OK)
            assert_memory_not_equal(out.b, r.commitment.b, 32);
        else
            assert_int_equal(rc, AK_EMALFORMED);
    }
}

static enum ak_code show(const char *const *part, uint32_t count, const char *error)
{
    const uint8_t salt[32] = {0}; /* or a commitment */
    struct ak_parts_shown shown;
    struct ak_error err = {0};
    struct ak_hash out;
    enum ak_code rc = ak_parts_shown_begin(&shown, count, &err);

    for (uint32_t j = 0; rc == AK_OK && part[j] != NULL; j++)
        rc = part[j][0] == '?' ? ak_parts_shown_withheld(&shown, salt, &err)
                               : ak_parts_shown_part(&shown, salt, (const uint8_t *)part[j],
                                                     strlen(part[j]), &err);
    if (rc == AK_OK)
        rc = ak_parts_shown_end(&shown, &out, &err);
    if (error[0] != '\0' && strstr(err.text, error) == NULL)
        fail_msg("not \"%s\", but \"%s\"", error, err.text);
    return rc;
}

/* A collector that splits as it likes is caught where the parts are shown: each fault is named. */
static void test_other_splits(void **state)
{
    static const char long_one[] = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"; /* 39 */
    static const char full[] = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";      /* 38 */
    static const struct {
        const char *part[5];
        uint32_t count;
        const char *error;
    } bad[] = {
        {{"user=", "a b c d"}, 2, "part 1 would be split again"},
        {{"use", "r=me"}, 2, "part 0 would go on"},
        {{"user", "=me"}, 2, "part 0 would go on"},
        {{"user=", "?", "a", "?"}, 4, "part 2 would go on"},
        {{"user=", " me"}, 2, "part 1 would begin in the part before it"},
        {{"", "me"}, 2, "part 0 is empty"},
        {{"me, ", "you, ", ""}, 3, "part 2 is empty"},
        {{long_one}, 1, "longer than a part may be"},
        {{"me", "?"}, 1, "part 1 is one too many"},
        {{"me", "you"}, 1, "part 1 is one too many"},
        {{"user=", "?"}, 3, "it has 2 parts, and 3 are stated"},
        {{"?"}, 0, "no record has 0 parts"},
        {{"?"}, AK_PARTS_MAX + 1, "no record has 262145 parts"},
    };
    static const struct {
        const char *part[5];
        uint32_t count;
    } good[] = {
        {{""}, 1},
        {{"a"}, 1},
        {{"?"}, 1},
        {{"user=", "?", "me"}, 3},
        {{"user=", "?", " me "}, 3}, /* the part before it may have had 38 bytes */
        {{full, " me"}, 2},
        {{full, full, "a"}, 3},
        {{"?", "?", "   ,"}, 3},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_int_equal(show(bad[i].part, bad[i].count, bad[i].error), AK_EMALFORMED);
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
        assert_int_equal(show(good[i].part, good[i].count, ""), AK_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_split),          cmocka_unit_test(test_split_of_a_line),
        cmocka_unit_test(test_most_parts),     cmocka_unit_test(test_records),
        cmocka_unit_test(test_keys_and_salts), cmocka_unit_test(test_shown),
        cmocka_unit_test(test_shown_forged),   cmocka_unit_test(test_other_splits),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
