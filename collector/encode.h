/* encode.h - the one encoder of our frames (docs/format.md 6): plain structs to bytes.
 *
 * Each function appends one whole frame, with its frame header, to a sink of fixed size. Nothing
 * is judged here but what would not be a frame: a sink that is too small or a content over its
 * limit is AK_ELIMIT, numbers that cannot be written in the one encoding are AK_EUSAGE, and then
 * what the sink holds is undefined. The decoder is the verifier's. */
#ifndef AK_ENCODE_H
#define AK_ENCODE_H

#include "batch.h"
#include "positions.h"

#include <akashi/error.h>
#include <akashi/format.h>
#include <akashi/sha256.h>
#include <akashi/tree.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Bytes go to data[len]; `full` is set, and stays, when they do not fit. */
struct ak_sink {
    unsigned char *data; /* borrowed */
    size_t len;
    size_t cap;
    bool full;
};

void ak_sink_bytes(struct ak_sink *sink, const void *data, size_t n);
void ak_sink_uint(struct ak_sink *sink, uint64_t value, unsigned bytes); /* big-endian */
void ak_sink_uint_le(struct ak_sink *sink, uint64_t value, unsigned bytes);
void ak_sink_varint(struct ak_sink *sink, uint64_t value);

/* HEADER (6.2). */
struct ak_encode_header {
    uint64_t first;
    uint64_t opened; /* ns, a multiple of 1000 */
    uint64_t claim;
    struct ak_hash previous;
    const char *origin;           /* at most AK_LOG_ORIGIN_BYTES_MAX bytes */
    const struct ak_range *range; /* [0, first) */
    const void *epoch_note;       /* NULL if and only if first = 0 */
    size_t epoch_note_len;
    const void *checkpoint; /* NULL when none is known */
    size_t checkpoint_len;
};
enum ak_code ak_encode_header(struct ak_sink *sink, const struct ak_encode_header *header,
                              struct ak_error *err);

/* A payload that holds line feeds itself (6.3.2). */
struct ak_encode_lf {
    uint32_t position; /* of the entry in its block */
    uint32_t count;    /* at least 1 */
};

/* A stretch of entries whose payload is not there (6.3.4). */
struct ak_encode_absent {
    uint32_t position; /* of its first entry in the block */
    uint32_t count;
    uint8_t state;
};

/* How the salts of one group are given (6.3.5). */
struct ak_encode_key {
    const uint8_t *group_key; /* 32 bytes, or NULL: then `salts` */
    const uint8_t *salts;
    size_t salts_len;
};

/* COLUMNS (6.3). Lists are in order of positions. */
struct ak_encode_columns {
    uint32_t data_bytes;
    uint32_t text_bytes;
    struct ak_hash data_digest;
    uint64_t first;
    uint32_t count;
    uint8_t form;
    const struct ak_run *run; /* neighbours that could be one are joined while encoding */
    uint32_t run_count;
    const struct ak_encode_lf *lf;
    uint32_t lf_count;
    const uint32_t *group_text; /* for each group touched */
    const struct ak_encode_absent *absent;
    uint32_t absent_count;
    const struct ak_hash *commitment; /* of the absent entries */
    uint32_t commitment_count;
    const struct ak_encode_key *key; /* for each group touched */
    const struct ak_hash *level8;
    uint32_t level8_count;
};

/* Table of the sources of one block; reused, one thread at a time. */
struct ak_encode_table;
struct ak_encode_table *ak_encode_table_new(void); /* NULL without memory */
void ak_encode_table_free(struct ak_encode_table *table);

/* The level-8 hashes are the last 32 * level8_count bytes of the frame. */
enum ak_code ak_encode_columns(struct ak_sink *sink, const struct ak_encode_columns *columns,
                               struct ak_encode_table *table, struct ak_error *err);

/* Groups that entries [first, first + count) touch, and those that end in them. */
uint32_t ak_encode_groups(uint64_t first, uint32_t count);
uint32_t ak_encode_groups_ended(uint64_t first, uint32_t count);

/* MARK (6.5): `range` is [0, size), `digest` over the digests of the frames since the last one. */
enum ak_code ak_encode_mark(struct ak_sink *sink, const struct ak_range *range,
                            const struct ak_hash *digest, struct ak_error *err);

/* NOTE (6.6). */
enum ak_code ak_encode_note(struct ak_sink *sink, const void *note, size_t len,
                            struct ak_error *err);

/* One block as the footer lists it (6.7). */
struct ak_encode_block {
    uint64_t offset; /* of its COLUMNS frame in the file */
    uint64_t first;
    uint64_t received_first; /* of its first entry */
    uint64_t received_last;
    uint32_t count;
    uint16_t clock_run_first;
    uint16_t clock_run_last;
    uint16_t kinds;
};

/* FOOTER (6.7). `frames` is the digest over all frame digests before it. */
struct ak_encode_footer {
    struct ak_hash frames;
    uint64_t first;
    const struct ak_encode_block *block;
    uint32_t block_count;
    const struct ak_hash *level8;
    uint32_t level8_count;
    const struct ak_position *position; /* 256 + sources */
    uint32_t sources;
    const struct ak_range *range; /* [0, end) */
};

/* Length of the frame, so that the caller can make room. */
size_t ak_encode_footer_bytes(const struct ak_encode_footer *footer);
enum ak_code ak_encode_footer(struct ak_sink *sink, const struct ak_encode_footer *footer,
                              struct ak_error *err);

/* Seek table (6.8): sizes of all frames of the file before it; `text` is 0 for frames of ours. */
struct ak_encode_seek {
    uint32_t bytes; /* with the frame header */
    uint32_t text;
};
enum ak_code ak_encode_seek_table(struct ak_sink *sink, const struct ak_encode_seek *frame,
                                  uint32_t count, struct ak_error *err);

#endif
