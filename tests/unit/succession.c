/* succession.c - the event of a succession, and the order that confirms one: written and read. */
#include <akashi/succession.h>

#include <akashi/base64.h>
#include <akashi/order.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define OLD "log.example/syslog/0123456789abcdef0123456789abcdef"
#define NEW "log.example/syslog/2/fedcba9876543210fedcba9876543210"

/* A checkpoint of OLD with a line that nobody checks here. */
static size_t make_note(char *out, size_t cap, uint64_t size)
{
    struct ak_checkpoint checkpoint = {.size = size};
    struct ak_vkey key;
    uint8_t signature[AK_ED25519_SIGNATURE_BYTES] = {0};
    uint8_t raw[AK_ED25519_KEY_BYTES] = {0x58, 0x66};
    size_t len;

    memset(raw + 1, 0x66, sizeof(raw) - 1); /* the base point */
    raw[0] = 0x58;
    memcpy(checkpoint.origin, OLD, sizeof(OLD));
    memset(checkpoint.root.b, (int)size, sizeof(checkpoint.root.b));
    assert_int_equal(ak_vkey_make(&key, OLD, raw, NULL), AK_OK);
    len = ak_checkpoint_format(out, cap, &checkpoint);
    assert_true(len > 0);
    out[len++] = '\n';
    len += ak_note_line(out + len, cap - len, &key, signature);
    return len;
}

static void fill(struct ak_succession *s, char notes[][1024], unsigned count)
{
    uint8_t raw[AK_ED25519_KEY_BYTES];

    memset(s, 0, sizeof(*s));
    memset(raw, 0x66, sizeof(raw));
    raw[0] = 0x58;
    memcpy(s->origin, OLD, sizeof(OLD));
    assert_int_equal(ak_vkey_make(&s->key, OLD, raw, NULL), AK_OK);
    s->size = 100;
    memset(s->root.b, 7, sizeof(s->root.b));
    s->reason = "the disk was lost";
    for (unsigned i = 0; i < count; i++) {
        s->note[i].text = notes[i];
        s->note[i].len = make_note(notes[i], 1024, 90 + 20 * i);
    }
    s->note_count = count;
}

static void written_and_read(void **state)
{
    static char notes[AK_SUCCESSION_NOTES_MAX][1024];
    struct ak_succession s;
    struct ak_succession again;
    char *payload;
    void *object;
    size_t len;

    (void)state;
    for (unsigned count = 0; count <= AK_SUCCESSION_NOTES_MAX; count++) {
        fill(&s, notes, count);
        s.has_signed = count % 2 == 1;
        s.signed_size = 105;
        assert_int_equal(ak_succession_make(&s, &payload, &len, NULL), AK_OK);
        assert_int_equal(ak_succession_read(&again, &object, payload, len, NULL), AK_OK);
        assert_string_equal(again.origin, OLD);
        assert_string_equal(again.key.name, OLD);
        assert_int_equal(again.size, 100);
        assert_int_equal(again.note_count, count);
        assert_string_equal(again.reason, s.reason);
        for (unsigned i = 0; i < count; i++) {
            assert_int_equal(again.note[i].checkpoint.size, 90 + 20 * i);
            assert_memory_equal(again.note[i].text, notes[i], s.note[i].len);
        }
        /* The greatest size that it names: 100, what was signed, the last checkpoint. */
        assert_int_equal(again.known, count > 1 ? 70 + 20 * count : count == 1 ? 105 : 100);
        assert_int_equal(ak_succession_lost(&again), again.known - 100);
        ak_succession_done(object);
        free(payload);
    }
}

