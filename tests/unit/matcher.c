/* Tests of matcher.c, literals.c and pattern_list.c against what a plain search says. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "literals.h"
#include "matcher.h"
#include "pattern_list.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static struct ak_matcher *compile(const char *pattern, bool fixed, bool ignore_case)
{
    struct ak_wanted wanted = {.pattern = pattern, .fixed = fixed, .ignore_case = ignore_case};
    struct ak_matcher *matcher = NULL;
    struct ak_error err = {0};

    if (ak_matcher_compile(&matcher, &wanted, &err) != AK_OK)
        fail_msg("%s", err.text);
    return matcher;
}

static struct ak_matcher *compile_list(const char *list, size_t len, bool ignore_case)
{
    struct ak_wanted wanted = {.list = list, .list_len = len, .ignore_case = ignore_case};
    struct ak_matcher *matcher = NULL;
    struct ak_error err = {0};

    if (ak_matcher_compile(&matcher, &wanted, &err) != AK_OK)
        fail_msg("%s", err.text);
    return matcher;
}

static enum ak_code compile_fails(const struct ak_wanted *wanted, const char *says)
{
    struct ak_matcher *matcher = NULL;
    struct ak_error err = {0};
    enum ak_code rc = ak_matcher_compile(&matcher, wanted, &err);

    assert_null(matcher);
    assert_non_null(strstr(err.text, says));
    return rc;
}

struct record {
    const char *p;
    size_t len;
    size_t at; /* in the block */
};

/* Records that match, as a reader of blocks finds them: the places of the pass, then each record
 * with one in it by itself. */
static uint64_t look(const struct ak_matcher *matcher, struct record *record, size_t n)
{
    struct ak_matcher_scan *scan;
    struct ak_match match;
    struct ak_match shorter;
    uint8_t *text = malloc(1 << 20);
    size_t len = 0;
    size_t k = 0;
    uint64_t found = 0;

    assert_non_null(text);
    assert_int_equal(ak_matcher_scan_new(&scan, matcher, NULL), AK_OK);
    for (size_t i = 0; i < n; i++) {
        record[i].at = len;
        memcpy(text + len, record[i].p, record[i].len);
        len += record[i].len;
        text[len++] = '\n';
    }
    assert_int_equal(ak_matcher_block(scan, text, len, NULL), AK_OK);
    for (size_t i = 0; i < n; i++) {
        bool place = ak_matcher_may(scan, &k, record[i].at, record[i].at + record[i].len);
        if (place)
            assert_int_equal(
                ak_matcher_place(scan, text + record[i].at, record[i].len, &shorter, NULL), AK_OK);
        assert_int_equal(ak_matcher_record(scan, text + record[i].at, record[i].len, &match, NULL),
                         AK_OK);
        if (match.found)
            assert_true(place); /* else a reader would never have asked */
        if (place && (shorter.found != match.found || shorter.pattern != match.pattern ||
                      shorter.charset != match.charset))
            fail_msg("record %zu by its place: %d, by itself: %d", i, shorter.found, match.found);
        found |= (uint64_t)match.found << i;
        /* What was looked for in between must not change the places. */
        assert_int_equal(ak_matcher_block(scan, text, len, NULL), AK_OK);
    }
    ak_matcher_scan_free(scan);
    free(text);
    return found;
}

#define RECORD(text)                                                                               \
    {                                                                                              \
        text, sizeof(text) - 1, 0                                                                  \
    }

static void check(const char *pattern, bool fixed, bool ignore_case, uint64_t wanted)
{
    struct record record[] = {
        RECORD("Failed password for root from 10.1.2.3"),
        RECORD(""),
        RECORD("first line\nsecond line\n"),
        RECORD("failed PASSWORD"),
        RECORD("a\0b"),
        RECORD("\x83\x41 x.y"),
        RECORD("password"),
        RECORD("x+y"),
    };
    struct ak_matcher *matcher = compile(pattern, fixed, ignore_case);
    uint64_t found = look(matcher, record, sizeof(record) / sizeof(record[0]));

    if (found != wanted)
        fail_msg("%s: %#llx instead of %#llx", pattern, (unsigned long long)found,
                 (unsigned long long)wanted);
    ak_matcher_free(matcher);
}

