/* relp.c - RELP as a server: frames however they are cut, order, and answers that come when they
 * may and not before. */
#include "frames.h"
#include "relp_window.h"
#include "vectors.h"

#include <akashi/base64.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define OPEN_IN  "1 open 30 relp_version=0\ncommands=syslog\n"
#define OPEN_OUT "1 rsp 58 200 OK\nrelp_version=0\nrelp_software=akashi\ncommands=syslog\n"

struct sample {
    const char *says; /* what must happen */
    size_t limit;
    const char *in;
    size_t len;
    const char *out;
};

#define SAMPLE(says, limit, in, out)                                                               \
    {                                                                                              \
        says, limit, in, sizeof(in) - 1, out                                                       \
    }

static const struct sample samples[] = {
    SAMPLE("open, a record, close", 100, OPEN_IN "2 syslog 5 <13>a\n3 close 0\n",
           "R[1o](relp_version=0\\x0acommands=syslog) R[2s](<13>a) R[3c]() "),
    SAMPLE("data is opaque", 100, "2 syslog 15 evil\n3 close 0\n\n3 close 0\n",
           "R[2s](evil\\x0a3 close 0\\x0a) R[3c]() "),
    SAMPLE("an empty record", 100, "1 syslog 0\n2 syslog 1 a\n", "R[1s]() R[2s](a) "),
    SAMPLE("leading zeros are legal", 100, "000000001 syslog 000000001 a\n", "R[1s](a) "),
    SAMPLE("a space behind a length of 0 is not", 100, "1 syslog 0 \n", "Erelp-header "),
    SAMPLE("NUL and LF in data", 100, "1 syslog 3 \n\0\n\n", "R[1s](\\x0a\\x00\\x0a) "),
    SAMPLE("foreign commands, hints", 100, "0 hint 0\n1 x 1 y\n9 SYSLOG 1 a\n",
           "R[0?]() R[1?](y) R[9?](a) "),
    SAMPLE("a command of 32 letters", 100, "1 abcdefghijklmnopqrstuvwxyzABCDEF 0\n", "R[1?]() "),
    SAMPLE("a command of 33 letters", 100, "1 abcdefghijklmnopqrstuvwxyzABCDEFG 0\n",
           "Erelp-header "),
    SAMPLE("no command", 100, "1  0\n", "Erelp-header "),
    SAMPLE("a digit in a command", 100, "1 sys1og 0\n", "Erelp-header "),
    SAMPLE("no length", 100, "1 syslog \n", "Erelp-header "),
    SAMPLE("no length and no space", 100, "1 syslog\n", "Erelp-header "),
    SAMPLE("a negative length", 100, "2 syslog -1 a\n", "Erelp-header "),
    SAMPLE("ten digits of number", 100, "1234567890 syslog 1 a\n", "Erelp-header "),
    SAMPLE("ten digits of length", 100, "1 syslog 1000000000 a\n", "Erelp-header "),
    SAMPLE("a length beyond 16 MiB", 100, "1 syslog 16777217 a", "Etoo-long "),
    SAMPLE("a length of 16 MiB, one byte of it", 100, "1 syslog 16777216 a", "U[1s](a) "),
    SAMPLE("a length too short", 100, "2 syslog 3 abcdef\n", "Erelp-trailer "),
    SAMPLE("a length too long", 100, "2 syslog 3 ab\n3 syslog 1 a\n", "Erelp-trailer "),
    SAMPLE("CR LF at the end", 100, "2 syslog 1 a\r\n", "Erelp-trailer "),
    SAMPLE("a record over the limit is cut", 4, "1 syslog 9 123456789\n2 syslog 4 1234\n",
           "C9[1s](1234) R[2s](1234) "),
    SAMPLE("over the limit, and its length is wrong", 4, "1 syslog 9 1234567890\n",
           "Erelp-trailer "),
    SAMPLE("the end within one over the limit", 4, "1 syslog 9 12345", "U5[1s](1234) "),
    SAMPLE("the end before the trailer", 100, "1 syslog 3 abc", "U[1s](abc) "),
    SAMPLE("the end in a header", 100, "1 syslog 1 a\n2 sys", "R[1s](a) U[2?](2 sys) "),
    SAMPLE("TLS on a plain listener", 100, "\x16\x03\x01\x02", "Etls "),
    SAMPLE("HTTP", 100, "POST / HTTP/1.1\r\n", "Ehttp "),
    SAMPLE("syslog in lines", 100, "<13>a\n", "Esyslog "),
    SAMPLE("octet-counted syslog", 100, "5 <13>a", "Esyslog "),
    SAMPLE("something else", 100, "hello\n", "Erelp-header "),
    SAMPLE("framing lost later on is not taken for another protocol", 100, "1 syslog 0\n<13>a\n",
           "R[1s]() Erelp-header "),
    SAMPLE("nothing at all", 100, "", ""),
};

