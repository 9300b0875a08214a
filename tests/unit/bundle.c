/* bundle.c - parts of bundles: what gaps can hide, the one form of archive headers, proofs as text,
 * bundle.json, plans of pieces. */
#include "bundle_about.h"
#include "bundle_counts.h"
#include "bundle_derive.h"
#include "bundle_proof.h"
#include "bundle_tar.h"
#include "export.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

/* ---- Counts ---- */

struct seen {
    struct ak_bundle_counts counts;
    struct ak_bundle_count_fault fault;
};

static void begin(struct seen *s, uint64_t from, uint64_t to)
{
    memset(s, 0, sizeof(*s));
    ak_bundle_counts_init(&s->counts);
    s->counts.timed = to > 0;
    s->counts.from = from;
    s->counts.to = to;
}

static void show(struct seen *s, uint64_t index, uint16_t run, uint64_t received, uint32_t source,
                 uint64_t seq)
{
    struct ak_entry e = {.form = AK_FORM_WHOLE,
                         .kind = source < AK_SOURCE_FIRST ? (uint8_t)source : AK_KIND_RECORD,
                         .clock_run = run,
                         .received = received,
                         .source = source,
                         .source_seq = seq};

    ak_bundle_counts_gap(&s->counts, index, &e);
    assert_int_equal(ak_bundle_counts_entry(&s->counts, index, &e, &s->fault, NULL), AK_OK);
}

static void point(struct seen *s, uint32_t ordinal, uint64_t known)
{
    assert_int_equal(ak_bundle_counts_point(&s->counts, ordinal, known, &s->fault, NULL), AK_OK);
}

/* A gap with entries of one run on both sides is outside if they are both before, or both behind.
 */
static void test_gap_in_one_run(void **state)
{
    static const struct {
        uint64_t left;
        uint64_t right;
        bool open;
    } cases[] = {{10, 99, false},  {10, 100, true},  {99, 200, true},
                 {100, 150, true}, {199, 300, true}, {200, 300, false}};

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct seen s;
        begin(&s, 100, 200);
        show(&s, 0, 0, 0, AK_KIND_EPOCH, 0);
        show(&s, 1, 0, cases[i].left, 256, 0);
        show(&s, 5, 0, cases[i].right, 256, 4);
        assert_int_equal(s.counts.open, cases[i].open);
        assert_true(s.fault.rule == NULL);
        ak_bundle_counts_free(&s.counts);
    }
}

/* Where the clock fell once in a gap, it is outside only if it fell from behind to before. Where it
 * fell twice, nobody knows what stood between. */
static void test_gap_over_runs(void **state)
{
    static const struct {
        uint64_t left;
        uint64_t right;
        uint16_t run;
        bool open;
    } cases[] = {{200, 99, 1, false}, {199, 99, 1, true}, {200, 100, 1, true}, {200, 99, 2, true}};

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct seen s;
        begin(&s, 100, 200);
        show(&s, 0, 0, 0, AK_KIND_EPOCH, 0);
        show(&s, 1, 0, cases[i].left, 256, 0);
        show(&s, 9, cases[i].run, cases[i].right, 256, 4);
        assert_int_equal(s.counts.open, cases[i].open);
        ak_bundle_counts_free(&s.counts);
    }
}

/* What is behind the last entry shown may hold anything; before the first one time began at 0. */
static void test_gap_at_the_ends(void **state)
{
    struct seen s;

    (void)state;
    begin(&s, 100, 200);
    show(&s, 3, 0, 99, 256, 0);
    assert_int_equal(s.counts.open, 0);
    show(&s, 4, 0, 250, 256, 1);
    ak_bundle_counts_end(&s.counts, 5);
    assert_int_equal(s.counts.open, 0);
    ak_bundle_counts_end(&s.counts, 6);
    assert_int_equal(s.counts.open, 1);
    assert_true(s.counts.gap_first == 5 && s.counts.gap_last == 5);
    ak_bundle_counts_free(&s.counts);
}

