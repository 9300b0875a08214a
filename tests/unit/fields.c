/* fields.c - syslog records taken apart: each form that docs/fields.md lists, stamps and what had
 * to be assumed for them, structured data, and the words that akashi-verify shows. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "fields.h"
#include "when.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* 2026-03-10T00:00:00Z, when the records of these tests were received. */
#define RECEIVED UINT64_C(1773100800000000000)

struct row {
    const char *record;
    int pri;
    const char *time; /* as written; NULL: none */
    const char *utc;  /* and a "y" or "z" for what was assumed; NULL: not told */
    const char *host;
    const char *app;
    const char *procid;
    const char *message;
};

/* A copy of exactly its length on the heap, so that a byte read too far is seen. */
static char *copy(const char *record, size_t len)
{
    char *p = malloc(len > 0 ? len : 1);

    assert_non_null(p);
    if (len > 0)
        memcpy(p, record, len);
    return p;
}

static void same(const char *record, const char *what, struct ak_syslog_part part,
                 const char *expected)
{
    if (expected == NULL && part.p == NULL)
        return;
    if (expected == NULL || part.p == NULL || part.len != strlen(expected) ||
        memcmp(part.p, expected, part.len) != 0)
        fail_msg("%s: %s is \"%.*s\", expected \"%s\"", record, what, (int)part.len,
                 part.p == NULL ? "(none)" : part.p, expected == NULL ? "(none)" : expected);
}

static void same_time(const char *record, const struct ak_syslog *s, const char *expected)
{
    char text[AK_WHEN_TEXT_BYTES + 2] = "";
    unsigned assumed;
    uint64_t ns;

    if (ak_syslog_time(s, RECEIVED, &ns, &assumed)) {
        char when[AK_WHEN_TEXT_BYTES];
        (void)snprintf(text, sizeof(text), "%s%s%s", ak_when_format(when, ns),
                       (assumed & AK_SYSLOG_ASSUMED_YEAR) != 0 ? "y" : "",
                       (assumed & AK_SYSLOG_ASSUMED_ZONE) != 0 ? "z" : "");
    }
    if (strcmp(text, expected == NULL ? "" : expected) != 0)
        fail_msg("%s: the time is %s, expected %s", record, text,
                 expected == NULL ? "none" : expected);
}

static void check_rows(const struct row *rows, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const struct row *r = &rows[i];
        size_t len = strlen(r->record);
        char *record = copy(r->record, len);
        struct ak_syslog s;
        ak_syslog_parse(&s, record, len);
        if (s.pri != r->pri)
            fail_msg("%s: pri is %d", r->record, s.pri);
        same(r->record, "time", s.time, r->time);
        same_time(r->record, &s, r->utc);
        same(r->record, "host", s.host, r->host);
        same(r->record, "app", s.app, r->app);
        same(r->record, "procid", s.procid, r->procid);
        same(r->record, "message", s.message, r->message);
        free(record);
    }
}

#define CHECK_ROWS(rows) check_rows(rows, sizeof(rows) / sizeof((rows)[0]))

