/* order.c - orders and whose count: the text, its one encoding, and each rule of R38 to R41. */
#include <akashi/order.h>
#include <akashi/signing_key.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define ORIGIN "log.example/syslog/0123456789abcdef0123456789abcdef"
#define OTHER  "log.example/other/0123456789abcdef0123456789abcdef"
#define CASE   "2026-17"
#define REASON "court of X, order of 2026-11-20"

/* Four people's keys, and one of the log's own. */
static struct ak_signing_key *people[4];
static struct ak_signing_key *own;

static const struct ak_vkey *vkey(unsigned i)
{
    return ak_signing_key_vkey(people[i]);
}

static int make_keys(void **state)
{
    static const char *const names[] = {"a.example/ito", "a.example/sato", "b.example/abe", "m"};

    (void)state;
    for (unsigned i = 0; i < 4; i++)
        assert_int_equal(ak_signing_key_make(&people[i], names[i], NULL), AK_OK);
    assert_int_equal(ak_signing_key_make(&own, "inner", NULL), AK_OK);
    return 0;
}

static int drop_keys(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 4; i++)
        ak_signing_key_free(people[i]);
    ak_signing_key_free(own);
    return 0;
}

static struct ak_order order_of(uint64_t number, enum ak_order_action action, uint64_t first,
                                uint64_t last)
{
    struct ak_order order = {.origin = ORIGIN,
                             .number = number,
                             .action = action,
                             .case_text = CASE,
                             .case_len = strlen(CASE),
                             .reason = REASON,
                             .reason_len = strlen(REASON)};

    if (action != AK_ORDER_AUTHORITY) {
        order.range_count = 1;
        order.range[0] = (struct ak_order_range){first, last};
    }
    return order;
}

/* A note signed by the people whose bits are set. */
struct note {
    char p[AK_ORDER_NOTE_BYTES_MAX + 1];
    size_t len;
};

static void sign(struct note *note, const struct ak_order *order, unsigned who)
{
    char text[AK_ORDER_NOTE_BYTES_MAX];
    size_t len;
    bool any = false;

    note->len = 0;
    assert_int_equal(ak_order_text(order, text, sizeof(text), &len, NULL), AK_OK);
    for (unsigned i = 0; i < 4; i++) {
        char before[AK_ORDER_NOTE_BYTES_MAX + 1];
        size_t n = note->len;
        if ((who & 1u << i) == 0)
            continue;
        memcpy(before, note->p, n);
        assert_int_equal(any ? ak_signing_key_add(people[i], before, n, note->p, sizeof(note->p),
                                                  &note->len, NULL)
                             : ak_signing_key_note(people[i], text, len, note->p, sizeof(note->p),
                                                   &note->len, NULL),
                         AK_OK);
        any = true;
    }
}

/* ---- the text */

/* What is written is read again, and gives the same bytes. */
static void written_and_read(void **state)
{
    struct ak_order order = order_of(7, AK_ORDER_ERASE, 17, 17);
    struct ak_order again;
    struct ak_note parsed;
    struct note note;

    (void)state;
    order.range[1] = (struct ak_order_range){20, INT64_MAX};
    order.range_count = 2;
    sign(&note, &order, 1);
    assert_int_equal(ak_order_parse(&again, &parsed, note.p, note.len, NULL), AK_OK);
    assert_memory_equal(note.p,
                        "akashi/order/v1\n" ORIGIN "\n7\nerase\nrange 17 17\n"
                        "range 20 9223372036854775807\ncase " CASE "\nreason " REASON "\n",
                        parsed.text_len);
    assert_int_equal(again.number, 7);
    assert_int_equal(again.range_count, 2);
    assert_int_equal(again.range[1].last, INT64_MAX);
    assert_memory_equal(again.reason, REASON, again.reason_len);
}

