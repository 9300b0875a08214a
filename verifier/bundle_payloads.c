/* bundle_payloads.c - payloads are cut by the lengths of the openings; nothing is decompressed
 * beyond what they ask for.
 *
 * Failure modes: a length past the format's bound, a stream that is too short, has no LF where a
 * payload ends, or something left at its end; a frame of records.zst of another form. */
#include "bundle_payloads.h"

#include "bundle_parts.h"

#include <akashi/bundle.h>

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <zstd.h>

/* A window of at most 8 MiB (14.6). */
#define WINDOW_LOG_MAX 23

#define PLAIN_BYTES 131072u

/* Magic, descriptor: enough to see checksum flag, dictionary and reserved bits. */
#define FRAME_FRONT_BYTES 5u

static enum ak_code check_frame(struct ak_bundle_payloads *p, struct ak_error *err)
{
    const uint8_t *front;
    enum ak_code rc = ak_bundle_stream_take(&p->packed, FRAME_FRONT_BYTES, &front, err);

    if (rc != AK_OK)
        return rc;
    p->packed.at -= FRAME_FRONT_BYTES;
    /* RFC 8878 3.1.1.1.1: checksum flag set, reserved and unused bits and dictionary ID not. */
    if (front[0] != 0x28 || front[1] != 0xb5 || front[2] != 0x2f || front[3] != 0xfd ||
        (front[4] & 0x1f) != 0x04)
        return ak_fail(err, AK_EMALFORMED, "records.zst does not begin with a frame of its form");
    return AK_OK;
}

enum ak_code ak_bundle_payloads_open(struct ak_bundle_payloads *p,
                                     const struct ak_bundle_files *files, struct ak_error *err)
{
    enum ak_code rc;

    memset(p, 0, sizeof(*p));
    p->decoder = ZSTD_createDCtx();
    p->plain = malloc(PLAIN_BYTES);
    p->payload = malloc(AK_BUNDLE_TEXT_BYTES_MAX + 1);
    if (p->decoder == NULL || p->plain == NULL || p->payload == NULL)
        return ak_fail(err, AK_ENOMEM, "no memory to read a bundle");
    if (ZSTD_isError(ZSTD_DCtx_setParameter(p->decoder, ZSTD_d_windowLogMax, WINDOW_LOG_MAX)))
        return ak_fail(err, AK_EIO, "the decompressor takes no bound");
    rc = ak_bundle_stream_open(&p->openings, files, AK_BUNDLE_OPENINGS, err);
    if (rc == AK_OK)
        rc = ak_bundle_stream_open(&p->own, files, AK_BUNDLE_OWN, err);
    if (rc == AK_OK)
        rc = ak_bundle_stream_open(&p->packed, files, AK_BUNDLE_RECORDS, err);
    return rc == AK_OK ? check_frame(p, err) : rc;
}

void ak_bundle_payloads_close(struct ak_bundle_payloads *p)
{
    ak_bundle_stream_close(&p->openings);
    ak_bundle_stream_close(&p->own);
    ak_bundle_stream_close(&p->packed);
    ZSTD_freeDCtx(p->decoder);
    free(p->plain);
    free(p->payload);
    memset(p, 0, sizeof(*p));
}

/* Decompresses on: at least one byte is there afterwards, unless the frame has ended. */
static enum ak_code inflate(struct ak_bundle_payloads *p, struct ak_error *err)
{
    p->plain_at = 0;
    p->plain_have = 0;
    while (p->plain_have == 0 && !p->frame_ended) {
        ZSTD_outBuffer out = {.dst = p->plain, .size = PLAIN_BYTES};
        ZSTD_inBuffer in = {0};
        const uint8_t *bytes;
        size_t left;
        enum ak_code rc = ak_bundle_stream_some(&p->packed, &bytes, &in.size, err);
        if (rc != AK_OK)
            return rc;
        in.src = bytes;
        left = ZSTD_decompressStream(p->decoder, &out, &in);
        ak_bundle_stream_skip(&p->packed, in.pos);
        if (ZSTD_isError(left))
            return ak_fail(err, AK_EINTEGRITY, "records.zst cannot be decompressed: %s",
                           ZSTD_getErrorName(left));
        p->plain_have = out.pos;
        p->frame_ended = left == 0;
        if (!p->frame_ended && out.pos == 0 && in.size == 0)
            return ak_fail(err, AK_EMALFORMED, "records.zst ends within its frame");
    }
    return AK_OK;
}

