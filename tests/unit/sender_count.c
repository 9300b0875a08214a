/* sender_count.c - the numbers that senders count with: where they are found in a record, what of a
 * row of numbers is a loss, and what only looks like one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "sender_count.h"
#include "sender_line.h"
#include "sender_number.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define JUMPS_MAX 4096u

struct told {
    struct ak_sender_jump jump[JUMPS_MAX];
    size_t count;
};

static uint64_t state = 1;

static uint64_t draw(uint64_t below)
{
    state = state * 6364136223846793005u + 1442695040888963407u;
    return (state >> 24) % below;
}

static enum ak_code on_jump(void *ctx, const struct ak_sender_jump *jump, struct ak_error *err)
{
    struct told *told = ctx;

    (void)err;
    assert_true(told->count < JUMPS_MAX);
    told->jump[told->count++] = *jump;
    return AK_OK;
}

static void add(struct ak_sender_line *line, uint64_t number, uint64_t stamp)
{
    struct ak_sender_seen seen = {line->numbers, line->numbers, number, 0, stamp};
    struct ak_error err = {0};

    assert_int_equal(ak_sender_line_add(line, &seen, &err), AK_OK);
}

/* Feeds numbers "1-5 7 9"; gives what was told. */
static void feed(struct ak_sender_line *line, struct told *told, const char *numbers)
{
    struct ak_error err = {0};

    told->count = 0;
    line->ctx = told;
    line->on_jump = on_jump;
    for (const char *p = numbers; *p != '\0';) {
        char *end;
        uint64_t from = strtoull(p, &end, 10);
        uint64_t to = *end == '-' ? strtoull(end + 1, &end, 10) : from;
        for (uint64_t n = from; n <= to; n++)
            add(line, n, 0);
        p = *end == ' ' ? end + 1 : end;
    }
    assert_int_equal(ak_sender_line_finish(line, &err), AK_OK);
    ak_sender_line_free(line);
}

/* Rows of numbers, and what they are. */
static void test_rows(void **state_)
{
    static const struct {
        const char *numbers;
        uint64_t lost, late, repeated, stray, restarts;
        size_t jumps;
    } rows[] = {
        {"1-100", 0, 0, 0, 0, 0, 0},
        {"1-10 15-20", 4, 0, 0, 0, 0, 1},
        {"5", 0, 0, 0, 0, 0, 0},
        {"1-10 12 11 13-20", 0, 1, 0, 0, 0, 0},
        {"1-10 20 15 13 11 21-30", 6, 3, 0, 0, 0, 3},
        {"1-10 10 11-20", 0, 0, 1, 0, 0, 0},
        {"1-10 8 11-20", 0, 0, 1, 0, 0, 0},
        {"1-10 6-10 11-20", 0, 0, 5, 0, 0, 0},
        {"1-10 12 11 11 13-20", 0, 1, 1, 0, 0, 0},
        {"1-10 1-5", 0, 0, 0, 0, 1, 1},
        {"1-10 1-20", 0, 0, 0, 0, 1, 1},
        {"50-60 1-3 6-9", 2, 0, 0, 0, 1, 2},
        {"1-10 5000 11-20", 0, 0, 0, 1, 0, 0},
        {"1-10 5001-5010", 4990, 0, 0, 0, 0, 1},
        {"1-10 5001", 0, 0, 0, 1, 0, 0},
        {"1-10 5001 11 5002 12 5003 13", 0, 0, 0, 3, 0, 0},
        {"1-3 1-2 1-4 1-5", 0, 0, 0, 0, 3, 3},
        {"1000-1010 990-1009", 0, 0, 0, 0, 1, 1},
        {"1-5000 3001-4500", 0, 0, 0, 0, 1, 1},
        {"18-30 7 31-40", 0, 1, 0, 0, 0, 0},
        {"2 1 3-40", 0, 1, 0, 0, 0, 0},
    };

    (void)state_;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        static struct told told;
        struct ak_sender_line line = {0};
        feed(&line, &told, rows[i].numbers);
        if (line.lost != rows[i].lost || line.late != rows[i].late ||
            line.repeated != rows[i].repeated || line.stray != rows[i].stray ||
            line.restarts != rows[i].restarts || told.count != rows[i].jumps)
            fail_msg("%s: %d lost, %d late, %d repeated, %d stray, %d restarts, %d jumps",
                     rows[i].numbers, (int)line.lost, (int)line.late, (int)line.repeated,
                     (int)line.stray, (int)line.restarts, (int)told.count);
    }
}

