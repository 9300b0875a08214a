/* compare.c - what akashi-verify compare is made of: sorting beyond memory, taking syslog headers
 * off, lines of files, and the comparison itself with lists that do not fit into memory. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "compare.h"
#include "extsort.h"
#include "line_files.h"
#include "syslog_body.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static uint64_t state;

static uint64_t draw(uint64_t below)
{
    state = state * 6364136223846793005u + 1442695040888963407u;
    return (state >> 24) % below;
}

static void put64(uint8_t *out, uint64_t value)
{
    for (unsigned i = 0; i < 8; i++)
        out[i] = (uint8_t)(value >> (8 * (7 - i)));
}

static uint64_t get64(const uint8_t *p)
{
    uint64_t value = 0;

    for (unsigned i = 0; i < 8; i++)
        value = value << 8 | p[i];
    return value;
}

/* Adds `n` numbers below `below` and finds all of them again, rising, each as often as it was
 * added. */
static void sort_numbers(uint64_t n, uint64_t below)
{
    uint32_t *added = calloc(below, sizeof(*added));
    struct ak_sorter *sorter;
    struct ak_error err = {0};
    const uint8_t *item;
    uint8_t number[8];
    uint64_t before = 0;
    uint64_t given = 0;

    assert_non_null(added);
    assert_int_equal(ak_sorter_new(&sorter, "/tmp", 8, AK_SORT_MEMORY_MIN, &err), AK_OK);
    for (uint64_t i = 0; i < n; i++) {
        uint64_t value = draw(below);
        added[value]++;
        put64(number, value);
        assert_int_equal(ak_sorter_add(sorter, number, &err), AK_OK);
    }
    assert_int_equal(ak_sorter_count(sorter), n);
    for (;;) {
        assert_int_equal(ak_sorter_next(sorter, &item, &err), AK_OK);
        if (item == NULL)
            break;
        uint64_t value = get64(item);
        assert_true(value < below && value >= before && added[value] > 0);
        added[value]--;
        before = value;
        given++;
    }
    assert_int_equal(given, n);
    assert_int_equal(ak_sorter_next(sorter, &item, &err), AK_OK);
    assert_null(item);
    ak_sorter_free(sorter);
    free(added);
}

/* What fits into memory, what just does not, and what needs runs of several levels comes out in
 * order, whether items are alike or not. */
static void test_sort(void **unused)
{
    const uint64_t memory = AK_SORT_MEMORY_MIN / 8;

    (void)unused;
    state = 1;
    sort_numbers(0, 1);
    sort_numbers(1, 1);
    sort_numbers(memory, 1000);
    sort_numbers(memory + 1, 1000);
    sort_numbers(memory * 2, 1);
    sort_numbers(memory * 64, 100000);
    sort_numbers(memory * 64 + 1, 100000);
    sort_numbers(memory * 64 * 3 + 77, 1u << 20);
}

/* A directory that is not there is told when the first run goes to it. */
static void test_sort_nowhere(void **unused)
{
    struct ak_sorter *sorter;
    struct ak_error err = {0};
    uint8_t number[8] = {0};
    enum ak_code rc = AK_OK;

    (void)unused;
    assert_int_equal(ak_sorter_new(&sorter, "/nowhere/at/all", 8, AK_SORT_MEMORY_MIN, &err), AK_OK);
    for (unsigned i = 0; rc == AK_OK && i <= AK_SORT_MEMORY_MIN / 8; i++)
        rc = ak_sorter_add(sorter, number, &err);
    assert_int_equal(rc, AK_ENOTFOUND);
    assert_string_equal(err.text, "write in /nowhere/at/all: No such file or directory");
    ak_sorter_free(sorter);
}

