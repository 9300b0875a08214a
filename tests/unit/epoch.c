/* epoch.c - origins, entries, start notes of epochs and checkpoints judged by them; every way in
 * which one can be nearly right. */
#include <akashi/base64.h>
#include <akashi/entry.h>
#include <akashi/epoch.h>
#include <akashi/segment.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <sodium.h>

#define EPOCHS 3u

struct key {
    uint8_t pk[32];
    uint8_t sk[64];
    struct ak_vkey vkey;
};

static char origin[AK_LOG_ORIGIN_BYTES_MAX + 1];
static struct key log_key;
static struct key epoch_key[EPOCHS];
static struct ak_hash leaf[EPOCHS];
static struct ak_hash tree_root; /* of the log, where a note needs one */

static void make_key(struct key *key, uint8_t seed)
{
    uint8_t bytes[32];

    memset(bytes, seed, sizeof(bytes));
    assert_int_equal(crypto_sign_seed_keypair(key->pk, key->sk, bytes), 0);
}

/* The tree of three keys: node(node(0, 1), 2). */
static void epoch_root(struct ak_hash *root)
{
    ak_hash_node(root, &leaf[0], &leaf[1]);
    ak_hash_node(root, root, &leaf[2]);
}

static int setup(void **state)
{
    struct ak_hash root;
    char hex[33];

    (void)state;
    assert_true(sodium_init() >= 0);
    make_key(&log_key, 100);
    for (unsigned e = 0; e < EPOCHS; e++) {
        make_key(&epoch_key[e], (uint8_t)e);
        ak_hash_leaf(&leaf[e], epoch_key[e].pk, 32);
    }
    epoch_root(&root);
    assert_int_equal(ak_hex_encode(hex, sizeof(hex), root.b, 16), 32);
    (void)snprintf(origin, sizeof(origin), "epoch.example/%s", hex);
    assert_int_equal(ak_vkey_make(&log_key.vkey, origin, log_key.pk, NULL), AK_OK);
    for (unsigned e = 0; e < EPOCHS; e++) {
        char name[AK_KEY_NAME_BYTES_MAX + 1];
        (void)snprintf(name, sizeof(name), "%s/epoch/%u", origin, e);
        assert_int_equal(ak_vkey_make(&epoch_key[e].vkey, name, epoch_key[e].pk, NULL), AK_OK);
    }
    ak_sha256(&tree_root, "root", 4);
    return 0;
}

/* Appends a signature line over the first `text_len` bytes. */
static size_t add_line(char *note, size_t n, size_t cap, size_t text_len, const struct key *key)
{
    uint8_t sig[64];
    size_t len;

    assert_int_equal(crypto_sign_detached(sig, NULL, (const uint8_t *)note, text_len, key->sk), 0);
    len = ak_note_line(note + n, cap - n, &key->vkey, sig);
    assert_true(len > 0);
    return n + len;
}

static size_t add_hash(char *note, size_t n, size_t cap, const struct ak_hash *hash)
{
    n += ak_base64_encode(note + n, cap - n, hash->b, 32);
    note[n++] = '\n';
    return n;
}

/* The text of the start note of epoch e, with an empty line behind it; `*text_len` without it. */
static size_t start_text(char *note, size_t cap, unsigned e, size_t *text_len)
{
    char vkey[AK_VKEY_TEXT_BYTES_MAX];
    struct ak_hash pk;
    size_t n;

    assert_true(ak_vkey_format(vkey, sizeof(vkey), &log_key.vkey) > 0);
    n = (size_t)snprintf(note, cap, "akashi/epoch/v1\n%s\n%u\n%u\n", origin, e, e * 1000);
    n = add_hash(note, n, cap, &tree_root);
    n += (size_t)snprintf(note + n, cap - n, "%s\n%u\n", vkey, EPOCHS);
    memcpy(pk.b, epoch_key[e].pk, 32);
    n = add_hash(note, n, cap, &pk);
    if (e < 2) {
        n = add_hash(note, n, cap, &leaf[1 - e]);
        n = add_hash(note, n, cap, &leaf[2]);
    } else {
        struct ak_hash node;
        ak_hash_node(&node, &leaf[0], &leaf[1]);
        n = add_hash(note, n, cap, &node);
    }
    *text_len = n;
    note[n++] = '\n';
    return n;
}

static size_t start_note(char *note, size_t cap, unsigned e)
{
    size_t text_len;
    size_t n = start_text(note, cap, e, &text_len);

    if (e > 0)
        n = add_line(note, n, cap, text_len, &epoch_key[e - 1]);
    n = add_line(note, n, cap, text_len, &epoch_key[e]);
    return add_line(note, n, cap, text_len, &log_key);
}

