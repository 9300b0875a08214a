/* own.c - payloads of own entries: which are taken, and that each member has its form. */
#include <check_own.h>

#include <akashi/format.h>
#include <akashi/order.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define B32 "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="
#define B64                                                                                        \
    "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=="

#define MANIFEST(end, file, first)                                                                 \
    "{\"bytes\":\"9\",\"end\":\"" end "\",\"file\":\"" file "\",\"first\":\"" first                \
    "\",\"generation\":1,\"header\":\"" B32 "\",\"positions\":\"" B32 "\",\"root\":\"" B32         \
    "\",\"sha512\":\"" B64 "\",\"type\":\"manifest\"}"

#define WITH_FRAMES(frames)                                                                        \
    "{\"bytes\":\"9\",\"end\":\"7\",\"file\":\"00000000000000000005.1.zst\",\"first\":\"5\","      \
    "\"frames\":\"" frames "\",\"generation\":1,\"header\":\"" B32 "\",\"positions\":\"" B32       \
    "\",\"root\":\"" B32 "\",\"sha512\":\"" B64 "\",\"type\":\"manifest\"}"

#define EVENT(name, more)                                                                          \
    "{" more "\"event\":\"" name "\",\"side\":\"collector\",\"type\":\"event\"}"

#define STATE(offset)                                                                              \
    "{\"boot_id\":\"x\",\"boottime\":\"1\",\"clock\":{\"max_error_us\":\"1\",\"offset_ns\":"       \
    "\"" offset "\",\"synchronized\":true},\"positions\":\"" B32                                   \
    "\",\"sources\":0,\"type\":\"state\",\"wall\":\"1\"}"

#define ORDER(ranges) "{\"action\":\"erase\",\"ranges\":" ranges ",\"type\":\"order\"}"

struct sample {
    uint8_t kind;
    const char *payload;
};

static const struct sample good[] = {
    {AK_KIND_MANIFEST, MANIFEST("7", "00000000000000000005.1.zst", "5")},
    {AK_KIND_MANIFEST, MANIFEST("5", "00000000000000000005.1.zst", "5")},
    {AK_KIND_MANIFEST, WITH_FRAMES(B32)},
    {AK_KIND_EVENT, EVENT("udp-drop", "\"count\":\"3\",")},
    {AK_KIND_EVENT, EVENT("udp-drop", "")},
    {AK_KIND_EVENT, EVENT("of-another-day", "\"count\":3,")},
    {AK_KIND_EVENT, "{\"commitment\":\"" B32 "\",\"end\":\"9\",\"event\":\"audit\",\"first\":\"0\","
                    "\"population\":\"" B32 "\",\"side\":\"operator\",\"type\":\"event\"}"},
    {AK_KIND_EVENT, "{\"event\":\"overflow\",\"peers\":[[\"1\",\"192.0.2.1\"]],"
                    "\"side\":\"sender\",\"type\":\"event\"}"},
    {AK_KIND_STATE, STATE("0")},
    {AK_KIND_STATE, STATE("-12")},
    {AK_KIND_ORDER, ORDER("[]")},
    {AK_KIND_ORDER, ORDER("[[\"1\",\"1\"],[\"18446744073709551615\",\"18446744073709551615\"]]")},
    {AK_KIND_ORDER, "{\"action\":\"hold\",\"type\":\"order\"}"},
    {AK_KIND_ANCHOR, "{\"beacon\":\"x\",\"type\":\"anchor\",\"url\":\"y\"}"},
};