/* Each text differs in one thing from a good one. */
static void refused_texts(void **state)
{
#define HEAD "akashi/order/v1\n" ORIGIN "\n"
#define TAIL "case c\nreason r\n"
    static const char *const bad[] = {
        "akashi/order/v2\n" ORIGIN "\n1\nerase\nrange 1 1\n" TAIL,
        "akashi/order/v1\nno origin\n1\nerase\nrange 1 1\n" TAIL,
        HEAD "0\nerase\nrange 1 1\n" TAIL,
        HEAD "01\nerase\nrange 1 1\n" TAIL,
        HEAD "9223372036854775808\nerase\nrange 1 1\n" TAIL,
        HEAD "1\nburn\nrange 1 1\n" TAIL,
        HEAD "1\nerase\n" TAIL,
        HEAD "1\nerase\nrange 2 1\n" TAIL,
        HEAD "1\nerase\nrange 01 1\n" TAIL,
        HEAD "1\nerase\nrange 1\n" TAIL,
        HEAD "1\nerase\nrange 1 9223372036854775808\n" TAIL,
        HEAD "1\nerase\nrange 1 2\nrange 3 4\n" TAIL, /* they touch */
        HEAD "1\nerase\nrange 1 2\nrange 2 4\n" TAIL,
        HEAD "1\nerase\nrange 5 6\nrange 1 2\n" TAIL,
        HEAD "1\nerase\nrange 1 1\ncase c\n",
        HEAD "1\nerase\nrange 1 1\nreason r\n",
        HEAD "1\nerase\nrange 1 1\ncase \nreason r\n",
        HEAD "1\nerase\nrange 1 1\nreason r\ncase c\n",
        HEAD "1\nerase\nrange 1 1\ncase c\ncase c\nreason r\n",
        HEAD "1\nerase\nrange 1 1\n" TAIL "more\n",
        HEAD "1\nerase\nquorum 1\nrange 1 1\n" TAIL,
        HEAD "1\nauthority\nquorum 1\n" TAIL,
        HEAD "1\nauthority\nrange 1 1\n" TAIL,
        HEAD "1\nauthority\nquorum 1\nkey none\n" TAIL,
    };
    struct ak_order order;
    struct ak_note note;

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        char signed_text[AK_ORDER_NOTE_BYTES_MAX];
        struct ak_error err = {0};
        size_t n;
        assert_int_equal(ak_signing_key_note(people[0], bad[i], strlen(bad[i]), signed_text,
                                             sizeof(signed_text), &n, NULL),
                         AK_OK);
        if (ak_order_parse(&order, &note, signed_text, n, &err) != AK_EMALFORMED)
            fail_msg("taken: %s", bad[i]);
        assert_true(strlen(err.text) > 0);
    }
}

/* What cannot be an order is not written. */
static void refused_orders(void **state)
{
    static char long_reason[AK_ORDER_REASON_BYTES_MAX + 1];
    char text[AK_ORDER_NOTE_BYTES_MAX];
    struct ak_order order = order_of(1, AK_ORDER_AUTHORITY, 0, 0);
    size_t len;

    (void)state;
    order.key_count = 2;
    order.key[0] = order.key[1] = *vkey(0);
    order.quorum = 2;
    assert_int_equal(ak_order_text(&order, text, sizeof(text), &len, NULL), AK_EUSAGE);
    order.key[1] = *vkey(1);
    assert_int_equal(ak_order_text(&order, text, sizeof(text), &len, NULL), AK_OK);
    assert_int_equal(ak_order_text(&order, text, len, &len, NULL), AK_ELIMIT);
    order.quorum = 3;
    assert_int_equal(ak_order_text(&order, text, sizeof(text), &len, NULL), AK_EUSAGE);
    order = order_of(1, AK_ORDER_ERASE, 1, 1);
    order.reason = "two\nlines";
    order.reason_len = 9;
    assert_int_equal(ak_order_text(&order, text, sizeof(text), &len, NULL), AK_EUSAGE);
    memset(long_reason, 'r', sizeof(long_reason));
    order.reason = long_reason;
    order.reason_len = AK_ORDER_REASON_BYTES_MAX;
    assert_int_equal(ak_order_text(&order, text, sizeof(text), &len, NULL), AK_OK);
    order.reason_len++;
    assert_int_equal(ak_order_text(&order, text, sizeof(text), &len, NULL), AK_EUSAGE);
}