/* A source is complete if no number of it is missing where a gap may hold entries of the time. */
static void test_source(void **state)
{
    (void)state;
    for (unsigned missing = 0; missing < 2; missing++) {
        struct seen s;
        begin(&s, 100, 200);
        show(&s, 5, 0, 50, 256, 2);   /* before; what came earlier is not asked for */
        show(&s, 20, 0, 120, 256, 3); /* between, the gap may hold others */
        show(&s, 30, 0, 150, 256, 4 + missing);
        show(&s, 40, 0, 210, 256, 5 + missing);
        ak_bundle_counts_end(&s.counts, 41);
        assert_true(s.counts.open > 0);
        assert_int_equal(ak_bundle_counts_complete(&s.counts, 256), missing == 0);
        assert_false(ak_bundle_counts_complete(&s.counts, 257)); /* nothing is known of it */
        assert_true(s.fault.rule == NULL);
        ak_bundle_counts_free(&s.counts);
    }
}

/* A state's count closes what no entry closes, unless it says that one is missing. */
static void test_count_closes(void **state)
{
    const struct ak_entry at = {
        .kind = AK_KIND_STATE, .source = AK_KIND_STATE, .source_seq = 3, .received = 230};

    (void)state;
    for (uint64_t known = 4; known < 6; known++) {
        struct seen s;
        begin(&s, 100, 200);
        show(&s, 5, 0, 50, 256, 2);
        show(&s, 20, 0, 120, 256, 3);
        ak_bundle_counts_gap(&s.counts, 30, &at);
        point(&s, 256, known);
        assert_int_equal(ak_bundle_counts_entry(&s.counts, 30, &at, &s.fault, NULL), AK_OK);
        ak_bundle_counts_end(&s.counts, 31);
        assert_int_equal(ak_bundle_counts_complete(&s.counts, 256), known == 4);
        ak_bundle_counts_free(&s.counts);
    }
}

/* Declarations are whole only if none before the last open gap is hidden, whatever its time. */
static void test_whole(void **state)
{
    (void)state;
    for (uint64_t hidden = 0; hidden < 2; hidden++) {
        struct seen s;
        begin(&s, 100, 200);
        show(&s, 5, 0, 50, AK_KIND_SOURCE, hidden);
        show(&s, 20, 0, 120, 256, 0);
        show(&s, 40, 0, 240, AK_KIND_SOURCE, hidden + 1);
        ak_bundle_counts_end(&s.counts, 41);
        assert_int_equal(ak_bundle_counts_whole(&s.counts, AK_KIND_SOURCE), hidden == 0);
        ak_bundle_counts_free(&s.counts);
    }
}

/* Numbers that cannot be: falling, rising by more than can be hidden, of no possible source; a
 * clock that falls within a run. */
static void test_faults(void **state)
{
    struct seen s;

    (void)state;
    begin(&s, 0, 0);
    show(&s, 5, 0, 50, 256, 3);
    show(&s, 6, 0, 50, 256, 3);
    assert_string_equal(s.fault.rule, "R2");
    ak_bundle_counts_free(&s.counts);
    begin(&s, 0, 0);
    show(&s, 5, 0, 50, 256, 3);
    show(&s, 8, 0, 50, 256, 7); /* two are hidden, three are needed */
    assert_string_equal(s.fault.rule, "R2");
    ak_bundle_counts_free(&s.counts);
    begin(&s, 0, 0);
    show(&s, 5, 0, 50, 256, 3);
    show(&s, 8, 0, 49, 257, 0);
    assert_string_equal(s.fault.rule, "R5");
    ak_bundle_counts_free(&s.counts);
    begin(&s, 0, 0);
    show(&s, 5, 0, 50, AK_SOURCE_FIRST + AK_DECLARED_MAX, 3);
    assert_string_equal(s.fault.rule, "R1");
    ak_bundle_counts_free(&s.counts);
    begin(&s, 0, 0);
    show(&s, 5, 0, 50, 258, 0);
    show(&s, 6, 0, 50, AK_KIND_SOURCE, 2); /* it declares 258, which was there before */
    assert_string_equal(s.fault.rule, "R1");
    ak_bundle_counts_free(&s.counts);
}

/* ---- Files ---- */

static int memory_file(const void *data, size_t len)
{
    int fd = memfd_create("test", MFD_CLOEXEC);

    assert_true(fd >= 0);
    assert_int_equal(write(fd, data, len), len);
    return fd;
}

