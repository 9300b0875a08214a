/* leafhash.c - both ways of hashing many messages give what SHA-256 gives, for every length and
 * place of a message, and never touch a byte that is not the message's. */
#include "leafhash.h"

#include <akashi/tree.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#define BODY_MAX (70u * 64u)

static const char *const paths[] = {"libcrypto", "sha-ni", "avx512"};

static uint64_t random_state = 1;

static uint32_t random_below(uint32_t n)
{
    random_state = random_state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (uint32_t)(random_state >> 33) % n;
}

static void fill_random(uint8_t *out, size_t n)
{
    for (size_t i = 0; i < n; i++)
        out[i] = (uint8_t)random_below(256);
}

/* Runs `test` once for each way this processor has. */
static void on_each_path(void (*test)(void))
{
    for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
        if (!ak_hash_path_force(paths[i])) {
            print_message("skipped: this processor has no %s\n", paths[i]);
            continue;
        }
        assert_string_equal(ak_hash_path(), paths[i]);
        test();
    }
    assert_true(ak_hash_path_force(NULL));
}

static void expected_hash(struct ak_hash *out, const struct ak_message *m)
{
    uint8_t text[1 + AK_MESSAGE_HEAD_MAX + BODY_MAX];
    size_t n = 0;

    text[n++] = m->tag;
    if (m->head_len > 0)
        memcpy(text + n, m->head, m->head_len);
    n += m->head_len;
    if (m->body_len > 0)
        memcpy(text + n, m->body, m->body_len);
    n += m->body_len;
    ak_sha256(out, text, n);
}

static void check_messages(const struct ak_message *message, const struct ak_hash *out, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        struct ak_hash expected;
        expected_hash(&expected, &message[i]);
        assert_memory_equal(out[i].b, expected.b, AK_HASH_BYTES);
    }
}

static void every_length_and_alignment(void)
{
    static uint8_t text[BODY_MAX + 64 + 128];
    static struct ak_message message[BODY_MAX + 1];
    static struct ak_hash out[BODY_MAX + 1];
    uint8_t head[AK_MESSAGE_HEAD_MAX];

    fill_random(text, sizeof(text));
    fill_random(head, sizeof(head));
    for (uint32_t len = 0; len <= BODY_MAX; len++)
        message[len] = (struct ak_message){.head = head,
                                           .body = text + len % 64,
                                           .out = out[len].b,
                                           .body_len = len,
                                           .head_len = (uint8_t)(len % 64),
                                           .tag = (uint8_t)len};
    ak_hash_messages(message, BODY_MAX + 1);
    check_messages(message, out, BODY_MAX + 1);
}

static void random_batches(void)
{
    static uint8_t text[2 * BODY_MAX];
    static struct ak_message message[AK_MESSAGES_SLICE + 40];
    static struct ak_hash out[AK_MESSAGES_SLICE + 40];
    uint8_t head[AK_MESSAGE_HEAD_MAX];

    fill_random(text, sizeof(text));
    fill_random(head, sizeof(head));
    for (unsigned round = 0; round < 60; round++) {
        size_t n = round < 40 ? round : random_below(AK_MESSAGES_SLICE + 40);
        uint32_t longest = random_below(2) == 0 ? 300 : BODY_MAX;
        for (size_t i = 0; i < n; i++)
            message[i] = (struct ak_message){.head = head,
                                             .body = text + random_below(BODY_MAX),
                                             .out = out[i].b,
                                             .body_len = random_below(longest),
                                             .head_len = (uint8_t)random_below(64),
                                             .tag = (uint8_t)random_below(256)};
        ak_hash_messages(message, n);
        check_messages(message, out, n);
    }
}

