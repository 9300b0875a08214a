/* sha256_avx512.c - SHA-256 (FIPS 180-4) of sixteen messages side by side, one a lane.
 *
 * Each step takes one 64-byte block of each message as a row, turns 16 rows into 16 words by lane,
 * and compresses them all. Rows are loaded where the message lies, with a mask: bytes outside of it
 * are not touched, whoever owns them, and padding is put in by mask too, so nothing is copied. A
 * lane whose message has ended keeps its state.
 *
 * The instructions are chosen for these functions alone, so the file is compiled like all others
 * and runs only where ak_sha256_x16_available says so. */
#include "sha256_avx512.h"

#include <assert.h>

#if defined(__x86_64__)

#include <immintrin.h>

#define BLOCK_BYTES 64u
#define STATE_WORDS 8u
#define TARGET      __attribute__((target("avx512f,avx512bw,avx512vl,bmi2")))
#define INLINE      TARGET __attribute__((always_inline)) static inline

static const uint32_t initial[STATE_WORDS] = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
                                              0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};

static const uint32_t constant[64] = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2};

/* Truth tables for vpternlog. */
#define XOR3     0x96
#define CHOICE   0xca
#define MAJORITY 0xe8

/* Bits of the bytes [from, to) of a row, both from 0 to 64. */
INLINE __mmask64 bytes_mask(uint64_t from, uint64_t to)
{
    uint64_t below_to = to >= 64 ? UINT64_MAX : (UINT64_C(1) << to) - 1;
    uint64_t below_from = from >= 64 ? UINT64_MAX : (UINT64_C(1) << from) - 1;

    return below_to & ~below_from;
}

/* The 64 bytes from `at` - `before` on of which only those in `mask` are read. The sum is made of
 * integers, because it may lie outside of the object that `at` points to. An empty mask is right
 * but slow where the page is not mapped (a null pointer), so callers avoid it. */
INLINE __m512i load_masked(const uint8_t *at, int64_t before, __mmask64 mask)
{
    /* NOLINTNEXTLINE(performance-no-int-to-ptr): see above */
    return _mm512_maskz_loadu_epi8(mask, (const void *)((uintptr_t)at - (uintptr_t)before));
}

/* Number of 64-byte blocks of a message with its padding. */
INLINE uint64_t blocks_of(const struct ak_message *m)
{
    return (1 + (uint64_t)m->head_len + m->body_len + 8) / BLOCK_BYTES + 1;
}

/* Block `b` of a message, as bytes. */
INLINE __m512i load_row(const struct ak_message *m, uint64_t b)
{
    uint64_t front = 1 + (uint64_t)m->head_len;
    uint64_t len = front + m->body_len;
    uint64_t at = b * BLOCK_BYTES;
    __m512i row;

    if (b > 0 && at + BLOCK_BYTES <= len)
        return _mm512_loadu_si512(m->body + (at - front));
    row = _mm512_setzero_si512();
    if (b == 0 && m->head_len > 0)
        row = load_masked(m->head, 1, bytes_mask(1, front));
    if (b == 0)
        row = _mm512_mask_set1_epi8(row, 1, (char)m->tag);
    if (at < len && m->body_len > 0) {
        uint64_t from = b == 0 ? front : 0;
        uint64_t to = len - at < BLOCK_BYTES ? len - at : BLOCK_BYTES;
        row =
            _mm512_or_si512(row, load_masked(m->body, (int64_t)(front - at), bytes_mask(from, to)));
    }
    if (len >= at && len - at < BLOCK_BYTES)
        row = _mm512_mask_set1_epi8(row, UINT64_C(1) << (len - at), (char)0x80);
    if (b + 1 == blocks_of(m))
        row = _mm512_mask_set1_epi64(row, 0x80, (int64_t)__builtin_bswap64(len * 8));
    return row;
}