/* RFC 3164 as it is written in the RFC and by those who followed it. */
static void test_rfc3164(void **state)
{
    static const struct row rows[] = {
        {"<34>Oct 11 22:14:15 fw1 su: 'su root' failed", 34, "Oct 11 22:14:15",
         "2025-10-11T22:14:15.000000Zyz", "fw1", "su", NULL, "'su root' failed"},
        {"<13>Feb  5 17:32:18 10.0.0.99 kernel: up", 13, "Feb  5 17:32:18",
         "2026-02-05T17:32:18.000000Zyz", "10.0.0.99", "kernel", NULL, "up"},
        {"<13>Feb 5 17:32:18 2001:db8::1 cron[12]: run", 13, "Feb 5 17:32:18",
         "2026-02-05T17:32:18.000000Zyz", "2001:db8::1", "cron", "12", "run"},
        {"Mar  9 01:02:03 fw1 sshd(pam_unix)[7]: no PRI", -1, "Mar  9 01:02:03",
         "2026-03-09T01:02:03.000000Zyz", "fw1", "sshd(pam_unix)", "7", "no PRI"},
        {"<13>Mar  9 01:02:03 fw1 tag:close", 13, "Mar  9 01:02:03",
         "2026-03-09T01:02:03.000000Zyz", "fw1", "tag", NULL, "close"},
        {"<13>Mar  9 01:02:03 fw1 word and more", 13, "Mar  9 01:02:03",
         "2026-03-09T01:02:03.000000Zyz", "fw1", "word", NULL, "and more"},
        {"<13>Mar  9 01:02:03 fw1 key=value x", 13, "Mar  9 01:02:03",
         "2026-03-09T01:02:03.000000Zyz", "fw1", NULL, NULL, "key=value x"},
        {"<13>Mar  9 01:02:03 cron[12]: no host", 13, "Mar  9 01:02:03",
         "2026-03-09T01:02:03.000000Zyz", NULL, "cron", "12", "no host"},
        {"<13>Mar  9 01:02:03 /usr/sbin/cron: path", 13, "Mar  9 01:02:03",
         "2026-03-09T01:02:03.000000Zyz", NULL, "/usr/sbin/cron", NULL, "path"},
        {"<13>Mar  9 01:02:03", 13, "Mar  9 01:02:03", "2026-03-09T01:02:03.000000Zyz", NULL, NULL,
         NULL, ""},
        {"<13>app[1]: no time", 13, NULL, NULL, NULL, "app", "1", "no time"},
        {"<13> app: blank first", 13, NULL, NULL, NULL, "app", NULL, "blank first"},
        {"Use the BFG!", -1, NULL, NULL, NULL, NULL, NULL, "Use the BFG!"},
        {"<13>Mar  9 01:02:03 fw1 10.0.0.1 is no tag", 13, "Mar  9 01:02:03",
         "2026-03-09T01:02:03.000000Zyz", "fw1", NULL, NULL, "10.0.0.1 is no tag"},
        {"<13>Mar  9 01:02:03 fw1 app: end\r\n", 13, "Mar  9 01:02:03",
         "2026-03-09T01:02:03.000000Zyz", "fw1", "app", NULL, "end"},
        {"<13>Mar  9 01:02:03 fw1 監査記録 文", 13, "Mar  9 01:02:03",
         "2026-03-09T01:02:03.000000Zyz", "fw1", NULL, NULL, "監査記録 文"},
        {"<13>Mar  9 01:02:03 庁舎 監査: 文", 13, "Mar  9 01:02:03",
         "2026-03-09T01:02:03.000000Zyz", "庁舎", "監査", NULL, "文"},
        {"\xef\xbb\xbf<13>Mar  9 01:02:03 fw1 app: BOM first", 13, "Mar  9 01:02:03",
         "2026-03-09T01:02:03.000000Zyz", "fw1", "app", NULL, "BOM first"},
    };

    (void)state;
    CHECK_ROWS(rows);
}

/* Stamps with more or less than RFC 3164 has. */
static void test_stamps(void **state)
{
    static const struct row rows[] = {
        {"<13>MAR 9 2024 01:02:03: h a: m", 13, "MAR 9 2024 01:02:03",
         "2024-03-09T01:02:03.000000Zz", "h", "a", NULL, "m"},
        {"<13>2024 Mar  9 01:02:03 JST h a: m", 13, "2024 Mar  9 01:02:03 JST",
         "2024-03-08T16:02:03.000000Z", "h", "a", NULL, "m"},
        {"<13>Mar  9 01:02:03.25 UTC h a: m", 13, "Mar  9 01:02:03.25 UTC",
         "2026-03-09T01:02:03.250000Zy", "h", "a", NULL, "m"},
        {"<13>Mar  9 01:02:03 CST 1987 h a: m", 13, "Mar  9 01:02:03 CST 1987",
         "1987-03-09T01:02:03.000000Zz", "h", "a", NULL, "m"},
        {"<13>2026-03-09T01:02:03.123456+09:00 h a: m", 13, "2026-03-09T01:02:03.123456+09:00",
         "2026-03-08T16:02:03.123456Z", "h", "a", NULL, "m"},
        {"<13> 2026-03-09t01:02:03z h a[2]: m", 13, "2026-03-09t01:02:03z",
         "2026-03-09T01:02:03.000000Z", "h", "a", "2", "m"},
        {"<13>2026-03-09T01:02:03.123456789 h a: m", 13, "2026-03-09T01:02:03.123456789",
         "2026-03-09T01:02:03.123456Zz", "h", "a", NULL, "m"},
        {"2026-03-09 01:02:03,5 +0900 INFO m", -1, "2026-03-09 01:02:03,5 +0900",
         "2026-03-08T16:02:03.500000Z", NULL, NULL, NULL, "INFO m"},
        {"<13>Feb 29 01:02:03 h a: m", 13, "Feb 29 01:02:03", "2024-02-29T01:02:03.000000Zyz", "h",
         "a", NULL, "m"},
        {"<13>Dec 31 23:59:60 h a: m", 13, "Dec 31 23:59:60", "2026-01-01T00:00:00.000000Zyz", "h",
         "a", NULL, "m"},
        {"<13>Sep 9 23:59:59 h a: m", 13, "Sep 9 23:59:59", "2025-09-09T23:59:59.000000Zyz", "h",
         "a", NULL, "m"},
        {"<13>1960-01-01T00:00:00Z h a: m", 13, "1960-01-01T00:00:00Z", NULL, "h", "a", NULL, "m"},
        {"<13>Feb 30 01:02:03 h a: m", 13, NULL, NULL, NULL, NULL, NULL, "Feb 30 01:02:03 h a: m"},
        {"<13>Mar  9 24:02:03 h a: m", 13, NULL, NULL, NULL, NULL, NULL, "Mar  9 24:02:03 h a: m"},
        {"<13>2026-13-09T01:02:03Z h a: m", 13, NULL, NULL, NULL, NULL, NULL,
         "2026-13-09T01:02:03Z h a: m"},
        {"<134>1 1380653443.857790533 MR18 events x=y", 134, "1380653443.857790533",
         "2013-10-01T18:50:43.857790Z", "MR18", "events", NULL, "x=y"},
    };

    (void)state;
    CHECK_ROWS(rows);
}

