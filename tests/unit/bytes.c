/* bytes.c - digests, base64, hexadecimal, the cursor, and the text helpers. */
#include <akashi/base64.h>
#include <akashi/sha256.h>

#include "cursor.h"
#include "text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void check_hex(const uint8_t *data, size_t n, const char *want)
{
    char text[2 * AK_SHA512_BYTES + 1];

    assert_int_equal(ak_hex_encode(text, sizeof(text), data, n), 2 * n);
    assert_string_equal(text, want);
}

/* FIPS 180-4 example "abc", whole and in pieces; the empty tree is SHA-256 of nothing. */
static void digests(void **state)
{
    struct ak_sha256_ctx ctx;
    struct ak_sha512_ctx ctx512;
    uint8_t long_hash[AK_SHA512_BYTES];
    struct ak_hash a;
    struct ak_hash b;

    (void)state;
    ak_sha256(&a, "abc", 3);
    check_hex(a.b, 32, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    ak_sha256_init(&ctx);
    ak_sha256_update(&ctx, "a", 1);
    ak_sha256_update(&ctx, NULL, 0);
    ak_sha256_update(&ctx, "bc", 2);
    ak_sha256_final(&ctx, &b);
    assert_true(ak_hash_equal(&a, &b));
    ak_hash_empty(&b);
    check_hex(b.b, 32, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    assert_false(ak_hash_equal(&a, &b));
    ak_sha512_init(&ctx512);
    ak_sha512_update(&ctx512, "ab", 2);
    ak_sha512_update(&ctx512, "c", 1);
    ak_sha512_final(&ctx512, long_hash);
    check_hex(long_hash, 64,
              "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a"
              "2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f");
}

/* A node may be hashed over one of its own children. */
static void node_in_place(void **state)
{
    struct ak_hash left;
    struct ak_hash right;
    struct ak_hash apart;
    struct ak_hash in_left;
    struct ak_hash in_right;

    (void)state;
    ak_hash_leaf(&left, "l", 1);
    ak_hash_leaf(&right, "r", 1);
    ak_hash_node(&apart, &left, &right);
    in_left = left;
    in_right = right;
    ak_hash_node(&in_left, &in_left, &right);
    ak_hash_node(&in_right, &left, &in_right);
    assert_true(ak_hash_equal(&apart, &in_left) && ak_hash_equal(&apart, &in_right));
}

static void check_base64(const char *plain, const char *text)
{
    char out[64];
    uint8_t back[64];
    size_t n;
    size_t len = strlen(plain);

    assert_int_equal(ak_base64_encode(out, sizeof(out), (const uint8_t *)plain, len), strlen(text));
    assert_string_equal(out, text);
    assert_int_equal(ak_base64_decode(back, len, &n, text, strlen(text), NULL), AK_OK);
    assert_int_equal(n, len);
    assert_memory_equal(back, plain, len);
    assert_int_equal(ak_base64_decode(NULL, 0, &n, text, strlen(text), NULL), AK_OK);
    assert_int_equal(n, len);
}

/* RFC 4648 section 10. */
static void base64_rfc4648(void **state)
{
    (void)state;
    check_base64("", "");
    check_base64("f", "Zg==");
    check_base64("fo", "Zm8=");
    check_base64("foo", "Zm9v");
    check_base64("foob", "Zm9vYg==");
    check_base64("fooba", "Zm9vYmE=");
    check_base64("foobar", "Zm9vYmFy");
    check_base64("\xfb\xff\xfe", "+//+");
}

/* Whatever a second encoder would not have written is refused. */
static void base64_refuses(void **state)
{
    static const char *const bad[] = {
        "Zg",       "Zg=",      "Zg===", "Zh==",     "Zm9=",     "Zm8",   "Zm9v\n",
        "Zm9v\r\n", " Zm9v",    "Zm 9v", "Zg==Zg==", "Zm8=Zm9v", "====",  "Z===",
        "=Zm9",     "Zm9v====", "-__-",  "Zm9\xc3",  "Zm=v",     "\tm9v", "Zg==\n\n\n\n",
    };
    uint8_t out[16];
    size_t n;

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
        assert_int_equal(ak_base64_decode(out, sizeof(out), &n, bad[i], strlen(bad[i]), NULL),
                         AK_EMALFORMED);
        assert_int_equal(ak_base64_decode(NULL, 0, &n, bad[i], strlen(bad[i]), NULL),
                         AK_EMALFORMED);
    }
    assert_int_equal(ak_base64_decode(out, sizeof(out), &n, "Zm\0v", 4, NULL), AK_EMALFORMED);
}

/* Buffers are never overrun: too small ones give nothing and a limit. */
static void base64_room(void **state)
{
    char out[9] = "????????";
    uint8_t back[3] = {1, 2, 3};
    size_t n;

    (void)state;
    assert_int_equal(ak_base64_encode(out, 8, (const uint8_t *)"foobar", 6), 0);
    assert_string_equal(out, "");
    assert_int_equal(ak_base64_encode(out, 9, (const uint8_t *)"foobar", 6), 8);
    assert_int_equal(ak_base64_encode(out, 0, (const uint8_t *)"foobar", 6), 0);
    assert_int_equal(ak_base64_decode(back, 2, &n, "Zm9v", 4, NULL), AK_ELIMIT);
    assert_int_equal(back[2], 3);
}

static void hexadecimal(void **state)
{
    static const char *const bad[] = {"", "0", "00f", "0g", "0F", "00ff00", " 0", "f\n"};
    uint8_t out[2] = {0};
    char text[5];

    (void)state;
    assert_int_equal(ak_hex_decode(out, 2, "0af9", 4, NULL), AK_OK);
    assert_int_equal(out[0], 0x0a);
    assert_int_equal(out[1], 0xf9);
    assert_int_equal(ak_hex_encode(text, 4, out, 2), 0);
    assert_string_equal(text, "");
    assert_int_equal(ak_hex_encode(text, 5, out, 2), 4);
    assert_string_equal(text, "0af9");
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
        assert_int_equal(ak_hex_decode(out, 1, bad[i], strlen(bad[i]), NULL), AK_EMALFORMED);
}

/* Integers are big-endian; one read past the end spoils all that follow. */
static void cursor_integers(void **state)
{
    static const uint8_t data[] = {1,  2,  3,  4,  5,  6,  7,  8,  9,  10, 11,
                                   12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22};
    struct ak_cursor c;

    (void)state;
    ak_cursor_init(&c, data, sizeof(data));
    assert_int_equal(ak_cursor_u8(&c), 1);
    assert_int_equal(ak_cursor_u16(&c), 0x0203);
    assert_int_equal(ak_cursor_u32(&c), 0x04050607);
    assert_true(ak_cursor_u48(&c) == 0x08090a0b0c0d);
    assert_true(ak_cursor_u64(&c) == 0x0e0f101112131415);
    assert_false(ak_cursor_done(&c));
    assert_int_equal(ak_cursor_u16(&c), 0);
    assert_true(c.bad);
    assert_int_equal(ak_cursor_u8(&c), 0);
    assert_int_equal(c.left, 1);
    assert_null(ak_cursor_bytes(&c, 0));
    assert_false(ak_cursor_done(&c));
}

static void cursor_bytes(void **state)
{
    static const uint8_t data[] = {1, 2, 3};
    struct ak_cursor c;

    (void)state;
    ak_cursor_init(&c, data, sizeof(data));
    assert_ptr_equal(ak_cursor_bytes(&c, 3), data);
    assert_true(ak_cursor_done(&c));
    assert_non_null(ak_cursor_bytes(&c, 0));
    assert_null(ak_cursor_bytes(&c, SIZE_MAX));
    ak_cursor_init(&c, NULL, 0);
    assert_true(ak_cursor_done(&c));
}

static void check_varint(const char *bytes, size_t n, bool good, uint64_t want)
{
    struct ak_cursor c;

    ak_cursor_init(&c, bytes, n);
    assert_true(ak_cursor_varint(&c) == (good ? want : 0));
    assert_int_equal(ak_cursor_done(&c), good);
}

#define VARINT(bytes, want)   check_varint(bytes, sizeof(bytes) - 1, true, want)
#define VARINT_REFUSED(bytes) check_varint(bytes, sizeof(bytes) - 1, false, 0)

/* A number has one varint: minimal, at most 64 bits, whole. */
static void varints(void **state)
{
    (void)state;
    VARINT("\x00", 0);
    VARINT("\x7f", 127);
    VARINT("\x80\x01", 128);
    VARINT("\xff\x01", 255);
    VARINT("\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", UINT64_MAX);
    VARINT("\xff\xff\xff\xff\xff\xff\xff\xff\x7f", UINT64_MAX >> 1);
    VARINT("\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01", UINT64_C(1) << 63);
    VARINT_REFUSED("");
    VARINT_REFUSED("\x80");
    VARINT_REFUSED("\x80\x00");
    VARINT_REFUSED("\xff\x80\x00");
    VARINT_REFUSED("\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02");
    VARINT_REFUSED("\xff\xff\xff\xff\xff\xff\xff\xff\xff\x00");
    VARINT_REFUSED("\xff\xff\xff\xff\xff\xff\xff\xff\xff\x81\x00");
    VARINT_REFUSED("\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff");
}

static void check_decimal(const char *text, uint64_t max, bool good, uint64_t want)
{
    struct ak_text t = {text, strlen(text)};
    uint64_t value = 77;

    assert_int_equal(ak_text_decimal(t, max, &value), good);
    assert_true(value == (good ? want : 77));
}

static void decimals(void **state)
{
    (void)state;
    check_decimal("0", UINT64_MAX, true, 0);
    check_decimal("18446744073709551615", UINT64_MAX, true, UINT64_MAX);
    check_decimal("255", 255, true, 255);
    check_decimal("256", 255, false, 0);
    check_decimal("18446744073709551616", UINT64_MAX, false, 0);
    check_decimal("99999999999999999999", UINT64_MAX, false, 0);
    check_decimal("000000000000000000001", UINT64_MAX, false, 0);
    check_decimal("", UINT64_MAX, false, 0);
    check_decimal("00", UINT64_MAX, false, 0);
    check_decimal("01", UINT64_MAX, false, 0);
    check_decimal("+1", UINT64_MAX, false, 0);
    check_decimal("-1", UINT64_MAX, false, 0);
    check_decimal(" 1", UINT64_MAX, false, 0);
    check_decimal("1 ", UINT64_MAX, false, 0);
    check_decimal("1e3", UINT64_MAX, false, 0);
    check_decimal("0x1", UINT64_MAX, false, 0);
    check_decimal("\xef\xbc\x91", UINT64_MAX, false, 0); /* full-width 1 */
}

/* RFC 3629: shortest form, no surrogates, nothing above U+10FFFF, nothing cut. */
static void utf8(void **state)
{
    static const char *const good[] = {"a",
                                       "\xc2\x80",
                                       "\xdf\xbf",
                                       "\xe0\xa0\x80",
                                       "\xed\x9f\xbf",
                                       "\xee\x80\x80",
                                       "\xef\xbf\xbf",
                                       "\xf0\x90\x80\x80",
                                       "\xf4\x8f\xbf\xbf",
                                       "\n",
                                       "\x7f",
                                       "\xe8\xa8\xbc"};
    static const char *const bad[] = {
        "\x80",
        "\xc0\x80",
        "\xc1\xbf",
        "\xe0\x9f\xbf",
        "\xed\xa0\x80",
        "\xe8\xa8",
        "\xc2",
        "\xf0\x8f\xbf\xbf",
        "\xf4\x90\x80\x80",
        "\xf5\x80\x80\x80",
        "\xff",
        "\xc2\x41",
        "\r",
        "\t",
        "\x1b",
    };

    (void)state;
    for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++)
        assert_true(ak_text_is_note(good[i], strlen(good[i])));
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
        assert_false(ak_text_is_note(bad[i], strlen(bad[i])));
    assert_false(ak_text_is_note("\0", 1));
    assert_true(ak_text_is_note("", 0));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(digests),
        cmocka_unit_test(node_in_place),
        cmocka_unit_test(base64_rfc4648),
        cmocka_unit_test(base64_refuses),
        cmocka_unit_test(base64_room),
        cmocka_unit_test(hexadecimal),
        cmocka_unit_test(cursor_integers),
        cmocka_unit_test(cursor_bytes),
        cmocka_unit_test(varints),
        cmocka_unit_test(decimals),
        cmocka_unit_test(utf8),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
