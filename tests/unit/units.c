/* units.c - sizes and durations as people write them. */
#include "units.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

typedef enum ak_code parse_fn(const char *, size_t, uint64_t *, struct ak_error *);

static void good(parse_fn *parse, const char *text, uint64_t want)
{
    struct ak_error err = {0};
    uint64_t value = 1;

    assert_int_equal(parse(text, strlen(text), &value, &err), AK_OK);
    assert_int_equal(value, want);
}

static void bad(parse_fn *parse, const char *text, const char *want)
{
    struct ak_error err = {0};
    uint64_t value = 1;

    assert_int_equal(parse(text, strlen(text), &value, &err), AK_EUSAGE);
    assert_string_equal(err.text, want);
    assert_int_equal(value, 1);
}

/* Sizes are powers of 1024, with the short and the long suffix. */
static void sizes(void **state)
{
    (void)state;
    good(ak_units_size, "0", 0);
    good(ak_units_size, "1", 1);
    good(ak_units_size, "1500B", 1500);
    good(ak_units_size, "256K", 262144);
    good(ak_units_size, "64M", 67108864);
    good(ak_units_size, "64MiB", 67108864);
    good(ak_units_size, "1G", 1073741824);
    good(ak_units_size, "2T", UINT64_C(2199023255552));
    good(ak_units_size, "8388607T", UINT64_C(8388607) << 40);
    good(ak_units_size, "9223372036854775807", INT64_MAX);
    good(ak_units_size, "0064M", 67108864);
}

#define SIZE_HINT "digits and one of B, K, M, G, T (powers of 1024), as in 64M or 256K"

/* What is no size names what is one. */
static void bad_sizes(void **state)
{
    (void)state;
    bad(ak_units_size, "", "\"\" is not a size; write " SIZE_HINT);
    bad(ak_units_size, "64m", "\"64m\" is not a size; write " SIZE_HINT);
    bad(ak_units_size, "64 M", "\"64 M\" is not a size; write " SIZE_HINT);
    bad(ak_units_size, "64MB", "\"64MB\" is not a size; write " SIZE_HINT);
    bad(ak_units_size, "1.5G", "\"1.5G\" is not a size; write " SIZE_HINT);
    bad(ak_units_size, "+1", "\"+1\" is not a size; write " SIZE_HINT);
    bad(ak_units_size, "0x10", "\"0x10\" is not a size; write " SIZE_HINT);
    bad(ak_units_size, "M", "\"M\" is not a size; write " SIZE_HINT);
    bad(ak_units_size, "-5M", "\"-5M\" is negative; write 0 or more: " SIZE_HINT);
    bad(ak_units_size, "8388608T", "\"8388608T\" is too large; the largest is 8388607T");
    bad(ak_units_size, "9223372036854775808",
        "\"9223372036854775808\" is too large; the largest is 8388607T");
    bad(ak_units_size, "99999999999999999999999999999999999999999999999999",
        "\"9999999999999999999999999999999999999999\" is too large; the largest is 8388607T");
}

/* Durations need a unit, but for nothing. */
static void durations(void **state)
{
    (void)state;
    good(ak_units_duration, "0", 0);
    good(ak_units_duration, "0s", 0);
    good(ak_units_duration, "5ns", 5);
    good(ak_units_duration, "7us", 7000);
    good(ak_units_duration, "10ms", 10000000);
    good(ak_units_duration, "2s", 2 * AK_NS_PER_S);
    good(ak_units_duration, "5m", 300 * AK_NS_PER_S);
    good(ak_units_duration, "24h", 86400 * AK_NS_PER_S);
    good(ak_units_duration, "7d", 7 * 86400 * AK_NS_PER_S);
    good(ak_units_duration, "106751d", UINT64_C(106751) * 86400 * AK_NS_PER_S);
}

#define TIME_HINT "digits and one of ns, us, ms, s, m, h, d, as in 10ms or 24h"

/* A number without unit, other words and signs are refused. */
static void bad_durations(void **state)
{
    (void)state;
    bad(ak_units_duration, "10", "\"10\" is not a duration; write " TIME_HINT);
    bad(ak_units_duration, "10 parsecs", "\"10 parsecs\" is not a duration; write " TIME_HINT);
    bad(ak_units_duration, "1h30m", "\"1h30m\" is not a duration; write " TIME_HINT);
    bad(ak_units_duration, "10S", "\"10S\" is not a duration; write " TIME_HINT);
    bad(ak_units_duration, "-1s", "\"-1s\" is negative; write 0 or more: " TIME_HINT);
    bad(ak_units_duration, "106752d", "\"106752d\" is too large; the largest is 106751d");
    bad(ak_units_duration, "18446744073709551617ns",
        "\"18446744073709551617ns\" is too large; the largest is 106751d");
}

/* Counts have no suffix. */
static void counts(void **state)
{
    (void)state;
    good(ak_units_count, "0", 0);
    good(ak_units_count, "65536", 65536);
    bad(ak_units_count, "64K", "\"64K\" is not a number; write digits alone, as in 24");
    bad(ak_units_count, "-1", "\"-1\" is negative; write 0 or more: digits alone, as in 24");
}

/* The length counts, not a NUL: a digit behind the text is not read. */
static void length(void **state)
{
    uint64_t value = 0;

    (void)state;
    assert_int_equal(ak_units_size("64M9", 3, &value, NULL), AK_OK);
    assert_int_equal(value, 67108864);
    assert_int_equal(ak_units_size("1\0", 2, &value, NULL), AK_EUSAGE);
}

/* What is shown reads back as the same value, in the shortest form. */
static void texts(void **state)
{
    char room[AK_UNITS_TEXT_BYTES];

    (void)state;
    assert_string_equal(ak_units_size_text(0, room), "0");
    assert_string_equal(ak_units_size_text(262144, room), "256K");
    assert_string_equal(ak_units_size_text(1048575, room), "1048575");
    assert_string_equal(ak_units_size_text(INT64_MAX, room), "9223372036854775807");
    assert_string_equal(ak_units_size_text(UINT64_C(1) << 40, room), "1T");
    assert_string_equal(ak_units_duration_text(0, room), "0");
    assert_string_equal(ak_units_duration_text(10 * AK_NS_PER_MS, room), "10ms");
    assert_string_equal(ak_units_duration_text(1500 * AK_NS_PER_MS, room), "1500ms");
    assert_string_equal(ak_units_duration_text(86400 * AK_NS_PER_S, room), "24h");
    assert_string_equal(ak_units_duration_text(2 * 86400 * AK_NS_PER_S, room), "2d");
    assert_string_equal(ak_units_duration_text(INT64_MAX, room), "9223372036854775807ns");
    for (uint64_t v = 1; v < UINT64_C(1) << 62; v = v * 3 + 1) {
        uint64_t again = 0;

        (void)ak_units_size_text(v, room);
        assert_int_equal(ak_units_size(room, strlen(room), &again, NULL), AK_OK);
        assert_int_equal(again, v);
        (void)ak_units_duration_text(v * 1000, room);
        if (v > INT64_MAX / 1000)
            continue;
        assert_int_equal(ak_units_duration(room, strlen(room), &again, NULL), AK_OK);
        assert_int_equal(again, v * 1000);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sizes),         cmocka_unit_test(bad_sizes), cmocka_unit_test(durations),
        cmocka_unit_test(bad_durations), cmocka_unit_test(counts),    cmocka_unit_test(length),
        cmocka_unit_test(texts),
    };

    return cmocka_run_group_tests_name("units", tests, NULL, NULL);
}