/* Turns 16 rows of 16 words into 16 columns. */
INLINE void transpose(__m512i r[16])
{
    __m512i t[16];

    for (unsigned i = 0; i < 16; i += 2) {
        t[i] = _mm512_unpacklo_epi32(r[i], r[i + 1]);
        t[i + 1] = _mm512_unpackhi_epi32(r[i], r[i + 1]);
    }
    for (unsigned i = 0; i < 16; i += 4) {
        r[i] = _mm512_unpacklo_epi64(t[i], t[i + 2]);
        r[i + 1] = _mm512_unpackhi_epi64(t[i], t[i + 2]);
        r[i + 2] = _mm512_unpacklo_epi64(t[i + 1], t[i + 3]);
        r[i + 3] = _mm512_unpackhi_epi64(t[i + 1], t[i + 3]);
    }
    /* Row 4 i + k now has, in its quarter j, column 4 j + k of rows 4 i to 4 i + 3. */
    for (unsigned k = 0; k < 4; k++) {
        __m512i even_low = _mm512_shuffle_i32x4(r[k], r[4 + k], 0x88);
        __m512i even_high = _mm512_shuffle_i32x4(r[8 + k], r[12 + k], 0x88);
        __m512i odd_low = _mm512_shuffle_i32x4(r[k], r[4 + k], 0xdd);
        __m512i odd_high = _mm512_shuffle_i32x4(r[8 + k], r[12 + k], 0xdd);
        t[k] = _mm512_shuffle_i32x4(even_low, even_high, 0x88);
        t[8 + k] = _mm512_shuffle_i32x4(even_low, even_high, 0xdd);
        t[4 + k] = _mm512_shuffle_i32x4(odd_low, odd_high, 0x88);
        t[12 + k] = _mm512_shuffle_i32x4(odd_low, odd_high, 0xdd);
    }
    for (unsigned i = 0; i < 16; i++)
        r[i] = t[i];
}

/* Bytes of each 32-bit word in the other order. */
INLINE __m512i swap_words(__m512i x)
{
    const __m512i order =
        _mm512_broadcast_i32x4(_mm_set_epi64x(0x0c0d0e0f08090a0b, 0x0405060700010203));

    return _mm512_shuffle_epi8(x, order);
}

INLINE __m512i xor3(__m512i a, __m512i b, __m512i c)
{
    return _mm512_ternarylogic_epi32(a, b, c, XOR3);
}

/* FIPS 180-4 4.1.2: the functions of a round, and of the message schedule. */
INLINE __m512i big_sigma0(__m512i x)
{
    return xor3(_mm512_ror_epi32(x, 2), _mm512_ror_epi32(x, 13), _mm512_ror_epi32(x, 22));
}

INLINE __m512i big_sigma1(__m512i x)
{
    return xor3(_mm512_ror_epi32(x, 6), _mm512_ror_epi32(x, 11), _mm512_ror_epi32(x, 25));
}

INLINE __m512i small_sigma0(__m512i x)
{
    return xor3(_mm512_ror_epi32(x, 7), _mm512_ror_epi32(x, 18), _mm512_srli_epi32(x, 3));
}

INLINE __m512i small_sigma1(__m512i x)
{
    return xor3(_mm512_ror_epi32(x, 17), _mm512_ror_epi32(x, 19), _mm512_srli_epi32(x, 10));
}

/* One round; the caller turns the letters instead of moving the state. */
INLINE void one_round(__m512i a, __m512i b, __m512i c, __m512i *d, __m512i e, __m512i f, __m512i g,
                      __m512i *h, __m512i word, uint32_t k)
{
    __m512i sum = _mm512_add_epi32(_mm512_add_epi32(*h, big_sigma1(e)),
                                   _mm512_ternarylogic_epi32(e, f, g, CHOICE));

    sum = _mm512_add_epi32(sum, _mm512_add_epi32(word, _mm512_set1_epi32((int)k)));
    *d = _mm512_add_epi32(*d, sum);
    *h = _mm512_add_epi32(
        sum, _mm512_add_epi32(big_sigma0(a), _mm512_ternarylogic_epi32(a, b, c, MAJORITY)));
}

/* The next 16 words of the message schedule in place of the last. */
INLINE void schedule(__m512i w[16])
{
#pragma GCC unroll 16
    for (unsigned i = 0; i < 16; i++)
        w[i] = _mm512_add_epi32(_mm512_add_epi32(w[i], small_sigma0(w[(i + 1) & 15])),
                                _mm512_add_epi32(w[(i + 9) & 15], small_sigma1(w[(i + 14) & 15])));
}

