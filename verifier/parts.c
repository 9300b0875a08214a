/* parts.c - the split of a payload, its keys and salts, and the commitment of whole records
 * (format.md 3.4, form 2).
 *
 * A record of ordinary length is some twenty messages of one block each, so records are taken
 * together until a slice of parts is full: then all pairs of salts are hashed side by side, then
 * all parts, then what binds the parts of each record. A record that has more parts than a slice
 * goes through it piece by piece, so the room stays small whatever is logged. */
#include <akashi/parts.h>

#include "leafhash.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* Parts hashed together; even, because two of them share a message of salts. */
#define SLICE AK_MESSAGES_SLICE

/* Bytes that surely fit into an empty slice, however they are split. */
#define SHORT_BYTES ((SLICE - 1) * AK_PART_BYTES_MIN)

#define COUNT_BYTES 4u

struct ak_parts_room {
    uint32_t parts;
    uint32_t pairs;
    uint32_t records;
    struct ak_message part[SLICE];
    struct ak_message pair[SLICE];
    struct ak_message record[SLICE];
    uint8_t number[SLICE][COUNT_BYTES]; /* j div 2 of each pair */
    uint8_t count[SLICE][COUNT_BYTES];  /* m of each record */
    struct ak_hash salts[SLICE];        /* of each pair */
    struct ak_hash c[SLICE];            /* of each part, a record's in a row */
};

static_assert(SLICE % 2 == 0, "a pair of salts never lies in two slices");
static_assert(AK_PART_BYTES_MIN * (AK_PARTS_MAX - 1) < AK_PAYLOAD_BYTES_MAX &&
                  AK_PART_BYTES_MIN * AK_PARTS_MAX >= AK_PAYLOAD_BYTES_MAX,
              "the most parts that a payload can have");

/* All bytes but A-Z a-z 0-9, 80 to ff and . _ : @ / \ % + ~ # $ * ! ? ^ ` - are separators. */
static const bool separator[256] = {
    [0x00] = 1, [0x01] = 1, [0x02] = 1, [0x03] = 1, [0x04] = 1, [0x05] = 1, [0x06] = 1,
    [0x07] = 1, [0x08] = 1, [0x09] = 1, [0x0a] = 1, [0x0b] = 1, [0x0c] = 1, [0x0d] = 1,
    [0x0e] = 1, [0x0f] = 1, [0x10] = 1, [0x11] = 1, [0x12] = 1, [0x13] = 1, [0x14] = 1,
    [0x15] = 1, [0x16] = 1, [0x17] = 1, [0x18] = 1, [0x19] = 1, [0x1a] = 1, [0x1b] = 1,
    [0x1c] = 1, [0x1d] = 1, [0x1e] = 1, [0x1f] = 1, [' '] = 1,  ['"'] = 1,  ['&'] = 1,
    ['\''] = 1, ['('] = 1,  [')'] = 1,  [','] = 1,  [';'] = 1,  ['<'] = 1,  ['='] = 1,
    ['>'] = 1,  ['['] = 1,  [']'] = 1,  ['{'] = 1,  ['|'] = 1,  ['}'] = 1,  [0x7f] = 1};

static void put_u32(uint8_t out[COUNT_BYTES], uint32_t value)
{
    for (unsigned i = 0; i < COUNT_BYTES; i++)
        out[i] = (uint8_t)(value >> (8 * (COUNT_BYTES - 1 - i)));
}

uint32_t ak_part_length(const uint8_t *p, size_t len)
{
    uint32_t most = len < AK_PART_BYTES_MAX ? (uint32_t)len : AK_PART_BYTES_MAX;

    for (uint32_t n = AK_PART_BYTES_MIN; n < most; n++) {
        if (separator[p[n - 1]] && !separator[p[n]])
            return n;
    }
    return most;
}

uint32_t ak_parts_count(const uint8_t *payload, size_t len)
{
    uint32_t n = 0;

    do {
        uint32_t part = ak_part_length(payload, len);
        n++;
        len -= part;
        payload = part > 0 ? payload + part : payload;
    } while (len > 0);
    return n;
}

void ak_record_keys(uint8_t (*out)[AK_RECORD_KEY_BYTES], const uint8_t *group_key, unsigned begin,
                    unsigned count)
{
    struct ak_message message[AK_GROUP_ENTRIES];
    uint8_t number[AK_GROUP_ENTRIES];

    assert(begin + count <= AK_GROUP_ENTRIES);
    for (unsigned i = 0; i < count; i++) {
        number[i] = (uint8_t)(begin + i);
        message[i] = (struct ak_message){.head = group_key,
                                         .body = &number[i],
                                         .out = out[i],
                                         .body_len = 1,
                                         .head_len = AK_GROUP_KEY_BYTES,
                                         .tag = AK_HASH_KEY};
    }
    ak_hash_messages(message, count);
}

