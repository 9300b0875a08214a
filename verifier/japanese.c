/* japanese.c - one table leads to three encodings, since they number the same characters. */
#include "japanese.h"

#include <stdlib.h>
#include <string.h>

/* Rows and cells of JIS X 0208. */
#define CELLS 94u

/* Half-width katakana. */
#define KANA_FIRST 0xff61u
#define KANA_LAST  0xff9fu

/* Bits of ak_charset_view.mark. */
#define MARK_SJIS   0x01u /* a character of Shift_JIS begins, or the record ends */
#define MARK_EUC    0x02u
#define MARK_SINGLE 0x04u /* of ISO-2022-JP one of one byte */
#define MARK_DOUBLE 0x08u /* or of two */

struct row {
    uint16_t character;
    uint16_t sjis;
};

#include "japanese_table.inc"

/* Characters that other conversions give for a code of JIS X 0208 than code page 932 does. */
static const struct row others[] = {{0x00a2, 0x8191}, {0x00a3, 0x8192}, {0x00ac, 0x81ca},
                                    {0x2014, 0x815c}, {0x2016, 0x8161}, {0x2212, 0x817c},
                                    {0x301c, 0x8160}};

static const char *const names[AK_CHARSETS] = {"utf-8",       "shift_jis", "euc-jp",
                                               "iso-2022-jp", "utf-16le",  "utf-16be"};

const char *ak_charset_name(enum ak_charset charset)
{
    return names[charset];
}

unsigned ak_charset_set(const char *word)
{
    if (strcmp(word, "auto") == 0)
        return AK_CHARSETS_ALL;
    if (strcmp(word, "utf-16") == 0)
        return 1u << AK_CHARSET_UTF16LE | 1u << AK_CHARSET_UTF16BE;
    for (unsigned i = 0; i < AK_CHARSETS; i++) {
        if (strcmp(word, names[i]) == 0)
            return 1u << i;
    }
    return 0;
}

/* ---- Unicode ---- */

unsigned ak_utf8_char(const uint8_t *text, size_t len, uint32_t *character)
{
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    uint8_t lead = len > 0 ? text[0] : 0xff;
    unsigned n = lead < 0x80   ? 1
                 : lead < 0xc2 ? 0
                 : lead < 0xe0 ? 2
                 : lead < 0xf0 ? 3
                 : lead < 0xf5 ? 4
                               : 0;
    uint32_t u = n < 2 ? lead : lead & (0x7fu >> n);

    if (n == 0 || n > len)
        return 0;
    for (unsigned i = 1; i < n; i++) {
        if ((text[i] & 0xc0) != 0x80)
            return 0;
        u = u << 6 | (text[i] & 0x3f);
    }
    if (u < least[n] || (u >= 0xd800 && u < 0xe000) || u > 0x10ffff)
        return 0;
    *character = u;
    return n;
}

bool ak_utf8_valid(const uint8_t *text, size_t len)
{
    uint32_t character;

    for (size_t at = 0; at < len;) {
        unsigned n = ak_utf8_char(text + at, len - at, &character);
        if (n == 0)
            return false;
        at += n;
    }
    return true;
}

static unsigned encode_utf8(uint32_t u, uint8_t *out)
{
    unsigned n = u < 0x80 ? 1 : u < 0x800 ? 2 : u < 0x10000 ? 3 : 4;

    for (unsigned i = n; i > 1; i--) {
        out[i - 1] = (uint8_t)(0x80 | (u & 0x3f));
        u >>= 6;
    }
    out[0] = (uint8_t)(n == 1 ? u : (0xf00u >> n & 0xff) | u);
    return n;
}

static unsigned encode_utf16(uint32_t u, bool big, uint8_t *out)
{
    uint16_t unit[2] = {(uint16_t)u, 0};
    unsigned n = u < 0x10000 ? 1 : 2;

    if (n == 2) {
        unit[0] = (uint16_t)(0xd800 + ((u - 0x10000) >> 10));
        unit[1] = (uint16_t)(0xdc00 + ((u - 0x10000) & 0x3ff));
    }
    for (unsigned i = 0; i < n; i++) {
        out[2 * i + (big ? 0 : 1)] = (uint8_t)(unit[i] >> 8);
        out[2 * i + (big ? 1 : 0)] = (uint8_t)unit[i];
    }
    return 2 * n;
}

/* ---- JIS ---- */

static uint16_t find(const struct row *rows, size_t count, uint32_t character)
{
    size_t low = 0;
    size_t high = count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (rows[middle].character < character)
            low = middle + 1;
        else
            high = middle;
    }
    return low < count && rows[low].character == character ? rows[low].sjis : 0;
}

static uint16_t sjis_of(uint32_t character)
{
    uint16_t code = find(table, sizeof(table) / sizeof(table[0]), character);

    return code != 0 ? code : find(others, sizeof(others) / sizeof(others[0]), character);
}

