/* japanese_table_gen.c - run while building: prints the characters of Shift_JIS as Windows uses it
 * (code page 932) with their Unicode numbers, as C arrays whose rows rise by number: `table`, and
 * `second` with the other places of characters that have two, which is the one that EUC-JP and
 * ISO-2022-JP have room for.
 *
 * The conversion is that of the C library of the machine that builds. A program linked statically
 * has none of its own at run time, so it takes this table with it. Where several codes mean one
 * character, the first is what the conversion back gives. */
#include <iconv.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#define UNICODE_BMP 0x10000u

static bool convert(iconv_t cd, const unsigned char *in, size_t in_len, unsigned char *out,
                    size_t out_len, size_t *got)
{
    char *from = (char *)in;
    char *to = (char *)out;
    size_t left = out_len;

    (void)iconv(cd, NULL, NULL, NULL, NULL);
    if (iconv(cd, &from, &in_len, &to, &left) != 0 || in_len != 0)
        return false;
    *got = out_len - left;
    return true;
}

static bool unicode_of(iconv_t cd, unsigned lead, unsigned trail, uint32_t *u)
{
    unsigned char in[2] = {(unsigned char)lead, (unsigned char)trail};
    unsigned char out[4];
    size_t got;

    if (!convert(cd, in, 2, out, sizeof(out), &got) || got != 2)
        return false;
    *u = out[0] | (uint32_t)out[1] << 8;
    return true;
}

static uint16_t place[UNICODE_BMP];
static uint16_t other[UNICODE_BMP];

static unsigned print(const char *name, const uint16_t *codes)
{
    unsigned rows = 0;

    printf("static const struct row %s[] = {\n", name);
    for (uint32_t u = 0x80; u < UNICODE_BMP; u++) {
        if (codes[u] != 0)
            printf("{0x%04x, 0x%04x},%s", u, codes[u], ++rows % 6 == 0 ? "\n" : " ");
    }
    puts("};");
    return rows;
}

int main(void)
{
    iconv_t to_932 = iconv_open("CP932", "UTF-16LE");
    iconv_t from_932 = iconv_open("UTF-16LE", "CP932");

    if (to_932 == (iconv_t)-1 || from_932 == (iconv_t)-1) {
        fputs("this machine's iconv does not know CP932: install its conversion modules\n", stderr);
        return 1;
    }
    for (uint32_t u = 0x80; u < UNICODE_BMP; u++) {
        unsigned char in[2] = {(unsigned char)u, (unsigned char)(u >> 8)};
        unsigned char out[4];
        size_t got;
        /* Half-width katakana take one byte, and need no table. */
        if ((u < 0xd800 || u >= 0xe000) && convert(to_932, in, 2, out, sizeof(out), &got) &&
            got == 2)
            place[u] = (uint16_t)(out[0] << 8 | out[1]);
    }
    for (unsigned lead = 0x81; lead <= 0xef; lead++) {
        uint32_t u;
        for (unsigned trail = 0x40; trail <= 0xfc; trail++) {
            if (unicode_of(from_932, lead, trail, &u) && place[u] != (lead << 8 | trail))
                other[u] = (uint16_t)(lead << 8 | trail);
        }
    }
    iconv_close(to_932);
    iconv_close(from_932);
    if (print("table", place) < 7000 || print("second", other) < 300) {
        fputs("this machine's iconv gives too few characters for CP932\n", stderr);
        return 1;
    }
    return ferror(stdout) != 0 || fflush(stdout) != 0;
}