enum ak_code ak_bundle_payloads_plain(struct ak_bundle_payloads *p, uint8_t *out, size_t n,
                                      struct ak_error *err)
{
    while (n > 0) {
        size_t some = p->plain_have - p->plain_at;
        if (some == 0) {
            enum ak_code rc = inflate(p, err);
            if (rc != AK_OK)
                return rc;
            if (p->plain_have == 0)
                return ak_fail(err, AK_EMALFORMED, "records.zst holds less than openings says");
            continue;
        }
        some = some < n ? some : n;
        memcpy(out, p->plain + p->plain_at, some);
        p->plain_at += some;
        out += some;
        n -= some;
    }
    return AK_OK;
}

/* Length, key, and the payload itself with its LF. */
static enum ak_code read_present(struct ak_bundle_payloads *p, const struct ak_entry *entry,
                                 struct ak_bundle_opening *opening, struct ak_error *err)
{
    size_t key = entry->form == AK_FORM_PARTS ? AK_BUNDLE_KEY_BYTES_MAX : AK_SALT_BYTES;
    uint8_t len[4];
    enum ak_code rc = ak_bundle_stream_copy(&p->openings, len, sizeof(len), err);

    if (rc == AK_OK)
        rc = ak_bundle_stream_copy(&p->openings, opening->key, key, err);
    if (rc != AK_OK)
        return rc;
    opening->len = (size_t)len[0] << 24 | (size_t)len[1] << 16 | (size_t)len[2] << 8 | len[3];
    if (opening->len > AK_PAYLOAD_BYTES_MAX)
        return ak_fail(err, AK_EMALFORMED, "openings: a payload of %zu bytes", opening->len);
    if (ak_kind_received(entry->kind))
        rc = ak_bundle_payloads_plain(p, p->payload, opening->len + 1, err);
    else
        rc = ak_bundle_stream_copy(&p->own, p->payload, opening->len + 1, err);
    if (rc == AK_OK && p->payload[opening->len] != '\n')
        rc = ak_fail(err, AK_EMALFORMED, "%s has no line feed where a payload ends",
                     ak_kind_received(entry->kind) ? "records.zst" : "own.txt");
    opening->payload = p->payload;
    return rc;
}

enum ak_code ak_bundle_payloads_next(struct ak_bundle_payloads *p, const struct ak_entry *entry,
                                     struct ak_bundle_opening *opening, struct ak_error *err)
{
    uint8_t number[2];
    enum ak_code rc;

    memset(opening, 0, sizeof(*opening));
    rc = ak_bundle_stream_copy(&p->openings, &opening->state, 1, err);
    if (rc != AK_OK)
        return rc;
    switch (opening->state) {
    case AK_STATE_PRESENT:
        return read_present(p, entry, opening, err);
    case AK_STATE_PARTS:
        return ak_bundle_parts_read(p, entry, opening, err);
    case AK_STATE_REDACTED:
        if (!ak_kind_received(entry->kind))
            return ak_fail(err, AK_EMALFORMED,
                           "openings: an entry of the log itself is blacked out");
        rc = ak_bundle_stream_copy(&p->openings, number, sizeof(number), err);
        opening->redaction = (uint16_t)(number[0] << 8 | number[1]);
        return rc;
    case AK_STATE_ERASED:
    case AK_STATE_EXPIRED:
    case AK_STATE_NOT_ASKED:
        return AK_OK;
    default:
        return ak_fail(err, AK_EMALFORMED, "openings: state %u is not known", opening->state);
    }
}

enum ak_code ak_bundle_payloads_end(struct ak_bundle_payloads *p, struct ak_error *err)
{
    enum ak_code rc = AK_OK;

    if (p->plain_at == p->plain_have)
        rc = inflate(p, err);
    if (rc == AK_OK &&
        (p->plain_at != p->plain_have || !p->frame_ended || !ak_bundle_stream_ended(&p->packed)))
        rc = ak_fail(err, AK_EMALFORMED, "records.zst holds more than openings says");
    if (rc == AK_OK && !ak_bundle_stream_ended(&p->own))
        rc = ak_fail(err, AK_EMALFORMED, "own.txt holds more than openings says");
    if (rc == AK_OK && !ak_bundle_stream_ended(&p->openings))
        rc = ak_fail(err, AK_EMALFORMED, "openings has more rows than there are entries");
    return rc;
}