static const struct body_case {
    const char *line;
    const char *app; /* NULL: none */
    const char *procid;
    const char *content;
} bodies[] = {
    {"", NULL, "", ""},
    {"plain words", NULL, "", "plain words"},
    {"app: words", "app", "", "words"},
    {"app[12]: words", "app", "12", "words"},
    {"app[12] words", NULL, "", "app[12] words"},
    {"app:words", NULL, "", "app:words"},
    {"two words: more", NULL, "", "two words: more"},
    {"<34>Oct 11 22:14:15 mymachine su: 'su root' failed", "su", "", "'su root' failed"},
    {"<34>Oct  1 22:14:15 mymachine su[7]:  words", "su", "7", "words"},
    {"<13>Feb  5 17:32:18 10.0.0.99 Use the BFG!", NULL, "", "Use the BFG!"},
    {"<13>Feb  5 2026 17:32:18 asa %ASA-6-1: built", NULL, "", "%ASA-6-1: built"},
    {"Feb  5 17:32:18 host app:", "app", "", ""},
    {"Feb  5 17:32:18 app: no host", "app", "", "no host"},
    {"Feb 35 99:99 host app: words", NULL, "", "Feb 35 99:99 host app: words"},
    {"2026-11-24T05:17:27.5+09:00 host app[1]: words", "app", "1", "words"},
    {"2026-11-24 05:17:27 host app: words", NULL, "", "2026-11-24 05:17:27 host app: words"},
    {"<165>1 2003-10-11T22:14:15.003Z host.example evntslog - ID47 [e@1 a=\"b\"] words", "evntslog",
     "", "words"},
    {"<165>1 - - - - - - words", NULL, "", "words"},
    {"<165>1 - - - - - -", NULL, "", ""},
    {"<165>1 - - app 9 - [a b=\"\\\"]\"][c] \xef\xbb\xbfwords", "app", "9", "words"},
    {"<165>1 - - app 9 - [a b=\"] words", NULL, "", "1 - - app 9 - [a b=\"] words"},
    {"<165>1 - - app", NULL, "", "1 - - app"},
    {"<192>app: words", NULL, "", "<192>app: words"},
    {"<1234>app: words", NULL, "", "<1234>app: words"},
    {"<>app: words", NULL, "", "<>app: words"},
    {"<13>", NULL, "", ""},
    {"<13", NULL, "", "<13"},
    {"app: words\r", "app", "", "words"},
};

/* Headers of all shapes are taken off, and what only looks like one is not. */
static void test_bodies(void **unused)
{
    (void)unused;
    for (size_t i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++) {
        const struct body_case *want = &bodies[i];
        struct ak_syslog_body body;
        size_t len = strlen(want->line);
        char *line = malloc(len + 1); /* exactly as long as it is, for the sanitizer */

        assert_non_null(line);
        memcpy(line, want->line, len);
        line = realloc(line, len == 0 ? 1 : len);
        assert_non_null(line);
        ak_syslog_body(&body, line, len);
        if (body.content_len != strlen(want->content) ||
            memcmp(body.content, want->content, body.content_len) != 0 ||
            (body.app == NULL) != (want->app == NULL) ||
            (want->app != NULL && (body.app_len != strlen(want->app) ||
                                   memcmp(body.app, want->app, body.app_len) != 0)) ||
            body.procid_len != strlen(want->procid) ||
            (body.procid_len > 0 && memcmp(body.procid, want->procid, body.procid_len) != 0))
            fail_msg("%s: content %.*s", want->line, (int)body.content_len, body.content);
        free(line);
    }
}

/* Every beginning of every line is read without a step behind its end. */
static void test_beginnings(void **unused)
{
    (void)unused;
    for (size_t i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++) {
        for (size_t len = 1; len < strlen(bodies[i].line); len++) {
            struct ak_syslog_body body;
            char *line = malloc(len);
            assert_non_null(line);
            memcpy(line, bodies[i].line, len);
            ak_syslog_body(&body, line, len);
            assert_true(body.content >= line && body.content + body.content_len <= line + len);
            free(line);
        }
    }
}

static void write_file(const char *path, const char *data, size_t len)
{
    FILE *file = fopen(path, "w");

    assert_non_null(file);
    assert_int_equal(fwrite(data, 1, len, file), len);
    assert_int_equal(fclose(file), 0);
}