static void test_start_notes(void **state)
{
    char note[4096];

    (void)state;
    for (unsigned e = 0; e < EPOCHS; e++) {
        struct ak_epoch_note epoch;
        struct ak_error err;
        size_t n = start_note(note, sizeof(note), e);
        enum ak_code rc = ak_epoch_note_verify(&epoch, note, n, &log_key.vkey,
                                               e > 0 ? &epoch_key[e - 1].vkey : NULL, &err);
        if (rc != AK_OK)
            fail_msg("epoch %u: %s", e, err.text);
        assert_int_equal(epoch.epoch, e);
        assert_int_equal(epoch.index, e * 1000);
        assert_int_equal(epoch.epochs, EPOCHS);
        assert_string_equal(epoch.key.name, epoch_key[e].vkey.name);
        assert_memory_equal(epoch.root.b, tree_root.b, 32);
        for (size_t len = 0; len < n; len++)
            assert_int_not_equal(ak_epoch_note_parse(&epoch, note, len, origin, &err), AK_OK);
    }
}

/* Replaces the first `from` by `to` of the same length and signs anew. */
static size_t changed_note(char *note, size_t cap, unsigned e, const char *from, const char *to)
{
    size_t text_len;
    size_t n = start_text(note, cap, e, &text_len);
    char *at;

    note[n] = '\0';
    at = strstr(note, from);
    assert_non_null(at);
    while (*to != '\0')
        *at++ = *to++;
    n = add_line(note, n, cap, text_len, &epoch_key[e]);
    return add_line(note, n, cap, text_len, &log_key);
}

static void test_start_notes_nearly_right(void **state)
{
    static const struct {
        const char *from;
        const char *to;
        enum ak_code rc;
        const char *text;
    } cases[] = {
        {"epoch/v1", "epoch/v2", AK_EMALFORMED, "begin"},
        {"epoch.example", "epoch.exampla", AK_EMALFORMED, "another log"},
        {"\n0\n0\n", "\n3\n0\n", AK_EMALFORMED, "list of keys"},
        {"\n0\n0\n", "\n0\nx\n", AK_EMALFORMED, "index"},
        {"\n3\n", "\n0\n", AK_EMALFORMED, "length"},
        {"\n3\n", "\n1\n", AK_EMALFORMED, "too long"},
        {"\n3\n", "\n9\n", AK_EMALFORMED, "too short"},
        {"=\n\n", "A\n\n", AK_EMALFORMED, "no hash"},
    };
    char note[4096];
    struct ak_epoch_note epoch;
    struct ak_error err;

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        size_t n = changed_note(note, sizeof(note), 0, cases[i].from, cases[i].to);
        enum ak_code rc = ak_epoch_note_parse(&epoch, note, n, origin, &err);
        if (rc != cases[i].rc || strstr(err.text, cases[i].text) == NULL)
            fail_msg("%s: %s %s", cases[i].to, ak_code_name(rc), err.text);
    }
}

/* A key that is in no list: its proof leads elsewhere (R9). */
static void test_key_outside_of_the_list(void **state)
{
    struct key own = epoch_key[0];
    struct ak_epoch_note epoch;
    struct ak_error err;
    char note[4096];
    size_t n;

    (void)state;
    make_key(&epoch_key[0], 77);
    assert_int_equal(ak_vkey_make(&epoch_key[0].vkey, own.vkey.name, epoch_key[0].pk, NULL), AK_OK);
    n = start_note(note, sizeof(note), 0);
    assert_int_equal(ak_epoch_note_parse(&epoch, note, n, origin, &err), AK_EINTEGRITY);
    assert_non_null(strstr(err.text, "R9"));
    epoch_key[0] = own;
}

static void test_signatures_of_start_notes(void **state)
{
    struct ak_epoch_note epoch;
    struct ak_vkey other = log_key.vkey;
    char note[4096];
    size_t text_len;
    size_t n;

    (void)state;
    n = start_text(note, sizeof(note), 0, &text_len);
    n = add_line(note, n, sizeof(note), text_len, &log_key);
    n = add_line(note, n, sizeof(note), text_len, &epoch_key[0]);
    assert_int_equal(ak_epoch_note_parse(&epoch, note, n, origin, NULL), AK_EMALFORMED);
    n = start_text(note, sizeof(note), 0, &text_len);
    n = add_line(note, n, sizeof(note), text_len, &epoch_key[0]);
    assert_int_equal(ak_epoch_note_parse(&epoch, note, n, origin, NULL), AK_EMALFORMED);
    n = start_text(note, sizeof(note), 0, &text_len);
    n = add_line(note, n, sizeof(note), text_len - 1, &epoch_key[0]);
    n = add_line(note, n, sizeof(note), text_len, &log_key);
    assert_int_equal(ak_epoch_note_parse(&epoch, note, n, origin, NULL), AK_OK);
    assert_int_equal(ak_epoch_note_verify(&epoch, note, n, &log_key.vkey, NULL, NULL),
                     AK_ESIGNATURE);
    memcpy(other.key, epoch_key[2].pk, 32);
    n = start_note(note, sizeof(note), 0);
    assert_int_equal(ak_epoch_note_verify(&epoch, note, n, &other, NULL, NULL), AK_EKEY);
}

