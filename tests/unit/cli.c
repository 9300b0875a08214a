/* cli.c - what akashi-verify reads from people and shows them: times, numbers, JSON, keys. */
#include "jsonout.h"
#include "show.h"
#include "source_table.h"
#include "trust.h"
#include "when.h"

#include <jansson.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define NOW (UINT64_C(1795514172) * AK_WHEN_SECOND) /* 2026-11-24T09:56:12Z */

static void expect_time(const char *text, uint64_t seconds, uint64_t ns)
{
    uint64_t got = 0;

    assert_int_equal(ak_when_parse(text, NOW, &got, NULL), AK_OK);
    assert_int_equal(got, seconds * AK_WHEN_SECOND + ns);
}

static void expect_no_time(const char *text)
{
    struct ak_error err = {0};
    uint64_t got = 0;

    assert_int_equal(ak_when_parse(text, NOW, &got, &err), AK_EUSAGE);
    assert_non_null(strstr(err.text, "is no time"));
}

/* Every form that --help promises is read, and means UTC without a zone. */
static void test_times_are_read(void **state)
{
    (void)state;
    expect_time("1970-01-01T00:00:00Z", 0, 0);
    expect_time("2026-11-24T09:56:12Z", 1795514172, 0);
    expect_time("2026-11-24t09:56:12z", 1795514172, 0);
    expect_time("2026-11-24 09:56:12", 1795514172, 0);
    expect_time("2026-11-24T09:56", 1795514160, 0);
    expect_time("2026-11-24T18:56:12+09:00", 1795514172, 0);
    expect_time("2026-11-24T05:26:12.25-04:30", 1795514172, 250000000);
    expect_time("2026-11-24", 1795478400, 0);
    expect_time("2024-02-29", 1709164800, 0);
    expect_time("2000-02-29T23:59:60Z", 951868800, 0);
    expect_time("2026-11-24T09:56:12.1234567899Z", 1795514172, 123456789);
    expect_time("-3d", 1795514172 - 259200, 0);
    expect_time("-90s", 1795514172 - 90, 0);
    expect_time("-2w", 1795514172 - 1209600, 0);
}

/* What is no time, or before 1970, or past what fits, is refused. */
static void test_other_times_are_refused(void **state)
{
    static const char *const bad[] = {"",
                                      "yesterday",
                                      "2026-11-31",
                                      "2026-02-29",
                                      "2100-02-29",
                                      "2026-13-01",
                                      "2026-00-01",
                                      "2026-11-00",
                                      "1969-12-31",
                                      "2554-01-01",
                                      "2026-11-24T",
                                      "2026-11-24T24:00:00Z",
                                      "2026-11-24T09:60:00Z",
                                      "2026-11-24T09:56:61Z",
                                      "2026-11-24T09:56:12.Z",
                                      "2026-11-24T09:56:12ZZ",
                                      "2026-11-24T09:56:12+0900",
                                      "2026-11-24T09:56:12+09",
                                      "2026-11-24T09:56:12 +09:00",
                                      "1970-01-01T00:00:00+09:00",
                                      "26-11-24",
                                      "2026-11-24x",
                                      "-",
                                      "-d",
                                      "-0d",
                                      "-3",
                                      "-3dd",
                                      "-3y",
                                      "-99999w",
                                      "-99999999999999999999d",
                                      "3d"};

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        expect_no_time(bad[i]);
}

/* What is written can be read again, on every day of four centuries. */
static void test_times_come_back(void **state)
{
    char text[AK_WHEN_TEXT_BYTES];
    uint64_t got;

    (void)state;
    for (uint64_t day = 0; day < 146097; day++) {
        uint64_t ns = (day * 86400 + day % 86400) * AK_WHEN_SECOND + day % 1000000 * 1000;
        assert_int_equal(ak_when_parse(ak_when_format(text, ns), NOW, &got, NULL), AK_OK);
        assert_int_equal(got, ns);
    }
    assert_string_equal(ak_when_format(text, UINT64_C(1709164800) * AK_WHEN_SECOND + 1000),
                        "2024-02-29T00:00:00.000001Z");
    assert_string_equal(ak_when_format(text, UINT64_MAX), "2554-07-21T23:34:33.709551Z");
}