/* A jump names both neighbours; after a late number in its middle there are two jumps. */
static void test_neighbours(void **state_)
{
    static struct told told;
    struct ak_sender_line line = {0};

    (void)state_;
    feed(&line, &told, "7 8 20 12 21");
    assert_int_equal(told.count, 2);
    assert_int_equal(told.jump[0].before.number, 8);
    assert_int_equal(told.jump[0].before.index, 1);
    assert_int_equal(told.jump[0].after.number, 12);
    assert_int_equal(told.jump[0].after.index, 3);
    assert_int_equal(told.jump[0].missing, 3);
    assert_int_equal(told.jump[1].before.number, 12);
    assert_int_equal(told.jump[1].after.number, 20);
    assert_int_equal(told.jump[1].after.index, 2);
    assert_int_equal(told.jump[1].missing, 7);
}

/* RFC 5424: 1 comes behind 2147483647, also where both are late or lost. */
static void test_wrap(void **state_)
{
    static struct told told;
    struct ak_sender_line line = {.wrap = AK_SENDER_META_MAX};

    (void)state_;
    feed(&line, &told, "2147483640-2147483647 1-10");
    assert_int_equal(line.lost, 0);
    assert_int_equal(line.restarts, 0);
    line = (struct ak_sender_line){.wrap = AK_SENDER_META_MAX};
    feed(&line, &told, "2147483640-2147483645 1 2147483647 3-9");
    assert_int_equal(line.lost, 2);
    assert_int_equal(line.late, 1);
    assert_int_equal(told.count, 2);
    assert_int_equal(ak_sender_line_written(&line, told.jump[1].before.number), 1);
    assert_int_equal(ak_sender_line_written(&line, told.jump[1].after.number), 3);
    line = (struct ak_sender_line){.wrap = AK_SENDER_META_MAX};
    feed(&line, &told, "2147483640-2147483647 1-5000 1-100");
    assert_int_equal(line.lost, 0);
    assert_int_equal(line.restarts, 1);
}

/* Linux audit: records of one event share a serial and may mix with those of others; a boot begins
 * anew, which the event's time tells. */
static void test_shared(void **state_)
{
    static struct told told;
    struct ak_sender_line line = {.shared = true, .ctx = &told, .on_jump = on_jump};
    struct ak_error err = {0};

    (void)state_;
    told.count = 0;
    for (uint64_t n = 500; n < 520; n++) {
        add(&line, n, 1000 + n);
        add(&line, n, 1000 + n);
        add(&line, n - 1, 1000 + n - 1); /* the end of the event before */
    }
    for (uint64_t n = 1; n < 5; n++)
        add(&line, n, 9000 + n);
    assert_int_equal(ak_sender_line_finish(&line, &err), AK_OK);
    assert_int_equal(line.lost, 0);
    assert_int_equal(line.repeated, 0);
    assert_int_equal(line.restarts, 1);
    assert_int_equal(told.count, 1);
    ak_sender_line_free(&line);
}

/* Entries that could not be looked at may hold what is missing, so nothing is said to be lost. */
static void test_blind(void **state_)
{
    static struct told told;
    struct ak_sender_line line = {.ctx = &told, .on_jump = on_jump};
    struct ak_error err = {0};

    (void)state_;
    told.count = 0;
    for (uint64_t n = 1; n < 20; n++) {
        struct ak_sender_seen seen = {n, n, n < 10 ? n : n + 5, n < 10 ? 0 : 1, 0};
        assert_int_equal(ak_sender_line_add(&line, &seen, &err), AK_OK);
    }
    assert_int_equal(ak_sender_line_finish(&line, &err), AK_OK);
    assert_int_equal(line.lost, 0);
    assert_int_equal(line.unclear, 5);
    assert_int_equal(told.jump[0].kind, AK_SENDER_UNCLEAR);
    ak_sender_line_free(&line);
}

/* Whatever the order within the window and however often numbers come again: exactly those are lost
 * that never came, between the first and the last one. */
