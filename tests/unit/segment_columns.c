/* segment_columns.c - COLUMNS in their one encoding, and everything that is not (R12). */
#include <akashi/segment.h>

#include <assert.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* Bytes written as hexadecimal digits; blanks between them are for the eye. '*' stands for 32 bytes
 * of aa, '+' for 16. */
static size_t put_hex(uint8_t *out, const char *hex)
{
    size_t n = 0;

    while (*hex != '\0') {
        unsigned byte;
        if (*hex == '*' || *hex == '+') {
            size_t len = *hex == '*' ? 32 : 16;
            memset(out + n, 0xaa, len);
            n += len;
            hex++;
        } else if (*hex == ' ') {
            hex++;
        } else {
            assert_int_equal(sscanf(hex, "%2x", &byte), 1);
            out[n++] = (uint8_t)byte;
            hex += 2;
        }
    }
    return n;
}

/* The columns of a small block, piece by piece. Entries 254 to 257: two records of source 256 from
 * 5 on, clock_run 1, 1000 us; two events from 7 on, 2 us later. The second record has two line
 * feeds: text "a\n" "b\n\nc\n" "{}\n" "{}\n". */
struct pieces {
    const char *front; /* type, version */
    const char *sizes; /* data_bytes, text_bytes */
    const char *digest;
    const char *place; /* first, count, form */
    const char *runs;
    const char *lf;
    const char *texts;
    const char *states;
    const char *keys;
    const char *level8;
};

static const struct pieces good = {.front = "02 01",
                                   .sizes = "00000020 0000000d",
                                   .digest = "*",
                                   .place = "00000000000000fe 00000004 01",
                                   .runs = "02  02 8004 05 01 e807  02 06 07 04",
                                   .lf = "01 01 02",
                                   .texts = "07 06",
                                   .states = "00",
                                   .keys = "00 * 00 *",
                                   .level8 = "*"};

struct variant {
    const char *name;
    enum ak_code rc;
    const char *text; /* in the message: the rule */
    struct pieces pieces;
};

#define BAD(section) AK_EMALFORMED, "R12 (" section ")"