static const struct sample bad[] = {
    {AK_KIND_MANIFEST, MANIFEST("7", "../../etc/passwd", "5")},
    {AK_KIND_MANIFEST, WITH_FRAMES(B64)},
    {AK_KIND_MANIFEST, MANIFEST("7", "00000000000000000005.1.zst\\u0000", "5")},
    {AK_KIND_MANIFEST, MANIFEST("7", "00000000000000000006.1.zst", "5")},
    {AK_KIND_MANIFEST, MANIFEST("7", "00000000000000000005.2.zst", "5")},
    {AK_KIND_MANIFEST, MANIFEST("7", "5.1.zst", "5")},
    {AK_KIND_MANIFEST, MANIFEST("4", "00000000000000000005.1.zst", "5")},
    {AK_KIND_EVENT, EVENT("udp-drop", "\"count\":3,")},
    {AK_KIND_EVENT, EVENT("udp-drop", "\"count\":\"03\",")},
    {AK_KIND_EVENT, "{\"event\":\"overflow\",\"peers\":[[1,\"192.0.2.1\"]],"
                    "\"side\":\"sender\",\"type\":\"event\"}"},
    {AK_KIND_EVENT, "{\"event\":\"stop\",\"type\":\"event\"}"},
    {AK_KIND_EVENT, "{\"commitment\":\"00\",\"event\":\"audit\",\"side\":\"operator\","
                    "\"type\":\"event\"}"},
    {AK_KIND_EVENT, "{\"event\":\"audit\",\"first\":0,\"side\":\"operator\",\"type\":\"event\"}"},
    {AK_KIND_EVENT, "{\"event\":\"audit-opened\",\"nonce\":1,\"side\":\"operator\","
                    "\"type\":\"event\"}"},
    {AK_KIND_STATE, STATE("")},
    {AK_KIND_STATE, STATE("-0")},
    {AK_KIND_STATE, STATE("01")},
    {AK_KIND_STATE, STATE("-")},
    {AK_KIND_STATE, STATE("1.5")},
    {AK_KIND_STATE, STATE("123456789012345678901")},
    {AK_KIND_ORDER, ORDER("{}")},
    {AK_KIND_ORDER, ORDER("[[\"2\",\"1\"]]")},
    {AK_KIND_ORDER, ORDER("[[\"1\"]]")},
    {AK_KIND_ORDER, ORDER("[[1,2]]")},
    {AK_KIND_ORDER, ORDER("[\"1\",\"2\"]")},
    {AK_KIND_ANCHOR, "{\"type\":\"anchor\"}"},
    {AK_KIND_ANCHOR, "{\"beacon\":\"x\",\"checkpoint\":\"y\",\"type\":\"anchor\"}"},
};

static void takes_good_ones(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        struct ak_error err = {0};
        struct ak_own own;
        if (ak_own_read(&own, good[i].kind, good[i].payload, strlen(good[i].payload), &err) !=
            AK_OK)
            fail_msg("%s: %s", good[i].payload, err.text);
    }
}

static void refuses_bad_ones(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct ak_error err = {0};
        struct ak_own own;
        if (ak_own_read(&own, bad[i].kind, bad[i].payload, strlen(bad[i].payload), &err) !=
            AK_EMALFORMED)
            fail_msg("%s is taken", bad[i].payload);
        assert_true(err.text[0] != '\0');
    }
}

/* A recovery event tells of torn bytes only with their number and digest. */
static void recoveries(void **state)
{
    static const char number[] = EVENT("recovery", "\"cut\":\"3\",");
    static const char whole[] = "{\"cut\":\"3\",\"event\":\"recovery\",\"sha256\":\"" B32
                                "\",\"side\":\"collector\",\"type\":\"event\"}";
    struct ak_own own;

    (void)state;
    assert_int_equal(ak_own_read(&own, AK_KIND_EVENT, number, strlen(number), NULL), AK_OK);
    assert_false(own.recovery);
    assert_int_equal(ak_own_read(&own, AK_KIND_EVENT, whole, strlen(whole), NULL), AK_OK);
    assert_true(own.recovery);
    assert_int_equal(own.cut, 3);
}

struct seen {
    unsigned count;
    uint64_t first[4];
    uint64_t last[4];
};

static void on_range(void *ctx, uint64_t first, uint64_t last)
{
    struct seen *seen = ctx;

    assert_true(seen->count < 4);
    seen->first[seen->count] = first;
    seen->last[seen->count++] = last;
}

/* All ranges of an order are given, in its order. */
static void gives_ranges(void **state)
{
    static const char payload[] = ORDER("[[\"7\",\"9\"],[\"1\",\"1\"]]");
    enum ak_order_action action;
    struct seen seen = {0};
    struct ak_own own;

    (void)state;
    assert_int_equal(ak_own_read(&own, AK_KIND_ORDER, payload, strlen(payload), NULL), AK_OK);
    assert_true(ak_order_entry_ranges(payload, strlen(payload), &action, on_range, &seen));
    assert_int_equal(action, AK_ORDER_ERASE);
    assert_int_equal(seen.count, 2);
    assert_int_equal(seen.first[0], 7);
    assert_int_equal(seen.last[0], 9);
    assert_int_equal(seen.first[1], 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(takes_good_ones),
        cmocka_unit_test(refuses_bad_ones),
        cmocka_unit_test(recoveries),
        cmocka_unit_test(gives_ranges),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
