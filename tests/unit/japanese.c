/* Tests of japanese.c and pattern.c, with the C library's own conversions as the other opinion. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "japanese.h"
#include "matcher.h"
#include "pattern.h"

#include <iconv.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const library_names[AK_CHARSETS] = {"UTF-8",       "CP932",    "EUC-JP-MS",
                                                       "ISO-2022-JP", "UTF-16LE", "UTF-16BE"};

/* UTF-8 in an encoding, by the C library; 0 if it has no place there. */
static size_t encode(enum ak_charset charset, const char *text, size_t len, uint8_t *out,
                     size_t room)
{
    iconv_t cd = iconv_open(library_names[charset], "UTF-8");
    char *from = (char *)text;
    char *to = (char *)out;
    size_t left = room;
    bool good;

    assert_true(cd != (iconv_t)-1);
    good = iconv(cd, &from, &len, &to, &left) == 0 && iconv(cd, NULL, NULL, &to, &left) == 0;
    iconv_close(cd);
    return good ? room - left : 0;
}

/* Every character of the plane is where the C library has it. */
static void characters(void **state)
{
    unsigned count[AK_CHARSETS] = {0};

    (void)state;
    for (uint32_t u = 0x80; u < 0x10000; u++) {
        uint8_t text[4];
        unsigned n;
        if (u >= 0xd800 && u < 0xe000)
            continue;
        n = ak_charset_encode(AK_CHARSET_UTF8, u, text);
        for (unsigned c = 0; c < AK_CHARSETS; c++) {
            uint8_t ours[4];
            uint8_t theirs[16];
            unsigned a = ak_charset_encode((enum ak_charset)c, u, ours);
            size_t b = encode((enum ak_charset)c, (char *)text, n, theirs, sizeof(theirs));
            const uint8_t *at = theirs;
            if (c == AK_CHARSET_ISO_2022_JP && b == 8) { /* its escape sequences are off */
                at = theirs + 3;
                b = theirs[1] == '$' && (theirs[2] == 'B' || theirs[2] == '@') ? 2 : 0;
            } else if (c == AK_CHARSET_ISO_2022_JP) {
                b = 0;
            }
            if (a == 0 || b == 0)
                continue; /* extensions differ; what both have must not */
            if (a != b || memcmp(ours, at, a) != 0) {
                /* One conversion gives NEC's place, another IBM's or JIS's own. */
                assert_true(c == AK_CHARSET_EUC_JP || c == AK_CHARSET_ISO_2022_JP);
                continue;
            }
            count[c]++;
        }
    }
    assert_true(count[AK_CHARSET_SHIFT_JIS] > 7000 && count[AK_CHARSET_EUC_JP] > 6900 &&
                count[AK_CHARSET_ISO_2022_JP] > 6800 && count[AK_CHARSET_UTF16LE] > 60000);
}

static bool found(const struct ak_wanted *wanted, const uint8_t *record, size_t len,
                  struct ak_match *match)
{
    struct ak_matcher_scan *scan;
    struct ak_matcher *matcher;
    struct ak_error err = {0};
    uint8_t *text = malloc(len + 1);
    bool place = false;

    assert_non_null(text);
    if (ak_matcher_compile(&matcher, wanted, &err) != AK_OK)
        fail_msg("%s", err.text);
    assert_int_equal(ak_matcher_scan_new(&scan, matcher, NULL), AK_OK);
    memcpy(text, record, len);
    text[len] = '\n';
    assert_int_equal(ak_matcher_block(scan, text, len + 1, NULL), AK_OK);
    place = scan->count > 0;
    assert_int_equal(ak_matcher_record(scan, record, len, match, NULL), AK_OK);
    assert_true(place || !match->found);
    ak_matcher_scan_free(scan);
    ak_matcher_free(matcher);
    free(text);
    return match->found;
}