static const struct variant variants[] = {
    {"no COLUMNS frame", BAD("6.1"), {.front = "03 01"}},
    {"another version", AK_EUNSUPPORTED, "version 2", {.front = "02 02"}},
    {"no data", BAD("6.3"), {.sizes = "00000000 0000000d"}},
    {"data over the limit", BAD("6.3"), {.sizes = "00110001 0000000d"}},
    {"text over the limit", BAD("6.3"), {.sizes = "00000020 00100001"}},
    {"no entry", BAD("6.3"), {.place = "00000000000000fe 00000000 01"}},
    {"more entries than a block has", BAD("6.3"), {.place = "00000000000000fe 00002001 01"}},
    {"index past 2^63", BAD("1"), {.place = "8000000000000000 00000004 01"}},
    {"last index past 2^63", BAD("1"), {.place = "7ffffffffffffffc 00000004 01"}},
    {"form 0", AK_EUNSUPPORTED, "form 0", {.place = "00000000000000fe 00000004 00"}},
    {"form 3", AK_EUNSUPPORTED, "form 3", {.place = "00000000000000fe 00000004 03"}},
    {"no run", BAD("6.3.1"), {.runs = "00"}},
    {"more runs than entries", BAD("6.3.1"), {.runs = "05  02 8004 05 01 e807  02 06 07 04"}},
    {"run of no entry", BAD("6.3.1"), {.runs = "02  00 8004 05 01 e807  02 06 07 04"}},
    {"run behind the block", BAD("6.3.1"), {.runs = "02  02 8004 05 01 e807  03 06 07 04"}},
    {"runs with too few entries", BAD("6.3.1"), {.runs = "02  02 8004 05 01 e807  01 06 07 04"}},
    {"varint with a needless byte",
     BAD("6.3.1"),
     {.runs = "02  8200 8004 05 01 e807  02 06 07 04"}},
    {"varint past 64 bits", BAD("6.3.1"), {.runs = "02  02 ffffffffffffffffff02 05 01 e807"}},
    {"source past 2^32", BAD("6.3.1"), {.runs = "02  02 8080808020 05 01 e807  02 06 07 04"}},
    {"fragment of an own source", BAD("6.3.1"), {.runs = "02  02 0f 05 01 e807  02 06 07 04"}},
    {"source_seq of 2^48",
     BAD("6.3.1"),
     {.runs = "02  02 8004 80808080808040 01 e807  02 06 07 04"}},
    {"source_seq that passes 2^48",
     BAD("6.3.1"),
     {.runs = "02  02 8004 ffffffffffff3f 01 e807  02 06 07 04"}},
    {"clock_run of 2^16", BAD("6.3.1"), {.runs = "02  02 8004 05 808004 e807  02 06 07 04"}},
    {"time past 2^64", BAD("6.3.1"), {.runs = "02  02 8004 05 01 8480bce0ceeedbc920  02 06 07 04"}},
    {"odd time that is not 1", BAD("6.3.1"), {.runs = "02  02 8004 05 01 e807  02 06 07 03 01"}},
    {"clock_run that passes 2^16",
     BAD("6.3.1"),
     {.runs = "02  02 8004 05 ffff03 e807  02 06 07 01 01"}},
    {"step of time past 2^64",
     BAD("6.3.1"),
     {.runs = "02  02 8004 05 01 e807  02 06 07 feffffffffffffffff01"}},
    {"runs that could be one", BAD("6.3.1"), {.runs = "02  02 8004 05 01 e807  02 8004 00"}},
    {"line feeds of more payloads than there are", BAD("6.3.2"), {.lf = "05 01 02"}},
    {"line feeds behind the block", BAD("6.3.2"), {.lf = "01 04 02"}},
    {"second payload with line feeds behind the block", BAD("6.3.2"), {.lf = "02 01 01 02 01"}},
    {"no line feed in a payload said to have some", BAD("6.3.2"), {.lf = "01 01 00"}},
    {"more line feeds than text", BAD("6.3.2"), {.lf = "01 01 0e"}},
    {"line feeds of an absent payload",
     BAD("6.3.2"),
     {.lf = "01 01 01", .states = "01 01 01 03 *", .texts = "07 06"}},
    {"group texts too long", BAD("6.3.3"), {.texts = "07 07"}},
    {"group texts too short", BAD("6.3.3"), {.texts = "07 05"}},
    {"group text with room for fewer line feeds", BAD("6.3.3"), {.texts = "03 0a"}},
    {"text of a group without a payload", BAD("6.3.3"), {.lf = "00", .states = "01 00 02 03 **"}},
    {"more stretches of absent payloads than entries", BAD("6.3.4"), {.states = "05"}},
    {"absent stretch behind the block", BAD("6.3.4"), {.states = "01 04 01 03 *"}},
    {"absent stretch that passes the block", BAD("6.3.4"), {.states = "01 03 02 03 **"}},
    {"absent stretch of none", BAD("6.3.4"), {.states = "01 00 00 03"}},
    {"absent with state 0", BAD("6.3.4"), {.states = "01 00 01 00 *"}},
    {"encrypted without encoding 1", BAD("6.3.4"), {.states = "01 00 01 02 *"}},
    {"absent with state 4", BAD("6.3.4"), {.states = "01 00 01 04 *"}},
    {"absent stretches that could be one", BAD("6.3.4"), {.states = "02 00 01 03 00 01 03 **"}},
    {"commitments missing", BAD("6.3.4"), {.states = "01 00 01 03 +", .keys = "", .level8 = ""}},
    {"absent state entry",
     BAD("6.3.4"),
     {.runs = "02  02 8004 05 01 e807  02 10 07 04", .states = "01 03 01 03 *", .texts = "0a 03"}},
    {"keys of an unknown form", BAD("6.3.5"), {.keys = "02 * 00 *"}},
    {"salts of form 1 in a block of form 2",
     BAD("6.3.5"),
     {.place = "00000000000000fe 00000004 02", .keys = "01 * 00 *"}},
    {"record keys of form 2 in a block of form 1", BAD("6.3.5"), {.keys = "01 ** 00 *"}},
    {"group key with an erased entry", BAD("6.3.5"), {.states = "01 03 01 01 *", .texts = "0a 03"}},
    {"a salt too few", BAD("6.3.5"), {.keys = "00 * 01 +", .level8 = ""}},
    {"a salt too many", BAD("6.3.6"), {.keys = "00 * 01 +++"}},
    {"no level-8 hash", BAD("6.3.6"), {.level8 = "+"}},
    {"a level-8 hash too many", BAD("6.3.6"), {.level8 = "**"}},
    {"a byte behind the end", BAD("6.3.6"), {.level8 = "* 00"}},
};

