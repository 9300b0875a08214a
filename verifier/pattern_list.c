/* pattern_list.c - lines of a list of indicators. Nothing in it is a comment or a wildcard: what a
 * list of other people's making holds must be looked for as it stands. */
#include "pattern_list.h"

#include "matcher.h"

#include <stdlib.h>
#include <string.h>

static const char mark[] = "\xef\xbb\xbf"; /* U+FEFF, which some editors put in front */

static enum ak_code add_line(struct ak_pattern_string *string, size_t *count, const char *line,
                             size_t len, size_t number, struct ak_error *err)
{
    if (len > 0 && line[len - 1] == '\r')
        len--;
    if (len == 0)
        return AK_OK;
    if (len > AK_PATTERN_LIST_STRING_MAX)
        return ak_fail(err, AK_ELIMIT, "line %zu has more than %u bytes", number,
                       AK_PATTERN_LIST_STRING_MAX);
    string[*count] = (struct ak_pattern_string){(const uint8_t *)line, (uint32_t)len};
    (*count)++;
    return AK_OK;
}

static size_t count_lines(const char *text, size_t len)
{
    size_t n = 1;

    for (const char *p = text; (p = memchr(p, '\n', (size_t)(text + len - p))) != NULL; p++)
        n++;
    return n;
}

enum ak_code ak_pattern_list_parse(struct ak_pattern_string **string, size_t *count,
                                   const char *text, size_t len, struct ak_error *err)
{
    size_t lines = count_lines(text, len);
    enum ak_code rc = AK_OK;
    size_t at = 0;

    *count = 0;
    *string = NULL;
    if (len > AK_PATTERN_LIST_BYTES_MAX)
        return ak_fail(err, AK_ELIMIT, "it has more than %u MiB: divide it",
                       AK_PATTERN_LIST_BYTES_MAX / 1048576);
    if (lines > AK_PATTERN_LIST_LINES_MAX + 1)
        return ak_fail(err, AK_ELIMIT, "it has more than %u lines: divide it",
                       AK_PATTERN_LIST_LINES_MAX);
    *string = calloc(lines, sizeof(**string));
    if (*string == NULL)
        return ak_fail(err, AK_ENOMEM, "no memory for a list of strings");
    if (len >= sizeof(mark) - 1 && memcmp(text, mark, sizeof(mark) - 1) == 0)
        at = sizeof(mark) - 1;
    for (size_t number = 1; rc == AK_OK && at < len; number++) {
        const char *end = memchr(text + at, '\n', len - at);
        size_t n = end == NULL ? len - at : (size_t)(end - (text + at));
        rc = add_line(*string, count, text + at, n, number, err);
        at += n + 1;
    }
    if (rc == AK_OK && *count == 0)
        rc = ak_fail(err, AK_EUSAGE, "it holds no string to look for");
    if (rc != AK_OK) {
        free(*string);
        *string = NULL;
        *count = 0;
    }
    return rc;
}
