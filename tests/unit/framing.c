/* framing.c - syslog over a stream: which framing it is, and every record of it, whole and exact.
 */
#include "frames.h"
#include "vectors.h"

#include <akashi/base64.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define AUTO    AK_FRAMING_AUTO
#define COUNTED AK_FRAMING_COUNTED
#define LINES   AK_FRAMING_LINES

struct sample {
    const char *says; /* what must happen */
    enum ak_framing framing;
    size_t limit;
    const char *in;
    size_t len;
    const char *out;
};

#define SAMPLE(says, framing, limit, in, out)                                                      \
    {                                                                                              \
        says, framing, limit, in, sizeof(in) - 1, out                                              \
    }

static const struct sample samples[] = {
    SAMPLE("a count and a priority are octet counting", AUTO, 100, "5 <13>a5 <13>b",
           "R(<13>a) R(<13>b) "),
    SAMPLE("LF, NUL, CR and digits in a counted record belong to it", AUTO, 100,
           "12 <13>a\n1 x\r\n\0005 <14>b", "R(<13>a\\x0a1 x\\x0d\\x0a\\x00) R(<14>b) "),
    SAMPLE("counted records without a priority are counted", AUTO, 100, "5 hello7 {\"a\":1}",
           "R(hello) R({\"a\":1}) "),
    SAMPLE("also those that begin with digits", AUTO, 100, "8 10.0.0.18 10.0.0.2",
           "R(10.0.0.1) R(10.0.0.2) "),
    SAMPLE("a counted record whose LF is counted", AUTO, 100, "6 hello\n6 world\n",
           "R(hello\\x0a) R(world\\x0a) "),
    SAMPLE("an LF that is not counted is passed over", AUTO, 100, "5 hello\n5 world\n",
           "R(hello) R(world) "),
    SAMPLE("a counted record of two lines without a priority", AUTO, 100,
           "9 one\nlines9 two\nlines", "R(one\\x0alines) R(two\\x0alines) "),
    SAMPLE("one byte of count too few loses the framing, and says so", AUTO, 100,
           "5 <13>a4 <13>b5 <13>c", "R(<13>a) R(<13>) Eoctet-count "),
    SAMPLE("an empty record where counts are", COUNTED, 100, "0 1 a0 ", "R() R(a) R() "),
    SAMPLE("leading zeros are no count", COUNTED, 100, "01 a", "Eoctet-count "),
    SAMPLE("ten digits are no count", COUNTED, 100, "0000000001 a", "Eoctet-count "),
    SAMPLE("a count needs its space", COUNTED, 100, "5a", "Eoctet-count "),
    SAMPLE("a minus is no count", COUNTED, 100, "-1 a", "Eoctet-count "),
    SAMPLE("one byte over 16 MiB is announced", COUNTED, 100, "16777217 <13>", "Etoo-long "),
    SAMPLE("16 MiB are announced, five bytes come", COUNTED, 100, "16777216 <13>a", "U(<13>a) "),
    SAMPLE("the end within a count", COUNTED, 100, "1 a12", "R(a) U(12) "),
    SAMPLE("the end behind a count", COUNTED, 100, "1 a12 ", "R(a) U(12 ) "),
    SAMPLE("the end within a record", COUNTED, 100, "5 <13>a5 <1", "R(<13>a) U(<1) "),
    SAMPLE("a counted record over the limit is cut, those behind it are not", COUNTED, 4,
           "4 abcd9 123456789"
           "2 ok",
           "R(abcd) C9(1234) R(ok) "),
    SAMPLE("the end within a record over the limit", COUNTED, 4, "9 12345678", "U8(1234) "),
    SAMPLE("a stray LF at the end is nothing", COUNTED, 100, "1 a\n", "R(a) "),
    SAMPLE("two stray LFs are no framing", COUNTED, 100, "1 a\n\n1 b", "R(a) Eoctet-count "),

    SAMPLE("a priority first: lines", AUTO, 100, "<13>a\n<13>b\n", "R(<13>a) R(<13>b) "),
    SAMPLE("a line that begins like a count stays a line", AUTO, 100, "<13>a\n5 <13>b\n12 x\n",
           "R(<13>a) R(5 <13>b) R(12 x) "),
    SAMPLE("CR, a space behind LF and empty lines are kept", AUTO, 100, "<1>a\r\n <1>b\n\n<1>c\n",
           "R(<1>a\\x0d) R( <1>b) R() R(<1>c) "),
    SAMPLE("addresses first: lines", AUTO, 100, "10.0.0.1 - x\n10.0.0.2 - y\n",
           "R(10.0.0.1 - x) R(10.0.0.2 - y) "),
    SAMPLE("dates first: lines", AUTO, 100, "2026-11-24 a\n20261124 09:00 b\n",
           "R(2026-11-24 a) R(20261124 09:00 b) "),
    SAMPLE("a number larger than any record first: lines", AUTO, 100, "20261124 09:00 b\n",
           "R(20261124 09:00 b) "),
    SAMPLE("ten digits first: lines", AUTO, 100, "1117838570 2005\n", "R(1117838570 2005) "),
    SAMPLE("a zero first: lines", AUTO, 100, "081109 203615 a\n0 b\n",
           "R(081109 203615 a) R(0 b) "),
    SAMPLE("numbers first that count nothing: lines", AUTO, 100,
           "134681 node-246 x\n350766 node-109 y\n", "R(134681 node-246 x) R(350766 node-109 y) "),
    SAMPLE("small numbers first: lines", AUTO, 100, "1 first\n2 second\n3 third\n",
           "R(1 first) R(2 second) R(3 third) "),
    SAMPLE("one such line and the end", AUTO, 100, "12 apples\n", "R(12 apples) "),
    SAMPLE("digits and no space: a line", AUTO, 100, "16<1>1\n", "R(16<1>1) "),
    SAMPLE("the end in the first line", AUTO, 100, "<13>no end", "U(<13>no end) "),
    SAMPLE("the end behind digits", AUTO, 100, "16", "U(16) "),
    SAMPLE("a NUL in a line belongs to it", AUTO, 100, "<1>a\0b\n<1>c\n", "R(<1>a\\x00b) R(<1>c) "),
    SAMPLE("also at its end", AUTO, 100, "<1>a\0\n<1>c\0\n", "R(<1>a\\x00) R(<1>c\\x00) "),
    SAMPLE("NUL between records, LF in them", AUTO, 100, "<1>a\0<2>b\nb\0<3>c\0",
           "R(<1>a) R(<2>b\\x0ab) R(<3>c) "),
    SAMPLE("one record with a NUL behind it", AUTO, 100, "<1>a\0", "R(<1>a) "),
    SAMPLE("a NUL and something like a tag is no end", AUTO, 100, "<1>a\0<b>\n",
           "R(<1>a\\x00<b>) "),
    SAMPLE("a line over the limit is cut, those around it are not", LINES, 4,
           "abcd\n123456789\nok\n\n", "R(abcd) C9(1234) R(ok) R() "),
    SAMPLE("an empty line behind one that was cut", LINES, 4, "12345\n\na\n", "C5(1234) R() R(a) "),
    SAMPLE("the end within a line over the limit", LINES, 4, "12345", "U5(1234) "),
    SAMPLE("the first line over the limit, with a priority", AUTO, 4, "<1>abc\n<1>\n",
           "C6(<1>a) R(<1>) "),
    SAMPLE("the first line over the limit, with a number", AUTO, 4, "9 abcdefghi2 ok",
           "C9(abcd) R(ok) "),
    SAMPLE("limit of one byte", AUTO, 1, "ab\n\nc\n", "C2(a) R() R(c) "),

    SAMPLE("TLS on a plain listener", AUTO, 100, "\x16\x03\x01\x02\x00\x01\xfc", "Etls "),
    SAMPLE("the same where lines are set", LINES, 100, "\x16\x03\x01\x02\x00\x01\xfc", "Etls "),
    SAMPLE("a SYN character alone is no TLS", AUTO, 100, "\x16\n\x16\x03\n",
           "R(\\x16) R(\\x16\\x03) "),
    SAMPLE("HTTP on a syslog listener", AUTO, 100, "POST /v1/logs HTTP/1.1\r\nHost: a\r\n\r\n",
           "Ehttp "),
    SAMPLE("a log line about HTTP is a record", AUTO, 100,
           "GET / HTTP/1.1\" 200\nGET / HTTP/1.1\r\n",
           "R(GET / HTTP/1.1\" 200) R(GET / HTTP/1.1\\x0d) "),
    SAMPLE("RELP on a syslog listener", AUTO, 100, "1 open 30 relp_version=0\ncommands=syslog\n",
           "Erelp "),
    SAMPLE("not quite RELP", AUTO, 100, "1 o1 p", "R(o) R(p) "),
    SAMPLE("nothing at all", AUTO, 100, "", ""),
};