static void test_stretches(void **state)
{
    char text[AK_WHEN_TEXT_BYTES];
    uint64_t ns = 0;

    (void)state;
    assert_int_equal(ak_when_parse_stretch("24h", &ns, NULL), AK_OK);
    assert_int_equal(ns, 86400 * AK_WHEN_SECOND);
    assert_int_equal(ak_when_parse_stretch("7d", &ns, NULL), AK_OK);
    assert_int_equal(ns, 604800 * AK_WHEN_SECOND);
    assert_int_equal(ak_when_parse_stretch("24", &ns, NULL), AK_EUSAGE);
    assert_int_equal(ak_when_parse_stretch("24 h", &ns, NULL), AK_EUSAGE);
    assert_int_equal(ak_when_parse_stretch("18446744073709551616s", &ns, NULL), AK_EUSAGE);
    assert_string_equal(ak_when_format_stretch(text, 0), "less than 1 s");
    assert_string_equal(ak_when_format_stretch(text, 59 * AK_WHEN_SECOND), "59 s");
    assert_string_equal(ak_when_format_stretch(text, 125 * AK_WHEN_SECOND), "2 min 5 s");
    assert_string_equal(ak_when_format_stretch(text, 7261 * AK_WHEN_SECOND), "2 h 1 min");
    assert_string_equal(ak_when_format_stretch(text, 90000 * AK_WHEN_SECOND), "1 day 1 h");
}

static void test_numbers(void **state)
{
    char text[AK_SHOW_NUMBER_BYTES];

    (void)state;
    assert_string_equal(ak_show_count(text, 0), "0");
    assert_string_equal(ak_show_count(text, 999), "999");
    assert_string_equal(ak_show_count(text, 1000), "1,000");
    assert_string_equal(ak_show_count(text, 1204331), "1,204,331");
    assert_string_equal(ak_show_count(text, UINT64_MAX), "18,446,744,073,709,551,615");
    assert_string_equal(ak_show_bytes(text, 1), "1 byte");
    assert_string_equal(ak_show_bytes(text, 1023), "1023 bytes");
    assert_string_equal(ak_show_bytes(text, 1024), "1.0 KiB");
    assert_string_equal(ak_show_bytes(text, 1048575), "1.0 MiB");
    assert_string_equal(ak_show_bytes(text, UINT64_MAX), "16.0 EiB");
}

/* Writes one object with one text member and gives what was written. */
static char *written(const void *data, size_t len, bool *whole)
{
    struct ak_json_out out;
    char *text = NULL;
    size_t size;
    FILE *file = open_memstream(&text, &size);

    assert_non_null(file);
    ak_json_out_init(&out, file);
    ak_json_out_open(&out, NULL, '{');
    *whole = ak_json_out_text(&out, "a", data, len);
    ak_json_out_base64(&out, "b", data, len);
    ak_json_out_open(&out, "c", '[');
    ak_json_out_uint(&out, NULL, UINT64_MAX);
    ak_json_out_bool(&out, NULL, true);
    ak_json_out_null(&out, NULL);
    ak_json_out_close(&out, ']');
    ak_json_out_close(&out, '}');
    assert_int_equal(fclose(file), 0);
    return text;
}

/* Texts of every kind become JSON that another reader takes, without a byte that acts on a
 * terminal. */
static void test_json_text(void **state)
{
    static const char tricky[] = "\0\x01\x1b[31m\"\\\n\t\x7f\xc2\x9b\xe2\x80\xae\xe6\x97\xa5/";
    bool whole;
    char *text = written(tricky, sizeof(tricky) - 1, &whole);
    json_t *value;

    (void)state;
    assert_true(whole);
    assert_string_equal(
        text, "{\"a\":\"\\u0000\\u0001\\u001b[31m\\\"\\\\\\u000a\\u0009\\u007f\\u009b\\u202e"
              "\xe6\x97\xa5/\",\"b\":\"AAEbWzMxbSJcCgl/wpvigK7ml6Uv\","
              "\"c\":[18446744073709551615,true,null]}");
    free(text);
    text = written("ok", 2, &whole);
    free(text);
    text = written("a\\\xff\"", 4, &whole);
    assert_false(whole);
    assert_non_null(strstr(text, "{\"a\":\"a\\\\\\\\\\\\xff\\\"\","));
    free(text);
    text = written(tricky + 1, sizeof(tricky) - 2, &whole);
    *strstr(text, ",\"c\"") = '}';
    strstr(text, "}\"c\"")[1] = '\0';
    value = json_loads(text, 0, NULL);
    assert_non_null(value);
    assert_memory_equal(json_string_value(json_object_get(value, "a")), tricky + 1,
                        sizeof(tricky) - 2);
    json_decref(value);
    free(text);
}

#define VKEY                                                                                       \
    "example.org/agency/bbcacccc12ede8fcdc29c9734f25b582+e3281e3d+AXNBAhB6EtygBpoS7Lwem1k+"        \
    "otipR3rlwOsV2v/VfFLF"

