/* segment_parts.h - segments for tests of the reader: blocks by the collector's own encoder, and
 * beside it what each entry must be, worked out one by one. */
#ifndef SEGMENT_PARTS_H
#define SEGMENT_PARTS_H

#include <akashi/entry.h>
#include <akashi/segment.h>

#include <batch.h>
#include <encode.h>
#include <segment_writer.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PARTS_ORIGIN  "parts.example/00112233445566778899aabbccddeeff"
#define PARTS_FILE    (8u << 20)
#define PARTS_ENTRIES 20000u
#define PARTS_BLOCKS  64u

/* A segment as it grows in memory, with the truth about its entries. */
struct parts {
    unsigned char *file; /* PARTS_FILE bytes */
    struct ak_sink sink;
    uint64_t first;                          /* of the segment */
    uint64_t next;                           /* index behind the last entry */
    struct ak_range range;                   /* [0, next) */
    struct ak_range group;                   /* the leaves since the last multiple of 256 */
    struct ak_hash frames[4 * PARTS_BLOCKS]; /* digests of all frames so far */
    struct ak_encode_seek seek[4 * PARTS_BLOCKS];
    uint32_t frame_count;
    uint32_t marked; /* frames before the last MARK */
    struct ak_encode_block block[PARTS_BLOCKS];
    uint32_t block_count;
    struct ak_hash level8[PARTS_ENTRIES / 256 + 1];
    uint32_t level8_count;
    struct ak_entry entry[PARTS_ENTRIES]; /* by index - first */
    struct ak_hash leaf[PARTS_ENTRIES];
    unsigned char *payload[PARTS_ENTRIES];
    uint32_t payload_len[PARTS_ENTRIES];
    uint64_t seq[512]; /* next number of each source */
    uint64_t now;
    uint8_t form; /* of the blocks that begin; 1 unless the test changes it */
    uint64_t random;
    struct ak_batch *batch;
    struct ak_prepare_scratch *scratch;
};

/* A segment from index `first` on, with its HEADER. Earlier entries are made up as leaves of one
 * value. parts_free at the end. */
struct parts *parts_new(uint64_t first);
void parts_free(struct parts *parts);

uint64_t parts_random(struct parts *parts);

/* Form of the block that is filling, and empty, and of those behind it. */
void parts_form(struct parts *parts, uint8_t form);

/* Adds one entry to the block that is filling; false if it does not fit. */
bool parts_add(struct parts *parts, uint8_t kind, uint32_t source, const void *data, size_t len);

/* Ends the block: COLUMNS and DATA. */
void parts_block(struct parts *parts);

/* `n` records of 0 to `longest` bytes, some with line feeds, of three sources, and the block. */
void parts_records(struct parts *parts, unsigned n, size_t longest);

void parts_mark(struct parts *parts);
void parts_note(struct parts *parts, const char *text);
void parts_footer(struct parts *parts);
void parts_seek_table(struct parts *parts);

/* A file without a name that holds these bytes; close it. */
int parts_memfd(const void *data, size_t n);

#endif