/* Divides in one piece and in every other way there is; gives the text. */
static char *divide_all_ways(const struct frames_setup *setup, const uint8_t *in, size_t len,
                             const char *says)
{
    static const struct frames_cuts ways[] = {
        {0, 1, 0, false}, {0, 1, 0, true},  {0, 0, 0, true},  {0, 2, 0, false},
        {0, 3, 0, true},  {0, 7, 1, false}, {0, 20, 2, true},
    };
    struct frames whole;
    struct frames parts;
    const char *wrong;
    char *text;

    frames_divide(setup, in, len, &(struct frames_cuts){0}, &whole);
    wrong = frames_account(setup, &whole, in, len);
    if (wrong != NULL)
        fail_msg("%s: %s", says, wrong);
    for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
        frames_divide(setup, in, len, &ways[i], &parts);
        wrong = frames_differ(&whole, &parts);
        if (wrong != NULL)
            fail_msg("%s, cut in way %zu: %s differs", says, i, wrong);
        frames_free(&parts);
    }
    for (size_t first = 1; first < len && len < 5000; first++) {
        frames_divide(setup, in, len, &(struct frames_cuts){first, 0, 0, first % 2 != 0}, &parts);
        wrong = frames_differ(&whole, &parts);
        if (wrong != NULL)
            fail_msg("%s, cut at %zu: %s differs", says, first, wrong);
        frames_free(&parts);
    }
    text = frames_text(setup, &whole);
    frames_free(&whole);
    return text;
}