/* The largest order there can be fits its note, and its entry the payload. */
static void largest(void **state)
{
    static char quotes[AK_ORDER_REASON_BYTES_MAX];
    struct ak_order *order = calloc(1, sizeof(*order));
    struct note *note = calloc(1, sizeof(*note));
    char *payload;
    size_t len;

    (void)state;
    assert_non_null(order);
    assert_non_null(note);
    *order = order_of(INT64_MAX, AK_ORDER_ERASE, 0, 0);
    memset(quotes, '"', sizeof(quotes));
    order->reason = order->case_text = quotes;
    order->reason_len = AK_ORDER_REASON_BYTES_MAX;
    order->case_len = AK_ORDER_CASE_BYTES_MAX;
    order->range_count = AK_ORDER_RANGES_MAX;
    for (unsigned i = 0; i < AK_ORDER_RANGES_MAX; i++)
        order->range[i].first = order->range[i].last = INT64_MAX - 2 * AK_ORDER_RANGES_MAX + 2 * i;
    sign(note, order, 15);
    assert_int_equal(ak_order_entry_make(note->p, note->len, &payload, &len, NULL), AK_OK);
    assert_true(len <= AK_OWN_PAYLOAD_BYTES_MAX);
    assert_int_equal(ak_order_entry_check(payload, len, NULL), AK_OK);
    free(payload);
    free(order);
    free(note);
}

/* Ranges are sorted and joined. */
static void joined(void **state)
{
    struct ak_order_range range[] = {{9, 9}, {1, 3}, {4, 4}, {2, 2}, {11, 12}, {10, 10}};

    (void)state;
    assert_int_equal(ak_order_ranges_join(range, 6), 2);
    assert_int_equal(range[0].first, 1);
    assert_int_equal(range[0].last, 4);
    assert_int_equal(range[1].first, 9);
    assert_int_equal(range[1].last, 12);
}

/* ---- the entry */

/* An entry says what its note says, member by member. */
static void entry_fits_its_note(void **state)
{
    static const struct {
        const char *from;
        const char *to;
    } change[] = {{"\"ranges\":[[\"17\",\"19\"]]", "\"ranges\":[[\"17\",\"20\"]]"},
                  {"\"ranges\":[[\"17\",\"19\"]]", "\"ranges\":[[\"16\",\"19\"]]"},
                  {",\"ranges\":[[\"17\",\"19\"]]", ""},
                  {"\"action\":\"erase\"", "\"action\":\"hold\""},
                  {"\"case\":\"" CASE "\"", "\"case\":\"2026-18\""},
                  {"\"reason\":\"" REASON "\"", "\"reason\":\"none\""}};
    struct ak_order order = order_of(1, AK_ORDER_ERASE, 17, 19);
    struct note note;
    char *payload;
    size_t len;

    (void)state;
    sign(&note, &order, 3);
    assert_int_equal(ak_order_entry_make(note.p, note.len, &payload, &len, NULL), AK_OK);
    assert_int_equal(ak_order_entry_check(payload, len, NULL), AK_OK);
    payload = realloc(payload, len + 1);
    assert_non_null(payload);
    payload[len] = '\0';
    for (size_t i = 0; i < sizeof(change) / sizeof(change[0]); i++) {
        const char *at = strstr(payload, change[i].from);
        char changed[8192];
        assert_non_null(at);
        (void)snprintf(changed, sizeof(changed), "%.*s%s%s", (int)(at - payload), payload,
                       change[i].to, at + strlen(change[i].from));
        assert_int_equal(ak_order_entry_check(changed, strlen(changed), NULL), AK_EMALFORMED);
    }
    free(payload);
}

/* ---- whose orders count */

struct run {
    struct ak_authority *authority;
    struct ak_order_worth *worth;
    uint64_t index;
    uint64_t seq;
};

