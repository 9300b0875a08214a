/* segment_data.c - decompression of one DATA frame, strict, and of what is left of a broken one.
 *
 * The frame's header is read here, byte by byte as RFC 8878 3.1.1.1 says, because the decoder
 * tolerates what format.md 6.4 does not.
 *
 * Of a broken frame two things are taken, one over the other. Decoded in one go, it leaves in the
 * text what the broken Zstandard block gave before its fault. Fed to the streaming decoder block by
 * block, it gives what lies before that block also where the frame's header, its end or its
 * checksum are what is wrong. What any of this is worth is told by the hashes of groups. */
#include "segment_data.h"

#include <akashi/format.h>

#include <stdbool.h>
#include <string.h>
#include <zstd_errors.h>

#define WINDOW_LOG_MAX 23 /* 8 MiB: AK_DATA_WINDOW_MAX */

/* RFC 8878 3.1.1.1.1: bits of the frame header descriptor. */
#define FLAG_DICTIONARY 0x03u
#define FLAG_CHECKSUM   0x04u
#define FLAG_RESERVED   0x08u
#define FLAG_UNUSED     0x10u
#define FLAG_SINGLE     0x20u

#define DESCRIPTOR_AT      4u
#define CHECKSUM_BYTES     4u
#define BLOCK_HEADER_BYTES 3u
#define BLOCK_RLE          1u /* RFC 8878 3.1.1.2.2 */
#define BLOCK_RESERVED     3u

_Static_assert(AK_DATA_WINDOW_MAX == 1u << WINDOW_LOG_MAX, "the decoder's bound is the format's");

ZSTD_DCtx *ak_data_decoder_new(void)
{
    ZSTD_DCtx *decoder = ZSTD_createDCtx();

    if (decoder != NULL &&
        ZSTD_isError(ZSTD_DCtx_setParameter(decoder, ZSTD_d_windowLogMax, WINDOW_LOG_MAX))) {
        (void)ZSTD_freeDCtx(decoder);
        return NULL;
    }
    return decoder;
}

/* Bytes of the content size field (RFC 8878 3.1.1.1.1.1). */
static size_t content_size_bytes(unsigned descriptor)
{
    static const size_t bytes[4] = {0, 2, 4, 8};
    unsigned flag = descriptor >> 6;

    return flag == 0 && (descriptor & FLAG_SINGLE) != 0 ? 1 : bytes[flag];
}

static size_t dictionary_bytes(unsigned descriptor)
{
    static const size_t bytes[4] = {0, 1, 2, 4};

    return bytes[descriptor & FLAG_DICTIONARY];
}

/* Length of the frame header, magic included; 0 if the bytes end before the descriptor. */
static size_t header_bytes(const uint8_t *data, size_t len)
{
    unsigned descriptor;

    if (len <= DESCRIPTOR_AT)
        return 0;
    descriptor = data[DESCRIPTOR_AT];
    return DESCRIPTOR_AT + 1 + ((descriptor & FLAG_SINGLE) != 0 ? 0 : 1) +
           dictionary_bytes(descriptor) + content_size_bytes(descriptor);
}

static uint64_t load_le(const uint8_t *p, size_t n)
{
    uint64_t value = 0;

    for (size_t i = n; i > 0; i--)
        value = value << 8 | p[i - 1];
    return value;
}

/* RFC 8878 3.1.1.1.2. */
static uint64_t window_bytes(uint8_t descriptor)
{
    uint64_t base = UINT64_C(1) << (10 + (descriptor >> 3));

    return base + base / 8 * (descriptor & 7);
}

static enum ak_code bad(struct ak_error *err, const char *what)
{
    return ak_fail(err, AK_EMALFORMED, "R14 (6.4): the data frame %s", what);
}

static enum ak_code check_header(const uint8_t *data, size_t len, uint32_t text_bytes,
                                 struct ak_error *err)
{
    size_t n = header_bytes(data, len);
    size_t size_bytes;
    unsigned descriptor;

    if (n == 0 || n > len || load_le(data, DESCRIPTOR_AT) != AK_DATA_MAGIC)
        return bad(err, "is not one of Zstandard");
    descriptor = data[DESCRIPTOR_AT];
    if ((descriptor & (FLAG_RESERVED | FLAG_UNUSED)) != 0)
        return bad(err, "has a reserved or unused bit set");
    if ((descriptor & FLAG_CHECKSUM) == 0)
        return bad(err, "has no checksum");
    if ((descriptor & FLAG_DICTIONARY) != 0)
        return bad(err, "names a dictionary");
    if ((descriptor & FLAG_SINGLE) == 0 &&
        window_bytes(data[DESCRIPTOR_AT + 1]) > AK_DATA_WINDOW_MAX)
        return bad(err, "has a window of more than 8 MiB");
    size_bytes = content_size_bytes(descriptor);
    if (size_bytes == 0)
        return bad(err, "does not state its content size");
    /* Two bytes state 256 less than the size (RFC 8878 3.1.1.1.4). */
    if (load_le(data + n - size_bytes, size_bytes) + (size_bytes == 2 ? 256 : 0) != text_bytes)
        return bad(err, "states another content size than the columns");
    return AK_OK;
}

enum ak_code ak_data_check(const uint8_t *data, size_t len, uint32_t text_bytes,
                           struct ak_error *err)
{
    enum ak_code rc = check_header(data, len, text_bytes, err);
    size_t n;

