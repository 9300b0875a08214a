/* segment_file.c - bytes of a segment's file: whole frames into memory, long ones as a stream. */
#include "segment_file.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

enum ak_code ak_segment_pread(int fd, uint64_t offset, void *out, size_t n, struct ak_error *err)
{
    uint8_t *at = out;

    while (n > 0) {
        ssize_t got = pread(fd, at, n, (off_t)offset);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0) {
            (void)ak_fail_errno(err, errno, "reading %zu bytes at byte %" PRIu64, n, offset);
            if (err != NULL)
                err->code = AK_EIO;
            return AK_EIO;
        }
        if (got == 0)
            return ak_fail(err, AK_EIO, "the file ends at byte %" PRIu64 ", it was longer before",
                           offset);
        at += got;
        offset += (uint64_t)got;
        n -= (size_t)got;
    }
    return AK_OK;
}

enum ak_code ak_frame_read(int fd, const struct ak_frame *frame, uint8_t *buffer, size_t cap,
                           struct ak_hash *digest, struct ak_error *err)
{
    enum ak_code rc;

    if (frame->bytes > cap)
        return ak_fail(err, AK_ELIMIT,
                       "the frame at byte %" PRIu64 " has %" PRIu64 " bytes, there is room for %zu",
                       frame->offset, frame->bytes, cap);
    rc = ak_segment_pread(fd, frame->offset, buffer, (size_t)frame->bytes, err);
    if (rc == AK_OK && digest != NULL)
        ak_sha256(digest, buffer, (size_t)frame->bytes);
    return rc;
}

enum ak_code ak_frame_digest(int fd, const struct ak_frame *frame, struct ak_hash *digest,
                             struct ak_error *err)
{
    uint8_t buffer[AK_STREAM_BYTES];
    struct ak_sha256_ctx ctx;
    uint64_t done = 0;

    ak_sha256_init(&ctx);
    while (done < frame->bytes) {
        uint64_t left = frame->bytes - done;
        size_t n = left < sizeof(buffer) ? (size_t)left : sizeof(buffer);
        enum ak_code rc = ak_segment_pread(fd, frame->offset + done, buffer, n, err);
        if (rc != AK_OK)
            return rc;
        ak_sha256_update(&ctx, buffer, n);
        done += n;
    }
    ak_sha256_final(&ctx, digest);
    return AK_OK;
}

/* Moves what is left to the front and fills the buffer behind it. */
static enum ak_code refill(struct ak_stream *stream, struct ak_error *err)
{
    size_t keep = stream->len - stream->used;
    size_t n = sizeof(stream->buffer) - keep;
    enum ak_code rc;

    memmove(stream->buffer, stream->buffer + stream->used, keep);
    if (n > stream->unread)
        n = (size_t)stream->unread;
    rc = ak_segment_pread(stream->fd, stream->at, stream->buffer + keep, n, err);
    if (rc != AK_OK)
        return rc;
    ak_sha256_update(&stream->frame, stream->buffer + keep, n);
    if (stream->hashed > 0) {
        size_t of_content = n < stream->hashed ? n : (size_t)stream->hashed;
        ak_sha256_update(&stream->content, stream->buffer + keep, of_content);
        stream->hashed -= of_content;
    }
    if (n < AK_HASH_BYTES)
        memmove(stream->last, stream->last + n, AK_HASH_BYTES - n);
    memcpy(stream->last + (n < AK_HASH_BYTES ? AK_HASH_BYTES - n : 0),
           stream->buffer + keep + (n < AK_HASH_BYTES ? 0 : n - AK_HASH_BYTES),
           n < AK_HASH_BYTES ? n : AK_HASH_BYTES);
    stream->used = 0;
    stream->len = keep + n;
    stream->at += n;
    stream->unread -= n;
    return AK_OK;
}

enum ak_code ak_stream_begin(struct ak_stream *stream, int fd, const struct ak_frame *frame,
                             struct ak_error *err)
{
    uint8_t head[AK_FRAME_HEAD_BYTES];
    size_t n = ak_frame_head(frame);
    enum ak_code rc;

    assert(n == sizeof(head) && frame->content_bytes >= AK_HASH_BYTES);
    stream->fd = fd;
    stream->at = frame->offset + n;
    stream->unread = frame->content_bytes;
    stream->hashed = frame->content_bytes - AK_HASH_BYTES;
    memset(stream->last, 0, sizeof(stream->last));
    stream->used = 0;
    stream->len = 0;
    ak_sha256_init(&stream->frame);
    ak_sha256_init(&stream->content);
    rc = ak_segment_pread(fd, frame->offset, head, n, err);
    if (rc == AK_OK)
        ak_sha256_update(&stream->frame, head, n);
    return rc;
}

enum ak_code ak_stream_take(struct ak_stream *stream, size_t n, const uint8_t **out,
                            struct ak_error *err)
{
    assert(n <= 64);
    if (n > ak_stream_left(stream))
        return ak_fail(err, AK_EMALFORMED, "its content ends too early");
    if (n > stream->len - stream->used) {
        enum ak_code rc = refill(stream, err);
        if (rc != AK_OK)
            return rc;
    }
    *out = stream->buffer + stream->used;
    stream->used += n;
    return AK_OK;
}

enum ak_code ak_stream_end(struct ak_stream *stream, struct ak_hash *frame, struct ak_hash *content,
                           struct ak_hash *last, struct ak_error *err)
{
    stream->used = stream->len;
    while (stream->unread > 0) {
        enum ak_code rc = refill(stream, err);
        if (rc != AK_OK)
            return rc;
        stream->used = stream->len;
    }
    memcpy(last->b, stream->last, AK_HASH_BYTES);
    ak_sha256_final(&stream->frame, frame);
    ak_sha256_final(&stream->content, content);
    return AK_OK;
}