/* Each sample gives what it must, however it is cut. */
static void test_samples(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(samples) / sizeof(samples[0]); i++) {
        const struct sample *s = &samples[i];
        struct frames_setup setup = {false, s->framing, s->limit};
        char *text = divide_all_ways(&setup, (const uint8_t *)s->in, s->len, s->says);

        if (strcmp(text, s->out) != 0)
            fail_msg("%s:\n  got  %s\n  want %s", s->says, text, s->out);
        free(text);
    }
}

/* The texts of errors, word for word. */
static void test_texts(void **state)
{
    static const struct {
        const char *in;
        const char *reason;
        const char *text;
    } texts[] = {
        {"\x16\x03\x01", "tls", "this looks like TLS on a plain listener; use tls://"},
        {"GET / HTTP/1.0\r\n", "http",
         "this looks like HTTP on a syslog listener: nothing was taken as a record; let the sender "
         "use syslog, or send it elsewhere"},
        {"1 open 0\n", "relp",
         "this looks like RELP on a syslog listener; use relp://, or relp+tls:// with TLS: the "
         "sender keeps its records until then"},
        {"4 <1>ax", "octet-count",
         "there is no octet count where one must be (RFC 6587 3.4.1): what follows cannot be "
         "divided into records; set the sender to one framing and look for counts of characters, "
         "not bytes"},
        {"99999999 <1>a", "too-long",
         "a record of more than 16 MiB is announced or does not end: what follows cannot be "
         "divided into records; look at the sender's framing"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        struct frames_setup setup = {false, AUTO, 1000};
        struct frames frames;
        const struct ak_frame *last;

        frames_divide(&setup, (const uint8_t *)texts[i].in, strlen(texts[i].in),
                      &(struct frames_cuts){0}, &frames);
        assert_true(frames.count > 0);
        last = &frames.item[frames.count - 1].frame;
        assert_int_equal(last->kind, AK_FRAME_ERROR);
        assert_string_equal(last->reason, texts[i].reason);
        assert_string_equal(last->text, texts[i].text);
        frames_free(&frames);
    }
}

/* A record that lies whole in the caller's buffer is handed out from there, and nothing is held. */
static void test_no_copy(void **state)
{
    static const uint8_t in[] = "5 <13>a5 <13>b5 <13";
    struct ak_frame_budget budget = {.max = 1000000};
    struct ak_frame_syslog s;
    struct ak_frame frame;
    size_t used;

    (void)state;
    ak_frame_syslog_init(&s, AUTO, 1000, &budget);
    ak_frame_syslog_next(&s, in, sizeof(in) - 1, &used, &frame);
    assert_int_equal(frame.kind, AK_FRAME_RECORD);
    assert_ptr_equal(frame.data, in + 2);
    assert_int_equal(used, 7);
    assert_int_equal(budget.used, 0);
    assert_false(ak_frame_syslog_in_frame(&s));
    ak_frame_syslog_next(&s, in + 7, sizeof(in) - 8, &used, &frame);
    assert_ptr_equal(frame.data, in + 9);
    ak_frame_syslog_next(&s, in + 14, sizeof(in) - 15, &used, &frame);
    assert_int_equal(frame.kind, AK_FRAME_NONE);
    assert_int_equal(used, sizeof(in) - 15);
    assert_true(ak_frame_syslog_in_frame(&s));
    assert_true(budget.used > 0 && budget.used <= AK_FRAME_HELD_KEEP_MAX);
    ak_frame_syslog_free(&s);
    assert_int_equal(budget.used, 0);
}

/* Memory follows what has arrived, never what a count claims; without room nothing is lost. */
static void test_budget(void **state)
{
    static const char head[] = "200000 <13>";
    struct ak_frame_budget budget = {.max = 65536};
    struct ak_frame_syslog other, s;
    struct ak_frame frame;
    uint8_t *chunk = malloc(40000);
    size_t used;

    (void)state;
    memset(chunk, 'x', 40000);
    ak_frame_syslog_init(&other, AUTO, 262144, &budget);
    ak_frame_syslog_init(&s, AUTO, 262144, &budget);
    ak_frame_syslog_next(&s, (const uint8_t *)head, sizeof(head) - 1, &used, &frame);
    assert_int_equal(frame.kind, AK_FRAME_NONE);
    assert_true(budget.used <= 1024);
    ak_frame_syslog_next(&s, chunk, 40000, &used, &frame);
    assert_int_equal(frame.kind, AK_FRAME_NONE);
    assert_int_equal(used, 40000);
    assert_int_equal(budget.used, 65536);

    /* Short ones are held all the same, and one may grow past the budget: not a second one. */
    ak_frame_syslog_next(&other, (const uint8_t *)head, sizeof(head) - 1, &used, &frame);
    ak_frame_syslog_next(&other, chunk, 4000, &used, &frame);
    assert_int_equal(frame.kind, AK_FRAME_NONE);
    assert_null(budget.beyond);
    ak_frame_syslog_next(&other, chunk, 4000, &used, &frame);
    assert_int_equal(frame.kind, AK_FRAME_NONE);
    assert_ptr_equal(budget.beyond, &other.framer.hold);
    ak_frame_syslog_next(&s, chunk, 40000, &used, &frame);
    assert_int_equal(frame.kind, AK_FRAME_NO_ROOM);
    assert_int_equal(used, 0);
    assert_int_equal(budget.used, 65536 + 8192);
    assert_false(budget.released);

    /* When that one is gone the next one is let through, and those that wait are told. */
    ak_frame_syslog_free(&other);
    assert_true(budget.released);
    budget.released = budget.wanted = false;
    for (int i = 0; i < 3; i++) {
        ak_frame_syslog_next(&s, chunk, 40000, &used, &frame);
        assert_int_equal(frame.kind, AK_FRAME_NONE);
        assert_int_equal(used, 40000);
    }
    assert_ptr_equal(budget.beyond, &s.framer.hold);
    ak_frame_syslog_next(&s, chunk, 40000, &used, &frame);
    assert_int_equal(frame.kind, AK_FRAME_RECORD);
    assert_int_equal(frame.len, 200000);
    assert_int_equal(used, 200000 - 160004);
    /* The next call lets go of what was held. */
    ak_frame_syslog_next(&s, chunk, 0, &used, &frame);
    assert_int_equal(budget.used, 0);
    assert_null(budget.beyond);
    assert_false(budget.released);
    ak_frame_syslog_free(&s);
    free(chunk);
}

/* A line that never ends: the fragment's bytes are held, the rest is counted; 16 MiB are the end.
 */
static void test_endless(void **state)
{
    struct ak_frame_budget budget = {.max = 1u << 20};
    struct ak_frame_syslog s;
    struct ak_frame frame;
    uint8_t *chunk = malloc(65536);
    uint64_t sent = 0;
    size_t used;

    (void)state;
    memset(chunk, 'x', 65536);
    ak_frame_syslog_init(&s, AUTO, AK_FRAME_LIMIT_BYTES, &budget);
    while (sent < AK_FRAME_RECEIVED_MAX) {
        ak_frame_syslog_next(&s, chunk, 65536, &used, &frame);
        assert_int_equal(frame.kind, AK_FRAME_NONE);
        assert_int_equal(used, 65536);
        assert_true(budget.used <= AK_FRAME_LIMIT_BYTES + AK_FRAME_HEADER_MAX);
        sent += used;
    }
    ak_frame_syslog_next(&s, chunk, 1, &used, &frame);
    assert_int_equal(frame.kind, AK_FRAME_ERROR);
    assert_string_equal(frame.reason, "too-long");
    assert_int_equal(frame.len, AK_FRAME_LIMIT_BYTES);
    assert_int_equal(frame.received, AK_FRAME_RECEIVED_MAX + 1);
    /* Behind an error everything is taken and nothing is given. */
    ak_frame_syslog_next(&s, chunk, 65536, &used, &frame);
    assert_int_equal(frame.kind, AK_FRAME_NONE);
    assert_int_equal(used, 65536);
    ak_frame_syslog_end(&s, &frame);
    assert_int_equal(frame.kind, AK_FRAME_NONE);
    ak_frame_syslog_free(&s);
    assert_int_equal(budget.used, 0);
    free(chunk);
}

/* A line of exactly 16 MiB is still a fragment, with its length in all. */
static void test_longest(void **state)
{
    struct frames_setup setup = {false, AUTO, AK_FRAME_LIMIT_BYTES};
    uint8_t *in = malloc(AK_FRAME_RECEIVED_MAX + 1);
    struct frames frames;

    (void)state;
    memset(in, 'x', AK_FRAME_RECEIVED_MAX);
    in[AK_FRAME_RECEIVED_MAX] = '\n';
    frames_divide(&setup, in, AK_FRAME_RECEIVED_MAX + 1, &(struct frames_cuts){.every = 65536},
                  &frames);
    assert_int_equal(frames.count, 1);
    assert_int_equal(frames.item[0].frame.kind, AK_FRAME_CUT);
    assert_int_equal(frames.item[0].frame.received, AK_FRAME_RECEIVED_MAX);
    frames_free(&frames);
    free(in);
}

/* A limit that is set after init, larger than the first one, holds at any read. */
static void test_limit(void **state)
{
    struct ak_frame_budget budget = {.max = 1u << 20};
    struct ak_frame_syslog s;
    struct ak_frame frame;
    uint8_t *chunk = malloc(10000);
    size_t used;

    (void)state;
    memset(chunk, 'x', 10000);
    ak_frame_syslog_init(&s, AUTO, 10, &budget);
    ak_frame_syslog_limit(&s, 300000);
    for (int i = 0; i < 30; i++) {
        ak_frame_syslog_next(&s, chunk, 10000, &used, &frame);
        assert_int_equal(frame.kind, AK_FRAME_NONE);
    }
    ak_frame_syslog_next(&s, (const uint8_t *)"\n", 1, &used, &frame);
    assert_int_equal(frame.kind, AK_FRAME_RECORD);
    assert_int_equal(frame.len, 300000);
    assert_true(budget.used <= 300000 + AK_FRAME_HEADER_MAX);
    ak_frame_syslog_next(&s, NULL, 0, &used, &frame);
    assert_int_equal(frame.kind, AK_FRAME_NONE);
    ak_frame_syslog_limit(&s, 5); /* behind the record, which is not needed any more */
    ak_frame_syslog_next(&s, (const uint8_t *)"123456\n", 7, &used, &frame);
    assert_int_equal(frame.kind, AK_FRAME_CUT);
    assert_int_equal(frame.len, 5);
    ak_frame_syslog_free(&s);
    free(chunk);
}

static void check_settle(const char *in, size_t len, enum ak_frame_kind kind, const char *data)
{
    struct ak_frame_syslog s;
    struct ak_frame frame;
    size_t used;

    ak_frame_syslog_init(&s, AUTO, 1000, NULL);
    ak_frame_syslog_next(&s, (const uint8_t *)in, len, &used, &frame);
    assert_int_equal(frame.kind, AK_FRAME_NONE);
    ak_frame_syslog_settle(&s);
    ak_frame_syslog_next(&s, NULL, 0, &used, &frame);
    assert_int_equal(frame.kind, kind);
    if (data != NULL) {
        assert_int_equal(frame.len, strlen(data));
        assert_memory_equal(frame.data, data, frame.len);
    }
    ak_frame_syslog_free(&s);
}

/* A sender that falls quiet behind its first record does not make it wait; half a frame waits on.
 */
static void test_settle(void **state)
{
    (void)state;
    check_settle("12 apples\n", 10, AK_FRAME_RECORD, "12 apples");
    check_settle("5 hello", 7, AK_FRAME_RECORD, "hello");
    check_settle("<1>a", 5, AK_FRAME_RECORD, "<1>a");
    check_settle("12 app", 6, AK_FRAME_NONE, NULL);
    check_settle("16", 2, AK_FRAME_NONE, NULL);
    check_settle("<1>a", 4, AK_FRAME_NONE, NULL);
}

/* --- cases of others --- */

/* The bytes of a base64 string; malloc'ed. */
static uint8_t *decode(const json_t *text, size_t *len)
{
    size_t in_len = json_string_length(text);
    uint8_t *out = malloc(in_len + 1);

    assert_non_null(out);
    assert_int_equal(ak_base64_decode(out, in_len + 1, len, json_string_value(text), in_len, NULL),
                     AK_OK);
    return out;
}

/* Calls `each` with every line of a file of JSON lines; says so and does nothing without it. */
static void each_line(const char *name, void (*each)(const json_t *line))
{
    char path[4096];
    char *line = NULL;
    size_t cap = 0;
    unsigned count = 0;
    FILE *file;

    if (!vectors_path(path, sizeof(path), name))
        return;
    file = fopen(path, "rb");
    assert_non_null(file);
    while (getline(&line, &cap, file) > 0) {
        json_t *value = json_loads(line, JSON_ALLOW_NUL, NULL);

        assert_non_null(value);
        each(value);
        json_decref(value);
        count++;
    }
    free(line);
    (void)fclose(file);
    assert_true(count > 0);
}

/* The reads of a case up to the first thing that is no bytes. */
static size_t join_chunks(const json_t *test, uint8_t *out, size_t cap)
{
    const json_t *chunks =
        json_object_get(json_array_get(json_object_get(test, "input"), 0), "chunks_b64");
    size_t used = 0;

    for (size_t i = 0; i < json_array_size(chunks); i++) {
        const json_t *chunk = json_array_get(chunks, i);
        uint8_t *bytes;
        size_t len;

        if (!json_is_string(chunk))
            break;
        bytes = decode(chunk, &len);
        assert_true(used + len <= cap);
        memcpy(out + used, bytes, len);
        used += len;
        free(bytes);
    }
    return used;
}

/* Expected bytes are written as in C source: \xHH is a byte. */
static size_t unescape(const json_t *text, uint8_t *out, size_t cap)
{
    const char *in = json_string_value(text);
    size_t len = json_string_length(text);
    size_t used = 0;

    for (size_t i = 0; i < len; used++) {
        unsigned byte;

        assert_true(used < cap);
        if (i + 3 < len && in[i] == '\\' && in[i + 1] == 'x' &&
            sscanf(in + i + 2, "%2x", &byte) == 1) {
            out[used] = (uint8_t)byte;
            i += 4;
        } else {
            out[used] = (uint8_t)in[i++];
        }
    }
    return used;
}

static bool is_about_characters(const char *name)
{
    static const char *const words[] = {"ucs4",  "iso8859", "invalid_char", "invalid_encoding",
                                        "split", "partial", "eagain"};

    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        if (strstr(name, words[i]) != NULL)
            return true;
    }
    return false;
}