/* Whether a pattern is found in a text that was sent in this encoding behind an ASCII header. */
static bool sent(const char *pattern, bool fixed, bool ignore_case, const char *text,
                 enum ak_charset charset, unsigned encodings)
{
    struct ak_wanted wanted = {
        .pattern = pattern, .fixed = fixed, .ignore_case = ignore_case, .encodings = encodings};
    static const char header[] = "<13>Nov  2 02:22:22 host app: ";
    uint8_t record[512];
    size_t used = sizeof(header) - 1;
    struct ak_match match;
    size_t n;

    if (charset >= AK_CHARSET_UTF16LE)
        used = encode(charset, header, sizeof(header) - 1, record, sizeof(record));
    else
        memcpy(record, header, used);
    n = encode(charset, text, strlen(text), record + used, sizeof(record) - used);
    assert_true(n > 0);
    return found(&wanted, record, used + n, &match);
}

static void check(const char *pattern, bool fixed, bool ignore_case, const char *text, bool wanted)
{
    for (unsigned c = 0; c < AK_CHARSETS; c++) {
        unsigned given = c >= AK_CHARSET_UTF16LE ? ak_charset_set("utf-16") : 1u << c;
        if (sent(pattern, fixed, ignore_case, text, (enum ak_charset)c, 0) != wanted)
            fail_msg("%s in %s, sent as %s: %sfound", pattern, text,
                     ak_charset_name((enum ak_charset)c), wanted ? "not " : "");
        if (sent(pattern, fixed, ignore_case, text, (enum ak_charset)c, given) != wanted)
            fail_msg("%s in %s, sent as %s, which is given: %sfound", pattern, text,
                     ak_charset_name((enum ak_charset)c), wanted ? "not " : "");
    }
}

/* A word typed in UTF-8 is found whatever the sender wrote in; ASCII beside it too. */
static void words(void **state)
{
    static const char *const word[] = {"接続拒否", "ソフト",   "能力", "表", "ログイン失敗",
                                       "～",       "噂の構造", "℡",    "纊", "予約ＡＢＣ"};

    (void)state;
    for (size_t i = 0; i < sizeof(word) / sizeof(word[0]); i++) {
        char text[200];
        for (unsigned c = 0; c < AK_CHARSETS; c++) {
            uint8_t out[200];
            size_t n;
            (void)snprintf(text, sizeof(text), "user=tanaka 前置き%sです。 code 7", word[i]);
            n = encode((enum ak_charset)c, text, strlen(text), out, sizeof(out));
            if (n == 0 || (c == AK_CHARSET_EUC_JP && memchr(out, 0x8f, n) != NULL))
                continue; /* ISO-2022-JP has no extensions, and JIS X 0212 is not ours */
            if (!sent(word[i], true, false, text, (enum ak_charset)c, 0))
                fail_msg("%s is not found in %s", word[i], ak_charset_name((enum ak_charset)c));
            assert_true(sent(word[i], false, false, text, (enum ak_charset)c, 0));
            (void)snprintf(text, sizeof(text), "user=tanaka 接続受付");
            assert_false(sent(word[i], true, false, text, (enum ak_charset)c, 0));
        }
    }
    check("tanaka", true, false, "user=tanaka 接続拒否", true);
    check("TANAKA", true, true, "user=tanaka 接続拒否", true);
    check("tanaka 接続", true, false, "user=tanaka 接続拒否", true);
    check("接続=拒否!", true, false, "user=tanaka 接続=拒否!", true);
    check("Error接続", true, true, "eRROR接続", true);
    check("拒否", true, false, "接続許可", false);
}