static size_t put_pieces(uint8_t *out, const struct pieces *own)
{
    const char *const *piece = (const char *const *)own;
    const char *const *other = (const char *const *)&good;
    size_t n = 0;

    for (size_t i = 0; i < sizeof(*own) / sizeof(*piece); i++) {
        const char *hex = piece[i] != NULL ? piece[i] : other[i];
        assert(hex != NULL);
        n += put_hex(out + n, hex);
    }
    return n;
}

/* Decodes a copy whose end is the end of its memory, so that a sanitizer sees every byte too far.
 */
static enum ak_code decode(struct ak_columns *columns, const uint8_t *bytes, size_t n,
                           struct ak_error *err)
{
    uint8_t *copy = malloc(n > 0 ? n : 1);
    enum ak_code rc;

    assert_non_null(copy);
    memcpy(copy, bytes, n);
    memset(err, 0, sizeof(*err));
    rc = ak_columns_decode(columns, copy, n, err);
    free(copy);
    return rc;
}

static void test_good(void **state)
{
    struct ak_columns *columns = *state;
    uint8_t bytes[1024];
    struct ak_error err;
    size_t n = put_pieces(bytes, &good);

    assert_int_equal(ak_columns_decode(columns, bytes, n, &err), AK_OK);
    assert_int_equal(columns->data_bytes, 32);
    assert_int_equal(columns->text_bytes, 13);
    assert_int_equal(columns->first, 254);
    assert_int_equal(columns->count, 4);
    assert_int_equal(columns->present, 4);
    assert_int_equal(columns->run_count, 2);
    assert_int_equal(columns->run[0].source, 256);
    assert_int_equal(columns->run[0].kind, AK_KIND_RECORD);
    assert_int_equal(columns->run[0].seq, 5);
    assert_int_equal(columns->run[0].clock_run, 1);
    assert_int_equal(columns->run[0].received, 1000000);
    assert_int_equal(columns->run[1].source, 3);
    assert_int_equal(columns->run[1].kind, AK_KIND_EVENT);
    assert_int_equal(columns->run[1].seq, 7);
    assert_int_equal(columns->run[1].received, 1002000);
    assert_int_equal(columns->lf_count, 1);
    assert_int_equal(columns->lf[0].position, 1);
    assert_int_equal(columns->lf[0].count, 2);
    assert_int_equal(columns->group_count, 2);
    assert_int_equal(columns->group[0].count, 2);
    assert_int_equal(columns->group[1].begin, 2);
    assert_int_equal(columns->group[1].text_at, 7);
    assert_int_equal(columns->group[1].text_bytes, 6);
    assert_int_equal(columns->level8_count, 1);
    assert_int_equal(columns->level8[0].b[0], 0xaa);
}