void ak_part_salt(uint8_t salt[AK_SALT_BYTES], const uint8_t *record_key, uint32_t j)
{
    uint8_t text[1 + AK_RECORD_KEY_BYTES + COUNT_BYTES] = {AK_HASH_PARTSALT};
    struct ak_hash pair;

    memcpy(text + 1, record_key, AK_RECORD_KEY_BYTES);
    put_u32(text + 1 + AK_RECORD_KEY_BYTES, j / 2);
    ak_sha256(&pair, text, sizeof(text));
    memcpy(salt, pair.b + (size_t)(j % 2) * AK_SALT_BYTES, AK_SALT_BYTES);
}

void ak_part_commitment(struct ak_hash *out, const uint8_t *salt, const uint8_t *part, uint32_t len)
{
    uint8_t text[1 + AK_SALT_BYTES + AK_PART_BYTES_MAX] = {AK_HASH_PART};

    assert(len <= AK_PART_BYTES_MAX);
    memcpy(text + 1, salt, AK_SALT_BYTES);
    if (len > 0)
        memcpy(text + 1 + AK_SALT_BYTES, part, len);
    ak_sha256(out, text, 1 + AK_SALT_BYTES + (size_t)len);
}

struct ak_parts_room *ak_parts_room_new(void)
{
    return calloc(1, sizeof(struct ak_parts_room));
}

void ak_parts_room_free(struct ak_parts_room *room)
{
    free(room);
}

/* One part into the slice; `j` is its number in its record. */
static void add_part(struct ak_parts_room *room, const uint8_t *record_key, uint32_t j,
                     const uint8_t *p, uint32_t len)
{
    uint32_t at = room->parts++;

    if (j % 2 == 0) {
        uint32_t pair = room->pairs++;
        put_u32(room->number[pair], j / 2);
        room->pair[pair] = (struct ak_message){.head = record_key,
                                               .body = room->number[pair],
                                               .out = room->salts[pair].b,
                                               .body_len = COUNT_BYTES,
                                               .head_len = AK_RECORD_KEY_BYTES,
                                               .tag = AK_HASH_PARTSALT};
    }
    room->part[at] = (struct ak_message){.head = room->salts[room->pairs - 1].b +
                                                 (size_t)(j % 2) * AK_SALT_BYTES,
                                         .body = p,
                                         .out = room->c[at].b,
                                         .body_len = len,
                                         .head_len = AK_SALT_BYTES,
                                         .tag = AK_HASH_PART};
}

/* c_j of all parts in the slice. */
static void hash_parts(struct ak_parts_room *room)
{
    ak_hash_messages(room->pair, room->pairs);
    ak_hash_messages(room->part, room->parts);
    room->parts = 0;
    room->pairs = 0;
}

void ak_parts_finish(struct ak_parts_room *room)
{
    hash_parts(room);
    ak_hash_messages(room->record, room->records);
    room->records = 0;
}

/* A record that may have more parts than a slice: its c_j go on as they come. */
static void take_long(struct ak_parts_room *room, const uint8_t *record_key, const uint8_t *payload,
                      size_t len, uint8_t *out)
{
    uint8_t front[1 + COUNT_BYTES] = {AK_HASH_PARTS};
    struct ak_sha256_ctx ctx;
    struct ak_hash hash;
    uint32_t j = 0;

    put_u32(front + 1, ak_parts_count(payload, len));
    ak_sha256_init(&ctx);
    ak_sha256_update(&ctx, front, sizeof(front));
    for (size_t at = 0; at < len;) {
        uint32_t n = 0;
        for (; at < len && n < SLICE; n++) {
            uint32_t part = ak_part_length(payload + at, len - at);
            add_part(room, record_key, j++, payload + at, part);
            at += part;
        }
        hash_parts(room);
        ak_sha256_update(&ctx, room->c, (size_t)n * AK_HASH_BYTES);
    }
    ak_sha256_final(&ctx, &hash);
    memcpy(out, hash.b, AK_HASH_BYTES);
}

void ak_parts_take(struct ak_parts_room *room, const uint8_t *record_key, const uint8_t *payload,
                   size_t len, uint8_t *out)
{
    uint32_t first;
    uint32_t m = 0;
    size_t at = 0;

    assert(len <= AK_PAYLOAD_BYTES_MAX);
    if (len / AK_PART_BYTES_MIN + 1 > SLICE - room->parts || room->records == SLICE)
        ak_parts_finish(room);
    if (len > SHORT_BYTES) {
        take_long(room, record_key, payload, len, out);
        return;
    }
    first = room->parts;
    do {
        uint32_t part = ak_part_length(payload + at, len - at);
        add_part(room, record_key, m++, payload + at, part);
        at += part;
    } while (at < len);
    put_u32(room->count[room->records], m);
    room->record[room->records] = (struct ak_message){.head = room->count[room->records],
                                                      .body = room->c[first].b,
                                                      .out = out,
                                                      .body_len = m * AK_HASH_BYTES,
                                                      .head_len = COUNT_BYTES,
                                                      .tag = AK_HASH_PARTS};
    room->records++;
}

