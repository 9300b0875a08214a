/* cursor.h - reading untrusted bytes: read all fields, then ask once whether all were there.
 *
 * A read past the end, or of something malformed, sets `bad`, which stays; all later reads then
 * give 0 or NULL and take nothing. Integers are big-endian (format.md 1). */
#ifndef AK_CURSOR_H
#define AK_CURSOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Ten groups of 7 bits hold 64 bits (format.md 1). */
#define AK_VARINT_BYTES_MAX 10

struct ak_cursor {
    const uint8_t *p; /* next byte; borrowed */
    size_t left;      /* bytes from there on */
    bool bad;         /* something was missing or malformed */
};

static inline void ak_cursor_init(struct ak_cursor *c, const void *data, size_t n)
{
    c->p = data;
    c->left = n;
    c->bad = false;
}

/* Takes `n` bytes and gives where they lie (borrowed), or NULL. */
static inline const uint8_t *ak_cursor_bytes(struct ak_cursor *c, size_t n)
{
    const uint8_t *at = c->p;

    if (c->bad || n > c->left) {
        c->bad = true;
        return NULL;
    }
    if (n > 0)
        c->p += n;
    c->left -= n;
    return at;
}

/* Takes an integer of `n` bytes, at most 8. */
static inline uint64_t ak_cursor_uint(struct ak_cursor *c, size_t n)
{
    const uint8_t *at = ak_cursor_bytes(c, n);
    uint64_t value = 0;

    if (at == NULL)
        return 0;
    for (size_t i = 0; i < n; i++)
        value = value << 8 | at[i];
    return value;
}

static inline uint8_t ak_cursor_u8(struct ak_cursor *c)
{
    return (uint8_t)ak_cursor_uint(c, 1);
}

static inline uint16_t ak_cursor_u16(struct ak_cursor *c)
{
    return (uint16_t)ak_cursor_uint(c, 2);
}

static inline uint32_t ak_cursor_u32(struct ak_cursor *c)
{
    return (uint32_t)ak_cursor_uint(c, 4);
}

static inline uint64_t ak_cursor_u48(struct ak_cursor *c)
{
    return ak_cursor_uint(c, 6);
}

static inline uint64_t ak_cursor_u64(struct ak_cursor *c)
{
    return ak_cursor_uint(c, 8);
}

/* Takes an unsigned LEB128 in its one encoding: minimal and below 2^64. */
static inline uint64_t ak_cursor_varint(struct ak_cursor *c)
{
    uint64_t value = 0;

    for (unsigned i = 0; i < AK_VARINT_BYTES_MAX; i++) {
        uint64_t byte = ak_cursor_u8(c);
        if (c->bad)
            return 0;
        if (i == AK_VARINT_BYTES_MAX - 1 && byte > 1)
            break; /* beyond 64 bits */
        value |= (byte & 0x7f) << (7 * i);
        if ((byte & 0x80) == 0) {
            if (byte == 0 && i > 0)
                break; /* not minimal */
            return value;
        }
    }
    c->bad = true;
    return 0;
}

/* Whether everything was there and well formed, and nothing is left. */
static inline bool ak_cursor_done(const struct ak_cursor *c)
{
    return !c->bad && c->left == 0;
}

#endif