/* Compresses one block of each lane into the state. */
INLINE void compress(__m512i state[STATE_WORDS], __m512i w[16])
{
    __m512i s[STATE_WORDS];

    for (unsigned i = 0; i < STATE_WORDS; i++)
        s[i] = state[i];
    for (unsigned part = 0; part < 64; part += 16) {
        const uint32_t *k = constant + part;
        if (part > 0)
            schedule(w);
#pragma GCC unroll 2
        for (unsigned i = 0; i < 16; i += 8) {
            one_round(s[0], s[1], s[2], &s[3], s[4], s[5], s[6], &s[7], w[i], k[i]);
            one_round(s[7], s[0], s[1], &s[2], s[3], s[4], s[5], &s[6], w[i + 1], k[i + 1]);
            one_round(s[6], s[7], s[0], &s[1], s[2], s[3], s[4], &s[5], w[i + 2], k[i + 2]);
            one_round(s[5], s[6], s[7], &s[0], s[1], s[2], s[3], &s[4], w[i + 3], k[i + 3]);
            one_round(s[4], s[5], s[6], &s[7], s[0], s[1], s[2], &s[3], w[i + 4], k[i + 4]);
            one_round(s[3], s[4], s[5], &s[6], s[7], s[0], s[1], &s[2], w[i + 5], k[i + 5]);
            one_round(s[2], s[3], s[4], &s[5], s[6], s[7], s[0], &s[1], w[i + 6], k[i + 6]);
            one_round(s[1], s[2], s[3], &s[4], s[5], s[6], s[7], &s[0], w[i + 7], k[i + 7]);
        }
    }
    for (unsigned i = 0; i < STATE_WORDS; i++)
        state[i] = _mm512_add_epi32(state[i], s[i]);
}

/* Loads block `b` of all lanes that have one, as words by lane, and gives the mask of those. */
INLINE __mmask16 load_block(__m512i w[16], const struct ak_message *const *message, unsigned n,
                            uint64_t b)
{
    __mmask16 active = 0;

    for (unsigned i = 0; i < AK_SHA256_LANES; i++) {
        w[i] = _mm512_setzero_si512();
        if (i < n && b < blocks_of(message[i])) {
            w[i] = swap_words(load_row(message[i], b));
            active |= (__mmask16)(1u << i);
        }
    }
    transpose(w);
    return active;
}

INLINE void store(const struct ak_message *const *message, unsigned n,
                  const __m512i state[STATE_WORDS])
{
    __m512i r[16];

    for (unsigned i = 0; i < 16; i++)
        r[i] = i < STATE_WORDS ? state[i] : _mm512_setzero_si512();
    transpose(r);
    for (unsigned i = 0; i < n; i++)
        _mm256_storeu_si256((__m256i *)(void *)message[i]->out,
                            _mm512_castsi512_si256(swap_words(r[i])));
}

bool ak_sha256_x16_available(void)
{
    return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
           __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("bmi2");
}

TARGET void ak_sha256_x16(const struct ak_message *const *message, unsigned n)
{
    __m512i state[STATE_WORDS];
    uint64_t blocks = 0;

    assert(n >= 1 && n <= AK_SHA256_LANES);
    for (unsigned i = 0; i < n; i++) {
        uint64_t own = blocks_of(message[i]);
        blocks = own > blocks ? own : blocks;
    }
    for (unsigned i = 0; i < STATE_WORDS; i++)
        state[i] = _mm512_set1_epi32((int)initial[i]);
    for (uint64_t b = 0; b < blocks; b++) {
        __m512i before[STATE_WORDS];
        __m512i w[16];
        __mmask16 active = load_block(w, message, n, b);
        for (unsigned i = 0; i < STATE_WORDS; i++)
            before[i] = state[i];
        compress(state, w);
        for (unsigned i = 0; i < STATE_WORDS; i++)
            state[i] = _mm512_mask_mov_epi32(before[i], active, state[i]);
    }
    store(message, n, state);
}

#else

bool ak_sha256_x16_available(void)
{
    return false;
}

void ak_sha256_x16(const struct ak_message *const *message, unsigned n)
{
    (void)message;
    (void)n;
    assert(!"ak_sha256_x16 was called on a processor that does not have it");
}

#endif
