/* Tests of pattern_line.c: which expressions are known to stay in a line, and what may be left off.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "pattern_line.h"

#include <string.h>

static void stay(void **state)
{
    static const char *const patterns[] = {"",
                                           "a",
                                           "^<.+",
                                           "a.*b$",
                                           "[a-z]+",
                                           "[]x]",
                                           "[[:digit:]]",
                                           "(?:a|b){2}",
                                           "Failed \\(root\\)",
                                           "\\d+\\.\\d+",
                                           "\\bword\\b",
                                           "\\w\\S",
                                           "[\\d.-]",
                                           "\\\\",
                                           "[[:alpha:]_]",
                                           "x?y*",
                                           "\xe3\x81\x82+",
                                           "[\\]]a"};

    (void)state;
    for (size_t i = 0; i < sizeof(patterns) / sizeof(patterns[0]); i++) {
        if (!ak_pattern_in_line(patterns[i]))
            fail_msg("%s stays in a line", patterns[i]);
    }
}

/* Of each of these a match may hold a line feed, hang on the line before, or is not understood. */
static void may_leave(void **state)
{
    static const char *const patterns[] = {
        "a\nb",     "\\s",      "\\W",      "\\D",     "[^a]",        "[\\s]",        "[\\W]",
        "(?s).",    "(?s:a.b)", "(?x) a",   "\\n",     "\\x0a",       "\\012",        "\\cJ",
        "\\R",      "\\v",      "\\N",      "[\t-z]",  "[[:space:]]", "[[:^alpha:]]", "[[:cntrl:]]",
        "[\\b]",    "\\Ba",     "(*CRLF)a", "(?<!a)b", "(?=b)",       "\\p{L}",       "\\h",
        "a\\",      "[a",       "[",        "[[",      "[a\\",        "\\Qa",         "(?i)a",
        "[\x01-a]", "\\X",      "\\C"};

    (void)state;
    for (size_t i = 0; i < sizeof(patterns) / sizeof(patterns[0]); i++) {
        if (ak_pattern_in_line(patterns[i]))
            fail_msg("%s may leave a line", patterns[i]);
    }
}

static void front(const char *pattern, const char *wanted)
{
    size_t len = ak_pattern_front(pattern);

    if (len != strlen(wanted) || strncmp(pattern, wanted, len) != 0)
        fail_msg("%s: its first %zu bytes, not %s", pattern, len, wanted);
}

static void fronts(void **state)
{
    (void)state;
    front("^<.+", "^<.");
    front("error.*", "error");
    front("[0-9]+", "[0-9]");
    front("(?:ab)+", "(?:ab)");
    front("\\d+", "\\d");
    front("a|b.*", "a|b");
    front("\\\\+", "\\\\");
    front("\\.+", "\\.");
    /* These are whole as they are, or not understood. */
    front("a\\+", "a\\+");
    front("a\\.*", "a\\.*");
    front("a*", "a*");
    front("a*+", "a*+");
    front("a++", "a++");
    front("a{2}+", "a{2}+");
    front("a+?", "a+?");
    front(".*", ".*");
    front("+", "+");
    front("", "");
    front("\\s.*", "\\s.*");
    front("[.*", "[.*");
    front("x[.*]", "x[.*]");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(stay),
        cmocka_unit_test(may_leave),
        cmocka_unit_test(fronts),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