static char *divide_all_ways(const struct frames_setup *setup, const uint8_t *in, size_t len,
                             const char *says)
{
    struct frames whole;
    struct frames parts;
    const char *wrong;
    char *text;

    frames_divide(setup, in, len, &(struct frames_cuts){0}, &whole);
    wrong = frames_account(setup, &whole, in, len);
    if (wrong != NULL)
        fail_msg("%s: %s", says, wrong);
    for (size_t first = 0; first <= len; first++) {
        for (size_t every = 0; every <= 3; every++) {
            frames_divide(setup, in, len, &(struct frames_cuts){first, every, 0, every % 2 != 0},
                          &parts);
            wrong = frames_differ(&whole, &parts);
            if (wrong != NULL)
                fail_msg("%s, cut at %zu, then each %zu: %s differs", says, first, every, wrong);
            frames_free(&parts);
        }
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
        struct frames_setup setup = {true, AK_FRAMING_AUTO, s->limit};
        char *text = divide_all_ways(&setup, (const uint8_t *)s->in, s->len, s->says);

        if (strcmp(text, s->out) != 0)
            fail_msg("%s:\n  got  %s\n  want %s", s->says, text, s->out);
        free(text);
    }
}

/* --- sessions --- */

/* A whole session: the records wait until `durable` is called. */
struct session {
    struct ak_frame_relp frames;
    struct ak_relp_window window;
    char out[16384]; /* all answers so far */
    size_t out_len;
    char records[4096]; /* each with an LF behind it */
    size_t records_len;
    const char *reason; /* of the error that ended it */
};

static void session_init(struct session *s)
{
    memset(s, 0, sizeof(*s));
    ak_frame_relp_init(&s->frames, 1000, NULL);
    ak_relp_window_init(&s->window);
}

static void session_output(struct session *s)
{
    s->out_len += ak_relp_window_output(&s->window, (uint8_t *)s->out + s->out_len,
                                        sizeof(s->out) - s->out_len);
    s->out[s->out_len] = '\0';
}

static void session_frame(struct session *s, struct ak_frame *frame)
{
    switch (ak_relp_window_take(&s->window, frame)) {
    case AK_RELP_RECORD:
        memcpy(s->records + s->records_len, frame->data, frame->len);
        s->records_len += frame->len;
        s->records[s->records_len++] = '\n';
        break;
    case AK_RELP_NOTHING:
        break;
    case AK_RELP_ERROR:
        s->reason = frame->reason;
        assert_non_null(frame->text);
        break;
    }
}

static void session_feed(struct session *s, const char *in, size_t len)
{
    struct ak_frame frame;
    size_t used;

    for (size_t at = 0; s->reason == NULL; at += used) {
        ak_frame_relp_next(&s->frames, (const uint8_t *)in + at, len - at, &used, &frame);
        if (frame.kind == AK_FRAME_NONE)
            break;
        if (frame.kind == AK_FRAME_ERROR)
            s->reason = frame.reason;
        else
            session_frame(s, &frame);
    }
    session_output(s);
}

static void session_text(struct session *s, const char *in)
{
    session_feed(s, in, strlen(in));
}

static void session_durable(struct session *s, uint32_t count)
{
    ak_relp_window_durable(&s->window, count);
    session_output(s);
}

/* Answers come when records are durable, in order, and close is answered behind the last. */
static void test_session(void **state)
{
    struct session s;

    (void)state;
    session_init(&s);
    session_text(&s, OPEN_IN);
    assert_string_equal(s.out, OPEN_OUT);
    session_text(&s, "2 syslog 1 a\n3 syslog 0\n4 syslog 1 c\n5 close 0\n");
    assert_string_equal(s.out, OPEN_OUT);
    assert_string_equal(s.records, "a\n\nc\n");
    assert_int_equal(ak_relp_window_waiting(&s.window), 3);
    session_durable(&s, 2);
    assert_string_equal(s.out, OPEN_OUT "2 rsp 6 200 OK\n3 rsp 6 200 OK\n");
    assert_false(ak_relp_window_finished(&s.window));
    session_durable(&s, 1);
    assert_string_equal(s.out, OPEN_OUT "2 rsp 6 200 OK\n3 rsp 6 200 OK\n4 rsp 6 200 OK\n"
                                        "5 rsp 0\n0 serverclose 0\n");
    assert_true(ak_relp_window_finished(&s.window));
    session_output(&s);
    assert_int_equal(s.out_len, strlen(s.out));
    ak_frame_relp_free(&s.frames);
}

