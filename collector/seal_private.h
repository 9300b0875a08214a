/* seal_private.h - what reading the open segment and writing the sealed one share. */
#ifndef AK_SEAL_PRIVATE_H
#define AK_SEAL_PRIVATE_H

#include "batch.h"
#include "encode.h"
#include "positions.h"
#include "seal.h"
#include "segment_writer.h"
#include "segments.h"

/* The sealed file while it is written: frames go out, what FOOTER and seek table say is gathered.
 * (seal_output.c) */
struct ak_seal_output {
    int fd;
    uint64_t bytes;
    uint64_t synced; /* bytes whose writing out was started */
    struct ak_sha512_ctx sha512;
    struct ak_sha256_ctx frames;  /* over the digests of all frames */
    struct ak_hash frames_digest; /* that, as the FOOTER states it */
    struct ak_encode_seek *seek;
    uint32_t seek_count, seek_cap;
    struct ak_encode_block *block;
    uint32_t block_count, block_cap;
    struct ak_hash *level8;
    uint32_t level8_count, level8_cap;
};

/* Begins an output in a new file; frees it (the file is closed, not removed). */
enum ak_code ak_seal_output_begin(struct ak_seal_output *out, int tmp_fd, const char *name,
                                  struct ak_error *err);
void ak_seal_output_free(struct ak_seal_output *out);

/* Appends one frame. `text_bytes` is 0 but for DATA; `digest` NULL: it is computed. */
enum ak_code ak_seal_output_frame(struct ak_seal_output *out, const void *frame, size_t len,
                                  uint32_t text_bytes, const struct ak_hash *digest,
                                  struct ak_error *err);

/* Notes a block whose COLUMNS frame is the next one to be written. */
enum ak_code ak_seal_output_block(struct ak_seal_output *out, const struct ak_encode_block *block,
                                  const struct ak_hash *level8, uint32_t level8_count,
                                  struct ak_error *err);

/* FOOTER and seek table; the file is synced. */
enum ak_code ak_seal_output_end(struct ak_seal_output *out, uint64_t first,
                                const struct ak_positions *positions, const struct ak_range *range,
                                struct ak_error *err);

struct ak_seal_memory {
    struct ak_block_reader reader;
    struct ak_segment_head head;
    struct ak_batch *batch;
    struct ak_prepare_scratch *scratch;
    const atomic_bool *stop;                                      /* or NULL */
    uint8_t small[AK_FRAME_HEAD_BYTES + AK_NOTE_FRAME_BYTES_MAX]; /* MARK, NOTE */
};

/* Reads the block whose COLUMNS frame the walk gave, and its DATA; it must go on where `range`
 * ends, and its groups are appended to that. AK_EMALFORMED if it does not; codes of
 * ak_block_reader_... (seal.c) */
enum ak_code ak_seal_read_block(struct ak_block_reader *reader, int fd, struct ak_frame_walk *walk,
                                const struct ak_frame *frame, struct ak_range *range,
                                struct ak_error *err);

/* AK_OK, or AK_EBUSY when it is time to give up. */
enum ak_code ak_seal_may_go_on(const struct ak_seal_memory *memory, struct ak_error *err);

/* Whether an entry below index `size` is the manifest of this file (seal_find.c). */
bool ak_seal_told(const struct ak_seal_log *log, struct ak_seal_memory *memory,
                  const struct ak_segment_files *files, size_t me, uint64_t size);

/* Reads the whole of a sealed segment for its manifest (seal_find.c). */
enum ak_code ak_seal_describe(const struct ak_seal_log *log, struct ak_seal_memory *memory,
                              const struct ak_segment_file *file, struct ak_sealed *sealed,
                              struct ak_error *err);

#endif