static void check_as_expected(const char *name, const json_t *expect, const struct frames *frames)
{
    size_t at = 0;

    for (size_t i = 0; i < json_array_size(expect); i++) {
        const json_t *one = json_array_get(expect, i);
        const char *kind = json_string_value(json_object_get(one, "kind"));
        const json_t *arg = json_array_get(json_object_get(one, "args"), 0);
        const json_t *why = json_array_get(json_object_get(one, "args"), 1);
        uint8_t want[256];
        size_t len;

        if (strcmp(kind, "failure") == 0) {
            if (strcmp(json_string_value(why), "Invalid frame header") == 0) {
                assert_int_equal(frames->item[at].frame.kind, AK_FRAME_ERROR);
                assert_string_equal(frames->item[at].frame.reason, "octet-count");
            }
            continue;
        }
        if (strcmp(json_string_value(arg), "NULL") == 0)
            continue; /* nothing to read at this moment */
        len = unescape(arg, want, sizeof(want));
        if (at >= frames->count || frames->item[at].frame.len != len ||
            memcmp(frames->item[at].frame.data, want, len) != 0)
            fail_msg("%s: record %zu is not as expected", name, at);
        at++;
    }
}

static void each_syslog_ng(const json_t *test)
{
    const char *name = json_string_value(json_object_get(test, "test"));
    const json_t *limit = json_object_get(json_object_get(test, "settings"), "max_msg_size");
    struct frames_setup setup = {false, strstr(name, "framed") != NULL ? COUNTED : LINES, 65536};
    struct frames frames;
    uint8_t in[4096];
    size_t len = 0;

    if (is_about_characters(name)) {
        (void)printf("not for us: %s\n", name);
        return;
    }
    if (limit != NULL)
        setup.limit = strtoul(json_string_value(limit), NULL, 10);
    len = join_chunks(test, in, sizeof(in));
    free(divide_all_ways(&setup, in, len, name));
    frames_divide(&setup, in, len, &(struct frames_cuts){0}, &frames);
    check_as_expected(name, json_object_get(test, "expect"), &frames);
    frames_free(&frames);
}