/* Row and cell from 0 on; false for codes that JIS X 0208 has no place for. */
static bool row_cell(uint16_t sjis, unsigned *row, unsigned *cell)
{
    unsigned lead = sjis >> 8;
    unsigned trail = sjis & 0xff;
    unsigned pair = lead - (lead < 0xa0 ? 0x81u : 0xc1u);

    *cell = trail - (trail < 0x80 ? 0x40u : 0x41u);
    *row = pair * 2 + (*cell >= CELLS ? 1 : 0);
    *cell %= CELLS;
    return *row < CELLS;
}

static unsigned encode_jis(enum ak_charset charset, uint32_t character, uint8_t *out)
{
    uint16_t code = sjis_of(character);
    unsigned row;
    unsigned cell;

    if (character >= KANA_FIRST && character <= KANA_LAST && charset != AK_CHARSET_ISO_2022_JP) {
        unsigned n = charset == AK_CHARSET_EUC_JP ? 2 : 1;
        out[0] = 0x8e;
        out[n - 1] = (uint8_t)(character - KANA_FIRST + 0xa1);
        return n;
    }
    if (code == 0)
        return 0;
    if (charset == AK_CHARSET_SHIFT_JIS) {
        out[0] = (uint8_t)(code >> 8);
        out[1] = (uint8_t)code;
        return 2;
    }
    if (!row_cell(code, &row, &cell)) {
        code = find(second, sizeof(second) / sizeof(second[0]), character);
        if (code == 0 || !row_cell(code, &row, &cell))
            return 0;
    }
    out[0] = (uint8_t)(row + (charset == AK_CHARSET_EUC_JP ? 0xa1 : 0x21));
    out[1] = (uint8_t)(cell + (charset == AK_CHARSET_EUC_JP ? 0xa1 : 0x21));
    return 2;
}

unsigned ak_charset_encode(enum ak_charset charset, uint32_t character,
                           uint8_t out[AK_CHARSET_BYTES_MAX])
{
    switch (charset) {
    case AK_CHARSET_UTF8:
        return encode_utf8(character, out);
    case AK_CHARSET_UTF16LE:
    case AK_CHARSET_UTF16BE:
        return encode_utf16(character, charset == AK_CHARSET_UTF16BE, out);
    default:
        if (character >= 0x80)
            return encode_jis(charset, character, out);
        out[0] = (uint8_t)character;
        return 1;
    }
}

/* ---- Where characters begin ---- */

static bool in(uint8_t c, unsigned from, unsigned to)
{
    return c >= from && c <= to;
}

/* Length of the character of Shift_JIS at p; 0 for bytes that are none. */
static unsigned sjis_char(const uint8_t *p, size_t left)
{
    if (p[0] < 0x80 || in(p[0], 0xa1, 0xdf))
        return 1;
    if (left > 1 && (in(p[0], 0x81, 0x9f) || in(p[0], 0xe0, 0xfc)) &&
        (in(p[1], 0x40, 0x7e) || in(p[1], 0x80, 0xfc)))
        return 2;
    return 0;
}

static unsigned euc_char(const uint8_t *p, size_t left)
{
    if (p[0] < 0x80)
        return 1;
    if (left > 1 && p[0] == 0x8e && in(p[1], 0xa1, 0xdf))
        return 2;
    if (left > 2 && p[0] == 0x8f && in(p[1], 0xa1, 0xfe) && in(p[2], 0xa1, 0xfe))
        return 3;
    return left > 1 && in(p[0], 0xa1, 0xfe) && in(p[1], 0xa1, 0xfe) ? 2 : 0;
}

/* Marks where characters begin; false if not all of it is in the encoding. A byte that is none
 * stands for itself. */
static bool mark_chars(uint8_t *mark, const uint8_t *p, size_t len, uint8_t bit,
                       unsigned (*char_of)(const uint8_t *, size_t))
{
    bool valid = true;

    for (size_t at = 0; at < len;) {
        unsigned n = char_of(p + at, len - at);
        mark[at] |= bit;
        valid = valid && n != 0;
        at += n == 0 ? 1 : n;
    }
    mark[len] |= bit;
    return valid;
}

/* The escape sequences of ISO-2022-JP; a line end goes back to ASCII. True if there are two-byte
 * characters. */
static bool mark_jis(uint8_t *mark, const uint8_t *p, size_t len)
{
    bool wide = false;
    bool any = false;
    size_t at = 0;

    while (at < len) {
        bool escape = p[at] == 0x1b && len - at >= 3;
        mark[at] |= wide ? MARK_DOUBLE : MARK_SINGLE;
        if (escape && p[at + 1] == '$' && (p[at + 2] == '@' || p[at + 2] == 'B')) {
            wide = any = true;
            at += 3;
        } else if (escape && p[at + 1] == '(') {
            wide = false;
            at += 3;
        } else if (p[at] == '\n') {
            wide = false;
            at++;
        } else {
            at += wide && len - at >= 2 ? 2 : 1;
        }
    }
    mark[len] |= wide ? MARK_DOUBLE : MARK_SINGLE;
    return any;
}