/* The version agreed on is the lower one; only a version that is a number opens a session. */
static void test_open(void **state)
{
    static const struct {
        const char *in;
        const char *out;
        const char *reason;
    } cases[] = {
        {"1 open 14 relp_version=1\n",
         "1 rsp 58 200 OK\nrelp_version=1\nrelp_software=akashi\ncommands=syslog\n", NULL},
        {"1 open 15 relp_version=77\n",
         "1 rsp 58 200 OK\nrelp_version=1\nrelp_software=akashi\ncommands=syslog\n", NULL},
        {"1 open 18 relp_version=0,1,2\n", OPEN_OUT, NULL},
        {"1 open 23 \n\nx=y\n\nrelp_version=0\n\n\n", OPEN_OUT, NULL},
        {"1 open 15 commands=syslog\n", "1 rsp 43 500 relp_version is missing or not a number\n",
         "relp-version"},
        {"1 open 0\n", "1 rsp 43 500 relp_version is missing or not a number\n", "relp-version"},
        {"1 open 15 relp_version=0x\n", "1 rsp 43 500 relp_version is missing or not a number\n",
         "relp-version"},
        {"1 open 13 relp_version=\n", "1 rsp 43 500 relp_version is missing or not a number\n",
         "relp-version"},
        {"1 open 23 relp_version=9999999999\n",
         "1 rsp 43 500 relp_version is missing or not a number\n", "relp-version"},
        {"1 open 14 xelp_version=0\n", "1 rsp 43 500 relp_version is missing or not a number\n",
         "relp-version"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct session s;

        session_init(&s);
        session_text(&s, cases[i].in);
        assert_string_equal(s.out, cases[i].out);
        if (cases[i].reason == NULL)
            assert_null(s.reason);
        else
            assert_string_equal(s.reason, cases[i].reason);
        assert_int_equal(ak_relp_window_finished(&s.window), cases[i].reason != NULL);
        ak_frame_relp_free(&s.frames);
    }
}

/* Offers beyond all measure are refused, whether they were cut or not. */
static void test_open_long(void **state)
{
    static const size_t lengths[] = {AK_RELP_OFFERS_MAX, AK_RELP_OFFERS_MAX + 1};
    static char in[AK_RELP_OFFERS_MAX + 100];

    (void)state;
    for (size_t limit = 1000; limit <= 10000; limit += 9000) {
        for (size_t i = 0; i < 2; i++) {
            struct session s;
            int n = sprintf(in, "1 open %zu relp_version=0\n", lengths[i]);
            bool fits = i == 0 && limit == 10000;

            session_init(&s);
            ak_frame_relp_init(&s.frames, limit, NULL);
            memset(in + n, 'x', sizeof(in) - (size_t)n);
            in[(size_t)n - 15 + lengths[i]] = '\n';
            session_feed(&s, in, (size_t)n - 15 + lengths[i] + 1);
            assert_int_equal(s.reason == NULL, fits);
            if (!fits)
                assert_string_equal(s.reason, "relp-version");
            ak_frame_relp_free(&s.frames);
        }
    }
}

/* What breaks the protocol ends the session, without an answer, and with its reason. */
static void test_breaches(void **state)
{
    static const struct {
        const char *in;
        const char *reason;
    } cases[] = {
        {"1 syslog 1 a\n", "relp-state"},
        {"1 close 0\n", "relp-state"},
        {"2 open 14 relp_version=0\n", "relp-txnr"},
        {OPEN_IN "2 open 14 relp_version=0\n", "relp-state"},
        {OPEN_IN "3 syslog 1 a\n", "relp-txnr"},
        {OPEN_IN "1 syslog 1 a\n", "relp-txnr"},
        {OPEN_IN "2 syslog 1 a\n2 syslog 1 a\n", "relp-txnr"},
        {OPEN_IN "0 syslog 1 a\n", "relp-txnr"},
        {OPEN_IN "0 close 0\n", "relp-txnr"},
        {OPEN_IN "2 rsp 6 200 OK\n", "relp-command"},
        {OPEN_IN "2 starttls 0\n", "relp-command"},
        {OPEN_IN "2 close 0\n3 syslog 1 a\n", "relp-state"},
        {OPEN_IN "2 syslog 3 abcdef\n", "relp-trailer"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct session s;

        session_init(&s);
        session_text(&s, cases[i].in);
        assert_non_null(s.reason);
        assert_string_equal(s.reason, cases[i].reason);
        assert_null(strstr(s.out, " 500 "));
        ak_frame_relp_free(&s.frames);
    }
}

/* A hint is passed over, in any state that takes frames. */
static void test_hint(void **state)
{
    struct session s;

    (void)state;
    session_init(&s);
    session_text(&s, "0 hint 0\n" OPEN_IN "0 hint 3 abc\n2 syslog 1 a\n");
    assert_null(s.reason);
    assert_string_equal(s.records, "a\n");
    ak_frame_relp_free(&s.frames);
}

/* What was durable before a breach is answered still; what was not, never. */
static void test_breach_keeps_answers(void **state)
{
    struct session s;

    (void)state;
    session_init(&s);
    session_text(&s, OPEN_IN "2 syslog 1 a\n3 syslog 1 b\n9 syslog 1 c\n");
    assert_string_equal(s.reason, "relp-txnr");
    assert_int_equal(ak_relp_window_waiting(&s.window), 2);
    session_durable(&s, 1);
    assert_string_equal(s.out, OPEN_OUT "2 rsp 6 200 OK\n");
    assert_true(ak_relp_window_finished(&s.window));
    ak_frame_relp_free(&s.frames);
}

/* Behind 999,999,999 comes 1, in what is taken and in what is answered. */
static void test_wrap(void **state)
{
    struct session s;

    (void)state;
    session_init(&s);
    session_text(&s, OPEN_IN);
    s.window.next = 999999998;
    session_text(&s, "999999998 syslog 1 a\n999999999 syslog 1 b\n1 syslog 1 c\n2 close 0\n");
    assert_null(s.reason);
    session_durable(&s, 3);
    assert_string_equal(s.out, OPEN_OUT "999999998 rsp 6 200 OK\n999999999 rsp 6 200 OK\n"
                                        "1 rsp 6 200 OK\n2 rsp 0\n0 serverclose 0\n");
    ak_frame_relp_free(&s.frames);
}

/* A full window holds the reader back, until answers were written; nothing is refused. */
static void test_window_full(void **state)
{
    struct ak_relp_window w;
    uint8_t out[AK_RELP_ANSWER_MAX];
    uint64_t answers = 0;
    size_t n;

    (void)state;
    ak_relp_window_init(&w);
    w.state = AK_RELP_OPEN;
    for (uint32_t i = 1; i <= AK_RELP_WINDOW_MAX; i++) {
        struct ak_frame frame = {.kind = AK_FRAME_RECORD, .command = AK_FRAME_SYSLOG, .txnr = i};

        assert_false(ak_relp_window_full(&w));
        assert_int_equal(ak_relp_window_take(&w, &frame), AK_RELP_RECORD);
    }
    assert_true(ak_relp_window_full(&w));
    ak_relp_window_durable(&w, AK_RELP_WINDOW_MAX);
    assert_true(ak_relp_window_full(&w));
    /* One answer at a time, in the smallest buffer. */
    while ((n = ak_relp_window_output(&w, out, sizeof(out))) > 0) {
        char want[32];

        answers++;
        assert_int_equal(sprintf(want, "%u rsp 6 200 OK\n", (unsigned)answers), n);
        assert_memory_equal(out, want, n);
        assert_false(ak_relp_window_full(&w));
    }
    assert_int_equal(answers, AK_RELP_WINDOW_MAX);
}

/* We end the session: answers that are due, then the hint; nothing is taken behind it. */
static void test_shut(void **state)
{
    struct session s;

    (void)state;
    session_init(&s);
    session_text(&s, OPEN_IN "2 syslog 1 a\n3 syslog 1 b\n");
    ak_relp_window_durable(&s.window, 1);
    ak_relp_window_shut(&s.window);
    assert_false(ak_relp_window_finished(&s.window));
    session_output(&s);
    assert_string_equal(s.out, OPEN_OUT "2 rsp 6 200 OK\n0 serverclose 0\n");
    assert_true(ak_relp_window_finished(&s.window));
    assert_int_equal(ak_relp_window_waiting(&s.window), 1);
    session_text(&s, "4 syslog 1 c\n");
    assert_string_equal(s.reason, "relp-state");
    assert_string_equal(s.records, "a\nb\n");
    ak_frame_relp_free(&s.frames);
}

/* We end a session that the sender is ending: close is answered if nothing waits in front of it. */
static void test_shut_behind_close(void **state)
{
    struct session s;

    (void)state;
    session_init(&s);
    session_text(&s, OPEN_IN "2 syslog 1 a\n3 close 0\n");
    ak_relp_window_durable(&s.window, 1);
    ak_relp_window_shut(&s.window);
    session_output(&s);
    assert_string_equal(s.out, OPEN_OUT "2 rsp 6 200 OK\n3 rsp 0\n0 serverclose 0\n");
    assert_true(ak_relp_window_finished(&s.window));
    ak_frame_relp_free(&s.frames);

    session_init(&s);
    session_text(&s, OPEN_IN "2 syslog 1 a\n3 close 0\n");
    ak_relp_window_shut(&s.window);
    session_output(&s);
    assert_string_equal(s.out, OPEN_OUT "0 serverclose 0\n");
    assert_true(ak_relp_window_finished(&s.window));
    assert_int_equal(ak_relp_window_waiting(&s.window), 1);
    ak_frame_relp_free(&s.frames);
}

/* --- traces of others --- */

static void session_resume(struct session *s, const char *in)
{
    s->window.state = AK_RELP_OPEN;
    s->window.next = (uint32_t)strtoul(in, NULL, 10);
}

static bool expects_close(const char *expect)
{
    return strstr(expect, "close:") != NULL || strstr(expect, "close connection") != NULL ||
           strncmp(expect, "close", 5) == 0 || strncmp(expect, "error", 5) == 0 ||
           strncmp(expect, "500", 3) == 0;
}

/* The answer to open, with our name where the trace has its own. */
static void want_open(char *out, size_t cap, const char *server)
{
    const char *version = strstr(server, "relp_version=");

    assert_non_null(version);
    (void)snprintf(out, cap,
                   "1 rsp 58 200 OK\nrelp_version=%c\nrelp_software=akashi\ncommands=syslog\n",
                   version[13]);
}

static void each_trace(const json_t *trace)
{
    const char *name = json_string_value(json_object_get(trace, "name"));
    const char *expect = json_string_value(json_object_get(trace, "expect"));
    const char *in = json_string_value(json_object_get(trace, "client_text"));
    const char *server = json_string_value(json_object_get(trace, "server_text"));
    struct frames_setup setup = {true, AK_FRAMING_AUTO, 1000};
    char want[4096];
    struct session s;

    free(divide_all_ways(&setup, (const uint8_t *)in, strlen(in), name));
    session_init(&s);
    if (strstr(in, " open ") == NULL && strcmp(name, "syslog-before-open") != 0)
        session_resume(&s, in);
    session_text(&s, in);
    if (strcmp(name, "bad-datalen-leadzeros") == 0 || strcmp(name, "embedded-frame-in-data") == 0) {
        assert_null(s.reason);
        assert_int_equal(ak_relp_window_waiting(&s.window), 1);
    } else if (expects_close(expect)) {
        if (s.reason == NULL)
            fail_msg("%s: taken, but expected is: %s", name, expect);
    } else {
        if (s.reason != NULL)
            fail_msg("%s: ended by %s", name, s.reason);
        session_durable(&s, ak_relp_window_waiting(&s.window));
        if (strstr(in, " open ") != NULL)
            want_open(want, sizeof(want), server);
        else if (strstr(server, " 500 ") != NULL) /* a passing problem: never said by us */
            (void)snprintf(want, sizeof(want), "%u rsp 6 200 OK\n", atoi(in));
        else
            (void)snprintf(want, sizeof(want), "%s", server);
        assert_string_equal(s.out, want);
    }
    ak_frame_relp_free(&s.frames);
}

/* Sessions of public clients and servers, and broken ones made from the specification. */
static void test_traces(void **state)
{
    char path[4096];
    char *line = NULL;
    size_t cap = 0;
    unsigned count = 0;
    FILE *file;

    (void)state;
    if (!vectors_path(path, sizeof(path), "relp/relp_traces.dev.jsonl"))
        return;
    file = fopen(path, "rb");
    assert_non_null(file);
    while (getline(&line, &cap, file) > 0) {
        json_t *trace = json_loads(line, 0, NULL);

        assert_non_null(trace);
        each_trace(trace);
        json_decref(trace);
        count++;
    }
    free(line);
    (void)fclose(file);
    assert_true(count > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_samples),
        cmocka_unit_test(test_session),
        cmocka_unit_test(test_open),
        cmocka_unit_test(test_open_long),
        cmocka_unit_test(test_breaches),
        cmocka_unit_test(test_hint),
        cmocka_unit_test(test_breach_keeps_answers),
        cmocka_unit_test(test_wrap),
        cmocka_unit_test(test_window_full),
        cmocka_unit_test(test_shut),
        cmocka_unit_test(test_shut_behind_close),
        cmocka_unit_test(test_traces),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