/* RFC 5424, complete, cut after the host, and without VERSION. */
static void test_rfc5424(void **state)
{
    static const struct row rows[] = {
        {"<165>1 2003-10-11T22:14:15.003Z h.example.com evntslog - ID47 [a@1 b=\"c\"] text", 165,
         "2003-10-11T22:14:15.003Z", "2003-10-11T22:14:15.003000Z", "h.example.com", "evntslog",
         NULL, "text"},
        {"<165>1 2003-08-24T05:14:15.000003-07:00 192.0.2.1 myproc 8710 - - %% x", 165,
         "2003-08-24T05:14:15.000003-07:00", "2003-08-24T12:14:15.000003Z", "192.0.2.1", "myproc",
         "8710", "%% x"},
        {"<0>1 - - - - - -", 0, NULL, NULL, NULL, NULL, NULL, ""},
        {"<13>1 2026-03-09T01:02:03Z h a 1 - - \xef\xbb\xbfx", 13, "2026-03-09T01:02:03Z",
         "2026-03-09T01:02:03.000000Z", "h", "a", "1", "x"},
        {"<13>1 2026-03-09T01:02:03Z h CEF:0|V|P|1|2|n|3|x=y", 13, "2026-03-09T01:02:03Z",
         "2026-03-09T01:02:03.000000Z", "h", NULL, NULL, "CEF:0|V|P|1|2|n|3|x=y"},
        {"<13>1 2026-03-09T01:02:03Z h a 1 m [x y=\"]\"] t", 13, "2026-03-09T01:02:03Z",
         "2026-03-09T01:02:03.000000Z", "h", "a", NULL, "1 m [x y=\"]\"] t"},
        {"<13>1 2026-03-09T01:02:03Z 庁舎-DC01 Security 4624 - - 文", 13, "2026-03-09T01:02:03Z",
         "2026-03-09T01:02:03.000000Z", "庁舎-DC01", "Security", "4624", "文"},
        {"<13> 2026-03-09T01:02:03Z h a 1 m [x@1 y=\"z\"] t", 13, "2026-03-09T01:02:03Z",
         "2026-03-09T01:02:03.000000Z", "h", "a", "1", "t"},
        {"<13>2026-03-09T01:02:03Z h user logged in - ok", 13, "2026-03-09T01:02:03Z",
         "2026-03-09T01:02:03.000000Z", "h", "user", NULL, "logged in - ok"},
        {"<13>1 process started", 13, NULL, NULL, NULL, NULL, NULL, "1 process started"},
        {"<192>1 - - - - - -", -1, NULL, NULL, NULL, NULL, NULL, "<192>1 - - - - - -"},
        {"<007>x", -1, NULL, NULL, NULL, NULL, NULL, "<007>x"},
    };

    (void)state;
    CHECK_ROWS(rows);
}