static void test_random(void **state_)
{
    enum { COUNT = 20000, NEAR = 300 };
    static struct told told;
    static uint64_t number[2 * COUNT];
    static bool dropped[COUNT + 1];

    (void)state_;
    for (unsigned round = 0; round < 20; round++) {
        struct ak_sender_line line = {.ctx = &told, .on_jump = on_jump};
        struct ak_error err = {0};
        size_t n = 0;
        uint64_t lost = 0;
        uint64_t missing = 0;
        for (uint64_t i = 1; i <= COUNT; i++) {
            /* At most 16 holes within the window, or the oldest would be told before it is time. */
            dropped[i] = i > NEAR && i < COUNT - NEAR && draw(400) == 0;
            lost += dropped[i];
            if (!dropped[i])
                number[n++] = i;
        }
        for (size_t i = NEAR; round % 2 == 1 && i + NEAR < n; i += 1 + draw(600)) {
            size_t with = i + 1 + draw(round % 4 == 1 ? 3 : 100); /* overtaken */
            uint64_t late = number[i];
            memmove(number + i, number + i + 1, (with - i) * sizeof(*number));
            number[with] = late;
        }
        told.count = 0;
        for (size_t i = 0; i < n; i++) {
            add(&line, number[i], 0);
            if (round > 10 && draw(50) == 0)
                add(&line, number[i], 0);
        }
        assert_int_equal(ak_sender_line_finish(&line, &err), AK_OK);
        for (size_t i = 0; i < told.count; i++) {
            const struct ak_sender_jump *j = &told.jump[i];
            assert_int_equal(j->kind, AK_SENDER_LOST);
            for (uint64_t k = j->before.number + 1; k < j->after.number; k++)
                assert_true(dropped[k]);
            missing += j->missing;
        }
        assert_int_equal(missing, lost);
        assert_int_equal(line.lost, lost);
        assert_int_equal(line.restarts, 0);
        ak_sender_line_free(&line);
    }
}

/* Memory stays bounded and sums stay in range, whatever numbers a sender writes. */
static void test_hostile(void **state_)
{
    static struct told told;
    struct ak_sender_line line = {.ctx = &told, .on_jump = on_jump};
    struct ak_error err = {0};

    (void)state_;
    for (unsigned i = 0; i < 4000; i++) {
        told.count = 0;
        add(&line, draw(2) == 0 ? draw(UINT64_MAX >> 24) << 20 : draw(3000), 0);
        assert_true(line.now.open_count <= AK_SENDER_OPEN_MAX);
        assert_true(line.before.open_count <= AK_SENDER_OPEN_MAX);
    }
    for (unsigned i = 0; i < 100; i++) {
        told.count = 0;
        add(&line, 1, 0);
        add(&line, 2, 0);
        add(&line, UINT64_MAX - 2, 0);
        add(&line, UINT64_MAX - 1, 0);
        add(&line, UINT64_MAX, 0);
    }
    assert_int_equal(ak_sender_line_finish(&line, &err), AK_OK);
    assert_int_equal(line.lost, UINT64_MAX);
    ak_sender_line_free(&line);
}