/* A header is read back; each of its bytes counts. */
static void test_tar(void **state)
{
    uint8_t block[3 * AK_TAR_BLOCK_BYTES + AK_TAR_BLOCK_BYTES] = {0};
    char name[AK_TAR_NAME_BYTES + 1];
    uint64_t bytes;
    uint64_t mtime;
    bool ended;
    int fd;

    (void)state;
    assert_int_equal(ak_tar_header(block, "proof", 5, 1800000000, NULL), AK_OK);
    memset(block + AK_TAR_BLOCK_BYTES, 'x', 5);
    fd = memory_file(block, sizeof(block));
    assert_int_equal(ak_tar_read(fd, 0, sizeof(block), name, &bytes, &mtime, &ended, NULL), AK_OK);
    assert_string_equal(name, "proof");
    assert_true(bytes == 5 && mtime == 1800000000 && !ended);
    assert_int_equal(ak_tar_read(fd, 1024, sizeof(block), name, &bytes, &mtime, &ended, NULL),
                     AK_OK);
    assert_true(ended);
    close(fd);
    for (size_t i = 0; i < AK_TAR_BLOCK_BYTES; i++) {
        block[i] ^= 0x20;
        fd = memory_file(block, sizeof(block));
        assert_int_equal(ak_tar_read(fd, 0, sizeof(block), name, &bytes, &mtime, &ended, NULL),
                         AK_EMALFORMED);
        close(fd);
        block[i] ^= 0x20;
    }
    assert_int_equal(ak_tar_header(block, "proof", AK_TAR_FILE_BYTES_MAX + 1, 0, NULL), AK_ELIMIT);
}

/* A proof that is written is read back, stretch by stretch. */
static void test_proof(void **state)
{
    struct ak_bundle_files files = {.fd = -1, .custody_fd = -1};
    struct ak_bundle_proof proof;
    struct ak_range range;
    struct ak_range again;
    char *text;
    size_t len;
    FILE *file = open_memstream(&text, &len);
    uint64_t n;
    bool shown;

    (void)state;
    ak_range_init(&range, 3);
    while (range.end < 20) {
        struct ak_hash leaf = {{(uint8_t)range.end}};
        assert_int_equal(ak_range_append(&range, &leaf), AK_OK);
    }
    ak_bundle_proof_put_head(file, 21);
    ak_bundle_proof_put_show(file, 3);
    ak_bundle_proof_put_skip(file, &range);
    ak_bundle_proof_put_show(file, 1);
    fclose(file);
    files.part[AK_BUNDLE_PROOF] =
        (struct ak_bundle_part){true, memory_file(text, len), 0, (uint64_t)len};
    assert_int_equal(ak_bundle_proof_open(&proof, &files, NULL), AK_OK);
    assert_true(proof.size == 21);
    assert_int_equal(ak_bundle_proof_next(&proof, &shown, &n, &again, NULL), AK_OK);
    assert_true(shown && n == 3);
    assert_int_equal(ak_bundle_proof_next(&proof, &shown, &n, &again, NULL), AK_OK);
    assert_true(!shown && n == 17 && again.count == range.count);
    assert_memory_equal(again.hash, range.hash, range.count * sizeof(range.hash[0]));
    assert_int_equal(ak_bundle_proof_next(&proof, &shown, &n, &again, NULL), AK_OK);
    assert_true(shown && n == 1);
    assert_int_equal(ak_bundle_proof_next(&proof, &shown, &n, &again, NULL), AK_OK);
    assert_true(n == 0);
    ak_bundle_proof_close(&proof);
    close(files.part[AK_BUNDLE_PROOF].fd);
    free(text);
}

static void fill(struct ak_bundle_about *about)
{
    memset(about, 0, sizeof(*about));
    for (unsigned i = 0; i < AK_BUNDLE_TEXTS; i++)
        about->text[i] = "x";
    about->made = 5000000000;
}

