/* order.c - order notes and order entries from hostile bytes: what is read is, written again, the
 * same text, and nothing of it is valid under keys that did not sign it. */
#include <akashi/order.h>

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define ORIGIN "log.example/syslog/0123456789abcdef0123456789abcdef"

/* The key of the signed-note specification's example: nobody here can sign with it. */
static const char known_key[] =
    "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k";

static void check(bool holds)
{
    if (!holds)
        abort();
}

static void on_range(void *ctx, uint64_t first, uint64_t last)
{
    (void)ctx;
    check(first <= last);
}

static void try_note(const uint8_t *data, size_t size)
{
    static struct ak_order order;
    static struct ak_note note;
    static char again[AK_ORDER_NOTE_BYTES_MAX];
    char *payload;
    size_t len;

    if (ak_order_parse(&order, &note, data, size, NULL) != AK_OK)
        return;
    check(ak_order_text(&order, again, sizeof(again), &len, NULL) == AK_OK);
    check(len == note.text_len && memcmp(again, note.text, len) == 0);
    check(ak_order_entry_make(data, size, &payload, &len, NULL) == AK_OK);
    check(ak_order_entry_check(payload, len, NULL) == AK_OK);
    free(payload);
}

static void try_authority(const uint8_t *data, size_t size)
{
    static struct ak_order_worth worth;
    enum ak_order_action action;
    struct ak_vkey key;
    struct ak_authority *authority;
    char *payload;
    size_t len;

    check(ak_vkey_parse(&key, known_key, strlen(known_key), NULL) == AK_OK);
    authority = ak_authority_new(ORIGIN, &key, 1);
    if (authority == NULL)
        return;
    check(ak_order_declaration_make(&key, 1, 1, &payload, &len, NULL) == AK_OK);
    check(ak_authority_take(authority, 1, 0, payload, len, &worth, NULL) == AK_OK);
    check(worth.declares);
    free(payload);
    if (ak_authority_take(authority, 1000, 1, data, size, &worth, NULL) == AK_OK)
        check(!worth.valid && !worth.declares);
    if (ak_authority_ask(authority, 1000, data, size, &worth, NULL) == AK_OK)
        check(!worth.valid);
    (void)ak_order_entry_ranges(data, size, &action, on_range, NULL);
    ak_authority_free(authority);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    try_note(data, size);
    try_authority(data, size);
    return 0;
}