/* Where numbers are found, whose they are, and text that is none. */
static void test_numbers(void **state_)
{
    static const struct {
        const char *record;
        enum ak_sender_kind kind;
        const char *host;
        const char *app;
        uint64_t value;
    } rows[] = {
        {"<13>1 2026-03-10T00:00:00Z h a - - [meta sequenceId=\"29\"] m", AK_SENDER_META, "h", "a",
         29},
        {"<13>1 - - - - - [x@1 y=\"z\"][meta language=\"ja\" sequenceId=\"2147483647\"]",
         AK_SENDER_META, "", "", 2147483647},
        {"<189>29: *Mar  1 18:46:11: %SYS-5-X: y", AK_SENDER_CISCO, "", "", 29},
        {"<189>rtr: 000029: *Mar  1 18:46:11: %SYS-5-X: y", AK_SENDER_CISCO, "rtr", "", 29},
        {"type=CWD msg=audit(1604994496.155:92733): cwd=\"/\"", AK_SENDER_AUDIT, "", "", 92733},
        {"<13>Mar  8 14:23:51 h audispd: node=n type=X msg=audit(1.2:3): x", AK_SENDER_AUDIT, "n",
         "", 3},
        {"<Event><System><EventRecordID>245753</EventRecordID><Channel>Security</Channel>"
         "<Computer>dc1</Computer></System></Event>",
         AK_SENDER_WINDOWS, "dc1", "Security", 245753},
        {"{\"m\":\"\\u003cEventRecordID\\u003e7\\u003c/EventRecordID\\u003e\\u003cChannel\\u003eA"
         "\\u003c/Channel\\u003e\"}",
         AK_SENDER_WINDOWS, "", "A", 7},
        {"{\"Hostname\":\"w\",\"Channel\":\"System\",\"RecordNumber\":3518579}", AK_SENDER_WINDOWS,
         "w", "System", 3518579},
        {"{\"winlog\": {\"record_id\": \"12\", \"channel\": \"Security\", \"computer_name\": "
         "\"c\"}}",
         AK_SENDER_WINDOWS, "c", "Security", 12},
        {"<14>Sep 17 16:37:25 w MSWinEventLog\t1\tSecurity\t6862\tFri", AK_SENDER_SNARE, "w",
         "Security", 6862},
        {"<14>Sep 17 16:37:25 w MSWinEventLog#0111#011Security#0116862#011Fri", AK_SENDER_SNARE,
         "w", "Security", 6862},
    };
    static const char *const none[] = {
        "<13>1 - h a - - [meta sequenceId=\"0\"] m",
        "<13>1 - h a - - [meta sequenceId=\"2147483648\"] m",
        "<13>1 - h a - - [meta sequenceId=\"x1\"] m",
        "<13>1 - h a - - [other sequenceId=\"1\"] m",
        "audit(1604994496.155:92733",
        "audit(1604994496.1555:92733)",
        "audit(99999999999.155:92733)",
        "audit(1604994496.155:99999999999999999999)",
        "EventRecordID 7 and \"EventRecordID\" 7",
        "{\"text\":\"\\\"RecordNumber\\\":7\"}",
        "{\"XRecordNumber\":7}",
        "MSWinEventLog\t1\tSecurity\tx\t",
        "MSWinEventLog",
        "",
    };
    struct ak_sender_number out[AK_SENDER_NUMBERS_MAX];

    (void)state_;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const char *r = rows[i].record;
        if (ak_sender_numbers(out, r, strlen(r)) != 1)
            fail_msg("%s: not one number", r);
        assert_int_equal(out[0].kind, rows[i].kind);
        assert_int_equal(out[0].value, rows[i].value);
        assert_int_equal(out[0].host.len, strlen(rows[i].host));
        assert_memory_equal(out[0].host.len == 0 ? "" : out[0].host.p, rows[i].host,
                            out[0].host.len);
        assert_int_equal(out[0].app.len, strlen(rows[i].app));
        assert_memory_equal(out[0].app.len == 0 ? "" : out[0].app.p, rows[i].app, out[0].app.len);
    }
    assert_int_equal(ak_sender_numbers(out, "<189>29: 000028: *Mar  1 18:46:11: %SYS-5-X: y", 46),
                     2);
    assert_int_equal(out[1].kind, AK_SENDER_CISCO_SEQUENCE);
    assert_int_equal(out[1].value, 28);
    for (size_t i = 0; i < sizeof(none) / sizeof(none[0]); i++) {
        if (ak_sender_numbers(out, none[i], strlen(none[i])) != 0)
            fail_msg("%s: a number was found", none[i]);
    }
}

static void count(struct ak_sender_counts *counts, uint32_t source, uint64_t index,
                  const char *host, const char *app, unsigned number)
{
    struct ak_error err = {0};
    char record[200];

    (void)snprintf(record, sizeof(record), "<13>1 - %s %s - - [meta sequenceId=\"%u\"] m", host,
                   app, number);
    assert_int_equal(
        ak_sender_counts_add(counts, source, index, index, record, strlen(record), &err), AK_OK);
}

static const struct ak_sender_counter *shown(const struct ak_sender_counts *counts, size_t nth)
{
    for (size_t i = 0; i < counts->count; i++) {
        if (counts->counter[i].shown && nth-- == 0)
            return &counts->counter[i];
    }
    return NULL;
}