static bool is_own(void *ctx, const uint8_t key[AK_ED25519_KEY_BYTES])
{
    (void)ctx;
    return memcmp(ak_signing_key_vkey(own)->key, key, AK_ED25519_KEY_BYTES) == 0;
}

static void begin(struct run *run, const struct ak_vkey *accepted, size_t count)
{
    run->authority = ak_authority_new(ORIGIN, accepted, count);
    run->worth = calloc(1, sizeof(*run->worth));
    assert_non_null(run->authority);
    assert_non_null(run->worth);
    ak_authority_own(run->authority, is_own, NULL);
    run->index = 100;
    run->seq = 0;
}

static void end(struct run *run)
{
    ak_authority_free(run->authority);
    free(run->worth);
}

static void take(struct run *run, const char *payload, size_t len)
{
    assert_int_equal(
        ak_authority_take(run->authority, run->index, run->seq++, payload, len, run->worth, NULL),
        AK_OK);
    run->index += 100;
}

static void declare(struct run *run, const struct ak_vkey *keys, unsigned count, unsigned quorum)
{
    char *payload;
    size_t len;

    assert_int_equal(ak_order_declaration_make(keys, count, quorum, &payload, &len, NULL), AK_OK);
    take(run, payload, len);
    free(payload);
}

static void give(struct run *run, const struct ak_order *order, unsigned who)
{
    struct note note;
    char *payload;
    size_t len;

    sign(&note, order, who);
    assert_int_equal(ak_order_entry_make(note.p, note.len, &payload, &len, NULL), AK_OK);
    take(run, payload, len);
    free(payload);
}

static void give_one(struct run *run, uint64_t number, enum ak_order_action action, uint64_t first,
                     uint64_t last, unsigned who)
{
    struct ak_order order = order_of(number, action, first, last);

    give(run, &order, who);
}

static void two_people(struct run *run, bool accepted)
{
    struct ak_vkey keys[2] = {*vkey(0), *vkey(1)};

    begin(run, keys, accepted ? 2 : 0);
    declare(run, keys, 2, 2);
    assert_true(run->worth->declares && !run->worth->valid);
}

static void assert_not_valid(const struct run *run, const char *why)
{
    assert_false(run->worth->valid);
    assert_false(run->worth->accepted);
    if (strstr(run->worth->why.text, why) == NULL)
        fail_msg("\"%s\" does not say \"%s\"", run->worth->why.text, why);
}

/* Signed by both that must sign it is valid, and accepted by who knows both. */
static void valid_and_accepted(void **state)
{
    struct run run;

    (void)state;
    two_people(&run, true);
    give_one(&run, 1, AK_ORDER_ERASE, 17, 17, 3);
    assert_true(run.worth->valid && run.worth->accepted);
    assert_int_equal(run.worth->signers, 2);
    end(&run);
    two_people(&run, false);
    give_one(&run, 1, AK_ORDER_ERASE, 17, 17, 3);
    assert_true(run.worth->valid && !run.worth->accepted);
    end(&run);
}

/* R39 (4): too few, others, or a line that does not verify. */
static void signatures(void **state)
{
    struct ak_order order = order_of(1, AK_ORDER_ERASE, 17, 17);
    struct note note;
    struct run run;
    char *payload;
    size_t len;
    char *at;

    (void)state;
    two_people(&run, true);
    give(&run, &order, 1);
    assert_not_valid(&run, "1 of the keys in force have signed it, 2 must");
    give(&run, &order, 12);
    assert_not_valid(&run, "none of the 2 keys");
    give(&run, &order, 5);
    assert_not_valid(&run, "1 of the keys in force");
    give(&run, &order, 15); /* lines of others do no harm */
    assert_true(run.worth->valid);
    sign(&note, &order, 7);
    at = strstr(note.p, "range 17 17");
    assert_non_null(at);
    at[6] = '1';
    at[7] = '0'; /* 10 17: what was signed was another range */
    assert_int_equal(ak_order_entry_make(note.p, note.len, &payload, &len, NULL), AK_OK);
    take(&run, payload, len);
    free(payload);
    assert_not_valid(&run, "");
    end(&run);
}