/* What Cisco's devices put in front, also behind a relay's header; and other devices' ways. */
static void test_devices(void **state)
{
    static const struct row rows[] = {
        {"<189>29: *Mar  1 18:46:11.123 JST: %SYS-5-CONFIG_I: by x", 189, "Mar  1 18:46:11.123 JST",
         "2026-03-01T09:46:11.123000Zy", NULL, "%SYS-5-CONFIG_I", NULL, "by x"},
        {"<189>29: rtr1: 000028: .Mar  1 18:46:11: %SYS-5-CONFIG_I: by x", 189, "Mar  1 18:46:11",
         "2026-03-01T18:46:11.000000Zyz", "rtr1", "%SYS-5-CONFIG_I", NULL, "by x"},
        {"<189>000028: 3d02h: %SYS-5-RELOAD: now", 189, "3d02h", NULL, NULL, "%SYS-5-RELOAD", NULL,
         "now"},
        {"Mar  5 08:15:42 192.0.2.1 29: 000028: *Mar  1 18:46:11: %SYS-5-X: y", -1,
         "Mar  5 08:15:42", "2026-03-05T08:15:42.000000Zyz", "192.0.2.1", "%SYS-5-X", NULL, "y"},
        {"<189>: 2026 Mar  1 05:17:27 UTC: %ETHPORT-5-IF_DOWN: x", 189, "2026 Mar  1 05:17:27 UTC",
         "2026-03-01T05:17:27.000000Z", NULL, "%ETHPORT-5-IF_DOWN", NULL, "x"},
        {"<166>:Mar  5 08:15:42 UTC: %ASA-6-302015: Built", 166, "Mar  5 08:15:42 UTC",
         "2026-03-05T08:15:42.000000Zy", NULL, "%ASA-6-302015", NULL, "Built"},
        {"<166>Mar  5 08:15:42 fw1 : %ASA-3-003164: no", 166, "Mar  5 08:15:42",
         "2026-03-05T08:15:42.000000Zyz", "fw1", "%ASA-3-003164", NULL, "no"},
        {"<166>Mar  5 08:15:42 192.0.2.1: %ACE-3-251010: x", 166, "Mar  5 08:15:42",
         "2026-03-05T08:15:42.000000Zyz", "192.0.2.1", "%ACE-3-251010", NULL, "x"},
        {"<134>Mar  5 08:15:42 lb1 notice mcpd[7]: 01070417:5: AUDIT", 134, "Mar  5 08:15:42",
         "2026-03-05T08:15:42.000000Zyz", "lb1", "mcpd", "7", "01070417:5: AUDIT"},
        {"<134>Mar  5 08:15:42 lb1,f5_irule=a,b=c", 134, "Mar  5 08:15:42",
         "2026-03-05T08:15:42.000000Zyz", "lb1", NULL, NULL, "f5_irule=a,b=c"},
        {"<134>Mar  5 08:15:42 h LEEF:2.0|V|P|1|2|x=y", 134, "Mar  5 08:15:42",
         "2026-03-05T08:15:42.000000Zyz", "h", NULL, NULL, "LEEF:2.0|V|P|1|2|x=y"},
        {"<14>Mar  5 08:15:42 dc1 MSWinEventLog\t1\tSecurity", 14, "Mar  5 08:15:42",
         "2026-03-05T08:15:42.000000Zyz", "dc1", "MSWinEventLog", NULL, "1\tSecurity"},
    };
    struct ak_syslog s;

    (void)state;
    CHECK_ROWS(rows);
    ak_syslog_parse(&s, rows[1].record, strlen(rows[1].record));
    same(rows[1].record, "first number", s.sequence[0], "29");
    same(rows[1].record, "second number", s.sequence[1], "000028");
    assert_int_equal(s.clock, '.');
    ak_syslog_parse(&s, rows[0].record, strlen(rows[0].record));
    assert_int_equal(s.clock, '*');
    assert_null(s.sequence[1].p);
}

