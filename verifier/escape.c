/* escape.c - one loop over the bytes: what is harmless is copied, the rest becomes \xHH.
 *
 * There is no failure mode but a full buffer, and then nothing is cut in two. */
#include <akashi/escape.h>

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#define CHARACTER_BYTES_MAX 4u                                           /* UTF-8, RFC 3629 */
#define PIECE_BYTES_MAX     (CHARACTER_BYTES_MAX * AK_ESCAPE_GROWTH_MAX) /* one character, escaped */
#define STREAM_CHUNK_BYTES  4096u

/* Length of the valid UTF-8 character at `p` and its code point, or 0: RFC 3629, so no overlong
 * form, no surrogate, nothing above U+10FFFF. */
static size_t utf8_decode(const unsigned char *p, size_t len, uint32_t *code)
{
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    size_t need = p[0] < 0x80   ? 1
                  : p[0] < 0xc2 ? 0
                  : p[0] < 0xe0 ? 2
                  : p[0] < 0xf0 ? 3
                  : p[0] < 0xf5 ? 4
                                : 0;

    if (need == 0 || need > len)
        return 0;
    *code = need == 1 ? p[0] : p[0] & (0x7fu >> need);
    for (size_t i = 1; i < need; i++) {
        if ((p[i] & 0xc0) != 0x80)
            return 0;
        *code = *code << 6 | (p[i] & 0x3fu);
    }
    if (*code < least[need] || *code > 0x10ffff || (*code >= 0xd800 && *code <= 0xdfff))
        return 0;
    return need;
}

static bool is_harmful(uint32_t code)
{
    return code < 0x20 || (code >= 0x7f && code <= 0x9f) || code == 0x061c || code == 0x200e ||
           code == 0x200f || (code >= 0x2028 && code <= 0x202e) ||
           (code >= 0x2066 && code <= 0x2069);
}

/* Writes the escaped form of the first character of `p` and says how many bytes it took of `p`. */
static size_t escape_one(const unsigned char *p, size_t len, char out[PIECE_BYTES_MAX],
                         size_t *out_len)
{
    static const char hex[] = "0123456789abcdef";
    uint32_t code = 0;
    size_t n = utf8_decode(p, len, &code);

    if (n != 0 && code == '\\') {
        out[0] = '\\';
        out[1] = '\\';
        *out_len = 2;
        return 1;
    }
    if (n != 0 && !is_harmful(code)) {
        memcpy(out, p, n);
        *out_len = n;
        return n;
    }
    if (n == 0)
        n = 1;
    for (size_t i = 0; i < n; i++) {
        out[4 * i] = '\\';
        out[4 * i + 1] = 'x';
        out[4 * i + 2] = hex[p[i] >> 4];
        out[4 * i + 3] = hex[p[i] & 0x0f];
    }
    *out_len = 4 * n;
    return n;
}

/* Escapes until `data` ends or the next character would not fit in `cap` bytes; moves *pos on. */
static size_t escape_some(char *out, size_t cap, const unsigned char *data, size_t len, size_t *pos)
{
    char piece[PIECE_BYTES_MAX];
    size_t used = 0;

    while (*pos < len) {
        size_t piece_len;
        size_t taken = escape_one(data + *pos, len - *pos, piece, &piece_len);

        if (piece_len > cap - used)
            break;
        memcpy(out + used, piece, piece_len);
        used += piece_len;
        *pos += taken;
    }
    return used;
}

size_t ak_escape_terminal(char *out, size_t cap, const void *data, size_t len)
{
    size_t pos = 0;
    size_t used = escape_some(out, cap - 1, data, len, &pos);

    out[used] = '\0';
    return used;
}

int ak_escape_terminal_file(FILE *file, const void *data, size_t len)
{
    char chunk[STREAM_CHUNK_BYTES];
    size_t pos = 0;

    while (pos < len) {
        size_t used = escape_some(chunk, sizeof(chunk), data, len, &pos);

        if (fwrite(chunk, 1, used, file) != used)
            return -1;
    }
    return 0;
}