/* Expressions: groups, choices, classes, repeats and dots are of characters. */
static void expressions(void **state)
{
    (void)state;
    check("(接続|認証)の?(拒否|失敗)", false, false, "x 認証の失敗", true);
    check("(接続|認証)の?(拒否|失敗)", false, false, "x 接続拒否 y", true);
    check("(接続|認証)の?(拒否|失敗)", false, false, "x 接続を拒否 y", false);
    check("接続.拒否", false, false, "x 接続を拒否 y", true);
    check("失敗.*拒否", false, false, "失敗した後の拒否", true);
    check("失敗.*拒否", false, false, "失敗 after 3 tries 拒否", true);
    check("[大中小]{2}規模", false, false, "中小規模", true);
    check("[大中小]{2}規模", false, false, "中規模", false);
    check("[ぁ-ん]{3}", false, false, "漢字ですか", true);
    check("[ぁ-ん]{4}", false, false, "漢字ですか", false);
    check("user=[a-z]+ 接続", false, false, "user=tanaka 接続拒否", true);
    check("回+目[0-9]", false, false, "三回回目7", true);
    check("拒否$", false, false, "接続拒否", true);
    check("拒否$", false, false, "拒否接続", false);
    check("ERROR: 接続", false, true, "error: 接続", true);
    check("\\d{3} 件", false, false, "123 件", true);
    check("a[^b]c", false, false, "aXc 済", true);
    check("n\\.a\\.", false, false, "n.a. 済", true);
}

/* Names with characters that Windows added have a place in EUC-JP, too: that of NEC. */
static void names(void **state)
{
    uint8_t out[4];

    (void)state;
    assert_int_equal(ak_charset_encode(AK_CHARSET_SHIFT_JIS, 0x9ad9, out), 2); /* as in Takahashi */
    assert_memory_equal(out, "\xfb\xfc", 2);
    assert_int_equal(ak_charset_encode(AK_CHARSET_EUC_JP, 0x9ad9, out), 2);
    assert_memory_equal(out, "\xfc\xe2", 2);
    assert_int_equal(ak_charset_encode(AK_CHARSET_ISO_2022_JP, 0x9ad9, out), 2);
    assert_memory_equal(out, "\x7c\x62", 2);
    assert_int_equal(ak_charset_encode(AK_CHARSET_EUC_JP, 0xff71, out), 2); /* half-width a */
    assert_memory_equal(out, "\x8e\xb1", 2);
    assert_int_equal(ak_charset_encode(AK_CHARSET_SHIFT_JIS, 0xff71, out), 1);
    assert_int_equal(out[0], 0xb1);
    assert_int_equal(ak_charset_encode(AK_CHARSET_SHIFT_JIS, 0x1f600, out), 0);
    assert_int_equal(ak_charset_encode(AK_CHARSET_UTF16LE, 0x1f600, out), 4);
    assert_memory_equal(out, "\x3d\xd8\x00\xde", 4);
}

/* Halves of characters are no match where the encoding can be seen. */
static void halves(void **state)
{
    static const uint8_t sjis[] = "app: \x95\x5c\x8e\xa6 \x83\x5c\x83\x74\x83\x67";
    static const uint8_t path[] = "app: C:\\temp \x95\x5c";
    static const uint8_t euc[] = "app: \xbc\xa8\xbc\xa8";
    static const uint8_t jis[] = "app: \x1b$B>c32\x1b(B c32";
    struct ak_wanted wanted = {.pattern = "\\", .fixed = true};
    struct ak_match match;

    (void)state;
    assert_false(
        found(&wanted, sjis, sizeof(sjis) - 1, &match)); /* the second half of a character */
    assert_true(found(&wanted, path, sizeof(path) - 1, &match));
    wanted.pattern = "\\\\";
    wanted.fixed = false;
    assert_false(found(&wanted, sjis, sizeof(sjis) - 1, &match));
    assert_true(found(&wanted, path, sizeof(path) - 1, &match));
    wanted.pattern = "示";
    assert_true(found(&wanted, sjis, sizeof(sjis) - 1, &match));
    assert_int_equal(match.charset, AK_CHARSET_SHIFT_JIS);
    assert_true(found(&wanted, euc, sizeof(euc) - 1, &match));
    assert_int_equal(match.charset, AK_CHARSET_EUC_JP);
    wanted.pattern = "┷"; /* a8 bc: halves of two others */
    assert_false(found(&wanted, euc, sizeof(euc) - 1, &match));
    wanted.pattern = ">c3";
    assert_false(found(&wanted, jis, sizeof(jis) - 1, &match));
    wanted.pattern = "c32";
    assert_true(found(&wanted, jis, sizeof(jis) - 1, &match));
    wanted.pattern = "障害";
    assert_true(found(&wanted, jis, sizeof(jis) - 1, &match));
    assert_int_equal(match.charset, AK_CHARSET_ISO_2022_JP);
    wanted.fixed = true;
    assert_true(found(&wanted, jis, sizeof(jis) - 1, &match));
    assert_false(found(&wanted, (const uint8_t *)"x >c32 y", 8, &match));
    /* What is UTF-8 is not read as Shift_JIS: e3 81 82 is one character, not the half of another.
     */
    wanted.pattern = "縺";
    assert_false(found(&wanted, (const uint8_t *)"x \xe3\x81\x82 y", 7, &match));
    /* Bytes that are in no encoding: whatever stands there is shown. */
    wanted.pattern = "temp";
    assert_true(found(&wanted, (const uint8_t *)"\xff\xfe\x80 temp \xff", 10, &match));
}