/* What syslog-ng's own tests expect of a stream, we give, but for conversions of characters. */
static void test_syslog_ng(void **state)
{
    (void)state;
    each_line("syslog-ng-tests/framing_tests.dev.jsonl", each_syslog_ng);
}

static void each_octet_counting(const json_t *test)
{
    struct frames_setup setup = {false, AUTO, 65536};
    const char *name = json_string_value(json_object_get(test, "descr"));
    size_t len;
    uint8_t *in = decode(json_object_get(test, "input_b64"), &len);

    free(divide_all_ways(&setup, in, len, name));
    setup.framing = COUNTED;
    free(divide_all_ways(&setup, in, len, name));
    free(in);
}

/* No byte of go-syslog's good and bad inputs is lost or divided by chance. */
static void test_octet_counting(void **state)
{
    (void)state;
    each_line("go-syslog/octetcounting_inputs.jsonl", each_octet_counting);
}

/* --- real logs --- */

/* A file's lines, octet-counted one by one; gives how many. malloc'ed. */
static size_t count_lines(const uint8_t *in, size_t len, uint8_t **out, size_t *out_len)
{
    size_t lines = 0;
    size_t used = 0;

    *out = malloc(len * 12 + 16);
    assert_non_null(*out);
    for (size_t at = 0; at < len; lines++) {
        const uint8_t *lf = memchr(in + at, '\n', len - at);
        size_t n = lf != NULL ? (size_t)(lf - (in + at)) : len - at;

        used += (size_t)sprintf((char *)*out + used, "%zu ", n);
        memcpy(*out + used, in + at, n);
        used += n;
        at += n + 1;
    }
    *out_len = used;
    return lines;
}