/* States, salts, a source that comes again, a fall of the clock. */
static void test_good_with_everything(void **state)
{
    static const struct pieces all = {
        .runs = "04  01 8004 05 01 e807  01 8104 01 07  01 8004 00  01 8604 00 00",
        .lf = "01 02 01",
        .states = "02 00 01 01 00 01 03 **",
        .texts = "00 0d",
        .keys = "01 01 ++"};
    struct ak_columns *columns = *state;
    uint8_t bytes[1024];
    struct ak_error err;
    size_t n = put_pieces(bytes, &all);
    enum ak_code rc = ak_columns_decode(columns, bytes, n, &err);

    if (rc != AK_OK)
        fail_msg("%s", err.text);
    assert_int_equal(columns->run[1].kind, AK_KIND_FRAGMENT);
    assert_int_equal(columns->run[1].seq, 6);
    assert_int_equal(columns->run[1].clock_run, 2);
    assert_int_equal(columns->run[1].received, 7000);
    assert_int_equal(columns->run[2].seq, 7);
    assert_int_equal(columns->run[3].source, 259);
    assert_int_equal(columns->run[3].seq, 0);
    assert_int_equal(columns->present, 2);
    assert_int_equal(columns->absent_count, 2);
    assert_int_equal(columns->absent[0].state, AK_STATE_ERASED);
    assert_int_equal(columns->absent[1].state, AK_STATE_EXPIRED);
    assert_int_equal(columns->absent[1].position, 1);
    assert_int_equal(columns->absent[1].commitment, 1);
    assert_int_equal(columns->group[0].present, 0);
    assert_int_equal(columns->group[1].present, 2);
    assert_null(columns->group[1].key);
}

static void test_each_variant_is_refused(void **state)
{
    struct ak_columns *columns = *state;
    uint8_t bytes[1024];
    struct ak_error err;

    for (size_t i = 0; i < sizeof(variants) / sizeof(variants[0]); i++) {
        const struct variant *v = &variants[i];
        size_t n = put_pieces(bytes, &v->pieces);
        enum ak_code rc = decode(columns, bytes, n, &err);
        if (rc != v->rc || strstr(err.text, v->text) == NULL)
            fail_msg("%s: code %s, \"%s\"", v->name, ak_code_name(rc), err.text);
    }
}

static void test_every_cut_is_refused(void **state)
{
    struct ak_columns *columns = *state;
    uint8_t bytes[1024];
    struct ak_error err;
    size_t n = put_pieces(bytes, &good);

    for (size_t len = 0; len < n; len++)
        assert_int_equal(decode(columns, bytes, len, &err), AK_EMALFORMED);
}

/* A refusal leaves nothing behind that changes the next decoding. */
static void test_reuse(void **state)
{
    uint8_t bytes[1024];
    struct ak_error err;

    for (size_t i = 0; i < sizeof(variants) / sizeof(variants[0]); i++) {
        size_t n = put_pieces(bytes, &variants[i].pieces);
        (void)decode(*state, bytes, n, &err);
        test_good(state);
    }
}

static void test_fixed_fields_alone(void **state)
{
    struct ak_columns *columns = *state;
    uint8_t bytes[1024];

    (void)put_pieces(bytes, &good);
    assert_int_equal(ak_columns_decode_fixed(columns, bytes, AK_COLUMNS_FIXED_BYTES, NULL), AK_OK);
    assert_int_equal(columns->first, 254);
    assert_int_equal(columns->data_bytes, 32);
    assert_int_equal(ak_columns_decode_fixed(columns, bytes, AK_COLUMNS_FIXED_BYTES - 1, NULL),
                     AK_EMALFORMED);
}

static int setup(void **state)
{
    *state = ak_columns_new();
    return *state == NULL ? -1 : 0;
}

static int teardown(void **state)
{
    ak_columns_free(*state);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_good),
        cmocka_unit_test(test_good_with_everything),
        cmocka_unit_test(test_each_variant_is_refused),
        cmocka_unit_test(test_every_cut_is_refused),
        cmocka_unit_test(test_reuse),
        cmocka_unit_test(test_fixed_fields_alone),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