/* NULs at the end go; in UTF-16 they are part of the text, which is message as a whole. */
static void test_nul(void **state)
{
    static const char ended[] = "<13>Mar  9 01:02:03 h a: m\r\n\0";
    static const char wide[] = "<\0001\0003\000>\000x\000";
    struct ak_syslog s;

    (void)state;
    ak_syslog_parse(&s, ended, sizeof(ended));
    same("ended", "message", s.message, "m");
    ak_syslog_parse(&s, wide, sizeof(wide) - 1);
    assert_int_equal(s.form, AK_SYSLOG_NONE);
    assert_int_equal(s.message.len, sizeof(wide) - 1);
    ak_syslog_parse(&s, NULL, 0);
    assert_non_null(s.message.p);
    assert_int_equal(s.message.len, 0);
}

/* Structured data: elements, parameters, escapes, what is found by name. */
static void test_data(void **state)
{
    static const char record[] =
        "<13>1 - - - - - [a][b@1 x=\"1\" y=\"\\]\\\"\\\\ \\n\"][a z=\"\"] m";
    struct ak_syslog_data walk;
    struct ak_syslog_part part;
    struct ak_syslog_part value;
    struct ak_syslog s;
    char text[32];

    (void)state;
    ak_syslog_parse(&s, record, strlen(record));
    assert_true(s.complete);
    ak_syslog_data_begin(&walk, &s);
    assert_true(ak_syslog_data_element(&walk, &part));
    same(record, "id", part, "a");
    assert_false(ak_syslog_data_param(&walk, &part, &value));
    assert_true(ak_syslog_data_element(&walk, &part));
    same(record, "id", part, "b@1");
    assert_true(ak_syslog_data_param(&walk, &part, &value));
    same(record, "name", part, "x");
    same(record, "value", value, "1");
    assert_true(ak_syslog_data_param(&walk, &part, &value));
    assert_int_equal(ak_syslog_data_value(text, value), 6);
    assert_memory_equal(text, "]\"\\ \\n", 6);
    assert_false(ak_syslog_data_param(&walk, &part, &value));
    assert_true(ak_syslog_data_element(&walk, &part));
    assert_false(ak_syslog_data_element(&walk, &part));
    assert_true(ak_syslog_data_find(&s, "a", "z", &value));
    assert_int_equal(value.len, 0);
    assert_false(ak_syslog_data_find(&s, "b@1", "z", &value));

    ak_syslog_parse(&s, "<13>1 - - - - - [a b=\"c\" x", 26);
    assert_false(s.complete);
    assert_null(s.data.p);
    assert_false(ak_syslog_data_find(&s, "a", "b", &value));
}

/* The names of all 192 values of PRI; nothing for what is none. */
static void test_names(void **state)
{
    (void)state;
    assert_string_equal(ak_syslog_facility(0), "kern");
    assert_string_equal(ak_syslog_facility(191), "local7");
    assert_string_equal(ak_syslog_facility(10 * 8), "authpriv");
    assert_string_equal(ak_syslog_severity(191), "debug");
    assert_string_equal(ak_syslog_severity(165), "notice");
    assert_string_equal(ak_syslog_severity(-1), "");
    assert_string_equal(ak_syslog_facility(192), "");
}

