/* escape.c - what reaches a terminal, and the nearest word to a mistyped one. */
#include <akashi/escape.h>
#include <akashi/nearest.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void check(const char *in, size_t len, const char *want)
{
    char out[256];
    size_t got = ak_escape_terminal(out, sizeof(out), in, len);

    assert_string_equal(out, want);
    assert_int_equal(got, strlen(want));
}

#define CHECK(in, want) check(in, sizeof(in) - 1, want)

/* Controls of both sets, DEL and the backslash are escaped; nothing else of ASCII is. */
static void controls(void **state)
{
    (void)state;
    CHECK("plain ~ text", "plain ~ text");
    CHECK("a\0b\tc\nd\r", "a\\x00b\\x09c\\x0ad\\x0d");
    CHECK("\x1b[31mred\x7f", "\\x1b[31mred\\x7f");
    CHECK("\xc2\x9b"
          "31m",
          "\\xc2\\x9b31m");
    CHECK("C:\\x1b", "C:\\\\x1b");
    CHECK("", "");
}

/* Japanese stays as it is; what turns the direction of text or ends a line does not. */
static void unicode(void **state)
{
    (void)state;
    CHECK("\xe8\xa8\xbc\xe6\x8b\xa0", "\xe8\xa8\xbc\xe6\x8b\xa0");
    CHECK("\xf0\x9f\x97\xbe", "\xf0\x9f\x97\xbe");
    CHECK("\xe2\x80\xae"
          "gpj",
          "\\xe2\\x80\\xaegpj");
    CHECK("\xe2\x81\xa6\xe2\x81\xa9", "\\xe2\\x81\\xa6\\xe2\\x81\\xa9");
    CHECK("\xe2\x80\x8e\xe2\x80\x8f\xd8\x9c", "\\xe2\\x80\\x8e\\xe2\\x80\\x8f\\xd8\\x9c");
    CHECK("\xe2\x80\xa8\xe2\x80\xa9", "\\xe2\\x80\\xa8\\xe2\\x80\\xa9");
    CHECK("\xe2\x81\xaa", "\xe2\x81\xaa"); /* U+206A: just behind the range */
}

/* Bytes that are not UTF-8 (cut, overlong, surrogates, too large, lone) are escaped one by one. */
static void not_utf8(void **state)
{
    (void)state;
    CHECK("\x80z", "\\x80z");
    CHECK("\xc0\xaf", "\\xc0\\xaf");
    CHECK("\xe0\x80\xaf", "\\xe0\\x80\\xaf");
    CHECK("\xed\xa0\x80", "\\xed\\xa0\\x80");
    CHECK("\xf4\x90\x80\x80", "\\xf4\\x90\\x80\\x80");
    CHECK("\xe8\xa8", "\\xe8\\xa8");
    CHECK("\xe8\xa8z", "\\xe8\\xa8z");
    CHECK("\xff\xfe", "\\xff\\xfe");
}

/* A full buffer never cuts a character or an escape, and always ends in NUL. */
static void full_buffer(void **state)
{
    static const char in[] = "ab\xe8\xa8\xbc\x1b";
    char out[64];

    (void)state;
    for (size_t cap = 1; cap <= 10; cap++) {
        static const size_t want[] = {0, 0, 1, 2, 2, 2, 5, 5, 5, 5, 9};

        memset(out, 'X', sizeof(out));
        assert_int_equal(ak_escape_terminal(out, cap, in, sizeof(in) - 1), want[cap]);
        assert_int_equal(out[want[cap]], '\0');
        assert_int_equal(out[cap], 'X');
    }
}

/* The stream form gives the same text, also where it is longer than any buffer within. */
static void stream(void **state)
{
    size_t len = 10000;
    char *in = malloc(len);
    char *want = malloc(4 * len + 1);
    char *got = NULL;
    size_t got_len = 0;
    size_t want_len;
    FILE *file = open_memstream(&got, &got_len);

    (void)state;
    assert_non_null(in);
    assert_non_null(want);
    assert_non_null(file);
    for (size_t i = 0; i < len; i++)
        in[i] = (char)(i * 7 % 256);
    want_len = ak_escape_terminal(want, 4 * len + 1, in, len);
    assert_int_equal(ak_escape_terminal_file(file, in, len), 0);
    assert_int_equal(fclose(file), 0);
    assert_int_equal(got_len, want_len);
    assert_memory_equal(got, want, want_len);
    free(in);
    free(want);
    free(got);
}

/* A stream that takes nothing is reported. */
static void stream_fails(void **state)
{
    FILE *file = fopen("/dev/full", "w");
    static const char text[] = "text";

    (void)state;
    assert_non_null(file);
    (void)setvbuf(file, NULL, _IONBF, 0);
    assert_int_equal(ak_escape_terminal_file(file, text, sizeof(text) - 1), -1);
    (void)fclose(file);
}

/* One slip is understood, another word is not guessed at. */
static void nearest(void **state)
{
    static const char *const words[] = {"check", NULL, "export", "explain", "cat"};
    char longest[80];

    (void)state;
    assert_string_equal(ak_nearest("chekc", 5, words, 5), "check");
    assert_string_equal(ak_nearest("CHECK", 5, words, 5), "check");
    assert_string_equal(ak_nearest("explian", 7, words, 5), "explain");
    assert_string_equal(ak_nearest("cta", 3, words, 5), "cat");
    assert_null(ak_nearest("dog", 3, words, 5));
    assert_null(ak_nearest("", 0, words, 5));
    memset(longest, 'c', sizeof(longest));
    assert_null(ak_nearest(longest, sizeof(longest), words, 5));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(controls),    cmocka_unit_test(unicode), cmocka_unit_test(not_utf8),
        cmocka_unit_test(full_buffer), cmocka_unit_test(stream),  cmocka_unit_test(stream_fails),
        cmocka_unit_test(nearest),
    };

    return cmocka_run_group_tests_name("escape", tests, NULL, NULL);
}
