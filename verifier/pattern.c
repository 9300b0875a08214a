/* pattern.c - from a pattern in UTF-8 to expressions of bytes.
 *
 * Expressions are read from left to right, atom by atom; what stands between atoms (groups, choice,
 * repeats) is copied. ISO-2022-JP switches between one and two bytes a character by escape
 * sequences: they are put where it is known that one must stand, and allowed where one may. */
#include "pattern.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TO_DOUBLE "\\x1b\\$[@B]"
#define TO_SINGLE "\\x1b\\([BJ]"

/* What stands in front, in ISO-2022-JP. */
enum mode { MODE_START, MODE_SINGLE, MODE_DOUBLE, MODE_UNKNOWN };

struct writer {
    char *text;
    size_t len;
    size_t room;
    bool failed; /* no memory */
    enum ak_charset charset;
    bool ignore_case;
    bool wide; /* the expression has characters beyond ASCII: a dot is a character */
    enum mode mode;
    enum ak_charset_begin begins;
    bool begun;
};

struct reader {
    const uint8_t *p;
    const uint8_t *end;
    const uint8_t *start;
};

static void put_bytes(struct writer *w, const char *text, size_t n)
{
    if (w->len + n + 1 > w->room) {
        size_t room = (w->len + n + 1) * 2;
        char *more = realloc(w->text, room);
        if (more == NULL) {
            w->failed = true;
            return;
        }
        w->text = more;
        w->room = room;
    }
    memcpy(w->text + w->len, text, n);
    w->len += n;
    w->text[w->len] = '\0';
}

static void put(struct writer *w, const char *text)
{
    put_bytes(w, text, strlen(text));
}

static void put_hex(struct writer *w, uint8_t byte)
{
    char text[8];
    bool plain = (byte >= '0' && byte <= '9') || (byte >= 'A' && byte <= 'Z') ||
                 (byte >= 'a' && byte <= 'z');

    (void)snprintf(text, sizeof(text), plain ? "%c" : "\\x%02x", byte);
    put(w, text);
}

static bool is_utf16(const struct writer *w)
{
    return w->charset == AK_CHARSET_UTF16LE || w->charset == AK_CHARSET_UTF16BE;
}

/* In front of an atom of one byte, or of a character of two. `sure`: the atom stands there in any
 * case, so the sequence does too. */
static void switch_to(struct writer *w, bool two, bool sure)
{
    enum mode wanted = two ? MODE_DOUBLE : MODE_SINGLE;

    if (!w->begun)
        w->begins = two ? AK_BEGINS_DOUBLE : AK_BEGINS_SINGLE;
    if (!w->begun && !sure)
        w->begins = AK_BEGINS_EITHER;
    w->begun = true;
    if (w->charset != AK_CHARSET_ISO_2022_JP)
        return;
    if (w->mode != MODE_START && w->mode != wanted) {
        bool must = w->mode != MODE_UNKNOWN && sure;
        put(w, must ? "" : "(?:");
        put(w, two ? TO_DOUBLE : TO_SINGLE);
        if (two && w->mode == MODE_UNKNOWN)
            put(w, "(?:[\\x21-\\x7e]{2})*");
        put(w, must ? "" : ")?");
    }
    w->mode = sure ? wanted : MODE_UNKNOWN;
}

static void mode_unknown(struct writer *w)
{
    if (!w->begun)
        w->begins = AK_BEGINS_EITHER;
    w->begun = true;
    w->mode = MODE_UNKNOWN;
}

/* The bytes of a character as one thing. */
static enum ak_code put_char(struct writer *w, uint32_t character, bool sure, struct ak_error *err)
{
    uint8_t bytes[AK_CHARSET_BYTES_MAX];
    unsigned n = ak_charset_encode(w->charset, character, bytes);
    bool exact = w->ignore_case && character >= 0x80 && w->charset != AK_CHARSET_UTF8;