static void refused(void **state)
{
    static char notes[AK_SUCCESSION_NOTES_MAX][1024];
    static char reason[AK_SUCCESSION_REASON_MAX + 2];
    struct ak_succession s;
    char *payload;
    void *object;
    size_t len;

    (void)state;
    fill(&s, notes, 2);
    s.note[1] = s.note[0]; /* sizes must rise */
    assert_int_equal(ak_succession_make(&s, &payload, &len, NULL), AK_EMALFORMED);
    fill(&s, notes, 1);
    memcpy(s.origin, NEW, sizeof(NEW)); /* neither key nor checkpoint are its own */
    assert_int_equal(ak_succession_make(&s, &payload, &len, NULL), AK_EMALFORMED);
    fill(&s, notes, 0);
    memset(reason, 'x', sizeof(reason) - 1);
    s.reason = reason;
    assert_int_equal(ak_succession_make(&s, &payload, &len, NULL), AK_EMALFORMED);
    fill(&s, notes, 0);
    s.size = UINT64_MAX;
    assert_int_equal(ak_succession_make(&s, &payload, &len, NULL), AK_EMALFORMED);
    assert_int_equal(ak_succession_read(&s, &object, "{}", 2, NULL), AK_EMALFORMED);
    assert_null(object);
}

/* A further event speaks of the same log, of as much of it; checkpoints and reason are its own. */
static void further(void **state)
{
    static char notes[AK_SUCCESSION_NOTES_MAX][1024];
    struct ak_succession first;
    struct ak_succession more;

    (void)state;
    fill(&first, notes, 0);
    fill(&more, notes, 3);
    more.reason = "found since";
    more.has_signed = true;
    assert_true(ak_succession_same(&first, &more));
    more.size++;
    assert_false(ak_succession_same(&first, &more));
    more.size--;
    more.root.b[31] ^= 1;
    assert_false(ak_succession_same(&first, &more));
    more.root.b[31] ^= 1;
    more.key.key[0] ^= 1;
    assert_false(ak_succession_same(&first, &more));
    more.key.key[0] ^= 1;
    more.origin[0] = 'k';
    assert_false(ak_succession_same(&first, &more));
}

/* The order that confirms it has one text, and the entry repeats it. */
static void confirming_order(void **state)
{
    static const char want[] = "akashi/order/v1\n" NEW "\n7\nsucceed\nfrom " OLD
                               "\nsize 100\nlost 5\ncase 2026-1\nreason disk lost\n";
    struct ak_order order = {.number = 7,
                             .action = AK_ORDER_SUCCEED,
                             .size = 100,
                             .lost = 5,
                             .case_text = "2026-1",
                             .case_len = 6,
                             .reason = "disk lost",
                             .reason_len = 9};
    char text[AK_ORDER_NOTE_BYTES_MAX];
    size_t len;

    (void)state;
    memcpy(order.origin, NEW, sizeof(NEW));
    memcpy(order.from, OLD, sizeof(OLD));
    assert_int_equal(ak_order_text(&order, text, sizeof(text), &len, NULL), AK_OK);
    assert_int_equal(len, sizeof(want) - 1);
    assert_memory_equal(text, want, len);

    memcpy(order.from, NEW, sizeof(NEW)); /* a log does not succeed itself */
    assert_int_equal(ak_order_text(&order, text, sizeof(text), &len, NULL), AK_EUSAGE);
    memcpy(order.from, OLD, sizeof(OLD));
    order.lost = INT64_MAX;
    assert_int_equal(ak_order_text(&order, text, sizeof(text), &len, NULL), AK_EUSAGE);
    order.lost = 5;
    order.range_count = 1;
    assert_int_equal(ak_order_text(&order, text, sizeof(text), &len, NULL), AK_EUSAGE);
    order.range_count = 0;
    order.action = AK_ORDER_HOLD; /* names an old log, and has no ranges */
    assert_int_equal(ak_order_text(&order, text, sizeof(text), &len, NULL), AK_EUSAGE);
    order.range_count = 1;
    assert_int_equal(ak_order_text(&order, text, sizeof(text), &len, NULL), AK_EUSAGE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(written_and_read),
        cmocka_unit_test(refused),
        cmocka_unit_test(further),
        cmocka_unit_test(confirming_order),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