/* Before anybody was declared nothing can be ordered; the collector's own word orders nothing. */
static void undeclared(void **state)
{
    static const char bare[] =
        "{\"action\":\"erase\",\"ranges\":[[\"1\",\"2\"]],\"type\":\"order\"}";
    struct run run;

    (void)state;
    begin(&run, NULL, 0);
    give_one(&run, 1, AK_ORDER_ERASE, 17, 17, 3);
    assert_not_valid(&run, "declared no authority keys");
    take(&run, bare, strlen(bare));
    assert_not_valid(&run, "own assertion");
    end(&run);
}

/* R38: the first declaration counts, later ones do not; own keys are none. */
static void declarations(void **state)
{
    struct ak_vkey keys[2] = {*vkey(0), *vkey(1)};
    struct ak_vkey mine;
    struct run run;

    (void)state;
    begin(&run, NULL, 0);
    assert_int_equal(ak_vkey_make(&mine, "other-name", ak_signing_key_vkey(own)->key, NULL), AK_OK);
    declare(&run, &mine, 1, 1);
    assert_not_valid(&run, "a key of the log itself");
    assert_false(run.worth->declares);
    assert_int_equal(ak_vkey_make(&mine, ORIGIN "/epoch/3", vkey(3)->key, NULL), AK_OK);
    declare(&run, &mine, 1, 1);
    assert_not_valid(&run, "the log's own");
    declare(&run, keys, 2, 2); /* the first good one */
    assert_true(run.worth->declares);
    declare(&run, vkey(3), 1, 1);
    assert_not_valid(&run, "declared before");
    give_one(&run, 1, AK_ORDER_ERASE, 17, 17, 8);
    assert_not_valid(&run, "none of the 2 keys");
    give_one(&run, 1, AK_ORDER_ERASE, 17, 17, 3);
    assert_true(run.worth->valid);
    end(&run);
}

/* R39 (2), (3), (5): another log's, an old one again, one for what comes later. */
static void places(void **state)
{
    struct ak_order order = order_of(5, AK_ORDER_ERASE, 17, 17);
    struct run run;

    (void)state;
    two_people(&run, true);
    memcpy(order.origin, OTHER, sizeof(OTHER));
    give(&run, &order, 3);
    assert_not_valid(&run, "another log");
    give_one(&run, 5, AK_ORDER_ERASE, 17, 17, 3);
    assert_true(run.worth->valid);
    give_one(&run, 5, AK_ORDER_ERASE, 17, 17, 3);
    assert_not_valid(&run, "not above");
    give_one(&run, 4, AK_ORDER_ERASE, 18, 18, 3);
    assert_not_valid(&run, "not above");
    give_one(&run, 6, AK_ORDER_ERASE, 17, run.index, 3);
    assert_not_valid(&run, "not before it");
    give_one(&run, 6, AK_ORDER_ERASE, 17, run.index - 1, 3);
    assert_true(run.worth->valid);
    end(&run);
}

/* R40: what is held is not erased until it is released, all of it. */
static void holds(void **state)
{
    const struct ak_order_range *held;
    struct run run;

    (void)state;
    two_people(&run, true);
    give_one(&run, 1, AK_ORDER_HOLD, 10, INT64_MAX, 3);
    assert_true(run.worth->valid);
    give_one(&run, 2, AK_ORDER_ERASE, 5, 10, 3);
    assert_not_valid(&run, "entry 10 is held");
    give_one(&run, 2, AK_ORDER_ERASE, 5, 9, 3);
    assert_true(run.worth->valid);
    give_one(&run, 3, AK_ORDER_RELEASE, 12, 13, 1);
    assert_not_valid(&run, "1 of the keys"); /* a release by one alone */
    give_one(&run, 3, AK_ORDER_RELEASE, 12, 13, 3);
    assert_int_equal(ak_authority_holds(run.authority, &held), 2);
    assert_int_equal(held[0].last, 11);
    assert_int_equal(held[1].first, 14);
    give_one(&run, 4, AK_ORDER_EXPIRE, 12, 14, 3);
    assert_not_valid(&run, "entry 14 is held");
    give_one(&run, 4, AK_ORDER_ERASE, 12, 13, 3);
    assert_true(run.worth->valid);
    give_one(&run, 5, AK_ORDER_HOLD, 12, 12, 3);    /* again */
    give_one(&run, 3, AK_ORDER_RELEASE, 12, 13, 3); /* and the old release again */
    assert_not_valid(&run, "not above");
    give_one(&run, 6, AK_ORDER_ERASE, 12, 12, 3);
    assert_not_valid(&run, "entry 12 is held");
    end(&run);
}

