/* entry.c - entries as bytes. */
#include <akashi/entry.h>

#include "cursor.h"

#include <assert.h>
#include <string.h>

static uint8_t *put(uint8_t *out, uint64_t value, unsigned bytes)
{
    for (unsigned i = 0; i < bytes; i++)
        out[i] = (uint8_t)(value >> (8 * (bytes - 1 - i)));
    return out + bytes;
}

void ak_entry_encode(uint8_t *out, const struct ak_entry *entry)
{
    uint8_t *at = out;

    assert(entry->source_seq <= AK_SEQ_MAX);
    at = put(at, entry->form, 1);
    at = put(at, entry->kind, 1);
    at = put(at, entry->clock_run, 2);
    at = put(at, entry->received, 8);
    at = put(at, entry->source, 4);
    at = put(at, entry->source_seq, 6);
    memcpy(at, entry->commitment.b, AK_HASH_BYTES);
    assert(at + AK_HASH_BYTES == out + AK_ENTRY_BYTES);
}

enum ak_code ak_entry_decode(struct ak_entry *entry, const uint8_t *data, size_t len,
                             struct ak_error *err)
{
    struct ak_cursor c;
    const uint8_t *commitment;

    ak_cursor_init(&c, data, len);
    entry->form = ak_cursor_u8(&c);
    entry->kind = ak_cursor_u8(&c);
    entry->clock_run = ak_cursor_u16(&c);
    entry->received = ak_cursor_u64(&c);
    entry->source = ak_cursor_u32(&c);
    entry->source_seq = ak_cursor_u48(&c);
    commitment = ak_cursor_bytes(&c, AK_HASH_BYTES);
    if (commitment == NULL || !ak_cursor_done(&c))
        return ak_fail(err, AK_EMALFORMED, "an entry has %zu bytes, it needs %u", len,
                       AK_ENTRY_BYTES);
    memcpy(entry->commitment.b, commitment, AK_HASH_BYTES);
    if (entry->form != AK_FORM_WHOLE && entry->form != AK_FORM_PARTS)
        return ak_fail(err, AK_EUNSUPPORTED, "an entry has form %u", entry->form);
    if (entry->received % AK_TIME_UNIT != 0)
        return ak_fail(err, AK_EMALFORMED, "an entry's time is no multiple of 1000 ns (R4)");
    return AK_OK;
}