/* Messages that begin and end at pages that must not be touched. */
static void page_ends(void)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    uint8_t *map = mmap(NULL, 3 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    struct ak_message message[16];
    struct ak_hash out[16];

    assert_ptr_not_equal(map, MAP_FAILED);
    fill_random(map + page, page);
    assert_int_equal(mprotect(map, page, PROT_NONE), 0);
    assert_int_equal(mprotect(map + 2 * page, page, PROT_NONE), 0);
    for (uint32_t base = 0; base < 260; base += 16) {
        for (uint32_t i = 0; i < 16; i++) {
            uint32_t len = base + i;
            bool front = i % 2 == 0;
            message[i] = (struct ak_message){.head = front ? map + page : map + 2 * page - 16,
                                             .body = front ? map + page : map + 2 * page - len,
                                             .out = out[i].b,
                                             .body_len = len,
                                             .head_len = 16,
                                             .tag = 2};
        }
        ak_hash_messages(message, 16);
        check_messages(message, out, 16);
    }
    assert_int_equal(munmap(map, 3 * page), 0);
}

static void salts(void)
{
    uint8_t text[34] = {AK_HASH_SALT};
    uint8_t out[AK_GROUP_ENTRIES][AK_SALT_BYTES];
    uint8_t all[AK_GROUP_ENTRIES][AK_SALT_BYTES];

    fill_random(text + 1, AK_GROUP_KEY_BYTES);
    for (unsigned i = 0; i < AK_GROUP_ENTRIES; i++) {
        struct ak_hash pair;
        text[33] = (uint8_t)(i / 2);
        ak_sha256(&pair, text, sizeof(text));
        memcpy(all[i], pair.b + (i % 2 == 0 ? 0 : 16), AK_SALT_BYTES);
    }
    for (unsigned begin = 0; begin < AK_GROUP_ENTRIES; begin++) {
        for (unsigned count = 0; begin + count <= AK_GROUP_ENTRIES; count += 1 + count / 3) {
            memset(out, 0, sizeof(out));
            ak_salts(out, text + 1, begin, count);
            assert_memory_equal(out, all[begin], (size_t)count * AK_SALT_BYTES);
        }
    }
}

/* Leaves and groups come out as the tree of tree.h has them. */
static void leaves_and_groups(void)
{
    static uint8_t entry[3 * AK_GROUP_ENTRIES][AK_ENTRY_BYTES];
    static struct ak_hash leaf[3 * AK_GROUP_ENTRIES];
    static struct ak_hash scratch[3 * AK_GROUP_ENTRIES / 2];
    struct ak_hash level8[3];

    fill_random(entry[0], sizeof(entry));
    ak_leaves(leaf, (const uint8_t(*)[AK_ENTRY_BYTES])entry, 3 * AK_GROUP_ENTRIES);
    ak_fold_groups(level8, leaf, 3, scratch);
    for (unsigned g = 0; g < 3; g++) {
        struct ak_range range;
        ak_range_init(&range, (uint64_t)g * AK_GROUP_ENTRIES);
        for (unsigned i = g * AK_GROUP_ENTRIES; i < (g + 1) * AK_GROUP_ENTRIES; i++) {
            struct ak_hash expected;
            ak_hash_leaf(&expected, entry[i], AK_ENTRY_BYTES);
            assert_memory_equal(leaf[i].b, expected.b, AK_HASH_BYTES);
            assert_int_equal(ak_range_append(&range, &leaf[i]), AK_OK);
        }
        assert_int_equal(range.count, 1);
        assert_memory_equal(level8[g].b, range.hash[0].b, AK_HASH_BYTES);
    }
    ak_fold_groups(level8, leaf, 0, scratch);
}

static void test_every_length_and_alignment(void **state)
{
    (void)state;
    on_each_path(every_length_and_alignment);
}

static void test_random_batches(void **state)
{
    (void)state;
    on_each_path(random_batches);
}

static void test_page_ends(void **state)
{
    (void)state;
    on_each_path(page_ends);
}

static void test_salts(void **state)
{
    (void)state;
    on_each_path(salts);
}

static void test_leaves_and_groups(void **state)
{
    (void)state;
    on_each_path(leaves_and_groups);
}

static void test_unknown_path_is_refused(void **state)
{
    const char *before = ak_hash_path();

    (void)state;
    assert_false(ak_hash_path_force("md5"));
    assert_string_equal(ak_hash_path(), before);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_length_and_alignment),
        cmocka_unit_test(test_random_batches),
        cmocka_unit_test(test_page_ends),
        cmocka_unit_test(test_salts),
        cmocka_unit_test(test_leaves_and_groups),
        cmocka_unit_test(test_unknown_path_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