/* The frames, each with an LF behind it, are the file (which may lack its last LF). */
static void check_is_file(const char *name, const struct frames *frames, const uint8_t *in,
                          size_t len)
{
    size_t at = 0;

    for (size_t i = 0; i < frames->count; i++) {
        const struct ak_frame *frame = &frames->item[i].frame;

        if (frame->kind != AK_FRAME_RECORD && frame->kind != AK_FRAME_UNFINISHED)
            fail_msg("%s: frame %zu is no record", name, i);
        assert_true(at + frame->len <= len);
        assert_memory_equal(in + at, frame->data, frame->len);
        at += frame->len;
        if (at < len)
            assert_int_equal(in[at++], '\n');
    }
    assert_int_equal(at, len);
}

static void check_log(const char *name)
{
    static const struct frames_cuts cuts[] = {{0}, {0, 65536, 0, true}, {0, 3000, 7, false}};
    char path[4096];
    uint8_t *in = malloc(4u << 20);
    uint8_t *counted;
    size_t counted_len;
    size_t len;
    size_t lines;
    FILE *file;

    if (!vectors_path(path, sizeof(path), name)) {
        free(in);
        return;
    }
    file = fopen(path, "rb");
    assert_non_null(file);
    len = fread(in, 1, 4u << 20, file);
    (void)fclose(file);
    lines = count_lines(in, len, &counted, &counted_len);
    for (size_t i = 0; i < sizeof(cuts) / sizeof(cuts[0]); i++) {
        struct frames_setup setup = {false, AUTO, AK_FRAME_LIMIT_BYTES};
        struct frames frames;

        frames_divide(&setup, in, len, &cuts[i], &frames);
        assert_int_equal(frames.framing, LINES);
        check_is_file(name, &frames, in, len);
        assert_int_equal(frames.count, lines);
        frames_free(&frames);
        frames_divide(&setup, counted, counted_len, &cuts[i], &frames);
        check_is_file(name, &frames, in, len);
        frames_free(&frames);
    }
    free(counted);
    free(in);
}

/* Real logs, with and without anything like a syslog header, come out as they went in: as lines and
 * octet-counted. */
static void test_logs(void **state)
{
    static const char *const names[] = {
        "loghub/Apache_2k.log",
        "loghub/HDFS_2k.log",
        "loghub/HPC_2k.log",
        "loghub/Linux_2k.log",
        "loghub/OpenSSH_2k.log",
        "loghub/OpenStack_2k.log",
        "loghub/Spark_2k.log",
        "loghub/Windows_2k.log",
        "icsnpp-modbus/modbus.log",
        "otlp/logs.json",
        "otrf/sh_arp_cache_2020-11-10074812.log",
        "otrf/zeek-apt29/day1_NASHUA_x509.log",
    };

    (void)state;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        check_log(names[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_samples),   cmocka_unit_test(test_texts),
        cmocka_unit_test(test_no_copy),   cmocka_unit_test(test_budget),
        cmocka_unit_test(test_endless),   cmocka_unit_test(test_longest),
        cmocka_unit_test(test_settle),    cmocka_unit_test(test_limit),
        cmocka_unit_test(test_syslog_ng), cmocka_unit_test(test_octet_counting),
        cmocka_unit_test(test_logs),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