/* Long lists find words in all encodings, too. */
static void lists(void **state)
{
    char *list = malloc(200000);
    struct ak_wanted wanted = {.list = list};
    size_t used = 0;

    (void)state;
    assert_non_null(list);
    for (unsigned i = 0; i < 3000; i++)
        used += (size_t)sprintf(list + used, "host%u.example.jp\n拒否%u番\n", i, i);
    wanted.list_len = used;
    for (unsigned c = 0; c < AK_CHARSETS; c++) {
        struct ak_match match;
        uint8_t record[200];
        const char *text = "対応: 拒否1234番、host77.example.jp";
        size_t n = encode((enum ak_charset)c, text, strlen(text), record, sizeof(record));
        assert_true(found(&wanted, record, n, &match));
        assert_true(match.pattern == 2 * 1234 + 1 || match.pattern == 2 * 77);
        text = "対応: 拒否3000番、host3000.example.jp";
        n = encode((enum ak_charset)c, text, strlen(text), record, sizeof(record));
        assert_false(found(&wanted, record, n, &match));
    }
    free(list);
}

/* What cannot be said is refused, or told. */
static void refused(void **state)
{
    static const struct {
        const char *pattern;
        unsigned encodings;
        const char *says;
    } bad[] = {{"[一-龥]", 0, "range"},
               {"[^あ]", 0, "beyond ASCII"},
               {"あ[い", 0, "no ]"},
               {"あ\\", 0, "backslash"},
               {"あ(?=い)", 0, NULL},
               {"한국", 1u << AK_CHARSET_SHIFT_JIS, "cannot be looked for in shift_jis"},
               {"\\bx", 1u << AK_CHARSET_UTF16LE | 1u << AK_CHARSET_UTF16BE, "UTF-16"}};
    struct ak_matcher *matcher;

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct ak_wanted wanted = {.pattern = bad[i].pattern, .encodings = bad[i].encodings};
        struct ak_error err = {0};
        assert_int_equal(ak_matcher_compile(&matcher, &wanted, &err), AK_EUSAGE);
        assert_true(bad[i].says == NULL || strstr(err.text, bad[i].says) != NULL);
    }
    struct ak_wanted wanted = {.pattern = "\\bx"};
    assert_int_equal(ak_matcher_compile(&matcher, &wanted, NULL), AK_OK);
    assert_non_null(strstr(ak_matcher_note(matcher), "not looked for in UTF-16"));
    ak_matcher_free(matcher);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(characters), cmocka_unit_test(words), cmocka_unit_test(expressions),
        cmocka_unit_test(halves),     cmocka_unit_test(names), cmocka_unit_test(lists),
        cmocka_unit_test(refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