/* A change is signed by the old keys, and who knows them knows the new ones from then on. */
static void changes(void **state)
{
    struct ak_order order = order_of(2, AK_ORDER_AUTHORITY, 0, 0);
    const struct ak_vkey *keys;
    struct run run;
    unsigned quorum;

    (void)state;
    order.key_count = 2;
    order.key[0] = *vkey(2);
    order.key[1] = *vkey(3);
    order.quorum = 1;
    two_people(&run, true);
    give(&run, &order, 12);
    assert_not_valid(&run, "none of the 2 keys"); /* the new ones cannot put themselves in force */
    give(&run, &order, 3);
    assert_true(run.worth->valid && run.worth->accepted);
    assert_int_equal(ak_authority_keys(run.authority, &keys, &quorum), 2);
    assert_int_equal(quorum, 1);
    assert_string_equal(keys[0].name, vkey(2)->name);
    give_one(&run, 3, AK_ORDER_ERASE, 17, 17, 3);
    assert_not_valid(&run, "none of the 2 keys"); /* the old ones are out */
    give_one(&run, 3, AK_ORDER_ERASE, 17, 17, 4);
    assert_true(run.worth->valid && run.worth->accepted);
    end(&run);
    two_people(&run, false); /* to who knows none of them all is the collector's word */
    give(&run, &order, 3);
    give_one(&run, 3, AK_ORDER_ERASE, 17, 17, 4);
    assert_true(run.worth->valid && !run.worth->accepted);
    end(&run);
}

/* R39 (1): where an order is missing before it, nothing is shown. */
static void holes(void **state)
{
    struct run run;

    (void)state;
    two_people(&run, true);
    run.seq++; /* it may have been a hold */
    give_one(&run, 1, AK_ORDER_ERASE, 17, 17, 3);
    assert_not_valid(&run, "not here");
    give_one(&run, 2, AK_ORDER_ERASE, 17, 17, 3);
    assert_not_valid(&run, "not here");
    end(&run);
}

/* Asking changes nothing. */
static void asked(void **state)
{
    struct ak_order order = order_of(1, AK_ORDER_ERASE, 17, 17);
    struct note note;
    struct run run;

    (void)state;
    two_people(&run, true);
    sign(&note, &order, 3);
    for (unsigned i = 0; i < 2; i++) {
        assert_int_equal(ak_authority_ask(run.authority, 300, note.p, note.len, run.worth, NULL),
                         AK_OK);
        assert_true(run.worth->valid);
    }
    assert_int_equal(ak_authority_number(run.authority), 0);
    assert_int_equal(ak_authority_ask(run.authority, 300, note.p, 40, run.worth, NULL),
                     AK_EMALFORMED);
    end(&run);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(written_and_read),
        cmocka_unit_test(refused_texts),
        cmocka_unit_test(refused_orders),
        cmocka_unit_test(largest),
        cmocka_unit_test(joined),
        cmocka_unit_test(entry_fits_its_note),
        cmocka_unit_test(valid_and_accepted),
        cmocka_unit_test(signatures),
        cmocka_unit_test(undeclared),
        cmocka_unit_test(declarations),
        cmocka_unit_test(places),
        cmocka_unit_test(holds),
        cmocka_unit_test(changes),
        cmocka_unit_test(holes),
        cmocka_unit_test(asked),
    };

    return cmocka_run_group_tests(tests, make_keys, drop_keys);
}
