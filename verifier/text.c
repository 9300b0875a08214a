/* text.c - lines, numbers and UTF-8 of the text formats, bounded by a length and not by a NUL. */
#include "text.h"

#include <string.h>

/* How many bytes a character has by its first one; 0 if none begins so. */
static size_t character_bytes(unsigned char first)
{
    if (first < 0x80)
        return 1;
    if (first < 0xc2 || first > 0xf4)
        return 0;
    return first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
}

size_t ak_text_character(const char *p, size_t len, uint32_t *code)
{
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000}; /* below: not the shortest form */
    unsigned char first = len > 0 ? (unsigned char)p[0] : 0xff;
    size_t n = character_bytes(first);
    uint32_t value;

    if (n == 0 || n > len)
        return 0;
    value = n == 1 ? first : first & (0x7fu >> n);
    for (size_t i = 1; i < n; i++) {
        if (((unsigned char)p[i] & 0xc0) != 0x80)
            return 0;
        value = value << 6 | ((unsigned char)p[i] & 0x3f);
    }
    if (value < least[n] || value > 0x10ffff || (value >= 0xd800 && value <= 0xdfff))
        return 0;
    *code = value;
    return n;
}

bool ak_text_is_note(const char *p, size_t len)
{
    uint32_t code;

    while (len > 0) {
        size_t n = ak_text_character(p, len, &code);
        if (n == 0 || (code < 0x20 && code != '\n'))
            return false;
        p += n;
        len -= n;
    }
    return true;
}

bool ak_text_is_space(uint32_t code)
{
    return (code >= 0x09 && code <= 0x0d) || code == 0x20 || code == 0x85 || code == 0xa0 ||
           code == 0x1680 || (code >= 0x2000 && code <= 0x200a) || code == 0x2028 ||
           code == 0x2029 || code == 0x202f || code == 0x205f || code == 0x3000;
}

bool ak_text_line(struct ak_text *rest, struct ak_text *line)
{
    const char *end = rest->len > 0 ? memchr(rest->p, '\n', rest->len) : NULL;

    if (end == NULL)
        return false;
    line->p = rest->p;
    line->len = (size_t)(end - rest->p);
    rest->p = end + 1;
    rest->len -= line->len + 1;
    return true;
}

bool ak_text_skip(struct ak_text *rest, const char *prefix)
{
    size_t n = strlen(prefix);

    if (rest->len < n || memcmp(rest->p, prefix, n) != 0)
        return false;
    rest->p += n;
    rest->len -= n;
    return true;
}

bool ak_text_decimal(struct ak_text text, uint64_t max, uint64_t *value)
{
    uint64_t sum = 0;

    if (text.len == 0 || text.len > AK_DECIMAL_CHARS_MAX || (text.len > 1 && text.p[0] == '0'))
        return false;
    for (size_t i = 0; i < text.len; i++) {
        unsigned digit = (unsigned)((unsigned char)text.p[i]) - '0';
        if (digit > 9 || sum > (UINT64_MAX - digit) / 10)
            return false;
        sum = sum * 10 + digit;
    }
    if (sum > max)
        return false;
    *value = sum;
    return true;
}