/* Lines of several files, empty ones, one without an end, one that is too long; then once more. */
static void test_lines(void **unused)
{
    char folder[] = "/tmp/akashi-lines-XXXXXX";
    char paths[3][64];
    const char *words[3];
    static const struct {
        size_t file;
        uint64_t in_file;
        uint64_t offset;
        const char *text; /* NULL: too long */
    } want[] = {{0, 1, 0, "one"},
                {0, 2, 4, ""},
                {0, 3, 5, NULL},
                {0, 4, 17, "1234567890"},
                {2, 1, 0, "end"}};
    struct ak_line_files files;
    struct ak_line line;
    struct ak_error err = {0};
    uint64_t in_file;
    bool more;

    (void)unused;
    assert_non_null(mkdtemp(folder));
    for (int i = 0; i < 3; i++) {
        (void)snprintf(paths[i], sizeof(paths[i]), "%s/%d", folder, i);
        words[i] = paths[i];
    }
    write_file(paths[0], "one\n\n1234567890x\n1234567890\n", 28);
    write_file(paths[1], "", 0);
    write_file(paths[2], "end", 3);
    assert_int_equal(ak_line_files_begin(&files, words, 3, 10, &err), AK_OK);
    for (int pass = 0; pass < 2; pass++) {
        for (size_t i = 0; i < 5; i++) {
            assert_int_equal(ak_line_files_next(&files, &line, &more, &err), AK_OK);
            assert_true(more);
            assert_int_equal(line.number, i);
            assert_int_equal(line.file, want[i].file);
            assert_int_equal(line.in_file, want[i].in_file);
            assert_int_equal(line.offset, want[i].offset);
            assert_int_equal(line.data == NULL, want[i].text == NULL);
            if (want[i].text != NULL) {
                assert_int_equal(line.len, strlen(want[i].text));
                assert_memory_equal(line.data, want[i].text, line.len);
            }
        }
        assert_int_equal(ak_line_files_next(&files, &line, &more, &err), AK_OK);
        assert_false(more);
        ak_line_files_again(&files);
    }
    assert_string_equal(ak_line_files_find(&files, 4, &in_file)->path, paths[2]);
    assert_int_equal(in_file, 1);
    assert_string_equal(ak_line_files_find(&files, 3, &in_file)->path, paths[0]);
    assert_int_equal(in_file, 4);
    write_file(paths[2], "and", 2);
    for (int i = 0; i < 4; i++)
        assert_int_equal(ak_line_files_next(&files, &line, &more, &err), AK_OK);
    assert_int_equal(ak_line_files_next(&files, &line, &more, &err), AK_EIO);
    assert_non_null(strstr(err.text, "changed while it was compared"));
    ak_line_files_free(&files);
    for (int i = 0; i < 3; i++)
        (void)unlink(paths[i]);
    (void)rmdir(folder);
}

#define TEXTS 3000u

/* Lists far beyond the memory of the sorters come out as counted. */
static void test_compare(void **unused)
{
    uint64_t *lines = calloc(TEXTS, sizeof(*lines));
    uint64_t *held = calloc(TEXTS, sizeof(*held));
    uint64_t unchanged = 0;
    uint64_t not_held = 0;
    uint64_t again = 0;
    struct ak_compare_counts counts;
    struct ak_compare *compare;
    struct ak_compare_line_result line;
    struct ak_compare_record_result record;
    struct ak_error err = {0};
    uint64_t next = 0;
    char text[32];
    bool more;

    (void)unused;
    assert_non_null(lines);
    assert_non_null(held);
    state = 7;
    assert_int_equal(ak_compare_new(&compare, "/tmp", AK_SORT_MEMORY_MIN, &err), AK_OK);
    for (uint64_t i = 0; i < 100000; i++) {
        uint64_t n = draw(TEXTS);
        lines[n]++;
        assert_int_equal(
            ak_compare_add_line(compare, text,
                                (size_t)snprintf(text, sizeof(text), "%u", (unsigned)n), &err),
            AK_OK);
        n = draw(TEXTS + TEXTS / 2);
        if (n < TEXTS)
            held[n]++;
        assert_int_equal(
            ak_compare_add_record(compare, 5 + i, text,
                                  (size_t)snprintf(text, sizeof(text), "%u", (unsigned)n), &err),
            AK_OK);
    }
    for (unsigned n = 0; n < TEXTS; n++) {
        unchanged += lines[n] < held[n] ? lines[n] : held[n];
        not_held += lines[n] > held[n] ? lines[n] - held[n] : 0;
        again += lines[n] > 0 && held[n] > lines[n] ? held[n] - lines[n] : 0;
    }
    assert_int_equal(ak_compare_run(compare, &counts, &err), AK_OK);
    assert_int_equal(counts.unchanged, unchanged);
    assert_int_equal(counts.not_held, not_held);
    assert_int_equal(counts.again, again);
    assert_int_equal(counts.other_header, 0);
    for (next = 0;; next++) {
        assert_int_equal(ak_compare_next_line(compare, &line, &more, &err), AK_OK);
        if (!more)
            break;
        assert_int_equal(line.line, next);
    }
    assert_int_equal(next, 100000);
    for (next = 0;;) {
        assert_int_equal(ak_compare_next_record(compare, &record, &more, &err), AK_OK);
        if (!more)
            break;
        assert_true(record.index >= next);
        next = record.index + 1;
        again -= record.result == AK_COMPARE_AGAIN;
    }
    assert_int_equal(again, 0);
    ak_compare_free(compare);
    free(lines);
    free(held);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sort),   cmocka_unit_test(test_sort_nowhere),
        cmocka_unit_test(test_bodies), cmocka_unit_test(test_beginnings),
        cmocka_unit_test(test_lines),  cmocka_unit_test(test_compare)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
