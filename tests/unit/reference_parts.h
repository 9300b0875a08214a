/* reference_parts.h - commitment by parts as format.md 3.4 words it, byte by byte and one hash at a
 * time, without any code of verifier/parts.c: what the library is compared with. */
#ifndef AK_TEST_REFERENCE_PARTS_H
#define AK_TEST_REFERENCE_PARTS_H

#include <akashi/sha256.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

static inline bool reference_is_separator(uint8_t b)
{
    if ((b >= 'A' && b <= 'Z') || (b >= 'a' && b <= 'z') || (b >= '0' && b <= '9') || b >= 0x80)
        return false;
    return b == 0 || strchr("._:@/\\%+~#$*!?^`-", b) == NULL;
}

/* Ends of the parts of a payload, in order; gives their number. */
static inline uint32_t reference_split(const uint8_t *payload, size_t len, size_t *end,
                                       uint32_t cap)
{
    uint32_t m = 0;
    size_t begin = 0;

    for (size_t next = 0; next < len; next++) {
        size_t have = next - begin;
        bool full = have == 38;
        bool at_border = have >= 4 && reference_is_separator(payload[next - 1]) &&
                         !reference_is_separator(payload[next]);
        if (!full && !at_border)
            continue;
        if (m < cap)
            end[m] = next;
        m++;
        begin = next;
    }
    if (m < cap)
        end[m] = len;
    return m + 1;
}

/* K of the entry, from its group key. */
static inline void reference_record_key(uint8_t key[32], const uint8_t group_key[32],
                                        uint64_t index)
{
    uint8_t text[34] = {0x06};
    struct ak_hash hash;

    memcpy(text + 1, group_key, 32);
    text[33] = (uint8_t)(index % 256);
    ak_sha256(&hash, text, sizeof(text));
    memcpy(key, hash.b, 32);
}

static inline void reference_u32(uint8_t out[4], uint32_t n)
{
    out[0] = (uint8_t)(n >> 24);
    out[1] = (uint8_t)(n >> 16);
    out[2] = (uint8_t)(n >> 8);
    out[3] = (uint8_t)n;
}

static inline void reference_part_salt(uint8_t salt[16], const uint8_t key[32], uint32_t j)
{
    uint8_t text[37] = {0x07};
    struct ak_hash pair;

    memcpy(text + 1, key, 32);
    reference_u32(text + 33, j / 2);
    ak_sha256(&pair, text, sizeof(text));
    memcpy(salt, j % 2 == 0 ? pair.b : pair.b + 16, 16);
}

static inline struct ak_hash reference_part(const uint8_t key[32], uint32_t j, const uint8_t *part,
                                            size_t len)
{
    uint8_t text[17 + 38] = {0x03};
    struct ak_hash c;

    reference_part_salt(text + 1, key, j);
    if (len > 0)
        memcpy(text + 17, part, len);
    ak_sha256(&c, text, 17 + len);
    return c;
}

/* The commitment; `end` is room for `cap` ends, as many as the payload has parts. */
static inline struct ak_hash reference_parts(const uint8_t key[32], const uint8_t *payload,
                                             size_t len, size_t *end, uint32_t cap)
{
    uint32_t m = reference_split(payload, len, end, cap);
    uint8_t front[5] = {0x04};
    struct ak_sha256_ctx ctx;
    struct ak_hash out;
    size_t begin = 0;

    reference_u32(front + 1, m);
    ak_sha256_init(&ctx);
    ak_sha256_update(&ctx, front, sizeof(front));
    for (uint32_t j = 0; j < m; j++) {
        struct ak_hash c = reference_part(key, j, payload + begin, end[j] - begin);
        ak_sha256_update(&ctx, c.b, sizeof(c.b));
        begin = end[j];
    }
    ak_sha256_final(&ctx, &out);
    return out;
}

#endif