    if (n == 0)
        return ak_fail(err, AK_ENOTFOUND, "U+%04X is not in %s", character,
                       ak_charset_name(w->charset));
    switch_to(w, character >= 0x80, sure);
    if (n > 1 || exact)
        put(w, exact ? "(?-i:" : "(?:");
    for (unsigned i = 0; i < n; i++)
        put_hex(w, bytes[i]);
    if (n > 1 || exact)
        put(w, ")");
    return AK_OK;
}

/* A class of ASCII characters as an atom; `negated` means that other characters are in it too. */
static void put_class(struct writer *w, const char *class, bool negated, bool sure)
{
    switch_to(w, false, sure && !negated);
    if (is_utf16(w)) {
        bool big = w->charset == AK_CHARSET_UTF16BE;
        put(w, big ? "(?:\\x00" : "(?:");
        put(w, class);
        put(w, big ? "" : "\\x00");
        if (negated)
            put(w, big ? "|[\\x01-\\xff][\\x00-\\xff]" : "|[\\x00-\\xff][\\x01-\\xff]");
        put(w, ")");
        return;
    }
    if (negated && w->wide) {
        static const char *const many[] = {("[\\xc2-\\xdf][\\x80-\\xbf]|"
                                            "[\\xe0-\\xef][\\x80-\\xbf]{2}|"
                                            "[\\xf0-\\xf4][\\x80-\\xbf]{3}|"),
                                           "[\\x81-\\x9f\\xe0-\\xfc][\\x40-\\x7e\\x80-\\xfc]|",
                                           "[\\xa1-\\xfe]{2}|\\x8e[\\xa1-\\xdf]|",
                                           "[\\x21-\\x7e]{2}|"};
        put(w, "(?:");
        put(w, many[w->charset]);
        put(w, class);
        put(w, ")");
        return;
    }
    put(w, class);
}

/* ---- Reading ---- */

static unsigned place(const struct reader *r)
{
    return (unsigned)(r->p - r->start);
}

static bool is_quantifier(const struct reader *r)
{
    return r->p < r->end && strchr("*+?{", *r->p) != NULL;
}

static enum ak_code next_char(struct reader *r, uint32_t *character, struct ak_error *err)
{
    unsigned n = ak_utf8_char(r->p, (size_t)(r->end - r->p), character);

    if (n == 0)
        return ak_fail(err, AK_EMALFORMED, "what is looked for is not valid UTF-8 at byte %u",
                       place(r));
    r->p += n;
    return AK_OK;
}

static int hex_digit(const struct reader *r, size_t at)
{
    const char *digits = "0123456789abcdef";
    const char *found =
        (size_t)(r->end - r->p) > at && r->p[at] != '\0' ? strchr(digits, r->p[at] | 0x20) : NULL;

    return found == NULL ? -1 : (int)(found - digits);
}

/* An escape that means one character; false if it is another. The reader stands behind the
 * backslash, and moves behind the escape. */