/* Expressions find the records that match alone, whatever stands beside them. */
static void expressions(void **state)
{
    (void)state;
    check("password", false, false, 0x41);
    check("password", false, true, 0x49);
    check("^password$", false, false, 0x40);
    check("^second", false, false, 0x04);
    check("line$", false, false, 0x04);
    check("^$", false, false, 0x02);
    check("z*", false, false, 0xff);
    check("root\\s.*[0-9]+$", false, false, 0x01);
    check("3\\s+first", false, false, 0x00);     /* would reach across an empty record */
    check("line\\s+second", false, false, 0x04); /* within one record it may */
    check("[^q]+x\\+y", false, false, 0x00);     /* what stands before it is another record */
    check("x.y", false, false, 0xa0);
    check("\\bpass", false, true, 0x49);
    check("a\\x00b", false, false, 0x10);
}

/* Fixed strings mean themselves. */
static void fixed(void **state)
{
    (void)state;
    check("x+y", true, false, 0x80);
    check("x.y", true, false, 0x20);
    check("X.Y", true, true, 0x20);
    check("\x83\x41", true, false, 0x20);
    check("line\nsecond", true, false, 0x04);
    check("first line\nsecond line\n", true, false, 0x04);
    check("\n", true, false, 0x04);
}

/* What cannot be searched for is refused with its reason, and hostile expressions take no time. */
static void refused(void **state)
{
    char long_one[AK_PATTERN_BYTES_MAX + 2];
    struct ak_wanted wanted = {.pattern = "a(b"};

    (void)state;
    assert_int_equal(compile_fails(&wanted, "a(b"), AK_EUSAGE);
    wanted.pattern = "(a)\\1";
    assert_int_equal(compile_fails(&wanted, "cannot be used"), AK_EUSAGE);
    wanted.pattern = "a(?=b)";
    assert_int_equal(compile_fails(&wanted, "cannot be used"), AK_EUSAGE);
    wanted.pattern = "x\\Aa";
    assert_int_equal(compile_fails(&wanted, "\\A at byte 1"), AK_EUSAGE);
    wanted.pattern = "\\Qa";
    assert_int_equal(compile_fails(&wanted, "\\Q"), AK_EUSAGE);
    wanted.pattern = "((a{1,30000}){1,30000}){1,30000}";
    assert_int_equal(compile_fails(&wanted, "cannot be used"), AK_EUSAGE);
    memset(long_one, 'a', sizeof(long_one) - 1);
    long_one[sizeof(long_one) - 1] = '\0';
    wanted.pattern = long_one;
    assert_int_equal(compile_fails(&wanted, "bytes"), AK_ELIMIT);
    wanted.pattern = "";
    wanted.fixed = true;
    assert_int_equal(compile_fails(&wanted, "empty"), AK_EUSAGE);
    wanted = (struct ak_wanted){.list = "\n\r\n", .list_len = 3};
    assert_int_equal(compile_fails(&wanted, "no string"), AK_EUSAGE);
    check("(a+)+b", false, false, 0);
    check("(x+x+)+z", false, false, 0);
}