/* Whether a byte of 0x80 or more is there; eight at a time, as each record that matches is asked.
 */
static bool any_high(const uint8_t *p, size_t len)
{
    uint64_t all = 0;
    uint64_t word;
    size_t at = 0;

    for (; len - at >= sizeof(word); at += sizeof(word)) {
        memcpy(&word, p + at, sizeof(word));
        all |= word;
    }
    for (; at < len; at++)
        all |= p[at];
    return (all & UINT64_C(0x8080808080808080)) != 0;
}

bool ak_charset_is_plain_line(const uint8_t *record, size_t len)
{
    const uint64_t blanks = UINT64_C(0x2020202020202020);
    const uint64_t high = UINT64_C(0x8080808080808080);
    uint64_t all = 0;
    uint64_t word;
    size_t at = 0;

    /* A byte below the blank borrows from its highest bit; what a borrow does to its neighbour is
     * told wrongly only beside such a byte. */
    for (; len - at >= sizeof(word); at += sizeof(word)) {
        memcpy(&word, record + at, sizeof(word));
        all |= word | (word - blanks);
    }
    for (; at < len; at++)
        all |= record[at] < ' ' ? high : record[at];
    return (all & high) == 0;
}

bool ak_charset_look(struct ak_charset_view *view, const uint8_t *record, size_t len)
{
    bool high = any_high(record, len);

    view->zero = memchr(record, 0, len) != NULL;
    view->plain = memchr(record, 0x1b, len) == NULL;
    view->high = high;
    view->plain = view->plain && !high;
    view->utf8 = view->sjis = view->euc = view->jis = false;
    if (view->plain)
        return true;
    if (len + 1 > view->room) {
        uint8_t *more = realloc(view->mark, len + 1);
        if (more == NULL)
            return false;
        view->mark = more;
        view->room = len + 1;
    }
    memset(view->mark, 0, len + 1);
    view->utf8 = high && ak_utf8_valid(record, len);
    view->sjis = mark_chars(view->mark, record, len, MARK_SJIS, sjis_char) && high;
    view->euc = mark_chars(view->mark, record, len, MARK_EUC, euc_char) && high;
    view->jis = mark_jis(view->mark, record, len) && !high;
    return true;
}

void ak_charset_view_free(struct ak_charset_view *view)
{
    free(view->mark);
    memset(view, 0, sizeof(*view));
}

static bool marked(const struct ak_charset_view *view, uint8_t bit, size_t begin, size_t end)
{
    return (view->mark[begin] & bit) != 0 && (view->mark[end] & bit) != 0;
}

/* ASCII, or bytes as they are, in a record of an encoding that is not told. */
static bool stands_plain(const struct ak_charset_view *view, size_t begin, size_t end)
{
    if (view->jis)
        return marked(view, MARK_SINGLE, begin, end);
    if (view->utf8 || (!view->sjis && !view->euc))
        return true;
    return (view->sjis && marked(view, MARK_SJIS, begin, end)) ||
           (view->euc && marked(view, MARK_EUC, begin, end));
}

bool ak_charset_stands(const struct ak_charset_view *view, enum ak_charset charset,
                       enum ak_charset_begin begins, bool given, size_t begin, size_t end)
{
    switch (charset) {
    case AK_CHARSET_UTF8:
        return given || view->plain || stands_plain(view, begin, end);
    case AK_CHARSET_SHIFT_JIS:
        if (view->plain)
            return true;
        if (!given && (view->utf8 || (!view->sjis && view->euc)))
            return false;
        return marked(view, MARK_SJIS, begin, end);
    case AK_CHARSET_EUC_JP:
        if (view->plain)
            return true;
        if (!given && (view->utf8 || (!view->euc && view->sjis)))
            return false;
        return marked(view, MARK_EUC, begin, end);
    case AK_CHARSET_ISO_2022_JP:
        if (view->plain)
            return begins != AK_BEGINS_DOUBLE;
        if (begins == AK_BEGINS_EITHER)
            return (view->mark[begin] & (MARK_DOUBLE | MARK_SINGLE)) != 0;
        return (view->mark[begin] & (begins == AK_BEGINS_DOUBLE ? MARK_DOUBLE : MARK_SINGLE)) != 0;
    default:
        /* Where two-byte units begin in a record is not known. What is ASCII or UTF-8 is not
         * UTF-16. */
        return given || view->zero || (view->high && !view->utf8);
    }
}