/* Writes a file with this text, adds it as a key, and removes it. */
static enum ak_code add_file(struct ak_trust *trust, const char *text, size_t len,
                             struct ak_error *err)
{
    char path[] = "/tmp/akashi-cli-test.XXXXXX";
    int fd = mkstemp(path);
    enum ak_code rc;

    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, len), len);
    close(fd);
    rc = ak_trust_add_key(trust, path, err);
    unlink(path);
    return rc;
}

/* A key is taken as text and from files of several lines; the same one twice counts once. */
static void test_keys(void **state)
{
    static const char file[] = "# the agency's\n\n" VKEY "\r\n" VKEY;
    struct ak_trust trust = {0};
    char fingerprint[AK_TRUST_FINGERPRINT_CHARS + 1];

    (void)state;
    assert_int_equal(ak_trust_add_key(&trust, VKEY, NULL), AK_OK);
    assert_int_equal(add_file(&trust, file, sizeof(file) - 1, NULL), AK_OK);
    assert_int_equal(trust.key_count, 1);
    assert_string_equal(ak_trust_fingerprint(&trust.keys[0], fingerprint),
                        "bd63741650be14946346451d8be535f3");
    ak_trust_free(&trust);
}

/* What is no key says why, and a private key is never taken. */
static void test_bad_keys(void **state)
{
    static const char secret[] =
        "PRIVATE+KEY+example.org/x+00000000+AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
    struct ak_trust trust = {0};
    struct ak_error err = {0};

    (void)state;
    assert_int_equal(ak_trust_add_key(&trust, secret, &err), AK_EUSAGE);
    assert_non_null(strstr(err.text, "private key"));
    assert_int_equal(add_file(&trust, secret, sizeof(secret) - 1, &err), AK_EUSAGE);
    assert_non_null(strstr(err.text, "line 1"));
    assert_int_equal(add_file(&trust, "# nothing\n", 10, &err), AK_EUSAGE);
    assert_non_null(strstr(err.text, "holds no key"));
    assert_int_equal(ak_trust_add_key(&trust, "/nowhere/at/all", &err), AK_EUSAGE);
    assert_int_equal(trust.key_count, 0);
    ak_trust_free(&trust);
}

static void add_entry(struct ak_source_table *table, uint8_t kind, uint32_t source, uint64_t seq,
                      uint64_t received, const char *payload)
{
    struct ak_log_entry entry = {.payload = payload, .len = strlen(payload)};

    entry.entry.kind = kind;
    entry.entry.source = source;
    entry.entry.source_seq = seq;
    entry.entry.received = received;
    assert_int_equal(ak_source_table_entry(table, &entry, NULL), AK_OK);
}

/* Declared, undeclared and impossible sources are counted; names are escaped and bounded. */
static void test_sources(void **state)
{
    struct ak_source_table table = {0};
    char label[AK_SOURCE_LABEL_BYTES];

    (void)state;
    add_entry(&table, AK_KIND_SOURCE, 1, 0, 1000,
              "{\"identity\":\"certificate\",\"listener\":\"tls://h:1\",\"name\":\"fw\\u001b1\","
              "\"transport\":\"tls\",\"type\":\"source\"}");
    add_entry(&table, AK_KIND_RECORD, 256, 0, 2000, "one");
    add_entry(&table, AK_KIND_FRAGMENT, 256, 1, 3000, "tw");
    add_entry(&table, AK_KIND_SOURCE, 1, 1, 3000, "not json");
    add_entry(&table, AK_KIND_RECORD, 260, 0, 4000, "x");
    add_entry(&table, AK_KIND_RECORD, 0, 0, 4000, "x");
    add_entry(&table, AK_KIND_RECORD, UINT32_MAX, 0, 4000, "x");
    assert_int_equal(table.count, 5);
    assert_int_equal(table.undeclared, 2);
    assert_int_equal(table.row[0].count, 2);
    assert_int_equal(table.row[0].fragments, 1);
    assert_int_equal(table.row[0].last_time, 3000);
    assert_true(ak_source_row_matches(&table.row[0], "fw*"));
    assert_false(ak_source_row_matches(&table.row[1], "*"));
    assert_string_equal(ak_source_label(label, &table, 256), "fw\\x1b1 (256)");
    assert_string_equal(ak_source_label(label, &table, 257), "257");
    assert_string_equal(ak_source_label(label, NULL, 3), "the log itself (3)");
    assert_false(table.row[4].declared);
    ak_source_table_free(&table);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_times_are_read),
        cmocka_unit_test(test_other_times_are_refused),
        cmocka_unit_test(test_times_come_back),
        cmocka_unit_test(test_stretches),
        cmocka_unit_test(test_numbers),
        cmocka_unit_test(test_json_text),
        cmocka_unit_test(test_keys),
        cmocka_unit_test(test_bad_keys),
        cmocka_unit_test(test_sources),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
