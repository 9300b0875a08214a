/* base64.c - base64 and hexadecimal, strict in reading.
 *
 * The happy path is groups of four characters, the last one with zero to two '='. Everything else
 * is malformed: a text that a second encoder would not have written never counts as read. */
#include <akashi/base64.h>

#include <stdbool.h>

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
static const char digits[] = "0123456789abcdef";

#define NO_VALUE 0xffu

size_t ak_base64_encode(char *out, size_t cap, const uint8_t *data, size_t n)
{
    size_t used = 0;

    if (cap == 0)
        return 0;
    out[0] = '\0';
    if (n > (SIZE_MAX - 4) / 4 * 3 || cap - 1 < AK_BASE64_CHARS(n))
        return 0;
    for (size_t i = 0; i < n; i += 3) {
        size_t have = n - i < 3 ? n - i : 3;
        uint32_t bits = (uint32_t)data[i] << 16;
        if (have > 1)
            bits |= (uint32_t)data[i + 1] << 8;
        if (have > 2)
            bits |= data[i + 2];
        out[used++] = alphabet[bits >> 18];
        out[used++] = alphabet[bits >> 12 & 63];
        out[used++] = have > 1 ? alphabet[bits >> 6 & 63] : '=';
        out[used++] = have > 2 ? alphabet[bits & 63] : '=';
    }
    out[used] = '\0';
    return used;
}

static uint32_t value_of(char c)
{
    if (c >= 'A' && c <= 'Z')
        return (uint32_t)(c - 'A');
    if (c >= 'a' && c <= 'z')
        return (uint32_t)(c - 'a') + 26;
    if (c >= '0' && c <= '9')
        return (uint32_t)(c - '0') + 52;
    if (c == '+')
        return 62;
    return c == '/' ? 63 : NO_VALUE;
}

/* One group of four characters, of which the last `pad` are '='; false if it is none, or if bits
 * that belong to no byte are set. */
static bool decode_group(uint8_t bytes[3], const char *text, size_t pad)
{
    uint32_t bits = 0;

    for (size_t i = 0; i < 4; i++) {
        uint32_t value = i < 4 - pad ? value_of(text[i]) : 0;
        if (value == NO_VALUE)
            return false;
        bits = bits << 6 | value;
    }
    bytes[0] = (uint8_t)(bits >> 16);
    bytes[1] = (uint8_t)(bits >> 8);
    bytes[2] = (uint8_t)bits;
    return (pad < 1 || bytes[2] == 0) && (pad < 2 || bytes[1] == 0);
}

enum ak_code ak_base64_decode(uint8_t *out, size_t cap, size_t *n, const char *text, size_t len,
                              struct ak_error *err)
{
    size_t used = 0;

    *n = 0;
    if (len % 4 != 0)
        return ak_fail(err, AK_EMALFORMED, "base64 of %zu characters is not whole or not padded",
                       len);
    for (size_t i = 0; i < len; i += 4) {
        bool last = i + 4 == len;
        size_t pad = last && text[i + 3] == '=' ? (text[i + 2] == '=' ? 2 : 1) : 0;
        uint8_t bytes[3];
        if (!decode_group(bytes, text + i, pad))
            return ak_fail(err, AK_EMALFORMED, "base64 is not canonical at character %zu", i);
        for (size_t k = 0; k < 3 - pad; k++) {
            if (out != NULL && used == cap)
                return ak_fail(err, AK_ELIMIT, "base64 holds more than %zu bytes", cap);
            if (out != NULL)
                out[used] = bytes[k];
            used++;
        }
    }
    *n = used;
    return AK_OK;
}

size_t ak_hex_encode(char *out, size_t cap, const uint8_t *data, size_t n)
{
    if (cap == 0)
        return 0;
    out[0] = '\0';
    if ((cap - 1) / 2 < n)
        return 0;
    for (size_t i = 0; i < n; i++) {
        out[2 * i] = digits[data[i] >> 4];
        out[2 * i + 1] = digits[data[i] & 15];
    }
    out[2 * n] = '\0';
    return 2 * n;
}

static unsigned digit_of(char c)
{
    if (c >= '0' && c <= '9')
        return (unsigned)(c - '0');
    return c >= 'a' && c <= 'f' ? (unsigned)(c - 'a') + 10 : NO_VALUE;
}

enum ak_code ak_hex_decode(uint8_t *out, size_t n, const char *text, size_t len,
                           struct ak_error *err)
{
    if (len / 2 != n || len % 2 != 0)
        return ak_fail(err, AK_EMALFORMED, "%zu hexadecimal digits are wanted, not %zu", 2 * n,
                       len);
    for (size_t i = 0; i < n; i++) {
        unsigned high = digit_of(text[2 * i]);
        unsigned low = digit_of(text[2 * i + 1]);
        if (high == NO_VALUE || low == NO_VALUE)
            return ak_fail(err, AK_EMALFORMED, "not a lower-case hexadecimal digit at %zu", 2 * i);
        out[i] = (uint8_t)(high << 4 | low);
    }
    return AK_OK;
}
