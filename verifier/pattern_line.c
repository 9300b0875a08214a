/* pattern_line.c - a list of the words of an expression that are known to stay in a line. */
#include "pattern_line.h"

#include <string.h>

#define BLANK 0x20 /* what is below are control characters, LF among them */

static bool is_letter_or_digit(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

/* A character behind a backslash: one that stands for itself, or a word of which LF is no part. */
static bool is_plain_escape(char c)
{
    return (c > BLANK && c < 0x7f && !is_letter_or_digit(c)) || (c != '\0' && strchr("dwS", c));
}

/* Names in [: :] of which LF is no part. */
static size_t posix_name(const char *p)
{
    static const char *const names[] = {"[:alnum:]", "[:alpha:]", "[:digit:]", "[:lower:]",
                                        "[:punct:]", "[:upper:]", "[:xdigit:]"};

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (strncmp(p, names[i], strlen(names[i])) == 0)
            return strlen(names[i]);
    }
    return 0;
}

/* Length of a class, from its [ to its ], of which LF is no part; 0: it may be, or nobody knows. */
static size_t plain_class(const char *p)
{
    size_t at = 1;

    if (p[at] == '^')
        return 0;
    for (bool first = true; p[at] != ']' || first; first = false) {
        if (p[at] == '[') {
            size_t name = posix_name(p + at);
            if (name == 0)
                return 0;
            at += name;
        } else if (p[at] == '\\') {
            if (!is_plain_escape(p[at + 1]))
                return 0;
            at += 2;
        } else {
            /* Ends of ranges are above LF too, so all of a range is. */
            if ((unsigned char)p[at] < BLANK)
                return 0;
            at++;
        }
    }
    return at + 1;
}

bool ak_pattern_in_line(const char *pattern)
{
    const char *p = pattern;

    while (*p != '\0') {
        size_t n = 1;
        if (*p == '[')
            n = plain_class(p);
        else if (*p == '\\')
            n = is_plain_escape(p[1]) || p[1] == 'b' ? 2 : 0;
        else if (*p == '(' && p[1] == '?')
            n = p[2] == ':' ? 3 : 0; /* others are settings */
        else if (*p == '(' && p[1] == '*')
            n = 0;
        else if ((unsigned char)*p < BLANK)
            n = 0;
        if (n == 0)
            return false;
        p += n;
    }
    return true;
}

/* Whether the character at `at` stands behind a backslash that counts. */
static bool is_escaped(const char *pattern, size_t at)
{
    size_t n = 0;

    while (n < at && pattern[at - 1 - n] == '\\')
        n++;
    return n % 2 != 0;
}

size_t ak_pattern_front(const char *pattern)
{
    size_t len = strlen(pattern);

    if (!ak_pattern_in_line(pattern) || len < 2 || is_escaped(pattern, len - 1))
        return len;
    if (pattern[len - 1] == '+' &&
        (is_escaped(pattern, len - 2) || strchr("*+?}(|^$", pattern[len - 2]) == NULL))
        return len - 1;
    if (len > 2 && pattern[len - 1] == '*' && pattern[len - 2] == '.' &&
        !is_escaped(pattern, len - 2))
        return len - 2;
    return len;
}