static size_t checkpoint(char *note, size_t cap, const char *of, uint64_t size, unsigned e,
                         bool by_log, bool by_epoch)
{
    struct ak_checkpoint cp = {.size = size, .root = tree_root};
    size_t text_len;
    size_t n;

    (void)snprintf(cp.origin, sizeof(cp.origin), "%s", of);
    text_len = ak_checkpoint_format(note, cap, &cp);
    n = text_len;
    note[n++] = '\n';
    if (by_log)
        n = add_line(note, n, cap, text_len, &log_key);
    if (by_epoch)
        n = add_line(note, n, cap, text_len, &epoch_key[e]);
    return n;
}

static enum ak_code judge(const char *note, size_t n, unsigned e, struct ak_log_checkpoint *out)
{
    return ak_log_checkpoint_verify(&log_key.vkey, &epoch_key[e].vkey, note, n, out, NULL);
}

static void test_checkpoints(void **state)
{
    struct ak_log_checkpoint out;
    char note[4096];
    size_t n;

    (void)state;
    n = checkpoint(note, sizeof(note), origin, 5, 1, true, true);
    assert_int_equal(judge(note, n, 1, &out), AK_OK);
    assert_int_equal(out.checkpoint.size, 5);
    assert_int_equal(out.unknown, 0);
    assert_int_equal(judge(note, n, 0, &out), AK_EKEY);
    assert_true(ak_note_has_other_epoch(note, n, origin, 0));
    assert_false(ak_note_has_other_epoch(note, n, origin, 1));
    assert_int_equal(ak_log_checkpoint_verify(&log_key.vkey, NULL, note, n, &out, NULL), AK_OK);
    assert_int_equal(out.unknown, 1);
    n = checkpoint(note, sizeof(note), origin, 5, 1, true, false);
    assert_int_equal(judge(note, n, 1, &out), AK_EKEY);
    n = checkpoint(note, sizeof(note), origin, 5, 1, false, true);
    assert_int_equal(judge(note, n, 1, &out), AK_EKEY);
    n = checkpoint(note, sizeof(note), origin, 0, 1, true, true);
    assert_int_equal(judge(note, n, 1, &out), AK_EMALFORMED);
    n = checkpoint(note, sizeof(note), "another.log", 5, 1, true, true);
    assert_int_equal(judge(note, n, 1, &out), AK_EMALFORMED);
    n = checkpoint(note, sizeof(note), origin, 5, 1, true, true);
    note[strlen(origin) + 1] = '6';
    assert_int_equal(judge(note, n, 1, &out), AK_ESIGNATURE);
    assert_int_equal(out.checkpoint.size, 6);
}

/* R20 without keys: what a header carries about the log before it. */
static void test_notes_in_a_header(void **state)
{
    static struct ak_segment_header header;
    struct ak_checkpoint cp;
    struct ak_epoch_note epoch;
    static char start[4096];
    static char note[4096];
    struct ak_error err;

    (void)state;
    (void)snprintf(header.origin, sizeof(header.origin), "%s", origin);
    ak_range_init(&header.range, 0);
    assert_int_equal(ak_range_append(&header.range, &tree_root), AK_OK);
    header.first = 1;
    header.epoch_note = (const uint8_t *)start;
    header.epoch_note_len = start_note(start, sizeof(start), 0);
    assert_int_equal(ak_segment_header_check(&header, &epoch, &cp, &err), AK_OK);
    assert_int_equal(cp.size, 0);
    assert_int_equal(epoch.epochs, EPOCHS);
    header.checkpoint = (const uint8_t *)note;
    header.checkpoint_len = checkpoint(note, sizeof(note), origin, 1, 0, true, true);
    assert_int_equal(ak_segment_header_check(&header, &epoch, &cp, &err), AK_OK);
    assert_int_equal(cp.size, 1);
    header.range.hash[0].b[0] ^= 1;
    assert_int_equal(ak_segment_header_check(&header, NULL, NULL, &err), AK_EINTEGRITY);
    assert_non_null(strstr(err.text, "R20"));
    header.checkpoint_len = checkpoint(note, sizeof(note), origin, 2, 0, true, true);
    assert_int_equal(ak_segment_header_check(&header, NULL, NULL, &err), AK_EMALFORMED);
    header.checkpoint_len = checkpoint(note, sizeof(note), "another.log", 1, 0, true, true);
    assert_int_equal(ak_segment_header_check(&header, NULL, NULL, &err), AK_EMALFORMED);
    header.checkpoint_len = 0;
    header.epoch_note_len = start_note(start, sizeof(start), 1);
    assert_int_equal(ak_segment_header_check(&header, NULL, NULL, &err), AK_EMALFORMED);
    assert_non_null(strstr(err.text, "R20"));
}