/* Applications that share their host's counter, and those that have their own. */
static void test_readings(void **state_)
{
    struct ak_sender_counts counts = {0};
    struct ak_error err = {0};

    (void)state_;
    for (unsigned i = 1; i <= 90; i++)
        if (i != 40)
            count(&counts, 256, i, "shared", i % 3 == 0 ? "a" : "b", i);
    for (unsigned i = 1; i <= 45; i++) {
        count(&counts, 257, 100 + 2 * i, "own", "a", i);
        if (i < 20 || i > 22)
            count(&counts, 257, 101 + 2 * i, "own", "b", 1000 + i);
    }
    count(&counts, 256, 300, "own", "a", 7); /* another source's */
    assert_int_equal(ak_sender_counts_finish(&counts, &err), AK_OK);
    assert_int_equal(shown(&counts, 0)->host_len, 3);
    assert_int_equal(shown(&counts, 0)->line.numbers, 1);
    assert_true(shown(&counts, 1)->whole_host);
    assert_int_equal(shown(&counts, 1)->line.lost, 1);
    assert_int_equal(shown(&counts, 1)->jump[0].before.index, 39);
    assert_false(shown(&counts, 2)->whole_host);
    assert_int_equal(shown(&counts, 2)->line.lost, 0);
    assert_int_equal(shown(&counts, 3)->line.lost, 3);
    assert_null(shown(&counts, 4));
    ak_sender_counts_free(&counts);
}

/* A sender that changes its listener is another source: what one lacks the other may have. */
static void test_elsewhere(void **state_)
{
    struct ak_sender_counts counts = {0};
    struct ak_error err = {0};

    (void)state_;
    for (unsigned i = 1; i <= 90; i++)
        count(&counts, i > 30 && i <= 60 ? 257 : 256, i, "h", "a", i);
    count(&counts, 258, 91, "h", "a", 500);
    count(&counts, 258, 92, "h", "b", 50);
    assert_int_equal(ak_sender_counts_finish(&counts, &err), AK_OK);
    assert_int_equal(shown(&counts, 0)->line.lost, 30);
    assert_int_equal(shown(&counts, 0)->elsewhere, 257);
    assert_int_equal(shown(&counts, 1)->elsewhere, 256);
    assert_int_equal(shown(&counts, 2)->elsewhere, 0);
    assert_int_equal(shown(&counts, 3)->elsewhere, 0);
    ak_sender_counts_free(&counts);
}

/* Two devices under one name: their numbers are called mixed. */
static void test_mixed(void **state_)
{
    struct ak_sender_counts counts = {0};
    struct ak_error err = {0};

    (void)state_;
    for (unsigned i = 1; i <= 50; i++) {
        count(&counts, 256, 2 * i, "h", "a", i);
        count(&counts, 256, 2 * i + 1, "h", "a", 90000 + i);
    }
    assert_int_equal(ak_sender_counts_finish(&counts, &err), AK_OK);
    assert_true(shown(&counts, 0)->mixed);
    assert_int_equal(shown(&counts, 0)->line.lost, 0);
    ak_sender_counts_free(&counts);
}

/* The table is bounded; what is beyond is told. Jumps, too. */
static void test_bounds(void **state_)
{
    struct ak_sender_counts counts = {0};
    struct ak_error err = {0};
    char app[16];

    (void)state_;
    for (unsigned i = 0; i < 3 * AK_SENDER_JUMPS_OF_ONE_MAX; i++)
        count(&counts, 256, i, "h", "a", 1 + 2 * i);
    for (unsigned i = 0; i < AK_SENDER_COUNTERS_MAX; i++) {
        (void)snprintf(app, sizeof(app), "a%u", i);
        count(&counts, 257, i, app, "b", 1);
    }
    assert_int_equal(counts.count, AK_SENDER_COUNTERS_MAX);
    assert_true(counts.not_followed > 0);
    assert_int_equal(ak_sender_counts_finish(&counts, &err), AK_OK);
    assert_int_equal(shown(&counts, 0)->jumps, 3 * AK_SENDER_JUMPS_OF_ONE_MAX - 1);
    assert_int_equal(shown(&counts, 0)->line.lost, 3 * AK_SENDER_JUMPS_OF_ONE_MAX - 1);
    assert_int_equal(shown(&counts, 0)->jump_count, AK_SENDER_JUMPS_OF_ONE_MAX);
    ak_sender_counts_free(&counts);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows),     cmocka_unit_test(test_neighbours),
        cmocka_unit_test(test_wrap),     cmocka_unit_test(test_shared),
        cmocka_unit_test(test_blind),    cmocka_unit_test(test_random),
        cmocka_unit_test(test_hostile),  cmocka_unit_test(test_numbers),
        cmocka_unit_test(test_readings), cmocka_unit_test(test_elsewhere),
        cmocka_unit_test(test_mixed),    cmocka_unit_test(test_bounds),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