static bool escaped_char(struct reader *r, uint32_t *character)
{
    static const char letters[] = "ntrfae";
    static const char meant[] = "\n\t\r\f\a\x1b";
    uint8_t c = *r->p;
    const char *found = strchr(letters, c);

    if (found != NULL) {
        *character = (uint8_t)meant[found - letters];
        r->p++;
        return true;
    }
    if (c == 'x' && hex_digit(r, 1) >= 0 && hex_digit(r, 2) >= 0) {
        *character = (uint32_t)(hex_digit(r, 1) * 16 + hex_digit(r, 2));
        r->p += 3;
        return true;
    }
    if (c < 0x80 && !((c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z'))) {
        *character = c;
        r->p++;
        return true;
    }
    return false;
}

/* A byte that the user names by its number is that byte, but in UTF-16 a character. */
static enum ak_code put_escaped(struct writer *w, uint32_t character, bool sure,
                                struct ak_error *err)
{
    if (character < 0x80 || is_utf16(w))
        return put_char(w, character, sure, err);
    switch_to(w, false, sure);
    put_hex(w, (uint8_t)character);
    return AK_OK;
}

static enum ak_code take_escape(struct writer *w, struct reader *r, struct ak_error *err)
{
    uint32_t character;
    char class[3] = "\\?";

    if (++r->p >= r->end)
        return ak_fail(err, AK_EUSAGE, "the expression ends with a backslash");
    if (escaped_char(r, &character))
        return put_escaped(w, character, !is_quantifier(r), err);
    class[1] = (char)*r->p;
    if (strchr("dswDSW", *r->p) != NULL) {
        r->p++;
        put_class(w, class, class[1] < 'a', !is_quantifier(r));
        return AK_OK;
    }
    if (strchr("bB", *r->p) != NULL && !is_utf16(w)) {
        r->p++;
        put(w, class);
        return AK_OK;
    }
    return ak_fail(err, AK_EUNSUPPORTED, "\\%c at byte %u", *r->p, place(r) - 1);
}

/* ---- Classes ---- */

/* Characters of a class beyond ASCII, as choices. */
static enum ak_code class_range(struct writer *w, uint32_t from, uint32_t to, struct ak_error *err)
{
    bool any = false;

    if (to < from || to - from >= AK_PATTERN_RANGE_MAX)
        return ak_fail(err, AK_EUSAGE,
                       "a range of a class has more than %u characters beyond ASCII, or none: list "
                       "them",
                       AK_PATTERN_RANGE_MAX);
    for (uint32_t u = from; u <= to; u++) {
        uint8_t bytes[AK_CHARSET_BYTES_MAX];
        if (ak_charset_encode(w->charset, u, bytes) == 0)
            continue; /* an encoding that lacks it holds no record with it */
        if (put_char(w, u, true, err) != AK_OK)
            return AK_ENOTFOUND;
        w->mode = MODE_START; /* each is a choice of its own */
        put(w, "|");
        any = true;
    }
    return any ? AK_OK
               : ak_fail(err, AK_ENOTFOUND, "U+%04X is not in %s", from,
                         ak_charset_name(w->charset));
}

/* One member: a character, or an ASCII thing that is kept as it is written in `ascii`. */
static enum ak_code class_member(struct reader *r, uint32_t *character, bool *is_char,
                                 struct writer *ascii, struct ak_error *err)
{
    const uint8_t *from = r->p;

    *is_char = true;
    if (*r->p == '[' && r->p + 1 < r->end && r->p[1] == ':') {
        while (r->p < r->end && *r->p != ']')
            r->p++;
        r->p += r->p < r->end;
        *is_char = false;
        put_bytes(ascii, (const char *)from, (size_t)(r->p - from));
        return AK_OK;
    }
    if (*r->p != '\\')
        return next_char(r, character, err);
    if (++r->p >= r->end)
        return ak_fail(err, AK_EUSAGE, "the expression ends with a backslash");
    if (escaped_char(r, character))
        return AK_OK;
    if (strchr("dsw", *r->p) == NULL)
        return ak_fail(err, AK_EUNSUPPORTED, "\\%c in a class at byte %u", *r->p, place(r) - 1);
    r->p++;
    *is_char = false;
    put_bytes(ascii, (const char *)from, (size_t)(r->p - from));
    return AK_OK;
}

static void ascii_range(struct writer *ascii, uint32_t from, uint32_t to)
{
    char text[16];

    (void)snprintf(text, sizeof(text), "\\x%02x-\\x%02x", from, to);
    put(ascii, text);
}

/* Members up to the bracket: ASCII ones into `ascii`, others as choices into `w`. */
static enum ak_code class_members(struct writer *w, struct reader *r, struct writer *ascii,
                                  bool negated, bool *others, struct ak_error *err)
{
    enum ak_code rc = AK_OK;
    bool first = true;

    while (rc == AK_OK && r->p < r->end && (*r->p != ']' || first)) {
        uint32_t from = 0;
        uint32_t to;
        bool is_char;
        first = false;
        rc = class_member(r, &from, &is_char, ascii, err);
        if (rc != AK_OK || !is_char)
            continue;
        to = from;
        if (r->end - r->p > 1 && r->p[0] == '-' && r->p[1] != ']') {
            r->p++;
            rc = class_member(r, &to, &is_char, ascii, err);
            if (rc == AK_OK && !is_char)
                rc = ak_fail(err, AK_EUSAGE, "a range of a class ends with no character");
        }
        if (rc == AK_OK && to < 0x80) {
            ascii_range(ascii, from, to);
        } else if (rc == AK_OK && negated) {
            rc = ak_fail(err, AK_EUSAGE,
                         "a class that begins with ^ cannot list characters beyond ASCII");
        } else if (rc == AK_OK) {
            if (from < 0x80)
                ascii_range(ascii, from, 0x7f);
            *others = true;
            rc = class_range(w, from < 0x80 ? 0x80 : from, to, err);
        }
    }
    if (rc == AK_OK && r->p >= r->end)
        rc = ak_fail(err, AK_EUSAGE, "a class of the expression has no ] at its end");
    r->p += rc == AK_OK;
    return rc;
}

static enum ak_code take_class(struct writer *w, struct reader *r, struct ak_error *err)
{
    struct writer ascii = {0};
    struct writer many = {.charset = w->charset, .ignore_case = w->ignore_case};
    bool others = false;
    bool negated;
    enum ak_code rc;

    r->p++;
    negated = r->p < r->end && *r->p == '^';
    r->p += negated;
    put(&ascii, negated ? "[^" : "[");
    put(&many, "");
    rc = class_members(&many, r, &ascii, negated, &others, err);
    put(&ascii, "]");
    w->failed = w->failed || ascii.failed || many.failed;
    if (rc == AK_OK && !w->failed && !others) {
        put_class(w, ascii.text, negated, !is_quantifier(r));
    } else if (rc == AK_OK && !w->failed) {
        mode_unknown(w);
        put(w, "(?:");
        put_bytes(w, many.text, many.len - (strcmp(ascii.text, "[]") == 0));
        if (strcmp(ascii.text, "[]") != 0)
            put_class(w, ascii.text, false, false);
        put(w, ")");
        w->mode = MODE_UNKNOWN;
    }
    free(ascii.text);
    free(many.text);
    return rc;
}

/* ---- Expressions ---- */

static enum ak_code take_group(struct writer *w, struct reader *r, struct ak_error *err)
{
    if (r->end - r->p > 1 && r->p[1] == '?' && (r->end - r->p < 3 || r->p[2] != ':'))
        return ak_fail(err, AK_EUNSUPPORTED, "(? at byte %u", place(r));
    mode_unknown(w);
    put(w, r->end - r->p > 1 && r->p[1] == '?' ? "(?:" : "(");
    r->p += r->end - r->p > 1 && r->p[1] == '?' ? 3 : 1;
    return AK_OK;
}

static enum ak_code take_atom(struct writer *w, struct reader *r, struct ak_error *err)
{
    char one[2] = {(char)*r->p, '\0'};
    uint32_t character;
    enum ak_code rc;

    switch (*r->p) {
    case '\\':
        return take_escape(w, r, err);
    case '[':
        return take_class(w, r, err);
    case '(':
        return take_group(w, r, err);
    case '.':
        r->p++;
        put_class(w, "[^\\n]", true, !is_quantifier(r));
        return AK_OK;
    case ')':
    case '|':
        r->p++;
        mode_unknown(w);
        put(w, one);
        return AK_OK;
    case '$':
        r->p++;
        if (w->charset == AK_CHARSET_ISO_2022_JP && w->mode != MODE_SINGLE)
            put(w, "(?:" TO_SINGLE ")?");
        put(w, one);
        return AK_OK;
    case '^':
    case '*':
    case '+':
    case '?':
        r->p++;
        put(w, one);
        return AK_OK;
    case '{':
        while (r->p < r->end && *r->p != '}')
            put_bytes(w, (const char *)r->p++, 1);
        return AK_OK;
    case '}':
        r->p++;
        put(w, one);
        return AK_OK;
    default:
        rc = next_char(r, &character, err);
        return rc != AK_OK ? rc : put_char(w, character, !is_quantifier(r), err);
    }
}

bool ak_pattern_is_wide(const uint8_t *p, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if (p[i] >= 0x80)
            return true;
    }
    return false;
}

enum ak_code ak_pattern_expression(char **out, const char *pattern, enum ak_charset charset,
                                   bool ignore_case, enum ak_charset_begin *begins,
                                   struct ak_error *err)
{
    const uint8_t *p = (const uint8_t *)pattern;
    struct reader r = {p, p + strlen(pattern), p};
    struct writer w = {.charset = charset,
                       .ignore_case = ignore_case,
                       .wide = ak_pattern_is_wide(p, strlen(pattern)),
                       .begins = AK_BEGINS_EITHER};
    enum ak_code rc = AK_OK;

    *out = NULL;
    put(&w, "");
    while (rc == AK_OK && r.p < r.end)
        rc = take_atom(&w, &r, err);
    if (rc == AK_OK && w.failed)
        rc = ak_fail(err, AK_ENOMEM, "no memory for an expression");
    if (rc != AK_OK) {
        free(w.text);
        return rc;
    }
    *begins = w.begins;
    *out = w.text;
    return AK_OK;
}

/* ---- Strings ---- */

/* Bytes of a string of valid UTF-8, with the escape sequences between its characters. */
static enum ak_code string_bytes(struct ak_pattern_text *out, struct reader *r,
                                 enum ak_charset charset, struct ak_error *err)
{
    bool wide = false;
    bool first = true;

    while (r->p < r->end) {
        uint8_t bytes[AK_CHARSET_BYTES_MAX];
        uint32_t character;
        enum ak_code rc = next_char(r, &character, err);
        unsigned n = rc != AK_OK ? 0 : ak_charset_encode(charset, character, bytes);
        if (rc != AK_OK)
            return rc;
        if (n == 0)
            return ak_fail(err, AK_ENOTFOUND, "U+%04X is not in %s", character,
                           ak_charset_name(charset));
        if (charset == AK_CHARSET_ISO_2022_JP && !first && wide != (character >= 0x80)) {
            memcpy(out->bytes + out->len, wide ? "\x1b(B" : "\x1b$B", 3);
            out->len += 3;
        }
        wide = character >= 0x80;
        if (first)
            out->begins = wide ? AK_BEGINS_DOUBLE : AK_BEGINS_SINGLE;
        first = false;
        memcpy(out->bytes + out->len, bytes, n);
        out->len += n;
    }
    return AK_OK;
}

enum ak_code ak_pattern_string(struct ak_pattern_text *out, const uint8_t *p, size_t len,
                               enum ak_charset charset, bool ignore_case, struct ak_error *err)
{
    struct reader r = {p, p + len, p};
    struct writer w = {.charset = charset, .ignore_case = ignore_case};
    enum ak_code rc = AK_OK;

    memset(out, 0, sizeof(*out));
    out->bytes = malloc(len * (AK_CHARSET_BYTES_MAX + 3) + 1);
    if (out->bytes == NULL)
        return ak_fail(err, AK_ENOMEM, "no memory for a string");
    rc = string_bytes(out, &r, charset, err);
    r.p = p;
    put(&w, "");
    while (rc == AK_OK && r.p < r.end) {
        uint32_t character;
        rc = next_char(&r, &character, err);
        if (rc == AK_OK)
            rc = put_char(&w, character, true, err);
    }
    if (rc == AK_OK && w.failed)
        rc = ak_fail(err, AK_ENOMEM, "no memory for a string");
    out->expression = w.text;
    if (rc != AK_OK)
        ak_pattern_text_free(out);
    return rc;
}

void ak_pattern_text_free(struct ak_pattern_text *text)
{
    free(text->bytes);
    free(text->expression);
    memset(text, 0, sizeof(*text));
}
