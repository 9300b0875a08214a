/* sha256_ni.c - SHA-256 (FIPS 180-4) of two messages side by side, with the processor's own
 * instructions for it.
 *
 * One step of a message waits for the one before it, and twice as long as the processor needs to
 * begin another: so a second message costs next to nothing. libcrypto hashes one at a time with the
 * same instructions. More than two gain nothing, since two keep the unit busy.
 *
 * Whole blocks are read where they lie; the first, with tag and head in it, and the last, with the
 * padding, are put together in a buffer. The instructions are chosen for these functions alone, so
 * the file is compiled like all others and runs only where ak_sha256_x2_available says so. */
#include "sha256_ni.h"

#include <assert.h>

#if defined(__x86_64__)

#include <cpuid.h>
#include <immintrin.h>
#include <string.h>

#define BLOCK_BYTES  64u
#define LENGTH_BYTES 8u
#define TARGET       __attribute__((target("sha,sse4.1,ssse3")))
#define INLINE       TARGET __attribute__((always_inline)) static inline

static const uint32_t constant[64] __attribute__((aligned(16))) = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2};

/* Working variables in the order that the instructions want: A B E F and C D G H, A and C on top.
 */
struct lane {
    __m128i abef, cdgh;
};

/* Four rounds of both messages with the words w[i % 4], and, while they are needed, the four words
 * that take their place for the rounds 4 (i + 4) and on. */
INLINE void step(struct lane lane[2], __m128i w[2][4], unsigned i)
{
    const __m128i k = _mm_load_si128((const __m128i *)(const void *)(constant + 4 * i));

    for (unsigned s = 0; s < 2; s++) {
        __m128i x = _mm_add_epi32(w[s][i % 4], k);
        lane[s].cdgh = _mm_sha256rnds2_epu32(lane[s].cdgh, lane[s].abef, x);
        lane[s].abef =
            _mm_sha256rnds2_epu32(lane[s].abef, lane[s].cdgh, _mm_shuffle_epi32(x, 0x0e));
    }
    for (unsigned s = 0; i < 12 && s < 2; s++) {
        __m128i next = _mm_sha256msg1_epu32(w[s][i % 4], w[s][(i + 1) % 4]);
        next = _mm_add_epi32(next, _mm_alignr_epi8(w[s][(i + 3) % 4], w[s][(i + 2) % 4], 4));
        w[s][i % 4] = _mm_sha256msg2_epu32(next, w[s][(i + 3) % 4]);
    }
}

/* One block of each message. */
INLINE void compress(struct lane lane[2], const uint8_t *a, const uint8_t *b)
{
    const __m128i order = _mm_set_epi64x(0x0c0d0e0f08090a0b, 0x0405060700010203);
    const struct lane before[2] = {lane[0], lane[1]};
    __m128i w[2][4];

    for (unsigned i = 0; i < 4; i++) {
        w[0][i] = _mm_shuffle_epi8(
            _mm_loadu_si128((const __m128i *)(const void *)(a + (size_t)16 * i)), order);
        w[1][i] = _mm_shuffle_epi8(
            _mm_loadu_si128((const __m128i *)(const void *)(b + (size_t)16 * i)), order);
    }
    step(lane, w, 0);
    step(lane, w, 1);
    step(lane, w, 2);
    step(lane, w, 3);
    step(lane, w, 4);
    step(lane, w, 5);
    step(lane, w, 6);
    step(lane, w, 7);
    step(lane, w, 8);
    step(lane, w, 9);
    step(lane, w, 10);
    step(lane, w, 11);
    step(lane, w, 12);
    step(lane, w, 13);
    step(lane, w, 14);
    step(lane, w, 15);
    for (unsigned s = 0; s < 2; s++) {
        lane[s].abef = _mm_add_epi32(lane[s].abef, before[s].abef);
        lane[s].cdgh = _mm_add_epi32(lane[s].cdgh, before[s].cdgh);
    }
}

INLINE struct lane initial(void)
{
    return (struct lane){
        .abef = _mm_set_epi32(0x6a09e667, (int)0xbb67ae85, 0x510e527f, (int)0x9b05688c),
        .cdgh = _mm_set_epi32(0x3c6ef372, (int)0xa54ff53a, 0x1f83d9ab, 0x5be0cd19)};
}

INLINE void store(uint8_t *out, const struct lane *lane)
{
    /* The digest is A B C D E F G H, each with its highest byte first: both halves backwards. */
    const __m128i order = _mm_set_epi64x(0x0001020304050607, 0x08090a0b0c0d0e0f);
    __m128i abcd = _mm_unpackhi_epi64(lane->cdgh, lane->abef);
    __m128i efgh = _mm_unpacklo_epi64(lane->cdgh, lane->abef);

    _mm_storeu_si128((__m128i *)(void *)out, _mm_shuffle_epi8(abcd, order));
    _mm_storeu_si128((__m128i *)(void *)(out + 16), _mm_shuffle_epi8(efgh, order));
}