/* The year is the latest that is not more than 7 days ahead, over the turn of a year too. */
static void test_years(void **state)
{
    static const struct {
        const char *stamp;
        const char *received;
        const char *utc;
    } rows[] = {
        {"<13>Dec 31 23:59:59 h a: m", "2026-01-01T00:00:05Z", "2025-12-31T23:59:59.000000Z"},
        {"<13>Jan  1 00:00:03 h a: m", "2025-12-31T23:59:59Z", "2026-01-01T00:00:03.000000Z"},
        {"<13>Jun 30 12:00:00 h a: m", "2026-12-31T00:00:00Z", "2026-06-30T12:00:00.000000Z"},
        {"<13>Jun 30 12:00:00 h a: m", "2026-01-01T00:00:00Z", "2025-06-30T12:00:00.000000Z"},
        {"<13>Jun 30 12:00:00 h a: m", "2026-12-31T23:00:00Z", "2026-06-30T12:00:00.000000Z"},
        {"<13>Jan  1 00:00:00 h a: m", "1970-01-01T00:00:00Z", "1970-01-01T00:00:00.000000Z"},
        {"<13>Feb 29 00:00:00 h a: m", "2100-03-01T00:00:00Z", "2096-02-29T00:00:00.000000Z"},
        {"<13>Mar  1 00:00:00 h a: m", "2199-12-31T00:00:00Z", "2199-03-01T00:00:00.000000Z"},
        {"<13>Jun 30 12:00:00 h a: m", "2026-06-24T00:00:00Z", "2026-06-30T12:00:00.000000Z"},
        {"<13>Jun 30 12:00:00 h a: m", "2026-06-23T00:00:00Z", "2025-06-30T12:00:00.000000Z"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct ak_error err = {0};
        struct ak_syslog s;
        char text[AK_WHEN_TEXT_BYTES];
        unsigned assumed;
        uint64_t received;
        uint64_t ns;
        assert_int_equal(ak_when_parse(rows[i].received, 0, &received, &err), AK_OK);
        ak_syslog_parse(&s, rows[i].stamp, strlen(rows[i].stamp));
        assert_true(ak_syslog_time(&s, received, &ns, &assumed));
        assert_string_equal(ak_when_format(text, ns), rows[i].utc);
        assert_int_equal(assumed, AK_SYSLOG_ASSUMED_YEAR | AK_SYSLOG_ASSUMED_ZONE);
    }
    ak_syslog_time(&(struct ak_syslog){.stamp = {.month = 3, .day = 1}}, UINT64_MAX, &(uint64_t){0},
                   &(unsigned){0});
}

static void shown(const char *record, size_t len, bool json, const char *expected)
{
    char *text = NULL;
    size_t size = 0;
    FILE *file = open_memstream(&text, &size);
    struct ak_json_out out;

    assert_non_null(file);
    ak_json_out_init(&out, file);
    if (json) {
        ak_json_out_open(&out, NULL, '{');
        ak_fields_json(&out, record, len, RECEIVED);
        ak_json_out_close(&out, '}');
    } else {
        ak_fields_text(file, record, len, RECEIVED);
    }
    assert_int_equal(fclose(file), 0);
    assert_string_equal(text, expected);
    free(text);
}

/* What people and programs read, byte for byte. */
static void test_shown(void **state)
{
    static const char full[] = "<38>1 2026-03-09T01:02:03+09:00 h a 1 m [x@1 y=\"a\\]\"] t\x1b!";
    static const char bsd[] = "<38>Mar  9 01:02:03 h a: \xff";

    (void)state;
    shown(full, strlen(full), false,
          "form=rfc5424 pri=auth.info time=2026-03-08T16:02:03.000000Z "
          "written=\"2026-03-09T01:02:03+09:00\" host=h app=a procid=1 msgid=m data=[x@1 "
          "y=\"a\\\\]\"] message=t\\x1b!");
    shown(bsd, strlen(bsd), false,
          "form=rfc3164 pri=auth.info time=2026-03-09T01:02:03.000000Z (year, zone assumed) "
          "written=\"Mar  9 01:02:03\" host=h app=a message=\\xff");
    shown(
        full, strlen(full), true,
        "{\"fields\":{\"form\":\"rfc5424\",\"pri\":38,\"facility\":\"auth\",\"severity\":\"info\","
        "\"version\":1,\"complete\":true,\"time\":\"2026-03-09T01:02:03+09:00\","
        "\"time_rfc3339\":\"2026-03-08T16:02:03.000000Z\",\"time_assumed\":[],\"host\":\"h\","
        "\"app\":\"a\",\"procid\":\"1\",\"msgid\":\"m\",\"structured_data\":[{\"id\":\"x@1\","
        "\"params\":[{\"name\":\"y\",\"value\":\"a]\"}]}],\"message\":\"t\\u001b!\"}}");
    shown(
        bsd, strlen(bsd), true,
        "{\"fields\":{\"form\":\"rfc3164\",\"pri\":38,\"facility\":\"auth\",\"severity\":\"info\","
        "\"time\":\"Mar  9 01:02:03\",\"time_rfc3339\":\"2026-03-09T01:02:03.000000Z\","
        "\"time_assumed\":[\"year\",\"zone\"],\"host\":\"h\",\"app\":\"a\",\"message\":\"\\\\xff\","
        "\"escaped\":true}}");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rfc3164), cmocka_unit_test(test_stamps),
        cmocka_unit_test(test_rfc5424), cmocka_unit_test(test_devices),
        cmocka_unit_test(test_nul),     cmocka_unit_test(test_data),
        cmocka_unit_test(test_names),   cmocka_unit_test(test_years),
        cmocka_unit_test(test_shown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