/* Lines of a list: both line ends, no last one, a byte order mark, bytes as they are. */
static void lists(void **state)
{
    static const char text[] = "\xef\xbb\xbfone\r\n\n#two \n\r\nt\0hree";
    static const char *const line[] = {"one", "#two ", "t\0hree"};
    static const uint32_t len[] = {3, 5, 6};
    struct ak_pattern_string *string = NULL;
    struct ak_error err = {0};
    size_t count = 0;
    char *big;

    (void)state;
    assert_int_equal(ak_pattern_list_parse(&string, &count, text, sizeof(text) - 1, NULL), AK_OK);
    assert_int_equal(count, 3);
    assert_non_null(string);
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(string[i].len, len[i]);
        assert_memory_equal(string[i].p, line[i], len[i]);
    }
    free(string);
    big = malloc(AK_PATTERN_LIST_STRING_MAX + 4);
    assert_non_null(big);
    memset(big, 'x', AK_PATTERN_LIST_STRING_MAX + 4);
    memcpy(big, "a\n", 2);
    assert_int_equal(
        ak_pattern_list_parse(&string, &count, big, AK_PATTERN_LIST_STRING_MAX + 4, &err),
        AK_ELIMIT);
    assert_non_null(strstr(err.text, "line 2"));
    free(big);
}

static uint32_t random_state = 7;

static uint32_t below(uint32_t n)
{
    random_state = random_state * 1664525 + 1013904223;
    return (random_state >> 8) % n;
}

static bool holds(const struct record *record, const char *string, size_t len, bool ignore_case)
{
    for (size_t i = 0; i + len <= record->len; i++) {
        if (ignore_case ? strncasecmp(record->p + i, string, len) == 0
                        : memcmp(record->p + i, string, len) == 0)
            return true;
    }
    return false;
}

/* A list finds exactly what a plain search for each of its strings finds: few letters and digits,
 * so that strings overlap, share windows and stand at all ends of records. */
static void list_as_plain(bool ignore_case, uint32_t strings, uint32_t length)
{
    static const char letters[] = "abAB1.";
    char store[64][200];
    struct record record[64];
    char *list = malloc((size_t)strings * (length + 2) + 1);
    size_t *at = calloc(strings + 1, sizeof(*at));
    struct ak_matcher *matcher;
    uint64_t wanted = 0;
    size_t used = 0;

    assert_non_null(list);
    assert_non_null(at);
    for (uint32_t i = 0; i < strings; i++) {
        at[i] = used;
        for (uint32_t n = 1 + below(length); n > 0; n--)
            list[used++] = letters[below(6)];
        list[used++] = '\n';
    }
    at[strings] = used;
    for (size_t i = 0; i < 64; i++) {
        record[i].len = below(60);
        record[i].p = store[i];
        for (size_t k = 0; k < record[i].len; k++)
            store[i][k] = letters[below(6)];
        for (uint32_t s = 0; s < strings; s++)
            wanted |= (uint64_t)holds(&record[i], list + at[s], at[s + 1] - at[s] - 1, ignore_case)
                      << i;
    }
    matcher = compile_list(list, used, ignore_case);
    assert_int_equal(ak_matcher_count(matcher), strings);
    assert_true(look(matcher, record, 64) == wanted);
    ak_matcher_free(matcher);
    free(list);
    free(at);
}

static void list_finds_all(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 12; i++) {
        list_as_plain(i % 2 != 0, 1 + below(20), 6);
        list_as_plain(i % 2 != 0, 100, 7 + i);
        list_as_plain(i % 2 != 0, 300, 20);
        list_as_plain(i % 2 != 0, 2000, 12);
    }
}

/* Strings that share all windows but a few, longer than windows are weighed. */
static void list_alike(void **state)
{
    enum { N = 100, LEN = 300 };
    char *list = malloc(N * (LEN + 1));
    struct record record[64];
    struct ak_matcher *matcher;

    (void)state;
    assert_non_null(list);
    memset(list, 'x', N * (LEN + 1));
    for (size_t i = 0; i < N; i++) {
        list[i * (LEN + 1) + LEN] = '\n';
        list[i * (LEN + 1) + i] = 'y';
    }
    for (size_t i = 0; i < 64; i++)
        record[i] = (struct record){list + i * (LEN + 1), i % 2 == 0 ? LEN : LEN - 1, 0};
    matcher = compile_list(list, N * (LEN + 1), false);
    assert_true(look(matcher, record, 64) == UINT64_C(0x5555555555555555));
    ak_matcher_free(matcher);
    free(list);
}