    if (rc != AK_OK)
        return rc;
    n = ZSTD_findFrameCompressedSize(data, len);
    if (ZSTD_isError(n))
        return bad(err, "is not a whole one");
    if (n != len)
        return bad(err, "ends before its length");
    return AK_OK;
}

enum ak_code ak_data_decode(ZSTD_DCtx *decoder, uint8_t *text, uint32_t text_bytes,
                            const uint8_t *data, size_t len, struct ak_error *err)
{
    size_t n = ZSTD_decompressDCtx(decoder, text, text_bytes, data, len);

    if (!ZSTD_isError(n) && n == text_bytes)
        return AK_OK;
    if (!ZSTD_isError(n))
        return ak_fail(err, AK_EMALFORMED, "R15: the data frame gives %zu bytes instead of %u", n,
                       text_bytes);
    switch (ZSTD_getErrorCode(n)) {
    case ZSTD_error_memory_allocation:
        return ak_fail(err, AK_ENOMEM, "no memory to decompress a block");
    case ZSTD_error_checksum_wrong:
        return ak_fail(err, AK_EINTEGRITY, "R15: the data frame's checksum is wrong");
    default:
        return ak_fail(err, AK_EMALFORMED, "R15: the data frame does not decompress: %s",
                       ZSTD_getErrorName(n));
    }
}

/* Feeds exactly these bytes. False when the decoder refuses them or the room is used up. */
static bool feed(ZSTD_DCtx *decoder, ZSTD_outBuffer *out, const uint8_t *data, size_t n)
{
    ZSTD_inBuffer in = {.src = data, .size = n};

    for (;;) {
        size_t in_before = in.pos;
        size_t out_before = out->pos;
        if (ZSTD_isError(ZSTD_decompressStream(decoder, out, &in)))
            return false;
        if (out->pos == out->size)
            return false;
        if (in.pos == in_before && out->pos == out_before)
            return in.pos == in.size;
    }
}

static uint32_t block_head(const uint8_t *at)
{
    return (uint32_t)load_le(at, BLOCK_HEADER_BYTES);
}

/* Length of a Zstandard block with its header; more than `left` if it does not fit. */
static size_t block_bytes(const uint8_t *at, size_t left)
{
    uint32_t head = left < BLOCK_HEADER_BYTES ? 0 : block_head(at);
    unsigned type = head >> 1 & 3;

    if (left < BLOCK_HEADER_BYTES || type == BLOCK_RESERVED)
        return left + 1;
    return BLOCK_HEADER_BYTES + (type == BLOCK_RLE ? 1 : head >> 3);
}

/* Whether blocks that begin at `at` lead exactly to the checksum at the frame's end. */
static bool leads_to_end(const uint8_t *data, size_t len, size_t at)
{
    bool last = false;

    while (!last && at < len) {
        size_t n = block_bytes(data + at, len - at);
        if (n > len - at)
            return false;
        last = (block_head(data + at) & 1) != 0;
        at += n;
    }
    return last && len - at == CHECKSUM_BYTES;
}

/* Feeds the frame's header, or, where 6.4 does not allow it, one that says what it should; gives
 * where the blocks begin, or 0. */
static size_t feed_header(ZSTD_DCtx *decoder, ZSTD_outBuffer *out, uint32_t text_bytes,
                          const uint8_t *data, size_t len)
{
    /* RFC 8878 3.1.1.1: the lengths that a header without dictionary can have. */
    static const size_t lengths[] = {9, 10, 7, 6, 8, 13, 14};
    uint8_t own[9] = {0, 0, 0, 0, 2 << 6 | FLAG_SINGLE | FLAG_CHECKSUM};
    size_t at = header_bytes(data, len);

    if (check_header(data, len, text_bytes, NULL) == AK_OK)
        return feed(decoder, out, data, at) ? at : 0;
    for (unsigned i = 0; i < 4; i++) {
        own[i] = (uint8_t)(AK_DATA_MAGIC >> (8 * i));
        own[DESCRIPTOR_AT + 1 + i] = (uint8_t)(text_bytes >> (8 * i));
    }
    for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
        if (leads_to_end(data, len, lengths[i]))
            return feed(decoder, out, own, sizeof(own)) ? lengths[i] : 0;
    }
    return at > 0 && at <= len && feed(decoder, out, data, at) ? at : 0;
}

void ak_data_salvage(ZSTD_DCtx *decoder, uint8_t *text, uint32_t text_bytes, const uint8_t *data,
                     size_t len)
{
    ZSTD_outBuffer out = {.dst = text, .size = text_bytes};
    bool more = true;
    size_t at;

    memset(text, 0, text_bytes);
    (void)ZSTD_DCtx_reset(decoder, ZSTD_reset_session_only);
    (void)ZSTD_decompressDCtx(decoder, text, text_bytes, data, len);
    (void)ZSTD_DCtx_reset(decoder, ZSTD_reset_session_only);
    at = feed_header(decoder, &out, text_bytes, data, len);
    while (at > 0 && more && len - at >= BLOCK_HEADER_BYTES) {
        size_t n = block_bytes(data + at, len - at);
        if (n > len - at)
            break;
        more = feed(decoder, &out, data + at, n) && (block_head(data + at) & 1) == 0;
        at += n;
    }
    (void)ZSTD_DCtx_reset(decoder, ZSTD_reset_session_only);
}