/* Number of 64-byte blocks of a message with its padding. */
static uint64_t blocks_of(const struct ak_message *m)
{
    return (1 + (uint64_t)m->head_len + m->body_len + LENGTH_BYTES) / BLOCK_BYTES + 1;
}

/* Block `at / 64` of a message: where it lies, or put together in `buffer`. */
static const uint8_t *block_of(const struct ak_message *m, uint64_t at, uint8_t buffer[BLOCK_BYTES])
{
    uint64_t front = 1 + (uint64_t)m->head_len;
    uint64_t len = front + m->body_len;
    uint64_t from = at > 0 ? 0 : front; /* place of the body in the block */
    uint64_t n = at + from < len ? len - at - from : 0;

    if (at > 0 && at + BLOCK_BYTES <= len)
        return m->body + (at - front);
    if (at == 0) {
        buffer[0] = m->tag;
        if (m->head_len > 0)
            memcpy(buffer + 1, m->head, m->head_len);
    }
    if (n > BLOCK_BYTES - from)
        n = BLOCK_BYTES - from;
    if (n > 0)
        memcpy(buffer + from, m->body + (at + from - front), n);
    if (from + n == BLOCK_BYTES)
        return buffer;
    memset(buffer + from + n, 0, BLOCK_BYTES - from - n);
    if (at + from + n == len && at <= len)
        buffer[from + n] = 0x80;
    if (at / BLOCK_BYTES + 1 == blocks_of(m)) {
        uint64_t bits = __builtin_bswap64(len * 8);
        memcpy(buffer + BLOCK_BYTES - LENGTH_BYTES, &bits, sizeof(bits));
    }
    return buffer;
}

/* Fewer than 56 bytes, as they are in most of our messages: a call of memcpy would cost more than
 * the bytes. Reads and writes within them only. */
static inline void copy_short(uint8_t *to, const uint8_t *from, size_t n)
{
    if (n >= 16) {
        for (size_t i = 0; i + 16 < n; i += 16)
            memcpy(to + i, from + i, 16);
        memcpy(to + n - 16, from + n - 16, 16);
    } else if (n >= 8) {
        memcpy(to, from, 8);
        memcpy(to + n - 8, from + n - 8, 8);
    } else if (n >= 4) {
        memcpy(to, from, 4);
        memcpy(to + n - 4, from + n - 4, 4);
    } else {
        for (size_t i = 0; i < n; i++)
            to[i] = from[i];
    }
}

/* The one block of a message that has no more. */
static inline void only_block(const struct ak_message *m, uint8_t buffer[BLOCK_BYTES])
{
    size_t front = 1 + (size_t)m->head_len;
    size_t len = front + m->body_len;
    uint64_t bits = __builtin_bswap64((uint64_t)len * 8);

    memset(buffer, 0, BLOCK_BYTES);
    buffer[0] = m->tag;
    copy_short(buffer + 1, m->head, m->head_len);
    copy_short(buffer + front, m->body, m->body_len);
    buffer[len] = 0x80;
    memcpy(buffer + BLOCK_BYTES - LENGTH_BYTES, &bits, sizeof(bits));
}

bool ak_sha256_x2_available(void)
{
    unsigned a, b, c, d;

    if (!__builtin_cpu_supports("ssse3") || !__builtin_cpu_supports("sse4.1"))
        return false;
    return __get_cpuid_count(7, 0, &a, &b, &c, &d) != 0 && (b & bit_SHA) != 0;
}

TARGET void ak_sha256_x2(const struct ak_message *a, const struct ak_message *b)
{
    struct lane lane[2] = {initial(), initial()};
    struct lane ended; /* of the shorter message */
    uint64_t blocks_a = blocks_of(a);
    uint64_t blocks_b = blocks_of(b);
    uint64_t both = blocks_a < blocks_b ? blocks_a : blocks_b;
    const struct ak_message *longer = blocks_a > blocks_b ? a : b;
    unsigned shorter_at = longer == a ? 1 : 0;
    uint8_t buffer[2][BLOCK_BYTES];

    if (blocks_a == 1 && blocks_b == 1) {
        only_block(a, buffer[0]);
        only_block(b, buffer[1]);
        compress(lane, buffer[0], buffer[1]);
        store(a->out, &lane[0]);
        store(b->out, &lane[1]);
        return;
    }
    for (uint64_t i = 0; i < both; i++)
        compress(lane, block_of(a, i * BLOCK_BYTES, buffer[0]),
                 block_of(b, i * BLOCK_BYTES, buffer[1]));
    ended = lane[shorter_at];
    for (uint64_t i = both; i < blocks_of(longer); i++) {
        const uint8_t *block = block_of(longer, i * BLOCK_BYTES, buffer[0]);
        compress(lane, block, block); /* the other lane only goes along */
    }
    lane[shorter_at] = ended;
    store(a->out, &lane[0]);
    store(b->out, &lane[1]);
}

#else

bool ak_sha256_x2_available(void)
{
    return false;
}

void ak_sha256_x2(const struct ak_message *a, const struct ak_message *b)
{
    (void)a;
    (void)b;
    assert(!"ak_sha256_x2 was called on a processor that does not have it");
}

#endif