/* What is written in bundle.json is what is read. */
static void test_about(void **state)
{
    static const uint32_t sources[] = {256, 300};
    static const char *const texts[] = {"fw*", "300"};
    static struct ak_bundle_redaction redaction[] = {{"name", "match"}, {"order", "index:1-2"}};
    struct ak_bundle_about about;
    struct ak_bundle_about again;
    char *data;
    size_t len;

    (void)state;
    fill(&about);
    about.asked = (struct ak_bundle_range){.what = AK_BUNDLE_TIME,
                                           .from = 1,
                                           .to = UINT64_MAX,
                                           .sources = sources,
                                           .source_count = 2,
                                           .source_texts = texts,
                                           .source_text_count = 2,
                                           .events = true};
    about.redaction = redaction;
    about.redaction_count = 2;
    assert_int_equal(ak_bundle_about_write(&about, &data, &len, NULL), AK_OK);
    assert_int_equal(ak_bundle_about_read(&again, data, len, NULL), AK_OK);
    assert_true(again.asked.to == UINT64_MAX && again.asked.sources[1] == 300);
    assert_true(again.asked.events && again.made == about.made);
    assert_string_equal(again.redaction[1].what, "index:1-2");
    assert_string_equal(again.asked.source_texts[0], "fw*");
    ak_bundle_about_free(&again);
    free(data);
}

/* A text that is not UTF-8 is refused before anything is written. */
static void test_about_text(void **state)
{
    struct ak_bundle_about about;
    char *data;
    size_t len;

    (void)state;
    fill(&about);
    about.text[AK_BUNDLE_TEXT_BY] = "\xff";
    assert_int_equal(ak_bundle_about_write(&about, &data, &len, NULL), AK_EUSAGE);
}

/* No cell of the table is a formula, however it begins, and each is one line. */
static void test_csv(void **state)
{
    static const char *const texts[][2] = {
        {"=1+1", "\"'=1+1\""},
        {"\xef\xbc\x9d"
         "1",
         "\"'\xef\xbc\x9d"
         "1\""},
        {"a \"b\"", "\"a \"\"b\"\"\""},
        {"\tx\ny", "\"'\\x09x\\x0ay\""},
        {"", "\"\""},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        struct ak_bundle_entry entry = {.payload = (const uint8_t *)texts[i][0],
                                        .len = strlen(texts[i][0])};
        char *text;
        size_t len;
        FILE *file = open_memstream(&text, &len);
        ak_bundle_derive_csv(file, &entry, NULL);
        fclose(file);
        assert_true(len > strlen(texts[i][1]) + 2);
        text[len - 2] = '\0'; /* CR LF */
        assert_string_equal(text + len - 2 - strlen(texts[i][1]), texts[i][1]);
        free(text);
    }
}

/* ---- Plans ---- */

/* Each entry is shown once, in the way that outweighs, whatever was added in which order. */
static void test_plan(void **state)
{
    enum { SIZE = 40, ROUNDS = 300 };
    unsigned seed = 7;

    (void)state;
    for (unsigned round = 0; round < ROUNDS; round++) {
        struct ak_export_plan plan = {0};
        int want[SIZE];
        uint64_t next = 0;
        for (unsigned i = 0; i < SIZE; i++)
            want[i] = -1;
        for (unsigned k = 0; k < 8; k++) {
            seed = seed * 1103515245u + 12345u;
            uint64_t first = seed / 65536 % SIZE;
            uint64_t last = first + seed / 7 % (SIZE - first);
            int how = (int)(seed / 1024 % 3);
            assert_int_equal(ak_export_plan_add(&plan, first, last, (enum ak_export_how)how, NULL),
                             AK_OK);
            for (uint64_t i = first; i <= last; i++)
                want[i] = want[i] > how ? want[i] : how;
        }
        assert_int_equal(ak_export_plan_settle(&plan, NULL), AK_OK);
        for (size_t p = 0; p < plan.count; p++) {
            assert_true(plan.piece[p].first >= next);
            for (; next < plan.piece[p].first; next++)
                assert_int_equal(want[next], -1);
            for (; next <= plan.piece[p].last; next++)
                assert_int_equal(want[next], (int)plan.piece[p].how);
        }
        for (; next < SIZE; next++)
            assert_int_equal(want[next], -1);
        ak_export_plan_free(&plan);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_gap_in_one_run),
                                       cmocka_unit_test(test_gap_over_runs),
                                       cmocka_unit_test(test_gap_at_the_ends),
                                       cmocka_unit_test(test_source),
                                       cmocka_unit_test(test_count_closes),
                                       cmocka_unit_test(test_whole),
                                       cmocka_unit_test(test_faults),
                                       cmocka_unit_test(test_tar),
                                       cmocka_unit_test(test_proof),
                                       cmocka_unit_test(test_about),
                                       cmocka_unit_test(test_about_text),
                                       cmocka_unit_test(test_csv),
                                       cmocka_unit_test(test_plan)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
