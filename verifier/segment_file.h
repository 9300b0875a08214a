/* segment_file.h - reading stretches of a segment's file; for the reader's own files. */
#ifndef AK_SEGMENT_FILE_H
#define AK_SEGMENT_FILE_H

#include <akashi/segment.h>

/* Reads exactly `n` bytes from `offset` on. AK_EIO if they are not there or cannot be read. */
enum ak_code ak_segment_pread(int fd, uint64_t offset, void *out, size_t n, struct ak_error *err);

/* One long frame, read from its first byte to its last, and hashed on the way. */
#define AK_STREAM_BYTES 16384u

struct ak_stream {
    int fd;
    uint64_t at;                  /* offset in the file of what is read next */
    uint64_t unread;              /* bytes of the frame that are not in the buffer yet */
    uint64_t hashed;              /* bytes still to be added to `content` */
    struct ak_sha256_ctx frame;   /* over the whole frame */
    struct ak_sha256_ctx content; /* over the content but its last 32 bytes */
    uint8_t last[AK_HASH_BYTES];  /* the last 32 bytes that were read */
    size_t used;
    size_t len;
    uint8_t buffer[AK_STREAM_BYTES];
};

/* Begins behind the frame header. The frame has content of at least 32 bytes. */
enum ak_code ak_stream_begin(struct ak_stream *stream, int fd, const struct ak_frame *frame,
                             struct ak_error *err);

/* Takes `n` bytes, at most 64; they are there until the next call. AK_EMALFORMED at the end. */
enum ak_code ak_stream_take(struct ak_stream *stream, size_t n, const uint8_t **out,
                            struct ak_error *err);

/* Bytes of the frame that were not taken. */
static inline uint64_t ak_stream_left(const struct ak_stream *stream)
{
    return stream->unread + (stream->len - stream->used);
}

/* Reads what is left and gives H(frame), H(content without its last 32 bytes), and these 32 bytes,
 * whatever was taken. */
enum ak_code ak_stream_end(struct ak_stream *stream, struct ak_hash *frame, struct ak_hash *content,
                           struct ak_hash *last, struct ak_error *err);

#endif