static void test_origins(void **state)
{
    static const struct {
        const char *origin;
        bool good;
    } cases[] = {
        {"a/00112233445566778899aabbccddeeff", true},
        {"a/b/00112233445566778899aabbccddeeff", true},
        {"\xe8\xa8\xbc/00112233445566778899aabbccddeeff", true},
        {"/00112233445566778899aabbccddeeff", false},
        {"00112233445566778899aabbccddeeff", false},
        {"a-00112233445566778899aabbccddeeff", false},
        {"a/00112233445566778899aabbccddeefF", false},
        {"a/00112233445566778899aabbccddeeff0", false},
        {"a b/00112233445566778899aabbccddeeff", false},
        {"a+b/00112233445566778899aabbccddeeff", false},
        {"a\x80/00112233445566778899aabbccddeeff", false},
        {"a\xe3\x80\x80/00112233445566778899aabbccddeeff", false},
        {"", false},
    };
    char name[AK_LOG_ORIGIN_BYTES_MAX];
    char longest[AK_LOG_ORIGIN_BYTES_MAX + 2];

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        enum ak_code rc = ak_origin_check(cases[i].origin, strlen(cases[i].origin), NULL);
        if ((rc == AK_OK) != cases[i].good)
            fail_msg("%s: %s", cases[i].origin, ak_code_name(rc));
    }
    memset(name, 'a', sizeof(name));
    (void)snprintf(longest, sizeof(longest), "%.*s%s", (int)AK_LOG_ORIGIN_BYTES_MAX - 33, name,
                   cases[0].origin + 1);
    assert_int_equal(ak_origin_check(longest, AK_LOG_ORIGIN_BYTES_MAX, NULL), AK_OK);
    (void)snprintf(longest, sizeof(longest), "%.*s%s", (int)AK_LOG_ORIGIN_BYTES_MAX - 32, name,
                   cases[0].origin + 1);
    assert_int_equal(ak_origin_check(longest, AK_LOG_ORIGIN_BYTES_MAX + 1, NULL), AK_EMALFORMED);
    assert_string_equal(ak_origin_id(cases[0].origin), "00112233445566778899aabbccddeeff");
}

static void test_entries(void **state)
{
    struct ak_entry entry = {.form = AK_FORM_WHOLE,
                             .kind = AK_KIND_FRAGMENT,
                             .clock_run = 0x0102,
                             .received = UINT64_C(0x1122334455667788) / 1000 * 1000,
                             .source = 0x0a0b0c0d,
                             .source_seq = UINT64_C(0x010203040506)};
    uint8_t bytes[AK_ENTRY_BYTES + 1] = {0};
    struct ak_entry again;

    (void)state;
    memset(entry.commitment.b, 0xcc, 32);
    ak_entry_encode(bytes, &entry);
    assert_int_equal(bytes[1], 7);
    assert_int_equal(bytes[2], 1);
    assert_int_equal(bytes[12], 0x0a);
    assert_int_equal(bytes[21], 6);
    assert_int_equal(bytes[53], 0xcc);
    assert_int_equal(ak_entry_decode(&again, bytes, AK_ENTRY_BYTES, NULL), AK_OK);
    assert_int_equal(again.received, entry.received);
    assert_int_equal(again.source_seq, entry.source_seq);
    assert_int_equal(again.source, entry.source);
    assert_int_equal(again.clock_run, entry.clock_run);
    assert_memory_equal(again.commitment.b, entry.commitment.b, 32);
    assert_int_equal(ak_entry_decode(&again, bytes, AK_ENTRY_BYTES - 1, NULL), AK_EMALFORMED);
    assert_int_equal(ak_entry_decode(&again, bytes, AK_ENTRY_BYTES + 1, NULL), AK_EMALFORMED);
    bytes[11] ^= 1;
    assert_int_equal(ak_entry_decode(&again, bytes, AK_ENTRY_BYTES, NULL), AK_EMALFORMED);
    bytes[0] = 3;
    assert_int_equal(ak_entry_decode(&again, bytes, AK_ENTRY_BYTES, NULL), AK_EUNSUPPORTED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_start_notes),
        cmocka_unit_test(test_start_notes_nearly_right),
        cmocka_unit_test(test_key_outside_of_the_list),
        cmocka_unit_test(test_signatures_of_start_notes),
        cmocka_unit_test(test_checkpoints),
        cmocka_unit_test(test_notes_in_a_header),
        cmocka_unit_test(test_origins),
        cmocka_unit_test(test_entries),
    };

    return cmocka_run_group_tests(tests, setup, NULL);
}