/* Places that are taken for matches are those that a second look finds, in records of letters that
 * tell one line from the next, characters from others, and words from what is beside them. */
static void places_are_matches(void **state)
{
    static const char *const patterns[] = {
        "a",     "a+",       "^a.*",   "^<.+",          "a.*b", "b.+$",    "^$",
        "a|b.*", "(?:a|b)+", "[ab]c?", "\\ba",          "a\\b", "\\S+",    "^[<a-c]+$",
        "[^b]a", "a\\s+b",   "a\\Wb",  "(?s)a.b",       "\\Ba", "a\\x0ab", "c{2,}",
        "x*",    "(?i)A.+",  "\\<.*",  "[[:alpha:]]+$", "a\\+", "a|.*",    "\xe3\x81\x82+"};
    static const char *const letters[] = {
        "a", "b", "c", "<", " ", "a", "\n", "\t", "\xe3\x81\x82", "\x82", "+"};
    static char store[64][128];
    struct record record[64];

    (void)state;
    for (unsigned turn = 0; turn < 30; turn++) {
        for (size_t i = 0; i < 64; i++) {
            unsigned n = below(12);
            unsigned of = turn % 3 == 0 ? 5 : sizeof(letters) / sizeof(letters[0]);
            record[i] = (struct record){store[i], 0, 0};
            for (unsigned k = 0; k < n; k++) {
                const char *letter = letters[below(of)];
                memcpy(store[i] + record[i].len, letter, strlen(letter));
                record[i].len += strlen(letter);
            }
        }
        for (size_t p = 0; p < sizeof(patterns) / sizeof(patterns[0]); p++) {
            struct ak_matcher *matcher = compile(patterns[p], false, turn % 2 != 0);
            (void)look(matcher, record, 64);
            ak_matcher_free(matcher);
        }
    }
}

/* A record that does not begin a line of its text, as what is left of a damaged block may not: what
 * stands before it is no part of it, and what it begins with is its beginning. */
static void within_a_line(void **state)
{
    static const char text[] = "xab\n";
    struct ak_matcher *matcher = compile("xa", false, false);
    struct ak_matcher_scan *scan;
    struct ak_match match;
    size_t k = 0;

    (void)state;
    assert_int_equal(ak_matcher_scan_new(&scan, matcher, NULL), AK_OK);
    assert_int_equal(ak_matcher_block(scan, (const uint8_t *)text, 4, NULL), AK_OK);
    assert_true(ak_matcher_may(scan, &k, 1, 3));
    assert_int_equal(ak_matcher_place(scan, (const uint8_t *)text + 1, 2, &match, NULL), AK_OK);
    assert_false(match.found);
    ak_matcher_scan_free(scan);
    ak_matcher_free(matcher);

    matcher = compile("^ab", false, false);
    assert_int_equal(ak_matcher_scan_new(&scan, matcher, NULL), AK_OK);
    assert_int_equal(ak_matcher_block(scan, (const uint8_t *)text, 4, NULL), AK_OK);
    k = 0;
    assert_false(ak_matcher_may(scan, &k, 1, 3));
    ak_matcher_everywhere(scan);
    k = 0;
    assert_true(ak_matcher_may(scan, &k, 1, 3));
    assert_int_equal(ak_matcher_place(scan, (const uint8_t *)text + 1, 2, &match, NULL), AK_OK);
    assert_true(match.found);
    ak_matcher_scan_free(scan);
    ak_matcher_free(matcher);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(expressions),
        cmocka_unit_test(fixed),
        cmocka_unit_test(refused),
        cmocka_unit_test(lists),
        cmocka_unit_test(list_finds_all),
        cmocka_unit_test(list_alike),
        cmocka_unit_test(places_are_matches),
        cmocka_unit_test(within_a_line),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