void ak_parts_commitment(struct ak_hash *out, const uint8_t *record_key, const uint8_t *payload,
                         size_t len)
{
    struct ak_parts_shown shown;
    uint32_t m = ak_parts_count(payload, len);
    size_t at = 0;
    enum ak_code rc;

    (void)ak_parts_shown_begin(&shown, m, NULL); /* a fault stays until the end */
    for (uint32_t j = 0; j < m; j++) {
        uint32_t part = ak_part_length(payload + at, len - at);
        uint8_t salt[AK_SALT_BYTES];
        ak_part_salt(salt, record_key, j);
        (void)ak_parts_shown_part(&shown, salt, payload + at, part, NULL);
        at += part;
    }
    rc = ak_parts_shown_end(&shown, out, NULL);
    assert(rc == AK_OK);
    (void)rc;
}

/* ---- Parts that are shown ---- */

enum ak_code ak_parts_shown_begin(struct ak_parts_shown *shown, uint32_t count,
                                  struct ak_error *err)
{
    uint8_t front[1 + COUNT_BYTES] = {AK_HASH_PARTS};

    memset(shown, 0, sizeof(*shown));
    shown->count = count;
    put_u32(front + 1, count);
    ak_sha256_init(&shown->ctx);
    ak_sha256_update(&shown->ctx, front, sizeof(front));
    if (count == 0 || count > AK_PARTS_MAX)
        shown->rc = ak_fail(err, AK_EMALFORMED, "no record has %u parts", count);
    return shown->rc;
}

/* Why the bytes shown would be split in another way, or NULL. */
static const char *split_fault(const struct ak_parts_shown *shown, const uint8_t *part, size_t len)
{
    bool last = shown->taken + 1 == shown->count;

    if (shown->taken == shown->count)
        return "is one too many";
    if (len > AK_PART_BYTES_MAX)
        return "is longer than a part may be";
    if (len == 0 && shown->count > 1)
        return "is empty, and others are there";
    if (ak_part_length(part, len) != len)
        return "would be split again";
    if (!last && len < AK_PART_BYTES_MAX && (len < AK_PART_BYTES_MIN || !separator[part[len - 1]]))
        return "would go on with what follows";
    if (shown->before_shown && shown->before_len < AK_PART_BYTES_MAX && separator[part[0]])
        return "would begin in the part before it";
    if (len > AK_PAYLOAD_BYTES_MAX - shown->shown_bytes)
        return "goes past the longest payload";
    return NULL;
}

enum ak_code ak_parts_shown_part(struct ak_parts_shown *shown, const uint8_t *salt,
                                 const uint8_t *part, size_t len, struct ak_error *err)
{
    const char *fault;
    struct ak_hash c;

    if (shown->rc != AK_OK)
        return shown->rc;
    fault = split_fault(shown, part, len);
    if (fault != NULL) {
        shown->rc = ak_fail(err, AK_EMALFORMED, "part %u %s", shown->taken, fault);
        return shown->rc;
    }
    ak_part_commitment(&c, salt, part, (uint32_t)len);
    ak_sha256_update(&shown->ctx, c.b, AK_HASH_BYTES);
    shown->taken++;
    shown->shown_bytes += (uint32_t)len;
    shown->before_shown = true;
    shown->before_len = (uint32_t)len;
    return AK_OK;
}

enum ak_code ak_parts_shown_withheld(struct ak_parts_shown *shown,
                                     const uint8_t commitment[AK_HASH_BYTES], struct ak_error *err)
{
    if (shown->rc != AK_OK)
        return shown->rc;
    if (shown->taken == shown->count) {
        shown->rc = ak_fail(err, AK_EMALFORMED, "part %u is one too many", shown->taken);
        return shown->rc;
    }
    ak_sha256_update(&shown->ctx, commitment, AK_HASH_BYTES);
    shown->taken++;
    shown->before_shown = false;
    return AK_OK;
}

enum ak_code ak_parts_shown_end(struct ak_parts_shown *shown, struct ak_hash *out,
                                struct ak_error *err)
{
    if (shown->rc == AK_OK && shown->taken < shown->count)
        shown->rc = ak_fail(err, AK_EMALFORMED, "it has %u parts, and %u are stated", shown->taken,
                            shown->count);
    ak_sha256_final(&shown->ctx, out);
    return shown->rc;
}
