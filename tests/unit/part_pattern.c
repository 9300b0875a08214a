/* part_pattern.c - which bytes an expression means: every match, its groups, and never for ever. */
#include "part_pattern.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static char found[400];

static enum ak_code on_bytes(void *ctx, size_t begin, size_t end, struct ak_error *err)
{
    size_t used = strlen(found);

    (void)err;
    (void)snprintf(found + used, sizeof(found) - used, "[%.*s]", (int)(end - begin),
                   (const char *)ctx + begin);
    return AK_OK;
}

/* What an expression means in a record, each stretch in brackets. */
static enum ak_code find(const char *expression, const char *record, struct ak_error *err)
{
    struct ak_part_pattern *pattern;
    enum ak_code rc = ak_part_pattern_compile(&pattern, expression, err);

    found[0] = '\0';
    if (rc == AK_OK)
        rc = ak_part_pattern_each(pattern, (const uint8_t *)record, strlen(record), on_bytes,
                                  (void *)(uintptr_t)record, err);
    ak_part_pattern_free(pattern);
    return rc;
}

static void test_meaning(void **state)
{
    static const struct {
        const char *expression;
        const char *record;
        const char *found;
    } row[] = {
        {"root", "root and root", "[root][root]"},
        {"user=(\\S+)", "user=anna host=x user=ben", "[anna][ben]"},
        {"(\\S+)@(\\S+)", "mail a@b and c@d", "[a][b][c][d]"},
        {"(?:from|to) (\\d+)?(x)?", "from 12, to x, from ?", "[12][x][from ]"},
        {"(?i)ROOT", "Root", "[Root]"},
        {"^b.*$", "a\nbc\nbd", "[bc][bd]"},
        {"x*", "aa", ""},
        {"(x*)", "ax", "[][x][]"},
        {"none", "of it", ""},
        {"a", "", ""},
        {"\xe6\x97\xa5", "\xe6\x97\xa5\xe6\x9c\xac", "[\xe6\x97\xa5]"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
        struct ak_error err = {0};
        assert_int_equal(find(row[i].expression, row[i].record, &err), AK_OK);
        if (strcmp(found, row[i].found) != 0)
            fail_msg("%s: found %s, not %s", row[i].expression, found, row[i].found);
    }
}

static void test_no_expression(void **state)
{
    struct ak_error err = {0};
    char text[AK_PART_PATTERN_BYTES_MAX + 2];

    (void)state;
    assert_int_equal(find("(a", "a", &err), AK_EUSAGE);
    assert_non_null(strstr(err.text, "(a is no regular expression: missing closing parenthesis"));
    assert_non_null(strstr(err.text, "at byte 2"));
    assert_int_equal(find("", "a", &err), AK_EUSAGE);
    assert_int_equal(find("(*UTF)a", "a", &err), AK_EUSAGE);
    memset(text, 'a', sizeof(text) - 1);
    text[sizeof(text) - 1] = '\0';
    assert_int_equal(find(text, "a", &err), AK_EUSAGE);
    text[sizeof(text) - 2] = '\0';
    assert_int_equal(find(text, "a", &err), AK_OK);
}

/* An expression that tries everything on a record made for it ends, and does not say "nothing". */
static void test_too_much(void **state)
{
    struct ak_error err = {0};

    (void)state;
    assert_int_equal(find("(a+)+$", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab", &err),
                     AK_ELIMIT);
    assert_non_null(strstr(err.text, "tries too much"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_meaning),
        cmocka_unit_test(test_no_expression),
        cmocka_unit_test(test_too_much),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
