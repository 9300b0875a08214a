/* pattern.c - fuzz target: what people and records give to a search. The first byte picks an
 * encoding and options, the rest is pattern, list and record at once. Whatever an expression
 * becomes in an encoding has no NUL in it, a string keeps its length, and every place of a record
 * can be asked. */
#include "japanese.h"
#include "pattern.h"
#include "pattern_line.h"
#include "pattern_list.h"

#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* Longer ones tell nothing new. */
#define INPUT_MAX 4096u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void expression(const uint8_t *p, size_t len, enum ak_charset charset, bool fold)
{
    enum ak_charset_begin begins;
    char *pattern = malloc(len + 1);
    char *out;

    assert(pattern != NULL);
    if (len > 0)
        memcpy(pattern, p, len);
    pattern[len] = '\0';
    assert(ak_pattern_front(pattern) <= strlen(pattern));
    if (ak_pattern_in_line(pattern)) {
        assert(strchr(pattern, '\n') == NULL);
        pattern[ak_pattern_front(pattern)] = '\0';
        assert(ak_pattern_in_line(pattern));
    }
    if (ak_pattern_expression(&out, pattern, charset, fold, &begins, NULL) == AK_OK) {
        assert(begins <= AK_BEGINS_EITHER);
        free(out);
    }
    free(pattern);
}

static void string(const uint8_t *p, size_t len, enum ak_charset charset, bool fold)
{
    struct ak_pattern_text text;

    if (ak_pattern_string(&text, p, len, charset, fold, NULL) != AK_OK)
        return;
    assert(ak_utf8_valid(p, len));
    if (charset == AK_CHARSET_UTF8)
        assert(text.len == len && memcmp(text.bytes, p, len) == 0);
    ak_pattern_text_free(&text);
}

static void list(const uint8_t *p, size_t len)
{
    struct ak_pattern_string *strings;
    size_t count;

    if (ak_pattern_list_parse(&strings, &count, (const char *)p, len, NULL) != AK_OK)
        return;
    for (size_t i = 0; i < count; i++)
        assert(strings[i].len > 0 && strings[i].p >= p && strings[i].p + strings[i].len <= p + len);
    free(strings);
}

static void record(const uint8_t *p, size_t len, enum ak_charset charset)
{
    struct ak_charset_view view = {0};

    assert(ak_charset_look(&view, p, len));
    for (size_t i = 0; i <= len; i++)
        (void)ak_charset_stands(&view, charset, AK_BEGINS_EITHER, false, i, len);
    ak_charset_view_free(&view);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    enum ak_charset charset;

    if (size == 0 || size > INPUT_MAX)
        return 0;
    charset = (enum ak_charset)(data[0] % AK_CHARSETS);
    expression(data + 1, size - 1, charset, (data[0] & 0x80) != 0);
    string(data + 1, size - 1, charset, (data[0] & 0x80) != 0);
    list(data + 1, size - 1);
    record(data + 1, size - 1, charset);
    return 0;
}
